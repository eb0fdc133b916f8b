// A track sampled frame by frame, as a trajectory of few points that can be edited: the fewest that keep the motion.

import { positionAt } from "../drawing/trajectory.js";

/** @typedef {import("../drawing/trajectory.js").Trajectory} Trajectory */
/** @typedef {readonly [number, number]} Point */

/**
 * @typedef {Object} Samples
 * @property {readonly Point[]} points  0…1 of the picture, all finite
 * @property {readonly number[]} times  rising, 0…1 of the clip
 * @property {readonly boolean[]} seen
 * @property {readonly [number, number]} picture  its width and height in pixels
 * @property {number} tolerance  pixels that the trajectory may be off at a sample that is seen
 */

/** @typedef {{points: Point[], times: number[]}} Kept */
/** @typedef {"smooth"|"straight"} Curve */

// What a drawing keeps of a number; the fit is made with the kept ones.
const PLACES = 1e5;
const INSTANTS = 1e4;

/**
 * The points among the samples through which a curve stays within the tolerance; one point alone if nothing moves.
 * Rest at the beginning and the end becomes a later start and an earlier end.
 * @param {Samples} samples
 * @returns {Trajectory}
 */
export function fewPoints(samples) {
    const { points, seen, picture, tolerance } = samples;
    const rests = points.every((point) => apart(point, points[0], picture) <= tolerance);
    if (rests && !seen.includes(false)) return { points: [roundedPoint(points[0])] };
    const still = rests ? { ...samples, points: points.map(() => points[0]) } : samples;
    const kept = asKept(still);
    const needed = neededIn(still);
    const straight = grown(still, kept, needed, "straight", Infinity);
    // A track that trembles needs nearly all of its samples; to look for a smooth curve through them takes long.
    const trembles = straight.length > 0.8 * points.length;
    const smooth = trembles && straight.length > 2 ? [] : grown(still, kept, needed, "smooth", straight.length);
    const best = smooth.length ? smooth : straight;
    const trajectory = through(kept, best, smooth.length ? "smooth" : "straight");
    const visible = best.map((index) => seen[index]);
    return visible.includes(false) ? { ...trajectory, visible } : trajectory;
}

/** The samples as a drawing keeps them. @param {Samples} samples @returns {Kept} */
function asKept({ points, times, seen }) {
    return {
        points: points.map(roundedPoint),
        times: times.map((time, i) => {
            // Rounded upwards, a thing would come or go a frame too late.
            const changes = i > 0 && seen[i] !== seen[i - 1];
            return (changes ? Math.floor(time * INSTANTS + 1e-6) : Math.round(time * INSTANTS)) / INSTANTS;
        }),
    };
}

/**
 * Where the motion begins and ends, and where the thing comes and goes.
 * @param {Samples} samples @returns {number[]}
 */
function neededIn({ points, seen }) {
    let first = 0;
    let last = points.length - 1;
    const same = (/** @type {number} */ i, /** @type {number} */ j) =>
        seen[i] && seen[j] && points[i][0] === points[j][0] && points[i][1] === points[j][1];
    while (first < last && same(first, first + 1)) first += 1;
    while (first < last && same(last, last - 1)) last -= 1;
    while (first < last && !seen[last] && !seen[last - 1]) last -= 1;
    const needed = [];
    for (let i = first; i <= last; i += 1) {
        if (i === first || i === last || seen[i] !== seen[i - 1]) needed.push(i);
    }
    return needed;
}

/**
 * The needed samples and as few others as keep the curve near all of them.
 * @param {Samples} samples @param {Kept} kept @param {readonly number[]} needed @param {Curve} curve
 * @param {number} most  more of them are not looked for
 * @returns {number[]} rising; empty if more than `most` are needed
 */
function grown(samples, kept, needed, curve, most) {
    let chosen = [...needed];
    for (;;) {
        const more = worstBetween(samples, kept, chosen, curve);
        if (!more.length) break;
        chosen = [...chosen, ...more].sort((a, b) => a - b);
        if (chosen.length > 2 * most) return [];
    }
    const fixed = new Set(needed);
    for (let k = chosen.length - 2; k > 0; k -= 1) {
        if (fixed.has(chosen[k])) continue;
        const without = chosen.toSpliced(k, 1);
        // A point bends the curve as far as its second neighbours.
        if (!worstBetween(samples, kept, without, curve, k - 3, k + 2).length) chosen = without;
    }
    return chosen.length > most ? [] : chosen;
}

/**
 * Between each two chosen samples the one that the curve misses most, if it is beyond the tolerance.
 * @param {Samples} samples @param {Kept} kept @param {readonly number[]} chosen @param {Curve} curve
 * @param {number} [first] @param {number} [end]  only between these of the chosen
 * @returns {number[]}
 */
function worstBetween(samples, kept, chosen, curve, first = 0, end = chosen.length - 1) {
    const { points, times, seen, picture, tolerance } = samples;
    const trajectory = through(kept, chosen, curve);
    const worst = [];
    for (let k = Math.max(0, first); k < Math.min(end, chosen.length - 1); k += 1) {
        let index = -1;
        let most = tolerance + Math.max(...picture) / PLACES; // what rounding its points may add
        for (let i = chosen[k] + 1; i < chosen[k + 1]; i += 1) {
            if (!seen[i] || isNear(times, i, chosen[k]) || isNear(times, i, chosen[k + 1])) continue;
            const off = apart(points[i], positionAt(trajectory, times[i]), picture);
            if (off > most) [index, most] = [i, off];
        }
        if (index >= 0) worst.push(index);
    }
    return worst;
}

/** @param {Kept} kept @param {readonly number[]} chosen @param {Curve} curve @returns {Trajectory} */
function through({ points, times }, chosen, curve) {
    return { points: chosen.map((index) => points[index]), times: chosen.map((index) => times[index]), curve };
}

/**
 * Whether two samples would be kept with the same time.
 * @param {readonly number[]} times @param {number} i @param {number} j
 */
function isNear(times, i, j) {
    return Math.abs(times[i] - times[j]) < 2 / INSTANTS;
}

/** @param {Point} point @returns {Point} */
function roundedPoint([x, y]) {
    return [Math.round(x * PLACES) / PLACES, Math.round(y * PLACES) / PLACES];
}

/** In pixels. @param {Point} a @param {Point} b @param {readonly [number, number]} picture */
function apart(a, b, picture) {
    return Math.hypot((a[0] - b[0]) * picture[0], (a[1] - b[1]) * picture[1]);
}
