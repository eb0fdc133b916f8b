// Commands to choose from by name: the menu behind its button, and the menu at the pointer.

import { element, mark } from "../page/element.js";
import { icon } from "./icons.js";
import { word } from "../page/words.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("./command_buttons.js").Commands} Commands */

/** The whole menu, in groups. */
const GROUPS = {
    tracks: ["tracks.paste", "tracks.import", "tracks.copyOwn", "tracks.copyKj", "tracks.copyAti", "tracks.copyWanMove", "tracks.copyLtx"],
    camera: [
        ...["camera.panLeft", "camera.panRight", "camera.panUp", "camera.panDown", "camera.zoomIn", "camera.zoomOut"],
        ...["camera.rotateLeft", "camera.rotateRight", "camera.orbitLeft", "camera.orbitRight"],
    ],
    edit: ["edit.selectAll", "edit.duplicate", "edit.reverse", "edit.delete", "edit.clearTrajectories", "brush.clear"],
    view: ["view.zoomIn", "view.zoomOut", "view.fit", "view.help"],
};
const MARGIN = 4; // CSS pixels from the edge of the editor

export class Menu {
    #pressed = false; // since it opened: the finger whose long press opened it is still to be lifted, which is no choice

    /** @param {Session} session @param {Commands} commands */
    constructor(session, commands) {
        this.session = session;
        this.commands = commands;
        this.element = element("div", { class: "m-menu", role: "menu", hidden: true, tabindex: -1 });
        mark(this.element, "aria-label", word("part.menu"));
        /** @type {HTMLElement|null} the button that opened it */
        this.opener = null;
        /** @type {HTMLElement|null} where the keyboard was */
        this.before = null;
    }

    on() {
        this.element.addEventListener("pointerdown", this.#press);
        this.element.addEventListener("click", this.#click);
        this.element.addEventListener("keydown", this.#key);
        this.element.addEventListener("pointermove", this.#hover);
    }

    off() {
        this.close();
        this.element.removeEventListener("pointerdown", this.#press);
        this.element.removeEventListener("click", this.#click);
        this.element.removeEventListener("keydown", this.#key);
        this.element.removeEventListener("pointermove", this.#hover);
    }

    get isOpen() {
        return !this.element.hidden;
    }

    /** The whole menu under its button; a second time closes it. @param {HTMLElement} button */
    openFrom(button) {
        if (this.isOpen && this.opener === button) {
            this.close();
            return;
        }
        const groups = Object.entries(GROUPS).map(([name, ids]) => {
            const title = word(`menu.${name}`);
            const heading = element("div", { class: "m-heading", role: "presentation" }, title);
            const group = element("div", { class: "m-items", role: "group", "aria-label": title, "data-group": name });
            group.append(heading, ...this.#items(ids));
            return group;
        });
        const { left, bottom } = button.getBoundingClientRect();
        this.#open(groups, left, bottom, button);
    }

    /**
     * A few commands at a place.
     * @param {string[]} ids
     * @param {number} x  of the page, as clientX of a pointer event
     * @param {number} y
     */
    open(ids, x, y) {
        const group = element("div", { class: "m-items", role: "presentation" }, ...this.#items(ids));
        this.#open([group], x, y, null);
    }

    close() {
        if (!this.isOpen) return;
        const inside = this.element.contains(document.activeElement);
        this.element.hidden = true;
        this.element.replaceChildren();
        document.removeEventListener("pointerdown", this.#outside, true);
        document.removeEventListener("wheel", this.#outside, true);
        if (this.opener) mark(this.opener, "aria-expanded", "false");
        if (inside) this.before?.focus();
        this.opener = this.before = null;
    }

    /** @param {string[]} ids */
    #items(ids) {
        return ids.map((id) => {
            const { label, keys, enabled, pressed } = this.commands[id];
            const item = element("button", {
                type: "button",
                class: "m-item",
                role: pressed ? "menuitemcheckbox" : "menuitem",
                "data-command": id,
                tabindex: -1,
                "aria-disabled": enabled() ? false : "true",
                "aria-checked": pressed ? String(pressed()) : false,
            });
            item.append(icon(id), element("span", { class: "m-item-label" }, label));
            if (keys.length) item.append(element("kbd", { "aria-hidden": "true" }, keys[0]));
            return item;
        });
    }

    /** @param {HTMLElement[]} content @param {number} x @param {number} y @param {HTMLElement|null} opener */
    #open(content, x, y, opener) {
        this.close();
        this.#pressed = false;
        this.opener = opener;
        this.before = opener ?? (document.activeElement instanceof HTMLElement ? document.activeElement : null);
        this.element.replaceChildren(...content);
        this.element.hidden = false;
        this.#place(x, y);
        if (opener) mark(opener, "aria-expanded", "true");
        document.addEventListener("pointerdown", this.#outside, true);
        document.addEventListener("wheel", this.#outside, true);
        const first = this.element.querySelector("button");
        (first ?? this.element).focus({ preventScroll: true });
    }

    /** Wholly inside the surface. @param {number} x @param {number} y */
    #place(x, y) {
        const surface = this.element.parentElement;
        if (!surface) return;
        const box = surface.getBoundingClientRect();
        const scale = box.width / surface.offsetWidth || 1; // the graph's zoom
        const { offsetWidth: width, offsetHeight: height } = this.element;
        const within = (/** @type {number} */ at, /** @type {number} */ size, /** @type {number} */ room) =>
            Math.max(MARGIN, Math.min(at, room - size - MARGIN));
        this.element.style.left = `${within((x - box.left) / scale, width, surface.clientWidth)}px`;
        this.element.style.top = `${within((y - box.top) / scale, height, surface.clientHeight)}px`;
    }

    #outside = (/** @type {Event} */ event) => {
        const target = event.target instanceof Node ? event.target : null;
        if (!this.element.contains(target) && !this.opener?.contains(target)) this.close();
    };

    #hover = (/** @type {PointerEvent} */ event) => {
        const item = event.target instanceof Element ? event.target.closest("button") : null;
        if (item && item !== document.activeElement) item.focus({ preventScroll: true });
    };

    #press = () => {
        this.#pressed = true;
    };

    #click = (/** @type {MouseEvent} */ event) => {
        if (event.detail > 0 && !this.#pressed) return; // the keyboard presses nothing
        const item = event.target instanceof Element ? event.target.closest("button") : null;
        const command = this.commands[item?.dataset.command ?? ""];
        if (!command?.enabled()) return;
        this.close(); // first, so that a command may open something and take the keyboard
        command.run();
    };

    #key = (/** @type {KeyboardEvent} */ event) => {
        event.stopPropagation(); // a shortcut of the editor would act behind the open menu
        const items = [...this.element.querySelectorAll("button")];
        const at = items.findIndex((item) => item === document.activeElement);
        const goals = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 };
        if (event.key in goals) {
            const goal = goals[/** @type {keyof goals} */ (event.key)];
            items.at(goal % items.length)?.focus();
            event.preventDefault();
        } else if (event.key === "Escape" || event.key === "Tab") {
            this.close();
            event.preventDefault();
        } else if (event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey) {
            const letter = event.key.toLowerCase();
            const next = [...items.slice(at + 1), ...items.slice(0, at + 1)];
            next.find((item) => item.textContent?.trim().toLowerCase().startsWith(letter))?.focus();
            event.preventDefault();
        }
    };
}
