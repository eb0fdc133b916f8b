// Buttons that run commands: an icon each, named and explained by its command.

import { element, mark } from "../page/element.js";
import { icon } from "./icons.js";

/**
 * @typedef {Object} Command  something the artist can do
 * @property {string} label  in the artist's language
 * @property {string[]} keys  as shown, e.g. "Ctrl+Z"
 * @property {() => void} run
 * @property {() => boolean} enabled
 * @property {() => boolean} [pressed]  of a command that is on or off
 */
/** @typedef {Record<string, Command>} Commands */

/** @param {Command} command @returns {string} its label and first key */
export function hint(command) {
    return command.keys.length ? `${command.label} (${command.keys[0]})` : command.label;
}

/**
 * @param {Commands} commands
 * @param {string} id
 * @param {Record<string, string|number|boolean>} [attributes]
 * @returns {HTMLButtonElement}
 */
export function commandButton(commands, id, attributes = {}) {
    const command = commands[id];
    return element(
        "button",
        {
            type: "button",
            class: "m-button",
            "data-command": id,
            "aria-label": command.label,
            title: hint(command),
            ...attributes,
        },
        icon(id),
    );
}

/** The listeners and the state of all command buttons inside one element. */
export class CommandButtons {
    /** @param {HTMLElement} root @param {Commands} commands */
    constructor(root, commands) {
        this.root = root;
        this.commands = commands;
    }

    on() {
        this.root.addEventListener("click", this.#click);
        this.root.addEventListener("mousedown", this.#press);
    }

    off() {
        this.root.removeEventListener("click", this.#click);
        this.root.removeEventListener("mousedown", this.#press);
    }

    /** Shows what can be done now. Never `disabled`: that would throw the focus out of the editor. */
    refresh() {
        for (const button of this.root.querySelectorAll("[data-command]")) {
            const id = button.getAttribute("data-command") ?? "";
            const command = this.commands[id];
            mark(button, "aria-disabled", command.enabled() ? null : "true");
            if (!command.pressed) continue;
            const state = button.getAttribute("role") === "radio" ? "aria-checked" : "aria-pressed";
            mark(button, state, String(command.pressed()));
        }
    }

    /** @param {MouseEvent} event */
    #click = (event) => {
        const button = event.target instanceof Element ? event.target.closest("[data-command]") : null;
        const command = button && this.commands[button.getAttribute("data-command") ?? ""];
        if (command?.enabled()) command.run();
        this.refresh();
    };

    /** A press with the mouse leaves the keyboard on the drawing, if it was in the editor. @param {MouseEvent} event */
    #press = (event) => {
        const surface = this.root.closest(".motion-i2v-surface");
        const onButton = event.target instanceof Element && event.target.closest("button");
        if (onButton && surface?.contains(document.activeElement)) event.preventDefault();
    };
}
