"""As rigid as possible (Sorkine & Alexa 2007) on a lattice: what the nodes of a picture do when some points are dragged.

Every node keeps the shape of its neighbourhood up to a rotation. Nodes outside every object rest; inside an object the
lattice is stiff, so a thing moves as one. Where an object ends, it comes off: at once where the picture has an edge
there, and elsewhere where the ground beside it would be torn rather than stretched.

The system depends on the picture and the start points alone: one factorisation serves every frame and every round.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from einops import rearrange
from scipy import ndimage
from scipy.sparse.linalg import SuperLU
from scipy.spatial import cKDTree

from .lattice import Lattice, factorised

ROUNDS = 4  # of fitting rotations and solving
HOLD = 1e4  # weight of a drawn point: it is met to a few thousandths of a pixel
REST = 1.0  # weight of staying put, outside every object
SURE = 1e3  # ... where the motion brush forbids to move
BODY = 30.0  # how much stiffer an object is than the ground that stretches around it
GRIP = 0.03  # a drag takes a disc with it, this radius, of the diagonal
GRIP_WEIGHT = 10.0
LOOSE = 1e-3  # what is left of the stiffness where an object comes off
EDGE = 6.0  # Lab contrast of an edge of the picture at which an object comes off
TEARS = 1.0  # strain at which ground is torn: it would be twice as long
TEAR_REACH = 3  # nodes from a torn edge within which the object comes off


def as_rigid_as_possible(
    lattice: Lattice,
    lab: np.ndarray,
    objects: np.ndarray,
    start: np.ndarray,
    path: np.ndarray,
    region: np.ndarray | None = None,
) -> Deformation:
    """Move the nodes so that every start point [P, 2] (0…1 of the picture) follows its path [T, P, 2] (pixels).

    lab: [3, h, w] colours. objects: [K, h, w] extents, 0…1. region: [h, w] bool, where motion is allowed.
    """
    body = _Body(lattice, objects, start, path, region)
    loose = _comes_off_at_edges(lattice, lab, objects)
    furthest = np.abs(path).max(axis=(1, 2)).argmax()
    guess = body.deformed(path[[furthest]], loose, rounds=0)
    loose = loose | _comes_off_instead_of_tearing(lattice, objects, guess, loose)
    return Deformation(body.deformed(path, loose, rounds=ROUNDS), loose)


@dataclass(frozen=True)
class Deformation:
    moved: np.ndarray  # [T, n, 2] displacement of every node, in pixels of the picture
    loose: np.ndarray  # [E] bool: the edges of the lattice at which an object has come off


class _Body:
    """The lattice as an elastic thing, and what holds it."""

    def __init__(
        self, lattice: Lattice, objects: np.ndarray, start: np.ndarray, path: np.ndarray, region: np.ndarray | None
    ) -> None:
        self.lattice = lattice
        inside = objects.max(axis=0).ravel()
        a, b, share = lattice.edges
        firm = smoothstep(inside, 0.5, 0.8)
        self.stiffness = share * (1 + BODY * np.minimum(firm[a], firm[b]))
        self.rest = REST * smoothstep(1 - inside, 0.5, 0.8) + 1e-6
        if region is not None:
            self.rest = np.where(region.ravel(), self.rest, SURE)
        self.hold = lattice.bilinear(start)
        moves = np.abs(path).max(axis=(0, 2)) > 0
        self.grip = _grip(lattice, inside, start, moves)

    def deformed(self, path: np.ndarray, loose: np.ndarray, *, rounds: int) -> np.ndarray:
        """[T, n, 2] for the given path [T, P, 2], with the loose edges come off."""
        a, b, _ = self.lattice.edges
        stiffness = np.where(loose, LOOSE, 1.0) * self.stiffness
        factors = self._factors(stiffness)
        pulled = (HOLD * self.hold + self.grip).T @ rearrange(path, "t p xy -> p (t xy)")
        step = self.lattice.positions[b] - self.lattice.positions[a]
        incidence = self.lattice.incidence
        moved = factors.solve(pulled)
        for _ in range(rounds):
            after = rearrange(incidence.T @ moved, "e (t xy) -> e t xy", xy=2) + step[:, None]
            turn = _rotations(incidence, stiffness, step, after)
            kept = stiffness[:, None] * (((turn[a] + turn[b]) / 2 - 1) * _complex(step)[:, None])
            moved = factors.solve(pulled + incidence @ rearrange(_pairs(kept), "e t xy -> e (t xy)"))
        return rearrange(moved, "n (t xy) -> t n xy", xy=2)

    def _factors(self, stiffness: np.ndarray) -> SuperLU:
        held = sp.diags(self.rest + np.asarray(self.grip.sum(axis=0)).ravel()) + HOLD * (self.hold.T @ self.hold)
        return factorised(self.lattice.laplacian(stiffness) + held)


def _rotations(incidence: sp.csr_matrix, stiffness: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """[n, T] the rotation of every node's star of edges, as complex numbers of length 1."""
    turned = np.conj(_complex(before))[:, None] * _complex(after)
    star = abs(incidence) @ (stiffness[:, None] * turned)
    return star / np.maximum(np.abs(star), 1e-12)


def _complex(pairs: np.ndarray) -> np.ndarray:
    return pairs[..., 0] + 1j * pairs[..., 1]


def _pairs(numbers: np.ndarray) -> np.ndarray:
    return np.stack([numbers.real, numbers.imag], axis=-1)


def _grip(lattice: Lattice, inside: np.ndarray, start: np.ndarray, moves: np.ndarray) -> sp.csr_matrix:
    """[P, n]: a drag takes the nodes around its start with it, as far as they belong to an object."""
    radius = GRIP * lattice.picture.diagonal
    pixels = start * [lattice.picture.width, lattice.picture.height]
    near = cKDTree(pixels[moves]).sparse_distance_matrix(cKDTree(lattice.positions), radius, output_type="coo_matrix")
    weight = GRIP_WEIGHT * (1 - near.data / radius) * inside[near.col]
    return sp.coo_matrix(
        (weight, (np.flatnonzero(moves)[near.row], near.col)), shape=(len(start), lattice.nodes)
    ).tocsr()


def _leads_out(lattice: Lattice, objects: np.ndarray) -> np.ndarray:
    """[E] bool: the edges of the lattice between an object and what is not it."""
    a, b, _ = lattice.edges
    inside = objects.reshape(len(objects), -1) > 0.5
    return (inside[:, a] != inside[:, b]).any(axis=0)


def _comes_off_at_edges(lattice: Lattice, lab: np.ndarray, objects: np.ndarray) -> np.ndarray:
    a, b, _ = lattice.edges
    contrast = np.sqrt(sum((ndimage.grey_dilation(c, 3) - ndimage.grey_erosion(c, 3)) ** 2 for c in lab)).ravel()
    return _leads_out(lattice, objects) & (np.maximum(contrast[a], contrast[b]) > EDGE)


def _comes_off_instead_of_tearing(
    lattice: Lattice, objects: np.ndarray, guess: np.ndarray, loose: np.ndarray
) -> np.ndarray:
    a, b, _ = lattice.edges
    length = np.linalg.norm(lattice.positions[b] - lattice.positions[a], axis=1)
    strain = np.linalg.norm(guess[:, b] - guess[:, a], axis=2).max(axis=0) / length
    torn = np.zeros(lattice.nodes, dtype=bool)
    overdone = (strain > TEARS) & ~loose
    torn[a[overdone]] = torn[b[overdone]] = True
    near = ndimage.binary_dilation(torn.reshape(lattice.size), iterations=TEAR_REACH).ravel()
    return _leads_out(lattice, objects) & near[a] & near[b]


def smoothstep(value: np.ndarray, low: float, high: float) -> np.ndarray:
    u = np.clip((value - low) / (high - low), 0, 1)
    return u * u * (3 - 2 * u)
