// The colours to choose from, in place of the row of options while one is chosen.

import { PALETTE } from "../drawing/drawing.js";
import { element, mark } from "../page/element.js";
import { word } from "../page/words.js";

const NAMES = ["orange", "sky", "green", "yellow", "red", "pink", "blue", "grey"];

export class Palette {
    constructor() {
        this.custom = element("input", { type: "color", class: "m-color", "data-field": "color" });
        this.custom.setAttribute("aria-label", word("color.own"));
        this.custom.title = word("color.own");
        const swatches = PALETTE.map((color, i) => {
            const name = word(`color.${NAMES[i]}`);
            return element("button", {
                type: "button",
                class: "m-swatch",
                "data-color": color,
                style: `--m-color: ${color}`,
                "aria-label": name,
                title: name,
            });
        });
        this.automatic = element(
            "button",
            { type: "button", class: "m-text-button", "data-color": "" },
            word("color.automatic"),
        );
        this.element = element(
            "div",
            { class: "m-section m-palette", role: "group", "aria-label": word("option.color") },
            ...swatches,
            this.custom,
            this.automatic,
            element("button", { type: "button", class: "m-text-button", "data-action": "palette" }, word("color.back")),
        );
    }

    /**
     * @param {string|null} color  the present one, "" if the editor chooses, null if the selected ones differ
     * @param {boolean} mayChoose  whether the editor may choose
     */
    show(color, mayChoose) {
        for (const swatch of this.element.querySelectorAll("[data-color]")) {
            mark(swatch, "aria-pressed", String(swatch.getAttribute("data-color") === color));
        }
        if (color && this.custom !== document.activeElement) this.custom.value = color;
        this.automatic.hidden = !mayChoose;
    }
}
