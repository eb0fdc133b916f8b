import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { eased, steadyTimes } from "../../web/drawing/pace.js";
import {
    holds,
    insertPoint,
    isPin,
    lineOf,
    movePoint,
    moved,
    nearestOn,
    positionAt,
    removePoint,
    reversed,
    rounded,
    sampled,
    seenAt,
    spanOf,
    timesOf,
    withHold,
    withKey,
    withSpan,
    withTime,
    withTiming,
} from "../../web/drawing/trajectory.js";

const fixture = JSON.parse(readFileSync(new URL("../fixtures/trajectories.json", import.meta.url), "utf8"));

const LINE = { points: [[0, 0], [0.5, 0], [1, 0]], curve: "straight" };
const INSTANTS = [0, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 1];

function close(found, wanted, tolerance = 1e-9) {
    const [a, b] = [found, wanted].map((value) => value.flat());
    assert.equal(a.length, b.length);
    const told = `${JSON.stringify(found)} ≠ ${JSON.stringify(wanted)}`;
    a.forEach((value, i) => assert.ok(Math.abs(value - b[i]) <= tolerance, told));
}

for (const entry of fixture.trajectories) {
    test(`a trajectory is where Python has it: ${entry.name}`, () => {
        close(sampled(entry, fixture.frames), entry.samples, 1e-5);
        const seen = entry.samples.map((_, frame) => seenAt(entry, frame / (fixture.frames - 1)));
        assert.deepEqual(seen, entry.seen ?? entry.samples.map(() => true));
    });
}

test("a smooth curve that turns at its ends has the slopes that scipy gives it", () => {
    // PchipInterpolator([0, .2, .5, 1], …)([.1, .35, .8]) of these points
    const turning = { points: [[0, 0], [0.9, 0.1], [0.8, 0.9], [0.85, 0]], times: [0, 0.2, 0.5, 1] };
    close([0.1, 0.35, 0.8].map((instant) => positionAt(turning, instant)), TURNING, 1e-9);
});
const TURNING = [
    [0.6108333333333333, 0.029865771812080548],
    [0.8500000000000001, 0.5302013422818791],
    [0.8108, 0.6473999999999999],
];

test("points are spread evenly over the clip when no times are given", () => {
    assert.deepEqual(timesOf({ points: [[0, 0], [1, 0], [1, 1]] }), [0, 0.5, 1]);
    assert.deepEqual(timesOf({ points: [[0, 0], [1, 0]], times: [] }), [0, 1]);
});

test("one frame alone is taken at the beginning", () => {
    assert.deepEqual(sampled({ points: [[0.25, 0.5], [1, 1]] }, 1), [[0.25, 0.5]]);
});

test("easing slows the beginning, the end, or both", () => {
    const quarter = ["linear", "in", "out", "in_out"].map((word) => eased(0.25, word));
    assert.deepEqual(quarter, [0.25, 0.0625, 0.4375, 0.15625]);
});

test("what never moves is a pin, however many points it has", () => {
    assert.equal(isPin({ points: [[0.5, 0.5]] }), true);
    assert.equal(isPin({ points: [[0.5, 0.5], [0.5, 0.5]] }), true);
    assert.equal(isPin({ points: [[0.5, 0.5], [0.5, 0.6]] }), false);
});

test("what is let go is gone when it has arrived", () => {
    const gone = { points: [[0, 0], [1, 0]], times: [0.2, 0.6], visible: [true, false] };
    assert.deepEqual([0, 0.5, 0.6, 1].map((instant) => seenAt(gone, instant)), [true, true, false, false]);
});

test("the drawn line goes through every point and stays in the box of the points", () => {
    const smooth = { points: [[0.1, 0.1], [0.3, 0.5], [0.35, 0.52], [0.7, 0.3]] };
    const { xy, steps, box } = lineOf(smooth);
    smooth.points.forEach((point, i) => close([...xy.slice(2 * i * steps, 2 * i * steps + 2)], point));
    assert.deepEqual(box, { left: 0.1, top: 0.1, right: 0.7, bottom: 0.52 });
    for (let i = 0; i < xy.length; i += 2) assert.ok(xy[i] >= 0.1 && xy[i] <= 0.7 && xy[i + 1] <= 0.52 + 1e-12);
});

test("the nearest place on a curve lies on the curve and not on the chord", () => {
    const bend = { points: [[0, 0], [0.5, 0.4], [1, 0]] };
    const { segment, point, distance } = nearestOn(bend, [0.3, 0.4]);
    const [x, y] = point;
    assert.equal(segment, 0);
    assert.ok(y > (0.4 / 0.5) * x + 0.02, "above the chord");
    assert.ok(Math.abs(distance - Math.hypot(x - 0.3, y - 0.4)) < 1e-12);
});

test("nearness is measured as the picture is seen, in its unit", () => {
    const corner = { points: [[0, 0], [1, 0], [1, 1]], curve: "straight" };
    assert.equal(nearestOn(corner, [0.8, 0.3], [1, 1]).segment, 1);
    assert.equal(nearestOn(corner, [0.8, 0.3], [400, 100]).segment, 0);
    assert.equal(nearestOn(corner, [0.8, 0.3], [400, 100]).distance, 30);
    assert.equal(nearestOn({ points: [[0.5, 0.5]] }, [0.5, 0.75], [100, 100]).distance, 25);
});

test("a point moves at most half a picture outside, and what was given stays as it was", () => {
    const line = { ...LINE, color: "#56b4e9", note: { by: "me" } };
    const copy = structuredClone(line);
    assert.deepEqual(movePoint(line, 1, [0.4, 0.2]), { ...line, points: [[0, 0], [0.4, 0.2], [1, 0]] });
    assert.deepEqual(movePoint(line, 2, [7, -3]).points[2], [1.5, -0.5]);
    assert.deepEqual(line, copy);
});

test("an imported point far outside stays there until it is moved itself", () => {
    const far = { points: [[0.2, 0.2], [4, 0.2]] };
    assert.deepEqual(movePoint(far, 0, [0.3, 0.3]).points, [[0.3, 0.3], [4, 0.2]]);
    assert.deepEqual(moved(far, 0.5, 0.1).points, [[0.2, 0.30000000000000004], [4, 0.30000000000000004]]);
    close(moved(far, -0.1, 0).points, [[0.1, 0.2], [3.9, 0.2]]);
});

test("a trajectory moved to the border of what is allowed keeps its form", () => {
    close(moved({ points: [[0.2, 0.5], [0.8, 0.6]] }, -2, 0.1).points, [[-0.5, 0.6], [0.1, 0.7]]);
});

test("a point put on a curve is passed when the curve was there, so the motion stays", () => {
    const line = { points: [[0, 0], [0.5, 0], [1, 0]], times: [0.1, 0.4, 1], curve: "straight" };
    const more = insertPoint(line, 1, [0.75, 0]);
    close(more.times, [0.1, 0.4, 0.7, 1], 1e-3);
    for (const instant of INSTANTS) close(positionAt(more, instant), positionAt(line, instant), 1e-3);
});

test("a point put between two has its times and flags between theirs", () => {
    const gone = { points: [[0, 0], [1, 0]], visible: [true, false] };
    const more = insertPoint(gone, 0, [0.5, 0.3]);
    assert.deepEqual(more.visible, [true, true, false]);
    close(timesOf(more), [0, 0.5, 1], 1e-3);
    const beyond = timesOf(insertPoint(gone, 0, [1.4, 0]));
    assert.ok(beyond[1] > 0.9 && beyond[1] < 1);
});

test("a point behind the last hurries the others and keeps start and end", () => {
    const gone = { points: [[0, 0], [0.5, 0]], times: [0.2, 0.8], visible: [true, false] };
    const longer = insertPoint(gone, 1, [1, 0]);
    close(longer.times, [0.2, 0.5, 0.8]);
    assert.deepEqual(longer.points, [[0, 0], [0.5, 0], [1, 0]]);
    assert.deepEqual(longer.visible, [true, true, false]);
    close(insertPoint(gone, -1, [-0.2, 0]).times, [0.2, 0.5, 0.8]);
    assert.deepEqual(insertPoint(gone, -1, [-0.2, 0]).points[0], [-0.2, 0]);
});

test("a pin becomes a drag over the whole clip, and a drag a pin", () => {
    const drag = insertPoint({ points: [[0.5, 0.5]], times: [0.3], name: "eye" }, 0, [0.7, 0.5]);
    assert.deepEqual(drag, { points: [[0.5, 0.5], [0.7, 0.5]], name: "eye" });
    const timed = { ...drag, times: [0.1, 0.4], visible: [true, false] };
    assert.deepEqual(removePoint(timed, 1), { points: [[0.5, 0.5]], name: "eye" });
    assert.equal(removePoint({ points: [[0.5, 0.5]] }, 0), null);
});

test("a point less leaves start, end, the others' times and the letting go as they were", () => {
    const points = [[0, 0], [0.2, 0], [0.5, 0], [1, 0]];
    const line = { points, times: [0.1, 0.3, 0.5, 0.9], visible: [true, true, true, false] };
    close(removePoint(line, 1).times, [0.1, 0.5, 0.9]);
    const shorter = removePoint(line, 3);
    close(shorter.times, [0.1, 0.5, 0.9]);
    assert.deepEqual(shorter.visible, [true, true, false]);
});

test("an even speed takes times by length, as the picture is seen", () => {
    const corner = [[0, 0], [0.5, 0], [0.5, 0.5]];
    close(steadyTimes(corner), [0, 0.5, 1]);
    close(steadyTimes(corner, 0.2, 1, [300, 100]), [0.2, 0.8, 1]);
});

test("where a point repeats, an even speed still takes time that rises", () => {
    const times = steadyTimes([[0, 0], [0, 0], [1, 0], [1, 0], [1, 0]], 0, 1);
    times.forEach((time, i) => assert.ok(i === 0 || time - times[i - 1] > 0.9e-6));
    assert.deepEqual([times[0], times[4]], [0, 1]);
    close(steadyTimes([[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]]), [0, 0.5, 1]);
    assert.equal(rounded({ points: [], times }).times.length, new Set(rounded({ points: [], times }).times).size);
});

test("an even speed stays even through every edit of the points", () => {
    const steady = { points: [[0, 0], [0.5, 0], [1, 0]], timing: "steady" };
    close(movePoint(steady, 1, [0.25, 0]).times, [0, 0.25, 1]);
    close(insertPoint(steady, 1, [0.6, 0]).times, [0, 0.5, 0.6, 1]);
    close(timesOf(insertPoint(steady, 2, [1.5, 0])), [0, 1 / 3, 2 / 3, 1]);
    const uneven = movePoint(steady, 1, [0.25, 0]);
    assert.equal(removePoint(uneven, 1).times, undefined);
    close(timesOf(withSpan(uneven, 0.2, 0.6)), [0.2, 0.3, 0.6]);
    close(movePoint(withSpan(uneven, 0.2, 0.6), 1, [0.5, 0]).times, [0.2, 0.4, 0.6]);
    const corner = { ...steady, points: [[0, 0], [0.5, 0], [0.5, 0.2]] };
    close(movePoint(corner, 2, [0.5, 0.5], [300, 100]).times, [0, 0.75, 1]);
});

test("timing is even by length, even by point, or as it was", () => {
    const hand = { points: [[0, 0], [0.25, 0], [1, 0]], times: [0.2, 0.7, 1], timing: "hand" };
    const steady = withTiming(hand, "steady");
    assert.equal(steady.timing, "steady");
    close(steady.times, [0.2, 0.4, 1]);
    const free = withTiming(hand, undefined);
    assert.ok(!("timing" in free));
    close(free.times, [0.2, 0.6, 1]);
    assert.deepEqual(withTiming(hand, "hand"), hand);
});

test("the way back is the same way, mirrored in time", () => {
    const there = {
        points: [[0, 0], [0.3, 0.4], [0.4, 0.1], [1, 0]],
        times: [0.2, 0.3, 0.7, 0.8],
        visible: [true, false, true, true],
        easing: "in",
    };
    const back = reversed(there);
    for (const instant of INSTANTS) close(positionAt(back, instant), positionAt(there, 1 - instant), 1e-9);
    for (const [instant, seen] of [[0.25, true], [0.45, false], [0.7, false], [0.78, true]]) {
        assert.deepEqual([seenAt(there, instant), seenAt(back, 1 - instant)], [seen, seen]);
    }
    assert.deepEqual(back.visible, [true, false, true, true]);
    assert.equal(back.easing, "out");
    assert.deepEqual(spanOf(back), [0.2, 0.8]);
    close(reversed(back).times, there.times);
});

test("what is let go at its end is let go at its end on the way back too", () => {
    const gone = { points: [[0, 0], [0.5, 0], [1, 0]], visible: [true, true, false] };
    assert.deepEqual(reversed(gone).visible, [true, true, false]);
    assert.deepEqual(reversed({ points: [[0.5, 0.5]], times: [0.3] }), { points: [[0.5, 0.5]], times: [0.3] });
});

test("start and end scale the times between them and never meet", () => {
    const line = { ...LINE, times: [0, 0.25, 1] };
    close(withSpan(line, 0.5, 0.9).times, [0.5, 0.6, 0.9]);
    assert.deepEqual(spanOf(withSpan(line, 0.4, 0.3)), [0.4, 0.41000000000000003]);
    assert.deepEqual(spanOf(withSpan(line, 2, 3)), [0.99, 1]);
    assert.deepEqual(spanOf(withSpan(line, -1, 0)), [0, 0.01]);
    assert.deepEqual(withSpan({ ...LINE, times: [0.2, 0.4, 0.6] }, 0, 1), LINE);
    assert.deepEqual(spanOf({ points: [[0.5, 0.5]] }), [0, 1]);
});

test("a span too short for very many points spreads them evenly", () => {
    const many = { points: Array.from({ length: 20_000 }, (_, i) => [i / 20_000, 0]) };
    const times = timesOf(withSpan(many, 0, 0.01));
    times.forEach((time, i) => assert.ok(i === 0 || time - times[i - 1] > 1e-9));
    assert.deepEqual([times[0], times[19_999]], [0, 0.01]);
});

test("one point's time stays between its neighbours', and ends an even speed", () => {
    const steady = { ...LINE, timing: "steady" };
    const later = withTime(steady, 1, 0.8);
    assert.deepEqual(later, { ...LINE, times: [0, 0.8, 1] });
    assert.deepEqual(withTime(LINE, 1, 7).times, [0, 0.999, 1]);
    assert.deepEqual(spanOf(withTime(LINE, 2, 0.75)), [0, 0.75]);
    assert.deepEqual(spanOf(withTime(LINE, 0, -1)), [0, 1]);
});

test("holding is the default and leaves no mark", () => {
    const gone = withHold(LINE, false);
    assert.deepEqual(gone.visible, [true, true, false]);
    assert.deepEqual([holds(LINE), holds(gone)], [true, false]);
    assert.deepEqual(withHold(gone, true), LINE);
    assert.deepEqual(withHold({ points: [[0, 0]] }, false), { points: [[0, 0]] });
});

test("a key that says nothing is left out", () => {
    const eased = withKey(LINE, "easing", "in");
    assert.equal(eased.easing, "in");
    assert.deepEqual(withKey(eased, "easing", "linear"), LINE);
    assert.deepEqual(withKey({ ...LINE, name: "hand" }, "name", ""), LINE);
    assert.deepEqual(withKey({ ...LINE, locked: true }, "locked", false), LINE);
    assert.deepEqual(withKey({ ...LINE, color: "#56b4e9" }, "color", undefined), LINE);
    assert.deepEqual(withKey(LINE, "curve", "smooth"), { points: LINE.points });
});

test("written numbers are short, and writing them twice changes nothing", () => {
    const once = rounded({ points: [[1 / 3, -1e-9]], times: [1 / 3] });
    assert.deepEqual(once, { points: [[0.33333, 0]], times: [0.3333] });
    assert.ok(!Object.is(once.points[0][1], -0));
    const near = { points: [[0, 0], [0, 0], [1, 1]], times: [0.100021234, 0.100042345, 1] };
    const first = rounded(near);
    assert.deepEqual(first.times, [0.100021, 0.100042, 1]);
    assert.deepEqual(rounded(first), first);
    const nearest = { points: [[0, 0], [1, 1]], times: [0.5, 0.500000002] };
    assert.deepEqual(rounded(nearest).times, [0.5, 0.500000002]);
});
