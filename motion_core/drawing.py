"""A drawing, as a canvas keeps it in one JSON text: the trajectories (tracks/own_json.py) and the motion brush.

{"version": 1, "trajectories": […], "brush": {"size": [W, H], "move": […], "still": […], "softness": …}}

An empty text is a drawing not yet begun; brush and trajectories may be left out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .brush import Brush
from .controls.motion_brush import PAINTED
from .errors import MotionError
from .tracks import Tracks
from .tracks.own_json import VERSION, from_own_json
from .types import Size


@dataclass(frozen=True, eq=False)
class Drawing:
    """tracks: what goes where. brush: what may move at all; None if there is none.

    value: the object that was read, with all that only the editor understands.
    """

    tracks: Tracks
    brush: Brush | None
    value: dict

    def __post_init__(self) -> None:
        if self.brush is not None and not self.brush.may_move.any():
            raise MotionError(
                "The brush that holds still covers everything that may move, so nothing can. "
                "Erase some of it, or clear the motion brush."
            )

    @classmethod
    def parse(cls, text: str) -> Drawing:
        """The drawing that a text holds. MotionError says what is wrong with one that holds none."""
        value = {"version": VERSION, "trajectories": [], **_object(text)}
        brush = value.get("brush")
        return cls(from_own_json(value), None if brush is None else Brush.from_json(brush), value)

    def on(self, size: Size) -> Drawing:
        """The same drawing, on a picture of that size."""
        value = self.value | {"size": [size.width, size.height]}
        return replace(self, tracks=replace(self.tracks, size=size), value=value)

    def region(self, size: Size) -> Tensor:
        """How much each pixel [H, W] may move, 0…1: where the brush painted, or everything if there is none."""
        if self.brush is None:
            return torch.ones(size)
        region = self.brush.region(size)
        if region.max() < PAINTED:  # whoever is given it would take it for a brush that painted nothing
            raise MotionError(
                f"On a picture of {size} nothing is left of what the motion brush lets move: it is painted too thin, "
                "or too soft. Paint more, or make it less soft."
            )
        return region

    @property
    def text(self) -> str:
        """What parse reads, with all that the editor put into it."""
        return json.dumps(self.value, ensure_ascii=False)


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
