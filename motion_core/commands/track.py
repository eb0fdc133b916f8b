"""track: the motion of a video as a motion field, for another picture to follow."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import get_args

from einops import repeat
from torch import Tensor
from tqdm import tqdm

from ..errors import MotionError
from ..field_file import check_replaces_field, save_field
from ..optical_flow import estimator_named
from ..picture_file import SAVE_OPTIONS, write_picture
from ..source_video import AtCut, Method, motion_from_video
from ..video_file import check_video, stream_video, write_video
from .arguments import FPS, Commands, add_command, size

FIELDS = [".safetensors", ".npz", ".flo", ""]


def add(commands: Commands) -> None:
    command = add_command(commands, "track", run, help="the motion of a video as a motion field")
    command.add_argument("video", help=".mp4, .mov, .webm, .gif, …, or a folder of .png frames; one shot")
    command.add_argument("-o", "--output", required=True, help=".safetensors, .npz, or a folder for .flo")
    command.add_argument("--frames", type=int, help="re-time the motion to so many, counting the first (the video's)")
    command.add_argument("--read", type=int, metavar="N", help="use only the first N frames of the video")
    command.add_argument("--size", metavar="WxH", help="of the field (the video's)")
    command.add_argument(
        "--method", choices=get_args(Method), default="best", help="from where flow is followed (best)"
    )
    command.add_argument(
        "--estimator", default="dis", help="what finds motion: dis, dis-fast, dis-fine, or raft with --weights (dis)"
    )
    command.add_argument("--weights", metavar="FILE", help="torchvision's weights of raft_large or raft_small")
    command.add_argument("--device", default="cpu", help="for raft: cpu, cuda, mps (cpu)")
    command.add_argument("--at-cut", choices=get_args(AtCut), default="refuse", help="at a hard cut (refuse)")
    command.add_argument("--first", metavar="FILE", help="save the first frame as well, to restyle: .png, .jpg, .webp")
    command.add_argument("--seen", metavar="FILE", help="save what is seen as well, white: .mp4, .gif, or a folder")


def run(options: argparse.Namespace) -> None:
    _check(options)
    estimator = estimator_named(options.estimator, options.weights, device=options.device)
    with closing(stream_video(options.video, frames=options.read)) as frames:
        first = next(frames)
        with tqdm(unit="frame", desc=Path(options.video).name, delay=0.5) as bar:
            motion = motion_from_video(
                chain([first], frames),
                estimator,
                method=options.method,
                size=size(options.size) if options.size is not None else None,
                frames_out=options.frames,
                at_cut=options.at_cut,
                progress=lambda done: _advance(bar, done),
            )
    save_field(motion.field, options.output)
    if options.first is not None:
        write_picture(first, options.first)
    if options.seen is not None:
        write_video(_masks(motion.seen), options.seen, FPS)
    sys.stderr.write(f"{motion.summary}\n")


def _check(options: argparse.Namespace) -> None:
    """What would fail only after the work."""
    if Path(options.output).suffix.lower() not in FIELDS:
        raise MotionError(f"A motion field is saved as {', '.join(FIELDS[:-1])} or a folder; got {options.output}.")
    check_replaces_field(options.output)
    if options.first is not None and Path(options.first).suffix.lower() not in SAVE_OPTIONS:
        raise MotionError(f"The first frame is saved as {', '.join(SAVE_OPTIONS)}; got {options.first}.")
    if options.seen is not None:
        check_video(options.seen, FPS)


def _advance(bar: tqdm, done: int) -> None:
    bar.update(done - bar.n)


def _masks(seen: Tensor) -> Iterator[Tensor]:
    return (repeat(mask.float(), "h w -> c h w", c=3) for mask in seen)
