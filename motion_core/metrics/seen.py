"""What is seen of a motion that was found in frames; the rest of it was filled in, not measured."""

from __future__ import annotations

from torch import Tensor

from ..errors import ShapeError
from ..types import MotionField
from .not_measured import NotMeasured

LEAST_SEEN = 0.01  # of the pixels; fewer say nothing of the picture


def check_seen(seen: Tensor, field: MotionField) -> None:
    """ShapeError if this is not [F, H, W], one flag for every pixel of the field in every frame."""
    if tuple(seen.shape) != (field.frames, *field.size):
        raise ShapeError(
            f"What is seen is [{field.frames}, {field.size.height}, {field.size.width}]; got {list(seen.shape)}."
        )


def check_enough(seen: float, of: float) -> None:
    """NotMeasured if so many seen pixels of all of them are too few to stand for them."""
    if seen < LEAST_SEEN * of:
        raise NotMeasured(f"fewer than {100 * LEAST_SEEN:g} % of its pixels are seen again in later frames")
