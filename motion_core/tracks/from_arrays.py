"""Tracks sampled frame by frame: the TRACKS dict of ComfyUI, and .npy, .npz and .pth files. Nothing is unpickled.

Positions are [T, N, 2], visibility is [T, N]. Read as well: a leading axis of one clip, visibility [T, 1], [T] or none.
"""

from __future__ import annotations

import io
import lzma
import math
import pickle
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from ..errors import MotionError, ShapeError
from ..types import Size
from .found import Found, Line, Unit, numbers, positive, size_of

ATI_SCALE = 8  # ATI stores x, y and visible eight times as large, then as now
LARGEST_ARRAY = 1 << 30  # bytes; 10 000 tracks of 1000 frames are a sixth of it
SEEN_FROM = 0.5  # visibility given as a share counts as seen above this

FIELD_NAMES = {"flow", "optical_flow", "displacement"}
TRACK_NAMES = {  # positions: (visibility, what the file is)
    "track_path": ("track_visibility", "a TRACKS dict"),
    "pred_tracks": ("pred_visibility", "CoTracker's prediction"),
    "tracks_XYZ": ("visibility", "TAPVid-3D tracks"),
    "tracks_xyz": ("visibility", "TAPVid-3D tracks"),
    "tracks": ("visibility", "tracks and visibility"),
}

DAMAGED = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, pickle.UnpicklingError, tokenize.TokenError,
    EOFError, OSError, ValueError, LookupError, RuntimeError, SyntaxError, TypeError, AttributeError,
    AssertionError, OverflowError, MemoryError,
)  # fmt: skip  # what zipfile, numpy and torch raise for a file that is not what it says


def from_named_arrays(arrays: Mapping[str, object]) -> Found:
    """A TRACKS dict, or the arrays of an .npz, by the names they go by."""
    name = next((name for name in TRACK_NAMES if name in arrays), None)
    if name is None:
        if FIELD_NAMES & set(arrays):
            raise MotionError("This holds a motion field, not tracks. Load it as a motion field.")
        if "array" in arrays:
            return _from_ati(_float_array(arrays["array"]))
        told = ", ".join(sorted(map(str, arrays))[:8]) or "nothing"
        raise MotionError(f"This holds {told}; tracks are called {', '.join(TRACK_NAMES)}.")
    visibility, what = TRACK_NAMES[name]
    positions, notes = _float_array(arrays[name]), []
    if name in ("tracks_XYZ", "tracks_xyz"):
        positions = _projected(positions, arrays.get("fx_fy_cx_cy"), notes)
    seen = arrays.get(visibility)
    width, height, fps = (_scalar(arrays.get(key)) for key in ("width", "height", "fps"))
    names = arrays.get("names")
    return _sampled(
        positions,
        None if seen is None else _float_array(seen),
        format=what,
        unit="pixels",
        names=names if isinstance(names, (list, tuple)) else (),
        size=size_of(width, height),
        fps=positive(fps),
        notes=notes,
    )


def from_array(positions: object, seen: object = None) -> Found:
    """Positions [T, N, 2] alone, or with the visibility that lies beside them in a Wan-Move pair."""
    array = _float_array(positions)
    if seen is not None:
        return _sampled(array, _float_array(seen), format="a Wan-Move pair of .npy files", unit="pixels")
    absent = (array == -1).all(axis=-1, keepdims=True) if array.ndim else np.zeros(0, dtype=bool)
    return _sampled(np.where(absent, np.nan, array), None, format="an array of tracks", unit="unsaid")


def from_npy(content: bytes) -> np.ndarray:
    """The array of an .npy file; MotionError if it is damaged, no array of numbers, or pickled."""
    with _damage_told("an .npy file"):
        file = io.BytesIO(content)
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise MotionError(f"This .npy is of version {version[0]}.{version[1]}; arrays of numbers are 1.0 or 2.0.")
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, by_columns, dtype = read_header(file)
        if dtype.hasobject:
            raise MotionError("This file holds pickled objects, which are never opened. Save plain numbers.")
        if dtype.kind not in "fiub":
            raise MotionError(f"This file holds {dtype}; tracks are made of numbers.")
        length, left = math.prod(shape) * dtype.itemsize, len(content) - file.tell()
        if min(shape, default=1) < 0 or length != left:
            raise MotionError(
                f"This file is cut off or damaged: {length} bytes are wanted for {shape}, {left} are there."
            )
        flat = np.frombuffer(content, dtype=dtype, offset=file.tell()) if length else np.zeros(0, dtype=dtype)
        return flat.reshape(shape, order="F" if by_columns else "C")


def from_npz(content: bytes) -> Found:
    """Whatever tracks an .npz file holds."""
    with _damage_told("an .npz file"), zipfile.ZipFile(io.BytesIO(content)) as archive:
        return from_named_arrays(_Arrays(archive))


def from_pth(content: bytes) -> Found:
    """ATI's .pth, an .npz in a tensor file; or a TRACKS dict in one."""
    with _damage_told("a .pth file"), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch's doubts about old pickles are settled by its errors
        try:
            held = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
        except pickle.UnpicklingError as error:
            raise MotionError(
                "This .pth is damaged, or holds pickled objects, which are never opened. "
                "ATI's tracks are plain bytes in it; save tensors or bytes."
            ) from error
    if isinstance(held, bytes):
        return from_npz(held)
    if isinstance(held, dict):
        return from_named_arrays(held)
    if isinstance(held, Tensor):
        return from_array(held)
    raise MotionError("This .pth holds neither ATI's tracks nor a TRACKS dict.")


class _Arrays(Mapping[str, object]):
    """The arrays of an .npz, each read when it is asked for: a data set may hold pickled pictures beside its tracks."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._entries = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}

    def __getitem__(self, name: str) -> np.ndarray:
        entry = self._entries[name]
        if entry.file_size > LARGEST_ARRAY:
            raise MotionError(f"The array {name} wants {entry.file_size >> 20} MiB, more than tracks ever need.")
        return from_npy(self._archive.read(entry))

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


@contextmanager
def _damage_told(what: str) -> Iterator[None]:
    try:
        yield
    except MotionError:
        raise
    except DAMAGED as error:
        raise MotionError(f"This is damaged, or is not {what}: {str(error)[:200]}.") from error


def _float_array(value: object) -> np.ndarray:
    if isinstance(value, Tensor):
        value = value.detach().cpu().double().numpy()
    return numbers(value, "positions and visibility")


def _scalar(value: object) -> float | None:
    """A number by the way: plain, or the array of one number that an .npz makes of it."""
    if isinstance(value, np.ndarray):
        return float(value.item()) if value.size == 1 else None
    return float(value) if isinstance(value, (int, float)) and abs(value) < float("inf") else None


def _projected(xyz: np.ndarray, camera: object, notes: list[str]) -> np.ndarray:
    """Where [T, N, 3] lies in the picture: through the camera (fx, fy, cx, cy) if given, else x and y are pixels."""
    if xyz.ndim not in (3, 4) or xyz.shape[-1] != 3:
        raise ShapeError(f"TAPVid-3D tracks are [T, N, 3]; got {list(xyz.shape)}.")
    if camera is None:
        notes.append("The file has no camera, so its x and y are taken as pixels.")
        return xyz[..., :2]
    intrinsics = _float_array(camera).ravel()
    if len(intrinsics) != 4:
        raise ShapeError(f"A camera fx_fy_cx_cy has 4 numbers; got {len(intrinsics)}.")
    depth = np.where(xyz[..., 2:] > 0, xyz[..., 2:], np.nan)  # what is behind the camera is not in the picture
    return xyz[..., :2] / depth * intrinsics[:2] + intrinsics[2:]


def _from_ati(array: np.ndarray) -> Found:
    if array.ndim != 4 or array.shape[2:] != (1, 3):
        raise ShapeError(f"ATI's tracks are [N, 121, 1, 3]; got {list(array.shape)}.")
    tracks = array[:, :, 0].swapaxes(0, 1) / ATI_SCALE
    return _sampled(tracks[..., :2], tracks[..., 2], format="ATI tracks", unit="pixels")


def _sampled(
    positions: np.ndarray,
    visibility: np.ndarray | None,
    *,
    format: str,
    unit: Unit,
    names: Sequence[object] = (),
    size: Size | None = None,
    fps: float | None = None,
    notes: list[str] | None = None,
) -> Found:
    if positions.ndim == 4 and positions.shape[0] == 1:
        positions = positions[0]
    if positions.ndim == 4 and 2 in (positions.shape[1], positions.shape[3]):
        raise ShapeError(
            f"An array {list(positions.shape)} is a motion field or several clips; tracks are [T, N, 2]. "
            "Load a field as a motion field, or give one clip."
        )
    if positions.ndim != 3 or positions.shape[2] != 2:
        raise ShapeError(f"Tracks are [T, N, 2]; got {list(positions.shape)}.")
    frames, count, _ = positions.shape
    if not positions.size:
        raise MotionError(f"There is no track in this: its array is {list(positions.shape)}.")
    seen = np.ones((frames, count), dtype=bool)
    if visibility is not None:
        seen = _visibility(visibility, frames, count)
    return Found(
        format=format,
        lines=[
            Line(positions[:, n], seen=seen[:, n], name=str(names[n]) if n < len(names) else "") for n in range(count)
        ],
        unit=unit,
        size=size,
        frames=frames,
        fps=fps,
        notes=notes or [],
    )


def _visibility(visibility: np.ndarray, frames: int, count: int) -> np.ndarray:
    """[T, N], bool, from [1, T, N], [T, N, 1], [T, N], [T, 1] or [T], with no fewer rows than there are frames."""
    found, shape = visibility, visibility.shape
    if found.ndim == 3 and shape[0] == 1:
        found = found[0]
    elif found.ndim == 3 and shape[2] == 1:
        found = found[..., 0]
    if found.ndim == 1:
        found = found[:, None]
    if found.ndim != 2 or found.shape[0] < frames or found.shape[1] not in (1, count):
        raise ShapeError(f"Visibility is [T, N], here [{frames}, {count}]; got {list(shape)}.")
    return np.broadcast_to(found[:frames] > SEEN_FROM, (frames, count))
