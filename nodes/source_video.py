"""Motion Field from Video: how things move in one video, for another picture to move so too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import get_args

import comfy.model_management
import comfy.utils
from comfy_api.latest import io
from torch import Tensor

from ..motion_core.errors import MotionError
from ..motion_core.optical_flow import FlowEstimator, estimator_named
from ..motion_core.source_video import AtCut, Method, SourceMotion, motion_from_tracks, motion_from_video
from ..motion_core.tracks import read_tracks
from ..motion_core.types import Size
from .io_types import MotionField, Tracks, picture_from, soft_from
from .models import OPTICAL_FLOW, files, path_of
from .trajectories import LARGEST, LONGEST

NONE = "none"
ESTIMATORS = ["dis", "dis-fast", "dis-fine", "raft"]


class MotionFieldFromVideo(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MotionI2V_MotionFieldFromVideo",
            display_name="Motion Field from Video",
            category="Motion-I2V/motion field",
            description="Follows every pixel of a video's first frame through the video: its motion, for a picture "
            "that shows the same in another style.",
            inputs=[
                io.Image.Input(
                    "images", tooltip="All frames of one shot, as from Load Video and Get Video Components."
                ),
                io.Combo.Input(
                    "estimator",
                    options=ESTIMATORS,
                    tooltip="What finds motion. dis: OpenCV's, without any model; dis-fine is slower and more exact. "
                    f"raft: a network whose weights you put into models/{OPTICAL_FLOW}.",
                ),
                io.Combo.Input(
                    "weights",
                    options=[NONE, *files(OPTICAL_FLOW)],
                    tooltip=f"torchvision's weights of raft_large or raft_small, in models/{OPTICAL_FLOW}. "
                    "Only for raft.",
                ),
                io.Combo.Input(
                    "method",
                    options=list(get_args(Method)),
                    tooltip="best: for every pixel the likelier of both. direct: from the first frame to each, for "
                    "small motion. chained: from frame to frame, for large motion.",
                ),
                io.Int.Input(
                    "frames",
                    default=0,
                    min=0,
                    max=LONGEST,
                    tooltip="Spreads the motion of the whole video over so many. 0: as many as the video has.",
                ),
                io.Int.Input(
                    "width",
                    default=0,
                    min=0,
                    max=LARGEST,
                    tooltip="Of the field; smaller is faster. 0: in proportion to the height, or as the video.",
                ),
                io.Int.Input(
                    "height",
                    default=0,
                    min=0,
                    max=LARGEST,
                    tooltip="Of the field; smaller is faster. 0: in proportion to the width, or as the video.",
                ),
                io.Combo.Input(
                    "at_cut",
                    options=["stop", "refuse"],
                    tooltip="At a hard cut. stop: the motion ends before it, and the summary says so. refuse: nothing "
                    "is made.",
                ),
                io.Image.Input(
                    "image", optional=True, tooltip="In place of width and height: the picture that is to move."
                ),
                io.Mask.Input("mask", optional=True, tooltip="White moves as in the video, black rests."),
                Tracks.Input(
                    "tracks",
                    optional=True,
                    tooltip="Points that a tracker has followed, in place of the estimator: spread over the things "
                    "they lie on.",
                ),
                io.Float.Input(
                    "fps",
                    default=24.0,
                    min=0.01,
                    max=1000.0,
                    step=0.01,
                    optional=True,
                    tooltip="Of the video, from Get Video Components. Only the output of that name needs it.",
                ),
            ],
            outputs=[
                MotionField.Output(display_name="motion_field", tooltip="To look at, edit, save and render."),
                io.Mask.Output(
                    display_name="seen",
                    tooltip="One mask a frame, of the first frame's pixels: black where one is covered, or has left.",
                ),
                io.String.Output(
                    display_name="summary", tooltip="Frames, size, how far things go, how much is seen, and a cut."
                ),
                io.Float.Output(
                    display_name="fps",
                    tooltip="Frames a second at which the motion is as fast as in the video, to Create Video.",
                ),
            ],
        )

    @classmethod
    def execute(
        cls,
        images: Tensor,
        estimator: str,
        weights: str,
        method: Method,
        frames: int,
        width: int,
        height: int,
        at_cut: AtCut,
        image: Tensor | None = None,
        mask: Tensor | None = None,
        tracks: dict | None = None,
        fps: float = 24.0,
    ) -> io.NodeOutput:
        first = picture_from(images)
        size = _wanted(Size.of(first), width, height) if image is None else Size.of(picture_from(image))
        if tracks is not None:
            motion, told = _tracked(tracks, first, size, frames or None)
        else:
            engine = _estimator(estimator, weights)
            motion = _followed(images, engine, method, size, frames or None, at_cut)
            told = f"found by {engine.name}, {method}, in {len(images)} frames of {Size.of(first)}"
        if mask is not None:
            motion = replace(motion, field=motion.field.restricted(soft_from(mask, size)))
            told += "\nonly what lies under the mask moves"
        return io.NodeOutput(motion.field, motion.seen.float(), f"{motion.summary}\n{told}", motion.fps(fps))


def pictures(images: Tensor) -> Iterator[Tensor]:
    """[3, H, W] of every image of an IMAGE, on the CPU, one after the other. MotionError if there is none."""
    return (picture_from(images[number : number + 1]).cpu() for number in range(max(len(images), 1)))


def counted(frames: int) -> Callable[[int], None]:
    """To be told how many frames are done: ComfyUI is told too, and may interrupt."""
    bar = comfy.utils.ProgressBar(frames)

    def on_frame(done: int) -> None:
        bar.update_absolute(done, frames)
        comfy.model_management.throw_exception_if_processing_interrupted()

    return on_frame


def _wanted(own: Size, width: int, height: int) -> Size:
    """The size asked for; 0 is in proportion to the other, or the video's own."""
    if not width and not height:
        return own
    return Size(
        height=height or max(1, round(own.height * width / own.width)),
        width=width or max(1, round(own.width * height / own.height)),
    )


def _estimator(name: str, weights: str) -> FlowEstimator:
    if name != "raft":
        return estimator_named(name)
    if weights == NONE:
        raise MotionError(
            f"RAFT needs a file of its weights. Put raft_large or raft_small of torchvision into models/{OPTICAL_FLOW} "
            "and choose it as weights, or choose dis."
        )
    return estimator_named(name, path_of(weights, OPTICAL_FLOW), device=comfy.model_management.get_torch_device())


def _followed(
    images: Tensor, engine: FlowEstimator, method: Method, size: Size, frames: int | None, at_cut: AtCut
) -> SourceMotion:
    progress = counted(len(images))
    return motion_from_video(
        pictures(images), engine, method=method, size=size, frames_out=frames, at_cut=at_cut, progress=progress
    )


def _tracked(tracks: dict, first: Tensor, size: Size, frames: int | None) -> tuple[SourceMotion, str]:
    """The motion of tracks that count the pixels of the first frame [3, H, W], and what was read."""
    found = read_tracks(tracks, size=Size.of(first))
    motion = motion_from_tracks(found, first.cpu(), size=size, frames_out=frames)
    return motion, f"spread from tracks: {found.summary}"


NODES: list[type[io.ComfyNode]] = [MotionFieldFromVideo]
