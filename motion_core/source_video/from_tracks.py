"""Sparse tracks, as point trackers and drawing editors give them, as a dense motion."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from scipy.spatial import KDTree
from torch import Tensor

from ..draft import draft_field
from ..errors import MotionError
from ..tracks import Tracks
from ..types import Size
from ..warp import lands_inside
from .noun import SourceMotion


def motion_from_tracks(
    tracks: Tracks, picture: Tensor, *, size: Size | None = None, frames_out: int | None = None
) -> SourceMotion:
    """The motion in which the tracked points of the picture [3, H, W], a video's first frame, go as they were seen to.

    Between them every thing moves as rigidly as it can (draft.draft_field). A pixel is seen in a frame if it lands
    inside the picture and the tracked point that is nearest to it in the first frame is visible then: tracks know
    nothing of what lies between their points. A point that is hidden or outside in the first frame says nothing; if
    all are, nothing moves and nothing is seen.
    size: of the field; the picture's own when not given.
    frames_out: how many, counting the picture; as many as the tracks say when not given. MotionError for fewer than 2.
    """
    frames = frames_out if frames_out is not None else tracks.frames
    if frames is None:
        raise MotionError("These tracks do not say how many frames they last. Say how many are wanted.")
    if frames < 2:
        raise MotionError(f"Motion needs two frames at least; of these tracks there would be {frames}.")
    if size is not None and size != Size.of(picture):
        picture = F.interpolate(picture[None], size, mode="bilinear", antialias=True)[0]
    field = draft_field(picture, tracks.trajectories, frames=frames)
    visible = torch.from_numpy(_visible(tracks, field.size, frames)).to(field.displacement.device)
    return SourceMotion(field, visible & lands_inside(field.displacement), followed=tracks.frames)


def _visible(tracks: Tracks, size: Size, frames: int) -> np.ndarray:
    """[F, H, W] bool: whether the point nearest to every pixel of the first frame is visible."""
    positions, visible = tracks.sampled(frames)
    held = visible[0] & ((positions[0] >= 0) & (positions[0] <= 1)).all(axis=1)
    if not held.any():
        return np.zeros((frames, *size), dtype=bool)
    pixels = np.indices(size).reshape(2, -1).T[:, ::-1]  # (x, y)
    places = positions[0, held] * [size.width, size.height] - 0.5
    nearest = KDTree(places).query(pixels)[1].reshape(size)
    return visible[:, held][:, nearest]
