// Drag: press on the thing, drag it where it should go. The way is simplified; the timing of the hand is kept if wished.
// A click is a pin.

import { added, nextColor } from "../drawing/drawing.js";
import { isClick, simplified } from "../drawing/freehand.js";
import { nearPicture, rounded, withTiming } from "../drawing/trajectory.js";
import { moving, put } from "./select.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("../stage/stage.js").Stage} Stage */
/** @typedef {import("../stage/gestures.js").Press} Press */
/** @typedef {import("../stage/gestures.js").Gesture} Gesture */

const TOLERANCE = 1.5; // pixels of the screen by which the simplified way may differ from the drawn one

/** @param {Session} session @param {Stage} stage */
export function dragTool(session, stage) {
    return {
        cursor: "crosshair",
        /** @param {Press} press @returns {Gesture} */
        begin(press) {
            const hits = stage.under(press);
            const held = hits.find((hit) => hit.kind === "point" && session.selection.includes(hit.trajectory));
            if (held) {
                session.select([held.trajectory], held.point ?? null);
                return moving(session, press, held);
            }
            const [width, height] = pictureOnScreen(stage, press);
            const color = session.settings.color || nextColor(session.drawing);
            const before = session.drawing;
            /** @type {[number, number, number][]} */
            const samples = [sampleOf(press)];
            return {
                move(presses) {
                    samples.push(...presses.map(sampleOf));
                    if (isClick(samples, [width, height])) return;
                    const points = samples.map(([x, y]) => /** @type {const} */ ([x, y]));
                    session.preview(added(before, [{ points, curve: "straight", color }]));
                },
                end() {
                    session.rollback();
                    if (isClick(samples, [width, height])) {
                        if (hits.length) session.select([hits[0].trajectory], hits[0].point ?? null);
                        else put(session, rounded({ points: [nearPicture(press.image)] }), color);
                        return;
                    }
                    const { handTiming } = session.settings;
                    const paced = handTiming ? samples : atOnePace(samples, [width, height]);
                    const { points, times } = simplified(paced, [width, height], TOLERANCE / Math.max(width, height));
                    const recorded = { points, times, timing: /** @type {const} */ ("hand") };
                    put(session, rounded(handTiming ? recorded : withTiming({ points }, "steady", session.aspect)), color);
                },
            };
        },
    };
}

/** @param {Press} press @returns {[number, number, number]} */
function sampleOf({ image, time }) {
    const [x, y] = nearPicture(image);
    return [x, y, time];
}

/** Its size in pixels of the screen. @param {Stage} stage @param {Press} press @returns {[number, number]} */
function pictureOnScreen(stage, press) {
    const { width, height } = stage.viewport.rect();
    return [width / press.scale, height / press.scale];
}

/**
 * The same way at one speed, so that none of its points is there for the rhythm alone.
 * @param {readonly [number, number, number][]} samples
 * @param {readonly [number, number]} pixels
 * @returns {[number, number, number][]}
 */
function atOnePace(samples, [width, height]) {
    let passed = 0;
    return samples.map(([x, y], i) => {
        const [beforeX, beforeY] = samples[Math.max(0, i - 1)];
        passed += Math.hypot((x - beforeX) * width, (y - beforeY) * height);
        return [x, y, passed];
    });
}
