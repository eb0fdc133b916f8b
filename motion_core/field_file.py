"""Motion fields ⇄ files: .safetensors, .npz, Middlebury .flo, and folders of .flo.

    field.safetensors   tensor displacement [F, 2, H, W]; metadata {"format": "motion_field", "version": "1"}
    field.npz           displacement [F, 2, H, W]; read too: flow [F, 2, H, W], the same from the first frame,
                        and optical_flow [F-1, H, W, 2], from each frame to the next
    field.flo           one displacement [H, W, 2], so a field of 2 frames
    folder/             one .flo for each of the frames 1 … F-1, in the order of their names

All displacements are pixels. A file is written whole or not at all, and nothing is ever unpickled.
"""

from __future__ import annotations

import logging
import math
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from einops import rearrange
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from .composition import from_steps, to_steps
from .errors import MotionError, ShapeError
from .types import MotionField, Size
from .whole_file import whole_file, whole_folder

RelativeTo = Literal["reference", "previous"]

FORMAT = {"format": "motion_field", "version": "1"}
FLO_MAGIC = struct.pack("<f", 202021.25)  # reads "PIEH"
FLO_HEADER = 12  # bytes: the magic number, width, height
NPZ_NAMES = {"displacement", "flow", "optical_flow"}  # ours, IG-Motion-I2V's, and frame to frame
UNKNOWN = 1e9  # Middlebury: a displacement beyond it, or not a number, is not known
FLO_NAMES = re.compile(r"frame_\d+\.flo")  # what we write into a folder
DEFLATE_AT_MOST = 1100  # deflate never packs tighter; a file that claims to is lying
DAMAGED = (SafetensorError, zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)

log = logging.getLogger(__name__)


def save_field(field: MotionField, path: str | os.PathLike[str], *, relative_to: RelativeTo = "previous") -> None:
    """Write the field as the suffix of the path says; a path without suffix is a folder of .flo.

    relative_to: in a folder of .flo, displacement from the reference, or from the previous frame (as DragNUWA's).
    .safetensors keeps the field's precision; .npz and .flo hold float32. MotionError if it cannot be written so.
    """
    _check_relative_to(relative_to)
    path = Path(path)
    displacement = field.displacement.detach().cpu().contiguous()
    if path.suffix == ".safetensors":
        with whole_file(path) as unfinished:
            save_file({"displacement": displacement}, unfinished, metadata=FORMAT)
    elif path.suffix == ".npz":
        with whole_file(path) as unfinished, open(unfinished, "wb") as file:
            np.savez_compressed(file, displacement=displacement.float().numpy())
    elif path.suffix == ".flo":
        if field.frames != 2:
            raise MotionError(
                f"A .flo file holds one displacement, so a field of 2 frames; this one has {field.frames}. "
                "Give a path without suffix for a folder of .flo files."
            )
        with whole_file(path) as unfinished:
            unfinished.write_bytes(_flo_bytes(displacement[1]))
    elif path.suffix == "":
        if field.frames < 2:
            raise MotionError("A motion field of one frame has no displacement to write as .flo.")
        written = to_steps(field)[0].cpu() if relative_to == "previous" else displacement[1:]
        with whole_folder(path, replaces=FLO_NAMES) as unfinished:
            for number, one in enumerate(written, start=1):
                (unfinished / f"frame_{number:05d}.flo").write_bytes(_flo_bytes(one))
    else:
        raise MotionError(
            f"A motion field is saved as .safetensors, .npz or .flo, or without suffix as a folder of .flo; "
            f"got “{path.suffix}” in {path}."
        )


def load_field(path: str | os.PathLike[str], *, relative_to: RelativeTo = "previous") -> MotionField:
    """Read a field from a file or a folder of .flo; what is unknown in a .flo rests, and a warning is logged.

    relative_to: what the .flo files of a folder start from. MotionError says what is wrong with a file that holds none.
    """
    _check_relative_to(relative_to)
    path = Path(path)
    if os.path.isdir(path):
        return _from_flo_folder(path, relative_to)
    with _named(path):
        if path.suffix == ".safetensors":
            return _from_safetensors(path)
        if path.suffix == ".npz":
            return _from_npz(path)
        if path.suffix == ".flo":
            return MotionField.after_reference(_from_flo(path)[None])
        raise MotionError(
            f"A motion field is read from .safetensors, .npz, .flo or a folder of .flo, not {path.suffix!r}."
        )


def holds_field(path: str | os.PathLike[str]) -> bool:
    """Whether a path names a motion field, as far as its suffix, or the names inside a .npz, tell. Reads no array."""
    path = Path(path)
    if path.suffix != ".npz":
        return path.suffix in (".safetensors", ".flo") or os.path.isdir(path)
    with _named(path), zipfile.ZipFile(path) as archive:
        return bool(NPZ_NAMES & {name.removesuffix(".npy") for name in archive.namelist()})


def check_replaces_field(path: str | os.PathLike[str]) -> None:
    """MotionError if a file is there that is no motion field of ours: weights have the same suffixes."""
    path = Path(path)
    if not os.path.isfile(path):
        return
    try:
        load_field(path)
    except MotionError:
        raise MotionError(f"{path} is there and is no motion field; it is not replaced. Name another file.") from None


def _flo_bytes(displacement: Tensor) -> bytes:
    _, height, width = displacement.shape
    pixels = rearrange(displacement.float().numpy(), "xy h w -> h w xy").astype("<f4")
    return FLO_MAGIC + struct.pack("<ii", width, height) + pixels.tobytes()


def _from_flo(path: Path) -> Tensor:
    """One displacement [2, H, W]; what the file does not know rests."""
    with open(path, "rb") as file:
        size = _flo_size(file.read(FLO_HEADER), os.fstat(file.fileno()).st_size)
        pixels = np.frombuffer(file.read(), dtype="<f4").reshape(*size, 2)
    unknown = ~(np.abs(pixels) <= UNKNOWN).all(axis=2, keepdims=True)
    if unknown.any():
        log.warning("%s does not know the motion of %d pixels; they are taken to rest.", path, unknown.sum())
    displacement = np.where(unknown, 0, pixels).astype(np.float32)
    return torch.from_numpy(rearrange(displacement, "h w xy -> xy h w").copy())


def _flo_size(header: bytes, length: int) -> Size:
    """What the first 12 bytes of a .flo say, held against the length of the file before it is read."""
    if header[:4] == FLO_MAGIC[::-1]:
        raise MotionError("This .flo is big-endian; they are little-endian. Write it again with its bytes swapped.")
    if header[:4] != FLO_MAGIC:
        raise MotionError(f"This is no .flo: it should begin with {FLO_MAGIC!r} and begins with {header[:4]!r}.")
    if len(header) < FLO_HEADER:
        raise MotionError(f"This .flo is cut off: its header has {FLO_HEADER} bytes, and {length} are here.")
    width, height = struct.unpack("<ii", header[4:])
    if width < 1 or height < 1:
        raise MotionError(f"This .flo says that it is {width}×{height} pixels, which no picture is.")
    wanted, came = width * height * 8, length - FLO_HEADER
    if wanted != came:
        raise MotionError(
            f"This .flo says that it is {width}×{height} pixels, which takes {wanted} bytes; {came} are here. "
            "Copy the file again."
        )
    return Size(height, width)


def _from_flo_folder(folder: Path, relative_to: RelativeTo) -> MotionField:
    paths = sorted(folder.glob("*.flo"), key=_natural_order)
    if not paths:
        raise MotionError(f"{folder} is a folder without .flo files. Name a field file, or a folder of .flo files.")
    displacements: list[Tensor] = []
    for path in paths:
        with _named(path):
            displacements.append(_from_flo(path))
            first, this = Size.of(displacements[0]), Size.of(displacements[-1])
            if this != first:
                raise MotionError(f"This .flo is {this} and the first of its folder {first}. Keep clips apart.")
    together = torch.stack(displacements)
    return from_steps(together) if relative_to == "previous" else MotionField.after_reference(together)


def _natural_order(path: Path) -> list[tuple[str, int]]:
    """frame_2 before frame_10."""
    return [(text, int(digits or 0)) for text, digits in re.findall(r"([^0-9]*)([0-9]*)", path.stem)]


def _from_safetensors(path: Path) -> MotionField:
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
        if metadata.get("format", FORMAT["format"]) not in (FORMAT["format"], "pt"):
            raise MotionError(f"This file says that it holds a “{metadata['format']}”, not a motion field.")
        if metadata.get("version", FORMAT["version"]) != FORMAT["version"]:
            raise MotionError(f"This motion field is of version {metadata['version']}; read is {FORMAT['version']}.")
        _check_holds({"displacement"}, set(file.keys()))
        return MotionField(file.get_tensor("displacement"))


def _from_npz(path: Path) -> MotionField:
    with zipfile.ZipFile(path) as archive:
        entries = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        name = _check_holds(NPZ_NAMES, set(entries))
        _check_array(archive, entries[name], packed=min(entries[name].compress_size, path.stat().st_size))
    with np.load(path, allow_pickle=False) as arrays, np.errstate(over="ignore"):
        array = arrays[name].astype(np.float32)
    if name != "optical_flow":
        return MotionField(torch.from_numpy(array))
    if array.ndim != 4 or array.shape[3] != 2:
        raise ShapeError(f"An optical_flow is [F-1, H, W, 2]; got {list(array.shape)}.")
    return from_steps(torch.from_numpy(rearrange(array, "f h w xy -> f xy h w").copy()))


def _check_holds(wanted: set[str], found: set[str]) -> str:
    """The name of the one array to read."""
    held = sorted(wanted & found)
    if len(held) == 1:
        return held[0]
    told = ", ".join(sorted(found)[:8]) or "nothing"
    raise MotionError(f"A motion field is an array named {' or '.join(sorted(wanted))}; this file holds {told}.")


def _check_array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, *, packed: int) -> None:
    """That an array is made of numbers, and as large as it says, before any memory is taken for it."""
    with archive.open(entry) as file:
        major, _ = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(file)
        if dtype.hasobject:
            raise MotionError("This file holds pickled objects, which are never opened. Save plain numbers.")
        if dtype.kind not in "fiu":
            raise MotionError(f"A displacement is made of numbers; this file holds {dtype}.")
        length = math.prod(shape) * dtype.itemsize
        if entry.file_size - file.tell() != length or entry.file_size > DEFLATE_AT_MOST * (packed + 1):
            raise MotionError(f"This file is damaged: {entry.filename} is not as large as {list(shape)} should be.")


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Whatever goes wrong with reading a file, told as a MotionError that begins with its path."""
    try:
        yield
    except FileNotFoundError:
        raise MotionError(f"{path}: There is no such file.") from None
    except PermissionError:
        raise MotionError(f"{path}: There is no permission to read it.") from None
    except MotionError as error:
        raise type(error)(f"{path}: {error}") from error
    except DAMAGED as error:
        raise MotionError(f"{path}: This file is damaged, or no {path.suffix} file ({error}).") from error


def _check_relative_to(relative_to: str) -> None:
    if relative_to not in get_args(RelativeTo):
        raise MotionError(f"A displacement is relative to reference or previous; got “{relative_to}”.")
