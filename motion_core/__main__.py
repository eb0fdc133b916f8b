"""The command line: animate a picture, convert tracks and motion fields, show a field as a picture.

python -m motion_core animate photo.jpg --drag "0.4,0.5 0.6,0.4" --pin 0.8,0.5 -o out.mp4
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, get_args

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from .controls.camera import Camera
from .draft import draft_field, draft_frames
from .errors import MotionError
from .field_file import RelativeTo, holds_field, load_field, save_field
from .flow_color import arrows, flow_color, moved_grid
from .picture_file import contact_sheet, read_mask, read_picture, write_picture
from .tracks import FORMATS, read_tracks, write_tracks
from .types import Easing, MotionField, Size, Trajectory
from .video_file import write_video

FRAMES, FPS = 16, 8  # of a clip, as the authors make them
MISUSE = 2  # exit code of everything that a person can mend
MOVING = {".mp4", ".gif", ".webp", ""}  # what `show` writes every frame to; anything else gets the last one
SHEET_FRAMES = 4  # on a contact sheet
LONGEST = 1920  # pixels of the longer side; larger pictures are scaled down, since few players show larger videos


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it worked, 2 with one sentence on standard error if it could not."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except MotionError as error:
        return _refused(str(error))
    except MemoryError:
        return _refused("There is not enough memory for this; use a smaller picture (--longest) or fewer frames.")
    except KeyboardInterrupt:
        sys.stderr.write("motion-i2v: stopped; nothing was written.\n")
        return 130
    return 0


def animate(options: argparse.Namespace) -> None:
    original = read_picture(options.image)
    picture = _at_most(original, options.longest)
    size = Size.of(picture)
    trajectories = [Trajectory(_points(text), easing=options.easing) for text in options.drag]
    trajectories += [Trajectory([point]) for text in options.pin for point in _points(text)]
    if options.tracks is not None:
        trajectories += read_tracks(Path(options.tracks), size=Size.of(original)).trajectories
    if not trajectories and options.camera is None:
        raise MotionError("Nothing moves yet: give at least one --drag “x,y x,y”, a --tracks file or a --camera.")
    field = draft_field(
        picture,
        trajectories,
        frames=options.frames,
        region=read_mask(options.brush, size) if options.brush is not None else None,
        camera=Camera.parse(options.camera) if options.camera is not None else None,
    )
    frames = draft_frames(picture, field)
    progress = tqdm(frames, total=field.frames, unit="frame", desc=Path(options.output).name, delay=0.5)
    written = write_video(progress, options.output, options.fps)
    if written != Path(options.output):
        sys.stderr.write(f"The frames are in {written}\n")
    if options.field is not None:
        save_field(field, options.field)
    if options.sheet is not None:
        write_picture(_sheet(picture, field), options.sheet)


def convert(options: argparse.Namespace) -> None:
    if holds_field(options.source):
        field = load_field(options.source, relative_to=options.relative_to)
        if options.frames is not None:
            field = field.retimed(options.frames)
        if options.size is not None:
            field = field.resized(_size(options.size))
        save_field(field, options.output, relative_to=options.relative_to)
        return
    given = _size(options.size) if options.size is not None else None
    tracks = read_tracks(Path(options.source), size=given)
    size = given or tracks.size
    if size is None:
        raise MotionError(f"{options.source} does not say how large its picture is; add --size, like --size 512x320.")
    frames = options.frames if options.frames is not None else tracks.frames or FRAMES
    fps = options.fps if options.fps is not None else tracks.fps or FPS
    written = write_tracks(tracks, options.output, format=options.to, size=size, frames=frames, fps=fps)
    for line in (*tracks.summary.splitlines(), *written.notes):
        sys.stderr.write(f"{line}\n")


def show(options: argparse.Namespace) -> None:
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


def _sheet(picture: Tensor, field: MotionField) -> Tensor:
    """A few frames over the same frames' motion, on one picture."""
    chosen = sorted({round(i * (field.frames - 1) / (SHEET_FRAMES - 1)) for i in range(SHEET_FRAMES)})
    frames = [frame for i, frame in enumerate(draft_frames(picture, field)) if i in chosen]
    motion = MotionField(field.displacement[chosen])
    labels = [f"frame {i}" for i in chosen]
    pictures = torch.stack([*frames, *arrows(motion, picture)])
    return contact_sheet(pictures, columns=len(chosen), labels=[*labels, *labels])


def _at_most(picture: Tensor, longest: int) -> Tensor:
    size = Size.of(picture)
    if longest < 1:
        raise MotionError(f"--longest is a number of pixels, at least 1; got {longest}.")
    if max(size) <= longest:
        return picture
    scale = longest / max(size)
    smaller = Size(max(1, round(size.height * scale)), max(1, round(size.width * scale)))
    logging.getLogger(__name__).warning("The picture is %s; it is animated at %s (see --longest).", size, smaller)
    return F.interpolate(picture[None], smaller, mode="bilinear", antialias=True)[0]


def _points(text: str) -> list[tuple[float, float]]:
    points = []
    for pair in text.split() or [text]:
        try:
            x, y = pair.split(",")
            points.append((float(x), float(y)))
        except ValueError:
            raise MotionError(
                f"Points are written “x,y x,y …”, each 0…1 of the picture, like 0.4,0.5 0.6,0.4; got “{pair}”."
            ) from None
    return points


def _size(text: str) -> Size:
    try:
        width, height = (int(side) for side in text.lower().replace("×", "x").split("x"))
    except ValueError:
        raise MotionError(f"A size is written WIDTHxHEIGHT, like 512x320; got “{text}”.") from None
    if width < 1 or height < 1:
        raise MotionError(f"A size is at least 1x1; got “{text}”.")
    return Size(height=height, width=width)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="motion-i2v", description="Make a still picture move exactly the way it was drawn.")
    commands = parser.add_subparsers(required=True, metavar="animate | convert | show", parser_class=_Parser)

    command = commands.add_parser("animate", help="move a picture as drawn, in seconds and without a network")
    command.set_defaults(run=animate)
    command.add_argument("image", help="the picture")
    command.add_argument("-o", "--output", required=True, help=".mp4, .gif, .webp, or a folder for .png frames")
    command.add_argument("--drag", action="append", default=[], metavar="“x,y x,y …”", help=_POINTS_HELP)
    command.add_argument(
        "--pin", action="append", default=[], metavar="x,y", help="a point that stays; give as many as you like"
    )
    command.add_argument("--brush", metavar="MASK", help="a picture, white where things may move")
    command.add_argument("--camera", metavar="zoom=1.1,…", help="pan_x, pan_y, zoom, rotate, centre=x:y, easing")
    command.add_argument("--tracks", metavar="FILE", help="trajectories from a file, in any format `convert` reads")
    command.add_argument("--easing", choices=get_args(Easing), default="in_out", help="how drags start and end")
    command.add_argument("--frames", type=int, default=FRAMES, help=f"how many, counting the picture itself ({FRAMES})")
    command.add_argument("--fps", type=float, default=FPS, help=f"frames per second ({FPS})")
    command.add_argument("--longest", type=int, default=LONGEST, help=f"scale larger pictures down to this ({LONGEST})")
    command.add_argument("--field", metavar="FILE", help="save the motion field as well: .safetensors, .npz")
    command.add_argument("--sheet", metavar="FILE", help="save a contact sheet as well: .png, .jpg, .webp")

    command = commands.add_parser("convert", help="between track formats, or between motion field formats")
    command.set_defaults(run=convert)
    command.add_argument("source", help="tracks (.json .csv .txt .npy .npz .pth) or a field (.safetensors .npz .flo)")
    command.add_argument("output", help="the file to write; for a field, its suffix says the format")
    command.add_argument("--to", default="json", metavar="FORMAT", help=f"of tracks: {', '.join(FORMATS)}")
    command.add_argument("--size", metavar="WxH", help="of the picture that pixels are meant for")
    command.add_argument("--frames", type=int, help="re-time to so many frames")
    command.add_argument("--fps", type=float, help="frames per second, for formats that say so")
    command.add_argument("--relative-to", choices=get_args(RelativeTo), default="previous", help=_RELATIVE_HELP)

    command = commands.add_parser("show", help="a motion field as a picture or a video")
    command.set_defaults(run=show)
    command.add_argument("field", help="a motion field: .safetensors, .npz, .flo or a folder of .flo")
    command.add_argument("-o", "--output", required=True, help=".png for the last frame; .mp4, .gif, .webp for all")
    command.add_argument("--as", dest="look", choices=["colors", "arrows", "grid"], default="colors")
    command.add_argument("--picture", help="what to draw arrows or the grid on")
    command.add_argument("--fps", type=float, default=FPS, help=f"frames per second ({FPS})")
    command.add_argument("--relative-to", choices=get_args(RelativeTo), default="previous", help=_RELATIVE_HELP)
    return parser


_POINTS_HELP = "where the thing at the first point goes, each 0…1 of the picture; give as many as you like"
_RELATIVE_HELP = "what the .flo files of a folder start from (previous frame)"


def _refused(reason: str) -> int:
    sys.stderr.write(f"motion-i2v: {reason}\n")
    return MISUSE


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SystemExit(_refused(f"{message} (see {self.prog} --help)"))


if __name__ == "__main__":
    sys.exit(main())
