"""The path that was asked for against the path that was travelled."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import ShapeError
from ..types import MOVING, MotionField, Size, Trajectory, frame_instants
from .not_measured import NotMeasured, check_later_frames
from .seen import check_seen

NEEDED = 0.5  # share of the later frames in which a point is known, for a share of its way to be told
REACH = 2  # pixels around a point's start that are asked with it where a motion was measured; one alone may be wrong
DETOUR = 2.0  # an unseen piece of a path is at most so many times as long as what was gone between its ends
CLEARLY = 0.1  # of the way asked, and at least 1 px: so far it went back, if that is told


@dataclass(frozen=True, eq=False)
class Travel:
    """One point's way through a clip. All of it in pixels of a picture of `size`.

    asked, travelled: [F, 2] (x, y), where the point should be and where it was in each frame; frame 0 is the start.
    known: [F] bool, False in frames that ask for nothing, or where the point was not seen.
    """

    asked: np.ndarray
    travelled: np.ndarray
    known: np.ndarray
    size: Size

    def __post_init__(self) -> None:
        frames = len(self.asked)
        for path in (self.asked, self.travelled):
            if path.shape != (frames, 2):
                raise ShapeError(f"Both paths of a travel are [F, 2]; got {self.asked.shape}, {self.travelled.shape}.")
        if self.known.shape != (frames,):
            raise ShapeError(f"One flag a frame says what is known; got {self.known.shape} for {frames} frames.")
        check_later_frames(frames)
        if not self.known[0]:
            raise NotMeasured("the point is hidden in the first frame")
        if not self.known[1:].any():
            raise NotMeasured("the point is seen in no frame after the first")

    @property
    def stays(self) -> bool:
        """Whether it was asked to stay, in all of the clip: a way of less than half a pixel is none."""
        return self.asked_way < MOVING

    @property
    def later(self) -> int:
        """How many frames there are after the first."""
        return len(self.known) - 1

    @property
    def frames(self) -> int:
        """How many of them are known."""
        return int(self.known[1:].sum())

    @property
    def lost_after(self) -> int | None:
        """The last frame that is known, if it is not the last of all: the point was not followed to the end."""
        last = int(np.flatnonzero(self.known)[-1])
        return None if last == self.later else last

    @property
    def error(self) -> float:
        """Trajectory error: the mean distance of the two paths in the same frame, over the known frames 1 … F-1, px."""
        return float(np.linalg.norm(self.travelled - self.asked, axis=1)[1:][self.known[1:]].mean())

    @property
    def end_error(self) -> float:
        """The distance of the two paths in the last frame, px: did it arrive?"""
        if self.lost_after is not None:
            raise NotMeasured(self._lost)
        return float(np.linalg.norm(self.travelled[-1] - self.asked[-1]))

    @property
    def asked_way(self) -> float:
        """The length of the whole path that was asked for, px."""
        return float(self._along[-1])

    @property
    def went(self) -> float:
        """How much of that way it went, px: Σ Δtravelled · Δasked / ‖Δasked‖, each step along the direction asked then.

        Going astray adds nothing, going the other way counts below 0, a tremble cancels out. Where the point was not
        seen, the step is that between the known frames around, and what it goes counts for the path asked meanwhile.
        """
        return float(self._advances.sum())

    @property
    def farthest(self) -> float:
        """The most that it had gone of the way in any known frame, px."""
        return max(0.0, float(self._advances.cumsum().max()))

    @property
    def share(self) -> float:
        """went / asked_way; 1 is all of the way. Of what was lost on its way, or hardly seen, it is not known."""
        if self.stays:
            raise NotMeasured("it was asked to stay, which is no way to go")
        if self.lost_after is not None:
            raise NotMeasured(self._lost)
        if self.frames < NEEDED * self.later:
            raise NotMeasured(f"it was seen in {self._seen}, which are too few")
        return self.went / self.asked_way

    @property
    def off_path(self) -> float:
        """The mean distance over the known frames 1 … F-1 to the nearest place of the asked path, early or late, px."""
        starts, sides = self.asked[:-1], np.diff(self.asked, axis=0)
        at = self.travelled[1:][self.known[1:], None] - starts
        lengths = np.maximum((sides**2).sum(axis=1), np.finfo(float).tiny)
        along = np.clip((at * sides).sum(axis=2) / lengths, 0.0, 1.0)
        return float(np.linalg.norm(at - along[..., None] * sides, axis=2).min(axis=1).mean())

    @property
    def direction_error(self) -> float:
        """The mean angle between the displacements asked for and travelled, in degrees, 0…180.

        Over the known frames in which both are at least half a pixel away from the start.
        """
        if self.stays:
            raise NotMeasured("it was asked to stay, which has no direction")
        asked, travelled = ((path - path[0])[self.known] for path in (self.asked, self.travelled))
        gone = np.linalg.norm(travelled, axis=1) >= MOVING
        if not gone.any():
            raise NotMeasured("it did not move, so it has no direction")
        both = gone & (np.linalg.norm(asked, axis=1) >= MOVING)
        if not both.any():
            raise NotMeasured("in no frame both paths are away from the start")
        (ax, ay), (tx, ty) = asked[both].T, travelled[both].T
        return float(np.degrees(np.abs(np.arctan2(ax * ty - ay * tx, ax * tx + ay * ty))).mean())

    @property
    def verdict(self) -> str:
        """For a person: what became of it. It follows the name."""
        lost = self.lost_after
        if lost is not None:
            tail = f"; lost after frame {lost} of {self.later}."
        else:
            tail = "." if self.frames == self.later else f"; seen in {self._seen}."
        if self.stays:
            return f"was to stay, and was {self.error:.1f} px off its place on average{tail}"
        if lost is not None and self._along[lost] < MOVING:
            return f"was to go {self.asked_way:.1f} px{tail[:-1]}, before it was to move."
        told = f"went {_plain(self.went)} of the {self.asked_way:.1f} px asked"
        with suppress(NotMeasured):  # the tail says why
            told += f" ({round(100 * self.share)} %)"
        if self.farthest - max(self.went, 0.0) > max(1.0, CLEARLY * self.asked_way):
            told += f" after it had reached {self.farthest:.1f}"
        ends = f", ends {self.end_error:.1f} px from where it should" if lost is None else ""
        return f"{told}{ends}, on average {self.off_path:.1f} px off its path{tail}"

    @property
    def _lost(self) -> str:
        return f"it was lost after frame {self.lost_after} of {self.later}"

    @property
    def _seen(self) -> str:
        return f"{self.frames} of {self.later} later frames"

    @property
    def _along(self) -> np.ndarray:
        """How far along the asked path each frame is, [F] px."""
        return np.append(0.0, np.linalg.norm(np.diff(self.asked, axis=0), axis=1).cumsum())

    @property
    def _advances(self) -> np.ndarray:
        """How much of the way is gone from each known frame to the next known one, [N-1] px."""
        asked, travelled = (np.diff(path[self.known], axis=0) for path in (self.asked, self.travelled))
        straight = np.maximum(np.linalg.norm(asked, axis=1), 1e-9)  # px; no step asked is none gone
        detour = np.diff(self._along[self.known]) / straight
        return (asked / straight[:, None] * travelled).sum(axis=1) * np.minimum(detour, DETOUR)


def travel(field: MotionField, trajectory: Trajectory, seen: Tensor | None = None) -> Travel:
    """Where a motion takes a trajectory's first point, against where it should go, in the field's pixels.

    The trajectory is sampled at the field's frames, up to the last one in which it asks for something.
    seen: [F, H, W] bool of a motion that was measured, False where a pixel of the reference is not seen in a frame. The
    point then goes as the median of the seen pixels up to 2 px around its start, and is known where most of these are
    seen: one wrong pixel decides nothing. Without it the field is exact everywhere, and is read bilinearly.
    NotMeasured if the trajectory starts outside of the picture, or hidden.
    """
    check_later_frames(field.frames)
    start = trajectory.points[0]
    if not all(0.0 <= axis <= 1.0 for axis in start):
        raise NotMeasured(f"it starts outside the picture, at ({start[0]:.2f}, {start[1]:.2f})")
    instants = frame_instants(field.frames)
    known = trajectory.seen_at(instants)
    pixels = np.array(field.size[::-1])
    if seen is None:
        points = torch.tensor([start], dtype=torch.float64)
        places = field.at(points)[:, 0].double().cpu().numpy()
        moved = (places - places[0]) * pixels
    else:
        moved, there = _moved_around(field, start, seen)
        known = known & there
    asked = trajectory.at(instants) * pixels - 0.5
    end = 1 + np.flatnonzero(trajectory.seen_at(instants)).max(initial=1)
    return Travel(asked[:end], (asked[0] + moved)[:end], known[:end], field.size)


def _moved_around(field: MotionField, start: tuple[float, float], seen: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The median displacement [F, 2] of the seen pixels around a point, px, and whether most of them are seen, [F]."""
    check_seen(seen, field)
    at = (min(int(axis * side), side - 1) for axis, side in zip(start, field.size[::-1], strict=True))
    columns, rows = (slice(max(place - REACH, 0), place + REACH + 1) for place in at)
    around = seen[:, rows, columns].flatten(1).cpu().numpy().astype(bool)
    moved = field.displacement[:, :, rows, columns].detach().flatten(2).double().cpu().numpy()
    known = around.mean(axis=1) > 0.5
    places = np.zeros((field.frames, 2))
    for frame in np.flatnonzero(known):
        places[frame] = np.median(moved[frame][:, around[frame]], axis=1)
    return places, known


def _plain(pixels: float) -> str:
    return f"{round(pixels, 1) + 0.0:.1f}"  # a trace of going back is no -0.0
