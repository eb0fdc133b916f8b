import assert from "node:assert/strict";
import { test } from "node:test";

import { pulled, respanned, spanOfAll } from "../../web/drawing/span.js";
import { spanOf } from "../../web/drawing/trajectory.js";

const line = (...times) => ({ points: times.map((time) => [time, 0]), times });
const PIN = { points: [[0.5, 0.5]] };

function close(found, wanted) {
    found.forEach((value, i) => assert.ok(Math.abs(value - wanted[i]) < 1e-9, `${found} ≠ ${wanted}`));
}

test("several trajectories last from the first start to the last end, and pins count for nothing", () => {
    assert.deepEqual(spanOfAll([line(0.2, 0.5), line(0.4, 0.9), PIN]), [0.2, 0.9]);
    assert.equal(spanOfAll([PIN]), null);
    assert.equal(spanOfAll([]), null);
});

test("an end goes to the nearest frame, and the other end stays", () => {
    close(pulled([0, 1], "start", 0.24, 5), [0.25, 1]);
    close(pulled([0, 1], "end", -0.3, 5), [0, 0.75]);
    close(pulled([0.1, 1], "start", 0.2, 11), [0.3, 1]);
});

test("what is not pulled stays between frames", () => {
    for (const part of ["start", "end", "whole"]) assert.deepEqual(pulled([0.13, 0.77], part, 0, 5), [0.13, 0.77]);
});

test("neither end passes the other, and none leaves the clip, however many frames there are", () => {
    for (const frames of [1, 2, 3, 16, 81, 999]) {
        for (const part of ["start", "end", "whole"]) {
            for (const by of [-2, -0.5, -0.01, 0.01, 0.5, 2]) {
                for (const span of [[0, 1], [0.4, 0.6], [0.5, 0.505]]) {
                    const [start, end] = pulled(span, part, by, frames);
                    const least = Math.min(span[1] - span[0], Math.max(0.01, 1 / Math.max(1, frames - 1)));
                    const told = `${part} of ${span} by ${by} in ${frames} frames: ${start}, ${end}`;
                    assert.ok(start >= 0 && end <= 1 && end - start >= least - 1e-9, told);
                }
            }
        }
    }
    close(pulled([0, 1], "start", 2, 5), [0.75, 1]);
    close(pulled([0, 1], "end", -2, 5), [0, 0.25]);
});

test("the whole keeps its length, goes by whole frames, and stops at the ends of the clip", () => {
    close(pulled([0.1, 0.6], "whole", 0.24, 5), [0.35, 0.85]);
    close(pulled([0.1, 0.6], "whole", 2, 5), [0.5, 1]);
    close(pulled([0.1, 0.6], "whole", -2, 5), [0, 0.5]);
});

test("every one of several keeps its share of their time, and its rhythm", () => {
    const [first, second] = [line(0, 0.1, 0.5), line(0.5, 1)].map((one) => respanned(one, [0, 1], [0.5, 1]));
    close(first.times, [0.5, 0.55, 0.75]);
    close(spanOf(second), [0.75, 1]);
    assert.equal(respanned(PIN, [0, 1], [0.5, 1]), PIN);
});
