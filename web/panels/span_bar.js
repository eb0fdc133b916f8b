// When the selected trajectories start and end, as a bar under the slider: its ends and its middle are dragged, or moved
// by the arrow keys, from frame to frame. A drag is one step, and so is a key with its repeats.

import { frameAt, framesOf } from "../drawing/clip.js";
import { replacedMany } from "../drawing/drawing.js";
import { element, mark } from "../page/element.js";
import { pulled, respanned, spanOfAll } from "../drawing/span.js";
import { word } from "../page/words.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("../drawing/span.js").Part} Part */
/** @typedef {import("../drawing/span.js").Span} Span */

/**
 * @typedef {Object} Pull  while it goes on
 * @property {Part} part
 * @property {Span} span  when it began
 * @property {import("../drawing/drawing.js").Drawing} drawing  when it began
 * @property {readonly number[]} selection
 * @property {number} by  of the clip, so far
 * @property {{id: number, x: number, width: number}|null} pointer  null for keys; x, width: CSS pixels of the page
 */

/** @type {readonly Part[]} */
const PARTS = ["start", "whole", "end"];
const TREMBLE = 3; // CSS pixels that a press may go without being a drag
const LEAP = 10; // frames, with Shift
const STEPS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };

export class SpanBar {
    /** @type {Pull|null} */
    #pull = null;

    /** @param {Session} session */
    constructor(session) {
        this.session = session;
        this.grips = PARTS.map((part) =>
            element("div", {
                class: `m-grip is-${part}`,
                role: "slider",
                tabindex: 0,
                "data-part": part,
                "aria-label": word(`span.${part}`),
                "aria-valuemin": 1,
                title: word(`span.${part}`),
            }),
        );
        this.element = element("div", { class: "m-span", hidden: true }, ...this.grips);
        /** @type {[keyof HTMLElementEventMap, (event: any) => void][]} */
        this.listeners = [
            ["pointerdown", this.#down],
            ["pointermove", this.#move],
            ["pointerup", this.#up],
            ["pointercancel", this.#lost],
            ["lostpointercapture", this.#lost],
            ["keydown", this.#key],
            ["keyup", this.#keyUp],
            ["focusout", this.#keyUp],
        ];
    }

    on() {
        for (const [type, listener] of this.listeners) this.element.addEventListener(type, listener);
    }

    off() {
        this.cancel();
        for (const [type, listener] of this.listeners) this.element.removeEventListener(type, listener);
    }

    render() {
        const span = spanOfAll(this.session.selected);
        if (!span && this.element.contains(document.activeElement)) {
            const slider = this.element.parentElement?.querySelector("input"); // else the next key were the graph's
            slider?.focus({ preventScroll: true });
        }
        this.element.hidden = !span;
        if (!span) return;
        const frames = framesOf(this.session.drawing);
        const [start, end] = span.map((time) => Math.round(frameAt(time, frames) * 10) / 10);
        this.element.style.setProperty("--m-start", String(span[0]));
        this.element.style.setProperty("--m-end", String(span[1]));
        for (const [index, part] of PARTS.entries()) {
            const grip = this.grips[index];
            const frame = part === "end" ? end : start;
            mark(grip, "aria-valuemax", String(frames));
            mark(grip, "aria-valuenow", String(frame));
            mark(grip, "aria-valuetext", part === "whole" ? word("span.told", { start, end }) : word("time.frame", { frame, frames }));
        }
    }

    /** What is under way comes to its end before something else is done: keys made a step, a drag did not. @returns {boolean} whether a drag ended */
    cancel() {
        const pull = this.#pull;
        this.#settle();
        if (!pull?.pointer) return false;
        this.#pull = null;
        if (this.#isGoingOn(pull)) this.session.rollback();
        return true;
    }

    /** @param {Part} part @param {Pull["pointer"]} pointer */
    #begin(part, pointer) {
        const { drawing, selection, selected } = this.session;
        const span = spanOfAll(selected);
        if (span) this.#pull = { part, span, drawing, selection, by: 0, pointer };
    }

    /** Nobody else changed the drawing meanwhile. @param {Pull} pull */
    #isGoingOn({ drawing }) {
        return (this.session.before ?? this.session.drawing) === drawing;
    }

    /** @param {number} by  of the clip, since it began */
    #to(by) {
        const pull = this.#pull;
        if (!pull) return;
        if (!this.#isGoingOn(pull)) {
            this.#pull = null;
            return;
        }
        const { part, span, drawing, selection } = pull;
        const to = pulled(span, part, by, framesOf(drawing));
        pull.by = part === "end" ? to[1] - span[1] : to[0] - span[0];
        const edits = selection.map((index) => /** @type {const} */ ([index, respanned(drawing.trajectories[index], span, to)]));
        this.session.preview(replacedMany(drawing, new Map(edits)));
    }

    #finish() {
        const pull = this.#pull;
        this.#pull = null;
        if (pull && this.#isGoingOn(pull) && this.session.before) this.session.commit();
    }

    /** Makes a step of what keys moved. */
    #settle() {
        if (this.#pull?.pointer === null) this.#finish();
    }

    #down = (/** @type {PointerEvent} */ event) => {
        const grip = event.target instanceof HTMLElement ? event.target : null;
        event.preventDefault();
        event.stopPropagation();
        if (event.button !== 0 || this.#pull?.pointer || !grip?.dataset.part) return;
        this.#settle();
        const width = this.element.getBoundingClientRect().width;
        const [start, end] = spanOfAll(this.session.selected) ?? [0, 1];
        this.#begin(/** @type {Part} */ (grip.dataset.part), { id: event.pointerId, x: event.clientX, width: width / (end - start) });
        grip.setPointerCapture(event.pointerId);
        // The keyboard stays on the drawing, if it was in the editor.
        if (!this.element.closest(".motion-i2v-surface")?.contains(document.activeElement)) grip.focus({ preventScroll: true });
    };

    #move = (/** @type {PointerEvent} */ event) => {
        const pull = this.#pull;
        if (pull?.pointer?.id !== event.pointerId) return;
        event.stopPropagation();
        const way = event.clientX - pull.pointer.x;
        if (this.session.before || Math.abs(way) > TREMBLE) this.#to(way / pull.pointer.width);
    };

    #up = (/** @type {PointerEvent} */ event) => {
        event.stopPropagation();
        if (this.#pull?.pointer?.id === event.pointerId) this.#finish();
    };

    #lost = (/** @type {PointerEvent} */ event) => {
        event.stopPropagation();
        if (this.#pull?.pointer?.id === event.pointerId) this.cancel();
    };

    #key = (/** @type {KeyboardEvent} */ event) => {
        if (event.ctrlKey || event.altKey || event.metaKey) return;
        const step = STEPS[/** @type {keyof typeof STEPS} */ (event.key)] * (event.shiftKey ? LEAP : 1);
        const by = { Home: -1, End: 1 }[event.key] ?? step / Math.max(1, framesOf(this.session.drawing) - 1);
        const part = event.target instanceof HTMLElement && event.target.dataset.part;
        if (!part || Number.isNaN(by)) return;
        event.preventDefault();
        event.stopPropagation();
        if (!this.#pull) this.#begin(/** @type {Part} */ (part), null);
        if (this.#pull?.pointer === null) this.#to(this.#pull.by + by);
    };

    #keyUp = () => this.#settle();
}
