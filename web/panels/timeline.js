// The clip in time: play, scrub, how many frames it has and how fast they follow.

import { fpsOf, frameAt, framesOf, timeAt } from "../drawing/clip.js";
import { CommandButtons, commandButton } from "./command_buttons.js";
import { element, mark, write } from "../page/element.js";
import { answer, entry } from "./field.js";
import { icon } from "./icons.js";
import { Refresh } from "./refresh.js";
import { SpanBar } from "./span_bar.js";
import { word } from "../page/words.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("./command_buttons.js").Commands} Commands */

const STEPS = 1000; // of the slider

export class Timeline {
    /** @param {Session} session @param {Commands} commands */
    constructor(session, commands) {
        this.session = session;
        this.play = commandButton(commands, "time.play");
        this.icons = { play: icon("time.play"), pause: icon("time.pause") };
        this.slider = element("input", {
            type: "range",
            class: "m-range",
            min: 0,
            max: STEPS,
            step: 1,
            "aria-label": word("time.position"),
        });
        this.span = new SpanBar(session);
        this.now = element("output", { class: "m-now", "aria-hidden": "true" });
        this.frames = entry("frames", word("time.frames"), "number", { min: 2, max: 999, step: 1, width: "3ch" });
        this.fps = entry("fps", word("time.fps"), "number", { min: 1, max: 120, step: "any", width: "3ch" });
        const track = element("div", { class: "m-track" }, this.slider, this.span.element);
        this.element = element(
            "div",
            { class: "m-timeline", role: "group", "aria-label": word("part.timeline") },
            commandButton(commands, "time.start"),
            this.play,
            track,
            this.now,
            this.frames.element,
            this.fps.element,
        );
        this.buttons = new CommandButtons(this.element, commands);
        this.refresh = new Refresh(session, ["time", "drawing", "selection"], () => this.render());
    }

    on() {
        this.buttons.on();
        this.span.on();
        this.slider.addEventListener("input", this.#scrub);
        this.slider.addEventListener("keydown", this.#key);
        this.element.addEventListener("change", this.#change);
        this.refresh.on();
    }

    off() {
        this.buttons.off();
        this.span.off();
        this.slider.removeEventListener("input", this.#scrub);
        this.slider.removeEventListener("keydown", this.#key);
        this.element.removeEventListener("change", this.#change);
        this.refresh.off();
    }

    render() {
        const { drawing, time, playing } = this.session;
        const frames = framesOf(drawing);
        const frame = String(Math.round(frameAt(time, frames)));
        const place = String(Math.round(time * STEPS));
        if (this.slider.value !== place) this.slider.value = place;
        mark(this.slider, "aria-valuetext", word("time.frame", { frame, frames }));
        write(this.now, frame);
        this.frames.show(String(frames));
        this.fps.show(String(fpsOf(drawing)));
        const face = playing ? this.icons.pause : this.icons.play;
        if (this.play.firstChild !== face) this.play.replaceChildren(face);
        this.buttons.refresh();
        this.span.render();
    }

    #scrub = () => {
        if (this.session.playing) this.session.play(false);
        this.session.seek(Number(this.slider.value) / STEPS);
    };

    /** An arrow key is a frame, not a thousandth. @param {KeyboardEvent} event */
    #key = (event) => {
        const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
        if (!step || event.ctrlKey || event.altKey || event.metaKey) return;
        event.preventDefault();
        event.stopPropagation();
        const frames = framesOf(this.session.drawing);
        const frame = Math.round(frameAt(this.session.time, frames)) + step;
        this.session.play(false);
        this.session.seek(timeAt(frame, frames));
    };

    /** @param {Event} event */
    #change = (event) => {
        const said = answer(event.target);
        if (!said) return;
        const { drawing } = this.session;
        const value = Number(said.value);
        if (said.name === "frames" && value >= 1) {
            const frames = Math.min(999, Math.max(2, Math.round(value)));
            this.session.commit({ ...drawing, frames });
        } else if (said.name === "fps" && value > 0) {
            this.session.commit({ ...drawing, fps: Math.min(120, value) });
        }
        this.frames.show(String(framesOf(this.session.drawing)));
        this.fps.show(String(fpsOf(this.session.drawing)));
    };
}
