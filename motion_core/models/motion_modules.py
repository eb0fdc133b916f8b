"""The temporal layers of a video UNet without the UNet: what stage 2 and AnimateDiff publish, and a host puts in."""

from __future__ import annotations

from torch import nn

from .temporal import MotionModule
from .video_unet import VideoUNetConfig


class MotionModules(nn.Module):
    """A MotionModule after every layer of the UNet's down and up blocks, and in its middle if it has one there.

    Names of parameters are the published ones; VideoUNet has the same. config: of the UNet that they belong to; only
    its widths, layers, heads, positions and middle_motion count.
    """

    def __init__(self, config: VideoUNetConfig) -> None:
        super().__init__()
        self.config = config
        widths, layers = config.block_out_channels, config.layers_per_block
        self.down_blocks = nn.ModuleList([Stack(config, width, layers) for width in widths])
        self.mid_block = Stack(config, widths[-1], int(config.middle_motion))
        self.up_blocks = nn.ModuleList([Stack(config, width, layers + 1) for width in reversed(widths)])


class Stack(nn.Module):
    """The motion modules of one block."""

    def __init__(self, config: VideoUNetConfig, width: int, count: int) -> None:
        super().__init__()
        self.motion_modules = nn.ModuleList(
            [MotionModule(width, heads=config.heads, positions=config.positions) for _ in range(count)]
        )
