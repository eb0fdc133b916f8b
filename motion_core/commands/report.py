"""report: did a clip move as it was drawn?"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from contextlib import closing
from itertools import chain
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ..clip_scores import ClipModel
from ..errors import MotionError
from ..field_file import load_field
from ..metrics import check_fps
from ..picture_file import SAVE_OPTIONS, read_mask, read_picture, write_picture
from ..report import estimator_or_reason, report_on
from ..tracks import read_tracks
from ..types import Size
from ..video_file import MOST_BYTES, stream_video, timing
from ..whole_file import check_folder, whole_file
from .arguments import Commands, add_command, add_drawing, add_relative_to, drawn, size


def add(commands: Commands) -> None:
    command = add_command(commands, "report", run, help="measure whether a clip moved as it was drawn")
    command.add_argument("video", help="the finished clip: a video, an animation or a folder of .png")
    command.add_argument("-o", "--output", metavar="FILE", help="save the report as .json")
    command.add_argument("--table", metavar="FILE", help="save the table that is printed as text")
    command.add_argument("--plot", metavar="FILE", help="save asked against travelled paths as .png, .jpg, .webp")
    command.add_argument("--read", type=int, metavar="N", help="use only the first N frames, by what they were asked")
    command.add_argument("--size", metavar="WxH", help="measure at this size, in whose pixels lengths are (the clip's)")
    command.add_argument("--field", metavar="FILE", help="the motion field that the clip was made with")
    add_drawing(command)
    command.add_argument("--picture", metavar="FILE", help="the picture that was animated (for the plot: first frame)")
    command.add_argument("--prompt", default="", help="what the clip should show")
    command.add_argument("--clip", metavar="FOLDER", help="a CLIP model as transformers publishes it, for consistency")
    command.add_argument(
        "--estimator",
        default="dis",
        help="what finds motion in the frames: dis, dis-fast, dis-fine, raft with --weights, or none (dis)",
    )
    command.add_argument("--weights", metavar="FILE", help="torchvision's weights of raft_large or raft_small")
    command.add_argument("--device", default="cpu", help="where CLIP and raft run: cpu, cuda, mps (cpu)")
    command.add_argument("--fps", type=float, help="frames per second, where the video says it wrongly")
    add_relative_to(command)


def run(options: argparse.Namespace) -> None:
    _check(options)
    wanted = size(options.size) if options.size is not None else None
    estimator = estimator_or_reason(options.estimator, options.weights, device=options.device)
    picture = read_picture(options.picture) if options.picture is not None else None
    field = load_field(options.field, relative_to=options.relative_to) if options.field is not None else None
    clip = ClipModel.load(options.clip, device=options.device) if options.clip is not None else None
    told = timing(options.video)
    with closing(stream_video(options.video, frames=options.read)) as stream:
        first = next(stream)
        own = Size.of(first)
        at = wanted or own
        trajectories = drawn(options, own if picture is None else Size.of(picture))
        region = read_mask(options.brush, at) if options.brush is not None else None
        count = told.frames if options.read is None else min(options.read, told.frames)
        frames = together((_resized(frame, at) for frame in chain([first], stream)), count)
    notes = [f"The clip is {own}; it is measured at {at}, in whose pixels all lengths are."] if at != own else []
    if options.tracks is not None and picture is None and _lacks_picture(Path(options.tracks)):
        notes.append(f"{options.tracks} does not say of which picture its pixels are; they are read as those of {own}.")
    if len(frames) < count:
        notes.append(f"The file breaks off: {len(frames)} of its {told.frames} frames could be read.")
    report = report_on(
        frames,
        field=field,
        estimator=estimator,
        trajectories=trajectories,
        region=region,
        picture=picture,
        prompt=options.prompt,
        image_features=clip.image_features if clip is not None else None,
        text_features=clip.text if clip is not None else None,
        fps=options.fps if options.fps is not None else told.fps,
        whole=told.frames,
        notes=notes,
    )
    if options.output is not None:
        _write(json.dumps(report.json(), ensure_ascii=False, allow_nan=False, indent=2) + "\n", options.output)
    if options.table is not None:
        _write(report.table(), options.table)
    if options.plot is not None:
        write_picture(report.plot(first if picture is None else picture), options.plot)
    sys.stdout.write(report.table())


def _check(options: argparse.Namespace) -> None:
    """What would fail only after the work."""
    if options.output is not None and Path(options.output).suffix.lower() != ".json":
        raise MotionError(f"A report is saved as .json; got {options.output}. --table saves it as text.")
    if options.plot is not None and Path(options.plot).suffix.lower() not in SAVE_OPTIONS:
        raise MotionError(f"The plot is saved as {', '.join(SAVE_OPTIONS)}; got {options.plot}.")
    for path in (options.output, options.table, options.plot):
        if path is not None:
            check_folder(path)
    if options.fps is not None:
        check_fps(options.fps)


def together(frames: Iterable[Tensor], count: int) -> Tensor:
    """[F, 3, H, W] of frames [3, H, W] that come one after the other; no frame is in memory twice.

    count: how many are said to come; fewer may come, and even more. MotionError if they are too many for the memory.
    """
    clip, number = torch.empty(0), 0
    for number, frame in enumerate(frames, start=1):
        if max(number, count) * frame.nbytes > MOST_BYTES:
            raise MotionError("The clip is too long for the memory. Measure it smaller (--size) or in part (--read).")
        if number == 1:
            clip = frame.new_empty(max(count, 1), *frame.shape)
        elif number > len(clip):
            clip = torch.cat([clip, torch.empty_like(clip)])
        clip[number - 1] = frame
    return clip[:number]


def _resized(frame: Tensor, at: Size) -> Tensor:
    if Size.of(frame) == at:
        return frame
    return F.interpolate(frame[None], at, mode="bilinear", antialias=True)[0].clamp(0, 1)


def _lacks_picture(tracks: Path) -> bool:
    """Whether a file that can be read with the size of a picture cannot be read without: it counts unnamed pixels."""
    try:
        read_tracks(tracks)
    except MotionError:
        return True
    return False


def _write(text: str, path: str) -> None:
    with whole_file(path) as unfinished:
        unfinished.write_text(text, "utf-8")
