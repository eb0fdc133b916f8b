// Everything an artist can ask for by a button, a key or a menu, by name. Buttons, menus, keys and the help page all
// read this one table.

import { cleared, emptyBrush, filled, inverted, MOVE } from "./drawing/brush.js";
import { cameraTrajectories, PRESETS } from "./tracks/camera.js";
import { framesOf } from "./drawing/clip.js";
import { coordinatesText } from "./tracks/coordinates.js";
import { added, duplicated, removed, replacedMany, withBrush } from "./drawing/drawing.js";
import { removePoint, reversed, spanOf, withKey, withSpan } from "./drawing/trajectory.js";
import { word } from "./page/words.js";

/** @typedef {import("./session.js").Session} Session */
/** @typedef {import("./panels/command_buttons.js").Command} Command */
/** @typedef {import("./panels/command_buttons.js").Commands} Commands */

/**
 * @typedef {Object} View  what of the editor commands act on
 * @property {() => void} fit
 * @property {(factor: number) => void} zoom
 * @property {() => void} toggleList
 * @property {() => boolean} listShown
 * @property {() => void} toggleFullScreen
 * @property {() => boolean} isFullScreen
 * @property {() => void} help
 * @property {() => void} pickFile
 * @property {() => void} paste
 * @property {(format: import("./tracks/coordinates.js").Format) => void} copy
 * @property {() => void} finish  what several presses make
 */

const TOOLS = { select: "V", drag: "D", path: "P", pin: "I", brush: "B", still: "H", eraser: "E" };
const ZOOM = 1.25;
const SHIFT = 0.02; // of the picture, by which a duplicate lies beside its original
const BRUSH_STEP = 1.2;
const [THINNEST, THICKEST] = [0.005, 0.5]; // of the brush, of the picture's longer side

/**
 * @param {Session} session
 * @param {View} view
 * @returns {Commands}
 */
export function commandsOf(session, view) {
    /** @type {Commands} */
    const commands = {};
    const always = () => true;
    /** @param {string} id @param {string[]} keys @param {() => void} run @param {Partial<Command>} [more] */
    const add = (id, keys, run, more = {}) => {
        commands[id] = { label: word(`command.${id}`), keys, run, enabled: always, ...more };
    };
    const selecting = { enabled: () => session.selection.length > 0 };
    const drawn = { enabled: () => session.drawing.trajectories.length > 0 };
    const painted = { enabled: () => session.drawing.brush !== null };

    for (const [tool, key] of Object.entries(TOOLS)) {
        const use = () => {
            view.finish();
            session.hold(tool);
        };
        add(`tool.${tool}`, [key], use, { pressed: () => session.tool === tool });
    }

    add("edit.undo", ["Ctrl+Z"], () => session.undo(), { enabled: () => session.history.depth.past > 0 });
    add("edit.redo", ["Ctrl+Y", "Ctrl+Shift+Z"], () => session.redo(), { enabled: () => session.history.depth.future > 0 });
    add("edit.delete", ["Delete", "Backspace"], () => remove(session), selecting);
    add("edit.duplicate", ["Ctrl+D"], () => duplicate(session), selecting);
    add("edit.selectAll", ["Ctrl+A"], () => {
        session.select(session.drawing.trajectories.flatMap(({ hidden }, index) => (hidden ? [] : [index])));
    });
    add("edit.reverse", ["R"], () => edit(session, reversed), selecting);
    add("edit.lock", ["L"], () => toggle(session, "locked"), selecting);
    add("edit.hide", ["Shift+H"], () => toggle(session, "hidden"), selecting);
    add("edit.start", ["S"], () => edit(session, (one) => withSpan(one, session.time, spanOf(one)[1])), selecting);
    add("edit.end", ["Shift+S"], () => edit(session, (one) => withSpan(one, spanOf(one)[0], session.time)), selecting);
    add("edit.nextTrajectory", ["PageDown"], () => selectNext(session, 1), drawn);
    add("edit.previousTrajectory", ["PageUp"], () => selectNext(session, -1), drawn);
    add("edit.nextPoint", ["N"], () => selectNextPoint(session, 1), selecting);
    add("edit.previousPoint", ["Shift+N"], () => selectNextPoint(session, -1), selecting);
    add("edit.clearTrajectories", [], () => {
        session.commit({ ...session.drawing, trajectories: [] });
        session.select([]);
    }, drawn);

    const brush = () => session.drawing.brush ?? emptyBrush(session.aspect);
    const paint = (/** @type {import("./drawing/brush.js").Brush} */ painting) => session.commit(withBrush(session.drawing, painting));
    add("brush.fill", ["Shift+F"], () => paint(filled(cleared(brush()), [0.5, 0.5], MOVE)));
    add("brush.invert", ["Shift+I"], () => paint(inverted(brush())));
    add("brush.clear", [], () => session.commit(withBrush(session.drawing, null)), painted);
    const widen = (/** @type {number} */ factor) => () =>
        session.set({ brushSize: Math.min(THICKEST, Math.max(THINNEST, session.settings.brushSize * factor)) });
    add("brush.larger", ["]"], widen(BRUSH_STEP));
    add("brush.smaller", ["["], widen(1 / BRUSH_STEP));

    add("view.zoomIn", ["+", "="], () => view.zoom(ZOOM));
    add("view.zoomOut", ["-"], () => view.zoom(1 / ZOOM));
    add("view.fit", ["0"], () => view.fit());
    add("view.list", ["T"], () => view.toggleList(), { pressed: () => view.listShown() });
    add("view.fullScreen", ["F"], () => view.toggleFullScreen(), { pressed: () => view.isFullScreen() });
    add("view.help", ["?"], () => view.help());

    const step = (/** @type {number} */ frames) => () => {
        session.play(false);
        session.seek(session.time + frames / Math.max(1, framesOf(session.drawing) - 1));
    };
    add("time.play", ["Space"], () => session.play(!session.playing), { pressed: () => session.playing });
    add("time.start", ["Home"], () => {
        session.play(false);
        session.seek(0);
    });
    add("time.previousFrame", [","], step(-1));
    add("time.nextFrame", ["."], step(1));

    add("tracks.paste", ["Ctrl+V"], () => view.paste());
    add("tracks.import", [], () => view.pickFile());
    for (const [name, format] of /** @type {const} */ ([
        ["Own", "motion-i2v"],
        ["Kj", "kj"],
        ["Ati", "ati"],
        ["WanMove", "wanmove"],
        ["Ltx", "ltx"],
    ])) {
        add(`tracks.copy${name}`, name === "Own" ? ["Ctrl+C"] : [], () => view.copy(format), drawn);
    }

    for (const preset of PRESETS) {
        add(`camera.${preset.id}`, [], () => {
            const first = session.drawing.trajectories.length;
            const moves = cameraTrajectories(preset.id, preset.amount.default, { aspect: session.aspect });
            session.commit(added(session.drawing, moves));
            session.select(moves.map((_, index) => first + index));
        });
    }
    return commands;
}

/**
 * The selected trajectories, or all of them, in another program's words. An Error says why it cannot be.
 * @param {Session} session
 * @param {import("./tracks/coordinates.js").Format} format
 */
export function copied(session, format) {
    const chosen = session.selection.length ? session.selected : session.drawing.trajectories;
    const size = session.picture ? session.aspect : (session.drawing.size ?? null);
    return coordinatesText(chosen, format, { size, frames: framesOf(session.drawing) });
}

/** The selected point, if there is one; else the selected trajectories. @param {Session} session */
function remove(session) {
    const { drawing, selection, point } = session;
    const left = point === null ? null : removePoint(drawing.trajectories[selection[0]], point, session.aspect);
    if (left && point !== null) {
        session.commit(replacedMany(drawing, new Map([[selection[0], left]])));
        session.select(selection, Math.max(0, point - 1));
    } else {
        session.commit(removed(drawing, selection));
        session.select([]);
    }
}

/** @param {Session} session */
function duplicate(session) {
    const first = session.drawing.trajectories.length;
    const count = session.selection.length;
    session.commit(duplicated(session.drawing, session.selection, [SHIFT, SHIFT]));
    session.select(Array.from({ length: count }, (_, index) => first + index));
}

/**
 * Edits every selected trajectory, as one step.
 * @param {Session} session
 * @param {(trajectory: import("./drawing/trajectory.js").Trajectory) => import("./drawing/trajectory.js").Trajectory} change
 */
export function edit(session, change) {
    const edits = session.selection.map((index) => /** @type {const} */ ([index, change(session.drawing.trajectories[index])]));
    session.commit(replacedMany(session.drawing, new Map(edits)));
}

/** On for all if it is off for any. @param {Session} session @param {"locked"|"hidden"} key */
function toggle(session, key) {
    const on = session.selected.some((trajectory) => !trajectory[key]);
    edit(session, (trajectory) => withKey(trajectory, key, on));
}

/** @param {Session} session @param {1|-1} step */
function selectNext(session, step) {
    const count = session.drawing.trajectories.length;
    const now = session.selection[0] ?? (step > 0 ? -1 : count);
    session.select([(now + step + count) % count]);
}

/** @param {Session} session @param {1|-1} step */
function selectNextPoint(session, step) {
    const [index] = session.selection;
    const count = session.drawing.trajectories[index].points.length;
    const now = session.point ?? (step > 0 ? -1 : count);
    session.select([index], (now + step + count) % count);
}
