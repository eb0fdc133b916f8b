"""The authors' release: the files it is made of, where they lie, and one safetensors file for each network of it.

find_release(folder) takes the release as it was published, or the folder that `convert` made of it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from .checkpoints import (
    image_vae_names,
    motion_module_names,
    motion_predictor_names,
    motion_vae_names,
    trajectory_controlnet_names,
)
from .errors import CheckpointError, MotionError
from .layout import HEADS_KEY, heads_of
from .stable_diffusion import CONFIG, PREFIX, text_encoder_names
from .weight_file import DTYPES, WeightFile
from .whole_file import whole_file, whole_folder

PAGE = "https://huggingface.co/wangfuyun/Motion-I2V"  # named by the README of github.com/G-U-N/Motion-I2V
MODELS = "models"  # the folder of the release in which both stages lie
STAGE1 = "stage1/StableDiffusion-FlowGen"
UNSTATED = f"not stated by the authors; see {PAGE}"  # the page has no model card
STABLE_DIFFUSION = f"{UNSTATED}. It is a part of Stable Diffusion 1.5, which is under CreativeML Open RAIL-M"
TOKENIZER_FILES = re.compile(r"(vocab|special_tokens_map|tokenizer_config)\.json|merges\.txt")
POINTER = b"version https://git-lfs"  # begins what `git clone` leaves in the place of a large file without git-lfs
POINTER_AT_MOST = 1024  # bytes
FORMAT_VERSION = "1"  # of the converted files
TENSORS_SHA256 = "modelspec.hash_sha256"  # of the numbers alone, without the header it stands in
UNKNOWN_SHA256 = "0x" + 64 * "0"  # until they are written
ALIGNED = 64  # bytes: where torch itself begins a tensor, so that the same numbers give the same results
BLOCK = 1 << 22  # bytes that are read at a time
Progress = Callable[[str, int, int], None]  # the converted file's name, how many bytes of how many are done


@dataclass(frozen=True)
class Part:
    """One network of the release, or its tokenizer."""

    title: str
    folder: str  # in MODELS
    files: Mapping[str, int]  # name → bytes, as published; the first one holds the weights
    converted: str  # our name for it
    architecture: str
    implementation: str = "https://github.com/G-U-N/Motion-I2V"  # whose tensor names these are
    license: str = UNSTATED
    many_headed: bool = False  # its attention: then the file says how many, since no tensor shows it


PARTS = {
    "motion_predictor": Part(
        "Motion-I2V: motion predictor (stage 1 UNet)",
        f"{STAGE1}/unet",
        {"diffusion_pytorch_model.bin": 4 * 1_316_000_644},
        "motion_predictor.safetensors",
        "motion-i2v-motion-predictor",
        many_headed=True,
    ),
    "trajectory_controlnet": Part(
        "Motion-I2V: trajectory ControlNet (stage 1)",
        f"{STAGE1}/controlnet",
        {"controlnet.bin": 4 * 567_212_352},
        "trajectory_controlnet.safetensors",
        "motion-i2v-trajectory-controlnet",
        many_headed=True,
    ),
    "flow_vae": Part(
        "Motion-I2V: flow VAE (stage 1)",
        f"{STAGE1}/vae_flow",
        {"diffusion_pytorch_model.bin": 4 * 83_651_558},
        "flow_vae.safetensors",
        "motion-i2v-flow-vae",
        "diffusers",
    ),
    "image_vae": Part(
        "Stable Diffusion 1.5: image VAE",
        "stage2/StableDiffusion/vae",
        {"diffusion_pytorch_model.bin": 4 * 83_653_863},
        "image_vae.safetensors",
        "stable-diffusion-v1-vae",
        "diffusers",
        STABLE_DIFFUSION,
    ),
    "text_encoder": Part(
        "Stable Diffusion 1.5: text encoder (CLIP ViT-L/14)",
        f"{STAGE1}/text_encoder",
        {"pytorch_model.bin": 4 * 123_060_480, "config.json": 617},
        "text_encoder.safetensors",
        "stable-diffusion-v1-text-encoder",
        "transformers",
        STABLE_DIFFUSION,
    ),
    "tokenizer": Part(
        "Stable Diffusion 1.5: tokenizer",
        f"{STAGE1}/tokenizer",
        {"vocab.json": 1_059_962, "merges.txt": 524_619},
        "tokenizer",
        "",
    ),
    "motion_module": Part(
        "Motion-I2V: motion module (temporal layers of stage 2)",
        "stage2/Motion_Module",
        {"motion_block.bin": 4 * 454_417_600},
        "motion_module.safetensors",
        "motion-i2v-motion-module",
        many_headed=True,
    ),
}

BASES = ("stage2/DreamBooth_LoRA/realistic_unet.ckpt", "stage2/StableDiffusion")  # what the authors render with

NAMES = {  # checked strictly
    "motion_predictor": motion_predictor_names,
    "trajectory_controlnet": trajectory_controlnet_names,
    "flow_vae": motion_vae_names,
    "image_vae": image_vae_names,
    "motion_module": motion_module_names,
}


@dataclass(frozen=True)
class Release:
    """Where the parts of a release lie: a weights file each, and the tokenizer's folder. None is not there."""

    motion_predictor: Path
    flow_vae: Path
    image_vae: Path
    text_encoder: Path
    tokenizer: Path
    trajectory_controlnet: Path | None
    motion_module: Path | None


def find_release(
    folder: str | os.PathLike[str] | None, *, control: bool = False, motion_module: bool = False
) -> Release:
    """The release in a folder: the authors' (the folder in which `models` lies, or one inside), or a converted one.

    control: the trajectory ControlNet is needed too, for trajectories and the motion brush. motion_module: likewise,
        for stage 2. CheckpointError names every needed file that is missing, its size and where to get it; without a
        folder, all of them.
    """
    return _found(folder, {"trajectory_controlnet": control, "motion_module": motion_module}, converted=True)


def find_part(folder: str | os.PathLike[str] | None, name: str) -> Path:
    """One part of a release, by its name in PARTS; the others need not be there. Errors as above."""
    return getattr(_found(folder, {part: part == name for part in PARTS}, converted=True), name)


def find_base(folder: str | os.PathLike[str] | None) -> Path:
    """The checkpoint with which the authors render: their own UNet where it lies, else stage 2's Stable Diffusion."""
    models = _models(Path(os.path.realpath(folder))) if folder is not None else None
    places = [] if models is None else [models / place for place in BASES]
    found = next((place for place in places if place.exists()), None)
    if found is None:
        raise CheckpointError(
            "No checkpoint was given to render with (--base), and there is none "
            + (f"in {folder}: neither {' nor '.join(BASES)}. " if folder is not None else "without --weights. ")
            + "Give any Stable Diffusion 1.5 checkpoint."
        )
    return found


def convert(
    folder: str | os.PathLike[str],
    output_folder: str | os.PathLike[str],
    *,
    dtype: torch.dtype | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """Write every network of the authors' release as one safetensors file, and the tokenizer; return their paths.

    Each file says in its metadata what it is and what it was made of. The same input gives the same bytes. All networks
    are checked before the first is written, tensor by tensor, so little memory is needed; each file is replaced whole
    or not at all. dtype: float16 or bfloat16 halve the files; None keeps the numbers as they are.
    """
    if dtype not in (None, torch.float32, torch.float16, torch.bfloat16):
        raise MotionError(f"Weights are written as float32, float16 or bfloat16; got {dtype}.")
    release = _found(folder, dict.fromkeys(("trajectory_controlnet", "motion_module"), False), converted=False)
    networks = {name: path for name in PARTS if name != "tokenizer" and (path := getattr(release, name)) is not None}
    names = {name: _names(name, path) for name, path in networks.items()}
    output = Path(output_folder)
    try:
        output.mkdir(exist_ok=True)
    except OSError as error:
        raise MotionError(f"The folder {output} cannot be made ({error.strerror}). Choose another.") from error

    written = []
    for name, path in networks.items():
        file = output / PARTS[name].converted
        with whole_file(file) as unfinished:
            _write(name, path, names[name], unfinished, dtype, progress)
        written.append(file)
    tokenizer = output / PARTS["tokenizer"].converted
    with whole_folder(tokenizer, replaces=TOKENIZER_FILES) as unfinished:
        for file in sorted(release.tokenizer.iterdir()):
            if TOKENIZER_FILES.fullmatch(file.name):
                shutil.copyfile(file, unfinished / file.name)
    return [*written, tokenizer]


def _found(folder: str | os.PathLike[str] | None, optional: Mapping[str, bool], *, converted: bool) -> Release:
    """The release in a folder; of the optional parts, those marked True have to be there."""
    found: dict[str, Path | None] = {}
    missing: list[str] = []
    try:
        for name, part in PARTS.items():
            places = _places(name, Path(os.path.realpath(folder)), converted=converted) if folder is not None else []
            found[name] = next((place for place, files in places if all(map(_is_whole, files))), None)
            if found[name] is None and optional.get(name, True):
                gone = {file.name: _flaw(file) for file in places[-1][1] if not _is_whole(file)} if places else {}
                missing += [
                    f"{MODELS}/{part.folder}/{file} ({_told(size)}{gone.get(file, '')})"
                    for file, size in part.files.items()
                    if file in gone or not places
                ]
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be looked through: {error.strerror or error}.") from error
    if missing:
        where = f"in {folder}" if folder is not None else "here, as no folder was given"
        raise CheckpointError(
            f"The weights of Motion-I2V are not all {where}. Missing:\n  " + "\n  ".join(missing) + "\n"
            f"Get them from the authors' page, {PAGE}, and give the folder in which “{MODELS}” then lies. "
            "Nothing is downloaded here; `motion-i2v animate` works without weights."
        )
    return Release(**found)  # pyright: ignore[reportArgumentType]  None only where it is optional


def _places(name: str, folder: Path, *, converted: bool) -> list[tuple[Path, list[Path]]]:
    """Where a part may lie: the path that stands for it, and the files that have to be there. As published: last."""
    part = PARTS[name]
    ours, theirs = folder / part.converted, _models(folder) / part.folder
    published = [theirs / file for file in part.files]
    if name == "tokenizer":
        places = [(ours, [ours / file for file in part.files]), (theirs, published)]
    else:
        places = [(ours, [ours]), (published[0], published)]
    return places if converted else places[1:]


def _models(folder: Path) -> Path:
    """The folder in which stage1 and stage2 lie: inside the given one, the given one, or around it."""
    around = [above for inside, above in pairwise((folder, *folder.parents)) if inside.name in ("stage1", "stage2")]
    for place in (folder / MODELS, folder, *around):
        if (place / "stage1").is_dir() or (place / "stage2").is_dir():
            return place
    return folder / MODELS


def _is_whole(file: Path) -> bool:
    return file.is_file() and not _flaw(file)


def _flaw(file: Path) -> str:
    """What is wrong with a file that is there, to be told behind its size."""
    if not file.is_file() or file.stat().st_size > POINTER_AT_MOST:
        return ""
    pointer = file.read_bytes().startswith(POINTER)
    return "; here is only its git-lfs pointer: run “git lfs pull”" if pointer else ""


def _told(size: int) -> str:
    """A number of bytes, as the authors' page tells it."""
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size / unit:.{1 if size < 10 * unit else 0}f} {name}"
    return f"{size} bytes"


def _write(
    name: str,
    source: Path,
    names: Mapping[str, str],
    path: Path,
    dtype: torch.dtype | None,
    progress: Progress | None,
) -> None:
    """One network as a safetensors file. One tensor at a time, so the largest is all that is ever held in memory.

    names: every name to write → its name in the source.
    """
    with WeightFile(source) as file:
        dtypes, shapes = file.dtypes, file.shapes
        kept = {ours: _kept(dtypes[theirs], dtype) for ours, theirs in names.items()}
        sizes = {ours: math.prod(shapes[theirs]) * kept[ours].itemsize for ours, theirs in names.items()}
        # no gaps are allowed in the format: with the round ones first, they all lie aligned, as processors like it
        order = sorted(names, key=lambda ours: (sizes[ours] % ALIGNED != 0, -kept[ours].itemsize, ours))
        done, total = 0, source.stat().st_size + sum(sizes.values())

        def advance(amount: int) -> None:
            nonlocal done
            done += amount
            if progress is not None:
                progress(PARTS[name].converted, done, total)

        metadata = _metadata(name, file, _sha256(source, advance)) | {TENSORS_SHA256: UNKNOWN_SHA256}
        header: dict[str, object] = {"__metadata__": metadata}
        written_as = {dtype: name for name, dtype in DTYPES.items()}
        end = 0
        for ours in order:
            start, end = end, end + sizes[ours]
            shape = list(shapes[names[ours]])
            header[ours] = {"dtype": written_as[kept[ours]], "shape": shape, "data_offsets": [start, end]}
        encoded = json.dumps(header, separators=(",", ":")).encode()
        encoded += b" " * (-(8 + len(encoded)) % ALIGNED)
        digest = hashlib.sha256()
        with open(path, "wb") as out:
            out.write(struct.pack("<Q", len(encoded)) + encoded)
            for ours in order:
                block = _bytes(file.tensor(names[ours]), kept[ours], f"{source}: {names[ours]}")
                digest.update(block)
                out.write(block)
                advance(len(block))
            out.seek(8 + encoded.index(UNKNOWN_SHA256.encode()))
            out.write(f"0x{digest.hexdigest()}".encode())


def _bytes(tensor: Tensor, dtype: torch.dtype, what: str) -> memoryview:
    """A tensor's numbers as a file holds them."""
    written = tensor.to(dtype)
    if written.dtype != tensor.dtype and not all(map(torch.isfinite, written.aminmax())):
        raise CheckpointError(f"{what} has numbers that do not fit into {dtype}. Convert to bfloat16 or float32.")
    return written.reshape(-1).view(torch.uint8).numpy().data


def _kept(published: torch.dtype, wanted: torch.dtype | None) -> torch.dtype:
    return wanted if wanted is not None and published.is_floating_point else published


def _metadata(name: str, file: WeightFile, source_sha256: str) -> dict[str, str]:
    """What a converted file says of itself: in the keys of Stability's ModelSpec, and in ours."""
    part = PARTS[name]
    told = {
        "format": "pt",  # libraries of old look for it
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": part.architecture,
        "modelspec.implementation": part.implementation,
        "modelspec.title": part.title,
        "modelspec.license": part.license,
        "motion_i2v.version": FORMAT_VERSION,
        "motion_i2v.kind": name,
        "motion_i2v.source": f"{PAGE}: {MODELS}/{part.folder}/{file.path.name}",
        "motion_i2v.source_sha256": source_sha256,
    }
    if part.many_headed:
        told[HEADS_KEY] = str(heads_of(file))
    if name == "text_encoder":
        told[CONFIG] = json.dumps(text_encoder_names(file.path)[0], sort_keys=True)
    return told


def _sha256(path: Path, advance: Callable[[int], None]) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            advance(len(block))
    return digest.hexdigest()


def _names(name: str, path: Path) -> dict[str, str]:
    """Every name of a converted network → its name in the published file, which is checked as on loading."""
    if name == "text_encoder":
        _, names = text_encoder_names(path)
        return {PREFIX + ours.removeprefix(PREFIX): theirs for ours, theirs in names.items()}
    with WeightFile(path) as file:
        return NAMES[name](file)
