"""Sparse tracks, as point trackers and drawing editors give them, as a dense motion."""

from __future__ import annotations

from torch import Tensor

from ..draft import draft_field
from ..errors import MotionError
from ..tracks import Tracks
from ..types import MotionField


def motion_from_tracks(tracks: Tracks, picture: Tensor, frames: int | None = None) -> MotionField:
    """The field [F, 2, H, W] in which the tracked points of the picture [3, H, W] go where they were seen to go.

    Between them every thing moves as rigidly as it can (draft.draft_field).
    frames: how many, counting the picture; as many as the tracks say when not given.
    """
    frames = frames if frames is not None else tracks.frames
    if frames is None:
        raise MotionError("These tracks do not say how many frames they last. Say how many are wanted.")
    return draft_field(picture, tracks.trajectories, frames=frames)
