// What a source of tracks says, before its units are settled; and how it becomes trajectories.

import { positionAt } from "../drawing/trajectory.js";
import { fewPoints } from "./track_fit.js";

/** @typedef {import("../drawing/trajectory.js").Trajectory} Trajectory */
/** @typedef {import("../drawing/trajectory.js").Point} Point */
/** @typedef {readonly [number, number]} Size  width and height in pixels */

/**
 * @typedef {Object} Line  one track as its source has it
 * @property {readonly Point[]} points  in the units of the source; not finite where the source has no position
 * @property {readonly number[]} [times]  rising, 0…1 of the clip; absent: evenly spread
 * @property {readonly boolean[]} [seen]  absent: always
 * @property {"smooth"|"straight"} [curve]  absent: straight
 * @property {"linear"|"in"|"out"|"in_out"} [easing]
 * @property {"steady"|"hand"} [timing]
 * @property {string} [name]
 * @property {string} [color]
 */

/**
 * @typedef {Object} Found  all that a source says
 * @property {string} format  its name, for the notes
 * @property {Line[]} lines
 * @property {"pixels"|"picture"|"grid"|"unsaid"} unit  pixels or 0…1 of the picture, pixels of `grid`, or not said
 * @property {Size|null} [size]  of the picture, if the source names it
 * @property {Size} [grid]  for the unit "grid"
 * @property {boolean} [yUp]  the origin is at the bottom left
 * @property {string[]} [notes]
 */

/** @typedef {{trajectories: Trajectory[], notes: string[]}} Tracks */

/** Points from which a track was sampled frame by frame, not set by hand. */
export const SAMPLED = 9;
/** An editor with more of them can no longer be used. */
export const MOST_TRACKS = 2000;

const MOST_SAMPLES = 5000; // points of one track; more could not be told apart by the 4 decimals of written times
const FURTHEST = 10; // picture widths away from the picture; Python refuses what is beyond it
const JUST_AFTER = 1e-3; // of the clip: when a thing is gone that was last seen before; written times have 4 decimals
const BAKED = 33; // points that stand for an eased or smooth motion where only straight lines can be kept
const TOLERANCE = 0.5; // pixels that a simplified track may be off
/** @type {Size} */
const USUAL = [1024, 1024]; // for the tolerance only, where no picture is known

/**
 * Trajectories in 0…1 of the picture. Tracks sampled frame by frame become a few points with times.
 * @param {Found} found @param {Size|null} size  of the picture in the editor @returns {Tracks}
 */
export function settled(found, size) {
    const notes = [`Read as ${found.format}.`, ...(found.notes ?? [])];
    if (found.lines.length > MOST_TRACKS) {
        throw new Error(tooMany(found.lines.length));
    }
    const scale = scaleOf(found, size, notes);
    if (found.size && size && (found.size[0] !== size[0] || found.size[1] !== size[1])) {
        notes.push(`The tracks were made for a picture of ${said(found.size)}; they are fitted to ${said(size)}.`);
    }
    const picture = found.size ?? size ?? USUAL;
    /** @type {Trajectory[]} */
    const trajectories = [];
    /** @type {string[]} */
    const neverSeen = [];
    let absent = 0;
    let dense = 0;
    found.lines.forEach((line, index) => {
        if (line.points.length > MOST_SAMPLES) {
            throw new Error(`A track here has more than ${MOST_SAMPLES} points: use the Load Tracks node.`);
        }
        const seen = line.points.map((point, i) => point.every(Number.isFinite) && (line.seen?.[i] ?? true));
        if (!seen.includes(true)) {
            neverSeen.push(line.name || `track ${index + 1}`);
            return;
        }
        absent += seen.filter((flag) => !flag).length;
        const points = nearestSeen(line.points, seen).map(([x, y]) => placed(x / scale[0], y / scale[1], found));
        const times = line.times ?? points.map((_, i) => (points.length > 1 ? i / (points.length - 1) : 0));
        const keep = { name: line.name, color: line.color };
        if (line.curve !== "smooth" && !isEased(line) && points.length >= SAMPLED) {
            dense += 1;
            const fit = fewPoints({ points, times, seen, picture, tolerance: TOLERANCE });
            const timing = fit.points.length > 1 ? (line.timing ?? "hand") : undefined;
            trajectories.push(entry({ ...fit, ...keep, timing }));
        } else {
            const timing = points.length > 1 ? line.timing : undefined;
            const visible = seen.includes(false) ? seen : undefined;
            const { curve = "straight", easing } = line;
            trajectories.push(entry({ points, times: line.times, visible, curve, easing, ...keep, timing }));
        }
    });
    if (!trajectories.length) {
        const told = `it was read as ${found.format}, and nothing in it is ever visible`;
        throw new Error(`There is no track in this: ${told}.`);
    }
    if (dense) notes.push(`Tracks sampled frame by frame became a few points each, at most ${TOLERANCE} pixel off.`);
    if (absent) notes.push(`Hidden points hold the nearest position that was seen: ${absent} do.`);
    if (neverSeen.length) notes.push(`Never visible, so left out: ${some(neverSeen)}.`);
    return { trajectories, notes };
}

/**
 * A line that takes place between two instants of the clip, 0 ≤ start < end ≤ 1.
 * @param {Line} line  its times are 0…1 of that stretch
 * @param {number} start @param {number} end
 * @param {boolean} onlyThere  before and after, the point is not visible
 * @returns {Line}
 */
export function within(line, start, end, onlyThere) {
    const { points } = line;
    const inner = line.times ?? points.map((_, i) => (points.length > 1 ? i / (points.length - 1) : 0));
    const times = inner.map((time) => start + time * (end - start));
    const wholeClip = start <= 0 && end >= 1;
    if (wholeClip && !line.times) return line;
    if (wholeClip || !onlyThere || !points.length) return { ...line, times };
    let way = { points, times };
    if (points.length > 1 && (line.curve === "smooth" || isEased(line))) {
        const whole = { points, times: inner, curve: line.curve ?? "straight", easing: line.easing ?? "linear" };
        const even = Array.from({ length: BAKED }, (_, i) => i / (BAKED - 1));
        way = {
            points: even.map((instant) => positionAt(whole, instant)),
            times: even.map((instant) => start + instant * (end - start)),
        };
    }
    const before = start >= JUST_AFTER ? 1 : 0;
    const after = end + JUST_AFTER <= 1 ? 1 : 0;
    return {
        points: [...way.points.slice(0, before), ...way.points, ...(after ? way.points.slice(-1) : [])],
        times: [...[0].slice(0, before), ...way.times, ...[end + JUST_AFTER].slice(0, after)],
        seen: [...[false].slice(0, before), ...way.points.map(() => true), ...[false].slice(0, after)],
        curve: "straight",
        timing: line.timing,
        name: line.name,
        color: line.color,
    };
}

/**
 * The points without absences and repetitions, and the times, 0…1, at which an even pace meets them.
 * @param {readonly Point[]} points @returns {{points: Point[], times: number[]}}
 */
export function atConstantSpeed(points) {
    const there = points.filter((point) => point.every(Number.isFinite));
    const way = there.filter(([x, y], i) => i === 0 || x !== there[i - 1][0] || y !== there[i - 1][1]);
    let passed = 0;
    const lengths = way.map(([x, y], i) => (passed += i ? Math.hypot(x - way[i - 1][0], y - way[i - 1][1]) : 0));
    return { points: way, times: lengths.map((length) => length / (passed || 1)) };
}

/** @param {readonly string[]} names @returns {string} a few of them, and how many more */
function some(names) {
    return names.slice(0, 5).join(", ") + (names.length > 5 ? ` and ${names.length - 5} more` : "");
}

/** @param {number} count */
export function tooMany(count) {
    return `These are ${count} tracks, and the editor takes up to ${MOST_TRACKS}: use the Load Tracks node.`;
}

/** @param {Line} line */
function isEased(line) {
    return (line.easing ?? "linear") !== "linear";
}

/** @param {Size} size */
function said(size) {
    return `${size[0]}×${size[1]}`;
}

/**
 * Without the keys that have no value, or that of their default.
 * @param {Trajectory} trajectory @returns {Trajectory}
 */
function entry(trajectory) {
    const last = trajectory.points.length - 1;
    const even = trajectory.times?.every((time, i) => Math.abs(time - (last ? i / last : 0)) < 1e-9);
    const told = even ? { ...trajectory, times: undefined } : trajectory;
    /** @type {Set<unknown>} */
    const defaults = new Set([undefined, "", "linear", "smooth"]);
    const kept = Object.entries(told).filter(([, value]) => !defaults.has(value));
    return /** @type {Trajectory} */ (Object.fromEntries(kept));
}

/** @param {number} x @param {number} y @param {Found} found @returns {Point} */
function placed(x, y, found) {
    if (Math.max(Math.abs(x - 0.5), Math.abs(y - 0.5)) > FURTHEST) {
        throw new Error(
            `A point of these tracks (${found.format}) lies far outside the picture; are they of another picture?`,
        );
    }
    return [x, found.yUp ? 1 - y : y];
}

/** What points are divided by. @param {Found} found @param {Size|null} size @param {string[]} notes @returns {Size} */
function scaleOf(found, size, notes) {
    let unit = found.unit;
    if (unit === "unsaid") {
        unit = looksNormalised(found.lines) ? "picture" : "pixels";
        const told = unit === "picture" ? "0…1 of the picture" : "pixels";
        notes.push(`The format does not say its units; the numbers look like ${told}.`);
    }
    if (unit === "picture") return [1, 1];
    const whole = unit === "grid" ? found.grid : (found.size ?? size);
    if (!whole) {
        throw new Error(
            `Connect the picture first: these tracks (${found.format}) are in pixels and do not say of which picture.`,
        );
    }
    notes.push(`Positions are pixels of ${said(whole)}.`);
    return whole;
}

/**
 * All numbers in 0…1 and not all the same; or fractions that leave the picture by less than its size.
 * @param {Line[]} lines
 */
function looksNormalised(lines) {
    let least = Infinity;
    let most = -Infinity;
    let fractions = false;
    for (const { points } of lines) {
        for (const point of points) {
            for (const number of point) {
                if (!Number.isFinite(number)) continue;
                least = Math.min(least, number);
                most = Math.max(most, number);
                fractions ||= !Number.isInteger(number);
            }
        }
    }
    if (least >= most) return false;
    return (least >= 0 && most <= 1) || (least >= -1 && most <= 2 && fractions);
}

/**
 * Every point, or the nearest one that is seen, the earlier of two equally near.
 * @param {readonly Point[]} points @param {readonly boolean[]} seen
 */
function nearestSeen(points, seen) {
    const before = seen.map(() => -Infinity);
    const after = seen.map(() => Infinity);
    for (let i = 0; i < seen.length; i += 1) before[i] = seen[i] ? i : (before[i - 1] ?? -Infinity);
    for (let i = seen.length - 1; i >= 0; i -= 1) after[i] = seen[i] ? i : (after[i + 1] ?? Infinity);
    return seen.map((_, i) => points[i - before[i] <= after[i] - i ? before[i] : after[i]]);
}
