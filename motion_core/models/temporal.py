"""The temporal transformer: every spatial cell looks at itself in all frames. Motion-I2V, section 3; AnimateDiff.

Group norm works within a frame, as in the published models (diffusers' own motion module normalises over the frames).
Names of parameters are the published ones, so checkpoints load as they are.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from diffusers.models.attention import FeedForward
from einops import rearrange
from torch import Tensor, nn

from ..errors import ShapeError

MOST_HEADS = 65535  # sequences × heads in one attention: CUDA's grid has no more (pytorch/pytorch#142228)


class MotionModule(nn.Module):
    """What follows each resnet and spatial transformer: a residual temporal transformer over the frames.

    hidden: [B·F, C, h, w], the frames of a clip next to each other. Returns the same shape.
    chunk: cells that are computed at a time; None is all of them. The values do not change, the peak of memory does.
    """

    def __init__(self, width: int, *, heads: int, positions: int) -> None:
        super().__init__()
        self.temporal_transformer = TemporalTransformer(width, heads=heads, positions=positions)

    def forward(self, hidden: Tensor, frames: int, chunk: int | None = None) -> Tensor:
        return self.temporal_transformer(hidden, frames, chunk)


class TemporalTransformer(nn.Module):
    """Group norm per frame → linear → transformer block → linear, added to what came in. Shapes as in MotionModule."""

    def __init__(self, width: int, *, heads: int, positions: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(32, width, eps=1e-6)
        self.proj_in = nn.Linear(width, width)
        self.transformer_blocks = nn.ModuleList([TemporalBlock(width, heads=heads, positions=positions)])
        self.proj_out = nn.Linear(width, width)

    def forward(self, hidden: Tensor, frames: int, chunk: int | None = None) -> Tensor:
        height, width = hidden.shape[-2:]
        cells = rearrange(self.norm(hidden), "(b f) c h w -> (b h w) f c", f=frames)
        turned = torch.cat([self._turned(part) for part in cells.split(chunk or len(cells))])
        return hidden + rearrange(turned, "(b h w) f c -> (b f) c h w", h=height, w=width)

    def _turned(self, cells: Tensor) -> Tensor:
        cells = self.proj_in(cells)
        for block in self.transformer_blocks:
            cells = block(cells)
        return self.proj_out(cells)


class TemporalBlock(nn.Module):
    """Two temporal self-attentions and a feed-forward (GEGLU), each after a layer norm and added. [N, F, C] → same."""

    def __init__(self, width: int, *, heads: int, positions: int) -> None:
        super().__init__()
        self.attention_blocks = nn.ModuleList(
            [TemporalAttention(width, heads=heads, positions=positions) for _ in range(2)]
        )
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(2)])
        self.ff = FeedForward(width, activation_fn="geglu")
        self.ff_norm = nn.LayerNorm(width)

    def forward(self, cells: Tensor) -> Tensor:
        for attention, norm in zip(self.attention_blocks, self.norms, strict=True):
            cells = attention(norm(cells)) + cells
        return self.ff(self.ff_norm(cells)) + cells


class TemporalAttention(nn.Module):
    """Self-attention over the frames of one cell; the position code is added before queries, keys and values.

    cells: [N, F, C], F at most the rows of the position table (32 published); more is a ShapeError.
    """

    def __init__(self, width: int, *, heads: int, positions: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(width, width, bias=False)
        self.to_v = nn.Linear(width, width, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])
        self.pos_encoder = PositionTable(positions, width)

    def forward(self, cells: Tensor) -> Tensor:
        placed = self.pos_encoder(cells)
        queries, keys, values = (
            rearrange(project(placed), "n f (head c) -> n head f c", head=self.heads)
            for project in (self.to_q, self.to_k, self.to_v)
        )
        most = MOST_HEADS // self.heads
        parts = zip(queries.split(most), keys.split(most), values.split(most), strict=True)
        attended = torch.cat([F.scaled_dot_product_attention(*part) for part in parts])
        return self.to_out[0](rearrange(attended, "n head f c -> n f (head c)"))


class PositionTable(nn.Module):
    """Adds row f of a sinusoid table to frame f. The table is stored in the published checkpoints."""

    pe: Tensor

    def __init__(self, positions: int, width: int) -> None:
        super().__init__()
        self.register_buffer("pe", position_table(positions, width))

    def forward(self, cells: Tensor) -> Tensor:
        frames, rows = cells.shape[1], self.pe.shape[1]
        if frames > rows:
            raise ShapeError(
                f"This motion module knows {rows} positions in time; {frames} frames are too many. "
                "Ask for fewer, and re-time the motion field to more."
            )
        return cells + self.pe[:, :frames].to(cells.dtype)


def position_table(positions: int, width: int) -> Tensor:
    """[1, positions, width]: sin(p·10000^(-2k/C)) in column 2k, cos of the same in column 2k + 1."""
    place = torch.arange(positions, dtype=torch.float64)[:, None]
    angle = place * torch.exp(torch.arange(0, width, 2, dtype=torch.float64) * (-math.log(10000.0) / width))
    return rearrange([angle.sin(), angle.cos()], "wave p k -> 1 p (k wave)").float()
