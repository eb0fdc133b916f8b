"""How alike the features of frames are: to each other, to a text, to the input picture.

Features come from a network that is not here: CLIP (clip_scores.py), DINO, ComfyUI's CLIP Vision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import MotionError, ShapeError
from .not_measured import check_later_frames

TOGETHER = 8  # frames that go through a network at once
INPUT_SHARE, MEAN_SHARE, LEAST_SHARE = 0.4, 0.3, 0.3  # of VBench-I2V's i2v subject


@dataclass(frozen=True)
class ImageFeatures:
    """A network that sees: pictures [N, 3, H, W], 0…1 sRGB → features [N, C].

    name: of the network, as a report tells it.
    """

    name: str
    of: Callable[[Tensor], Tensor]

    def __call__(self, pictures: Tensor) -> Tensor:
        """[N, C], a few pictures at a time."""
        found = []
        for some in pictures.split(TOGETHER):
            features = self.of(some)
            if features.ndim != 2 or len(features) != len(some):
                raise ShapeError(
                    f"{self.name} should give [{len(some)}, C], one feature vector a picture; got "
                    f"{list(features.shape)}."
                )
            found.append(features.detach().float().cpu())
        return torch.cat(found)


def frame_consistency(frames: Tensor) -> float:
    """Motion-I2V, Table 1: the mean cosine between features of consecutive frames [F, C], over F-1 pairs."""
    return _consecutive(frames).mean().item()


def prompt_consistency(frames: Tensor, text: Tensor) -> float:
    """Motion-I2V, Table 1: CLIP's logits, the mean of 100·cos between the features of each frame [F, C] and a text [C].

    The paper does not say which CLIP, nor which frames; here it is all of them.
    """
    return 100 * _cosines(frames, text[None]).mean().item()


def subject_consistency(frames: Tensor, picture: Tensor) -> float:
    """VBench-I2V's formula of i2v subject: 0.4·max cos(input, frame) + 0.3·mean + 0.3·min cos of consecutive frames.

    frames: features [F, C]. picture: those of the input [C]. Cosines below 0 count as 0. VBench takes DINO's features;
    a score by those of another network is not comparable with VBench's.
    """
    consecutive = _consecutive(frames).clamp(min=0)
    likest = _cosines(frames, picture[None]).clamp(min=0).max()
    score = INPUT_SHARE * likest + MEAN_SHARE * consecutive.mean() + LEAST_SHARE * consecutive.min()
    return score.item()


def _consecutive(frames: Tensor) -> Tensor:
    """Cosines [F-1]."""
    check_later_frames(len(frames))
    return _cosines(frames[:-1], frames[1:])


def _cosines(one: Tensor, other: Tensor) -> Tensor:
    """[N] of features [N, C] and [N, C] or [1, C], in double precision."""
    if one.ndim != 2 or other.ndim != 2 or one.shape[1] != other.shape[1] or not len(one):
        raise ShapeError(
            f"Features to compare are [N, C] with one C; got {list(one.shape)} and {list(other.shape)}. "
            "Take all of them from one network."
        )
    cosines = F.cosine_similarity(one.detach().double(), other.detach().double(), dim=1)
    if not torch.isfinite(cosines).all():
        raise MotionError("The features have values that are not finite numbers; try the network in float32.")
    return cosines.clamp(-1, 1)
