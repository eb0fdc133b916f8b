"""Every sample file and every form of text; what is none of them is told in words."""

import json

import numpy as np
import pytest
import torch

from motion_core.errors import MotionError
from motion_core.tracks import read_tracks
from tests.tracked import PICTURE, SAMPLES, A, B, C, pixels, truth

# What each sample file holds of the scene: its tracks, at how many frames, and to how many pixels.
HELD = {
    "ati_tracks.pth": ([A, B, C], 121, 0.01),
    "cotracker_list_hidden_minus100.json": ([C], 81, 0.6),
    "cotracker_list_of_strings.json": ([A, B], 81, 0.6),
    "cotracker_pred.npz": ([A, B, C], 81, 0.01),
    "draganything_demo.json": ([A], 16, 0.01),
    "dragnuwa_tracking_points.json": ([A, B], 16, 0.01),
    "kj_coord_str_multi.json": ([A, B], 81, 0.6),
    "kj_coord_str_single.json": ([A], 81, 0.6),
    "kj_points_store.json": ([A, B], 16, 0.01),
    "kling_dynamic_masks.json": ([A], 16, 0.01),
    "ltx_director_tracks.json": ([A, B], 81, 0.01),
    "ltx_points_store.json": ([A, B], 16, 0.01),
    "ltx_tracks_121.json": ([A, B], 121, 0.6),
    "motionctrl_traj_1024.json": ([A], 16, 0.6),
    "python_single_quotes.txt": ([A, B], 16, 0.01),
    "starsfriday_path.json": ([A], 16, 0.01),
    "tapvid3d.npz": ([A, B, C], 81, 0.01),
    "truth_16.npz": ([A, B, C], 16, 0.01),
    "truth_81.npz": ([A, B, C], 81, 0.01),
    "truth_121.npz": ([A, B, C], 121, 0.01),
    "wan2gp_trajectories.npy": ([A, B, C], 81, 0.01),
    "wanmove_tracks.npy": ([A, B, C], 81, 0.01),
    "wanmove_visibility.npy": ([A, B, C], 81, 0.01),
}


@pytest.mark.parametrize("name", HELD)
def test_every_sample_file_says_what_the_scene_is(name):
    which, frames, tolerance = HELD[name]
    positions, seen = pixels(read_tracks(SAMPLES / name, size=PICTURE), frames)
    true_positions, true_seen = truth(frames)
    assert positions.shape == (frames, len(which), 2)
    there = true_seen[:, which]
    np.testing.assert_allclose(positions[there], true_positions[:, which][there], atol=tolerance)
    assert (seen == there).all()


def test_every_sample_of_tracks_is_tested():
    flows = {"tiny.flo", "tiny_flow_from_first.npz", "tiny_optical_flow_f2f.npz"}
    of_their_own = {"ig_motion_vectors.csv", "fl_paths_data.json"}
    assert {path.name for path in SAMPLES.iterdir()} == HELD.keys() | flows | of_their_own


@pytest.mark.parametrize("name", ["tiny.flo", "tiny_flow_from_first.npz", "tiny_optical_flow_f2f.npz"])
def test_a_motion_field_is_not_taken_for_tracks(name):
    with pytest.raises(MotionError, match="motion field"):
        read_tracks(SAMPLES / name, size=PICTURE)


def test_points_are_read_from_text_parsed_json_and_lists_of_texts_alike():
    track = [{"x": 64 * n, "y": 96, "more": "is passed over"} for n in range(10)]
    forms = [json.dumps([track]), json.dumps(track), str([track]), [track], track, [json.dumps(track)], [str(track)]]
    for form in forms:
        positions, _ = pixels(read_tracks(form, size=PICTURE), 10)
        np.testing.assert_allclose(positions[:, 0], [(64 * n, 96) for n in range(10)], atol=1e-9)


@pytest.mark.parametrize("nothing", ["", "  \n", "[]", "[[]]", "[[], []]", "{}", '{"paths": []}', "[{}]", [], {}, [""]])
def test_nothing_to_read_is_said_so(nothing):
    with pytest.raises(MotionError):
        read_tracks(nothing, size=PICTURE)


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "123",
        "null",
        "true",
        '"text"',
        "[1, 2, 3]",
        "[[1, 2, 3]]",
        "[[[1, 2], [3]]]",
        '[{"x": 1}]',
        '[{"x": "left", "y": 2}]',
        '[{"x": [1], "y": 2}]',
        "1,2,3",
        "1,2\n3,4,5,6",
        '[[{"x": 1, "y": 2}, {"x":',
        '{"coordinates": 5}',
        '{"paths": {"points": 1}}',
        '{"paths": [5]}',
        '{"version": 1, "trajectories": [{"points": [[0, 0]], "curve": ["smooth"]}]}',
        '{"version": 1, "trajectories": [{"points": [[0, 0]], "times": 5}]}',
        '{"version": 1, "trajectories": [{"points": [[0, 0], [1, 1]], "visible": [true, "no"]}]}',
        '{"version": 1, "trajectories": [{"points": [[0, 0], [1, 1]], "times": [0.5, 0.1]}]}',
        '{"version": 1, "trajectories": 7}',
        '{"version": 2, "trajectories": []}',
        '{"version": "1", "trajectories": []}',
        '{"someone": "else"}',
    ],
)
def test_broken_or_foreign_text_is_one_clear_error(text):
    with pytest.raises(MotionError) as told:
        read_tracks(text, size=PICTURE)
    assert len(str(told.value)) < 400


def test_json_that_was_cut_off_is_called_broken():
    with pytest.raises(MotionError, match="broken, perhaps cut off"):
        read_tracks('[[{"x": 1, "y": 2}, {"x":', size=PICTURE)


@pytest.mark.parametrize("opening", ["[", '{"trajectories":', '[{"points":'])
def test_json_nested_a_hundred_thousand_deep_is_an_error(opening):
    with pytest.raises(MotionError):
        read_tracks(opening * 100_000, size=PICTURE)


@pytest.mark.parametrize("depth", [50, 400])
def test_json_nested_too_deep_for_points_is_an_error(depth):
    for text in (
        "[" * depth + "1" + "]" * depth,
        '{"version": 1, "trajectories": [{"points": ' + "[" * depth + "1" + "]" * depth + "}]}",
    ):
        with pytest.raises(MotionError):
            read_tracks(text, size=PICTURE)


@pytest.mark.parametrize("huge", ["1" + "0" * 400, "1e400", "9" * 5000, "1e30", "-1e300"])
def test_huge_numbers_are_an_error_or_an_absence(huge):
    with pytest.raises(MotionError):
        read_tracks(f'[{{"x": {huge}, "y": 5}}]', size=PICTURE)
    with pytest.raises(MotionError):
        read_tracks(f'{{"version": 1, "trajectories": [{{"points": [[{huge}, 0]]}}]}}')


def test_a_csv_may_have_a_heading_and_spaces():
    tracks = read_tracks("startX, startY, endX, endY\n 64, 96, 128, 96 \n\n", size=PICTURE)
    assert tracks.trajectories[0].points == ((0.1, 0.25), (0.2, 0.25))


def test_places_that_hold_no_tracks_are_named(tmp_path):
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "latin.json").write_bytes(b"[\xe9]")
    np.savez(tmp_path / "other.npz", weights=np.ones(3))
    np.save(tmp_path / "alone_visibility.npy", np.ones((3, 1)))
    np.save(tmp_path / "words.npy", np.array(["a"]))
    torch.save(5, tmp_path / "five.pth")
    for name, told in {
        "missing.json": "no such file",
        "missing_tracks.npy": "no such file",
        "folder.json": "is a folder",
        "a.png": "are read from",
        "latin.json": "UTF-8",
        "other.npz": "holds weights",
        "alone_visibility.npy": "put alone_tracks.npy beside it",
        "words.npy": "made of numbers",
        "five.pth": "neither",
    }.items():
        with pytest.raises(MotionError, match=told) as error:
            read_tracks(tmp_path / name, size=PICTURE)
        assert str(tmp_path / name) in str(error.value)
    with pytest.raises(MotionError, match="no such file"):
        read_tracks("missing.json")
    with pytest.raises(MotionError):
        read_tracks("x" * 300 + ".json")
    with pytest.raises(MotionError):
        read_tracks("a\0b.json")
    with pytest.raises(MotionError, match="Wanted tracks"):
        read_tracks(5)
