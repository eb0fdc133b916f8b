// A coarse lattice of nodes over a picture, on which the preview finds out what belongs together and how it moves.

/**
 * @typedef {Object} Lattice  width × height nodes; node (row, column) lies at ((column + ½) / width, (row + ½) / height)
 * @property {number} width  nodes in a row
 * @property {number} height
 * @property {number} nodes  width · height; node = row · width + column
 * @property {number} across  the picture's width, its longer side being 1: the unit of all lengths here
 * @property {number} down  the picture's height, likewise
 * @property {number} diagonal  of the picture, likewise
 * @property {Int32Array} start  of the edges to the eight neighbours, every edge once
 * @property {Int32Array} end
 * @property {Float64Array} share  what an edge weighs: 1, a diagonal ½
 */

const NODES = 2560; // 64×40 for a 16:10 picture

/**
 * @param {number} width  of the picture, pixels
 * @param {number} height
 * @returns {Lattice}
 */
export function latticeOver(width, height) {
    const scale = Math.sqrt(NODES / (width * height));
    const columns = clamp(Math.round(width * scale), 2, NODES / 2);
    const rows = clamp(Math.round(height * scale), 2, NODES / 2);
    const longer = Math.max(width, height);
    const [across, down] = [width / longer, height / longer];
    return {
        width: columns,
        height: rows,
        nodes: columns * rows,
        across,
        down,
        diagonal: Math.hypot(across, down),
        ...edges(columns, rows),
    };
}

/**
 * @param {Lattice} lattice
 * @param {readonly number[]} point  0…1 of the picture
 * @returns {number} the node nearest to it; beyond the rim the rim's
 */
export function nearest({ width, height }, [x, y]) {
    const column = clamp(Math.floor(x * width), 0, width - 1);
    return clamp(Math.floor(y * height), 0, height - 1) * width + column;
}

/**
 * The triangle of the mesh around a point, whose diagonals run from the upper right to the lower left.
 * @param {Lattice} lattice
 * @param {readonly number[]} point  0…1 of the picture
 * @returns {{corners: number[], shares: number[]}} three nodes and what each counts at the point
 */
export function around({ width, height }, [x, y]) {
    const [column, row] = [clamp(x * width - 0.5, 0, width - 1), clamp(y * height - 0.5, 0, height - 1)];
    const [left, top] = [Math.min(Math.floor(column), width - 2), Math.min(Math.floor(row), height - 2)];
    const [right, low] = [column - left, row - top];
    const node = top * width + left;
    return right + low < 1
        ? { corners: [node, node + 1, node + width], shares: [1 - right - low, right, low] }
        : { corners: [node + width + 1, node + width, node + 1], shares: [right + low - 1, 1 - right, 1 - low] };
}

/**
 * @param {Lattice} lattice
 * @param {Float32Array|Uint8Array} values  of the nodes
 * @param {number} x  0…1 of the picture
 * @param {number} y
 * @returns {number} between the nodes
 */
export function between({ width, height }, values, x, y) {
    const [column, row] = [clamp(x * width - 0.5, 0, width - 1), clamp(y * height - 0.5, 0, height - 1)];
    const [left, top] = [Math.min(Math.floor(column), width - 2), Math.min(Math.floor(row), height - 2)];
    const [right, low] = [column - left, row - top];
    const node = top * width + left;
    const above = values[node] * (1 - right) + values[node + 1] * right;
    return above * (1 - low) + (values[node + width] * (1 - right) + values[node + width + 1] * right) * low;
}

/**
 * Nodes in rings around some of them.
 * @param {Lattice} lattice
 * @param {(node: number) => boolean} from
 * @param {(node: number) => boolean} [through]  whether rings pass this node; all when left out
 * @param {boolean} [diagonally]
 * @returns {Int32Array} how many steps each node lies away; 0 where it begins, -1 where it never comes
 */
export function steps({ width, height, nodes }, from, through = () => true, diagonally = false) {
    const away = new Int32Array(nodes).fill(-1);
    const queue = new Int32Array(nodes);
    let last = 0;
    for (let node = 0; node < nodes; node++) {
        if (!from(node)) continue;
        away[node] = 0;
        queue[last++] = node;
    }
    for (let first = 0; first < last; first++) {
        const node = queue[first];
        const row = Math.floor(node / width);
        const column = node % width;
        for (let down = -1; down <= 1; down++) {
            for (let right = -1; right <= 1; right++) {
                if (!diagonally && down && right) continue;
                if (row + down < 0 || row + down >= height || column + right < 0 || column + right >= width) continue;
                const next = node + down * width + right;
                if (away[next] >= 0 || !through(next)) continue;
                away[next] = away[node] + 1;
                queue[last++] = next;
            }
        }
    }
    return away;
}

/** @param {number} value @param {number} low @param {number} high */
export function clamp(value, low, high) {
    return Math.min(high, Math.max(low, value));
}

/** @param {number} value @param {number} low @param {number} high @returns {number} 0 up to low, 1 from high on */
export function smoothstep(value, low, high) {
    const u = clamp((value - low) / (high - low), 0, 1);
    return u * u * (3 - 2 * u);
}

/** @param {number} width @param {number} height */
function edges(width, height) {
    const count = (width - 1) * height + width * (height - 1) + 2 * (width - 1) * (height - 1);
    const [start, end, share] = [new Int32Array(count), new Int32Array(count), new Float64Array(count)];
    let edge = 0;
    for (let row = 0; row < height; row++) {
        for (let column = 0; column < width; column++) {
            for (const [down, right] of [[0, 1], [1, 0], [1, 1], [1, -1]]) {
                if (row + down >= height || column + right >= width || column + right < 0) continue;
                start[edge] = row * width + column;
                end[edge] = start[edge] + down * width + right;
                share[edge++] = down && right ? 0.5 : 1;
            }
        }
    }
    return { start, end, share };
}
