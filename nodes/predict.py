"""Apply Trajectory ControlNet; Predict Motion Field: image, text, stride, control → motion field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import comfy.model_management
import comfy.sd
import comfy.utils
import torch
from comfy.model_patcher import ModelPatcher
from comfy_api.latest import io
from PIL import Image
from torch import Tensor

from ..motion_core.controls.stride import FRAMES, MOST_FRAMES, PUBLISHED_STRIDE, frame_strides
from ..motion_core.controls.trajectory import STAMP, sparse_field
from ..motion_core.errors import MotionError
from ..motion_core.flow_color import flow_color
from ..motion_core.sampling import PUBLISHED, Sampler, Sampling, Step
from ..motion_core.stable_diffusion import padded
from ..motion_core.tracks import Tracks
from ..motion_core.types import LATENT_SCALE, Size, SparseField
from .hosted import loaded
from .io_types import (
    FlowVAE,
    MotionField,
    Predictor,
    Trajectories,
    TrajectoryControl,
    images_from,
    latent_from,
    picture_from,
    region_from,
    seed_input,
    text_from,
)
from .models import HostedPredictor

if TYPE_CHECKING:
    from ..motion_core.predictor import ControlSchedule, MotionPredictor

PREVIEW = 512  # pixels that a preview is at most wide or high
VALUES = 12_500  # that a step holds at its peak for each latent cell of each frame; from benchmarks/results.md


@dataclass(frozen=True)
class Control:
    """What steers the predictor besides the text. No trajectories: the motion brush alone."""

    drawn: Tracks
    schedule: ControlSchedule
    stamp: int


class ApplyTrajectoryControlNet(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MotionI2V_ApplyTrajectoryControlNet",
            display_name="Apply Trajectory ControlNet",
            category="Motion-I2V/predict",
            description="Says how firmly, and when, the prediction is held to the drawn trajectories.",
            inputs=[
                Trajectories.Input("trajectories", tooltip="From Draw Trajectories or Trajectories from Tracks."),
                io.Float.Input("strength", default=1.0, min=0.0, max=10.0, step=0.05, tooltip="1 as published."),
                io.Float.Input(
                    "start", default=0.0, min=0.0, max=1.0, step=0.01, tooltip="Share of the steps where it begins."
                ),
                io.Float.Input(
                    "end", default=1.0, min=0.0, max=1.0, step=0.01, tooltip="Share of the steps where it ends."
                ),
                io.Combo.Input(
                    "mode",
                    options=["balanced", "guess"],
                    tooltip="balanced: as published. guess: only the half of the guidance that has the text is held, "
                    "and coarse features count most.",
                ),
                io.Int.Input(
                    "stamp",
                    default=STAMP,
                    min=1,
                    max=256,
                    tooltip="Half the side of the square around the start of a trajectory in which the model is told "
                    "where it goes, in pixels.",
                ),
            ],
            outputs=[TrajectoryControl.Output(display_name="control", tooltip="To Predict Motion Field.")],
        )

    @classmethod
    def execute(
        cls, trajectories: Tracks, strength: float, start: float, end: float, mode: str, stamp: int
    ) -> io.NodeOutput:
        from ..motion_core.predictor import ControlSchedule

        return io.NodeOutput(Control(trajectories, ControlSchedule(strength, start, end, mode == "guess"), stamp))


class PredictMotionField(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MotionI2V_PredictMotionField",
            display_name="Predict Motion Field",
            category="Motion-I2V/predict",
            description="Predicts where every pixel of the image goes, frame by frame (stage 1 of Motion-I2V).",
            inputs=[
                io.Image.Input("image", tooltip="The still image; it is frame 0."),
                Predictor.Input("predictor", tooltip="From Load Motion Predictor."),
                FlowVAE.Input("flow_vae", tooltip="From Load Flow VAE."),
                io.Vae.Input("vae", tooltip="SD1.5's own VAE, which sees the image."),
                io.Conditioning.Input("positive", tooltip="What happens, read by SD1.5's own CLIP."),
                io.Conditioning.Input("negative", tooltip="What should not happen."),
                io.Int.Input("frames", default=FRAMES, min=2, max=MOST_FRAMES, tooltip="Counting the image."),
                io.Float.Input(
                    "stride",
                    default=PUBLISHED_STRIDE,
                    min=0.5,
                    max=64.0,
                    step=0.5,
                    tooltip="Frames of a training video between two predicted ones. Larger moves farther; smaller is "
                    "finer in time.",
                ),
                io.Int.Input("steps", default=PUBLISHED.steps, min=1, max=100, tooltip="Of the denoising."),
                io.Float.Input("cfg", default=PUBLISHED.guidance, min=0.0, max=30.0, step=0.1, tooltip="Of the text."),
                io.Combo.Input("sampler", options=list(get_args(Sampler)), tooltip="ddim as published."),
                seed_input(),
                io.Int.Input(
                    "frames_at_a_time",
                    default=0,
                    min=0,
                    max=MOST_FRAMES,
                    tooltip="For small cards: so many frames are computed at once, with the same result in less "
                    "memory and more time. 0 is all.",
                ),
                TrajectoryControl.Input("control", optional=True, tooltip="From Apply Trajectory ControlNet."),
                io.Mask.Input(
                    "motion_brush", optional=True, tooltip="Painted where things may move; the rest is held still."
                ),
            ],
            outputs=[MotionField.Output(display_name="motion_field", tooltip="To look at, edit, save and render.")],
        )

    @classmethod
    def execute(
        cls,
        image: Tensor,
        predictor: HostedPredictor,
        flow_vae: ModelPatcher,
        vae: comfy.sd.VAE,
        positive: list,
        negative: list,
        frames: int,
        stride: float,
        steps: int,
        cfg: float,
        sampler: Sampler,
        seed: int,
        frames_at_a_time: int,
        control: Control | None = None,
        motion_brush: Tensor | None = None,
    ) -> io.NodeOutput:
        from ..motion_core.predictor import FULL_CONTROL, WITHOUT_CONTROLNET

        picture = picture_from(image)
        size = Size.of(picture)
        region = region_from(motion_brush, size)
        asked = _asked(control, region, size, frames)
        sampling = Sampling(sampler=sampler, steps=steps, guidance=cfg)
        schedule = FULL_CONTROL if control is None else control.schedule
        width = predictor.unet.model.network.config.cross_attention_dim
        texts = text_from(positive, width), text_from(negative, width)
        if asked is not None and predictor.controlnet is None:
            raise MotionError(WITHOUT_CONTROLNET)
        latent = seen_by_predictor(vae, picture)
        networks = _brought(predictor, flow_vae, size, frames, controlled=asked is not None)
        field = networks.predict(
            latent,
            *texts,
            size=size,
            strides=frame_strides(frames, stride),
            generator=torch.Generator().manual_seed(seed),
            asked=asked,
            schedule=schedule,
            region=region,
            sampling=sampling,
            chunk=frames_at_a_time or None,
            on_step=_shown(networks, size, steps),
        )
        return io.NodeOutput(field)


def seen_by_predictor(vae: comfy.sd.VAE, picture: Tensor) -> Tensor:
    """The latent of a picture [3, H, W] as stage 1 was trained to see it: through 0…1, where others feed -1…1."""
    halved = padded(picture) / 2 + 0.5  # ComfyUI's VAE feeds 2x - 1
    return latent_from({"samples": vae.encode(halved.movedim(0, -1)[None])}).float() * LATENT_SCALE


def _asked(control: Control | None, region: Tensor | None, size: Size, frames: int) -> SparseField | None:
    """What the ControlNet is told, if anything: by trajectories, the motion brush, or both."""
    if control is None and region is None:
        return None
    drawn, stamp = ((), STAMP) if control is None else (control.drawn.trajectories, control.stamp)
    return sparse_field(drawn, size=size, frames=frames, stamp=stamp, region=region)


def _brought(
    predictor: HostedPredictor, flow_vae: ModelPatcher, size: Size, frames: int, *, controlled: bool
) -> MotionPredictor:
    """The networks on their device, with room for a step."""
    from ..motion_core.predictor import MotionPredictor

    unet = predictor.unet.model.network
    step = 2 * VALUES * frames * size.latent.height * size.latent.width * unet.dtype.itemsize
    controlnet = predictor.controlnet if controlled else None
    unet, motion_vae, control = loaded(predictor.unet, flow_vae, controlnet, activations=step)
    return MotionPredictor(unet, motion_vae, control)


def _shown(networks: MotionPredictor, size: Size, steps: int) -> Callable[[Step], None]:
    """Tells ComfyUI after every step how far it is, and shows where the pixels of the last frame go so far."""
    bar = comfy.utils.ProgressBar(steps)

    def on_step(step: Step) -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()
        field = networks.decode(step.estimate[:, :, -1:], size)
        colors = images_from(flow_color(field)[-1:])[0]
        bar.update_absolute(step.index + 1, steps, ("JPEG", Image.fromarray((colors * 255).byte().numpy()), PREVIEW))

    return on_step


NODES = [ApplyTrajectoryControlNet, PredictMotionField]
