"""The noun SourceMotion: what was found out about the motion of a video."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ShapeError
from ..types import MotionField


@dataclass(frozen=True, eq=False)
class SourceMotion:
    """Where every pixel of a video's first frame goes, and whether it is seen there.

    field: [F, 2, H, W] px from the first frame to each of the F frames.
    seen: [F, H, W] bool, of the pixels of the first frame: False where one is covered, has left the picture, or cannot
        be found again. There the field is filled smoothly from around, or kept as it was if nothing at all is seen.
    cuts: numbers of the frames of the video that begin another shot; the motion ends before the first of them.
    followed: how many frames of the video the motion spans; as many as the field has when not given.
    """

    field: MotionField
    seen: Tensor
    cuts: tuple[int, ...] = ()
    followed: int | None = None

    def __post_init__(self) -> None:
        wanted = (self.field.frames, *self.field.size)
        if tuple(self.seen.shape) != wanted or self.seen.dtype != torch.bool:
            raise ShapeError(
                f"What is seen of this motion is bool {list(wanted)}; got {self.seen.dtype} {list(self.seen.shape)}."
            )

    def fps(self, of_video: float) -> float:
        """Frames a second at which the field plays as fast as the video, which has `of_video` of them."""
        return of_video * (self.field.frames - 1) / ((self.followed or self.field.frames) - 1)

    @property
    def summary(self) -> str:
        """For a person: the field's summary, how much of the first frame is still seen, and the cut if there is one."""
        shares = self.seen.flatten(1).float().mean(dim=1) * 100
        said = f"seen of the first frame: {shares.mean():.0f} % on average, {shares[-1]:.0f} % in the last frame"
        cut = [f"ends before the cut at frame {self.cuts[0]} of the video"] if self.cuts else []
        return "\n".join([self.field.summary, said, *cut])
