"""Drawn motion spread over the picture: a dense motion field without a network.

Every drag grabs what looks like one object (extent.py). On a coarse lattice the objects follow the drawn points as
rigidly as possible (rigidity.py). Every pixel then moves like the nodes around it that lie on its side of an outline.
"""

from __future__ import annotations

import logging
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
from ..types import MotionField, Size, Trajectory, frame_instants
from .extent import extent
from .lattice import Lattice
from .rigidity import Deformation, as_rigid_as_possible

MOST_OBJECTS = 8  # told apart; drags beyond join the nearest
OUTLINE = 3  # nodes by which an object's outline in the picture may differ from that on the lattice
SOFT_RIM = 2  # pixels of blended rim that an object takes along
OUTLINE_EPSILON = 1e-3  # of the guided filter that finds it: contrast, squared, that counts as an edge
PIXELS_AT_ONCE = 1 << 13
UNMOVED = 2e-3  # pixels; less is solver noise and becomes exactly zero

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

    picture: [3, H, W], 0…1. trajectories: drags, and pins, which stay; one that begins outside the picture, outside
        the region, or unseen, grabs nothing (a warning is logged).
    region: [H, W], 1 where the motion brush lets things move; everywhere when None or empty.
    camera: looks at the whole moving scene; pins and resting ground move with it.
    """
    if picture.ndim != 3 or picture.shape[0] != 3:
        raise ShapeError(f"The picture must be [3, H, W]; got {list(picture.shape)}.")
    size = Size.of(picture)
    if region is not None and tuple(region.shape) != tuple(size):
        raise ShapeError(f"The region must be [{size.height}, {size.width}]; got {list(region.shape)}.")
    if not torch.isfinite(picture).all():
        raise MotionError("The picture has a pixel that is not a finite number.")
    region = region.cpu() > 0.5 if region is not None and (region > 0.5).any() else None
    drawn = _Drawn.on(size, trajectories, frames, region)
    field = MotionField.still(size, frames=frames)
    if drawn.moving.any():
        field = _spread(picture.detach().float().cpu().clamp(0, 1), drawn, region)
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
    objects, home = _objects(lattice, lab, drawn, may_move)
    shape = as_rigid_as_possible(lattice, lab, objects, home, drawn.start, drawn.path[1:], may_move)
    displacement = _to_pixels(lattice, objects, shape, _sides(picture, lattice, objects, drawn.start, home))
    for step in displacement:
        noise = step.abs().amax(dim=0) < UNMOVED
        step.masked_fill_(noise if region is None else noise | ~region, 0)
    return MotionField(displacement)


def _coarse(picture: Tensor, lattice: Lattice) -> Tensor:
    return F.interpolate(picture[None], lattice.size, mode="bilinear", antialias=True).clamp(0, 1)


def _objects(
    lattice: Lattice, lab: np.ndarray, drawn: _Drawn, may_move: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """The extents [K, h, w] of the things that are moved, and which one every point holds: [P], -1 for the ground.

    Drags on the same thing share one. A pin on a grabbed thing is a joint that it bends about; one beside it says
    what does not belong to it.
    """
    node = lattice.nearest(drawn.start)
    home = np.full(len(node), -1)
    extents: list[np.ndarray] = []
    for drag in np.flatnonzero(drawn.moving):
        grabbed = [k for k, whole in enumerate(extents) if whole.flat[node[drag]] > 0.5]
        if not grabbed and len(extents) < MOST_OBJECTS:
            whole = extent(lattice, lab, drawn.start[[drag]], drawn.start[:0], may_move)
            grabbed = list(home[(home >= 0) & (whole.flat[node] > 0.5)])
            if not grabbed:
                grabbed = [len(extents)]
                extents.append(whole)
        if not grabbed:
            others = np.flatnonzero(home >= 0)
            apart = np.linalg.norm(drawn.start[others] - drawn.start[drag], axis=1)
            grabbed = [home[others[apart.argmin()]]]
        home[drag] = grabbed[0]
    for pin in np.flatnonzero(~drawn.moving):
        inside = [whole.flat[node[pin]] for whole in extents]
        home[pin] = int(np.argmax(inside)) if max(inside) > 0.5 else -1
    for k in range(len(extents)):
        drags = drawn.start[(home == k) & drawn.moving]
        resting = drawn.start[home != k]
        if len(drags) > 1 or len(resting):
            extents[k] = extent(lattice, lab, drags, resting, may_move)
    objects = np.stack(extents)
    corners = lattice.bilinear(drawn.start).tocoo()  # the cell around a point is where the point is
    for k in range(len(objects)):
        objects[k].flat[corners.col] = np.where(home[corners.row] == k, 1.0, 0.0)
    return objects, home


def _sides(picture: Tensor, lattice: Lattice, objects: np.ndarray, start: np.ndarray, home: np.ndarray) -> np.ndarray:
    """[H, W]: 1 + the object each pixel belongs to, 0 for the ground; outlines follow the picture's own edges."""
    size = Size.of(picture)
    spacing = round(size.width / lattice.size.width)
    fine = F.interpolate(torch.from_numpy(objects).float()[:, None], size, mode="bilinear", align_corners=False)
    window = 4 * spacing + 1
    if spacing > 1 and min(size) > window:
        guide = picture[None].expand(len(objects), -1, -1, -1)
        fine = guided_blur(guide, fine, window, OUTLINE_EPSILON, subsample=spacing // 2)
    fine = fine[:, 0].numpy()
    side = np.where(fine.max(axis=0) > 0.5, fine.argmax(axis=0) + 1, 0)
    for _ in range(SOFT_RIM):
        side = np.where(side > 0, side, ndimage.grey_dilation(side, (3, 3)))
    pixel = np.floor(start * [size.width, size.height]).astype(int)
    for row in (-1, 0, 1):  # a point's own pixels are where it is, whatever they look like
        for column in (-1, 0, 1):
            y, x = pixel[:, 1] + row, pixel[:, 0] + column
            side[np.clip(y, 0, size.height - 1), np.clip(x, 0, size.width - 1)] = home + 1
    return side


def _to_pixels(lattice: Lattice, objects: np.ndarray, shape: Deformation, side: np.ndarray) -> Tensor:
    """The nodes' motion for every pixel: [F, 2, H, W], zero in frame 0.

    Bilinear; but near where an object has come off, a pixel listens only to nodes of its own side, the nearest ones.
    """
    node_side = np.where(objects.max(axis=0) > 0.5, objects.argmax(axis=0) + 1, 0)
    a, b, _ = lattice.edges
    torn = np.zeros(lattice.nodes, dtype=bool)
    torn[a[shape.loose]] = torn[b[shape.loose]] = True
    torn = ndimage.binary_dilation(torn.reshape(lattice.size), iterations=OUTLINE).ravel()
    nearest = np.stack([_nearest_node(node_side == k) for k in range(len(objects) + 1)])

    size = lattice.picture
    motion = rearrange(shape.moved, "f n xy -> n (f xy)").astype(np.float32)
    displacement = torch.zeros(len(shape.moved) + 1, 2, *size)
    rows_at_once = max(1, PIXELS_AT_ONCE // size.width)
    for top in range(0, size.height, rows_at_once):
        part = side[top : top + rows_at_once]
        y, x = np.indices(part.shape).reshape(2, -1)
        mix = lattice.bilinear(np.stack([x + 0.5, y + top + 0.5], axis=1) / [size.width, size.height]).tocoo()
        own = part.ravel()[mix.row]
        node = np.where((own != node_side.flat[mix.col]) & torn[mix.col], nearest[own, mix.col], mix.col)
        mix = sp.csr_array((mix.data.astype(np.float32), (mix.row, node)), shape=mix.shape)
        block = rearrange(mix @ motion, "(h w) (f xy) -> f xy h w", w=size.width, xy=2)
        displacement[1:, :, top : top + rows_at_once] = torch.from_numpy(block)
    return displacement


def _nearest_node(side: np.ndarray) -> np.ndarray:
    """[n]: for every node the nearest one that is on this side [h, w]; itself when there is none."""
    if not side.any():
        return np.arange(side.size)
    row, column = ndimage.distance_transform_edt(~side, return_distances=False, return_indices=True)
    return (row * side.shape[1] + column).ravel()
