"""Pan, zoom and rotate as a motion field that adds to the objects' own: things move first, then the camera looks."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor

from ..errors import MotionError
from ..types import Easing, MotionField, Size, eased, frame_instants


@dataclass(frozen=True)
class Camera:
    """What the picture's content seems to do by the last frame; it begins at rest in the reference.

    pan_x, pan_y: how far the content moves right and down, in picture widths and heights.
    zoom: how much larger it becomes; 1.1 magnifies by a tenth (content moves outward). Even in ratio over time.
    rotate: degrees by which it turns clockwise on the screen; a rigid turn, whatever the picture's shape.
    centre: the point that zoom and rotation leave in place, 0…1 of the picture. Pan is added after them.
    easing: how time passes on the way.
    """

    pan_x: float = 0.0
    pan_y: float = 0.0
    zoom: float = 1.0
    rotate: float = 0.0
    centre: tuple[float, float] = (0.5, 0.5)
    easing: Easing = "linear"

    FURTHEST = 10.0  # pictures; beyond it a pan or a centre is a mistake
    LARGEST_ZOOM = 100.0
    MOST_TURNS = 100.0

    def __post_init__(self) -> None:
        centre = self.centre if isinstance(self.centre, (tuple, list)) else (self.centre,)
        values = (self.pan_x, self.pan_y, self.zoom, self.rotate, *centre)
        if not all(isinstance(value, Real) and math.isfinite(value) for value in values) or len(centre) != 2:
            raise MotionError(f"A camera needs finite numbers, and two of them for its centre; got {self!r}.")
        if max(abs(self.pan_x), abs(self.pan_y)) > self.FURTHEST:
            raise MotionError(
                f"A camera pans by at most {self.FURTHEST:g} pictures; got {self.pan_x:g}, {self.pan_y:g}. "
                "Divide pixels by the picture's width and height."
            )
        if max(abs(centre[0] - 0.5), abs(centre[1] - 0.5)) > self.FURTHEST:
            raise MotionError(f"A camera's centre is given as 0…1 of the picture; got {centre[0]:g}, {centre[1]:g}.")
        if not 1 / self.LARGEST_ZOOM <= self.zoom <= self.LARGEST_ZOOM:
            raise MotionError(
                f"A camera zooms by {1 / self.LARGEST_ZOOM:g} … {self.LARGEST_ZOOM:g}, 1 being none; got {self.zoom:g}."
            )
        if abs(self.rotate) > self.MOST_TURNS * 360:
            raise MotionError(f"A camera rotates by at most {self.MOST_TURNS:g} turns; got {self.rotate:g} degrees.")
        if self.easing not in get_args(Easing):
            raise MotionError(f"A camera's easing is one of {', '.join(get_args(Easing))}; got “{self.easing}”.")
        object.__setattr__(self, "centre", (float(centre[0]), float(centre[1])))

    @classmethod
    def parse(cls, text: str) -> Camera:
        """The camera that "zoom=1.1,pan_x=0.05,rotate=3" names; a centre is written centre=0.3:0.7."""
        names = [field.name for field in fields(cls)]
        given: dict[str, Any] = {}
        for word in text.replace(",", " ").split():
            name, equals, value = word.partition("=")
            if not equals or name not in names:
                raise MotionError(
                    f"A camera is written like zoom=1.1,pan_x=0.05, with {', '.join(names)}; it cannot have “{word}”."
                )
            if name in given:
                raise MotionError(f"The camera is given {name} twice in “{text}”; keep one.")
            try:
                if name == "easing":
                    given[name] = value
                elif name == "centre":
                    x, y = value.split(":")
                    given[name] = (float(x), float(y))
                else:
                    given[name] = float(value)
            except ValueError:
                wanted = "two numbers, written like 0.3:0.7" if name == "centre" else "one number"
                raise MotionError(f"The camera's {name} is {wanted}; got “{value}”.") from None
        if not given:
            raise MotionError(f"A camera is written like zoom=1.1,pan_x=0.05, with {', '.join(names)}; got nothing.")
        return cls(**given)


def camera_field(camera: Camera, *, size: Size, frames: int) -> MotionField:
    """The camera's motion over a scene in which nothing moves: displacement [F, 2, H, W] in pixels."""
    return seen_by(camera, MotionField.still(size, frames=frames))


def seen_by(camera: Camera, field: MotionField) -> MotionField:
    """The motion of a scene, seen through a moving camera: d(x) = f(x) + c(x + f(x)), exactly."""
    objects = field.displacement
    precision = torch.promote_types(objects.dtype, torch.float32)
    turn, shift = (values.to(objects.device, precision) for values in _path(camera, field.size, field.frames))
    from_centre = objects.to(precision) + _pixels_from(camera.centre, field.size).to(objects.device, precision)
    moved = torch.einsum("f i j, f j h w -> f i h w", turn, from_centre) + shift[:, :, None, None]
    return MotionField(objects + moved.to(objects.dtype))


def _path(camera: Camera, size: Size, frames: int) -> tuple[Tensor, Tensor]:
    """How far the camera moves a pixel p (from its centre) in frame i: turn[i] @ p + shift[i]. [F, 2, 2] and [F, 2]."""
    passed = torch.from_numpy(eased(frame_instants(frames), camera.easing))
    zoom, angle = camera.zoom**passed, math.radians(camera.rotate) * passed
    cosine, sine = zoom * torch.cos(angle), zoom * torch.sin(angle)
    turn = torch.stack([torch.stack([cosine - 1, -sine], dim=1), torch.stack([sine, cosine - 1], dim=1)], dim=1)
    return turn, passed[:, None] * torch.tensor([camera.pan_x * size.width, camera.pan_y * size.height])


def _pixels_from(centre: tuple[float, float], size: Size) -> Tensor:
    """[2, H, W], float64: every pixel's place from the centre, in pixels."""
    x = torch.from_numpy(np.arange(size.width) + 0.5 - centre[0] * size.width)
    y = torch.from_numpy(np.arange(size.height) + 0.5 - centre[1] * size.height)
    return torch.stack([x.expand(*size), y[:, None].expand(*size)])
