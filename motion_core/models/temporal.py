"""The temporal transformer: every spatial cell looks at itself in all frames. Motion-I2V, section 3; AnimateDiff.

Group norm works within a frame, as in the published models (diffusers' own motion module normalises over the frames).
Names of parameters are the published ones, so checkpoints load as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from diffusers.models.attention import FeedForward
from einops import rearrange
from torch import Tensor, nn

from ..errors import ShapeError
from ..types import Size
from ..warp_attention import WarpAttention

MOST_HEADS = 65535  # sequences × heads in one attention: CUDA's grid has no more (pytorch/pytorch#142228)


class MotionModule(nn.Module):
    """What follows each resnet and spatial transformer: a residual temporal transformer over the frames.

    hidden: [B·F, C, h, w], the frames of a clip next to each other. Returns the same shape.
    warp: beside its own frames, a cell sees the reference carried to them (stage 2); None sees the frames alone.
    chunk: cells that are computed at a time; None is all of them. The values do not change, the peak of memory does.
    """

    def __init__(self, width: int, *, heads: int, positions: int) -> None:
        super().__init__()
        self.positions = positions
        self.temporal_transformer = TemporalTransformer(width, heads=heads, positions=positions)

    def forward(
        self, hidden: Tensor, frames: int, *, warp: WarpAttention | None = None, chunk: int | None = None
    ) -> Tensor:
        return self.temporal_transformer(hidden, frames, warp, chunk)


class TemporalTransformer(nn.Module):
    """Group norm per frame → linear → transformer block → linear, added to what came in. Shapes as in MotionModule."""

    def __init__(self, width: int, *, heads: int, positions: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(32, width, eps=1e-6)
        self.proj_in = nn.Linear(width, width)
        self.transformer_blocks = nn.ModuleList([TemporalBlock(width, heads=heads, positions=positions)])
        self.proj_out = nn.Linear(width, width)

    def forward(self, hidden: Tensor, frames: int, warp: WarpAttention | None, chunk: int | None) -> Tensor:
        if warp is not None and warp.frames != frames:
            raise ShapeError(
                f"The clip has {frames} frames and its motion field {warp.frames}; both count the reference. "
                "Re-time the field, or render as many frames as it has."
            )
        size = Size.of(hidden)
        cells = rearrange(self.norm(hidden), "(b f) c h w -> (b h w) f c", f=frames)
        cells = in_portions(self.proj_in, chunk, cells)
        for block in self.transformer_blocks:
            cells = block(cells, size, warp, chunk)
        cells = in_portions(self.proj_out, chunk, cells)
        return hidden + rearrange(cells, "(b h w) f c -> (b f) c h w", h=size.height, w=size.width)


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

    def forward(
        self, cells: Tensor, size: Size | None = None, warp: WarpAttention | None = None, chunk: int | None = None
    ) -> Tensor:
        for attention, norm in zip(self.attention_blocks, self.norms, strict=True):
            cells = attention(norm(cells), size, warp, chunk) + cells
        return in_portions(lambda part: self.ff(self.ff_norm(part)) + part, chunk, cells)


class TemporalAttention(nn.Module):
    """Self-attention over the frames of one cell; the position code is added before queries, keys and values.

    cells: [N, F, C]; N is B·h·w where a motion field is given, of an h×w grid. Returns the same shape.
    ShapeError: there are fewer rows in the position table (32 published) than F, or than 2F-1 with interleaved
        warped references.
    """

    def __init__(self, width: int, *, heads: int, positions: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(width, width, bias=False)
        self.to_v = nn.Linear(width, width, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])
        self.pos_encoder = PositionTable(positions, width)

    def forward(
        self, cells: Tensor, size: Size | None = None, warp: WarpAttention | None = None, chunk: int | None = None
    ) -> Tensor:
        if warp is None or size is None or warp.fusion == "none":
            own = self.pos_encoder(range(cells.shape[1]), cells)
            return in_portions(lambda part: self._attended(part + own), chunk, cells)
        own, reference = self.pos_encoder(warp.rows, cells), cells[:, 0]
        if warp.fusion == "addition":
            warped = F.pad(warp.carried(reference, size), (0, 0, 1, 0))  # nothing is added to the reference
            return in_portions(lambda part, more: self._attended(part + more + own), chunk, cells, warped)
        beside = warp.carried(self._keys_and_values(reference), size)
        beside += self._keys_and_values(self.pos_encoder(warp.warped_rows, cells))
        return in_portions(lambda part, more: self._attended(part + own, more), chunk, cells, beside)

    def _keys_and_values(self, tokens: Tensor) -> Tensor:
        """[…, C] → […, 2C]."""
        return torch.cat([self.to_k(tokens), self.to_v(tokens)], dim=-1)

    def _attended(self, placed: Tensor, beside: Tensor | None = None) -> Tensor:
        """placed: [N, F, C], tokens with their position codes. beside: [N, M, 2C], more keys and values."""
        queries, keys, values = self.to_q(placed), self.to_k(placed), self.to_v(placed)
        if beside is not None:  # in any order: keys carry their place in time with them
            more_keys, more_values = beside.chunk(2, dim=-1)
            keys, values = torch.cat([keys, more_keys], dim=1), torch.cat([values, more_values], dim=1)
        heads = [rearrange(t, "n f (head c) -> n head f c", head=self.heads) for t in (queries, keys, values)]
        attended = in_portions(F.scaled_dot_product_attention, MOST_HEADS // self.heads, *heads)
        return self.to_out[0](rearrange(attended, "n head f c -> n f (head c)"))


class PositionTable(nn.Module):
    """Rows of a sinusoid table, [rows, C]. The table is stored in the published checkpoints."""

    pe: Tensor

    def __init__(self, positions: int, width: int) -> None:
        super().__init__()
        self.register_buffer("pe", position_table(positions, width))

    def forward(self, rows: range, like: Tensor) -> Tensor:
        """[len(rows), C] in the precision and on the device of `like`."""
        known, wanted = self.pe.shape[1], rows[-1] + 1
        if wanted > known:
            raise ShapeError(
                f"This motion module knows {known} positions in time; this clip needs {wanted}. "
                "Ask for fewer frames and re-time the motion field to more, or render in windows."
            )
        return self.pe[0, rows.start : rows.stop : rows.step].to(like)


def in_portions(layer: Callable[..., Tensor], chunk: int | None, *given: Tensor) -> Tensor:
    """layer(*given) over [N, …] each, `chunk` of N at a time."""
    if chunk is None or chunk >= len(given[0]):
        return layer(*given)
    return torch.cat([layer(*portion) for portion in zip(*(tensor.split(chunk) for tensor in given), strict=True)])


def position_table(positions: int, width: int) -> Tensor:
    """[1, positions, width]: sin(p·10000^(-2k/C)) in column 2k, cos of the same in column 2k + 1."""
    place = torch.arange(positions, dtype=torch.float64)[:, None]
    angle = place * torch.exp(torch.arange(0, width, 2, dtype=torch.float64) * (-math.log(10000.0) / width))
    return rearrange([angle.sin(), angle.cos()], "wave p k -> 1 p (k wave)").float()
