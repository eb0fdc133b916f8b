// The stage: the picture and what is drawn on it, in layers. Each layer is painted only when what it shows has changed,
// so a gesture paints one curve, however much else there is.

import { NONE, MOVE, STILL } from "./brush.js";
import { framesOf } from "./clip.js";
import { paintBox, paintBrushCursor, paintCross, paintNow, paintPoints, paintTrajectory } from "./draw.js";
import { hitsAt } from "./hits.js";
import { colorOf } from "./palette.js";
import { word } from "./words.js";
import { Viewport } from "./viewport.js";

/** @typedef {import("./session.js").Session} Session */
/** @typedef {import("./brush.js").Brush} Brush */
/** @typedef {import("./trajectory.js").Point} Point */

const REACH = { mouse: 12, touch: 24 }; // screen pixels around a point in which it is met, whatever the zoom
const MOST_PIXELS = 4096; // of a layer's side
const WATCH = 300; // milliseconds between looks at whether the graph was zoomed
const TINTS = { [MOVE]: [150, 70, 255, 120], [STILL]: [70, 160, 255, 120] }; // purple like the paper's; blue holds still

export class Stage extends EventTarget {
    #dirty = { lines: true, live: true, brush: true };
    #frame = 0;
    #watch = 0;
    #size = "";
    /** @type {ResizeObserver|null} */
    #resized = null;
    /** @type {Brush|null} what the brush layer shows */
    #shownBrush = null;
    /** @type {Element|null} */
    #shownPicture = null;
    /** @type {{kind: "brush", at: Point, radius: number}|{kind: "box", from: Point, to: Point}|null} */
    cursor = null;
    /** @type {Point|null} 0…1 of the picture, once the keyboard moved it */
    cross = null;

    /** @param {Session} session */
    constructor(session) {
        super();
        this.session = session;
        this.element = document.createElement("div");
        this.element.className = "m-stage";
        this.paper = layer("div", "m-paper");
        this.preview = layer("canvas", "m-preview");
        this.preview.hidden = true;
        this.paint = layer("canvas", "m-paint");
        this.lines = layer("canvas", "m-lines");
        this.live = layer("canvas", "m-live");
        this.label = layer("div", "m-readout");
        this.empty = layer("div", "m-empty");
        this.sink = sink();
        this.element.append(this.paper, this.preview, this.paint, this.lines, this.live, this.empty, this.label, this.sink);
        this.viewport = new Viewport({ width: 1, height: 1, picture: session.aspect });
    }

    on() {
        this.#resized = new ResizeObserver(() => this.#fit());
        this.#resized.observe(this.element);
        this.#watch = window.setInterval(() => this.#fit(), WATCH);
        for (const [topic, listener] of this.#topics) this.session.addEventListener(topic, listener);
        this.#turnPage();
        this.#fit();
    }

    off() {
        this.#resized?.disconnect();
        clearInterval(this.#watch);
        cancelAnimationFrame(this.#frame);
        this.#frame = 0;
        for (const [topic, listener] of this.#topics) this.session.removeEventListener(topic, listener);
    }

    /** @param {Viewport} viewport */
    look(viewport) {
        this.viewport = viewport;
        this.#place();
        this.#touch("lines", "live");
        this.dispatchEvent(new Event("look"));
    }

    /** What a press meets, the first first. @param {import("./gestures.js").Press} press */
    under(press) {
        const radius = (press.touch ? REACH.touch : REACH.mouse) * press.scale;
        return hitsAt(this.session.drawing, this.viewport, press.canvas, radius, this.session.selection);
    }

    /** Where the pointer is. @param {string} text */
    readout(text) {
        this.label.textContent = text;
    }

    /** What to do while there is no picture. @param {string} text */
    hint(text) {
        this.empty.textContent = text;
    }

    /** Asks for the top layer to be painted again: what is selected, under way, and the cursors. */
    refresh() {
        this.#touch("live");
    }

    /** Screen pixels in a pixel of a layer's CSS, with the graph's zoom in it. */
    get density() {
        const box = this.element.getBoundingClientRect();
        const zoom = this.element.clientWidth ? box.width / this.element.clientWidth : 1;
        const most = MOST_PIXELS / Math.max(this.element.clientWidth, this.element.clientHeight, 1);
        return Math.min((window.devicePixelRatio || 1) * (zoom || 1), most);
    }

    /** CSS pixels that a mark needs so that it stays as large on the screen when the graph is zoomed out. */
    get markSize() {
        const box = this.element.getBoundingClientRect();
        return box.width ? Math.min(3, Math.max(1, this.element.clientWidth / box.width)) : 1;
    }

    /** The brush layer follows a stroke under way. @param {Brush} brush @param {{x: number, y: number, width: number, height: number}} part */
    paintBrush(brush, part) {
        const context = this.#brushContext(brush);
        if (part.width < 1 || part.height < 1) return;
        const pixels = context.createImageData(part.width, part.height);
        for (let y = 0; y < part.height; y++) {
            const row = (part.y + y) * brush.size[0] + part.x;
            for (let x = 0; x < part.width; x++) {
                const paint = brush.paint[row + x];
                if (paint !== NONE) pixels.data.set(TINTS[/** @type {1|2} */ (paint)], (y * part.width + x) * 4);
            }
        }
        context.putImageData(pixels, part.x, part.y);
        this.#shownBrush = null;
    }

    #topics = /** @type {[string, () => void][]} */ ([
        ["drawing", () => this.#touch(...(this.session.before ? [] : /** @type {const} */ (["lines"])), "live", "brush")],
        ["selection", () => this.#touch("lines", "live")],
        ["time", () => this.#touch("live")],
        ["tool", () => this.#touch("live")],
        ["picture", () => this.#turnPage()],
    ]);

    /** @param {...("lines"|"live"|"brush")} layers */
    #touch(...layers) {
        for (const name of layers) this.#dirty[name] = true;
        this.#frame ||= requestAnimationFrame(() => {
            this.#frame = 0;
            this.#repaint();
        });
    }

    #turnPage() {
        const picture = this.session.picture;
        const size = this.session.aspect;
        if (this.#shownPicture !== (picture?.element ?? null)) {
            this.#shownPicture = picture?.element ?? null;
            picture?.element.setAttribute("aria-hidden", "true");
            this.paper.replaceChildren(...(picture ? [picture.element] : []));
        }
        if (size[0] !== this.viewport.picture[0] || size[1] !== this.viewport.picture[1]) {
            const { width, height } = this.viewport;
            this.viewport = new Viewport({ width, height, picture: size });
        }
        this.look(this.viewport);
    }

    #fit() {
        const [width, height] = [this.element.clientWidth, this.element.clientHeight];
        const size = `${width} ${height} ${this.density}`;
        if (!width || !height || size === this.#size) return;
        this.#size = size;
        for (const canvas of [this.lines, this.live]) {
            canvas.width = Math.round(width * this.density);
            canvas.height = Math.round(height * this.density);
        }
        if (width !== this.viewport.width || height !== this.viewport.height) {
            this.viewport = this.viewport.resized(width, height);
        }
        this.#place();
        this.dispatchEvent(new Event("look"));
        this.#dirty = { lines: true, live: true, brush: this.#dirty.brush };
        this.#repaint(); // at once: a canvas that was resized is empty
    }

    /** Puts picture and brush where the viewport has them. */
    #place() {
        const { x, y, width, height } = this.viewport.rect();
        for (const { style } of [this.paper, this.paint]) {
            style.left = `${x}px`;
            style.top = `${y}px`;
            style.width = `${width}px`;
            style.height = `${height}px`;
        }
        const softness = this.session.drawing.brush?.softness ?? 0;
        this.paint.style.filter = softness ? `blur(${softness * Math.max(width, height)}px)` : "";
        const [across, down] = [this.viewport.width, this.viewport.height];
        const shares = [x / across, y / down, width / across, height / down]; // where the picture is, for who looks from outside
        this.element.dataset.picture = shares.map((share) => share.toFixed(6)).join(" ");
    }

    #repaint() {
        const { drawing, selection, before } = this.session;
        const shown = before ?? drawing;
        if (this.#dirty.brush && drawing.brush !== this.#shownBrush) {
            this.repaintBrush();
            this.#place(); // as soft as it is now
        }
        if (this.#dirty.lines) {
            const context = this.#cleared(this.lines);
            shown.trajectories.forEach((trajectory, index) => {
                if (trajectory.hidden || selection.includes(index)) return;
                paintTrajectory(context, this.viewport, trajectory, this.#lookOf(index));
            });
        }
        if (this.#dirty.live) this.#repaintLive();
        this.#dirty = { lines: false, live: false, brush: false };
    }

    #repaintLive() {
        const context = this.#cleared(this.live);
        const { drawing, selection, before, time, playing } = this.session;
        const frames = framesOf(drawing);
        drawing.trajectories.forEach((trajectory, index) => {
            const added = before !== null && index >= before.trajectories.length;
            if (trajectory.hidden || (!added && !selection.includes(index))) return;
            paintTrajectory(context, this.viewport, trajectory, this.#lookOf(index));
            if (selection.length === 1 && !added) {
                paintPoints(context, this.viewport, trajectory, this.#lookOf(index), frames);
            }
        });
        if (playing || time > 0) {
            drawing.trajectories.forEach((trajectory, index) => {
                if (!trajectory.hidden) paintNow(context, this.viewport, trajectory, this.#lookOf(index), time);
            });
        }
        if (this.cursor?.kind === "brush") paintBrushCursor(context, this.cursor.at, this.cursor.radius);
        if (this.cursor?.kind === "box") paintBox(context, this.cursor.from, this.cursor.to);
        if (this.cross) paintCross(context, this.viewport.toCanvas(this.cross), this.markSize);
    }

    repaintBrush() {
        const { brush } = this.session.drawing;
        if (brush) {
            this.paintBrush(brush, { x: 0, y: 0, width: brush.size[0], height: brush.size[1] });
        } else {
            this.paint.width = this.paint.height = 1;
        }
        this.#shownBrush = brush;
    }

    /** @param {number} index @returns {import("./draw.js").Look} */
    #lookOf(index) {
        const { drawing, selection, point } = this.session;
        return {
            color: colorOf(drawing.trajectories[index], index),
            selected: selection.includes(index),
            point: selection.length === 1 && selection[0] === index ? point : null,
            size: this.markSize,
        };
    }

    /** @param {Brush} brush */
    #brushContext(brush) {
        const [width, height] = brush.size;
        if (this.paint.width !== width || this.paint.height !== height) {
            this.paint.width = width;
            this.paint.height = height;
        }
        return context2d(this.paint);
    }

    /** @param {HTMLCanvasElement} canvas */
    #cleared(canvas) {
        const context = context2d(canvas);
        const density = this.viewport.width ? canvas.width / this.viewport.width : 1;
        context.setTransform(density, 0, 0, density, 0, 0);
        context.clearRect(0, 0, this.viewport.width, this.viewport.height);
        return context;
    }
}

/** @param {HTMLCanvasElement} canvas */
function context2d(canvas) {
    const context = canvas.getContext("2d");
    if (!context) throw new Error("This browser gives no 2D canvas; the trajectory editor needs one.");
    return context;
}

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} name
 */
function layer(tag, name) {
    const element = document.createElement(tag);
    element.className = name;
    return element;
}

/** Has the focus while the drawing has it: ComfyUI leaves the keys to a text field. */
function sink() {
    const element = layer("textarea", "m-sink");
    element.readOnly = true;
    element.setAttribute("role", "application");
    element.setAttribute("aria-label", word("stage.label"));
    return element;
}
