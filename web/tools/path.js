// Path: click points, a curve goes through them. Every click is a step that can be taken back; Enter, Escape or a double
// click ends the path.

import { added, nextColor, replaced } from "../drawing/drawing.js";
import { insertPoint, nearPicture, rounded } from "../drawing/trajectory.js";
import { moving, placing } from "./select.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("../stage/stage.js").Stage} Stage */
/** @typedef {import("../stage/gestures.js").Press} Press */
/** @typedef {import("../stage/gestures.js").Gesture} Gesture */
/** @typedef {import("../drawing/trajectory.js").Point} Point */

/** @param {Session} session @param {Stage} stage */
export function pathTool(session, stage) {
    /** @type {number|null} index of the path that the next click goes on with */
    let open = null;
    let grew = false; // whether the last press added a point

    /** It is open as long as it is what is selected. */
    const opened = () =>
        open !== null && session.selection.length === 1 && session.selection[0] === open ? session.drawing.trajectories[open] : null;

    /** The drawing with one more point, and where that is. @param {Point} at */
    function grown(at) {
        const { drawing, settings, aspect } = session;
        const path = opened();
        if (path && open !== null) {
            const longer = rounded(insertPoint(path, path.points.length - 1, at, aspect));
            return { drawing: replaced(drawing, open, longer), trajectory: open, point: path.points.length };
        }
        const straight = settings.curve === "straight" ? { curve: settings.curve } : {};
        const first = rounded({ points: [nearPicture(at)], timing: /** @type {const} */ ("steady"), ...straight });
        const color = settings.color || nextColor(drawing);
        return { drawing: added(drawing, [{ ...first, color }]), trajectory: drawing.trajectories.length, point: 0 };
    }

    return {
        cursor: "crosshair",
        /** @param {Point} at */
        addPoint(at) {
            const { drawing, trajectory, point } = grown(at);
            session.commit(drawing);
            session.select([trajectory], point);
            open = trajectory;
        },
        /** @returns {boolean} whether one was open */
        finish() {
            const was = opened() !== null;
            open = null;
            return was;
        },
        /** @param {Press} press @returns {Gesture} */
        begin(press) {
            const held = opened() ? undefined : stage.under(press)[0];
            grew = held?.kind !== "point";
            if (held?.kind === "point") {
                session.select([held.trajectory], held.point ?? null);
                return moving(session, press, held);
            }
            const { drawing, ...place } = grown(press.image);
            const was = open;
            open = place.trajectory;
            const gesture = placing(session, press, drawing, { kind: "point", ...place });
            return {
                ...gesture,
                cancel() {
                    open = was;
                    gesture.cancel?.();
                },
            };
        },
        /** The second click of a double click has added nothing new. */
        twice() {
            if (grew) session.undo();
            open = null;
        },
    };
}
