// The tools, by the names of the toolbar.

import { brushTool } from "./brush.js";
import { dragTool } from "./drag.js";
import { pathTool } from "./path.js";
import { pinTool } from "./pin.js";
import { selectTool } from "./select.js";

/**
 * @typedef {Object} Tool
 * @property {string} cursor  as in CSS
 * @property {(press: import("../stage/gestures.js").Press) => import("../stage/gestures.js").Gesture|null} begin
 * @property {(press: import("../stage/gestures.js").Press|null) => void} [hover]
 * @property {(press: import("../stage/gestures.js").Press) => void} [twice]
 * @property {(at: import("../drawing/trajectory.js").Point) => void} [addPoint]  with the keyboard
 * @property {() => boolean} [finish]  ends what several presses make; whether there was something to end
 */

/**
 * @param {import("../session.js").Session} session
 * @param {import("../stage/stage.js").Stage} stage
 * @returns {Record<string, Tool>}
 */
export function toolsOf(session, stage) {
    return {
        select: selectTool(session, stage),
        drag: dragTool(session, stage),
        path: pathTool(session, stage),
        pin: pinTool(session, stage),
        brush: brushTool(session, stage, "brush"),
        still: brushTool(session, stage, "still"),
        eraser: brushTool(session, stage, "eraser"),
    };
}
