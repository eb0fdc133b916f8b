"""Our own JSON, the one value a canvas keeps and a file holds.

{"version": 1,
 "trajectories": [{"points": [[x, y], …], "times": […], "visible": […], "curve": …, "easing": …, "name": …}, …],
 "size": [W, H], "frames": F, "fps": …}

Positions and times are 0…1. Everything but version, trajectories and points has a default and may be left out;
keys that are not known are passed over. A trajectory with "hidden": true moves nothing, so it is left out.
"""

from __future__ import annotations

from itertools import compress
from typing import cast, get_args

import numpy as np

from ..errors import MotionError
from ..types import Curve, Easing, Trajectory
from .found import numbers, positive, size_of, whole
from .noun import Tracks

VERSION = 1


def from_own_json(value: dict) -> Tracks:
    """Tracks of a parsed object; no trajectory at all is a drawing not yet begun, and no error."""
    version = value.get("version", VERSION)
    if isinstance(version, bool) or version != VERSION:
        told = f"version {version}" if isinstance(version, (int, float)) else "something that is no number"
        raise MotionError(f"These trajectories are of {told}; this reads version {VERSION}. Update Motion-I2V.")
    entries = value["trajectories"]
    if not isinstance(entries, list):
        raise MotionError("The trajectories are a list, one entry a trajectory; got something else.")
    drawn = [_trajectory(entry, number) for number, entry in enumerate(entries, start=1)]
    shown = [entry.get("hidden") is not True for entry in entries]
    hidden = len(shown) - sum(shown)
    size = value.get("size")
    return Tracks(
        tuple(compress(drawn, shown)),
        size=size_of(*size) if isinstance(size, list) and len(size) == 2 else None,
        frames=whole(value.get("frames")),
        fps=positive(value.get("fps")),
        notes=("Read as Motion-I2V trajectories.", *([f"Hidden, so left out: {hidden}."] if hidden else [])),
    )


def _trajectory(entry: object, number: int) -> Trajectory:
    if not isinstance(entry, dict) or "points" not in entry:
        raise MotionError(f'Trajectory {number} should be an object with "points"; it is not.')
    name = entry.get("name", "")
    who = f"trajectory {number}"
    times, visible = entry.get("times", []), entry.get("visible", [])
    if not isinstance(times, list) or not isinstance(visible, list):
        raise MotionError(f"The times and visible of {who} are lists; got something else.")
    if not all(isinstance(flag, (bool, int)) for flag in visible):
        raise MotionError(f"The visible of {who} is true or false for each point; got something else.")
    points, instants = numbers(entry["points"], f"the points of {who}"), numbers(times, f"the times of {who}")
    words = [entry.get("curve", "smooth"), entry.get("easing", "linear")]
    for word, choices in zip(words, (get_args(Curve), get_args(Easing)), strict=True):
        if word not in choices:
            raise MotionError(f"{who.capitalize()} has a word that is none of {', '.join(choices)}.")
    if points.ndim != 2 or instants.ndim != 1:
        raise MotionError(f"{who.capitalize()} has points [[x, y], …] and times [t, …]; got other shapes.")
    return Trajectory(
        points=tuple(map(tuple, points.tolist())),
        times=tuple(instants.tolist()),
        visible=tuple(map(bool, visible)),
        curve=cast(Curve, words[0]),
        easing=cast(Easing, words[1]),
        name=name if isinstance(name, str) else "",
    )


def to_own_json(tracks: Tracks) -> dict:
    """The object to put in JSON; what has its default is left out, so it stays small."""
    value: dict = {"version": VERSION, "trajectories": [_entry(trajectory) for trajectory in tracks.trajectories]}
    if tracks.size:
        value["size"] = [tracks.size.width, tracks.size.height]
    if tracks.frames:
        value["frames"] = tracks.frames
    if tracks.fps:
        value["fps"] = tracks.fps
    return value


def _entry(trajectory: Trajectory) -> dict:
    entry: dict = {"points": [list(point) for point in trajectory.points]}
    if trajectory.times != tuple(np.linspace(0.0, 1.0, len(trajectory.points)).tolist()):
        entry["times"] = list(trajectory.times)
    if not all(trajectory.visible):
        entry["visible"] = list(trajectory.visible)
    for word, default in (("curve", "smooth"), ("easing", "linear"), ("name", "")):
        if getattr(trajectory, word) != default:
            entry[word] = getattr(trajectory, word)
    return entry
