"""track: the motion of a video as a motion field, for another picture to follow."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
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
from ..source_video import AtCut, Method, SourceMotion, motion_from_tracks, motion_from_video
from ..tracks import read_tracks
from ..types import Size
from ..video_file import check_video, stream_video, timing, write_video
from ..whole_file import check_folder
from .arguments import FPS, Commands, add_command, size

FIELDS = [".safetensors", ".npz", ".flo", ""]
ESTIMATING = ["estimator", "weights", "device", "method", "read", "at_cut"]  # options that say how; tracks need none


def add(commands: Commands) -> None:
    command = add_command(commands, "track", run, help="the motion of a video as a motion field")
    command.add_argument("video", help=".mp4, .mov, .webm, .gif, …, or a folder of .png frames; one shot")
    command.add_argument("-o", "--output", required=True, help=".safetensors, .npz, or a folder for .flo")
    command.add_argument(
        "--frames",
        type=int,
        help="re-time the motion to so many, counting the first; a long video then takes no more memory than a short "
        "one (all of the video's, or of the tracks)",
    )
    command.add_argument("--read", type=int, metavar="N", help="use only the first N frames of the video")
    command.add_argument("--size", metavar="WxH", help="of the field (the video's)")
    command.add_argument(
        "--tracks",
        metavar="FILE",
        help="points that a tracker has followed, in any format `convert` reads: spread over the first frame, "
        "in place of an estimator; pixels are the video's",
    )
    command.add_argument("--method", choices=get_args(Method), help="from where flow is followed (best)")
    command.add_argument("--estimator", help="what finds motion: dis, dis-fast, dis-fine, or raft with --weights (dis)")
    command.add_argument("--weights", metavar="FILE", help="torchvision's weights of raft_large or raft_small")
    command.add_argument("--device", help="for raft: cpu, cuda, mps (cpu)")
    command.add_argument("--at-cut", choices=get_args(AtCut), help="at a hard cut (refuse)")
    command.add_argument("--first", metavar="FILE", help="save the first frame as well, to restyle: .png, .jpg, .webp")
    command.add_argument("--seen", metavar="FILE", help="save what is seen as well, white: .mp4, .gif, or a folder")


def run(options: argparse.Namespace) -> None:
    _check(options)
    wanted = size(options.size) if options.size is not None else None
    video = timing(options.video)
    with closing(stream_video(options.video, frames=options.read)) as frames:
        first = next(frames)
        if options.tracks is not None:
            tracks = read_tracks(Path(options.tracks), size=Size.of(first))
            motion, told = motion_from_tracks(tracks, first, size=wanted, frames_out=options.frames), [tracks.summary]
        else:
            motion, told = _followed(options, chain([first], frames), wanted, video.frames), []
    save_field(motion.field, options.output)
    if options.first is not None:
        write_picture(first, options.first)
    if options.seen is not None:
        write_video(_masks(motion.seen), options.seen, FPS)
    told.append(f"as fast as the video at {motion.fps(video.fps):.4g} frames a second")
    sys.stderr.write("\n".join([motion.summary, *told, ""]))


def _followed(options: argparse.Namespace, frames: Iterable[Tensor], wanted: Size | None, total: int) -> SourceMotion:
    estimator = estimator_named(options.estimator or "dis", options.weights, device=options.device or "cpu")
    total = min(total, options.read or total)
    with tqdm(total=total, unit="frame", desc=Path(options.video).name, delay=0.5) as bar:
        return motion_from_video(
            frames,
            estimator,
            method=options.method or "best",
            size=wanted,
            frames_out=options.frames,
            at_cut=options.at_cut or "refuse",
            progress=lambda done: _advance(bar, done),
        )


def _check(options: argparse.Namespace) -> None:
    """What would fail only after the work."""
    if Path(options.output).suffix.lower() not in FIELDS:
        raise MotionError(f"A motion field is saved as {', '.join(FIELDS[:-1])} or a folder; got {options.output}.")
    check_replaces_field(options.output)
    for path in (options.output, options.first, options.seen):
        if path is not None:
            check_folder(path)
    if options.first is not None and Path(options.first).suffix.lower() not in SAVE_OPTIONS:
        raise MotionError(f"The first frame is saved as {', '.join(SAVE_OPTIONS)}; got {options.first}.")
    if options.seen is not None:
        check_video(options.seen, FPS)
    estimating = [name for name in ESTIMATING if getattr(options, name) is not None]
    if options.tracks is not None and estimating:
        told = ", ".join(f"--{name.replace('_', '-')}" for name in estimating)
        raise MotionError(f"--tracks takes the place of an estimator, which {told} would tell. Leave one of them out.")


def _advance(bar: tqdm, done: int) -> None:
    bar.update(done - bar.n)


def _masks(seen: Tensor) -> Iterator[Tensor]:
    return (repeat(mask.float(), "h w -> c h w", c=3) for mask in seen)
