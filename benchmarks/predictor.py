"""One step of the motion predictor: time, memory, and where they go. A row is the best of two in its own process.

python -m benchmarks.predictor measures only this and prints the tables.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace

import torch
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from torch.nn.attention import SDPBackend, sdpa_kernel

from motion_core.models.temporal import MotionModule
from motion_core.models.trajectory_controlnet import TrajectoryControlNet, TrajectoryControlNetConfig
from motion_core.models.video_unet import VideoUNet, VideoUNetConfig

from .network import CUDA, DEVICE, DTYPE, held, in_its_own_process, randomised, reset_peak, shares, timed, weight_bytes
from .timing import table

PUBLISHED, NARROW = (320, 640, 1280, 1280), (64, 128, 256, 256)
PARTS = {
    ResnetBlock2D: "resnets",
    Transformer2DModel: "spatial transformers",
    MotionModule: "temporal transformers",
}
REPEATS = 2


@dataclass(frozen=True)
class Run:
    """One way to make the step of both networks that 15 frames under guidance need."""

    widths: tuple[int, ...] = PUBLISHED
    height: int = 40 if CUDA else 8
    width: int = 64 if CUDA else 12
    chunk: int | None = None
    together: bool = True  # the halves of the guidance
    fused: bool = True  # scaled-dot-product attention; else softmax(q kᵀ) v written out


WAYS = {
    "as it is": Run(),
    "guidance halves apart": Run(together=False),
    "4 frames at a time": Run(chunk=4),
    "1 frame at a time, halves apart": Run(chunk=1, together=False),
    "straightforward: all at once, attention written out": Run(fused=False),
}


def step_table() -> str:
    """The published widths."""
    return _table(WAYS)


def memory_table() -> str:
    """A larger picture at a fifth of the widths, where a CPU shows what the frames cost beside the weights."""
    return _table({name: replace(run, widths=NARROW, height=20, width=32) for name, run in WAYS.items()})


def share_table() -> str:
    measured = in_its_own_process("predictor", asdict(Run()))
    whole = sum(measured["shares"].values())
    return table(["part", "share of a step"], [[n, f"{s / whole:.0%}"] for n, s in measured["shares"].items()])


def _table(ways: dict[str, Run]) -> str:
    measured = {name: in_its_own_process("predictor", asdict(run)) for name, run in ways.items()}
    first = measured["as it is"]
    rows = [
        [
            name,
            f"{found['seconds']:.2f} s",
            f"{found['seconds'] / first['seconds']:.2f}×",
            f"{found['megabytes']:.0f} MB",
            f"{found['megabytes'] / first['megabytes']:.2f}×",
        ]
        for name, found in measured.items()
    ]
    return table(
        ["one step, 15 frames", "time", "", f"memory beside {first['weights'] / 1e9:.1f} GB of weights", ""], rows
    )


@torch.no_grad()
def _once(run: Run) -> dict:
    config = VideoUNetConfig(block_out_channels=run.widths)
    generator = torch.Generator(DEVICE).manual_seed(0)
    with torch.device("meta"):
        empty = VideoUNet(config), TrajectoryControlNet(TrajectoryControlNetConfig(config))
    unet, controlnet = (randomised(network, generator) for network in empty)
    grid = (15, run.height, run.width)
    given = [torch.randn((2, c, *grid), generator=generator, device=DEVICE, dtype=DTYPE) for c in (8, 5)]
    text = torch.randn((2, 77, 768), generator=generator, device=DEVICE, dtype=DTYPE)
    strides = torch.arange(1, 16, device=DEVICE) * 8.0

    def step() -> None:
        halves = [slice(0, 2)] if run.together else [slice(0, 1), slice(1, 2)]
        for half in halves:
            sample, control = (tensor[half] for tensor in given)
            added = controlnet(sample, 500, text[half], strides, control=control, chunk=run.chunk)
            unet(sample, 500, text[half], strides, residuals=added, chunk=run.chunk)

    named = {
        module: PARTS[type(module)] + owner
        for owner, network in (("", unet), (", in the ControlNet", controlnet))
        for module in network.modules()
        if type(module) in PARTS
    }
    attention: Callable[[], AbstractContextManager[object]] = (
        nullcontext if run.fused else lambda: sdpa_kernel(SDPBackend.MATH)
    )
    with attention():
        before = held(peak=False)
        reset_peak()
        seconds = [timed(step) for _ in range(REPEATS + 1)][1:]
        megabytes = (held(peak=True) - before) / 1e6
        spent = shares(step, named)
    return {
        "seconds": min(seconds),
        "megabytes": megabytes,
        "weights": weight_bytes(unet, controlnet),
        "shares": spent,
    }


if __name__ == "__main__":
    if len(sys.argv) > 1:
        given = json.loads(sys.argv[1])
        print(json.dumps(_once(Run(**{**given, "widths": tuple(given["widths"])}))))
    else:
        print("\n\n".join(measure() for measure in (step_table, share_table, memory_table)))
