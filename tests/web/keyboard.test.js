import assert from "node:assert/strict";
import { test } from "node:test";
import { chordOf } from "../../web/stage/keyboard.js";

const PLAIN = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };

test("keys are named as the help page shows them", () => {
    const named = (key, held = {}) => chordOf({ ...PLAIN, key, ...held });
    assert.equal(named("v"), "V");
    assert.equal(named(" "), "Space");
    assert.equal(named("Delete"), "Delete");
    assert.equal(named("z", { ctrlKey: true }), "Ctrl+Z");
    assert.equal(named("Z", { ctrlKey: true, shiftKey: true }), "Ctrl+Shift+Z");
    assert.equal(named("z", { metaKey: true }), "Ctrl+Z");
    assert.equal(named("PageDown", { shiftKey: true }), "Shift+PageDown");
});

test("a symbol is itself, whichever keys a keyboard needs for it", () => {
    assert.equal(chordOf({ ...PLAIN, key: "?", shiftKey: true }), "?");
    assert.equal(chordOf({ ...PLAIN, key: "+", shiftKey: true }), "+");
    assert.equal(chordOf({ ...PLAIN, key: "[" }), "[");
});
