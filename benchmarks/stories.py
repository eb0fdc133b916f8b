"""Drawings on real photographs, to look at and to measure on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from motion_core.picture_file import read_mask, read_picture
from motion_core.types import Size, Trajectory

HERE = Path(__file__).parent
FIXTURES = HERE.parent / "tests" / "fixtures"

Point = tuple[float, float]


@dataclass(frozen=True)
class Story:
    name: str
    photo: Path
    drags: tuple[tuple[Point, ...], ...]
    pins: tuple[Point, ...] = ()
    brush: Path | tuple[Point, ...] = ()  # a mask, or the outline that was painted

    @property
    def trajectories(self) -> list[Trajectory]:
        drags = [Trajectory(points, easing="in_out") for points in self.drags]
        return drags + [Trajectory([point]) for point in self.pins]

    def picture(self) -> Tensor:
        return read_picture(self.photo)

    def region(self, size: Size) -> Tensor | None:
        if isinstance(self.brush, Path):
            return read_mask(self.brush, size)
        if not self.brush:
            return None
        mask = Image.new("L", (size.width, size.height))
        ImageDraw.Draw(mask).polygon([(x * size.width, y * size.height) for x, y in self.brush], fill=255)
        return torch.frombuffer(bytearray(mask.tobytes()), dtype=torch.uint8).view(*size).float() / 255


OVAL = tuple((0.465 + 0.37 * math.cos(a), 0.515 + 0.495 * math.sin(a)) for a in [i * math.tau / 48 for i in range(48)])

STORIES = [
    Story(
        "coffee: an object on a plain ground, turned by two drags, a brush around it",
        HERE / "photos" / "coffee.jpg",
        drags=(((0.36, 0.68), (0.48, 0.74)), ((0.64, 0.55), (0.66, 0.42))),
        brush=OVAL,
    ),
    Story(
        "raccoon: a busy scene, two drags, a pin and a brush",
        FIXTURES / "raccoon.jpg",
        drags=(((0.60, 0.56), (0.545, 0.60)), ((0.86, 0.18), (0.885, 0.27))),
        pins=((0.20, 0.15),),
        brush=FIXTURES / "raccoon_brush.png",
    ),
    Story(
        "astronaut: a portrait, one drag, no brush",
        HERE / "photos" / "astronaut.jpg",
        drags=(((0.43, 0.20), (0.48, 0.22)),),
    ),
]
