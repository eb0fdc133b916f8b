"""One step of the renderer: what warp attention adds to the same step with plain temporal attention.

python -m benchmarks.renderer measures only this and prints the tables; … full: at 512×320 on any machine.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from einops import rearrange
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from motion_core.models.temporal import MotionModule, TemporalAttention
from motion_core.models.video_unet import VideoUNet, VideoUNetConfig
from motion_core.types import Size
from motion_core.warp import WarpOperator, forward_warp
from motion_core.warp_attention import WarpAttention

from .network import CUDA, DEVICE, DTYPE, held, in_its_own_process, randomised, reset_peak, shares, timed, weight_bytes
from .splat import FRAMES, LEVELS, PICTURE, smooth_field
from .timing import medians, milliseconds, table

REPEATS = 2
PARTS = {ResnetBlock2D: "resnets", Transformer2DModel: "spatial transformers", MotionModule: "temporal transformers"}
KIND_NAMES = ["splat", "projections and feed-forward", "attention", "interleaving, copies, sums"]
KINDS = [("sparse", "fill", "zero"), ("mm",), ("scaled_dot",), ("cat", "copy", "add", "clone")]  # in operations' names


@dataclass(frozen=True)
class Run:
    """A step of one sample of 16 frames. way: plain, warped, or straightforward."""

    way: str
    height: int = 40 if CUDA else 20
    width: int = 64 if CUDA else 32


class Straightforward(TemporalAttention):
    """Equation 4 as one would write it first: splat in every layer, interleave by copies, project all tokens."""

    def forward(
        self, cells: Tensor, size: Size | None = None, warp: WarpAttention | None = None, chunk: int | None = None
    ) -> Tensor:
        assert size is not None
        assert warp is not None
        displacement = warp.operator.field.resized(size).displacement[1:].to(cells.device)
        pictures = rearrange(cells[:, 0], "(b h w) c -> b c h w", h=size.height, w=size.width)
        warped = [forward_warp(p.expand(len(displacement), -1, -1, -1), displacement)[0] for p in pictures]
        beside = rearrange(torch.stack(warped), "b f c h w -> (b h w) f c")
        pairs = rearrange([beside, cells[:, 1:]], "which n f c -> n (f which) c")
        sequence = torch.cat([cells[:, :1], pairs], dim=1)
        placed = sequence + self.pos_encoder(range(sequence.shape[1]), sequence)
        projected = self.to_q(placed)[:, ::2], self.to_k(placed), self.to_v(placed)
        heads = [rearrange(t, "n f (head c) -> n head f c", head=self.heads) for t in projected]
        attended = torch.cat(
            [F.scaled_dot_product_attention(*p) for p in zip(*(h.split(4096) for h in heads), strict=True)]
        )
        return self.to_out[0](rearrange(attended, "n head f c -> n f (head c)"))


def straightforward(network: torch.nn.Module) -> None:
    for module in network.modules():
        if type(module) is TemporalAttention:
            module.__class__ = Straightforward


def warp_step_table() -> str:
    measured = {way: in_its_own_process("renderer", asdict(Run(way))) for way in ("plain", "warped", "straightforward")}
    plain = measured["plain"]
    added = {way: found["seconds"] - plain["seconds"] for way, found in measured.items()}
    rows = [
        [
            name,
            f"{measured[way]['seconds']:.2f} s",
            f"**{measured[way]['seconds'] / plain['seconds']:.3f}×**",
            f"{added['straightforward'] / added[way]:.1f}×" if way == "warped" else "",
            f"{measured[way]['megabytes']:.0f} MB",
            f"{measured[way]['megabytes'] / plain['megabytes']:.2f}×",
        ]
        for way, name in {
            "plain": "plain temporal attention",
            "warped": "warp attention",
            "straightforward": "splat in every layer, copies interleaved, all projected",
        }.items()
    ]
    return table(
        ["temporal layers", "time", "", "less added", f"memory beside {plain['weights'] / 1e9:.1f} GB of weights", ""],
        rows,
    )


def warp_share_table() -> str:
    measured = in_its_own_process("renderer", asdict(Run("warped")))
    whole = sum(measured["shares"].values())
    return table(["part", "share of a step"], [[n, f"{s / whole:.0%}"] for n, s in measured["shares"].items()])


def warp_parts_table() -> str:
    """What the temporal layers of that step do, by kind of operation, beside the step."""
    measured = in_its_own_process("renderer", asdict(Run("warped")))
    whole, parts = sum(measured["shares"].values()), measured["operations"]
    rows = [[name, f"{seconds / whole:.1%}"] for name, seconds in zip(KIND_NAMES, parts, strict=True)]
    return table(["in the temporal layers", "share of a step"], rows)


@torch.no_grad()
def module_table() -> str:
    """One motion module at each resolution of SD1.5 for 512×320, and what its added time goes to."""
    warp = WarpAttention(WarpOperator(smooth_field(PICTURE, reach=20.0)))
    rows = []
    for size, width in LEVELS:
        runs = _module_runs(size, width, warp)
        taken = medians(runs, repeats=3)
        splat, projected, attended, joined = _added(runs["plain"], runs["warped"])
        added = {way: seconds - taken["plain"] for way, seconds in taken.items()}
        rows.append(
            [
                f"{width}×{size.height}×{size.width}",
                milliseconds(taken["plain"]),
                f"{taken['warped'] / taken['plain']:.2f}×",
                f"{taken['straightforward'] / taken['plain']:.2f}×",
                f"{added['straightforward'] / added['warped']:.1f}×",
                " / ".join(f"{share:.0%}" for share in (splat, joined, projected, attended)),
            ]
        )
    added_to = "added by: splat / joining / projections / attention"
    return table(["one module", "plain", "warped", "straightforward", "less added", added_to], rows)


def _module_runs(size: Size, width: int, warp: WarpAttention) -> dict[str, Callable[[], object]]:
    generator = torch.Generator(DEVICE).manual_seed(0)
    with torch.device("meta"):
        empty = [MotionModule(width, heads=8, positions=32) for _ in range(2)]
    ours, theirs = (randomised(module, generator) for module in empty)
    straightforward(theirs)
    hidden = torch.randn((FRAMES, width, *size), generator=generator, device=DEVICE, dtype=DTYPE)
    return {
        "plain": lambda: ours(hidden, FRAMES),
        "warped": lambda: ours(hidden, FRAMES, warp=warp),
        "straightforward": lambda: theirs(hidden, FRAMES, warp=warp),
    }


def _added(plain: Callable[[], object], warped: Callable[[], object]) -> list[float]:
    """Shares of what warping adds, by kind of operation."""
    difference = [max(0.0, more - less) for more, less in zip(_spent(warped), _spent(plain), strict=True)]
    return [part / sum(difference) for part in difference]


def _spent(run: Callable[[], object]) -> list[float]:
    """Seconds of a second run, by kind of operation."""
    run()
    with profile(activities=[ProfilerActivity.CUDA if CUDA else ProfilerActivity.CPU]) as watched:
        run()
    found = [0.0] * len(KINDS)
    for event in watched.key_averages():
        name = event.key.removeprefix("aten::")
        kind = next((i for i, parts in enumerate(KINDS) if any(part in name for part in parts)), None)
        if kind is not None:
            found[kind] += (event.self_device_time_total if CUDA else event.self_cpu_time_total) / 1e6
    return found


def _temporal_operations(unet: VideoUNet, step: Callable[[], None], warp: WarpAttention | None) -> list[float]:
    """Seconds by kind of operation of all temporal layers of a step, each run again alone on what it was given."""
    given: list[tuple[MotionModule, Tensor]] = []
    hooks = [
        module.register_forward_pre_hook(lambda module, inputs: given.append((module, inputs[0])))
        for module in unet.modules()
        if isinstance(module, MotionModule)
    ]
    step()
    for hook in hooks:
        hook.remove()
    runs = [_spent(lambda module=module, hidden=hidden: module(hidden, FRAMES, warp=warp)) for module, hidden in given]
    return [sum(kind) for kind in zip(*runs, strict=True)]


@torch.no_grad()
def full_size_table() -> str:
    """The same step at 512×320 whatever the machine, the three ways in turn; on a CPU a quarter of an hour."""
    unet, sample, text, warp = _made(Run("warped", 40, 64))
    layers = [module for module in unet.modules() if type(module) is TemporalAttention]
    seconds: dict[str, list[float]] = {"plain": [], "warped": [], "straightforward": []}
    for _ in range(REPEATS + 1):
        for way, taken in seconds.items():
            for layer in layers:
                layer.__class__ = Straightforward if way == "straightforward" else TemporalAttention
            taken.append(timed(lambda way=way: unet(sample, 500, text, warp=None if way == "plain" else warp)))
    best = {way: min(taken[1:]) for way, taken in seconds.items()}
    rows = [[way, f"{taken:.2f} s", f"{taken / best['plain']:.3f}×"] for way, taken in best.items()]
    return table(["temporal layers at 512×320", "time", ""], rows)


def _made(run: Run) -> tuple[VideoUNet, Tensor, Tensor, WarpAttention]:
    generator = torch.Generator(DEVICE).manual_seed(0)
    with torch.device("meta"):
        empty = VideoUNet(VideoUNetConfig(in_channels=4, stride_embedding=False))
    unet = randomised(empty, generator)
    grid = (FRAMES, run.height, run.width)
    sample = torch.randn((1, 4, *grid), generator=generator, device=DEVICE, dtype=DTYPE)
    text = torch.randn((1, 77, 768), generator=generator, device=DEVICE, dtype=DTYPE)
    field = smooth_field(Size(8 * run.height, 8 * run.width), reach=20.0)
    return unet, sample, text, WarpAttention(WarpOperator(field))


@torch.no_grad()
def _once(run: Run) -> dict:
    unet, sample, text, warp = _made(run)
    if run.way == "straightforward":
        straightforward(unet)
    warp = None if run.way == "plain" else warp

    def step() -> None:
        unet(sample, 500, text, warp=warp)

    before = held(peak=False)
    reset_peak()
    seconds = [timed(step) for _ in range(REPEATS + 1)][1:]
    megabytes = (held(peak=True) - before) / 1e6
    named = {module: PARTS[type(module)] for module in unet.modules() if type(module) in PARTS}
    return {
        "seconds": min(seconds),
        "megabytes": megabytes,
        "weights": weight_bytes(unet),
        "shares": shares(step, named),
        "operations": _temporal_operations(unet, step, warp),
    }


if __name__ == "__main__":
    if sys.argv[1:] == ["full"]:
        print(full_size_table())
    elif len(sys.argv) > 1:
        print(json.dumps(_once(Run(**json.loads(sys.argv[1])))))
    else:
        print("\n\n".join(measure() for measure in (warp_step_table, warp_share_table, warp_parts_table, module_table)))
