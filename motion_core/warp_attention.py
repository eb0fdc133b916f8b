"""Equation 4: beside every frame, temporal attention sees the reference carried to it along the motion field.

Motion-I2V, section 3.3. Keys and values come from z₀, w₁, z₁, w₂, z₂ … where wᵢ is the reference's feature map warped
to frame i (Equation 3); queries from z₀, z₁, z₂ … alone. Tokens are cells: [B·D, F, C], all frames of a place together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from einops import rearrange
from torch import Tensor

from .errors import MotionError, ShapeError
from .types import Size
from .warp import WarpOperator

Fusion = Literal["attention", "addition", "none"]
Positions = Literal["interleaved", "shared"]


@dataclass(frozen=True)
class WarpAttention:
    """How a clip's motion field enters its temporal attention.

    operator: of the field; its frame 0 is the reference, and so is the clip's.
    fusion: "attention" gives the warped reference to keys and values (Equation 4); "addition" adds it to the frame
        before queries, keys and values are made; "none" leaves it out (both from the paper's ablation).
    positions: "interleaved" puts frame i at row 2i of the position table and its warped reference at row 2i - 1, as
        the published modules were trained. "shared" puts both at row i: for modules that were trained without any
        warped reference, as AnimateDiff's are; twice as many frames find a place.
    """

    operator: WarpOperator
    fusion: Fusion = "attention"
    positions: Positions = "interleaved"

    def __post_init__(self) -> None:
        if self.fusion not in get_args(Fusion) or self.positions not in get_args(Positions):
            raise MotionError(
                f"Fusions are {', '.join(get_args(Fusion))} and position layouts {', '.join(get_args(Positions))}; "
                f"got {self.fusion!r} and {self.positions!r}."
            )

    @property
    def frames(self) -> int:
        """F, counting the reference."""
        return self.operator.field.frames

    @property
    def rows(self) -> range:
        """Of the position table, for the F frames themselves."""
        pairs = self.positions == "interleaved" and self.fusion == "attention"
        return range(0, 2 * self.frames - 1, 2) if pairs else range(self.frames)

    @property
    def warped_rows(self) -> range:
        """Of the position table, for the warped references of frames 1 … F-1."""
        return range(1, 2 * self.frames - 2, 2) if self.positions == "interleaved" else range(1, self.frames)

    def carried(self, reference: Tensor, size: Size) -> Tensor:
        """Tokens [B·D, C] of the reference on an h×w grid, carried to frames 1 … F-1: [B·D, F-1, C]."""
        pixels = size.height * size.width
        if len(reference) % pixels:
            raise ShapeError(f"Cells of a {size} grid are a multiple of {pixels}; got {len(reference)}.")
        warped = self.operator.carry_tokens(rearrange(reference, "(b d) c -> b d c", d=pixels), size)
        return rearrange(warped, "b f d c -> (b d) f c")

    def augmented(self, cells: Tensor, size: Size) -> tuple[Tensor, list[int]]:
        """Equation 4 as it is written: what keys and values are made of, [B·D, 2F-1, C], and its 2F-1 table rows.

        Temporal attention gets the same numbers by warping the reference's keys and values instead: warping and
        projecting are both linear, and one frame is projected instead of F-1.
        """
        warped = self.carried(cells[:, 0], size)
        pairs = rearrange([warped, cells[:, 1:]], "which n f c -> n (f which) c")
        rows = [row for pair in zip(self.warped_rows, self.rows[1:], strict=True) for row in pair]
        return torch.cat([cells[:, :1], pairs], dim=1), [0, *rows]


def most_frames(rows: int, fusion: Fusion, positions: Positions) -> int:
    """How many frames, counting the reference, find a place in a position table of so many rows."""
    return (rows + 1) // 2 if (fusion, positions) == ("attention", "interleaved") else rows
