// Every trajectory and its points as text: the panel at the side, and what a screen reader reads instead of the canvas.

import { frameAt, framesOf } from "../drawing/clip.js";
import { colorOf, labelOf, replaced } from "../drawing/drawing.js";
import { element, mark, write } from "../page/element.js";
import { icon } from "./icons.js";
import { Refresh } from "./refresh.js";
import { holds, isPin, spanOf, timesOf, withKey } from "../drawing/trajectory.js";
import { word } from "../page/words.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("../drawing/trajectory.js").Trajectory} Trajectory */
/** @typedef {import("./command_buttons.js").Commands} Commands */

let lists = 0; // so that the rows of two editors on one page have different ids

/** @param {readonly number[]} point @returns {string} */
function place([x, y]) {
    return `${Math.round(x * 100)} % ${Math.round(y * 100)} %`;
}

/** One row: made once, changed where it differs. */
class Row {
    /** @param {string} id @param {number} index */
    constructor(id, index) {
        this.index = index;
        this.dot = element("span", { class: "m-dot" });
        this.name = element("span", { class: "m-name" });
        this.told = element("span", { class: "m-told", "aria-hidden": "true" });
        const toggle = (/** @type {string} */ key, /** @type {string} */ without) =>
            element("span", { class: "m-button m-toggle", "data-toggle": key, title: word(`option.${key}`) }, icon(key), icon(without));
        this.hidden = toggle("hidden", "seen");
        this.locked = toggle("locked", "unlocked");
        this.element = element("div", { class: "m-row", role: "option", id, "data-index": index });
        this.element.append(this.dot, this.name, this.told, this.hidden, this.locked);
        /** @type {Trajectory|null} */
        this.shown = null;
        this.frames = 0;
    }

    /** @param {Trajectory} trajectory @param {string} name @param {number} frames */
    show(trajectory, name, frames) {
        if (this.shown === trajectory && this.frames === frames && this.name.textContent === name) return;
        this.shown = trajectory;
        this.frames = frames;
        const { points } = trajectory;
        const [start, end] = spanOf(trajectory).map((time) => Math.round(frameAt(time, frames)));
        const pin = isPin(trajectory);
        const from = place(points[0]);
        const to = place(points[points.length - 1]);
        const parts = [pin ? word("list.pin", { name, at: from }) : word("list.moving", { name, points: points.length, from, to, start, end })];
        if (!holds(trajectory)) parts.push(word("list.letGo"));
        if (trajectory.hidden) parts.push(word("list.hidden"));
        if (trajectory.locked) parts.push(word("list.locked"));
        mark(this.element, "aria-label", parts.join(", "));
        this.dot.style.setProperty("--m-color", colorOf(trajectory, this.index));
        this.dot.classList.toggle("is-pin", pin);
        write(this.name, name);
        mark(this.told, "data-points", pin ? null : String(points.length)); // no text: the row's name says it in words
        mark(this.told, "title", pin ? null : word("list.points", { points: points.length }));
        this.element.classList.toggle("is-hidden", Boolean(trajectory.hidden));
        mark(this.hidden, "data-on", trajectory.hidden ? "true" : null);
        mark(this.locked, "data-on", trajectory.locked ? "true" : null);
    }
}

/** The surface has the class m-with-list while it is open. Closed, it is there for screen readers, and shows itself while
 * the keyboard is on it. */
export class TrajectoryList {
    /** @param {Session} session @param {Commands} commands */
    constructor(session, commands) {
        this.session = session;
        this.commands = commands;
        this.id = `m-list-${(lists += 1)}`;
        this.active = 0; // the row that the keyboard is on
        this.anchor = 0; // where a Shift selection began
        /** @type {Row[]} */
        this.rows = [];
        this.title = element("h2", { class: "m-title" }, word("part.list"));
        this.none = element("p", { class: "m-hint" }, word("list.none"));
        const list = { role: "listbox", tabindex: 0 };
        this.list = element("div", { ...list, class: "m-rows", "aria-label": word("part.list"), "aria-multiselectable": "true" });
        this.pointTitle = element("h2", { class: "m-title" });
        this.points = element("div", { ...list, class: "m-rows m-points" });
        const label = { class: "m-list", role: "complementary", "aria-label": word("part.list") };
        this.element = element("div", label, this.title, this.none, this.list, this.pointTitle, this.points);
        this.refresh = new Refresh(session, ["drawing", "selection"], () => this.render());
    }

    on() {
        this.element.addEventListener("click", this.#click);
        this.element.addEventListener("keydown", this.#key);
        this.refresh.on();
    }

    off() {
        this.element.removeEventListener("click", this.#click);
        this.element.removeEventListener("keydown", this.#key);
        this.refresh.off();
    }

    render() {
        if (this.session.before) return; // read it when the gesture has ended
        const { drawing, selection } = this.session;
        const { trajectories } = drawing;
        const frames = framesOf(drawing);
        const words = { trajectory: word("trajectory"), pin: word("pin") };
        while (this.rows.length > trajectories.length) this.rows.pop()?.element.remove();
        const fresh = [];
        while (this.rows.length < trajectories.length) {
            const row = new Row(`${this.id}-${this.rows.length}`, this.rows.length);
            this.rows.push(row);
            fresh.push(row.element);
        }
        this.list.append(...fresh);
        const chosen = new Set(selection);
        for (const [index, row] of this.rows.entries()) {
            row.show(trajectories[index], labelOf(drawing, index, words), frames);
            mark(row.element, "aria-selected", String(chosen.has(index)));
        }
        this.list.hidden = !trajectories.length;
        this.none.hidden = trajectories.length > 0;
        if (selection.length && !chosen.has(this.active)) this.active = this.anchor = selection[selection.length - 1];
        this.active = Math.min(this.active, Math.max(0, trajectories.length - 1));
        this.#point(this.list, this.rows[this.active]?.element);
        this.#renderPoints(frames, words);
    }

    /** @param {number} frames @param {{trajectory: string, pin: string}} words */
    #renderPoints(frames, words) {
        const { drawing, selection, selected, point } = this.session;
        const trajectory = selected.length === 1 && !isPin(selected[0]) ? selected[0] : null;
        this.points.hidden = this.pointTitle.hidden = !trajectory;
        if (!trajectory) return;
        const title = word("list.pointsOf", { name: labelOf(drawing, selection[0], words) });
        write(this.pointTitle, title);
        mark(this.points, "aria-label", title);
        const times = timesOf(trajectory);
        while (this.points.children.length > times.length) this.points.lastChild?.remove();
        while (this.points.children.length < times.length) {
            const index = this.points.children.length;
            const id = `${this.id}-point-${index}`;
            this.points.append(element("div", { class: "m-row", role: "option", id, "data-index": index }));
        }
        for (const [index, row] of [...this.points.children].entries()) {
            const frame = Math.round(frameAt(times[index], frames));
            write(row, word("list.point", { point: index + 1, place: place(trajectory.points[index]), frame }));
            mark(row, "aria-selected", String(index === point));
        }
        this.#point(this.points, this.points.children[point ?? 0]);
    }

    /** @param {HTMLElement} list @param {Element|undefined} row */
    #point(list, row) {
        const before = list.getAttribute("aria-activedescendant");
        mark(list, "aria-activedescendant", row?.id ?? null);
        if (row && row.id !== before && list.offsetParent) row.scrollIntoView({ block: "nearest" });
    }

    #click = (/** @type {MouseEvent} */ event) => {
        const target = event.target instanceof Element ? event.target : null;
        const row = target?.closest("[data-index]");
        if (!row) return;
        const index = Number(row.getAttribute("data-index"));
        if (this.points.contains(row)) {
            this.session.select(this.session.selection, index);
            return;
        }
        const key = target?.closest("[data-toggle]")?.getAttribute("data-toggle");
        if (key === "hidden" || key === "locked") this.#toggle(index, key);
        else this.#choose(index, event.shiftKey, event.ctrlKey || event.metaKey);
    };

    /** @param {number} index @param {"hidden"|"locked"} key */
    #toggle(index, key) {
        const { drawing } = this.session;
        const trajectory = drawing.trajectories[index];
        this.session.commit(replaced(drawing, index, withKey(trajectory, key, trajectory[key] ? undefined : true)));
    }

    /** @param {number} index @param {boolean} through  from the anchor on @param {boolean} besides  keeping the others */
    #choose(index, through, besides) {
        const { selection } = this.session;
        this.active = index;
        if (through) {
            const [low, high] = [Math.min(this.anchor, index), Math.max(this.anchor, index)];
            const range = Array.from({ length: high - low + 1 }, (_, i) => low + i);
            this.session.select(besides ? [...new Set([...selection, ...range])] : range);
            return;
        }
        this.anchor = index;
        const others = selection.filter((one) => one !== index);
        if (!besides) this.session.select([index]);
        else this.session.select(others.length < selection.length ? others : [...others, index]);
    }

    #key = (/** @type {KeyboardEvent} */ event) => {
        const ofPoints = event.target === this.points;
        const count = ofPoints ? this.points.children.length : this.rows.length;
        const at = ofPoints ? (this.session.point ?? -1) : this.active;
        if (!count) return;
        const goals = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: count - 1, " ": at };
        const extended = event.ctrlKey || event.metaKey;
        if (event.key in goals && !event.altKey) {
            const goal = Math.min(count - 1, Math.max(0, goals[/** @type {keyof goals} */ (event.key)]));
            if (ofPoints) this.session.select(this.session.selection, goal);
            else if (extended && event.key !== " ") this.#walk(goal);
            else this.#choose(goal, event.shiftKey, extended);
        } else if (event.key === "Delete" || event.key === "Backspace") {
            this.commands["edit.delete"].run();
        } else if (event.key === "a" && extended) {
            this.commands["edit.selectAll"].run();
        } else {
            return;
        }
        event.preventDefault();
        event.stopPropagation();
    };

    /** On to another row without choosing it. @param {number} index */
    #walk(index) {
        this.active = index;
        this.#point(this.list, this.rows[index].element);
    }
}
