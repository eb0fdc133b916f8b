"""Motion fields as maps of the picture: one after another, back again, and step by step.

x → x + f(x) is a map, so fields are not added but composed. A cumulative sum of steps reads every step at the
place where a pixel began and not where it has got to; on a rotation it goes visibly wrong.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .errors import MotionError, ShapeError
from .push_pull import fill_smoothly
from .types import MotionField, Size
from .warp import backward_warp, landing, lands_inside, surface_slope

ARRIVES = 0.5  # pixels: nearer than this to a pixel's centre, something has arrived there
ROUNDS = 8  # of Newton's method; two or three settle a smooth field
SETTLED = 1e-3  # pixels at which a round more changes nothing
STIFFEST = 0.05  # a field that squeezes an area to less than this share is not followed by Newton's method


def composed(first: MotionField, then: MotionField) -> MotionField:
    """First one motion, then the other: d(x) = f(x) + g(x + f(x)) in every frame.

    Beyond the border the motion of the nearest pixel of the rim continues.
    """
    if first.displacement.shape != then.displacement.shape:
        raise ShapeError(
            f"Two motion fields compose if their frames and sizes agree; the first has {first.frames} of {first.size}, "
            f"the second {then.frames} of {then.size}. Re-time or resize one of them."
        )
    return MotionField(_followed(first.displacement, then.displacement))


def inverse(field: MotionField) -> tuple[MotionField, Tensor]:
    """The way back: for every pixel of frame i its displacement to where it lay in the reference.

    Returns the field on the grid of each frame, and occluded [F, 1, H, W]: 1 where no pixel of the reference arrives.
    There the way back is filled smoothly from around. Where several arrive, the one that moved farthest is in front.
    """
    ways = [_way_back(displacement) for displacement in field.displacement]
    return MotionField(torch.stack([way for way, _ in ways])), torch.stack([occluded for _, occluded in ways])


def from_steps(steps: Tensor) -> MotionField:
    """The motion from the reference that steps [F-1, 2, H, W], in pixels from frame i to frame i+1, make together.

    F_{i+1}(x) = F_i(x) + s_i(x + F_i(x)). What has left the picture goes on as the nearest pixel of the rim does.
    """
    field = [torch.zeros_like(steps[0])] if steps.ndim == 4 and len(steps) else []
    for step in MotionField.after_reference(steps).displacement[1:]:
        field.append(_followed(field[-1][None], step[None])[0])
    return MotionField(torch.stack(field))


def to_steps(field: MotionField) -> tuple[Tensor, Tensor]:
    """The steps [F-1, 2, H, W] from frame i to frame i+1, on the grid of frame i, and known [F-1, 1, H, W].

    known is 0 where frame i shows nothing of the reference; the step there is filled from around.
    """
    if field.frames < 2:
        raise MotionError("A motion field of one frame has no steps; it needs the reference and a later frame.")
    back, occluded = inverse(field.cut(field.frames - 1))
    advance = field.displacement[1:] - field.displacement[:-1]
    return backward_warp(advance, back.displacement), 1 - occluded


def _followed(first: Tensor, then: Tensor) -> Tensor:
    return first + backward_warp(then, first)


def _way_back(displacement: Tensor) -> tuple[Tensor, Tensor]:
    """The inverse [2, H, W] of one frame's displacement [2, H, W], and occluded [1, H, W]."""
    if not displacement.any():
        return torch.zeros_like(displacement), torch.zeros_like(displacement[:1])
    forth = displacement.to(torch.promote_types(displacement.dtype, torch.float32))
    slope = surface_slope(forth)
    back = _solved(_first_guess(forth), forth, slope)
    occluded = ~_arrived(back, forth, slope)
    back = fill_smoothly(back, occluded)
    return back.to(displacement.dtype), occluded[None].to(displacement.dtype)


def _first_guess(forth: Tensor) -> Tensor:
    """The way back of the pixel that lands nearest; of several, the one that moved farthest. Gaps are filled."""
    size = Size.of(forth)
    inside = lands_inside(forth[None])[0]
    x, y = (axis[0].round() for axis in landing(forth[None]))
    target = (y * size.width + x)[inside].long()
    moved = forth[:, inside]
    order = torch.hypot(*moved).argsort(stable=True)  # ranks are unique, so the winner never depends on chance
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device)
    winner = torch.full((size.height * size.width,), -1, device=order.device)
    winner = winner.scatter_reduce(0, target, rank, reduce="amax")
    reached = winner >= 0
    back = torch.zeros_like(forth).flatten(1)
    back[:, reached] = -moved[:, order[winner[reached]]]
    return fill_smoothly(back.view_as(forth), ~reached.view(size))


def _solved(back: Tensor, forth: Tensor, slope: Tensor) -> Tensor:
    """Newton's method for b(y) + f(y + b(y)) = 0, every pixel by itself; a step that does not help is not taken."""
    missed = _missed(back, forth, slope)
    for _ in range(ROUNDS):
        along_x, along_y = _at_nearest(slope, _place(back))
        area = (1 + along_x[0]) * (1 + along_y[1]) - along_x[1] * along_y[0]
        area = torch.where(area.abs() < STIFFEST, 1.0, area)
        step_x = (1 + along_y[1]) * missed[0] - along_y[0] * missed[1]
        step_y = (1 + along_x[0]) * missed[1] - along_x[1] * missed[0]
        tried = back - torch.stack([step_x, step_y]) / area
        missed_then = _missed(tried, forth, slope)
        gain = torch.hypot(*missed) - torch.hypot(*missed_then)
        back = torch.where(gain > 0, tried, back)
        missed = torch.where(gain > 0, missed_then, missed)
        if gain.max() < SETTLED:
            break
    return back


def _missed(back: Tensor, forth: Tensor, slope: Tensor) -> Tensor:
    """[2, H, W]: how far from y the place y + b(y) of the reference lands. Beyond the border its rim is continued."""
    place = _place(back)
    beyond = place - _inside(place)
    along_x, along_y = _at_nearest(slope, place)
    return _followed(back[None], forth[None])[0] + along_x * beyond[0] + along_y * beyond[1]


def _arrived(back: Tensor, forth: Tensor, slope: Tensor) -> Tensor:
    """[H, W] bool: whether the pixel of the reference nearest to y + b(y), stretched as its own surface is, covers y.

    Asked of one pixel and its surface, a tear between two things stays a tear, and a thing pulled apart stays whole.
    """
    place = _place(back)
    off = place - _inside(place.round())
    along_x, along_y = _at_nearest(slope, place)
    lands = _at_nearest(forth, place) + along_x * off[0] + along_y * off[1]
    return (off.abs() <= 0.5).all(dim=0) & (torch.hypot(*(lands + back)) < ARRIVES)


def _place(back: Tensor) -> Tensor:
    """y + b(y), [2, H, W]: its column and row in the reference."""
    return torch.cat(landing(back[None]))


def _inside(place: Tensor) -> Tensor:
    """The nearest place [2, H, W] between the centres of the outermost pixels."""
    size = Size.of(place)
    return torch.stack([place[0].clamp(0, size.width - 1), place[1].clamp(0, size.height - 1)])


def _at_nearest(values: Tensor, place: Tensor) -> Tensor:
    """Values [..., H, W] at the pixel nearest to a place [2, H, W]: [..., H, W]."""
    column, row = _inside(place.round()).long()
    return values[..., row, column]
