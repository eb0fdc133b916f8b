// Every shortcut and gesture on one page over the editor.

import { element } from "../page/element.js";
import { icon } from "./icons.js";
import { word } from "../page/words.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("./command_buttons.js").Commands} Commands */

const GROUPS = ["tool", "edit", "brush", "time", "view", "tracks"]; // of command ids
const GESTURES = [
    ...["drag", "pin", "grid", "several", "overlap", "addPoint", "span", "finish", "cross", "nudge"],
    ...["pan", "wheel", "fingers", "menu", "pen", "escape"],
];

export class Help {
    /** @param {Session} session @param {Commands} commands */
    constructor(session, commands) {
        this.session = session;
        this.commands = commands;
        this.shut = element("button", { type: "button", class: "m-button", "aria-label": word("help.close"), title: word("help.close") }, icon("close"));
        const title = word("help.title");
        this.page = element("div", { class: "m-page", role: "dialog", "aria-modal": "true", "aria-label": title });
        this.content = this.#content();
        this.page.append(element("div", { class: "m-page-head" }, element("h2", {}, title), this.shut), this.content);
        this.element = element("div", { class: "m-help", hidden: true }, this.page);
        /** @type {HTMLElement|null} where the keyboard was */
        this.before = null;
    }

    on() {
        this.element.addEventListener("click", this.#click);
        this.element.addEventListener("keydown", this.#key);
    }

    off() {
        this.close();
        this.element.removeEventListener("click", this.#click);
        this.element.removeEventListener("keydown", this.#key);
    }

    get isOpen() {
        return !this.element.hidden;
    }

    open() {
        if (this.isOpen) return;
        this.before = document.activeElement instanceof HTMLElement ? document.activeElement : null;
        this.element.hidden = false;
        this.content.focus({ preventScroll: true });
    }

    close() {
        if (!this.isOpen) return;
        this.element.hidden = true;
        this.before?.focus();
        this.before = null;
    }

    #content() {
        const content = element("div", { class: "m-columns", tabindex: 0 });
        content.append(this.#list(word("help.gestures"), GESTURES.map((name) => [word(`help.${name}.how`), word(`help.${name}.what`)])));
        for (const group of GROUPS) {
            /** @type {[string, string][]} */
            const rows = Object.entries(this.commands)
                .filter(([id, { keys }]) => id.startsWith(`${group}.`) && keys.length)
                .map(([, { keys, label }]) => [keys.join("  "), label]);
            if (rows.length) content.append(this.#list(word(`help.${group}`), rows));
        }
        return content;
    }

    /** @param {string} title @param {string[][]} rows  how, and what it does */
    #list(title, rows) {
        const list = element("dl", {});
        for (const [how, what] of rows) {
            const keys = how.split("  ").map((key) => element("kbd", {}, key));
            list.append(element("div", {}, element("dt", {}, ...keys), element("dd", {}, what)));
        }
        return element("section", {}, element("h3", {}, title), list);
    }

    #click = (/** @type {MouseEvent} */ event) => {
        const target = event.target instanceof Element ? event.target : null;
        if (target === this.element || target?.closest("button")) this.close();
    };

    #key = (/** @type {KeyboardEvent} */ event) => {
        event.stopPropagation(); // the drawing behind it hears nothing
        if (event.key === "Escape" || event.key === "?") this.close();
        else if (event.key === "Tab") (document.activeElement === this.shut ? this.content : this.shut).focus();
        else return; // arrows and page keys scroll
        event.preventDefault();
    };
}
