"""The picture carried along a motion field: what moves passes in front, what it uncovers is filled from behind.

Where a pixel goes is splatted (warp.py), not its colour: every pixel of a frame learns which pixel of the picture it
shows and fetches it sharply, so a slow motion does not blur and a stretched thing does not crack. Behind it lies the
background plate: the picture without the things that move.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import ShapeError
from ..types import MotionField, Size
from ..warp import landing_shares, surface_slope
from .plate import background_plate

NEARER = 4.0  # softmax importance of a pixel of motion against the ground: what moves passes in front
NEAREST = 60.0  # ... and its most
STILL = 0.05  # pixels of motion against the ground that do not count as motion
UNCOVERS = 0.5  # pixels of motion that leave a place behind, to be filled in the plate
WHOLE = 0.95  # of a pixel filled counts as all of it
UNSPLIT = 1.2  # stretch up to which a pixel is sent as one point
STRETCH = 4  # a pixel is sent as up to 4×4 points when the field pulls it apart


def draft_frames(picture: Tensor, field: MotionField) -> Iterator[Tensor]:
    """The frames [3, H, W], 0…1, one after the other; the first is the picture itself.

    picture: [3, H, W], floating-point, 0…1, of the field's size. Computed on the CPU; frames are like the picture.
    """
    if list(picture.shape) != [3, *field.size] or not picture.is_floating_point():
        raise ShapeError(
            f"The picture must be floating-point [3, {field.size.height}, {field.size.width}]; "
            f"got {picture.dtype} {list(picture.shape)}."
        )
    return (frame.to(picture) for frame in _frames(picture.detach().cpu(), field))


def _frames(picture: Tensor, field: MotionField) -> Iterator[Tensor]:
    yield picture.clone()
    if field.frames == 1:
        return
    steps = [step.detach().cpu().float() for step in field.displacement[1:]]
    grounds = [_Ground.under(step) for step in steps]
    margin = _margin(ground.residual(step) for step, ground in zip(steps, grounds, strict=True))
    left, _, top, _ = margin
    scene = F.pad(picture.float()[None], margin, mode="reflect")[0]
    uncovered = torch.zeros(*Size.of(scene), dtype=torch.bool)
    for step, ground in zip(steps, grounds, strict=True):
        uncovered |= torch.hypot(*_padded(ground.residual(step), margin)) > UNCOVERS
    plate = background_plate(scene, uncovered)
    for step, ground in zip(steps, grounds, strict=True):
        frame = _frame(scene, plate, _padded(ground.residual(step), margin), ground.shifted(left, top))
        yield frame[:, top : top + field.size.height, left : left + field.size.width]


def _padded(residual: Tensor, margin: tuple[int, int, int, int]) -> Tensor:
    return F.pad(residual[None], margin, mode="replicate")[0]


def _margin(residuals: Iterable[Tensor]) -> tuple[int, int, int, int]:
    """How far (left, right, top, bottom) things draw in what lies beyond the picture: its mirror image."""
    wanted = (0, 0, 0, 0)
    for moved in residuals:
        inward = (moved[0, :, 0], -moved[0, :, -1], moved[1, 0], -moved[1, -1])
        most = (moved.shape[2] - 1, moved.shape[2] - 1, moved.shape[1] - 1, moved.shape[1] - 1)
        sides = (max(0, min(math.ceil(side.max().item()), limit)) for side, limit in zip(inward, most, strict=True))
        left, right, top, bottom = (max(a, b) for a, b in zip(wanted, sides, strict=True))
        wanted = (left, right, top, bottom)
    return wanted


def _frame(picture: Tensor, plate: Tensor, residual: Tensor, ground: _Ground) -> Tensor:
    behind = plate if ground.rests else _fetch(plate, *ground.way_back(Size.of(plate)))
    against = torch.hypot(*residual)
    moving = against > STILL
    if not moving.any():
        return behind.clamp(0, 1)
    reached, from_x, from_y, presence = _arrivals(residual + ground.motion(Size.of(picture)), against, moving)
    shown = _fetch(picture, from_x, from_y)
    frame = behind.flatten(1).clone()
    frame[:, reached] = torch.lerp(frame[:, reached], shown, presence)
    return frame.view_as(picture).clamp(0, 1)


def _arrivals(displacement: Tensor, against: Tensor, moving: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Where moving things are seen: N pixels of the frame, the column and row of the picture that each one shows
    (what is nearest, softmax splatting), and how much of the pixel that fills, 0…1."""
    size = Size.of(displacement)
    pixels = size.height * size.width
    sent = _sent(displacement, against, moving)
    weight = (sent.depth - NEAREST).exp()
    payload = torch.stack([sent.x, sent.y, sent.depth, torch.ones_like(weight)], dim=1) * weight[:, None]

    landed = []
    sums = torch.zeros(pixels + 1, 4)  # one pixel more than the picture: whatever leaves it lands there
    for target, share in landing_shares(sent.to_x, sent.to_y, size):
        index = torch.where(target < 0, pixels, target)
        sums.index_add_(0, index, payload * share[:, None])
        landed.append((index, share))
    seen = sums / sums[:, 3:].clamp(min=1e-30)
    filled = torch.zeros(pixels + 1)
    for index, share in landed:  # only what is about as near as what is seen there fills the pixel
        filled.index_add_(0, index, share * sent.area * (sent.depth > seen[index, 2] - sent.tolerance))
    reached = (sums[:pixels, 3] > 1e-30).nonzero()[:, 0]
    presence = filled[reached].clamp(max=1)
    return reached, seen[reached, 0], seen[reached, 1], torch.where(presence > WHOLE, 1.0, presence)


class _Sent(NamedTuple):
    """The points that moving pixels are sent as, [M] each: one a pixel, or several where it is pulled apart."""

    x: Tensor  # where in the picture
    y: Tensor
    to_x: Tensor  # where in the frame
    to_y: Tensor
    depth: Tensor  # larger is nearer
    area: Tensor  # of the frame that the point stands for, in pixels
    tolerance: Tensor  # by how much neighbours on its surface differ in depth


def _sent(displacement: Tensor, against: Tensor, moving: Tensor) -> _Sent:
    row, column = moving.nonzero(as_tuple=True)
    slope = surface_slope(displacement)[:, :, row, column]  # [2 (along x, along y), 2 (x, y), M]
    along_x, along_y = slope
    area = ((1 + along_x[0]) * (1 + along_y[1]) - along_x[1] * along_y[0]).abs()
    squares = (1 + along_x[0]) ** 2 + along_x[1] ** 2 + along_y[0] ** 2 + (1 + along_y[1]) ** 2
    stretch = ((squares + (squares**2 - 4 * area**2).clamp(min=0).sqrt()) / 2).sqrt()  # the larger singular value
    parts = (stretch - UNSPLIT + 1).ceil().clamp(1, STRETCH).long()

    groups = []
    for count in parts.unique().tolist():
        mine = (parts == count).nonzero()[:, 0]
        offsets = (torch.arange(count) + 0.5) / count - 0.5
        x_offset, y_offset = (o.reshape(-1, 1) for o in torch.meshgrid(offsets, offsets, indexing="xy"))
        x, y = column[mine] + x_offset, row[mine] + y_offset  # [count², pixels]
        moved = displacement[:, row[mine], column[mine]][:, None]
        moved = moved + along_x[:, None, mine] * x_offset + along_y[:, None, mine] * y_offset
        depth = (against[row[mine], column[mine]] * NEARER).clamp(max=NEAREST)
        steep = slope[:, :, mine].square().sum(dim=(0, 1)).sqrt()
        group = (x, y, x + moved[0], y + moved[1], depth, area[mine].clamp(1, STRETCH**2) / count**2)
        group = [value.expand_as(x).flatten() for value in (*group, NEARER * (1 + 2 * steep))]
        groups.append(group)
    return _Sent(*(torch.cat(values) for values in zip(*groups, strict=True)))


@dataclass(frozen=True)
class _Ground:
    """The motion of the ground, on which things move: the affine motion that most pixels agree on.

    matrix: [2, 3], displacement in pixels = matrix @ (x, y, 1), x and y in pixels from the first pixel's centre.
    """

    matrix: Tensor

    @classmethod
    def under(cls, displacement: Tensor) -> _Ground:
        """By iteratively re-weighted least squares; at rest when a third of the picture rests."""
        spacing = max(1, max(Size.of(displacement)) // 64)
        sample = displacement[:, ::spacing, ::spacing].flatten(1).double()
        if (sample == 0).all(dim=0).double().mean() > 1 / 3:
            return cls(torch.zeros(2, 3))
        rows, columns = Size.of(displacement[:, ::spacing, ::spacing])
        y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        places = torch.stack([x * spacing, y * spacing, torch.ones_like(x)]).flatten(1).double()
        weight, affine = torch.ones_like(places[0]), torch.zeros(2, 3, dtype=torch.float64)
        for _ in range(12):
            weighted = places * weight
            normal = weighted @ places.T + 1e-6 * torch.eye(3, dtype=torch.float64)
            affine = torch.linalg.solve(normal, weighted @ sample.T).T
            left = (sample - affine @ places).norm(dim=0)
            weight = 1 / (1 + (left / left.median().clamp(min=0.1)) ** 2)
        return cls(affine.float())

    @property
    def rests(self) -> bool:
        return not bool(self.matrix.any())

    def motion(self, size: Size) -> Tensor:
        """[2, H, W] the displacement of the ground."""
        x, y = _pixel_grid(size)
        return torch.stack([a * x + b * y + c for a, b, c in self.matrix])

    def residual(self, displacement: Tensor) -> Tensor:
        """[2, H, W] what is left of a displacement against the ground, in pixels."""
        return displacement if self.rests else displacement - self.motion(Size.of(displacement))

    def shifted(self, left: int, top: int) -> _Ground:
        """The same motion on a grid that begins so many pixels further left and up."""
        before = self.matrix[:, :2] @ torch.tensor([float(left), float(top)])
        return _Ground(torch.cat([self.matrix[:, :2], (self.matrix[:, 2] - before)[:, None]], dim=1))

    def way_back(self, size: Size) -> tuple[Tensor, Tensor]:
        """The column and row [H, W] of the picture at which each pixel of the frame finds its ground."""
        back = torch.linalg.inv(torch.eye(2) + self.matrix[:, :2])
        x, y = _pixel_grid(size)
        x, y = x - self.matrix[0, 2], y - self.matrix[1, 2]
        return back[0, 0] * x + back[0, 1] * y, back[1, 0] * x + back[1, 1] * y


def _pixel_grid(size: Size) -> tuple[Tensor, Tensor]:
    return torch.arange(size.width).float(), torch.arange(size.height).float()[:, None]


def _fetch(picture: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The picture's colours [3, …] at columns x and rows y of any shape: bicubic; beyond it lies its mirror image."""
    height, width = Size.of(picture)
    places = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1).view(1, -1, 1, 2)
    colours = F.grid_sample(picture[None], places, mode="bicubic", padding_mode="reflection", align_corners=False)
    return colours.view(len(picture), *x.shape)
