"""Tracks in parsed JSON: what editors keep, and what nodes hand on. A format is told by its keys, in a fixed order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..errors import MotionError
from ..types import Curve, Easing, Size
from .found import Found, Line, at_constant_speed, numbers, positive, size_of, some, whole, within

SAMPLED = 9  # points from which equally long tracks were sampled frame by frame, not set by hand
MOTIONCTRL_GRID = Size(height=1024, width=1024)
MOTIONCTRL_TEXT_GRID = Size(height=256, width=256)
COTRACKER_ABSENT = (-100, -100)
SPEEDS_TELL = 3.0  # WanGP: fastest over slowest; nearer to our eased motion than to an even one from here

FL_EASINGS: dict[object, Easing] = {"ease-in": "in", "ease-out": "out", "ease-in-out": "in_out"}
SIRAXE_EASINGS: dict[object, Easing] = {"in": "in", "out": "out", "in_out": "in_out"}
WANGP_EASINGS: dict[object, Easing] = {"accelerate": "in", "decelerate": "out", "accelerate-decelerate": "in_out"}


def from_object(value: dict) -> Found:
    """What a JSON object says; MotionError if it is none of the known ones."""
    for keys, read in OBJECTS:
        if keys & set(value):
            return read(value)
    if value and all(isinstance(key, str) and key.isdecimal() for key in value):
        return _draganything(value)
    told = some([str(key)[:40] for key in value]) or "nothing"
    raise MotionError(f"Wanted tracks; this JSON object holds {told}, which no known format does.")


def from_list(value: list) -> Found:
    """What a JSON list says; the first entry that is not empty tells what it is."""
    first = next((entry for entry in value if entry or isinstance(entry, (int, float))), None)
    if isinstance(first, dict) and "points" in first:
        return _kj_points_store(value)
    if isinstance(first, dict) and "trajectories" in first:
        return _kling({"dynamic_masks": value})
    if isinstance(first, dict):
        return coordinates([value])
    if isinstance(first, list):
        inner = next((entry for entry in first if entry or isinstance(entry, (int, float))), None)
        if isinstance(inner, dict):
            return coordinates(value)
        if isinstance(inner, list):
            return Found("DragNUWA points", _straight(value), "unsaid")
        if len(first) == 4:
            return arrows(numbers(value, "arrows"))
        return Found("MotionCtrl points on a grid of 1024", _straight([value]), "grid", grid=MOTIONCTRL_GRID)
    raise MotionError("There is no track in this list: wanted lists of points {x, y} or [x, y].")


def coordinates(tracks: list) -> Found:
    """Lists of {x, y}, one a track: the coordinate STRING of KJ, core and LTX, and CoTracker's."""
    named = [(_points(track, f"track {number}"), number) for number, track in enumerate(tracks, start=1)]
    points = [np.where((track == COTRACKER_ABSENT).all(axis=1, keepdims=True), np.nan, track) for track, _ in named]
    lengths = {len(track) for track in points if len(track)}
    sampled = len(lengths) == 1 and min(lengths) >= SAMPLED
    curve: Curve = "straight" if sampled else "smooth"
    notes = []
    moving = lengths - {1}
    if len(moving) > 1:
        notes.append(f"The tracks have {min(moving)} to {max(moving)} points; each is taken to last the whole clip.")
    return Found(
        f"coordinates, {'sampled frame by frame' if sampled else 'a few points a track'}",
        [Line(track, curve=curve) for track in points],
        "unsaid",
        frames=min(lengths) if sampled else None,
        notes=notes,
    )


def arrows(table: np.ndarray) -> Found:
    """IG-Motion-I2V's motion vectors, [N, 4]: from x, y to x, y."""
    if table.ndim != 2 or table.shape[1] != 4:
        raise MotionError("Motion vectors have 4 numbers a line: from x, y to x, y.")
    return Found("IG motion vectors", [Line(arrow.reshape(2, 2)) for arrow in table], "unsaid")


def point_lines(table: np.ndarray) -> Found:
    """MotionCtrl's text file, [P, 2]: one point a line, on a grid of 256."""
    return Found("MotionCtrl lines on a grid of 256", [Line(table)], "grid", grid=MOTIONCTRL_TEXT_GRID)


def _kj_points_store(value: list) -> Found:
    splines = [_object(entry, f"spline {number}") for number, entry in enumerate(value, start=1)]
    bent = any("h1x" in point for spline in splines for point in _list(spline.get("points")) if isinstance(point, dict))
    return Found(
        "KJ points_store",
        [Line(_points(s.get("points"), "a spline"), curve="smooth", name=_name(s)) for s in splines],
        "pixels",
        notes=["Its Bézier handles are left out; the curve passes smoothly through its points."] if bent else [],
    )


def _siraxe(value: dict) -> Found:
    """Moving splines, boxes and static points; easing by word. Its pauses count frames of a clip it does not tell."""
    lines, easings = [], value.get("easing_functions")
    for key, kind in (("coordinates", "c"), ("box_coordinates", "b")):
        for index, path in enumerate(_nested(value.get(key))):
            easing = SIRAXE_EASINGS.get(_word(_of_kind(easings, kind, index)), "linear")
            name = _of_kind(value.get("names"), kind, index)
            curve: Curve = "straight" if len(path) >= SAMPLED else "smooth"
            name = name if isinstance(name, str) else ""
            lines.append(Line(_points(path, "a spline"), curve=curve, easing=easing, name=name))
    for layer in _nested(value.get("p_coordinates")):
        lines += [Line(point[None]) for point in _points(layer, "the static points")]
    paused = any(np.any(_counts(value.get(key))) for key in ("start_p_frames", "end_p_frames", "offsets"))
    return Found(
        "siraxe coord_out",
        lines,
        "pixels",
        size=size_of(value.get("coord_width"), value.get("coord_height")),
        notes=["Its pauses and offsets are left out: they count frames of a clip it does not tell."] if paused else [],
    )


def _fl(value: dict) -> Found:
    lines, notes = [], []
    for number, entry in enumerate(_list(value["paths"]), start=1):
        path = _object(entry, f"path {number}")
        start, end = _stretch(path.get("startTime", 0), path.get("endTime", 1), last=1.0)
        points, times = at_constant_speed(_points(path.get("points"), f"path {number}"))
        easing = FL_EASINGS.get(_word(path.get("interpolation")), "linear")
        if easing == "in_out":
            notes = ["Its ease-in-out is a little steeper in the middle than ours."]
        only_there = path.get("visibilityMode", "pop") == "pop"
        lines.append(
            within(points, start=start, end=end, times=times, easing=easing, only_there=only_there, name=_name(path))
        )
    canvas = value.get("canvas_size")
    size = size_of(canvas.get("width"), canvas.get("height")) if isinstance(canvas, dict) else None
    return Found("FL Path Animator paths", lines, "pixels", size=size, notes=notes)


def _starsfriday(value: dict) -> Found:
    lines = []
    for number, entry in enumerate(_list(value["strokes"]), start=1):
        points, times = at_constant_speed(_points(_object(entry, f"stroke {number}").get("points"), f"stroke {number}"))
        lines.append(Line(points, times))
    picture = value.get("reference_size")
    size = size_of(picture.get("width"), picture.get("height")) if isinstance(picture, dict) else None
    return Found("starsFriday strokes", lines, "picture", size=size)


def _ltx_director(value: dict) -> Found:
    duration = whole(value.get("duration_frames"))
    lines, notes, size, used = [], [], None, 0
    for number, entry in enumerate(_list(value["segments"]), start=1):
        segment = _object(entry, f"segment {number}")
        tracks = segment.get("tracks")
        if not isinstance(tracks, list) or not tracks:
            continue
        used += 1
        start, end = 0.0, 1.0
        if duration and duration > 1:
            first, length = segment.get("start", 0), whole(segment.get("length")) or duration
            last = (positive(first) or 0.0) + length - 1
            start, end = _stretch(first, last, last=float(duration - 1))
        for track in tracks:
            lines.append(within(_points(track, "a track"), start=start, end=end, curve="smooth"))
        picture = segment.get("imageSize")
        size = size or (size_of(picture.get("width"), picture.get("height")) if isinstance(picture, dict) else None)
    if used > 1:
        notes.append(f"Its {used} segments may each have a picture of their own; the tracks of all were read.")
    fps = positive(value.get("frame_rate"))
    return Found("LTX Director timeline", lines, "picture", size=size, frames=duration, fps=fps, notes=notes)


def _wangp_layers(value: dict) -> Found:
    """An even pace along the path, by the length of the way; faster and slower by speedMode."""
    scene, picture = value.get("scene"), value.get("resolution")
    scene = scene if isinstance(scene, dict) else {}
    frames = whole(scene.get("totalFrames"))
    lines, notes = [], []
    for number, entry in enumerate(_list(value["layers"]), start=1):
        layer = _object(entry, f"layer {number}")
        points, times = at_constant_speed(_points(layer.get("path") or [], f"layer {number}"))
        start, end = _stretch(layer.get("startFrame", 0), layer.get("endFrame", frames), last=float(frames or 1))
        easing: Easing = "linear"
        ratio, mode = positive(layer.get("speedRatio")) or 1.0, _word(layer.get("speedMode", "none"))
        if ratio > 1 and mode != "none":
            easing = WANGP_EASINGS.get(mode, "linear") if ratio >= SPEEDS_TELL else "linear"
            notes = ["Its speed profiles are replaced by the nearest of linear, in, out and in_out."]
        lines.append(
            within(
                points,
                start=start,
                end=end,
                times=times,
                curve="smooth" if positive(layer.get("tension")) else "straight",
                easing=easing,
                only_there=layer.get("shapeType") == "trajectory" or bool(layer.get("hideOutsideRange")),
                name=_name(layer),
            )
        )
    size = size_of(picture.get("width"), picture.get("height")) if isinstance(picture, dict) else None
    fps = positive(scene.get("fps"))
    return Found("WanGP Motion Designer layers", lines, "pixels", size=size, frames=frames, fps=fps, notes=notes)


def _kling(value: dict) -> Found:
    masks = _list(value["dynamic_masks"])
    lines = [
        Line(_points(_object(mask, f"mask {number}").get("trajectories"), f"mask {number}"))
        for number, mask in enumerate(masks, start=1)
    ]
    return Found("Kling dynamic masks, origin at the bottom left", lines, "pixels", y_up=True)


def _draganything(value: dict) -> Found:
    lines = []
    for key, entry in value.items():
        thing = _object(entry, f"entry {key}")
        comment = thing.get("comment")
        name = comment if isinstance(comment, str) else ""
        lines.append(Line(_points(thing.get("trajectory"), f"entry {key}"), name=name))
    return Found("DragAnything's demo.json", lines, "pixels")


OBJECTS: Sequence[tuple[set[str], Callable[[dict], Found]]] = (
    ({"coordinates", "p_coordinates"}, _siraxe),
    ({"paths"}, _fl),
    ({"strokes"}, _starsfriday),
    ({"segments"}, _ltx_director),
    ({"layers"}, _wangp_layers),
    ({"dynamic_masks"}, _kling),
)


def _points(value: object, who: str) -> np.ndarray:
    """[P, 2] of a list of {x, y} or [x, y]; None and NaN are absences."""
    entries = _list(value, f"The points of {who}")
    try:
        pairs = [(entry["x"], entry["y"]) if isinstance(entry, dict) else entry for entry in entries]
    except KeyError:
        raise MotionError(f"A point of {who} lacks its x or its y.") from None
    if not pairs:
        return np.zeros((0, 2))
    points = numbers(pairs, f"the points of {who}")
    if points.ndim != 2 or points.shape[1] != 2:
        raise MotionError(f"The points of {who} are {{x, y}} or [x, y]; got something else.")
    return points


def _straight(tracks: list) -> list[Line]:
    return [Line(_points(track, f"track {number}")) for number, track in enumerate(tracks, start=1)]


def _list(value: object, who: str = "This part of the JSON") -> list:
    if not isinstance(value, list):
        raise MotionError(f"{who} should be a list; it is not.")
    return value


def _object(value: object, who: str) -> dict:
    if not isinstance(value, dict):
        raise MotionError(f"Wanted {who} to be an object with keys; it is not.")
    return value


def _name(entry: dict) -> str:
    name = entry.get("name", "")
    return name if isinstance(name, str) else ""


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


def _nested(value: object) -> list[list]:
    """The tracks of a part that may be missing, or one flat track."""
    if not isinstance(value, list) or not value:
        return []
    return [value] if isinstance(value[0], dict) else [_list(track) for track in value]


def _of_kind(value: object, kind: str, index: int) -> object:
    """siraxe: the entry for one spline of {"p": […], "c": […], "b": […]}, of a list, or of one value for all."""
    entry = value.get(kind) if isinstance(value, dict) else value
    if isinstance(entry, list):
        return entry[index] if index < len(entry) else None
    return entry


def _counts(value: object) -> list[float]:
    """siraxe: the numbers of a value that may be one, a list, or lists by kind."""
    entries = list(value.values()) if isinstance(value, dict) else [value]
    flat = [one for entry in entries for one in (entry if isinstance(entry, list) else [entry])]
    return [positive(one) or 0.0 for one in flat]


def _stretch(first: object, final: object, *, last: float) -> tuple[float, float]:
    """Two instants as shares of the last one, 0 ≤ start < end ≤ 1; the whole clip if they make no sense."""
    start, end = (positive(first) or 0.0) / last, (positive(final) or 0.0) / last
    start, end = min(start, 1.0), min(end, 1.0)
    return (start, end) if start < end else (0.0, 1.0)
