// Where a thing goes when some of its points are held, as rigidly as possible: moving least squares (Schaefer, McPhail
// & Warren 2006, “Image Deformation Using Moving Least Squares”). All that does not change from frame to frame is
// worked out before.

import { around, smoothstep } from "./lattice.js";

/** @typedef {import("./lattice.js").Lattice} Lattice */

/**
 * @typedef {Object} Grip  everything that the held points of one thing decide
 * @property {Int32Array} count  [nodes] held points that a node listens to
 * @property {Int32Array} who  [nodes · NEAREST] which
 * @property {Float32Array} share  [nodes · NEAREST] how much; sums to 1
 * @property {Float32Array} turns  [nodes · NEAREST · 2] what each adds to the turn, complex
 * @property {Float32Array} spread  [nodes] what all of them add to the turn while nothing moves
 * @property {Float32Array} arm  [nodes · 2] from the middle of the held points to the node
 * @property {number} turning  0…1; points close together cannot turn a thing
 * @property {{corners: number[], shares: number[]}[]} cells  of the mesh, around every held point
 */

const NEAREST = 12; // held points that a node listens to; with more, the furthest of them fades out
const MEETINGS = 4; // corrections one after the other, as points may share a cell
const CLOSE = [0.02, 0.05]; // of the diagonal: how far apart points are that turn a thing

/**
 * @param {Lattice} lattice
 * @param {readonly (readonly number[])[]} starts  of the held points, 0…1 of the picture
 * @returns {Grip}
 */
export function grip(lattice, starts) {
    const { width, height, nodes, across, down } = lattice;
    const count = new Int32Array(nodes);
    const who = new Int32Array(nodes * NEAREST);
    const share = new Float32Array(nodes * NEAREST);
    const turns = new Float32Array(nodes * NEAREST * 2);
    const spread = new Float32Array(nodes);
    const arm = new Float32Array(nodes * 2);
    const atX = Float64Array.from(starts, ([x]) => x * across);
    const atY = Float64Array.from(starts, ([, y]) => y * down);
    const square = new Float64Array(starts.length);
    const near = new Int32Array(NEAREST + 1);
    for (let node = 0; node < nodes; node++) {
        const x = (((node % width) + 0.5) / width) * across;
        const y = ((Math.floor(node / width) + 0.5) / height) * down;
        let found = 0;
        for (let i = 0; i < square.length; i++) {
            square[i] = (atX[i] - x) ** 2 + (atY[i] - y) ** 2 + 1e-8;
            if (found > NEAREST && square[i] >= square[near[NEAREST]]) continue;
            let place = Math.min(found, NEAREST);
            for (; place > 0 && square[near[place - 1]] > square[i]; place--) near[place] = near[place - 1];
            near[place] = i;
            found = Math.min(found + 1, NEAREST + 1);
        }
        // The first one that is not listened to sets where listening ends, so that nothing jumps from node to node.
        const beyond = found > NEAREST ? 1 / square[near[NEAREST]] : 0;
        const heard = (count[node] = Math.min(found, NEAREST));
        let [total, middleX, middleY] = [0, 0, 0];
        for (let i = 0; i < heard; i++) {
            const weight = Math.max(1e-9, 1 / square[near[i]] - beyond);
            share[node * NEAREST + i] = weight;
            total += weight;
            middleX += weight * atX[near[i]];
            middleY += weight * atY[near[i]];
        }
        middleX /= total;
        middleY /= total;
        arm[node * 2] = x - middleX;
        arm[node * 2 + 1] = y - middleY;
        for (let i = 0; i < heard; i++) {
            const at = node * NEAREST + i;
            share[at] /= total;
            who[at] = near[i];
            const [x, y] = [atX[near[i]] - middleX, atY[near[i]] - middleY];
            turns[at * 2] = share[at] * x;
            turns[at * 2 + 1] = -share[at] * y;
            spread[node] += share[at] * (x * x + y * y);
        }
    }
    return { count, who, share, turns, spread, arm, turning: turning(lattice, atX, atY), cells: starts.map((start) => around(lattice, start)) };
}

/** @param {Lattice} lattice @param {Float64Array} x @param {Float64Array} y */
function turning({ diagonal }, x, y) {
    const apart = Math.hypot(Math.max(...x) - Math.min(...x), Math.max(...y) - Math.min(...y));
    return smoothstep(apart / diagonal, CLOSE[0], CLOSE[1]);
}

/**
 * Writes how far every node is displaced.
 * @param {Lattice} lattice
 * @param {Grip} held
 * @param {Float64Array} moved  [points · 2] displacement of the held points, the picture's longer side being 1
 * @param {Float32Array} follows  [nodes] how much a node goes with the thing, 0…1
 * @param {Float32Array} into  [nodes · 2], 0…1 of the picture
 */
export function displace({ nodes, across, down }, held, moved, follows, into) {
    const { count, who, share, turns, spread, arm, turning } = held;
    for (let node = 0; node < nodes; node++) {
        const goes = follows[node];
        if (goes === 0) {
            into[node * 2] = into[node * 2 + 1] = 0;
            continue;
        }
        let [x, y, cos, sin] = [0, 0, spread[node], 0];
        const first = node * NEAREST;
        for (let at = first; at < first + count[node]; at++) {
            const [movedX, movedY] = [moved[who[at] * 2], moved[who[at] * 2 + 1]];
            x += share[at] * movedX;
            y += share[at] * movedY;
            cos += turns[at * 2] * movedX - turns[at * 2 + 1] * movedY;
            sin += turns[at * 2] * movedY + turns[at * 2 + 1] * movedX;
        }
        const length = Math.hypot(cos, sin);
        if (length > 1e-12 && turning > 0) {
            const [turnX, turnY] = [(cos / length - 1) * turning, (sin / length) * turning];
            x += turnX * arm[node * 2] - turnY * arm[node * 2 + 1];
            y += turnX * arm[node * 2 + 1] + turnY * arm[node * 2];
        }
        into[node * 2] = (goes * x) / across;
        into[node * 2 + 1] = (goes * y) / down;
    }
    for (let round = 0; round < MEETINGS; round++) meet(held.cells, moved, across, down, into);
}

/**
 * Between the nodes the mesh misses a held point by a little: its cell is shifted so that it does not.
 * @param {{corners: number[], shares: number[]}[]} cells @param {Float64Array} moved @param {number} across @param {number} down @param {Float32Array} into
 */
function meet(cells, moved, across, down, into) {
    for (let i = 0; i < cells.length; i++) {
        const { corners: [a, b, c], shares: [p, q, r] } = cells[i];
        const squares = p * p + q * q + r * r;
        const x = (moved[i * 2] / across - p * into[a * 2] - q * into[b * 2] - r * into[c * 2]) / squares;
        const y = (moved[i * 2 + 1] / down - p * into[a * 2 + 1] - q * into[b * 2 + 1] - r * into[c * 2 + 1]) / squares;
        into[a * 2] += p * x;
        into[b * 2] += q * x;
        into[c * 2] += r * x;
        into[a * 2 + 1] += p * y;
        into[b * 2 + 1] += q * y;
        into[c * 2 + 1] += r * y;
    }
}
