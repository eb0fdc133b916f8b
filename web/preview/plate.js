// The background plate: the small copy of the picture with the things that move filled from their surroundings, so that
// no ghost of a thing stays behind where it left.

import { clamp } from "./lattice.js";

/** @typedef {import("./colours.js").Pixels} Pixels */

const AROUND = 2; // pixels around a thing that are filled too: its blended rim
const FAINT = 0.004; // weight of a hidden pixel where hardly anything else is known

/**
 * @param {Pixels} pixels
 * @param {readonly Float32Array[]} extents  [pixels] how surely each pixel belongs to a thing that moves, 0…1
 * @returns {Uint8ClampedArray} RGBA, filled; A says where: 0 where the picture itself is right
 */
export function plateOf({ data, width, height }, extents) {
    const hidden = new Float32Array(width * height);
    for (const extent of extents) extent.forEach((value, pixel) => (hidden[pixel] = Math.max(hidden[pixel], value)));
    const hole = widened(hidden.map((value) => (value > 0.3 ? 1 : 0)), width, height);
    const known = hole.reduce((sum, value) => sum + 1 - value, 0) / hole.length;
    const level = new Float32Array(width * height * 4);
    for (let pixel = 0; pixel < hole.length; pixel++) {
        // When all of the picture moves, a blurred picture is what may lie beyond its rim.
        const weight = Math.max(hole[pixel] > 0 ? 0 : 1, known < 0.02 ? FAINT : 0);
        for (let channel = 0; channel < 3; channel++) level[pixel * 4 + channel] = data[pixel * 4 + channel] * weight;
        level[pixel * 4 + 3] = weight;
    }
    const filled = pushedAndPulled(level, width, height);
    const plate = new Uint8ClampedArray(width * height * 4);
    for (let pixel = 0; pixel < hole.length; pixel++) {
        for (let channel = 0; channel < 3; channel++) plate[pixel * 4 + channel] = filled[pixel * 4 + channel];
        plate[pixel * 4 + 3] = hole[pixel] * 255;
    }
    return plate;
}

/** 1 in the things and close around them, falling to 0. @param {Float32Array} hole @param {number} width @param {number} height */
function widened(hole, width, height) {
    let wide = hole;
    for (let step = 0; step <= AROUND; step++) {
        const value = step === AROUND ? 0.5 : 1;
        const before = wide;
        wide = before.slice();
        for (let row = 0; row < height; row++) {
            for (let column = 0; column < width; column++) {
                const pixel = row * width + column;
                if (before[pixel]) continue;
                const beside = (column > 0 && before[pixel - 1]) || (column < width - 1 && before[pixel + 1])
                    || (row > 0 && before[pixel - width]) || (row < height - 1 && before[pixel + width]);
                if (beside) wide[pixel] = value;
            }
        }
    }
    return wide;
}

/**
 * Means go up a pyramid, and come down where nothing is known.
 * @param {Float32Array} level  [pixels · 4] colours times weight, and weight
 * @param {number} width @param {number} height
 * @returns {Float32Array} [pixels · 4]
 */
function pushedAndPulled(level, width, height) {
    if (width === 1 && height === 1) return level;
    const [halfWidth, halfHeight] = [Math.ceil(width / 2), Math.ceil(height / 2)];
    const half = new Float32Array(halfWidth * halfHeight * 4);
    for (let row = 0; row < height; row++) {
        for (let column = 0; column < width; column++) {
            const from = (row * width + column) * 4;
            const to = ((row >> 1) * halfWidth + (column >> 1)) * 4;
            for (let channel = 0; channel < 4; channel++) half[to + channel] += level[from + channel];
        }
    }
    for (let at = 0; at < half.length; at += 4) {
        const weight = half[at + 3];
        if (weight <= 1) continue;
        for (let channel = 0; channel < 4; channel++) half[at + channel] /= weight;
    }
    const coarse = pushedAndPulled(half, halfWidth, halfHeight);
    const filled = new Float32Array(level.length);
    for (let row = 0; row < height; row++) {
        const y = clamp((row + 0.5) / 2 - 0.5, 0, halfHeight - 1);
        const [top, low] = [Math.floor(y), Math.min(Math.floor(y) + 1, halfHeight - 1)];
        for (let column = 0; column < width; column++) {
            const at = (row * width + column) * 4;
            const missing = 1 - level[at + 3];
            if (missing <= 0) {
                filled.set(level.subarray(at, at + 4), at);
                continue;
            }
            const x = clamp((column + 0.5) / 2 - 0.5, 0, halfWidth - 1);
            const [left, right] = [Math.floor(x), Math.min(Math.floor(x) + 1, halfWidth - 1)];
            for (let channel = 0; channel < 4; channel++) {
                const above = mix(coarse[(top * halfWidth + left) * 4 + channel], coarse[(top * halfWidth + right) * 4 + channel], x - left);
                const below = mix(coarse[(low * halfWidth + left) * 4 + channel], coarse[(low * halfWidth + right) * 4 + channel], x - left);
                filled[at + channel] = level[at + channel] + missing * mix(above, below, y - top);
            }
        }
    }
    return filled;
}

/** @param {number} a @param {number} b @param {number} share */
function mix(a, b, share) {
    return a + (b - a) * share;
}
