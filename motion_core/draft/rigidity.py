"""As rigid as possible (Sorkine & Alexa 2007) on a lattice: where the nodes go when some points are dragged.

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
from scipy.spatial import KDTree

from .lattice import Lattice, factorised
from .objects import Objects

ROUNDS = 4  # of fitting rotations and solving
HOLD = 1e4  # weight of a drawn point: the lattice meets it to a few thousandths of a pixel
REST = 1.0  # weight of staying put, outside every object
SURE = 1e3  # ... where the motion brush forbids to move
BODY = 30.0  # how much stiffer an object is than the ground that stretches around it
SOFT_BRUSH = 8  # nodes within which an object softens towards a motion brush that cuts through it
GRIP = 0.03  # a point takes a disc with it, this radius, of the diagonal
GRIP_WEIGHT = 10.0
LOOSE = 1e-4  # what is left of the stiffness where an object comes off
BLUR = 1.5  # nodes
EDGE = 5.0  # Lab contrast, after it, of an edge of the picture at which an object comes off
FRAMES_AT_ONCE = 16  # so that memory for a long clip stays that of its field
TEARS = 1.0  # strain at which ground is torn: it would be twice as long
TEAR_REACH = 3  # nodes from a torn edge within which the object comes off


def as_rigid_as_possible(
    lattice: Lattice,
    lab: np.ndarray,
    objects: Objects,
    start: np.ndarray,
    path: np.ndarray,
    region: np.ndarray | None = None,
) -> Deformation:
    """Move the nodes so that every start point [P, 2] (0…1 of the picture) follows its path [T, P, 2] (pixels).

    lab: [3, h, w] colours. region: [h, w] bool, where motion is allowed.
    """
    body = Body(lattice, objects, start, path, region)
    loose = comes_off(lattice, lab, objects, body, path)
    return Deformation(body.deformed(path, loose, rounds=ROUNDS), loose)


@dataclass(frozen=True)
class Deformation:
    moved: np.ndarray  # [T, n, 2] displacement of every node, in pixels of the picture
    loose: np.ndarray  # [E] bool: the edges of the lattice at which an object has come off


class Body:
    """The lattice as an elastic thing, and what holds it."""

    def __init__(
        self, lattice: Lattice, objects: Objects, start: np.ndarray, path: np.ndarray, region: np.ndarray | None
    ) -> None:
        self.lattice = lattice
        self.objects = objects
        self.start = start * [lattice.picture.width, lattice.picture.height]
        inside = objects.inside.ravel()
        a, b, share = lattice.edges
        firm = smoothstep(inside, 0.5, 0.8)
        if region is not None and not region.all():
            firm = firm * smoothstep(ndimage.distance_transform_edt(region).ravel(), 0, SOFT_BRUSH)
        self.stiffness = share * (1 + BODY * np.minimum(firm[a], firm[b]))
        self.rest = REST * smoothstep(1 - inside, 0.5, 0.8) + 1e-6
        if region is not None:
            self.rest = np.where(region.ravel(), self.rest, SURE)
        self.hold = lattice.bilinear(start)
        self.grip = _grip(lattice, inside, start, objects.home >= 0)
        self.gripped = np.asarray(self.grip.sum(axis=0)).ravel()

    def deformed(self, path: np.ndarray, loose: np.ndarray, *, rounds: int) -> np.ndarray:
        """[T, n, 2] for the given path [T, P, 2], with the loose edges come off."""
        stiffness = np.where(loose, LOOSE, 1.0) * self.stiffness
        held = sp.diags_array(self.rest + self.gripped) + HOLD * (self.hold.T @ self.hold)
        factors = factorised(self.lattice.laplacian(stiffness) + held)
        chunks = [path[first : first + FRAMES_AT_ONCE] for first in range(0, len(path), FRAMES_AT_ONCE)]
        return np.concatenate([self._shapes(factors, stiffness, chunk, rounds) for chunk in chunks])

    def _shapes(self, factors: SuperLU, stiffness: np.ndarray, path: np.ndarray, rounds: int) -> np.ndarray:
        a, b, _ = self.lattice.edges
        step = self.lattice.positions[b] - self.lattice.positions[a]
        incidence = self.lattice.incidence
        pulled = (HOLD * self.hold + self.grip).T @ rearrange(path, "t p xy -> p (t xy)")
        # What is gripped turns with the object: it is pulled to where its own turn about the start point takes it.
        lever = _complex(self.gripped[:, None] * self.lattice.positions - self.grip.T @ self.start)
        turn = self._first_turn(path)
        while True:
            kept = stiffness[:, None] * (((turn[a] + turn[b]) / 2 - 1) * _complex(step)[:, None])
            kept = incidence @ rearrange(_pairs(kept), "e t xy -> e (t xy)")
            gripped = rearrange(_pairs((turn - 1) * lever[:, None]), "n t xy -> n (t xy)")
            moved = factors.solve(pulled + kept + gripped)
            if rounds == 0:
                return rearrange(moved, "n (t xy) -> t n xy", xy=2)
            rounds -= 1
            after = rearrange(incidence.T @ moved, "e (t xy) -> e t xy", xy=2) + step[:, None]
            turn = _rotations(incidence, stiffness, step, after)

    def _first_turn(self, path: np.ndarray) -> np.ndarray:
        """[n, T]: every object turned as its points turn about their middle, as complex numbers of length 1."""
        turn = np.ones((self.lattice.nodes, len(path)), dtype=complex)
        for k in np.unique(self.objects.home[self.objects.home >= 0]):
            mine = self.objects.home == k
            before = _complex(self.start[mine])
            after = before + _complex(path[:, mine])
            arms = np.conj(before - before.mean()) * (after - after.mean(axis=1, keepdims=True))
            spin = arms.sum(axis=1)
            turn[self.objects.owner.ravel() == k] = np.where(
                np.abs(spin) > 1e-9, spin / np.maximum(np.abs(spin), 1e-9), 1
            )
        return turn


def _rotations(incidence: sp.csr_array, stiffness: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """[n, T] the rotation of every node's star of edges, as complex numbers of length 1."""
    turned = np.conj(_complex(before))[:, None] * _complex(after)
    star = abs(incidence) @ (stiffness[:, None] * turned)
    return star / np.maximum(np.abs(star), 1e-12)


def _complex(pairs: np.ndarray) -> np.ndarray:
    return pairs[..., 0] + 1j * pairs[..., 1]


def _pairs(numbers: np.ndarray) -> np.ndarray:
    return np.stack([np.real(numbers), np.imag(numbers)], axis=-1)


def _grip(lattice: Lattice, inside: np.ndarray, start: np.ndarray, holds: np.ndarray) -> sp.csr_array:
    """[P, n]: a point that holds an object takes the nodes around it along, as far as they belong to an object."""
    radius = GRIP * lattice.picture.diagonal
    pixels = start * [lattice.picture.width, lattice.picture.height]
    near = KDTree(pixels[holds]).sparse_distance_matrix(KDTree(lattice.positions), radius, output_type="coo_matrix")
    weight = GRIP_WEIGHT * (1 - near.data / radius) * inside[near.col]
    return sp.coo_array(
        (weight, (np.flatnonzero(holds)[near.row], near.col)), shape=(len(start), lattice.nodes)
    ).tocsr()


def _leads_out(lattice: Lattice, objects: Objects) -> np.ndarray:
    """[E] bool: the edges of the lattice between an object and what is not it."""
    a, b, _ = lattice.edges
    return objects.owner.flat[a] != objects.owner.flat[b]


def comes_off(lattice: Lattice, lab: np.ndarray, objects: Objects, body: Body, path: np.ndarray) -> np.ndarray:
    """[E] bool: the edges of the lattice at which an object leaves the ground, or another object."""
    loose = _comes_off_at_edges(lattice, lab, objects)
    furthest = np.abs(path).max(axis=(1, 2)).argmax()
    guess = body.deformed(path[[furthest]], loose, rounds=0)
    return loose | _comes_off_instead_of_tearing(lattice, objects, guess, loose)


def _comes_off_at_edges(lattice: Lattice, lab: np.ndarray, objects: Objects) -> np.ndarray:
    a, b, _ = lattice.edges
    smooth = ndimage.gaussian_filter(lab, (0, BLUR, BLUR))  # fur and grass have contrast, but no edge
    contrast = np.sqrt(sum((ndimage.grey_dilation(c, (3, 3)) - ndimage.grey_erosion(c, (3, 3))) ** 2 for c in smooth))
    contrast = contrast.ravel()
    return _leads_out(lattice, objects) & (np.maximum(contrast[a], contrast[b]) > EDGE)


def _comes_off_instead_of_tearing(
    lattice: Lattice, objects: Objects, guess: np.ndarray, loose: np.ndarray
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
