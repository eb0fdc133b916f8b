// Labelled fields for the row of options. Each tells by `data-field` what it is about; its owner listens.

import { element, write } from "../page/element.js";

/**
 * @typedef {Object} Field
 * @property {HTMLElement} element  the label with the input inside
 * @property {HTMLInputElement|HTMLSelectElement} input
 * @property {(value: string|boolean|null) => void} show  null: the selected ones differ
 */

/**
 * @param {string} name
 * @param {string} label
 * @param {"text"|"number"} kind
 * @param {{min?: number, max?: number, step?: number|"any", unit?: string, width?: string}} [limits]  width in CSS
 * @returns {Field}
 */
export function entry(name, label, kind, { unit = "", width = "4ch", ...limits } = {}) {
    const input = element("input", {
        type: kind,
        "data-field": name,
        class: "m-input",
        autocomplete: "off",
        spellcheck: "false",
        style: `--m-width: ${width}`,
        "aria-label": label, // where there is little room the label is not shown
        ...limits,
    });
    const made = element("label", { class: "m-field" }, element("span", { class: "m-label" }, label), input);
    if (unit) made.append(element("span", { class: "m-unit", "aria-hidden": "true" }, unit));
    let typing = false;
    input.addEventListener("input", () => (typing = true));
    input.addEventListener("change", () => (typing = false));
    return {
        element: made,
        input,
        show(value) {
            if (typing && input === document.activeElement) return; // what is half typed stays
            const text = value === null ? "" : String(value);
            if (input.value !== text) input.value = text;
            if (kind === "number") input.placeholder = value === null ? "–" : "";
        },
    };
}

/**
 * @param {string} name
 * @param {string} label
 * @param {{min: number, max: number, step: number}} limits
 * @param {(value: number) => string} said  the value in words, shown beside it and read out
 * @returns {Field}
 */
export function slider(name, label, limits, said) {
    const input = element("input", { type: "range", "data-field": name, class: "m-range", ...limits });
    const words = element("span", { class: "m-unit m-said", "aria-hidden": "true" });
    const made = element("label", { class: "m-field" }, element("span", { class: "m-label" }, label), input, words);
    return {
        element: made,
        input,
        show(value) {
            if (input.value !== String(value)) input.value = String(value);
            const text = said(Number(input.value));
            write(words, text);
            input.setAttribute("aria-valuetext", text);
        },
    };
}

/** @param {string} name @param {string} label @returns {Field} */
export function tick(name, label) {
    const input = element("input", { type: "checkbox", "data-field": name, class: "m-tick" });
    return {
        element: element("label", { class: "m-field" }, input, element("span", { class: "m-label" }, label)),
        input,
        show(value) {
            input.checked = value === true;
            input.indeterminate = value === null;
        },
    };
}

/**
 * @param {string} name
 * @param {string} label
 * @param {[value: string, label: string][]} choices
 * @returns {Field}
 */
export function choice(name, label, choices) {
    const input = element("select", { "data-field": name, class: "m-select" });
    for (const [value, text] of choices) input.append(element("option", { value }, text));
    return {
        element: element("label", { class: "m-field" }, element("span", { class: "m-label" }, label), input),
        input,
        show(value) {
            if (value === null) input.selectedIndex = -1;
            else if (input.value !== value) input.value = String(value);
        },
    };
}

/** @param {EventTarget|null} target @returns {{name: string, value: string|boolean}|null} what a changed field says */
export function answer(target) {
    if (!(target instanceof HTMLInputElement || target instanceof HTMLSelectElement)) return null;
    const name = target.dataset.field;
    if (!name) return null;
    const ticked = target instanceof HTMLInputElement && target.type === "checkbox";
    return { name, value: ticked ? target.checked : target.value };
}
