// The smooth curve through given values: monotone cubic, number for number as scipy.interpolate.PchipInterpolator.

/**
 * The slopes of the curve at its values: zero at a turn, so that it never goes beyond them.
 * @param {readonly number[]} times  rising, at least two
 * @param {readonly number[]} values
 * @returns {Float64Array}
 */
export function slopesOf(times, values) {
    const last = times.length - 1;
    const slopes = new Float64Array(last + 1);
    const width = (/** @type {number} */ i) => times[i + 1] - times[i];
    const rise = (/** @type {number} */ i) => (values[i + 1] - values[i]) / width(i);
    if (last === 1) return slopes.fill(rise(0));
    for (let i = 1; i < last; i += 1) {
        const [before, after] = [rise(i - 1), rise(i)];
        if (before === 0 || after === 0 || Math.sign(before) !== Math.sign(after)) continue;
        const [w1, w2] = [2 * width(i) + width(i - 1), width(i) + 2 * width(i - 1)];
        slopes[i] = (w1 + w2) / (w1 / before + w2 / after);
    }
    slopes[0] = slopeAtEnd(width(0), width(1), rise(0), rise(1));
    slopes[last] = slopeAtEnd(width(last - 1), width(last - 2), rise(last - 1), rise(last - 2));
    return slopes;
}

/**
 * Three points decide: the outer interval, its neighbour, and how steep each is.
 * @param {number} outer @param {number} inner widths @param {number} outerRise @param {number} innerRise
 */
function slopeAtEnd(outer, inner, outerRise, innerRise) {
    const slope = ((2 * outer + inner) * outerRise - outer * innerRise) / (outer + inner);
    if (Math.sign(slope) !== Math.sign(outerRise)) return 0;
    const turns = Math.sign(outerRise) !== Math.sign(innerRise);
    return turns && Math.abs(slope) > 3 * Math.abs(outerRise) ? 3 * outerRise : slope;
}

/**
 * The value at `time`, between two values and their slopes.
 * @param {number} time @param {number} t0 @param {number} t1
 * @param {number} v0 @param {number} v1 @param {number} slope0 @param {number} slope1
 */
export function between(time, t0, t1, v0, v1, slope0, slope1) {
    const width = t1 - t0;
    const u = (time - t0) / width;
    const v = 1 - u;
    return v * v * ((1 + 2 * u) * v0 + u * width * slope0) + u * u * ((1 + 2 * v) * v1 - v * width * slope1);
}
