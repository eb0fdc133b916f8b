"""Our own JSON, and the samples that JavaScript is tested with."""

import json

import numpy as np
import pytest

from motion_core.errors import MotionError
from motion_core.tracks import Tracks, read_tracks
from motion_core.types import Trajectory
from tests.tracked import FIXTURES, PICTURE, written


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
