// One editing session: what is drawn, what is selected, which tool is held. All parts of the editor share it and hear
// of its changes; none of them talks to another.

import { History } from "./drawing/history.js";
import { EMPTY, parse, textOf } from "./drawing/drawing.js";

/** @typedef {import("./drawing/drawing.js").Drawing} Drawing */
/** @typedef {import("./drawing/trajectory.js").Trajectory} Trajectory */
/** @typedef {"drawing"|"selection"|"tool"|"time"|"picture"|"settings"|"status"} Topic */

/**
 * @typedef {Object} Picture  what is drawn on
 * @property {HTMLImageElement|HTMLVideoElement|HTMLCanvasElement} element
 * @property {number} width  pixels of the original
 * @property {number} height
 * @property {string} note  what the artist should know about it, e.g. that a later node crops it; often empty
 */

/**
 * @typedef {Object} Settings  how the tools work; of the session, never of the drawing
 * @property {number} brushSize  diameter, of the picture's longer side
 * @property {boolean} pressureSize  pen pressure makes the brush smaller and larger
 * @property {boolean} handTiming  a drag keeps the timing of the hand; else its speed is steady
 * @property {string} color  of the next trajectory, "" for the next of the palette
 * @property {"smooth"|"straight"} curve  of the next path
 */

const NO_PICTURE = /** @type {const} */ ([512, 320]); // drawn on while nothing is connected

export class Session extends EventTarget {
    constructor() {
        super();
        /** @type {Drawing} */
        this.drawing = EMPTY;
        /** @type {readonly number[]} indexes of the selected trajectories */
        this.selection = [];
        /** @type {number|null} index of the selected point, of the one selected trajectory */
        this.point = null;
        this.tool = "drag";
        this.time = 0;
        this.playing = false;
        /** @type {Picture|null} */
        this.picture = null;
        /** @type {Settings} */
        this.settings = { brushSize: 0.08, pressureSize: true, handTiming: true, color: "", curve: "smooth" };
        this.status = "";
        this.wrong = ""; // with the value of the node, as long as it is no drawing
        this.history = new History("");
        /** @type {Drawing|null} what a gesture began with, while one is under way */
        this.before = null;
    }

    /** The value of the node. */
    get text() {
        return this.history.current;
    }

    /**
     * The node got a value from outside: loaded, pasted, undone. If it was a step here before, the steps around it stay.
     * A value that is no drawing is complained of, shown as nothing drawn, and stays the value until the artist draws.
     * @param {string} text
     */
    load(text) {
        if (text === this.text && !this.before) return;
        this.before = null;
        this.history = this.history.jumpedTo(text);
        this.#read();
        this.select([]);
    }

    /** Shows what a gesture makes of the drawing, without making it a step. @param {Drawing} drawing */
    preview(drawing) {
        this.before ??= this.drawing;
        this.#set(drawing);
    }

    /** The gesture came to nothing: everything is as it was before it. */
    rollback() {
        if (!this.before) return;
        const before = this.before;
        this.before = null;
        this.#set(before);
    }

    /**
     * Makes a step of history. Without a drawing: of what was previewed.
     * @param {Drawing} [drawing]
     */
    commit(drawing = this.drawing) {
        this.before = null;
        this.wrong = "";
        const { size: _, ...sizeless } = drawing; // of another picture, perhaps; where there is one it says its own
        const kept = this.picture ? sizeless : drawing;
        const text = textOf(kept);
        this.#set(kept);
        if (text === this.text) return;
        this.history = this.history.with(text);
        this.#tell("committed");
    }

    /** The value is this text again, whatever it says: one step. @param {string} text */
    restore(text) {
        this.rollback();
        if (text === this.text) return;
        this.history = this.history.with(text);
        this.#read();
        this.select([]);
        this.#tell("committed");
    }

    /** @returns {boolean} whether there was a step to take back */
    undo() {
        return this.#step(this.history.undone());
    }

    /** @returns {boolean} */
    redo() {
        return this.#step(this.history.redone());
    }

    /** @param {readonly number[]} indexes @param {number|null} [point] */
    select(indexes, point = null) {
        const { trajectories } = this.drawing;
        this.selection = indexes.filter((index) => index < trajectories.length);
        const points = this.selection.length === 1 ? trajectories[this.selection[0]].points.length : 0;
        this.point = point !== null && point < points ? point : null;
        this.#tell("selection");
    }

    /** @param {string} tool */
    hold(tool) {
        this.tool = tool;
        this.#tell("tool");
    }

    /** @param {number} time 0…1 of the clip */
    seek(time) {
        this.time = Math.min(1, Math.max(0, time));
        this.#tell("time");
    }

    /** @param {boolean} playing */
    play(playing) {
        this.playing = playing;
        this.#tell("time");
    }

    /** @param {Partial<Settings>} settings */
    set(settings) {
        this.settings = { ...this.settings, ...settings };
        this.#tell("settings");
    }

    /** @param {Picture|null} picture */
    show(picture) {
        this.picture = picture;
        this.#tell("picture");
    }

    /** A sentence for the artist, read out too. @param {string} status */
    say(status) {
        this.status = status;
        this.#tell("status");
    }

    /** @returns {readonly [width: number, height: number]} of what is drawn on, in pixels */
    get aspect() {
        return this.picture ? [this.picture.width, this.picture.height] : (this.drawing.size ?? NO_PICTURE);
    }

    /** @returns {readonly Trajectory[]} the selected ones */
    get selected() {
        return this.selection.map((index) => this.drawing.trajectories[index]);
    }

    /** @param {History|null} history */
    #step(history) {
        this.rollback();
        if (!history) return false;
        this.history = history;
        this.#read();
        this.select(this.selection, this.point);
        this.#tell("committed");
        return true;
    }

    /** Draws what the text says. */
    #read() {
        let drawing = EMPTY;
        this.wrong = "";
        try {
            drawing = parse(this.text);
        } catch (error) {
            this.wrong = error instanceof Error ? error.message : String(error);
        }
        this.#set(drawing);
    }

    /** @param {Drawing} drawing */
    #set(drawing) {
        this.drawing = drawing;
        this.#tell("drawing");
    }

    /** @param {Topic|"committed"} topic */
    #tell(topic) {
        this.dispatchEvent(new Event(topic));
    }
}
