"""i2v: predict and render in one go; the motion is kept beside the video, to be looked at and rendered again."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..field_file import load_field
from ..types import MotionField
from ..video_file import check_video, write_video
from . import predict
from .arguments import Commands, add_command
from .network_arguments import add_machine, add_sampling, add_texts
from .render import add_rendering, planned, rendered


def add(commands: Commands) -> None:
    what = "predict the motion and render it in one go; the motion is kept beside the video"
    command = add_command(commands, "i2v", run, help=what)
    command.add_argument("image", help="the picture")
    command.add_argument("-o", "--output", required=True, help=".mp4, .gif, .webp, or a folder for .png frames")
    field = "where the motion is kept: .safetensors, .npz (OUTPUT.safetensors, and OUTPUT.motion.png to look at)"
    command.add_argument("--field", metavar="FILE", help=field)
    command.add_argument("--weights", metavar="DIR", help="the authors' release, or what convert-weights made of it")
    add_texts(command)
    predict.add_motion(command)
    add_rendering(command)
    add_sampling(command)
    add_machine(command)


def run(options: argparse.Namespace) -> None:
    check_video(options.output, options.fps)
    kept = options.field or str(Path(options.output).with_suffix(".safetensors"))
    predict.check(kept)
    rendering = planned(options, predict.frames_of(options))

    def motion() -> MotionField:
        predict.run(argparse.Namespace(**{**vars(options), "output": kept, "picture": None}))
        return load_field(kept)

    write_video(rendered(rendering, motion), options.output, options.fps)
