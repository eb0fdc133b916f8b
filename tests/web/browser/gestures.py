"""Real input for a page, through the browser's debugging protocol: mouse, pen, touch, wheel.

Positions are 0…1 of a rectangle, by default the picture inside an element; they may leave it. An element that its
picture does not fill says where it is: its data-picture attribute, "left top width height", each 0…1 of the element.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from playwright.sync_api import CDPSession, Locator, Page

Point = tuple[float, float]
# What lies over a place of an element, unless it belongs to the same widget.
COVER = """(element, [x, y]) => {
    const box = element.getBoundingClientRect();
    if (x < box.left || y < box.top || x > box.right || y > box.bottom) return "";
    const top = document.elementFromPoint(x, y);
    const widget = element.closest(".motion-i2v, .dom-widget, [data-node-id]") ?? element;
    return !top || widget.contains(top) || top.contains(widget) ? "" : top.outerHTML.slice(0, 200);
}"""
BUTTONS = {"none": 0, "left": 1, "right": 2, "middle": 4}
MODIFIERS = {"Alt": 1, "Control": 2, "Meta": 4, "Shift": 8}


@dataclass(frozen=True)
class Rectangle:
    """CSS pixels of the page."""

    left: float
    top: float
    width: float
    height: float

    def at(self, point: Point) -> Point:
        """Where a position of the rectangle is in the page."""
        return self.left + point[0] * self.width, self.top + point[1] * self.height

    def of(self, spot: Point) -> Point:
        """Which position of the rectangle a place in the page is."""
        return (spot[0] - self.left) / self.width, (spot[1] - self.top) / self.height


def box_of(element: Locator) -> Rectangle:
    found = element.bounding_box()
    assert found, f"{element} is not in the page"
    return Rectangle(found["x"], found["y"], found["width"], found["height"])


def picture_in(element: Locator) -> Rectangle:
    """Where the picture in an element is."""
    box, said = box_of(element), element.get_attribute("data-picture")
    if not said:
        return box
    left, top, width, height = (float(number) for number in said.split())
    corner = box.at((left, top))
    return Rectangle(*corner, width * box.width, height * box.height)


def along(points: Sequence[Point], steps: int) -> list[Point]:
    """The corners of a line, and `steps` places on each of its pieces, its end among them."""
    path = [points[0]]
    for (x0, y0), (x1, y1) in pairwise(points):
        path += [(x0 + (x1 - x0) * i / steps, y0 + (y1 - y0) * i / steps) for i in range(1, steps + 1)]
    return path


class Hand:
    """What a person does to one element of the page."""

    def __init__(self, page: Page, session: CDPSession, element: Locator) -> None:
        self.page, self.element, self._session = page, element, session
        self._fingers: dict[int, Point] = {}

    def picture(self) -> Rectangle:
        return picture_in(self.element)

    # Mouse and pen

    def move(self, to: Point, *, area: Rectangle | None = None, **how: Any) -> None:
        self._mouse("mouseMoved", to, area, **how)

    def _reach(self, at: Point, area: Rectangle) -> None:
        """A test that presses on something else proves nothing, so it fails."""
        cover = self.element.evaluate(COVER, list(area.at(at)))
        assert not cover, f"something lies over {at}: {cover}"

    def press(self, at: Point, *, area: Rectangle | None = None, button: str = "left", **how: Any) -> None:
        area = area or self.picture()
        self._reach(at, area)
        self._mouse("mouseMoved", at, area, **{**how, "pressure": 0})
        self._mouse("mousePressed", at, area, button=button, **how)

    def release(self, at: Point, *, area: Rectangle | None = None, button: str = "left", **how: Any) -> None:
        self._mouse("mouseReleased", at, area, button=button, **{**how, "pressure": 0})

    def click(self, at: Point, *, times: int = 1, area: Rectangle | None = None, **how: Any) -> None:
        area = area or self.picture()
        self._reach(at, area)
        self._mouse("mouseMoved", at, area, **{key: how[key] for key in how if key == "modifiers"})
        for count in range(1, times + 1):
            self._mouse("mousePressed", at, area, **{"button": "left", **how}, count=count)
            self._mouse("mouseReleased", at, area, **{"button": "left", **how}, count=count)

    def drag(self, *points: Point, steps: int = 6, area: Rectangle | None = None, **how: Any) -> None:
        """Presses at the first point, goes along the others, releases at the last."""
        area, how = area or self.picture(), {"button": "left", **how}
        self.press(points[0], area=area, **how)
        for point in along(points, steps)[1:]:
            self.move(point, area=area, held=how["button"], **{k: v for k, v in how.items() if k != "button"})
        self.release(points[-1], area=area, **how)

    def pen(
        self,
        *points: Point,
        pressure: float | Iterable[float] = 0.5,
        steps: int = 6,
        area: Rectangle | None = None,
        **how: Any,
    ) -> None:
        """Draws with the pen. pressure: 0…1, one for the whole stroke, or one at each point, even in between."""
        area, path = area or self.picture(), along(points, steps)
        if isinstance(pressure, float | int):
            forces = [float(pressure)] * len(path)
        else:
            corners = [(value, 0.0) for value in pressure]
            assert len(corners) == len(points), "one pressure for each point"
            forces = [value for value, _ in along(corners, steps)]
        self.press(points[0], area=area, pointer="pen", pressure=forces[0], **how)
        for point, force in zip(path[1:], forces[1:], strict=True):
            self.move(point, area=area, pointer="pen", held="left", pressure=force, **how)
        self.release(points[-1], area=area, pointer="pen", **how)

    def wheel(
        self,
        at: Point,
        *,
        down: float = 0,
        right: float = 0,
        area: Rectangle | None = None,
        modifiers: Iterable[str] = (),
    ) -> None:
        """Turns the wheel. down, right: CSS pixels."""
        self._mouse("mouseWheel", at, area, modifiers=modifiers, deltaX=right, deltaY=down)

    def _mouse(
        self,
        kind: str,
        at: Point,
        area: Rectangle | None,
        *,
        button: str = "none",
        held: str = "none",
        pointer: str = "mouse",
        pressure: float = 0,
        modifiers: Iterable[str] = (),
        count: int = 1,
        **more: Any,
    ) -> None:
        x, y = (area or self.picture()).at(at)
        moving = kind in ("mouseMoved", "mouseWheel")
        pressed = held if moving else button if kind == "mousePressed" else "none"
        self._session.send(
            "Input.dispatchMouseEvent",
            {
                "type": kind, "x": x, "y": y, "pointerType": pointer,
                "button": held if moving else button, "buttons": BUTTONS[pressed],
                "clickCount": 0 if moving else count, "modifiers": sum(MODIFIERS[name] for name in modifiers),
                "force": pressure if pointer == "pen" else 0.5 if pressed != "none" else 0, **more,
            },
        )  # fmt: skip

    # Touch

    def touch(self, *points: Point, steps: int = 6, area: Rectangle | None = None) -> None:
        """One finger: down at the first point, along the others, up at the last. One point is a tap."""
        area = area or self.picture()
        self.fingers({0: points[0]}, area=area)
        for point in along(points, steps)[1:]:
            self.fingers({0: point}, area=area)
        self.lift()

    def pinch(
        self, first: tuple[Point, Point], second: tuple[Point, Point], *, steps: int = 6, area: Rectangle | None = None
    ) -> None:
        """Two fingers, each from one point to another, one coming down after the other."""
        area = area or self.picture()
        self.fingers({0: first[0]}, area=area)
        for one, other in zip(along(first, steps), along(second, steps), strict=True):
            self.fingers({0: one, 1: other}, area=area)
        self.lift()

    def fingers(self, points: dict[int, Point], *, area: Rectangle | None = None) -> None:
        """These fingers are on the screen now: by number, where."""
        area = area or self.picture()
        before, self._fingers = self._fingers, {number: area.at(point) for number, point in points.items()}
        if self._fingers.keys() - before.keys():
            for number in self._fingers.keys() - before.keys():
                self._reach(points[number], area)
            self._touch("touchStart")
        elif before.keys() - self._fingers.keys():
            self._touch("touchEnd")
        else:
            self._touch("touchMove")

    def lift(self) -> None:
        """All fingers up."""
        self._fingers = {}
        self._touch("touchEnd")

    def cancel_touch(self) -> None:
        """The system takes the fingers away, as for a palm or a notification."""
        self._fingers = {}
        self._touch("touchCancel")

    def _touch(self, kind: str) -> None:
        touching = [
            {"x": x, "y": y, "id": number, "radiusX": 8, "radiusY": 8, "force": 0.5}
            for number, (x, y) in self._fingers.items()
        ]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touching})

    # Keys go to whatever has the focus

    def keys(self, *keys: str) -> None:
        """Presses keys in turn: "Delete", "Control+z", "b" …"""
        for key in keys:
            self.page.keyboard.press(key)
