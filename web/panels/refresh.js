// When a part of the editor renders: after the session changed, and at most once per frame of the screen.

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("../session.js").Topic | "committed"} Topic */

export class Refresh {
    /**
     * @param {Session} session
     * @param {readonly Topic[]} topics  what the part shows
     * @param {() => void} render
     */
    constructor(session, topics, render) {
        this.session = session;
        this.topics = topics;
        this.render = render;
        this.frame = 0;
    }

    on() {
        for (const topic of this.topics) this.session.addEventListener(topic, this.ask);
        this.render();
    }

    off() {
        for (const topic of this.topics) this.session.removeEventListener(topic, this.ask);
        cancelAnimationFrame(this.frame);
        this.frame = 0;
    }

    ask = () => {
        this.frame ||= requestAnimationFrame(() => {
            this.frame = 0;
            this.render();
        });
    };
}
