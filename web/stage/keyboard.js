// The keyboard on the drawing: shortcuts, the cross that draws without a mouse, and nudges. ComfyUI's own shortcuts
// never see the keys that are used here.

import { replacedMany } from "../drawing/drawing.js";
import { moved, movePoint } from "../drawing/trajectory.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("./stage.js").Stage} Stage */
/** @typedef {import("../panels/command_buttons.js").Commands} Commands */

export const HOST = ["Ctrl+Enter", "Ctrl+Shift+Enter", "Ctrl+Alt+Enter", "Ctrl+S", "Ctrl+Shift+S"]; // run and save stay ComfyUI's
const NATIVE = ["Ctrl+C", "Ctrl+V", "Ctrl+X"]; // the browser makes clipboard events of them
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STEP = 1; // pixels of the picture
const LEAP = 10; // of a nudge with Shift, and of the cross without

/** "Ctrl+Shift+Z" of a key event; ⌘ counts as Ctrl. @param {KeyboardEvent} event */
export function chordOf({ key, ctrlKey, metaKey, altKey, shiftKey }) {
    const name = key === " " ? "Space" : key.length === 1 ? key.toUpperCase() : key;
    const symbol = key.length === 1 && key.toUpperCase() === key.toLowerCase() && key !== " ";
    const held = [ctrlKey || metaKey ? "Ctrl" : "", altKey ? "Alt" : "", shiftKey && !symbol ? "Shift" : ""];
    return [...held.filter(Boolean), name].join("+");
}

/**
 * ComfyUI reads the keys of its undo a frame later, past every stop, and would take a step of the graph back while the
 * focus is on one of our buttons. By then this key has no name. To be heard while the event is captured.
 * @param {KeyboardEvent} event
 */
export function unreadLater(event) {
    const { key } = event;
    if (!(event.ctrlKey || event.metaKey) || !/^[yz]$/i.test(key)) return;
    const get = () => (event.eventPhase === Event.NONE ? "Unidentified" : key);
    Object.defineProperty(event, "key", { get, configurable: true });
}

export class Keyboard {
    #space = false;
    #nudged = false; // since a key went down: all its repeats are one step

    /**
     * @param {HTMLElement} surface  of the editor
     * @param {Session} session
     * @param {Stage} stage
     * @param {Commands} commands
     * @param {{enter: () => void, escape: () => void, space: (held: boolean) => void}} acts
     *   escape: one step back out of what is going on. space: the bar is held, or no longer.
     */
    constructor(surface, session, stage, commands, acts) {
        this.surface = surface;
        this.session = session;
        this.stage = stage;
        this.acts = acts;
        this.byChord = new Map(Object.values(commands).flatMap((command) => command.keys.map((key) => [key, command])));
    }

    on() {
        this.surface.addEventListener("keydown", unreadLater, true);
        this.surface.addEventListener("keydown", this.#down);
        this.surface.addEventListener("keyup", this.#up);
        this.surface.addEventListener("focusout", this.#left);
    }

    off() {
        this.settle();
        this.surface.removeEventListener("keydown", unreadLater, true);
        this.surface.removeEventListener("keydown", this.#down);
        this.surface.removeEventListener("keyup", this.#up);
        this.surface.removeEventListener("focusout", this.#left);
    }

    #down = (/** @type {KeyboardEvent} */ event) => {
        const chord = chordOf(event);
        if (HOST.includes(chord) || event.key === "Tab") return;
        event.stopPropagation();
        if (event.defaultPrevented || event.isComposing || NATIVE.includes(chord)) return;
        if (event.target !== this.stage.sink && ownsKey(event.target, event)) return;
        if (this.#act(chord, event)) event.preventDefault();
    };

    #up = (/** @type {KeyboardEvent} */ event) => {
        event.stopPropagation();
        if (event.key === " ") this.#left();
        if (event.key in ARROWS) this.settle();
    };

    /** A key let go elsewhere is not heard of. */
    #left = () => {
        if (this.#space) this.acts.space(false);
        this.#space = false;
        this.settle();
    };

    /** @param {string} chord @param {KeyboardEvent} event @returns {boolean} whether the key meant anything here */
    #act(chord, event) {
        if (!(event.key in ARROWS)) this.settle();
        if (chord === "Escape") {
            this.acts.escape();
            return true;
        }
        if (event.key in ARROWS && !event.ctrlKey && !event.metaKey && !event.altKey) {
            this.#arrow(ARROWS[/** @type {keyof typeof ARROWS} */ (event.key)], event.shiftKey);
            return true;
        }
        if (chord === "Enter") {
            this.acts.enter();
            return true;
        }
        if (chord === "Space") {
            if (!event.repeat) this.acts.space(true);
            this.#space = true;
            return true;
        }
        const command = this.byChord.get(chord);
        if (command?.enabled()) command.run();
        return command !== undefined || event.target === this.stage.sink;
    }

    /** Selected things are nudged with the select tool; with the others the cross moves. @param {number[]} way @param {boolean} shift */
    #arrow([x, y], shift) {
        const { session, stage } = this;
        const [width, height] = session.aspect;
        const nudging = session.tool === "select" && session.selection.length > 0;
        const length = nudging === shift ? LEAP : STEP;
        const [dx, dy] = [(x * length) / width, (y * length) / height];
        if (!nudging) {
            const [fromX, fromY] = stage.cross ?? [0.5, 0.5];
            stage.cross = [fromX + dx, fromY + dy];
            stage.refresh();
            return;
        }
        const edits = session.selection
            .filter((index) => !session.drawing.trajectories[index].locked)
            .map((index) => {
                const trajectory = session.drawing.trajectories[index];
                if (session.point === null) return /** @type {const} */ ([index, moved(trajectory, dx, dy)]);
                const [px, py] = trajectory.points[session.point];
                return /** @type {const} */ ([index, movePoint(trajectory, session.point, [px + dx, py + dy], session.aspect)]);
            });
        session.preview(replacedMany(session.drawing, new Map(edits)));
        this.#nudged = true;
    }

    /** Makes a step of what was nudged. */
    settle() {
        if (this.#nudged) this.session.commit();
        this.#nudged = false;
    }
}

/** Whether a field or button needs this key itself. @param {EventTarget|null} target @param {KeyboardEvent} event */
function ownsKey(target, event) {
    if (target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return event.key !== "Escape";
    if (target instanceof HTMLInputElement) {
        if (target.type === "checkbox" || target.type === "color") return [" ", "Enter"].includes(event.key);
        if (target.type === "range") return event.key in ARROWS || ["Home", "End", "PageUp", "PageDown"].includes(event.key);
        return event.key !== "Escape";
    }
    return target instanceof HTMLElement && target.closest("button, a, [role=option], [role=menuitem]") !== null
        ? [" ", "Enter"].includes(event.key)
        : false;
}
