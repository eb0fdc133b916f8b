import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";

import { npyArray, npzArrays, tracksFromFile } from "../../web/tracks/track_file.js";
import { positionAt, seenAt } from "../../web/drawing/trajectory.js";

const SAMPLES = new URL("../fixtures/tracks/", import.meta.url);
/** @type {readonly [number, number]} */
const PICTURE = [640, 384];
const PIXEL = 0.5;

/** @param {string} name @returns {ArrayBuffer} */
function contentOf(name) {
    return new Uint8Array(readFileSync(new URL(name, SAMPLES))).buffer;
}

/** @param {string} name @param {ArrayBuffer} content @param {readonly [number, number]|null} [size] */
async function refusal(name, content, size = PICTURE) {
    try {
        await tracksFromFile(name, content, { size });
    } catch (error) {
        assert.equal(Object.getPrototypeOf(error), Error.prototype, `${error}`);
        return String(/** @type {Error} */ (error).message);
    }
    return assert.fail(`${name} was read`);
}

/**
 * An .npy file of 4-byte floats, or of another kind whose bytes are given.
 * @param {number[]} shape @param {number[]|Uint8Array} values @param {{descr?: string, columns?: boolean}} [more]
 * @returns {ArrayBuffer}
 */
function npy(shape, values, { descr = "<f4", columns = false } = {}) {
    const sides = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
    const header = `{'descr': '${descr}', 'fortran_order': ${columns ? "True" : "False"}, 'shape': (${sides}), }\n`;
    const bytes = values instanceof Uint8Array ? values : new Uint8Array(Float32Array.from(values).buffer);
    const start = [0x93, ...Buffer.from("NUMPY"), 1, 0, header.length & 255, header.length >> 8];
    return new Uint8Array([...start, ...Buffer.from(header), ...bytes]).buffer;
}

/** A zip archive of deflated entries; `size` is what its directory says of each. @param {Record<string, ArrayBuffer>} entries @param {number} [size] */
function zip(entries, size) {
    const [locals, listed] = [Buffer.alloc(0), Buffer.alloc(0)].map((empty) => [empty]);
    let at = 0;
    for (const [name, content] of Object.entries(entries)) {
        const packed = deflateRawSync(new Uint8Array(content));
        const fields = Buffer.alloc(26); // from the version needed to the lengths of name and extra field
        fields.writeUInt16LE(8, 4);
        fields.writeUInt32LE(packed.length, 14);
        fields.writeUInt32LE(size ?? content.byteLength, 18);
        fields.writeUInt16LE(name.length, 22);
        const local = Buffer.concat([Buffer.from("PK\x03\x04"), fields, Buffer.from(name), packed]);
        const tail = Buffer.alloc(14);
        tail.writeUInt32LE(at, 10);
        listed.push(Buffer.from("PK\x01\x02\x00\x00", "latin1"), fields, tail, Buffer.from(name));
        locals.push(local);
        at += local.length;
    }
    const [body, directory] = [Buffer.concat(locals), Buffer.concat(listed)];
    const end = Buffer.alloc(18);
    end.writeUInt16LE(Object.keys(entries).length, 6);
    end.writeUInt32LE(directory.length, 8);
    end.writeUInt32LE(body.length, 12);
    return new Uint8Array(Buffer.concat([body, directory, Buffer.from("PK\x05\x06"), end])).buffer;
}

for (const name of ["truth_16.npz", "truth_81.npz", "truth_121.npz", "cotracker_pred.npz", "wan2gp_trajectories.npy", "wanmove_tracks.npy"]) {
    test(`${name} says what the scene is`, async () => {
        const frames = Number(/\d\d+/.exec(name.replace("wan2gp", ""))?.[0] ?? 81);
        const { tracks, visibility } = await npzArrays(contentOf(`truth_${frames}.npz`));
        const { trajectories } = await tracksFromFile(name, contentOf(name), { size: PICTURE });
        assert.equal(trajectories.length, 3);
        assert.deepEqual(trajectories.map(({ points }) => points.length), name === "wanmove_tracks.npy" ? [2, 1, 2] : [2, 1, 3]);
        for (let t = 0; t < frames; t += 1) {
            for (let n = 0; n < 3; n += 1) {
                const seen = visibility.values[3 * t + n] === 1;
                const [x, y] = positionAt(trajectories[n], t / (frames - 1));
                if (name !== "wanmove_tracks.npy") assert.equal(seenAt(trajectories[n], t / (frames - 1)), seen, `frame ${t}`);
                if (!seen) continue;
                assert.ok(Math.abs(x * 640 - tracks.values[2 * (3 * t + n)]) <= PIXEL, `frame ${t}, track ${n}`);
                assert.ok(Math.abs(y * 384 - tracks.values[2 * (3 * t + n) + 1]) <= PIXEL, `frame ${t}, track ${n}`);
            }
        }
    });
}

test("a text among the files is read as what it is", async () => {
    for (const name of readdirSync(SAMPLES).filter((one) => /\.(json|txt|csv)$/.test(one))) {
        const { trajectories, notes } = await tracksFromFile(name.toUpperCase(), contentOf(name), { size: PICTURE });
        assert.ok(trajectories.length > 0 && notes.length > 0, name);
    }
});

test("arrays are read in every order and kind of number that numpy writes", () => {
    const whole = Uint8Array.from([1, 0, 2, 0, 3, 0, 255, 255]);
    assert.deepEqual([...npyArray(npy([2, 2], whole, { descr: "<i2" })).values], [1, 2, 3, -1]);
    assert.deepEqual([...npyArray(npy([2, 2], whole, { descr: "<i2", columns: true })).values], [1, 3, 2, -1]);
    assert.deepEqual([...npyArray(npy([2], Uint8Array.from([0, 7, 1, 0]), { descr: ">u2" })).values], [7, 256]);
    assert.deepEqual([...npyArray(npy([3], Uint8Array.from([1, 0, 1]), { descr: "|b1" })).values], [1, 0, 1]);
    assert.deepEqual([...npyArray(npy([1, 2], new Uint8Array(Float64Array.from([0.5, -2]).buffer), { descr: "<f8" })).values], [0.5, -2]);
    assert.deepEqual(npyArray(npy([], [4])).shape, []);
});

test("WanGP's (-1, -1) is hidden, and its numbers are shares of the picture", async () => {
    const values = [0.25, 0.5, -1, -1, 0.5, 0.5, 0.75, 0.25];
    const { trajectories } = await tracksFromFile("a.npy", npy([2, 2, 2], values), { size: null });
    assert.deepEqual(trajectories, [
        { points: [[0.25, 0.5], [0.5, 0.5]], curve: "straight" },
        { points: [[0.75, 0.25], [0.75, 0.25]], visible: [false, true], curve: "straight" },
    ]);
});

test("an array of pixels asks for the picture, one that names its picture does not", async () => {
    const tracks = npy([1, 2, 1, 2], [64, 96, 320, 192]);
    assert.match(await refusal("a.npy", tracks, null), /^Connect the picture first/);
    const archive = zip({ "tracks.npy": tracks, "width.npy": npy([], [640]), "height.npy": npy([], [384]) });
    const { trajectories } = await tracksFromFile("a.npz", archive, { size: null });
    assert.deepEqual(trajectories, [{ points: [[0.1, 0.25], [0.5, 0.5]], curve: "straight" }]);
});

test("CoTracker's deflated arrays are read with their visibility in every shape", async () => {
    const tracks = npy([1, 2, 1, 2], [64, 96, 320, 192]);
    for (const shape of [[1, 2, 1], [2, 1], [2]]) {
        const archive = zip({ "pred_tracks.npy": tracks, "other.npy": new ArrayBuffer(3), "pred_visibility.npy": npy(shape, [1, 0.2]) });
        const { trajectories } = await tracksFromFile("a.npz", archive, { size: PICTURE });
        assert.deepEqual(trajectories, [{ points: [[0.1, 0.25], [0.1, 0.25]], visible: [true, false], curve: "straight" }]);
    }
});

test("what the editor does not read is sent to the node that does", async () => {
    assert.match(await refusal("ati_tracks.pth", contentOf("ati_tracks.pth")), /Load Tracks node reads/);
    assert.match(await refusal("tapvid3d.npz", contentOf("tapvid3d.npz")), /Load Tracks node reads/);
    assert.match(await refusal("noend", new ArrayBuffer(3)), /Load Tracks node reads/);
    assert.match(await refusal("tiny_flow_from_first.npz", contentOf("tiny_flow_from_first.npz")), /has none/);
    assert.match(await refusal("big.json", new ArrayBuffer(64 * 1024 * 1024 + 1)), /over 64 MB/);
    assert.match(await refusal("many.npy", npy([1, 2001, 2], Array(4002).fill(0.5))), /2001 tracks.*Load Tracks node/);
    assert.match(await refusal("wanmove_visibility.npy", contentOf("wanmove_visibility.npy")), /\[T, N, 2\]/);
    assert.match(await refusal("pickled.npy", npy([1], Uint8Array.of(0, 0, 0, 0), { descr: "|O" })), /never opened/);
    assert.match(await refusal("half.npy", npy([1], Uint8Array.of(0, 0), { descr: "<f2" })), /f2/);
    assert.match(await refusal("latin.txt", Uint8Array.of(0xe9, 0x31).buffer), /UTF-8/);
});

test("an archive that unpacks to more than it says, or says too much, is refused", async () => {
    const tracks = npy([2, 1, 2], [64, 96, 320, 192]);
    assert.match(await refusal("a.npz", zip({ "tracks.npy": tracks }, 20)), /damaged/);
    assert.match(await refusal("a.npz", zip({ "tracks.npy": tracks }, 2000)), /damaged/);
    assert.match(await refusal("a.npz", zip({ "tracks.npy": tracks }, 2 ** 31)), /over 64 MB/);
    assert.match(await refusal("a.npy", npy([2 ** 40, 2 ** 40], [1])), /damaged/);
});

test("files that are cut off or have one byte changed are read or refused in words", async () => {
    for (const name of ["cotracker_pred.npz", "truth_16.npz", "wan2gp_trajectories.npy"]) {
        const content = new Uint8Array(contentOf(name));
        for (let at = 0; at < content.length; at += 13) {
            const changed = content.slice();
            changed[at] ^= 0xff;
            for (const damaged of [changed, content.slice(0, at)]) {
                try {
                    const { trajectories } = await tracksFromFile(name, damaged.buffer, { size: PICTURE });
                    assert.ok(trajectories.flatMap(({ points }) => points.flat()).every(Number.isFinite));
                } catch (error) {
                    assert.equal(Object.getPrototypeOf(error), Error.prototype, `byte ${at} of ${name}: ${error}`);
                }
            }
        }
    }
});
