// The same editor over the whole page, with Done and Cancel. Only while it is open does anything of it lie in the page.

import { element } from "../page/element.js";
import { chordOf, HOST, unreadLater } from "../stage/keyboard.js";
import { word } from "../page/words.js";

/** @typedef {import("../session.js").Session} Session */

const LOOK = 500; // milliseconds between two looks whether the node is still there
const KEPT_HERE = ["keydown", "keyup", "copy", "cut", "paste", "dragover", "drop", "wheel", "contextmenu"];

export class FullScreen {
    /** @param {HTMLElement} surface  what is moved into the dialog and back @param {Session} session */
    constructor(surface, session) {
        this.surface = surface;
        this.session = session;
        /** @type {{dialog: HTMLDialogElement, place: Comment, host: HTMLElement, text: string, focus: Element|null, timer: number}|null} */
        this.shown = null;
    }

    get isOpen() {
        return this.shown !== null;
    }

    on() {}

    /** Closes it; what was drawn stays. */
    off() {
        this.close();
    }

    open() {
        const host = this.surface.parentElement;
        if (this.shown || !host) return;
        const focus = document.activeElement;
        const place = document.createComment("");
        this.surface.before(place);
        const dialog = this.#dialog();
        document.body.append(dialog);
        dialog.querySelector(".m-place")?.append(this.surface);
        dialog.showModal();
        for (const type of KEPT_HERE) dialog.addEventListener(type, this.#keep);
        dialog.addEventListener("keydown", unreadLater, true);
        const timer = window.setInterval(() => host.isConnected || this.close(), LOOK);
        this.shown = { dialog, place, host, text: this.session.text, focus, timer };
        this.#refocus(focus);
        this.session.set({}); // buttons show it
    }

    toggle() {
        if (this.shown) this.leave();
        else this.open();
    }

    /** Back into the node, with what was drawn. */
    close() {
        if (!this.shown) return;
        const { dialog, place, focus, timer } = this.shown;
        this.shown = null; // first: closing the dialog tells of it
        window.clearInterval(timer);
        place.replaceWith(this.surface);
        dialog.close();
        dialog.remove();
        this.#refocus(focus);
        this.session.set({});
    }

    /** Back into the node, with what was there before: one step, which can be undone. */
    cancel() {
        if (!this.shown) return;
        const { text } = this.shown;
        this.session.restore(text);
        this.close();
    }

    /** @returns {HTMLDialogElement} */
    #dialog() {
        const button = (/** @type {string} */ name, /** @type {() => void} */ act, looks = "") => {
            const made = element("button", { type: "button", class: `m-text-button ${looks}` }, word(`fullScreen.${name}`));
            made.addEventListener("click", act);
            return made;
        };
        this.ask = element(
            "div",
            { class: "m-ask", role: "alertdialog", "aria-modal": "true", "aria-label": word("fullScreen.changed"), hidden: true },
            element("p", {}, word("fullScreen.changed")),
            element(
                "div",
                { class: "m-group" },
                button("keep", () => this.close(), "is-first"),
                button("discard", () => this.cancel()),
                button("goOn", () => this.#asking(false)),
            ),
        );
        const dialog = element(
            "dialog",
            { class: "motion-i2v-dialog", "aria-label": word("fullScreen.title") },
            element(
                "div",
                { class: "m-dialog-head" },
                element("h1", {}, word("fullScreen.title")),
                button("cancel", () => this.cancel()),
                button("done", () => this.close(), "is-first"),
            ),
            element("div", { class: "m-place motion-i2v" }),
            this.ask,
        );
        dialog.addEventListener("cancel", (event) => {
            event.preventDefault();
            this.leave();
        });
        dialog.addEventListener("close", () => this.close()); // the browser closed it by itself: nothing is lost
        return dialog;
    }

    /** Escape: straight back if nothing was drawn, else a question. */
    leave() {
        if (!this.shown) return;
        if (this.ask?.hidden === false) this.#asking(false);
        else if (this.session.text === this.shown.text && !this.session.before) this.close();
        else this.#asking(true);
    }

    /** @param {boolean} asking */
    #asking(asking) {
        if (!this.ask || !this.shown) return;
        this.ask.hidden = !asking;
        for (const part of this.shown.dialog.children) {
            if (part !== this.ask && part instanceof HTMLElement) part.inert = asking;
        }
        if (asking) this.ask.querySelector("button")?.focus();
        else this.#refocus(this.shown.focus);
    }

    /** @param {Element|null} focus  where the keyboard was */
    #refocus(focus) {
        const inside = focus && this.surface.contains(focus) ? focus : null;
        for (const target of [inside, this.surface.querySelector("textarea"), this.surface.querySelector("button")]) {
            if (target instanceof HTMLElement) target.focus({ preventScroll: true });
            if (target && target === document.activeElement) return; // what was hidden meanwhile takes no focus
        }
    }

    /** Nothing of it reaches the graph behind. @param {Event} event */
    #keep = (event) => {
        if (event instanceof KeyboardEvent && HOST.includes(chordOf(event))) return;
        event.stopPropagation();
        // A file that nobody took must not make the browser leave the page.
        if (event.type === "dragover" || event.type === "drop") event.preventDefault();
        if (event instanceof KeyboardEvent && event.type === "keydown" && event.key === "Escape") {
            const taken = event.defaultPrevented; // the editor closed something of its own with it
            event.preventDefault(); // else a second Escape closes the dialog unasked
            if (!taken) this.leave();
        }
    };
}
