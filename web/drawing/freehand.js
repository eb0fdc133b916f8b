// What a hand drew in one stroke, made a trajectory's few points, with the rhythm of the hand.

/** @typedef {import("./trajectory.js").Point} Point */
/** @typedef {readonly [x: number, y: number, t: number]} Sample  imagePoint, and milliseconds */

const MOST = 59; // points of a stroke, however long
const LATE = 0.02; // of the stroke's time: as bad as being off by the tolerance; a third of a frame of sixteen
const COARSER = 1.25; // the tolerance, each time there are too many points
const CLICK = 4; // CSS pixels

/**
 * @param {readonly Sample[]} samples  at least one
 * @param {readonly [number, number]} aspect  [W, H] of the picture, in any unit
 * @param {number} [tolerance]  how far a line may be off, of the picture's longer side
 * @returns {{points: Point[], times: number[]}} times rise from 0 to 1; a stroke that went nowhere is one point
 */
export function simplified(samples, aspect, tolerance = 0.003) {
    const longer = Math.max(...aspect);
    const moving = withoutRest(samples, [aspect[0] / longer, aspect[1] / longer], tolerance);
    const [first, last] = [moving[0], moving[moving.length - 1]];
    if (moving.length === 1) return { points: [[first[0], first[1]]], times: [0] };
    const duration = last[2] - first[2];
    const shares = moving.map((sample) => (sample[2] - first[2]) / duration);
    shares[shares.length - 1] = 1;
    let kept = [0];
    for (let coarse = tolerance; kept.length === 1 || kept.length > MOST; coarse *= COARSER) {
        const far = coarse / LATE; // the distance that the whole time counts as
        const path = moving.map(([x, y], i) => [(x * aspect[0]) / longer, (y * aspect[1]) / longer, shares[i] * far]);
        kept = bends(path, coarse);
    }
    return { points: kept.map((i) => [moving[i][0], moving[i][1]]), times: kept.map((i) => shares[i]) };
}

/**
 * Rising in time, and without the rest before the hand set out and after it got there; the place of the rest stays.
 * @param {readonly Sample[]} samples @param {readonly [number, number]} scale @param {number} near
 * @returns {Sample[]}
 */
function withoutRest(samples, scale, near) {
    const [first, last] = [samples[0], samples[samples.length - 1]];
    const apart = (/** @type {Sample} */ a, /** @type {Sample} */ b) =>
        Math.hypot((a[0] - b[0]) * scale[0], (a[1] - b[1]) * scale[1]);
    const begin = Math.max(0, samples.findIndex((sample) => apart(sample, first) > near) - 1);
    const end = samples.findLastIndex((sample) => apart(sample, last) > near) + 1;
    if (samples.every((sample) => apart(sample, first) <= near)) return [first];
    /** @type {Sample[]} */
    const moving = [[first[0], first[1], samples[begin][2]]];
    for (const [x, y, t] of [...samples.slice(begin + 1, end), [last[0], last[1], samples[end][2]]]) {
        // Pointer events that come together bear one time: each a hair later, so that no way is lost.
        moving.push([x, y, Math.max(t, moving[moving.length - 1][2] + 0.01)]);
    }
    return moving;
}

/**
 * Douglas and Peucker: the numbers of the points that straight lines between them need, to be no farther off.
 * @param {readonly (readonly number[])[]} path  x, y, z @param {number} tolerance
 */
function bends(path, tolerance) {
    const kept = new Set([0, path.length - 1]);
    const open = [[0, path.length - 1]];
    for (let stretch = open.pop(); stretch; stretch = open.pop()) {
        const [from, to] = stretch;
        let [worst, where] = [tolerance, -1];
        for (let i = from + 1; i < to; i += 1) {
            const distance = offLine(path[i], path[from], path[to]);
            if (distance > worst) [worst, where] = [distance, i];
        }
        if (where < 0) continue;
        kept.add(where);
        open.push([from, where], [where, to]);
    }
    return [...kept].sort((a, b) => a - b);
}

/**
 * From a point to the line between two others.
 * @param {readonly number[]} p @param {readonly number[]} a @param {readonly number[]} b
 */
function offLine(p, a, b) {
    const [bx, by, bz] = [b[0] - a[0], b[1] - a[1], b[2] - a[2]];
    const [px, py, pz] = [p[0] - a[0], p[1] - a[1], p[2] - a[2]];
    const along = (px * bx + py * by + pz * bz) / (bx * bx + by * by + bz * bz || 1);
    const share = Math.min(1, Math.max(0, along));
    return Math.sqrt((px - share * bx) ** 2 + (py - share * by) ** 2 + (pz - share * bz) ** 2);
}

/**
 * Whether a stroke was only a click: it never went away from where it began.
 * @param {readonly Sample[]} samples
 * @param {readonly [number, number]} pixels  CSS pixels in the picture's width and height (viewport.pixelsPerUnit)
 */
export function isClick(samples, pixels) {
    const [x0, y0] = samples[0];
    return samples.every(([x, y]) => Math.hypot((x - x0) * pixels[0], (y - y0) * pixels[1]) < CLICK);
}
