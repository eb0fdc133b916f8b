"""Motion that neighbours pass on to each other, as in PatchMatch (Barnes et al. 2009).

Optical flow is smooth: at the outline of a thing it mixes what the thing does with what its ground does. A small thing
that is followed from flow to flow is lost so, from its outline inwards, unless its middle passes on what it does.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..warp import backward_warp
from .likeness import difference

REACHES = (12, 5, 2)  # pixels to the neighbours that are asked, the farthest ones first
WORTH = 0.85  # of what a pixel's own motion leaves unlike may be left by one that is taken over; 1 would follow noise


def passed_on(displacement: Tensor, here: Tensor, there: Tensor) -> Tensor:
    """The displacement [2, H, W] px of a picture to another, [3, H, W] each, after pixels have asked their neighbours.

    A pixel goes as a neighbour does if that leads to what looks clearly more like it.
    """
    doubt = _doubt(displacement, here, there)
    for reach in REACHES:
        for column, row in ((reach, 0), (-reach, 0), (0, reach), (0, -reach)):
            theirs = _neighbour(displacement, column, row)
            doubted = _doubt(theirs, here, there)
            better = doubted < WORTH * doubt
            displacement = torch.where(better, theirs, displacement)
            doubt = torch.where(better, doubted, doubt)
    return displacement


def _doubt(displacement: Tensor, here: Tensor, there: Tensor) -> Tensor:
    """[H, W]: how unlike each pixel is what it goes to."""
    return difference(here, backward_warp(there[None], displacement[None])[0])


def _neighbour(displacement: Tensor, column: int, row: int) -> Tensor:
    """What the pixel so many columns and rows away does; beyond the border, what the rim does."""
    reach = max(abs(column), abs(row))
    padded = F.pad(displacement, [reach] * 4, mode="replicate")
    height, width = displacement.shape[1:]
    return padded[:, reach + row : reach + row + height, reach + column : reach + column + width]
