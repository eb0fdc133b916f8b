"""What those who read the texts need of them."""

import json

import pytest

from motion_core.errors import MotionError
from motion_core.tracks import Tracks
from motion_core.types import Trajectory
from tests.tracked import sideways, written


def test_coordinates_are_nested_equally_long_finite_and_double_quoted():
    uneven = Tracks((*sideways().trajectories, Trajectory(((0.1, 0.1), (0.2, 0.9), (0.3, 0.1)))))
    text = written(uneven, "kj", frames=16).value
    tracks = json.loads(text, parse_constant=pytest.fail)
    assert [len(track) for track in tracks] == [16, 16]
    assert "'" not in text


def test_tora_takes_fewer_than_ten_tracks():
    texts = written(sideways(9), "tora").value
    assert len(texts) == 9
    assert json.loads(texts[0])[0] == {"x": 160, "y": 21.33}
    with pytest.raises(MotionError, match="fewer than 10"):
        written(sideways(10), "tora")


def test_kling_has_at_most_6_groups_of_2_to_77_points_and_y_upwards():
    for frames, points in ((1, 2), (30, 30), (81, 77)):
        masks = json.loads(written(sideways(1), "kling", frames=frames).value)["dynamic_masks"]
        assert len(masks[0]["trajectories"]) == points
    top_left = Tracks((Trajectory(((0.0, 0.0),)),))
    assert json.loads(written(top_left, "kling", frames=2).value)["dynamic_masks"][0]["trajectories"][0] == {
        "x": 0,
        "y": 384,
    }
    with pytest.raises(MotionError, match="at most 6"):
        written(sideways(7), "kling")


def test_consumers_that_look_pixels_up_get_pixels_of_the_picture():
    leaving = Tracks((Trajectory(((0.5, 0.5), (1.5, -0.5)), curve="straight"),))
    assert json.loads(written(leaving, "dragnuwa", frames=3).value) == [[[320, 192], [639, 0], [639, 0]]]
    assert json.loads(written(leaving, "motionctrl", frames=3).value) == [[512, 512], [1023, 0], [1023, 0]]
    done = written(leaving, "ig", frames=3)
    assert done.value == "320,192,639,0\n"
    assert any("moved to its rim" in note for note in done.notes)
    assert json.loads(written(leaving, "flat", frames=3).value)[2] == {"x": 960, "y": -192}


def test_ig_says_when_an_arrow_loses_the_way():
    corner = Tracks((Trajectory(((0.1, 0.1), (0.9, 0.1), (0.9, 0.9)), curve="straight", name="corner"),))
    assert any("corner" in note for note in written(corner, "ig").notes)
    assert written(sideways(), "ig").notes == ()


def test_fl_keeps_start_end_easing_and_visibility():
    late = Trajectory(((0.25, 0.5), (0.75, 0.5)), times=(0.5, 1.0), easing="in", curve="straight")
    path = json.loads(written(Tracks((late,)), "fl", frames=5).value)["paths"][0]
    assert [path[key] for key in ("startTime", "endTime", "interpolation", "visibilityMode")] == [
        0.5,
        1,
        "ease-in",
        "static",
    ]
    late = Trajectory(((0.2, 0.5), (0.4, 0.5), (0.8, 0.5)), visible=(False, True, True), curve="straight")
    path = json.loads(written(Tracks((late,)), "fl", frames=5).value)["paths"][0]
    assert [path[key] for key in ("startTime", "endTime", "visibilityMode")] == [0.5, 1, "pop"]


@pytest.mark.parametrize("format", ["fl", "starsfriday"])
def test_editors_of_an_even_pace_say_when_the_pace_is_lost(format):
    uneven = Tracks((Trajectory(((0.1, 0.5), (0.2, 0.5), (0.9, 0.5)), curve="straight", name="uneven"),))
    assert any("even pace" in note and "uneven" in note for note in written(uneven, format).notes)
    assert not any("even pace" in note for note in written(sideways(), format).notes)
