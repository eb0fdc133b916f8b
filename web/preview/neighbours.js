// Values of a lattice's nodes, and what lies around each of them; beyond the rim lies the same again.

/** @typedef {import("./lattice.js").Lattice} Lattice */

/** @param {Lattice} lattice @param {Float32Array} values */
export function blurred(lattice, values) {
    return around(lattice, values, (before, here, after) => (before + 2 * here + after) / 4);
}

/** The largest of each node and its neighbours. @param {Lattice} lattice @param {Float32Array} values */
export function widened(lattice, values) {
    return around(lattice, values, Math.max);
}

/** The largest less the smallest of each node and its neighbours. @param {Lattice} lattice @param {Float32Array} values */
export function contrast(lattice, values) {
    const least = around(lattice, values, Math.min);
    return widened(lattice, values).map((most, node) => most - least[node]);
}

/**
 * @param {Lattice} lattice
 * @param {Float32Array} values
 * @param {(before: number, here: number, after: number) => number} made  first along the rows, then along the columns
 */
function around({ width, height }, values, made) {
    const [along, both] = [new Float32Array(values.length), new Float32Array(values.length)];
    for (let node = 0; node < values.length; node++) {
        const column = node % width;
        along[node] = made(values[column > 0 ? node - 1 : node], values[node], values[column < width - 1 ? node + 1 : node]);
    }
    const last = width * (height - 1);
    for (let node = 0; node < values.length; node++) {
        both[node] = made(along[node >= width ? node - width : node], along[node], along[node < last ? node + width : node]);
    }
    return both;
}
