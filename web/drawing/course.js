// The way of one trajectory: where its point is at an instant, and the line it draws. Python samples alike
// (motion_core/types.py); tests/fixtures/trajectories.json holds both to it.

import { between, slopesOf } from "./curve.js";
import { eased, evenTimes } from "./pace.js";

/** @typedef {import("./trajectory.js").Trajectory} Trajectory */
/** @typedef {import("./trajectory.js").Point} Point */
/** @typedef {import("./trajectory.js").Aspect} Aspect */
/** @typedef {{left: number, top: number, right: number, bottom: number}} Box  0…1 of the picture */
/** @typedef {{xy: Float64Array, steps: number, box: Box}} Line  x, y, x, y, …; `steps` pieces for each segment */

const SQUARE = /** @type {Aspect} */ ([1, 1]);

/** @typedef {{times: readonly number[], x: Float64Array|null, y: Float64Array|null}} Course  slopes, if smooth */
/** @type {WeakMap<Trajectory, Course>} */
const courses = new WeakMap();
/** @type {WeakMap<Trajectory, Line>} */
const lines = new WeakMap();

/** @param {Trajectory} trajectory @returns {Course} */
function courseOf(trajectory) {
    let course = courses.get(trajectory);
    if (!course) {
        const { points } = trajectory;
        const times = trajectory.times?.length ? trajectory.times : evenTimes(points.length);
        const smooth = trajectory.curve !== "straight" && points.length > 2; // two points: the same
        const slopes = (/** @type {0|1} */ axis) =>
            smooth ? slopesOf(times, points.map((point) => point[axis])) : null;
        course = { times, x: slopes(0), y: slopes(1) };
        courses.set(trajectory, course);
    }
    return course;
}

/** One a point. @param {Trajectory} trajectory @returns {readonly number[]} */
export function timesOf(trajectory) {
    return courseOf(trajectory).times;
}

/** One a point. @param {Trajectory} trajectory @returns {readonly boolean[]} */
export function visibleOf(trajectory) {
    return trajectory.visible?.length ? trajectory.visible : trajectory.points.map(() => true);
}

/** Whether it never moves. @param {Trajectory} trajectory */
export function isPin({ points }) {
    return points.every(([x, y]) => x === points[0][0] && y === points[0][1]);
}

/**
 * How far along its times it is: held at both ends, eased between them.
 * @param {Trajectory} trajectory @param {number} instant
 */
function passed(trajectory, instant) {
    const { times } = courseOf(trajectory);
    const span = times[times.length - 1] - times[0];
    if (span === 0) return times[0];
    return times[0] + span * eased(Math.min(1, Math.max(0, (instant - times[0]) / span)), trajectory.easing);
}

/**
 * The last point that is reached at `time`, the first before it.
 * @param {readonly number[]} times @param {number} time
 */
function reached(times, time) {
    let [low, high] = [0, times.length];
    while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (times[middle] <= time) low = middle;
        else high = middle;
    }
    return low;
}

/**
 * @param {Trajectory} trajectory @param {number} segment @param {number} time  of its own
 * @returns {[number, number]}
 */
function placeIn(trajectory, segment, time) {
    const { times, x, y } = courseOf(trajectory);
    const [a, b] = [trajectory.points[segment], trajectory.points[segment + 1]];
    const [t0, t1] = [times[segment], times[segment + 1]];
    if (x && y) {
        const place = (/** @type {0|1} */ axis, /** @type {Float64Array} */ slopes) =>
            between(time, t0, t1, a[axis], b[axis], slopes[segment], slopes[segment + 1]);
        return [place(0, x), place(1, y)];
    }
    const u = (time - t0) / (t1 - t0);
    return [a[0] + (b[0] - a[0]) * u, a[1] + (b[1] - a[1]) * u];
}

/**
 * When, of its own times, the curve is nearest to a point within one segment; never quite at its ends.
 * @param {Trajectory} trajectory @param {number} segment @param {Point} point @param {Aspect} [aspect]
 */
export function nearestTime(trajectory, segment, point, aspect = SQUARE) {
    const { times } = courseOf(trajectory);
    const [start, span] = [times[segment], times[segment + 1] - times[segment]];
    const away = (/** @type {number} */ share) => {
        const [x, y] = placeIn(trajectory, segment, start + share * span);
        return Math.hypot((x - point[0]) * aspect[0], (y - point[1]) * aspect[1]);
    };
    let [best, width] = [0.5, 0.48];
    for (let round = 0; round < 4; round += 1, width /= 8) {
        const shares = evenTimes(17, Math.max(0.02, best - width), Math.min(0.98, best + width));
        best = shares.reduce((nearest, share) => (away(share) < away(nearest) ? share : nearest), best);
    }
    return start + best * span;
}

/** Where it is. @param {Trajectory} trajectory @param {number} instant @returns {[number, number]} */
export function positionAt(trajectory, instant) {
    const { points } = trajectory;
    if (points.length === 1) return [points[0][0], points[0][1]];
    const time = passed(trajectory, instant);
    return placeIn(trajectory, Math.min(reached(courseOf(trajectory).times, time), points.length - 2), time);
}

/**
 * Where it is in each frame of the clip.
 * @param {Trajectory} trajectory @param {number} frames
 * @returns {[number, number][]}
 */
export function sampled(trajectory, frames) {
    return evenTimes(frames).map((instant) => positionAt(trajectory, instant));
}

/** Whether it is there to be seen. @param {Trajectory} trajectory @param {number} instant */
export function seenAt(trajectory, instant) {
    // 1e-9, so that rounding does not miss a point that is just reached.
    return visibleOf(trajectory)[reached(courseOf(trajectory).times, passed(trajectory, instant) + 1e-9)];
}

/**
 * The curve as straight pieces, for painting and picking. Kept, as a trajectory never changes.
 * @param {Trajectory} trajectory
 * @returns {Line}
 */
export function lineOf(trajectory) {
    let line = lines.get(trajectory);
    if (line) return line;
    const { points } = trajectory;
    const { times, x: smooth } = courseOf(trajectory);
    const steps = !smooth ? 1 : points.length > 12 ? 8 : 16;
    const xy = new Float64Array(2 * ((points.length - 1) * steps + 1));
    points.slice(0, -1).forEach((_, segment) => {
        for (let step = 0; step < steps; step += 1) {
            const time = times[segment] + (step / steps) * (times[segment + 1] - times[segment]);
            xy.set(placeIn(trajectory, segment, time), 2 * (segment * steps + step));
        }
    });
    xy.set(points[points.length - 1], xy.length - 2);
    const box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
    for (const [x, y] of points) { // the curve is monotone between its points, so it never leaves their box
        [box.left, box.right] = [Math.min(box.left, x), Math.max(box.right, x)];
        [box.top, box.bottom] = [Math.min(box.top, y), Math.max(box.bottom, y)];
    }
    line = { xy, steps, box };
    lines.set(trajectory, line);
    return line;
}

/**
 * The place on the drawn curve that is nearest to a point.
 * @param {Trajectory} trajectory @param {Point} point @param {Aspect} [aspect]
 * @returns {{segment: number, point: [number, number], distance: number}} the distance in the unit of `aspect`
 */
export function nearestOn(trajectory, point, aspect = SQUARE) {
    const { xy, steps } = lineOf(trajectory);
    const [[x, y], [w, h]] = [point, aspect];
    let [best, piece, share] = [((xy[0] - x) * w) ** 2 + ((xy[1] - y) * h) ** 2, 0, 0];
    for (let i = 0; i + 3 < xy.length; i += 2) {
        const dx = (xy[i + 2] - xy[i]) * w;
        const dy = (xy[i + 3] - xy[i + 1]) * h;
        const px = (x - xy[i]) * w;
        const py = (y - xy[i + 1]) * h;
        const along = Math.min(1, Math.max(0, (px * dx + py * dy) / (dx * dx + dy * dy || 1)));
        const squared = (px - along * dx) ** 2 + (py - along * dy) ** 2;
        if (squared < best) {
            best = squared;
            piece = i;
            share = along;
        }
    }
    const to = Math.min(piece + 2, xy.length - 2);
    return {
        segment: Math.floor(piece / 2 / steps),
        point: [xy[piece] + share * (xy[to] - xy[piece]), xy[piece + 1] + share * (xy[to + 1] - xy[piece + 1])],
        distance: Math.sqrt(best),
    };
}
