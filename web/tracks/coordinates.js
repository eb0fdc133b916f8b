// Coordinate texts of other editors and nodes: read into trajectories, and written for them.

import { EMPTY, parse, textOf } from "../drawing/drawing.js";
import { settled } from "./found_tracks.js";
import { isObject } from "../drawing/json_parts.js";
import { arrows, coordinates, fromList, fromObject, pointLines } from "./track_formats.js";
import { sampled } from "../drawing/trajectory.js";

/** @typedef {import("../drawing/drawing.js").Drawing} Drawing */
/** @typedef {import("../drawing/trajectory.js").Trajectory} Trajectory */
/** @typedef {import("./found_tracks.js").Found} Found */
/** @typedef {import("./found_tracks.js").Size} Size */
/** @typedef {{trajectories: readonly Trajectory[], notes: string[], drawing?: Drawing}} Imported
 *   notes: what was recognised and assumed, a sentence each. drawing: where the source is a whole drawing of ours. */
/** @typedef {"kj"|"wanmove"|"ati"|"ltx"|"motion-i2v"} Format */

const ATI_POINTS = 121; // samples of ATI, which become 81 frames; LTX takes as many
const DECIMALS = 100; // two of them, of a pixel
const LONGEST = 64 * 1024 * 1024; // characters

/**
 * The trajectories of a text: our own JSON, coordinates, or what another editor keeps. An Error says what is wrong.
 * @param {string} text
 * @param {{size: Size|null}} picture  width and height in pixels of the picture drawn on
 * @returns {Imported}
 */
export function trajectoriesFrom(text, { size }) {
    if (text.length > LONGEST) throw new Error("This text is over 64 MB: use the Load Tracks node.");
    const plain = text.replace(/^\uFEFF/, "").trim();
    if (!plain) throw new Error("There is no track in this: it is empty.");
    const value = parsed(plain);
    const own = ownDrawing(value);
    if (own) return own;
    return settled(foundIn(value, plain), size);
}

/**
 * The trajectories as text; hidden ones are left out. Positions are pixels, 0 at the left and upper rim of the picture.
 * @param {readonly Trajectory[]} trajectories
 * @param {Format} format  "kj", "wanmove": a sample a frame. "ati", "ltx": 121 samples by time. "motion-i2v": our own
 * @param {{size: Size|null, frames: number}} clip
 * @returns {string}
 */
export function coordinatesText(trajectories, format, { size, frames }) {
    const shown = trajectories.filter((trajectory) => !trajectory.hidden);
    if (!shown.length) throw new Error("There is no trajectory to copy: draw one, or show a hidden one.");
    if (format === "motion-i2v") return textOf({ ...EMPTY, trajectories: shown });
    if (!size) throw new Error("Connect the picture first: these coordinates are in pixels of it.");
    const [width, height] = size;
    const count = format === "ati" || format === "ltx" ? ATI_POINTS : Math.max(1, Math.round(frames));
    const tracks = shown.map((trajectory) =>
        sampled(trajectory, count).map(([x, y]) => ({ x: written(x * width), y: written(y * height) })),
    );
    return JSON.stringify(tracks);
}

/** Two decimals; halves to the even one and no −0, so that Python writes the same number. @param {number} pixels */
function written(pixels) {
    const hundredths = pixels * DECIMALS;
    const below = Math.floor(hundredths);
    const rest = hundredths - below;
    const up = rest > 0.5 || (rest === 0.5 && below % 2 !== 0);
    return (up ? below + 1 : below) / DECIMALS || 0;
}

/** The JSON of a text, also as Python writes it; undefined if it is no JSON. @param {string} text @returns {unknown} */
function parsed(text) {
    const numbersOnly = (/** @type {string} */ json) => json.replace(/-?\b(NaN|Infinity)\b/g, "null");
    const words = { None: "null", True: "true", False: "false" };
    const python = () =>
        Object.entries(words).reduce((json, [word, means]) => json.replaceAll(word, means), text.replaceAll("'", '"'));
    for (const candidate of [() => text, () => numbersOnly(text), () => numbersOnly(python())]) {
        try {
            return JSON.parse(candidate());
        } catch {
            continue;
        }
    }
    return undefined;
}

/** A whole drawing of ours, or a bare list of our entries. @param {unknown} value @returns {Imported|null} */
function ownDrawing(value) {
    const isKling = isObject(value) && ("mask" in value || "dynamic_masks" in value);
    const isWhole = isObject(value) && ("trajectories" in value || "brush" in value) && !isKling;
    const isEntries = Array.isArray(value) && value.length > 0 && value.every(isOwnEntry);
    if (!isWhole && !isEntries) return null;
    const drawing = parse(JSON.stringify(isEntries ? { version: 1, trajectories: value } : value));
    const notes = ["Read as Motion-I2V trajectories."];
    return { trajectories: drawing.trajectories, notes, ...(isWhole ? { drawing } : {}) };
}

/** KJ's entries have points {x, y}, ours [x, y]. @param {unknown} entry */
function isOwnEntry(entry) {
    return isObject(entry) && Array.isArray(entry.points) && Array.isArray(entry.points[0]);
}

/** @param {unknown} value @param {string} text @returns {Found} */
function foundIn(value, text) {
    if (isObject(value)) return fromObject(value);
    if (Array.isArray(value)) {
        return value.length && value.every((entry) => typeof entry === "string") ? fromTexts(value) : fromList(value);
    }
    const table = tableOf(text);
    if (table?.[0].length === 4) return arrows(table);
    if (table?.[0].length === 2) return pointLines(table);
    const begins = text.slice(0, 40);
    if (/^[[{]/.test(begins)) {
        throw new Error(`This JSON is broken, perhaps cut off: it begins with “${begins}”. Copy it again, whole.`);
    }
    const wanted = "JSON nor lines of 4 numbers (from x, y to x, y) or of 2 (x, y)";
    throw new Error(`This is neither ${wanted}; it begins with “${begins}”.`);
}

/** A track a text, as Tora and the CoTracker node have it. @param {string[]} texts @returns {Found} */
function fromTexts(texts) {
    const tracks = texts.map(parsed);
    const [only] = tracks;
    if (tracks.length === 1 && Array.isArray(only) && only.length && !isObject(only[0])) return fromList(only);
    if (!tracks.every(Array.isArray)) {
        throw new Error("Each text of a list is one track, [{x, y}, …]; at least one of these is not.");
    }
    return coordinates(tracks);
}

/**
 * Numbers from lines with commas, semicolons or spaces; one line of words may head them.
 * @param {string} text @returns {number[][]|null}
 */
function tableOf(text) {
    const rows = text
        .split(/\r?\n|\r/)
        .map((line) => line.replace(/^[\s,;]+|[\s,;]+$/g, ""))
        .filter(Boolean)
        .map((line) => line.split(/[\s,;]+/).map(Number));
    if (rows.length > 1 && rows[0].every(Number.isNaN)) rows.shift();
    const even = rows.length > 0 && rows.every((row) => row.length === rows[0].length && row.every(Number.isFinite));
    return even ? rows : null;
}
