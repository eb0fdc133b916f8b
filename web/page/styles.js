// The editor's looks: a style sheet for each of its parts, in the head of the page once for all editors.

import { element } from "./element.js";

/** Of two rules that are equally specific, that of the later one holds. */
const SHEETS = ["colours", "frame", "stage", "controls", "timeline", "list", "menu", "help", "full_screen", "room"];

/** Asks for all at once. @returns {Promise<unknown>} that they are there, or cannot be had */
export function styled() {
    const there = [...document.head.querySelectorAll("link")];
    return Promise.all(
        SHEETS.map((name) => {
            const { href } = new URL(`../styles/${name}.css`, import.meta.url);
            const link = there.find((one) => one.href === href) ?? element("link", { rel: "stylesheet", href });
            if (!link.isConnected) document.head.append(link);
            return link.sheet ? null : arrived(link);
        }),
    );
}

/** What cannot be had now is asked for again by the next editor. @param {HTMLLinkElement} link */
function arrived(link) {
    return new Promise((resolve) => {
        link.addEventListener("load", resolve, { once: true });
        link.addEventListener("error", () => resolve(link.remove()), { once: true });
    });
}
