"""The things that drags take hold of, told apart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .extent import extent
from .lattice import Lattice

MOST = 8  # things told apart; drags beyond join the nearest


@dataclass(frozen=True)
class Objects:
    """extents: [K, h, w], how surely each node belongs to each thing, 0…1. home: [P], the thing that every drawn point
    holds, -1 for the ground."""

    extents: np.ndarray
    home: np.ndarray

    @cached_property
    def inside(self) -> np.ndarray:
        """[h, w], 0…1: how surely a node belongs to any of them."""
        return self.extents.max(axis=0)

    @cached_property
    def owner(self) -> np.ndarray:
        """[h, w]: the thing that a node belongs to, -1 for the ground."""
        return np.where(self.inside > 0.5, self.extents.argmax(axis=0), -1)


def grabbed(
    lattice: Lattice, lab: np.ndarray, start: np.ndarray, moving: np.ndarray, region: np.ndarray | None
) -> Objects:
    """What the drags among the points take hold of, at least one thing.

    lab: [3, h, w] colours. start: [P, 2] points, 0…1 of the picture. moving: [P] bool, the drags; the others are pins.
    region: [h, w] bool, what the motion brush lets move.

    Drags on the same thing share one. A pin on a grabbed thing is a joint that it bends about; one beside it says
    what does not belong to it.
    """
    node = lattice.nearest(start)
    home = np.full(len(node), -1)
    extents: list[np.ndarray] = []
    for drag in np.flatnonzero(moving):
        found = [k for k, whole in enumerate(extents) if whole.flat[node[drag]] > 0.5]
        if not found and len(extents) < MOST:
            whole = extent(lattice, lab, start[[drag]], start[:0], region)
            found = list(home[(home >= 0) & (whole.flat[node] > 0.5)])
            if not found:
                found = [len(extents)]
                extents.append(whole)
        if not found:
            others = np.flatnonzero(home >= 0)
            found = [home[others[np.linalg.norm(start[others] - start[drag], axis=1).argmin()]]]
        home[drag] = found[0]
    for pin in np.flatnonzero(~moving):
        inside = [whole.flat[node[pin]] for whole in extents]
        home[pin] = int(np.argmax(inside)) if max(inside) > 0.5 else -1
    for k in range(len(extents)):
        drags, resting = start[(home == k) & moving], start[home != k]
        if len(drags) > 1 or len(resting):
            extents[k] = extent(lattice, lab, drags, resting, region)
    return Objects(_with_their_points(np.stack(extents), lattice, start, home), home)


def _with_their_points(extents: np.ndarray, lattice: Lattice, start: np.ndarray, home: np.ndarray) -> np.ndarray:
    """The cell of the lattice around a point belongs to what the point holds, whatever it looks like."""
    corners = lattice.bilinear(start).tocoo()
    for k in range(len(extents)):
        extents[k].flat[corners.col] = home[corners.row] == k
    return extents
