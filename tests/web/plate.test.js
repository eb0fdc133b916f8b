import assert from "node:assert/strict";
import test from "node:test";

import { plateOf } from "../../web/preview/plate.js";

const SIZE = 64;
const GREEN = [90, 150, 80];
const RED = [200, 40, 30];
const inDisc = (pixel) => Math.hypot((pixel % SIZE) - 30, Math.floor(pixel / SIZE) - 34) < 12;

function picture(colour) {
    const data = new Uint8ClampedArray(SIZE * SIZE * 4);
    for (let pixel = 0; pixel < SIZE * SIZE; pixel++) data.set([...colour(pixel), 255], pixel * 4);
    return { data, width: SIZE, height: SIZE };
}

const extentOf = (inside) => Float32Array.from({ length: SIZE * SIZE }, (_, pixel) => (inside(pixel) ? 1 : 0));
const at = (plate, pixel) => Array.from(plate.subarray(pixel * 4, pixel * 4 + 4));

test("a disc that leaves is filled with the colour of the ground, its rim too", () => {
    const onRim = (pixel) => Math.hypot((pixel % SIZE) - 30, Math.floor(pixel / SIZE) - 34) < 13; // blended, outside its extent
    const plate = plateOf(picture((pixel) => (onRim(pixel) ? RED : GREEN)), [extentOf(inDisc)]);
    for (let pixel = 0; pixel < SIZE * SIZE; pixel++) {
        const [red, green, blue, filled] = at(plate, pixel);
        if (onRim(pixel)) assert.equal(filled, 255);
        if (filled) assert.ok(Math.abs(red - GREEN[0]) + Math.abs(green - GREEN[1]) + Math.abs(blue - GREEN[2]) < 4, `pixel ${pixel}: ${red} ${green} ${blue}`);
    }
});

test("far from the things that move the picture itself is right", () => {
    const plate = plateOf(picture((pixel) => [pixel % SIZE, 7, 9]), [extentOf(inDisc)]);
    assert.deepEqual(at(plate, 5 * SIZE + 60), [60, 7, 9, 0]);
});

test("ground that changes from left to right goes on changing behind what leaves", () => {
    const plate = plateOf(picture((pixel) => (inDisc(pixel) ? RED : [4 * (pixel % SIZE), 100, 100])), [extentOf(inDisc)]);
    const reds = [20, 26, 32, 38].map((x) => at(plate, 34 * SIZE + x)[0]);
    for (let i = 1; i < reds.length; i++) assert.ok(reds[i] > reds[i - 1] + 5, `reds ${reds}`);
});

test("two things are both filled", () => {
    const left = (pixel) => pixel % SIZE < 20 && pixel > 20 * SIZE && pixel < 30 * SIZE;
    const plate = plateOf(picture((pixel) => (inDisc(pixel) || left(pixel) ? RED : GREEN)), [extentOf(inDisc), extentOf(left)]);
    for (const pixel of [34 * SIZE + 30, 25 * SIZE + 5]) assert.deepEqual(at(plate, pixel), [...GREEN, 255]);
});

test("when all of the picture moves, a blurred picture lies behind it", () => {
    const plate = plateOf(picture((pixel) => (pixel % SIZE < 32 ? RED : GREEN)), [extentOf(() => true)]);
    const [left] = at(plate, 10 * SIZE + 1);
    const [right] = at(plate, 10 * SIZE + 62);
    assert.ok(left > 180 && right < 110, `${left}, ${right}`);
});
