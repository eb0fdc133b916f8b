"""Seeing motion: a motion field as colours (the Middlebury wheel), as arrows, and as a moved grid."""

from __future__ import annotations

from math import isfinite

import numpy as np
import torch
from einops import rearrange
from PIL import Image, ImageDraw
from torch import Tensor

from .errors import MotionError, ShapeError
from .types import MOVING, MotionField, Size

# Baker et al. 2007, "A Database and Evaluation Methodology for Optical Flow": 55 hues, more where the eye sees more.
WHEEL_STEPS = {"red": 15, "yellow": 6, "green": 4, "cyan": 11, "blue": 13, "magenta": 6}
RGB = {
    "red": (1.0, 0.0, 0.0),
    "yellow": (1.0, 1.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "cyan": (0.0, 1.0, 1.0),
    "blue": (0.0, 0.0, 1.0),
    "magenta": (1.0, 0.0, 1.0),
}
BEYOND = 0.75  # how bright motion larger than the largest is shown

DIMMED = 0.6  # of the picture's brightness, under arrows and grids
LIGHT, DARK, FAINT = (255, 255, 255, 230), (40, 50, 70, 255), (255, 255, 255, 110)
LINE_STEP = 2  # pixels between the places where a line of the grid can bend
FINENESS = 3  # drawn so many times larger, for smooth edges


def flow_color(field: MotionField, largest: float | None = None) -> Tensor:
    """A motion field in the colours of Baker et al. 2007: [F, 3, H, W], 0…1. The hue is the direction; still is white.

    Right is red, down yellow, left turquoise, up violet; the paler, the slower.
    largest: the length in pixels that has the full colour, longer ones are darker; by default the field's own
        longest over all frames, so that colours of frames can be compared.
    """
    lengths = torch.hypot(*field.displacement.detach().float().unbind(dim=1))
    if largest is None:
        largest = float(lengths.max())
    elif not (isfinite(largest) and largest > 0):
        raise MotionError(f"The largest motion is a length in pixels, above 0; got {largest}.")
    if largest == 0:
        return torch.ones_like(lengths)[:, None].repeat(1, 3, 1, 1)
    return torch.stack([_wheel_color(step.detach().float() / largest) for step in field.displacement])


def flow_wheel(size: int) -> Tensor:
    """The legend of flow_color, [3, size, size] on white: each place has the colour of motion towards it."""
    if size < 1:
        raise MotionError(f"A colour wheel is at least one pixel large; got {size}.")
    axis = (torch.arange(size) + 0.5) / size * 2 - 1
    place = torch.stack(torch.meshgrid(axis, axis, indexing="xy"))
    radius = torch.hypot(*place)
    inside = ((1 - radius) * size / 2 + 0.5).clamp(0, 1)  # a rim one pixel soft
    return torch.lerp(torch.ones(3, size, size), _wheel_color(place / radius.clamp(min=1)), inside)


def arrows(field: MotionField, picture: Tensor, *, spacing: int = 24) -> Tensor:
    """Where the field sends one point of every spacing×spacing pixels of the picture [3, H, W]: [F, 3, H, W], 0…1.

    In frame i an arrow leads from the point's place in the reference to its place in frame i, over the dimmed
    picture; a point that moves less than half a pixel is a faint dot.
    """
    _check_spacing(spacing)
    ground = _dimmed(picture, field.size)
    rows, columns = (np.arange((length - 1) % spacing // 2, length, spacing) for length in field.size)
    tips = rearrange(_carried(field, rows, columns), "f row column xy -> f (row column) xy")
    starts = tips[0]  # the reference
    thickness = max(spacing / 14, 1.0)
    frames = []
    for ends in tips:
        moving = np.hypot(*(ends - starts).T) >= MOVING
        drawing = _Drawing(field.size)
        drawing.dots(starts[~moving], diameter=thickness)
        for start, end in zip(starts[moving], ends[moving], strict=True):
            drawing.arrow(start, end, thickness)
        frames.append(drawing.over(ground))
    return torch.stack(frames).to(field.displacement.device)


def moved_grid(field: MotionField, *, spacing: int = 16, picture: Tensor | None = None) -> Tensor:
    """A grid of lines carried by the field: [F, 3, H, W], 0…1. They are `spacing` pixels apart, from the first to the
    last row and column; light over the dimmed picture [3, H, W], or dark on white if there is none.
    """
    _check_spacing(spacing)
    ground = torch.ones(3, *field.size) if picture is None else _dimmed(picture, field.size)
    color = DARK if picture is None else LIGHT
    rows, columns = (np.unique([*range(0, length, spacing), length - 1]) for length in field.size)
    every_row, every_column = (np.unique([*range(0, length, LINE_STEP), length - 1]) for length in field.size)
    across = _carried(field, rows, every_column)
    down = rearrange(_carried(field, every_row, columns), "f row column xy -> f column row xy")
    frames = []
    for lines_across, lines_down in zip(across, down, strict=True):
        drawing = _Drawing(field.size)
        for line in [*lines_across, *lines_down]:
            drawing.line(line, color)
        frames.append(drawing.over(ground))
    return torch.stack(frames).to(field.displacement.device)


class _Drawing:
    """Lines and arrows on clear ground, drawn FINENESS times larger. Places are [N, 2] pixels (x, y)."""

    def __init__(self, size: Size) -> None:
        self.image = Image.new("RGBA", (size.width * FINENESS, size.height * FINENESS))
        self.draw = ImageDraw.Draw(self.image)

    def line(self, places: np.ndarray, color: tuple[int, ...]) -> None:
        self.draw.line(_fine(places), color, width=FINENESS)

    def dots(self, places: np.ndarray, diameter: float) -> None:
        reach = int(diameter * FINENESS / 2)
        for x, y in _fine(places):
            self.draw.ellipse((x - reach, y - reach, x + reach, y + reach), FAINT)

    def arrow(self, start: np.ndarray, end: np.ndarray, thickness: float) -> None:
        length = float(np.hypot(*(end - start)))
        forward = (end - start) / length
        aside = np.array([-forward[1], forward[0]]) * thickness / 2
        head = end - forward * min(4 * thickness, 0.7 * length)
        half = [start + aside, head + aside, head + 3 * aside]
        other = [start - aside, head - aside, head - 3 * aside]
        self.draw.polygon(_fine(np.array([*half, end, *other[::-1]])), LIGHT, outline=DARK)

    def over(self, ground: Tensor) -> Tensor:
        """The drawing over a picture [3, H, W]."""
        drawn = torch.from_numpy(np.array(self.image.reduce(FINENESS))).float().div_(255.0)
        color, alpha = rearrange(drawn, "h w c -> c h w").split([3, 1])
        return torch.lerp(ground, color, alpha)


def _fine(places: np.ndarray) -> list[tuple[float, float]]:
    """Pixels as those of a drawing, centre on centre."""
    return list(map(tuple, np.rint(places * FINENESS + FINENESS // 2)))


def _carried(field: MotionField, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Where the crossings of these rows and columns are in every frame: [F, row, column, (x, y)] in pixels.

    What leaves far beyond the picture is taken back along its way, for no drawing reaches there.
    """
    at = np.stack(np.meshgrid(columns, rows), axis=-1)
    picked = field.displacement[:, :, torch.from_numpy(rows)[:, None], torch.from_numpy(columns)]
    motion = rearrange(picked.detach().double().cpu().numpy(), "f xy row column -> f row column xy")
    length = np.linalg.norm(motion, axis=-1, keepdims=True)
    return at + motion * np.minimum(1.0, 2 * sum(field.size) / np.maximum(length, 1.0))


def _dimmed(picture: Tensor, size: Size) -> Tensor:
    if tuple(picture.shape) != (3, *size):
        raise ShapeError(
            f"The picture for a motion field of {size} is [3, {size.height}, {size.width}]; got {list(picture.shape)}. "
            "Resize one of them."
        )
    return picture.detach().float().cpu().clamp(0.0, 1.0) * DIMMED


def _check_spacing(spacing: int) -> None:
    if spacing < 1:
        raise MotionError(f"Lines and arrows are at least one pixel apart; got {spacing}.")


def _wheel() -> Tensor:
    """The 55 hues [55, 3], from red through yellow, green, cyan, blue and magenta."""
    corners = list(WHEEL_STEPS)
    hues = []
    for corner, following in zip(corners, corners[1:] + corners[:1], strict=True):
        steps = WHEEL_STEPS[corner]
        way = (torch.arange(steps) / steps)[:, None]
        hues.append(torch.lerp(torch.tensor(RGB[corner]), torch.tensor(RGB[following]), way))
    return torch.cat(hues)


def _wheel_color(motion: Tensor) -> Tensor:
    """The colour [3, H, W] of motion [2, H, W], where length 1 is the full hue, shorter paler, longer darker."""
    wheel = _wheel().to(motion.device)
    x, y = motion
    place = (torch.atan2(-y, -x) / torch.pi + 1) / 2 * (len(wheel) - 1)  # Baker's; the last hue is not led to the first
    before = place.long().clamp(0, len(wheel) - 2)
    hue = torch.lerp(wheel[before], wheel[before + 1], (place - before)[..., None])
    radius = torch.hypot(x, y)[..., None]
    return rearrange(torch.where(radius <= 1, 1 - radius * (1 - hue), hue * BEYOND), "h w c -> c h w")
