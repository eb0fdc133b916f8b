"""Motion field ⇄ latents, and the numeric range that goes with it.

The flow autoencoder of Motion-I2V is Stable Diffusion's with two picture channels. A displacement is fed as its share
of the picture, x of the width and y of the height, brought to 0…1: no motion is ½.
"""

from __future__ import annotations

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from torch import Tensor, nn

from ..errors import MotionError, ShapeError
from ..types import CELL, Size
from .placement import Placement

CHUNK = 4  # frames that are encoded or decoded at a time


class MotionVAE(nn.Module):
    """The flow autoencoder with displacements in pixels on one side and latents, not scaled, on the other."""

    placement: Placement | None = None  # as in VideoEncoder

    def __init__(self, autoencoder: AutoencoderKL) -> None:
        super().__init__()
        config = autoencoder.config
        if (config["in_channels"], config["out_channels"]) != (2, 2):
            raise MotionError(
                f"A flow VAE has 2 picture channels, x and y; this one has {config['in_channels']} and "
                f"{config['out_channels']}. Give the release's vae_flow."
            )
        self.autoencoder = autoencoder

    @property
    def dtype(self) -> torch.dtype:
        weight = self.autoencoder.encoder.conv_in.weight
        return weight.dtype if self.placement is None else self.placement.dtype

    @property
    def device(self) -> torch.device:
        weight = self.autoencoder.encoder.conv_in.weight
        return weight.device if self.placement is None else self.placement.device

    def encode(self, displacement: Tensor, noise: Tensor | None = None, *, chunk: int = CHUNK) -> Tensor:
        """Displacement [N, 2, H, W] in pixels → latents [N, 4, H/8, W/8], float32, not scaled.

        noise: standard normal, of the latents' shape: draws from the posterior, mean + deviation · noise. None gives
            its mode. H and W are multiples of 8. chunk: frames at a time; memory does not grow with N.
        """
        if displacement.ndim != 4 or displacement.shape[1] != 2 or 0 in displacement.shape:
            raise ShapeError(f"A flow VAE encodes [N, 2, H, W]; got {list(displacement.shape)}.")
        size = Size.of(displacement)
        if size.height % CELL or size.width % CELL:
            raise ShapeError(f"A flow VAE encodes sizes that are multiples of {CELL}; got {size}. Pad it first.")
        mean, deviation = self._posterior(displacement, size, chunk)
        if noise is None:
            return mean
        if noise.shape != mean.shape:
            raise ShapeError(f"The posterior's noise is {list(mean.shape)} here; got {list(noise.shape)}.")
        return mean + deviation * noise.to(mean)

    def decode(self, latents: Tensor, *, chunk: int = CHUNK) -> Tensor:
        """Latents [N, 4, h, w], not scaled → displacement [N, 2, 8h, 8w] in pixels, float32, at most a picture far."""
        if latents.ndim != 4 or 0 in latents.shape:
            raise ShapeError(f"A flow VAE decodes [N, 4, h, w]; got {list(latents.shape)}.")
        decoder, mixed = self.autoencoder.decoder, self.autoencoder.post_quant_conv or nn.Identity()
        portions = latents.to(self.device, self.dtype).split(chunk)
        shares = torch.cat([decoder(mixed(portion)).float() for portion in portions])
        return (2 * shares - 1).clamp(-1, 1) * _extent(Size.of(shares), shares)

    def _posterior(self, displacement: Tensor, size: Size, chunk: int) -> tuple[Tensor, Tensor]:
        encoder, mixed = self.autoencoder.encoder, self.autoencoder.quant_conv or nn.Identity()
        means, deviations = [], []
        for portion in displacement.split(chunk):
            portion = portion.to(self.device, torch.float32)
            shares = (portion / _extent(size, portion) + 1) / 2
            # contiguous: torch's group norm on a CPU is 1e-2 off for nearly constant pictures in channels-last memory
            moments = mixed(encoder(shares.to(self.dtype).contiguous()))
            posterior = DiagonalGaussianDistribution(moments.float())
            means.append(posterior.mean)
            deviations.append(posterior.std)
        return torch.cat(means), torch.cat(deviations)


def _extent(size: Size, like: Tensor) -> Tensor:
    return like.new_tensor([size.width, size.height]).view(1, 2, 1, 1)
