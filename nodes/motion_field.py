"""See, edit, save and load a motion field; it is the same motion at any size, so sizes are fitted, never refused."""

from __future__ import annotations

from typing import get_args

import torch
from comfy_api.latest import io, ui
from torch import Tensor

from ..motion_core import types
from ..motion_core.controls.camera import Camera, seen_by
from ..motion_core.field_file import RelativeTo, load_field, save_field
from ..motion_core.flow_color import arrows, flow_color, moved_grid
from ..motion_core.types import Easing, Size
from .io_types import MotionField, images_from, picture_from, soft_from
from .trajectories import LONGEST, camera_inputs, easing_input
from .user_files import OURS, fingerprint, new_path, offered, path_of, prefix_input, refused

SUFFIXES = {"safetensors": ".safetensors", "npz": ".npz", "flo folder": ""}
READ = {".safetensors", ".npz", ".flo"}
FPS = 8  # of a preview, as the authors make clips
TINTED = 0.5  # how much of the picture's own light is left under colours


def _field(tooltip: str, name: str = "motion_field") -> io.Input:
    return MotionField.Input(name, tooltip=tooltip)


def _edited() -> list[io.Output]:
    return [MotionField.Output(display_name="edited", tooltip="A new motion field; the given one stays as it is.")]


class PreviewMotionField(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MotionI2V_PreviewMotionField",
            display_name="Preview Motion Field",
            category="Motion-I2V/motion field",
            description="Shows a motion field as colors, as arrows or as a grid that moves along.",
            is_output_node=True,
            inputs=[
                _field("What to look at."),
                io.Combo.Input(
                    "look",
                    options=["colors", "arrows", "grid"],
                    tooltip="colors: the hue is the direction (right red, down yellow, left turquoise, up violet), "
                    "pale is slow. arrows: from where a point starts to where it is. grid: lines that move along.",
                ),
                io.Int.Input("spacing", default=24, min=4, max=256, tooltip="Pixels between arrows, or lines."),
                io.Float.Input(
                    "largest",
                    default=0.0,
                    min=0.0,
                    max=4096.0,
                    step=1.0,
                    tooltip="Pixels of motion that have the full color, to compare fields. 0: the field's own largest.",
                ),
                io.Image.Input("image", optional=True, tooltip="The picture to show it over."),
            ],
            outputs=[io.Image.Output(display_name="images", tooltip="One image a frame.")],
        )

    @classmethod
    def execute(
        cls,
        motion_field: types.MotionField,
        look: str,
        spacing: int,
        largest: float,
        image: Tensor | None = None,
    ) -> io.NodeOutput:
        picture = None if image is None else picture_from(image).cpu()
        images = images_from(_look(motion_field, look, spacing, largest or None, picture))
        return io.NodeOutput(images, ui=_playing(images))


def _look(field: types.MotionField, look: str, spacing: int, largest: float | None, picture: Tensor | None) -> Tensor:
    """[F, 3, H, W], over the picture [3, H, W] if there is one."""
    if picture is not None:
        field = field.resized(Size.of(picture))
    if look == "arrows":
        return arrows(field, torch.ones(3, *field.size) if picture is None else picture, spacing=spacing)
    if look == "grid":
        return moved_grid(field, spacing=spacing, picture=picture)
    colors = flow_color(field, largest).cpu()
    return colors if picture is None else colors * (1 - TINTED + TINTED * picture)


def _playing(images: Tensor) -> ui.SavedImages:
    """A moving picture below the node, kept as long as ComfyUI runs."""
    made = ui.ImageSaveHelper.save_animated_webp(
        images, "motion_field", io.FolderType.temp, None, fps=FPS, lossless=False, quality=85, method=0
    )
    return ui.SavedImages([made], is_animated=len(images) > 1)


class ScaleMotionField(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MotionI2V_ScaleMotionField",
            display_name="Scale Motion Field",
            category="Motion-I2V/motion field",
            description="More of the motion, less, or the opposite.",
            inputs=[
                _field("What to scale."),
                io.Float.Input(
                    "amount",
                    default=1.0,
                    min=-10.0,
                    max=10.0,
                    step=0.05,
                    tooltip="0 rests, 2 goes twice as far, -1 goes the opposite way.",
                ),
            ],
            outputs=_edited(),
        )

    @classmethod
    def execute(cls, motion_field: types.MotionField, amount: float) -> io.NodeOutput:
        return io.NodeOutput(motion_field.scaled(amount))


class RestrictMotionField(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MotionI2V_RestrictMotionField",
            display_name="Restrict Motion Field to Mask",
            category="Motion-I2V/motion field",
            description="Keeps the motion under a mask and lets everything else rest.",
            inputs=[
                _field("What to restrict."),
                io.Mask.Input(
                    "mask", tooltip="White moves, black rests, gray moves in part. Blur it for a soft border."
                ),
            ],
            outputs=_edited(),
        )

    @classmethod
    def execute(cls, motion_field: types.MotionField, mask: Tensor) -> io.NodeOutput:
        return io.NodeOutput(motion_field.restricted(soft_from(mask, motion_field.size)))


class AddCamera(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MotionI2V_AddCamera",
            display_name="Add Camera",
            category="Motion-I2V/motion field",
            description="Looks at a moving scene through a camera that moves too: things move first, then the camera.",
            inputs=[_field("The motion of the scene."), *camera_inputs()],
            outputs=_edited(),
        )

    @classmethod
    def execute(
        cls,
        motion_field: types.MotionField,
        zoom: float,
        pan_x: float,
        pan_y: float,
        rotate: float,
        centre_x: float,
        centre_y: float,
        easing: Easing,
    ) -> io.NodeOutput:
        camera = Camera(pan_x, pan_y, zoom, rotate, (centre_x, centre_y), easing)
        return io.NodeOutput(seen_by(camera, motion_field))


class RetimeMotionField(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MotionI2V_RetimeMotionField",
            display_name="Retime Motion Field",
            category="Motion-I2V/motion field",
            description="The same motion in other frames, at another pace, there and back as a loop, or backwards.",
            inputs=[
                _field("What to retime."),
                io.Int.Input(
                    "frames", default=0, min=0, max=LONGEST, tooltip="Counting the image. 0: as many as it has."
                ),
                io.Combo.Input(
                    "mode",
                    options=["stretch", "there and back", "backwards"],
                    tooltip="stretch: from beginning to end. there and back: to the end by half of the clip, and back. "
                    "backwards: from the end to the beginning, starting where things lie in the image.",
                ),
                easing_input(),
            ],
            outputs=_edited(),
        )

    @classmethod
    def execute(cls, motion_field: types.MotionField, frames: int, mode: str, easing: Easing) -> io.NodeOutput:
        ways = {"there and back": motion_field.there_and_back, "backwards": motion_field.backwards}
        return io.NodeOutput(ways.get(mode, motion_field.retimed)(frames or motion_field.frames, easing))


class BlendMotionFields(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MotionI2V_BlendMotionFields",
            display_name="Blend Motion Fields",
            category="Motion-I2V/motion field",
            description="Two motions in one: mixed, or each on its side of a mask.",
            inputs=[
                _field("What is blended from; the result has its size and frames.", "first"),
                _field("What is blended to; fitted to the size and frames of the first.", "second"),
                io.Float.Input(
                    "amount",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="0 is the first, 1 the second. With a mask, 1 puts the second wherever the mask is white.",
                ),
                io.Mask.Input("mask", optional=True, tooltip="Where the second comes in; everywhere without it."),
            ],
            outputs=[MotionField.Output(display_name="blended", tooltip="A new motion field.")],
        )

    @classmethod
    def execute(
        cls,
        first: types.MotionField,
        second: types.MotionField,
        amount: float,
        mask: Tensor | None = None,
    ) -> io.NodeOutput:
        second = second.retimed(first.frames).resized(first.size)
        return io.NodeOutput(first.blended(second, amount if mask is None else amount * soft_from(mask, first.size)))


def _relative_to() -> io.Combo.Input:
    return io.Combo.Input(
        "flo_relative_to",
        options=list(get_args(RelativeTo)),
        default="previous",
        tooltip="Only for folders of .flo: whether each file leads from the previous frame, as optical flow does, or "
        "from the reference.",
    )


class SaveMotionField(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MotionI2V_SaveMotionField",
            display_name="Save Motion Field",
            category="Motion-I2V/motion field",
            description="Writes a motion field into ComfyUI's output folder.",
            is_output_node=True,
            inputs=[
                _field("What to save."),
                prefix_input("field"),
                io.Combo.Input(
                    "format",
                    options=list(SUFFIXES),
                    tooltip="safetensors: exact, ours. npz: for numpy. flo folder: Middlebury .flo, one a frame, for "
                    "other programs.",
                ),
                _relative_to(),
            ],
            outputs=[io.String.Output(display_name="path", tooltip="Of the file or folder.")],
        )

    @classmethod
    def validate_inputs(cls, filename_prefix: str | None = None) -> bool | str:
        return (filename_prefix is not None and refused(filename_prefix)) or True

    @classmethod
    def execute(
        cls, motion_field: types.MotionField, filename_prefix: str, format: str, flo_relative_to: RelativeTo
    ) -> io.NodeOutput:
        path = new_path(filename_prefix, SUFFIXES[format])
        save_field(motion_field, path, relative_to=flo_relative_to)
        return io.NodeOutput(str(path), ui=ui.PreviewText(str(path)))


class LoadMotionField(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MotionI2V_LoadMotionField",
            display_name="Load Motion Field",
            category="Motion-I2V/motion field",
            description="Reads a motion field that was saved here, or optical flow that another program wrote.",
            inputs=[
                io.Combo.Input(
                    "file",
                    options=offered(READ, folders_of=".flo"),
                    tooltip="A .safetensors, .npz or .flo, or a folder of .flo, of ComfyUI's input folder; or what "
                    f"Save Motion Field made in output/{OURS}.",
                ),
                _relative_to(),
            ],
            outputs=[MotionField.Output(display_name="motion_field", tooltip="To look at, edit and render.")],
        )

    @classmethod
    def fingerprint_inputs(cls, file: str, **_others: object) -> str:
        return fingerprint(file)

    @classmethod
    def execute(cls, file: str, flo_relative_to: RelativeTo) -> io.NodeOutput:
        return io.NodeOutput(load_field(path_of(file), relative_to=flo_relative_to))


class MotionFieldInfo(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MotionI2V_MotionFieldInfo",
            display_name="Motion Field Info",
            category="Motion-I2V/motion field",
            description="Frames and size of a motion field, how far its pixels go, and how many of them move.",
            is_output_node=True,
            inputs=[_field("What to measure.")],
            outputs=[io.String.Output(display_name="text", tooltip="A few lines to read.")],
        )

    @classmethod
    def execute(cls, motion_field: types.MotionField) -> io.NodeOutput:
        return io.NodeOutput(motion_field.summary, ui=ui.PreviewText(motion_field.summary))


NODES: list[type[io.ComfyNode]] = [
    PreviewMotionField,
    ScaleMotionField,
    RestrictMotionField,
    AddCamera,
    RetimeMotionField,
    BlendMotionFields,
    SaveMotionField,
    LoadMotionField,
    MotionFieldInfo,
]
