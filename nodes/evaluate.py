"""Motion Report: did it go where it was drawn?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import comfy.clip_vision
import comfy.model_management
from comfy_api.latest import io, ui
from torch import Tensor

from ..motion_core import types
from ..motion_core.metrics import ImageFeatures
from ..motion_core.report import NONE, estimator_or_reason, report_on
from ..motion_core.tracks import Tracks
from .io_types import MotionField, Trajectories, images_from, mask_from, picture_from
from .models import CLIP_SCORES, clip_models, clip_path
from .source_video import ESTIMATORS, counted

if TYPE_CHECKING:
    from ..motion_core.clip_scores import ClipModel

CLIP_ROOM = 2 * 1024**3  # bytes: the largest of OpenAI's, ViT-L/14, in float32


class MotionReport(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MotionI2V_MotionReport",
            display_name="Motion Report",
            category="Motion-I2V/evaluate",
            description="Measures finished frames: did things go where they were drawn, does all else rest, does it "
            "flicker? What cannot be measured is said, with the reason.",
            is_output_node=True,
            inputs=[
                io.Image.Input("images", tooltip="The finished frames."),
                io.Combo.Input(
                    "estimator",
                    options=[*(name for name in ESTIMATORS if name != "raft"), NONE],  # raft wants a file of weights
                    tooltip="What finds motion in the frames. dis: OpenCV's, without any model; dis-fast is faster, "
                    "dis-fine slower and more exact. none: only the motion field is measured.",
                ),
                io.Float.Input(
                    "fps",
                    default=8.0,
                    min=0.01,
                    max=1000.0,
                    step=0.01,
                    tooltip="Frames a second. The dynamic degree looks at about 8 of them.",
                ),
                io.String.Input(
                    "prompt", default="", multiline=True, tooltip="What the frames should show. Needs a clip_model."
                ),
                io.Combo.Input(
                    "clip_model",
                    options=[NONE, *clip_models()],
                    tooltip=f"A folder in models/{CLIP_SCORES} with a whole CLIP, which sees and reads: for the "
                    "consistency of the frames with each other, with the prompt and with the image.",
                ),
                MotionField.Input("motion_field", optional=True, tooltip="What the frames were rendered with."),
                Trajectories.Input("trajectories", optional=True, tooltip="What was drawn, from Draw Trajectories."),
                io.Mask.Input(
                    "motion_brush", optional=True, tooltip="Where things might move; what moves outside is drift."
                ),
                io.Image.Input(
                    "image", optional=True, tooltip="The still image that was animated: under the plot, and compared."
                ),
                io.ClipVision.Input(
                    "clip_vision",
                    optional=True,
                    tooltip="In place of a clip_model: sees but cannot read, so the prompt is not measured.",
                ),
            ],
            outputs=[
                io.String.Output(display_name="report", tooltip="All of it as JSON, for programs."),
                io.String.Output(display_name="table", tooltip="All of it to read, as to Preview as Text."),
                io.Image.Output(display_name="plot", tooltip="Asked against travelled paths over the image."),
            ],
        )

    @classmethod
    def execute(
        cls,
        images: Tensor,
        estimator: str,
        fps: float,
        prompt: str,
        clip_model: str,
        motion_field: types.MotionField | None = None,
        trajectories: Tracks | None = None,
        motion_brush: Tensor | None = None,
        image: Tensor | None = None,
        clip_vision: comfy.clip_vision.ClipVisionModel | None = None,
    ) -> io.NodeOutput:
        frames = _frames(images)
        picture = None if image is None else picture_from(image).cpu()
        clip = None if clip_model == NONE else _clip(clip_model)
        features = None if clip_vision is None else _seen_by(clip_vision)
        report = report_on(
            frames,
            field=motion_field,
            estimator=estimator_or_reason(estimator),
            trajectories=() if trajectories is None else trajectories.trajectories,
            region=None if motion_brush is None else mask_from(motion_brush),
            picture=picture,
            prompt=prompt,
            image_features=features if clip is None else clip.image_features,
            text_features=None if clip is None else clip.text,
            fps=fps,
            progress=counted(len(frames)),
        )
        told = json.dumps(report.json(), ensure_ascii=False, allow_nan=False, indent=2)
        table = report.table()
        plot = images_from(report.plot(frames[0] if picture is None else picture)[None])
        shown = ui.PreviewText(table).as_dict() | ui.PreviewImage(plot).as_dict()
        return io.NodeOutput(told, table, plot, ui=shown)


def _frames(images: Tensor) -> Tensor:
    """[F, 3, H, W] of an IMAGE, on the CPU; no copy of one that is there as it should be."""
    picture_from(images)  # which refuses what is no image
    frames = images[..., :3].movedim(-1, 1).float().cpu().expand(-1, 3, -1, -1)
    return frames if 0 <= frames.amin() <= frames.amax() <= 1 else frames.clamp(0, 1)


def _clip(name: str) -> ClipModel:
    """A listed CLIP, with room made for it."""
    from ..motion_core.clip_scores import ClipModel

    device = comfy.model_management.text_encoder_device()
    comfy.model_management.free_memory(CLIP_ROOM, device)
    return ClipModel.load(clip_path(name), device=device)


def _seen_by(clip_vision: comfy.clip_vision.ClipVisionModel) -> ImageFeatures:
    def features(some: Tensor) -> Tensor:
        return clip_vision.encode_image(some.movedim(1, -1))["image_embeds"]

    return ImageFeatures(f"ComfyUI's CLIP Vision ({clip_vision.image_size} px)", features)


NODES: list[type[io.ComfyNode]] = [MotionReport]
