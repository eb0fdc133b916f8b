"""Drawing with mouse, pen and finger: what is drawn is what is stored, and what is stored is what is sent."""

import json

import pytest

from motion_core.drawing import Drawing
from tests.web.browser.canvas import DRAW
from tests.web.browser.editor import Editor, close_to

RELEASE = """(stage) => {
    for (let id = 0; id < 99; id++) if (stage.hasPointerCapture(id)) stage.releasePointerCapture(id);
}"""


@pytest.mark.everywhere
@pytest.mark.parametrize(("zoom", "pixels"), [(0.5, 1), (1, 1), (2, 1), (0.5, 2), (1, 2), (2, 2)])
def test_mouse_pen_and_finger_draw_where_they_are(editor, zoom, pixels):
    size = {"width": 1280, "height": 800, "deviceScaleFactor": pixels, "mobile": False}
    editor.graph.session.send("Emulation.setDeviceMetricsOverride", size)
    try:
        editor.view(zoom)
        area = editor.hand.picture()
        editor.hand.drag((0.2, 0.25), (0.8, 0.35), area=area)
        editor.keys("Escape")  # else a finger near the selected one takes hold of that
        editor.hand.pen((0.2, 0.45), (0.8, 0.55), area=area)
        editor.keys("Escape")
        editor.hand.touch((0.2, 0.65), (0.8, 0.75), area=area)
        ends = [(points[0], points[-1]) for points in editor.points]
        drawn = [((0.2, y), (0.8, y + 0.1)) for y in (0.25, 0.45, 0.65)]
        assert area.width > 100
        for (start, end), (first, last) in zip(ends, drawn, strict=True):
            for (x, y), (wanted_x, wanted_y) in ((start, first), (end, last)):
                assert abs(x - wanted_x) * area.width < 1
                assert abs(y - wanted_y) * area.height < 1
    finally:
        editor.graph.session.send("Emulation.setDeviceMetricsOverride", {**size, "deviceScaleFactor": 1})


def test_a_click_is_a_pin(editor):
    editor.hand.click((0.4, 0.6))
    assert close_to(editor.points, [[[0.4, 0.6]]])
    assert json.loads(editor.graph.sent())["trajectories"] == editor.trajectories
    area = editor.hand.picture()
    editor.use("pin")
    editor.hand.click((0.7, 0.2), area=area)
    assert close_to(editor.points[1], [[0.7, 0.2]])


def test_a_stroke_has_few_points_and_the_timing_of_the_hand(editor):
    hand, area = editor.hand, editor.hand.picture()
    hand.press((0.2, 0.3), area=area)
    for step in range(1, 11):
        hand.move((0.2 + 0.03 * step, 0.3), area=area, held="left")
        editor.page.wait_for_timeout(20)  # ms: the first half slowly, the second at once
    hand.move((0.65, 0.3), area=area, held="left")
    hand.move((0.8, 0.3), area=area, held="left")
    hand.release((0.8, 0.3), area=area)
    (drawn,) = editor.trajectories
    assert 3 <= len(drawn["points"]) <= 10
    assert drawn["timing"] == "hand"
    middle = min(range(len(drawn["points"])), key=lambda i: abs(drawn["points"][i][0] - 0.5))
    assert drawn["points"][middle][0] == pytest.approx(0.5, abs=0.1)
    assert drawn["times"][middle] > 0.6
    assert drawn["times"] == sorted(drawn["times"])


def test_a_stroke_is_steady_when_the_hand_does_not_count(editor):
    editor.field("handTiming").uncheck()
    hand, area = editor.hand, editor.hand.picture()
    hand.press((0.2, 0.3), area=area)
    hand.move((0.6, 0.3), area=area, held="left")
    editor.page.wait_for_timeout(80)
    hand.move((0.6, 0.7), area=area, held="left")
    hand.release((0.6, 0.7), area=area)
    (drawn,) = editor.trajectories
    assert drawn["timing"] == "steady"
    width, height = 0.4 * 640, 0.4 * 400
    assert len(drawn["points"]) == 3
    assert drawn["times"][1] == pytest.approx(width / (width + height), abs=0.02)


def test_clicks_make_a_path_and_a_double_click_ends_it_without_another_point(editor):
    editor.use("path")
    hand, area = editor.hand, editor.hand.picture()
    hand.click((0.2, 0.2), area=area)
    hand.click((0.5, 0.4), area=area)
    hand.click((0.8, 0.2), times=2, area=area)
    assert close_to(editor.points, [[[0.2, 0.2], [0.5, 0.4], [0.8, 0.2]]])
    editor.page.wait_for_timeout(400)  # ms: the next is no part of the double click
    hand.click((0.3, 0.8), area=area)
    assert close_to(editor.points[1], [[0.3, 0.8]])
    hand.click((0.6, 0.8), area=area)
    editor.keys("Enter")
    hand.click((0.6, 0.6), area=area)
    assert [len(points) for points in editor.points] == [3, 2, 1]


def test_a_double_click_on_a_selected_line_puts_a_point_there(editor):
    editor.load([[0.2, 0.5], [0.8, 0.5]])
    editor.use("select")
    hand, area = editor.hand, editor.hand.picture()
    hand.click((0.3, 0.5), area=area)
    assert editor.selection == [0]
    editor.page.wait_for_timeout(400)
    hand.click((0.5, 0.5), times=2, area=area)
    assert close_to(editor.points, [[[0.2, 0.5], [0.5, 0.5], [0.8, 0.5]]])


def test_a_point_follows_the_hand_and_a_line_takes_all_its_points_along(editor):
    editor.load([[0.2, 0.5], [0.8, 0.5]])
    editor.use("select")
    hand, area = editor.hand, editor.hand.picture()
    hand.drag((0.5, 0.5), (0.5, 0.7), area=area)
    assert close_to(editor.points, [[[0.2, 0.7], [0.8, 0.7]]])
    hand.drag((0.8, 0.7), (0.7, 0.3), area=area)
    assert close_to(editor.points, [[[0.2, 0.7], [0.7, 0.3]]])


def test_a_box_selects_what_lies_in_it(editor):
    editor.load([[0.1, 0.2], [0.3, 0.2]], [[0.1, 0.4], [0.3, 0.4]], [[0.6, 0.8], [0.9, 0.8]])
    editor.use("select")
    editor.hand.drag((0.05, 0.1), (0.4, 0.5))
    assert editor.selection == [0, 1]
    before = editor.value
    editor.hand.drag((0.2, 0.2), (0.2, 0.3))
    assert close_to([points[0][1] for points in editor.points], [0.3, 0.5, 0.8])
    editor.keys("Control+z")
    assert editor.value == before


def test_another_click_selects_what_lies_beneath(editor):
    editor.load([[0.2, 0.2], [0.8, 0.8]], [[0.2, 0.8], [0.8, 0.2]])
    editor.use("select")
    hand, area = editor.hand, editor.hand.picture()
    seen = []
    for _ in range(3):
        hand.click((0.5, 0.5), area=area)
        editor.page.wait_for_timeout(400)  # ms: no double click
        seen.append(editor.selection)
    assert sorted(seen[:2]) == [[0], [1]]
    assert seen[2] == seen[0]


def test_a_locked_trajectory_cannot_be_picked_and_a_copy_lies_beside_its_original(editor):
    editor.load([[0.2, 0.5], [0.8, 0.5]])
    editor.use("select")
    hand, area = editor.hand, editor.hand.picture()
    hand.click((0.5, 0.5), area=area)
    editor.keys("Control+d")
    first, second = editor.points
    assert 0 < second[0][0] - first[0][0] < 0.1
    editor.keys("Control+z", "Control+a", "l")
    assert editor.trajectories[0]["locked"] is True
    editor.page.wait_for_timeout(400)
    hand.click((0.4, 0.9), area=area)
    hand.click((0.5, 0.5), area=area)
    assert editor.selection == []
    hand.drag((0.5, 0.5), (0.6, 0.6), area=area)
    assert editor.points == [first]


def test_a_hidden_trajectory_is_kept_but_moves_nothing(editor):
    editor.load([[0.2, 0.3], [0.8, 0.3]], [[0.2, 0.7], [0.8, 0.7]])
    editor.use("select")
    editor.hand.click((0.5, 0.3))
    editor.keys("Shift+H")
    sent = editor.graph.sent()
    assert [trajectory.get("hidden", False) for trajectory in json.loads(sent)["trajectories"]] == [True, False]
    (moving,) = Drawing.parse(sent).tracks.trajectories
    assert moving.points[0] == pytest.approx((0.2, 0.7))


def test_a_way_may_lead_out_of_the_picture(editor):
    editor.load()
    editor.part('[data-command="view.zoomOut"]').click()
    editor.part('[data-command="view.zoomOut"]').click()
    editor.graph.settle()
    editor.hand.drag((0.5, 0.5), (1.15, 0.5))
    assert editor.points[0][-1][0] == pytest.approx(1.15, abs=0.01)
    assert json.loads(editor.graph.sent())["trajectories"][0]["points"] == editor.points[0]


# Nothing is stuck, nothing is lost


@pytest.mark.everywhere
def test_a_touch_that_the_system_takes_away_leaves_no_trace(editor):
    editor.hand.drag((0.2, 0.2), (0.4, 0.2))
    before, hand, area = editor.value, editor.hand, editor.hand.picture()
    hand.fingers({0: (0.3, 0.5)}, area=area)
    hand.fingers({0: (0.5, 0.6)}, area=area)
    hand.cancel_touch()
    assert editor.value == before
    assert editor.of("session.before") is None
    hand.move((0.6, 0.6), area=area)
    hand.move((0.8, 0.7), area=area)
    assert editor.value == before
    assert len(editor.of("session.drawing.trajectories")) == 1


@pytest.mark.parametrize("tool", ["drag", "path", "pin", "select", "brush"])
def test_a_gesture_that_loses_the_pointer_leaves_no_trace(editor, tool):
    editor.load([[0.2, 0.3], [0.8, 0.3]])
    editor.use(tool)
    before, hand, area = editor.value, editor.hand, editor.hand.picture()
    hand.press((0.5, 0.3) if tool == "select" else (0.3, 0.6), area=area)
    hand.move((0.5, 0.7), area=area, held="left")
    hand.element.evaluate(RELEASE)
    hand.move((0.6, 0.7), area=area, held="left")
    hand.release((0.6, 0.7), area=area)
    hand.move((0.8, 0.8), area=area)
    assert editor.value == before
    assert json.dumps(editor.of("session.drawing.trajectories[0].points")) == json.dumps(editor.points[0])
    assert not editor.of("session.before")


@pytest.mark.everywhere
def test_five_strokes_taken_back_and_made_again_are_the_same(editor):
    graph = editor.graph
    graph.note()
    hand, area = editor.hand, editor.hand.picture()
    texts = [""]
    for y in (0.1, 0.3, 0.5, 0.7, 0.9):
        hand.drag((0.2, y), (0.7, y), area=area)
        texts.append(editor.value)
    assert len(set(texts)) == 6
    for text in reversed(texts[:-1]):
        editor.keys("Control+z")
        assert editor.value == text
    for text in texts[1:]:
        editor.keys("Control+y")
        assert editor.value == text
    graph.undo()
    graph.redo()
    assert {"id": editor.node, "type": DRAW} in graph.nodes()
    if graph.version < (1, 36) and editor.value == texts[-2]:
        editor.keys("Control+y")  # this host forgets now and then what it could make again; the editor does not
    assert editor.value == texts[-1]
    assert graph.sent() == texts[-1]


@pytest.mark.everywhere
def test_two_editors_do_not_mix(editor):
    graph = editor.graph
    graph.page.evaluate("() => document.querySelector('.motion-i2v').classList.add('first-of-two')")
    graph.resize(editor.node, (440, 480))
    second = Editor(graph, graph.add(DRAW, (920, 90), (440, 480)), ".motion-i2v:not(.first-of-two)")
    first = Editor(graph, editor.node, ".first-of-two")
    graph.view(0.8, (-380, 40))
    first.hand.drag((0.2, 0.2), (0.8, 0.2))
    second.use("path")
    second.hand.click((0.5, 0.5))
    second.hand.click((0.7, 0.7))
    assert first.of("session.tool") == "drag"
    assert [len(first.points), len(second.points), len(second.points[0])] == [1, 1, 2]
    texts = [first.value, second.value]
    second.keys("Control+z", "Control+z", "Control+z")
    assert [first.value, second.value] == [texts[0], ""]
    first.focus()
    first.keys("Control+z")
    second.focus()
    second.keys("Control+y", "Control+y")
    assert [first.value, second.value] == ["", texts[1]]


def test_a_menu_opens_by_the_right_button_and_by_a_long_touch(editor):
    editor.load([[0.2, 0.3], [0.8, 0.3]])
    editor.use("select")
    hand, area = editor.hand, editor.hand.picture()
    hand.click((0.5, 0.3), button="right", area=area)
    assert editor.selection == [0]
    editor.part('.m-menu [data-command="edit.duplicate"]').click()
    assert len(editor.points) == 2
    hand.fingers({0: (0.5, 0.8)}, area=area)
    editor.part(".m-menu").wait_for(timeout=2000)
    hand.lift()
    editor.graph.settle(1)
    assert editor.part(".m-menu").count() == 1  # lifting the finger chooses nothing, even where the menu lies under it
    assert len(editor.points) == 2
    editor.part('.m-menu [data-command="edit.undo"]').click()
    assert len(editor.points) == 1
    assert editor.graph.page.locator(".litecontextmenu").count() == 0


def test_a_camera_move_adds_trajectories_that_can_be_edited(editor):
    editor.choose("camera.zoomIn")
    assert len(editor.points) >= 4
    assert editor.selection == list(range(len(editor.points)))
    first = editor.points
    editor.use("select")
    editor.focus()
    editor.keys("ArrowRight")
    assert editor.points[0][0][0] == pytest.approx(first[0][0][0] + 1 / 640, abs=1e-4)


def test_a_typical_drawing_is_small_and_holds_no_picture(editor):
    hand, area = editor.hand, editor.hand.picture()
    for y in (0.2, 0.4, 0.6):
        hand.drag((0.1, y), (0.4, y + 0.2), (0.7, y), (0.9, y + 0.1), area=area, steps=12)
    hand.click((0.5, 0.9), area=area)
    editor.use("brush")
    area = editor.hand.picture()
    hand.drag((0.2, 0.2), (0.6, 0.5), (0.3, 0.7), area=area)
    editor.use("still")
    hand.drag((0.8, 0.2), (0.8, 0.7), area=area)
    sent = editor.graph.sent()
    assert len(json.loads(sent)["trajectories"]) == 4
    assert json.loads(sent)["brush"]["move"]
    assert len(sent) < 10_000
    assert "data:" not in json.dumps(editor.graph.workflow())


@pytest.mark.everywhere
def test_nobody_sees_the_text_of_the_value(editor):
    editor.hand.drag((0.2, 0.2), (0.4, 0.2))
    editor.graph.settle()
    shown = editor.page.evaluate("""() => [...document.querySelectorAll("textarea, input")]
        .filter((field) => field.checkVisibility()).map(({ value }) => value).join(" ") + document.body.innerText""")
    assert "Keep the timing" in shown or "Stay at the end" in shown
    assert '"points"' not in shown


# The node


def test_a_resized_node_shows_the_whole_picture_sharply_and_points_stay(editor):
    graph = editor.graph
    editor.hand.drag((0.25, 0.25), (0.75, 0.75))
    before = editor.value
    for size in ((440, 460), (900, 620), (460, 700)):
        graph.resize(editor.node, size)
        editor.view(1)
        graph.page.wait_for_timeout(350)  # ms: the stage looks for another zoom now and then
        area, box = editor.hand.picture(), editor.part(".m-stage").first.bounding_box()
        assert area.width / area.height == pytest.approx(640 / 400, rel=0.01)
        assert area.left >= box["x"]
        assert area.top >= box["y"]
        assert area.width <= box["width"]
        assert area.height <= box["height"]
        layer = editor.part(".m-lines").evaluate("({ width, height }) => [width, height]")
        assert layer == pytest.approx([box["width"], box["height"]], abs=1.5)
        editor.use("select")
        editor.hand.click((0.5, 0.95))
        editor.hand.click((0.75, 0.75))
        assert editor.selection == [0]
        assert editor.of("session.point") is not None
        assert editor.value == before
