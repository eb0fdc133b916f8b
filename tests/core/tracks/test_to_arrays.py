"""What those who read the arrays need of them."""

import io

import numpy as np
import pytest
import torch

from motion_core.errors import MotionError
from motion_core.tracks import Tracks, to_tracks_dict, write_tracks
from motion_core.types import Trajectory
from tests.tracked import PICTURE, C, scene, sideways, written


def test_a_tracks_dict_is_float32_and_bool_for_every_frame_and_track():
    dictionary, notes = to_tracks_dict(sideways(3), size=PICTURE, frames=5)
    assert (dictionary["track_path"].dtype, dictionary["track_path"].shape) == (torch.float32, (5, 3, 2))
    assert (dictionary["track_visibility"].dtype, dictionary["track_visibility"].shape) == (torch.bool, (5, 3))
    assert dictionary["track_path"][:, 0, 0].tolist() == [160, 240, 320, 400, 480]
    assert (dictionary["width"], dictionary["height"], dictionary["fps"]) == (640, 384, 16)
    assert notes == ()


@pytest.mark.parametrize("format", ["tracks", "wanmove"])
def test_wan_move_gets_no_track_that_begins_hidden_or_outside(format):
    good = Trajectory(((0.5, 0.5), (1.5, 0.5)), name="good")
    late = Trajectory(((0.5, 0.5), (0.6, 0.5)), visible=(False, True), name="late")
    outside = Trajectory(((1.0, 0.5), (0.5, 0.5)), name="outside")
    above = Trajectory(((0.5, -0.01), (0.5, 0.5)))
    done = written(Tracks((good, late, outside, above)), format, frames=4)
    assert any("left out: late, outside, track 4." in note for note in done.notes)
    if format == "tracks":
        assert done.value["names"] == ["good"]
        assert done.value["track_visibility"].tolist() == [[True]] * 4
    with pytest.raises(MotionError, match="first frame"):
        written(Tracks((late, outside)), format, frames=4)


def test_a_start_that_rounds_onto_the_border_is_outside_for_wan_move():
    on_the_border = Trajectory(((1 - 1e-9, 0.5), (0.5, 0.5)), name="border")
    dictionary, notes = to_tracks_dict(Tracks((on_the_border, *sideways().trajectories)), size=PICTURE, frames=4)
    assert dictionary["track_path"].shape == (4, 1, 2)
    assert "border" in notes[0]


def test_ati_files_hold_everything_eight_times(tmp_path):
    path = write_tracks(scene(), tmp_path / "a.pth", format="ati_pth", size=PICTURE, frames=81).paths[0]
    with np.load(io.BytesIO(torch.load(path, weights_only=True))) as arrays:
        array = arrays["array"]
    assert (array.dtype, array.shape) == (np.float32, (3, 121, 1, 3))
    assert array[0, 0, 0].tolist() == [800, 1600, 8]
    assert array[C, 0, 0, 2] == 0
    assert array[C, 0, 0, :2].tolist() == pytest.approx([8 * 320, 8 * 115], abs=8 * 4)  # held, not (0, 0)


def test_wangp_marks_hidden_points_with_minus_one():
    array = np.load(io.BytesIO(written(scene(), "wangp").value))
    assert (array.dtype, array.shape) == (np.float32, (81, 3, 2))
    assert (array[:20, C] == -1).all()
    assert (array[20:, C] >= 0).all()


def test_tapvid_queries_are_where_each_track_is_first_seen():
    with np.load(io.BytesIO(written(scene(), "tapvid3d").value)) as arrays:
        assert arrays["queries_xyt"][:, 2].tolist() == [0, 0, 20]
        np.testing.assert_allclose(arrays["queries_xyt"][C, :2], [320, 115], atol=0.01)
        assert arrays["tracks_xyz"].shape == (81, 3, 3)
