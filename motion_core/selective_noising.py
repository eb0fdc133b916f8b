"""Selective noising: the reference frame is never noised; what the motion brush holds still is renewed from it.

Motion-I2V, section 3.3 and 4.2. For any loop or host: functions of latents [B, 4, F, h, w], frame 0 the reference.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .errors import ShapeError
from .sampling import Noised
from .types import CELL

REFERENCE_TIME = 1  # the time step that the network is told for the clean frame, whatever that of the others is


def with_clean_reference(latents: Tensor, reference: Tensor) -> Tensor:
    """Frame 0 of latents [B, 4, F, h, w] replaced by the reference's clean latent [1 or B, 4, h, w].

    As the network sees them: where a sampler scales its input, after that.
    """
    if reference.shape[1:] != (*latents.shape[1:2], *latents.shape[3:]):
        raise ShapeError(
            f"The reference's latent is [1, {latents.shape[1]}, {latents.shape[3]}, {latents.shape[4]}] for these "
            f"frames; got {list(reference.shape)}. Encode the picture at the size that is rendered."
        )
    first = reference.to(latents).expand(len(latents), -1, -1, -1)[:, :, None]
    return torch.cat([first, latents[:, :, 1:]], dim=2)


def frame_times(timestep: Tensor | float, frames: int, *, device: torch.device | None = None) -> Tensor:
    """[F] time steps: REFERENCE_TIME for the reference, the sampler's for the others."""
    times = torch.full((frames,), float(timestep), device=device)
    times[0] = REFERENCE_TIME
    return times


def still_cells(region: Tensor) -> Tensor:
    """[h, w] of a motion brush's region [H, W]: 1 where its latents rest. The top left pixel of each cell decides, as
    published; a last cell that the picture fills only in part counts as well.
    """
    return 1 - region[::CELL, ::CELL].float()


def renewed(latents: Tensor, noised: Noised, *, reference: Tensor, noise: Tensor, still: Tensor) -> Tensor:
    """Still regions are what the reference would be at this noise level, with the noise that the run began with.

    latents, noise: [1, 4, F, h, w]. reference: [1, 4, h, w]. still: [h, w], 1 where nothing moves (0…1 blends).
    noised: (clean, noise) → as noisy as the latents are, in the sampler's own scale.
    """
    rest = noised(reference.to(latents)[:, :, None].expand_as(latents), noise.to(latents))
    return torch.lerp(latents, rest, still.to(latents))
