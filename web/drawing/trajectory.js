// What can be done to one trajectory. Nothing given is changed: every edit gives a new one, with all keys of the old.
// Positions are imagePoints, 0…1 of the picture; instants and times are 0…1 of the clip.

import { lineOf, nearestTime, timesOf, visibleOf } from "./course.js";
import { evenTimes, fitted, roundedTimes, steadyTimes } from "./pace.js";

export { isPin, lineOf, nearestOn, positionAt, sampled, seenAt, timesOf } from "./course.js";

/** @typedef {readonly [x: number, y: number]} Point */
/** @typedef {readonly [width: number, height: number]} Aspect  of the picture, in any unit */
/** @typedef {"smooth"|"straight"} Curve */
/** @typedef {"linear"|"in"|"out"|"in_out"} Easing */
/** @typedef {"steady"|"hand"} Timing */

/**
 * @typedef {Object} Trajectory  an entry of the drawing as it is written; what has its default is left out
 * @property {readonly Point[]} points  one alone is a pin
 * @property {readonly number[]} [times]  rising, one a point; absent: evenly spread. It rests before and after them
 * @property {readonly boolean[]} [visible]  one a point; the last false: let go after the end
 * @property {Curve} [curve]
 * @property {Easing} [easing]
 * @property {string} [name]
 * @property {string} [color]  "#rrggbb"
 * @property {Timing} [timing]  what keeps the times: an even speed, or the hand; absent: as given
 * @property {boolean} [locked]  cannot be picked on the canvas
 * @property {boolean} [hidden]  not drawn, moves nothing
 */

/** What a key means when it is left out. @type {Readonly<Record<string, unknown>>} */
export const DEFAULTS = Object.freeze({ curve: "smooth", easing: "linear" });

const BEYOND = 0.5; // of the picture's size: how far outside of it a point may be put
export const SHORTEST = 0.01; // of the clip: the least time from start to end
const STEP = 0.001; // of the clip: the least time between two points that a hand may set
const DECIMALS = 1e5; // of a position: 0.04 pixels of a 4K picture
const SQUARE = /** @type {Aspect} */ ([1, 1]);

/**
 * With another value for one key; a key that says no more than its default is left out.
 * @template {keyof Trajectory} K
 * @param {Trajectory} trajectory @param {K} key @param {Trajectory[K]|null} value
 * @returns {Trajectory}
 */
export function withKey(trajectory, key, value) {
    const { [key]: _, ...others } = trajectory;
    const said = value !== undefined && value !== null && value !== "" && value !== false && value !== DEFAULTS[key];
    return /** @type {Trajectory} */ (said ? { ...others, [key]: value } : others);
}

/**
 * Other points with their times and flags, which are left out where they say nothing; an even speed stays even.
 * @param {Trajectory} trajectory @param {readonly Point[]} points @param {readonly number[]} times
 * @param {readonly boolean[]} visible @param {Aspect} [aspect]
 * @returns {Trajectory}
 */
function redrawn(trajectory, points, times, visible, aspect) {
    const last = points.length - 1;
    const kept = trajectory.timing === "steady" && aspect ? steadyTimes(points, times[0], times[last], aspect) : times;
    const even = evenTimes(points.length);
    const evenly = last === 0 || kept.every((time, i) => Math.abs(time - even[i]) < 1e-9);
    return withKey(
        withKey({ ...trajectory, points }, "times", evenly ? undefined : kept),
        "visible",
        visible.every(Boolean) ? undefined : visible,
    );
}

/** @param {number} value @param {number} low @param {number} high */
function clamp(value, low, high) {
    return Math.min(high, Math.max(low, value));
}

/** As far outside the picture as a point may be put. @param {Point} point @returns {Point} */
export function nearPicture([x, y]) {
    return [clamp(x, -BEYOND, 1 + BEYOND), clamp(y, -BEYOND, 1 + BEYOND)];
}

/**
 * @param {Trajectory} trajectory @param {number} index @param {Point} point @param {Aspect} [aspect]
 * @returns {Trajectory}
 */
export function movePoint(trajectory, index, point, aspect = SQUARE) {
    const points = trajectory.points.map((old, i) => (i === index ? nearPicture(point) : old));
    return redrawn(trajectory, points, timesOf(trajectory), visibleOf(trajectory), aspect);
}

/**
 * As a whole, in its form, as far as it may leave the picture.
 * @param {Trajectory} trajectory @param {number} dx @param {number} dy
 * @returns {Trajectory}
 */
export function moved(trajectory, dx, dy) {
    const { left, top, right, bottom } = lineOf(trajectory).box;
    const [x, y] = [shiftWithin(left, right, dx), shiftWithin(top, bottom, dy)];
    return { ...trajectory, points: trajectory.points.map((point) => [point[0] + x, point[1] + y]) };
}

/**
 * What lies too far outside already (it was imported) may stay there.
 * @param {number} low @param {number} high @param {number} shift
 */
function shiftWithin(low, high, shift) {
    return clamp(shift, Math.min(0, -BEYOND - low), Math.max(0, 1 + BEYOND - high));
}

/**
 * A new point between two, at the time when the curve passes nearest to it; or, for segment -1 and the number of the
 * last point, before the first and after the last: then the others hurry, and start and end stay.
 * @param {Trajectory} trajectory @param {number} segment  number of the point before it
 * @param {Point} point @param {Aspect} [aspect]
 * @returns {Trajectory}
 */
export function insertPoint(trajectory, segment, point, aspect = SQUARE) {
    const [times, visible, last] = [timesOf(trajectory), visibleOf(trajectory), trajectory.points.length - 1];
    const at = segment + 1;
    const points = [...trajectory.points.slice(0, at), nearPicture(point), ...trajectory.points.slice(at)];
    if (last === 0) return redrawn(trajectory, points, evenTimes(2), [visible[0], visible[0]], aspect);
    if (segment >= 0 && segment < last) {
        const time = nearestTime(trajectory, segment, point, aspect);
        const seen = [...visible.slice(0, at), visible[segment], ...visible.slice(at)];
        return redrawn(trajectory, points, [...times.slice(0, at), time, ...times.slice(at)], seen, aspect);
    }
    const [start, end] = spanOf(trajectory);
    const room = (end - start) / (last + 1);
    if (segment < 0) {
        const later = fitted(times, start + room, end);
        return redrawn(trajectory, points, [start, ...later], [visible[0], ...visible], aspect);
    }
    const seen = [...visible.slice(0, -1), visible[last - 1], visible[last]]; // the end alone says what comes after it
    return redrawn(trajectory, points, [...fitted(times, start, end - room), end], seen, aspect);
}

/**
 * Without one point; the others keep their times, start and end stay. The last point cannot go: then it is null.
 * @param {Trajectory} trajectory @param {number} index @param {Aspect} [aspect]
 * @returns {Trajectory|null}
 */
export function removePoint(trajectory, index, aspect = SQUARE) {
    if (trajectory.points.length === 1) return null;
    const rest = (/** @type {number} */ i) => i !== index;
    const points = trajectory.points.filter((_, i) => rest(i));
    const [start, end] = spanOf(trajectory);
    if (points.length === 1) return redrawn(trajectory, points, [0], [true]);
    const times = fitted(timesOf(trajectory).filter((_, i) => rest(i)), start, end);
    const visible = visibleOf(trajectory).filter((_, i) => rest(i));
    visible[visible.length - 1] = holds(trajectory);
    return redrawn(trajectory, points, times, visible, aspect);
}

/**
 * The same way back, within the same start and end; what was fast then slow is slow then fast.
 * @param {Trajectory} trajectory
 * @returns {Trajectory}
 */
export function reversed(trajectory) {
    const [times, visible] = [timesOf(trajectory), visibleOf(trajectory)];
    const last = times.length - 1;
    if (last === 0) return trajectory;
    const mirrored = fitted(times.map((_, i) => -times[last - i]), times[0], times[last]);
    // A flag holds from its point to the next: between points they turn round, the one after the end stays.
    const seen = [...visible.slice(0, -1).reverse(), visible[last]];
    const { easing } = trajectory;
    const back = easing === "in" ? "out" : easing === "out" ? "in" : easing;
    return withKey(redrawn(trajectory, [...trajectory.points].reverse(), mirrored, seen), "easing", back);
}

/**
 * When it sets out and arrives, 0…1 of the clip; a pin is there all the time.
 * @param {Trajectory} trajectory
 * @returns {[start: number, end: number]}
 */
export function spanOf(trajectory) {
    const times = timesOf(trajectory);
    return times.length === 1 ? [0, 1] : [times[0], times[times.length - 1]];
}

/**
 * In the same rhythm from another start to another end.
 * @param {Trajectory} trajectory @param {number} start @param {number} end
 * @returns {Trajectory}
 */
export function withSpan(trajectory, start, end) {
    if (trajectory.points.length === 1) return trajectory;
    const first = clamp(start, 0, 1 - SHORTEST);
    const times = fitted(timesOf(trajectory), first, clamp(end, first + SHORTEST, 1));
    return redrawn(trajectory, trajectory.points, times, visibleOf(trajectory));
}

/**
 * "steady" makes its speed even, undefined lets equal times pass between points, "hand" keeps its times.
 * @param {Trajectory} trajectory @param {Timing|undefined} timing @param {Aspect} [aspect]
 * @returns {Trajectory}
 */
export function withTiming(trajectory, timing, aspect = SQUARE) {
    const timed = withKey(trajectory, "timing", timing);
    const times = timing ? timesOf(trajectory) : evenTimes(trajectory.points.length, ...spanOf(trajectory));
    return redrawn(timed, trajectory.points, times, visibleOf(trajectory), aspect);
}

/**
 * One point at another time, between its neighbours'. A speed set so is no longer even.
 * @param {Trajectory} trajectory @param {number} index @param {number} time
 * @returns {Trajectory}
 */
export function withTime(trajectory, index, time) {
    const times = [...timesOf(trajectory)];
    if (times.length === 1) return trajectory;
    const low = index === 0 ? 0 : times[index - 1] + STEP;
    const high = index === times.length - 1 ? 1 : times[index + 1] - STEP;
    times[index] = low > high ? times[index] : clamp(time, low, high);
    const free = trajectory.timing === "steady" ? withKey(trajectory, "timing", undefined) : trajectory;
    return redrawn(free, trajectory.points, times, visibleOf(trajectory));
}

/** Whether it stays where it arrived until the clip ends; else it is let go there. @param {Trajectory} trajectory */
export function holds(trajectory) {
    return trajectory.points.length === 1 || visibleOf(trajectory)[trajectory.points.length - 1];
}

/** @param {Trajectory} trajectory @param {boolean} hold @returns {Trajectory} */
export function withHold(trajectory, hold) {
    const last = trajectory.points.length - 1;
    if (last === 0 && !hold) return trajectory; // a pin that is let go were none
    const visible = visibleOf(trajectory).map((flag, i) => (i === last ? hold : flag));
    return redrawn(trajectory, trajectory.points, timesOf(trajectory), visible);
}

/**
 * As it is written: positions with 5 decimals, times with 4. A second time changes nothing.
 * @param {Trajectory} trajectory
 * @returns {Trajectory}
 */
export function rounded(trajectory) {
    const short = (/** @type {number} */ value) => Math.round(value * DECIMALS) / DECIMALS + 0; // + 0: never -0
    const points = trajectory.points.map(([x, y]) => /** @type {Point} */ ([short(x), short(y)]));
    const { times } = trajectory;
    return { ...trajectory, points, ...(times && { times: roundedTimes(times) }) };
}
