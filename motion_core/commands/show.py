"""show: a motion field as a picture or a video."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from ..field_file import load_field
from ..flow_color import arrows, flow_color, moved_grid
from ..picture_file import read_picture, write_picture
from ..types import Size
from ..video_file import write_video
from .arguments import FPS, Commands, add_command, add_relative_to

MOVING = {".mp4", ".gif", ".webp", ""}  # what every frame is written to; anything else gets the last one


def add(commands: Commands) -> None:
    command = add_command(commands, "show", run, help="a motion field as a picture or a video")
    command.add_argument("field", help="a motion field: .safetensors, .npz, .flo or a folder of .flo")
    command.add_argument("-o", "--output", required=True, help=".png for the last frame; .mp4, .gif, .webp for all")
    command.add_argument("--as", dest="look", choices=["colors", "arrows", "grid"], default="colors")
    command.add_argument("--picture", help="what to draw arrows or the grid on")
    command.add_argument("--fps", type=float, default=FPS, help=f"frames per second ({FPS})")
    add_relative_to(command)


def run(options: argparse.Namespace) -> None:
    field = load_field(options.field, relative_to=options.relative_to)
    picture = read_picture(options.picture) if options.picture else None
    if picture is not None:
        field = field.resized(Size.of(picture))
    if options.look == "arrows":
        seen = arrows(field, torch.ones(3, *field.size) if picture is None else picture)
    elif options.look == "grid":
        seen = moved_grid(field, picture=picture)
    else:
        seen = flow_color(field)
    if Path(options.output).suffix.lower() in MOVING:
        write_video(seen, options.output, options.fps)
    else:
        write_picture(seen[-1], options.output)
