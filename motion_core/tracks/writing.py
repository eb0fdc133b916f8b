"""The way out: tracks as others read them. FORMATS names every format that can be written.

What all writers keep to: tracks are resampled by time and never by index, all to one length; a hidden point keeps a
sensible position; pixels are floats to two decimals; what a format cannot hold is said in the notes or refused.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..errors import MotionError
from ..types import Size
from ..whole_file import whole_file
from . import to_arrays, to_json
from .noun import Tracks
from .order import Order

Value = str | list[str] | bytes | Mapping[str, object]


class Format(NamedTuple):
    """A writer, the suffix of its file ("" if it has none), and what it is for."""

    write: Callable[[Order], Value]
    suffix: str
    reads_it: str


FORMATS: dict[str, Format] = {
    "json": Format(to_json.own, ".json", "Motion-I2V"),
    "tracks": Format(to_arrays.tracks_dict, "", "TRACKS sockets: core and KJ Wan-Move nodes"),
    "kj": Format(to_json.nested, ".json", "coordinate strings: KJ nodes, core and KJ Wan-Move, LTXVDrawTracks"),
    "flat": Format(to_json.flat, ".json", "coordinate strings of one track: CreateShapeMaskOnPath, InterpolateCoords"),
    "tora": Format(to_json.tora, ".json", "Tora, which takes a list of texts"),
    "ati": Format(to_json.nested_121, ".json", "coordinate strings for ATI: WanTrackToVideo, WanVideoATITracks"),
    "ati_pth": Format(to_arrays.ati_pth, ".pth", "ATI's own scripts"),
    "wanmove": Format(to_arrays.wanmove, ".npy", "Wan-Move's own scripts"),
    "wangp": Format(to_arrays.wangp, ".npy", "WanGP"),
    "cotracker": Format(to_arrays.cotracker, ".npz", "whatever takes CoTracker's predictions"),
    "tapvid3d": Format(to_arrays.tapvid3d, ".npz", "whatever takes TAPVid-3D"),
    "kj_points_store": Format(to_json.kj_points_store, ".json", "KJ SplineEditor, its points_store"),
    "ltx": Format(to_json.nested_121, ".json", "LTXVDrawTracks"),
    "ltx_points_store": Format(to_json.ltx_points_store, ".json", "LTXVSparseTrackEditor, its points_store"),
    "ltx_director": Format(to_json.ltx_director, ".json", "LTX Director's Motion Brush, its timeline"),
    "fl": Format(to_json.fl, ".json", "FL Path Animator, its paths_data"),
    "starsfriday": Format(to_json.starsfriday, ".json", "starsFriday's drawer, its path_json"),
    "siraxe": Format(to_json.siraxe, ".json", "siraxe's nodes, their coordinates"),
    "ig": Format(to_json.ig, ".csv", "IG-Motion-I2V, its motion vectors"),
    "dragnuwa": Format(to_json.dragnuwa, ".json", "DragNUWA, its tracking points"),
    "motionctrl": Format(to_json.motionctrl, ".json", "MotionCtrl, its one trajectory"),
    "draganything": Format(to_json.draganything, ".json", "DragAnything, its demo.json"),
    "kling": Format(to_json.kling, ".json", "Kling's dynamic masks"),
}


@dataclass(frozen=True)
class Written:
    """What was written: value as the format has it, notes on what was changed or lost, paths of the files made.

    value: text; a list of texts (tora); the bytes of a file; the bytes of two, {"tracks": …, "visibility": …}
        (wanmove); a TRACKS dict (tracks).
    """

    value: Value
    notes: tuple[str, ...]
    paths: tuple[Path, ...] = ()


def write_tracks(
    tracks: Tracks,
    path: str | os.PathLike[str] | None = None,
    *,
    format: str,
    size: Size,
    frames: int,
    fps: float = 16.0,
) -> Written:
    """The tracks in a format of FORMATS, for a clip of so many frames of a picture of that size.

    path: where to put it too, whole or not at all; None writes no file. A Wan-Move pair is named after the path.
    MotionError if the format cannot hold these tracks, with its limit, or the file cannot be written.
    """
    if format not in FORMATS:
        raise MotionError(f"There is no track format “{format}”; choose one of {', '.join(FORMATS)}.")
    if not tracks.trajectories and format != "json":
        raise MotionError("There is no track to write. Draw a trajectory first.")
    target = None if path is None else _target(Path(path), format)
    order = Order(tracks, size, frames, fps)
    value = FORMATS[format].write(order)
    paths = () if target is None else _put(value, target)
    return Written(value, tuple(order.notes), paths)


def to_tracks_dict(
    tracks: Tracks, *, size: Size, frames: int, fps: float = 16.0
) -> tuple[dict[str, object], tuple[str, ...]]:
    """A TRACKS dict, and notes on what was changed: track_path float32 [T, N, 2] px, track_visibility bool [T, N].

    A track that is hidden or outside at the first frame would drag the picture's lower right corner: it is left out.
    Beside the two keys of ComfyUI it holds width, height, fps and names. MotionError if no track is left.
    """
    order = Order(tracks, size, frames, fps)
    return to_arrays.tracks_dict(order), tuple(order.notes)


def _target(path: Path, format: str) -> Path:
    suffix = FORMATS[format].suffix
    if not suffix:
        raise MotionError(f"“{format}” lives in a graph and has no file. Write wanmove, cotracker or json instead.")
    allowed = {suffix} | ({".txt"} if suffix in (".json", ".csv") else set())
    if path.suffix.lower() not in allowed:
        raise MotionError(f"“{format}” is written to {' or '.join(sorted(allowed))}; got {path}.")
    return path


def _put(value: Value, path: Path) -> tuple[Path, ...]:
    contents = {path: value}
    if isinstance(value, Mapping):
        stem = path.stem.removesuffix("_tracks")
        contents = {path.with_name(f"{stem}_{kind}{path.suffix}"): content for kind, content in value.items()}
    with ExitStack() as stack:
        for place, content in contents.items():
            if not isinstance(content, bytes):
                content = (content if isinstance(content, str) else json.dumps(content)).encode()
            stack.enter_context(whole_file(place)).write_bytes(content)
    return tuple(contents)
