"""Which pixels belong to the thing that was grabbed, seen from the picture alone.

A random walk over the lattice (Grady 2006, “Random Walks for Image Segmentation”) starts at every node; edges of the
picture are hard to cross. The extent is the chance that it first meets the grabbed points and not the resting ones.
Colours tell it where to go on the way (a prior as in the same paper), and are learned anew from each answer.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy import ndimage
from scipy.spatial import KDTree

from .lattice import Lattice, factorised

ROUNDS = 3  # of learning the colours and walking again
PALETTE = 40  # colours that the picture is reduced to
ALIKE = 8.0  # Lab distance at which two colours begin to look different
PRIOR_WEIGHT = 0.03  # what the colours weigh against the walk; larger follows colours into far corners
UNSEEN = 0.002  # share of a colour that neither side has shown yet: it decides nothing
CERTAIN = 1e3  # weight of a node whose side is known
GRAB = 0.008  # radius of a grabbed or resting point, of the diagonal
RIM = 0.02  # width of the picture's rim, of its shorter side; it rests, unless something was grabbed close to it
RIM_REACH = 0.15  # how close, of the diagonal


def extent(
    lattice: Lattice, lab: np.ndarray, grabbed: np.ndarray, resting: np.ndarray, region: np.ndarray | None = None
) -> np.ndarray:
    """How surely each node moves with the grabbed points: [h, w], 0…1, no holes, in one piece with them.

    lab: [3, h, w] the picture's Lab colours on the lattice. grabbed [P, 2], resting [Q, 2]: points, 0…1 of the picture.
    region: [h, w] bool, what the motion brush lets move; all of it when None.
    """
    height, width = lattice.size
    moves = _discs(lattice, grabbed)
    distance = _distance(lattice, grabbed)
    rests = _discs(lattice, resting)
    if region is None:
        rests |= _rim(lattice) & (distance > RIM_REACH)
        likely = np.clip(0.6 - 1.2 * distance, 0.05, 0.6)  # nearby is likelier than far away
    else:
        rests |= ~region
        likely = np.full((height, width), 0.85)  # what was painted is mostly what is meant
    moves &= ~rests
    if not moves.any():
        return np.zeros((height, width))

    walk = lattice.laplacian(_colour_similarity(lattice, lab))
    certain = CERTAIN * (moves | rests).ravel()
    factors = factorised(walk + sp.diags_array(PRIOR_WEIGHT + certain))
    colours = _Colours(lab)
    inside, outside = moves.ravel().astype(float), rests.ravel().astype(float)
    answer = inside
    for _ in range(ROUNDS):
        prior = colours.prior(inside, outside, likely.ravel())
        answer = factors.solve(PRIOR_WEIGHT * prior + certain * moves.ravel())
        inside = np.where(answer > 0.6, answer, 0) + moves.ravel()
        outside = np.where(answer < 0.4, 1 - answer, 0) + rests.ravel()
    return _in_one_piece(np.clip(answer, 0, 1).reshape(height, width), moves, rests)


class _Colours:
    """The picture's colours, reduced to a palette, and how much they say about which side a node is on."""

    def __init__(self, lab: np.ndarray) -> None:
        pixels = lab.reshape(3, -1).T
        by_lightness = pixels[np.argsort(pixels @ [1.0, 0.6, 0.37], kind="stable")]
        palette = by_lightness[np.linspace(0, len(pixels) - 1, min(PALETTE, len(pixels))).astype(int)]
        for _ in range(6):  # Lloyd's algorithm, from a start that depends on the picture alone
            self.index = _nearest(pixels, palette)
            count = np.bincount(self.index, minlength=len(palette))
            sums = np.stack([np.bincount(self.index, axis, len(palette)) for axis in pixels.T], axis=1)
            palette = np.where(count[:, None] > 0, sums / np.maximum(count, 1)[:, None], palette)
        self.index = _nearest(pixels, palette)
        self.kinship = np.exp(-_square_distance(palette, palette) / (2 * ALIKE**2))

    def prior(self, inside: np.ndarray, outside: np.ndarray, likely: np.ndarray) -> np.ndarray:
        """The chance [n] that a node is inside, given the colours [n] seen on both sides and what is likely anyway."""
        shares = []
        for weight in (inside, outside):
            seen = self.kinship @ np.bincount(self.index, weight, len(self.kinship))
            shares.append(seen / max(seen.sum(), 1e-12) + UNSEEN)
        within = (shares[0] / (shares[0] + shares[1]))[self.index]
        return within * likely / (within * likely + (1 - within) * (1 - likely))


def _colour_similarity(lattice: Lattice, lab: np.ndarray) -> np.ndarray:
    """How easily the walk crosses each edge: 1 between equal colours, a thousandth across a strong edge."""
    start, end, share = lattice.edges
    smooth = ndimage.gaussian_filter(lab, (0, 0.7, 0.7)).reshape(3, -1)
    difference = ((smooth[:, start] - smooth[:, end]) ** 2).sum(axis=0)
    typical = difference.mean() if len(difference) else 0.0
    return (np.exp(-difference / (2 * typical + 1e-6)) + 1e-3) * share


def _in_one_piece(answer: np.ndarray, moves: np.ndarray, rests: np.ndarray) -> np.ndarray:
    """Only what hangs together with the grabbed points; holes inside it belong to it, unless a point rests there."""
    parts, _ = ndimage.label(answer > 0.5, structure=np.ones((3, 3)))
    whole = np.isin(parts, np.unique(parts[moves & (parts > 0)]))
    filled = ndimage.binary_fill_holes(whole) & ~rests
    near = ndimage.binary_dilation(filled, iterations=3)
    return np.where(filled & ~whole, 1.0, np.where(near, answer, np.minimum(answer, 0.3)))


def _nearest(pixels: np.ndarray, palette: np.ndarray) -> np.ndarray:
    return _square_distance(pixels, palette).argmin(axis=1)


def _square_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a**2).sum(1)[:, None] - 2 * a @ b.T + (b**2).sum(1)[None]


def _distance(lattice: Lattice, points: np.ndarray) -> np.ndarray:
    """[h, w] distance of every node from the nearest point, in diagonals of the picture."""
    pixels = points * [lattice.picture.width, lattice.picture.height]
    apart, _ = KDTree(pixels).query(lattice.positions)
    return apart.reshape(lattice.size) / lattice.picture.diagonal


def _discs(lattice: Lattice, points: np.ndarray) -> np.ndarray:
    """[h, w] bool: the nodes close to any of the points, and the nearest one to each."""
    if len(points) == 0:
        return np.zeros(lattice.size, dtype=bool)
    inside = _distance(lattice, points) <= GRAB
    inside.flat[lattice.nearest(points)] = True
    return inside


def _rim(lattice: Lattice) -> np.ndarray:
    rim = np.ones(lattice.size, dtype=bool)
    width = max(1, round(RIM * min(lattice.size)))
    rim[width:-width, width:-width] = False
    return rim
