"""What several commands are given in the same words: a drawing, points, sizes."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, get_args

import torch.nn.functional as F
from torch import Tensor

from ..errors import MotionError
from ..field_file import RelativeTo
from ..tracks import read_tracks
from ..types import Easing, Size, Trajectory

FPS = 8  # of a clip, as the authors make them
RELATIVE_HELP = "what the .flo files of a folder start from (previous frame)"


class Commands(Protocol):
    """Where a command adds itself: what argparse's add_subparsers gives."""

    def add_parser(self, name: str, *, help: str) -> argparse.ArgumentParser: ...


def add_command(
    commands: Commands, name: str, run: Callable[[argparse.Namespace], None], *, help: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=help)
    command.set_defaults(run=run)
    return command


def add_drawing(command: argparse.ArgumentParser) -> None:
    """--drag, --pin, --tracks, --easing and --brush."""
    points = "where the thing at the first point goes, each 0…1 of the picture; give as many as you like"
    command.add_argument("--drag", action="append", default=[], metavar="“x,y x,y …”", help=points)
    command.add_argument(
        "--pin", action="append", default=[], metavar="x,y", help="a point that stays; give as many as you like"
    )
    command.add_argument("--brush", metavar="MASK", help="a picture, white where things may move")
    command.add_argument("--tracks", metavar="FILE", help="trajectories from a file, in any format `convert` reads")
    command.add_argument("--easing", choices=get_args(Easing), default="in_out", help="how drags start and end")


def drawn(options: argparse.Namespace, size: Size) -> list[Trajectory]:
    """The trajectories that --drag, --pin and --tracks give; size: of the picture that pixels are meant for."""
    trajectories = [Trajectory(points(text), easing=options.easing) for text in options.drag]
    trajectories += [Trajectory([point]) for text in options.pin for point in points(text)]
    if options.tracks is not None:
        trajectories += read_tracks(Path(options.tracks), size=size).trajectories
    return trajectories


def add_relative_to(command: argparse.ArgumentParser) -> None:
    command.add_argument("--relative-to", choices=get_args(RelativeTo), default="previous", help=RELATIVE_HELP)


def at_most(picture: Tensor, longest: int) -> Tensor:
    """The picture [3, H, W], scaled down if its longer side has more pixels; a warning says so."""
    size = Size.of(picture)
    if longest < 1:
        raise MotionError(f"--longest is a number of pixels, at least 1; got {longest}.")
    if max(size) <= longest:
        return picture
    scale = longest / max(size)
    smaller = Size(max(1, round(size.height * scale)), max(1, round(size.width * scale)))
    logging.getLogger(__name__).warning("The picture is %s; it is worked on at %s (see --longest).", size, smaller)
    return F.interpolate(picture[None], smaller, mode="bilinear", antialias=True)[0].clamp(0, 1)  # weights round past 1


def points(text: str) -> list[tuple[float, float]]:
    found = []
    for pair in text.split() or [text]:
        try:
            x, y = pair.split(",")
            found.append((float(x), float(y)))
        except ValueError:
            raise MotionError(
                f"Points are written “x,y x,y …”, each 0…1 of the picture, like 0.4,0.5 0.6,0.4; got “{pair}”."
            ) from None
    return found


def size(text: str) -> Size:
    try:
        width, height = (int(side) for side in text.lower().replace("×", "x").split("x"))
    except ValueError:
        raise MotionError(f"A size is written WIDTHxHEIGHT, like 512x320; got “{text}”.") from None
    if width < 1 or height < 1:
        raise MotionError(f"A size is at least 1x1; got “{text}”.")
    return Size(height=height, width=width)
