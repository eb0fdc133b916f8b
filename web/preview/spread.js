// Drawn motion spread over the picture, quickly and coarsely, for the preview: every drag takes hold of what looks like
// one thing, and each thing goes as rigidly as possible where its points go. The draft engine does it with more care.

import { coloursOf } from "./colours.js";
import { latticeOver } from "./lattice.js";
import { displace, grip } from "./rigid.js";
import { thingsHeld } from "./things.js";
import { isPin, positionAt, seenAt } from "../drawing/trajectory.js";

/** @typedef {import("../drawing/trajectory.js").Trajectory} Trajectory */
/** @typedef {import("./colours.js").Pixels} Pixels */
/** @typedef {import("./colours.js").Colours} Colours */
/** @typedef {import("./lattice.js").Lattice} Lattice */
/** @typedef {import("./things.js").Thing} Thing */
/** @typedef {import("./rigid.js").Grip} Grip */

/**
 * @typedef {Object} Scene  a picture, looked at once
 * @property {Lattice} lattice
 * @property {Colours} colours
 * @property {Pixels} pixels
 */

/**
 * @typedef {Object} Region  where the motion brush lets things move
 * @property {readonly number[]} size  [width, height]
 * @property {Float32Array} values  0…1, rows from the top
 */

/**
 * @typedef {Object} Held  what the drawn trajectories took hold of
 * @property {Lattice} lattice
 * @property {readonly (Thing & {points: readonly Trajectory[], starts: readonly (readonly number[])[], grip: Grip, moved: Float64Array})[]} things
 * @property {Region|null} region  as given, unless it lets nothing move: then there is none, as in the draft engine
 * @property {Float32Array} displacement  [things · nodes · 2], 0…1 of the picture; written anew for every instant
 */

const LOOKS = 9; // instants at which it is looked how far a point goes

/**
 * @param {Pixels} pixels  a small copy of the picture
 * @param {number} width  of the picture itself, pixels
 * @param {number} height
 * @returns {Scene}
 */
export function sceneOf(pixels, width, height) {
    const lattice = latticeOver(width, height);
    return { lattice, pixels, colours: coloursOf(lattice, pixels) };
}

/**
 * What trajectories take hold of. One that begins outside the picture, outside the region, or unseen, holds nothing.
 * @param {Scene} scene
 * @param {readonly Trajectory[]} trajectories  without the hidden ones
 * @param {Region|null} region  everything may move when null
 * @returns {Held}
 */
export function grabbed({ lattice, colours }, trajectories, region) {
    const bounds = region && region.values.some((value) => value > 0.5) ? region : null;
    const points = trajectories.filter((trajectory) => holds(trajectory, bounds));
    const starts = points.map((trajectory) => positionAt(trajectory, 0));
    const handles = points.map((trajectory, i) => ({ start: starts[i], furthest: furthest(trajectory, starts[i], lattice) }));
    const things = thingsHeld(lattice, colours, handles, bounds && onNodes(lattice, bounds)).map((thing) => ({
        ...thing,
        points: thing.handles.map((index) => points[index]),
        starts: thing.handles.map((index) => starts[index]),
        grip: grip(lattice, thing.handles.map((index) => starts[index])),
        moved: new Float64Array(thing.handles.length * 2),
    }));
    return { lattice, things, region: bounds, displacement: new Float32Array(things.length * lattice.nodes * 2) };
}

/**
 * Where the nodes of every thing are at an instant.
 * @param {Held} held
 * @param {number} instant  0…1 of the clip
 * @returns {Float32Array} held.displacement: no new one is made for a frame
 */
export function displacements({ lattice, things, displacement }, instant) {
    const { nodes, across, down } = lattice;
    for (let k = 0; k < things.length; k++) {
        const { points, starts, moved, grip: held, follows } = things[k];
        for (let i = 0; i < points.length; i++) {
            const [fromX, fromY] = starts[i];
            const [x, y] = positionAt(points[i], instant);
            moved[i * 2] = (x - fromX) * across;
            moved[i * 2 + 1] = (y - fromY) * down;
        }
        displace(lattice, held, moved, follows, displacement.subarray(k * nodes * 2, (k + 1) * nodes * 2));
    }
    return displacement;
}

/** @param {Trajectory} trajectory @param {Region|null} region */
function holds(trajectory, region) {
    const [x, y] = positionAt(trajectory, 0);
    if (!(x >= 0 && x <= 1 && y >= 0 && y <= 1) || !seenAt(trajectory, 0)) return false;
    return !region || valueAt(region, x, y) > 0.5;
}

/** The picture's longer side being 1. @param {Trajectory} trajectory @param {readonly number[]} start @param {Lattice} lattice */
function furthest(trajectory, [fromX, fromY], { across, down }) {
    if (isPin(trajectory)) return 0;
    let most = 0;
    for (let look = 1; look <= LOOKS; look++) {
        const [x, y] = positionAt(trajectory, look / LOOKS);
        most = Math.max(most, Math.hypot((x - fromX) * across, (y - fromY) * down));
    }
    return most;
}

/** @param {Lattice} lattice @param {Region} region @returns {Uint8Array} 1 for the nodes that may move */
function onNodes({ width, height, nodes }, region) {
    return Uint8Array.from({ length: nodes }, (_, node) =>
        valueAt(region, ((node % width) + 0.5) / width, (Math.floor(node / width) + 0.5) / height) > 0.5 ? 1 : 0,
    );
}

/** @param {Region} region @param {number} x  0…1 @param {number} y */
function valueAt({ size: [width, height], values }, x, y) {
    const [column, row] = [Math.min(width - 1, Math.floor(x * width)), Math.min(height - 1, Math.floor(y * height))];
    return values[row * width + column];
}
