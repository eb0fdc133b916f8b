// Pin: what is clicked stays where it is. Shift and a box make a grid of pins.

import { added, nextColor } from "../drawing/drawing.js";
import { nearPicture, rounded } from "../drawing/trajectory.js";
import { moving, placing } from "./select.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("../stage/stage.js").Stage} Stage */
/** @typedef {import("../stage/gestures.js").Press} Press */
/** @typedef {import("../stage/gestures.js").Gesture} Gesture */

const GRID = [4, 3]; // pins across and down
const SMALLEST = 4; // pixels of the screen that a box has at least

/** @param {Session} session @param {Stage} stage */
export function pinTool(session, stage) {
    return {
        cursor: "crosshair",
        /** @param {Press} press @returns {Gesture} */
        begin(press) {
            if (press.shift) return grid(session, stage, press);
            const held = stage.under(press).find((hit) => hit.kind === "point");
            if (held) {
                session.select([held.trajectory], held.point ?? null);
                return moving(session, press, held);
            }
            const { drawing } = session;
            const pin = { ...rounded({ points: [nearPicture(press.image)] }), color: session.settings.color || nextColor(drawing) };
            const hit = /** @type {const} */ ({ kind: "point", trajectory: drawing.trajectories.length, point: 0 });
            return placing(session, press, added(drawing, [pin]), hit);
        },
    };
}

/** @param {Session} session @param {Stage} stage @param {Press} from @returns {Gesture} */
function grid(session, stage, from) {
    const before = session.drawing;
    const color = session.settings.color || nextColor(before);
    const [columns, rows] = GRID;
    const pins = (/** @type {Press} */ to) =>
        Array.from({ length: columns * rows }, (_, i) => {
            const across = (i % columns) / (columns - 1);
            const down = Math.floor(i / columns) / (rows - 1);
            const x = from.image[0] + (to.image[0] - from.image[0]) * across;
            const y = from.image[1] + (to.image[1] - from.image[1]) * down;
            return rounded({ points: [nearPicture([x, y])], color });
        });
    const done = () => {
        stage.cursor = null;
        stage.refresh();
    };
    return {
        move(presses) {
            const to = presses[presses.length - 1];
            stage.cursor = { kind: "box", from: from.canvas, to: to.canvas };
            session.preview(added(before, pins(to)));
        },
        end(to) {
            done();
            if (Math.hypot(to.canvas[0] - from.canvas[0], to.canvas[1] - from.canvas[1]) < SMALLEST * from.scale) {
                session.rollback(); // a click, no box
                return;
            }
            session.commit(added(before, pins(to)));
            session.select(Array.from({ length: columns * rows }, (_, i) => before.trajectories.length + i));
        },
        cancel: done,
    };
}
