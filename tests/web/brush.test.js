import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import {
    LONGEST, MOVE, NONE, SOFTEST, STILL, Stroke, brushFrom, brushJson, cleared, emptyBrush, filled, inverted, regionOf,
    softened,
} from "../../web/drawing/brush.js";

/** With one straight stroke more. */
function stroked(brush, from, to, diameter, value) {
    const stroke = new Stroke(brush);
    stroke.segment(from, to, diameter, value);
    return stroke.brush;
}

/** How much of the picture is painted with a value. */
const shareOf = ({ paint }, value) => paint.filter((painted) => painted === value).length / paint.length;

const { brushes } = JSON.parse(readFileSync(new URL("../fixtures/brushes.json", import.meta.url), "utf-8"));
const LETTERS = ".MS";

const rowsOf = ({ size: [width, height], paint }) =>
    Array.from({ length: height }, (_, row) =>
        Array.from(paint.subarray(row * width, (row + 1) * width), (value) => LETTERS[value]).join(""),
    );
const painted = (...rows) => ({
    size: [rows[0].length, rows.length],
    paint: Uint8Array.from([...rows.join("")].map((letter) => LETTERS.indexOf(letter))),
    softness: 0,
});

for (const { name, brush, paint, region } of brushes) {
    test(`a brush is read, kept and lets move as in Python: ${name}`, () => {
        const read = brushFrom(brush);
        assert.deepEqual(rowsOf(read), paint);
        assert.deepEqual(brushJson(read), brush);
        const expected = region.flat();
        const found = regionOf(read);
        assert.equal(found.length, expected.length);
        const worst = Math.max(...expected.map((value, index) => Math.abs(value - found[index])));
        assert.ok(worst < (brush.softness ? 0.02 : 1e-9), `${worst} away`);
    });
}

test("a softened edge, line and dot are a Gaussian's to two hundredths, at full size and with every softness", () => {
    const [width, height] = [512, 40];
    const alike = (/** @type {number} */ index, /** @type {number} */ count) => {
        const place = ((index % (2 * count)) + 2 * count) % (2 * count);
        return place < count ? place : 2 * count - 1 - place;
    };
    for (const softness of [0.0005, 0.001, 0.002, 0.005, 0.0059, 0.02, 0.1, SOFTEST]) {
        const sigma = softness * width;
        const reach = Math.ceil(6 * sigma);
        const weights = Array.from({ length: 2 * reach + 1 }, (_, index) => Math.exp(-0.5 * ((index - reach) / sigma) ** 2));
        const whole = weights.reduce((sum, weight) => sum + weight, 0);
        const along = (/** @type {number} */ at, /** @type {number} */ count, /** @type {number[]} */ [start, end]) =>
            weights.reduce((sum, weight, index) => {
                const place = alike(at + index - reach, count);
                return sum + (place >= start && place < end ? weight / whole : 0);
            }, 0);
        const [thin, thick] = [Math.ceil(sigma / 2), Math.ceil(1.5 * sigma)];
        for (const [columns, rows] of [
            [[0, 256], [0, height]],
            [[200, 200 + thin], [0, height]],
            [[256 - thick, 256 + thick], [20 - Math.min(20, thick), 20 + Math.min(20, thick)]],
        ]) {
            const brush = { ...emptyBrush([width, height]), softness };
            for (let row = rows[0]; row < rows[1]; row++) brush.paint.fill(MOVE, row * width + columns[0], row * width + columns[1]);
            const region = regionOf(brush);
            for (let column = 1; column < width; column += 5) {
                const across = along(column, width, columns);
                for (const row of [0, 11, 20]) {
                    const away = Math.abs(region[row * width + column] - across * along(row, height, rows));
                    assert.ok(away < 0.02, `${away} away, softness ${softness}, column ${column}, row ${row}`);
                }
            }
        }
    }
});

test("a new brush has the picture's shape, coarse, and nothing is painted", () => {
    assert.deepEqual(emptyBrush([1920, 1080]).size, [512, 288]);
    assert.deepEqual(emptyBrush([1080, 1920]).size, [288, 512]);
    assert.deepEqual(emptyBrush([300, 200]).size, [300, 200]);
    assert.deepEqual(emptyBrush([16384, 1]).size, [512, 1]);
    assert.equal(brushJson(emptyBrush([1920, 1080])), null);
    assert.ok(regionOf(emptyBrush([30, 20])).every((value) => value === 1));
});

test("a stroke paints all pixels whose centres lie within its radius of the line", () => {
    const brush = emptyBrush([9, 5]);
    const line = stroked(brush, [2.5 / 9, 2.5 / 5], [6.5 / 9, 2.5 / 5], 2 / 9, MOVE);
    assert.deepEqual(rowsOf(line), [".........", "..MMMMM..", ".MMMMMMM.", "..MMMMM..", "........."]);
    assert.equal(brushJson(brush), null, "the brush before is as it was");
    const dot = stroked(line, [0.5, 0.5], [0.5, 0.5], 0, STILL);
    assert.deepEqual(rowsOf(dot)[2], ".MMMSMMM.", "a thin stroke paints at least the pixel it is on");
    assert.deepEqual(rowsOf(stroked(dot, [0.5, 0], [0.5, 1], 0.01, NONE)), [
        ".........", "..MM.MM..", ".MMM.MMM.", "..MM.MM..", ".........",
    ]);
});

test("a stroke agrees with a slow measure of distances, wherever it goes", () => {
    let seed = 7;
    const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
    for (let round = 0; round < 50; round++) {
        const size = [1 + Math.floor(random() * 30), 1 + Math.floor(random() * 30)];
        const [from, to] = [0, 0].map(() => [random() * 2 - 0.5, random() * 2 - 0.5]);
        const diameter = random() * 0.5;
        const stroke = new Stroke(emptyBrush(size));
        const dirty = stroke.segment(from, to, diameter, MOVE);
        const radius = Math.max((diameter * Math.max(...size)) / 2, Math.SQRT1_2);
        stroke.brush.paint.forEach((value, index) => {
            const [column, row] = [index % size[0], Math.floor(index / size[0])];
            let nearest = Infinity;
            for (let step = 0; step <= 2000; step++) {
                const [x, y] = [0, 1].map((axis) => from[axis] + ((to[axis] - from[axis]) * step) / 2000);
                nearest = Math.min(nearest, Math.hypot(x * size[0] - column - 0.5, y * size[1] - row - 0.5));
            }
            if (Math.abs(nearest - radius) > 0.01) assert.equal(value, nearest < radius ? MOVE : NONE);
            const within = column >= dirty.x && column < dirty.x + dirty.width && row >= dirty.y && row < dirty.y + dirty.height;
            assert.ok(within || value === NONE, "what changed lies within what is said to have changed");
        });
    }
});

test("a stroke far outside changes nothing and says so", () => {
    const stroke = new Stroke(emptyBrush([8, 8]));
    const dirty = stroke.segment([3, 3], [4, 4], 0.1, MOVE);
    assert.equal(dirty.width * dirty.height, 0);
    assert.equal(brushJson(stroke.brush), null);
});

test("a thin slanted stroke has no gaps", () => {
    const brush = stroked(emptyBrush([40, 40]), [0.01, 0.03], [0.99, 0.61], 0, MOVE);
    const rows = rowsOf(brush);
    for (let column = 1; column < 39; column++) assert.ok(rows.some((row) => row[column] === "M"), `column ${column}`);
    const row = rows.findIndex((letters) => letters[0] === "M");
    assert.equal(shareOf(filled(brush, [0.5 / 40, (row + 0.5) / 40], NONE), MOVE), 0, "one piece, joined by sides");
});

test("a long stroke of many segments costs little each", () => {
    const stroke = new Stroke(emptyBrush([512, 512]));
    const start = performance.now();
    for (let index = 0; index < 300; index++) stroke.segment([index / 300, 0.5], [(index + 1) / 300, 0.5], 0.1, MOVE);
    assert.ok((performance.now() - start) / 300 < 4, "milliseconds a segment; a frame has 16");
});

test("a fill reaches what is alike and connected by its sides, and no further", () => {
    const ring = painted("......", ".MMMM.", ".M..M.", ".MMM..", "....M.");
    assert.deepEqual(rowsOf(filled(ring, [2.5 / 6, 2.5 / 5], MOVE)), ["......", ".MMMM.", ".MMMM.", ".MMM..", "....M."]);
    assert.deepEqual(rowsOf(filled(ring, [0, 0], STILL)), ["SSSSSS", "SMMMMS", "SM..MS", "SMMMSS", "SSSSMS"]);
    assert.deepEqual(rowsOf(filled(ring, [1.5 / 6, 1.5 / 5], NONE)), ["......", "......", "......", "......", "....M."]);
    assert.equal(rowsOf(ring)[2], ".M..M.", "the brush before is as it was");
    assert.equal(filled(ring, [0, 0], NONE), ring, "nothing to do is no new brush");
    assert.equal(filled(ring, [1, 0.5], MOVE), ring, "outside of the picture there is nothing to fill");
});

test("a whole brush is filled at once", () => {
    assert.equal(shareOf(filled(emptyBrush([512, 512]), [0.3, 0.9], STILL), STILL), 1);
});

test("inverted twice is the brush before, and what holds still stays", () => {
    const brush = painted(".MS", "M.S");
    assert.deepEqual(rowsOf(inverted(brush)), ["M.S", ".MS"]);
    assert.deepEqual(inverted(inverted(brush)), brush);
});

test("a cleared brush keeps its size and softness, and is not kept in the drawing", () => {
    const brush = cleared(softened(painted(".MS"), 0.1));
    assert.deepEqual(brush, softened(painted("..."), 0.1));
    assert.equal(brushJson(brush), null);
});

test("softness is kept within what Python takes", () => {
    assert.equal(softened(painted("M"), 9).softness, SOFTEST);
    assert.equal(softened(painted("M"), -1).softness, 0);
    assert.equal(brushJson(softened(painted("M"), 0.05)).softness, 0.05);
});

test("any painted brush comes back as it went", () => {
    let seed = 11;
    const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
    for (let round = 0; round < 200; round++) {
        const brush = emptyBrush([1 + Math.floor(random() * 9), 1 + Math.floor(random() * 9)]);
        brush.paint.forEach((_, index) => (brush.paint[index] = Math.floor(random() * 3)));
        const json = brushJson(brush);
        if (json) assert.deepEqual(brushFrom(JSON.parse(JSON.stringify(json))), brush);
        else assert.ok(brush.paint.every((value) => value === NONE));
    }
});

for (const [value, told] of [
    [null, /A brush is/],
    [[], /A brush is/],
    [{ size: [4, 2] }, /A brush is/],
    [{ size: [4, 2], runs: [[0, 1]] }, /A brush is/],
    [{ size: [4], move: [] }, /two whole numbers, \[W, H\]/],
    [{ size: [4.5, 2], move: [] }, /two whole numbers/],
    [{ size: ["4", 2], move: [] }, /two whole numbers/],
    [{ size: [0, 2], move: [] }, /this one says 0×2/],
    [{ size: [LONGEST + 1, 2], still: [] }, /this one says 513×2/],
    [{ size: [4, 2], move: {} }, /“move” of a brush is a list/],
    [{ size: [4, 2], still: null, move: "no" }, /“move” of a brush is a list/],
    [{ size: [4, 2], still: [0, 1, 2] }, /“still” of a brush is a list/],
    [{ size: [4, 2], move: [true, 1] }, /list of whole numbers/],
    [{ size: [4, 2], move: [-1, 1] }, /Number 1 of the brush's “move” is -1/],
    [{ size: [4, 2], move: [0, 0] }, /Number 2 of the brush's “move” is 0/],
    [{ size: [4, 2], move: [0, 2, 0, 1] }, /Number 3 of the brush's “move” is 0/],
    [{ size: [4, 2], move: [7, 2] }, /within the 8 pixels of 4×2/],
    [{ size: [4, 2], move: [0, 1e300] }, /within the 8 pixels/],
    [{ size: [4, 2], move: [0, 2], still: [1, 1] }, /may move and hold still at once/],
    [{ size: [4, 2], move: [], softness: -0.1 }, /softness of a brush is a number/],
    [{ size: [4, 2], move: [], softness: 0.3 }, /softness of a brush is a number/],
    [{ size: [4, 2], move: [], softness: "0.1" }, /softness of a brush is a number/],
    [{ size: [4, 2], move: [], softness: NaN }, /softness of a brush is a number/],
]) {
    test(`what is no brush is refused in a sentence: ${JSON.stringify(value)}`, () => {
        assert.throws(() => brushFrom(value), { message: told });
    });
}

test("a brush as an artist paints it is kept in less than 6 kB", () => {
    const stroke = new Stroke(emptyBrush([1024, 640])); // 512×320
    for (const [x, y] of [[0.15, 0.2], [0.85, 0.3], [0.8, 0.8]]) {
        for (let turn = 0; turn < 40; turn++) {
            const at = (/** @type {number} */ index) => [x + 0.05 * Math.sin(index), y + 0.07 * Math.cos(index * 1.3)];
            stroke.segment(at(turn), at(turn + 1), 0.08, MOVE);
        }
    }
    const outline = [
        [0.5, 0.1], [0.55, 0.15], [0.53, 0.25], [0.6, 0.3], [0.68, 0.5], [0.65, 0.52], [0.58, 0.4], [0.57, 0.6],
        [0.6, 0.95], [0.55, 0.95], [0.5, 0.65], [0.45, 0.95], [0.4, 0.95], [0.43, 0.6], [0.42, 0.4], [0.35, 0.52],
        [0.32, 0.5], [0.4, 0.3], [0.47, 0.25], [0.45, 0.15], [0.5, 0.1],
    ]; // of a person
    const hand = (/** @type {number} */ index) => [0.003 * Math.sin(index * 2.1), 0.003 * Math.cos(index * 3.7)];
    outline.slice(1).forEach((to, index) => {
        const from = outline[index];
        for (let part = 0; part < 8; part++) {
            const [start, end] = [part, part + 1].map((count) =>
                [0, 1].map((axis) => from[axis] + ((to[axis] - from[axis]) * count) / 8 + hand(index * 8 + count)[axis]),
            );
            stroke.segment(start, end, 0.012, MOVE);
        }
    });
    stroke.segment([0.5, 0.15], [0.5, 0.2], 0.05, STILL);
    const { length } = JSON.stringify(brushJson(filled(stroke.brush, [0.5, 0.5], MOVE)));
    assert.ok(length > 1000 && length < 6000, `${length} characters`);
    const hollow = JSON.stringify(brushJson(stroke.brush)).length;
    assert.ok(hollow > length && hollow < 8000, `${hollow} characters before the outline is filled`);
    const inside = shareOf(filled(stroke.brush, [0.5, 0.5], MOVE), MOVE) - shareOf(stroke.brush, MOVE);
    assert.ok(inside > 0.02 && inside < 0.2, "the outline is closed, and filled inside alone");
});
