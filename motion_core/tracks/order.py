"""What is to be written, and the positions a writer makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..errors import MotionError
from ..types import Size
from .found import some
from .noun import Tracks

ATI_POINTS = 121  # samples of ATI, which become 81 frames; LTX takes as many


@dataclass(frozen=True)
class Order:
    """What is wanted; the writers add to the notes."""

    tracks: Tracks
    size: Size
    frames: int
    fps: float
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if min(self.size) < 1 or self.frames < 1 or not 0 < self.fps < float("inf"):
            raise MotionError(
                "Tracks are written for a picture of at least one pixel, at least one frame and more than zero frames "
                f"a second; got {self.size}, {self.frames} frames and {self.fps} fps."
            )

    @property
    def names(self) -> list[str]:
        return [t.name or f"track {number}" for number, t in enumerate(self.tracks.trajectories, start=1)]

    @property
    def whole(self) -> np.ndarray:
        return np.array([self.size.width, self.size.height], dtype=np.float64)

    def sampled(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Positions [T, N, 2] in pixels and visibility [T, N] at T instants of the clip."""
        if self.tracks.frames and self.tracks.frames != count:
            self.notes.append(f"Resampled by time from {self.tracks.frames} to {count} points a track.")
        positions, seen = self.tracks.sampled(count)
        return positions * self.whole, seen

    def shown(self, count: int) -> np.ndarray:
        """Positions [N, T, 2] in pixels, for a format that has no visibility."""
        positions, seen = self.sampled(count)
        if not seen.all():
            self.notes.append(
                f"The format has no visibility: {int((~seen).sum())} hidden points are written like the others."
            )
        return positions.swapaxes(0, 1)

    def control_points(self) -> list[np.ndarray]:
        """The drawn points [P, 2] in pixels where they are evenly timed; else so many by time that the timing stays."""
        drawn, resampled = [], []
        for name, trajectory in zip(self.names, self.tracks.trajectories, strict=True):
            even = np.linspace(0.0, 1.0, len(trajectory.times))
            if trajectory.is_pin:
                drawn.append(np.array(trajectory.points[:1]))
            elif trajectory.easing == "linear" and np.allclose(trajectory.times, even):
                drawn.append(np.array(trajectory.points))
            else:
                drawn.append(trajectory.sampled(max(self.frames, 2)))
                resampled.append(name)
        if resampled:
            self.notes.append(f"The format has no timing, so it is put in more points: {some(resampled)}.")
        if not all(all(trajectory.visible) for trajectory in self.tracks.trajectories):
            self.notes.append("The format has no visibility: hidden points are written like the others.")
        return [points * self.whole for points in drawn]
