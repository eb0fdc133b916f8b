"""What a source says, before its units are settled; and how it becomes Tracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy.interpolate import PchipInterpolator

from ..errors import MotionError
from ..types import Curve, Easing, Size, Trajectory, eased
from .noun import Tracks

Unit = Literal["pixels", "picture", "grid", "unsaid"]

BAKED = 33  # points that stand for an eased or smooth motion where only straight lines can be kept
JUST_AFTER = 1e-6  # of the clip: when a thing is gone that was last seen before
LARGEST_SIDE = 1_000_000  # pixels; what calls itself a larger picture is not one
SHOWN = 5  # tracks named in a note


@dataclass(frozen=True)
class Line:
    """One track as its source has it.

    points: [P, 2] in the units of the source, not finite where the source has no position.
    times: [P] rising, 0…1 of the clip; None is evenly spread. seen: [P] bool; None is always seen.
    """

    points: np.ndarray
    times: np.ndarray | None = None
    seen: np.ndarray | None = None
    curve: Curve = "straight"
    easing: Easing = "linear"
    name: str = ""


@dataclass(frozen=True)
class Found:
    """All that a source says.

    unit: pixels of the picture, 0…1 of the picture, pixels of a grid of the format's own, or unsaid.
    size: the picture, if the source names it. grid: for the unit "grid". y_up: the origin is at the bottom left.
    """

    format: str
    lines: Sequence[Line]
    unit: Unit
    size: Size | None = None
    grid: Size | None = None
    y_up: bool = False
    frames: int | None = None
    fps: float | None = None
    notes: list[str] = field(default_factory=list)


def settled(found: Found, *, size: Size | None, normalised: bool | None) -> Tracks:
    """Tracks in 0…1 of the picture. What the caller says of the units wins over the format and over any guess."""
    notes = [f"Read as {found.format}.", *found.notes]
    scale = _scale(found, size, normalised, notes)
    if found.size and size and found.size != size:
        notes.append(f"The tracks were made for a picture of {found.size}; they are fitted to {size}.")
    trajectories, absent, never_seen = [], 0, []
    for number, line in enumerate(found.lines, start=1):
        seen: np.ndarray = np.all(np.isfinite(line.points), axis=1)
        if line.seen is not None:
            seen = np.logical_and(seen, line.seen)
        if not seen.any():
            never_seen.append(line.name or f"track {number}")
            continue
        points: np.ndarray = line.points / scale
        if not seen.all():
            absent += int((~seen).sum())
            points = points[_nearest_seen(seen)]
        if found.y_up:
            points = np.stack([points[:, 0], 1 - points[:, 1]], axis=1)
        trajectories.append(
            Trajectory(
                points=tuple(map(tuple, points.tolist())),
                times=() if line.times is None else tuple(line.times.tolist()),
                visible=() if seen.all() else tuple(seen.tolist()),
                curve=line.curve,
                easing=line.easing,
                name=line.name,
            )
        )
    if not trajectories:
        raise MotionError(
            f"There is no track in this: it was read as {found.format}, and nothing in it is ever visible."
        )
    if absent:
        notes.append(f"Hidden points hold the nearest position that was seen: {absent} do.")
    if never_seen:
        notes.append(f"Never visible, so left out: {some(never_seen)}.")
    return Tracks(tuple(trajectories), found.size or size, found.frames, found.fps, tuple(notes))


def _scale(found: Found, size: Size | None, normalised: bool | None, notes: list[str]) -> np.ndarray:
    """What points are divided by, [2]."""
    unit = found.unit
    if normalised is not None:
        unit = "picture" if normalised else "pixels"
    elif unit == "unsaid":
        unit = "picture" if _looks_normalised(found.lines) else "pixels"
        told = "0…1 of the picture" if unit == "picture" else "pixels"
        notes.append(f"The format does not say its units; the numbers look like {told}.")
    if unit == "picture":
        return np.ones(2)
    whole = found.grid if unit == "grid" else found.size or size
    if whole is None:
        raise MotionError(
            f"These tracks ({found.format}) are in pixels and do not say of which picture. "
            "Pass the size of the picture they were made for."
        )
    notes.append(f"Positions are pixels of {whole}.")
    return np.array([whole.width, whole.height], dtype=np.float64)


def _looks_normalised(lines: Sequence[Line]) -> bool:
    """All numbers in 0…1 and not all the same; or fractions that leave the picture by less than its size."""
    points = np.concatenate([line.points for line in lines]) if lines else np.zeros((0, 2))
    numbers = points[np.isfinite(points)]
    if numbers.size == 0 or numbers.min() == numbers.max():
        return False
    if numbers.min() >= 0 and numbers.max() <= 1:
        return True
    return bool(numbers.min() >= -1 and numbers.max() <= 2 and (numbers != np.round(numbers)).any())


def _nearest_seen(seen: np.ndarray) -> np.ndarray:
    """For each of P points the number of the nearest one that is seen, the earlier of two equally near."""
    where, here = np.flatnonzero(seen), np.arange(len(seen))
    following = np.searchsorted(where, here)
    before = where[np.maximum(following - 1, 0)]
    after = where[np.minimum(following, len(where) - 1)]
    return np.where(np.abs(here - before) <= np.abs(after - here), before, after)


def within(
    points: np.ndarray,
    *,
    start: float,
    end: float,
    times: np.ndarray | None = None,
    curve: Curve = "straight",
    easing: Easing = "linear",
    only_there: bool = False,
    name: str = "",
) -> Line:
    """A line that takes place between two instants of the clip, 0 ≤ start < end ≤ 1.

    times: [P], 0…1 of that stretch; None is evenly spread. only_there: before and after, the point is not visible.
    """
    inner = np.linspace(0.0, 1.0, len(points)) if times is None else times
    if not only_there or len(points) == 0 or (start <= 0 and end >= 1):
        return Line(points, start + inner * (end - start), curve=curve, easing=easing, name=name)
    if len(points) > 1 and (curve != "straight" or easing != "linear"):
        even = np.linspace(0.0, 1.0, BAKED)
        passed = eased(even, easing)
        straight = np.stack([np.interp(passed, inner, axis) for axis in points.T], axis=1)
        smooth = curve == "smooth" and np.isfinite(points).all()
        points, inner = (PchipInterpolator(inner, points, axis=0)(passed) if smooth else straight), even
    rows, instants, seen = [points], [start + inner * (end - start)], [np.ones(len(points), dtype=bool)]
    if start > 0:
        rows, instants, seen = [points[:1], *rows], [np.zeros(1), *instants], [np.zeros(1, dtype=bool), *seen]
    if end + JUST_AFTER <= 1:
        rows, instants = [*rows, points[-1:]], [*instants, np.array([end + JUST_AFTER])]
        seen = [*seen, np.zeros(1, dtype=bool)]
    return Line(np.concatenate(rows), np.concatenate(instants), np.concatenate(seen), name=name)


def at_constant_speed(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The points without absences and repetitions [P, 2], and the times [P], 0…1, at which an even pace meets them."""
    points = points[np.isfinite(points).all(axis=1)]
    points = points[np.append(True, (np.diff(points, axis=0) != 0).any(axis=1))] if len(points) else points
    passed = np.append(0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T)))
    times = passed[: len(points)] / (passed[-1] or 1.0)
    rises = np.append(True, np.diff(times) > 0)[: len(points)]  # steps too small for their sum are not steps
    return points[rises], times[rises]


def numbers(values: object, what: str) -> np.ndarray:
    """The values as float64. None and a number that is not finite stay what they are; MotionError if not numbers."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise MotionError(f"Wanted numbers for {what}, an equal count each; got something else.") from None


def positive(value: object) -> float | None:
    """The value, if it is a finite number above zero. For what a source says by the way."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < float(LARGEST_SIDE):
        return float(value)
    return None


def whole(value: object) -> int | None:
    """The value as a count of at least one."""
    number = positive(value)
    return round(number) or None if number is not None else None


def size_of(width: object, height: object) -> Size | None:
    """A Size, if both are counts of pixels."""
    columns, rows = whole(width), whole(height)
    return Size(height=rows, width=columns) if rows and columns else None


def some(names: Sequence[str]) -> str:
    """A few names in a row, and how many more."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
