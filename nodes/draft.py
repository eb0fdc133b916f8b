"""Draft Motion Field and Draft Render: drawn motion on the screen in seconds, without a network."""

from __future__ import annotations

from collections.abc import Iterator

import comfy.model_management
import comfy.utils
import torch
import torch.nn.functional as F
from comfy_api.latest import io
from torch import Tensor

from ..motion_core import types
from ..motion_core.controls.stride import FRAMES
from ..motion_core.draft import draft_field, draft_frames
from ..motion_core.tracks import Tracks
from ..motion_core.types import Size
from .io_types import MotionField, Trajectories, images_from, picture_from, region_from
from .trajectories import LONGEST


class DraftMotionField(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MotionI2V_DraftMotionField",
            display_name="Draft Motion Field",
            category="Motion-I2V/draft",
            description="Spreads drawn motion over the objects of the image, without any model, in seconds.",
            inputs=[
                io.Image.Input("image", tooltip="The still image; it is frame 0."),
                Trajectories.Input("trajectories", tooltip="From Draw Trajectories, or any node that makes them."),
                io.Int.Input("frames", default=FRAMES, min=1, max=LONGEST, tooltip="Counting the image."),
                io.Mask.Input(
                    "motion_brush", optional=True, tooltip="Painted where things may move; the rest is held still."
                ),
            ],
            outputs=[MotionField.Output(display_name="motion_field", tooltip="To look at, edit, save and render.")],
        )

    @classmethod
    def execute(
        cls, image: Tensor, trajectories: Tracks, frames: int, motion_brush: Tensor | None = None
    ) -> io.NodeOutput:
        picture = picture_from(image).cpu()
        region = region_from(motion_brush, Size.of(picture))
        return io.NodeOutput(draft_field(picture, trajectories.trajectories, frames=frames, region=region))


class DraftRender(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MotionI2V_DraftRender",
            display_name="Draft Render",
            category="Motion-I2V/draft",
            description="Carries the image along a motion field, without any model: a preview of the motion.",
            inputs=[
                io.Image.Input("image", tooltip="The still image; it is frame 0."),
                MotionField.Input("motion_field", tooltip="Fitted to the image if their sizes differ."),
                io.Boolean.Input(
                    "even_sides",
                    default=True,
                    optional=True,  # prompts from before it was there still run
                    tooltip="Makes an odd width or height one pixel longer: video files such as .mp4 want even sides.",
                ),
            ],
            outputs=[io.Image.Output(display_name="frames", tooltip="One image a frame, to Create Video.")],
        )

    @classmethod
    def execute(cls, image: Tensor, motion_field: types.MotionField, even_sides: bool = True) -> io.NodeOutput:
        picture = picture_from(image)
        if even_sides:
            picture = _even(picture)
        frames = draft_frames(picture, motion_field.resized(Size.of(picture)))
        return io.NodeOutput(images_from(torch.stack(list(_counted(frames, motion_field.frames)))))


def _even(picture: Tensor) -> Tensor:
    """The picture [3, H, W], stretched by a pixel where a side is odd: what lies at 0…1 of it stays there."""
    height, width = Size.of(picture)
    even = Size(height=height + height % 2, width=width + width % 2)
    if even == (height, width):
        return picture
    return F.interpolate(picture[None], even, mode="bicubic")[0].clamp(0, 1)


def _counted(frames: Iterator[Tensor], count: int) -> Iterator[Tensor]:
    """The frames; ComfyUI is told of each, and may interrupt after it."""
    bar = comfy.utils.ProgressBar(count)
    for frame in frames:
        yield frame
        bar.update(1)
        comfy.model_management.throw_exception_if_processing_interrupted()


NODES: list[type[io.ComfyNode]] = [DraftMotionField, DraftRender]
