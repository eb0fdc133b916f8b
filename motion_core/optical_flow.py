"""Optical flow between two pictures, by whichever engine there is: OpenCV's DIS, or torchvision's RAFT.

DIS (Kroeger et al. 2016, "Fast Optical Flow using Dense Inverse Search") needs OpenCV and no weights, and is the
default. RAFT (Teed & Deng 2020) needs torchvision and a file of its weights, which is never downloaded here.
"""

from __future__ import annotations

import os
from math import ceil
from typing import Literal, Protocol, get_args

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from .errors import CheckpointError, MotionError, ShapeError
from .types import Size
from .weight_file import WeightFile

Preset = Literal["fast", "medium", "fine"]

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
SMALLEST_DIS = 16  # pixels of a side; below, its patches do not fit
RAFT_CELL, SMALLEST_RAFT = 8, 128  # pixels: torchvision's RAFT takes whole cells, and its pyramid so many at least
RAFT_UPDATES = 12  # how often torchvision's own forward refines by default
ONLY_SMALL = "feature_encoder.layer1.0.convnormrelu3"  # prefix of names that only raft_small's bottleneck blocks have


class FlowEstimator(Protocol):
    """Whatever tells where the pixels of one picture are in another."""

    @property
    def name(self) -> str:
        """For reports: engine and setting."""
        ...

    def flow(self, first: Tensor, second: Tensor) -> Tensor:
        """[2, H, W] px: where every pixel of `first` goes in `second`; both [3, H, W], 0…1, of one size.

        Channel 0 is x (right), 1 is y (down). Given on the device of `first`, in float32.
        """
        ...


class DisFlow:
    """OpenCV's Dense Inverse Search, on grey pictures of 256 levels, on the CPU.

    preset: "fast" and "medium" are OpenCV's; "fine" is medium that also searches at full resolution: nearly half the
        error, several times the time.
    MotionError if OpenCV is not installed.
    """

    def __init__(self, preset: Preset = "medium") -> None:
        if preset not in get_args(Preset):
            raise MotionError(f"DIS has the presets {', '.join(get_args(Preset))}; got “{preset}”.")
        try:
            import cv2
        except ImportError as error:
            raise MotionError(
                "Motion from a video needs OpenCV, which is not installed. Install it (pip install "
                "opencv-python-headless), or choose RAFT with a file of its weights."
            ) from error
        self.name = f"DIS {preset}"
        presets = {"fast": cv2.DISOPTICAL_FLOW_PRESET_FAST}
        create = cv2.DISOpticalFlow_create  # pyright: ignore[reportAttributeAccessIssue]  its stubs forget it
        self._engine = create(presets.get(preset, cv2.DISOPTICAL_FLOW_PRESET_MEDIUM))
        if preset == "fine":
            self._engine.setFinestScale(0)

    def flow(self, first: Tensor, second: Tensor) -> Tensor:
        """As FlowEstimator.flow. Pictures smaller than DIS takes are continued beyond their border."""
        size = _check_pair(first, second)
        found = self._engine.calc(_levels(first), _levels(second), None)
        flow = rearrange(torch.from_numpy(found), "h w xy -> xy h w")[:, : size.height, : size.width]
        return flow.contiguous().to(first.device)


class RaftFlow:
    """torchvision's RAFT, large or small. Made by RaftFlow.load."""

    def __init__(self, network: nn.Module, name: str) -> None:
        self.name = name
        self.network = network.eval().requires_grad_(False)

    @classmethod
    def load(cls, path: str | os.PathLike[str], device: torch.device | str = "cpu") -> RaftFlow:
        """RAFT from a file of torchvision's weights (raft_large or raft_small, told apart by its names).

        CheckpointError if the file is no such weights; MotionError if torchvision is not installed.
        """
        with WeightFile(path) as file:
            weights = {name: file.tensor(name).clone() for name in file.shapes}
        try:
            from torchvision.models.optical_flow import raft_large, raft_small  # pyright: ignore[reportMissingImports]
        except (ImportError, RuntimeError) as error:  # RuntimeError: made for another torch
            raise MotionError(
                f"RAFT needs torchvision, which cannot be used here ({error}). Install the torchvision of this torch, "
                "or choose DIS."
            ) from error
        small = any(name.startswith(ONLY_SMALL) for name in weights)
        network = (raft_small if small else raft_large)(weights=None)
        try:
            network.load_state_dict(weights, strict=True)
        except RuntimeError as error:
            raise CheckpointError(
                f"{path} does not hold the weights of torchvision's RAFT. Give those of raft_large or raft_small "
                "from torchvision.models.optical_flow."
            ) from error
        return cls(network.to(device), "RAFT small" if small else "RAFT large")

    @torch.no_grad()
    def flow(self, first: Tensor, second: Tensor) -> Tensor:
        """As FlowEstimator.flow. Sides are continued to whole cells of 8 pixels, and to 128 at least."""
        size = _check_pair(first, second)
        height, width = (max(RAFT_CELL * ceil(side / RAFT_CELL), SMALLEST_RAFT) for side in size)
        weight = next(self.network.parameters())
        pair = torch.stack([first, second]).to(weight).clamp(0, 1) * 2 - 1
        pair = F.pad(pair, (0, width - size.width, 0, height - size.height), mode="replicate")
        found = self.network(pair[:1], pair[1:], num_flow_updates=RAFT_UPDATES)[-1][0]
        return found[:, : size.height, : size.width].to(first.device, torch.float32)


def estimator_named(
    name: str, weights: str | os.PathLike[str] | None = None, *, device: torch.device | str = "cpu"
) -> FlowEstimator:
    """ "dis" (or "dis-fast", "dis-fine"), which needs no weights, or "raft", which needs the path of its weights."""
    engine, _, preset = name.strip().lower().partition("-")
    if engine == "raft" and not preset:
        if weights is None:
            raise MotionError(
                "RAFT needs a file of its weights, which is never downloaded here. Name one (raft_large or raft_small "
                "of torchvision), or choose dis."
            )
        return RaftFlow.load(weights, device)
    presets: dict[str, Preset] = {"": "medium", **{each: each for each in get_args(Preset)}}
    if engine != "dis" or preset not in presets:
        raise MotionError(f"Optical flow is estimated by dis, dis-fast, dis-fine or raft; got “{name}”.")
    if weights is not None:
        raise MotionError("DIS takes no weights. Choose raft for them, or leave them out.")
    return DisFlow(presets[preset])


def all_finite(picture: Tensor) -> bool:
    """The same as isfinite(picture).all(), over ten times as fast: the extremes show a NaN as well as an infinity."""
    return bool(torch.stack(picture.aminmax()).isfinite().all())


def _levels(picture: Tensor) -> np.ndarray:
    """The grey of a picture [3, H, W], 0…255, continued beyond its border to the size that DIS takes at least."""
    colors = picture.detach().float().cpu().clamp(0, 1)
    grey = torch.einsum("c h w, c -> h w", colors, colors.new_tensor(LUMA))
    levels = grey.mul(255).round().byte().numpy()
    return np.pad(levels, [(0, max(SMALLEST_DIS - side, 0)) for side in levels.shape], mode="edge")


def _check_pair(first: Tensor, second: Tensor) -> Size:
    for picture in (first, second):
        if picture.ndim != 3 or picture.shape[0] != 3 or 0 in picture.shape or not picture.is_floating_point():
            raise ShapeError(f"A picture is floating-point [3, H, W], 0…1; got {picture.dtype} {list(picture.shape)}.")
        if not all_finite(picture):
            raise MotionError("The picture has a value that is not a finite number, so it has no colour there.")
    if first.shape != second.shape:
        raise ShapeError(
            f"Flow is estimated between pictures of one size; got {Size.of(first)} and {Size.of(second)}. "
            "Resize one of them."
        )
    return Size.of(first)
