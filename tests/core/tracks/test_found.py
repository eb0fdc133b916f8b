"""Units, and points that are not there."""

import numpy as np
import pytest
import torch

from motion_core.errors import MotionError
from motion_core.tracks import read_tracks
from motion_core.types import Size
from tests.tracked import PICTURE, SAMPLES, pixels


def test_an_empty_track_among_others_is_left_out_and_named():
    tracks = read_tracks('[[], [{"x": 1, "y": 2}]]', size=PICTURE)
    assert len(tracks.trajectories) == 1
    assert "Never visible, so left out: track 1." in tracks.notes


def test_a_point_that_is_not_a_number_is_hidden_where_the_nearest_seen_point_is():
    tracks = read_tracks("[[[10, 20], [NaN, 5], [30, Infinity], [40, null], [50, 60]]]", size=PICTURE)
    positions, seen = pixels(tracks, 5)
    np.testing.assert_allclose(positions[:, 0], [(10, 20), (10, 20), (10, 20), (50, 60), (50, 60)], atol=1e-9)
    assert seen[:, 0].tolist() == [True, False, False, False, True]


def test_a_track_that_is_never_visible_is_left_out_and_named():
    seen = torch.tensor([[True, False], [True, False]])
    tracks = read_tracks(
        {"track_path": torch.ones(2, 2, 2), "track_visibility": seen, "names": ["one", "two"]}, size=PICTURE
    )
    assert [t.name for t in tracks.trajectories] == ["one"]
    assert "Never visible, so left out: two." in tracks.notes
    with pytest.raises(MotionError, match="nothing in it is ever visible"):
        read_tracks({"track_path": torch.ones(2, 2, 2), "track_visibility": torch.zeros(2, 2)}, size=PICTURE)


def test_pixels_without_a_picture_ask_for_its_size():
    for name in ("kj_coord_str_multi.json", "kj_points_store.json", "ati_tracks.pth", "wanmove_tracks.npy"):
        with pytest.raises(MotionError, match="Pass the size"):
            read_tracks(SAMPLES / name)


def test_numbers_between_0_and_1_are_shares_of_the_picture_and_this_is_said():
    tracks = read_tracks("[[[0.25, 0.5], [0.75, 0.5]]]")
    assert tracks.trajectories[0].points == ((0.25, 0.5), (0.75, 0.5))
    assert tracks.size is None
    assert any("look like 0…1 of the picture" in note for note in tracks.notes)


def test_a_track_that_leaves_the_picture_is_still_normalised_if_its_numbers_are_fractions():
    assert read_tracks("[[[0.9, 0.5], [1.3, -0.2]]]").trajectories[0].points[1] == (1.3, -0.2)


def test_one_single_value_is_no_proof_of_shares():
    with pytest.raises(MotionError, match="Pass the size"):
        read_tracks("[[[0, 0], [0, 0]]]")


def test_the_caller_decides_what_the_numbers_are():
    text = "[[[0, 0], [1, 1]]]"
    assert read_tracks(text, normalised=True).trajectories[0].points[1] == (1, 1)
    as_pixels = read_tracks(text, normalised=False, size=PICTURE).trajectories[0].points[1]
    assert as_pixels == pytest.approx((1 / 640, 1 / 384))
    grid = read_tracks("[[320, 192], [640, 384]]", size=PICTURE)
    assert grid.trajectories[0].points[1] == (640 / 1024, 384 / 1024)
    assert read_tracks("[[320, 192], [640, 384]]", size=PICTURE, normalised=False).trajectories[0].points[1] == (1, 1)


def test_pixels_called_shares_are_an_error_that_says_so():
    with pytest.raises(MotionError, match="far outside the picture"):
        read_tracks("[[[100, 200], [300, 200]]]", normalised=True)


def test_tracks_made_for_another_picture_are_fitted_and_this_is_said():
    tracks = read_tracks(SAMPLES / "truth_16.npz", size=Size(192, 320))
    assert tracks.size == PICTURE
    assert any("fitted to 320×192" in note for note in tracks.notes)
