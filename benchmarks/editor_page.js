// The page in which the editor is measured. It only listens and looks at the clock; editor.py moves the pointer.

import { parse } from "../web/drawing/drawing.js";
import { Preview } from "../web/preview/preview.js";
import { styled } from "../web/page/styles.js";
import { TrajectoryEditor } from "../web/trajectory_editor.js";

const MOVES = ["pointermove", "wheel"];

/** @returns {Promise<number>} when the next frame has been painted, milliseconds since the page was opened */
function painted() {
    return new Promise((resolve) => {
        requestAnimationFrame(() => {
            const channel = new MessageChannel(); // its message comes when style, layout and paint are done
            channel.port1.onmessage = () => resolve(performance.now());
            channel.port2.postMessage(null);
        });
    });
}

/** Milliseconds from the pointer's samples to the end of painting, frame by frame. */
class Watch {
    /** @type {number[]} of every sample from its arrival in the browser; the wait for the next frame counts */
    latencies = [];
    /** @type {number[]} of every frame from its first event's turn: the page's own work */
    works = [];
    #began = 0;
    /** @type {number[]} */
    #arrived = [];

    on() {
        for (const name of MOVES) window.addEventListener(name, this.#hear, { capture: true, passive: true });
    }

    off() {
        for (const name of MOVES) window.removeEventListener(name, this.#hear, { capture: true });
    }

    #hear = (event) => {
        const parts = event.getCoalescedEvents?.() ?? [];
        const frameBegins = this.#arrived.length === 0;
        this.#arrived.push(...(parts.length ? parts : [event]).map(({ timeStamp }) => timeStamp));
        if (!frameBegins) return;
        this.#began = performance.now();
        painted().then((now) => {
            this.latencies.push(...this.#arrived.map((time) => now - time));
            this.works.push(now - this.#began);
            this.#arrived = [];
        });
    };
}

/** @param {string} address */
async function loaded(address) {
    const image = new Image();
    image.src = address;
    await image.decode();
    return { element: image, width: image.naturalWidth, height: image.naturalHeight, note: "" };
}

/** A picture and an editor on the page. @param {string} address @returns {Promise<{editor: number}>} milliseconds until it was painted */
async function open(address) {
    const picture = await loaded(address);
    await styled(); // its style sheets are loaded once for all editors, and are not measured
    const begun = performance.now();
    const editor = new TrajectoryEditor();
    editor.element.style.height = "100%";
    document.getElementById("place").replaceChildren(editor.element);
    editor.on();
    editor.showPicture(picture);
    bench.editor = editor;
    return { editor: (await painted()) - begun };
}

/** Instead of an editor, a box that follows the pointer: what the browser itself takes. */
async function openNothing() {
    const ground = document.createElement("div");
    const box = document.createElement("canvas");
    ground.style.height = "100%";
    box.style.cssText = "position: absolute; width: 20px; height: 20px; background: red";
    ground.append(box);
    document.getElementById("place").replaceChildren(ground);
    let turned = 0;
    ground.addEventListener("pointermove", (event) => (box.style.translate = `${event.clientX}px ${event.clientY}px`));
    const turn = (event) => {
        event.preventDefault();
        turned += event.deltaY;
        box.style.translate = `100px ${turned}px`;
    };
    ground.addEventListener("wheel", turn, { passive: false });
    await painted();
}

/** @param {string} text @returns {Promise<{read: number, painted: number}>} milliseconds */
async function load(text) {
    const begun = performance.now();
    bench.editor.load(text);
    const read = performance.now() - begun;
    return { read, painted: (await painted()) - begun };
}

/** From the lifted pointer to the new value, and until that is painted; resolves with the next such step. */
function nextStep() {
    return new Promise((resolve) => {
        let begun = 0;
        const lift = () => (begun = performance.now());
        window.addEventListener("pointerup", lift, { capture: true, once: true });
        bench.editor.session.addEventListener(
            "committed",
            async () => {
                const value = performance.now() - begun;
                resolve({ value, painted: (await painted()) - begun });
            },
            { once: true },
        );
    });
}

/**
 * Every part of the moving preview by itself, until the graphics card is done.
 * @param {string} address @param {string} text @param {number} density  pixels of the canvas in a CSS pixel
 * @returns {Promise<{picture: number, motion: number, frames: number[]}>} milliseconds
 */
async function preview(address, text, density) {
    const picture = await loaded(address);
    const canvas = document.createElement("canvas");
    const shown = new Preview(canvas);
    const gl = canvas.getContext("webgl2");
    const done = () => gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
    const timed = (run) => {
        const begun = performance.now();
        run();
        done();
        return performance.now() - begun;
    };
    const times = { picture: timed(() => shown.setPicture(picture.element, picture.width, picture.height)) };
    shown.setDrawing(parse(text));
    times.motion = timed(() => shown.prepare());
    const { viewport } = bench.editor.stage;
    shown.draw(0.5, viewport, density); // the first use of a shader is slow
    done();
    times.frames = Array.from({ length: 32 }, (_, i) => timed(() => shown.draw((i + 1) / 32, viewport, density)));
    shown.dispose();
    return times;
}

/** Frames a second while the editor plays. @param {number} seconds */
async function playing(seconds) {
    const { session } = bench.editor;
    session.play(true);
    await painted();
    await painted(); // what is prepared once has been prepared
    const begun = performance.now();
    let count = 0;
    while (performance.now() - begun < seconds * 1000) {
        await painted();
        count += 1;
    }
    session.play(false);
    session.seek(0);
    return (count / (performance.now() - begun)) * 1000;
}

/** Watches the pointer from now on. */
function follow() {
    bench.watch = new Watch();
    bench.watch.on();
}

performance.mark("ready");

const bench = { editor: null, watch: null, follow, open, openNothing, load, nextStep, painted, preview, playing };
window.bench = bench;
