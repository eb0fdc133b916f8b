// Tracks of a file dropped on the editor: texts, and the arrays of numpy. Nothing is ever unpickled.

import { trajectoriesFrom } from "./coordinates.js";
import { MOST_TRACKS, settled, tooMany } from "./found_tracks.js";
import { positive, sizeOf } from "../drawing/json_parts.js";
import { unzipped, zipEntries } from "./zip.js";

/** @typedef {import("./coordinates.js").Imported} Imported */
/** @typedef {import("./found_tracks.js").Found} Found */
/** @typedef {import("./found_tracks.js").Line} Line */
/** @typedef {import("./found_tracks.js").Point} Point */
/** @typedef {import("./found_tracks.js").Size} Size */
/** @typedef {{shape: number[], values: Float64Array}} NumberArray  by rows, the last axis together */

const LARGEST = 64 * 1024 * 1024; // bytes, of a file and of an array in it
const SEEN_FROM = 0.5; // visibility given as a share counts as seen above this
const ELSEWHERE = "the Load Tracks node reads more kinds of files";

/** Positions: visibility, what the file is. @type {Record<string, [string, string]>} */
const TRACK_NAMES = {
    track_path: ["track_visibility", "a TRACKS dict"],
    pred_tracks: ["pred_visibility", "CoTracker's prediction"],
    tracks: ["visibility", "tracks and visibility"],
};

/** @typedef {(view: DataView, at: number, little: boolean) => number} Reader */

/** How numpy calls its numbers: bytes, and how one is read. @type {Record<string, [number, Reader]>} */
const KINDS = {
    f4: [4, (view, at, little) => view.getFloat32(at, little)],
    f8: [8, (view, at, little) => view.getFloat64(at, little)],
    i1: [1, (view, at) => view.getInt8(at)],
    i2: [2, (view, at, little) => view.getInt16(at, little)],
    i4: [4, (view, at, little) => view.getInt32(at, little)],
    i8: [8, (view, at, little) => Number(view.getBigInt64(at, little))],
    u1: [1, (view, at) => view.getUint8(at)],
    u2: [2, (view, at, little) => view.getUint16(at, little)],
    u4: [4, (view, at, little) => view.getUint32(at, little)],
    b1: [1, (view, at) => view.getUint8(at)],
};

/**
 * The trajectories of a file. An Error says in a sentence what is wrong with it.
 * @param {string} name  of the file; its suffix tells what it is
 * @param {ArrayBuffer} content
 * @param {{size: Size|null}} picture  width and height in pixels of the picture drawn on
 * @returns {Promise<Imported>}
 */
export async function tracksFromFile(name, content, { size }) {
    const suffix = /\.[^./\\]*$/.exec(name.toLowerCase())?.[0] ?? "";
    if (content.byteLength > LARGEST) throw new Error(`${name} is over 64 MB: use the Load Tracks node.`);
    if ([".json", ".txt", ".csv"].includes(suffix)) return trajectoriesFrom(textIn(name, content), { size });
    if (suffix === ".npy") return settled(fromArray(npyArray(content)), size);
    if (suffix === ".npz") return settled(fromArrays(await npzArrays(content)), size);
    throw new Error(`The editor takes .json, .txt, .csv, .npy and .npz, and this is “${name}”; ${ELSEWHERE}.`);
}

/**
 * The array of an .npy file.
 * @param {ArrayBuffer} content @returns {NumberArray}
 */
export function npyArray(content) {
    const bytes = new Uint8Array(content);
    const view = new DataView(content);
    if (bytes.length < 12 || String.fromCharCode(...bytes.subarray(1, 6)) !== "NUMPY") {
        throw new Error("This is damaged, or no .npy file.");
    }
    const wide = bytes[6] > 1;
    const start = wide ? 12 : 10;
    const begin = start + (wide ? view.getUint32(8, true) : view.getUint16(8, true));
    const header = new TextDecoder("latin1").decode(bytes.subarray(start, Math.min(begin, bytes.length)));
    const [, order, kind] = /'descr': *'([<>|=]?)([a-zA-Z]\w*)'/.exec(header) ?? [];
    const sides = /'shape': *\(([\d, ]*)\)/.exec(header)?.[1];
    if (kind?.startsWith("O")) {
        throw new Error("This file holds pickled objects, which are never opened; save plain numbers.");
    }
    if (!Object.hasOwn(KINDS, kind ?? "") || sides === undefined) {
        throw new Error(`This file holds ${kind ?? "something else"} where tracks are plain numbers; ${ELSEWHERE}.`);
    }
    const shape = (sides.match(/\d+/g) ?? []).map(Number);
    const [width, read] = KINDS[kind];
    const count = shape.reduce((product, side) => product * side, 1);
    if (count * width !== bytes.length - begin) {
        throw new Error("This file is cut off or damaged: its length is not that of its array.");
    }
    const values = Float64Array.from({ length: count }, (_, i) => read(view, begin + i * width, order !== ">"));
    return { shape, values: /'fortran_order': *True/.test(header) ? byRows(shape, values) : values };
}

/**
 * The arrays of an .npz file that tracks are made of, by name; others in it stay unread.
 * @param {ArrayBuffer} content @returns {Promise<Record<string, NumberArray>>}
 */
export async function npzArrays(content) {
    const names = Object.entries(TRACK_NAMES).flatMap(([name, [seen]]) => [name, seen]);
    const wanted = new Set([...names, "width", "height"]);
    /** @type {Record<string, NumberArray>} */
    const arrays = {};
    for (const entry of zipEntries(content)) {
        const name = entry.name.replace(/\.npy$/, "");
        if (wanted.has(name)) arrays[name] = npyArray(await unzipped(content, entry));
    }
    return arrays;
}

/** @param {Record<string, NumberArray>} arrays @returns {Found} */
function fromArrays(arrays) {
    const name = Object.keys(TRACK_NAMES).find((key) => Object.hasOwn(arrays, key));
    if (!name) {
        const told = Object.keys(TRACK_NAMES).join(", ");
        throw new Error(`In an .npz, tracks are called ${told}, and this has none; ${ELSEWHERE}.`);
    }
    const [visibility, format] = TRACK_NAMES[name];
    const { frames, count, at } = positions(arrays[name]);
    const seen = Object.hasOwn(arrays, visibility) ? flags(arrays[visibility], frames, count) : null;
    const lines = Array.from({ length: count }, (_, n) => ({
        points: Array.from({ length: frames }, (__, t) => at(t, n)),
        ...(seen ? { seen: Array.from({ length: frames }, (__, t) => seen(t, n)) } : {}),
    }));
    const [width, height] = [arrays.width, arrays.height].map((side) => positive(side?.values[0]));
    return { format, lines, unit: "pixels", size: sizeOf(width, height) };
}

/**
 * An array alone: WanGP's, in 0…1 and (-1, -1) where the thing is absent, or Wan-Move's, in pixels.
 * @param {NumberArray} array @returns {Found}
 */
function fromArray(array) {
    const { frames, count, at } = positions(array);
    /** @type {Line[]} */
    const lines = Array.from({ length: count }, (_, n) => ({
        points: Array.from({ length: frames }, (__, t) => {
            const [x, y] = at(t, n);
            return /** @type {Point} */ (x === -1 && y === -1 ? [NaN, NaN] : [x, y]);
        }),
    }));
    return { format: "an array of tracks", lines, unit: "unsaid" };
}

/** The positions in [T, N, 2] or [1, T, N, 2]. @param {NumberArray} array */
function positions({ shape, values }) {
    const sides = shape.length === 4 && shape[0] === 1 ? shape.slice(1) : shape;
    if (sides.length !== 3 || sides[2] !== 2 || !values.length) {
        throw new Error(`Tracks are an array [T, N, 2]; this is [${shape.join(", ")}].`);
    }
    const [frames, count] = sides;
    if (count > MOST_TRACKS) {
        throw new Error(tooMany(count));
    }
    const at = (/** @type {number} */ t, /** @type {number} */ n) =>
        /** @type {Point} */ ([values[2 * (t * count + n)], values[2 * (t * count + n) + 1]]);
    return { frames, count, at };
}

/**
 * Visibility [T, N], [1, T, N], [T, N, 1], [T, 1] or [T].
 * @param {NumberArray} array @param {number} frames @param {number} count
 */
function flags({ shape, values }, frames, count) {
    let sides = shape;
    if (sides.length === 3) sides = sides[0] === 1 ? sides.slice(1) : sides[2] === 1 ? sides.slice(0, 2) : sides;
    if (sides.length === 1) sides = [sides[0], 1];
    if (sides.length !== 2 || sides[0] < frames || (sides[1] !== count && sides[1] !== 1)) {
        throw new Error(`Visibility is an array [T, N], here [${frames}, ${count}]; this is [${shape.join(", ")}].`);
    }
    const [, across] = sides;
    const column = (/** @type {number} */ n) => (across === 1 ? 0 : n);
    return (/** @type {number} */ t, /** @type {number} */ n) => values[t * across + column(n)] > SEEN_FROM;
}

/** From an array kept by columns, the first axis together. @param {number[]} shape @param {Float64Array} values */
function byRows(shape, values) {
    const steps = shape.map((_, axis) => shape.slice(0, axis).reduce((product, side) => product * side, 1));
    return values.map((_, place) => {
        let from = 0;
        for (let axis = shape.length - 1, rest = place; axis >= 0; axis -= 1) {
            from += (rest % shape[axis]) * steps[axis];
            rest = Math.floor(rest / shape[axis]);
        }
        return values[from];
    });
}

/** @param {string} name @param {ArrayBuffer} content */
function textIn(name, content) {
    try {
        return new TextDecoder("utf-8", { fatal: true }).decode(content);
    } catch {
        throw new Error(`${name} is not text in UTF-8; save it so.`);
    }
}
