// What can be set while a brush is held.

import { SOFTEST, softened } from "../drawing/brush.js";
import { commandButton } from "./command_buttons.js";
import { withBrush } from "../drawing/drawing.js";
import { element } from "../page/element.js";
import { slider, tick } from "./field.js";
import { word } from "../page/words.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("../drawing/drawing.js").Drawing} Drawing */
/** @typedef {import("./command_buttons.js").Commands} Commands */

const SMALLEST = 0.005; // diameter, of the picture's longer side
const LARGEST = 0.5;
const NOTCHES = 100; // of the size slider: each makes the brush larger by the same ratio

/** @param {number} size @returns {number} 0…NOTCHES */
function notchOf(size) {
    return (NOTCHES * Math.log(size / SMALLEST)) / Math.log(LARGEST / SMALLEST);
}

/** @param {number} notch @returns {number} */
function sizeOf(notch) {
    return SMALLEST * (LARGEST / SMALLEST) ** (notch / NOTCHES);
}

/** @param {number} share 0…1 */
function percent(share) {
    return `${share < 0.1 ? (share * 100).toFixed(1) : Math.round(share * 100)} %`;
}

export class BrushOptions {
    #held = false; // the slider, with a preview of it

    /** @param {Session} session @param {Commands} commands */
    constructor(session, commands) {
        this.session = session;
        this.size = slider("brushSize", word("option.brushSize"), { min: 0, max: NOTCHES, step: 1 }, (notch) =>
            percent(sizeOf(notch)),
        );
        this.softness = slider("softness", word("option.softness"), { min: 0, max: SOFTEST, step: 0.005 }, percent);
        this.pressure = tick("pressureSize", word("option.pressureSize"));
        const actions = ["brush.fill", "brush.invert", "brush.clear"];
        this.element = element(
            "div",
            { class: "m-section", role: "group", "aria-label": word("part.brush") },
            this.size.element,
            this.softness.element,
            this.pressure.element,
            element("div", { class: "m-group" }, ...actions.map((id) => commandButton(commands, id))),
        );
    }

    render() {
        const { settings, drawing } = this.session;
        if (settings.brushSize !== sizeOf(Number(this.size.input.value))) {
            this.size.show(String(Math.round(notchOf(settings.brushSize))));
        }
        this.softness.show(String(drawing.brush?.softness ?? 0));
        this.softness.input.disabled = !drawing.brush;
        this.pressure.show(settings.pressureSize);
    }

    /**
     * @param {string} name
     * @param {string|boolean} value
     * @param {boolean} done  false while a slider is still held
     */
    change(name, value, done) {
        if (name === "brushSize") this.session.set({ brushSize: sizeOf(Number(value)) });
        if (name === "pressureSize") this.session.set({ pressureSize: value === true });
        if (name === "softness") this.#soften(Number(value), done);
    }

    /** @param {number} softness @param {boolean} done */
    #soften(softness, done) {
        const { drawing } = this.session;
        if (!drawing.brush) return;
        const softer = withBrush(drawing, softened(drawing.brush, softness));
        this.#held = !done;
        if (done) this.session.commit(softer);
        else this.session.preview(softer);
    }

    /** A slider that was brought back to where it began tells of no change: what it previewed ends here. */
    settle() {
        if (this.#held) this.session.commit();
        this.#held = false;
    }
}
