// Playing and scrubbing: the clock, and the picture warped along the drawn motion. Without WebGL2 dots move instead.

import { fpsOf, framesOf } from "../drawing/clip.js";
import { Preview } from "./preview.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("../stage/stage.js").Stage} Stage */

const PAUSE = 0.4; // seconds that the last frame is held before the clip begins again

export class Player {
    #frame = 0;
    #last = 0;
    #rest = 0;
    /** @type {Preview|null} */
    #preview = null;
    /** @type {boolean|null} null until asked */
    #supported = null;
    /** @type {unknown} what the preview was prepared for */
    #prepared = null;
    /** @type {Element|null} */
    #picture = null;

    /** @param {Session} session @param {Stage} stage */
    constructor(session, stage) {
        this.session = session;
        this.stage = stage;
    }

    on() {
        for (const topic of ["time", "drawing", "picture"]) this.session.addEventListener(topic, this.#changed);
        this.stage.addEventListener("look", this.#changed);
    }

    off() {
        this.session.play(false);
        for (const topic of ["time", "drawing", "picture"]) this.session.removeEventListener(topic, this.#changed);
        this.stage.removeEventListener("look", this.#changed);
        cancelAnimationFrame(this.#frame);
        this.#frame = 0;
        this.#forget();
    }

    #changed = () => {
        this.#frame ||= requestAnimationFrame(this.#tick);
    };

    #tick = (/** @type {number} */ now) => {
        const { session } = this;
        this.#frame = 0;
        if (session.playing) {
            this.#advance(this.#last ? (now - this.#last) / 1000 : 0);
            this.#last = now;
        } else {
            this.#last = 0;
        }
        this.#show();
    };

    /** @param {number} seconds */
    #advance(seconds) {
        const { session } = this;
        const length = Math.max(1, framesOf(session.drawing) - 1) / fpsOf(session.drawing);
        if (session.time < 1) {
            this.#rest = 0;
            session.seek(session.time + seconds / length);
        } else {
            this.#rest += seconds;
            session.seek(this.#rest > PAUSE ? 0 : 1);
        }
    }

    /** At the beginning the picture itself is there, so nothing covers it. */
    #show() {
        const { session, stage } = this;
        const moves = (session.playing || session.time > 0) && session.picture !== null && !session.before;
        const preview = moves ? this.#ready() : null;
        stage.preview.hidden = preview === null;
        stage.brush.element.hidden = session.playing; // nothing lies over the picture that moves
        if (!preview) return;
        preview.draw(session.time, stage.viewport, stage.density);
    }

    /** @returns {Preview|null} prepared for what is drawn now */
    #ready() {
        const { picture, drawing } = this.session;
        this.#supported ??= Preview.supported(); // asked once: every answer costs a WebGL context
        if (!picture || !this.#supported) return null;
        this.#preview ??= new Preview(this.stage.preview);
        if (this.#picture !== picture.element) {
            this.#picture = picture.element;
            this.#prepared = null;
            this.#preview.setPicture(picture.element, picture.width, picture.height);
        }
        if (this.#prepared !== drawing) {
            this.#prepared = drawing;
            this.#preview.setDrawing(drawing);
            this.#preview.prepare();
        }
        return this.#preview;
    }

    #forget() {
        if (this.#preview) {
            this.#preview.dispose();
            const fresh = /** @type {HTMLCanvasElement} */ (this.stage.preview.cloneNode()); // the old one's context is gone
            this.stage.preview.replaceWith(fresh);
            this.stage.preview = fresh;
        }
        this.#preview = null;
        this.#prepared = this.#picture = null;
        this.stage.preview.hidden = true;
        this.stage.brush.element.hidden = false;
    }
}
