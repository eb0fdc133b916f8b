// Pointer events become gestures: one finger, pen or mouse button draws, two fingers and the wheel move the view. A
// gesture that the browser takes away is rolled back, so none is ever stuck.

/** @typedef {import("../drawing/trajectory.js").Point} Point */

/**
 * @typedef {Object} Press  where a pointer is
 * @property {Point} canvas  CSS pixels of the stage
 * @property {Point} image  0…1 of the picture
 * @property {number} time  milliseconds
 * @property {number} pressure  0…1; 1 for what knows none
 * @property {number} scale  CSS pixels of the stage in a pixel of the screen, before the screen's own ratio
 * @property {boolean} pen
 * @property {boolean} touch
 * @property {boolean} eraser  the pen's other end
 * @property {boolean} shift
 */

/**
 * @typedef {Object} Gesture
 * @property {(presses: Press[]) => void} move
 * @property {(press: Press) => void} end
 * @property {() => void} [cancel]  after the session was rolled back
 */

/**
 * @typedef {Object} Hands  what gestures do
 * @property {HTMLElement} element
 * @property {(canvas: Point) => Point} toImage
 * @property {(press: Press) => Gesture|null} begin
 * @property {(press: Press|null) => void} hover  null: the pointer left
 * @property {(press: Press) => void} track  where it is, pressed or not
 * @property {(press: Press) => void} twice  a double click
 * @property {() => void} rollback
 * @property {(dx: number, dy: number) => void} pan  CSS pixels
 * @property {(at: Point, factor: number) => void} zoom
 * @property {(press: Press) => void} menu
 */

const ERASER = 32; // in buttons
const LONG_PRESS = 550; // milliseconds
const STILL = 8; // CSS pixels that a resting finger trembles
const WHEEL = 0.0015; // of zoom, in a pixel that the wheel turns
const TWICE = 350; // milliseconds between the two clicks of a double click

export class Gestures {
    /** @type {{id: number, gesture: Gesture, from: Press, pan: boolean}|null} */
    #active = null;
    /** @type {Map<number, Point>} where fingers are */
    #fingers = new Map();
    #pinching = false;
    #longPress = 0;
    #lastWasTouch = false;
    /** @type {{time: number, canvas: Point}} */
    #lastClick = { time: -Infinity, canvas: [0, 0] };
    /** While this is set, the pointer moves the view. */
    panning = false;
    /** Whether it did. */
    panned = false;

    /** @param {Hands} hands */
    constructor(hands) {
        this.hands = hands;
        /** @type {[keyof HTMLElementEventMap, (event: any) => void][]} */
        this.listeners = [
            ["pointerdown", this.#down],
            ["pointermove", this.#move],
            ["pointerup", this.#up],
            ["pointercancel", this.#cancelled],
            ["lostpointercapture", this.#cancelled],
            ["pointerleave", this.#left],
            ["wheel", this.#wheel],
            ["contextmenu", this.#menu],
            ["dblclick", this.#ours],
            ["click", this.#ours],
            ["mousedown", this.#ours],
        ];
    }

    on() {
        for (const [name, listener] of this.listeners) {
            this.hands.element.addEventListener(name, listener, { passive: false });
        }
    }

    off() {
        this.cancel();
        this.#fingers.clear();
        this.#pinching = false;
        for (const [name, listener] of this.listeners) this.hands.element.removeEventListener(name, listener);
    }

    get active() {
        return this.#active !== null;
    }

    /** Takes back what is under way. */
    cancel() {
        clearTimeout(this.#longPress);
        const active = this.#active;
        this.#active = null;
        if (!active) return;
        this.hands.rollback();
        active.gesture.cancel?.();
    }

    /** @param {PointerEvent|MouseEvent} event @returns {Press} */
    #press(event) {
        const box = this.hands.element.getBoundingClientRect();
        const scale = box.width ? this.hands.element.clientWidth / box.width : 1;
        /** @type {Point} */
        const canvas = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
        const kind = event instanceof PointerEvent ? event.pointerType : "mouse";
        return {
            canvas,
            image: this.hands.toImage(canvas),
            time: event.timeStamp,
            pressure: kind === "pen" && event instanceof PointerEvent ? event.pressure : 1,
            scale,
            pen: kind === "pen",
            touch: kind === "touch",
            eraser: (event.buttons & ERASER) !== 0,
            shift: event.shiftKey,
        };
    }

    #down = (/** @type {PointerEvent} */ event) => {
        event.preventDefault();
        event.stopPropagation();
        const press = this.#press(event);
        this.#lastWasTouch = press.touch;
        const under = this.#active?.from;
        if (press.touch && under?.pen) return; // the palm of the hand that holds the pen
        if (press.pen || (event.isPrimary && press.touch)) {
            // No other finger counts: it is the palm, or its end was heard by another element.
            this.#fingers.clear();
            this.#pinching = false;
        }
        if (under && event.isPrimary && (press.pen || under.touch === press.touch)) this.cancel();
        if (press.touch) {
            this.#fingers.set(event.pointerId, press.canvas);
            this.#capture(event);
            if (this.#fingers.size > 1) {
                this.cancel();
                this.#pinching = true;
                return;
            }
        }
        if (this.#active || this.#pinching || event.button === 2) return;
        const pan = event.button === 1 || this.panning;
        const gesture = pan ? this.#panning(press) : this.hands.begin(press);
        if (!gesture) return;
        this.#capture(event);
        this.#active = { id: event.pointerId, gesture, from: press, pan };
        if (press.touch) {
            this.#longPress = window.setTimeout(() => {
                this.cancel();
                this.hands.menu(press);
            }, LONG_PRESS);
        }
    };

    #move = (/** @type {PointerEvent} */ event) => {
        const press = this.#press(event);
        this.hands.track(press);
        if (press.touch && this.#fingers.has(event.pointerId)) {
            event.stopPropagation();
            if (this.#pinching) this.#pinch(event.pointerId, press.canvas);
            this.#fingers.set(event.pointerId, press.canvas);
        }
        if (this.#active?.id !== event.pointerId) {
            if (!this.#active && !this.#pinching) this.hands.hover(press);
            return;
        }
        event.stopPropagation();
        if (apart(press.canvas, this.#active.from.canvas) > STILL * press.scale) clearTimeout(this.#longPress);
        const parts = event.getCoalescedEvents?.() ?? [];
        this.#active.gesture.move(parts.length > 1 ? parts.map((part) => this.#press(part)) : [press]);
    };

    #up = (/** @type {PointerEvent} */ event) => {
        event.stopPropagation();
        this.#lifted(event.pointerId);
        if (this.#active?.id !== event.pointerId) return;
        clearTimeout(this.#longPress);
        const { gesture, from, pan } = this.#active;
        const press = this.#press(event);
        this.#active = null;
        gesture.end(press);
        if (pan) return;
        const again = press.time - this.#lastClick.time < TWICE;
        const near = (/** @type {Point} */ point) => apart(press.canvas, point) < STILL * press.scale;
        if (again && near(this.#lastClick.canvas) && near(from.canvas)) {
            this.#lastClick = { time: -Infinity, canvas: press.canvas };
            this.hands.twice(press);
        } else {
            this.#lastClick = { time: press.time, canvas: press.canvas };
        }
    };

    #cancelled = (/** @type {PointerEvent} */ event) => {
        event.stopPropagation();
        this.#lifted(event.pointerId);
        if (this.#active?.id === event.pointerId) this.cancel();
    };

    #left = () => {
        if (!this.#active) this.hands.hover(null);
    };

    #wheel = (/** @type {WheelEvent} */ event) => {
        event.preventDefault();
        event.stopPropagation();
        const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
        this.hands.zoom(this.#press(event).canvas, Math.exp(-event.deltaY * lines * WHEEL));
    };

    #menu = (/** @type {MouseEvent} */ event) => {
        event.preventDefault();
        event.stopPropagation();
        if (!this.#lastWasTouch) this.hands.menu(this.#press(event));
    };

    #ours = (/** @type {Event} */ event) => event.stopPropagation();

    /** @param {Press} from @returns {Gesture} */
    #panning(from) {
        let [x, y] = from.canvas;
        return {
            move: (presses) => {
                this.panned = true;
                const [toX, toY] = presses[presses.length - 1].canvas;
                this.hands.pan(toX - x, toY - y);
                [x, y] = [toX, toY];
            },
            end: () => {},
        };
    }

    /** Two fingers: their middle drags the view, their distance zooms it. @param {number} id @param {Point} to */
    #pinch(id, to) {
        const from = this.#fingers.get(id);
        const other = [...this.#fingers].find(([finger]) => finger !== id)?.[1];
        if (!from || !other) return;
        this.hands.pan((to[0] - from[0]) / 2, (to[1] - from[1]) / 2);
        const before = apart(from, other);
        if (before > 0) this.hands.zoom([(to[0] + other[0]) / 2, (to[1] + other[1]) / 2], apart(to, other) / before);
    }

    /** @param {number} id */
    #lifted(id) {
        this.#fingers.delete(id);
        if (this.#fingers.size === 0) this.#pinching = false;
    }

    /** @param {PointerEvent} event */
    #capture(event) {
        try {
            this.hands.element.setPointerCapture(event.pointerId);
        } catch (error) {
            if (!(error instanceof DOMException)) throw error; // the pointer is gone already; its end will not be missed
        }
    }
}

/** @param {Point} a @param {Point} b */
function apart(a, b) {
    return Math.hypot(a[0] - b[0], a[1] - b[1]);
}
