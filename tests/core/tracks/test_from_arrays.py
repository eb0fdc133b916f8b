"""Tracks sampled frame by frame, and files that are not what they say."""

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from motion_core.errors import MotionError
from motion_core.tracks import read_tracks
from tests.tracked import PICTURE, SAMPLES, pixels


@pytest.mark.parametrize("shape", [(4, 3), (4, 1), (4,), (1, 4, 3), (4, 3, 1), (9, 3)])
def test_visibility_of_every_known_shape_is_spread_over_frames_and_tracks(shape):
    seen = read_tracks({"track_path": torch.rand(4, 3, 2), "track_visibility": torch.ones(shape)}, size=PICTURE)
    assert seen.sampled(4)[1].shape == (4, 3)
    assert seen.sampled(4)[1].all()


def test_one_visibility_for_all_tracks_hides_them_all_at_once():
    hidden_first = {"track_path": torch.rand(3, 2, 2), "track_visibility": torch.tensor([[False], [True], [True]])}
    assert read_tracks(hidden_first, size=PICTURE).sampled(3)[1].tolist() == [[False] * 2, [True] * 2, [True] * 2]


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4, 3), (4, 3, 2), ()])
def test_visibility_of_another_shape_is_an_error(shape):
    with pytest.raises(MotionError, match="Visibility is"):
        read_tracks({"track_path": torch.rand(4, 3, 2), "track_visibility": torch.ones(shape)}, size=PICTURE)


def test_a_tracks_dict_without_visibility_is_visible_and_in_pixels():
    path = torch.tensor([[[64.0, 96.0]], [[128.0, 96.0]]])
    for form in (
        {"track_path": path},
        {"track_path": path.tolist(), "width": 640, "height": 384},
        {"track_path": path.bfloat16()},
    ):
        tracks = read_tracks(form, size=PICTURE)
        assert tracks.trajectories[0].points == ((0.1, 0.25), (0.2, 0.25))
        assert tracks.sampled(2)[1].all()


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 3), (5, 8, 9, 2), (5, 2, 8, 9), (0, 3, 2), (3, 0, 2), (2,), ()])
def test_an_array_that_is_not_tracks_is_an_error(shape):
    with pytest.raises(MotionError):
        read_tracks(torch.ones(shape), size=PICTURE)


def test_confidence_counts_as_visible_above_a_half(tmp_path):
    np.savez(tmp_path / "c.npz", pred_tracks=np.ones((1, 3, 1, 2)), pred_visibility=np.array([[[0.9], [0.5], [0.6]]]))
    assert read_tracks(tmp_path / "c.npz", size=PICTURE).sampled(3)[1][:, 0].tolist() == [True, False, True]


def test_tapvid_tracks_go_through_their_camera(tmp_path):
    xyz = np.array([[[1.0, 2.0, 2.0]], [[1.0, 2.0, 4.0]], [[1.0, 2.0, -1.0]]])  # the last one is behind the camera
    np.savez(
        tmp_path / "t.npz", tracks_XYZ=xyz, visibility=np.ones((3, 1), bool), fx_fy_cx_cy=np.array([100, 200, 320, 192])
    )
    positions, seen = pixels(read_tracks(tmp_path / "t.npz", size=PICTURE), 3)
    np.testing.assert_allclose(positions[:, 0], [(370, 392), (345, 292), (345, 292)])
    assert seen[:, 0].tolist() == [True, True, False]


def test_older_ati_files_hold_whole_numbers(tmp_path):
    array = np.full((1, 121, 1, 3), 8, dtype=np.uint16)
    file = io.BytesIO()
    np.savez(file, array=array * 5)
    torch.save(file.getvalue(), tmp_path / "old.pth")
    positions, seen = pixels(read_tracks(tmp_path / "old.pth", size=PICTURE), 121)
    np.testing.assert_allclose(positions, 5)
    assert seen.all()


class Opened:
    """An object whose pickle, if anyone opened it, would make a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_pickled_objects_are_refused_and_never_opened(tmp_path):
    trap = Opened(tmp_path / "opened")
    np.save(tmp_path / "p.npy", np.array([trap], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "p.npz", tracks=np.array([trap], dtype=object))
    torch.save({"track_path": trap}, tmp_path / "p.pth")
    (tmp_path / "q.pth").write_bytes(pickle.dumps(trap))
    for name in ("p.npy", "p.npz", "p.pth", "q.pth"):
        with pytest.raises(MotionError, match="pickled objects"):
            read_tracks(tmp_path / name, size=PICTURE)
    assert not (tmp_path / "opened").exists()


def test_pictures_pickled_beside_the_tracks_are_left_alone(tmp_path):
    pictures = np.array([b"jpeg"], dtype=object)
    np.savez(tmp_path / "t.npz", tracks_XYZ=np.ones((2, 1, 3)), visibility=np.ones((2, 1)), images_jpeg_bytes=pictures)
    assert len(read_tracks(tmp_path / "t.npz", size=PICTURE).trajectories) == 1


@pytest.mark.parametrize(
    "name", ["wan2gp_trajectories.npy", "cotracker_pred.npz", "ati_tracks.pth", "fl_paths_data.json"]
)
def test_a_file_cut_off_anywhere_is_an_error(name, tmp_path):
    content = (SAMPLES / name).read_bytes()
    path = tmp_path / f"cut{Path(name).suffix}"
    for length in (0, 1, 7, 60, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(MotionError, match="cut"):
            read_tracks(path, size=PICTURE)


def test_a_file_that_claims_to_be_larger_than_it_is_takes_no_memory(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**9, 10**6, 2)})
    (tmp_path / "h.npy").write_bytes(header.getvalue())
    with zipfile.ZipFile(tmp_path / "h.npz", "w") as archive:
        archive.writestr("tracks.npy", header.getvalue())
    for name in ("h.npy", "h.npz"):
        with pytest.raises(MotionError, match="cut off or damaged"):
            read_tracks(tmp_path / name, size=PICTURE)
