"""A network on a bench: random weights, how long a pass takes, what it holds at most, where its time goes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

CUDA = torch.cuda.is_available()
DEVICE = torch.device("cuda" if CUDA else "cpu")
DTYPE = torch.float16 if CUDA else torch.float32


def in_its_own_process(module: str, arguments: dict) -> dict:
    """What `python -m benchmarks.<module>` says of these arguments, in JSON."""
    command = [sys.executable, "-m", f"benchmarks.{module}", json.dumps(arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def randomised(network: nn.Module, generator: torch.Generator) -> nn.Module:
    """Small random numbers for a network without any, norms near one: what a pass costs does not depend on them."""
    network = network.to(DTYPE).to_empty(device=DEVICE).eval()
    for name, tensor in network.state_dict().items():
        tensor.uniform_(-0.01, 0.01, generator=generator)
        if "norm" in name and name.endswith("weight"):
            tensor.add_(1)
    return network


def weight_bytes(*networks: nn.Module) -> int:
    return sum(t.numel() * t.element_size() for network in networks for t in network.state_dict().values())


def timed(run: Callable[[], object]) -> float:
    start = now()
    run()
    return now() - start


def now() -> float:
    if CUDA:
        torch.cuda.synchronize()
    return time.perf_counter()


def shares(run: Callable[[], object], named: dict[nn.Module, str]) -> dict[str, float]:
    """Seconds of one run by the names that modules are given, the rest as "all else"; the longest first."""
    spent: dict[str, float] = defaultdict(float)
    started: dict[nn.Module, float] = {}

    def begin(module: nn.Module, *_: object) -> None:
        started[module] = now()

    def end(module: nn.Module, *_: object) -> None:
        spent[named[module]] += now() - started[module]

    handles = [module.register_forward_pre_hook(begin) for module in named]
    handles += [module.register_forward_hook(end) for module in named]
    whole = timed(run)
    for handle in handles:
        handle.remove()
    longest_first = dict(sorted(spent.items(), key=lambda item: -item[1]))
    return {**longest_first, "all else": whole - sum(longest_first.values())}


def held(*, peak: bool) -> int:
    """Bytes that this process holds on the device, now or at most since reset_peak."""
    if CUDA:
        return torch.cuda.max_memory_allocated() if peak else torch.cuda.memory_allocated()
    line = "VmHWM" if peak else "VmRSS"
    status = Path("/proc/self/status").read_text()
    return int(next(found for found in status.splitlines() if found.startswith(line)).split()[1]) * 1024


def reset_peak() -> None:
    if CUDA:
        torch.cuda.reset_peak_memory_stats()
    else:
        Path("/proc/self/clear_refs").write_text("5")  # what Linux takes as: forget the peak
