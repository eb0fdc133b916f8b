"""Tracks of other tools come in, and go out as Python writes them; without the editor the plain value still arrives."""

import base64
import json

import numpy as np
import pytest
from PIL import Image

from motion_core.drawing import Drawing
from motion_core.tracks import write_tracks
from motion_core.types import Size
from tests.web.browser.canvas import DRAW
from tests.web.browser.editor import opened
from tests.web.browser.host import PACK, ROOT

SAMPLES = ROOT / "tests" / "fixtures" / "tracks"
SIZE = Size(height=384, width=640)
A, B, C = range(3)  # the tracks of the scene: to the right, at rest, downwards after a quarter
TEXTS = {
    "cotracker_list_hidden_minus100.json": ([C], 81),
    "cotracker_list_of_strings.json": ([A, B], 81),
    "draganything_demo.json": ([A], 16),
    "dragnuwa_tracking_points.json": ([A, B], 16),
    "fl_paths_data.json": ([A, B, C], 81),
    "kj_coord_str_multi.json": ([A, B], 81),
    "kj_coord_str_single.json": ([A], 81),
    "kj_points_store.json": ([A, B], 16),
    "kling_dynamic_masks.json": ([A], 16),
    "ltx_director_tracks.json": ([A, B], 81),
    "ltx_points_store.json": ([A, B], 16),
    "ltx_tracks_121.json": ([A, B], 121),
    "motionctrl_traj_1024.json": ([A], 16),
    "python_single_quotes.txt": ([A, B], 16),
    "starsfriday_path.json": ([A], 16),
}
# A real event, for which only the clipboard's content is made up.
PASTE = """(text) => {
    const sink = document.querySelector(".m-sink"), clipboardData = new DataTransfer();
    sink.focus();
    clipboardData.setData("text/plain", text);
    return sink.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
}"""
DROP = """([name, content]) => {
    const stage = document.querySelector(".m-stage"), dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([Uint8Array.from(atob(content), (one) => one.charCodeAt(0))], name));
    for (const type of ["dragenter", "dragover", "drop"]) {
        stage.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
    }
}"""


@pytest.fixture
def editor(graph):
    """An editor with a picture of the size of the scene in the samples."""
    Image.new("RGB", (SIZE.width, SIZE.height), "#345").save(graph.host.folder / "input" / "scene.png")
    return opened(graph, picture="scene.png")


def assert_is_scene(text, which, frames):
    tracks = Drawing.parse(text).tracks.trajectories
    with np.load(SAMPLES / f"truth_{frames}.npz") as truth:
        places, seen = truth["tracks"].reshape(frames, 3, 2), truth["visibility"].reshape(frames, 3)
    assert len(tracks) == len(which)
    for trajectory, track in zip(tracks, which, strict=True):
        at = trajectory.sampled(frames) * (640, 384)
        there = seen[:, track].astype(bool)
        np.testing.assert_allclose(at[there], places[there, track], atol=0.5)


def test_every_text_that_others_write_is_pasted_as_the_motion_that_it_is(editor):
    for name, (which, frames) in TEXTS.items():
        editor.load()
        assert not editor.page.evaluate(PASTE, (SAMPLES / name).read_text("utf-8")), f"{name} was left to the page"
        assert_is_scene(editor.value, which, frames)
        assert editor.selection == list(range(len(which))), name
    assert editor.graph.sent() == editor.value


FILES = {"wanmove_tracks.npy": None, "truth_16.npz": 16, "cotracker_pred.npz": 81}  # at how many frames


@pytest.mark.parametrize(("name", "frames"), list(FILES.items()))
def test_a_file_of_tracks_is_dropped_on_the_picture(editor, name, frames):
    editor.page.evaluate(DROP, [name, base64.b64encode((SAMPLES / name).read_bytes()).decode()])
    editor.graph.wait("() => document.querySelector('.m-status').textContent")
    assert len(editor.points) == 3
    if frames:
        assert_is_scene(editor.graph.sent(), [A, B, C], frames)
    assert len(editor.graph.nodes()) == 2


def test_a_text_that_is_no_track_changes_nothing_and_says_why(editor):
    editor.hand.drag((0.2, 0.2), (0.6, 0.2))
    before = editor.value
    editor.page.evaluate(PASTE, "a shopping list")
    editor.graph.settle(1)
    assert "a shopping list" in editor.part(".m-status").inner_text()
    assert editor.value == before
    assert len(editor.graph.nodes()) == 2


@pytest.mark.parametrize(("command", "format"), [("Kj", "kj"), ("Ati", "ati"), ("WanMove", "kj"), ("Ltx", "ltx")])
def test_a_copy_for_others_is_what_python_writes(editor, command, format):
    editor.graph.context.grant_permissions(["clipboard-read", "clipboard-write"])
    editor.load(
        {"points": [[0.1, 0.2], [0.45, 0.7], [0.9, 0.3]], "times": [0.1, 0.35, 0.9], "easing": "in_out"},
        {"points": [[0.333, 0.666]]},
        {"points": [[0.5, 0.5], [0.6, 0.6]], "hidden": True},
    )
    editor.choose(f"tracks.copy{command}")
    editor.graph.wait("() => document.querySelector('.m-status').textContent === 'Copied.'")
    copied = editor.page.evaluate("() => navigator.clipboard.readText()")
    expected = write_tracks(Drawing.parse(editor.graph.sent()).tracks, format=format, size=SIZE, frames=16)
    value = getattr(expected, "value", expected)
    assert json.loads(copied) == json.loads(value)


def test_a_copy_is_pasted_into_another_editor(editor):
    editor.load([[0.2, 0.3], [0.8, 0.3]], [[0.2, 0.7], [0.8, 0.7]])
    editor.focus()
    editor.keys("Control+a", "Control+c")
    first = editor.trajectories
    editor.graph.remove(editor.node)
    other = opened(editor.graph, picture="scene.png")
    other.focus()
    other.keys("Control+v")
    assert other.trajectories == first


# Where there is no editor


@pytest.mark.everywhere
def test_a_host_that_knows_no_widgets_of_extensions_shows_a_plain_field_and_sends_it(frontend):
    host, text = frontend.host, json.dumps({"version": 1, "trajectories": [{"points": [[0.5, 0.5]]}]})
    script, known = host.extensions.pop(PACK), host.definitions
    host.definitions = json.loads(json.dumps(known))
    del host.definitions[DRAW]["input"]["required"]["drawing"][1]["widgetType"]
    try:
        with frontend.page() as graph:
            graph.clean()
            node = graph.add(DRAW, (460, 90))
            graph.set_value(text, node=node)
            assert graph.sent() == text
            assert text in graph.workflow()["nodes"][-1]["widgets_values"]
    finally:
        host.extensions[PACK], host.definitions = script, known


@pytest.mark.parametrize("frontend", [("1.27.10", "nodes2")], ids="-".join, indirect=True)
def test_where_the_editor_cannot_be_shown_its_value_is_sent_all_the_same(open_page):
    graph = open_page()
    node, text = graph.add(DRAW, (460, 90)), json.dumps({"version": 1, "trajectories": [{"points": [[0.5, 0.5]]}]})
    graph.set_value(text, node=node)
    assert graph.sent() == text
    flow = graph.workflow()
    assert flow["nodes"][0]["widgets_values"] == [text]
    graph.page.evaluate("(flow) => app.loadGraphData(flow)", flow)
    assert graph.sent() == text
