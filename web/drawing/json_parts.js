// The parts of somebody else's JSON: each is what was wanted, or an Error says so in a sentence.

/** @typedef {import("../tracks/found_tracks.js").Line} Line */
/** @typedef {import("../tracks/found_tracks.js").Point} Point */
/** @typedef {import("../tracks/found_tracks.js").Size} Size */
/** @typedef {Record<string, unknown>} Json  an object of any JSON */

const BRIEFEST = 1e-3; // of the clip; what is briefer is not a motion
const LARGEST_SIDE = 1_000_000; // pixels; what calls itself a larger picture is not one

/**
 * A line through a list of {x, y} or [x, y]; null is an absence.
 * @param {unknown} value @param {string} who @returns {Line}
 */
export function drawn(value, who) {
    const points = list(value, `The points of ${who}`).map((entry) => {
        const pair = isObject(entry) && "x" in entry && "y" in entry ? [entry.x, entry.y] : entry;
        if (!Array.isArray(pair) || pair.length !== 2) {
            throw new Error(`The points of ${who} are {x, y} or [x, y]; got something else.`);
        }
        return /** @type {Point} */ ([numberOf(pair[0]), numberOf(pair[1])]);
    });
    return { points };
}

/** @param {Json} entry @returns {{name: string, color?: string}} */
export function looks(entry) {
    const color = word(entry.color).toLowerCase();
    return { name: word(entry.name), ...(/^#[0-9a-f]{6}$/.test(color) ? { color } : {}) };
}

/** @param {unknown} value @returns {number} NaN for null; an Error for what is no number */
export function numberOf(value) {
    if (value === null) return NaN;
    if (typeof value !== "number") {
        throw new Error("Wanted numbers for the points, an equal count each; got something else.");
    }
    return value;
}

/** @param {unknown} value @returns {value is Json} */
export function isObject(value) {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @param {unknown} value @param {string} who @returns {unknown[]} */
export function list(value, who) {
    if (!Array.isArray(value)) throw new Error(`${who} should be a list, which it is not.`);
    return value;
}

/** @param {unknown} value @param {string} who @returns {Json} */
export function object(value, who) {
    if (!isObject(value)) throw new Error(`Wanted ${who} to be an object with keys; it is not.`);
    return value;
}

/** @param {unknown} value */
export function word(value) {
    return typeof value === "string" ? value : "";
}

/** The first entry that says something. @param {unknown[]} value */
export function firstOf(value) {
    const isFull = (/** @type {unknown} */ entry) => typeof entry === "object" && Object.keys(entry ?? {}).length > 0;
    return value.find((entry) => typeof entry === "number" || isFull(entry));
}

/**
 * @param {unknown} value @returns {number} it, if it is a number above zero, else 0. For what a source says by the way.
 */
export function positive(value) {
    return typeof value === "number" && value > 0 && value < LARGEST_SIDE ? value : 0;
}

/** @param {unknown} value @returns {number} as a count, 0 if it is none */
export function whole(value) {
    return Math.round(positive(value));
}

/** @param {unknown} width @param {unknown} height @returns {Size|null} */
export function sizeOf(width, height) {
    const [columns, rows] = [whole(width), whole(height)];
    return columns && rows ? [columns, rows] : null;
}

/**
 * Two instants as shares of the last one, 0 ≤ start < end ≤ 1; the whole clip if they make no sense.
 * @param {unknown} first @param {unknown} final @param {number} last
 */
export function stretch(first, final, last) {
    const [start, end] = [Math.min(positive(first) / last, 1), Math.min(positive(final) / last, 1)];
    return end - start >= BRIEFEST ? [start, end] : [0, 1];
}
