// Tracks in parsed JSON: what editors keep, and what nodes hand on. A format is told by its keys, in a fixed order.

import { fl, ltxDirector, siraxe, starsFriday, wanGp } from "./editor_formats.js";
import { SAMPLED } from "./found_tracks.js";
import { drawn, firstOf, isObject, list, looks, numberOf, object, word } from "../drawing/json_parts.js";

/** @typedef {import("./found_tracks.js").Found} Found */
/** @typedef {import("./found_tracks.js").Line} Line */
/** @typedef {import("./found_tracks.js").Point} Point */
/** @typedef {import("./found_tracks.js").Size} Size */
/** @typedef {import("../drawing/json_parts.js").Json} Json */

/** @type {Size} */
const MOTIONCTRL_GRID = [1024, 1024];
/** @type {Size} */
const MOTIONCTRL_TEXT_GRID = [256, 256];
const COTRACKER_ABSENT = -100;

/** @type {[string[], (value: Json) => Found][]} */
const OBJECTS = [
    [["coordinates", "p_coordinates"], siraxe],
    [["paths"], fl],
    [["strokes"], starsFriday],
    [["segments"], ltxDirector],
    [["layers"], wanGp],
    [["dynamic_masks"], kling],
    [["trajectories"], (value) => kling({ dynamic_masks: [value] })],
];

/** What a JSON object says; an Error if it is none of the known ones. @param {Json} value @returns {Found} */
export function fromObject(value) {
    const keys = Object.keys(value);
    const known = OBJECTS.find(([names]) => names.some((name) => keys.includes(name)));
    if (known) return known[1](value);
    if (keys.length && keys.every((key) => /^\d+$/.test(key))) return dragAnything(value);
    const told = keys.slice(0, 5).map((key) => key.slice(0, 40)).join(", ") || "nothing";
    throw new Error(`Wanted tracks; this JSON object holds ${told}, which no known format does.`);
}

/**
 * What a JSON list says; the first entry that is not empty tells what it is.
 * @param {unknown[]} value @returns {Found}
 */
export function fromList(value) {
    const first = firstOf(value);
    if (isObject(first)) {
        if ("points" in first) return kjPointsStore(value);
        if ("trajectories" in first) return kling({ dynamic_masks: value });
        return coordinates([value]);
    }
    if (Array.isArray(first)) {
        const inner = firstOf(first);
        if (isObject(inner)) return coordinates(value);
        if (Array.isArray(inner)) {
            const lines = value.map((track, i) => drawn(track, `track ${i + 1}`));
            return { format: "DragNUWA points", lines, unit: "unsaid" };
        }
        if (first.length === 4) return arrows(value.map((arrow) => list(arrow, "An arrow").map(numberOf)));
        const lines = [drawn(value, "the track")];
        return { format: "MotionCtrl points on a grid of 1024", lines, unit: "grid", grid: MOTIONCTRL_GRID };
    }
    throw new Error("There is no track in this list: wanted lists of points {x, y} or [x, y].");
}

/**
 * Lists of {x, y}, one a track: the coordinate text of KJ, core and LTX, and CoTracker's.
 * @param {unknown[]} tracks @returns {Found}
 */
export function coordinates(tracks) {
    const lines = tracks.map((track, i) => drawn(track, `track ${i + 1}`));
    for (const line of lines) {
        line.points = line.points.map(([x, y]) => (x === COTRACKER_ABSENT && y === x ? [NaN, NaN] : [x, y]));
    }
    const lengths = new Set(lines.map((line) => line.points.length).filter((length) => length > 0));
    const sampled = lengths.size === 1 && Math.min(...lengths) >= SAMPLED;
    if (!sampled) for (const line of lines) line.curve = "smooth";
    lengths.delete(1);
    const counted = `${Math.min(...lengths)} to ${Math.max(...lengths)} points`;
    const unequal = `The tracks have ${counted}; each is taken to last the whole clip.`;
    return {
        format: `coordinates, ${sampled ? "sampled frame by frame" : "a few points a track"}`,
        lines,
        unit: "unsaid",
        notes: lengths.size > 1 ? [unequal] : [],
    };
}

/** IG-Motion-I2V's motion vectors: from x, y to x, y. @param {number[][]} table @returns {Found} */
export function arrows(table) {
    if (table.some((row) => row.length !== 4)) {
        throw new Error("Motion vectors have 4 numbers a line: from x, y to x, y.");
    }
    /** @type {Line[]} */
    const lines = table.map(([x, y, toX, toY]) => ({ points: [[x, y], [toX, toY]] }));
    return { format: "IG motion vectors", lines, unit: "unsaid" };
}

/** MotionCtrl's text file: one point a line, on a grid of 256. @param {number[][]} table @returns {Found} */
export function pointLines(table) {
    /** @type {Point[]} */
    const points = table.map(([x, y]) => [x, y]);
    const format = "MotionCtrl lines on a grid of 256";
    return { format, lines: [{ points }], unit: "grid", grid: MOTIONCTRL_TEXT_GRID };
}

/** @param {unknown[]} value @returns {Found} */
function kjPointsStore(value) {
    const splines = value.map((entry, i) => object(entry, `spline ${i + 1}`));
    const hasHandles = (/** @type {unknown} */ point) => isObject(point) && "h1x" in point;
    const bent = splines.some(({ points }) => Array.isArray(points) && points.some(hasHandles));
    return {
        format: "KJ points_store",
        lines: splines.map((spline) => ({ ...drawn(spline.points, "a spline"), ...looks(spline), curve: "smooth" })),
        unit: "pixels",
        notes: bent ? ["Its Bézier handles are left out; the curve passes smoothly through its points."] : [],
    };
}

/** @param {Json} value @returns {Found} */
function kling(value) {
    const masks = list(value.dynamic_masks, "Its dynamic_masks");
    const lines = masks.map((mask, i) => drawn(object(mask, `mask ${i + 1}`).trajectories, `mask ${i + 1}`));
    return { format: "Kling dynamic masks, origin at the bottom left", lines, unit: "pixels", yUp: true };
}

/** @param {Json} value @returns {Found} */
function dragAnything(value) {
    const lines = Object.entries(value).map(([key, entry]) => {
        const thing = object(entry, `entry ${key}`);
        return { ...drawn(thing.trajectory, `entry ${key}`), name: word(thing.comment) };
    });
    return { format: "DragAnything's demo.json", lines, unit: "pixels" };
}
