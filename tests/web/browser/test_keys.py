"""Keys, wheel and fingers on the editor: they do what they say there, and the graph behind does not move."""

import pytest

from tests.web.browser.editor import close_to

# What pressed on the graph would delete, copy, collapse, mute, bypass, move or run something.
FOREIGN = """
    Delete Backspace Control+a Control+c Control+v Control+d Control+x Control+m Control+b Control+g Control+o Control+f
    ArrowLeft ArrowRight ArrowUp ArrowDown Shift+ArrowLeft Space Space Home PageUp PageDown F2 Alt+c Alt+m
    . , r m w n q k g c x v d p i b h e [ ] + - 0 t t l s Control+Shift+v Control+Shift+z
"""


@pytest.mark.everywhere
def test_no_key_reaches_the_graph_while_the_drawing_has_the_focus(editor):
    graph = editor.graph
    editor.hand.drag((0.2, 0.3), (0.8, 0.3))
    nodes, view = graph.nodes(), graph.viewed()
    laid_out = [[node["pos"], node["size"], node["mode"], node["flags"]] for node in graph.workflow()["nodes"]]
    for key in FOREIGN.split():
        editor.keys(key)
    graph.settle(1)
    assert editor.page.evaluate("() => document.activeElement.className") == "m-sink"
    assert graph.nodes() == nodes
    assert graph.viewed() == view
    assert [[node["pos"], node["size"], node["mode"], node["flags"]] for node in graph.workflow()["nodes"]] == laid_out
    assert graph.host.prompts == []


def test_keys_edit_what_is_selected(editor):
    editor.load([[0.2, 0.3], [0.8, 0.3]], [[0.2, 0.7], [0.8, 0.7]])
    editor.use("select")
    editor.hand.click((0.5, 0.3))
    editor.keys("Shift+ArrowRight", "ArrowDown", "r")
    assert close_to(editor.points[0], [[0.8 + 10 / 640, 0.3 + 1 / 400], [0.2 + 10 / 640, 0.3 + 1 / 400]], within=1e-4)
    editor.keys("Delete")
    assert [points[0][1] for points in editor.points] == [0.7]
    editor.keys("Control+a", "Control+c", "Control+v")
    editor.graph.settle(1)
    assert len(editor.points) == 2
    editor.keys("Control+z", "Control+z")
    assert len(editor.points) == 2
    editor.keys("Control+Shift+z", "Control+y")
    assert editor.points == [[[0.2, 0.7], [0.8, 0.7]]] * 2


@pytest.mark.everywhere
def test_wheel_moves_the_view_of_the_editor_once_it_has_the_focus_and_not_the_graph(editor):
    graph = editor.graph
    editor.hand.click((0.3, 0.3))
    before, area = graph.viewed(), editor.hand.picture()
    box = editor.part(".m-stage").first.bounding_box()
    at = (0.3, 0.4)
    for _ in range(3):
        editor.hand.wheel(at, down=-100, area=area)
    graph.settle(1)
    now = editor.hand.picture()
    assert now.width > 1.3 * area.width
    assert now.at(at) == pytest.approx(area.at(at), abs=1)
    assert editor.part(".m-stage").first.bounding_box() == box
    assert graph.viewed() == before
    assert len(editor.points) == 1


def test_wheel_before_the_focus_does_not_make_the_editor_jump(editor):
    graph = editor.graph
    graph.leave()
    area, zoom = editor.hand.picture(), editor.of("stage.viewport.zoom")
    editor.hand.wheel((0.5, 0.5), down=-100, area=area)
    graph.settle()
    scale = graph.viewed()[0]
    assert (scale == 1) != (editor.of("stage.viewport.zoom") == zoom)  # one of them moved, and not both
    if scale == 1:
        assert editor.hand.picture().at((0.5, 0.5)) == pytest.approx(area.at((0.5, 0.5)), abs=1)
    assert editor.value == ""


@pytest.mark.everywhere
def test_two_fingers_move_and_zoom_the_view_and_draw_nothing(editor):
    graph = editor.graph
    before, area = graph.viewed(), editor.hand.picture()
    for tool in ("drag", "path", "pin", "brush"):
        editor.use(tool)
        editor.hand.pinch(((0.4, 0.5), (0.3, 0.5)), ((0.6, 0.5), (0.7, 0.5)), area=area)
    assert editor.hand.picture().width > 2 * area.width
    assert graph.viewed() == before
    assert editor.value == ""
    assert editor.of("session.drawing.trajectories.length") == 0


def test_space_and_drag_move_the_view_and_space_alone_plays(editor):
    graph = editor.graph
    editor.hand.click((0.3, 0.3))
    before, area, value = graph.viewed(), editor.hand.picture(), editor.value
    editor.page.keyboard.down("Space")
    editor.hand.drag((0.5, 0.5), (0.7, 0.6), area=area)
    editor.page.keyboard.up("Space")
    now = editor.hand.picture()
    assert (now.left, now.top) == pytest.approx((area.left + 0.2 * area.width, area.top + 0.1 * area.height), abs=1)
    assert not editor.of("session.playing")
    editor.keys("Space")
    assert editor.of("session.playing")
    editor.keys("Space")
    assert not editor.of("session.playing")
    assert editor.value == value
    assert graph.viewed() == before
    editor.keys("0")
    assert editor.hand.picture() == area


PARTS = [
    *['[data-command="tool.drag"]', '[data-command="edit.undo"]', ".m-timeline input[type=range]"],
    *["[data-field=easing]", "[data-field=name]", ".m-rows", ".m-columns"],
]


@pytest.mark.everywhere
def test_undo_on_any_part_of_the_editor_is_not_the_graph_s(editor):
    graph = editor.graph
    graph.note()
    editor.load([[0.2, 0.3], [0.8, 0.3]])
    editor.use("select")
    editor.hand.click((0.5, 0.3))
    steps, nodes = graph.steps(), graph.nodes()
    for part in PARTS:
        editor.keys(*({".m-columns": ["?"], ".m-rows": ["t"]}.get(part, [])))
        editor.part(part).first.focus()
        editor.keys("Control+z", "Control+y", "Control+Shift+z")
        graph.settle(2)
        assert graph.nodes() == nodes
        assert graph.steps()[1] == 0, part
    assert graph.steps()[0] >= steps[0]
