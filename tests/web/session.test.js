import assert from "node:assert/strict";
import { test } from "node:test";
import { added } from "../../web/drawing/drawing.js";
import { Session } from "../../web/session.js";

const DRAG = { points: /** @type {const} */ ([[0.1, 0.2], [0.3, 0.4]]) };
const PIN = { points: /** @type {const} */ ([[0.5, 0.5]]) };

function counted(session, topic) {
    const heard = { times: 0 };
    session.addEventListener(topic, () => (heard.times += 1));
    return heard;
}

test("five steps taken back and made again give the identical text at every step", () => {
    const session = new Session();
    const texts = [session.text];
    for (let i = 0; i < 5; i += 1) {
        session.commit(added(session.drawing, [{ points: [[i / 10, 0.5]] }]));
        texts.push(session.text);
    }
    for (let i = 4; i >= 0; i -= 1) {
        assert.ok(session.undo());
        assert.equal(session.text, texts[i]);
    }
    assert.equal(session.undo(), false);
    for (let i = 1; i <= 5; i += 1) {
        assert.ok(session.redo());
        assert.equal(session.text, texts[i]);
    }
    assert.equal(session.redo(), false);
});

test("a gesture that is taken back leaves everything as before and makes no step", () => {
    const session = new Session();
    session.commit(added(session.drawing, [PIN]));
    const { text, drawing } = session;
    const committed = counted(session, "committed");
    session.preview(added(session.drawing, [DRAG]));
    session.preview(added(drawing, [DRAG, DRAG]));
    assert.equal(session.drawing.trajectories.length, 3);
    session.rollback();
    assert.equal(session.drawing, drawing);
    assert.equal(session.text, text);
    assert.equal(committed.times, 0);
});

test("a gesture is one step, and one that changes nothing is none", () => {
    const session = new Session();
    const committed = counted(session, "committed");
    session.preview(added(session.drawing, [DRAG]));
    session.commit();
    session.commit(session.drawing);
    assert.equal(committed.times, 1);
    session.undo();
    assert.equal(session.drawing.trajectories.length, 0);
});

test("an undo in the middle of a gesture takes the gesture back first", () => {
    const session = new Session();
    session.commit(added(session.drawing, [PIN]));
    session.preview(added(session.drawing, [DRAG]));
    session.undo();
    assert.equal(session.drawing.trajectories.length, 0);
    session.redo();
    assert.equal(session.drawing.trajectories.length, 1);
});

test("a value from outside that was a step here keeps the steps around it", () => {
    const session = new Session();
    session.commit(added(session.drawing, [PIN]));
    const earlier = session.text;
    session.commit(added(session.drawing, [DRAG]));
    const later = session.text;
    session.load(earlier);
    assert.equal(session.drawing.trajectories.length, 1);
    session.redo();
    assert.equal(session.text, later);
});

test("a value that is no drawing stays the value, is complained of, and gives way to the first stroke", () => {
    const session = new Session();
    session.load("{broken");
    assert.equal(session.text, "{broken");
    assert.match(session.wrong, /./);
    assert.equal(session.drawing.trajectories.length, 0);
    session.commit(added(session.drawing, [PIN]));
    assert.match(session.text, /"points"/);
    assert.equal(session.wrong, "");
    session.undo();
    assert.equal(session.text, "{broken");
});

test("a selected point is forgotten when it is no longer there", () => {
    const session = new Session();
    session.commit(added(session.drawing, [DRAG, PIN]));
    session.select([0], 1);
    assert.equal(session.point, 1);
    session.select([1], 1);
    assert.equal(session.point, null);
    session.select([0, 7], 1);
    assert.deepEqual(session.selection, [0]);
});

test("what was there is restored exactly, even if it is no drawing, as one step", () => {
    for (const text of ["{broken", '{"version":1,"trajectories":[{"points":[[0.5,0.5]]}],"size":[640,400]}']) {
        const session = new Session();
        session.load(text);
        session.show({ element: {}, width: 100, height: 100, note: "" });
        session.commit(added(session.drawing, [DRAG]));
        const drawn = session.text;
        session.restore(text);
        assert.equal(session.text, text);
        session.undo();
        assert.equal(session.text, drawn);
    }
});
