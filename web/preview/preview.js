// The live preview: the picture itself, moving as it was drawn.

import { regionOf } from "../drawing/brush.js";
import { EMPTY } from "../drawing/drawing.js";
import { between, smoothstep } from "./lattice.js";
import { Layers } from "./layers.js";
import { outlined } from "./outline.js";
import { plateOf } from "./plate.js";
import { displacements, grabbed, sceneOf } from "./spread.js";

/** @typedef {import("../drawing/drawing.js").Drawing} Drawing */
/** @typedef {import("./spread.js").Scene} Scene */
/** @typedef {import("./spread.js").Held} Held */
/** @typedef {import("./spread.js").Region} Region */
/** @typedef {import("./layers.js").Rect} Rect */
/** @typedef {import("../session.js").Picture["element"]} PictureElement */

/**
 * @typedef {Object} Viewport  where the picture lies on the canvas
 * @property {() => Rect} rect
 * @property {number} width  of the canvas, CSS pixels
 * @property {number} height
 */

const LARGEST = 2048; // pixels: more is not seen in a node, and a 4K picture would stall the page
const SMALL = 256; // pixels of the small copy that is looked at
const AWAY = 3; // pixels of a picture of LARGEST / 2 that a thing goes until what it uncovers is fully filled

export class Preview {
    /** @type {WebGL2RenderingContext|null} */
    #gl;
    /** @type {Layers|null} null while the context is lost */
    #layers = null;
    /** @type {{element: PictureElement, width: number, height: number}|null} */
    #picture = null;
    /** @type {Scene|null} */
    #scene = null;
    /** @type {Drawing} */
    #drawing = EMPTY;
    /** @type {Held|null} null when the drawing or the picture has changed since */
    #held = null;
    /** @type {[number, Viewport, number]|null} what was drawn last */
    #last = null;

    /** Whether this browser can show it. */
    static supported() {
        const gl = document.createElement("canvas").getContext("webgl2");
        gl?.getExtension("WEBGL_lose_context")?.loseContext();
        return gl !== null;
    }

    /** @param {HTMLCanvasElement} canvas  its own; nobody else draws on it */
    constructor(canvas) {
        this.canvas = canvas;
        this.#gl = canvas.getContext("webgl2", { antialias: false, depth: false, premultipliedAlpha: true });
        if (!this.#gl) throw new Error("This browser has no WebGL 2, which the moving preview needs.");
        canvas.addEventListener("webglcontextlost", this.#lost);
        canvas.addEventListener("webglcontextrestored", this.#restored);
        if (!this.#gl.isContextLost()) this.#layers = new Layers(this.#gl);
    }

    /**
     * @param {PictureElement|null} element  loaded
     * @param {number} [width]  of the original, pixels
     * @param {number} [height]
     */
    setPicture(element, width = 0, height = 0) {
        this.#picture = element && width > 0 && height > 0 ? { element, width, height } : null;
        this.#scene = this.#held = null;
        if (this.#picture) this.#look(this.#picture);
    }

    /** @param {Drawing} drawing */
    setDrawing(drawing) {
        const { trajectories, brush } = this.#drawing;
        if (drawing.trajectories !== trajectories || drawing.brush !== brush) this.#held = null;
        this.#drawing = drawing;
    }

    /** Finds out what moves; done by draw() when it was not done before. */
    prepare() {
        if (this.#held || !this.#scene || !this.#layers) return;
        const { trajectories, brush } = this.#drawing;
        const region = brush && { size: brush.size, values: regionOf(brush) };
        const seen = trajectories.filter(({ hidden }) => !hidden);
        this.#held = grabbed(this.#scene, seen, region);

        const { things, lattice } = this.#held;
        const { width, height } = this.#scene.pixels;
        const shown = new Uint8Array(width * height * things.length);
        const bodies = things.map((thing, k) => {
            const outline = outlined(/** @type {Scene} */ (this.#scene), thing.shown);
            shown.set(outline.map((value) => value * 255), k * outline.length);
            return outline.map((value, pixel) => {
                if (value === 0) return 0; // what is stretched uncovers nothing; only the thing itself does
                const [x, y] = [((pixel % width) + 0.5) / width, (Math.floor(pixel / width) + 0.5) / height];
                return Math.min(value, smoothstep(between(lattice, thing.leaves, x, y), 0.05, 0.3));
            });
        });
        const plate = { data: plateOf(this.#scene.pixels, bodies), width, height };
        this.#layers.setThings(lattice, things, plate, bytesOf(this.#held.region), { data: shown, width, height });
    }

    /**
     * @param {number} instant  0…1 of the clip
     * @param {Viewport} viewport
     * @param {number} devicePixels  in a CSS pixel
     */
    draw(instant, viewport, devicePixels) {
        this.#last = [instant, viewport, devicePixels];
        const { canvas } = this;
        const [width, height] = [Math.round(viewport.width * devicePixels), Math.round(viewport.height * devicePixels)];
        if (canvas.width !== width) canvas.width = width;
        if (canvas.height !== height) canvas.height = height;
        if (!this.#layers) return;
        this.prepare();
        if (!this.#held) return this.#layers.clear();
        const displacement = displacements(this.#held, instant);
        this.#layers.draw(viewport.rect(), viewport, displacement, this.#away(this.#held));
    }

    /** Nothing can be drawn any more; the graphics card's memory is free again. */
    dispose() {
        this.canvas.removeEventListener("webglcontextlost", this.#lost);
        this.canvas.removeEventListener("webglcontextrestored", this.#restored);
        this.#layers?.dispose();
        this.#gl?.getExtension("WEBGL_lose_context")?.loseContext();
        this.#layers = this.#gl = this.#picture = this.#scene = this.#held = this.#last = null;
    }

    /** Loads it onto the graphics card, no larger than needed, and looks at a small copy. @param {{element: PictureElement, width: number, height: number}} picture */
    #look({ element, width, height }) {
        const most = Math.min(LARGEST, this.#gl?.getParameter(this.#gl.MAX_TEXTURE_SIZE) ?? LARGEST);
        const copy = scaled(element, width, height, most);
        this.#layers?.setPicture(copy);
        const small = scaled(copy, copy.width, copy.height, SMALL);
        const pixels = small.getContext("2d")?.getImageData(0, 0, small.width, small.height);
        copy.width = small.width = 0; // frees their memory now
        this.#scene = pixels ? sceneOf(pixels, width, height) : null;
    }

    /** 0…1: whether anything has left its place at the instant just computed. @param {Held} held */
    #away({ things }) {
        let most = 0;
        for (const { moved } of things) {
            for (let i = 0; i < moved.length; i += 2) most = Math.max(most, Math.hypot(moved[i], moved[i + 1]));
        }
        return Math.min(1, (most * LARGEST) / 2 / AWAY);
    }

    #lost = (/** @type {Event} */ event) => {
        event.preventDefault(); // so that it comes back
        this.#layers = null;
    };

    #restored = () => {
        if (!this.#gl) return;
        this.#layers = new Layers(this.#gl);
        this.#scene = this.#held = null;
        if (this.#picture) this.#look(this.#picture);
        if (this.#last) this.draw(...this.#last);
    };
}

/** @param {CanvasImageSource} source @param {number} width @param {number} height @param {number} most  pixels of the longer side */
function scaled(source, width, height, most) {
    const canvas = document.createElement("canvas");
    const scale = Math.min(1, most / Math.max(width, height));
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    const context = canvas.getContext("2d", { willReadFrequently: most === SMALL });
    if (context) {
        context.imageSmoothingQuality = "high";
        context.drawImage(source, 0, 0, canvas.width, canvas.height);
    }
    return canvas;
}

/** @param {Region|null} region */
function bytesOf(region) {
    if (!region) return { data: new Uint8Array([255]), width: 1, height: 1 };
    return { data: Uint8Array.from(region.values, (value) => value * 255), width: region.size[0], height: region.size[1] };
}
