"""The nouns: Size, Trajectory, SparseField, MotionField. Each is checked when it is made.

Conventions, for the whole library:

- Positions are (x, y), 0…1 of the picture, (0, 0) its top-left corner, x to the right, y down.
- Pixels are centred at integers: column = x·W − ½, row = y·H − ½.
- Displacements are lengths in pixels of their own grid; channel 0 is x, channel 1 is y.
- F counts frames with the reference, which is frame 0; time runs 0…1 from the first frame to the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from scipy.interpolate import PchipInterpolator
from torch import Tensor

from .errors import MotionError, ShapeError

Curve = Literal["smooth", "straight"]
Easing = Literal["linear", "in", "out", "in_out"]

MOVING = 0.5  # pixels; what never goes as far is said to rest
LATENT_SCALE = 0.18215  # of SD1.5's and the flow VAE's latents in the denoising; the control's latents are not scaled
CELL = 8  # pixels of a picture that one cell of its latent is wide and high, in SD1.5's VAE and in the flow VAE


class Size(NamedTuple):
    """Height and width of a grid, in its own pixels."""

    height: int
    width: int

    @classmethod
    def of(cls, image: Tensor) -> Size:
        """The size of a tensor whose last two axes are rows and columns."""
        if image.ndim < 2 or 0 in image.shape[-2:]:
            raise ShapeError(f"A picture has rows and columns as its last two axes; got {list(image.shape)}.")
        return cls(height=image.shape[-2], width=image.shape[-1])

    @property
    def latent(self) -> Size:
        """Of the latent of a picture of this size; cells that it fills only in part count."""
        return Size(-(-self.height // CELL), -(-self.width // CELL))

    @property
    def diagonal(self) -> float:
        return float(np.hypot(self.height, self.width))

    def __str__(self) -> str:
        return f"{self.width}×{self.height}"


@dataclass(frozen=True)
class Trajectory:
    """Where one point of the picture should go: what a hand drew, or a tracker saw.

    points: P (x, y) pairs in drawing order, 0…1 of the picture; a little outside is allowed (a thing may leave).
    times: P rising instants, 0…1 of the clip; evenly spread over the clip when not given.
        Before the first and after the last the point rests.
    visible: P flags, False where a tracker lost the point; all True when not given.
    curve: "smooth" is monotone cubic (PCHIP, as the authors of Motion-I2V sample a drag), "straight" is linear.
    easing: how time passes between the first instant and the last.

    One point alone is a pin: it stays where it is.
    """

    points: Sequence[tuple[float, float]]
    times: Sequence[float] = ()
    visible: Sequence[bool] = ()
    curve: Curve = "smooth"
    easing: Easing = "linear"
    name: str = ""

    BRIEFEST = 1e-9  # of the clip; instants closer together are one, and a motion between them would have no speed
    FURTHEST = 10.0  # picture widths away from the picture; beyond it a coordinate is a mistake, not a motion

    def __post_init__(self) -> None:
        points = _floats(self.points, "points")
        if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0:
            raise ShapeError(
                f"{self._who} needs at least one (x, y) point; got an array of shape {list(points.shape)}."
            )
        if not np.isfinite(points).all():
            raise MotionError(
                f"{self._who} has a point that is not a finite number. Draw it again or delete the point."
            )
        if np.abs(points - 0.5).max() > self.FURTHEST:
            worst = points[np.abs(points - 0.5).max(axis=1).argmax()]
            raise MotionError(
                f"{self._who} has the point ({worst[0]:g}, {worst[1]:g}), far outside the picture. "
                "Positions are 0…1 of the picture; divide pixels by its width and height."
            )
        times = _floats(self.times, "times") if len(self.times) else np.linspace(0.0, 1.0, len(points))
        if times.shape != (len(points),):
            raise ShapeError(
                f"{self._who} has {len(points)} points but {times.size} times. Give one time a point, or none."
            )
        if not np.isfinite(times).all() or times[0] < 0 or times[-1] > 1 or (np.diff(times) < self.BRIEFEST).any():
            raise MotionError(f"{self._who} needs times that rise from 0 to 1 of the clip; got {times.tolist()[:8]}.")
        visible = tuple(map(bool, self.visible)) if len(self.visible) else (True,) * len(points)
        if len(visible) != len(points):
            raise ShapeError(f"{self._who} has {len(points)} points but {len(visible)} visibility flags.")
        for word, choices in ((self.curve, get_args(Curve)), (self.easing, get_args(Easing))):
            if word not in choices:
                raise MotionError(f"{self._who} says “{word}”; choose one of {', '.join(choices)}.")
        object.__setattr__(self, "points", tuple((float(x), float(y)) for x, y in points))
        object.__setattr__(self, "times", tuple(map(float, times)))
        object.__setattr__(self, "visible", visible)

    @property
    def _who(self) -> str:
        return f"The trajectory “{self.name}”" if self.name else "A trajectory"

    @property
    def is_pin(self) -> bool:
        """True if the point never moves."""
        return all(point == self.points[0] for point in self.points)

    def at(self, instants: Sequence[float] | np.ndarray) -> np.ndarray:
        """Positions [T, 2], float64, 0…1 of the picture, at T instants 0…1 of the clip."""
        points, times = np.asarray(self.points), np.asarray(self.times)
        if len(points) == 1:
            return np.repeat(points, len(instants), axis=0)
        passed = self._passed(instants)
        if self.curve == "straight":
            return np.stack([np.interp(passed, times, axis) for axis in points.T], axis=1)
        with np.errstate(over="ignore"):  # points a denormal number apart; their slope is rightly taken as zero
            return PchipInterpolator(times, points, axis=0)(passed)

    def seen_at(self, instants: Sequence[float] | np.ndarray) -> np.ndarray:
        """Visibility [T], bool: that of the last point reached at each instant (the first point's, before it)."""
        passed = self._passed(instants) + self.BRIEFEST  # so that rounding does not miss a point that is just reached
        reached = np.searchsorted(np.asarray(self.times), passed, side="right") - 1
        return np.asarray(self.visible)[np.maximum(reached, 0)]

    def _passed(self, instants: Sequence[float] | np.ndarray) -> np.ndarray:
        """How far along its times [T] the point is at each instant: held at both ends, eased between them."""
        first, span = self.times[0], self.times[-1] - self.times[0]
        if span == 0:
            return np.full(len(instants), first)
        return first + span * eased(np.clip((np.asarray(instants) - first) / span, 0.0, 1.0), self.easing)

    def sampled(self, frames: int) -> np.ndarray:
        """Positions [F, 2], float64, 0…1 of the picture: one for every frame of the clip."""
        return self.at(frame_instants(frames))


def _floats(values: object, what: str) -> np.ndarray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise MotionError(f"The {what} of a trajectory are numbers, an equal count each; got {values!r:.80}.") from None


def eased(u: np.ndarray, easing: Easing) -> np.ndarray:
    """How much of a motion has passed, 0…1, when the share u, 0…1, of its time has."""
    if easing == "in":
        return u * u
    if easing == "out":
        return u * (2.0 - u)
    if easing == "in_out":
        return u * u * (3.0 - 2.0 * u)
    return u


def frame_instants(frames: int) -> np.ndarray:
    """The instants [F], 0…1, at which F frames of a clip are taken. One frame alone is taken at 0."""
    if frames < 1:
        raise MotionError(f"A clip has at least one frame; got {frames}.")
    return np.linspace(0.0, 1.0, frames)


@dataclass(frozen=True, eq=False)
class SparseField:
    """Displacement where it is asked for. Still is known; silence is not.

    displacement: [F-1, 2, H, W] in pixels of this grid, from the reference to frames 1 … F-1; zero where unknown.
    known: [F-1, 1, H, W], 1 where a displacement is asked for (zero counts: "stay"), 0 where anything may happen.
    """

    displacement: Tensor
    known: Tensor

    def __post_init__(self) -> None:
        _check_displacement(self.displacement, "A sparse field", "F-1")
        steps, _, height, width = self.displacement.shape
        if tuple(self.known.shape) != (steps, 1, height, width):
            raise ShapeError(f"The known mask must be [{steps}, 1, {height}, {width}]; got {list(self.known.shape)}.")
        if not ((self.known == 0) | (self.known == 1)).all():
            raise MotionError("The known mask of a sparse field is 1 where a displacement is asked for, else 0.")

    @property
    def size(self) -> Size:
        return Size.of(self.displacement)

    @property
    def frames(self) -> int:
        """F, counting the reference."""
        return self.displacement.shape[0] + 1


@dataclass(frozen=True, eq=False)
class MotionField:
    """Where every pixel of the reference frame goes, frame by frame.

    displacement: [F, 2, H, W] in pixels of this H×W grid; channel 0 is x (right), 1 is y (down).
        displacement[i] is the paper's f_{0→i}; displacement[0] is zero.
    """

    displacement: Tensor

    def __post_init__(self) -> None:
        _check_displacement(self.displacement, "A motion field", "F")
        if self.displacement[0].any():
            raise MotionError(
                "Frame 0 of a motion field is the reference and does not move; its displacement must be zero."
            )

    @classmethod
    def still(cls, size: Size, *, frames: int) -> MotionField:
        """A field in which nothing moves."""
        if frames < 1:
            raise MotionError(f"A clip has at least one frame; got {frames}.")
        return cls(torch.zeros(frames, 2, *size))

    @classmethod
    def after_reference(cls, displacement: Tensor) -> MotionField:
        """The field whose frames 1 … F-1 are the given [F-1, 2, H, W]; the resting reference is put before them."""
        _check_displacement(displacement, "The displacement after the reference", "F-1")
        return cls(torch.cat([torch.zeros_like(displacement[:1]), displacement]))

    @property
    def size(self) -> Size:
        return Size.of(self.displacement)

    @property
    def frames(self) -> int:
        """F, counting the reference."""
        return self.displacement.shape[0]

    def resized(self, size: Size) -> MotionField:
        """The same motion on another grid. Displacements are lengths, so they scale with it.

        Bilinear with half-pixel centres and no antialiasing, each axis by its own ratio, as the published model does.
        """
        if size == self.size:
            return self
        if min(size) < 1:
            raise ShapeError(f"A motion field has at least one pixel; it cannot be resized to {size}.")
        ratio = [size.width / self.size.width, size.height / self.size.height]
        scale = self.displacement.new_tensor(ratio).view(1, 2, 1, 1)
        return MotionField(F.interpolate(self.displacement, size, mode="bilinear", align_corners=False) * scale)

    def restricted(self, region: Tensor) -> MotionField:
        """Motion only where region [H, W] is 1 (0…1 blends); still where it is 0."""
        check_region(region, self.size)
        return MotionField(self.displacement * region.to(self.displacement))

    def scaled(self, amount: float) -> MotionField:
        """Every displacement times amount: 0 rests, 2 goes twice as far, -1 the other way."""
        if not np.isfinite(amount):
            raise MotionError(f"Motion is scaled by a finite number; got {amount}.")
        return MotionField(self.displacement * amount)

    def cut(self, frames: int) -> MotionField:
        """The first `frames` frames."""
        if not 1 <= frames <= self.frames:
            raise MotionError(
                f"The motion field has {self.frames} frames; it cannot be cut to {frames}. Re-time it instead."
            )
        return MotionField(self.displacement[:frames])

    def retimed(self, frames: int, easing: Easing = "linear") -> MotionField:
        """The same motion over the whole clip in another number of frames, linear between the old ones, so eased."""
        return self.taken_at(eased(frame_instants(frames), easing))

    def there_and_back(self, frames: int, easing: Easing = "linear") -> MotionField:
        """The motion until half of the clip and the same way back, in so many frames; the last one rests as frame 0.

        easing: how time passes on the way there; the way back mirrors it. The farthest place falls on a frame if
            their number is odd.
        """
        return self.taken_at(eased(1.0 - np.abs(1.0 - 2.0 * frame_instants(frames)), easing))

    def backwards(self, frames: int, easing: Easing = "linear") -> MotionField:
        """The motion from its end to its beginning, in so many frames; every pixel starts where it lies in the picture.

        What went right, fast and then slowly, goes left, slowly and then fast.
        """
        instants = 1.0 - eased(frame_instants(frames), easing)
        displacement = self.taken_at([0.0, *instants]).displacement[1:]
        return MotionField(displacement - displacement[:1])

    def blended(self, other: MotionField, amount: float | Tensor) -> MotionField:
        """This motion where amount is 0, the other where it is 1, and between them in between.

        other: of the same frames and size. amount: 0…1, one number or [H, W].
        """
        if other.displacement.shape != self.displacement.shape:
            raise ShapeError(
                f"Two motion fields blend if their frames and sizes agree; this one has {self.frames} of {self.size}, "
                f"the other {other.frames} of {other.size}. Re-time or resize one of them."
            )
        share = amount if isinstance(amount, Tensor) else torch.full(self.size, amount)
        check_region(share, self.size)
        share = share.to(self.displacement)
        return MotionField(torch.lerp(self.displacement, other.displacement.to(self.displacement), share))

    @property
    def summary(self) -> str:
        """For a person: frames, size, how far pixels go, in pixels and of the picture's diagonal, and how many do."""
        lengths = [torch.hypot(*step.detach().float().unbind()) for step in self.displacement[1:]]
        if not lengths:
            return f"1 frame of {self.size}: the reference alone."
        farthest = torch.stack(lengths).amax(dim=0)
        mean, largest = (torch.stack([length.mean() for length in lengths]).mean().item(), farthest.max().item())
        moving = (farthest >= MOVING).float().mean().item()
        share = 100 / self.size.diagonal
        return "\n".join(
            [
                f"{self.frames} frames of {self.size}",
                f"mean displacement: {mean:.2f} px, {mean * share:.2f} % of the diagonal",
                f"largest displacement: {largest:.2f} px, {largest * share:.2f} % of the diagonal",
                f"pixels that move by {MOVING:g} px or more: {moving * 100:.1f} %",
            ]
        )

    def taken_at(self, instants: Sequence[float] | np.ndarray) -> MotionField:
        """The field at T instants, 0…1 of the clip, the first of them 0; so [0, ½, 1, ½, 0] goes there and back."""
        instants = np.asarray(instants, dtype=np.float64)
        if (
            instants.ndim != 1
            or len(instants) == 0
            or instants[0] != 0
            or not ((instants >= 0) & (instants <= 1)).all()
        ):
            raise MotionError("A motion field is taken at instants 0…1 of the clip, beginning with 0.")
        place = instants * (self.frames - 1)
        before = np.clip(np.floor(place).astype(int), 0, max(self.frames - 2, 0))
        after = np.minimum(before + 1, self.frames - 1)
        share = rearrange(self.displacement.new_tensor(place - before), "t -> t 1 1 1")
        return MotionField(torch.lerp(self.displacement[before], self.displacement[after], share))

    def at(self, points: Tensor) -> Tensor:
        """Where N points of the reference go: [N, 2] in 0…1 of the picture → [F, N, 2] likewise.

        Bilinear between pixels; a point outside the picture moves like the nearest pixel of its rim.
        """
        if points.ndim != 2 or points.shape[1] != 2:
            raise ShapeError(f"Points are [N, 2]; got {list(points.shape)}.")
        precision = torch.promote_types(self.displacement.dtype, torch.float32)
        points, displacement = points.to(self.displacement.device, precision), self.displacement.to(precision)
        grid = (points * 2 - 1).view(1, -1, 1, 2).expand(self.frames, -1, -1, -1)
        moved = F.grid_sample(displacement, grid, mode="bilinear", padding_mode="border", align_corners=False)
        picture = points.new_tensor([self.size.width, self.size.height])
        return points + rearrange(moved, "f xy n 1 -> f n xy") / picture


def check_region(region: Tensor, size: Size) -> None:
    """A region is [H, W] of the given size, 0…1; anything else is a ShapeError or a MotionError."""
    if tuple(region.shape) != tuple(size):
        raise ShapeError(f"The region must be [{size.height}, {size.width}]; got {list(region.shape)}.")
    if not ((region >= 0) & (region <= 1)).all():
        raise MotionError("A region is 1 where things may move and 0 where they rest; divide a mask of 0…255 by 255.")


def _check_displacement(displacement: Tensor, who: str, frames: str) -> None:
    if not isinstance(displacement, Tensor):
        raise ShapeError(f"{who} is a tensor [{frames}, 2, H, W]; got {type(displacement).__name__}.")
    shape = tuple(displacement.shape)
    if len(shape) != 4 or shape[1] != 2 or 0 in shape:
        raise ShapeError(f"{who} is [{frames}, 2, H, W]; got {list(shape)}.")
    if not displacement.is_floating_point():
        raise ShapeError(f"{who} holds floating-point pixels; got {displacement.dtype}.")
    if not all(torch.isfinite(step).all() for step in displacement):  # one by one: a long clip is not copied
        raise MotionError(f"{who} has a displacement that is not a finite number.")
