// A picture or the first frame of a video, loaded by its address.

/** @typedef {import("../session.js").Picture} Picture */

const VIDEOS = /\.(mp4|m4v|mov|mkv|webm|avi|ogv)$/i;
const PATIENCE = 20_000; // ms until a video that says nothing counts as failed

/**
 * @param {string} address
 * @param {string} filename  tells pictures from videos
 * @returns {Promise<Omit<Picture, "note">>}
 */
export async function loadedPicture(address, filename) {
    return VIDEOS.test(filename) ? firstFrame(address) : still(address);
}

/** @param {string} address */
async function still(address) {
    const element = new Image();
    element.src = address;
    await element.decode(); // turned as its camera was held, like the server does
    return { element, width: element.naturalWidth, height: element.naturalHeight };
}

/** @param {string} address */
async function firstFrame(address) {
    const video = document.createElement("video");
    video.muted = true;
    video.playsInline = true;
    video.preload = "auto";
    try {
        await shown(video, address);
        const element = document.createElement("canvas");
        element.width = video.videoWidth;
        element.height = video.videoHeight;
        element.getContext("2d")?.drawImage(video, 0, 0);
        if (!element.width || !element.height) throw new Error("no picture in the video");
        return { element, width: element.width, height: element.height };
    } finally {
        video.removeAttribute("src");
        video.load(); // lets go of the connection
    }
}

/** Resolves when the first frame is there to be drawn. @param {HTMLVideoElement} video @param {string} address */
function shown(video, address) {
    return new Promise((resolve, reject) => {
        const patience = setTimeout(() => reject(new Error("the video does not come")), PATIENCE);
        const done = () => clearTimeout(patience);
        video.addEventListener("error", () => (done(), reject(video.error ?? new Error("not a video"))), { once: true });
        video.addEventListener("seeked", () => (done(), resolve(null)), { once: true });
        video.addEventListener("loadeddata", () => (video.currentTime = 0), { once: true });
        video.src = address;
    });
}

/**
 * The middle of a picture, in the shape of a size: what ComfyUI's scaling with "center" keeps.
 * @param {Omit<Picture, "note">} picture
 * @param {readonly [number, number]} size
 * @returns {Omit<Picture, "note">}
 */
export function cutTo({ element, width, height }, [toWidth, toHeight]) {
    const { x, y } = rims([width, height], [toWidth, toHeight]);
    const canvas = document.createElement("canvas");
    canvas.width = width - 2 * x;
    canvas.height = height - 2 * y;
    canvas.getContext("2d")?.drawImage(element, -x, -y);
    return { element: canvas, width: canvas.width, height: canvas.height };
}

/**
 * Pixels that are cut off at the left and right, and at the top and bottom.
 * @param {readonly [number, number]} from
 * @param {readonly [number, number]} to
 */
export function rims([width, height], [toWidth, toHeight]) {
    const [from, to] = [width / height, toWidth / toHeight];
    const x = from > to ? Math.round((width - width * (to / from)) / 2) : 0;
    const y = from < to ? Math.round((height - height * (from / to)) / 2) : 0;
    return { x, y };
}
