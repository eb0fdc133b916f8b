"""Apply Motion Field: MODEL + motion field + reference → MODEL and LATENT for any sampler. Render Video: all in one."""

from __future__ import annotations

from typing import get_args

import comfy.sample
import comfy.samplers
import comfy.sd
import latent_preview
import torch
from comfy.model_patcher import ModelPatcher
from comfy_api.latest import io
from torch import Tensor

from ..motion_core.errors import MotionError
from ..motion_core.sampling import PUBLISHED
from ..motion_core.selective_noising import still_cells
from ..motion_core.stable_diffusion import padded
from ..motion_core.types import CELL, Size
from ..motion_core.types import MotionField as Field
from ..motion_core.warp_attention import Fusion, Positions
from ..motion_core.windows import OVERLAP, Windows
from .io_types import MotionField, MotionModule, images_from, latent_from, picture_from, region_from, seed_input

BETAS = {"of the motion module": True, "of the checkpoint": False}
BRUSH = "Painted where things may move: all else is renewed from the image at every step."


def _ways() -> list[io.Input]:
    """How the field enters; the same inputs for both nodes."""
    return [
        io.Combo.Input(
            "fusion",
            options=list(get_args(Fusion)),
            tooltip="attention: every frame sees the image carried to it along the field, as published. addition: "
            "it is added instead. none: the field is left out, for comparison.",
        ),
        io.Combo.Input(
            "positions",
            options=list(get_args(Positions)),
            tooltip="interleaved: for Motion-I2V's own module. shared: for AnimateDiff's, which were never trained "
            "with a carried image.",
        ),
        io.Combo.Input(
            "betas",
            options=list(BETAS),
            tooltip="The noise schedule: motion modules were trained with another one than SD1.5.",
        ),
        io.Int.Input(
            "window",
            default=0,
            min=0,
            max=64,
            tooltip="Frames that are rendered together, counting the image, which is in every window. Longer fields "
            "are rendered in overlapping windows. 0 is what the module was trained for, at most 16.",
        ),
        io.Int.Input("overlap", default=OVERLAP, min=0, max=62, tooltip="Frames that two windows share."),
    ]


class ApplyMotionField(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MotionI2V_ApplyMotionField",
            display_name="Apply Motion Field",
            category="Motion-I2V/render",
            description="Makes any SD1.5 model render the frames of a motion field (stage 2 of Motion-I2V). Connect "
            "both outputs to a KSampler, at denoise 1.",
            inputs=[
                io.Model.Input("model", tooltip="Any SD1.5 checkpoint, with LoRAs and what else belongs to it."),
                MotionField.Input("motion_field", tooltip="Predicted, drafted, tracked or loaded."),
                io.Latent.Input("reference", tooltip="The image through VAE Encode. It is frame 0 of the clip."),
                *_ways(),
                MotionModule.Input(
                    "motion_module",
                    optional=True,
                    tooltip="From Load Motion Module. Left open, the one that AnimateDiff-Evolved put into the model.",
                ),
                io.Mask.Input("motion_brush", optional=True, tooltip=BRUSH),
            ],
            outputs=[
                io.Model.Output(display_name="model", tooltip="To the sampler."),
                io.Latent.Output(display_name="latent", tooltip="One latent a frame, for the sampler to begin with."),
            ],
        )

    @classmethod
    def execute(
        cls,
        model: ModelPatcher,
        motion_field: Field,
        reference: dict,
        fusion: Fusion,
        positions: Positions,
        betas: str,
        window: int,
        overlap: int,
        motion_module: ModelPatcher | None = None,
        motion_brush: Tensor | None = None,
    ) -> io.NodeOutput:
        way = Windows(window or None, overlap), fusion, positions, BETAS[betas]
        return io.NodeOutput(*applied(model, motion_module, motion_field, reference, *way, motion_brush))


def applied(
    model: ModelPatcher,
    motion_module: ModelPatcher | None,
    motion_field: Field,
    reference: dict,
    windows: Windows,
    fusion: Fusion,
    positions: Positions,
    trained_betas: bool,
    motion_brush: Tensor | None,
) -> tuple[ModelPatcher, dict]:
    """The model that renders a field of a reference, and the LATENT to sample from."""
    from .comfy_unet import Clip, with_motion

    latent = latent_from(reference)
    grid = Size.of(latent)
    field = on_grid(motion_field, grid)
    region = region_from(motion_brush, motion_field.size if motion_field.size.latent == grid else field.size)
    seen = model.model.process_latent_in(latent).float().cpu()
    modules = None if motion_module is None else motion_module.model.network
    clip = Clip(modules, seen, field, fusion, positions, windows)
    return with_motion(model, motion_module, clip, trained_betas=trained_betas), start(latent, field.frames, region)


def check_texts(model: ModelPatcher, *texts: list) -> None:
    """MotionError unless every text of these CONDITIONINGs has the width that the model reads."""
    wanted = model.model.model_config.unet_config.get("context_dim")
    for text in (entry[0] for conditioning in texts for entry in conditioning):
        width = text.shape[-1] if isinstance(text, Tensor) else None
        if width != wanted:
            raise MotionError(
                f"This model reads texts of width {wanted}; the conditioning holds one of {width or 'none'}. Connect "
                "CLIP Text Encode with the checkpoint's own CLIP."
            )


def on_grid(field: Field, grid: Size) -> Field:
    """The field of the size in pixels that a latent grid covers: padded if it is the picture's own, else resized."""
    if field.size.latent == grid:
        return Field(padded(field.displacement))
    return field.resized(Size(grid.height * CELL, grid.width * CELL))


def start(reference: Tensor, frames: int, region: Tensor | None) -> dict:
    """A LATENT [F, 4, h, w] to sample from: the image in frame 0 and wherever nothing moves, nothing elsewhere.

    With a region the noise mask makes ComfyUI's samplers renew what rests from the image, noised, at each step.
    """
    still = torch.zeros(Size.of(reference)) if region is None else still_cells(region)
    rests = still.repeat(frames, 1, 1, 1)
    rests[0] = 1
    samples = reference * rests.to(reference)
    return {"samples": samples} if region is None else {"samples": samples, "noise_mask": 1 - rests}


class RenderVideo(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MotionI2V_RenderVideo",
            display_name="Render Video",
            category="Motion-I2V/render",
            description="Renders the frames of a motion field in one go: Apply Motion Field, sampling and decoding.",
            inputs=[
                io.Image.Input("image", tooltip="The still image; it is frame 0."),
                io.Model.Input("model", tooltip="Any SD1.5 checkpoint, with LoRAs and what else belongs to it."),
                MotionModule.Input("motion_module", tooltip="From Load Motion Module."),
                MotionField.Input("motion_field", tooltip="Predicted, drafted, tracked or loaded."),
                io.Vae.Input("vae", tooltip="The checkpoint's VAE."),
                io.Conditioning.Input("positive", tooltip="What is seen and happens."),
                io.Conditioning.Input("negative", tooltip="What should not be seen."),
                seed_input(),
                io.Int.Input("steps", default=PUBLISHED.steps, min=1, max=1000, tooltip="Of the denoising."),
                io.Float.Input(
                    "cfg", default=PUBLISHED.guidance, min=0.0, max=30.0, step=0.1, tooltip="How firmly the text holds."
                ),
                io.Combo.Input("sampler_name", options=comfy.samplers.SAMPLER_NAMES, default="ddim", tooltip="Any."),
                io.Combo.Input(
                    "scheduler", options=comfy.samplers.SCHEDULER_NAMES, default="ddim_uniform", tooltip="Any."
                ),
                *_ways(),
                io.Mask.Input("motion_brush", optional=True, tooltip=BRUSH),
            ],
            outputs=[io.Image.Output(display_name="frames", tooltip="To Create Video, or any image node.")],
        )

    @classmethod
    def execute(
        cls,
        image: Tensor,
        model: ModelPatcher,
        motion_module: ModelPatcher,
        motion_field: Field,
        vae: comfy.sd.VAE,
        positive: list,
        negative: list,
        seed: int,
        steps: int,
        cfg: float,
        sampler_name: str,
        scheduler: str,
        fusion: Fusion,
        positions: Positions,
        betas: str,
        window: int,
        overlap: int,
        motion_brush: Tensor | None = None,
    ) -> io.NodeOutput:
        check_texts(model, positive, negative)
        picture = picture_from(image)
        field = motion_field.resized(Size.of(picture))
        reference = {"samples": vae.encode(padded(picture).movedim(0, -1)[None])}
        grid = Size.of(latent_from(reference))
        if grid != field.size.latent:
            raise MotionError(
                f"This VAE makes a latent of {grid} of an image of {field.size}; connect SD1.5's own VAE."
            )
        way = Windows(window or None, overlap), fusion, positions, BETAS[betas]
        moving, latent = applied(model, motion_module, field, reference, *way, motion_brush)
        noise = comfy.sample.prepare_noise(latent["samples"], seed)
        samples = comfy.sample.sample(
            moving, noise, steps, cfg, sampler_name, scheduler, positive, negative, latent["samples"],
            noise_mask=latent.get("noise_mask"), callback=latent_preview.prepare_callback(moving, steps), seed=seed,
        )  # fmt: skip
        frames = vae.decode(samples).movedim(-1, 1)
        return io.NodeOutput(images_from(frames[..., : field.size.height, : field.size.width]))


NODES = [ApplyMotionField, RenderVideo]
