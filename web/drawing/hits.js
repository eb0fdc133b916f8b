// What lies under the pointer: points and lines of trajectories that can be picked, nearest first.

import { lineOf, nearestOn } from "./trajectory.js";

/** @typedef {import("./trajectory.js").Trajectory} Trajectory */
/** @typedef {import("./trajectory.js").Point} Point */
/** @typedef {import("./drawing.js").Drawing} Drawing */
/** @typedef {import("./viewport.js").Viewport} Viewport */
/** @typedef {{x: number, y: number, width: number, height: number}} Rect */

/**
 * @typedef {Object} Hit
 * @property {"point"|"line"|null} kind
 * @property {number} trajectory  index; -1 for none
 * @property {number} [point]  index, of a point
 * @property {number} [segment]  of a line: the index of the point before
 * @property {Point} [at]  of a line: the nearest imagePoint on it
 */

/** @type {Hit} */
const NOTHING = Object.freeze({ kind: null, trajectory: -1 });
const SAME_PLACE = 1; // CSS pixels: points of one trajectory so near cannot be told apart by pointing

/**
 * All that is there: points of the selected, other points (first their starts), lines of the selected, other lines;
 * within each kind the nearest first, of equally near ones the upper. Hidden and locked ones cannot be picked.
 * @param {Drawing} drawing @param {Viewport} viewport
 * @param {Point} canvasPoint @param {number} radius  CSS pixels
 * @param {readonly number[]} [selection]
 * @returns {Hit[]}
 */
export function hitsAt(drawing, viewport, canvasPoint, radius, selection = []) {
    const place = viewport.toImage(canvasPoint);
    const pixels = viewport.pixelsPerUnit;
    const chosen = new Set(selection);
    /** @type {{hit: Hit, rank: number, distance: number}[]} */
    const found = [];
    drawing.trajectories.forEach((trajectory, index) => {
        if (!pickable(trajectory) || !near(trajectory, place, radius / pixels[0], radius / pixels[1])) return;
        const mine = chosen.has(index);
        for (const { point, distance } of pointsAt(trajectory, place, pixels, radius)) {
            const rank = mine ? 0 : point === 0 ? 1 : 2;
            found.push({ hit: { kind: "point", trajectory: index, point }, rank, distance });
        }
        const { segment, point: at, distance } = nearestOn(trajectory, place, pixels);
        if (trajectory.points.length > 1 && distance <= radius) {
            found.push({ hit: { kind: "line", trajectory: index, segment, at }, rank: mine ? 3 : 4, distance });
        }
    });
    found.sort(
        (a, b) =>
            a.rank - b.rank ||
            a.distance - b.distance ||
            b.hit.trajectory - a.hit.trajectory ||
            (a.hit.point ?? 0) - (b.hit.point ?? 0),
    );
    return found.map(({ hit }) => hit);
}

/**
 * The one after `current`, when the same place is clicked again. It goes round all trajectories there, whichever are
 * selected meanwhile, by points where one has them, else by its line.
 * @param {readonly Hit[]} hits  of hitsAt @param {Hit|null} current
 * @returns {Hit}
 */
export function next(hits, current) {
    const withPoints = new Set(hits.filter((hit) => hit.kind === "point").map((hit) => hit.trajectory));
    const round = hits.filter((hit) => hit.kind === "point" || !withPoints.has(hit.trajectory));
    round.sort((a, b) => a.trajectory - b.trajectory || (a.point ?? 0) - (b.point ?? 0));
    const at = round.findIndex((hit) => hit.trajectory === current?.trajectory && hit.point === current.point);
    const same = at >= 0 ? at : round.findLastIndex((hit) => hit.trajectory === current?.trajectory);
    return same < 0 ? (hits[0] ?? NOTHING) : round[(same + 1) % round.length];
}

/**
 * Which trajectories a box touches, with a point or with their line.
 * @param {Drawing} drawing @param {Rect} rect  0…1 of the picture; drawn from any of its corners
 * @returns {number[]} indexes
 */
export function inBox(drawing, rect) {
    const [left, right] = [Math.min(rect.x, rect.x + rect.width), Math.max(rect.x, rect.x + rect.width)];
    const [top, bottom] = [Math.min(rect.y, rect.y + rect.height), Math.max(rect.y, rect.y + rect.height)];
    return drawing.trajectories.flatMap((trajectory, index) => {
        if (!pickable(trajectory)) return [];
        const { xy, box } = lineOf(trajectory);
        if (box.right < left || box.left > right || box.bottom < top || box.top > bottom) return [];
        for (let i = 0; i < xy.length; i += 2) {
            const j = Math.min(i + 2, xy.length - 2);
            const [x, y, dx, dy] = [xy[i], xy[i + 1], xy[j] - xy[i], xy[j + 1] - xy[i + 1]];
            if (crosses(x, y, dx, dy, left, top, right, bottom)) return [index];
        }
        return [];
    });
}

/** @param {Trajectory} trajectory */
function pickable({ hidden, locked }) {
    return !hidden && !locked;
}

/**
 * Whether its box is that near.
 * @param {Trajectory} trajectory @param {Point} place @param {number} across @param {number} down
 */
function near(trajectory, [x, y], across, down) {
    const { left, top, right, bottom } = lineOf(trajectory).box;
    return x >= left - across && x <= right + across && y >= top - down && y <= bottom + down;
}

/**
 * The nearest point, and others at the very same place: a hand that paused, an end that is the start again.
 * @param {Trajectory} trajectory @param {Point} place @param {Point} pixels @param {number} radius
 */
function pointsAt({ points }, [x, y], [across, down], radius) {
    const away = (/** @type {Point} */ point) => Math.hypot((point[0] - x) * across, (point[1] - y) * down);
    let nearest = Infinity;
    for (const point of points) nearest = Math.min(nearest, away(point));
    if (nearest > radius) return [];
    const all = points.map((point, i) => ({ point: i, distance: away(point) }));
    return all.filter(({ distance }) => distance <= Math.min(radius, nearest + SAME_PLACE));
}

/**
 * Whether a straight piece from (x, y) by (dx, dy) has a part inside: from when to when is it between the sides?
 * @param {number} x @param {number} y @param {number} dx @param {number} dy
 * @param {number} left @param {number} top @param {number} right @param {number} bottom
 */
function crosses(x, y, dx, dy, left, top, right, bottom) {
    if (Math.max(x, x + dx) < left || Math.min(x, x + dx) > right) return false;
    if (Math.max(y, y + dy) < top || Math.min(y, y + dy) > bottom) return false;
    if (dx === 0 || dy === 0) return true;
    const [x0, x1, y0, y1] = [(left - x) / dx, (right - x) / dx, (top - y) / dy, (bottom - y) / dy];
    return Math.max(0, Math.min(x0, x1), Math.min(y0, y1)) <= Math.min(1, Math.max(x0, x1), Math.max(y0, y1));
}
