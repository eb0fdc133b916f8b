// Select: pick, move, box-select. A press where several lie over each other picks the next one each time.

import { added, replacedMany } from "../drawing/drawing.js";
import { inBox, next } from "../drawing/hits.js";
import { insertPoint, moved, movePoint } from "../drawing/trajectory.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("../stage/stage.js").Stage} Stage */
/** @typedef {import("../stage/gestures.js").Press} Press */
/** @typedef {import("../stage/gestures.js").Gesture} Gesture */
/** @typedef {import("../drawing/hits.js").Hit} Hit */

/** @param {Session} session @param {Stage} stage */
export function selectTool(session, stage) {
    /** @type {{canvas: import("../drawing/trajectory.js").Point, hit: Hit}|null} what the last press met */
    let last = null;
    return {
        cursor: "default",
        /** @param {Press} press @returns {Gesture} */
        begin(press) {
            const hits = stage.under(press);
            if (!hits.length) {
                last = null;
                return boxing(session, stage, press);
            }
            const mine = hits.find((hit) => session.selection.includes(hit.trajectory));
            const hit = mine ?? hits[0];
            if (press.shift) {
                const others = session.selection.filter((index) => index !== hit.trajectory);
                session.select(others.length < session.selection.length ? others : [...others, hit.trajectory]);
            } else if (!mine || hit.kind === "point") {
                session.select(mine && session.selection.length > 1 ? session.selection : [hit.trajectory], hit.point ?? null);
            }
            const again = last && Math.hypot(press.canvas[0] - last.canvas[0], press.canvas[1] - last.canvas[1]) < 4;
            const before = again ? last?.hit ?? null : null;
            return moving(session, press, hit, () => {
                const turn = before && !press.shift ? next(hits, before) : hit;
                if (turn && turn.trajectory !== hit.trajectory) session.select([turn.trajectory], turn.point ?? null);
                last = { canvas: press.canvas, hit: turn ?? hit };
            });
        },
        /** A double click on a line puts a point there. @param {Press} press */
        twice(press) {
            const line = stage.under(press).find((hit) => session.selection.includes(hit.trajectory));
            if (line?.kind !== "line" || line.segment === undefined) return;
            const trajectory = insertPoint(session.drawing.trajectories[line.trajectory], line.segment, press.image, session.aspect);
            session.commit(replacedMany(session.drawing, new Map([[line.trajectory, trajectory]])));
            session.select([line.trajectory], line.segment + 1);
        },
    };
}

/**
 * The pressed point, or the whole selection, follows the pointer.
 * @param {Session} session
 * @param {Press} from
 * @param {Hit} hit
 * @param {() => void} clicked  if it did not move
 * @returns {Gesture}
 */
export function moving(session, from, hit, clicked = () => {}) {
    const before = session.drawing;
    let went = false;
    return {
        move(presses) {
            const to = presses[presses.length - 1];
            const [dx, dy] = [to.image[0] - from.image[0], to.image[1] - from.image[1]];
            if (!session.selection.includes(hit.trajectory)) return; // the press took it out
            went ||= Math.hypot(to.canvas[0] - from.canvas[0], to.canvas[1] - from.canvas[1]) > 2 * from.scale;
            if (!went) return;
            const free = session.selection.filter((index) => !before.trajectories[index].locked);
            const point = hit.kind === "point" && session.selection.length === 1 ? hit.point ?? null : null;
            const edits = free.map((index) => {
                const trajectory = before.trajectories[index];
                if (point === null) return /** @type {const} */ ([index, moved(trajectory, dx, dy)]);
                const [x, y] = trajectory.points[point];
                return /** @type {const} */ ([index, movePoint(trajectory, point, [x + dx, y + dy], session.aspect)]);
            });
            session.preview(replacedMany(before, new Map(edits)));
        },
        end() {
            if (went) session.commit();
            else clicked();
        },
    };
}

/**
 * A new point follows the pointer until it is let go. Only then is it a step: a finger that turns out to be the first of
 * two, or a long one, leaves none.
 * @param {Session} session
 * @param {Press} from
 * @param {import("../drawing/drawing.js").Drawing} drawing  with the point
 * @param {Hit} hit  the point
 * @returns {Gesture}
 */
export function placing(session, from, drawing, hit) {
    const { selection, point } = session;
    session.preview(drawing);
    session.select([hit.trajectory], hit.point ?? null);
    return {
        ...moving(session, from, hit, () => session.commit()),
        cancel: () => session.select(selection, point),
    };
}

/** @param {Session} session @param {Stage} stage @param {Press} from @returns {Gesture} */
function boxing(session, stage, from) {
    const before = from.shift ? session.selection : [];
    if (!from.shift) session.select([]);
    const done = () => {
        stage.cursor = null;
        stage.refresh();
    };
    return {
        move(presses) {
            const to = presses[presses.length - 1];
            stage.cursor = { kind: "box", from: from.canvas, to: to.canvas };
            stage.refresh();
        },
        end(to) {
            done();
            const found = inBox(session.drawing, boxOf(from.image, to.image));
            session.select([...before, ...found.filter((index) => !before.includes(index))]);
        },
        cancel: done,
    };
}

/** @param {readonly [number, number]} a @param {readonly [number, number]} b */
function boxOf(a, b) {
    const [x, y] = [Math.min(a[0], b[0]), Math.min(a[1], b[1])];
    return { x, y, width: Math.abs(b[0] - a[0]), height: Math.abs(b[1] - a[1]) };
}

/**
 * Puts a trajectory on top of the others, in the next colour, and selects it.
 * @param {Session} session
 * @param {import("../drawing/trajectory.js").Trajectory} trajectory
 * @param {string} color
 */
export function put(session, trajectory, color) {
    const index = session.drawing.trajectories.length;
    session.commit(added(session.drawing, [{ ...trajectory, color }]));
    session.select([index]);
}
