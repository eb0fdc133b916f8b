"""Following the pixels of the first frame through a video, one frame after the other.

Direct flow, from the first frame to frame i, is sharp but loses what has gone far. Chained flow, step by step, goes
far but drifts. A chain that is corrected at every frame by what is left to go, and in which neighbours pass their
motion on to each other, goes far and stays sharp. "best" takes for every pixel the one whose place in frame i looks
most like it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..optical_flow import FlowEstimator
from ..push_pull import fill_smoothly
from ..warp import backward_warp, lands_inside
from .likeness import ALIKE, correlation, difference, textured
from .plain_ground import grounded
from .propagation import passed_on

Method = Literal["best", "direct", "chained"]

RETURNS = 1.0  # pixels by which a pixel that went there and back may miss its start …
CHANGED = 0.05  # of full light, by which a place differs in the next picture, …
AROUND = 9  # … and the side of the window of pixels that have changed with it
RETURNS_SHARE = 0.05  # … or this share of its way, if that is more


class Way(NamedTuple):
    """Where pixels go, there and back, [2, H, W] px each: on the grid of the first picture, and of the second."""

    forth: Tensor
    back: Tensor

    @classmethod
    def between(cls, first: Tensor, second: Tensor, estimator: FlowEstimator) -> Way:
        return cls(estimator.flow(first, second), estimator.flow(second, first))

    def then(self, step: Way) -> Way:
        """First this way, then the step, which is read where the pixels have got to."""
        return Way(_followed(self.forth, step.forth), _followed(step.back, self.back))

    def reversed(self) -> Way:
        return Way(self.back, self.forth)

    def returns(self) -> Tensor:
        """[H, W] bool: which pixels land inside the picture and come back to where they began.

        What is covered does not come back (Sundaram, Brox & Keutzer 2010).
        """
        misses = torch.hypot(*_followed(self.forth, self.back))
        allowed = (RETURNS_SHARE * torch.hypot(*self.forth)).clamp(min=RETURNS)
        return lands_inside(self.forth[None])[0] & (misses < allowed)


@dataclass
class Follower:
    """Where the pixels of the first frame [3, H, W] have got to, by the previous frame that showed something.

    displacement: [2, H, W] px. seen: [H, W] bool. Both belong to the pixels of the first frame.
    """

    first: Tensor
    estimator: FlowEstimator
    method: Method

    def __post_init__(self) -> None:
        self.previous = self.first
        self.displacement = torch.zeros_like(self.first[:2])
        self.seen = torch.ones_like(self.first[0], dtype=torch.bool)
        self._chain = Way(self.displacement, self.displacement)
        self._plain = ~textured(self.first)

    def follow(self, frame: Tensor, step: Way) -> None:
        """On to the next frame; step: to it from the previous one."""
        if self.previous is self.first:
            way = self._chain = step
        elif self.method == "direct":
            way = Way.between(self.first, frame, self.estimator)
        elif self.method == "chained":
            way = self._chain = self._chain.then(step)
        else:
            way = self._best(frame, step)
        self.seen = way.returns() & (self._plain | _alike(self.first, frame, way))
        self.displacement = fill_smoothly(way.forth, ~self.seen)
        self.previous = frame

    def _best(self, frame: Tensor, step: Way) -> Way:
        """The likelier of direct and chained, on plain ground that of the ground.

        The chain takes from direct what it has lost itself, and nothing else: a small thing that went far is taken for
        the ground by direct flow, and would be torn apart by every mistake.
        """
        chained = self._chain.then(step)
        chain = _likelier(chained, self._corrected(chained, frame), self.first, frame)
        chain = Way(passed_on(chain.forth, self.first, frame), passed_on(chain.back, frame, self.first))
        direct = Way.between(self.first, frame, self.estimator)
        way = _likelier(chain, direct, self.first, frame)
        way = Way(grounded(way.forth, self.first, frame), grounded(way.back, frame, self.first))
        regained = direct.returns() & ~chain.returns()
        regained_back = direct.reversed().returns() & ~chain.reversed().returns()
        self._chain = Way(
            torch.where(regained, way.forth, chain.forth),
            torch.where(regained_back, way.back, chain.back),
        )
        return way

    def _corrected(self, way: Way, frame: Tensor) -> Way:
        """The way, and after it what is left to go: the flow between each picture and the other fetched along it."""
        fetched = backward_warp(frame[None], way.forth[None])[0]
        brought = backward_warp(self.first[None], way.back[None])[0]
        forth = _followed(self.estimator.flow(self.first, fetched), way.forth)
        return Way(forth, _followed(self.estimator.flow(frame, brought), way.back))


def found_again(first: Tensor, second: Tensor, way: Way) -> float:
    """The share 0…1 of what one picture shows that is found again in another: alike there, and led back from there.

    Where most of it changes, what stays as it was does not count: a caption lies still over a cut too.
    """
    shown = textured(first)
    apart = (first - second).abs().amax(dim=0, keepdim=True)
    changed = shown & (F.max_pool2d(apart[None], AROUND, stride=1, padding=AROUND // 2)[0, 0] > CHANGED)
    if changed.sum() >= shown.sum() / 2:
        shown = changed
    again = way.returns() & _alike(first, second, way)
    return (again & shown).sum().item() / max(int(shown.sum()), 1)


def _alike(first: Tensor, second: Tensor, way: Way) -> Tensor:
    """[H, W] bool: which pixels find there what they show, unlike those of a thing that vanished."""
    return correlation(first, backward_warp(second[None], way.forth[None])[0]) > ALIKE


def _likelier(one: Way, other: Way, first: Tensor, second: Tensor) -> Way:
    """For every pixel the way to what looks more like it."""
    forth = _likelier_forth(one, other, first, second)
    return Way(forth, _likelier_forth(one.reversed(), other.reversed(), second, first))


def _likelier_forth(one: Way, other: Way, here: Tensor, there: Tensor) -> Tensor:
    doubts = [difference(here, backward_warp(there[None], way.forth[None])[0]) for way in (one, other)]
    return torch.where(doubts[1] < doubts[0], other.forth, one.forth)


def _followed(first: Tensor, then: Tensor) -> Tensor:
    """d(x) = f(x) + g(x + f(x)), [2, H, W]. Beyond the border the motion of the rim continues."""
    return first + backward_warp(then[None], first[None])[0]
