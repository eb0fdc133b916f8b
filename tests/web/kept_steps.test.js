import assert from "node:assert/strict";
import { test } from "node:test";

import { History } from "../../web/drawing/history.js";
import { KeptSteps } from "../../web/graph/kept_steps.js";

test("the steps of a node are taken up at the text that it has now", () => {
    const kept = new KeptSteps();
    kept.keep("node", { history: new History("a").with("b").with("c"), run: null });
    assert.deepEqual(kept.of("node", "b")?.history.depth, { past: 1, future: 1 });
});

test("another node, or another drawing in the same place, has none of them", () => {
    const kept = new KeptSteps();
    kept.keep("node", { history: new History("a"), run: null });
    assert.equal(kept.of("other", "a"), null);
    assert.equal(kept.of("node", "z"), null);
});

test("of many nodes those used last are kept", () => {
    const kept = new KeptSteps();
    for (let node = 0; node < 50; node += 1) kept.keep(`${node}`, { history: new History("a"), run: null });
    kept.keep("0", { history: new History("a"), run: null });
    kept.keep("new", { history: new History("a"), run: null });
    assert.ok(kept.of("0", "a"));
    assert.equal(kept.of("1", "a"), null);
    assert.ok(kept.of("2", "a"));
});
