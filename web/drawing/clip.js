// The clip that a drawing moves through: frames are counted from 1 for the artist, instants are 0…1.

/** @typedef {import("./drawing.js").Drawing} Drawing */

const FRAMES = 16; // what the published model renders
const FPS = 8;

/** @param {Drawing} drawing */
export function framesOf(drawing) {
    return drawing.frames ?? FRAMES;
}

/** @param {Drawing} drawing @returns {number} frames a second */
export function fpsOf(drawing) {
    return drawing.fps ?? FPS;
}

/** @param {number} time 0…1 @param {number} frames @returns {number} from 1, with fractions */
export function frameAt(time, frames) {
    return 1 + time * (frames - 1);
}

/** @param {number} frame from 1 @param {number} frames @returns {number} 0…1 */
export function timeAt(frame, frames) {
    return frames > 1 ? (frame - 1) / (frames - 1) : 0;
}
