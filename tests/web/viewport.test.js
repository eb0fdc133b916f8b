import assert from "node:assert/strict";
import { test } from "node:test";

import { Viewport } from "../../web/drawing/viewport.js";

const WIDE = new Viewport({ width: 424, height: 424, picture: [1000, 500] }); // 12 px of margin: fitted to 400 × 200

function close(found, wanted, tolerance = 1e-9) {
    assert.equal(found.length, wanted.length);
    found.forEach((value, i) => assert.ok(Math.abs(value - wanted[i]) <= tolerance, `${found} ≠ ${wanted}`));
}

test("a picture is fitted in the middle of the stage, in its own shape", () => {
    assert.deepEqual(WIDE.rect(), { x: 12, y: 112, width: 400, height: 200 });
    const tall = new Viewport({ width: 424, height: 424, picture: [500, 1000] });
    assert.deepEqual(tall.rect(), { x: 112, y: 12, width: 200, height: 400 });
    assert.deepEqual(WIDE.pixelsPerUnit, [400, 200]);
});

test("a place of the picture is at one place of the stage and back", () => {
    close(WIDE.toCanvas([0, 0]), [12, 112]);
    close(WIDE.toCanvas([0.25, 1]), [112, 312]);
    const view = WIDE.zoomedAt([30, 200], 3.7).panned(31, -17);
    for (const point of [[0, 0], [1, 1], [-0.4, 1.3]]) close(view.toImage(view.toCanvas(point)), point);
});

test("zooming leaves in place what is under the pointer", () => {
    for (const canvasPoint of [[12, 112], [200, 200], [400, 300]]) {
        const [before, view] = [WIDE.toImage(canvasPoint), WIDE.zoomedAt(canvasPoint, 2.5)];
        close(view.toImage(canvasPoint), before);
        assert.equal(view.zoom, 2.5);
        close(view.pixelsPerUnit, [1000, 500]);
    }
});

test("zooming in and out again at one place comes back", () => {
    const back = WIDE.zoomedAt([40, 130], 8).zoomedAt([40, 130], 1 / 8);
    close([back.zoom, ...back.centre], [1, 0.5, 0.5]);
});

test("the zoom ends at half and at 32 times", () => {
    assert.equal(WIDE.zoomedAt([0, 0], 1e6).zoom, 32);
    assert.equal(WIDE.zoomedAt([0, 0], 1e-6).zoom, 0.5);
    const end = WIDE.zoomedAt([100, 150], 1e6);
    close(end.zoomedAt([100, 150], 2).centre, end.centre);
});

test("at the farthest, half a picture shows on every side of it, with room for a handle", () => {
    const far = WIDE.zoomedAt([212, 212], 0.5);
    close(far.toCanvas([-0.5, 0.5]), [12, 212]);
    close(far.toCanvas([1.5, 0.5]), [412, 212]);
});

test("the picture is dragged with the pointer", () => {
    const view = WIDE.zoomedAt([212, 212], 4);
    const [x, y] = view.toCanvas([0.3, 0.6]);
    close(view.panned(25, -40).toCanvas([0.3, 0.6]), [x + 25, y - 40]);
});

test("the picture cannot be dragged out of reach", () => {
    close(WIDE.panned(1e6, -1e6).centre, [-0.5, 1.5]);
    const far = new Viewport({ width: 424, height: 424, picture: [1000, 500], centre: [1.8, 0.5] });
    close(far.panned(-100, 0).centre, [1.8, 0.5]);
    close(far.panned(100, 0).centre, [1.55, 0.5]);
});

test("fitting shows the whole picture again", () => {
    assert.deepEqual(WIDE.zoomedAt([30, 200], 7).panned(5, 5).fitted().rect(), WIDE.rect());
});

test("on a stage of another size the middle stays in the middle", () => {
    const view = WIDE.zoomedAt([100, 200], 3);
    const other = view.resized(824, 624);
    assert.deepEqual([other.centre, other.zoom], [view.centre, 3]);
    close(other.toImage([412, 312]), view.centre);
    close(other.pixelsPerUnit, [2400, 1200]);
});

test("a stage without any room has still a view that can be reckoned with", () => {
    const view = new Viewport({ width: 0, height: 0, picture: [1000, 500] });
    close(view.toImage(view.toCanvas([0.2, 0.9])), [0.2, 0.9]);
    close(view.resized(424, 424).pixelsPerUnit, WIDE.pixelsPerUnit);
});
