"""animate: a picture moves as drawn, in seconds and without a network."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from ..controls.camera import Camera
from ..controls.stride import FRAMES
from ..draft import draft_field, draft_frames
from ..errors import MotionError
from ..field_file import check_replaces_field, save_field
from ..flow_color import arrows
from ..picture_file import contact_sheet, read_mask, read_picture, write_picture
from ..types import MotionField, Size
from ..video_file import write_video
from .arguments import FPS, Commands, add_command, add_drawing, at_most, drawn

LONGEST = 1920  # pixels of the longer side; larger pictures are scaled down, since few players show larger videos
SHEET_FRAMES = 4  # on a contact sheet


def add(commands: Commands) -> None:
    what = "move a picture as drawn, in seconds and without a network"
    command = add_command(commands, "animate", run, help=what)
    command.add_argument("image", help="the picture")
    command.add_argument("-o", "--output", required=True, help=".mp4, .gif, .webp, or a folder for .png frames")
    add_drawing(command)
    command.add_argument("--camera", metavar="zoom=1.1,…", help="pan_x, pan_y, zoom, rotate, centre=x:y, easing")
    command.add_argument("--frames", type=int, default=FRAMES, help=f"how many, counting the picture itself ({FRAMES})")
    command.add_argument("--fps", type=float, default=FPS, help=f"frames per second ({FPS})")
    command.add_argument("--longest", type=int, default=LONGEST, help=f"scale larger pictures down to this ({LONGEST})")
    command.add_argument("--field", metavar="FILE", help="save the motion field as well: .safetensors, .npz")
    command.add_argument("--sheet", metavar="FILE", help="save a contact sheet as well: .png, .jpg, .webp")


def run(options: argparse.Namespace) -> None:
    if options.field is not None:
        check_replaces_field(options.field)
    original = read_picture(options.image)
    picture = at_most(original, options.longest)
    size = Size.of(picture)
    trajectories = drawn(options, Size.of(original))
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


def _sheet(picture: Tensor, field: MotionField) -> Tensor:
    """A few frames over the same frames' motion, on one picture."""
    chosen = sorted({round(i * (field.frames - 1) / (SHEET_FRAMES - 1)) for i in range(SHEET_FRAMES)})
    frames = [frame for i, frame in enumerate(draft_frames(picture, field)) if i in chosen]
    motion = MotionField(field.displacement[chosen])
    labels = [f"frame {i}" for i in chosen]
    pictures = torch.stack([*frames, *arrows(motion, picture)])
    return contact_sheet(pictures, columns=len(chosen), labels=[*labels, *labels])
