"""One small scene as tracks: its truth, and the ways that tests write and read it."""

import json
from pathlib import Path

import numpy as np

from motion_core.tracks import Tracks, read_tracks, write_tracks
from motion_core.types import Size, Trajectory

FIXTURES = Path(__file__).parent / "fixtures"
SAMPLES = FIXTURES / "tracks"
PICTURE = Size(height=384, width=640)
A, B, C = 0, 1, 2  # the tracks of the scene: to the right, at rest, downwards after a quarter


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
