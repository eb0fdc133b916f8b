// One trajectory in the JSON of a drawing: written short, and read as strictly as by Python
// (motion_core/tracks/own_json.py), so that what is accepted here is accepted there.

import { BRIEFEST } from "./pace.js";
import { DEFAULTS, rounded } from "./trajectory.js";

/** @typedef {import("./trajectory.js").Trajectory} Trajectory */

const FURTHEST = 10; // picture widths from its middle; beyond it a coordinate is a mistake, not a motion
const CURVES = ["smooth", "straight"];
const EASINGS = ["linear", "in", "out", "in_out"];

/**
 * The order in which keys are written, and which values of the editor's own ones mean anything.
 * @type {Record<string, (value: any) => boolean>}
 */
const KEYS = {
    points: () => true,
    times: (value) => value.length > 0,
    visible: (value) => value.includes(false),
    curve: (value) => value !== DEFAULTS.curve,
    easing: (value) => value !== DEFAULTS.easing,
    name: (value) => typeof value === "string" && value !== "",
    color: (value) => typeof value === "string" && /^#[0-9a-f]{6}$/i.test(value),
    timing: (value) => value === "steady" || value === "hand",
    locked: (value) => value === true,
    hidden: (value) => value === true,
};

/**
 * @param {unknown} entry @param {number} number  in the drawing, from 1
 * @returns {Trajectory}
 * @throws {Error} with a sentence for the artist
 */
export function trajectoryFrom(entry, number) {
    if (typeof entry !== "object" || entry === null || !("points" in entry)) {
        throw new Error(`Trajectory ${number} should be an object with "points"; it is not. Delete it, or draw again.`);
    }
    const who = `Trajectory ${number}`;
    const { points, times = [], visible = [], curve = "smooth", easing = "linear" } = /** @type {any} */ (entry);
    if (!Array.isArray(points) || !points.length || !points.every(isPlace)) {
        throw new Error(`${who} needs points [[x, y], …] of finite numbers; got something else. Draw it again.`);
    }
    const far = points.find((point) => point.some((value) => Math.abs(value - 0.5) > FURTHEST));
    if (far) {
        throw new Error(
            `${who} has the point (${far.join(", ")}), far outside the picture. ` +
                "Positions are 0…1 of the picture; divide pixels by its width and height.",
        );
    }
    if (!Array.isArray(times) || !times.every(Number.isFinite)) {
        throw new Error(`${who} needs times as a list of numbers; got something else. Give one time a point, or none.`);
    }
    if (times.length && times.length !== points.length) {
        const count = `${points.length} points but ${times.length} times`;
        throw new Error(`${who} has ${count}. Give one time a point, or none.`);
    }
    const rising = times.every((time, i) => time >= 0 && time <= 1 && (i === 0 || time - times[i - 1] >= BRIEFEST));
    if (!rising) {
        throw new Error(`${who} needs times that rise from 0 to 1 of the clip; got ${times.slice(0, 8).join(", ")}.`);
    }
    if (!Array.isArray(visible) || !visible.every((flag) => typeof flag === "boolean" || Number.isInteger(flag))) {
        throw new Error(`${who} needs “visible” to say true or false for each point; got something else.`);
    }
    if (visible.length && visible.length !== points.length) {
        const count = `${points.length} points but ${visible.length} flags of visibility`;
        throw new Error(`${who} has ${count}. Give one a point, or none.`);
    }
    for (const [word, choices] of [[curve, CURVES], [easing, EASINGS]]) {
        if (!choices.includes(word)) {
            throw new Error(`${who} says “${String(word).slice(0, 40)}”; choose one of ${choices.join(", ")}.`);
        }
    }
    return spoken({ ...entry, points, times, visible: visible.map(Boolean) });
}

/** @param {unknown} value @returns {value is [number, number]} */
function isPlace(value) {
    return Array.isArray(value) && value.length === 2 && value.every(Number.isFinite);
}

/** The object to put in JSON. @param {Trajectory} trajectory */
export function trajectoryJson(trajectory) {
    return spoken(rounded(trajectory));
}

/**
 * In the order of KEYS and without what says nothing; then the keys that only others know.
 * @param {Trajectory} trajectory
 * @returns {Trajectory}
 */
function spoken(trajectory) {
    const entries = Object.entries(trajectory);
    const rank = new Map(Object.keys(KEYS).map((key, i) => [key, i]));
    const known = entries.filter(([key, value]) => rank.has(key) && value !== undefined && KEYS[key](value));
    known.sort(([a], [b]) => Number(rank.get(a)) - Number(rank.get(b)));
    const others = entries.filter(([key]) => !rank.has(key));
    return /** @type {any} */ (Object.fromEntries([...known, ...others]));
}
