// Camera moves as trajectories all over the picture, free to be edited. Named by what the picture does: "pan left"
// moves it to the left, "rotate right" turns it clockwise, "orbit left" moves what is near to the left against what
// is far.
// Numbers mean what they mean in Python's Camera; tests/fixtures/camera.json holds both to it.

/** @typedef {import("../drawing/trajectory.js").Trajectory} Trajectory */
/** @typedef {import("../drawing/trajectory.js").Point} Point */
/** @typedef {import("../drawing/trajectory.js").Aspect} Aspect */
/**
 * @typedef {"panLeft"|"panRight"|"panUp"|"panDown"|"zoomIn"|"zoomOut"|"rotateLeft"|"rotateRight"|"orbitLeft"
 *   |"orbitRight"} PresetId
 */

/**
 * @typedef {Object} Preset
 * @property {PresetId} id
 * @property {string} label  key of its word in the table of strings
 * @property {{unit: "picture"|"ratio"|"degrees", default: number, min: number, max: number, step: number}} amount
 *   picture: its width or height. ratio: how many times larger, or smaller, things become
 */

/** @typedef {{pan_x?: number, pan_y?: number, zoom?: number, rotate?: number, orbit?: number}} Move
 *   how the picture moves by the end, all but orbit as in Python: pan_x, pan_y in picture widths and heights, rotate
 *   and orbit in degrees */

const PAN = { unit: /** @type {const} */ ("picture"), default: 0.1, min: 0.01, max: 1, step: 0.01 };
const ZOOM = { unit: /** @type {const} */ ("ratio"), default: 1.2, min: 1.01, max: 3, step: 0.01 };
const ROTATE = { unit: /** @type {const} */ ("degrees"), default: 10, min: 1, max: 45, step: 1 };
const ORBIT = { unit: /** @type {const} */ ("degrees"), default: 10, min: 1, max: 45, step: 1 };

/** @type {Record<PresetId, [Preset["amount"], (amount: number) => Move]>} */
const MOVES = {
    panLeft: [PAN, (share) => ({ pan_x: -share })],
    panRight: [PAN, (share) => ({ pan_x: share })],
    panUp: [PAN, (share) => ({ pan_y: -share })],
    panDown: [PAN, (share) => ({ pan_y: share })],
    zoomIn: [ZOOM, (ratio) => ({ zoom: ratio })],
    zoomOut: [ZOOM, (ratio) => ({ zoom: 1 / ratio })],
    rotateLeft: [ROTATE, (degrees) => ({ rotate: -degrees })],
    rotateRight: [ROTATE, (degrees) => ({ rotate: degrees })],
    orbitLeft: [ORBIT, (degrees) => ({ orbit: -degrees })],
    orbitRight: [ORBIT, (degrees) => ({ orbit: degrees })],
};

/** In the order of a menu. @type {readonly Preset[]} */
export const PRESETS = Object.freeze(
    Object.entries(MOVES).map(([id, [amount]]) =>
        Object.freeze({ id: /** @type {PresetId} */ (id), label: `camera.${id}`, amount: Object.freeze(amount) }),
    ),
);

/** Grey, which the palette leaves to the camera. */
export const CAMERA_COLOR = "#999999";

const PLACES = 1e5; // what a drawing keeps of a number
const STEP_OF_A_TURN = 6; // degrees from point to point; the smooth curve then stays within a thousandth of the arc
const FEWEST_OF_A_TURN = 5; // points
const ZOOM_POINTS = 5;
const EYE = 3; // picture heights from the middle of the picture to the eye that walks around it

/** What a preset means to Python's Camera. @param {PresetId} id @param {number} amount @returns {Move} */
export function cameraMove(id, amount) {
    return MOVES[id][1](amount);
}

/**
 * Trajectories from the middles of a grid's cells that all move as one camera does.
 * @param {PresetId} id
 * @param {number} amount  in the preset's unit
 * @param {{aspect: Aspect, columns?: number, rows?: number}} picture  aspect: its width and height, in any unit
 * @returns {Trajectory[]}
 */
export function cameraTrajectories(id, amount, { aspect, columns = 4, rows = 3 }) {
    const move = cameraMove(id, amount);
    const count = pointsFor(move);
    /** @type {Trajectory[]} */
    const trajectories = [];
    for (let row = 0; row < rows; row += 1) {
        for (let column = 0; column < columns; column += 1) {
            const start = /** @type {Point} */ ([(column + 0.5) / columns, (row + 0.5) / rows]);
            const way = Array.from({ length: count }, (_, i) => rounded(placeAt(start, move, i / (count - 1), aspect)));
            const rests = way.every(([x, y]) => x === way[0][0] && y === way[0][1]);
            trajectories.push({
                points: rests ? way.slice(0, 1) : way,
                name: `camera ${trajectories.length + 1}`,
                color: CAMERA_COLOR,
                // Zoom and orbit speed up or slow down on their way; their pace must not be made even.
                ...(!rests && !move.zoom && !move.orbit ? { timing: /** @type {const} */ ("steady") } : {}),
            });
        }
    }
    return trajectories;
}

/**
 * Where what was at `start` is, at an instant 0…1 of the clip.
 * @param {Point} start  0…1 of the picture @param {Move} move @param {number} instant @param {Aspect} aspect
 * @returns {Point}
 */
function placeAt(start, move, instant, aspect) {
    const wide = aspect[0] / aspect[1];
    const [x, y] = [(start[0] - 0.5) * wide, start[1] - 0.5]; // from the middle, in picture heights
    if (move.orbit) {
        const [across, along] = orbited(start, [x, y], (move.orbit * instant * Math.PI) / 180);
        return [0.5 + across / wide, 0.5 + along];
    }
    const zoom = (move.zoom ?? 1) ** instant;
    const angle = ((move.rotate ?? 0) * instant * Math.PI) / 180;
    const [cosine, sine] = [zoom * Math.cos(angle), zoom * Math.sin(angle)];
    return [
        0.5 + (x * cosine - y * sine) / wide + (move.pan_x ?? 0) * instant,
        0.5 + (x * sine + y * cosine) + (move.pan_y ?? 0) * instant,
    ];
}

/**
 * The picture as a ground that comes nearer downwards, most in its middle column, turned around its upright middle
 * and seen again by the same eye: what is near goes one way and grows or shrinks a little, what is far goes the other.
 * @param {Point} start  0…1 of the picture @param {Point} place  the same from the middle, in picture heights
 * @param {number} angle  radians
 * @returns {Point}
 */
function orbited(start, [x, y], angle) {
    const near = y * (1 - 2 * (start[0] - 0.5) ** 2); // towards the eye, in picture heights
    const across = (x * (EYE - near)) / EYE;
    const turned = across * Math.cos(angle) + near * Math.sin(angle);
    const nearer = near * Math.cos(angle) - across * Math.sin(angle);
    const larger = EYE / (EYE - nearer);
    return [turned * larger, ((y * (EYE - near)) / EYE) * larger];
}

/** @param {Move} move */
function pointsFor(move) {
    const turn = Math.abs(move.rotate ?? move.orbit ?? 0);
    if (turn) return Math.max(FEWEST_OF_A_TURN, 1 + Math.ceil(turn / STEP_OF_A_TURN));
    return move.zoom ? ZOOM_POINTS : 2;
}

/** @param {Point} point @returns {Point} */
function rounded([x, y]) {
    return [Math.round(x * PLACES) / PLACES, Math.round(y * PLACES) / PLACES];
}
