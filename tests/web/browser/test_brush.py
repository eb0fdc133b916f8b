"""The brushes: what was painted is what may move, on the screen and in Python."""

import numpy as np
import pytest

from motion_core.drawing import Drawing
from motion_core.types import Size

SIZE = Size(height=400, width=640)
# The debugging protocol knows no turned pen, so the events are made here.
TURNED_PEN = """([x, y, toX]) => {
    const stage = document.querySelector(".m-stage");
    const pen = (type, clientX, buttons) => stage.dispatchEvent(new PointerEvent(type, {
        pointerId: 77, pointerType: "pen", clientX, clientY: y, buttons, button: type === "pointermove" ? -1 : 5,
        pressure: buttons ? 1 : 0, bubbles: true, cancelable: true }));
    pen("pointerdown", x, 32);
    for (let step = 1; step <= 5; step++) pen("pointermove", x + (toX - x) * step / 5, 32);
    pen("pointerup", toX, 0);
}"""
# The share of what shows of the paint that is neither clear nor full.
SOFT = """() => {
    const layer = document.querySelector(".m-paint"), { width, height } = layer;
    const alpha = layer.getContext("2d").getImageData(0, 0, width, height).data.filter((_, i) => i % 4 === 3);
    const most = alpha.reduce((a, b) => Math.max(a, b));
    return alpha.filter((one) => one > 0.1 * most && one < 0.9 * most).length / alpha.filter((one) => one > 0).length;
}"""


def region(editor):
    """[400, 640] what may move, as Python reads what is sent."""
    return Drawing.parse(editor.graph.sent()).region(SIZE).numpy()


def around(painted, x, y, reach=6):
    column, row = round(x * SIZE.width), round(y * SIZE.height)
    return painted[row - reach : row + reach, column - reach : column + reach]


def test_what_is_painted_may_move_and_shows_purple(editor):
    editor.use("brush")
    area = editor.hand.picture()
    ground = editor.colours((0.25, 0.28), area=area)
    editor.hand.drag((0.2, 0.25), (0.4, 0.25), area=area)
    editor.hand.move((0.9, 0.9), area=area)
    editor.graph.settle(1)
    painted = region(editor)
    assert around(painted, 0.3, 0.25).min() == 1
    assert around(painted, 0.3, 0.6).max() == 0
    shown = editor.colours((0.25, 0.28), area=area)
    assert (shown[..., 2] - ground[..., 2]).mean() > 50  # bluer
    assert (shown[..., 0] - ground[..., 0]).mean() < 10


def test_eraser_and_the_other_end_of_the_pen_take_paint_away(editor):
    editor.use("brush")
    area = editor.hand.picture()
    editor.hand.drag((0.2, 0.3), (0.8, 0.3), area=area)
    editor.use("eraser")
    editor.hand.drag((0.2, 0.3), (0.35, 0.3), area=area)
    editor.use("brush")
    editor.page.evaluate(TURNED_PEN, [*area.at((0.65, 0.3)), area.at((0.8, 0.3))[0]])
    painted = region(editor)
    assert around(painted, 0.28, 0.3).max() == 0
    assert around(painted, 0.5, 0.3).min() == 1
    assert around(painted, 0.72, 0.3).max() == 0


def test_the_brush_that_holds_still_wins(editor):
    area = editor.hand.picture()
    editor.use("still")
    editor.hand.drag((0.5, 0.2), (0.5, 0.8), area=area)
    painted = region(editor)
    assert around(painted, 0.5, 0.5).max() == 0
    assert around(painted, 0.2, 0.5).min() == 1
    editor.use("brush")
    editor.run("brush.fill")
    assert region(editor).min() == 1 or around(region(editor), 0.5, 0.5).max() == 0


def test_fill_invert_and_clear(editor):
    editor.use("brush")
    area = editor.hand.picture()
    editor.hand.drag((0.2, 0.3), (0.4, 0.3), area=area)
    editor.run("brush.invert")
    painted = region(editor)
    assert around(painted, 0.3, 0.3).max() == 0
    assert around(painted, 0.7, 0.7).min() == 1
    editor.run("brush.fill")
    assert region(editor).min() == 1
    editor.run("brush.clear")
    assert "brush" not in editor.graph.drawn()


def test_a_soft_edge_is_soft_on_the_screen_and_in_the_value(editor):
    editor.use("brush")
    area = editor.hand.picture()
    editor.hand.drag((0.5, 0.3), (0.5, 0.7), area=area)
    editor.graph.settle(1)
    assert set(np.unique(region(editor))) == {0, 1}
    hard = editor.page.evaluate(SOFT)
    editor.field("softness").fill("0.05")
    editor.graph.settle(1)
    assert editor.graph.drawn()["brush"]["softness"] == pytest.approx(0.05)
    painted = region(editor)
    assert ((painted > 0.05) & (painted < 0.95)).mean() > 0.02
    assert editor.page.evaluate(SOFT) > 0.3
    assert hard < 0.1
    editor.keys("Control+z")
    assert "softness" not in editor.graph.drawn()["brush"]
    editor.graph.settle(1)
    assert editor.page.evaluate(SOFT) == hard


def test_brackets_change_the_size_and_a_pen_presses_a_wider_line(editor):
    editor.use("brush")
    area = editor.hand.picture()
    editor.hand.drag((0.2, 0.2), (0.8, 0.2), area=area)
    editor.keys("]", "]", "]", "]")
    editor.hand.drag((0.2, 0.5), (0.8, 0.5), area=area)
    editor.keys("[", "[", "[", "[", "[", "[")
    editor.hand.drag((0.2, 0.8), (0.8, 0.8), area=area)
    painted = region(editor)
    wide = [painted[row - 60 : row + 60, 320].sum() for row in (80, 200, 320)]
    assert wide[1] == pytest.approx(wide[0] * 1.2**4, rel=0.1)
    assert wide[2] == pytest.approx(wide[0] / 1.2**2, rel=0.15)
    editor.keys("Control+z", "Control+z", "Control+z", "]", "]")
    editor.hand.pen((0.2, 0.5), (0.8, 0.5), pressure=(0.2, 0.9), area=area, steps=12)
    painted = region(editor)
    assert painted[140:260, 480].sum() > 2 * painted[140:260, 160].sum() > 0
