// Equations between the neighbours of a lattice, solved exactly: Cholesky's factors of a banded matrix.

/** @typedef {import("./lattice.js").Lattice} Lattice */

/**
 * The system (graph Laplacian of the lattice's edges + diagonal) · x = right side, made ready.
 *
 * With the nodes numbered along the shorter side the matrix has no entries further from its diagonal than that side,
 * so 2560 nodes take a few milliseconds.
 * @param {Lattice} lattice
 * @param {Float64Array} weight  of every edge, above 0
 * @param {Float64Array} diagonal  what is added for every node, 0 or above, somewhere above 0
 * @returns {(right: Float64Array) => Float64Array} solves for one right side
 */
export function factorised(lattice, weight, diagonal) {
    const { width, height, nodes, start, end } = lattice;
    const band = Math.min(width, height) + 1;
    const row = band + 1;
    const matrix = new Float64Array(nodes * row);
    const place = new Int32Array(nodes);
    for (let node = 0; node < nodes; node++) {
        place[node] = width <= height ? node : (node % width) * height + Math.floor(node / width);
        matrix[place[node] * row + band] = diagonal[node];
    }
    for (let edge = 0; edge < start.length; edge++) {
        const a = place[start[edge]];
        const b = place[end[edge]];
        matrix[a * row + band] += weight[edge];
        matrix[b * row + band] += weight[edge];
        matrix[Math.max(a, b) * row + band - Math.abs(a - b)] -= weight[edge];
    }
    decompose(matrix, nodes, band);
    return (right) => {
        const values = new Float64Array(nodes);
        for (let node = 0; node < nodes; node++) values[place[node]] = right[node];
        substitute(matrix, nodes, band, values);
        const solution = new Float64Array(nodes);
        for (let node = 0; node < nodes; node++) solution[node] = values[place[node]];
        return solution;
    };
}

/**
 * In place: the lower triangle L of L·Lᵀ, its diagonal as reciprocals. Row i holds the columns i - band … i.
 * @param {Float64Array} matrix @param {number} nodes @param {number} band
 */
function decompose(matrix, nodes, band) {
    const row = band + 1;
    for (let i = 0; i < nodes; i++) {
        const first = Math.max(0, i - band);
        const mine = i * row + band - i; // + column
        let square = matrix[mine + i];
        for (let j = first; j < i; j++) {
            const other = j * row + band - j;
            // Two sums side by side, since one alone waits for itself.
            let even = 0;
            let odd = 0;
            let k = first;
            for (; k + 3 < j; k += 4) {
                even += matrix[mine + k] * matrix[other + k] + matrix[mine + k + 1] * matrix[other + k + 1];
                odd += matrix[mine + k + 2] * matrix[other + k + 2] + matrix[mine + k + 3] * matrix[other + k + 3];
            }
            for (; k < j; k++) even += matrix[mine + k] * matrix[other + k];
            const value = (matrix[mine + j] - even - odd) * matrix[other + j];
            matrix[mine + j] = value;
            square -= value * value;
        }
        matrix[mine + i] = 1 / Math.sqrt(square);
    }
}

/** In place: values becomes the solution. @param {Float64Array} matrix @param {number} nodes @param {number} band @param {Float64Array} values */
function substitute(matrix, nodes, band, values) {
    const row = band + 1;
    for (let i = 0; i < nodes; i++) {
        const mine = i * row + band - i;
        let sum = values[i];
        for (let j = Math.max(0, i - band); j < i; j++) sum -= matrix[mine + j] * values[j];
        values[i] = sum * matrix[mine + i];
    }
    for (let i = nodes - 1; i >= 0; i--) {
        const mine = i * row + band - i;
        const value = values[i] * matrix[mine + i];
        values[i] = value;
        for (let j = Math.max(0, i - band); j < i; j++) values[j] -= matrix[mine + j] * value;
    }
}
