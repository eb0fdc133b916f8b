import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { coordinatesText, trajectoriesFrom } from "../../web/tracks/coordinates.js";
import { npzArrays } from "../../web/tracks/track_file.js";
import { positionAt, sampled, seenAt } from "../../web/drawing/trajectory.js";

const FIXTURES = new URL("../fixtures/", import.meta.url);
const SAMPLES = new URL("tracks/", FIXTURES);
/** @type {readonly [number, number]} */
const PICTURE = [640, 384];
const PIXEL = 0.5;
const [A, B, C] = [0, 1, 2]; // the tracks of the scene: to the right, at rest, downwards after a quarter

/** What each text holds of the scene, and at how many frames. @type {Record<string, [number[], number]>} */
const HELD = {
    "cotracker_list_hidden_minus100.json": [[C], 81],
    "cotracker_list_of_strings.json": [[A, B], 81],
    "draganything_demo.json": [[A], 16],
    "dragnuwa_tracking_points.json": [[A, B], 16],
    "fl_paths_data.json": [[A, B, C], 81],
    "kj_coord_str_multi.json": [[A, B], 81],
    "kj_coord_str_single.json": [[A], 81],
    "kj_points_store.json": [[A, B], 16],
    "kling_dynamic_masks.json": [[A], 16],
    "ltx_director_tracks.json": [[A, B], 81],
    "ltx_points_store.json": [[A, B], 16],
    "ltx_tracks_121.json": [[A, B], 121],
    "motionctrl_traj_1024.json": [[A], 16],
    "python_single_quotes.txt": [[A, B], 16],
    "starsfriday_path.json": [[A], 16],
};

/** @param {string} name */
function textOf(name) {
    return readFileSync(new URL(name, SAMPLES), "utf8");
}

/** Where the scene is: [frame][track] in pixels, and whether it is seen. @param {number} frames */
async function truth(frames) {
    const { buffer } = new Uint8Array(readFileSync(new URL(`truth_${frames}.npz`, SAMPLES)));
    const { tracks, visibility } = await npzArrays(buffer);
    const place = (/** @type {number} */ t, /** @type {number} */ n) => 2 * (t * 3 + n);
    return {
        at: (/** @type {number} */ t, /** @type {number} */ n) => [tracks.values[place(t, n)], tracks.values[place(t, n) + 1]],
        seen: (/** @type {number} */ t, /** @type {number} */ n) => visibility.values[t * 3 + n] === 1,
    };
}

/** @param {readonly number[]} actual @param {readonly number[]} expected @param {number} tolerance @param {string} [what] */
function near(actual, expected, tolerance, what) {
    assert.equal(actual.length, expected.length);
    expected.forEach((value, i) => assert.ok(Math.abs(actual[i] - value) <= tolerance, `${what}: ${actual} is not ${expected}`));
}

/** @param {readonly (readonly number[])[][]} tracks */
function nested(tracks) {
    return JSON.stringify(tracks.map((track) => track.map(([x, y]) => ({ x, y }))));
}

/** The message of the Error that reading a text gives. @param {string} text @param {readonly [number, number]|null} [size] */
function refusal(text, size = PICTURE) {
    try {
        trajectoriesFrom(text, { size });
    } catch (error) {
        if (error instanceof Error && error.constructor === Error) return error.message;
        throw error;
    }
    return assert.fail(`was read: ${text.slice(0, 80)}`);
}

/** @param {readonly (readonly [number, number])[]} points */
function imported(points) {
    return trajectoriesFrom(nested([points.map(([x, y]) => [x, y])]), { size: PICTURE }).trajectories[0];
}

// --- every sample file ----------------------------------------------------------------------------------------------

for (const [name, [which, frames]] of Object.entries(HELD)) {
    test(`${name} says what the scene is, in points few enough to edit`, async () => {
        const { trajectories, notes } = trajectoriesFrom(textOf(name), { size: PICTURE });
        const { at, seen } = await truth(frames);
        assert.equal(trajectories.length, which.length);
        assert.match(notes[0], /^Read as /);
        which.forEach((track, i) => {
            assert.ok(trajectories[i].points.length <= 4, `${trajectories[i].points.length} points`);
            for (let t = 0; t < frames; t += 1) {
                assert.equal(seenAt(trajectories[i], t / (frames - 1)), seen(t, track), `seen in frame ${t}`);
                if (!seen(t, track)) continue;
                const [x, y] = positionAt(trajectories[i], t / (frames - 1));
                near([x * 640, y * 384], at(t, track), PIXEL, `frame ${t}`);
            }
        });
    });

    test(`${name} written as coordinates is read as the same motion`, async () => {
        const { trajectories } = trajectoriesFrom(textOf(name), { size: PICTURE });
        const text = coordinatesText(trajectories, "kj", { size: PICTURE, frames });
        const { at, seen } = await truth(frames);
        const again = trajectoriesFrom(text, { size: PICTURE }).trajectories;
        /** @type {{x: number, y: number}[][]} */
        const written = JSON.parse(text);
        which.forEach((track, i) => {
            for (let t = 0; t < frames; t += 1) {
                if (!seen(t, track)) continue;
                near([written[i][t].x, written[i][t].y], at(t, track), PIXEL, `frame ${t}`);
                const [x, y] = positionAt(again[i], t / (frames - 1));
                near([x * 640, y * 384], at(t, track), 2 * PIXEL, `frame ${t}, twice`);
            }
        });
    });
}

test("every text among the samples is tested", () => {
    const texts = readdirSync(SAMPLES).filter((name) => /\.(json|txt|csv)$/.test(name));
    assert.deepEqual(texts.sort(), [...Object.keys(HELD), "ig_motion_vectors.csv"].sort());
});

test("IG's vectors are straight arrows over the whole clip", () => {
    const { trajectories } = trajectoriesFrom(textOf("ig_motion_vectors.csv"), { size: PICTURE });
    assert.equal(trajectories.length, 2);
    near(positionAt(trajectories[0], 0.5), [200 / 640, 200 / 384], 1e-9);
    near(positionAt(trajectories[1], 1), [320 / 640, 340 / 384], 1e-9);
});

test("an FL path keeps its name, its colour and its steady speed", () => {
    const { trajectories } = trajectoriesFrom(textOf("fl_paths_data.json"), { size: null });
    assert.deepEqual(trajectories.map(({ name }) => name), ["Path 1", "Static", "Late"]);
    assert.deepEqual(trajectories.map(({ color }) => color), ["#ff0000", "#00ff00", "#0000ff"]);
    assert.equal(trajectories[0].timing, "steady");
    assert.deepEqual(trajectories[2].visible?.[0], false);
});

// --- few points of many ---------------------------------------------------------------------------------------------

test("a hand's curve of 121 samples becomes a few points, nowhere half a pixel off", () => {
    const track = Array.from({ length: 121 }, (_, i) => {
        const u = (i / 120) ** 2;
        return /** @type {[number, number]} */ ([100 + 400 * u, 200 + 120 * Math.sin(5 * u)]);
    });
    const trajectory = imported(track);
    assert.ok(trajectory.points.length <= 20, `${trajectory.points.length} points`);
    assert.equal(trajectory.timing, "hand");
    sampled(trajectory, 121).forEach(([x, y], i) => {
        assert.ok(Math.hypot(x * 640 - track[i][0], y * 384 - track[i][1]) <= PIXEL + 0.01, `frame ${i}`);
    });
});

test("a zigzag keeps its corners and straight ways, a bow is smooth", () => {
    const zigzag = imported(Array.from({ length: 31 }, (_, i) => [10 * i, i < 10 ? 20 * i : i < 20 ? 400 - 20 * i : 20 * i - 400]));
    assert.equal(zigzag.points.length, 4);
    const bow = imported(Array.from({ length: 41 }, (_, i) => [15 * i, 200 - 0.3 * (i - 20) ** 2]));
    assert.notEqual(bow.curve, "straight");
});

test("rest before and after the motion becomes a late start and an early end", () => {
    const trajectory = imported(Array.from({ length: 21 }, (_, i) => [100 + 20 * Math.min(10, Math.max(0, i - 5)), 50]));
    assert.equal(trajectory.points.length, 2);
    assert.deepEqual(trajectory.times, [0.25, 0.75]);
});

test("what trembles by less than half a pixel is a pin", () => {
    const trajectory = imported(Array.from({ length: 30 }, (_, i) => [100 + (i % 2) * 0.3, 50]));
    assert.deepEqual(Object.keys(trajectory), ["points"]);
    assert.equal(trajectory.points.length, 1);
});

test("a thing hidden on its way is hidden in the same frames, whatever they are", () => {
    const hidden = (/** @type {number} */ i) => (i >= 41 && i < 67) || i >= 110;
    const track = Array.from({ length: 121 }, (_, i) => (hidden(i) ? [-100, -100] : [3 * i, 100 + i]));
    const { trajectories, notes } = trajectoriesFrom(nested([track]), { size: PICTURE });
    for (let i = 0; i < 121; i += 1) assert.equal(seenAt(trajectories[0], i / 120), !hidden(i), `frame ${i}`);
    assert.ok(trajectories[0].points.length <= 6);
    assert.ok(notes.includes("Hidden points hold the nearest position that was seen: 37 do."));
});

test("1000 trembling tracks of 121 samples are read in seconds", () => {
    let state = 1;
    const noise = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
    const tracks = Array.from({ length: 1000 }, () => Array.from({ length: 121 }, (_, i) => [2 * i + 4 * noise(), 100 + 4 * noise()]));
    const begun = performance.now();
    const { trajectories } = trajectoriesFrom(nested(tracks), { size: PICTURE });
    assert.equal(trajectories.length, 1000);
    assert.ok(performance.now() - begun < 20_000, `${performance.now() - begun} ms`);
});

// --- forms ----------------------------------------------------------------------------------------------------------

test("a few points set by hand stay as they are, with a smooth curve and no times", () => {
    const { trajectories } = trajectoriesFrom(nested([[[0, 0], [320, 96], [640, 0]]]), { size: PICTURE });
    assert.deepEqual(trajectories, [{ points: [[0, 0], [0.5, 0.25], [1, 0]] }]);
});

test("points are read nested, flat, single-quoted and as a list of texts alike", () => {
    const track = [{ x: 64, y: 96, more: "is passed over" }, { x: 320, y: 192 }];
    const python = "[{'x': 64.0, 'y': 96, 'seen': True, 'note': None}, {'x': 320, 'y': 192}]";
    for (const text of [JSON.stringify([track]), JSON.stringify(track), python, `[${python}]`, JSON.stringify([JSON.stringify(track)]), `\uFEFF ${python}\n`]) {
        const { trajectories } = trajectoriesFrom(text, { size: PICTURE });
        assert.deepEqual(trajectories, [{ points: [[0.1, 0.25], [0.5, 0.5]] }], text);
    }
});

test("a whole drawing of ours is read as one, with its brush and its own keys", () => {
    const text = '{"version":1,"trajectories":[{"points":[[0.1,0.2],[0.3,0.4]],"name":"hand","mood":"calm"}],"brush":{"size":[4,2],"move":[1,3]},"frames":16}';
    const { trajectories, drawing, notes } = trajectoriesFrom(text, { size: null });
    assert.deepEqual(trajectories, [{ points: [[0.1, 0.2], [0.3, 0.4]], name: "hand", mood: "calm" }]);
    assert.equal(drawing?.brush?.paint[1], 1);
    assert.equal(drawing?.frames, 16);
    assert.deepEqual(notes, ["Read as Motion-I2V trajectories."]);
});

test("a bare list of our trajectories is read, and is no whole drawing", () => {
    const { trajectories, drawing } = trajectoriesFrom('[{"points":[[0.1,0.2],[0.3,0.4]],"timing":"hand"}]', { size: null });
    assert.deepEqual(trajectories, [{ points: [[0.1, 0.2], [0.3, 0.4]], timing: "hand" }]);
    assert.equal(drawing, undefined);
});

test("siraxe's splines, easing, names and static points are read", () => {
    const state = {
        coordinates: [[{ x: 64, y: 96, scale: 2 }, { x: 128, y: 96 }]],
        p_coordinates: [{ x: 320, y: 192 }],
        easing_functions: { c: ["in_out"] },
        names: { c: ["wing"] },
        offsets: { c: [3] },
        coord_width: 640,
        coord_height: 384,
    };
    const { trajectories, notes } = trajectoriesFrom(JSON.stringify(state), { size: null });
    assert.deepEqual(trajectories, [
        { points: [[0.1, 0.25], [0.2, 0.25]], easing: "in_out", name: "wing" },
        { points: [[0.5, 0.5]], curve: "straight" },
    ]);
    assert.ok(notes.some((note) => note.startsWith("Its pauses and offsets are left out")));
});

test("a WanGP layer moves at an even pace between its frames", () => {
    const layer = { name: "car", path: [{ x: 0, y: 96 }, { x: 64, y: 96 }, { x: 320, y: 96 }], startFrame: 20, endFrame: 40, speedMode: "accelerate", speedRatio: 4 };
    const text = JSON.stringify({ resolution: { width: 640, height: 384 }, scene: { fps: 16, totalFrames: 80 }, layers: [layer] });
    const [trajectory] = trajectoriesFrom(text, { size: null }).trajectories;
    assert.deepEqual(trajectory, {
        points: [[0, 0.25], [0.1, 0.25], [0.5, 0.25]],
        times: [0.25, 0.3, 0.5],
        curve: "straight",
        easing: "in",
        name: "car",
        timing: "steady",
    });
});

test("Kling's origin is at the bottom left", () => {
    const mask = { mask: "", trajectories: [{ x: 0, y: 0 }, { x: 640, y: 384 }] };
    for (const form of [{ dynamic_masks: [mask] }, mask, [mask]]) {
        const [{ points }] = trajectoriesFrom(JSON.stringify(form), { size: PICTURE }).trajectories;
        assert.deepEqual(points, [[0, 1], [1, 0]]);
    }
});

// --- units ----------------------------------------------------------------------------------------------------------

test("pixels cannot be placed before a picture is connected, unless the text names its size", () => {
    for (const name of ["kj_coord_str_multi.json", "kj_points_store.json", "ig_motion_vectors.csv"]) {
        assert.match(refusal(textOf(name), null), /^Connect the picture first/);
    }
    assert.equal(trajectoriesFrom(textOf("fl_paths_data.json"), { size: null }).trajectories.length, 3);
    assert.match(refusal("[[[0, 0], [0, 0]]]", null), /^Connect the picture first/);
});

test("numbers between 0 and 1 are shares of the picture, and so are fractions that leave it a little", () => {
    for (const points of [[[0.25, 0.5], [0.75, 0.5]], [[0.9, 0.5], [1.3, -0.2]]]) {
        const { trajectories, notes } = trajectoriesFrom(JSON.stringify([points]), { size: null });
        assert.deepEqual(trajectories[0].points, points);
        assert.ok(notes.includes("The format does not say its units; the numbers look like 0…1 of the picture."));
    }
    const { notes } = trajectoriesFrom(nested([[[1, 1], [2, 2]]]), { size: PICTURE });
    assert.ok(notes.includes("Positions are pixels of 640×384."));
});

test("tracks made for another picture are fitted, and this is said", () => {
    const { trajectories, notes } = trajectoriesFrom(textOf("fl_paths_data.json"), { size: [320, 192] });
    near(trajectories[0].points[0], [100 / 640, 200 / 384], 1e-9);
    assert.ok(notes.includes("The tracks were made for a picture of 640×384; they are fitted to 320×192."));
});

// --- refused --------------------------------------------------------------------------------------------------------

test("broken or foreign text is refused in one short sentence", () => {
    const texts = ["", "  \n", "[]", "[[]]", "{}", '{"paths": []}', "hello", "123", "null", '"text"', "[1, 2, 3]", "[[1, 2, 3]]"];
    texts.push("[[[1, 2], [3]]]", '[{"x": 1}]', '[{"x": "left", "y": 2}]', "1,2,3", "1,2\n3,4,5,6", '{"coordinates": 5}', '{"paths": [5]}');
    texts.push('{"version": 2, "trajectories": []}', '{"someone": "else"}', '[{"x": 1e300, "y": 5}]', '["no", "json"]', '{"trajectories": 7}');
    texts.push("[".repeat(100_000), `${"[".repeat(400)}1${"]".repeat(400)}`, '[{"points": [[0.1, "a"]]}]', '{"__proto__": {"x": 1}}');
    for (const text of texts) {
        const told = refusal(text);
        assert.ok(told.length > 10 && told.length < 300 && /[.!?]$/.test(told), told);
    }
    assert.match(refusal('[[{"x": 1, "y": 2}, {"x":'), /broken, perhaps cut off/);
});

test("more tracks than an editor can show are sent to the node that reads them", () => {
    const text = nested(Array.from({ length: 2001 }, (_, i) => [[i, 5], [i, 9]]));
    assert.match(refusal(text), /2001 tracks.*Load Tracks node/);
});

test("sample texts with one character changed are read or refused in words", () => {
    for (const name of Object.keys(HELD)) {
        const text = textOf(name).slice(0, 900);
        for (let at = 0; at < text.length; at += 7) {
            for (const typed of ["", "9", "[", '"', "null"]) {
                try {
                    const { trajectories } = trajectoriesFrom(text.slice(0, at) + typed + text.slice(at + 1), { size: PICTURE });
                    assert.ok(trajectories.every((one) => sampled(one, 3).flat().every(Number.isFinite)));
                } catch (error) {
                    assert.equal(Object.getPrototypeOf(error), Error.prototype, `${error}`);
                }
            }
        }
    }
});

// --- written --------------------------------------------------------------------------------------------------------

test("coordinates are the samples that Python has too, in pixels with two decimals", () => {
    const { frames, trajectories } = JSON.parse(readFileSync(new URL("trajectories.json", FIXTURES), "utf8"));
    const tracks = JSON.parse(coordinatesText(trajectories, "wanmove", { size: PICTURE, frames }));
    trajectories.forEach(({ name, samples }, /** @type {number} */ i) => {
        samples.forEach(([x, y], /** @type {number} */ t) => {
            near([tracks[i][t].x, tracks[i][t].y], [x * 640, y * 384], 0.006, `${name}, frame ${t}`);
        });
    });
    for (const { x, y } of tracks.flat()) near([x, y], [Number(x.toFixed(2)), Number(y.toFixed(2))], 1e-12);
});

test("ATI and LTX get 121 samples by time, KJ and Wan-Move one a frame, and one track is nested too", () => {
    const across = [{ points: [[0.25, 0.5], [0.75, 0.5]] }];
    for (const [format, frames, count] of [["kj", 5, 5], ["wanmove", 5, 5], ["ati", 5, 121], ["ltx", 16, 121], ["kj", 1, 1]]) {
        const tracks = JSON.parse(coordinatesText(across, format, { size: PICTURE, frames }));
        assert.equal(tracks.length, 1);
        assert.equal(tracks[0].length, count);
        assert.deepEqual(tracks[0][0], { x: 160, y: 192 });
        if (count > 1) assert.deepEqual(tracks[0].at(-1), { x: 480, y: 192 });
    }
    const slow = [{ points: [[0.5, 0.5], [0.5 + 2 / 640, 0.5]] }];
    const written = JSON.parse(coordinatesText(slow, "kj", { size: PICTURE, frames: 5 }));
    assert.deepEqual(written[0].map(({ x }) => x), [320, 320.5, 321, 321.5, 322]);
});

test("a hidden trajectory is not copied; with nothing else there is nothing to copy", () => {
    const hidden = { points: [[0.1, 0.1]], hidden: true };
    const shown = { points: [[0.5, 0.5]], name: "eye" };
    assert.equal(JSON.parse(coordinatesText([hidden, shown], "kj", { size: PICTURE, frames: 2 })).length, 1);
    const own = coordinatesText([hidden, shown], "motion-i2v", { size: null, frames: 2 });
    assert.deepEqual(trajectoriesFrom(own, { size: null }).trajectories, [shown]);
    assert.throws(() => coordinatesText([hidden], "kj", { size: PICTURE, frames: 2 }), /nothing|no trajectory to copy/);
    assert.throws(() => coordinatesText([shown], "kj", { size: null, frames: 2 }), /^Error: Connect the picture first/);
});
