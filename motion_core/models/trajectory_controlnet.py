"""Sparse field latents → residuals for the motion predictor. Motion-I2V, section 4.1.

A copy of the predictor's encoder, temporal layers included, which also sees where motion is asked for.
Names of parameters are the published ones, without their prefix "controlnet.".
"""

from __future__ import annotations

from dataclasses import dataclass, field

from einops import rearrange
from torch import Tensor, nn
from torch.nn.functional import silu

from ..errors import ShapeError
from .video_unet import Residuals, VideoEncoder, VideoUNetConfig

CONTROL_CHANNELS = 5  # four of the motion latent, and known: 1 where a displacement is asked for


@dataclass(frozen=True)
class TrajectoryControlNetConfig:
    """unet: the predictor that it copies. condition_channels: between the two convolutions of the condition."""

    unet: VideoUNetConfig = field(default_factory=VideoUNetConfig)
    control_channels: int = CONTROL_CHANNELS
    condition_channels: int = 512


class TrajectoryControlNet(VideoEncoder):
    def __init__(self, config: TrajectoryControlNetConfig) -> None:
        super().__init__(config.unet)
        self.control_channels = config.control_channels
        self.controlnet_cond_embedding = ConditionEmbedding(config)
        self.controlnet_down_blocks = nn.ModuleList([_zero(nn.Conv2d(w, w, 1)) for w in config.unet.skip_widths])
        middle = config.unet.block_out_channels[-1]
        self.controlnet_mid_block = _zero(nn.Conv2d(middle, middle, 1))

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor | float,
        text: Tensor,
        strides: Tensor | None = None,
        *,
        control: Tensor,
        chunk: int | None = None,
    ) -> Residuals:
        """Residuals at full strength. All but the control is what the predictor is given in the same pass.

        control: [B or 1, 5, F, h, w]: the flow VAE's latent of the sparse field, not scaled, and the known mask.
        """
        context = self.context(sample, timestep, text, strides, chunk=chunk)
        wanted = (self.control_channels, *sample.shape[2:])
        if control.ndim != 5 or tuple(control.shape[1:]) != wanted or len(control) not in (1, len(sample)):
            raise ShapeError(f"The control is {[len(sample), *wanted]} or one for all; got {list(control.shape)}.")
        hidden = self.conv_in(rearrange(sample.to(self.dtype), "b c f h w -> (b f) c h w"))
        condition = self.controlnet_cond_embedding(control.to(self.dtype)).expand(len(sample), -1, -1, -1, -1)
        hidden, skips = self.encode(hidden + rearrange(condition, "b c f h w -> (b f) c h w"), context)
        return Residuals(
            skips=tuple(conv(skip) for conv, skip in zip(self.controlnet_down_blocks, skips, strict=True)),
            middle=self.controlnet_mid_block(hidden),
        )


class ConditionEmbedding(nn.Module):
    """[B, 5, F, h, w] → [B, C₀, F, h, w], frame by frame: the published kernels have no extent in time."""

    def __init__(self, config: TrajectoryControlNetConfig) -> None:
        super().__init__()
        between, out = config.condition_channels, config.unet.block_out_channels[0]
        kernel, padding = (1, 3, 3), (0, 1, 1)
        first = nn.Conv3d(config.control_channels, between, kernel, padding=padding)
        second = _zero(nn.Conv3d(between, out, kernel, padding=padding))
        self.layers = nn.ModuleList([first, nn.SiLU(), second])

    def forward(self, control: Tensor) -> Tensor:
        return self.layers[2](silu(self.layers[0](control)))


def _zero(layer: nn.Module) -> nn.Module:
    """So that an untrained ControlNet adds nothing."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer
