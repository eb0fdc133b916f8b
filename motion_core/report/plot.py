"""A report as a picture: asked paths, dashed, against travelled ones, solid; a colour for each trajectory, a legend.

Of a report without trajectories, arrows show how far everything has gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..flow_color import arrows
from ..metrics import Travel
from ..picture_file import picture_bytes
from ..types import MotionField, Size
from .catalogue import SOURCES

COLORS = (  # Okabe & Ito 2008: told apart by colour-blind eyes too
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (213, 94, 0), (204, 121, 167), (0, 114, 178),
)  # fmt: skip
CASING, PAPER, INK = (0, 0, 0), (255, 255, 255), (20, 20, 20)  # black under every colour: readable on any picture
GREY = (110, 110, 110)
SMALLEST = 480  # pixels of the longer side; smaller pictures are enlarged by a whole number
FINENESS = 2  # drawn so many times larger, for smooth edges
DASH, GAP = 3.0, 2.5  # lengths, in line widths
NAMED = 12  # trajectories in the legend
Meaning = tuple[str, str, tuple[int, int, int]]  # a line's or mark's name, or none; the words; the colour
ACROSS = 20  # arrows along the longer side
BEYOND = 2.0  # picture sides away; no drawing reaches there


@dataclass(frozen=True, eq=False)
class DrawnPath:
    """A trajectory to draw. asked: [F, 2] px of the report's size. travel: None if it was not measured."""

    name: str
    asked: np.ndarray
    travel: Travel | None


@dataclass(frozen=True, eq=False)
class DrawnMotion:
    """A motion to draw. field: the reference and one frame, which is that number of the clip. source: of SOURCES."""

    field: MotionField
    frame: int
    source: str


def plain_plot(picture: Tensor, *, size: Size) -> Tensor:
    """The picture [3, H, W], 0…1, resized to `size` and enlarged if it is small: [3, H', W'], 0…1."""
    scale = _scale(size)
    shown = Size(size.height * scale, size.width * scale)
    if Size.of(picture) == shown:
        return picture.detach().float().cpu().clamp(0, 1)
    return F.interpolate(picture.detach()[None].float().cpu(), shown, mode="bilinear", antialias=True)[0].clamp(0, 1)


def motion_plot(picture: Tensor, motion: DrawnMotion, *, size: Size) -> Tensor:
    """Likewise, with arrows over the picture and a legend below."""
    ground = plain_plot(picture, size=size)
    shown = Size.of(ground)
    over = arrows(motion.field.resized(shown), ground, spacing=max(shown) // ACROSS)[-1].cpu()
    told = f"arrows: from frame 0 to frame {motion.frame}, {SOURCES[motion.source]}"
    entries = [("", told, INK), ("", "dots: at rest, or not seen", INK)]
    return torch.cat([over, _legend(entries, shown.width)], dim=1)


def path_plot(picture: Tensor, paths: Sequence[DrawnPath], *, size: Size, travelled: str) -> Tensor:
    """Likewise, with the paths. travelled: where the solid lines were measured, for the legend."""
    scale = _scale(size)
    ground = picture_bytes(plain_plot(picture, size=size))
    shown = Size(*ground.shape[:2])
    fine = Image.fromarray(ground).resize((shown.width * FINENESS, shown.height * FINENESS), Image.Resampling.BILINEAR)
    width = max(3.0, max(shown) / 170) * FINENESS
    lines = _Lines(ImageDraw.Draw(fine), width)
    for number, path in enumerate(paths):
        color = COLORS[number % len(COLORS)]
        asked = _places(path.asked, size, scale)
        if path.travel is not None:
            places = _places(path.travel.travelled, size, scale)
            for piece in _pieces(places, path.travel.known):
                lines.solid(piece, color)
        lines.dashed(asked, color)  # with a white core, over the solid line: seen where both are one, too
        if path.travel is not None:
            last = path.travel.travelled[path.travel.known][-1:]
            lines.disc(_places(last, size, scale)[0], color)
        lines.square(asked[-1], color)
        lines.ring(asked[0], color)
    return torch.cat([_tensor(fine.reduce(FINENESS)), _legend(_meanings(paths, travelled), shown.width)], dim=1)


def _scale(size: Size) -> int:
    """How many times larger a picture of that size is shown."""
    return max(1, ceil(SMALLEST / max(size)))


def _tensor(image: Image.Image) -> Tensor:
    return rearrange(torch.from_numpy(np.array(image)), "h w c -> c h w").float().div(255)


class _Lines:
    """Lines and marks with a black casing. Places are [N, 2] fine pixels (x, y)."""

    def __init__(self, draw: ImageDraw.ImageDraw, width: float) -> None:
        self.draw, self.width = draw, width

    def solid(self, places: np.ndarray, color: tuple[int, ...]) -> None:
        for tone, width in ((CASING, 1.8 * self.width), (color, self.width)):
            self.draw.line(_tuples(places), tone, width=round(width), joint="curve")

    def dashed(self, places: np.ndarray, color: tuple[int, ...]) -> None:
        dashes = list(_dashes(places, DASH * self.width, GAP * self.width))
        for tone, width in ((CASING, 1.8 * self.width), (color, 1.4 * self.width), (PAPER, 0.5 * self.width)):
            for dash in dashes:
                self.draw.line(_tuples(dash), tone, width=round(width))

    def ring(self, place: np.ndarray, color: tuple[int, ...]) -> None:
        self.draw.ellipse(self._box(place, 1.7), fill=PAPER, outline=CASING, width=max(1, round(self.width / 2)))
        self.draw.ellipse(self._box(place, 0.8), fill=color)

    def disc(self, place: np.ndarray, color: tuple[int, ...]) -> None:
        self.draw.ellipse(self._box(place, 1.9), fill=color, outline=CASING, width=max(1, round(self.width / 2)))

    def square(self, place: np.ndarray, color: tuple[int, ...]) -> None:
        thick = max(1, round(self.width / 2))
        for reach, tone, width in ((2.4, CASING, 3 * thick), (2.4 - 0.35, color, 2 * thick)):
            self.draw.rectangle(self._box(place, reach), outline=tone, width=width)

    def _box(self, place: np.ndarray, reach: float) -> tuple[float, float, float, float]:
        x, y = place
        return x - reach * self.width, y - reach * self.width, x + reach * self.width, y + reach * self.width


def _places(path: np.ndarray, size: Size, scale: int) -> np.ndarray:
    """Pixels of the report as fine pixels of the plot, centre on centre; what is far outside is taken nearer."""
    sides = np.array(size[::-1])
    near = np.clip(path, -BEYOND * sides, (1 + BEYOND) * sides)
    return (near + 0.5) * scale * FINENESS - 0.5


def _pieces(places: np.ndarray, known: np.ndarray) -> Iterator[np.ndarray]:
    """The path from known place to known place; where it was not seen it is interrupted."""
    ends = np.flatnonzero(np.diff(known.astype(int), prepend=0, append=0))
    for begin, end in zip(ends[::2], ends[1::2], strict=True):
        if end - begin > 1:
            yield places[begin:end]


def _dashes(places: np.ndarray, dash: float, gap: float) -> Iterator[np.ndarray]:
    """Pieces of a path, `dash` long and `gap` apart along it, with the corners that lie in them."""
    along = np.concatenate([[0.0], np.linalg.norm(np.diff(places, axis=0), axis=1).cumsum()])
    for begin in np.arange(0.0, along[-1], dash + gap):
        end = min(begin + dash, along[-1])
        inside = along[(along > begin) & (along < end)]
        at = np.concatenate([[begin], inside, [end]])
        yield np.stack([np.interp(at, along, axis) for axis in places.T], axis=1)


def _tuples(places: np.ndarray) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in places]


def _meanings(paths: Sequence[DrawnPath], travelled: str) -> list[Meaning]:
    """What the lines and the marks mean, and whose colour is whose."""
    entries: list[Meaning] = [("dashed", "asked", GREY), ("ring", "start", GREY), ("square", "asked end", GREY)]
    if travelled:
        entries += [("solid", f"travelled {travelled}", GREY), ("disc", "travelled end", GREY)]
    entries += [
        ("patch", path.name if path.travel else f"{path.name} (not measured)", COLORS[number % len(COLORS)])
        for number, path in enumerate(paths[:NAMED])
    ]
    if len(paths) > NAMED:
        entries.append(("", f"… and {len(paths) - NAMED} more", INK))
    return entries


def _legend(entries: Sequence[Meaning], width: int) -> Tensor:
    """Samples and words on white, [3, h, width]; as many rows as it takes."""
    points = max(12, min(22, width // 40))
    font = ImageFont.load_default(points)
    pad, sample, row = points // 2, 3 * points, round(points * 1.6)
    rows, places, x = 1, [], pad
    for kind, text, _ in entries:
        reach = (sample if kind else 0) + pad + font.getlength(text) + 2 * pad
        if x > pad and x + reach > width:
            rows, x = rows + 1, pad
        places.append((x, rows - 1))
        x += reach
    strip = Image.new("RGB", (width * FINENESS, (rows * row + pad) * FINENESS), PAPER)
    draw = ImageDraw.Draw(strip)
    lines = _Lines(draw, max(2.0, points / 6) * FINENESS)
    large = ImageFont.load_default(points * FINENESS)
    for (kind, text, color), (x, line) in zip(entries, places, strict=True):
        middle = (line * row + pad / 2 + row / 2) * FINENESS
        left, right = x * FINENESS, (x + sample) * FINENESS
        between = np.array([[left, middle], [right, middle]])
        centre = between.mean(axis=0)
        if kind in ("dashed", "solid"):
            getattr(lines, kind)(between, color)
        elif kind == "patch":
            lines.solid(between, color)
        elif kind:
            getattr(lines, kind)(centre, color)
        start = right + pad * FINENESS if kind else left
        draw.text((start, middle), text, fill=INK, font=large, anchor="lm")
    return _tensor(strip.reduce(FINENESS))
