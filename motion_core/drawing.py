"""A drawing, as a canvas keeps it in one JSON text: the trajectories (tracks/own_json.py) and the motion brush.

{"version": 1, "trajectories": […], "brush": {"size": [W, H], "runs": [[start, length], …]}}

An empty text is a drawing not yet begun; brush and trajectories may be left out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .brush_runs import brush_from_runs, runs_from_brush
from .controls.motion_brush import region_from_brush
from .errors import MotionError
from .tracks import Tracks
from .tracks.own_json import from_own_json, to_own_json
from .types import Size


@dataclass(frozen=True, eq=False)
class Drawing:
    """tracks: what goes where. brush: [H', W'], 1 where it painted, of any size; None if there is none."""

    tracks: Tracks
    brush: Tensor | None = None

    @classmethod
    def parse(cls, text: str) -> Drawing:
        """The drawing that a text holds. MotionError says what is wrong with one that holds none."""
        value = _object(text)
        brush = value.get("brush")
        tracks = from_own_json({"trajectories": [], **value})
        return cls(tracks, None if brush is None else brush_from_runs(brush))

    def on(self, size: Size) -> Drawing:
        """The same drawing, on a picture of that size."""
        return replace(self, tracks=replace(self.tracks, size=size))

    def region(self, size: Size) -> Tensor:
        """The region [H, W] that may move: where the brush painted, or everywhere if it did not."""
        return region_from_brush(torch.zeros(1, 1) if self.brush is None else self.brush, size)

    @property
    def text(self) -> str:
        """What parse reads."""
        brush = {} if self.brush is None else {"brush": runs_from_brush(self.brush)}
        return json.dumps(to_own_json(self.tracks) | brush, ensure_ascii=False)


def _object(text: str) -> dict:
    """The parsed text: an object that has to do with drawing."""
    if not text.strip():
        return {}
    try:
        value = json.loads(text)
    except RecursionError:
        raise MotionError("This drawing is nested too deeply to be one.") from None
    except ValueError as error:
        raise MotionError(f"This drawing is broken JSON ({error}). Undo the last change, or draw again.") from None
    if not isinstance(value, dict) or not {"trajectories", "brush"} & value.keys():
        raise MotionError(
            'A drawing is {"version": 1, "trajectories": […]}, as the canvas keeps it; this is something else. '
            "Coordinates of other nodes belong into Trajectories from Tracks."
        )
    return value
