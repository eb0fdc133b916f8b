// The drawings of other trajectory editors, as they lie in a workflow or a file.

import { SAMPLED, atConstantSpeed, within } from "./found_tracks.js";
import { drawn, isObject, list, looks, object, positive, sizeOf, stretch, whole, word } from "../drawing/json_parts.js";

/** @typedef {import("./found_tracks.js").Found} Found */
/** @typedef {import("./found_tracks.js").Line} Line */
/** @typedef {import("./found_tracks.js").Size} Size */
/** @typedef {import("../drawing/json_parts.js").Json} Json */

const SPEEDS_TELL = 3; // WanGP: fastest over slowest; nearer to our eased motion than to an even one from here

/** @typedef {"linear"|"in"|"out"|"in_out"} Easing */
/** @type {Map<unknown, Easing>} */
const FL_EASINGS = new Map([["ease-in", "in"], ["ease-out", "out"], ["ease-in-out", "in_out"]]);
/** @type {Map<unknown, Easing>} */
const SIRAXE_EASINGS = new Map([["in", "in"], ["out", "out"], ["in_out", "in_out"]]);
/** @type {Map<unknown, Easing>} */
const WANGP_EASINGS = new Map([["accelerate", "in"], ["decelerate", "out"], ["accelerate-decelerate", "in_out"]]);

const PAUSES_LOST = "Its pauses and offsets are left out: they count frames of a clip it does not tell.";

/**
 * Moving splines, boxes and static points; easing by word. Its pauses count frames of a clip it does not tell.
 * @param {Json} value @returns {Found}
 */
export function siraxe(value) {
    /** @type {Line[]} */
    const lines = [];
    for (const [key, kind] of [["coordinates", "c"], ["box_coordinates", "b"]]) {
        nested(value[key]).forEach((path, i) => {
            const easing = SIRAXE_EASINGS.get(ofKind(value.easing_functions, kind, i)) ?? "linear";
            const line = drawn(path, "a spline");
            const name = word(ofKind(value.names, kind, i));
            lines.push({ ...line, curve: line.points.length >= SAMPLED ? "straight" : "smooth", easing, name });
        });
    }
    for (const layer of nested(value.p_coordinates)) {
        for (const point of drawn(layer, "the static points").points) lines.push({ points: [point] });
    }
    const pauses = ["start_p_frames", "end_p_frames", "offsets"].flatMap((key) => counts(value[key]));
    return {
        format: "siraxe coord_out",
        lines,
        unit: "pixels",
        size: sizeOf(value.coord_width, value.coord_height),
        notes: pauses.some((count) => count > 0) ? [PAUSES_LOST] : [],
    };
}

/** @param {Json} value @returns {Found} */
export function fl(value) {
    /** @type {string[]} */
    let notes = [];
    const lines = list(value.paths, "Its paths").map((entry, i) => {
        const path = object(entry, `path ${i + 1}`);
        const [start, end] = stretch(path.startTime ?? 0, path.endTime ?? 1, 1);
        const easing = FL_EASINGS.get(path.interpolation) ?? "linear";
        if (easing === "in_out") notes = ["Its ease-in-out is a little steeper in the middle than ours."];
        const even = atConstantSpeed(drawn(path.points, `path ${i + 1}`).points);
        const pops = (path.visibilityMode ?? "pop") === "pop";
        return within({ ...even, ...looks(path), easing, timing: "steady" }, start, end, pops);
    });
    const canvas = isObject(value.canvas_size) ? value.canvas_size : {};
    const size = sizeOf(canvas.width, canvas.height);
    return { format: "FL Path Animator paths", lines, unit: "pixels", size, notes };
}

/** @param {Json} value @returns {Found} */
export function starsFriday(value) {
    const lines = list(value.strokes, "Its strokes").map((entry, i) => {
        const even = atConstantSpeed(drawn(object(entry, `stroke ${i + 1}`).points, `stroke ${i + 1}`).points);
        return { ...even, timing: /** @type {const} */ ("steady") };
    });
    const picture = isObject(value.reference_size) ? value.reference_size : {};
    return { format: "starsFriday strokes", lines, unit: "picture", size: sizeOf(picture.width, picture.height) };
}

/** @param {Json} value @returns {Found} */
export function ltxDirector(value) {
    const duration = whole(value.duration_frames);
    /** @type {Line[]} */
    const lines = [];
    /** @type {Size|null} */
    let size = null;
    let used = 0;
    list(value.segments, "Its segments").forEach((entry, i) => {
        const segment = object(entry, `segment ${i + 1}`);
        if (!Array.isArray(segment.tracks) || !segment.tracks.length) return;
        used += 1;
        let [start, end] = [0, 1];
        if (duration > 1) {
            const first = positive(segment.start);
            [start, end] = stretch(first, first + (whole(segment.length) || duration) - 1, duration - 1);
        }
        for (const track of segment.tracks) {
            lines.push(within({ ...drawn(track, "a track"), curve: "smooth" }, start, end, false));
        }
        if (isObject(segment.imageSize)) size ??= sizeOf(segment.imageSize.width, segment.imageSize.height);
    });
    const several = `Its ${used} segments may each have a picture of their own; the tracks of all were read.`;
    const notes = used > 1 ? [several] : [];
    return { format: "LTX Director timeline", lines, unit: "picture", size, notes };
}

/**
 * An even pace along the path, by the length of the way; faster and slower by speedMode.
 * @param {Json} value @returns {Found}
 */
export function wanGp(value) {
    const scene = isObject(value.scene) ? value.scene : {};
    const picture = isObject(value.resolution) ? value.resolution : {};
    const frames = whole(scene.totalFrames);
    /** @type {string[]} */
    let notes = [];
    const lines = list(value.layers, "Its layers").map((entry, i) => {
        const layer = object(entry, `layer ${i + 1}`);
        const even = atConstantSpeed(drawn(layer.path ?? [], `layer ${i + 1}`).points);
        const [start, end] = stretch(layer.startFrame ?? 0, layer.endFrame ?? frames, frames || 1);
        const ratio = positive(layer.speedRatio) || 1;
        /** @type {Easing} */
        let easing = "linear";
        if (ratio > 1 && word(layer.speedMode ?? "none") !== "none") {
            if (ratio >= SPEEDS_TELL) easing = WANGP_EASINGS.get(layer.speedMode) ?? "linear";
            notes = ["Its speed profiles are replaced by the nearest of linear, in, out and in_out."];
        }
        /** @type {"smooth"|"straight"} */
        const curve = positive(layer.tension) ? "smooth" : "straight";
        const onlyThere = layer.shapeType === "trajectory" || Boolean(layer.hideOutsideRange);
        return within({ ...even, ...looks(layer), curve, easing, timing: "steady" }, start, end, onlyThere);
    });
    const size = sizeOf(picture.width, picture.height);
    return { format: "WanGP Motion Designer layers", lines, unit: "pixels", size, notes };
}

/** The tracks of a part that may be missing, or one flat track. @param {unknown} value @returns {unknown[]} */
function nested(value) {
    if (!Array.isArray(value) || !value.length) return [];
    return isObject(value[0]) ? [value] : value;
}

/**
 * siraxe: the entry for one spline of {"p": […], "c": […], "b": […]}, of a list, or of one value for all.
 * @param {unknown} value @param {string} kind @param {number} index
 */
function ofKind(value, kind, index) {
    const entry = isObject(value) ? value[kind] : value;
    return Array.isArray(entry) ? entry[index] : entry;
}

/** siraxe: the numbers of a value that may be one, a list, or lists by kind. @param {unknown} value */
function counts(value) {
    return (isObject(value) ? Object.values(value) : [value]).flat().map(positive);
}
