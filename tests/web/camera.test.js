import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { CAMERA_COLOR, PRESETS, cameraMove, cameraTrajectories } from "../../web/tracks/camera.js";
import { parse, textOf } from "../../web/drawing/drawing.js";
import { isPin, positionAt, sampled } from "../../web/drawing/trajectory.js";

const FIXTURE = JSON.parse(readFileSync(new URL("../fixtures/camera.json", import.meta.url), "utf8"));
const WIDE = /** @type {const} */ ([16, 9]);
const CLOSE = 1e-3; // of the picture

/** @param {readonly number[]} actual @param {readonly number[]} expected @param {number} tolerance @param {string} [what] */
function near(actual, expected, tolerance, what) {
    expected.forEach((value, i) => assert.ok(Math.abs(actual[i] - value) <= tolerance, `${what}: ${actual} is not ${expected}`));
}

for (const { preset, amount, camera, size, positions } of FIXTURE.cases) {
    test(`${preset} by ${amount} takes points where Python's camera takes them`, () => {
        const trajectories = cameraTrajectories(preset, amount, { aspect: size, ...FIXTURE.grid });
        FIXTURE.cells.forEach((/** @type {number} */ cell, /** @type {number} */ i) => {
            const samples = sampled(trajectories[cell], FIXTURE.frames);
            positions.forEach((/** @type {number[][]} */ frame, /** @type {number} */ f) => {
                near(samples[f], frame[i], CLOSE, `cell ${cell}, frame ${f}`);
            });
        });
        assert.deepEqual(Object.keys(cameraMove(preset, amount)), Object.keys(camera));
        near(Object.values(cameraMove(preset, amount)), Object.values(camera), 1e-9);
    });
}

test("every preset keeps to its way between its points, at its default and at its most", () => {
    for (const { id, amount } of PRESETS) {
        for (const most of [amount.default, amount.max]) {
            const whole = cameraTrajectories(id, most, { aspect: WIDE });
            for (const instant of [0.1, 0.37, 0.5, 0.81]) {
                const part = amount.unit === "ratio" ? most ** instant : most * instant;
                cameraTrajectories(id, part, { aspect: WIDE }).forEach(({ points }, i) => {
                    near(positionAt(whole[i], instant), points[points.length - 1], CLOSE, `${id} ${most} at ${instant}`);
                });
            }
        }
    }
});

test("a camera moves from the middle of every cell, in grey, with names that count", () => {
    for (const { id, amount } of PRESETS) {
        const trajectories = cameraTrajectories(id, amount.default, { aspect: WIDE, columns: 2, rows: 2 });
        assert.deepEqual(trajectories.map(({ points }) => points[0]), [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]);
        assert.deepEqual(trajectories.map(({ name }) => name), ["camera 1", "camera 2", "camera 3", "camera 4"]);
        assert.ok(trajectories.every(({ color }) => color === CAMERA_COLOR));
        assert.ok(amount.min <= amount.default && amount.default <= amount.max);
    }
    assert.equal(cameraTrajectories("panUp", 0.1, { aspect: WIDE }).length, 12);
});

test("the middle of the picture stays where it is in a zoom, a turn and a walk around it", () => {
    for (const id of /** @type {const} */ (["zoomIn", "zoomOut", "rotateLeft", "rotateRight", "orbitLeft", "orbitRight"])) {
        const middle = cameraTrajectories(id, 30, { aspect: WIDE, columns: 3, rows: 3 })[4];
        assert.ok(isPin(middle), id);
        assert.deepEqual(middle.points, [[0.5, 0.5]]);
    }
});

test("an orbit to the left moves what is low and near to the left, and what is high and far to the right", () => {
    const shifts = cameraTrajectories("orbitLeft", 15, { aspect: WIDE, columns: 3, rows: 3 }).map((one) => {
        const [start, end] = [positionAt(one, 0), positionAt(one, 1)];
        return end[0] - start[0];
    });
    const [farLeft, far, farRight, , , , nearLeft, nearest, nearRight] = shifts;
    assert.ok(nearest < -0.02 && nearLeft < 0.01 && nearRight < 0.01, String(shifts));
    assert.ok(far > 0.02 && farLeft > -0.01 && farRight > -0.01, String(shifts));
    const back = cameraTrajectories("orbitRight", 15, { aspect: WIDE, columns: 3, rows: 3 })[7];
    assert.ok(positionAt(back, 1)[0] > 0.52);
});

test("an orbit is the same to both sides, mirrored", () => {
    const left = cameraTrajectories("orbitLeft", 20, { aspect: WIDE });
    const right = cameraTrajectories("orbitRight", 20, { aspect: WIDE });
    left.forEach((one, i) => {
        const mirror = right[4 * Math.floor(i / 4) + 3 - (i % 4)];
        const [x, y] = positionAt(one, 1);
        near(positionAt(mirror, 1), [1 - x, y], 2e-5);
    });
});

test("a pan keeps an even speed when it is edited, a zoom keeps its growing one", () => {
    assert.equal(cameraTrajectories("panLeft", 0.2, { aspect: WIDE })[0].timing, "steady");
    assert.equal(cameraTrajectories("rotateLeft", 20, { aspect: WIDE })[0].timing, "steady");
    const corner = cameraTrajectories("zoomIn", 2, { aspect: WIDE })[0];
    assert.equal(corner.timing, undefined);
    const away = [0, 0.5, 1].map((instant) => 0.5 - positionAt(corner, instant)[0]);
    near([away[1] / away[0], away[2] / away[1]], [Math.SQRT2, Math.SQRT2], 1e-3, "even in ratio");
});

test("a camera is kept in a drawing exactly as it was made", () => {
    const trajectories = cameraTrajectories("rotateRight", 45, { aspect: WIDE });
    assert.deepEqual(parse(textOf({ trajectories, brush: null, rest: {} })).trajectories, trajectories);
});
