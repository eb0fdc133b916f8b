// Undo and redo: the texts of a drawing, one a step. Immutable, so that a whole history can be kept and taken up again.

export const STEPS = 200; // that can be taken back

export class History {
    #texts;
    #position;

    /**
     * @param {string} text
     * @param {readonly string[]} [texts]  of a known history
     * @param {number} [position]  of the text in it
     */
    constructor(text, texts = [text], position = 0) {
        this.#texts = texts;
        this.#position = position;
    }

    get current() {
        return this.#texts[this.#position];
    }

    /** How many steps can be taken back and forth. */
    get depth() {
        return { past: this.#position, future: this.#texts.length - 1 - this.#position };
    }

    /** A new step; what had been undone is gone. @param {string} text */
    with(text) {
        if (text === this.current) return this;
        const texts = [...this.#texts.slice(0, this.#position + 1), text].slice(-STEPS - 1);
        return new History(text, texts, texts.length - 1);
    }

    /** @returns {History|null} */
    undone() {
        return this.#at(this.#position - 1);
    }

    /** @returns {History|null} */
    redone() {
        return this.#at(this.#position + 1);
    }

    /**
     * A text from outside: the nearest step that is it, keeping all others; or else a new step.
     * @param {string} text
     */
    jumpedTo(text) {
        for (let away = 0; away < this.#texts.length; away += 1) {
            for (const position of [this.#position - away, this.#position + away]) {
                if (this.#texts[position] === text) return this.#at(position) ?? this;
            }
        }
        return this.with(text);
    }

    /** Whether the text is one of its steps. @param {string} text */
    knows(text) {
        return this.#texts.includes(text);
    }

    /** @param {number} position @returns {History|null} */
    #at(position) {
        if (position < 0 || position >= this.#texts.length) return null;
        return position === this.#position ? this : new History(this.#texts[position], this.#texts, position);
    }
}
