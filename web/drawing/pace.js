// When a moving point passes its places: instants, 0…1 of the clip, that rise.

/** @typedef {import("./trajectory.js").Point} Point */
/** @typedef {import("./trajectory.js").Easing} Easing */

export const BRIEFEST = 1e-9; // of the clip; instants closer together are one (as in Python)
const GAP = 1e-6; // of the clip; what we write ourselves is never closer together

/**
 * How much of a motion has passed, 0…1, when the share u, 0…1, of its time has.
 * @param {number} u @param {Easing} [easing]
 */
export function eased(u, easing = "linear") {
    if (easing === "in") return u * u;
    if (easing === "out") return u * (2 - u);
    if (easing === "in_out") return u * u * (3 - 2 * u);
    return u;
}

/** Evenly spread. @param {number} count @param {number} [start] @param {number} [end] @returns {number[]} */
export function evenTimes(count, start = 0, end = 1) {
    if (count === 1) return [start];
    return Array.from({ length: count }, (_, i) => (i === count - 1 ? end : start + (i / (count - 1)) * (end - start)));
}

/**
 * Instants at which an even speed passes the points; where a point repeats, the least time passes.
 * @param {readonly Point[]} points
 * @param {number} start @param {number} end
 * @param {readonly [number, number]} [aspect]  [W, H] of the picture, in any unit: speed is even as it is seen
 * @returns {number[]}
 */
export function steadyTimes(points, start = 0, end = 1, aspect = [1, 1]) {
    const passed = [0];
    for (let i = 1; i < points.length; i += 1) {
        const step = Math.hypot(
            (points[i][0] - points[i - 1][0]) * aspect[0],
            (points[i][1] - points[i - 1][1]) * aspect[1],
        );
        passed.push(passed[i - 1] + step);
    }
    return passed[passed.length - 1] > 0 ? fitted(passed, start, end) : evenTimes(points.length, start, end);
}

/**
 * The same rhythm from start to end, and rising.
 * @param {readonly number[]} times  none lower than the one before
 * @param {number} start @param {number} end
 * @returns {number[]}
 */
export function fitted(times, start, end) {
    const [first, last] = [times[0], times.length - 1];
    const scale = (end - start) / (times[last] - first);
    const result = times.map((time) => start + (time - first) * scale);
    for (let i = 1; i <= last; i += 1) result[i] = Math.max(result[i], result[i - 1] + GAP);
    result[last] = end;
    for (let i = last - 1; i >= 0; i -= 1) result[i] = Math.min(result[i], result[i + 1] - GAP);
    if (result[0] < start - GAP / 2) return evenTimes(times.length, start, end); // too many for so short a span
    result[0] = start;
    return result;
}

/** @param {readonly number[]} times */
export function rises(times) {
    return times.every((time, i) => i === 0 || time - times[i - 1] >= BRIEFEST);
}

/**
 * Written short: with 4 decimals, or as many more as keep them apart. A second time changes nothing.
 * @param {readonly number[]} times @returns {readonly number[]}
 */
export function roundedTimes(times) {
    let result = times;
    for (const decimals of [9, 6, 4]) {
        const scale = 10 ** decimals;
        const shorter = result.map((time) => Math.round(time * scale) / scale + 0);
        if (!rises(shorter)) return result;
        result = shorter;
    }
    return result;
}
