"""A coarse lattice of nodes over a picture, on which extent and motion are solved whatever the picture's size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import SuperLU, splu

from ..types import Size

NODES = 12_000  # about 139×86 for a 512×320 picture: one factorisation takes 0.05 s, features of 4 pixels are seen


@dataclass(frozen=True)
class Lattice:
    """size nodes over a picture of size picture; node (r, c) lies at ((c + ½) / width, (r + ½) / height)."""

    picture: Size
    size: Size

    @classmethod
    def over(cls, picture: Size) -> Lattice:
        scale = min(1.0, (NODES / (picture.height * picture.width)) ** 0.5)
        return cls(picture, Size(max(1, round(picture.height * scale)), max(1, round(picture.width * scale))))

    @property
    def nodes(self) -> int:
        return self.size.height * self.size.width

    @cached_property
    def positions(self) -> np.ndarray:
        """[n, 2] pixels of the picture, measured from its corner."""
        rows, columns = np.mgrid[: self.size.height, : self.size.width]
        spacing = [self.picture.width / self.size.width, self.picture.height / self.size.height]
        return (np.stack([columns.ravel(), rows.ravel()], axis=1) + 0.5) * spacing

    @cached_property
    def edges(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The eight-neighbour edges: start nodes, end nodes, and what a diagonal weighs against a side (½ : 1)."""
        node = np.arange(self.nodes).reshape(self.size)
        sides = [(node[:, :-1], node[:, 1:]), (node[:-1], node[1:])]
        diagonals = [(node[:-1, :-1], node[1:, 1:]), (node[:-1, 1:], node[1:, :-1])]
        start = np.concatenate([a.ravel() for a, _ in sides + diagonals])
        end = np.concatenate([b.ravel() for _, b in sides + diagonals])
        share = np.ones(len(start))
        share[sum(a.size for a, _ in sides) :] = 0.5
        return start, end, share

    @cached_property
    def incidence(self) -> sp.csr_array:
        """[n, E]: +1 where an edge ends, -1 where it starts; its transpose takes differences along the edges."""
        start, end, _ = self.edges
        edge = np.arange(len(start))
        signs = np.repeat([1.0, -1.0], len(start))
        return sp.csr_array((signs, (np.r_[end, start], np.r_[edge, edge])), shape=(self.nodes, len(start)))

    def laplacian(self, weight: np.ndarray) -> sp.csc_array:
        """[n, n] graph Laplacian of the edges with the given weights."""
        return (self.incidence @ sp.diags_array(weight) @ self.incidence.T).tocsc()

    def nearest(self, points: np.ndarray) -> np.ndarray:
        """[P] the node nearest to each point (0…1 of the picture; beyond the rim the rim's node)."""
        column, row = np.floor(points * [self.size.width, self.size.height]).astype(int).T
        return np.clip(row, 0, self.size.height - 1) * self.size.width + np.clip(column, 0, self.size.width - 1)

    def bilinear(self, points: np.ndarray) -> sp.csr_array:
        """[P, n]: row p mixes the nodes around points[p] (0…1 of the picture); beyond the rim the rim's nodes."""
        place = points * [self.size.width, self.size.height] - 0.5
        place = np.clip(place, 0, [self.size.width - 1, self.size.height - 1])
        corner = np.minimum(np.floor(place).astype(int), [max(self.size.width - 2, 0), max(self.size.height - 2, 0)])
        share = place - corner
        rows, columns, values = [], [], []
        for right in (0, 1):
            for down in (0, 1):
                column = np.minimum(corner[:, 0] + right, self.size.width - 1)
                row = np.minimum(corner[:, 1] + down, self.size.height - 1)
                x_share = share[:, 0] if right else 1 - share[:, 0]
                y_share = share[:, 1] if down else 1 - share[:, 1]
                rows.append(np.arange(len(points)))
                columns.append(row * self.size.width + column)
                values.append(x_share * y_share)
        entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
        return sp.coo_array(entries, shape=(len(points), self.nodes)).tocsr()


def factorised(system: sp.sparray) -> SuperLU:
    """The factors of a symmetric positive definite system."""
    return splu(
        sp.csc_array(system), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
    )
