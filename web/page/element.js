// Elements of the page, said in one expression.

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string|number|boolean>} [attributes]  true is an empty attribute, false is none
 * @param {...(Node|string)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (value !== false) made.setAttribute(name, value === true ? "" : String(value));
    }
    made.append(...children);
    return made;
}

/**
 * Sets an attribute only if it is another: screen readers and style recalculation then hear of real changes alone.
 * @param {Element} target
 * @param {string} name
 * @param {string|null} value  null removes it
 */
export function mark(target, name, value) {
    if (target.getAttribute(name) === value) return;
    if (value === null) target.removeAttribute(name);
    else target.setAttribute(name, value);
}

/** @param {Node} target @param {string} text */
export function write(target, text) {
    if (target.textContent !== text) target.textContent = text;
}

/** @param {HTMLCanvasElement} canvas */
export function context2d(canvas) {
    const context = canvas.getContext("2d");
    if (!context) throw new Error("This browser gives no 2D canvas; the trajectory editor needs one.");
    return context;
}
