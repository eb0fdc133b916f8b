// Which picture a node would get, without a run: the graph is walked upwards from its input, through nodes that make one
// picture of one picture, to a file that the server has.

import { behind, origin, passesOn, valueOf } from "./upstream.js";

/** @typedef {import("./upstream.js").Place} Place */

/**
 * @typedef {Object} PictureFile  as the server's /view knows it
 * @property {string} filename
 * @property {string} subfolder
 * @property {string} type  "input", "output" or "temp"
 */

/**
 * @typedef {Object} Source  of a picture
 * @property {string} from  names the node that the input is connected to; "" for none
 * @property {PictureFile|null} file
 * @property {string} changedBy  title of the first node after the file that may put things elsewhere; often ""
 * @property {readonly [number, number]|null} cut  width and height that the middle of the picture is cut to on the way
 * @property {string} signature  another one if another picture may come out
 * @property {number} version  another one if the file may have been written anew under its old name
 */

const ROUNDS = 64; // nodes on the way; a ring ends there
const NEVER = 2; // node mode of the host
const LONGEST = 1000; // characters of a widget's value that tell it from another

/** Nodes after which every thing is where it was in the picture, 0…1; some only with these values. */
const IN_PLACE = new Map(
    Object.entries({
        GetVideoComponents: {},
        ImageScale: { crop: ["disabled"] },
        ImageScaleBy: {},
        ImageScaleToTotalPixels: {},
        ImageScaleToMaxDimension: {},
        ImageUpscaleWithModel: {},
        ImageSharpen: {},
        ImageBlur: {},
        ImageQuantize: {},
        ImageAddNoise: {},
        ImageResizeKJ: { crop: ["disabled"] },
        ImageResizeKJv2: { keep_proportion: ["stretch", "resize"] },
    }),
);

const CUTTER = "ImageScale"; // keeps the middle of the picture with "center"
const STRETCHERS = ["ImageScale", "ImageResizeKJ", "ImageResizeKJv2"]; // may give the picture another shape

/** @type {WeakMap<object, {signature: string, version: number}>} what was above a node when its output was first seen */
const seen = new WeakMap();
let versions = 0;

/**
 * @param {HostNode} node
 * @param {string} inputName
 * @param {HostApp["nodeOutputs"]} outputs  of earlier runs, by node
 * @returns {Source}
 */
export function upstreamPicture(node, inputName, outputs = {}) {
    const way = wayUp(origin(node, node.inputs?.findIndex((input) => input.name === inputName) ?? -1));
    const from = way.length ? nameOf(way[0].node) : "";
    const found = { from, signature: signatureOf(way), file: null, changedBy: "", cut: null, version: 0 };
    for (const [index, place] of way.entries()) {
        if (place.node.mode === NEVER) break;
        const cut = cutOn(way.slice(0, index));
        const changer = cut ? null : way.slice(0, index).findLast(({ node }) => !keepsInPlace(node))?.node;
        const output = outputs[locatorOf(place.node)];
        const file = fileOf(place);
        if (file) {
            const changedBy = titleOf(changer ?? (trims(place.node) ? place.node : null));
            return { ...found, file, changedBy, cut, version: sightOf(output).version };
        }
        const above = signatureOf(way.slice(index));
        const preview = previewIn(output);
        if (preview && sightOf(output, above).signature === above) {
            return { ...found, file: preview, changedBy: titleOf(changer), cut, version: sightOf(output).version };
        }
    }
    return found;
}

/** @param {Place|null} place  the nearest @returns {readonly Place[]} */
function wayUp(place) {
    const way = [];
    for (let at = place; at && way.length < ROUNDS; at = onward(at)) way.push(at);
    return way;
}

/** One node further up. @param {Place} place @returns {Place|null} */
function onward(place) {
    if (passesOn(place.node)) return behind(place);
    const pictures = picturesInto(place.node);
    return pictures.length === 1 ? origin(place.node, pictures[0], place.inside) : null;
}

/** The inputs of a node that get a picture or a video. @param {HostNode} node @returns {number[]} */
function picturesInto(node) {
    return (node.inputs ?? []).flatMap((input, index) => (isPicture(input) && input.link != null ? [index] : []));
}

/** @param {HostSlot|undefined} slot */
function isPicture(slot) {
    return String(slot?.type)
        .split(",")
        .some((type) => type === "IMAGE" || type === "VIDEO");
}

/** @param {readonly Place[]} way */
function signatureOf(way) {
    return way.map(({ node, inside }) => `${nameOf(node)}/${node.mode}/${valuesOf(node, inside)}`).join("\n");
}

/** @param {HostNode} node */
function nameOf(node) {
    return `${node.graph?.id}/${node.id}`;
}

/**
 * What is set on a node. Widgets that the host puts there to show what came out say nothing.
 * @param {HostNode} node
 * @param {readonly HostNode[]} inside
 */
function valuesOf(node, inside) {
    return (node.widgets ?? [])
        .filter((widget) => widget.serialize !== false && widget.options?.serialize !== false)
        .map((widget) => [widget.name, valueOf(node, widget.name, inside)])
        .filter(([, value]) => value !== "" && value != null)
        .map(([name, value]) => `${name}=${String(value).slice(0, LONGEST)}`)
        .join("\t");
}

/**
 * The first sight of what a node gave out: what was above it then, and the how-manieth output that was.
 * @param {Record<string, unknown>|undefined} output
 * @param {string} [signature]
 */
function sightOf(output, signature = "") {
    if (!output) return { signature, version: 0 };
    const known = seen.get(output) ?? { signature, version: (versions += 1) };
    seen.set(output, known);
    return known;
}

/** @param {Record<string, unknown>|undefined} output @returns {PictureFile|null} */
function previewIn(output) {
    const first = Array.isArray(output?.images) ? output.images[0] : null;
    if (typeof first?.filename !== "string") return null;
    return { filename: first.filename, subfolder: first.subfolder ?? "", type: first.type ?? "output" };
}

/** How the host names a node in its outputs. @param {HostNode} node */
function locatorOf(node) {
    const { graph } = node;
    return graph?.rootGraph && graph.rootGraph !== graph ? `${graph.id}:${node.id}` : String(node.id);
}

/**
 * The file that a loading node names, if it is one.
 * @param {Place} place
 * @returns {PictureFile|null}
 */
function fileOf({ node, slot, inside }) {
    if (passesOn(node) || !isPicture(node.outputs?.[slot]) || picturesInto(node).length) return null;
    const values = ["image", "file", "video"].map((name) => valueOf(node, name, inside));
    const value = values.find((value) => typeof value === "string");
    return value === undefined ? null : fileNamed(String(value));
}

/**
 * "folder/name.png [output]" as widgets hold it.
 * @param {string} value
 * @returns {PictureFile|null} null for what the server does not show: addresses, and paths of its machine
 */
export function fileNamed(value) {
    const [, path, type = "input"] = /^(.*?)(?:\s*\[(input|output|temp)\])?$/s.exec(value.trim()) ?? [];
    if (!path || /^([a-z]:|[\\/]|\w+:\/\/)/i.test(path)) return null;
    const folders = path.split(/[\\/]/);
    const filename = folders.pop() ?? "";
    return filename ? { filename, subfolder: folders.join("/"), type } : null;
}

/** @param {HostNode} node */
function keepsInPlace(node) {
    if (passesOn(node)) return true;
    const needed = IN_PLACE.get(typeOf(node));
    return Boolean(needed) && Object.entries(needed ?? {}).every(([name, values]) => values.includes(String(valueOf(node, name))));
}

/**
 * What a single node on the way cuts out of the middle, if that is all that puts things elsewhere.
 * @param {readonly Place[]} way  the nearest first
 * @returns {readonly [number, number]|null}
 */
function cutOn(way) {
    const changers = way.filter(({ node }) => !keepsInPlace(node));
    const [place] = changers;
    if (changers.length !== 1 || typeOf(place.node) !== CUTTER || valueOf(place.node, "crop") !== "center") return null;
    const stretched = way.slice(way.indexOf(place) + 1).some(({ node }) => !passesOn(node) && STRETCHERS.includes(typeOf(node)));
    const [width, height] = ["width", "height"].map((name) => Number(valueOf(place.node, name, place.inside)));
    return !stretched && width > 0 && height > 0 ? [width, height] : null;
}

/** @param {HostNode} node */
function typeOf(node) {
    return node.comfyClass ?? node.type;
}

/** Whether a loader begins later in its video, or cuts its frames to a size. @param {HostNode} node */
function trims(node) {
    const [skipped, width, height] = ["skip_first_frames", "custom_width", "custom_height"].map((name) =>
        Number(valueOf(node, name)),
    );
    return skipped > 0 || (width > 0 && height > 0);
}

/** @param {HostNode|null|undefined} node */
function titleOf(node) {
    return node ? node.title || node.type : "";
}
