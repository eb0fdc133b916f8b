// The colours of a picture as a person sees them, on the nodes of a lattice.

import { smoothstep } from "./lattice.js";
import { blurred, contrast } from "./neighbours.js";

/** @typedef {import("./lattice.js").Lattice} Lattice */

/**
 * @typedef {Object} Pixels  a small copy of the picture
 * @property {Uint8ClampedArray} data  RGBA, rows from the top
 * @property {number} width
 * @property {number} height
 */

const PALETTE = 24; // colours that the picture is reduced to
const ALIKE = 8; // Lab distance at which two colours begin to look different

/**
 * @typedef {Object} Colours
 * @property {Float32Array} lab  [nodes · 3]
 * @property {Uint8Array} index  of every node's colour in the palette
 * @property {Float64Array} kinship  [palette · palette], 1 for the same colour, 0 for quite another
 * @property {number} count  of the palette
 * @property {Float64Array} similarity  of the two ends of every edge of the lattice: 1 alike, a thousandth across an edge of the picture
 * @property {Float32Array} edge  0…1 for every node: how surely an edge of the picture runs there
 */

/** @param {Lattice} lattice @param {Pixels} pixels @returns {Colours} */
export function coloursOf(lattice, pixels) {
    const lab = averaged(lattice, pixels);
    return { lab, similarity: similarity(lattice, lab), edge: edgesOf(lattice, lab), ...reduced(lattice, lab) };
}

/** The mean colour around every node. @param {Lattice} lattice @param {Pixels} pixels */
function averaged({ width, height, nodes }, pixels) {
    const lab = new Float32Array(nodes * 3);
    for (let row = 0; row < height; row++) {
        const [top, low] = range(row, height, pixels.height);
        for (let column = 0; column < width; column++) {
            const [left, right] = range(column, width, pixels.width);
            let [red, green, blue] = [0, 0, 0];
            for (let y = top; y < low; y++) {
                for (let at = (y * pixels.width + left) * 4; at < (y * pixels.width + right) * 4; at += 4) {
                    red += pixels.data[at];
                    green += pixels.data[at + 1];
                    blue += pixels.data[at + 2];
                }
            }
            const count = (low - top) * (right - left);
            toLab(red / count, green / count, blue / count, lab, (row * width + column) * 3);
        }
    }
    return lab;
}

/** The pixels that belong to a node, at least one. @param {number} node @param {number} nodes @param {number} pixels */
function range(node, nodes, pixels) {
    const first = Math.min(Math.round((node * pixels) / nodes), pixels - 1);
    return [first, Math.max(first + 1, Math.round(((node + 1) * pixels) / nodes))];
}

/**
 * Writes the Lab colour (white D65) of an sRGB colour, 0…255.
 * @param {number} red @param {number} green @param {number} blue @param {Float32Array} lab @param {number} at
 */
export function toLab(red, green, blue, lab, at) {
    const r = LINEAR[Math.round(red)];
    const g = LINEAR[Math.round(green)];
    const b = LINEAR[Math.round(blue)];
    const x = root((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505);
    const y = root(0.2126 * r + 0.7152 * g + 0.0722 * b);
    const z = root((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089);
    lab[at] = 116 * y - 16;
    lab[at + 1] = 500 * (x - y);
    lab[at + 2] = 200 * (y - z);
}

const LINEAR = Float32Array.from({ length: 256 }, (_, value) =>
    value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4,
);

/** @param {number} value */
function root(value) {
    return value > 0.008856 ? Math.cbrt(value) : 7.787 * value + 16 / 116;
}

/** @param {Lattice} lattice @param {Float32Array} lab */
function similarity({ start, end, share }, lab) {
    const apart = new Float64Array(start.length);
    for (let edge = 0; edge < apart.length; edge++) apart[edge] = distance(lab, start[edge] * 3, lab, end[edge] * 3);
    const typical = apart.reduce((sum, value) => sum + value, 0) / apart.length;
    return apart.map((value, edge) => (Math.exp(-value / (2 * typical + 1e-6)) + 1e-3) * share[edge]);
}

const [NO_EDGE, EDGE] = [10, 24]; // Lab contrast, a little blurred: fur and grass have contrast, but no edge

/** @param {Lattice} lattice @param {Float32Array} lab */
function edgesOf(lattice, lab) {
    const { nodes } = lattice;
    const square = new Float32Array(nodes);
    for (let channel = 0; channel < 3; channel++) {
        const values = new Float32Array(nodes);
        for (let node = 0; node < nodes; node++) values[node] = lab[node * 3 + channel];
        const apart = contrast(lattice, blurred(lattice, values));
        for (let node = 0; node < nodes; node++) square[node] += apart[node] ** 2;
    }
    return square.map((value) => smoothstep(Math.sqrt(value), NO_EDGE, EDGE));
}

/** The palette by Lloyd's algorithm, from a start that depends on the picture alone. @param {Lattice} lattice @param {Float32Array} lab */
function reduced({ nodes }, lab) {
    const brightness = Float32Array.from({ length: nodes }, (_, i) => lab[i * 3] + 0.6 * lab[i * 3 + 1] + 0.37 * lab[i * 3 + 2]);
    const sorted = Array.from(brightness.keys()).sort((a, b) => brightness[a] - brightness[b]);
    const count = Math.min(PALETTE, nodes);
    const palette = new Float32Array(count * 3);
    for (let i = 0; i < count; i++) {
        const node = sorted[Math.round((i * (nodes - 1)) / Math.max(1, count - 1))];
        palette.set(lab.subarray(node * 3, node * 3 + 3), i * 3);
    }
    const index = new Uint8Array(nodes);
    for (let round = 0; round < 5; round++) {
        const sums = new Float64Array(count * 4);
        for (let node = 0; node < nodes; node++) {
            let least = Infinity;
            for (let i = 0; i < count; i++) {
                const apart = distance(lab, node * 3, palette, i * 3);
                if (apart >= least) continue;
                least = apart;
                index[node] = i;
            }
            const at = index[node] * 4;
            for (let channel = 0; channel < 3; channel++) sums[at + channel] += lab[node * 3 + channel];
            sums[at + 3]++;
        }
        for (let i = 0; i < count; i++) {
            if (!sums[i * 4 + 3]) continue;
            for (let channel = 0; channel < 3; channel++) palette[i * 3 + channel] = sums[i * 4 + channel] / sums[i * 4 + 3];
        }
    }
    const kinship = new Float64Array(count * count);
    for (let i = 0; i < count; i++) {
        for (let j = 0; j < count; j++) kinship[i * count + j] = Math.exp(-distance(palette, i * 3, palette, j * 3) / (2 * ALIKE ** 2));
    }
    return { index, kinship, count };
}

/** Squared. @param {Float32Array} a @param {number} i @param {Float32Array} b @param {number} j */
export function distance(a, i, b, j) {
    const x = a[i] - b[j];
    const y = a[i + 1] - b[j + 1];
    const z = a[i + 2] - b[j + 2];
    return x * x + y * y + z * z;
}
