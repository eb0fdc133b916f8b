"""render: the frames of a picture that follow a motion field, by Stable Diffusion 1.5 with motion modules."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import torch
from torch import Tensor
from tqdm import tqdm

from ..errors import MotionError
from ..field_file import load_field
from ..picture_file import read_mask, read_picture
from ..types import MotionField, Size
from ..video_file import check_video, write_video
from ..warp_attention import Fusion, Positions, most_frames
from ..weight_file import WeightFile
from .arguments import FPS, Commands, add_command, at_most
from .network_arguments import add_machine, add_sampling, add_texts, advance, machine_of, sampling_of, seeded

if TYPE_CHECKING:
    from ..base_model import BaseModel
    from ..sampling import Sampling
    from ..windows import Windows

PUBLISHED_MODULE = "motion_block"  # Motion-I2V's file; an AnimateDiff v2 module has the same tensors
SAME_SHAPE = 0.05  # of two pictures whose sides were rounded to whole pixels, and a little more

log = logging.getLogger(__name__)


def add(commands: Commands) -> None:
    what = "the frames of a picture that follow a motion field, by any SD1.5 checkpoint"
    command = add_command(commands, "render", run, help=what)
    command.add_argument("image", help="the picture")
    command.add_argument("-o", "--output", required=True, help=".mp4, .gif, .webp, or a folder for .png frames")
    command.add_argument("--field", required=True, help="the motion: a field of `predict`, `animate --field`, …")
    command.add_argument("--frames", type=int, help="re-time the field to so many, counting the picture (its own)")
    command.add_argument("--brush", metavar="MASK", help="a picture, white where things may move; the rest is renewed")
    command.add_argument("--weights", metavar="DIR", help="the authors' release, or what convert-weights made of it")
    add_texts(command)
    add_rendering(command)
    add_sampling(command)
    add_machine(command)


def add_rendering(command: argparse.ArgumentParser) -> None:
    """Which model renders, and how motion enters it."""
    model = command.add_argument_group("model")
    base = "an SD1.5 checkpoint, .safetensors or .ckpt, or a diffusers folder (what the authors' release holds)"
    model.add_argument("--base", metavar="FILE", help=base)
    lora = "merged into the checkpoint; FILE:0.8 for less than all of it; give as many as you like"
    model.add_argument("--lora", action="append", default=[], metavar="FILE[:STRENGTH]", help=lora)
    tokenizer = "a folder with vocab.json and merges.txt (the checkpoint's or the release's)"
    model.add_argument("--tokenizer", metavar="DIR", help=tokenizer)
    module = "the release's by default; or any AnimateDiff module for SD1.5"
    model.add_argument("--motion-module", metavar="FILE", help=module)

    motion = command.add_argument_group("how the motion enters")
    fusion = "attention as published, addition or none as in the paper's ablation"
    motion.add_argument("--fusion", choices=get_args(Fusion), default="attention", help=fusion)
    positions = "interleaved for Motion-I2V's own module, shared for AnimateDiff's (so by the file, unless given)"
    motion.add_argument("--positions", choices=get_args(Positions), help=positions)
    motion.add_argument("--window", type=int, help="frames rendered at once, with the picture, in longer clips (16)")
    motion.add_argument("--overlap", type=int, help="frames that two windows share (4, fewer if they are small)")
    motion.add_argument("--fps", type=float, default=FPS, help=f"frames per second ({FPS})")


def run(options: argparse.Namespace) -> None:
    field = load_field(options.field)
    field = field if options.frames is None else field.retimed(options.frames)
    rendering = planned(options, field.frames)
    _warn_of_another_shape(field.size, Size.of(rendering.picture))
    write_video(rendered(rendering, lambda: field), options.output, options.fps)


@dataclass(frozen=True)
class Rendering:
    """All that is known before a field is there, and has been found to fit."""

    picture: Tensor
    region: Tensor | None
    base: BaseModel
    motion_module: Path
    fusion: Fusion
    positions: Positions
    windows: Windows
    sampling: Sampling
    device: torch.device
    precision: torch.dtype
    generator: torch.Generator
    options: argparse.Namespace


def planned(options: argparse.Namespace, frames: int) -> Rendering:
    """What can be found wrong before the work is found here."""
    from ..checkpoints import check_same_unet, motion_modules_config
    from ..release import find_part
    from ..windows import Windows

    check_video(options.output, options.fps)
    picture = at_most(read_picture(options.image), options.longest)
    region = read_mask(options.brush, Size.of(picture)) if options.brush is not None else None
    published = options.motion_module is None
    module = find_part(options.weights, "motion_module") if published else Path(options.motion_module)
    config = motion_modules_config(module)
    positions: Positions = options.positions or ("interleaved" if published or is_ours(module) else "shared")
    windows = Windows(options.window, options.overlap)
    windows.over(frames, most_frames(config.positions, options.fusion, positions))
    base = base_of(options)
    base.check()
    check_same_unet(config, base.unet_config)
    device, precision = machine_of(options)
    return Rendering(
        picture,
        region,
        base,
        module,
        options.fusion,
        positions,
        windows,
        sampling_of(options),
        device,
        precision,
        seeded(options.seed),
        options,
    )


def base_of(options: argparse.Namespace) -> BaseModel:
    """The checkpoint with its LoRAs; what it lacks is taken from the release, if there is one."""
    from ..base_model import BaseModel
    from ..release import find_base, find_part

    path = find_base(options.weights) if options.base is None else options.base
    alone = os.path.isfile(path)

    def part(name: str) -> Path | None:
        return find_part(options.weights, name) if alone and options.weights is not None else None

    return BaseModel(
        path,
        [_lora(text) for text in options.lora],
        tokenizer=options.tokenizer or part("tokenizer"),
        text_encoder=part("text_encoder"),
        image_vae=part("image_vae"),
    )


def is_ours(module: Path) -> bool:
    """Whether a motion module is Motion-I2V's: its published file, or what convert-weights made of it."""
    from ..layout import HEADS_KEY

    with WeightFile(module) as file:
        return HEADS_KEY in file.metadata or module.stem == PUBLISHED_MODULE


def _warn_of_another_shape(field: Size, picture: Size) -> None:
    if abs(field.width / field.height * picture.height / picture.width - 1) > SAME_SHAPE:
        log.warning("The motion field is %s and the picture %s: the motion is stretched to it.", field, picture)


def rendered(plan: Rendering, motion: Callable[[], MotionField]) -> Iterator[Tensor]:
    """The frames, one by one. A network is gone when its function ends, so that the next one has room."""
    from ..checkpoints import assembled, load_motion_modules
    from ..renderer import Renderer
    from ..stable_diffusion import RENDERER_RANGE, decoded_pictures, padded, picture_latent

    options, device, precision = plan.options, plan.device, plan.precision
    size = Size.of(plan.picture)

    def texts() -> tuple[Tensor, Tensor]:
        encoder = plan.base.text_encoder(dtype=torch.float32, device=device)
        positive, negative = encoder([options.prompt, options.negative]).split(1)
        return positive, negative

    def renderer() -> Renderer:
        modules = load_motion_modules(plan.motion_module, dtype=precision, device=device)
        return Renderer(
            assembled(plan.base.unet_weights(dtype=precision, device=device), modules, heads=plan.base.heads)
        )

    field = motion()
    positive, negative = texts()
    vae = plan.base.image_vae(dtype=torch.float32, device=device)
    reference = picture_latent(vae, padded(plan.picture), value_range=RENDERER_RANGE)
    with tqdm(total=options.steps, unit="step", desc="rendering", delay=0.5) as bar:
        latents = renderer().render(
            reference,
            field.resized(size),
            positive,
            negative,
            generator=plan.generator,
            region=plan.region,
            fusion=plan.fusion,
            positions=plan.positions,
            windows=plan.windows,
            sampling=plan.sampling,
            chunk=options.chunk,
            on_step=lambda step: advance(bar, step),
        )
    yield from decoded_pictures(vae, latents, size)


def _lora(text: str) -> tuple[Path, float]:
    """“FILE” or “FILE:0.8”."""
    path, colon, strength = text.rpartition(":")
    if not colon or os.path.exists(text):
        return Path(text), 1.0
    try:
        return Path(path), float(strength)
    except ValueError:
        raise MotionError(f"A LoRA is FILE or FILE:STRENGTH, like style.safetensors:0.8; got “{text}”.") from None
