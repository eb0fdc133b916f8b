"""The bar under the slider: when the selected trajectories start and end."""

import pytest

LATER = {"points": [[0.2, 0.5], [0.8, 0.5]], "times": [0.2, 0.6], "curve": "straight"}


@pytest.fixture
def bar(editor):
    """Of a trajectory from frame 3 to 7 of 11."""
    editor.load(LATER, frames=11)
    editor.focus()
    editor.keys("PageDown")
    editor.part(".m-span").wait_for()
    return editor


def times(editor):
    return [round(time * 10, 6) for time in editor.trajectories[0]["times"]]


def pull(editor, part, by, *, drop=True):
    """Presses on a part of the bar and goes so many frames to the right."""
    grip, lane = (editor.part(f".m-{name}").bounding_box() for name in (f"grip.is-{part}", "span"))
    start, end = editor.of("session.selected")[0]["times"]
    frame = lane["width"] / (end - start) / 10
    x, y = grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2
    mouse = editor.page.mouse
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + by * frame / 2, y)
    mouse.move(x + by * frame, y)
    if drop:
        mouse.up()
    editor.graph.settle(1)


@pytest.mark.everywhere
def test_the_bar_is_pulled_at_its_ends_and_moved_at_its_middle_a_step_each(bar):
    before = bar.value
    steps = []
    for part, by, wanted in (
        ("end", 3, [2, 9]),
        ("start", -1.2, [1, 9]),
        ("whole", 5, [2, 10]),
        ("start", 20, [9, 10]),
    ):
        pull(bar, part, by)
        assert times(bar) == wanted, part
        steps.append(bar.value)
    for text in [*steps[:-1][::-1], before]:
        bar.run("edit.undo")
        assert bar.value == text


def test_a_press_alone_and_a_drag_that_is_taken_back_change_nothing(bar):
    before, depth = bar.value, bar.of("session.history.depth.past")
    pull(bar, "end", 0.1)
    pull(bar, "whole", 3, drop=False)
    assert bar.of("session.selected")[0]["times"] == pytest.approx([0.5, 0.9])
    bar.keys("Escape")
    bar.page.mouse.up()
    assert bar.value == before
    assert bar.of("session.selected")[0]["times"] == LATER["times"]
    assert bar.of("session.history.depth.past") == depth


def test_what_is_deleted_in_the_middle_of_a_drag_stays_deleted(bar):
    pull(bar, "end", 2, drop=False)
    bar.keys("Delete")
    bar.page.mouse.move(20, 20)
    bar.page.mouse.up()
    assert bar.trajectories == []


def test_arrow_keys_move_each_part_by_a_frame_and_a_held_key_is_one_step(bar):
    before = bar.value
    bar.part(".m-grip.is-end").focus()
    for _ in range(3):
        bar.page.keyboard.down("ArrowRight")
    bar.page.keyboard.up("ArrowRight")
    assert times(bar) == [2, 9]
    bar.graph.settle(1)
    assert bar.part(".m-grip.is-end").get_attribute("aria-valuetext") == "frame 10 of 11"
    bar.part(".m-grip.is-whole").focus()
    bar.keys("ArrowLeft", "End")
    assert times(bar) == [3, 10]
    for _ in range(3):
        bar.keys("Control+z")
    assert bar.value == before


def test_the_keyboard_stays_in_the_editor_when_the_bar_goes(bar):
    bar.part(".m-grip.is-start").focus()
    bar.keys("Delete")
    bar.graph.settle(2)
    assert not bar.part(".m-span").count()
    assert bar.page.evaluate("() => document.activeElement.matches('.m-track input')")
    bar.keys("Delete")
    assert len(bar.graph.nodes()) == 2


def test_a_pin_has_no_bar(editor):
    editor.load({"points": [[0.5, 0.5]]})
    editor.focus()
    editor.keys("PageDown")
    editor.graph.settle(2)
    assert not editor.part(".m-span").count()
