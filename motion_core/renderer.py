"""Stage 2: reference, text, MotionField → frames. Motion-I2V, section 3.3."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from .errors import MotionError, ShapeError
from .models.video_unet import VideoUNet
from .sampling import PUBLISHED, Half, Noised, Sampling, Step, denoised, guided
from .selective_noising import frame_times, renewed, still_cells, with_clean_reference
from .stable_diffusion import padded
from .types import MotionField, check_region
from .warp import WarpOperator
from .warp_attention import Fusion, Positions, WarpAttention, most_frames
from .windows import WINDOWS, Windows, blend_weights


class Renderer:
    """SD1.5's UNet with motion modules between its layers, on one device. Frames are latents until `decoded_pictures`
    of the image VAE makes them pictures.
    """

    def __init__(self, unet: VideoUNet) -> None:
        if unet.config.stride_embedding or unet.config.in_channels != 4:
            raise MotionError("A renderer is SD1.5's UNet with motion modules; this network is a motion predictor's.")
        self.unet = unet

    def window(self, *, fusion: Fusion = "attention", positions: Positions = "interleaved") -> int:
        """How many frames, counting the reference, the position tables have room for at once."""
        return most_frames(self.unet.config.positions, fusion, positions)

    @torch.no_grad()
    def render(
        self,
        reference: Tensor,
        field: MotionField,
        positive: Tensor,
        negative: Tensor | None = None,
        *,
        generator: torch.Generator,
        noise: Tensor | None = None,
        region: Tensor | None = None,
        fusion: Fusion = "attention",
        positions: Positions = "interleaved",
        windows: Windows = WINDOWS,
        sampling: Sampling = PUBLISHED,
        chunk: int | None = None,
        on_step: Callable[[Step], None] | None = None,
    ) -> Tensor:
        """Latents [1, 4, F, h, w] of the F frames of the field, float32, frame 0 the reference itself.

        reference: [1, 4, h, w], SD's own, scaled by 0.18215, of the picture as `padded` makes it. field: of the
            picture's size before it is padded, in pixels. positive, negative: text [1, tokens, width].
        generator: on the CPU; draws what a scheduler adds, and the initial noise unless noise [1, 4, F, h, w] is given.
        region: [H, W], 1 where the motion brush lets things move: the rest is renewed from the reference at every step.
        fusion, positions: how the field enters; see WarpAttention. windows: for more frames than fit at once.
        chunk: frames that are computed at a time: the same values from less memory, more slowly.
        on_step: as in sampling.denoised.
        ShapeError, MotionError: reference, field, region and network do not fit each other.
        """
        if noise is None:
            shape = (1, reference.shape[1], field.frames, *reference.shape[-2:])
            noise = torch.randn(shape, generator=generator)
        device = self.unet.device
        _check(reference, field, noise)
        reference, noise = reference.to(device, torch.float32), noise.to(device)
        positive, negative = positive.to(device), None if negative is None else negative.to(device)
        grid = MotionField(padded(field.displacement))
        parts = []
        for frames in windows.over(field.frames, self.window(fusion=fusion, positions=positions)):
            operator = WarpOperator(MotionField(grid.displacement[frames]))
            parts.append((frames, WarpAttention(operator, fusion, positions)))
        weights = blend_weights([frames for frames, _ in parts], field.frames).to(device)

        def predict(latents: Tensor, timestep: Tensor, index: int) -> Tensor:
            seen = with_clean_reference(latents, reference)
            times = frame_times(timestep, field.frames, device=device)

            def noise_in(text: Tensor, half: Half) -> Tensor:
                sample = seen.expand(len(text), -1, -1, -1, -1)
                if len(parts) == 1:
                    return self.unet(sample, times, text, warp=parts[0][1], chunk=chunk)
                blended = torch.zeros_like(sample)
                for (frames, warp), weight in zip(parts, weights, strict=True):
                    part = self.unet(sample[:, :, frames], times[frames], text, warp=warp, chunk=chunk)
                    blended[:, :, frames] += part * weight[frames].view(-1, 1, 1)
                return blended

            return guided(noise_in, positive, negative, scale=sampling.guidance, together=sampling.together)

        renew: Callable[[Tensor, Noised], Tensor] | None = None
        if region is not None:
            check_region(region, field.size)
            still = still_cells(region).to(device)
            renew = partial(renewed, reference=reference, noise=noise, still=still)

        def told(step: Step) -> None:
            if on_step is not None:
                shown = (with_clean_reference(latents, reference) for latents in (step.latents, step.estimate))
                on_step(Step(step.index, step.steps, *shown))

        latents = denoised(predict, noise, sampling, generator=generator, renew=renew, on_step=told)
        return with_clean_reference(latents, reference)


def _check(reference: Tensor, field: MotionField, noise: Tensor) -> None:
    if field.frames < 2:
        raise MotionError("The motion field has one frame, the reference; there is nothing to render.")
    height, width = field.size.latent
    if tuple(reference.shape) != (1, 4, height, width):
        raise ShapeError(
            f"For a field of {field.size}, the reference's latent is [1, 4, {height}, {width}]; "
            f"got {list(reference.shape)}. Encode the picture, padded, at the field's size, or resize the field."
        )
    wanted = (1, 4, field.frames, height, width)
    if tuple(noise.shape) != wanted:
        raise ShapeError(f"The initial noise is {list(wanted)} here; got {list(noise.shape)}.")
