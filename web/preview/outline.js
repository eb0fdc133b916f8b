// From the coarse nodes to pixels: where a thing ends, as the picture's own edges say.

import { clamp } from "./lattice.js";
import { distance, toLab } from "./colours.js";

/** @typedef {import("./spread.js").Scene} Scene */

const ALIKE = 9; // Lab distance at which a pixel begins to look different from a node

/** A pixel up to the first is outside, from the second on inside; between them its edge is blended. */
export const RIM = /** @type {const} */ ([0.3, 0.7]);

/**
 * Values of the nodes for every pixel of the small copy: each pixel listens to the 16 nodes around it, mostly to those
 * that look like it (joint bilateral upsampling, Kopf et al. 2007).
 * @param {Scene} scene
 * @param {Float32Array} values  [nodes], 0…1
 * @returns {Float32Array} [pixels], 0…1; see RIM
 */
export function outlined({ lattice, colours: { lab }, pixels }, values) {
    const { width, height, data } = pixels;
    const fine = new Float32Array(width * height);
    const own = new Float32Array(3);
    for (let row = 0; row < height; row++) {
        const y = ((row + 0.5) / height) * lattice.height - 0.5;
        const top = clamp(Math.floor(y) - 1, 0, Math.max(0, lattice.height - 4));
        for (let column = 0; column < width; column++) {
            const x = ((column + 0.5) / width) * lattice.width - 0.5;
            const left = clamp(Math.floor(x) - 1, 0, Math.max(0, lattice.width - 4));
            let least = 1;
            let most = 0;
            for (let down = top; down < Math.min(top + 4, lattice.height); down++) {
                for (let node = down * lattice.width + left, right = 0; right < 4 && left + right < lattice.width; right++, node++) {
                    if (values[node] < least) least = values[node];
                    if (values[node] > most) most = values[node];
                }
            }
            const pixel = row * width + column;
            if (most <= RIM[0] || least >= RIM[1]) {
                fine[pixel] = most <= RIM[0] ? 0 : 1;
                continue;
            }
            toLab(data[pixel * 4], data[pixel * 4 + 1], data[pixel * 4 + 2], own, 0);
            let sum = 0;
            let total = 0;
            for (let down = top; down < Math.min(top + 4, lattice.height); down++) {
                for (let node = down * lattice.width + left, right = 0; right < 4 && left + right < lattice.width; right++, node++) {
                    const away = (left + right - x) ** 2 + (down - y) ** 2;
                    const weight = Math.exp(-away / 1.6 - distance(own, 0, lab, node * 3) / (2 * ALIKE * ALIKE)) + 1e-6 * Math.exp(-away);
                    sum += weight * values[node];
                    total += weight;
                }
            }
            fine[pixel] = sum / total;
        }
    }
    return fine;
}
