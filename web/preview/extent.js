// Which nodes belong to the thing that was grabbed, seen from the picture alone: a random walk that crosses the
// picture's edges with difficulty (Grady 2006), and colours that tell it where to go, as the draft engine does it.

import { factorised } from "./banded.js";
import { nearest, steps } from "./lattice.js";

/** @typedef {import("./lattice.js").Lattice} Lattice */
/** @typedef {import("./colours.js").Colours} Colours */
/** @typedef {readonly (readonly number[])[]} Points  0…1 of the picture */

const ROUNDS = 3; // of learning the colours and walking again
const PRIOR = 0.06; // what the colours weigh against the walk; twice the draft engine's, whose nodes lie denser
const UNSEEN = 0.002; // share of a colour that neither side has shown yet: it decides nothing
const CERTAIN = 1e3; // weight of a node whose side is known
const RIM_REACH = 0.15; // of the diagonal: the picture's rim rests, unless something was grabbed so close to it

/**
 * How surely each node moves with the grabbed points: 0…1, no holes, in one piece with them.
 * @param {Lattice} lattice
 * @param {Colours} colours
 * @param {Points} grabbed
 * @param {Points} resting
 * @param {Uint8Array|null} region  nodes that the motion brush lets move; all when null
 * @returns {Float32Array}
 */
export function extent(lattice, colours, grabbed, resting, region) {
    const { nodes } = lattice;
    const moves = new Uint8Array(nodes);
    const rests = new Uint8Array(nodes);
    const likely = new Float64Array(nodes).fill(0.85); // what was painted is mostly what is meant
    for (const point of resting) rests[nearest(lattice, point)] = 1;
    if (region) {
        for (let node = 0; node < nodes; node++) if (!region[node]) rests[node] = 1;
    } else {
        const away = distances(lattice, grabbed);
        for (let node = 0; node < nodes; node++) {
            if (away[node] > RIM_REACH && onRim(lattice, node)) rests[node] = 1;
            likely[node] = Math.min(0.6, Math.max(0.05, 0.6 - 1.2 * away[node])); // nearby is likelier than far away
        }
    }
    markAround(lattice, grabbed, moves);
    for (let node = 0; node < nodes; node++) if (rests[node]) moves[node] = 0;
    if (!moves.includes(1)) return new Float32Array(nodes);
    return inOnePiece(lattice, walked(lattice, colours, moves, rests, likely), moves, rests);
}

/** @param {Lattice} lattice @param {Colours} colours @param {Uint8Array} moves @param {Uint8Array} rests @param {Float64Array} likely */
function walked(lattice, colours, moves, rests, likely) {
    const { nodes } = lattice;
    const solve = factorised(
        lattice,
        colours.similarity,
        likely.map((_, node) => PRIOR + (moves[node] || rests[node] ? CERTAIN : 0)),
    );
    /** @type {Float64Array} */
    let inside = Float64Array.from(moves);
    /** @type {Float64Array} */
    let outside = Float64Array.from(rests);
    let answer = inside;
    for (let round = 0; round < ROUNDS; round++) {
        const within = shares(colours, inside, outside);
        const right = new Float64Array(nodes);
        for (let node = 0; node < nodes; node++) {
            const share = within[colours.index[node]];
            const chance = (share * likely[node]) / (share * likely[node] + (1 - share) * (1 - likely[node]));
            right[node] = PRIOR * chance + (moves[node] ? CERTAIN : 0);
        }
        answer = solve(right);
        inside = answer.map((value, node) => (value > 0.6 ? value : 0) + moves[node]);
        outside = answer.map((value, node) => (value < 0.4 ? 1 - value : 0) + rests[node]);
    }
    return answer;
}

/** The chance that a node of a colour is inside, by the colours seen on both sides. @param {Colours} colours @param {Float64Array} inside @param {Float64Array} outside */
function shares({ index, kinship, count }, inside, outside) {
    const [within, without] = [inside, outside].map((weight) => {
        const seen = new Float64Array(count);
        for (let node = 0; node < weight.length; node++) seen[index[node]] += weight[node];
        const kin = seen.map((_, i) => seen.reduce((sum, value, j) => sum + value * kinship[i * count + j], 0));
        const total = Math.max(1e-12, kin.reduce((sum, value) => sum + value, 0));
        return kin.map((value) => value / total + UNSEEN);
    });
    return within.map((value, i) => value / (value + without[i]));
}

/** The node nearest to each point and its four neighbours: one colour alone would say too little. @param {Lattice} lattice @param {Points} points @param {Uint8Array} marks */
function markAround(lattice, points, marks) {
    const { width, height } = lattice;
    for (const point of points) {
        const node = nearest(lattice, point);
        const [row, column] = [Math.floor(node / width), node % width];
        marks[node] = 1;
        if (column > 0) marks[node - 1] = 1;
        if (column < width - 1) marks[node + 1] = 1;
        if (row > 0) marks[node - width] = 1;
        if (row < height - 1) marks[node + width] = 1;
    }
}

/** Only what hangs together with the grabbed points; holes in it belong to it, unless a point rests there. @param {Lattice} lattice @param {Float64Array} answer @param {Uint8Array} moves @param {Uint8Array} rests */
function inOnePiece(lattice, answer, moves, rests) {
    const whole = steps(lattice, (node) => moves[node] === 1, (node) => answer[node] > 0.5, true);
    const ground = steps(lattice, (node) => whole[node] < 0 && onRim(lattice, node), (node) => whole[node] < 0);
    const filled = ground.map((way, node) => (way < 0 && !rests[node] ? 1 : 0));
    const near = steps(lattice, (node) => filled[node] === 1);
    const extent = new Float32Array(answer.length);
    for (let node = 0; node < extent.length; node++) {
        const chance = Math.min(1, Math.max(0, answer[node]));
        extent[node] = filled[node] && whole[node] < 0 ? 1 : near[node] <= 3 ? chance : Math.min(chance, 0.3);
    }
    return extent;
}

/** Of every node from the nearest of the points, in diagonals of the picture. @param {Lattice} lattice @param {Points} points */
export function distances(lattice, points) {
    const { width, nodes, across, down, diagonal } = lattice;
    const away = new Float32Array(nodes).fill(Infinity);
    for (const [pointX, pointY] of points) {
        for (let node = 0; node < nodes; node++) {
            const x = ((((node % width) + 0.5) / width - pointX) * across) / diagonal;
            const y = (((Math.floor(node / width) + 0.5) / lattice.height - pointY) * down) / diagonal;
            const square = x * x + y * y;
            if (square < away[node]) away[node] = square;
        }
    }
    return away.map(Math.sqrt);
}

/** @param {Lattice} lattice @param {number} node @returns {boolean} whether it is one of the picture's outermost */
export function onRim({ width, height }, node) {
    const [row, column] = [Math.floor(node / width), node % width];
    return row === 0 || column === 0 || row === height - 1 || column === width - 1;
}
