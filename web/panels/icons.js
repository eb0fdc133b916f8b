// Line drawings for the buttons: 24×24, drawn with the colour of the text.

/** What each button shows: paths to be stroked; those in FILLED are filled as well. @type {Record<string, string[]>} */
const PATHS = {
    "tool.select": ["M6 3.5 18.5 11l-5.6 1.5L10 18z"],
    "tool.drag": ["M4.5 18.5C6 11 11 8 18.5 7.5", "m14.5 3.5 4 4-4 4", "M4.5 18.5m-1.75 0a1.75 1.75 0 1 0 3.5 0a1.75 1.75 0 1 0-3.5 0"],
    "tool.path": [
        "M6.5 17.5C9 9 12 15 17.6 7.4",
        "M3.25 18.5a1.75 1.75 0 1 0 3.5 0a1.75 1.75 0 1 0-3.5 0",
        "M17.25 6a1.75 1.75 0 1 0 3.5 0a1.75 1.75 0 1 0-3.5 0",
    ],
    "tool.pin": ["M12 21s6.5-6 6.5-11a6.5 6.5 0 0 0-13 0C5.5 15 12 21 12 21z", "M9.75 10a2.25 2.25 0 1 0 4.5 0a2.25 2.25 0 1 0-4.5 0"],
    "tool.brush": ["M20.5 3.5c-4 2-8 5.5-10.3 9.2l1.9 1.9C15.6 12.3 18.9 8 20.5 3.5z", "M9.3 13.4c-2.6-.2-3.5 1.5-3.7 3.2-.1 1.2-.9 2.2-2.1 2.6 3 1.6 7.6 1 8.2-2.9"],
    "tool.still": ["M8 11.5V5.7a1.4 1.4 0 0 1 2.8 0V11", "M10.8 10.5V4.5a1.4 1.4 0 0 1 2.8 0v6", "M13.6 10.7V5.7a1.4 1.4 0 0 1 2.8 0V14c0 4-2.4 6.5-5.6 6.5-2.5 0-4-1.2-5.1-3.3l-2-3.8c-.9-1.7 1.3-2.7 2.3-1.3L8 14.3v-3"],
    "tool.eraser": ["m8.5 19.5-4.3-4.3a1.5 1.5 0 0 1 0-2.1l8.4-8.4a1.5 1.5 0 0 1 2.1 0l4.6 4.6a1.5 1.5 0 0 1 0 2.1l-8.1 8.1z", "m8.7 8.6 6.7 6.7", "M8.5 19.5H20"],
    "edit.undo": ["M8.5 5 4.5 9l4 4", "M4.5 9h9.3a5 5 0 0 1 0 10H9"],
    "edit.redo": ["m15.5 5 4 4-4 4", "M19.5 9h-9.3a5 5 0 0 0 0 10H15"],
    "edit.delete": ["M5 7h14", "M9.5 7V4.5h5V7", "M6.8 7l.8 12.5h8.8L17.2 7", "M10.3 10.5v5.5M13.7 10.5v5.5"],
    "edit.duplicate": ["M9 9h10.5v10.5H9z", "M15 9V4.5H4.5V15H9"],
    "edit.reverse": ["M4.5 8.5h14", "m15 5 3.5 3.5L15 12", "M19.5 15.5h-14", "M9 12l-3.5 3.5L9 19"],
    "edit.selectAll": ["M4.5 4.5h15v15h-15z", "m8.5 12 2.5 2.5 4.5-5"],
    "edit.clearTrajectories": ["M4.5 18.5C6 11 11 8 16 7.5", "m14 14 5.5 5.5M19.5 14 14 19.5"],
    "edit.lock": ["M6 11h12v9H6z", "M8.5 11V8a3.5 3.5 0 0 1 7 0v3"],
    "edit.hide": ["M2.5 10c2.5 3.8 5.7 5.7 9.5 5.7s7-1.9 9.5-5.7", "M12 15.7V19M6.3 14l-1.8 2.7M17.7 14l1.8 2.7"],
    "tracks.paste": ["M8 5.5H5.5v14h13v-14H16", "M8.5 3.5h7v4h-7z"],
    "tracks.import": ["M12 4v10.5", "m7.5 10 4.5 4.5L16.5 10", "M4.5 16v3.5h15V16"],
    "tracks.copyOwn": ["M9 9h10.5v10.5H9z", "M15 9V4.5H4.5V15H9"],
    "camera.panLeft": ["M20 12H4.5", "m10 6.5-5.5 5.5 5.5 5.5"],
    "camera.panRight": ["M4 12h15.5", "m14 6.5 5.5 5.5-5.5 5.5"],
    "camera.panUp": ["M12 20V4.5", "m6.5 10L12 4.5 17.5 10"],
    "camera.panDown": ["M12 4v15.5", "m6.5 14 5.5 5.5 5.5-5.5"],
    "camera.zoomIn": ["M9.5 9.5 4.5 4.5M4.5 9V4.5H9", "m14.5 14.5 5 5M19.5 15v4.5H15", "M14.5 9.5l5-5M15 4.5h4.5V9", "m9.5 14.5-5 5M9 19.5H4.5V15"],
    "camera.zoomOut": ["m4.5 4.5 5 5M9.5 5v4.5H5", "m19.5 19.5-5-5M14.5 19v-4.5H19", "m19.5 4.5-5 5M14.5 5v4.5H19", "m4.5 19.5 5-5M9.5 19v-4.5H5"],
    "camera.rotateLeft": ["M5 12a7 7 0 1 0 2.5-5.4L5 9", "M5 4.5V9h4.5"],
    "camera.rotateRight": ["M19 12a7 7 0 1 1-2.5-5.4L19 9", "M19 4.5V9h-4.5"],
    "camera.orbitLeft": ["M20.5 11c0 2.8-3.8 5-8.5 5-3 0-5.6-.9-7.1-2.3", "M8.5 13H4.5v4", "M9.5 8.5a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0"],
    "camera.orbitRight": ["M3.5 11c0 2.8 3.8 5 8.5 5 3 0 5.6-.9 7.1-2.3", "M15.5 13h4v4", "M9.5 8.5a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0"],
    "brush.fill": ["M4.5 4.5h15v15h-15z", "M8 8h8v8H8z"],
    "brush.invert": ["M12 4a8 8 0 1 0 0 16z", "M12 4a8 8 0 0 1 0 16"],
    "brush.clear": ["M4.5 4.5h15v15h-15z", "m9 9 6 6M15 9l-6 6"],
    "view.zoomIn": ["M4.5 10.5a6 6 0 1 0 12 0a6 6 0 1 0-12 0", "m15 15 5 5", "M8 10.5h5M10.5 8v5"],
    "view.zoomOut": ["M4.5 10.5a6 6 0 1 0 12 0a6 6 0 1 0-12 0", "m15 15 5 5", "M8 10.5h5"],
    "view.fit": ["M4 8V5.5A1.5 1.5 0 0 1 5.5 4H8M16 4h2.5A1.5 1.5 0 0 1 20 5.5V8M20 16v2.5a1.5 1.5 0 0 1-1.5 1.5H16M8 20H5.5A1.5 1.5 0 0 1 4 18.5V16", "M8.5 9h7v6h-7z"],
    "view.fullScreen": ["M14 4.5h5.5V10M19.5 4.5 13.5 10.5", "M10 19.5H4.5V14M4.5 19.5l6-6"],
    "view.list": ["M9.5 6.5H20M9.5 12H20M9.5 17.5H20", "M4.5 6.5h.6M4.5 12h.6M4.5 17.5h.6"],
    "view.help": ["M3.5 12a8.5 8.5 0 1 0 17 0a8.5 8.5 0 1 0-17 0", "M9.6 9.6a2.5 2.5 0 1 1 3.7 2.2c-.9.5-1.3 1-1.3 1.9", "M12 16.7v.1"],
    "time.play": ["M8 5v14l11-7z"],
    "time.pause": ["M8.5 5.5v13M15.5 5.5v13"],
    "time.start": ["M6.5 5.5v13", "M18 5.5v13L8.5 12z"],
    menu: ["M5 12h.01M12 12h.01M19 12h.01"],
    close: ["m6 6 12 12M18 6 6 18"],
    locked: ["M6 11h12v9H6z", "M8.5 11V8a3.5 3.5 0 0 1 7 0v3"],
    unlocked: ["M6 11h12v9H6z", "M8.5 11V8a3.5 3.5 0 0 1 6.8-1.2"],
    seen: ["M2.5 12C5 7.8 8.2 5.7 12 5.7s7 2.1 9.5 6.3c-2.5 4.2-5.7 6.3-9.5 6.3S5 16.2 2.5 12z", "M9.3 12a2.7 2.7 0 1 0 5.4 0a2.7 2.7 0 1 0-5.4 0"],
    hidden: ["M2.5 10c2.5 3.8 5.7 5.7 9.5 5.7s7-1.9 9.5-5.7", "M12 15.7V19M6.3 14l-1.8 2.7M17.7 14l1.8 2.7"],
};
const FILLED = new Set(["time.play", "tool.select"]);
const HEAVY = new Set(["menu", "time.pause"]);

/**
 * @param {string} name  a command's id, or a name of this file
 * @returns {SVGSVGElement} hidden from screen readers: the button has the name
 */
export function icon(name) {
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    const attributes = {
        viewBox: "0 0 24 24",
        class: "m-icon",
        fill: FILLED.has(name) ? "currentColor" : "none",
        stroke: "currentColor",
        "stroke-width": HEAVY.has(name) ? "2.6" : "1.6",
        "stroke-linecap": "round",
        "stroke-linejoin": "round",
        "aria-hidden": "true",
        focusable: "false",
    };
    for (const [key, value] of Object.entries(attributes)) svg.setAttribute(key, value);
    for (const data of PATHS[name] ?? []) {
        const path = document.createElementNS(space, "path");
        path.setAttribute("d", data);
        svg.append(path);
    }
    return svg;
}
