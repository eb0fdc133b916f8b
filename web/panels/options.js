// The row under the picture: what can be set of the tool in hand and of what is selected.

import { BrushOptions } from "./brush_options.js";
import { CommandButtons } from "./command_buttons.js";
import { nextColor } from "../drawing/drawing.js";
import { element, write } from "../page/element.js";
import { answer, choice, tick } from "./field.js";
import { Palette } from "./palette.js";
import { Refresh } from "./refresh.js";
import { TrajectoryOptions } from "./trajectory_options.js";
import { word } from "../page/words.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("./command_buttons.js").Commands} Commands */

const BRUSHES = ["brush", "still", "eraser"];
const DRAWING = ["drag", "path", "pin"];

export class Options {
    /** @param {Session} session @param {Commands} commands */
    constructor(session, commands) {
        this.session = session;
        this.choosing = false; // a colour
        this.brush = new BrushOptions(session, commands);
        this.trajectories = new TrajectoryOptions(session, commands);
        this.palette = new Palette();
        this.hint = element("p", { class: "m-hint" });
        this.handTiming = tick("handTiming", word("option.handTiming"));
        this.nextCurve = choice("nextCurve", word("option.nextCurve"), [
            ["smooth", word("curve.smooth")],
            ["straight", word("curve.straight")],
        ]);
        const label = word("option.nextColor");
        const swatch = { type: "button", class: "m-swatch", "data-action": "palette", "aria-label": label, title: label };
        this.nextColor = element("button", swatch);
        this.tool = element(
            "div",
            { class: "m-section", role: "group", "aria-label": word("part.tool") },
            this.nextColor,
            this.handTiming.element,
            this.nextCurve.element,
        );
        this.element = element(
            "div",
            { class: "m-options", role: "region", "aria-label": word("part.options") },
            this.palette.element,
            this.trajectories.element,
            this.brush.element,
            this.tool,
            this.hint,
        );
        this.buttons = new CommandButtons(this.element, commands);
        this.refresh = new Refresh(session, ["drawing", "selection", "tool", "settings"], () => this.render());
    }

    on() {
        this.buttons.on();
        this.element.addEventListener("input", this.#input);
        this.element.addEventListener("change", this.#change);
        this.element.addEventListener("focusout", this.#leave);
        this.element.addEventListener("pointerup", this.#release);
        this.element.addEventListener("click", this.#click);
        this.element.addEventListener("keydown", this.#key);
        this.refresh.on();
    }

    off() {
        this.buttons.off();
        this.element.removeEventListener("input", this.#input);
        this.element.removeEventListener("change", this.#change);
        this.element.removeEventListener("focusout", this.#leave);
        this.element.removeEventListener("pointerup", this.#release);
        this.element.removeEventListener("click", this.#click);
        this.element.removeEventListener("keydown", this.#key);
        this.refresh.off();
    }

    render() {
        const { tool, settings, selection, drawing } = this.session;
        const painting = BRUSHES.includes(tool);
        const selected = selection.length > 0 && !painting;
        this.choosing &&= !painting && (selected || DRAWING.includes(tool));
        this.palette.element.hidden = !this.choosing;
        this.trajectories.element.hidden = this.choosing || !selected;
        this.brush.element.hidden = !painting;
        this.tool.hidden = this.choosing || painting || tool === "select";
        this.hint.hidden = this.choosing || selected;
        if (selected) this.trajectories.render();
        if (painting) this.brush.render();
        if (this.choosing) this.palette.show(selected ? this.trajectories.shownColor : settings.color, !selected);
        this.nextColor.hidden = selected;
        this.nextColor.style.setProperty("--m-color", settings.color || nextColor(drawing));
        this.handTiming.element.hidden = tool !== "drag";
        this.handTiming.show(settings.handTiming);
        this.nextCurve.element.hidden = tool !== "path";
        this.nextCurve.show(settings.curve);
        write(this.hint, word(`hint.${tool}`));
        this.buttons.refresh();
    }

    #input = (/** @type {Event} */ event) => {
        const said = answer(event.target);
        if (said && this.trajectories.has(said.name)) this.trajectories.begin();
        else if (said) this.brush.change(said.name, said.value, false);
    };

    #leave = () => {
        this.trajectories.end();
        this.brush.settle();
    };

    /** After the slider has told of its change, if it tells of one. */
    #release = () => window.setTimeout(() => this.brush.settle());

    #change = (/** @type {Event} */ event) => {
        const said = answer(event.target);
        if (!said) return;
        const { name, value } = said;
        if (name === "color") this.#choose(String(value));
        else if (name === "handTiming") this.session.set({ handTiming: value === true });
        else if (name === "nextCurve") this.session.set({ curve: value === "straight" ? "straight" : "smooth" });
        else if (this.trajectories.has(name)) this.trajectories.change(name, value);
        else this.brush.change(name, value, true);
        this.refresh.ask();
    };

    #click = (/** @type {MouseEvent} */ event) => {
        const button = event.target instanceof Element ? event.target.closest("button") : null;
        const action = button?.dataset.action;
        if (button?.dataset.color !== undefined) this.#choose(button.dataset.color);
        else if (action === "palette") this.#open(!this.choosing);
        else if (action === "locked" || action === "hidden") this.trajectories.toggle(action);
    };

    #key = (/** @type {KeyboardEvent} */ event) => {
        if (event.key === "Escape" && this.choosing) {
            event.preventDefault();
            event.stopPropagation();
            this.#open(false);
        } else if (event.key === "Enter" && event.target instanceof HTMLInputElement) {
            event.stopPropagation(); // the field takes it: what was typed is done
        }
    };

    /** @param {string} color */
    #choose(color) {
        if (this.session.selection.length) this.trajectories.change("color", color);
        else this.session.set({ color });
        this.#open(false);
    }

    /** @param {boolean} choosing */
    #open(choosing) {
        const inside = this.element.contains(document.activeElement);
        this.choosing = choosing;
        this.render();
        if (!inside) return; // the keyboard is on the drawing and stays there
        const next = choosing ? this.palette.element : this.session.selection.length ? this.trajectories.element : this.tool;
        const target = next.querySelector(choosing ? "button" : "[data-action=palette]");
        if (target instanceof HTMLElement) target.focus();
    }
}
