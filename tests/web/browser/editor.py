"""The editor in its node, and what an artist does in it."""

import io
import json
from typing import Any

import numpy as np
from PIL import Image

from tests.web.browser.canvas import PATIENCE, Canvas
from tests.web.browser.gestures import Hand, Point, Rectangle

EDITOR = '(node) => node.widgets.find(({ name }) => name === "drawing").editor'
# Puts the middle of the stage into the middle of the window.
CENTRE = """(element) => {
    const { ds } = window.app.canvas, box = element.getBoundingClientRect();
    ds.offset[0] += (innerWidth / 2 - box.x - box.width / 2) / ds.scale;
    ds.offset[1] += (innerHeight / 2 - box.y - box.height / 2) / ds.scale;
    window.app.canvas.setDirty(true, true);
}"""


class Editor:
    """One editor and its node. place: a selector of where it is, if there are several."""

    def __init__(self, graph: Canvas, node: str, place: str = "") -> None:
        self.graph, self.page, self.node, self.place = graph, graph.page, node, place
        graph.page.set_default_timeout(PATIENCE)

    def part(self, selector: str) -> Any:
        """An element of the editor that can be seen."""
        return self.page.locator(f"{self.place} {selector}").filter(visible=True)

    @property
    def hand(self) -> Hand:
        return Hand(self.page, self.graph.session, self.part(".m-stage").first)

    @property
    def value(self) -> str:
        return self.graph.value(node=self.node)

    @property
    def trajectories(self) -> list[dict[str, Any]]:
        return self.graph.drawn(self.node).get("trajectories", [])

    @property
    def points(self) -> list[list[list[float]]]:
        return [trajectory["points"] for trajectory in self.trajectories]

    def of(self, expression: str) -> Any:
        """Something of the editor that can only be asked of itself: "session.tool", "stage.viewport.zoom" …"""
        return self.graph._on(self.node, f"(node) => ({EDITOR})(node).{expression}")

    @property
    def selection(self) -> list[int]:
        return self.of("session.selection")

    def load(self, *trajectories: dict[str, Any] | list[list[float]], **more: Any) -> None:
        """A drawing that was made earlier. A list: of the points of a straight trajectory."""
        entries = [
            one if isinstance(one, dict) else {"points": one, "curve": "straight", "color": "#ff00ff"}
            for one in trajectories
        ]
        self.graph.set_value(json.dumps({"version": 1, "trajectories": entries, **more}), node=self.node)
        self.graph.settle(1)

    def use(self, tool: str) -> None:
        self.run(f"tool.{tool}")

    def run(self, command: str) -> None:
        """Presses the button of a command."""
        self.part(f'[data-command="{command}"]').first.click()

    def choose(self, command: str) -> None:
        """A command of the menu."""
        self.part('[data-part="menu"]').click()
        self.part(f'.m-menu [data-command="{command}"]').click()

    def focus(self) -> None:
        self.part(".m-sink").first.focus()

    def keys(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def field(self, name: str) -> Any:
        return self.part(f'[data-field="{name}"]')

    def view(self, scale: float) -> None:
        """The graph at a zoom, with the picture in the middle of the window."""
        self.graph.view(scale)
        self.part(".m-stage").first.evaluate(CENTRE)
        self.graph.settle()

    def colours(self, at: Point, reach: int = 4, area: Rectangle | None = None) -> np.ndarray:
        """[2·reach, 2·reach, 3] what the screen shows around a place of the picture. reach: CSS pixels."""
        x, y = (area or self.hand.picture()).at(at)
        clip = {"x": x - reach, "y": y - reach, "width": 2 * reach, "height": 2 * reach}
        return np.asarray(Image.open(io.BytesIO(self.page.screenshot(clip=clip))).convert("RGB")).astype(int)


def near(colours: np.ndarray, colour: tuple[int, int, int], within: int = 40) -> np.ndarray:
    """Which pixels have a colour."""
    return np.abs(colours - np.array(colour)).max(-1) <= within


def close_to(points: Any, expected: Any, within: float = 0.004) -> bool:
    return np.shape(points) == np.shape(expected) and bool(np.abs(np.subtract(points, expected)).max() <= within)


def opened(graph: Canvas, **how: Any) -> Editor:
    """An editor that shows picture.png."""
    editor = Editor(graph, graph.drawing_node(**how))
    graph.wait("() => document.querySelector('.m-paper')?.firstElementChild")
    graph.settle()
    return editor
