"""What editors keep and nodes hand on, each as it means it."""

import numpy as np

from motion_core.tracks import read_tracks
from motion_core.types import Size
from tests.tracked import PICTURE, SAMPLES, nested, pixels, truth


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


def test_control_points_of_an_editor_are_smooth_and_samples_are_straight():
    few = read_tracks(nested([[(0, 0), (320, 100), (640, 0)]]), size=PICTURE)
    many = read_tracks(nested([[(10 * n, 7) for n in range(16)]]), size=PICTURE)
    assert (few.trajectories[0].curve, few.frames) == ("smooth", None)
    assert (many.trajectories[0].curve, many.frames) == ("straight", 16)
    assert read_tracks(SAMPLES / "kj_points_store.json", size=PICTURE).trajectories[0].curve == "smooth"


def test_tracks_of_unequal_length_each_last_the_whole_clip():
    tracks = read_tracks(nested([[(0, 0), (64, 0)], [(0, 0), (64, 0), (128, 0)], [(5, 5)]]), size=PICTURE)
    positions, _ = pixels(tracks, 3)
    np.testing.assert_allclose(positions[:, :, 0], [(0, 0, 5), (32, 64, 5), (64, 128, 5)], atol=1e-9)
    assert any("2 to 3 points" in note for note in tracks.notes)


def test_motionctrl_text_is_on_a_grid_of_256():
    assert read_tracks("64,128\n128,128\n").trajectories[0].points == ((0.25, 0.5), (0.5, 0.5))


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
