"""The background plate: a picture without the things that move, their place filled from the rest of it.

Patch-based completion (Wexler et al. 2007), coarse to fine, its nearest patches found by PatchMatch (Barnes et al.
2009) on a small copy; the picture itself is then copied along the shifts that were found, so the filling is sharp.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from ..push_pull import fill_smoothly
from ..types import Size

LONGEST = 128  # side of the small copy at the finest level
LEVELS = 3  # each half of the next
RADIUS = 2  # patches are 5×5
ROUNDS = 4  # of searching and voting, a level
DEEPER = 1.3  # how much less a patch's pixel counts for every pixel that it lies deeper in the hole
FAR = 0.02  # what a patch costs more that comes from the other end of the picture
ALIKE = 0.02  # mean square difference at which a patch's vote has fallen to 1/e


def background_plate(picture: Tensor, uncovered: Tensor) -> Tensor:
    """picture: [3, H, W], 0…1; uncovered: [H, W] bool, the places to fill. Returns [3, H, W], the rest untouched."""
    if not uncovered.any() or uncovered.all():
        return picture
    size = Size.of(picture)
    known = (~uncovered).float()
    smooth = fill_smoothly(picture, uncovered)
    shrink = min(1.0, LONGEST / max(size))
    shifts: np.ndarray | None = None
    for level in reversed(range(LEVELS)):
        scale = shrink / 2**level
        small = Size(max(1, round(size.height * scale)), max(1, round(size.width * scale)))
        colours, hole = _shrunk(picture, known, small)
        found = _Completion(colours, hole, shifts).solve()
        shifts = found if found is not None else shifts
    return picture if shifts is None else _copied(picture, uncovered, smooth, shifts)


class _Completion:
    """One level: the shift of every pixel in the hole to the patch it is copied from."""

    def __init__(self, colours: np.ndarray, hole: np.ndarray, coarser: np.ndarray | None) -> None:
        self.height, self.width = hole.shape
        self.hole = hole
        self.padded = np.pad(
            colours,
            ((RADIUS, RADIUS), (RADIUS, RADIUS), (0, 0)),
            mode="reflect" if min(hole.shape) > RADIUS else "edge",
        )
        whole = ~ndimage.binary_dilation(hole, structure=np.ones((2 * RADIUS + 1, 2 * RADIUS + 1)))
        whole[:RADIUS] = whole[-RADIUS:] = False
        whole[:, :RADIUS] = whole[:, -RADIUS:] = False
        self.whole = whole  # centres of patches that are known throughout
        self.targets = np.argwhere(hole)
        self.coarser = coarser
        reach = np.arange(-RADIUS, RADIUS + 1)
        self.reach = np.stack(np.meshgrid(reach, reach, indexing="ij"), axis=-1).reshape(-1, 2)
        depth = np.pad(ndimage.distance_transform_edt(hole), RADIUS, mode="edge")
        self.trust = np.float32(DEEPER) ** -self._patches(depth[..., None].astype(np.float32), self.targets)[..., 0]
        self.random = np.random.default_rng(0)  # of its own: the same picture gives the same plate

    def solve(self) -> np.ndarray | None:
        """[h, w, 2] shifts (row, column), zero outside the hole; None when no patch is whole."""
        sources = np.argwhere(self.whole)
        if len(sources) == 0 or len(self.targets) == 0:
            return None
        self.source = sources[self.random.integers(len(sources), size=len(self.targets))]
        if self.coarser is not None:
            zoom = np.array([self.height, self.width]) / self.coarser.shape[:2]
            coarse = np.minimum((self.targets / zoom).astype(int), np.array(self.coarser.shape[:2]) - 1)
            guess = self.targets + np.rint(self.coarser[coarse[:, 0], coarse[:, 1]] * zoom).astype(int)
            kept = self._is_whole(guess)
            self.source[kept] = guess[kept]
            self._vote()
        for _ in range(ROUNDS):
            self.cost = self._costs(self.source)
            self._search()
            self._vote()
        shifts = np.zeros((self.height, self.width, 2), dtype=int)
        shifts[self.targets[:, 0], self.targets[:, 1]] = self.source - self.targets
        return shifts

    def _search(self) -> None:
        index = np.full((self.height + 2, self.width + 2), -1)
        index[self.targets[:, 0] + 1, self.targets[:, 1] + 1] = np.arange(len(self.targets))
        for step in ((0, 1), (1, 0), (0, -1), (-1, 0)):  # what suits my neighbour, one further, may suit me
            neighbour = index[self.targets[:, 0] + 1 + step[0], self.targets[:, 1] + 1 + step[1]]
            self._try(np.where(neighbour[:, None] >= 0, self.source[neighbour] - step, self.source))
        radius = max(self.height, self.width) / 2
        while radius >= 1:
            self._try(self.source + self.random.integers(-int(radius), int(radius) + 1, size=self.source.shape))
            radius /= 3

    def _try(self, candidate: np.ndarray) -> None:
        worth = np.flatnonzero(self._is_whole(candidate) & np.not_equal(candidate, self.source).any(axis=1))
        cost = self._costs(candidate[worth], worth)
        better = cost < self.cost[worth]
        self.source[worth[better]] = candidate[worth[better]]
        self.cost[worth[better]] = cost[better]

    def _is_whole(self, place: np.ndarray) -> np.ndarray:
        row, column = place.T
        inside = (row >= 0) & (row < self.height) & (column >= 0) & (column < self.width)
        return inside & self.whole[np.where(inside, row, 0), np.where(inside, column, 0)]

    def _patches(self, image: np.ndarray, centres: np.ndarray) -> np.ndarray:
        """[N, 25, C] of a padded image [h + 2r, w + 2r, C]."""
        place = centres[:, None] + self.reach + RADIUS
        return image[place[..., 0], place[..., 1]]

    def _costs(self, source: np.ndarray, which: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Mean square colour difference between the patches around the targets and around their sources, nearby ones
        preferred."""
        difference = self._patches(self.padded, self.targets[which]) - self._patches(self.padded, source)
        trust = self.trust[which]
        far = ((source - self.targets[which]) ** 2).sum(axis=1) / max(self.height, self.width) ** 2
        return np.einsum("npc,npc,np->n", difference, difference, trust) / trust.sum(axis=1) + FAR * far

    def _vote(self) -> None:
        """Every pixel of the hole becomes the mean of what the patches over it put there, the likeliest ones first."""
        weight = np.exp(-self._costs(self.source) / ALIKE)[:, None] * self.trust + 1e-9
        put = self._patches(self.padded, self.source)
        place = self.targets[:, None] + self.reach
        inside = ((place >= 0) & (place < [self.height, self.width])).all(axis=2)
        flat = np.where(inside, place[..., 0] * self.width + place[..., 1], 0).ravel()
        weight = np.where(inside, weight, 0.0).ravel()
        total = np.bincount(flat, weight, self.height * self.width)
        colours = self.padded[RADIUS:-RADIUS, RADIUS:-RADIUS]
        for channel in range(3):
            mean = np.bincount(flat, weight * put[..., channel].ravel(), self.height * self.width) / np.maximum(
                total, 1e-12
            )
            colours[..., channel][self.hole] = mean.reshape(self.height, self.width)[self.hole]


def _shrunk(picture: Tensor, known: Tensor, size: Size) -> tuple[np.ndarray, np.ndarray]:
    """The small picture [h, w, 3], made of what is known, and its hole [h, w]."""
    share = _area(known[None], size)
    colours = _area(picture * known, size) / share.clamp(min=1e-6)
    hole = share[0] < 0.99
    colours = fill_smoothly(colours, hole)
    return colours.permute(1, 2, 0).contiguous().numpy(), hole.numpy()


def _copied(picture: Tensor, uncovered: Tensor, smooth: Tensor, shifts: np.ndarray) -> Tensor:
    """The picture with every uncovered pixel copied along the shifts around it, faded into each other."""
    size = Size.of(picture)
    rows, columns = (i.float() for i in uncovered.nonzero(as_tuple=True))
    scale_y, scale_x = size.height / shifts.shape[0], size.width / shifts.shape[1]
    y, x = (rows + 0.5) / scale_y - 0.5, (columns + 0.5) / scale_x - 0.5
    top, left = y.floor(), x.floor()
    total, colours = torch.zeros_like(x), torch.zeros(3, len(x))
    shift = torch.from_numpy(shifts)
    for down in (0, 1):
        for right in (0, 1):
            node_y = (top + down).clamp(0, shifts.shape[0] - 1).long()
            node_x = (left + right).clamp(0, shifts.shape[1] - 1).long()
            weight = (y - top if down else top + 1 - y) * (x - left if right else left + 1 - x)
            here = shift[node_y, node_x]
            from_y = (rows + (here[:, 0] * scale_y).round()).long().clamp(0, size.height - 1)
            from_x = (columns + (here[:, 1] * scale_x).round()).long().clamp(0, size.width - 1)
            weight = weight * ~uncovered[from_y, from_x]
            colours += weight * picture[:, from_y, from_x]
            total += weight
    filled = picture.clone()
    where = uncovered.nonzero(as_tuple=True)
    filled[:, where[0], where[1]] = torch.where(
        total > 1e-3, colours / total.clamp(min=1e-3), smooth[:, where[0], where[1]]
    )
    return filled


def _area(image: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(image[None], size, mode="area")[0]
