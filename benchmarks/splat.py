"""The forward warp against simpler ways to write it, and WarpOperator against recomputing it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from motion_core.types import MotionField, Size
from motion_core.warp import WarpOperator, forward_warp

from .timing import medians, milliseconds, table

FRAMES = 16
PICTURE = Size(height=320, width=512)
LEVELS = [(Size(40, 64), 320), (Size(20, 32), 640), (Size(10, 16), 1280), (Size(5, 8), 1280)]  # of SD1.5


def smooth_field(size: Size, *, reach: float, frames: int = FRAMES) -> MotionField:
    """Motion as a picture has it: smooth, growing from frame to frame up to about `reach` pixels."""
    coarse = torch.randn(1, 2, 6, 8, generator=torch.Generator().manual_seed(0)) * reach
    whole = F.interpolate(coarse, size, mode="bicubic")
    return MotionField(whole * torch.linspace(0, 1, frames).view(-1, 1, 1, 1))


def loop_over_pixels(features: Tensor, displacement: Tensor) -> Tensor:
    """The average splat as one would write it first."""
    _, channels, height, width = features.shape
    total, weight = torch.zeros(channels, height, width), torch.zeros(height, width)
    for row in range(height):
        for column in range(width):
            x, y = column + displacement[0, 0, row, column], row + displacement[0, 1, row, column]
            left, top = int(x.floor()), int(y.floor())
            for x0 in (left, left + 1):
                for y0 in (top, top + 1):
                    if 0 <= x0 < width and 0 <= y0 < height:
                        share = (1 - (x - x0).abs()) * (1 - (y - y0).abs())
                        total[:, y0, x0] += share * features[0, :, row, column]
                        weight[y0, x0] += share
    return total / (weight + 1e-7)


def plain_index_add(features: Tensor, displacement: Tensor) -> Tensor:
    """The average splat with all four shares in one index_add_ along the pixels of a channels-first picture."""
    batch, channels, height, width = features.shape
    x = torch.arange(width) + displacement[:, 0]
    y = torch.arange(height).view(-1, 1) + displacement[:, 1]
    left, top = x.floor(), y.floor()
    results = []
    for b in range(batch):
        indices, shares = [], []
        for x0 in (left[b], left[b] + 1):
            for y0 in (top[b], top[b] + 1):
                inside = (x0 >= 0) & (x0 < width) & (y0 >= 0) & (y0 < height)
                indices.append(torch.where(inside, y0 * width + x0, 0).long().flatten())
                shares.append(((1 - (x[b] - x0).abs()) * (1 - (y[b] - y0).abs()) * inside).flatten())
        index, share = torch.cat(indices), torch.cat(shares)
        sources = torch.cat([features[b].flatten(1), torch.ones(1, height * width)]).repeat(1, 4) * share
        sums = torch.zeros(channels + 1, height * width).index_add_(1, index, sources)
        results.append((sums[:-1] / (sums[-1:] + 1e-7)).view(channels, height, width))
    return torch.stack(results)


def splat_table() -> str:
    rows = []
    cases = [
        ("picture, 3×160×256, one frame", torch.rand(1, 3, 160, 256), 1),
        ("picture, 3×320×512, one frame", torch.rand(1, 3, 320, 512), 1),
        ("features, 320×40×64, 15 frames", torch.randn(1, 320, 40, 64).expand(15, -1, -1, -1), 15),
    ]
    for name, features, frames in cases:
        size = Size.of(features)
        displacement = smooth_field(size, reach=size.width / 20).displacement[-frames:]
        ways = {
            "plain": lambda f=features, d=displacement: plain_index_add(f, d),
            "ours": lambda f=features, d=displacement: forward_warp(f, d),
        }
        torch.testing.assert_close(ways["ours"]()[0], ways["plain"](), atol=1e-4, rtol=1e-4)
        times = medians(ways)
        loop = "not run"
        if size.width <= 256 and frames == 1:
            seconds = medians({"loop": lambda f=features, d=displacement: loop_over_pixels(f, d)}, repeats=1)["loop"]
            loop = f"{milliseconds(seconds)} ({seconds / times['ours']:.0f}×)"
        plain = f"{milliseconds(times['plain'])} ({times['plain'] / times['ours']:.1f}×)"
        rows.append([name, milliseconds(times["ours"]), plain, loop])
    return table(["average splat of", "forward_warp", "one plain index_add_", "loop over pixels"], rows)


def operator_table() -> str:
    field = smooth_field(PICTURE, reach=25)
    rows = []
    for batch in (1, 2):
        for size, channels in LEVELS:
            tokens = torch.randn(batch, size.height * size.width, channels)
            operator = WarpOperator(field)
            build = medians({"build": lambda s=size, t=tokens[:, :, :1]: WarpOperator(field).carry_tokens(t, s)})[
                "build"
            ]
            ways = {
                "operator": lambda t=tokens, s=size, o=operator: o.carry_tokens(t, s),
                "again": lambda t=tokens, s=size: recomputed(field, t, s),
            }
            torch.testing.assert_close(ways["operator"](), ways["again"](), atol=1e-4, rtol=1e-4)
            times = medians(ways, repeats=25)
            rows.append(
                [
                    f"{batch}×{channels}×{size.height}×{size.width}",
                    milliseconds(times["operator"]),
                    milliseconds(times["again"]),
                    f"**{times['again'] / times['operator']:.1f}×**",
                    milliseconds(build),
                ]
            )
    return table(["reference features", "WarpOperator", "recomputed", "ratio", "built once in"], rows)


def recomputed(field: MotionField, tokens: Tensor, size: Size) -> Tensor:
    """What a layer does without the operator: resize the field, splat the reference into every frame, back to rows."""
    batch, pixels, channels = tokens.shape
    displacement = field.resized(size).displacement[1:]
    frames = len(displacement)
    features = tokens.transpose(1, 2).reshape(batch, 1, channels, *size).expand(-1, frames, -1, -1, -1)
    warped, _ = forward_warp(features.flatten(0, 1), displacement.repeat(batch, 1, 1, 1))
    return warped.flatten(2).transpose(1, 2).reshape(batch, frames, pixels, channels)
