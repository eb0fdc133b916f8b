"""Tracks as text: what editors keep and what nodes hand on, most of it JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..errors import MotionError
from ..types import Easing, Size
from .found import at_constant_speed, some
from .from_json import MOTIONCTRL_GRID
from .order import ATI_POINTS, Order
from .own_json import to_own_json

TORA_BELOW = 10  # tracks: Tora takes a longer list of texts for one single track
KLING_GROUPS, KLING_POINTS = 6, 77  # at most, for 5 seconds
DECIMALS = 2  # of pixels in text
UNIT_DECIMALS = 6  # of 0…1 in text
EVEN_PACE = 1.0  # pixels that a track may be early or late and still count as evenly paced
COLOUR = "#1f77b4"
FL_EASINGS: dict[Easing, str] = {"linear": "linear", "in": "ease-in", "out": "ease-out", "in_out": "ease-in-out"}


def own(order: Order) -> str:
    known = replace(order.tracks, size=order.size, frames=order.frames, fps=order.fps)
    return json.dumps(to_own_json(known), ensure_ascii=False)


def nested(order: Order) -> str:
    return json.dumps([_dicts(track) for track in order.shown(order.frames)])


def nested_121(order: Order) -> str:
    return json.dumps([_dicts(track) for track in order.shown(ATI_POINTS)])


def flat(order: Order) -> str:
    return json.dumps(_dicts(order.shown(order.frames)[_only(order, "The flat form of coordinates")]))


def tora(order: Order) -> list[str]:
    count = len(order.tracks.trajectories)
    if count >= TORA_BELOW:
        raise MotionError(f"Tora takes fewer than {TORA_BELOW} tracks, and these are {count}. Leave some out.")
    return [json.dumps(_dicts(track)) for track in order.shown(order.frames)]


def kj_points_store(order: Order) -> str:
    splines = []
    for name, points in zip(order.names, order.control_points(), strict=True):
        spline = {"points": _dicts(points), "color": COLOUR, "name": name}
        splines.append(spline | {"isSinglePoint": True} if len(points) == 1 else spline)
    return json.dumps(splines)


def ltx_points_store(order: Order) -> str:
    return json.dumps([_dicts(points) for points in order.control_points()])


def ltx_director(order: Order) -> str:
    tracks = [_dicts(points / order.whole, UNIT_DECIMALS) for points in order.control_points()]
    segment = {"id": "s1", "type": "motion_brush", "start": 0, "length": order.frames, "prompt": "", "imageFile": ""}
    segment |= {"imageSize": {"width": order.size.width, "height": order.size.height}, "pointsToSample": ATI_POINTS}
    segment |= {"tracks": tracks, "motionCarryFrames": 0}
    timeline = {"version": 1, "duration_frames": order.frames, "frame_rate": order.fps, "segments": [segment]}
    return json.dumps(timeline)


def fl(order: Order) -> str:
    paths, uneven, gaps = [], [], []
    _, seen = order.tracks.sampled(order.frames)
    for index, (name, trajectory) in enumerate(zip(order.names, order.tracks.trajectories, strict=True)):
        where = np.flatnonzero(seen[:, index])
        pops = 0 < len(where) < order.frames
        start, end = (
            (where[[0, -1]] / (order.frames - 1)).tolist() if pops else (trajectory.times[0], trajectory.times[-1])
        )
        start, end = (start, end) if start < end else (0.0, 1.0)
        if pops and len(where) < where[-1] - where[0] + 1:
            gaps.append(name)
        eased = trajectory.easing if not pops else "linear"
        line = trajectory if pops else replace(trajectory, easing="linear")
        points = line.at(np.linspace(start, end, max(order.frames, 2))) * order.whole
        if not _evenly_paced(points):
            uneven.append(name)
        paths.append(
            {
                "id": f"path_{index + 1}",
                "name": name,
                "points": _dicts(points[:1] if trajectory.is_pin else points),
                "color": COLOUR,
                "isSinglePoint": trajectory.is_pin,
                "startTime": start,
                "endTime": end,
                "interpolation": FL_EASINGS[eased],
                "visibilityMode": "pop" if pops else "static",
            }
        )
    _say_uneven(order, uneven)
    if gaps:
        order.notes.append(f"FL shows a path in one stretch; these are hidden in between, which is lost: {some(gaps)}.")
    canvas = {"width": order.size.width, "height": order.size.height}
    return json.dumps({"formatVersion": 2, "paths": paths, "canvas_size": canvas})


def starsfriday(order: Order) -> str:
    tracks = order.shown(max(order.frames, 2))
    _say_uneven(order, [name for name, track in zip(order.names, tracks, strict=True) if not _evenly_paced(track)])
    strokes = [{"points": np.round(track / order.whole, UNIT_DECIMALS).tolist()} for track in tracks]
    return json.dumps({"strokes": strokes, "reference_size": {"width": order.size.width, "height": order.size.height}})


def siraxe(order: Order) -> str:
    pins = [trajectory.is_pin for trajectory in order.tracks.trajectories]
    tracks, names = order.shown(order.frames), order.names
    moving = [index for index, pin in enumerate(pins) if not pin]
    still = [index for index, pin in enumerate(pins) if pin]

    def by_kind(value: object) -> dict[str, list]:
        return {"p": [value] * bool(still), "c": [value] * len(moving), "b": []}

    return json.dumps(
        {
            "coordinates": [_dicts(tracks[index]) for index in moving],
            "p_coordinates": [[_dicts(tracks[index][:1])[0] for index in still]] if still else [],
            "box_coordinates": [],
            **{key: by_kind(0) for key in ("start_p_frames", "end_p_frames", "offsets")},
            "interpolations": by_kind("linear"),
            "easing_functions": by_kind("linear"),
            "easing_paths": by_kind("full"),
            "easing_strengths": by_kind(1.0),
            "accelerations": by_kind(0.0),
            "scales": by_kind(1.0),
            "drivers": by_kind(None),
            "coord_width": order.size.width,
            "coord_height": order.size.height,
            "names": by_kind("pins") | {"c": [names[index] for index in moving]},
            "types": by_kind("spline") | {"p": ["points"] * bool(still)},
            "visibility": by_kind(True),
        }
    )


def ig(order: Order) -> str:
    ends = _clamped(order, order.shown(max(order.frames, 2)), order.size)
    bent = []
    for name, trajectory, track in zip(order.names, order.tracks.trajectories, ends, strict=True):
        even = np.linspace(track[0], track[-1], len(track))
        if not trajectory.is_pin and np.abs(track - even).max() > EVEN_PACE:
            bent.append(name)
    if bent:
        order.notes.append(f"IG takes straight arrows; the way and the timing between are lost: {some(bent)}.")
    lines = [",".join(f"{number:g}" for number in np.round(track[[0, -1]], DECIMALS).ravel()) for track in ends]
    return "\n".join(lines) + "\n"


def dragnuwa(order: Order) -> str:
    tracks = _clamped(order, order.shown(order.frames), order.size)
    return json.dumps(np.round(tracks, DECIMALS).tolist())


def motionctrl(order: Order) -> str:
    grid = np.array([MOTIONCTRL_GRID.width, MOTIONCTRL_GRID.height])
    track = order.shown(order.frames)[_only(order, "MotionCtrl")] / order.whole * grid
    return json.dumps(np.round(_clamped(order, track, MOTIONCTRL_GRID), DECIMALS).tolist())


def draganything(order: Order) -> str:
    demo = {}
    for number, (name, track) in enumerate(zip(order.names, order.shown(order.frames), strict=True), start=1):
        trajectory = np.round(track, DECIMALS).tolist()
        demo[str(number)] = {"comment": name, "mask_name": f"mask_{number}.jpg", "trajectory": trajectory}
    order.notes.append("DragAnything wants a mask for each track: put mask_1.jpg and so on beside it.")
    return json.dumps(demo)


def kling(order: Order) -> str:
    count = len(order.tracks.trajectories)
    if count > KLING_GROUPS:
        raise MotionError(f"Kling takes at most {KLING_GROUPS} tracks, and these are {count}. Leave some out.")
    tracks = order.shown(min(max(order.frames, 2), KLING_POINTS))
    tracks = np.stack([tracks[..., 0], order.size.height - tracks[..., 1]], axis=-1)
    masks = [{"mask": "", "trajectories": _dicts(track)} for track in tracks]
    order.notes.append("Kling wants a mask for each track: fill in “mask”. Its origin is at the bottom left.")
    return json.dumps({"static_mask": None, "dynamic_masks": masks})


def _only(order: Order, who: str) -> int:
    count = len(order.tracks.trajectories)
    if count != 1:
        raise MotionError(f"{who} takes one track, and these are {count}. Choose one.")
    return 0


def _dicts(points: np.ndarray, decimals: int = DECIMALS) -> list[dict[str, float]]:
    return [{"x": x, "y": y} for x, y in np.round(points, decimals).tolist()]


def _clamped(order: Order, points: np.ndarray, size: Size) -> np.ndarray:
    """Onto the pixels of a picture, for consumers that look pixels up."""
    inside = np.clip(points, 0, [size.width - 1, size.height - 1])
    moved = int((inside != points).any(axis=-1).sum())
    if moved:
        order.notes.append(f"{moved} points outside the picture are moved to its rim.")
    return inside


def _evenly_paced(points: np.ndarray) -> bool:
    """Whether points [T, 2], one a frame, are where an even pace along their way would be."""
    way, times = at_constant_speed(points)
    even = np.stack([np.interp(np.linspace(0, 1, len(points)), times, axis) for axis in way.T], axis=1)
    return bool(np.abs(points - even).max() <= EVEN_PACE)


def _say_uneven(order: Order, names: Sequence[str]) -> None:
    if names:
        order.notes.append(f"The format moves at an even pace; the timing on the way is lost: {some(names)}.")
