"""Where the clips of an evaluation come from: Motion-I2V's two stages, the draft, or finished clips of any method."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from motion_core.commands import render
from motion_core.commands.arguments import points
from motion_core.commands.network_arguments import machine_of, sampling_of, seeded
from motion_core.commands.report import together
from motion_core.controls.stride import MOST_FRAMES, frame_strides
from motion_core.controls.trajectory import sparse_field
from motion_core.draft import draft_field, draft_frames
from motion_core.errors import MotionError
from motion_core.picture_file import read_picture
from motion_core.types import MotionField, Size, Trajectory
from motion_core.video_file import stream_video, timing
from motion_core.warp_attention import Positions, most_frames

PROMPTS = "prompts.csv"
SUFFIXES = ("", ".mp4", ".webm", ".mov", ".mkv", ".avi", ".gif", ".webp")  # of finished clips; "" is a folder of .png


@dataclass(frozen=True)
class Case:
    """One line of prompts.csv. drag: “x,y x,y …”, each 0…1 of the picture, several with a semicolon between them."""

    image: str
    prompt: str
    drag: str = ""

    @property
    def name(self) -> str:
        """What its clip is called."""
        return Path(self.image).stem

    @property
    def trajectories(self) -> list[Trajectory]:
        return [Trajectory(points(text), easing="in_out") for text in self.drag.split(";") if text.strip()]


Maker = Callable[[Case], Tensor]  # a case → its frames [F, 3, H, W], 0…1, of the size that is evaluated


def read_cases(folder: Path) -> list[Case]:
    """The lines of the folder's prompts.csv: image, prompt and, if there is such a column, drag.

    MotionError says which line is not one. Whether a picture can be read shows only when its turn comes.
    """
    path = folder / PROMPTS
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            lines = list(csv.DictReader(file))
    except (FileNotFoundError, NotADirectoryError):
        raise MotionError(f"There is no {path}: a table with the columns image and prompt, one line a clip.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MotionError(f"{path} cannot be read as a table ({error}). Save it as CSV in UTF-8.") from error
    if not lines:
        raise MotionError(f"{path} has no line after its first one, “image,prompt”.")
    cases: dict[str, Case] = {}
    for number, line in enumerate(lines, start=1):
        image, prompt, drag = (" ".join((line.get(column) or "").split()) for column in ("image", "prompt", "drag"))
        where = f"Clip {number} of {path}"
        if not image or not prompt:
            raise MotionError(
                f"{where} lacks its image or its prompt; the first line names the columns, with a comma: image,prompt."
            )
        if any(line.get(None, ())):
            raise MotionError(f"{where}, {image}, has more values than columns; write a prompt with commas in quotes.")
        case = Case(image, prompt, drag)
        if Path(image).name != image:
            raise MotionError(f"{where} names “{image}”; name a file of that folder itself.")
        if case.name in cases:
            raise MotionError(
                f"{where}, {image}, would be called “{case.name}”, as {cases[case.name].image} is; rename one of them."
            )
        case.trajectories  # noqa: B018  found wrong here rather than an hour later
        cases[case.name] = case
    return list(cases.values())


def fitted(picture: Tensor, size: Size) -> Tensor:
    """A picture [3, H, W] scaled to cover the size, and its middle cut out."""
    own = Size.of(picture)
    if own == size:
        return picture
    scale = max(size.height / own.height, size.width / own.width)
    height, width = (max(wanted, round(side * scale)) for wanted, side in zip(size, own, strict=True))
    scaled = F.interpolate(picture[None], (height, width), mode="bilinear", antialias=True)[0].clamp(0, 1)
    top, left = (height - size.height) // 2, (width - size.width) // 2
    return scaled[:, top : top + size.height, left : left + size.width]


class Finished:
    """Clips that lie in a folder, each called as its picture: a video file, an animation, or a folder of .png."""

    def __init__(self, folder: Path, size: Size) -> None:
        if not folder.is_dir():
            raise MotionError(f"There is no folder {folder} with clips.")
        self.folder, self.size = folder, size

    def __call__(self, case: Case) -> Tensor:
        found = [path for suffix in SUFFIXES if (path := self.folder / f"{case.name}{suffix}").exists()]
        if len(found) != 1:
            there = " and ".join(path.name for path in found) or "none"
            raise MotionError(f"{self.folder} should hold one clip called {case.name}; there is {there}.")
        with closing(stream_video(found[0])) as frames:
            return together((fitted(frame, self.size) for frame in frames), timing(found[0]).frames)


class Drafted:
    """Clips without a network: the drags of prompts.csv spread over the picture. Without a drag it stays still."""

    def __init__(self, folder: Path, size: Size, frames: int) -> None:
        self.folder, self.size, self.frames = folder, size, frames

    def __call__(self, case: Case) -> Tensor:
        picture = fitted(read_picture(self.folder / case.image), self.size)
        field = draft_field(picture, case.trajectories, frames=self.frames)
        return torch.stack(list(draft_frames(picture, field)))


class TwoStages:
    """Clips as `motion-i2v i2v` makes them, with networks that are loaded once. Every clip has the same seed.

    predicts: whether stage 1 runs; without it the field rests. control: whether any clip has a drag.
    """

    def __init__(self, folder: Path, size: Size, options: argparse.Namespace, *, predicts: bool, control: bool) -> None:
        sampling_of(options)  # what is wrong with it is wrong for every clip
        seeded(options.seed)
        self.folder, self.size, self._frames = folder, size, options.frames
        self._predict = _FirstStage(options, control=control) if predicts else None
        self._render = _SecondStage(options)

    def __call__(self, case: Case) -> Tensor:
        picture = fitted(read_picture(self.folder / case.image), self.size)
        field = MotionField.still(self.size, frames=self._frames)
        if self._predict is not None:
            field = self._predict(picture, case)
        return self._render(picture, field, case.prompt)


class _FirstStage:
    def __init__(self, options: argparse.Namespace, *, control: bool) -> None:
        from motion_core.checkpoints import (
            load_image_vae,
            load_motion_predictor,
            load_motion_vae,
            load_trajectory_controlnet,
        )
        from motion_core.predictor import MotionPredictor
        from motion_core.release import find_release
        from motion_core.stable_diffusion import load_text_encoder

        if options.frames > MOST_FRAMES:
            raise MotionError(f"The predictor makes at most {MOST_FRAMES} frames; got --frames {options.frames}.")
        self._options, self._strides = options, frame_strides(options.frames, options.stride)
        release = find_release(options.weights, control=control)
        device, precision = machine_of(options)
        whole, networks = {"dtype": torch.float32, "device": device}, {"dtype": precision, "device": device}
        self._read = load_text_encoder(release.tokenizer, release.text_encoder, **whole)
        self._negative = self._read([options.negative])
        self._image_vae = load_image_vae(release.image_vae, **whole)
        controlnet = None
        if control and release.trajectory_controlnet is not None:
            controlnet = load_trajectory_controlnet(release.trajectory_controlnet, **networks)
        unet = load_motion_predictor(release.motion_predictor, **networks)
        self._predictor = MotionPredictor(unet, load_motion_vae(release.flow_vae, **whole), controlnet)

    def __call__(self, picture: Tensor, case: Case) -> MotionField:
        from motion_core.stable_diffusion import PREDICTOR_RANGE, padded, picture_latent

        options, size, asked = self._options, Size.of(picture), None
        if case.trajectories:
            asked = sparse_field(case.trajectories, size=size, frames=options.frames)
        generator = seeded(options.seed)
        noise = torch.randn((1, 4, *size.latent), generator=generator)
        latent = picture_latent(self._image_vae, padded(picture), value_range=PREDICTOR_RANGE, noise=noise)
        return self._predictor.predict(
            latent,
            self._read([case.prompt]),
            self._negative,
            size=size,
            strides=self._strides,
            generator=generator,
            asked=asked,
            sampling=sampling_of(options),
            chunk=options.chunk,
        )


class _SecondStage:
    def __init__(self, options: argparse.Namespace) -> None:
        from motion_core.checkpoints import assembled, check_same_unet, load_motion_modules, motion_modules_config
        from motion_core.release import find_part
        from motion_core.renderer import Renderer
        from motion_core.windows import Windows

        published = options.motion_module is None
        module = find_part(options.weights, "motion_module") if published else Path(options.motion_module)
        config = motion_modules_config(module)
        own: Positions = "interleaved" if published or render.is_ours(module) else "shared"
        self._positions: Positions = options.positions or own
        self._windows = Windows(options.window, options.overlap)
        self._windows.over(options.frames, most_frames(config.positions, options.fusion, self._positions))
        base = render.base_of(options)
        base.check()
        check_same_unet(config, base.unet_config)
        self._options = options
        device, precision = machine_of(options)
        self._read = base.text_encoder(dtype=torch.float32, device=device)
        self._negative = self._read([options.negative])
        self._image_vae = base.image_vae(dtype=torch.float32, device=device)
        modules = load_motion_modules(module, dtype=precision, device=device)
        weights = base.unet_weights(dtype=precision, device=device)
        self._renderer = Renderer(assembled(weights, modules, heads=base.heads))

    def __call__(self, picture: Tensor, field: MotionField, prompt: str) -> Tensor:
        from motion_core.stable_diffusion import RENDERER_RANGE, decoded_pictures, padded, picture_latent

        options = self._options
        latents = self._renderer.render(
            picture_latent(self._image_vae, padded(picture), value_range=RENDERER_RANGE),
            field,
            self._read([prompt]),
            self._negative,
            generator=seeded(options.seed),
            fusion=options.fusion,
            positions=self._positions,
            windows=self._windows,
            sampling=sampling_of(options),
            chunk=options.chunk,
        )
        return decoded_pictures(self._image_vae, latents, field.size)
