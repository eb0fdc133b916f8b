// A Gaussian blur, quick enough to follow a brush.

const BOXES = 4; // in a row they are nearly a Gaussian (within 0.02), and cost the same for every sigma
const NARROW = 3; // pixels of sigma; below it boxes are too coarse, and the Gaussian itself costs no more
const REACH = 4; // sigmas; what lies beyond does not show

/**
 * @param {Float32Array} values  W·H, rows from the top
 * @param {readonly [number, number]} size  [W, H]
 * @param {number} sigma  pixels
 * @returns {Float32Array} the values blurred; beyond its edges the picture is mirrored
 */
export function blurred(values, [width, height], sigma) {
    const result = values.slice();
    const kernels = sigma < NARROW ? [gaussianOf(sigma)] : Array(BOXES).fill(boxOf(sigma));
    /** @param {number} first @param {number} step @param {number} count */
    const blurLine = (first, step, count) => {
        let line = new Float64Array(count);
        for (let index = 0; index < count; index++) line[index] = result[first + step * index];
        for (const kernel of kernels) line = convolved(line, kernel);
        for (let index = 0; index < count; index++) result[first + step * index] = line[index];
    };
    for (let row = 0; row < height; row++) blurLine(row * width, 1, width);
    for (let column = 0; column < width; column++) blurLine(column, width, height);
    return result;
}

/**
 * @typedef {Object} Kernel  a line's; the same on both sides
 * @property {number} flat  so many pixels on either side of the middle, which counts 1, count 1 too
 * @property {readonly number[]} tail  how much the pixels after these count
 */

/** @param {number} sigma @returns {Kernel} a box of exactly that sigma, when BOXES of them follow each other */
function boxOf(sigma) {
    const variance = (sigma * sigma) / BOXES;
    const flat = Math.floor((Math.sqrt(1 + 12 * variance) - 1) / 2);
    const part = ((2 * flat + 1) * (variance - (flat * (flat + 1)) / 3)) / (2 * ((flat + 1) ** 2 - variance));
    return { flat, tail: [part] };
}

/** @param {number} sigma @returns {Kernel} */
function gaussianOf(sigma) {
    const tail = Array.from({ length: Math.ceil(REACH * sigma) }, (_, index) => -0.5 * ((index + 1) / sigma) ** 2);
    return { flat: 0, tail: tail.map(Math.exp) };
}

/** @param {Float64Array<ArrayBuffer>} line @param {Kernel} kernel */
function convolved(line, { flat, tail }) {
    const count = line.length;
    const margin = flat + tail.length;
    const wide = new Float64Array(count + 2 * margin);
    wide.set(line, margin);
    for (let beyond = 0; beyond < margin; beyond++) {
        wide[margin - 1 - beyond] = line[mirrored(beyond, count)];
        wide[margin + count + beyond] = line[mirrored(count + beyond, count)];
    }
    const sums = new Float64Array(wide.length + 1);
    for (let index = 0; index < wide.length; index++) sums[index + 1] = sums[index] + wide[index];
    const whole = 2 * flat + 1 + 2 * tail.reduce((sum, weight) => sum + weight, 0);
    const result = new Float64Array(count);
    for (let index = 0; index < count; index++) {
        const middle = index + margin;
        let total = sums[middle + flat + 1] - sums[middle - flat];
        for (let place = 0; place < tail.length; place++) {
            total += tail[place] * (wide[middle - flat - 1 - place] + wide[middle + flat + 1 + place]);
        }
        result[index] = total / whole;
    }
    return result;
}

/** @param {number} index  0 or more @param {number} count @returns {number} where it lies, reflected at both ends */
function mirrored(index, count) {
    const place = index % (2 * count);
    return place < count ? place : 2 * count - 1 - place;
}
