// The stage: the picture and what is drawn on it, in layers. Each layer is painted only when what it shows has changed,
// so a gesture paints one curve, however much else there is.

import { BrushLayer } from "./brush_layer.js";
import { colorOf } from "../drawing/drawing.js";
import { framesOf } from "../drawing/clip.js";
import { paintBox, paintBrushCursor, paintCross, paintNow, paintPoints, paintTrajectory } from "./draw.js";
import { context2d, element } from "../page/element.js";
import { hitsAt } from "../drawing/hits.js";
import { word } from "../page/words.js";
import { Viewport } from "../drawing/viewport.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("../drawing/brush.js").Brush} Brush */
/** @typedef {import("../drawing/trajectory.js").Point} Point */

const REACH = { mouse: 12, touch: 24 }; // screen pixels around a point in which it is met, whatever the zoom
const MOST_PIXELS = 4096; // of a layer's side
const MANY = 40; // trajectories: more are painted coarsely while they move
const RESTS = 120; // milliseconds without a move of the view
const WATCH = 300; // milliseconds between looks at whether the graph was zoomed

export class Stage extends EventTarget {
    #dirty = { lines: true, live: true, brush: true, stroke: false };
    #frame = 0;
    #watch = 0;
    #size = "";
    /** @type {Viewport} what the lines were painted for */
    #linesView;
    #moving = 0;
    /** @type {ResizeObserver|null} */
    #resized = null;
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
        this.paper = element("div", { class: "m-paper" });
        this.preview = element("canvas", { class: "m-preview", hidden: true });
        this.brush = new BrushLayer();
        this.lines = element("canvas", { class: "m-lines" });
        this.live = element("canvas", { class: "m-live" });
        this.label = element("div", { class: "m-readout" });
        this.note = element("div", { class: "m-note", role: "status" });
        this.empty = element("div", { class: "m-empty" });
        // It has the focus while the drawing has it: ComfyUI leaves the keys to a text field.
        this.sink = element("textarea", { class: "m-sink", readonly: true, role: "application", "aria-label": word("stage.label") });
        const layers = [this.paper, this.preview, this.brush.element, this.lines, this.live];
        this.element = element("div", { class: "m-stage" }, ...layers, this.empty, this.note, this.label, this.sink);
        this.viewport = new Viewport({ width: 1, height: 1, picture: session.aspect });
        this.#linesView = this.viewport;
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
        clearTimeout(this.#moving);
        this.#moving = 0;
        cancelAnimationFrame(this.#frame);
        this.#frame = 0;
        for (const [topic, listener] of this.#topics) this.session.removeEventListener(topic, listener);
    }

    /** @param {Viewport} viewport */
    look(viewport) {
        this.viewport = viewport;
        this.#place();
        const same = !this.#dirty.lines && viewport.picture === this.#linesView.picture;
        if (same && this.session.drawing.trajectories.length > MANY) this.#carry();
        else this.#touch("lines");
        this.#touch("live");
        this.dispatchEvent(new Event("look"));
    }

    /** The view moves: many lines go with it as they were painted, and are painted anew when it rests. */
    #carry() {
        const [from, to] = [this.#linesView.rect(), this.viewport.rect()];
        const scale = to.width / from.width;
        this.lines.style.transform = `translate(${to.x - from.x * scale}px, ${to.y - from.y * scale}px) scale(${scale})`;
        clearTimeout(this.#moving);
        this.#moving = window.setTimeout(() => {
            this.#moving = 0;
            this.#touch("lines", "live");
        }, RESTS);
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

    /** The brush layer follows a stroke under way. @param {Brush} brush @param {import("../drawing/brush.js").Rect} part */
    paintBrush(brush, part) {
        this.brush.paint(brush, part);
        this.#touch("stroke");
    }

    /** The stroke came to nothing. */
    forgetStroke() {
        this.#touch("brush");
    }

    #topics = /** @type {[string, () => void][]} */ ([
        ["drawing", () => this.#touch(...(this.session.before ? [] : /** @type {const} */ (["lines"])), "live", "brush")],
        ["selection", () => this.#touch("lines", "live")],
        ["time", () => this.#touch("live")],
        ["tool", () => this.#touch("live")],
        ["picture", () => this.#turnPage()],
    ]);

    /** @param {...("lines"|"live"|"brush"|"stroke")} layers */
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
        this.note.textContent = picture?.note ?? "";
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
        this.#dirty = { ...this.#dirty, lines: true, live: true };
        this.#repaint(); // at once: a canvas that was resized is empty
    }

    /** Puts picture and brush where the viewport has them. */
    #place() {
        const { x, y, width, height } = this.viewport.rect();
        for (const { style } of [this.paper, this.brush.element]) {
            style.left = `${x}px`;
            style.top = `${y}px`;
            style.width = `${width}px`;
            style.height = `${height}px`;
        }
        const [across, down] = [this.viewport.width, this.viewport.height];
        const shares = [x / across, y / down, width / across, height / down]; // where the picture is, for who looks from outside
        this.element.dataset.picture = shares.map((share) => share.toFixed(6)).join(" ");
    }

    #repaint() {
        const { drawing, selection, before } = this.session;
        const shown = before ?? drawing;
        if (this.#dirty.brush) this.brush.show(drawing.brush);
        else if (this.#dirty.stroke) this.brush.soften();
        const size = this.markSize;
        if (this.#dirty.lines) {
            this.#linesView = this.viewport;
            this.lines.style.transform = "";
            const context = this.#cleared(this.lines);
            shown.trajectories.forEach((trajectory, index) => {
                if (trajectory.hidden || selection.includes(index)) return;
                paintTrajectory(context, this.viewport, trajectory, this.#lookOf(index, size));
            });
        }
        if (this.#dirty.live) this.#repaintLive(size);
        this.#dirty = { lines: false, live: false, brush: false, stroke: false };
    }

    /** @param {number} size  of the marks */
    #repaintLive(size) {
        const context = this.#cleared(this.live);
        const { drawing, selection, before, time, playing } = this.session;
        const frames = framesOf(drawing);
        const quick = (before !== null || this.#moving !== 0) && selection.length > MANY;
        drawing.trajectories.forEach((trajectory, index) => {
            const added = before !== null && index >= before.trajectories.length;
            if (trajectory.hidden || (!added && !selection.includes(index))) return;
            paintTrajectory(context, this.viewport, trajectory, this.#lookOf(index, size, quick));
            if (selection.length === 1 && !added) {
                paintPoints(context, this.viewport, trajectory, this.#lookOf(index, size), frames);
            }
        });
        if (playing || time > 0) {
            drawing.trajectories.forEach((trajectory, index) => {
                if (!trajectory.hidden) paintNow(context, this.viewport, trajectory, this.#lookOf(index, size), time);
            });
        }
        if (this.cursor?.kind === "brush") paintBrushCursor(context, this.cursor.at, this.cursor.radius);
        if (this.cursor?.kind === "box") paintBox(context, this.cursor.from, this.cursor.to);
        if (this.cross) paintCross(context, this.viewport.toCanvas(this.cross), size);
    }

    /**
     * @param {number} index @param {number} size  of the marks @param {boolean} [quick]
     * @returns {import("./draw.js").Look}
     */
    #lookOf(index, size, quick = false) {
        const { drawing, selection, point } = this.session;
        return {
            color: colorOf(drawing.trajectories[index], index),
            selected: selection.includes(index),
            point: selection.length === 1 && selection[0] === index ? point : null,
            size,
            quick,
        };
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
