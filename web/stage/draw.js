// Trajectories, points and cursors, painted on a 2D context. Lines are dark, light and coloured, one over the other, so
// that they stand out on any picture.

import { isPin, lineOf, positionAt, sampled, seenAt } from "../drawing/trajectory.js";

/** @typedef {import("../drawing/trajectory.js").Trajectory} Trajectory */
/** @typedef {import("../drawing/trajectory.js").Point} Point */
/** @typedef {import("../drawing/viewport.js").Viewport} Viewport */

/**
 * @typedef {Object} Look  how one trajectory is painted
 * @property {string} color
 * @property {boolean} selected
 * @property {number|null} point  index of the selected point
 * @property {number} size  CSS pixels a thin line is wide; larger where the graph is zoomed out
 * @property {boolean} [quick]  one of many that move: only its way, in the thinnest line
 */

const DARK = "rgba(0, 0, 0, 0.65)";
const NEAR = 2; // CSS pixels: what is nearer to the point before adds nothing to a line but time
const DENSE = 12; // points: so many say where a line goes without the curve between them
const LIGHT = "rgba(255, 255, 255, 0.95)";

/**
 * @param {CanvasRenderingContext2D} context in CSS pixels
 * @param {Viewport} viewport
 * @param {Trajectory} trajectory
 * @param {Look} look
 */
export function paintTrajectory(context, viewport, trajectory, look) {
    const { x, y, width: across, height: down } = viewport.rect();
    const xy = look.quick && trajectory.points.length > DENSE ? trajectory.points.flat() : lineOf(trajectory).xy;
    /** @type {Point[]} */
    const line = [];
    const last = xy.length - 2;
    let [fromX, fromY] = [Infinity, Infinity];
    for (let i = 0; i <= last; i += 2) {
        const [atX, atY] = [x + xy[i] * across, y + xy[i + 1] * down];
        if (i < last && Math.abs(atX - fromX) + Math.abs(atY - fromY) < NEAR) continue;
        line.push([atX, atY]);
        [fromX, fromY] = [atX, atY];
    }
    if (isPin(trajectory)) {
        paintPin(context, line[0], look);
        return;
    }
    const path = new Path2D();
    line.forEach(([x, y], i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
    if (look.quick) {
        context.strokeStyle = look.color;
        context.lineWidth = 1 / context.getTransform().a;
        context.stroke(path);
        return;
    }
    context.lineJoin = context.lineCap = "round";
    const width = look.size * (look.selected ? 2.5 : 1.75);
    for (const [style, more] of /** @type {[string, number][]} */ ([[DARK, 3.5], [LIGHT, 1.5], [look.color, 0]])) {
        if (more === 1.5 && !look.selected) continue;
        context.strokeStyle = style;
        context.lineWidth = width + more * look.size;
        context.stroke(path);
    }
    paintArrow(context, line, look, width);
    paintDot(context, line[0], look.color, look.size * (look.selected ? 5 : 4));
}

/** @param {CanvasRenderingContext2D} context @param {readonly Point[]} line @param {Look} look @param {number} width */
function paintArrow(context, line, look, width) {
    const tip = line[line.length - 1];
    const reach = look.size * 9 + width;
    const tail = line.findLast(([x, y]) => Math.hypot(x - tip[0], y - tip[1]) >= reach * 0.6) ?? line[0];
    const turn = Math.atan2(tip[1] - tail[1], tip[0] - tail[0]);
    context.beginPath();
    context.moveTo(tip[0] + Math.cos(turn) * reach * 0.35, tip[1] + Math.sin(turn) * reach * 0.35);
    for (const side of [2.5, -2.5]) {
        context.lineTo(tip[0] + Math.cos(turn + side) * reach, tip[1] + Math.sin(turn + side) * reach);
    }
    context.closePath();
    context.lineWidth = look.size * 3;
    context.strokeStyle = DARK;
    context.stroke();
    context.fillStyle = look.color;
    context.fill();
}

/** @param {CanvasRenderingContext2D} context @param {Point} at @param {Look} look */
function paintPin(context, [x, y], look) {
    const reach = look.size * (look.selected ? 8 : 6.5);
    context.lineCap = "butt";
    for (const [style, width] of /** @type {[string, number][]} */ ([[DARK, 5], [look.selected ? LIGHT : look.color, 2.25]])) {
        context.strokeStyle = style;
        context.lineWidth = width * look.size;
        context.beginPath();
        context.arc(x, y, reach, 0, Math.PI * 2);
        context.moveTo(x - reach * 1.6, y);
        context.lineTo(x - reach * 0.5, y);
        context.moveTo(x + reach * 0.5, y);
        context.lineTo(x + reach * 1.6, y);
        context.moveTo(x, y - reach * 1.6);
        context.lineTo(x, y - reach * 0.5);
        context.moveTo(x, y + reach * 0.5);
        context.lineTo(x, y + reach * 1.6);
        context.stroke();
    }
    paintDot(context, [x, y], look.color, look.size * 2.5);
}

/**
 * The points that can be taken hold of, and where the thing is in every frame: close together is slow.
 * @param {CanvasRenderingContext2D} context
 * @param {Viewport} viewport
 * @param {Trajectory} trajectory
 * @param {Look} look
 * @param {number} frames
 */
export function paintPoints(context, viewport, trajectory, look, frames) {
    if (!isPin(trajectory)) {
        context.fillStyle = LIGHT;
        for (const point of sampled(trajectory, frames)) {
            const [x, y] = viewport.toCanvas(point);
            context.fillRect(x - look.size, y - look.size, look.size * 2, look.size * 2);
        }
    }
    trajectory.points.forEach((point, index) => {
        const at = viewport.toCanvas(point);
        const chosen = index === look.point;
        paintDot(context, at, chosen ? LIGHT : look.color, look.size * (chosen ? 6.5 : 5));
        if (chosen) paintDot(context, at, look.color, look.size * 3);
    });
}

/**
 * Where the thing is now.
 * @param {CanvasRenderingContext2D} context
 * @param {Viewport} viewport
 * @param {Trajectory} trajectory
 * @param {Look} look
 * @param {number} time
 */
export function paintNow(context, viewport, trajectory, look, time) {
    if (isPin(trajectory) || !seenAt(trajectory, time)) return;
    const at = viewport.toCanvas(positionAt(trajectory, time));
    paintDot(context, at, LIGHT, look.size * 6);
    paintDot(context, at, look.color, look.size * 4);
}

/** @param {CanvasRenderingContext2D} context @param {Point} at @param {string} color @param {number} radius */
function paintDot(context, [x, y], color, radius) {
    context.beginPath();
    context.arc(x, y, radius, 0, Math.PI * 2);
    context.lineWidth = radius * 0.7;
    context.strokeStyle = DARK;
    context.stroke();
    context.fillStyle = color;
    context.fill();
}

/** A circle of the brush's size. @param {CanvasRenderingContext2D} context @param {Point} at @param {number} radius */
export function paintBrushCursor(context, [x, y], radius) {
    for (const [style, width] of /** @type {[string, number][]} */ ([[DARK, 3], [LIGHT, 1.25]])) {
        context.strokeStyle = style;
        context.lineWidth = width;
        context.beginPath();
        context.arc(x, y, Math.max(radius, 1), 0, Math.PI * 2);
        context.stroke();
    }
}

/** The cross that the keyboard moves. @param {CanvasRenderingContext2D} context @param {Point} at @param {number} size */
export function paintCross(context, [x, y], size) {
    for (const [style, width] of /** @type {[string, number][]} */ ([[DARK, 4], [LIGHT, 2]])) {
        context.strokeStyle = style;
        context.lineWidth = width * size;
        context.beginPath();
        for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
            context.moveTo(x + dx * 4 * size, y + dy * 4 * size);
            context.lineTo(x + dx * 14 * size, y + dy * 14 * size);
        }
        context.stroke();
    }
}

/** What a box selects. @param {CanvasRenderingContext2D} context @param {Point} from @param {Point} to */
export function paintBox(context, from, to) {
    context.setLineDash([5, 4]);
    for (const [style, width] of /** @type {[string, number][]} */ ([[DARK, 3], [LIGHT, 1.25]])) {
        context.strokeStyle = style;
        context.lineWidth = width;
        context.strokeRect(from[0], from[1], to[0] - from[0], to[1] - from[1]);
    }
    context.setLineDash([]);
}
