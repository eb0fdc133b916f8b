// The motion brush: what may move and what holds still, painted on a coarse grid that lies over the whole picture.

import { blurred } from "./blur.js";

/** @typedef {readonly [number, number]} ImagePoint  (x, y), 0…1 of the picture */
/** @typedef {{x: number, y: number, width: number, height: number}} Rect  in pixels of the brush */

/**
 * @typedef {Object} Brush  never changed, always replaced
 * @property {readonly [number, number]} size  [W, H], 1…LONGEST pixels
 * @property {Uint8Array} paint  W·H values, rows from the top: NONE, MOVE or STILL
 * @property {number} softness  of the region's edge: sigma of a Gaussian, of the longer side, 0…SOFTEST
 */

/**
 * @typedef {Object} BrushJson  run lengths row by row: gap, run, gap, run …; the last gap is left out
 * @property {readonly [number, number]} size
 * @property {number[]} [move]
 * @property {number[]} [still]
 * @property {number} [softness]
 */

export const NONE = 0;
export const MOVE = 1;
export const STILL = 2;
export const LONGEST = 512; // pixels of the longer side: a brush is coarse, and a workflow stays small
export const SOFTEST = 0.2;

const THINNEST = Math.SQRT1_2; // pixels, radius: a stroke has no holes, however thin

/**
 * @param {readonly [number, number]} pictureSize  [W, H] in pixels
 * @returns {Brush} nothing painted, of the picture's shape
 */
export function emptyBrush([width, height]) {
    const scale = Math.min(1, LONGEST / Math.max(width, height));
    const columns = Math.max(1, Math.round(width * scale));
    const rows = Math.max(1, Math.round(height * scale));
    return { size: [columns, rows], paint: new Uint8Array(columns * rows), softness: 0 };
}

/**
 * @param {unknown} json
 * @returns {Brush}
 * @throws {Error} whose message says what is wrong with a value that is no brush
 */
export function brushFrom(json) {
    const value = /** @type {Record<string, unknown>} */ (json);
    if (!value || typeof value !== "object" || !("size" in value) || !("move" in value || "still" in value)) {
        throw new Error('A brush is {"size": [W, H], "move": [gap, run, …], "still": [gap, run, …]}; got something else.');
    }
    const size = sizeFrom(value.size);
    const move = runsFrom(value.move ?? [], "move", size);
    const still = runsFrom(value.still ?? [], "still", size);
    const softness = value.softness ?? 0;
    if (typeof softness !== "number" || !(softness >= 0 && softness <= SOFTEST)) {
        throw new Error(`The softness of a brush is a number 0…${SOFTEST}; got something else.`);
    }
    const paint = new Uint8Array(size[0] * size[1]);
    for (const [start, end] of move) paint.fill(MOVE, start, end);
    for (const [start, end] of still) {
        if (paint.subarray(start, end).includes(MOVE)) {
            throw new Error("The brush has pixels that may move and hold still at once. Paint the brush again.");
        }
        paint.fill(STILL, start, end);
    }
    return { size, paint, softness };
}

/**
 * @param {Brush} brush
 * @returns {BrushJson|null} what brushFrom reads; null if nothing is painted
 */
export function brushJson(brush) {
    const move = runsOf(brush.paint, MOVE);
    const still = runsOf(brush.paint, STILL);
    if (!move.length && !still.length) return null;
    return {
        size: brush.size,
        ...(move.length ? { move } : {}),
        ...(still.length ? { still } : {}),
        ...(brush.softness ? { softness: brush.softness } : {}),
    };
}

/** A stroke under way. It paints on a copy of its own, so that every segment costs only the pixels it touches. */
export class Stroke {
    #brush;

    /** @param {Brush} brush  what is painted on; it stays as it is */
    constructor(brush) {
        this.#brush = { ...brush, paint: brush.paint.slice() };
    }

    /** @returns {Brush} so far; the pixels are the stroke's own until it ends */
    get brush() {
        return { ...this.#brush };
    }

    /**
     * Paints from one point to the next; both may be the same.
     * @param {ImagePoint} from
     * @param {ImagePoint} to
     * @param {number} diameter  of the longer side
     * @param {number} value  NONE, MOVE or STILL
     * @returns {Rect} what may look different now
     */
    segment(from, to, diameter, value) {
        const { size, paint } = this.#brush;
        const [width, height] = size;
        const radius = Math.max((diameter * Math.max(width, height)) / 2, THINNEST);
        const [x, y] = [from[0] * width - 0.5, from[1] * height - 0.5];
        const [wayX, wayY] = [(to[0] - from[0]) * width, (to[1] - from[1]) * height];
        const square = wayX * wayX + wayY * wayY;
        const left = Math.max(0, Math.ceil(Math.min(x, x + wayX) - radius));
        const right = Math.min(width - 1, Math.floor(Math.max(x, x + wayX) + radius));
        const top = Math.max(0, Math.ceil(Math.min(y, y + wayY) - radius));
        const bottom = Math.min(height - 1, Math.floor(Math.max(y, y + wayY) + radius));
        for (let row = top; row <= bottom; row++) {
            for (let column = left; column <= right; column++) {
                const along = square ? ((column - x) * wayX + (row - y) * wayY) / square : 0;
                const nearest = Math.min(1, Math.max(0, along));
                const [dx, dy] = [column - x - nearest * wayX, row - y - nearest * wayY];
                if (dx * dx + dy * dy <= radius * radius) paint[row * width + column] = value;
            }
        }
        return { x: left, y: top, width: Math.max(0, right - left + 1), height: Math.max(0, bottom - top + 1) };
    }
}

/**
 * @param {Brush} brush
 * @param {ImagePoint} at
 * @param {number} value  NONE, MOVE or STILL
 * @returns {Brush} with all pixels painted that are like the one at that point and connected with it by their sides
 */
export function filled(brush, at, value) {
    const [width, height] = brush.size;
    const [column, row] = [Math.floor(at[0] * width), Math.floor(at[1] * height)];
    if (!(column >= 0 && column < width && row >= 0 && row < height)) return brush;
    const before = brush.paint[row * width + column];
    if (before === value) return brush;
    const paint = brush.paint.slice();
    const waiting = [row * width + column];
    paint[waiting[0]] = value;
    /** @param {number} pixel */
    const reach = (pixel) => {
        if (paint[pixel] !== before) return;
        paint[pixel] = value;
        waiting.push(pixel);
    };
    for (let pixel = waiting.pop(); pixel !== undefined; pixel = waiting.pop()) {
        const x = pixel % width;
        if (x > 0) reach(pixel - 1);
        if (x < width - 1) reach(pixel + 1);
        if (pixel >= width) reach(pixel - width);
        if (pixel < paint.length - width) reach(pixel + width);
    }
    return { ...brush, paint };
}

/** @param {Brush} brush @returns {Brush} what may move and what is not painted change places; what holds still stays */
export function inverted(brush) {
    return { ...brush, paint: brush.paint.map((value) => (value === STILL ? STILL : value === MOVE ? NONE : MOVE)) };
}

/** @param {Brush} brush @returns {Brush} nothing painted */
export function cleared(brush) {
    return { ...brush, paint: new Uint8Array(brush.paint.length) };
}

/** @param {Brush} brush @param {number} softness  0…SOFTEST @returns {Brush} */
export function softened(brush, softness) {
    return { ...brush, softness: Math.min(SOFTEST, Math.max(0, softness)) };
}

/** @param {Brush} brush @returns {Float32Array} W·H, 0…1, rows from the top: how much each pixel may move */
export function regionOf({ size: [width, height], paint, softness }) {
    const base = paint.includes(MOVE) ? MOVE : NONE;
    const region = new Float32Array(paint.length);
    for (let index = 0; index < paint.length; index++) region[index] = paint[index] === base ? 1 : 0;
    return softness ? blurred(region, [width, height], softness * Math.max(width, height)) : region;
}

/** @param {unknown} value @returns {[number, number]} */
function sizeFrom(value) {
    if (!isWholes(value) || value.length !== 2) {
        throw new Error("The size of a brush is two whole numbers, [W, H]; got something else.");
    }
    const [width, height] = value;
    if (Math.min(width, height) < 1 || Math.max(width, height) > LONGEST) {
        throw new Error(`A brush is 1 … ${LONGEST} pixels wide and high; this one says ${width}×${height}.`);
    }
    return [width, height];
}

/**
 * @param {unknown} value  gap, run, gap, run …
 * @param {"move"|"still"} key
 * @param {readonly [number, number]} size
 * @returns {[number, number][]} where each run starts and where it has ended
 */
function runsFrom(value, key, [width, height]) {
    if (!isWholes(value) || value.length % 2) {
        throw new Error(`The “${key}” of a brush is a list of whole numbers, a gap and a run by turns; it is not.`);
    }
    /** @type {[number, number][]} */
    const runs = [];
    let end = 0;
    value.forEach((length, index) => {
        if (length < (index ? 1 : 0) || length > width * height - end) {
            throw new Error(
                `Number ${index + 1} of the brush's “${key}” is ${length}; gaps and runs are at least 1 long, and end ` +
                    `within the ${width * height} pixels of ${width}×${height}. Paint the brush again.`,
            );
        }
        if (index % 2) runs.push([end, end + length]);
        end += length;
    });
    return runs;
}

/** @param {Uint8Array} paint @param {number} value @returns {number[]} gap, run, gap, run … */
function runsOf(paint, value) {
    const lengths = [];
    let [end, inside] = [0, false];
    paint.forEach((painted, index) => {
        if ((painted === value) === inside) return;
        lengths.push(index - end);
        [end, inside] = [index, !inside];
    });
    if (inside) lengths.push(paint.length - end);
    return lengths;
}

/** @param {unknown} value @returns {value is number[]} */
function isWholes(value) {
    return Array.isArray(value) && value.every((number) => Number.isInteger(number));
}
