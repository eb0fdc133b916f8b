// A drawing: trajectories and the motion brush, and the one JSON text that the node keeps of it.

import { brushFrom, brushJson } from "./brush.js";
import { trajectoryFrom, trajectoryJson } from "./trajectory_json.js";
import { isPin, moved, withKey } from "./trajectory.js";

/** @typedef {import("./trajectory.js").Trajectory} Trajectory */
/** @typedef {import("./brush.js").Brush} Brush */

/**
 * @typedef {Object} Drawing
 * @property {readonly Trajectory[]} trajectories  the last is on top
 * @property {Brush|null} brush
 * @property {readonly [width: number, height: number]} [size]  pixels of the picture it was drawn on
 * @property {number} [frames]
 * @property {number} [fps]
 * @property {Readonly<Record<string, unknown>>} rest  what this version does not know; `rest.brush`: of the brush
 */

const VERSION = 1;
const LARGEST = 1_000_000; // pixels, frames, frames a second: what says more is mistaken
const BRUSH_KEYS = ["size", "move", "still", "softness"];

/** Nothing drawn. @type {Drawing} */
export const EMPTY = Object.freeze({ trajectories: Object.freeze([]), brush: null, rest: Object.freeze({}) });

/** Okabe and Ito's colours, told apart by nearly every eye; grey is left to the camera. */
export const PALETTE = Object.freeze([
    "#e69f00", // orange
    "#56b4e9", // sky blue
    "#009e73", // bluish green
    "#f0e442", // yellow
    "#d55e00", // vermilion
    "#cc79a7", // reddish purple
    "#0072b2", // blue
    "#999999", // grey
]);

/**
 * The drawing that a text holds.
 * @param {string} text
 * @returns {Drawing}
 * @throws {Error} with a sentence for the artist, if it holds none
 */
export function parse(text) {
    if (!text.trim()) return EMPTY;
    const { version, trajectories = [], brush, ...rest } = objectOf(text);
    if (version !== undefined && version !== VERSION) {
        const told = typeof version === "number" ? `version ${version}` : "something that is no number";
        throw new Error(`This drawing is of ${told}; this reads version ${VERSION}. Update Motion-I2V.`);
    }
    if (!Array.isArray(trajectories)) {
        throw new Error("The trajectories are a list, one entry a trajectory; got something else. Draw again.");
    }
    /** @type {Drawing} */
    const drawing = { trajectories: trajectories.map((entry, i) => trajectoryFrom(entry, i + 1)), brush: null, rest };
    const { size, frames, fps } = rest; // by the way, so never refused: what makes no sense stays in the rest
    if (Array.isArray(size) && size.length === 2 && size.every(isCount)) {
        drawing.size = [size[0], size[1]];
        delete rest.size;
    }
    if (isCount(frames)) {
        drawing.frames = frames;
        delete rest.frames;
    }
    if (typeof fps === "number" && fps > 0 && fps < LARGEST) {
        drawing.fps = fps;
        delete rest.fps;
    }
    if (brush !== undefined && brush !== null) {
        drawing.brush = brushFrom(brush);
        const unknown = Object.entries(brush).filter(([key]) => !BRUSH_KEYS.includes(key));
        if (unknown.length) rest.brush = Object.fromEntries(unknown);
    }
    return drawing;
}

/** @param {string} text @returns {Record<string, unknown>} */
function objectOf(text) {
    let value;
    try {
        value = JSON.parse(text);
    } catch (error) {
        const told = error instanceof Error ? error.message : error;
        throw new Error(`This drawing is broken JSON (${told}). Undo the last change, or draw again.`);
    }
    if (typeof value !== "object" || value === null || !("trajectories" in value || "brush" in value)) {
        throw new Error(
            'A drawing is {"version": 1, "trajectories": […]}, as this editor keeps it; this is something else. ' +
                "Paste coordinates of other nodes into the editor instead.",
        );
    }
    return value;
}

/** @param {unknown} value @returns {value is number} */
function isCount(value) {
    return Number.isInteger(value) && Number(value) >= 1 && Number(value) < LARGEST;
}

/**
 * What parse reads: always the same keys in the same order; "" if nothing is drawn or said.
 * @param {Drawing} drawing
 */
export function textOf(drawing) {
    const { brush: brushRest, ...rest } = drawing.rest;
    const brush = drawing.brush && brushJson(drawing.brush);
    const { size, frames, fps } = drawing;
    const others = {
        ...(brush && { brush: { ...brush, .../** @type {object|undefined} */ (brushRest) } }),
        ...(size && { size }),
        ...(frames && { frames }),
        ...(fps && { fps }),
    };
    const unknown = Object.entries(rest).filter(([key]) => !Object.hasOwn(others, key));
    if (!drawing.trajectories.length && !Object.keys(others).length && !unknown.length) return "";
    const trajectories = drawing.trajectories.map(trajectoryJson);
    return JSON.stringify({ version: VERSION, trajectories, ...others, ...Object.fromEntries(unknown) });
}

/** The colour that is used least, so that neighbours differ. @param {Drawing} drawing @returns {string} */
export function nextColor(drawing) {
    const colors = PALETTE.slice(0, -1);
    const uses = colors.map((color) => drawing.trajectories.filter((one) => one.color === color).length);
    return colors[uses.indexOf(Math.min(...uses))];
}

/**
 * What to call a trajectory: its name, or what it is and its number.
 * @param {Drawing} drawing @param {number} index
 * @param {{trajectory: string, pin: string}} [words]
 */
export function labelOf(drawing, index, words = { trajectory: "Trajectory", pin: "Pin" }) {
    const trajectory = drawing.trajectories[index];
    return trajectory.name || `${isPin(trajectory) ? words.pin : words.trajectory} ${index + 1}`;
}

/** @param {import("./trajectory.js").Trajectory} trajectory @param {number} index  its place in the drawing */
export function colorOf(trajectory, index) {
    return trajectory.color ?? PALETTE[index % (PALETTE.length - 1)]; // the last one, grey, is the camera's
}

/** On top of the others. @param {Drawing} drawing @param {readonly Trajectory[]} trajectories @returns {Drawing} */
export function added(drawing, trajectories) {
    return { ...drawing, trajectories: [...drawing.trajectories, ...trajectories] };
}

/** @param {Drawing} drawing @param {number} index @param {Trajectory} trajectory @returns {Drawing} */
export function replaced(drawing, index, trajectory) {
    return replacedMany(drawing, new Map([[index, trajectory]]));
}

/** @param {Drawing} drawing @param {ReadonlyMap<number, Trajectory>} byIndex @returns {Drawing} */
export function replacedMany(drawing, byIndex) {
    return { ...drawing, trajectories: drawing.trajectories.map((one, index) => byIndex.get(index) ?? one) };
}

/** @param {Drawing} drawing @param {readonly number[]} indexes @returns {Drawing} */
export function removed(drawing, indexes) {
    return { ...drawing, trajectories: drawing.trajectories.filter((_, index) => !indexes.includes(index)) };
}

/**
 * Copies on top of the others, in their order, free to be picked; the copy of "hand" is "hand 2".
 * @param {Drawing} drawing @param {readonly number[]} indexes
 * @param {readonly [dx: number, dy: number]} [shift]  0…1 of the picture
 * @returns {Drawing}
 */
export function duplicated(drawing, indexes, shift = [0, 0]) {
    const names = new Set(drawing.trajectories.map((one) => one.name));
    const copies = [...indexes].sort((a, b) => a - b).map((index) => {
        const original = drawing.trajectories[index];
        const name = original.name ? freeName(original.name, names) : "";
        names.add(name);
        return moved(withKey(withKey(original, "name", name), "locked", false), shift[0], shift[1]);
    });
    return added(drawing, copies);
}

/** @param {string} name @param {ReadonlySet<string|undefined>} taken */
function freeName(name, taken) {
    const stem = name.replace(/ \d+$/, "");
    let number = 2;
    while (taken.has(`${stem} ${number}`)) number += 1;
    return `${stem} ${number}`;
}

/** @param {Drawing} drawing @param {Brush|null} brush @returns {Drawing} */
export function withBrush(drawing, brush) {
    return { ...drawing, brush };
}
