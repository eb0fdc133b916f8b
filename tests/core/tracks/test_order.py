"""What is asked of all writers alike."""

import json

import numpy as np
import pytest

from motion_core.errors import MotionError
from motion_core.tracks import Tracks, read_tracks, write_tracks
from motion_core.types import Size, Trajectory
from tests.tracked import PICTURE, sideways, written


@pytest.mark.parametrize(
    "wanted", [{"frames": 0}, {"fps": 0}, {"fps": float("nan")}, {"size": Size(0, 5)}, {"format": "gif"}]
)
def test_an_order_that_makes_no_sense_is_an_error(wanted):
    with pytest.raises(MotionError):
        write_tracks(sideways(), **({"format": "kj", "size": PICTURE, "frames": 4} | wanted))


def test_slow_motion_keeps_its_fractions_of_a_pixel():
    slow = Tracks((Trajectory(((0.5, 0.5), (0.5 + 2 / 640, 0.5)), curve="straight"),))
    assert [point["x"] for point in json.loads(written(slow, "flat", frames=5).value)] == [320, 320.5, 321, 321.5, 322]


def test_ati_is_resampled_by_time_to_121_so_that_all_81_frames_are_visible():
    for format in ("ati", "ltx"):
        done = written(sideways(frames=16), format, frames=16)
        track = json.loads(done.value)[0]
        assert len(track) == 121
        assert [track[index]["x"] for index in (0, 30, 60, 120)] == [160, 240, 320, 480]
        assert "Resampled by time from 16 to 121 points a track." in done.notes


@pytest.mark.parametrize("format", ["kj_points_store", "ltx_points_store", "ltx_director"])
def test_editors_without_timing_get_the_timing_in_more_points(format):
    late = Tracks(
        (Trajectory(((0.25, 0.5), (0.75, 0.5)), times=(0.5, 1.0), easing="in", curve="straight", name="late"),)
    )
    done = written(late, format, frames=17)
    assert any("late" in note for note in done.notes)
    positions, _ = read_tracks(done.value, size=PICTURE).sampled(17)
    np.testing.assert_allclose(positions[:, 0], late.sampled(17)[0][:, 0], atol=1e-4)
    plain = written(sideways(), format)
    assert plain.notes == ()
    assert len(read_tracks(plain.value, size=PICTURE).trajectories[0].points) == 2
