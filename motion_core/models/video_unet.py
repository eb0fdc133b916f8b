"""SD1.5's 2D blocks with temporal transformers between them: one UNet for both stages.

Resnets, spatial transformers, down- and upsampling are diffusers', each frame on its own; the temporal part is ours.
Names of parameters are the published ones, so checkpoints load as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
from diffusers.models.downsampling import Downsample2D
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from diffusers.models.upsampling import Upsample2D
from einops import rearrange, repeat
from torch import Tensor, nn
from torch.nn.functional import silu
from torch.utils.checkpoint import checkpoint

from ..errors import MotionError, ShapeError
from ..warp_attention import WarpAttention
from .placement import Placement
from .temporal import MotionModule, in_portions

Result = TypeVar("Result")


@dataclass(frozen=True)
class VideoUNetConfig:
    """The published motion predictor; a renderer has 4 input channels and no stride embedding.

    heads: of every attention; SD1.5's config files call this count "attention_head_dim".
    positions: rows of the temporal position tables: so many frames at most.
    middle_motion: whether the middle block has a motion module; AnimateDiff v1's and v3's has none.
    """

    in_channels: int = 8
    out_channels: int = 4
    block_out_channels: tuple[int, ...] = (320, 640, 1280, 1280)
    layers_per_block: int = 2
    cross_attention: tuple[bool, ...] = (True, True, True, False)
    cross_attention_dim: int = 768
    heads: int = 8
    positions: int = 32
    stride_embedding: bool = True
    middle_motion: bool = True

    def __post_init__(self) -> None:
        if len(self.cross_attention) != len(self.block_out_channels):
            raise MotionError(
                f"Every block says whether it has cross-attention; got {len(self.cross_attention)} answers for "
                f"{len(self.block_out_channels)} blocks."
            )
        odd = [width for width in self.block_out_channels if width % 32 or width % self.heads]
        if odd:
            raise MotionError(f"Widths are multiples of 32 and of the {self.heads} heads; got {odd[0]}.")

    @property
    def embedding_width(self) -> int:
        return 4 * self.block_out_channels[0]

    @property
    def skip_widths(self) -> list[int]:
        """Of conv_in's output, then of every layer and downsampler."""
        each = self.layers_per_block + 1  # its layers, and its downsampler; the last block has none
        return [self.block_out_channels[0], *(width for width in self.block_out_channels for _ in range(each))][:-1]


@dataclass(frozen=True)
class Residuals:
    """What a ControlNet adds: to each of the UNet's skips, in their order, and to its middle. [B·F, C, h, w] each."""

    skips: tuple[Tensor, ...]
    middle: Tensor

    def scaled(self, amounts: Tensor) -> Residuals:
        """Each times its own of [skips + 1] amounts, the middle last."""
        *each, middle = amounts.tolist()
        return Residuals(tuple(s * a for s, a in zip(self.skips, each, strict=True)), self.middle * middle)


@dataclass(frozen=True)
class Context:
    """What every block of one pass is told.

    embedding: [B·F, 4·C₀] of time and stride. text: [B·F, T, width]. frames: F.
    warp: what carries the reference to the other frames, for the temporal layers of stage 2.
    chunk: frames that the 2D layers compute at a time (temporal layers: cells of as much memory); None is all.
    recompute: give up activations in the forward pass and compute them again in the backward one.
    """

    embedding: Tensor
    text: Tensor
    frames: int
    warp: WarpAttention | None = None
    chunk: int | None = None
    recompute: bool = False

    def frame_by_frame(self, layer: Callable[..., Tensor], hidden: Tensor, *others: Tensor) -> Tensor:
        """layer(hidden, *others) over [B·F, …] in portions of `chunk` frames."""
        return in_portions(layer, self.chunk, hidden, *others)

    def through_time(self, module: nn.Module, hidden: Tensor) -> Tensor:
        """A motion module over [B·F, C, h, w]; a chunk of cells holds as many numbers as a chunk of frames."""
        cells = None if self.chunk is None else -(-self.chunk * hidden.shape[-2] * hidden.shape[-1] // self.frames)
        return module(hidden, self.frames, warp=self.warp, chunk=cells)

    def run(self, layer: Callable[..., Result], *given: object) -> Result:
        return checkpoint(layer, *given, use_reentrant=False) if self.recompute else layer(*given)


class Block(nn.Module):
    """Layers of one resolution: a resnet, a spatial transformer where there is cross-attention, a motion module."""

    def __init__(self, config: VideoUNetConfig, widths: list[tuple[int, int]], *, cross_attention: bool) -> None:
        super().__init__()
        self.resnets = nn.ModuleList([_resnet(before, after, config) for before, after in widths])
        outputs = [after for _, after in widths]
        self.attentions = nn.ModuleList([_spatial(out, config) for out in outputs] if cross_attention else [])
        self.motion_modules = nn.ModuleList([_temporal(out, config) for out in outputs])

    def layer(self, index: int, hidden: Tensor, context: Context) -> Tensor:
        hidden = context.frame_by_frame(self.resnets[index], hidden, context.embedding)
        if self.attentions:
            hidden = context.frame_by_frame(_attending(self.attentions[index]), hidden, context.text)
        return context.through_time(self.motion_modules[index], hidden)


class DownBlock(Block):
    def __init__(self, config: VideoUNetConfig, before: int, after: int, *, cross_attention: bool, last: bool) -> None:
        widths = [(before if i == 0 else after, after) for i in range(config.layers_per_block)]
        super().__init__(config, widths, cross_attention=cross_attention)
        self.downsamplers = nn.ModuleList([] if last else [Downsample2D(after, use_conv=True, name="op")])

    def forward(self, hidden: Tensor, context: Context) -> tuple[Tensor, list[Tensor]]:
        skips = []
        for index in range(len(self.resnets)):
            hidden = context.run(self.layer, index, hidden, context)
            skips.append(hidden)
        for downsampler in self.downsamplers:
            hidden = context.frame_by_frame(downsampler, hidden)
            skips.append(hidden)
        return hidden, skips


class MiddleBlock(nn.Module):
    def __init__(self, config: VideoUNetConfig) -> None:
        super().__init__()
        width = config.block_out_channels[-1]
        self.resnets = nn.ModuleList([_resnet(width, width, config) for _ in range(2)])
        self.attentions = nn.ModuleList([_spatial(width, config)])
        self.motion_modules = nn.ModuleList([_temporal(width, config)] if config.middle_motion else [])

    def forward(self, hidden: Tensor, context: Context) -> Tensor:
        hidden = context.frame_by_frame(self.resnets[0], hidden, context.embedding)
        hidden = context.frame_by_frame(_attending(self.attentions[0]), hidden, context.text)
        for module in self.motion_modules:
            hidden = context.through_time(module, hidden)
        return context.frame_by_frame(self.resnets[1], hidden, context.embedding)


class UpBlock(Block):
    def __init__(
        self, config: VideoUNetConfig, before: int, after: int, skips: list[int], *, cross_attention: bool, last: bool
    ) -> None:
        widths = [((before if i == 0 else after) + skip, after) for i, skip in enumerate(skips)]
        super().__init__(config, widths, cross_attention=cross_attention)
        self.upsamplers = nn.ModuleList([] if last else [Upsample2D(after, use_conv=True)])

    def forward(self, hidden: Tensor, skips: list[Tensor], context: Context) -> Tensor:
        """Takes its skips from the end of the list, and leaves the others there."""
        for index in range(len(self.resnets)):
            hidden = context.run(self.layer, index, torch.cat([hidden, skips.pop()], dim=1), context)
        for upsampler in self.upsamplers:
            size = skips[-1].shape[-2:]  # sizes that are no multiples of 8 latents come back exactly
            hidden = context.frame_by_frame(lambda part, up=upsampler, size=size: up(part, size), hidden)
        return hidden


class VideoEncoder(nn.Module):
    """The first half of the UNet, which its ControlNet copies: embeddings, down blocks and the middle."""

    placement: Placement | None = None  # set by a host that brings weights as they are needed; None is theirs

    def __init__(self, config: VideoUNetConfig) -> None:
        super().__init__()
        self.config = config
        self.gradient_checkpointing = False
        first = config.block_out_channels[0]
        self.conv_in = nn.Conv2d(config.in_channels, first, 3, padding=1)
        self.sinusoid = Timesteps(first, flip_sin_to_cos=True, downscale_freq_shift=0)
        self.time_embedding = TimestepEmbedding(first, config.embedding_width)
        if config.stride_embedding:
            self.stride_embedding = TimestepEmbedding(first, config.embedding_width)
        befores = [first, *config.block_out_channels[:-1]]
        last = len(befores) - 1
        self.down_blocks = nn.ModuleList(
            [
                DownBlock(config, before, after, cross_attention=config.cross_attention[i], last=i == last)
                for i, (before, after) in enumerate(zip(befores, config.block_out_channels, strict=True))
            ]
        )
        self.mid_block = MiddleBlock(config)

    @property
    def dtype(self) -> torch.dtype:
        return self.conv_in.weight.dtype if self.placement is None else self.placement.dtype

    @property
    def device(self) -> torch.device:
        return self.conv_in.weight.device if self.placement is None else self.placement.device

    def context(
        self,
        sample: Tensor,
        timestep: Tensor | float,
        text: Tensor,
        strides: Tensor | None,
        *,
        warp: WarpAttention | None = None,
        chunk: int | None = None,
    ) -> Context:
        """Checks what a pass is given and embeds it; shapes as in VideoUNet.forward."""
        config, shape = self.config, list(sample.shape)
        if sample.ndim != 5 or sample.shape[1] != config.in_channels or 0 in sample.shape:
            raise ShapeError(f"The network takes [B, {config.in_channels}, F, h, w]; got {shape}.")
        if text.ndim != 3 or len(text) != len(sample) or text.shape[2] != config.cross_attention_dim:
            raise ShapeError(
                f"Text embeddings are [{len(sample)}, tokens, {config.cross_attention_dim}] here; "
                f"got {list(text.shape)}. Encode the prompt with the model's own text encoder."
            )
        if (strides is None) == config.stride_embedding:
            wanted = "needs one frame stride a frame" if config.stride_embedding else "has no frame strides"
            raise MotionError(f"This network {wanted}; strides were {'not ' * (strides is None)}given.")
        if chunk is not None and chunk < 1:
            raise MotionError(f"At least one frame is computed at a time; got a chunk of {chunk}.")
        frames = sample.shape[2]
        embedding = self._embedded(timestep, self.time_embedding, len(sample), frames)
        if strides is not None:
            if strides.shape[-1] != frames or strides.ndim > 2:
                raise ShapeError(f"Strides are [{frames}] or [B, {frames}] here; got {list(strides.shape)}.")
            embedding = embedding + self._embedded(strides, self.stride_embedding, len(sample), frames)
        return Context(
            embedding=rearrange(embedding, "b f c -> (b f) c"),
            text=repeat(text.to(self.dtype), "b t c -> (b f) t c", f=frames),
            frames=frames,
            warp=warp,
            chunk=chunk,
            recompute=self.gradient_checkpointing and torch.is_grad_enabled(),
        )

    def _embedded(self, numbers: Tensor | float, embedding: nn.Module, batch: int, frames: int) -> Tensor:
        """[B, F, 4·C₀] of one number for all, one a sample [B, 1] or one a frame [F] or [B, F]."""
        given = torch.as_tensor(numbers, device=self.device)
        given = given.reshape(-1, 1) if given.ndim < 1 else given.reshape(-1, given.shape[-1])
        waves = self.sinusoid(given.flatten()).to(self.dtype)  # computed in float32
        embedded = rearrange(embedding(waves), "(b f) c -> b f c", f=given.shape[1])
        return embedded.expand(batch, frames, -1)

    def encode(self, hidden: Tensor, context: Context) -> tuple[Tensor, list[Tensor]]:
        """[B·F, C₀, h, w] after conv_in → the middle's output, and every skip from conv_in's output on."""
        skips = [hidden]
        for block in self.down_blocks:
            hidden, outputs = block(hidden, context)
            skips += outputs
        return context.run(self.mid_block, hidden, context), skips


class VideoUNet(VideoEncoder):
    """Predicts the noise in the latents of a clip. Stage 1's sample is the image latent, then the motion latent."""

    def __init__(self, config: VideoUNetConfig) -> None:
        super().__init__(config)
        widths = config.block_out_channels
        skips = config.skip_widths
        blocks, before = [], widths[-1]
        for i, after in enumerate(reversed(widths)):
            own = [skips.pop() for _ in range(config.layers_per_block + 1)]
            attends = config.cross_attention[-1 - i]
            blocks.append(UpBlock(config, before, after, own, cross_attention=attends, last=i == len(widths) - 1))
            before = after
        self.up_blocks = nn.ModuleList(blocks)
        self.conv_norm_out = nn.GroupNorm(32, widths[0], eps=1e-5)
        self.conv_out = nn.Conv2d(widths[0], config.out_channels, 3, padding=1)

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor | float,
        text: Tensor,
        strides: Tensor | None = None,
        *,
        residuals: Residuals | None = None,
        warp: WarpAttention | None = None,
        chunk: int | None = None,
    ) -> Tensor:
        """The noise [B, out_channels, F, h, w], in the network's own precision.

        sample: [B, in_channels, F, h, w]; any h and w. timestep: one, [B, 1], or one a frame [F] or [B, F].
        text: [B, tokens, width]. strides: [F] or [B, F], frames of the training video between the reference and each
            frame; may be fractional. residuals: of a ControlNet, at full strength as given.
        warp: of a motion field of F frames, the first of which is the reference (stage 2).
        chunk: frames that are computed at a time; the same values from a smaller peak of memory.
        ShapeError, MotionError: the sample, text or strides do not fit this network.
        """
        context = self.context(sample, timestep, text, strides, warp=warp, chunk=chunk)
        hidden = self.conv_in(rearrange(sample.to(self.dtype), "b c f h w -> (b f) c h w"))
        hidden, skips = self.encode(hidden, context)
        if residuals is not None:
            skips = [skip + added.to(skip) for skip, added in zip(skips, residuals.skips, strict=True)]
            hidden = hidden + residuals.middle.to(hidden)
        for block in self.up_blocks:
            hidden = block(hidden, skips, context)
        noise = self.conv_out(silu(self.conv_norm_out(hidden)))
        return rearrange(noise, "(b f) c h w -> b c f h w", f=context.frames)


def _resnet(before: int, after: int, config: VideoUNetConfig) -> ResnetBlock2D:
    return ResnetBlock2D(in_channels=before, out_channels=after, temb_channels=config.embedding_width, eps=1e-5)


def _spatial(width: int, config: VideoUNetConfig) -> Transformer2DModel:
    return Transformer2DModel(
        num_attention_heads=config.heads,
        attention_head_dim=width // config.heads,
        in_channels=width,
        cross_attention_dim=config.cross_attention_dim,
    )


def _temporal(width: int, config: VideoUNetConfig) -> MotionModule:
    return MotionModule(width, heads=config.heads, positions=config.positions)


def _attending(transformer: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda hidden, text: transformer(hidden, encoder_hidden_states=text, return_dict=False)[0]
