"""What finds motion in the frames of a clip for a report, if it can be had here."""

from __future__ import annotations

import os

import torch

from ..errors import MotionError
from ..optical_flow import FlowEstimator, estimator_named

NONE = "none"  # in the place of an estimator's name


def estimator_or_reason(
    name: str, weights: str | os.PathLike[str] | None = None, *, device: torch.device | str = "cpu"
) -> FlowEstimator | str | None:
    """The estimator of that name, as estimator_named has it; None for "none".

    If the library that it needs is not installed, this in words: the rest of a report is worth having. An unknown
    name, and weights that are missing or broken, stay a MotionError.
    """
    if name == NONE:
        return None
    try:
        return estimator_named(name, weights, device=device)
    except MotionError as why:
        if not isinstance(why.__cause__, ImportError):
            raise
        return str(why).rstrip(".")
