"""The motion of a video, from its frames."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import MotionError, ShapeError
from ..optical_flow import FlowEstimator, all_finite
from ..types import Size
from .following import Follower, Method, Way, found_again
from .likeness import shows_nothing
from .noun import SourceMotion
from .plain_ground import Grounded
from .thinning import Thinned

AtCut = Literal["refuse", "stop"]

SAME_SHOT = 0.15  # of what a frame shows is found again in the next one; measured: cuts up to 0.08, fast pans from 0.37

log = logging.getLogger(__name__)


def motion_from_video(
    frames: Iterable[Tensor],
    estimator: FlowEstimator,
    *,
    method: Method = "best",
    size: Size | None = None,
    frames_out: int | None = None,
    at_cut: AtCut = "refuse",
    progress: Callable[[int], None] | None = None,
) -> SourceMotion:
    """Where every pixel of a video's first frame goes, in every frame, and whether it is seen there.

    frames: of one shot, each [3, H, W], 0…1, one after the other; three of them are kept at a time.
    method: "direct" from the first frame to each, "chained" from frame to frame, or "best", per pixel (following.py).
    size: of the field, and of the pictures it is found in; the frames' own when not given.
    frames_out: retime the motion over the whole video to so many frames. At most four times as many are then kept, so a
        long video takes no more memory than a short one, and what it does between those is taken to be linear. When
        not given, the motion of all frames is the result, and takes memory for each of them.
    at_cut: at a hard cut, "refuse" with a MotionError, or "stop" before it. Motion too fast to follow counts as one.
    progress: told how many frames are done, after each.

    A black or plain frame shows nothing: nothing is seen in it, the field rests as it was, and the video is followed
    on from the frame before it. If the first frame shows nothing, there is nothing to follow: no motion, nothing seen.
    MotionError for fewer than two frames, or before the first cut. Fields are on the device of the frames.
    """
    for word, choices in ((method, get_args(Method)), (at_cut, get_args(AtCut))):
        if word not in choices:
            raise MotionError(f"Motion from a video knows {', '.join(choices)}; got “{word}”.")
    if frames_out is not None and frames_out < 2:
        raise MotionError(f"A motion is retimed to two frames at least; asked for {frames_out}.")
    if size is not None and min(size) < 1:
        raise ShapeError(f"A motion field has at least one pixel; it cannot be {size}.")
    estimator = Grounded(estimator)
    found, cuts = Thinned(frames_out), ()
    follower = None
    plain, shown = False, 0  # shown: the number of the last frame that shows something
    for number, frame in enumerate(_checked(frames, size)):
        nothing = shows_nothing(frame)
        if follower is None:
            follower, plain = Follower(frame, estimator, method), nothing
            seen = follower.seen & (not plain)
        elif plain or nothing:
            seen = torch.zeros_like(follower.seen)
        elif torch.equal(frame, follower.previous):
            seen = follower.seen
        else:
            step = Way.between(follower.previous, frame, estimator)
            if found_again(follower.previous, frame, step) < SAME_SHOT:
                _at_cut(shown, number, at_cut)
                cuts = (number,)
                break
            follower.follow(frame, step)
            seen = follower.seen
        shown = shown if nothing else number
        found.add(follower.displacement, seen)
        if progress is not None:
            progress(number + 1)
    if found.count < 2:
        raise MotionError(f"Motion needs a video of two frames at least; got {found.count}.")
    if plain:
        log.warning("The first frame shows nothing to follow: no motion is found. Begin at a later frame.")
    field, seen = found.retimed()
    return SourceMotion(field, seen, cuts, found.count)


def _at_cut(shown: int, number: int, at_cut: AtCut) -> None:
    said = f"Nothing of frame {shown} is found again in frame {number}: a hard cut, or motion too fast to follow."
    if at_cut == "refuse" or number == 1:
        instead = ", or ask to stop before the cut" if number > 1 else ""
        raise MotionError(f"{said} Give the frames of one shot only{instead}.")
    log.warning("%s The motion ends before it.", said)


def _checked(frames: Iterable[Tensor], size: Size | None) -> Iterator[Tensor]:
    """Every frame in float32, of one size, resized to the wanted one."""
    own = None
    for number, frame in enumerate(frames):
        if frame.ndim != 3 or frame.shape[0] != 3 or 0 in frame.shape or not frame.is_floating_point():
            raise ShapeError(f"Frame {number} is no picture [3, H, W] of 0…1, but {list(frame.shape)} {frame.dtype}.")
        own = own or Size.of(frame)
        if Size.of(frame) != own:
            raise ShapeError(f"Frame {number} is {Size.of(frame)}, the ones before it {own}; a video has one size.")
        if not all_finite(frame):
            raise MotionError(f"Frame {number} has a value that is not a finite number, so it has no colour there.")
        picture = frame.detach().float()
        if size is not None and size != own:
            picture = F.interpolate(picture[None], size, mode="bilinear", antialias=True)[0]
        yield picture.clamp(0, 1)
