import json

import pytest

from motion_core.drawing import Drawing
from motion_core.errors import MotionError
from motion_core.types import Size

BOTH = {
    "version": 1,
    "trajectories": [{"points": [[0.25, 0.5], [0.75, 0.5]], "easing": "in_out"}],
    "brush": {"size": [4, 2], "runs": [[0, 2], [4, 2]]},
}


@pytest.mark.parametrize("text", ["", " \n", '{"version": 1, "trajectories": []}'])
def test_a_drawing_not_yet_begun_has_no_trajectory_and_lets_everything_move(text):
    drawing = Drawing.parse(text)
    assert drawing.tracks.trajectories == ()
    assert drawing.region(Size(3, 5)).tolist() == [[1.0] * 5] * 3


def test_a_drawing_has_trajectories_and_a_brush():
    drawing = Drawing.parse(json.dumps(BOTH))
    assert drawing.tracks.trajectories[0].points == ((0.25, 0.5), (0.75, 0.5))
    assert drawing.tracks.trajectories[0].easing == "in_out"
    assert drawing.region(Size(4, 8))[:, 0].tolist() == [1] * 4, "the brush is as wide as the picture"
    assert drawing.region(Size(4, 8))[0].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]


def test_a_brush_alone_is_a_drawing():
    drawing = Drawing.parse(json.dumps({"version": 1, "brush": BOTH["brush"]}))
    assert drawing.tracks.trajectories == ()
    assert drawing.region(Size(2, 4)).tolist() == [[1, 1, 0, 0], [1, 1, 0, 0]]


def test_a_brush_that_painted_nothing_lets_everything_move():
    empty = {"version": 1, "trajectories": [], "brush": {"size": [4, 2], "runs": []}}
    assert Drawing.parse(json.dumps(empty)).region(Size(2, 4)).all()


def test_a_drawing_is_written_as_it_was_read_and_knows_its_picture():
    drawing = Drawing.parse(json.dumps(BOTH)).on(Size(320, 512))
    assert drawing.tracks.size == Size(320, 512)
    assert json.loads(drawing.text) == {**BOTH, "size": [512, 320]}
    assert Drawing.parse(drawing.text).tracks.trajectories == drawing.tracks.trajectories


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"trajectories": [', "broken JSON"),
        ("[" * 100_000, "nested too deeply|broken JSON"),
        ("[[{}]]", "belong into Trajectories from Tracks"),
        ('{"version": 1}', "this is something else"),
        ('{"version": 2, "trajectories": []}', "version 2"),
        ('{"version": 1, "trajectories": [{"points": [[0.5]]}]}', "needs at least one"),
        ('{"version": 1, "trajectories": [], "brush": {"size": [4, 2], "runs": [[9, 1]]}}', "within the 8 pixels"),
    ],
)
def test_what_is_no_drawing_is_refused_in_a_sentence(text, told):
    with pytest.raises(MotionError, match=told):
        Drawing.parse(text)
