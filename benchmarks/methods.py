"""Three ways to spread drawn motion over an object, compared: why the draft engine does it as it does.

All three get the same extents (what belongs to the object) and the same points; they differ in what happens inside.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F

from motion_core.draft import spread
from motion_core.draft.objects import Objects
from motion_core.draft.rigidity import Body, Deformation, as_rigid_as_possible, comes_off
from motion_core.types import MotionField, Size, Trajectory

from .stories import STORIES
from .timing import medians, table

SIZE = Size(height=320, width=512)


def laplacian(lattice, lab, objects, start, path, region=None) -> Deformation:
    """One edge-aware Laplacian solve: smooth, but it knows nothing of turning."""
    nothing_turns = Objects(objects.extents, np.full_like(objects.home, -1))
    body = Body(lattice, nothing_turns, start, path, region)
    loose = comes_off(lattice, lab, objects, body, path)
    return Deformation(body.deformed(path, loose, rounds=0), loose)


def moving_least_squares(lattice, lab, objects, start, path, region=None) -> Deformation:
    """Rigid moving least squares (Schaefer et al. 2006) of the points on each object, cut out at its outline."""
    moved = np.zeros((len(path), lattice.nodes, 2))
    owner = objects.owner.ravel()
    points = start * [lattice.picture.width, lattice.picture.height]
    node = lattice.positions[:, 0] + 1j * lattice.positions[:, 1]
    for k in range(len(objects.extents)):
        mine = np.flatnonzero(objects.home == k)
        p = points[mine, 0] + 1j * points[mine, 1]
        weight = 1 / (np.abs(node[:, None] - p) ** 2 + 1e-3)
        weight /= weight.sum(axis=1, keepdims=True)
        for t in range(len(path)):
            q = p + path[t, mine, 0] + 1j * path[t, mine, 1]
            before, after = weight @ p, weight @ q
            spin = (weight * np.conj(p - before[:, None]) * (q - after[:, None])).sum(axis=1)
            turn = np.where(np.abs(spin) > 1e-9, spin / np.maximum(np.abs(spin), 1e-9), 1)
            to = turn * (node - before) + after - node
            moved[t, owner == k] = np.stack([to.real, to.imag], axis=1)[owner == k]
    a, b, _ = lattice.edges
    return Deformation(moved, owner[a] != owner[b])


METHODS: dict[str, Callable[..., Deformation]] = {
    "moving least squares": moving_least_squares,
    "Laplacian": laplacian,
    "as rigid as possible": as_rigid_as_possible,
}


def methods_table() -> str:
    rows = []
    for name, method in METHODS.items():
        ours = spread.as_rigid_as_possible
        spread.as_rigid_as_possible = method
        try:
            turned, bent = _turning_error(), _bending_strain()
            photos = [_on_photo(story) for story in range(len(STORIES))]
            seconds = medians({"all": lambda: _photo_field(1)}, repeats=3)["all"]
        finally:
            spread.as_rigid_as_possible = ours
        strains = " / ".join(f"{100 * strain:.1f} %" for strain, _ in photos)
        ends = max(end for _, end in photos)
        rows.append([name, f"{turned:.2f} px", f"{100 * bent:.1f} %", strains, f"{ends:.3f} px", f"{seconds:.2f} s"])
    header = [
        "inside the object",
        "turned disc: error",
        "bent bar: strain",
        "photos: strain",
        "worst end",
        "motion takes",
    ]
    return table(header, rows)


def _photo_field(story: int) -> MotionField:
    picture = F.interpolate(STORIES[story].picture()[None], SIZE, mode="bilinear", antialias=True)[0]
    return spread.draft_field(picture, STORIES[story].trajectories, frames=16, region=STORIES[story].region(SIZE))


def _on_photo(story: int) -> tuple[float, float]:
    """Mean strain where things move, and how far the worst drawn end is missed, in pixels."""
    field, trajectories = _photo_field(story), STORIES[story].trajectories
    return _strain(field.displacement[-1]), _missed(field, trajectories)


def _missed(field: MotionField, trajectories: list[Trajectory]) -> float:
    starts = torch.tensor([t.points[0] for t in trajectories])
    ends = torch.tensor([t.points[-1] for t in trajectories])
    picture = torch.tensor([field.size.width, field.size.height])
    return float(((field.at(starts)[-1] - ends) * picture).norm(dim=1).max())


def _strain(displacement: torch.Tensor) -> float:
    """How much the moving surface is stretched or sheared, on average; a turn and a shift are none."""
    gradient = torch.stack(
        [torch.diff(displacement, dim=2)[:, :-1], torch.diff(displacement, dim=1)[:, :, :-1]], dim=-1
    ).permute(1, 2, 0, 3)
    deformation = torch.eye(2) + gradient
    stretched = torch.linalg.svdvals(deformation) - 1
    moving = torch.hypot(*displacement)[:-1, :-1] > 1
    surface = gradient.abs().amax(dim=(2, 3)) < 0.9  # an outline is no surface
    return float(stretched.abs().mean(dim=-1)[moving & surface].mean())


def _scene(inside: torch.Tensor) -> torch.Tensor:
    grain = torch.rand(3, *SIZE, generator=torch.Generator().manual_seed(0)) * 0.04
    return torch.where(inside, torch.tensor([0.2, 0.5, 0.2]).view(3, 1, 1), torch.tensor(0.75)) + grain


def _turning_error() -> float:
    y, x = torch.meshgrid(torch.arange(320) + 0.5 - 160, torch.arange(512) + 0.5 - 256, indexing="ij")
    angle, arm = np.radians(50), 60
    turned = arm * np.array([np.cos(angle), np.sin(angle)]) / [512, 320]
    drags = [
        Trajectory([(0.5 + arm / 512, 0.5), tuple(0.5 + turned)]),
        Trajectory([(0.5 - arm / 512, 0.5), tuple(0.5 - turned)]),
    ]
    field = spread.draft_field(_scene(x**2 + y**2 < 80**2), drags, frames=2)
    truth = torch.stack([np.cos(angle) * x - np.sin(angle) * y - x, np.sin(angle) * x + np.cos(angle) * y - y])
    return float((field.displacement[-1] - truth).norm(dim=0)[x**2 + y**2 < 76**2].mean())


def _bending_strain() -> float:
    y, x = torch.meshgrid(torch.arange(320.0), torch.arange(512.0), indexing="ij")
    bar = (y > 145) & (y < 175) & (x > 80) & (x < 430)
    trajectories = [
        Trajectory([(100 / 512, 0.5)]),
        Trajectory([(0.5, 0.5)]),
        Trajectory([(410 / 512, 0.5), (385 / 512, 240 / 320)]),
    ]
    return _strain(spread.draft_field(_scene(bar), trajectories, frames=2).displacement[-1])
