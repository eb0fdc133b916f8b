"""Drawn motion spread over the picture: a dense motion field without a network.

Every drag grabs what looks like one object (extent.py). On a coarse lattice, each frame then is the shape that keeps
the drawn points where they were drawn and everything else as rigid as possible (Sorkine & Alexa 2007): nodes outside
every object hold still, and an edge of the picture where an object ends lets it come off. The system depends on the
picture alone, so one factorisation serves every frame and every round.
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
from ..types import MotionField, Size, Trajectory
from .extent import extent
from .lattice import Lattice
from .rigidity import Deformation, as_rigid_as_possible

MOST_OBJECTS = 8  # told apart; drags beyond join the nearest
OUTLINE = 3  # nodes by which an object's outline in the picture may differ from that on the lattice
SOFT_RIM = 2  # pixels of blended rim that an object takes along
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
        the region, or unseen, grabs nothing.
    region: [H, W], 1 where the motion brush lets things move; everywhere when None or empty.
    camera: looks at the whole moving scene; pins and resting ground move with it.
    """
    if picture.ndim != 3 or picture.shape[0] != 3:
        raise ShapeError(f"The picture must be [3, H, W]; got {list(picture.shape)}.")
    size = Size.of(picture)
    if region is not None and tuple(region.shape) != tuple(size):
        raise ShapeError(f"The region must be [{size.height}, {size.width}]; got {list(region.shape)}.")
    if frames < 1:
        raise MotionError(f"A clip has at least one frame; got {frames}.")
    if region is not None and not (region > 0.5).any():
        region = None
    drawn = _Drawn.on(size, trajectories, frames, region)
    if drawn.moving.any():
        field = _spread(picture.detach().float().cpu(), drawn, region)
    else:
        field = MotionField.still(size, frames=frames)
    return field if camera is None else seen_by(camera, field)


@dataclass(frozen=True)
class _Drawn:
    """The trajectories that hold on to something."""

    start: np.ndarray  # [P, 2], 0…1 of the picture
    path: np.ndarray  # [F, P, 2] displacement from the start, in pixels

    @classmethod
    def on(cls, size: Size, trajectories: Sequence[Trajectory], frames: int, region: Tensor | None) -> _Drawn:
        positions = (
            np.stack([t.sampled(frames) for t in trajectories], axis=1) if trajectories else np.zeros((frames, 0, 2))
        )
        start = positions[0]
        holds = ((start >= 0) & (start <= 1)).all(axis=1)
        holds &= np.array([bool(t.visible[0]) for t in trajectories], dtype=bool)
        if region is not None:
            pixel = np.clip((start * [size.width, size.height]).astype(int), 0, [size.width - 1, size.height - 1])
            holds &= (region > 0.5).cpu().numpy()[pixel[:, 1], pixel[:, 0]]
        if not holds.all():
            _log.warning(
                "%d of %d trajectories begin outside the picture, outside the motion brush or unseen, and grab nothing.",
                (~holds).sum(),
                len(holds),
            )
        path = (positions - start)[:, holds] * [size.width, size.height]
        return cls(start[holds], path)

    @property
    def moving(self) -> np.ndarray:
        """[P] bool: which of them ever leave their start."""
        return np.abs(self.path).max(axis=(0, 2), initial=0.0) > 0


def _spread(picture: Tensor, drawn: _Drawn, region: Tensor | None) -> MotionField:
    lattice = Lattice.over(Size.of(picture))
    coarse = F.interpolate(picture[None], lattice.size, mode="bilinear", antialias=True)
    lab = rgb_to_lab(coarse.clamp(0, 1))[0].double().numpy()
    may_move = None
    if region is not None:
        share = F.interpolate(region[None, None].float().cpu(), lattice.size, mode="bilinear", antialias=True)
        may_move = share[0, 0].numpy() > 0.5
    objects = _objects(lattice, lab, drawn, may_move)
    shape = as_rigid_as_possible(lattice, lab, objects, drawn.start, drawn.path[1:], may_move)
    displacement = _to_pixels(picture, lattice, objects, shape)
    if region is not None:
        displacement = displacement * (region > 0.5).to(displacement)
    displacement[displacement.abs().amax(dim=1, keepdim=True).expand_as(displacement) < UNMOVED] = 0
    return (
        MotionField.after_reference(displacement)
        if len(displacement)
        else MotionField.still(Size.of(picture), frames=1)
    )


def _objects(lattice: Lattice, lab: np.ndarray, drawn: _Drawn, may_move: np.ndarray | None) -> np.ndarray:
    """The extents [K, h, w] of the things that are moved, told apart. Drags on the same thing share one."""
    node = lattice.nearest(drawn.start)
    drags, pins = np.flatnonzero(drawn.moving), np.flatnonzero(~drawn.moving)
    nothing = np.zeros((0, 2))
    groups: list[list[int]] = []
    extents: list[np.ndarray] = []
    for drag in drags:
        home = next((k for k, whole in enumerate(extents) if whole.flat[node[drag]] > 0.5), None)
        if home is None and len(groups) < MOST_OBJECTS:
            whole = extent(lattice, lab, drawn.start[[drag]], nothing, may_move)
            home = next((k for k, group in enumerate(groups) if (whole.flat[node[group]] > 0.5).any()), None)
            if home is None:
                groups.append([drag])
                extents.append(whole)
                continue
        if home is None:
            apart = [np.linalg.norm(drawn.start[group] - drawn.start[drag], axis=1).min() for group in groups]
            home = int(np.argmin(apart))
        groups[home].append(drag)
    # A pin on the grabbed thing is a joint it bends about; one beside it says what does not belong to it.
    beside = pins[np.max([whole.flat[node[pins]] for whole in extents], axis=0, initial=0.0) <= 0.5]
    final = []
    for k, group in enumerate(groups):
        others = [drag for j, other in enumerate(groups) if j != k for drag in other]
        rest = drawn.start[np.concatenate([beside, others]).astype(int)]
        final.append(extent(lattice, lab, drawn.start[group], rest, may_move))
    return np.stack(final)


def _to_pixels(picture: Tensor, lattice: Lattice, objects: np.ndarray, shape: Deformation) -> Tensor:
    """The nodes' motion [F-1, n, 2] for every pixel [F-1, 2, H, W].

    Bilinear, but where an object comes off inside a cell of the lattice, a pixel listens to the nodes of its own side.
    """
    size = Size.of(picture)
    side = _sides(torch.from_numpy(objects).float(), lattice, picture)  # [H, W]
    node_side = np.where(objects.max(axis=0) > 0.5, objects.argmax(axis=0) + 1, 0).ravel()
    start, end, _ = lattice.edges
    torn = np.zeros(lattice.nodes, dtype=bool)
    torn[start[shape.loose]] = torn[end[shape.loose]] = True
    torn = ndimage.binary_dilation(torn.reshape(lattice.size), iterations=OUTLINE).ravel()
    rows, columns = np.mgrid[: size.height, : size.width]
    points = (np.stack([columns.ravel(), rows.ravel()], 1) + 0.5) / [size.width, size.height]
    mix = lattice.bilinear(points).tocoo()
    sides = side.ravel()[mix.row]
    alien = (sides != node_side[mix.col]) & torn[mix.col]
    nearest = np.stack([_nearest_of(node_side.reshape(lattice.size) == k) for k in range(len(objects) + 1)])
    column = np.where(alien, nearest[sides, mix.col], mix.col)
    mix = sp.coo_matrix((mix.data.astype(np.float32), (mix.row, column)), shape=mix.shape).tocsr()
    flat = mix @ rearrange(shape.moved, "f n xy -> n (f xy)").astype(np.float32)
    return rearrange(torch.from_numpy(flat), "(h w) (f xy) -> f xy h w", h=size.height, xy=2).contiguous()


def _nearest_of(side: np.ndarray) -> np.ndarray:
    """[n]: for every node of a lattice the nearest one [h, w] that is on this side; itself when there is none."""
    if not side.any():
        return np.arange(side.size)
    row, column = ndimage.distance_transform_edt(~side, return_distances=False, return_indices=True)
    return (row * side.shape[1] + column).ravel()


def _sides(objects: Tensor, lattice: Lattice, picture: Tensor) -> np.ndarray:
    """[H, W]: 1 + the object each pixel belongs to, 0 for none; outlines follow the picture's own edges."""
    size = Size.of(picture)
    spacing = max(1, round(size.width / lattice.size.width))
    fine = F.interpolate(objects[:, None], size, mode="bilinear", align_corners=False)
    window = 4 * spacing + 1
    if spacing > 1 and min(size) > window:
        guide = picture[None].expand(len(objects), -1, -1, -1)
        fine = guided_blur(guide, fine, window, 1e-3, subsample=max(1, spacing // 2))
    fine = fine[:, 0].numpy()
    side = np.where(fine.max(axis=0) > 0.5, fine.argmax(axis=0) + 1, 0)
    for _ in range(SOFT_RIM):
        side = np.where(side > 0, side, ndimage.grey_dilation(side, 3))
    return side
