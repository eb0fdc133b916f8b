import json

import pytest

from motion_core.drawing import Drawing
from motion_core.errors import MotionError
from motion_core.types import Size

BOTH = {
    "version": 1,
    "trajectories": [{"points": [[0.25, 0.5], [0.75, 0.5]], "easing": "in_out"}],
    "brush": {"size": [4, 2], "move": [0, 2, 2, 2]},
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
    empty = {"version": 1, "trajectories": [], "brush": {"size": [4, 2], "move": []}}
    assert Drawing.parse(json.dumps(empty)).region(Size(2, 4)).all()


def test_what_holds_still_is_left_out_of_what_moves():
    still = {"version": 1, "trajectories": [], "brush": {"size": [4, 1], "still": [1, 2]}}
    assert Drawing.parse(json.dumps(still)).region(Size(2, 4)).tolist() == [[1, 0, 0, 1]] * 2


def test_a_drawing_that_lets_nothing_move_is_refused_before_anything_is_made_of_it():
    brush = {"size": [4, 1], "move": [1, 2], "still": [0, 1]}
    assert Drawing.parse(json.dumps({"brush": brush})).region(Size(1, 4)).tolist() == [[0, 1, 1, 0]]
    with pytest.raises(MotionError, match="holds still covers everything that may move"):
        Drawing.parse(json.dumps({"brush": {"size": [4, 1], "still": [0, 4]}}))


def test_a_brush_of_which_nothing_is_left_does_not_become_one_that_lets_everything_move():
    thin = {"size": [40, 1], "move": [1, 1]}
    assert Drawing.parse(json.dumps({"brush": thin})).region(Size(10, 400)).any()
    with pytest.raises(MotionError, match="On a picture of 4×1 nothing is left"):
        Drawing.parse(json.dumps({"brush": thin})).region(Size(1, 4))
    with pytest.raises(MotionError, match="too soft"):
        Drawing.parse(json.dumps({"brush": {**thin, "softness": 0.2}})).region(Size(10, 400))


def test_a_drawing_is_given_back_as_it_came_and_knows_its_picture():
    editors = {"color": "#e69f00", "locked": True, "timing": "hand", "times": [0.1, 0.4]}
    hidden = {"points": [[0.1, 0.1]], "hidden": True, "name": "Wolke 雲"}
    came = {
        **BOTH,
        "trajectories": [{**BOTH["trajectories"][0], **editors}, hidden],
        "frames": 24,
        "fps": 12.5,
        "later": [1],
    }
    drawing = Drawing.parse(json.dumps(came)).on(Size(320, 512))
    assert drawing.tracks.size == Size(320, 512)
    assert [trajectory.times for trajectory in drawing.tracks.trajectories] == [(0.1, 0.4)]
    assert json.loads(drawing.text) == {**came, "size": [512, 320]}
    assert "Wolke 雲" in drawing.text
    assert Drawing.parse(drawing.text).text == drawing.text
    assert "size" not in Drawing.parse(json.dumps(came)).value, "the one without a picture stays as it is"


@pytest.mark.parametrize("text", ["", '{"trajectories": []}'])
def test_a_drawing_not_yet_begun_is_given_back_as_an_empty_one(text):
    assert json.loads(Drawing.parse(text).text) == {"version": 1, "trajectories": []}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"trajectories": [', "broken JSON"),
        ("[" * 100_000, "nested too deeply|broken JSON"),
        ("[[{}]]", "belong into Trajectories from Tracks"),
        ('{"version": 1}', "this is something else"),
        ('{"version": 2, "trajectories": []}', "version 2"),
        ('{"version": 1, "trajectories": [{"points": [[0.5]]}]}', "needs at least one"),
        ('{"version": 1, "trajectories": [], "brush": {"size": [4, 2], "move": [9, 1]}}', "within the 8 pixels"),
    ],
)
def test_what_is_no_drawing_is_refused_in_a_sentence(text, told):
    with pytest.raises(MotionError, match=told):
        Drawing.parse(text)
