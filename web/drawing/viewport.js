// How the picture lies on the stage. Image space is 0…1 of the picture, canvas space CSS pixels of the stage.

/** @typedef {import("./trajectory.js").Point} Point */

const FARTHEST = 0.5; // zoom: half of the picture's size shows on every side of it
export const NEAREST = 32;
const MARGIN = 12; // CSS pixels round the fitted picture, so that handles at its rim can be seen whole
const STRAY = 0.5; // of the picture's size: how far outside of it the middle of the stage may be dragged

export class Viewport {
    #scale;

    /**
     * @param {Object} view
     * @param {number} view.width  CSS pixels of the stage
     * @param {number} view.height
     * @param {readonly [number, number]} view.picture  [W, H]
     * @param {number} [view.zoom]  1: the whole picture just fits
     * @param {Point} [view.centre]  the imagePoint in the middle of the stage
     */
    constructor({ width, height, picture, zoom = 1, centre = [0.5, 0.5] }) {
        this.width = width;
        this.height = height;
        this.picture = picture;
        this.zoom = zoom;
        this.centre = centre;
        const room = (/** @type {number} */ side) => Math.max(side - 2 * MARGIN, 1);
        this.#scale = zoom * Math.min(room(width) / picture[0], room(height) / picture[1]);
    }

    /** CSS pixels in the picture's width and in its height. @returns {[number, number]} */
    get pixelsPerUnit() {
        return [this.picture[0] * this.#scale, this.picture[1] * this.#scale];
    }

    /** @param {Point} imagePoint @returns {[number, number]} canvasPoint */
    toCanvas([x, y]) {
        const [across, down] = this.pixelsPerUnit;
        return [this.width / 2 + (x - this.centre[0]) * across, this.height / 2 + (y - this.centre[1]) * down];
    }

    /** @param {Point} canvasPoint @returns {[number, number]} imagePoint */
    toImage([x, y]) {
        const [across, down] = this.pixelsPerUnit;
        return [this.centre[0] + (x - this.width / 2) / across, this.centre[1] + (y - this.height / 2) / down];
    }

    /** The picture on the stage, in CSS pixels. */
    rect() {
        const [x, y] = this.toCanvas([0, 0]);
        const [width, height] = this.pixelsPerUnit;
        return { x, y, width, height };
    }

    /** Nearer or farther; what is under the point stays there. @param {Point} canvasPoint @param {number} factor */
    zoomedAt(canvasPoint, factor) {
        const zoom = Math.min(NEAREST, Math.max(FARTHEST, this.zoom * factor));
        const [x, y] = this.toImage(canvasPoint);
        const share = this.zoom / zoom;
        return this.#with({ zoom, centre: [x + (this.centre[0] - x) * share, y + (this.centre[1] - y) * share] });
    }

    /**
     * The picture dragged along, as long as some of it can be found again.
     * @param {number} dx @param {number} dy CSS pixels
     */
    panned(dx, dy) {
        const [across, down] = this.pixelsPerUnit;
        const [x, y] = this.centre;
        return this.#with({ centre: [strayed(x, x - dx / across), strayed(y, y - dy / down)] });
    }

    /** The whole picture. */
    fitted() {
        return this.#with({ zoom: 1, centre: [0.5, 0.5] });
    }

    /** On a stage of another size, in CSS pixels; its middle stays. @param {number} width @param {number} height */
    resized(width, height) {
        return this.#with({ width, height });
    }

    /** @param {Partial<{width: number, height: number, zoom: number, centre: Point}>} changes */
    #with(changes) {
        const { width, height, picture, zoom, centre } = this;
        return new Viewport({ width, height, picture, zoom, centre, ...changes });
    }
}

/** No farther out than allowed, or than it is already. @param {number} from @param {number} to */
function strayed(from, to) {
    return Math.min(Math.max(to, Math.min(-STRAY, from)), Math.max(1 + STRAY, from));
}
