import assert from "node:assert/strict";
import { test } from "node:test";

import { History, STEPS } from "../../web/drawing/history.js";

const written = (...texts) => texts.reduce((history, text) => history.with(text), new History(""));

test("steps are taken back and forth to the very same texts", () => {
    const history = written("a", "b", "c");
    const back = history.undone().undone();
    assert.deepEqual([back.current, back.redone().current, back.redone().redone().current], ["a", "b", "c"]);
    assert.equal(history.current, "c");
    assert.deepEqual(back.depth, { past: 1, future: 2 });
});

test("before the first and after the last step there is none", () => {
    assert.equal(new History("x").undone(), null);
    assert.equal(written("a").redone(), null);
    assert.equal(written("a").undone().undone(), null);
});

test("a new step ends what had been taken back", () => {
    const history = written("a", "b", "c").undone().undone().with("d");
    assert.equal(history.redone(), null);
    assert.deepEqual([history.current, history.undone().current, history.undone().undone().current], ["d", "a", ""]);
});

test("the same text again is no step", () => {
    const history = written("a");
    assert.equal(history.with("a"), history);
    assert.equal(written("a", "b").undone().with("a").redone().current, "b");
});

test("a known text from outside moves to its step and keeps all others", () => {
    const history = written("a", "b", "c");
    const back = history.jumpedTo("a");
    assert.deepEqual([back.current, back.depth], ["a", { past: 1, future: 2 }]);
    assert.equal(back.jumpedTo("c").current, "c");
    assert.equal(back.jumpedTo("a"), back);
    assert.equal(back.redone().redone().current, "c");
});

test("of equal texts the nearest step is meant", () => {
    const history = written("a", "", "b", "c", "").undone();
    assert.deepEqual(history.jumpedTo("").depth, { past: 5, future: 0 });
    assert.deepEqual(written("a", "", "b", "c").jumpedTo("").depth, { past: 2, future: 2 });
});

test("an unknown text from outside is a step that can be taken back", () => {
    const history = written("a").jumpedTo("foreign");
    assert.deepEqual([history.current, history.undone().current], ["foreign", "a"]);
});

test("it tells whether it has been at a text", () => {
    const history = written("a", "b").undone();
    assert.deepEqual(["", "a", "b", "c"].map((text) => history.knows(text)), [true, true, true, false]);
});

test("the oldest steps are forgotten", () => {
    let history = written(...Array.from({ length: STEPS + 50 }, (_, i) => `${i + 1}`));
    assert.deepEqual(history.depth, { past: STEPS, future: 0 });
    for (let i = 0; i < STEPS; i += 1) history = history.undone();
    assert.equal(history.current, "50");
    assert.equal(history.undone(), null);
});
