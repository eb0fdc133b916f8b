"""A report: what was measured of a clip, or why it was not; as JSON, as a table, as a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from ..metrics import NotMeasured, Travel
from ..types import Size
from .catalogue import FIELD, FRAMES, METRICS, SOURCES
from .plot import DrawnMotion, DrawnPath, motion_plot, path_plot, plain_plot
from .table import table_of

FORMAT, VERSION = "motion_report", 1
DECIMALS = 6  # of numbers in the JSON
BELIEVED = (FRAMES, FIELD)  # the first that has something to say


@dataclass(frozen=True)
class Measured:
    """A number, or None and the reason why there is none; and what it rests on."""

    value: float | bool | None
    reason: str = ""
    details: Mapping[str, float | int | str] | None = None

    def json(self) -> dict[str, Any]:
        told = {"value": _rounded(self.value)}
        if self.value is None:
            return told | {"reason": self.reason}
        return told | {key: _rounded(value) for key, value in (self.details or {}).items()}


@dataclass(frozen=True, eq=False)
class PathReport:
    """One trajectory. asked: [F, 2] px. travels: source → how it travelled, or the reason why that is not known."""

    name: str
    asked: np.ndarray
    travels: Mapping[str, Travel | str]

    @property
    def believed(self) -> str | None:
        """The source that is told first: the frames if they were measured, else the field, else none."""
        return next((source for source in BELIEVED if isinstance(self.travels.get(source), Travel)), None)

    @property
    def travel(self) -> Travel | None:
        """As the believed source tells it."""
        found = self.travels[self.believed] if self.believed is not None else None
        return found if isinstance(found, Travel) else None

    @property
    def verdict(self) -> str:
        """One sentence for a person."""
        if self.travel is not None:
            return f"“{self.name}” {self.travel.verdict}"
        reasons = dict.fromkeys(str(reason) for reason in self.travels.values())  # each once
        return f"“{self.name}” was not measured: {'; '.join(reasons)}."

    def json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"name": self.name, "verdict": self.verdict, "believed": self.believed}
        return told | {source: _travel_json(travel) for source, travel in self.travels.items()}


@dataclass(frozen=True, eq=False)
class Report:
    """What was measured of a clip of so many frames, at `size`, `fps` frames a second.

    sources: "field", "frames", "image_features" → what they were measured with, in words, or None.
    metrics: key of METRICS → source → number. motion: for the plot, if there is no trajectory.
    notes: what was assumed, resized and retimed.
    """

    size: Size
    frames: int
    fps: float
    sampling: str
    sources: Mapping[str, str | None]
    metrics: Mapping[str, Mapping[str, Measured]]
    paths: tuple[PathReport, ...] = ()
    motion: DrawnMotion | None = None
    notes: tuple[str, ...] = ()

    @property
    def verdicts(self) -> list[str]:
        """One sentence a trajectory."""
        return [path.verdict for path in self.paths]

    def json(self) -> dict[str, Any]:
        """For programs: plain values under keys that stay; what could not be measured is null with a reason."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "size": {"width": self.size.width, "height": self.size.height},
            "diagonal_px": round(self.size.diagonal, DECIMALS),
            "frames": self.frames,
            "fps": self.fps,
            "sampling": self.sampling,
            "sources": dict(self.sources),
            "metrics": {
                key: {"unit": METRICS[key].unit, "method": METRICS[key].method}
                | {source: measured.json() for source, measured in by_source.items()}
                for key, by_source in self.metrics.items()
            },
            "trajectories": [path.json() for path in self.paths],
            "notes": list(self.notes),
        }

    def table(self) -> str:
        """For people: aligned text with units, the verdicts, and why something was not measured."""
        return table_of(self.json())

    def plot(self, picture: Tensor) -> Tensor:
        """Asked paths, dashed, against travelled ones, solid, over the picture [3, H, W], 0…1, of any size.

        Returns [3, H', W']: the picture, enlarged if it is small, and a legend below. Travelled is what the frames
        show, or what the field says of a trajectory that was not measured in the frames. Without trajectories, arrows
        show how far everything has gone; without any motion, it is the picture alone.
        """
        if self.paths:
            drawn = [DrawnPath(path.name, path.asked, path.travel) for path in self.paths]
            believed = {path.believed for path in self.paths}
            where = " or ".join(SOURCES[source] for source in BELIEVED if source in believed)
            return path_plot(picture, drawn, size=self.size, travelled=where)
        if self.motion is not None:
            return motion_plot(picture, self.motion, size=self.size)
        return plain_plot(picture, size=self.size)


def _travel_json(travel: Travel | str) -> dict[str, Any]:
    keys = (
        *("frames", "of_frames", "lost_after", "asked_px", "went_px", "farthest_px", "share", "end_error_px"),
        *("error_px", "error_of_diagonal", "off_path_px", "direction_error"),
    )
    if isinstance(travel, str):
        return dict.fromkeys(keys) | {"reason": travel, "verdict": None}
    moves, reasons = not travel.stays, {}

    def known(measure: Callable[[], float]) -> float | None:
        try:
            return measure()
        except NotMeasured as why:
            reasons[str(why)] = True
            return None

    values = (
        travel.frames,
        travel.later,
        travel.lost_after,
        travel.asked_way,
        travel.went if moves else None,
        travel.farthest if moves else None,
        known(lambda: travel.share),
        known(lambda: travel.end_error),
        travel.error,
        travel.error / travel.size.diagonal,
        travel.off_path,
        known(lambda: travel.direction_error),
    )
    told = {key: _rounded(value) for key, value in zip(keys, values, strict=True)}
    return told | {"reason": "; ".join(reasons), "verdict": travel.verdict}


def _rounded(value: Any) -> Any:  # noqa: ANN401  numbers are rounded, the rest stays
    return round(value, DECIMALS) if isinstance(value, float) else value
