"""There and back through every format, and onto the disk."""

import time

import numpy as np
import pytest
import torch

from motion_core.errors import MotionError
from motion_core.tracks import FORMATS, Tracks, read_tracks, to_tracks_dict, write_tracks
from motion_core.types import Trajectory
from tests.tracked import PICTURE, pixels, scene, sideways, written

EXACT_PX = 0.01
SEES = {"json", "tracks", "ati_pth", "wanmove", "wangp", "cotracker", "tapvid3d", "fl"}
ONE_TRACK = {"flat", "motionctrl"}


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_written_reads_back_the_same(format, tmp_path):
    tracks = Tracks(scene().trajectories[:1]) if format in ONE_TRACK else scene(hidden=format in SEES)
    if format in ("tracks", "wanmove"):
        tracks = scene(hidden=False)
    frames = {"ati": 121, "ltx": 121, "ati_pth": 121, "kling": 77}.get(format, 81)
    done = written(tracks, format)
    forms = [done.value]
    if FORMATS[format].suffix:
        paths = write_tracks(
            tracks, tmp_path / f"t{FORMATS[format].suffix}", format=format, size=PICTURE, frames=81
        ).paths
        forms = [*paths] if isinstance(done.value, (bytes, dict)) else [done.value, *paths]
    before, seen_before = pixels(tracks, frames)
    for form in forms:
        after, seen_after = pixels(read_tracks(form, size=PICTURE), frames)
        moving = np.abs(np.diff(before, axis=0)).max(axis=(0, 2)) > 0
        order = np.argsort(~moving, kind="stable") if format == "siraxe" else np.arange(before.shape[1])
        assert (seen_after == seen_before[:, order]).all()
        there = seen_before[:, order]
        np.testing.assert_allclose(after[there], before[:, order][there], atol=EXACT_PX)


@pytest.mark.parametrize("format", FORMATS)
def test_every_writer_works_for_one_frame_and_for_a_thousand(format):
    for frames in (1, 1000):
        assert written(sideways(), format, frames=frames).value


@pytest.mark.parametrize("format", [name for name in FORMATS if name not in SEES])
def test_a_format_without_visibility_says_what_is_lost_and_writes_no_far_off_place(format):
    hidden = Tracks(
        (Trajectory(((0.25, 0.5), (0.5, 0.5), (0.75, 0.5)), visible=(True, False, True), curve="straight"),)
    )
    done = written(hidden, format, frames=5)
    assert any("no visibility" in note for note in done.notes)
    positions, _ = read_tracks(done.value, size=PICTURE).sampled(5)
    assert positions[:, 0, 0].min() >= 0.25 - 0.001
    assert positions[:, 0, 1] == pytest.approx(0.5, abs=0.01)


def test_nothing_half_written_stays_on_the_disk(tmp_path):
    for format, path in (
        ("kj", tmp_path / "none" / "a.json"),
        ("kj", tmp_path),
        ("kj", tmp_path / "a.npy"),
        ("tracks", tmp_path / "a.json"),
    ):
        with pytest.raises(MotionError):
            write_tracks(sideways(), path, format=format, size=PICTURE, frames=4)
    (tmp_path / "pair_visibility.npy").mkdir()
    with pytest.raises(MotionError, match="is a folder"):
        write_tracks(sideways(), tmp_path / "pair.npy", format="wanmove", size=PICTURE, frames=4)
    assert [path.name for path in tmp_path.iterdir()] == ["pair_visibility.npy"]


def test_a_wan_move_pair_is_named_after_the_path(tmp_path):
    for name in ("clip.npy", "clip_tracks.npy"):
        paths = write_tracks(sideways(), tmp_path / name, format="wanmove", size=PICTURE, frames=4).paths
        assert [path.name for path in paths] == ["clip_tracks.npy", "clip_visibility.npy"]


@pytest.mark.parametrize("format", sorted(ONE_TRACK))
def test_formats_of_one_track_refuse_two(format):
    with pytest.raises(MotionError, match="one track"):
        written(sideways(2), format)


def test_nothing_drawn_cannot_be_written():
    with pytest.raises(MotionError, match="no track to write"):
        written(Tracks(()), "kj")


def test_ten_thousand_trajectories_are_read_and_written_in_seconds():
    begun = time.perf_counter()
    starts = torch.rand(1, 10_000, 2) * torch.tensor([640.0, 384.0])
    seen = torch.rand(16, 10_000) > 0.1
    seen[0] = True
    path = starts + torch.arange(16).view(16, 1, 1)
    tracks = read_tracks({"track_path": path, "track_visibility": seen}, size=PICTURE)
    dictionary, _ = to_tracks_dict(tracks, size=PICTURE, frames=16)
    assert (dictionary["track_visibility"] == seen).all()
    torch.testing.assert_close(dictionary["track_path"][seen], path[seen])
    assert len(read_tracks(written(tracks, "kj", frames=16).value, size=PICTURE).trajectories) == 10_000
    assert time.perf_counter() - begun < 20
