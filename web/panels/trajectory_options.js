// What can be set of the selected trajectories, and of the selected point.

import { frameAt, framesOf, timeAt } from "../drawing/clip.js";
import { commandButton } from "./command_buttons.js";
import { colorOf, labelOf, replacedMany } from "../drawing/drawing.js";
import { element, mark } from "../page/element.js";
import { choice, entry, tick } from "./field.js";
import { icon } from "./icons.js";
import { holds, isPin, movePoint, spanOf, timesOf, withHold, withKey, withSpan, withTime, withTiming } from "../drawing/trajectory.js";
import { word } from "../page/words.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("../drawing/trajectory.js").Trajectory} Trajectory */
/** @typedef {import("./command_buttons.js").Commands} Commands */
/** @typedef {import("./field.js").Field} Field */

/**
 * @typedef {Object} Moment  what an edit needs to know besides the trajectory
 * @property {number} frames
 * @property {readonly [number, number]} aspect
 * @property {number} point  index of the selected point
 */

/** @param {number} value @returns {string} without needless decimals */
function short(value) {
    return String(Math.round(value * 10) / 10);
}

/** Whether equal times pass between its points. @param {Trajectory} trajectory */
function isEven(trajectory) {
    const times = timesOf(trajectory);
    const last = times.length - 1;
    return times.every((time, i) => Math.abs(time - times[0] - ((times[last] - times[0]) * i) / last) < 0.001);
}

/** What each field shows of a trajectory. @type {Record<string, (t: Trajectory, moment: Moment) => string|boolean>} */
const SHOWN = {
    name: (t) => t.name ?? "",
    start: (t, { frames }) => short(frameAt(spanOf(t)[0], frames)),
    end: (t, { frames }) => short(frameAt(spanOf(t)[1], frames)),
    easing: (t) => t.easing ?? "linear",
    timing: (t) => t.timing ?? (isEven(t) ? "even" : "given"),
    curve: (t) => t.curve ?? "smooth",
    hold: (t) => holds(t),
    x: (t, { point }) => short(t.points[point][0] * 100),
    y: (t, { point }) => short(t.points[point][1] * 100),
    time: (t, { point, frames }) => short(frameAt(timesOf(t)[point], frames)),
};

/** What each field makes of a trajectory. @type {Record<string, (t: Trajectory, value: any, moment: Moment) => Trajectory>} */
const EDITS = {
    name: (t, value) => withKey(t, "name", value.trim()),
    start: (t, value, { frames }) => withSpan(t, timeAt(Number(value), frames), spanOf(t)[1]),
    end: (t, value, { frames }) => {
        const [start] = spanOf(t);
        return withSpan(t, start, timeAt(Number(value), frames));
    },
    easing: (t, value) => withKey(t, "easing", value),
    timing: (t, value, { aspect }) => withTiming(t, value === "even" ? undefined : value, aspect),
    curve: (t, value) => withKey(t, "curve", value),
    hold: (t, value) => withHold(t, value),
    color: (t, value) => withKey(t, "color", value),
    locked: (t, value) => withKey(t, "locked", value),
    hidden: (t, value) => withKey(t, "hidden", value),
    x: (t, value, { point, aspect }) => movePoint(t, point, [Number(value) / 100, t.points[point][1]], aspect),
    y: (t, value, { point, aspect }) => movePoint(t, point, [t.points[point][0], Number(value) / 100], aspect),
    time: (t, value, { point, frames }) => withTime(t, point, timeAt(Number(value), frames)),
};
const NUMBERS = new Set(["start", "end", "x", "y", "time"]);
const LOST = new Set(["hand", "given"]);
const MOVING = ["start", "end", "easing", "timing", "curve", "hold"]; // what a pin has not

export class TrajectoryOptions {
    /** @param {Session} session @param {Commands} commands */
    constructor(session, commands) {
        this.session = session;
        /** @type {{selection: readonly number[], point: number|null}|null} what was selected when typing began */
        this.about = null;
        const frames = { min: 1, step: "any", width: "3.5ch" };
        const place = { min: -50, max: 150, step: "any", unit: "%", width: "4.5ch" };
        /** @type {Record<string, Field>} */
        this.fields = {
            name: entry("name", word("option.name"), "text", { width: "9ch" }),
            x: entry("x", "x", "number", /** @type {any} */ (place)),
            y: entry("y", "y", "number", /** @type {any} */ (place)),
            time: entry("time", word("option.time"), "number", /** @type {any} */ (frames)),
            start: entry("start", word("option.start"), "number", /** @type {any} */ (frames)),
            end: entry("end", word("option.end"), "number", /** @type {any} */ (frames)),
            easing: this.#choice("easing", ["linear", "in", "out", "in_out"]),
            timing: this.#choice("timing", ["hand", "given", "steady", "even"]),
            curve: this.#choice("curve", ["smooth", "straight"]),
            hold: tick("hold", word("option.hold")),
        };
        this.color = element("button", {
            type: "button",
            class: "m-swatch",
            "data-action": "palette",
            "aria-label": word("option.color"),
            title: word("option.color"),
        });
        this.toggles = { locked: this.#toggle("locked", "unlocked"), hidden: this.#toggle("hidden", "seen") };
        this.actions = element(
            "div",
            { class: "m-group" },
            this.toggles.locked,
            this.toggles.hidden,
            ...["edit.reverse", "edit.duplicate", "edit.delete"].map((id) => commandButton(commands, id)),
        );
        this.element = element("div", { class: "m-section", role: "group", "aria-label": word("part.selection") });
        const { name, ...others } = this.fields;
        this.element.append(this.color, name.element, this.actions);
        this.element.append(...Object.values(others).map((field) => field.element));
    }

    /** @returns {string|null} the colour of all selected ones, null if they differ */
    get shownColor() {
        const colors = new Set(this.session.selection.map((index) => colorOf(this.session.drawing.trajectories[index], index)));
        return colors.size === 1 ? [...colors][0] : null;
    }

    render() {
        const { selection, selected, point } = this.session;
        if (!selected.length) return;
        const moment = this.#moment(point);
        const still = selected.every(isPin);
        const single = point !== null && point < selected[0].points.length;
        for (const [name, field] of Object.entries(this.fields)) {
            const ofPoint = name === "x" || name === "y" || name === "time";
            field.element.hidden = ofPoint ? !single || (name === "time" && still) : still && MOVING.includes(name);
            if (field.element.hidden) continue;
            const values = new Set(selected.map((t) => SHOWN[name](t, moment)));
            field.show(values.size === 1 ? [...values][0] : null);
        }
        const words = { trajectory: word("trajectory"), pin: word("pin") };
        const called = selection.length === 1 ? labelOf(this.session.drawing, selection[0], words) : "–";
        this.fields.name.input.setAttribute("placeholder", called);
        for (const option of this.fields.timing.input.querySelectorAll("option")) {
            // What a hand did, or a file gave, is lost once the speed was evened: it cannot be chosen again.
            option.disabled = LOST.has(option.value) && this.fields.timing.input.value !== option.value;
        }
        for (const [key, button] of Object.entries(this.toggles)) {
            mark(button, "aria-pressed", String(selected.every((t) => t[/** @type {"locked"|"hidden"} */ (key)])));
        }
        this.color.style.setProperty("--m-color", this.shownColor ?? "transparent");
    }

    /** A field that is left by pressing on another trajectory still is about the one it began with. */
    begin() {
        this.about ??= { selection: this.session.selection, point: this.session.point };
    }

    end() {
        this.about = null;
    }

    /** @param {string} name @param {string|boolean} value */
    change(name, value) {
        const { drawing } = this.session;
        const { selection, point } = this.about ?? this.session;
        this.end();
        const number = Number(value);
        const wrong = NUMBERS.has(name) && (value === "" || !Number.isFinite(number));
        const moment = this.#moment(point);
        /** @type {Map<number, Trajectory>} */
        const edits = new Map();
        for (const [count, index] of selection.entries()) {
            const trajectory = drawing.trajectories[index];
            if (!trajectory || wrong || moment.point >= trajectory.points.length) continue;
            const several = name === "name" && value && selection.length > 1;
            edits.set(index, EDITS[name](trajectory, several ? `${value} ${count + 1}` : value, moment));
        }
        this.session.commit(replacedMany(drawing, edits));
    }

    /** @param {string} name @returns {boolean} whether a field of that name is here */
    has(name) {
        return name in EDITS;
    }

    /** All get it; if all have it, all lose it. @param {"locked"|"hidden"} key */
    toggle(key) {
        this.change(key, !this.session.selected.every((t) => t[key]));
    }

    /** @param {number|null} point @returns {Moment} */
    #moment(point) {
        const { drawing, aspect } = this.session;
        return { frames: framesOf(drawing), aspect, point: point ?? 0 };
    }

    /** @param {string} name @param {string[]} values */
    #choice(name, values) {
        return choice(name, word(`option.${name}`), values.map((value) => [value, word(`${name}.${value}`)]));
    }

    /** @param {"locked"|"hidden"} key @param {string} without  icon while it is not */
    #toggle(key, without) {
        const label = word(`option.${key}`);
        const attributes = { type: "button", class: "m-button m-toggle", "data-action": key, "aria-label": label, title: label };
        return element("button", attributes, icon(key), icon(without));
    }
}
