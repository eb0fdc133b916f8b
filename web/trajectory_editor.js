// The editor: the stage, its tools and everything around them, put together. It knows no ComfyUI: whoever holds it gives
// it a value and a picture, and hears "committed" from its session.

import { Clipboard } from "./stage/clipboard.js";
import { commandsOf, copied } from "./commands.js";
import { FullScreen } from "./panels/full_screen.js";
import { Gestures } from "./stage/gestures.js";
import { Help } from "./panels/help.js";
import { Keyboard } from "./stage/keyboard.js";
import { Menu } from "./panels/menu.js";
import { Options } from "./panels/options.js";
import { Player } from "./preview/player.js";
import { Session } from "./session.js";
import { Stage } from "./stage/stage.js";
import { styled } from "./page/styles.js";
import { Timeline } from "./panels/timeline.js";
import { Toolbar, TopBar } from "./panels/toolbar.js";
import { toolsOf } from "./tools/index.js";
import { TrajectoryList } from "./panels/trajectory_list.js";
import { word } from "./page/words.js";

/** @typedef {import("./session.js").Picture} Picture */
/** @typedef {import("./stage/gestures.js").Press} Press */

const HARMLESS = ["brush.larger", "brush.smaller", "view.zoomIn", "view.zoomOut", "view.fit"]; // in the middle of a gesture
const STATUS_STAYS = 8000; // milliseconds

export class TrajectoryEditor {
    #statusGoes = 0;
    #missing = ""; // why there is no picture

    constructor() {
        this.session = new Session();
        this.stage = new Stage(this.session);
        this.tools = toolsOf(this.session, this.stage);
        this.element = document.createElement("div");
        this.element.className = "motion-i2v";
        this.surface = document.createElement("div");
        this.surface.className = "motion-i2v-surface";
        this.fullScreen = new FullScreen(this.surface, this.session);

        const commands = commandsOf(this.session, {
            fit: () => this.stage.look(this.stage.viewport.fitted()),
            zoom: (factor) => this.#zoomMiddle(factor),
            toggleList: () => {
                this.surface.classList.toggle("m-with-list");
                this.session.set({}); // the button shows it
            },
            listShown: () => this.surface.classList.contains("m-with-list"),
            toggleFullScreen: () => this.fullScreen.toggle(),
            isFullScreen: () => this.fullScreen.isOpen,
            help: () => this.help.open(),
            pickFile: () => this.clipboard.pick(),
            paste: () => this.clipboard.read(),
            copy: (format) => this.clipboard.write(() => copied(this.session, format)),
            finish: () => this.#tool.finish?.(),
        });
        for (const [id, command] of Object.entries(commands)) {
            if (HARMLESS.includes(id)) continue;
            const { run } = command;
            command.run = () => {
                this.gestures.cancel(); // what is under way goes by what was there when it began
                this.keyboard.settle();
                this.timeline.span.cancel();
                run();
            };
        }
        this.menu = new Menu(this.session, commands);
        this.help = new Help(this.session, commands);
        this.list = new TrajectoryList(this.session, commands);
        this.clipboard = new Clipboard(this.surface, this.stage.sink, this.session, () => copied(this.session, "motion-i2v"));
        this.gestures = new Gestures({
            element: this.stage.element,
            toImage: (canvas) => this.stage.viewport.toImage(canvas),
            begin: (press) => this.#begin(press),
            hover: (press) => this.#hover(press),
            track: (press) => this.#track(press),
            twice: (press) => this.#tool.twice?.(press),
            rollback: () => this.session.rollback(),
            pan: (dx, dy) => this.stage.look(this.stage.viewport.panned(dx, dy)),
            zoom: (at, factor) => this.stage.look(this.stage.viewport.zoomedAt(at, factor)),
            menu: (press) => this.#contextMenu(press),
        });
        this.keyboard = new Keyboard(this.surface, this.session, this.stage, commands, {
            enter: () => this.#enter(),
            escape: () => this.#escape(),
            space: (held) => this.#space(held),
        });
        const top = new TopBar(this.session, commands, this.menu);
        const toolbar = new Toolbar(this.session, commands);
        this.timeline = new Timeline(this.session, commands);
        const options = new Options(this.session, commands);
        this.status = document.createElement("div");
        this.status.className = "m-status";
        this.status.setAttribute("role", "status");
        this.parts = [
            this.stage, toolbar, top, this.timeline, options, this.list, this.menu, this.help,
            this.gestures, this.keyboard, this.clipboard, new Player(this.session, this.stage), this.fullScreen,
        ]; // prettier-ignore
        this.surface.append(
            toolbar.element, top.element, this.stage.element, this.timeline.element, options.element, this.status,
            this.list.element, this.menu.element, this.help.element,
        ); // prettier-ignore
        this.element.append(this.surface);
        this.surface.style.visibility = "hidden"; // as long as it would look like nothing
        styled().then(() => this.surface.style.removeProperty("visibility"));
        this.#showTool();
    }

    on() {
        for (const part of this.parts) part.on();
        this.session.addEventListener("status", this.#showStatus);
        this.session.addEventListener("tool", this.#showTool);
        this.session.addEventListener("drawing", this.#showHint);
        this.stage.element.addEventListener("pointerdown", this.#focus, true);
        this.#showHint();
    }

    off() {
        clearTimeout(this.#statusGoes);
        for (const part of [...this.parts].reverse()) part.off();
        this.session.removeEventListener("status", this.#showStatus);
        this.session.removeEventListener("tool", this.#showTool);
        this.session.removeEventListener("drawing", this.#showHint);
        this.stage.element.removeEventListener("pointerdown", this.#focus, true);
    }

    /** @param {string} text the value of the node */
    load(text) {
        this.gestures.cancel();
        this.session.load(text);
    }

    /**
     * What is drawn on.
     * @param {Picture|null} picture
     * @param {string} [note]  why there is none
     */
    showPicture(picture, note = "") {
        this.session.show(picture);
        this.#missing = picture ? "" : note;
        this.#showHint();
    }

    /** Over the picture, for as long as it is so. */
    #showHint = () => this.stage.hint(this.session.wrong || this.#missing);

    get #tool() {
        return this.tools[this.session.tool];
    }

    #focus = () => this.stage.sink.focus({ preventScroll: true });

    #showStatus = () => {
        this.status.textContent = this.session.status;
        clearTimeout(this.#statusGoes);
        this.#statusGoes = window.setTimeout(() => this.session.status && this.session.say(""), STATUS_STAYS);
    };

    #showTool = () => {
        this.stage.element.style.cursor = this.#tool.cursor;
        this.stage.cursor = null;
        this.stage.refresh();
    };

    /** What moves is drawn from where it is in the picture, so drawing goes back to its beginning. @param {Press} press */
    #begin(press) {
        this.menu.close();
        this.stage.cross = null;
        if (this.session.playing || (this.session.time > 0 && this.session.tool !== "select")) {
            this.session.play(false);
            this.session.seek(0);
        }
        return (press.eraser ? this.tools.eraser : this.#tool).begin(press);
    }

    /** @param {Press|null} press */
    #hover(press) {
        this.#tool.hover?.(press);
        if (!press) this.stage.readout("");
    }

    /** @param {Press} press */
    #track(press) {
        const [x, y] = press.image.map((value) => Math.round(value * 100));
        this.stage.readout(word("status.place", { x, y }));
    }

    /** @param {Press} press */
    #contextMenu(press) {
        const [hit] = this.stage.under(press);
        if (hit && !this.session.selection.includes(hit.trajectory)) this.session.select([hit.trajectory], hit.point ?? null);
        const ofTrajectory = ["edit.duplicate", "edit.reverse", "edit.lock", "edit.hide", "edit.delete"];
        const ofDrawing = ["edit.undo", "edit.redo", "edit.selectAll", "tracks.paste", "view.fit"];
        const { left, top } = this.stage.element.getBoundingClientRect();
        this.menu.open(hit ? ofTrajectory : ofDrawing, left + press.canvas[0] / press.scale, top + press.canvas[1] / press.scale);
    }

    /** Held, the space bar makes the pointer move the view; pressed alone, it plays. @param {boolean} held */
    #space(held) {
        this.gestures.panning = held;
        if (held) this.gestures.panned = false;
        else if (!this.gestures.panned) this.session.play(!this.session.playing);
    }

    /** Ends a path; with nothing to end, shows the cross that the arrow keys move, and then does what a press there does. */
    #enter() {
        const { stage, session } = this;
        if (!stage.cross) {
            if (!this.#tool.finish?.()) stage.cross = [0.5, 0.5];
        } else {
            const press = { ...KEY_PRESS, canvas: stage.viewport.toCanvas(stage.cross), image: stage.cross };
            const tool = session.tool === "drag" ? this.tools.path : this.#tool;
            if (tool.addPoint) tool.addPoint(stage.cross);
            else tool.begin(press)?.end(press);
        }
        stage.refresh();
    }

    /** One step back out of what is going on. */
    #escape() {
        if (this.gestures.active) return this.gestures.cancel();
        if (this.timeline.span.cancel()) return;
        const finished = [this.#tool, this.tools.path].some((tool) => tool.finish?.());
        if (finished || this.session.selection.length) return this.session.select([]);
        if (this.fullScreen.isOpen) return this.fullScreen.leave();
        this.stage.cross = null;
        this.stage.refresh();
        if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    }

    /** @param {number} factor */
    #zoomMiddle(factor) {
        const { viewport } = this.stage;
        this.stage.look(viewport.zoomedAt([viewport.width / 2, viewport.height / 2], factor));
    }
}

/** A press that no pointer made. */
const KEY_PRESS = { time: 0, pressure: 1, scale: 1, pen: false, touch: false, eraser: false, shift: false };
