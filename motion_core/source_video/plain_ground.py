"""Plain ground: a sky or a wall, where optical flow sees nothing and guesses, goes with the ground of the picture.

Flow on a plain place follows whatever moves nearby, or noise. A plain place that is bounded by the border of the
picture and by what goes with the ground is ground itself; one that is bounded by what moves otherwise is part of that.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import label
from torch import Tensor

from ..optical_flow import FlowEstimator
from ..types import Size
from ..warp import backward_warp
from .likeness import difference, textured

LITTLE = 0.01  # share of a picture that is plain and not worth a look
BOUNDED = 0.5  # share of a place's outline that has to be the picture's border or ground
AGREES = 0.5  # pixels by which what goes with the ground may differ from it
WORTH, NOISE = (
    0.85,
    1.5 / 255,
)  # how much more unlike than flow the ground may leave a place: a share, and of full light
CELLS, SPREAD = 4, 6  # a picture has 4×4 cells; a ground that moves is seen in so many of them
SHOWN = 0.05  # share of a cell that shows something, if it counts
SAMPLES, ROUNDS = 4000, 10  # pixels that the motion of the ground is fitted to, and how often
ASTRAY = 0.3  # pixels; what is off by more hardly counts in the fit


class Grounded:
    """An estimator whose flow on plain ground is that of the ground."""

    def __init__(self, estimator: FlowEstimator) -> None:
        self.name = estimator.name
        self._estimator = estimator

    def flow(self, first: Tensor, second: Tensor) -> Tensor:
        """As FlowEstimator.flow."""
        return grounded(self._estimator.flow(first, second), first, second)


def grounded(flow: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """The flow [2, H, W] px between two pictures [3, H, W], on plain ground that of the ground, where that fits."""
    plain = ~textured(first)
    if plain.float().mean() < LITTLE:
        return flow
    ground = _ground(flow, ~plain)
    found, meant = (difference(first, backward_warp(second[None], way[None])[0]) for way in (flow, ground))
    agrees = (torch.hypot(*(flow - ground)) < AGREES) | (meant < WORTH * found - NOISE)
    fits = meant <= found / WORTH + NOISE
    return torch.where(_bounded(plain, agrees) & fits, ground, flow)


def _bounded(plain: Tensor, agrees: Tensor) -> Tensor:
    """[H, W] bool: the plain places whose outline lies on the border of the picture, or agrees, for the most part."""
    places, count = label(plain.cpu().numpy())
    around = np.pad(places, 1)
    agree = np.pad(agrees.cpu().numpy(), 1, constant_values=True)
    outline, agreeing = np.zeros((2, count + 1))
    for beside in (np.s_[:-2, 1:-1], np.s_[2:, 1:-1], np.s_[1:-1, :-2], np.s_[1:-1, 2:]):
        edge = (places > 0) & (around[beside] == 0)
        outline += np.bincount(places[edge], minlength=count + 1)
        agreeing += np.bincount(places[edge & agree[beside]], minlength=count + 1)
    bounded = agreeing >= BOUNDED * outline
    bounded[0] = False
    return torch.from_numpy(bounded[places]).to(plain.device)


def _ground(flow: Tensor, shown: Tensor) -> Tensor:
    """[2, H, W] px: the affine motion that agrees with what is shown all over the picture; if none does, rest."""
    size = Size.of(flow)
    rest = torch.zeros_like(flow)
    rows, columns = torch.nonzero(shown, as_tuple=True)
    every = max(1, len(rows) // SAMPLES)
    rows, columns = rows[::every], columns[::every]
    cells = rows * CELLS // size.height * CELLS + columns * CELLS // size.width
    counted = torch.bincount(cells, minlength=CELLS**2)
    showing = counted * every > SHOWN * size.height * size.width / CELLS**2
    if showing.sum() < SPREAD:
        return rest
    places = torch.stack([columns, rows, torch.ones_like(rows)], dim=1).double() / max(size)
    goes = flow[:, rows, columns].T.double()
    off = goes - goes.median(dim=0).values
    affine = places.new_zeros(3, 2)
    for _ in range(ROUNDS):  # least squares, in which what goes astray weighs less and less
        weight = 1 / (1 + (off / ASTRAY).square().sum(dim=1, keepdim=True))
        affine = torch.linalg.lstsq(places * weight, goes * weight).solution
        off = goes - places @ affine

    def spread(off: Tensor) -> int:
        """Cells in most of which this is near 0."""
        near = torch.bincount(cells[torch.hypot(*off.T) < AGREES], minlength=CELLS**2)
        return int((showing & (near > counted / 2)).sum())

    if spread(off) < max(SPREAD, spread(goes) + 1):
        return rest
    rows, columns = (torch.arange(side, device=flow.device) for side in size)
    grid = torch.stack(torch.broadcast_tensors(columns, rows[:, None], torch.ones_like(columns)), dim=-1)
    return (grid.double() / max(size) @ affine).permute(2, 0, 1).to(flow)
