import io
import json
import pickle
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from motion_core.errors import MotionError
from motion_core.tracks import FORMATS, Tracks, read_tracks, to_tracks_dict, write_tracks
from motion_core.types import Size, Trajectory

FIXTURES = Path(__file__).parent.parent / "fixtures"
SAMPLES = FIXTURES / "tracks"
PICTURE = Size(height=384, width=640)
A, B, C = 0, 1, 2  # the tracks of the scene: to the right, at rest, downwards after a quarter

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


def truth(frames):
    with np.load(SAMPLES / f"truth_{frames}.npz") as arrays:
        return arrays["tracks"].astype(float), arrays["visibility"]


def pixels(tracks, frames):
    positions, seen = tracks.sampled(frames)
    return positions * [640, 384], seen


def sideways(count=1, *, frames=None):
    """Tracks from the left to the right of the picture, each in a row of its own."""
    rows = (np.arange(count) + 0.5) / count
    return Tracks(
        tuple(Trajectory(((0.25, y), (0.75, y)), curve="straight", name=f"row {n}") for n, y in enumerate(rows, 1)),
        frames=frames,
    )


def scene(*, hidden=True):
    """The scene of the sample files as tracks."""
    tracks = read_tracks(SAMPLES / "truth_81.npz")
    return tracks if hidden else Tracks(tracks.trajectories[:2], tracks.size, tracks.frames, tracks.fps)


def written(tracks, format, **wanted):
    return write_tracks(tracks, format=format, **({"size": PICTURE, "frames": 81} | wanted))


def nested(points):
    return json.dumps([[{"x": x, "y": y} for x, y in track] for track in points])


# --- every sample file ------------------------------------------------------------------------------------------------


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


def test_ig_vectors_are_straight_arrows_over_the_whole_clip():
    positions, seen = pixels(read_tracks(SAMPLES / "ig_motion_vectors.csv", size=PICTURE), 3)
    np.testing.assert_allclose(positions[:, 0], [(100, 200), (200, 200), (300, 200)], atol=1e-9)
    np.testing.assert_allclose(positions[:, 1], [(320, 40), (320, 190), (320, 340)], atol=1e-9)
    assert seen.all()


def test_an_fl_path_that_pops_is_hidden_before_its_start_and_on_its_way_after():
    tracks = read_tracks(SAMPLES / "fl_paths_data.json")
    positions, seen = pixels(tracks, 81)
    true_positions, true_seen = truth(81)
    assert tracks.size == PICTURE
    assert (seen == true_seen).all()
    np.testing.assert_allclose(positions[seen], true_positions[seen], atol=0.01)
    np.testing.assert_allclose(positions[~seen], [(320, 115)] * 20, atol=0.01)
    assert [t.name for t in tracks.trajectories] == ["Path 1", "Static", "Late"]


@pytest.mark.parametrize("name", ["tiny.flo", "tiny_flow_from_first.npz", "tiny_optical_flow_f2f.npz"])
def test_a_motion_field_is_not_taken_for_tracks(name):
    with pytest.raises(MotionError, match="motion field"):
        read_tracks(SAMPLES / name, size=PICTURE)


def test_the_units_in_the_file_name_the_picture_frames_and_fps():
    tracks = read_tracks(SAMPLES / "ltx_director_tracks.json")
    assert (tracks.frames, tracks.fps) == (81, 16)
    tracks = read_tracks(SAMPLES / "truth_16.npz")
    assert (tracks.size, tracks.frames, tracks.fps) == (PICTURE, 16, 16)
    assert read_tracks(SAMPLES / "starsfriday_path.json").size == PICTURE


def test_the_summary_says_what_was_found_and_what_was_done():
    told = read_tracks(SAMPLES / "truth_16.npz").summary.splitlines()
    assert told[0] == "3 tracks, 16 frames, 16 fps, picture 640×384"
    assert "Read as tracks and visibility." in told
    assert "Hidden points hold the nearest position that was seen: 4 do." in told


# --- forms of coordinates ---------------------------------------------------------------------------------------------


def test_control_points_of_an_editor_are_smooth_and_samples_are_straight():
    few = read_tracks(nested([[(0, 0), (320, 100), (640, 0)]]), size=PICTURE)
    many = read_tracks(nested([[(10 * n, 7) for n in range(16)]]), size=PICTURE)
    assert (few.trajectories[0].curve, few.frames) == ("smooth", None)
    assert (many.trajectories[0].curve, many.frames) == ("straight", 16)
    assert read_tracks(SAMPLES / "kj_points_store.json", size=PICTURE).trajectories[0].curve == "smooth"


def test_points_are_read_from_text_parsed_json_and_lists_of_texts_alike():
    track = [{"x": 64 * n, "y": 96, "more": "is passed over"} for n in range(10)]
    forms = [json.dumps([track]), json.dumps(track), str([track]), [track], track, [json.dumps(track)], [str(track)]]
    for form in forms:
        positions, _ = pixels(read_tracks(form, size=PICTURE), 10)
        np.testing.assert_allclose(positions[:, 0], [(64 * n, 96) for n in range(10)], atol=1e-9)


def test_tracks_of_unequal_length_each_last_the_whole_clip():
    tracks = read_tracks(nested([[(0, 0), (64, 0)], [(0, 0), (64, 0), (128, 0)], [(5, 5)]]), size=PICTURE)
    positions, _ = pixels(tracks, 3)
    np.testing.assert_allclose(positions[:, :, 0], [(0, 0, 5), (32, 64, 5), (64, 128, 5)], atol=1e-9)
    assert any("2 to 3 points" in note for note in tracks.notes)


def test_an_empty_track_among_others_is_left_out_and_named():
    tracks = read_tracks('[[], [{"x": 1, "y": 2}]]', size=PICTURE)
    assert len(tracks.trajectories) == 1
    assert "Never visible, so left out: track 1." in tracks.notes


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


# --- units ------------------------------------------------------------------------------------------------------------


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


def test_motionctrl_text_is_on_a_grid_of_256():
    assert read_tracks("64,128\n128,128\n").trajectories[0].points == ((0.25, 0.5), (0.5, 0.5))


def test_a_csv_may_have_a_heading_and_spaces():
    tracks = read_tracks("startX, startY, endX, endY\n 64, 96, 128, 96 \n\n", size=PICTURE)
    assert tracks.trajectories[0].points == ((0.1, 0.25), (0.2, 0.25))


def test_tracks_made_for_another_picture_are_fitted_and_this_is_said():
    tracks = read_tracks(SAMPLES / "truth_16.npz", size=Size(192, 320))
    assert tracks.size == PICTURE
    assert any("fitted to 320×192" in note for note in tracks.notes)


# --- editors ----------------------------------------------------------------------------------------------------------


def test_kling_has_its_origin_at_the_bottom_left():
    mask = {"mask": "", "trajectories": [{"x": 0, "y": 0}, {"x": 640, "y": 384}]}
    for form in ({"dynamic_masks": [mask]}, mask, [mask]):
        assert read_tracks(form, size=PICTURE).trajectories[0].points == ((0, 1), (1, 0))


def test_siraxe_has_moving_splines_and_static_points():
    state = {
        "coordinates": [[{"x": 64, "y": 96, "scale": 2}, {"x": 128, "y": 96}]],
        "p_coordinates": [[{"x": 320, "y": 192}, {"x": 0, "y": 0}]],
        "easing_functions": {"p": [], "c": ["in_out"], "b": []},
        "names": {"p": [], "c": ["hand"], "b": []},
        "start_p_frames": {"p": [], "c": [4], "b": []},
        "coord_width": 640,
        "coord_height": 384,
    }
    tracks = read_tracks(state)
    hand, first, second = tracks.trajectories
    assert (hand.name, hand.easing, hand.points) == ("hand", "in_out", ((0.1, 0.25), (0.2, 0.25)))
    assert (first.points, second.points) == (((0.5, 0.5),), ((0, 0),))
    assert any("pauses" in note for note in tracks.notes)
    assert any("pauses" in note for note in read_tracks(state | {"start_p_frames": 4}).notes)
    assert not any("pauses" in note for note in read_tracks(state | {"start_p_frames": 0}).notes)


def test_wangp_layers_go_at_an_even_pace_by_the_length_of_the_way():
    layer = {"name": "ball", "path": [{"x": 0, "y": 0}, {"x": 300, "y": 0}, {"x": 400, "y": 0}], "shapeType": "circle"}
    scene = {"resolution": {"width": 400, "height": 100}, "scene": {"fps": 24, "totalFrames": 80}, "layers": [layer]}
    tracks = read_tracks(scene)
    assert (tracks.size, tracks.frames, tracks.fps) == (Size(100, 400), 80, 24)
    assert tracks.trajectories[0].times == (0, 0.75, 1)
    layer |= {"startFrame": 20, "endFrame": 60, "speedMode": "accelerate", "speedRatio": 10}
    late = read_tracks(scene)
    assert late.trajectories[0].easing == "in"
    assert (late.trajectories[0].times[0], late.trajectories[0].times[-1]) == (0.25, 0.75)
    assert any("speed profiles" in note for note in late.notes)


def test_a_wangp_trajectory_layer_is_hidden_outside_its_frames():
    layer = {
        "path": [{"x": 0, "y": 0}, {"x": 100, "y": 0}],
        "shapeType": "trajectory",
        "startFrame": 20,
        "endFrame": 60,
    }
    layer |= {"speedMode": "accelerate", "speedRatio": 10}
    tracks = read_tracks({"resolution": {"width": 100, "height": 100}, "scene": {"totalFrames": 80}, "layers": [layer]})
    positions, seen = tracks.sampled(9)
    assert seen[:, 0].tolist() == [False, False, True, True, True, True, True, False, False]
    np.testing.assert_allclose(positions[2:7, 0, 0], [0, 1 / 16, 4 / 16, 9 / 16, 1], atol=1e-3)  # u², as it was eased


def test_fl_paths_ease_and_go_at_an_even_pace():
    path = {"points": [{"x": 0, "y": 0}, {"x": 75, "y": 0}, {"x": 75, "y": 0}, {"x": 100, "y": 0}]}
    path |= {"interpolation": "ease-in", "startTime": 0, "endTime": 1}
    tracks = read_tracks({"paths": [path], "canvas_size": {"width": 100, "height": 100}})
    assert tracks.trajectories[0].times == (0, 0.75, 1)
    np.testing.assert_allclose(tracks.sampled(5)[0][:, 0, 0], [0, 1 / 16, 4 / 16, 9 / 16, 1])


def test_bezier_handles_are_left_out_and_this_is_said():
    store = [{"points": [{"x": 64, "y": 96, "h1x": 1, "h1y": 1}, {"x": 128, "y": 96}], "name": "Spline 1"}]
    tracks = read_tracks(store, size=PICTURE)
    assert tracks.trajectories[0].name == "Spline 1"
    assert any("Bézier" in note for note in tracks.notes)


def test_a_segment_of_ltx_director_takes_place_in_its_frames():
    segment = {"start": 10, "length": 11, "tracks": [[{"x": 0.1, "y": 0.5}, {"x": 0.9, "y": 0.5}]]}
    timeline = {"version": 1, "duration_frames": 41, "frame_rate": 8, "segments": [{"type": "image"}, segment]}
    assert read_tracks(timeline).trajectories[0].times == (0.25, 0.5)
    both = read_tracks(timeline | {"segments": [segment, segment]})
    assert any("2 segments" in note for note in both.notes)


# --- arrays -----------------------------------------------------------------------------------------------------------


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


# --- files that are not what they say ---------------------------------------------------------------------------------


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


# --- our own JSON -----------------------------------------------------------------------------------------------------


def test_the_trajectories_that_javascript_is_tested_with_are_sampled_alike():
    path = FIXTURES / "trajectories.json"
    entries = json.loads(path.read_text())["trajectories"]
    for trajectory, entry in zip(read_tracks(path).trajectories, entries, strict=True):
        np.testing.assert_allclose(trajectory.sampled(16), entry["samples"], atol=1e-6, err_msg=entry["name"])
        assert trajectory.seen_at(np.linspace(0, 1, 16)).tolist() == entry.get("seen", [True] * 16)


def test_the_samples_that_a_hand_can_check_are_right():
    entries = {
        entry["name"]: entry for entry in json.loads((FIXTURES / "trajectories.json").read_text())["trajectories"]
    }
    share = [frame / 15 for frame in range(16)]
    by_hand = {
        "smooth, two points": [(0.2 + 0.6 * u, 0.5) for u in share],
        "straight, three points": [(min(0.25 + u, 0.75), max(0.25, 0.5 * u)) for u in share],
        "pin": [(0.78125, 0.78125)] * 16,
        "begins late and ends early": [
            (0.2 + 0.4 * v, 0.3 + 0.4 * v) for v in (min(max((u - 0.2) / 0.6, 0), 1) for u in share)
        ],
        "linear": [(u, u / 2) for u in share],
        "in": [(u**2, u**2 / 2) for u in share],
        "out": [(1 - (1 - u) ** 2, (1 - (1 - u) ** 2) / 2) for u in share],
        "in and out": [(3 * u**2 - 2 * u**3, (3 * u**2 - 2 * u**3) / 2) for u in share],
        "leaves the picture": [(0.9 + 0.3 * u, 0.5 - 0.6 * u) for u in share],
    }
    for name, samples in by_hand.items():
        np.testing.assert_allclose(entries[name]["samples"], samples, atol=1e-6, err_msg=name)


def test_our_own_json_brings_back_every_trajectory_exactly():
    tracks = Tracks(
        (
            Trajectory(((0.1, 0.2), (0.3, 1 / 3), (0.7, 0.1)), times=(0.1, 0.5, 0.9), easing="in_out", name="hand"),
            Trajectory(((0.1, 0.2), (1.3, -0.4)), visible=(True, False), curve="straight"),
            Trajectory(((0.5, 0.5),)),
        )
    )
    back = read_tracks(written(tracks, "json", frames=16, fps=8).value)
    assert back.trajectories == tracks.trajectories
    assert (back.size, back.frames, back.fps) == (PICTURE, 16, 8)


def test_our_own_json_leaves_out_what_has_its_default():
    value = json.loads(written(Tracks((Trajectory(((0.5, 0.25), (1, 1))),)), "json", frames=16).value)
    assert value["trajectories"] == [{"points": [[0.5, 0.25], [1, 1]]}]
    assert value["version"] == 1


def test_a_hidden_trajectory_moves_nothing_and_the_notes_say_so():
    seen, hidden = {"points": [[0.1, 0.2]]}, {"points": [[0.3, 0.4]], "hidden": True}
    tracks = read_tracks(json.dumps({"version": 1, "trajectories": [hidden, {**seen, "hidden": False}, hidden]}))
    assert [trajectory.points for trajectory in tracks.trajectories] == [((0.1, 0.2),)]
    assert "Hidden, so left out: 2." in tracks.notes
    assert not any("idden" in note for note in read_tracks(json.dumps({"trajectories": [seen]})).notes)
    with pytest.raises(MotionError, match="Trajectory 1"):
        read_tracks('{"trajectories": [{"hidden": true}]}')


def test_a_drawing_not_yet_begun_is_no_error():
    empty = read_tracks('{"version": 1, "trajectories": [], "brush": "is passed over"}')
    assert empty.trajectories == ()
    assert read_tracks(written(empty, "json").value).trajectories == ()


# --- round trips ------------------------------------------------------------------------------------------------------

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


@pytest.mark.parametrize(
    "wanted", [{"frames": 0}, {"fps": 0}, {"fps": float("nan")}, {"size": Size(0, 5)}, {"format": "gif"}]
)
def test_an_order_that_makes_no_sense_is_an_error(wanted):
    with pytest.raises(MotionError):
        write_tracks(sideways(), **({"format": "kj", "size": PICTURE, "frames": 4} | wanted))


# --- what consumers need ----------------------------------------------------------------------------------------------


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


def test_coordinates_are_nested_equally_long_finite_and_double_quoted():
    uneven = Tracks((*sideways().trajectories, Trajectory(((0.1, 0.1), (0.2, 0.9), (0.3, 0.1)))))
    text = written(uneven, "kj", frames=16).value
    tracks = json.loads(text, parse_constant=pytest.fail)
    assert [len(track) for track in tracks] == [16, 16]
    assert "'" not in text


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


def test_ati_files_hold_everything_eight_times(tmp_path):
    path = write_tracks(scene(), tmp_path / "a.pth", format="ati_pth", size=PICTURE, frames=81).paths[0]
    with np.load(io.BytesIO(torch.load(path, weights_only=True))) as arrays:
        array = arrays["array"]
    assert (array.dtype, array.shape) == (np.float32, (3, 121, 1, 3))
    assert array[0, 0, 0].tolist() == [800, 1600, 8]
    assert array[C, 0, 0, 2] == 0
    assert array[C, 0, 0, :2].tolist() == pytest.approx([8 * 320, 8 * 115], abs=8 * 4)  # held, not (0, 0)


def test_tora_takes_fewer_than_ten_tracks():
    texts = written(sideways(9), "tora").value
    assert len(texts) == 9
    assert json.loads(texts[0])[0] == {"x": 160, "y": 21.33}
    with pytest.raises(MotionError, match="fewer than 10"):
        written(sideways(10), "tora")


@pytest.mark.parametrize("format", sorted(ONE_TRACK))
def test_formats_of_one_track_refuse_two(format):
    with pytest.raises(MotionError, match="one track"):
        written(sideways(2), format)


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


def test_nothing_drawn_cannot_be_written():
    with pytest.raises(MotionError, match="no track to write"):
        written(Tracks(()), "kj")


# --- size -------------------------------------------------------------------------------------------------------------


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


# --- anything at all --------------------------------------------------------------------------------------------------

TEXT_SAMPLES = [path.read_text() for path in SAMPLES.iterdir() if path.suffix in (".json", ".txt", ".csv")]
TEXT_SAMPLES = [text for text in TEXT_SAMPLES if len(text) < 1000] + [
    '{"version": 1, "trajectories": [{"points": [[0.1, 0.2], [0.3, 0.4]], "times": [0, 1], "visible": [true, false]}]}',
    '{"coordinates": [[{"x": 1, "y": 2}]], "p_coordinates": [{"x": 1, "y": 2}], "names": {"c": ["a"]}, "offsets": [1]}',
    '{"resolution": {"width": 9, "height": 9}, "scene": {"totalFrames": 9}, "layers": [{"path": []}]}',
]
BYTE_SAMPLES = [SAMPLES / "wan2gp_trajectories.npy", SAMPLES / "cotracker_pred.npz", SAMPLES / "ati_tracks.pth"]
KEYS = ["x", "y", "points", "path", "paths", "strokes", "segments", "layers", "trajectories", "tracks", "track_path"]
KEYS += ["coordinates", "dynamic_masks", "version"]
NUMBERS = st.floats() | st.integers() | st.sampled_from([10**400, -(10**25), 0, 1, 5e-324])
LEAVES = st.none() | st.booleans() | NUMBERS | st.text(max_size=5)
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)
UNTRUSTED = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read_or_told(source, **wanted):
    """Tracks, or None if the source was refused in words. Anything else fails the test."""
    try:
        tracks = read_tracks(source, size=PICTURE, **wanted)
    except MotionError:
        return None
    assert np.isfinite(tracks.sampled(3)[0]).all()
    return tracks


@UNTRUSTED
@given(st.text())
def test_any_text_is_read_or_refused_in_words(text):
    read_or_told(text)


@UNTRUSTED
@given(JSON, st.none() | st.booleans())
def test_any_json_is_read_or_refused_in_words(value, normalised):
    read_or_told(value, normalised=normalised)
    if isinstance(value, (list, dict)):
        read_or_told(json.dumps(value), normalised=normalised)


@UNTRUSTED
@given(st.sampled_from(TEXT_SAMPLES), st.data())
def test_a_sample_in_which_one_value_is_replaced_is_read_or_refused_in_words(text, data):
    try:
        value = json.loads(text)
    except ValueError:
        return
    places = []

    def walk(node):
        for key, inner in node.items() if isinstance(node, dict) else enumerate(node):
            places.append((node, key))
            if isinstance(inner, (dict, list)):
                walk(inner)

    walk(value)
    node, key = data.draw(st.sampled_from(places))
    node[key] = data.draw(JSON)
    read_or_told(value)


@UNTRUSTED
@given(
    st.sampled_from(TEXT_SAMPLES),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3), st.text(max_size=3)), min_size=1, max_size=4),
)
def test_a_sample_with_typing_errors_is_read_or_refused_in_words(text, edits):
    for place, removed, typed in edits:
        at = int(place * len(text))
        text = text[:at] + typed + text[at + removed :]
    tracks = read_or_told(text)
    if tracks:
        assert read_tracks(written(tracks, "json").value).trajectories == tracks.trajectories


@UNTRUSTED
@given(st.sampled_from(BYTE_SAMPLES), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_file_with_damaged_bytes_is_read_or_refused_in_words(tmp_path, sample, damage):
    content = bytearray(sample.read_bytes())
    for place, byte in damage:
        content[min(int(place * len(content)), len(content) - 1)] = byte
    path = tmp_path / f"damaged{sample.suffix}"
    path.write_bytes(content)
    read_or_told(path)


@UNTRUSTED
@given(st.binary(max_size=200), st.sampled_from([".npy", ".npz", ".pth", ".json", ".csv", ".txt"]))
def test_any_bytes_are_read_or_refused_in_words(tmp_path, content, suffix):
    path = tmp_path / f"any{suffix}"
    path.write_bytes(content)
    read_or_told(path)
