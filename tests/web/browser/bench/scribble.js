// A throw-away widget that proves the test bench: it keeps where it was drawn on, nothing more.

import { app } from "../../scripts/app.js";

const HEIGHT = 200; // CSS pixels

/** Keeps [kind, x, y, pressure] of every pointer event while something presses. */
function scribble(node, name) {
    const pad = document.createElement("div");
    pad.className = "bench-scribble";
    pad.style.cssText = `background: #345; width: 100%; height: 100%; min-height: ${HEIGHT - 20}px; touch-action: none;`;
    let value = "";
    let strokes = [];
    const keep = (event) => {
        const box = pad.getBoundingClientRect();
        const x = (event.clientX - box.left) / box.width;
        const y = (event.clientY - box.top) / box.height;
        strokes.push([event.type.replace("pointer", ""), event.pointerType, +x.toFixed(4), +y.toFixed(4), +event.pressure.toFixed(2)]);
        value = JSON.stringify(strokes);
    };
    pad.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        event.stopPropagation();
        pad.setPointerCapture(event.pointerId);
        strokes = value ? JSON.parse(value) : [];
        keep(event);
    });
    pad.addEventListener("pointermove", (event) => {
        if (pad.hasPointerCapture(event.pointerId)) keep(event);
    });
    for (const end of ["pointerup", "pointercancel"]) {
        pad.addEventListener(end, (event) => {
            if (!pad.hasPointerCapture(event.pointerId)) return;
            keep(event);
            const tracker = app.extensionManager?.workflow?.activeWorkflow?.changeTracker;
            (tracker?.captureCanvasState ?? tracker?.checkState)?.call(tracker);
        });
    }
    pad.addEventListener("wheel", (event) => {
        event.preventDefault();
        event.stopPropagation();
        value = JSON.stringify([["wheel", event.deltaX, event.deltaY]]);
    });
    const options = {
        getValue: () => value,
        setValue: (text) => (value = text ?? ""),
        getMinHeight: () => HEIGHT,
        hideOnZoom: false,
    };
    return { widget: node.addDOMWidget(name, "BENCH_SCRIBBLE", pad, options), minWidth: 240, minHeight: HEIGHT };
}

app.registerExtension({ name: "bench.scribble", getCustomWidgets: () => ({ BENCH_SCRIBBLE: scribble }) });
