"""One step of the motion predictor: time, memory, and where they go. A row is the best of two in its own process.

python -m benchmarks.predictor measures only this and prints the tables.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from motion_core.models.temporal import MotionModule
from motion_core.models.trajectory_controlnet import TrajectoryControlNet, TrajectoryControlNetConfig
from motion_core.models.video_unet import VideoUNet, VideoUNetConfig

from .timing import table

PUBLISHED, NARROW = (320, 640, 1280, 1280), (64, 128, 256, 256)
CUDA = torch.cuda.is_available()
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

    @property
    def dtype(self) -> torch.dtype:
        return torch.float16 if CUDA else torch.float32


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
    measured = _in_its_own_process(Run())
    whole = sum(measured["shares"].values())
    return table(["part", "share of a step"], [[n, f"{s / whole:.0%}"] for n, s in measured["shares"].items()])


def _table(ways: dict[str, Run]) -> str:
    measured = {name: _in_its_own_process(run) for name, run in ways.items()}
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


def _in_its_own_process(run: Run) -> dict:
    command = [sys.executable, "-m", "benchmarks.predictor", json.dumps(asdict(run))]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@torch.no_grad()
def _once(run: Run) -> dict:
    device = torch.device("cuda" if CUDA else "cpu")
    config = VideoUNetConfig(block_out_channels=run.widths)
    with torch.device("meta"):
        networks = VideoUNet(config), TrajectoryControlNet(TrajectoryControlNetConfig(config))
    generator = torch.Generator(device).manual_seed(0)
    unet, controlnet = (_randomised(network.to(run.dtype), device, generator) for network in networks)
    grid = (15, run.height, run.width)
    given = [torch.randn((2, c, *grid), generator=generator, device=device, dtype=run.dtype) for c in (8, 5)]
    text = torch.randn((2, 77, 768), generator=generator, device=device, dtype=run.dtype)
    strides = torch.arange(1, 16, device=device) * 8.0

    def step() -> None:
        halves = [slice(0, 2)] if run.together else [slice(0, 1), slice(1, 2)]
        for half in halves:
            sample, control = (tensor[half] for tensor in given)
            added = controlnet(sample, 500, text[half], strides, control=control, chunk=run.chunk)
            unet(sample, 500, text[half], strides, residuals=added, chunk=run.chunk)

    weights = sum(t.numel() * t.element_size() for net in (unet, controlnet) for t in net.state_dict().values())
    attention: Callable[[], AbstractContextManager[object]] = (
        nullcontext if run.fused else lambda: sdpa_kernel(SDPBackend.MATH)
    )
    with attention():
        before = _held(peak=False)
        _reset_peak()
        seconds = [_timed(step) for _ in range(REPEATS + 1)][1:]
        megabytes = (_held(peak=True) - before) / 1e6
        shares = _shares(unet, controlnet, step)
    return {"seconds": min(seconds), "megabytes": megabytes, "weights": weights, "shares": shares}


def _randomised(network: nn.Module, device: torch.device, generator: torch.Generator) -> nn.Module:
    """Small random weights everywhere, norms near one: what the step costs does not depend on them."""
    network = network.to_empty(device=device).eval()
    for name, tensor in network.state_dict().items():
        tensor.uniform_(-0.01, 0.01, generator=generator)
        if "norm" in name and name.endswith("weight"):
            tensor.add_(1)
    return network


def _timed(run: Callable[[], None]) -> float:
    start = time.perf_counter()
    run()
    if CUDA:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def _shares(unet: nn.Module, controlnet: nn.Module, step: Callable[[], None]) -> dict[str, float]:
    """Seconds of one step by kind of layer, and how much of all of them the ControlNet takes."""
    spent: dict[str, float] = defaultdict(float)
    started: dict[nn.Module, float] = {}

    def watch(module: nn.Module, name: str) -> list[torch.utils.hooks.RemovableHandle]:
        def begin(module: nn.Module, *_: object) -> None:
            started[module] = _now()

        def end(module: nn.Module, *_: object) -> None:
            spent[name] += _now() - started[module]

        return [module.register_forward_pre_hook(begin), module.register_forward_hook(end)]

    handles = []
    for owner, network in (("", unet), (", in the ControlNet", controlnet)):
        for module in network.modules():
            name = next((name for kind, name in PARTS.items() if type(module) is kind), None)
            handles += watch(module, name + owner) if name is not None else []
    whole = _timed(step)
    for handle in handles:
        handle.remove()
    named = dict(sorted(spent.items(), key=lambda item: -item[1]))
    return {**named, "all else": whole - sum(named.values())}


def _now() -> float:
    if CUDA:
        torch.cuda.synchronize()
    return time.perf_counter()


def _held(*, peak: bool) -> int:
    """Bytes that this process holds on the device, now or at most since _reset_peak."""
    if CUDA:
        return torch.cuda.max_memory_allocated() if peak else torch.cuda.memory_allocated()
    line = "VmHWM" if peak else "VmRSS"
    status = Path("/proc/self/status").read_text()
    return int(next(found for found in status.splitlines() if found.startswith(line)).split()[1]) * 1024


def _reset_peak() -> None:
    if CUDA:
        torch.cuda.reset_peak_memory_stats()
    else:
        Path("/proc/self/clear_refs").write_text("5")  # what Linux takes as: forget the peak


if __name__ == "__main__":
    if len(sys.argv) > 1:
        given = json.loads(sys.argv[1])
        print(json.dumps(_once(Run(**{**given, "widths": tuple(given["widths"])}))))
    else:
        print("\n\n".join(measure() for measure in (step_table, share_table, memory_table)))
