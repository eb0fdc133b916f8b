"""report: did a clip move as it was drawn?"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from torch import Tensor

from ..clip_scores import ClipModel
from ..errors import MotionError
from ..field_file import load_field
from ..optical_flow import estimator_named
from ..picture_file import SAVE_OPTIONS, read_mask, read_picture, write_picture
from ..report import Report, report_on
from ..source_video import motion_from_video
from ..types import Size
from ..video_file import read_video
from ..whole_file import whole_file
from .arguments import Commands, add_command, add_drawing, add_relative_to, drawn

NONE = "none"  # in the place of an estimator


def add(commands: Commands) -> None:
    command = add_command(commands, "report", run, help="measure whether a clip moved as it was drawn")
    command.add_argument("video", help="the finished clip: a video, an animation or a folder of .png")
    command.add_argument("-o", "--output", metavar="FILE", help="save the report as .json")
    command.add_argument("--table", metavar="FILE", help="save the table that is printed as text")
    command.add_argument("--plot", metavar="FILE", help="save asked against travelled paths as .png, .jpg, .webp")
    command.add_argument("--field", metavar="FILE", help="the motion field that the clip was made with")
    add_drawing(command)
    command.add_argument("--picture", metavar="FILE", help="the picture that was animated (for the plot: first frame)")
    command.add_argument("--prompt", default="", help="what the clip should show")
    command.add_argument("--clip", metavar="FOLDER", help="a CLIP model as transformers publishes it, for consistency")
    command.add_argument("--estimator", default="dis", help="what finds motion in the frames: dis, raft or none (dis)")
    command.add_argument("--weights", metavar="FILE", help="of the estimator, for raft")
    command.add_argument("--device", default="cpu", help="where CLIP and raft run (cpu)")
    command.add_argument("--fps", type=float, help="frames per second, where the video says it wrongly")
    add_relative_to(command)


def run(options: argparse.Namespace) -> None:
    if options.output is not None and Path(options.output).suffix.lower() != ".json":
        raise MotionError(f"A report is saved as .json; got {options.output}. --table saves it as text.")
    if options.plot is not None and Path(options.plot).suffix.lower() not in SAVE_OPTIONS:
        raise MotionError(f"The plot is saved as {', '.join(SAVE_OPTIONS)}; got {options.plot}.")
    frames, fps = read_video(options.video)
    report, picture = _measured(options, frames, fps)
    if options.output is not None:
        _write(json.dumps(report.json(), ensure_ascii=False, allow_nan=False, indent=2) + "\n", options.output)
    if options.table is not None:
        _write(report.table(), options.table)
    if options.plot is not None:
        write_picture(report.plot(frames[0] if picture is None else picture), options.plot)
    sys.stdout.write(report.table())


def _measured(options: argparse.Namespace, frames: Tensor, fps: float) -> tuple[Report, Tensor | None]:
    size = Size.of(frames)
    picture = read_picture(options.picture) if options.picture is not None else None
    field = load_field(options.field, relative_to=options.relative_to) if options.field is not None else None
    trajectories = drawn(options, size if picture is None else Size.of(picture))
    region = read_mask(options.brush, size) if options.brush is not None else None
    clip = ClipModel.load(options.clip, device=options.device) if options.clip is not None else None
    estimator, found = None, None
    if options.estimator != NONE:
        estimator = estimator_named(options.estimator, options.weights, device=options.device)
    if estimator is not None and len(frames) > 1:
        try:
            found = motion_from_video(frames, estimator, at_cut="stop")
        except MotionError as why:  # the rest of the report is worth having
            found = str(why).rstrip(".")
    report = report_on(
        frames,
        field=field,
        found=found,
        estimator=estimator,
        trajectories=trajectories,
        region=region,
        picture=picture,
        prompt=options.prompt,
        image_features=clip.image_features if clip is not None else None,
        text_features=clip.text if clip is not None else None,
        fps=options.fps if options.fps is not None else fps,
    )
    return report, picture


def _write(text: str, path: str) -> None:
    with whole_file(path) as unfinished:
        unfinished.write_text(text, "utf-8")
