"""What a report is given, checked and brought to one size and one count of frames."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import MotionError, ShapeError
from ..types import MotionField, Size, Trajectory, frame_instants

if TYPE_CHECKING:
    from ..source_video import SourceMotion


@dataclass(frozen=True, eq=False)
class Motion:
    """A motion at the report's size and count.

    seen: [F, H, W] bool, or None if that is not known. covered: how many frames the motion is known of; None is all.
    """

    field: MotionField
    seen: Tensor | None = None
    covered: int | None = None

    @property
    def known(self) -> MotionField:
        """The part of the field that was measured."""
        return self.field if self.covered is None else self.field.cut(self.covered)

    @property
    def known_seen(self) -> Tensor | None:
        """What is seen of that part."""
        return None if self.seen is None else self.seen[: self.covered]


def check_frames(frames: Tensor) -> None:
    """MotionError if these are not the frames of a clip, [F, 3, H, W], finite."""
    if frames.ndim != 4 or frames.shape[1] != 3 or not frames.is_floating_point() or 0 in frames.shape[2:]:
        raise ShapeError(f"The frames of a clip are floating-point [F, 3, H, W]; got {list(frames.shape)}.")
    if len(frames) == 0:
        raise MotionError("The clip has no frames; a report needs at least one.")
    if not all(torch.isfinite(frame).all() for frame in frames):
        raise MotionError("A frame of the clip has a value that is not a finite number, so nothing can be measured.")


def fitted_field(
    field: MotionField, size: Size, count: int, notes: list[str], *, whole: int, what: str = "motion field"
) -> MotionField:
    """The same motion in frames of that size, the first `count` of `whole`; a note says what was done to it."""
    if field.frames != whole:
        notes.append(f"The {what} has {field.frames} frames, the clip {whole}; it was retimed.")
        field = field.taken_at(frame_instants(whole)[:count])
    elif count < whole:
        field = field.cut(count)
    if field.size != size:
        notes.append(f"The {what} is {field.size}, the clip {size}; it was resized, its lengths with it.")
        field = field.resized(size)
    return field


def first_part(trajectory: Trajectory, count: int, whole: int) -> Trajectory:
    """What a trajectory asks in the first `count` of a clip's `whole` frames."""
    instants = frame_instants(whole)[:count]
    points, seen = trajectory.at(instants).tolist(), trajectory.seen_at(instants).tolist()
    return replace(trajectory, points=points, times=(), visible=seen, curve="straight", easing="linear")


def fitted_found(found: SourceMotion, size: Size, count: int, notes: list[str]) -> Motion:
    """The motion found in the frames, likewise. It ends before a hard cut: after that nothing is seen."""
    covered = count
    if found.cuts and found.cuts[0] < count:
        covered = found.cuts[0]
        notes.append(f"The clip has a hard cut at frame {covered}; its motion was measured up to there.")
    seen = found.seen
    if len(seen) != covered:
        seen = seen[np.rint(frame_instants(covered) * (len(seen) - 1)).astype(int)]
    if Size.of(seen) != size:
        seen = F.interpolate(seen[None].float(), size, mode="nearest-exact")[0] > 0.5
    field = fitted_field(found.field, size, covered, notes, whole=covered, what="motion found in the frames")
    if covered == count:
        return Motion(field, seen)
    after = count - covered
    seen = torch.cat([seen, torch.zeros_like(seen[:1]).expand(after, -1, -1)])
    rest = field.displacement[-1:].expand(after, -1, -1, -1)
    return Motion(MotionField(torch.cat([field.displacement, rest])), seen, covered)


def fitted_region(region: Tensor, size: Size, notes: list[str]) -> Tensor:
    """The brush's region [H, W], likewise."""
    if region.ndim != 2 or 0 in region.shape:
        raise ShapeError(f"The motion brush's region is [H, W]; got {list(region.shape)}.")
    if Size.of(region) == size:
        return region
    notes.append(f"The motion brush is {Size.of(region)}, the clip {size}; it was resized.")
    return F.interpolate(region[None, None].float(), size, mode="bilinear", align_corners=False)[0, 0]
