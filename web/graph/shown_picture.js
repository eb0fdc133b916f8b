// The picture that an editor shows: what the graph above its node gives, followed as the artist changes the graph.

import { cutTo, loadedPicture } from "./picture_file.js";
import { upstreamPicture } from "./upstream_picture.js";
import { word } from "../page/words.js";

/** @typedef {import("../session.js").Picture} Picture */
/** @typedef {import("./upstream_picture.js").PictureFile} PictureFile */
/** @typedef {import("./upstream_picture.js").Source} Source */
/** @typedef {{file: PictureFile, from: string, signature: string}} Run  what a run gave our node, and of which graph */
/** @typedef {{file: PictureFile, note: string, version: number, cut: Source["cut"]}} Candidate */

export class ShownPicture {
    #wanted = "";

    /**
     * @param {() => Source} source
     * @param {(file: PictureFile, version: number) => string} addressOf
     * @param {(picture: Picture|null, note: string) => void} show
     */
    constructor(source, addressOf, show) {
        this.source = source;
        this.addressOf = addressOf;
        this.show = show;
        /** @type {Run|null} */
        this.run = null;
        /** @type {Source|null} as it was when the last run began, while this node was there */
        this.begun = null;
    }

    /** A run begins: what comes out of it belongs to the graph as it is now. */
    begin() {
        this.begun = this.source();
    }

    /** A run gave our node this picture. @param {PictureFile} file */
    ran(file) {
        if (!this.begun) return; // of another workflow whose node has the same number
        this.run = { file, from: this.begun.from, signature: this.begun.signature };
        this.look();
    }

    /** Shows another picture if another one comes from above now. Cheap if nothing changed. */
    look() {
        const source = this.source();
        const candidates = candidatesOf(source, this.run);
        const wanted = JSON.stringify([source.from, candidates]);
        if (wanted === this.#wanted) return;
        this.#wanted = wanted;
        this.#showFirst(candidates, () => this.#wanted === wanted, word(source.from ? "picture.run" : "picture.connect"));
    }

    /** Loads nothing more, and starts anew with the next look. */
    forget() {
        this.#wanted = "";
    }

    /**
     * @param {readonly Candidate[]} candidates
     * @param {() => boolean} stillWanted
     * @param {string} otherwise  said when there is nothing to show
     */
    async #showFirst(candidates, stillWanted, otherwise) {
        for (const { file, note, version, cut } of candidates) {
            const picture = await loadedPicture(this.addressOf(file, version), file.filename).catch(() => null);
            if (!stillWanted()) return;
            if (picture) return this.show({ ...(cut ? cutTo(picture, cut) : picture), note }, note);
        }
        this.show(null, candidates.length ? word("picture.failed") : otherwise);
    }
}

/**
 * What can be shown, the truest first: what our node was given by a run of the graph as it is; the file above; what an
 * earlier run gave.
 * @param {Source} source
 * @param {Run|null} run
 * @returns {Candidate[]}
 */
function candidatesOf(source, run) {
    if (!source.from) return [];
    const note = source.changedBy ? word("picture.before", { node: source.changedBy }) : "";
    const above = source.file ? [{ file: source.file, note, version: source.version, cut: source.cut }] : [];
    if (run?.from !== source.from) return above;
    if (run.signature === source.signature) return [{ file: run.file, note: "", version: 0, cut: null }, ...above];
    return [...above, { file: run.file, note: word("picture.lastRun"), version: 0, cut: null }];
}
