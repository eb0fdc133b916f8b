"""Equation 3: carry the reference's pixels or features along a motion field.

Forward warp (splatting) sends every pixel to where it goes; backward warp fetches every pixel from where it is.
One torch code for CPU and CUDA, any floating dtype; sums run in float32 (float64 for float64 input).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Literal, NamedTuple, get_args

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from .errors import MotionError, ShapeError
from .types import MotionField, Size

Mode = Literal["summation", "average", "linear", "softmax"]
Guard = Literal["add", "replace", "clip"]

WITHOUT_CSR = ("mps",)  # devices on which torch multiplies no sparse matrix (pytorch/pytorch#196192)
EPSILON = 1e-7  # the authors' guard against division by zero: zero motion returns x / (1 + 1e-7)
LARGEST_EXPONENT = 60.0  # softmax importances above it are shifted down together, so that exp stays finite


def forward_warp(
    features: Tensor,
    displacement: Tensor,
    mode: Mode = "average",
    importance: Tensor | None = None,
    guard: Guard = "add",
) -> tuple[Tensor, Tensor]:
    """Equation 3: splat every pixel x to x + displacement(x), shared bilinearly among the four pixels around it.

    features: [B, C, H, W]. displacement: [B, 2, H, W] in pixels; a pixel that is sent to no finite place is dropped,
        as is every share that falls outside the grid.
    mode, after softmax splatting (Niklaus & Liu 2020): what arrives at one pixel is
        "summation"  added up,
        "average"    averaged (the published network's),
        "linear"     averaged with the weight importance [B, 1, H, W],
        "softmax"    averaged with the weight exp(importance): the larger one lies in front.
    guard: what keeps an average over nothing finite: "add" EPSILON to the weight, "replace" a zero weight by 1, or
        "clip" the weight to at least EPSILON. A pixel that nothing reaches is 0. With "add", softmax importances below
        about -10 fade to 0 as well, as the authors' do: raise them together, or choose "replace".

    Returns warped [B, C, H, W], and coverage [B, 1, H, W] in float32 or better: how much arrived (1 everywhere if
        nothing moves).
    Differentiable in features, importance and, through the bilinear shares, displacement.
    """
    _check_warp(features, displacement)
    if mode not in get_args(Mode) or guard not in get_args(Guard):
        raise MotionError(
            f"forward_warp knows the modes {', '.join(get_args(Mode))} and the guards {', '.join(get_args(Guard))}; "
            f"got {mode!r} and {guard!r}."
        )
    if (importance is not None) != (mode in ("linear", "softmax")):
        raise MotionError(f"The mode {mode!r} {'takes no' if importance is not None else 'needs an'} importance.")
    batch, _, height, width = features.shape
    precision = torch.promote_types(features.dtype, torch.float32)
    weight = features.new_ones(batch, 1, height, width, dtype=precision)
    if importance is not None:
        if importance.shape != weight.shape:
            raise ShapeError(f"The importance must be {list(weight.shape)}; got {list(importance.shape)}.")
        weight = importance.to(precision)
        if mode == "softmax":
            excess = weight.detach().amax(dim=(1, 2, 3), keepdim=True).sub(LARGEST_EXPONENT).clamp(min=0)
            weight = (weight - excess).exp()

    channels = [features.to(precision) * weight, weight] if importance is not None else [features.to(precision)]
    sources = torch.cat([*channels, torch.ones_like(weight)], dim=1).flatten(2)  # the ones arrive as coverage
    drop = height * width  # one pixel more than the picture: whatever leaves the grid lands there
    shares = list(landing_shares(*landing(displacement.to(precision)), Size.of(features)))
    arrived = []
    for sample in range(batch):  # one after the other, so that sources and sums stay in the cache
        sums = sources.new_zeros(sources.shape[1], drop + 1)
        for target, share in shares:
            index = torch.where(target[sample] < 0, drop, target[sample]).flatten()
            sums.index_add_(1, index, sources[sample] * share[sample].flatten())
        arrived.append(sums[:, :drop])
    sums = torch.stack(arrived).view(batch, -1, height, width)
    warped, coverage = sums[:, : features.shape[1]], sums[:, -1:]
    if mode != "summation":
        warped = warped / _guarded(coverage if importance is None else sums[:, -2:-1], guard)
    return warped.to(features.dtype), coverage


def backward_warp(
    features: Tensor, displacement: Tensor, *, beyond: Literal["border", "zeros", "reflection"] = "border"
) -> Tensor:
    """Fetch every pixel x from x + displacement(x), bilinearly.

    features: [B, C, H, W], displacement: [B, 2, H, W] in pixels. beyond: what lies outside the picture.
    Returns [B, C, H, W].
    """
    _check_warp(features, displacement)
    precision = torch.promote_types(features.dtype, torch.float32)
    places = torch.stack(landing(displacement.to(precision)), dim=1)
    size = Size.of(features)
    scale = places.new_tensor([2 / max(size.width - 1, 1), 2 / max(size.height - 1, 1)]).view(2, 1, 1)
    grid = rearrange(places * scale - 1, "b xy h w -> b h w xy")  # a view; it is sampled as fast as a copy
    return F.grid_sample(features.to(precision), grid, padding_mode=beyond, align_corners=True).to(features.dtype)


class WarpOperator:
    """Equation 3 made ready to carry features: a motion field's splat, one sparse matrix a resolution.

    The field depends on neither the denoising step nor the layer, so corners and shares are computed once for each
    target resolution and kept; a warp is then one sparse product. Equal to `forward_warp` (average) of the field
    resized to the features' grid. Differentiable in the features, not in the field.
    """

    def __init__(self, field: MotionField) -> None:
        if field.frames < 2:
            raise MotionError("A motion field of one frame carries nothing; it needs the reference and a later frame.")
        self.field = field
        self._matrices: dict[tuple[Size, torch.device, torch.dtype], Tensor] = {}

    def __call__(self, features: Tensor) -> Tensor:
        """The reference's features [B, C, h, w] carried to frames 1 … F-1: [B, F-1, C, h, w]."""
        if features.ndim != 4:
            raise ShapeError(f"Features of the reference are [B, C, h, w]; got {list(features.shape)}.")
        size = Size.of(features)
        warped = self.carry_tokens(rearrange(features, "b c h w -> b (h w) c"), size)
        return rearrange(warped, "b f (h w) c -> b f c h w", h=size.height)

    def carry_tokens(self, tokens: Tensor, size: Size) -> Tensor:
        """The same for tokens [B, D, C] in rows of an h×w grid, D = h·w: [B, F-1, D, C]."""
        if tokens.ndim != 3 or tokens.shape[1] != size.height * size.width:
            raise ShapeError(
                f"Tokens of a {size} grid are [B, {size.height * size.width}, C]; got {list(tokens.shape)}."
            )
        precision = torch.promote_types(tokens.dtype, torch.float32)
        device = torch.device("cpu") if tokens.device.type in WITHOUT_CSR else tokens.device
        matrix = self._matrix(size, device, precision)
        reference = rearrange(tokens.to(device, precision), "b d c -> d (b c)")
        on_cpu = device.type == "cpu"  # where torch's own product is several times faster than MKL's
        with torch.autocast(device.type, enabled=False):
            warped = torch.sparse.mm(matrix, reference, "sum") if on_cpu else matrix @ reference
        return rearrange(warped.to(tokens), "(d f) (b c) -> b f d c", d=tokens.shape[1], c=tokens.shape[2])

    def _matrix(self, size: Size, device: torch.device, precision: torch.dtype) -> Tensor:
        """[D·(F-1), D]: a row holds the share of every source that arrives at a pixel of one of the frames 1 … F-1.

        All frames of a pixel lie next to each other, as temporal attention wants them.
        """
        key = (size, device, precision)
        if key not in self._matrices:
            with torch.inference_mode(False), torch.no_grad():  # kept, so it must serve any later mode
                # on the CPU, where sums have one order: the same field gives the same matrix, bit for bit
                field = MotionField(self.field.displacement.detach().to("cpu", precision))
                displacement = field.resized(size).displacement[1:]
                self._matrices[key] = _average_splat_matrix(displacement).to(device)
        return self._matrices[key]


class Share(NamedTuple):
    """What every source gives to one of the four pixels around the place where it lands."""

    target: Tensor  # index of that pixel, rows first; -1 where it lies outside the grid
    share: Tensor  # its bilinear weight, 0…1


def landing_shares(x: Tensor, y: Tensor, size: Size) -> Iterator[Share]:
    """The four pixels around every landing place (x, y) of any shape, in pixels, and how much each one gets."""
    lost = ~(torch.isfinite(x) & torch.isfinite(y))
    x = x.masked_fill(lost, -2).clamp(-2, size.width + 1)  # outside, and small enough for an index
    y = y.masked_fill(lost, -2).clamp(-2, size.height + 1)
    left, top = x.detach().floor(), y.detach().floor()
    for column, x_share in ((left, left + 1 - x), (left + 1, x - left)):
        for row, y_share in ((top, top + 1 - y), (top + 1, y - top)):
            inside = (column >= 0) & (column < size.width) & (row >= 0) & (row < size.height)
            yield Share(torch.where(inside, row * size.width + column, -1).long(), x_share * y_share)


def landing(displacement: Tensor) -> tuple[Tensor, Tensor]:
    """Where every pixel of [B, 2, H, W] lands: its column and its row, [B, H, W] each."""
    height, width = Size.of(displacement)
    x = torch.arange(width, device=displacement.device) + displacement[:, 0]
    y = torch.arange(height, device=displacement.device).view(-1, 1) + displacement[:, 1]
    return x, y


def lands_inside(displacement: Tensor) -> Tensor:
    """[B, H, W] bool: which pixels of [B, 2, H, W] land inside: the nearest pixel to their place is of the picture."""
    size = Size.of(displacement)
    x, y = (axis.round() for axis in landing(displacement.to(torch.promote_types(displacement.dtype, torch.float32))))
    return (x >= 0) & (x < size.width) & (y >= 0) & (y < size.height)


def surface_slope(displacement: Tensor) -> Tensor:
    """[2 (along x, along y), 2 (x, y), H, W]: how the displacement changes within one surface.

    The smaller of the differences to both neighbours (minmod), so that the end of a surface is not taken for a slope.
    """
    slopes = []
    for axis in (2, 1):
        length = displacement.shape[axis]
        if length == 1:
            slopes.append(torch.zeros_like(displacement))
            continue
        change = torch.diff(displacement, dim=axis)
        ahead = torch.cat([change, change.narrow(axis, length - 2, 1)], dim=axis)
        behind = torch.cat([change.narrow(axis, 0, 1), change], dim=axis)
        smaller = torch.where(ahead.abs() < behind.abs(), ahead, behind)
        slopes.append(torch.where(ahead * behind > 0, smaller, 0.0))
    return torch.stack(slopes)


def _average_splat_matrix(displacement: Tensor) -> Tensor:
    """The average splat of [N, 2, H, W] as a CSR matrix [D·N, D]; rows sum to 1, or to 0 where nothing arrives."""
    count, _, height, width = displacement.shape
    pixels = height * width
    source = torch.arange(pixels, device=displacement.device).view(1, height, width).expand(count, -1, -1)
    frame = torch.arange(count, device=displacement.device).view(-1, 1, 1)
    rows, columns, shares = [], [], []
    for target, share in landing_shares(*landing(displacement), Size.of(displacement)):
        kept = (target >= 0) & (share > 0)
        rows.append((target * count + frame)[kept])
        columns.append(source[kept])
        shares.append(share[kept])
    row, column, share = torch.cat(rows), torch.cat(columns), torch.cat(shares)
    order = torch.argsort(row * pixels + column)
    row, column, share = row[order], column[order], share[order]
    coverage = share.new_zeros(count * pixels).index_add_(0, row, share)
    starts = torch.zeros(count * pixels + 1, dtype=torch.long, device=row.device)
    starts[1:] = torch.bincount(row, minlength=count * pixels).cumsum(0)
    with warnings.catch_warnings():  # torch calls its CSR layout beta; the product used here is tested
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")
        return torch.sparse_csr_tensor(
            starts.int(),
            column.int(),
            share / (coverage[row] + EPSILON),
            size=(count * pixels, pixels),
            check_invariants=True,
        )


def _guarded(weight: Tensor, guard: Guard) -> Tensor:
    if guard == "replace":
        return torch.where(weight == 0, 1.0, weight)
    if guard == "clip":
        return weight.clamp(min=EPSILON)
    return weight + EPSILON


def _check_warp(features: Tensor, displacement: Tensor) -> None:
    if features.ndim != 4 or not features.is_floating_point():
        raise ShapeError(
            f"Features to warp are floating-point [B, C, H, W]; got {features.dtype} {list(features.shape)}."
        )
    wanted = [features.shape[0], 2, *features.shape[2:]]
    if list(displacement.shape) != wanted:
        raise ShapeError(f"The displacement of these features must be {wanted}; got {list(displacement.shape)}.")
