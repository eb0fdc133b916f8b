import assert from "node:assert/strict";
import { test } from "node:test";

import { isClick, simplified } from "../../web/drawing/freehand.js";
import { positionAt } from "../../web/drawing/trajectory.js";

const SQUARE = [1, 1];

/** Every 8 ms: where `place(u)` is, u = 0…1 of the stroke. */
function stroke(place, count = 100) {
    return Array.from({ length: count }, (_, i) => [...place(i / (count - 1)), 1000 + 8 * i]);
}

function rises(times) {
    assert.deepEqual([times[0], times[times.length - 1]], times.length > 1 ? [0, 1] : [0, 0]);
    times.forEach((time, i) => assert.ok(i === 0 || time > times[i - 1], `${times}`));
}

test("a straight stroke of even speed is its two ends", () => {
    const { points, times } = simplified(stroke((u) => [0.1 + 0.8 * u, 0.2 + 0.3 * u]), SQUARE);
    assert.deepEqual(points, [[0.1, 0.2], [0.9, 0.5]]);
    assert.deepEqual(times, [0, 1]);
});

test("a corner stays where it was drawn", () => {
    const { points } = simplified(stroke((u) => (u < 0.5 ? [2 * u * 0.8, 0] : [0.8, (2 * u - 1) * 0.8]), 101), SQUARE);
    assert.deepEqual(points, [[0, 0], [0.8, 0], [0.8, 0.8]]);
});

test("a stroke is followed in place and time with few points", () => {
    const place = (u) => [0.5 + 0.3 * Math.cos(1 + 5 * u), 0.5 + 0.3 * Math.sin(1 + 5 * u * u)];
    const { points, times } = simplified(stroke(place, 300), SQUARE, 0.003);
    rises(times);
    assert.ok(points.length < 40, `${points.length}`);
    for (const curve of ["smooth", "straight"]) {
        for (let u = 0; u <= 1; u += 0.01) {
            const [x, y] = positionAt({ points, times, curve }, u);
            const [wantedX, wantedY] = place(u);
            assert.ok(Math.hypot(x - wantedX, y - wantedY) < 0.02, `${curve} at ${u}`);
        }
    }
});

test("a pause on the way is kept", () => {
    const halts = (u) => [u < 0.3 ? u : u < 0.7 ? 0.3 : u - 0.4, 0.5];
    const { points, times } = simplified(stroke(halts), SQUARE);
    rises(times);
    for (const instant of [0.35, 0.5, 0.65]) {
        assert.ok(Math.abs(positionAt({ points, times }, instant)[0] - 0.3) < 0.01);
    }
});

test("a hand that hurries at the end is not early on the way", () => {
    const { points, times } = simplified(stroke((u) => [0.2 * u + 0.6 * u ** 3, 0.5]), SQUARE);
    assert.ok(points.length > 2);
    for (const u of [0.25, 0.5, 0.75]) {
        assert.ok(Math.abs(positionAt({ points, times, curve: "straight" }, u)[0] - 0.2 * u - 0.6 * u ** 3) < 0.02);
    }
});

test("the rest before setting out and after getting there is cut", () => {
    const place = (u) => [Math.min(1, Math.max(0, 2 * u - 0.5)) * 0.6, 0.5 + 0.0005 * Math.sin(900 * u)];
    const { points, times } = simplified(stroke(place, 400), SQUARE);
    rises(times);
    const at = positionAt({ points, times, curve: "straight" }, 0.5)[0];
    assert.ok(Math.abs(at - 0.3) < 0.01, `${at}`);
    assert.equal(points[0][0], 0);
    assert.ok(Math.abs(points[points.length - 1][0] - 0.6) < 1e-12);
});

test("a stroke that goes nowhere is one point", () => {
    assert.deepEqual(simplified(stroke(() => [0.4, 0.6]), SQUARE), { points: [[0.4, 0.6]], times: [0] });
    assert.deepEqual(simplified([[0.4, 0.6, 5]], SQUARE), { points: [[0.4, 0.6]], times: [0] });
    assert.equal(simplified(stroke((u) => [0.4 + 0.001 * Math.sin(20 * u), 0.6]), SQUARE).points.length, 1);
});

test("a long scribble has fewer than 60 points", () => {
    const scribble = stroke((u) => [0.5 + 0.4 * Math.sin(140 * u), 0.1 + 0.8 * u + 0.05 * Math.cos(333 * u)], 6000);
    const before = performance.now();
    const { points, times } = simplified(scribble, SQUARE);
    assert.ok(performance.now() - before < 500);
    rises(times);
    assert.ok(points.length < 60 && points.length > 20, `${points.length}`);
});

test("events of one instant lose no way", () => {
    const corner = stroke((u) => [u < 0.5 ? u : 0.5, u < 0.5 ? 0 : u - 0.5], 41);
    const bundled = corner.map(([x, y], i) => [x, y, 32 * Math.floor(i / 4)]);
    const { points, times } = simplified(bundled, SQUARE);
    rises(times);
    assert.ok(points.some(([x, y]) => x === 0.5 && y === 0), JSON.stringify(points));
    const frozen = simplified(stroke((u) => [u, 0]).map(([x, y]) => [x, y, 7]), SQUARE);
    assert.deepEqual(frozen.points, [[0, 0], [1, 0]]);
    rises(frozen.times);
});

test("the tolerance is a length as it is seen", () => {
    const bump = (u) => [u, 0.5 + 0.02 * Math.sin(Math.PI * u)];
    assert.ok(simplified(stroke(bump), [1, 1], 0.005).points.length > 2);
    assert.equal(simplified(stroke(bump), [10, 1], 0.005).points.length, 2);
});

test("tiny back and forth at the start loses neither end", () => {
    const { points, times } = simplified([[0, 0, 0], [0.002, 0, 8], [0.0036, 0, 16], [0.002, 0, 24]], SQUARE, 0.003);
    rises(times);
    assert.deepEqual([points[0], points[points.length - 1]], [[0, 0], [0.002, 0]]);
});

test("a click goes less than four pixels away, however long it trembles", () => {
    assert.equal(isClick(stroke((u) => [0.5 + 0.005 * Math.sin(99 * u), 0.5]), [700, 500]), true);
    assert.equal(isClick(stroke((u) => [0.5 + 0.005 * Math.sin(99 * u), 0.5]), [900, 500]), false);
    assert.equal(isClick([[0.5, 0.5, 0], [0.5, 0.51, 9]], [700, 500]), false);
    assert.equal(isClick([[0.5, 0.5, 0]], [700, 500]), true);
});
