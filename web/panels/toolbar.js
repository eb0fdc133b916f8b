// The strip of tools at the left, and the bar above the picture.

import { CommandButtons, commandButton } from "./command_buttons.js";
import { element, mark } from "../page/element.js";
import { icon } from "./icons.js";
import { Refresh } from "./refresh.js";
import { word } from "../page/words.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("./command_buttons.js").Commands} Commands */
/** @typedef {import("./menu.js").Menu} Menu */

const TOOLS = ["select", "drag", "path", "pin", "brush", "still", "eraser"];
const BAR = [
    ["edit.undo", "edit.redo"],
    ["view.zoomOut", "view.fit", "view.zoomIn"],
    ["menu", "view.list", "view.help", "view.fullScreen"],
];

/** One row of buttons: one stop of the Tab key, arrow keys inside. */
class Bar {
    /** @param {Session} session @param {Commands} commands @param {HTMLElement} bar */
    constructor(session, commands, bar) {
        this.element = bar;
        this.buttons = new CommandButtons(bar, commands);
        this.refresh = new Refresh(
            session,
            ["committed", "drawing", "selection", "tool", "picture", "settings"],
            () => this.render(),
        );
    }

    on() {
        this.buttons.on();
        this.element.addEventListener("keydown", this.#key);
        this.element.addEventListener("focusin", this.#focus);
        this.refresh.on();
    }

    off() {
        this.buttons.off();
        this.element.removeEventListener("keydown", this.#key);
        this.element.removeEventListener("focusin", this.#focus);
        this.refresh.off();
    }

    render() {
        this.buttons.refresh();
        const chosen = this.element.querySelector("[aria-checked=true]");
        if (chosen && !this.element.contains(document.activeElement)) this.#stopAt(chosen);
    }

    /** @param {Element|null} chosen  the button that the Tab key reaches */
    #stopAt(chosen) {
        for (const button of this.element.querySelectorAll("button")) {
            mark(button, "tabindex", button === chosen ? "0" : "-1");
        }
    }

    /** @param {FocusEvent} event */
    #focus = (event) => {
        if (event.target instanceof HTMLButtonElement) this.#stopAt(event.target);
    };

    /** @param {KeyboardEvent} event */
    #key = (event) => {
        const shown = [...this.element.querySelectorAll("button")].filter((button) => button.offsetParent);
        const at = shown.findIndex((button) => button === document.activeElement);
        const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, Home: -at, End: -1 - at };
        if (at < 0 || !(event.key in steps)) return;
        const step = steps[/** @type {keyof steps} */ (event.key)];
        shown.at((at + step) % shown.length)?.focus();
        event.preventDefault();
        event.stopPropagation();
    };
}

/** The seven tools. */
export class Toolbar extends Bar {
    /** @param {Session} session @param {Commands} commands */
    constructor(session, commands) {
        const tools = element("div", { role: "radiogroup", "aria-label": word("part.tools"), class: "m-group" });
        for (const tool of TOOLS) {
            if (tool === "brush") tools.append(element("span", { class: "m-rule", role: "presentation" }));
            const first = tool === "drag";
            tools.append(commandButton(commands, `tool.${tool}`, { role: "radio", tabindex: first ? 0 : -1 }));
        }
        const strip = element("div", {
            class: "m-strip",
            role: "toolbar",
            "aria-label": word("part.tools"),
            "aria-orientation": "vertical",
        });
        strip.append(tools);
        super(session, commands, strip);
    }
}

/** Steps, zoom, and what can be opened. */
export class TopBar extends Bar {
    /** @param {Session} session @param {Commands} commands @param {Menu} menu */
    constructor(session, commands, menu) {
        const more = element(
            "button",
            {
                type: "button",
                class: "m-button",
                "data-part": "menu",
                "aria-label": word("part.menu"),
                title: word("part.menu"),
                "aria-haspopup": "menu",
                "aria-expanded": "false",
                tabindex: -1,
            },
            icon("menu"),
        );
        const bar = element("div", { class: "m-bar", role: "toolbar", "aria-label": word("part.bar") });
        for (const ids of BAR) {
            const group = element("div", { class: "m-group" });
            for (const id of ids) {
                const stop = id === "edit.undo" ? 0 : -1;
                group.append(id === "menu" ? more : commandButton(commands, id, { tabindex: stop }));
            }
            bar.append(group);
        }
        super(session, commands, bar);
        this.menu = menu;
        this.more = more;
    }

    on() {
        super.on();
        this.more.addEventListener("click", this.#open);
    }

    off() {
        super.off();
        this.more.removeEventListener("click", this.#open);
    }

    #open = () => {
        this.menu.openFrom(this.more);
    };
}
