import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import {
    EMPTY,
    PALETTE,
    added,
    duplicated,
    labelOf,
    nextColor,
    parse,
    removed,
    replaced,
    replacedMany,
    textOf,
    withBrush,
} from "../../web/drawing/drawing.js";

const DRAG = { points: [[0.1, 0.2], [0.5, 0.6]] };
const PIN = { points: [[0.5, 0.5]] };
const BRUSH = { size: [4, 2], move: [1, 2], still: [6, 2], softness: 0.02 };

const text = (value) => JSON.stringify(value);
const drawn = (...trajectories) => ({ ...EMPTY, trajectories });

test("a drawing not yet begun is an empty text", () => {
    assert.equal(parse(""), EMPTY);
    assert.equal(parse(" \n"), EMPTY);
    assert.equal(textOf(EMPTY), "");
    assert.equal(textOf(parse('{"version":1,"trajectories":[]}')), "");
    assert.equal(textOf(removed(drawn(DRAG), [0])), "");
});

test("a drawing without any trajectory is not empty while it says something else", () => {
    assert.equal(textOf({ ...EMPTY, frames: 16 }), '{"version":1,"trajectories":[],"frames":16}');
    assert.equal(textOf(parse('{"trajectories":[],"mood":"calm"}')), '{"version":1,"trajectories":[],"mood":"calm"}');
    assert.equal(textOf(parse(text({ brush: BRUSH }))), text({ version: 1, trajectories: [], brush: BRUSH }));
});

test("what was written is read and written again, letter for letter", () => {
    const whole = text({
        version: 1,
        trajectories: [
            {
                points: [[0.12345, 0.2], [0.5, 0.6], [-0.4, 1.2]],
                times: [0.1, 0.1001, 1],
                visible: [true, true, false],
                curve: "straight",
                easing: "in_out",
                name: "left “hand” \ud83d\ude00",
                color: "#56b4e9",
                timing: "hand",
                locked: true,
                hidden: true,
                pressure: [0.1, { deep: [1, null] }],
            },
            PIN,
        ],
        brush: { ...BRUSH, hardness: 3 },
        size: [1280, 720],
        frames: 16,
        fps: 23.976,
        zoom: { at: [1, 2] },
        author: null,
    });
    assert.equal(textOf(parse(whole)), whole);
});

test("any drawing is stable after it was written once", () => {
    let seed = 7;
    const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
    for (let round = 0; round < 200; round += 1) {
        const count = 2 + Math.floor(random() * 30);
        const points = Array.from({ length: count }, () => [random() * 2 - 0.5, random() * 2 - 0.5]);
        let time = 0;
        const steps = points.map(() => (time += random() < 0.3 ? random() * 1e-5 : random()));
        const times = steps.map((step) => step / time);
        const once = textOf(drawn({ points, times }));
        assert.equal(textOf(parse(once)), once);
    }
});

test("keys have one order, defaults are left out, and numbers are short", () => {
    const silent = { name: "", hidden: false, easing: "linear" };
    const entry = { ...silent, color: "#000000", points: [[1 / 3, 0.1 + 0.2], [1, 1]], curve: "smooth" };
    assert.equal(
        textOf(parse(text({ fps: 8, trajectories: [entry], version: 1 }))),
        '{"version":1,"trajectories":[{"points":[[0.33333,0.3],[1,1]],"color":"#000000"}],"fps":8}',
    );
    const flags = { ...DRAG, times: [], visible: [1, 1] };
    assert.deepEqual(parse(text({ trajectories: [flags] })).trajectories, [DRAG]);
});

test("what Python's own fixture holds is read", () => {
    const fixture = readFileSync(new URL("../fixtures/trajectories.json", import.meta.url), "utf8");
    const drawing = parse(fixture);
    assert.equal(drawing.frames, 16);
    const names = (value) => value.trajectories.map(({ name }) => name);
    assert.deepEqual(names(drawing), names(JSON.parse(fixture)));
});

test("what a picture's size, frames or speed cannot be is kept and passed over", () => {
    const odd = '{"version":1,"trajectories":[],"size":[0,5],"frames":"many","fps":-8}';
    const drawing = parse(odd);
    assert.deepEqual([drawing.size, drawing.frames, drawing.fps], [undefined, undefined, undefined]);
    assert.equal(textOf(drawing), odd);
    const told = textOf({ ...drawing, frames: 12 });
    assert.equal(told, '{"version":1,"trajectories":[],"frames":12,"size":[0,5],"fps":-8}');
});

test("what an editor's key cannot be is dropped, so that nothing stumbles over it", () => {
    const odd = { ...DRAG, name: 5, color: "red", timing: "soon", locked: 1, hidden: "no" };
    assert.deepEqual(parse(text({ trajectories: [odd] })).trajectories, [DRAG]);
});

for (const [what, value, message] of [
    ["broken JSON", '{"trajectories": [', /broken JSON/],
    ["a list", "[]", /something else/],
    ["a number", "5", /something else/],
    ["nothing", "null", /something else/],
    ["an object of something else", '{"nodes": []}', /something else/],
    ["a later version", '{"version": 2, "trajectories": []}', /version 2; this reads version 1/],
    ["a version that is no number", '{"version": true, "trajectories": []}', /no number/],
    ["trajectories that are no list", '{"trajectories": {}}', /are a list/],
    ["trajectories that are null", '{"trajectories": null}', /are a list/],
    ["a brush of something else", '{"trajectories": [], "brush": 3}', /brush/i],
    ["an entry that is none", '{"trajectories": [[0.1, 0.2]]}', /Trajectory 1 should be an object/],
    ["an entry without points", '{"trajectories": [{"name": "x"}]}', /Trajectory 1 should be an object/],
    ["no points", { points: [] }, /Trajectory 1 needs points/],
    ["points of three numbers", { points: [[0.1, 0.2, 0.3]] }, /needs points/],
    ["points of words", { points: [["0.1", "0.2"]] }, /needs points/],
    ["points without a place", { points: [[null, 0.2]] }, /needs points/],
    ["points that are no list", { points: "0,0" }, /needs points/],
    ["pixels", { points: [[0.5, 0.5], [640, 360]] }, /640, 360.*far outside/],
    ["a time too few", { ...DRAG, times: [0] }, /2 points but 1 times/],
    ["times that stand still", { ...DRAG, times: [0.5, 0.5] }, /times that rise/],
    ["times that fall", { ...DRAG, times: [0.6, 0.5] }, /times that rise/],
    ["times beyond the clip", { ...DRAG, times: [0, 1.1] }, /times that rise/],
    ["times before the clip", { ...DRAG, times: [-0.1, 1] }, /times that rise/],
    ["times of words", { ...DRAG, times: ["0", "1"] }, /times as a list of numbers/],
    ["times that are null", { ...DRAG, times: null }, /times as a list of numbers/],
    ["a flag too many", { ...DRAG, visible: [true, true, true] }, /2 points but 3 flags/],
    ["flags of words", { ...DRAG, visible: ["yes", "no"] }, /true or false/],
    ["an unknown curve", { ...DRAG, curve: "wavy" }, /“wavy”; choose one of smooth, straight/],
    ["an unknown easing", { ...DRAG, easing: null }, /“null”; choose one of linear/],
]) {
    test(`a clear sentence refuses ${what}`, () => {
        const given = typeof value === "string" ? value : text({ trajectories: [value] });
        assert.throws(() => parse(given), (error) => message.test(error.message) && error.message.endsWith("."));
    });
}

test("a number that is too large to be one is refused", () => {
    assert.throws(() => parse('{"trajectories":[{"points":[[1e999,0]]}]}'), /finite numbers/);
});

test("keys that mean something to JavaScript are only keys", () => {
    const entry = '{"points":[[0,0]],"constructor":1,"__proto__":{"hidden":true}}';
    const odd = `{"version":1,"trajectories":[${entry}],"__proto__":{"frames":5},"toString":7}`;
    const drawing = parse(odd);
    assert.equal(drawing.frames, undefined);
    assert.equal(drawing.trajectories[0].hidden, undefined);
    assert.equal(textOf(drawing), odd);
});

test("trajectories are added on top, replaced, and taken out, and the given drawing stays", () => {
    const drawing = drawn(DRAG, PIN);
    const third = { ...DRAG, name: "third" };
    assert.deepEqual(added(drawing, [third]).trajectories, [DRAG, PIN, third]);
    assert.deepEqual(replaced(drawing, 1, third).trajectories, [DRAG, third]);
    assert.deepEqual(replacedMany(drawing, new Map([[0, PIN], [1, DRAG]])).trajectories, [PIN, DRAG]);
    assert.deepEqual(removed(added(drawing, [third]), [2, 0]).trajectories, [PIN]);
    assert.deepEqual(drawing.trajectories, [DRAG, PIN]);
    assert.equal(removed({ ...drawing, frames: 9 }, [0]).frames, 9);
});

test("the brush is replaced or taken away", () => {
    const painted = parse(text({ brush: { ...BRUSH, hardness: 3 } }));
    assert.equal(withBrush(EMPTY, painted.brush).brush, painted.brush);
    assert.equal(textOf(withBrush(painted, null)), "");
    assert.equal(withBrush(painted, null).trajectories, painted.trajectories);
});

test("copies have a free name, a place of their own, and can be picked", () => {
    const hand = { ...DRAG, name: "hand", locked: true, color: "#009e73" };
    const copied = duplicated(drawn(hand, PIN, { ...PIN, name: "hand 3" }), [0, 1], [0.25, 0.125]);
    assert.deepEqual(copied.trajectories.slice(3), [
        { points: [[0.35, 0.325], [0.75, 0.725]], name: "hand 2", color: "#009e73" },
        { points: [[0.75, 0.625]] },
    ]);
    const again = duplicated(copied, [3, 0]);
    assert.deepEqual(again.trajectories.slice(5).map(({ name }) => name), ["hand 4", "hand 5"]);
});

test("each next colour is one that is used least, and never the camera's grey", () => {
    let drawing = EMPTY;
    const given = [];
    for (let i = 0; i < 8; i += 1) {
        given.push(nextColor(drawing));
        drawing = added(drawing, [{ ...DRAG, color: nextColor(drawing) }]);
    }
    assert.deepEqual(given, [...PALETTE.slice(0, 7), PALETTE[0]]);
    assert.equal(nextColor(removed(drawing, [2])), PALETTE[2]);
    assert.equal(new Set(PALETTE).size, 8);
});

test("without a name a trajectory is called by what it is and its number", () => {
    const drawing = drawn(DRAG, PIN, { ...DRAG, name: "hand" });
    assert.deepEqual([0, 1, 2].map((index) => labelOf(drawing, index)), ["Trajectory 1", "Pin 2", "hand"]);
    assert.equal(labelOf(drawing, 1, { trajectory: "轨迹", pin: "固定点" }), "固定点 2");
});

test("a text of ten freehand strokes is small", () => {
    const every = (place) => Array.from({ length: 30 }, (_, i) => place(i));
    const [points, times] = [every((i) => [Math.sin(i), Math.cos(i)]), every((i) => (i / 29) ** 1.1)];
    const stroke = { points, times, timing: "hand", color: PALETTE[0] };
    assert.ok(textOf(drawn(...Array(10).fill(stroke))).length < 10_000);
});
