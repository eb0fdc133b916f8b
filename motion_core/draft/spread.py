"""Drawn motion spread over the picture: a dense motion field without a network.

Every drag grabs what looks like one object (objects.py). On a coarse lattice the objects follow the drawn points as
rigidly as possible (rigidity.py). Every pixel then moves like the nodes around it that belong to the same object.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
import torch.nn.functional as F
from einops import rearrange
from kornia.color import rgb_to_lab
from kornia.filters import guided_blur
from scipy import ndimage
from torch import Tensor

from ..controls.camera import Camera, seen_by
from ..errors import MotionError, ShapeError
from ..types import MotionField, Size, Trajectory, check_region, frame_instants
from .lattice import Lattice
from .objects import Objects, grabbed
from .rigidity import Deformation, as_rigid_as_possible

OUTLINE = 3  # nodes by which an object's outline in the picture may differ from that on the lattice
SOFT_RIM = 2  # pixels of blended rim that an object takes along
OUTLINE_EPSILON = 1e-3  # of the guided filter that finds it: contrast, squared, that counts as an edge
PIXELS_AT_ONCE = 1 << 13
MEETING = 6  # pixels around a drawn point within which it is met exactly
MISSED = 1e-3  # pixels that do not matter
UNMOVED = 1e-2  # pixels; less is a remainder of the solution, seen by nobody, and becomes exactly zero

_log = logging.getLogger(__name__)


def draft_field(
    picture: Tensor,
    trajectories: Sequence[Trajectory],
    *,
    frames: int,
    region: Tensor | None = None,
    camera: Camera | None = None,
) -> MotionField:
    """A motion field [F, 2, H, W] in which the drawn points of the picture go where they were drawn.

    Computed on the CPU; the field is on the picture's device.

    picture: [3, H, W], 0…1. trajectories: drags, and pins, which stay; one that begins outside the picture, outside
        the region, or unseen, grabs nothing (a warning is logged).
    region: [H, W], 1 where the motion brush lets things move; everywhere when None or empty.
    camera: looks at the whole moving scene; pins and resting ground move with it.
    """
    if picture.ndim != 3 or picture.shape[0] != 3:
        raise ShapeError(f"The picture must be [3, H, W]; got {list(picture.shape)}.")
    size = Size.of(picture)
    if region is not None:
        check_region(region, size)
    if not torch.isfinite(picture).all():
        raise MotionError("The picture has a pixel that is not a finite number.")
    region = region.cpu() > 0.5 if region is not None and (region > 0.5).any() else None
    drawn = _Drawn.on(size, trajectories, frames, region)
    field = MotionField.still(size, frames=frames)
    if drawn.moving.any():
        field = _spread(picture.detach().float().cpu().clamp(0, 1), drawn, region)
    field = MotionField(field.displacement.to(picture.device))
    return field if camera is None else seen_by(camera, field)


@dataclass(frozen=True)
class _Drawn:
    """The trajectories that hold on to something."""

    start: np.ndarray  # [P, 2], 0…1 of the picture
    path: np.ndarray  # [F, P, 2] displacement from the start, in pixels

    @classmethod
    def on(cls, size: Size, trajectories: Sequence[Trajectory], frames: int, region: Tensor | None) -> _Drawn:
        sampled = [trajectory.sampled(frames) for trajectory in trajectories]
        positions = np.stack(sampled, axis=1) if sampled else np.zeros((len(frame_instants(frames)), 0, 2))
        start = positions[0]
        holds = ((start >= 0) & (start <= 1)).all(axis=1)
        holds &= np.array([bool(t.visible[0]) for t in trajectories], dtype=bool)
        if region is not None:
            pixel = np.clip((start * [size.width, size.height]).astype(int), 0, [size.width - 1, size.height - 1])
            holds &= region.numpy()[pixel[:, 1], pixel[:, 0]]
        if not holds.all():
            _log.warning(
                "%d of %d trajectories grab nothing: they begin outside the picture or the motion brush, or unseen.",
                (~holds).sum(),
                len(holds),
            )
        path = (positions - start)[:, holds] * [size.width, size.height]
        return cls(start[holds], path)

    @property
    def moving(self) -> np.ndarray:
        """[P] bool: the drags, which leave their start; the others are pins."""
        return np.abs(self.path).max(axis=(0, 2), initial=0.0) > 0


def _spread(picture: Tensor, drawn: _Drawn, region: Tensor | None) -> MotionField:
    lattice = Lattice.over(Size.of(picture))
    lab = rgb_to_lab(_coarse(picture, lattice))[0].double().numpy()
    may_move = None if region is None else _coarse(region[None].float(), lattice)[0, 0].numpy() > 0.5
    objects = grabbed(lattice, lab, drawn.start, drawn.moving, may_move)
    shape = as_rigid_as_possible(lattice, lab, objects, drawn.start, drawn.path[1:], may_move)
    owner = _owners(picture, lattice, objects, drawn.start)
    displacement = _to_pixels(lattice, objects, shape, owner)
    _meet(displacement, drawn, owner)
    for step in displacement:
        noise = step.abs().amax(dim=0) < UNMOVED
        step.masked_fill_(noise if region is None else noise | ~region, 0)
    return MotionField(displacement)


def _coarse(picture: Tensor, lattice: Lattice) -> Tensor:
    return F.interpolate(picture[None], lattice.size, mode="bilinear", antialias=True).clamp(0, 1)


def _owners(picture: Tensor, lattice: Lattice, objects: Objects, start: np.ndarray) -> np.ndarray:
    """[H, W]: the object that each pixel belongs to, -1 for the ground; outlines follow the picture's own edges."""
    size = Size.of(picture)
    spacing = round(size.width / lattice.size.width)
    extents = torch.from_numpy(objects.extents).float()[:, None]
    fine = F.interpolate(extents, size, mode="bilinear", align_corners=False)
    window = 4 * spacing + 1
    if spacing > 1 and min(size) > window:
        coarser = spacing // 2
        fill = (0, -size.width % coarser, 0, -size.height % coarser)  # kornia before 0.9 wants whole multiples
        guide = F.pad(picture[None], fill, mode="replicate").expand(len(extents), -1, -1, -1)
        fine = guided_blur(guide, F.pad(fine, fill, mode="replicate"), window, OUTLINE_EPSILON, subsample=coarser)
    fine = fine[:, 0, : size.height, : size.width].numpy()
    owner = np.where(fine.max(axis=0) > 0.5, fine.argmax(axis=0), -1)
    for _ in range(SOFT_RIM):
        owner = np.where(owner >= 0, owner, ndimage.grey_dilation(owner, (3, 3)))
    pixel = np.floor(start * [size.width, size.height]).astype(int)
    for row in (-1, 0, 1):  # a point's own pixels are where it is, whatever they look like
        for column in (-1, 0, 1):
            y, x = pixel[:, 1] + row, pixel[:, 0] + column
            owner[np.clip(y, 0, size.height - 1), np.clip(x, 0, size.width - 1)] = objects.home
    return owner


def _to_pixels(lattice: Lattice, objects: Objects, shape: Deformation, owner: np.ndarray) -> Tensor:
    """The nodes' motion for every pixel: [F, 2, H, W], zero in frame 0.

    Bilinear; but near where an object has come off, a pixel listens only to nodes of its own owner, the nearest ones.
    """
    a, b, _ = lattice.edges
    torn = np.zeros(lattice.nodes, dtype=bool)
    torn[a[shape.loose]] = torn[b[shape.loose]] = True
    torn = ndimage.binary_dilation(torn.reshape(lattice.size), iterations=OUTLINE).ravel()
    # Row k is of object k; the last one, which index -1 finds, is of the ground.
    nearest = np.stack([_nearest_node(objects.owner == k) for k in (*range(len(objects.extents)), -1)])

    size = lattice.picture
    motion = rearrange(shape.moved, "f n xy -> n (f xy)").astype(np.float32)
    displacement = torch.zeros(len(shape.moved) + 1, 2, *size)
    rows_at_once = max(1, PIXELS_AT_ONCE // size.width)
    for top in range(0, size.height, rows_at_once):
        part = owner[top : top + rows_at_once]
        y, x = np.indices(part.shape).reshape(2, -1)
        mix = lattice.bilinear(np.stack([x + 0.5, y + top + 0.5], axis=1) / [size.width, size.height]).tocoo()
        own = part.ravel()[mix.row]
        node = np.where((own != objects.owner.flat[mix.col]) & torn[mix.col], nearest[own, mix.col], mix.col)
        mix = sp.csr_array((mix.data.astype(np.float32), (mix.row, node)), shape=mix.shape)
        block = rearrange(mix @ motion, "(h w) (f xy) -> f xy h w", w=size.width, xy=2)
        displacement[1:, :, top : top + rows_at_once] = torch.from_numpy(block)
    return displacement


def _meet(displacement: Tensor, drawn: _Drawn, owner: np.ndarray) -> None:
    """Correct the few hundredths of a pixel by which the lattice misses a drawn point, close around it, in place."""
    size = Size.of(displacement)
    for point, start in enumerate(drawn.start):
        x, y = start * [size.width, size.height] - 0.5
        rows = slice(max(0, math.ceil(y) - MEETING), math.floor(y) + MEETING + 1)
        columns = slice(max(0, math.ceil(x) - MEETING), math.floor(x) + MEETING + 1)
        inner_x, inner_y = min(max(x, 0), size.width - 1), min(max(y, 0), size.height - 1)
        mine = owner[rows, columns] == owner[round(inner_y), round(inner_x)]
        near = displacement[:, :, rows, columns]
        row, column = np.mgrid[rows, columns][:, : near.shape[2], : near.shape[3]]
        row, column = np.abs(row - inner_y), np.abs(column - inner_x)
        share = torch.from_numpy(np.clip(1 - row, 0, 1) * np.clip(1 - column, 0, 1)).to(near)
        got = torch.from_numpy(np.clip(1 - np.hypot(row, column) / MEETING, 0, 1) * mine).to(near)
        missed = torch.from_numpy(drawn.path[:, point]).to(near) - (near * share).sum(dim=(2, 3))
        if missed.abs().max() > MISSED:
            near += missed[:, :, None, None] * got / (got * share).sum()


def _nearest_node(these: np.ndarray) -> np.ndarray:
    """[n]: for every node the nearest one among these [h, w]; itself when there is none."""
    if not these.any():
        return np.arange(these.size)
    row, column = ndimage.distance_transform_edt(~these, return_distances=False, return_indices=True)
    return (row * these.shape[1] + column).ravel()
