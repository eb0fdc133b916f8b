// The brush as it lies over the picture: purple may move, like the paper's; blue holds still. It is painted on the
// brush's own coarse grid, and the page stretches it.

import { MOVE, NONE, STILL } from "../drawing/brush.js";
import { context2d, element } from "../page/element.js";

/** @typedef {import("../drawing/brush.js").Brush} Brush */
/** @typedef {import("../drawing/brush.js").Rect} Rect */

const TINTS = { [MOVE]: [150, 70, 255, 120], [STILL]: [70, 160, 255, 120] };

export class BrushLayer {
    #hard = document.createElement("canvas"); // the paint with hard edges
    #softness = 0; // of the longer side
    /** @type {Brush|null|undefined} what is shown; undefined while a stroke is under way */
    #shown = null;

    constructor() {
        this.element = element("canvas", { class: "m-paint" });
    }

    /** @param {Brush|null} brush */
    show(brush) {
        if (brush === this.#shown) return;
        if (brush) this.paint(brush, { x: 0, y: 0, width: brush.size[0], height: brush.size[1] });
        else this.#resize(1, 1); // which empties them
        this.#shown = brush;
        this.soften();
    }

    /** Follows a stroke under way. @param {Brush} brush @param {Rect} part */
    paint(brush, part) {
        this.#resize(...brush.size);
        this.#shown = undefined;
        this.#softness = brush.softness;
        if (part.width < 1 || part.height < 1) return;
        const context = context2d(this.#hard);
        const pixels = context.createImageData(part.width, part.height);
        for (let y = 0; y < part.height; y += 1) {
            const row = (part.y + y) * brush.size[0] + part.x;
            for (let x = 0; x < part.width; x += 1) {
                const paint = brush.paint[row + x];
                if (paint !== NONE) pixels.data.set(TINTS[/** @type {1|2} */ (paint)], (y * part.width + x) * 4);
            }
        }
        context.putImageData(pixels, part.x, part.y);
    }

    /** Shows what was painted, softened on the coarse grid: a filter of the page would blur every frame anew. */
    soften() {
        const { width, height } = this.element;
        const context = context2d(this.element);
        context.clearRect(0, 0, width, height);
        const blur = this.#softness ? `blur(${this.#softness * Math.max(width, height)}px)` : "none";
        if ("filter" in context) context.filter = blur; // not in every Safari, which shows hard edges
        context.drawImage(this.#hard, 0, 0);
    }

    /** @param {number} width @param {number} height */
    #resize(width, height) {
        for (const canvas of [this.#hard, this.element]) {
            if (canvas.width === width && canvas.height === height) continue;
            canvas.width = width;
            canvas.height = height;
        }
    }
}
