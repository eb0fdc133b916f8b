"""Why a number is missing, in the words that a report puts in its place."""

from __future__ import annotations

from ..errors import MotionError


class NotMeasured(MotionError):
    """What was given is sound, but there is nothing in it to measure. The message is the reason."""


def check_later_frames(frames: int) -> None:
    """NotMeasured if a clip of so many frames has none after the first."""
    if frames < 2:
        raise NotMeasured("there is only one frame, and no later one to compare it with")
