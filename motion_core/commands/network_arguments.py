"""What the commands that run networks are given in the same words: texts, sampling, the machine."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

import torch
from tqdm import tqdm

from ..errors import MotionError

if TYPE_CHECKING:  # torch loads in a second, the networks' libraries in four more; `animate` needs none of them
    from ..sampling import Sampling, Step

LONGEST = 512  # pixels of the longer side, as the model was trained (512×320)
PRECISIONS = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
NEGATIVE = (  # the authors' own as far as 77 tokens reach: theirs goes on and is cut off. Brackets are read as words
    "(blur, haze, deformed iris, deformed pupils, semi-realistic, cgi, 3d, render, sketch, cartoon, drawing, anime, "
    "mutated hands and fingers:1.4), (deformed, distorted, disfigured:1.3), poorly drawn, bad anatomy, wrong anatomy, "
    "extra limb, missing limb, floating limbs"
)


def add_texts(command: argparse.ArgumentParser) -> None:
    command.add_argument("--prompt", required=True, help="what happens in the picture")
    command.add_argument("--negative", default=NEGATIVE, help="what should not be seen (the authors' list)")


def add_sampling(command: argparse.ArgumentParser) -> None:
    sampling = command.add_argument_group("sampling")
    sampling.add_argument("--steps", type=int, default=25, help="of the denoising (25)")
    sampling.add_argument("--guidance", type=float, default=7.0, help="scale of classifier-free guidance (7)")
    sampling.add_argument("--sampler", default="ddim", help="ddim as published, dpmpp_2m, unipc, euler, lcm")
    sampling.add_argument("--zero-terminal-snr", action="store_true", help="rescale the noise schedule")
    sampling.add_argument("--seed", type=int, default=0, help="of the noise; the same one gives the same motion (0)")


def sampling_of(options: argparse.Namespace) -> Sampling:
    from ..sampling import Sampling

    return Sampling(options.sampler, options.steps, options.guidance, not options.apart, options.zero_terminal_snr)


def add_machine(command: argparse.ArgumentParser) -> None:
    machine = command.add_argument_group("machine")
    machine.add_argument("--longest", type=int, default=LONGEST, help=f"scale larger pictures down to this ({LONGEST})")
    machine.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="cuda, cpu, mps")
    machine.add_argument("--precision", choices=PRECISIONS, help="float16 on a GPU, float32 on a CPU, unless given")
    machine.add_argument("--chunk", type=int, metavar="FRAMES", help="compute so many frames at a time: less memory")
    machine.add_argument("--apart", action="store_true", help="the halves of the guidance one by one: less memory")


def machine_of(options: argparse.Namespace) -> tuple[torch.device, torch.dtype]:
    """The device, once a number has been there and back, and the precision of the large networks."""
    if options.chunk is not None and options.chunk < 1:
        raise MotionError(f"--chunk is a number of frames, at least 1; got {options.chunk}.")
    try:
        device = torch.device(options.device)
        torch.ones(1, device=device).item()
    except (RuntimeError, AssertionError) as error:  # torch says by an AssertionError that it was built without CUDA
        reason = re.split(r"[.\n]\s", f"{error} ")[0].strip()[:120]
        raise MotionError(f"The device “{options.device}” cannot be used here ({reason}). Try --device cpu.") from None
    return device, PRECISIONS[options.precision or ("float32" if device.type == "cpu" else "float16")]


def advance(bar: tqdm, step: Step) -> None:
    bar.update(step.index + 1 - bar.n)


def seeded(seed: int) -> torch.Generator:
    try:
        return torch.Generator().manual_seed(seed)
    except (ValueError, RuntimeError):
        raise MotionError(f"A seed is a whole number of up to 64 bits; got {seed}.") from None
