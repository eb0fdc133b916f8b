"""The path that was asked for against the path that was travelled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import ShapeError
from ..types import MOVING, MotionField, Size, Trajectory, frame_instants
from .not_measured import NotMeasured, check_later_frames


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
        return float(np.linalg.norm(np.diff(self.asked, axis=0), axis=1).sum()) < MOVING

    @property
    def frames(self) -> int:
        """How many frames after the first are known."""
        return int(self.known[1:].sum())

    @property
    def error(self) -> float:
        """Trajectory error: the mean distance of the two paths in the same frame, over the known frames 1 … F-1, px."""
        return float(np.linalg.norm(self.travelled - self.asked, axis=1)[1:][self.known[1:]].mean())

    @property
    def asked_way(self) -> float:
        """The length of the path that was asked for, through its known frames, px."""
        return float(np.linalg.norm(self._steps(self.asked), axis=1).sum())

    @property
    def went(self) -> float:
        """How much of that way it went, px: Σ Δtravelled · Δasked / ‖Δasked‖, each step along the direction asked then.

        Going astray adds nothing, going the other way counts below 0, a tremble cancels out.
        """
        asked, travelled = self._steps(self.asked), self._steps(self.travelled)
        lengths = np.linalg.norm(asked, axis=1)
        moves = lengths > 0
        return float(((asked * travelled).sum(axis=1)[moves] / lengths[moves]).sum())

    @property
    def share(self) -> float:
        """went / asked_way; 1 is all of the way."""
        if self.stays:
            raise NotMeasured("it was asked to stay, which is no way to go")
        if self.asked_way < MOVING:
            raise NotMeasured("it was not yet asked to move while it was seen")
        return self.went / self.asked_way

    @property
    def off_path(self) -> float:
        """The mean distance over the known frames 1 … F-1 to the nearest place of the asked path, early or late, px."""
        corners = self.asked[self.known]
        starts, sides = corners[:-1], np.diff(corners, axis=0)
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
        later = len(self.known) - 1
        lost = later - self.frames
        tail = f" It was not seen in {lost} of {later} later frames, which do not count." if lost else ""
        if self.stays:
            return f"was to stay, and was {self.error:.1f} px off its place on average.{tail}"
        if self.asked_way < MOVING:
            return f"was lost before it was to move.{tail}"
        asked = f"{round(self.went, 1) + 0.0:.1f} of {self.asked_way:.1f} px ({round(100 * self.share)} %)"
        return f"went {asked}, {self.off_path:.1f} px off its path.{tail}"

    def _steps(self, path: np.ndarray) -> np.ndarray:
        """From each known frame to the next known one, [N-1, 2]."""
        return np.diff(path[self.known], axis=0)


def travel(field: MotionField, trajectory: Trajectory, seen: Tensor | None = None) -> Travel:
    """Where the field takes a trajectory's first point, bilinearly, against where it should go, in the field's pixels.

    The trajectory is sampled at the field's frames. seen: [F, H, W] bool, False where a pixel of the reference is not
    seen in a frame. NotMeasured if the trajectory starts outside of the picture, or hidden.
    """
    check_later_frames(field.frames)
    start = trajectory.points[0]
    if not all(0.0 <= axis <= 1.0 for axis in start):
        raise NotMeasured(f"it starts outside the picture, at ({start[0]:.2f}, {start[1]:.2f})")
    instants = frame_instants(field.frames)
    known = trajectory.seen_at(instants)
    if seen is not None:
        if tuple(seen.shape) != (field.frames, *field.size):
            raise ShapeError(
                f"What is seen is [{field.frames}, {field.size.height}, {field.size.width}]; got {list(seen.shape)}."
            )
        column, row = (min(int(axis * side), side - 1) for axis, side in zip(start, field.size[::-1], strict=True))
        known = known & seen[:, row, column].cpu().numpy().astype(bool)
    pixels = np.array(field.size[::-1])
    points = torch.tensor([start], dtype=torch.float64)
    places = field.at(points)[:, 0].double().cpu().numpy()
    asked = trajectory.at(instants)
    return Travel(asked * pixels - 0.5, (asked[0] + places - places[0]) * pixels - 0.5, known, field.size)
