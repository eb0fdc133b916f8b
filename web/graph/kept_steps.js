// What outlives a node's widget: the host builds every node anew when the graph is undone, when a tab is switched and
// when a workflow is loaded, and the steps of an editor are to be there again.

/** @typedef {import("../drawing/history.js").History} History */
/** @typedef {import("./shown_picture.js").Run} Run */
/** @typedef {{history: History, run: Run|null}} Kept */

const MOST = 50; // nodes

export class KeptSteps {
    /** @type {Map<string, Kept>} the longest unused first */
    #kept = new Map();

    /** @param {string} key  of a workflow's node @param {Kept} kept */
    keep(key, kept) {
        this.#kept.delete(key);
        this.#kept.set(key, kept);
        for (const oldest of [...this.#kept.keys()].slice(0, -MOST)) this.#kept.delete(oldest);
    }

    /**
     * What was kept of this node, its history at this text; nothing if the text is none of its steps, for then it is
     * another drawing.
     * @param {string} key
     * @param {string} text
     * @returns {Kept|null}
     */
    of(key, text) {
        const kept = this.#kept.get(key);
        return kept?.history.knows(text) ? { ...kept, history: kept.history.jumpedTo(text) } : null;
    }
}
