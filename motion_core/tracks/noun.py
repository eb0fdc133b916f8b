"""The noun Tracks: the trajectories of one clip, and what is known of the picture and the clip they were made for."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..errors import MotionError
from ..types import Size, Trajectory, frame_instants


@dataclass(frozen=True)
class Tracks:
    """Trajectories, 0…1 of the picture, together with where they came from.

    size: the picture whose pixels the source counted; None if it did not count pixels.
    frames, fps: of the clip the source was made for; None if it does not say.
    notes: in plain words which format was recognised, what was assumed and what was repaired.
    """

    trajectories: tuple[Trajectory, ...]
    size: Size | None = None
    frames: int | None = None
    fps: float | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.size is not None and min(self.size) < 1:
            raise MotionError(f"The picture of tracks has at least one pixel; got {self.size}.")
        if self.frames is not None and self.frames < 1:
            raise MotionError(f"Tracks last at least one frame; got {self.frames}.")
        if self.fps is not None and not (math.isfinite(self.fps) and self.fps > 0):
            raise MotionError(f"Tracks have more than zero frames a second; got {self.fps}.")

    def sampled(self, frames: int) -> tuple[np.ndarray, np.ndarray]:
        """Positions [F, N, 2], float64, 0…1 of the picture, and visibility [F, N], bool, at F frames of the clip."""
        instants = frame_instants(frames)
        positions = np.zeros((frames, len(self.trajectories), 2))
        seen = np.zeros((frames, len(self.trajectories)), dtype=bool)
        for index, trajectory in enumerate(self.trajectories):
            positions[:, index] = trajectory.at(instants)
            seen[:, index] = trajectory.seen_at(instants)
        return positions, seen

    @property
    def summary(self) -> str:
        """For a person: how many tracks, frames, frames a second, which picture; then the notes."""
        count = len(self.trajectories)
        facts = [f"{count} track" if count == 1 else f"{count} tracks"]
        facts += [f"{self.frames} frames"] if self.frames else []
        facts += [f"{self.fps:g} fps"] if self.fps else []
        facts += [f"picture {self.size}"] if self.size else []
        return "\n".join([", ".join(facts), *self.notes])
