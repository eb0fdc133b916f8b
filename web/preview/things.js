// The things that drags take hold of, told apart; how far each stretches the ground, and where it comes off.

import { factorised } from "./banded.js";
import { extent, onRim } from "./extent.js";
import { blurred, contrast, widened } from "./neighbours.js";
import { around, clamp, nearest, smoothstep, steps } from "./lattice.js";

/** @typedef {import("./lattice.js").Lattice} Lattice */
/** @typedef {import("./colours.js").Colours} Colours */

/**
 * @typedef {Object} Handle  a drawn point that holds on to something
 * @property {readonly number[]} start  0…1 of the picture
 * @property {number} furthest  how far it goes, the picture's longer side being 1; 0 for a pin
 */

/**
 * @typedef {Object} Thing
 * @property {number[]} handles  indexes of the points that hold it, pins on it too
 * @property {Float32Array} extent  [nodes] how surely a node belongs to it, 0…1
 * @property {Float32Array} follows  [nodes] how much a node goes with it, 0…1; less than 1 where the ground is stretched
 * @property {Float32Array} shown  [nodes] where its layer covers what is below, 0…1
 * @property {Float32Array} leaves  [nodes] where it uncovers what lies behind it, 0…1; not where it hardly goes
 */

const MOST = 8; // things told apart; drags beyond join the nearest
const LOOKS = 16; // drags of which the whole extent is found out to tell things apart
const SOFT = 8; // nodes within which a thing softens towards a motion brush or another thing that cuts through it
const STRETCH = 1.2; // width of the ground stretched around a thing, of the way that it goes
const WIDEST = 12; // ... in nodes
const TORN = [14, 20]; // nodes: what goes further comes off instead of stretching the ground
const FAINT = 0.02; // what goes along so little rests
const RUBBER = 0.3; // how well at least a pull is passed on where nothing comes off; 1 between equal colours
const LOOSE = 1e-3; // ... and where the ground is torn
const JUMP = [0.3, 0.6]; // of the extent, beside an edge of the picture at which a thing comes off: it is sure of it
const SURE = 1e3;
const CAMERA_CELLS = 7; // of 3×3 with a drag in them: it is the whole picture that moves

/**
 * @param {Lattice} lattice
 * @param {Colours} colours
 * @param {readonly Handle[]} handles
 * @param {Uint8Array|null} region  nodes that the motion brush lets move; all when null
 * @returns {Thing[]}
 */
export function thingsHeld(lattice, colours, handles, region) {
    if (!handles.some(({ furthest }) => furthest > 0)) return [];
    const { extents, home } = isCamera(handles) && !region
        ? { extents: [new Float32Array(lattice.nodes).fill(1)], home: handles.map(() => 0) }
        : toldApart(lattice, colours, handles, region);
    for (const [index, { start }] of handles.entries()) {
        // The cell around a point belongs to what the point holds, whatever it looks like.
        for (const node of around(lattice, start).corners) extents.forEach((whole, k) => (whole[node] = home[index] === k ? 1 : 0));
    }
    return extents.map((whole, k) => {
        const mine = handles.map((_, index) => index).filter((index) => home[index] === k);
        return { handles: mine, extent: whole, ...margin(lattice, colours, extents, k, handles, home, region) };
    });
}

/** Drags all over the picture move all of it, as a camera does. @param {readonly Handle[]} handles */
function isCamera(handles) {
    const cells = new Set(
        handles
            .filter(({ furthest }) => furthest > 0)
            .map(({ start: [x, y] }) => Math.min(2, Math.floor(x * 3)) * 3 + Math.min(2, Math.floor(y * 3))),
    );
    return cells.size >= CAMERA_CELLS;
}

/**
 * Drags on the same thing share it. A pin on a thing is a joint; one beside it says what does not belong to it.
 * @param {Lattice} lattice @param {Colours} colours @param {readonly Handle[]} handles @param {Uint8Array|null} region
 */
function toldApart(lattice, colours, handles, region) {
    const node = handles.map(({ start }) => nearest(lattice, start));
    const home = handles.map(() => -1);
    /** @type {Float32Array[]} */
    const extents = [];
    const drags = handles.flatMap(({ furthest }, index) => (furthest > 0 ? [index] : []));
    let looks = 0;
    for (const drag of drags) {
        let found = extents.findIndex((whole) => whole[node[drag]] > 0.5);
        if (found < 0 && extents.length < MOST && looks++ < LOOKS) {
            const whole = extent(lattice, colours, [handles[drag].start], [], region);
            found = home.find((k, index) => k >= 0 && whole[node[index]] > 0.5) ?? -1;
            if (found < 0) found = extents.push(whole) - 1;
        }
        if (found < 0) found = home[closest(handles, drag, drags.filter((other) => home[other] >= 0))];
        home[drag] = found;
    }
    handles.forEach(({ furthest }, pin) => {
        if (furthest > 0) return;
        const inside = extents.map((whole) => whole[node[pin]]);
        const most = Math.max(...inside);
        if (most > 0.5) home[pin] = inside.indexOf(most);
    });
    for (let k = 0; k < extents.length; k++) {
        const mine = drags.filter((drag) => home[drag] === k).map((drag) => handles[drag].start);
        const resting = handles.filter((_, index) => home[index] !== k).map(({ start }) => start);
        if (mine.length > 1 || resting.length) extents[k] = extent(lattice, colours, mine, resting, region);
    }
    return { extents, home };
}

/** @param {readonly Handle[]} handles @param {number} from @param {number[]} among */
function closest(handles, from, among) {
    const [x, y] = handles[from].start;
    const away = among.map((index) => Math.hypot(handles[index].start[0] - x, handles[index].start[1] - y));
    return among[away.indexOf(Math.min(...away))];
}

/**
 * Where the picture has an edge a thing comes off; elsewhere the ground around it is stretched, as wide as it goes far.
 * @param {Lattice} lattice @param {Colours} colours @param {Float32Array[]} extents @param {number} k
 * @param {readonly Handle[]} handles @param {number[]} home @param {Uint8Array|null} region
 */
function margin(lattice, colours, extents, k, handles, home, region) {
    const { nodes } = lattice;
    const furthest = Math.max(...handles.map((handle, index) => (home[index] === k ? handle.furthest : 0)));
    const way = (furthest / lattice.across) * lattice.width;
    const theirs = (/** @type {number} */ node) => (region !== null && !region[node])
        || extents.some((whole, other) => other !== k && whole[node] > 0.5 && whole[node] > extents[k][node]);
    const barred = Uint8Array.from(extents[k], (_, node) => (theirs(node) ? 1 : 0));
    const toBarred = steps(lattice, (node) => barred[node] === 1, undefined, true);
    const tears = smoothstep(way, TORN[0], TORN[1]);
    const jump = contrast(lattice, extents[k]);
    const brink = contrast(lattice, extents[k].map((value) => (value > 0.5 ? 1 : 0)));
    const rip = widened(lattice, jump.map((value, node) =>
        Math.max(tears * brink[node], smoothstep(smoothstep(value, JUMP[0], JUMP[1]) * colours.edge[node], 0.2, 0.5))));
    const comesOff = blurred(lattice, rip);
    const weight = colours.similarity.map((similar, edge) => {
        const off = Math.max(comesOff[lattice.start[edge]], comesOff[lattice.end[edge]]);
        const loose = similar + tears * (LOOSE - similar);
        return off * loose + (1 - off) * Math.max(similar, RUBBER * lattice.share[edge]);
    });

    const [held, right] = [new Float64Array(nodes), new Float64Array(nodes)];
    const ease = 1 / Math.min(WIDEST, Math.max(1.5, STRETCH * way)) ** 2;
    for (let node = 0; node < nodes; node++) {
        const soft = toBarred[node] >= 0 ? smoothstep(toBarred[node], 0, SOFT) : 1;
        right[node] = 10 * (smoothstep(extents[k][node], 0.5, 0.8) * soft) ** 3;
        // Ground that is stretched keeps to the picture's rim, so that nothing is missing there.
        const fixed = barred[node] || (extents[k][node] <= 0.5 && onRim(lattice, node));
        held[node] = right[node] + ease + (fixed ? SURE : 0);
    }
    handles.forEach(({ start }, index) => {
        const node = nearest(lattice, start);
        held[node] += SURE;
        if (home[index] === k) right[node] += SURE;
    });
    const stretched = factorised(lattice, weight, held)(right);

    const [follows, shown] = [new Float32Array(nodes), new Float32Array(nodes)];
    for (let node = 0; node < nodes; node++) {
        const goes = clamp((stretched[node] - FAINT) / (0.95 - FAINT), 0, 1);
        const veil = smoothstep(goes, 0.01, 0.1);
        follows[node] = goes + comesOff[node] * (1 - goes);
        shown[node] = veil + comesOff[node] * (smoothstep(extents[k][node], 0.25, 0.75) - veil);
    }
    const leaves = extents[k].map((value, node) => smoothstep(value, 0.4, 0.6) * smoothstep(follows[node], 0.2, 0.6));
    const [own, others] = [true, false].map(
        (mine) => handles.flatMap(({ start }, index) => ((home[index] === k) === mine ? around(lattice, start).corners : [])),
    );
    for (const node of others) follows[node] = shown[node] = 0;
    for (const node of own) follows[node] = shown[node] = 1;
    return { follows, shown, leaves };
}
