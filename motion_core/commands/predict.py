"""predict: where a text and a drawing make every pixel go, by the published networks of stage 1."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from tqdm import tqdm

from ..controls.stride import FRAMES, MOST_FRAMES, PUBLISHED_STRIDE, frame_strides
from ..controls.trajectory import STAMP, sparse_field
from ..errors import MotionError
from ..field_file import check_replaces_field, save_field
from ..flow_color import flow_color
from ..picture_file import SAVE_OPTIONS, read_mask, read_picture, write_picture
from ..types import Size
from ..whole_file import whole_file
from .arguments import Commands, add_command, add_drawing, at_most, drawn
from .network_arguments import add_machine, add_sampling, add_texts, advance, machine_of, sampling_of, seeded

if TYPE_CHECKING:  # torch loads in a second, the networks' libraries in four more; `animate` needs none of them
    from ..predictor import MotionPredictor
    from ..release import Release

FIELDS = {".safetensors", ".npz"}


def add(commands: Commands) -> None:
    what = "the motion that a text and a drawing ask for, by the published networks"
    command = add_command(commands, "predict", run, help=what)
    command.add_argument("image", help="the picture")
    command.add_argument("-o", "--output", required=True, help="the motion field to write: .safetensors, .npz")
    command.add_argument("--picture", metavar="FILE", help="where the motion is painted (OUTPUT.motion.png)")
    command.add_argument("--weights", metavar="DIR", help="the authors' release, or what convert-weights made of it")
    add_texts(command)
    add_motion(command)
    add_sampling(command)
    add_machine(command)


def add_motion(command: argparse.ArgumentParser) -> None:
    """What moves, how far, in how many frames."""
    add_drawing(command)
    command.add_argument("--stamp", type=int, default=STAMP, help=f"half the side of a drag's square, px ({STAMP})")

    time = command.add_argument_group("time")
    time.add_argument("--frames", type=int, default=FRAMES, help=f"to predict, counting the picture; ≤ 33 ({FRAMES})")
    stride = f"training frames between two of them ({PUBLISHED_STRIDE:g}); larger moves farther, smaller is finer time"
    time.add_argument("--stride", type=float, default=PUBLISHED_STRIDE, help=stride)
    between = "frames to put between two predicted ones, by interpolation: smoother, but nothing new happens in them"
    time.add_argument("--between", type=int, default=0, metavar="N", help=between)

    control = command.add_argument_group("how firmly the drawing holds")
    control.add_argument("--strength", type=float, default=1.0, help="of the trajectory ControlNet (1)")
    control.add_argument("--start", type=float, default=0.0, help="share of the steps at which it begins (0)")
    control.add_argument("--end", type=float, default=1.0, help="share of the steps at which it ends (1)")
    control.add_argument("--guess-mode", action="store_true", help="hold only the half of the guidance with the text")


def check(output: str) -> None:
    """That a field can be written there, and that nothing else would be lost."""
    if Path(output).suffix.lower() not in FIELDS:
        raise MotionError(f"A predicted field is saved as .safetensors or .npz; got “{output}”.")
    check_replaces_field(output)


def frames_of(options: argparse.Namespace) -> int:
    """How many frames the field will have, counting the picture."""
    return (options.frames - 1) * (options.between + 1) + 1


def run(options: argparse.Namespace) -> None:
    from ..predictor import ControlSchedule
    from ..release import find_release
    from ..stable_diffusion import padded

    output = Path(options.output)
    check(options.output)
    painted = Path(options.picture) if options.picture is not None else output.with_suffix(".motion.png")
    if painted.suffix.lower() not in SAVE_OPTIONS:
        raise MotionError(f"The motion is painted as {', '.join(SAVE_OPTIONS)}; got “{painted}”.")
    original = read_picture(options.image)
    picture = at_most(original, options.longest)
    size = Size.of(picture)
    if options.between < 0:
        raise MotionError(f"--between is a number of frames, 0 for none; got {options.between}.")
    if options.frames > MOST_FRAMES:
        raise MotionError(
            f"The predictor makes at most {MOST_FRAMES} frames, counting the picture; got --frames {options.frames}. "
            "Put others between them by --between."
        )
    strides = frame_strides(options.frames, options.stride)
    region = read_mask(options.brush, size) if options.brush is not None else None
    trajectories = drawn(options, Size.of(original))
    asked = None
    if trajectories or region is not None:
        asked = sparse_field(trajectories, size=size, frames=options.frames, stamp=options.stamp, region=region)
    schedule = ControlSchedule(options.strength, options.start, options.end, options.guess_mode)
    sampling = sampling_of(options)
    generator = seeded(options.seed)
    release = find_release(options.weights, control=asked is not None)
    device, precision = machine_of(options)

    with whole_file(output) as field_file, whole_file(painted) as painted_file:
        positive, negative = _read(release, options.prompt, options.negative, device)
        latent = _seen(release, padded(picture), generator, device)
        predictor = _predictor(release, device, precision, control=asked is not None)
        with tqdm(total=options.steps, unit="step", desc="predicting", delay=0.5) as bar:
            field = predictor.predict(
                latent,
                positive,
                negative,
                size=size,
                strides=strides,
                generator=generator,
                asked=asked,
                schedule=schedule,
                region=region,
                sampling=sampling,
                chunk=options.chunk,
                on_step=lambda step: advance(bar, step),
            )
        field = field.retimed(frames_of(options))
        save_field(field, field_file)
        write_picture(flow_color(field)[-1], painted_file)


def _read(release: Release, prompt: str, negative: str, device: torch.device) -> tuple[Tensor, Tensor]:
    """Both texts, [1, 77, width] each. A network is gone when its function ends, so that the next one has room."""
    from ..stable_diffusion import load_text_encoder

    encoder = load_text_encoder(release.tokenizer, release.text_encoder, dtype=torch.float32, device=device)
    positive, without = encoder([prompt, negative]).split(1)
    return positive, without


def _seen(release: Release, picture: Tensor, generator: torch.Generator, device: torch.device) -> Tensor:
    from ..checkpoints import load_image_vae
    from ..stable_diffusion import PREDICTOR_RANGE, picture_latent

    vae = load_image_vae(release.image_vae, dtype=torch.float32, device=device)
    size = Size.of(picture)
    noise = torch.randn((1, 4, *size.latent), generator=generator)
    return picture_latent(vae, picture, value_range=PREDICTOR_RANGE, noise=noise)


def _predictor(release: Release, device: torch.device, precision: torch.dtype, *, control: bool) -> MotionPredictor:
    from ..checkpoints import load_motion_predictor, load_motion_vae, load_trajectory_controlnet
    from ..predictor import MotionPredictor

    controlnet = None
    if control and release.trajectory_controlnet is not None:
        controlnet = load_trajectory_controlnet(release.trajectory_controlnet, dtype=precision, device=device)
    return MotionPredictor(
        load_motion_predictor(release.motion_predictor, dtype=precision, device=device),
        load_motion_vae(release.flow_vae, dtype=torch.float32, device=device),
        controlnet,
    )
