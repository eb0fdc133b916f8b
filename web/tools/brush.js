// The brushes: paint what may move, paint what holds still, erase both. A pen's pressure is its width, its other end erases.

import { emptyBrush, MOVE, NONE, STILL, Stroke } from "../drawing/brush.js";
import { withBrush } from "../drawing/drawing.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("../stage/stage.js").Stage} Stage */
/** @typedef {import("../stage/gestures.js").Press} Press */
/** @typedef {import("../stage/gestures.js").Gesture} Gesture */

const PAINTS = Object.freeze({ brush: MOVE, still: STILL, eraser: NONE });
const LEAST_PRESSURE = 0.15; // of the width that the lightest touch of a pen still has

/** @param {Session} session @param {Stage} stage @param {keyof typeof PAINTS} name */
export function brushTool(session, stage, name) {
    /** Diameter, of the picture's longer side. @param {Press} press */
    const widthOf = ({ pen, pressure }) => {
        const share = pen && session.settings.pressureSize ? Math.max(LEAST_PRESSURE, pressure) : 1;
        return session.settings.brushSize * share;
    };
    const showCursor = (/** @type {Press} */ press) => {
        const { width, height } = stage.viewport.rect();
        stage.cursor = { kind: "brush", at: press.canvas, radius: (widthOf(press) * Math.max(width, height)) / 2 };
        stage.refresh();
    };
    return {
        cursor: "none",
        /** @param {Press|null} press */
        hover(press) {
            if (press) {
                showCursor({ ...press, pen: false });
            } else {
                stage.cursor = null;
                stage.refresh();
            }
        },
        /** @param {Press} press @returns {Gesture} */
        begin(press) {
            const stroke = new Stroke(session.drawing.brush ?? emptyBrush(stage.viewport.picture));
            const paint = press.eraser ? NONE : PAINTS[name];
            let last = press.image;
            const paintTo = (/** @type {Press} */ to) => {
                stage.paintBrush(stroke.brush, stroke.segment(last, to.image, widthOf(to), paint));
                last = to.image;
            };
            paintTo(press);
            showCursor(press);
            return {
                move(presses) {
                    presses.forEach(paintTo);
                    showCursor(presses[presses.length - 1]);
                },
                end: () => {
                    session.commit(withBrush(session.drawing, stroke.brush));
                    stage.cursor = null; // until the pointer moves again
                },
                cancel: () => stage.forgetStroke(),
            };
        },
    };
}
