// Tracks in and out of the editor: the clipboard, pasted texts and dropped files.

import { trajectoriesFrom } from "../tracks/coordinates.js";
import { added, PALETTE } from "../drawing/drawing.js";
import { tracksFromFile } from "../tracks/track_file.js";
import { word } from "../page/words.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("../tracks/coordinates.js").Imported} Imported */

const FILES = ".json,.txt,.csv,.npy,.npz";

export class Clipboard {
    /**
     * @param {HTMLElement} surface  of the editor
     * @param {HTMLElement} sink  what has the focus while the drawing has it
     * @param {Session} session
     * @param {() => string} copied  what is copied; an Error says why nothing can be
     */
    constructor(surface, sink, session, copied) {
        this.surface = surface;
        this.sink = sink;
        this.session = session;
        this.copied = copied;
        /** @type {[keyof HTMLElementEventMap, (event: any) => void][]} */
        this.listeners = [
            ["copy", this.#copy],
            ["cut", this.#copy],
            ["paste", this.#paste],
            ["dragover", this.#over],
            ["drop", this.#drop],
        ];
    }

    on() {
        for (const [name, listener] of this.listeners) this.surface.addEventListener(name, listener);
    }

    off() {
        for (const [name, listener] of this.listeners) this.surface.removeEventListener(name, listener);
    }

    /**
     * From a menu. Pages that are not served over https or by this machine have only the old way.
     * @param {() => string} copied  an Error says why it cannot be
     */
    async write(copied) {
        try {
            await this.#put(copied());
            this.session.say(word("status.copied"));
        } catch (error) {
            this.#complain(error);
        }
    }

    /** @param {string} text */
    async #put(text) {
        if (navigator.clipboard?.writeText) {
            await navigator.clipboard.writeText(text);
        } else {
            const field = document.createElement("textarea");
            field.value = text;
            this.surface.append(field);
            field.select();
            document.execCommand("copy");
            field.remove();
            this.sink.focus({ preventScroll: true });
        }
    }

    /** From a menu. Browsers that let no page read the clipboard leave it to the keys. */
    async read() {
        try {
            this.take(await navigator.clipboard.readText());
        } catch {
            this.session.say(word("status.pasteKeys"));
            this.sink.focus({ preventScroll: true });
        }
    }

    /** Asks for a file. */
    pick() {
        const input = document.createElement("input");
        input.type = "file";
        input.accept = FILES;
        input.addEventListener("change", () => input.files?.[0] && this.#takeFile(input.files[0]));
        input.click();
    }

    /** @param {string} text */
    take(text) {
        this.#attempt(() => this.#add(trajectoriesFrom(text, this.#picture)));
    }

    /** @returns {{size: import("../tracks/coordinates.js").Size|null}} */
    get #picture() {
        return { size: this.session.picture ? this.session.aspect : null };
    }

    /** @param {File} file */
    async #takeFile(file) {
        try {
            const found = await tracksFromFile(file.name, await file.arrayBuffer(), this.#picture);
            this.#add(found);
        } catch (error) {
            this.#complain(error);
        }
    }

    /** On top of what is drawn; a brush only where there is none, and all of a drawing where nothing is drawn. @param {Imported} found */
    #add({ trajectories, notes, drawing }) {
        const { session } = this;
        const first = session.drawing.trajectories.length;
        const colors = PALETTE.slice(0, -1);
        const colored = trajectories.map((one, index) => ({ color: colors[(first + index) % colors.length], ...one }));
        const both = added(session.drawing, colored);
        const clip = drawing && session.text === "" ? { ...drawing, trajectories: both.trajectories } : both;
        const unpainted = !both.brush?.paint.some(Boolean);
        const next = drawing?.brush && unpainted ? { ...clip, brush: drawing.brush } : clip;
        session.commit(next);
        session.select(trajectories.map((_, index) => first + index));
        session.say(notes.join(" ") || word("status.pasted", { count: trajectories.length }));
    }

    /** @param {() => void} act */
    #attempt(act) {
        try {
            act();
        } catch (error) {
            this.#complain(error);
        }
    }

    /** @param {unknown} error */
    #complain(error) {
        this.session.say(error instanceof Error ? error.message : String(error));
    }

    #copy = (/** @type {ClipboardEvent} */ event) => {
        event.stopPropagation();
        if (event.target !== this.sink) return;
        event.preventDefault();
        this.#attempt(() => {
            event.clipboardData?.setData("text/plain", this.copied());
            this.session.say(word("status.copied"));
        });
    };

    #paste = (/** @type {ClipboardEvent} */ event) => {
        event.stopPropagation();
        if (event.target !== this.sink) return;
        event.preventDefault();
        const file = event.clipboardData?.files[0];
        const text = event.clipboardData?.getData("text/plain");
        if (text) this.take(text);
        else if (file) this.#takeFile(file);
    };

    #over = (/** @type {DragEvent} */ event) => {
        if (!isOurs(event)) return;
        event.preventDefault();
        event.stopPropagation();
    };

    #drop = (/** @type {DragEvent} */ event) => {
        if (!isOurs(event)) return;
        event.preventDefault();
        event.stopPropagation();
        const file = event.dataTransfer?.files[0];
        if (file) this.#takeFile(file);
    };
}

/** Pictures and workflows are ComfyUI's to take. @param {DragEvent} event */
function isOurs(event) {
    const item = event.dataTransfer?.items[0];
    return item?.kind === "file" && !item.type.startsWith("image/") && !item.type.startsWith("video/");
}
