"""convert-weights: the published weights as single safetensors files, which say what they are."""

from __future__ import annotations

import argparse
import sys

import torch
from tqdm import tqdm

from .arguments import Commands, add_command

PRECISIONS = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def add(commands: Commands) -> None:
    what = "the published weights as single safetensors files"
    command = add_command(commands, "convert-weights", run, help=what)
    command.add_argument("weights", help="the folder of the authors' release, in which “models” lies")
    command.add_argument("output", help="the folder to write")
    command.add_argument("--precision", choices=PRECISIONS, help="as published (float32) unless given")


def run(options: argparse.Namespace) -> None:
    from ..release import convert

    precision = PRECISIONS[options.precision] if options.precision is not None else None
    bars: dict[str, tqdm] = {}

    def tell(name: str, done: int, total: int) -> None:
        if name not in bars:
            bars[name] = tqdm(total=total, unit="B", unit_scale=True, desc=name)
        bars[name].update(done - bars[name].n)
        if done == total:
            bars[name].close()

    written = convert(options.weights, options.output, dtype=precision, progress=tell)
    sys.stderr.write(f"Written: {', '.join(map(str, written))}\n")
