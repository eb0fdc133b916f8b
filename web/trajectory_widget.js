// The one file that knows ComfyUI: it binds an editor to its node.

import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";
import { History } from "./drawing/history.js";
import { KeptSteps } from "./graph/kept_steps.js";
import { ShownPicture } from "./graph/shown_picture.js";
import { TrajectoryEditor } from "./trajectory_editor.js";
import { upstreamPicture } from "./graph/upstream_picture.js";
import { speak } from "./page/words.js";

/** @typedef {import("./graph/upstream_picture.js").PictureFile} PictureFile */

const TYPE = "MOTION_I2V_DRAWING";
const IMAGE_INPUT = "image";
const PICTURE_OUTPUT = "motion_i2v_picture"; // of our node's runs
const FIRST_SIZE = { minWidth: 460, minHeight: 560 }; // of a new node; a loaded one keeps its own
const LEAST_HEIGHT = 340; // of the widget's row
const MARGIN = 10; // that the classic canvas leaves above and below an element in its row
const LOOK_EVERY = 250; // ms
const TOUCHES = ["touchstart", "touchmove", "touchend", "touchcancel"];
const OPENED = Date.now(); // the page
const OURS = ".motion-i2v, .motion-i2v-surface";

const kept = new KeptSteps();
/** @type {Set<TrajectoryWidget>} */
const living = new Set();

class TrajectoryWidget {
    #looking = 0;
    #key = "";
    #settled = false; // whether earlier steps were looked for
    #rebuilt = false; // by an undo or redo of the graph
    #loaded = false;

    /** @param {HostNode} node @param {string} name */
    constructor(node, name) {
        this.node = node;
        this.editor = new TrajectoryEditor();
        this.picture = new ShownPicture(
            () => upstreamPicture(node, IMAGE_INPUT, app.nodeOutputs),
            addressOf,
            (picture, note) => this.editor.showPicture(picture, note),
        );
        const { element } = this.editor;
        element.classList.add("motion-i2v");
        element.dataset.captureWheel = "true"; // Nodes 2.0 leaves the wheel to a focused element then
        element.style.minHeight = `${LEAST_HEIGHT - 2 * MARGIN}px`; // all that Nodes 2.0 goes by
        this.widget = node.addDOMWidget(name, TYPE, element, {
            getValue: () => this.editor.session.text,
            setValue: (value) => this.load(value),
            getMinHeight: () => LEAST_HEIGHT,
            hideOnZoom: false,
        });
        Object.assign(this.widget, { editor: this.editor }); // for whoever wants more than the value
        // The side panel writes its own width here and would squeeze the element in the node.
        Object.defineProperty(this.widget, "width", { get: () => undefined, set() {}, configurable: true });
    }

    on() {
        if (living.has(this)) return;
        living.add(this);
        if (living.size === 1) for (const touch of TOUCHES) window.addEventListener(touch, keepTouch, true);
        this.#rebuilt = trackerNow()?._restoringState === true;
        this.editor.on();
        this.editor.session.addEventListener("committed", this.#committed);
        this.#looking = window.setInterval(this.#tick, LOOK_EVERY);
    }

    off() {
        if (!living.delete(this)) return;
        if (living.size === 0) for (const touch of TOUCHES) window.removeEventListener(touch, keepTouch, true);
        window.clearInterval(this.#looking);
        this.editor.session.removeEventListener("committed", this.#committed);
        this.editor.off();
        this.picture.forget();
        this.#settled = false;
        this.#key = "";
    }

    /**
     * A value from outside. The session keeps also one that is no drawing, until the artist draws.
     * @param {unknown} value
     */
    load(value) {
        const text = typeof value === "string" ? value : value == null ? "" : JSON.stringify(value);
        this.editor.load(text);
        if (!this.#loaded) this.#stepsFrom(new History(text)); // there is no step back to before it
        this.#loaded ||= text !== "";
    }

    /** @param {Record<string, unknown>} output */
    ran(output) {
        if (isOfAnother(output)) return;
        const file = Array.isArray(output?.[PICTURE_OUTPUT]) ? output[PICTURE_OUTPUT][0] : null;
        if (typeof file?.filename !== "string") return;
        this.picture.ran({ filename: file.filename, subfolder: file.subfolder ?? "", type: file.type ?? "temp" });
        if (this.#settled) this.#keep();
    }

    /** A step was made, taken back or made again; only ever by the artist, never while the graph loads. */
    #committed = () => {
        this.#loaded = true;
        if (!this.#settled) this.#settle(this.editor.session.history.undone()?.current ?? "");
        this.#keep();
        this.widget.callback?.(this.widget.value);
        this.node.setDirtyCanvas?.(true, true);
        const tracker = trackerNow();
        if (!tracker || tracker._restoringState) return;
        if (tracker.captureCanvasState) tracker.captureCanvasState();
        else tracker.checkState?.();
    };

    look() {
        if (living.has(this) && isInGraph(this.node)) this.picture.look();
    }

    #tick = () => {
        if (document.hidden) return;
        if (!isInGraph(this.node)) return this.off();
        const key = keyOf(this.node);
        // At the second look, for while it loads the host names the workflow before.
        if (!this.#settled && key === this.#key) this.#settle(this.editor.session.text);
        this.#key = key;
        this.picture.look();
    };

    /** Takes up the steps of an earlier life. @param {string} loaded  what was drawn when this one began */
    #settle(loaded) {
        this.#settled = true;
        const known = loaded || this.#rebuilt ? kept.of(keyOf(this.node), loaded) : null; // every history knows ""
        if (known) this.#stepsFrom(known.history.with(this.editor.session.text));
        this.picture.run ??= known?.run ?? null;
        if (this.picture.run) this.#keep();
    }

    /** @param {History} history  at the text of the session */
    #stepsFrom(history) {
        const { session } = this.editor;
        session.history = history;
        session.dispatchEvent(new Event("drawing")); // what can be undone has changed
    }

    #keep() {
        kept.keep(keyOf(this.node), { history: this.editor.session.history, run: this.picture.run });
    }
}

/** The steps of the graph that is on the screen. */
function trackerNow() {
    return app.extensionManager?.workflow?.activeWorkflow?.changeTracker;
}

/**
 * Whether it came out of a run of another workflow whose node has the same number: the host gives it to the node on the
 * screen, but keeps it with the workflow that was queued.
 * @param {Record<string, unknown>} output
 */
function isOfAnother(output) {
    const trackers = app.extensionManager?.workflow?.openWorkflows?.map(({ changeTracker }) => changeTracker) ?? [];
    const now = trackerNow();
    return trackers.some((one) => one !== now && Object.values(one?.nodeOutputs ?? {}).includes(output));
}

/**
 * Names the node in its workflow; other workflows have nodes of the same number.
 * @param {HostNode} node
 */
function keyOf(node) {
    const workflow = app.extensionManager?.workflow?.activeWorkflow?.path;
    return JSON.stringify([workflow, rootOf(node)?.id, node.graph?.id, node.id]);
}

/** @param {HostNode} node */
function rootOf(node) {
    return node.graph?.rootGraph ?? node.graph;
}

/** Whether the node is still there: a cleared graph does not tell the nodes inside its subgraphs. @param {HostNode} node */
function isInGraph(node) {
    const { graph } = node;
    const root = rootOf(node);
    if (!graph || !root || graph.getNodeById(node.id) !== node) return false;
    return graph === root || root.subgraphs?.get(graph.id ?? "") === graph;
}

/** @param {PictureFile} file @param {number} version */
function addressOf(file, version) {
    const query = new URLSearchParams({ ...file, rand: `${OPENED}.${version}` }); // past the browser's cache
    return api.apiURL(`/view?${query}`);
}

/** The host pinches the graph from a listener above every element; only the window hears of a touch before it. @param {Event} touch */
function keepTouch(touch) {
    if (touch.target instanceof Element && touch.target.closest(OURS)) touch.stopPropagation();
}

/**
 * Calls after the host's own.
 * @template {"onAdded"|"onRemoved"|"onExecuted"|"onExecutionStart"|"onConnectionsChange"} Name
 * @param {HostNode} node
 * @param {Name} name
 * @param {(...args: any[]) => void} then
 */
function after(node, name, then) {
    const before = node[name];
    node[name] = function (/** @type {any[]} */ ...args) {
        const result = before?.apply(this, /** @type {any} */ (args));
        then(...args);
        return result;
    };
}

app.registerExtension({
    name: "MotionI2V.DrawTrajectories",
    getCustomWidgets() {
        return {
            [TYPE](node, name) {
                speak(String(app.extensionManager?.setting?.get?.("Comfy.Locale") || navigator.language));
                const bound = new TrajectoryWidget(node, name);
                after(node, "onAdded", () => bound.on());
                after(node, "onRemoved", () => bound.off());
                after(node, "onExecutionStart", () => bound.picture.begin());
                after(node, "onExecuted", (output) => queueMicrotask(() => bound.ran(output))); // once the host kept it
                after(node, "onConnectionsChange", () => queueMicrotask(() => bound.look()));
                return { widget: bound.widget, ...FIRST_SIZE };
            },
        };
    },
});
