"""Stage 1: image, text, stride, control → MotionField. Motion-I2V, section 3.2 and 4.1."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from einops import rearrange, repeat
from torch import Tensor

from .errors import MotionError, ShapeError
from .models.motion_vae import MotionVAE
from .models.trajectory_controlnet import TrajectoryControlNet
from .models.video_unet import Residuals, VideoUNet
from .sampling import PUBLISHED, Half, Sampling, Step, denoised, guided
from .stable_diffusion import padded
from .types import CELL, LATENT_SCALE, MotionField, Size, SparseField

WITHOUT_CONTROLNET = (
    "Trajectories and the motion brush need the trajectory ControlNet, which is not loaded. Load it, or predict from "
    "the text alone."
)
ROUNDING = 1e-6  # steps; so that 0.1 of 30 of them begins with step 3


@dataclass(frozen=True)
class ControlSchedule:
    """How firmly, and when, the predictor is held to what the ControlNet is told.

    strength: times what the ControlNet adds; 1 is published.
    start, end: the part of the steps, 0…1, during which it acts.
    guess_mode: only the half of the guidance that has the text is controlled, and coarse residuals count most.
    """

    strength: float = 1.0
    start: float = 0.0
    end: float = 1.0
    guess_mode: bool = False

    def __post_init__(self) -> None:
        if not math.isfinite(self.strength):
            raise MotionError(f"A control's strength is a finite number, 1 as published; got {self.strength}.")
        if not 0 <= self.start <= self.end <= 1:
            raise MotionError(
                f"A control acts from a start to an end, 0…1 of the steps; got {self.start:g} … {self.end:g}."
            )

    def amounts(self, residuals: int) -> Tensor:
        """[residuals]: times what each residual is added; guess mode grows from a tenth to all, as ControlNet's own."""
        return self.strength * (torch.logspace(-1, 0, residuals) if self.guess_mode else torch.ones(residuals))

    def acts(self, index: int, steps: int) -> bool:
        """Whether the step lies wholly within start … end, and the strength is not zero."""
        first, last = self.start * steps - ROUNDING, self.end * steps + ROUNDING
        return self.strength != 0 and index >= first and index + 1 <= last


FULL_CONTROL = ControlSchedule()


class MotionPredictor:
    """The networks of stage 1, on one device. Results do not depend on the device beyond rounding."""

    def __init__(self, unet: VideoUNet, motion_vae: MotionVAE, controlnet: TrajectoryControlNet | None = None) -> None:
        if controlnet is not None and controlnet.config.skip_widths != unet.config.skip_widths:
            raise MotionError(
                f"The trajectory ControlNet was made for a UNet of widths {controlnet.config.block_out_channels}, "
                f"and this one has {unet.config.block_out_channels}. Take both from one release."
            )
        self.unet, self.motion_vae, self.controlnet = unet, motion_vae, controlnet

    @torch.no_grad()
    def predict(
        self,
        image_latent: Tensor,
        positive: Tensor,
        negative: Tensor | None = None,
        *,
        size: Size,
        strides: Tensor,
        generator: torch.Generator,
        asked: SparseField | None = None,
        schedule: ControlSchedule = FULL_CONTROL,
        region: Tensor | None = None,
        sampling: Sampling = PUBLISHED,
        chunk: int | None = None,
        on_step: Callable[[Step], None] | None = None,
    ) -> MotionField:
        """Where every pixel of the picture goes in the F-1 frames that have a stride; on the CPU, in float32.

        image_latent: [1, 4, h, w], SD's own, scaled by 0.18215, of the picture as `padded` makes it. The image VAE
            must be given values 0…1 here, not -1…1 as in every other use of it: so the model was trained.
        positive, negative: text [1, tokens, width]. size: the picture's, before it is padded.
        strides: [F-1], rising, as controls.stride.frame_strides makes them; other steps in time are sampled as well.
        asked: what the trajectories and the brush ask for, of the picture's size; needs the ControlNet. None leaves
            all to the text. controls.trajectory.sparse_field makes it from trajectories, a region, or both.
        region: [H, W], 1 where the motion brush lets things move: the result rests elsewhere, as published.
        generator: on the CPU; draws the posterior of what is asked and the initial noise.
        chunk: frames that are computed at a time: the same values from less memory, more slowly.
        on_step: as in sampling.denoised; `decode` makes its estimate a field to look at.
        """
        if asked is not None and (asked.size, asked.frames) != (size, len(strides) + 1):
            raise ShapeError(
                f"The picture is {size} with {len(strides)} strides; the trajectories ask for {asked.frames - 1} "
                f"frames of {asked.size}. Make the sparse field with {len(strides) + 1} frames of the picture's size."
            )
        grid = size.latent
        if Size.of(image_latent) != grid:
            raise ShapeError(
                f"The latent of a picture of {size} is [1, 4, {grid.height}, {grid.width}]; "
                f"got {list(image_latent.shape)}. Encode the picture, padded, at its own size."
            )
        # drawn before the posterior, so that it is the same with a drawing or without
        noise = torch.randn((1, 4, len(strides), *grid), generator=generator)
        self._check(image_latent, strides, noise, asked is not None)
        hint = None
        if asked is not None:
            posterior = torch.randn((len(strides), 4, *grid), generator=generator)
            hint = control_latents(asked, self.motion_vae, posterior)
        latents = self.denoise(
            image_latent,
            positive,
            negative,
            strides=strides,
            noise=noise,
            hint=hint,
            schedule=schedule,
            sampling=sampling,
            generator=generator,
            chunk=chunk,
            on_step=on_step,
        )
        field = self.decode(latents, size)
        return field if region is None else field.restricted(region.cpu())

    @torch.no_grad()
    def denoise(
        self,
        image_latent: Tensor,
        positive: Tensor,
        negative: Tensor | None,
        *,
        strides: Tensor,
        noise: Tensor,
        hint: Tensor | None = None,
        schedule: ControlSchedule = FULL_CONTROL,
        sampling: Sampling = PUBLISHED,
        generator: torch.Generator | None = None,
        chunk: int | None = None,
        on_step: Callable[[Step], None] | None = None,
    ) -> Tensor:
        """Motion latents [1, 4, F-1, h, w], float32, from noise of this shape; hint as control_latents makes it."""
        self._check(image_latent, strides, noise, hint is not None)
        device = self.unet.device
        frames = noise.shape[2]
        image = repeat(image_latent.to(device, torch.float32), "b c h w -> b c f h w", f=frames)
        strides = strides.to(device)
        hint = None if hint is None else hint.to(device)
        positive, negative = positive.to(device), None if negative is None else negative.to(device)

        def residuals(sample: Tensor, timestep: Tensor, text: Tensor, half: Half, index: int) -> Residuals | None:
            uncontrolled = half == "negative" and schedule.guess_mode
            if hint is None or self.controlnet is None or uncontrolled or not schedule.acts(index, sampling.steps):
                return None
            added = self.controlnet(sample, timestep, text, strides, control=hint, chunk=chunk)
            return added.scaled(schedule.amounts(len(added.skips) + 1))

        def predict(latents: Tensor, timestep: Tensor, index: int) -> Tensor:
            seen = torch.cat([image, latents], dim=1)

            def noise_in(text: Tensor, half: Half) -> Tensor:
                sample = seen.expand(len(text), -1, -1, -1, -1)
                added = residuals(sample, timestep, text, half, index)
                return self.unet(sample, timestep, text, strides, residuals=added, chunk=chunk)

            together = sampling.together and not schedule.guess_mode
            return guided(noise_in, positive, negative, scale=sampling.guidance, together=together)

        return denoised(predict, noise.to(device), sampling, generator=generator, on_step=on_step)

    @torch.no_grad()
    def decode(self, latents: Tensor, size: Size) -> MotionField:
        """The field [F, 2, H, W] that latents [1, 4, F-1, h, w] stand for, cut to the picture; on the CPU, float32."""
        unscaled = rearrange(latents / LATENT_SCALE, "1 c f h w -> f c h w")
        displacement = self.motion_vae.decode(unscaled)[..., : size.height, : size.width]
        return MotionField.after_reference(displacement.cpu())

    def _check(self, image_latent: Tensor, strides: Tensor, noise: Tensor, controlled: bool) -> None:
        frames, most = len(strides), self.unet.config.positions
        if controlled and self.controlnet is None:
            raise MotionError(WITHOUT_CONTROLNET)
        if strides.ndim != 1 or not 1 <= frames <= most:
            raise MotionError(
                f"The predictor takes 1 … {most} frame strides; got {list(strides.shape)}. "
                "Predict fewer frames and re-time the motion field to more."
            )
        if image_latent.ndim != 4 or tuple(image_latent.shape[:2]) != (1, 4):
            raise ShapeError(f"The picture's latent is [1, 4, h, w]; got {list(image_latent.shape)}.")
        wanted = (1, 4, frames, *image_latent.shape[-2:])
        if tuple(noise.shape) != wanted:
            raise ShapeError(f"The initial noise is {list(wanted)} here; got {list(noise.shape)}.")


def control_latents(field: SparseField, motion_vae: MotionVAE, noise: Tensor | None = None) -> Tensor:
    """What the ControlNet is told: [1, 5, F-1, h, w] of a sparse field [F-1, 2, H, W], padded to multiples of 8.

    Four channels are the flow VAE's latent, not scaled, as the model was trained; the fifth is known, 1 where a
    displacement is asked for, taken from the top left pixel of every cell. Still is known; silence is not: a region
    that the brush does not let move is known and zero, and the rest of the picture unknown.
    noise: [F-1, 4, h, w], draws from the posterior; None takes its mode.
    """
    displacement = padded(field.displacement * field.known)
    latents = motion_vae.encode(displacement, noise)
    known = padded(field.known)[..., ::CELL, ::CELL].to(latents)
    return rearrange(torch.cat([latents, known], dim=1), "f c h w -> 1 c f h w")
