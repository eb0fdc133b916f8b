import assert from "node:assert/strict";
import { test } from "node:test";
import { Session } from "../../web/session.js";
import { dragTool } from "../../web/tools/drag.js";
import { pathTool } from "../../web/tools/path.js";
import { pinTool } from "../../web/tools/pin.js";
import { Viewport } from "../../web/drawing/viewport.js";
import { added } from "../../web/drawing/drawing.js";
import { selectTool } from "../../web/tools/select.js";
import { hitsAt } from "../../web/drawing/hits.js";

/** A stage of 512 × 320 pixels without a page. */
function desk() {
    const session = new Session();
    const viewport = new Viewport({ width: 536, height: 344, picture: [512, 320] });
    const stage = {
        viewport,
        cursor: null,
        refresh() {},
        under: (press) => hitsAt(session.drawing, viewport, press.canvas, 12, session.selection),
    };
    const press = (x, y, time = 0, more = {}) => ({
        image: [x, y], canvas: viewport.toCanvas([x, y]), time, pressure: 1, scale: 1, shift: false, alt: false, ...more,
    });
    return { session, stage, press };
}

const points = (session) => session.drawing.trajectories.map((trajectory) => trajectory.points);

for (const [name, tool] of [["pin", pinTool], ["path", pathTool], ["drag", dragTool]]) {
    test(`a finger that turns out to be one of two leaves nothing behind with the ${name} tool`, () => {
        const { session, stage, press } = desk();
        tool(session, stage).begin(press(0.2, 0.3));
        session.rollback(); // as a second finger does
        assert.equal(session.text, "");
        assert.deepEqual(points(session), []);
        assert.equal(session.history.depth.past, 0);
    });
}

test("a path goes through what was clicked, each click is a step, and a new one begins after it is ended", () => {
    const { session, stage, press } = desk();
    const path = pathTool(session, stage);
    for (const [x, y] of [[0.1, 0.1], [0.5, 0.2], [0.9, 0.1]]) path.begin(press(x, y)).end(press(x, y));
    assert.deepEqual(points(session), [[[0.1, 0.1], [0.5, 0.2], [0.9, 0.1]]]);
    assert.equal(session.history.depth.past, 3);
    assert.ok(path.finish());
    assert.equal(path.finish(), false);
    path.begin(press(0.3, 0.8)).end(press(0.3, 0.8));
    assert.equal(points(session).length, 2);
});

test("a point of a path lies where the pointer let go", () => {
    const { session, stage, press } = desk();
    const gesture = pathTool(session, stage).begin(press(0.1, 0.1));
    gesture.move([press(0.2, 0.2), press(0.3, 0.4)]);
    gesture.end(press(0.3, 0.4));
    assert.deepEqual(points(session), [[[0.3, 0.4]]]);
});

test("a double click ends a path without a point more", () => {
    const { session, stage, press } = desk();
    const path = pathTool(session, stage);
    for (const x of [0.1, 0.6, 0.6]) path.begin(press(x, 0.5)).end(press(x, 0.5));
    path.twice();
    assert.deepEqual(points(session), [[[0.1, 0.5], [0.6, 0.5]]]);
    assert.equal(path.finish(), false);
});

test("a drag keeps the timing of the hand, or is steady if that is wished", () => {
    for (const handTiming of [true, false]) {
        const { session, stage, press } = desk();
        session.set({ handTiming });
        const gesture = dragTool(session, stage).begin(press(0.2, 0.5, 0));
        gesture.move([press(0.3, 0.5, 100), press(0.4, 0.5, 900), press(0.8, 0.5, 1000)]); // slow in the middle
        gesture.end(press(0.8, 0.5, 1000));
        const [{ timing, times = [0, 1] }] = session.drawing.trajectories;
        assert.equal(timing, handTiming ? "hand" : "steady");
        assert.equal(times.length > 2, handTiming);
    }
});

test("a click with the drag tool is a pin, and one on a point selects it", () => {
    const { session, stage, press } = desk();
    const drag = dragTool(session, stage);
    drag.begin(press(0.4, 0.4)).end(press(0.4, 0.4));
    assert.deepEqual(points(session), [[[0.4, 0.4]]]);
    session.select([]);
    drag.begin(press(0.4, 0.4)).end(press(0.4, 0.4));
    assert.deepEqual(points(session), [[[0.4, 0.4]]]);
    assert.deepEqual(session.selection, [0]);
});

test("Shift and a box make a grid of pins that fills it", () => {
    const { session, stage, press } = desk();
    const gesture = pinTool(session, stage).begin(press(0.1, 0.2, 0, { shift: true }));
    gesture.move([press(0.5, 0.5)]);
    gesture.end(press(0.7, 0.8));
    const pins = points(session).flat();
    assert.equal(pins.length, 12);
    assert.deepEqual([pins[0], pins[11]], [[0.1, 0.2], [0.7, 0.8]]);
});

test("a stroke that leads far away ends at what may lie outside the picture, so that it can be read again", () => {
    const { session, stage, press } = desk();
    const gesture = dragTool(session, stage).begin(press(0.5, 0.5, 0));
    gesture.move([press(5, 0.5, 300), press(14, 0.5, 600)]);
    gesture.end(press(14, 0.5, 600));
    assert.deepEqual(points(session)[0].at(-1), [1.5, 0.5]);
});

test("Shift and a click make no grid", () => {
    const { session, stage, press } = desk();
    pinTool(session, stage).begin(press(0.1, 0.2, 0, { shift: true })).end(press(0.1, 0.2));
    assert.equal(session.text, "");
});

test("a press that took its trajectory out of the selection moves no other", () => {
    const { session, stage, press } = desk();
    const select = selectTool(session, stage);
    for (const y of [0.2, 0.8]) session.commit(added(session.drawing, [{ points: [[0.2, y], [0.5, y]] }]));
    session.select([0, 1]);
    const gesture = select.begin(press(0.2, 0.2, 0, { shift: true }));
    gesture.move([press(0.3, 0.3)]);
    gesture.end(press(0.3, 0.3));
    assert.deepEqual(points(session), [[[0.2, 0.2], [0.5, 0.2]], [[0.2, 0.8], [0.5, 0.8]]]);
});

test("the first finger of a pinch leaves an ended path ended", () => {
    const { session, stage, press } = desk();
    const path = pathTool(session, stage);
    const gesture = path.begin(press(0.1, 0.1));
    session.rollback();
    gesture.cancel();
    session.commit(added(session.drawing, [{ points: [[0.6, 0.6], [0.7, 0.7]] }]));
    session.select([0]);
    path.begin(press(0.1, 0.9)).end(press(0.1, 0.9));
    assert.deepEqual(points(session), [[[0.6, 0.6], [0.7, 0.7]], [[0.1, 0.9]]]);
});
