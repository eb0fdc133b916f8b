import assert from "node:assert/strict";
import test from "node:test";

import { around } from "../../web/preview/lattice.js";
import { displacements, grabbed, sceneOf } from "../../web/preview/spread.js";

const [WIDTH, HEIGHT] = [256, 160]; // of the small copy; the picture is four times as large
const PX = 512; // motion is judged on a picture so wide

/** A picture whose pixels have the colours that `colour` gives for places 0…1. */
function picture(colour) {
    const data = new Uint8ClampedArray(WIDTH * HEIGHT * 4);
    for (let pixel = 0; pixel < WIDTH * HEIGHT; pixel++) {
        const place = [((pixel % WIDTH) + 0.5) / WIDTH, (Math.floor(pixel / WIDTH) + 0.5) / HEIGHT];
        data.set([...colour(...place), 255], pixel * 4);
    }
    return sceneOf({ data, width: WIDTH, height: HEIGHT }, WIDTH * 4, HEIGHT * 4);
}

const GREEN = [90, 150, 80];
const RED = [200, 40, 30];
const inDisc = (x, y, [centreX, centreY], radius) => Math.hypot(x - centreX, (y - centreY) * (HEIGHT / WIDTH)) < radius;
const disc = picture((x, y) => (inDisc(x, y, [0.4, 0.5], 0.13) ? RED : GREEN));
const plain = picture(() => GREEN);
const drag = (from, to) => ({ points: [from, to] });

/** How far a point of the first thing, or of thing `k`, has gone: pixels of a picture 512 wide. */
function gone(held, point, instant = 1, k = 0) {
    const moved = displacements(held, instant).subarray(k * held.lattice.nodes * 2);
    const { corners, shares } = around(held.lattice, point);
    const sum = (axis) => corners.reduce((total, node, i) => total + shares[i] * moved[node * 2 + axis], 0);
    return [sum(0) * PX, (sum(1) * PX * HEIGHT) / WIDTH];
}

function near([x, y], [wantedX, wantedY], tolerance = 0.5) {
    assert.ok(
        Math.hypot(x - wantedX, y - wantedY) <= tolerance,
        `went (${x.toFixed(2)}, ${y.toFixed(2)}) px, wanted (${wantedX.toFixed(2)}, ${wantedY.toFixed(2)})`,
    );
}

test("a drag takes the disc along and leaves the ground where it is", () => {
    const held = grabbed(disc, [drag([0.4, 0.5], [0.6, 0.6])], null);
    assert.equal(held.things.length, 1);
    const way = [0.2 * PX, (0.1 * PX * HEIGHT) / WIDTH];
    for (const point of [[0.4, 0.5], [0.32, 0.5], [0.46, 0.6], [0.4, 0.36]]) {
        near(gone(held, point), way);
        near(gone(held, point, 0.5), way.map((length) => length / 2));
        near(gone(held, point, 0), [0, 0], 0);
    }
    for (const point of [[0.2, 0.5], [0.6, 0.6], [0.4, 0.9], [0.9, 0.1]]) {
        near(gone(held, point), [0, 0]);
    }
});

test("two drags on a disc turn it", () => {
    const across = HEIGHT / WIDTH; // a quarter turn about (0.4, 0.5)
    const held = grabbed(disc, [drag([0.32, 0.5], [0.4, 0.5 - 0.08 / across]), drag([0.48, 0.5], [0.4, 0.5 + 0.08 / across])], null);
    assert.equal(held.things.length, 1);
    near(gone(held, [0.4, 0.5]), [0, 0]);
    near(gone(held, [0.32, 0.5]), [0.08 * PX, -0.08 * PX]);
    near(gone(held, [0.4, 0.5 + 0.08 / across]), [-0.08 * PX, -0.08 * PX], 2);
});

test("a pin on the disc is a joint about which a drag swings it", () => {
    const held = grabbed(disc, [drag([0.47, 0.5], [0.45, 0.6]), { points: [[0.33, 0.5]] }], null);
    assert.equal(held.things.length, 1);
    near(gone(held, [0.33, 0.5]), [0, 0]);
    near(gone(held, [0.47, 0.5]), [-0.02 * PX, (0.1 * PX * HEIGHT) / WIDTH]);
    const [, down] = gone(held, [0.4, 0.5]);
    assert.ok(down > 0.03 * PX * (HEIGHT / WIDTH) && down < 0.07 * PX * (HEIGHT / WIDTH), `the middle went ${down} px down`);
});

test("two discs dragged apart are two things, and neither takes the other along", () => {
    const two = picture((x, y) => (inDisc(x, y, [0.3, 0.5], 0.08) || inDisc(x, y, [0.7, 0.5], 0.08) ? RED : GREEN));
    const held = grabbed(two, [drag([0.3, 0.5], [0.2, 0.5]), drag([0.7, 0.5], [0.8, 0.5])], null);
    assert.equal(held.things.length, 2);
    near(gone(held, [0.3, 0.45], 1, 0), [-0.1 * PX, 0]);
    near(gone(held, [0.7, 0.45], 1, 1), [0.1 * PX, 0]);
    near(gone(held, [0.7, 0.45], 1, 0), [0, 0]);
});

test("nothing outside the motion brush moves, and a drag that begins there holds nothing", () => {
    const values = Float32Array.from({ length: 64 * 40 }, (_, pixel) => (pixel % 64 < 26 ? 1 : 0));
    const region = { size: [64, 40], values };
    const held = grabbed(disc, [drag([0.36, 0.5], [0.36, 0.7]), drag([0.45, 0.5], [0.8, 0.5])], region);
    assert.equal(held.things.length, 1);
    near(gone(held, [0.36, 0.5]), [0, (0.2 * PX * HEIGHT) / WIDTH]);
    const [{ shown, follows }] = held.things;
    for (let node = 0; node < held.lattice.nodes; node++) {
        if (((node % held.lattice.width) + 0.5) / held.lattice.width < 0.45) continue;
        assert.ok(shown[node] < 0.2 && follows[node] < 0.2, `node ${node} is shown ${shown[node]}, follows ${follows[node]}`);
    }
});

test("a brush that lets nothing move is as none, as in the draft engine", () => {
    const none = { size: [4, 4], values: new Float32Array(16) };
    assert.equal(grabbed(disc, [drag([0.4, 0.5], [0.6, 0.5])], none).things.length, 1);
});

test("a grid of equal drags moves all of the picture as one", () => {
    const places = [0.1, 0.3, 0.5, 0.7, 0.9];
    const drags = places.flatMap((x) => places.map((y) => drag([x, y], [x + 0.05, y - 0.04])));
    const held = grabbed(disc, drags, null);
    assert.equal(held.things.length, 1);
    assert.ok(held.things[0].shown.every((value) => value === 1));
    for (const point of [[0.01, 0.01], [0.5, 0.5], [0.99, 0.6], [0.2, 0.99]]) near(gone(held, point), [0.05 * PX, (-0.04 * PX * HEIGHT) / WIDTH], 0.05);
});

test("a grid of drags outwards zooms smoothly", () => {
    const places = [0.1, 0.3, 0.5, 0.7, 0.9];
    const outwards = (value) => value + (value - 0.5) * 0.2;
    const held = grabbed(disc, places.flatMap((x) => places.map((y) => drag([x, y], [outwards(x), outwards(y)]))), null);
    for (const [x, y] of [[0.3, 0.3], [0.4, 0.62], [0.77, 0.2], [0.55, 0.85]]) {
        near(gone(held, [x, y]), [(x - 0.5) * 0.2 * PX, ((y - 0.5) * 0.2 * PX * HEIGHT) / WIDTH], 4);
    }
});

test("drags outside the picture, or of points not yet seen, hold nothing, and pins alone move nothing", () => {
    const unseen = { points: [[0.4, 0.5], [0.6, 0.5]], visible: [false, true] };
    for (const trajectories of [[drag([1.2, 0.5], [0.9, 0.5])], [unseen], [{ points: [[0.4, 0.5]] }], []]) {
        assert.equal(grabbed(disc, trajectories, null).things.length, 0);
    }
});

test("every one of 200 drags over a plain picture is met, and at most eight things are told apart", () => {
    const drags = Array.from({ length: 200 }, (_, i) => {
        const from = [0.05 + 0.2 * ((i * 0.618) % 1), 0.05 + 0.9 * ((i * 0.755) % 1)];
        return drag(from, [from[0] + 0.1 * Math.sin(from[1] * 5), from[1] + 0.05 * from[0]]);
    });
    const held = grabbed(plain, drags, null);
    assert.ok(held.things.length >= 1 && held.things.length <= 8);
    assert.equal(held.things.reduce((sum, { handles }) => sum + handles.length, 0), 200);
    held.things.forEach(({ points }, k) => {
        for (const { points: [from, to] } of points) near(gone(held, from, 1, k), [(to[0] - from[0]) * PX, ((to[1] - from[1]) * PX * HEIGHT) / WIDTH]);
    });
    assert.ok(displacements(held, 0.5).every(Number.isFinite));
});

test("where the picture has no edge the ground is stretched rather than torn", () => {
    const held = grabbed(plain, [drag([0.5, 0.5], [0.54, 0.5])], null);
    const [{ shown }] = held.things;
    const { lattice: { width, height, nodes } } = held;
    const moved = displacements(held, 1);
    for (let node = 0; node < nodes - 1; node++) {
        if (node % width === width - 1) continue;
        const ahead = 1 / width + moved[node * 2 + 2] - moved[node * 2];
        if (shown[node] > 0.9 && shown[node + 1] > 0.9) assert.ok(ahead > 0, `the picture folds at node ${node} of ${width}×${height}`);
        if (shown[node] < 0.05) assert.ok(Math.abs(moved[node * 2]) * PX < 2, "what is not shown any more has not gone far");
    }
});
