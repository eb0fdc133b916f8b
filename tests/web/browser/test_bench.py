"""The bench itself: the page comes up, a hand reaches a widget, and what it drew is kept, sent and seen to be lost."""

import json

import pytest

NEAR = 0.01  # of the pad's size: a pixel, and rounding


@pytest.fixture
def pad(graph):
    """A hand on a scribble pad."""
    graph.add("BenchScribble", (200, 120), (320, 280))
    graph.settle()
    hand = graph.hand(".bench-scribble")
    hand.element.wait_for(state="visible", timeout=10_000)
    return hand


def strokes(graph, node=None):
    """[[kind, pointer, x, y, pressure], …] that the pad kept."""
    return json.loads(graph.value("scribble", node or graph.the("BenchScribble")) or "[]")


def places(graph):
    return [tuple(stroke[2:4]) for stroke in strokes(graph)]


@pytest.mark.everywhere
def test_the_page_comes_up_without_an_error(loaded):
    assert "\n".join(loaded.at_start) == ""


def test_an_error_in_the_page_is_seen(graph):
    graph.page.evaluate("() => console.error('deliberate')")
    graph.page.evaluate("() => { setTimeout(() => { throw new Error('deliberate too'); }); }")
    graph.page.evaluate("() => fetch('/nowhere')")
    graph.wait("() => true")
    assert len([error for error in graph.errors if "deliberate" in error]) == 2
    assert [error for error in graph.errors if "404 GET" in error] != []
    assert graph.host.unanswered == ["GET /nowhere"]
    graph.errors.clear()
    graph.host.unanswered.clear()


def test_load_image_offers_the_pictures_and_shows_one(graph):
    graph.add("LoadImage", image="tall.png")
    assert graph.value("image", graph.the("LoadImage")) == "tall.png"
    graph.settle()
    assert ("GET", "/api/view") in graph.host.asked


@pytest.mark.parametrize(("zoom", "offset"), [(0.5, (200, 200)), (1, (0, 0)), (2, (-80, -30))])
def test_a_mouse_stroke_lands_where_it_was_drawn_at_any_zoom(graph, pad, zoom, offset):
    graph.view(zoom, offset)
    pad.drag((0.25, 0.25), (0.75, 0.5))
    assert places(graph)[0] == pytest.approx((0.25, 0.25), abs=NEAR)
    assert places(graph)[-1] == pytest.approx((0.75, 0.5), abs=NEAR)
    assert {stroke[1] for stroke in strokes(graph)} == {"mouse"}
    assert graph.viewed()[0] == zoom


def test_a_press_on_what_lies_over_the_element_is_a_failure(graph, pad):
    graph.page.evaluate("""() => {
        const lid = document.body.appendChild(document.createElement("div"));
        lid.id = "lid";
        lid.style.cssText = "position: fixed; inset: 0; z-index: 100000;";
    }""")
    with pytest.raises(AssertionError, match="lid"):
        pad.press((0.5, 0.5))
    graph.page.evaluate("() => document.getElementById('lid').remove()")


def test_a_pen_presses_harder_and_harder(graph, pad):
    pad.pen((0.2, 0.5), (0.8, 0.5), pressure=(0.2, 1.0), steps=4)
    drawn = [stroke for stroke in strokes(graph) if stroke[0] in ("down", "move")]
    assert {stroke[1] for stroke in drawn} == {"pen"}
    assert [stroke[4] for stroke in drawn] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0], abs=0.01)


def test_a_finger_draws(graph, pad):
    pad.touch((0.2, 0.2), (0.6, 0.8))
    assert {stroke[1] for stroke in strokes(graph)} == {"touch"}
    assert places(graph)[0] == pytest.approx((0.2, 0.2), abs=NEAR)
    assert places(graph)[-1] == pytest.approx((0.6, 0.8), abs=NEAR)


def test_a_touch_may_be_taken_away(graph, pad):
    pad.fingers({0: (0.3, 0.3)})
    pad.fingers({0: (0.4, 0.4)})
    pad.cancel_touch()
    assert [stroke[0] for stroke in strokes(graph)][-1] == "cancel"


def test_the_wheel_turns_over_the_pad(graph, pad):
    pad.press((0.5, 0.5))
    pad.release((0.5, 0.5))
    pad.wheel((0.5, 0.5), down=120)
    graph.settle()
    assert strokes(graph) == [["wheel", 0, 120]] or graph.viewed()[0] != 1


def test_the_prompt_and_the_host_receive_the_value(graph, pad):
    pad.drag((0.1, 0.1), (0.9, 0.9))
    value = graph.value("scribble", graph.the("BenchScribble"))
    assert len(json.loads(value)) >= 8
    assert graph.sent("scribble", "BenchScribble") == value
    (queued,) = graph.queue().values()
    assert queued["inputs"]["scribble"] == value


def test_a_script_says_what_a_run_shows(graph, pad):
    graph.host.execute = lambda prompt: {node: {"text": ["seen"]} for node in prompt}
    graph.queue()
    assert graph.page.evaluate("() => Object.values(app.nodeOutputs).map((output) => output.text[0])") == ["seen"]


def test_undo_takes_a_stroke_back_and_redo_brings_it_again(graph, pad):
    graph.note()
    pad.drag((0.1, 0.1), (0.9, 0.9))
    value = strokes(graph)
    graph.undo()
    assert strokes(graph) == []
    graph.redo()
    assert strokes(graph) == value


def test_a_copy_by_keyboard_and_a_clone_keep_the_value(graph, pad):
    pad.drag((0.1, 0.1), (0.9, 0.9))
    node = graph.the("BenchScribble")
    for copy in (graph.clone(node), graph.copy_and_paste(node)):
        assert copy != node
        assert strokes(graph, copy) == strokes(graph, node)


def test_a_subgraph_and_its_end_keep_the_value(graph, pad):
    pad.drag((0.1, 0.1), (0.9, 0.9))
    value = graph.value("scribble", graph.the("BenchScribble"))
    subgraph = graph.to_subgraph(graph.the("BenchScribble"))
    assert [node["id"] for node in graph.nodes()] == [subgraph]
    assert graph.sent("scribble", "BenchScribble") == value
    graph.unpack(subgraph)
    assert graph.value("scribble", graph.the("BenchScribble")) == value
    pad.element.wait_for(state="visible", timeout=10_000)


def test_a_reload_keeps_the_value_as_a_draft_and_as_a_saved_workflow(graph, pad):
    pad.drag((0.1, 0.1), (0.9, 0.9))
    value = strokes(graph)
    graph.reload()
    assert strokes(graph) == value
    pad.drag((0.9, 0.1), (0.1, 0.9))
    value = strokes(graph)
    graph.save_and_reload()
    assert strokes(graph) == value


def test_no_test_sees_what_another_drew(graph):
    assert graph.nodes() == []
    assert graph.steps() == (0, 0)
    assert graph.host.prompts == []


@pytest.mark.parametrize("frontend", [("1.42.8", "nodes2")], ids="-".join, indirect=True)
def test_a_page_of_its_own_has_its_own_pixels_and_touch(open_page):
    canvas = open_page(pixel_ratio=2, touch=True)
    assert canvas.page.evaluate("() => [devicePixelRatio, 'ontouchstart' in window]") == [2, True]
    canvas.add("BenchScribble", (200, 120), (320, 280))
    canvas.settle()
    hand = canvas.hand(".bench-scribble")
    hand.element.wait_for(state="visible", timeout=10_000)
    hand.touch((0.25, 0.25), (0.75, 0.75))
    assert places(canvas)[0] == pytest.approx((0.25, 0.25), abs=NEAR)


def test_the_page_can_warp_pictures(graph):
    assert graph.page.evaluate("() => Boolean(document.createElement('canvas').getContext('webgl2'))")


def test_a_widget_in_a_subgraph_is_shown_inside_it_and_can_be_drawn_on(graph, pad):
    subgraph = graph.to_subgraph(graph.the("BenchScribble"))
    graph.enter(subgraph)
    graph.view()
    pad.element.wait_for(state="visible", timeout=10_000)
    pad.drag((0.25, 0.25), (0.75, 0.5))
    assert places(graph)[0] == pytest.approx((0.25, 0.25), abs=NEAR)
    value = graph.value("scribble", graph.the("BenchScribble"))
    graph.exit()
    assert graph.sent("scribble", "BenchScribble") == value
