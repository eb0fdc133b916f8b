// When the selected trajectories set out and arrive, taken together: it is pulled at its ends and moved as a whole.

import { isPin, SHORTEST, spanOf, withSpan } from "./trajectory.js";

/** @typedef {import("./trajectory.js").Trajectory} Trajectory */
/** @typedef {readonly [start: number, end: number]} Span  instants, 0…1 of the clip */
/** @typedef {"start"|"end"|"whole"} Part  what of it is pulled */

/**
 * From the first that sets out to the last that arrives.
 * @param {readonly Trajectory[]} trajectories
 * @returns {Span|null} null if nothing moves
 */
export function spanOfAll(trajectories) {
    const spans = trajectories.filter((one) => !isPin(one)).map(spanOf);
    if (!spans.length) return null;
    return [Math.min(...spans.map(([start]) => start)), Math.max(...spans.map(([, end]) => end))];
}

/**
 * Pulled by some time: an end to the nearest frame, and a frame away from the other at least; the whole by whole frames,
 * as far as the clip goes.
 * @param {Span} span @param {Part} part @param {number} by  of the clip @param {number} frames
 * @returns {Span}
 */
export function pulled([start, end], part, by, frames) {
    if (by === 0) return [start, end];
    const count = Math.max(1, frames - 1);
    const onFrame = (/** @type {number} */ time) => Math.round(time * count) / count;
    if (part === "whole") {
        const shift = Math.min(1 - end, Math.max(-start, onFrame(by)));
        return [start + shift, end + shift];
    }
    const least = Math.min(end - start, Math.max(SHORTEST, 1 / count));
    if (part === "start") return [Math.min(end - least, Math.max(0, onFrame(start + by))), end];
    return [start, Math.max(start + least, Math.min(1, onFrame(end + by)))];
}

/**
 * One of several, whose common span became another: it keeps its share of it. What does not move has no time.
 * @param {Trajectory} trajectory @param {Span} from @param {Span} to
 * @returns {Trajectory}
 */
export function respanned(trajectory, from, to) {
    if (isPin(trajectory)) return trajectory;
    const scale = (to[1] - to[0]) / (from[1] - from[0]);
    const [start, end] = spanOf(trajectory).map((time) => to[0] + (time - from[0]) * scale);
    return withSpan(trajectory, start, end);
}
