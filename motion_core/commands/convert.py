"""convert: between track formats, or between motion field formats."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..controls.stride import FRAMES
from ..errors import MotionError
from ..field_file import holds_field, load_field, save_field
from ..tracks import FORMATS, read_tracks, write_tracks
from .arguments import FPS, Commands, add_command, add_relative_to, size


def add(commands: Commands) -> None:
    what = "between track formats, or between motion field formats"
    command = add_command(commands, "convert", run, help=what)
    command.add_argument("source", help="tracks (.json .csv .txt .npy .npz .pth) or a field (.safetensors .npz .flo)")
    command.add_argument("output", help="the file to write; for a field, its suffix says the format")
    command.add_argument("--to", default="json", metavar="FORMAT", help=f"of tracks: {', '.join(FORMATS)}")
    command.add_argument("--size", metavar="WxH", help="of the picture that pixels are meant for")
    command.add_argument("--frames", type=int, help="re-time to so many frames")
    command.add_argument("--fps", type=float, help="frames per second, for formats that say so")
    add_relative_to(command)


def run(options: argparse.Namespace) -> None:
    given = size(options.size) if options.size is not None else None
    if holds_field(options.source):
        field = load_field(options.source, relative_to=options.relative_to)
        if options.frames is not None:
            field = field.retimed(options.frames)
        if given is not None:
            field = field.resized(given)
        save_field(field, options.output, relative_to=options.relative_to)
        return
    tracks = read_tracks(Path(options.source), size=given)
    meant_for = given or tracks.size
    if meant_for is None:
        raise MotionError(f"{options.source} does not say how large its picture is; add --size, like --size 512x320.")
    frames = options.frames if options.frames is not None else tracks.frames or FRAMES
    fps = options.fps if options.fps is not None else tracks.fps or FPS
    written = write_tracks(tracks, options.output, format=options.to, size=meant_for, frames=frames, fps=fps)
    for line in (*tracks.summary.splitlines(), *written.notes):
        sys.stderr.write(f"{line}\n")
