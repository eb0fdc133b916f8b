"""The way in: whatever holds tracks, recognised and read."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
from torch import Tensor

from ..errors import MotionError
from ..types import Size
from .found import Found, settled
from .from_arrays import TRACK_NAMES, from_array, from_named_arrays, from_npy, from_npz, from_pth
from .from_json import arrows, coordinates, from_list, from_object, point_lines
from .noun import Tracks
from .own_json import from_own_json

TEXTS = {".json", ".csv", ".txt"}
SUFFIXES = TEXTS | {".npy", ".npz", ".pth"}
LONGEST_PATH = 4096


def read_tracks(source: object, *, size: Size | None = None, normalised: bool | None = None) -> Tracks:
    """Tracks from a path, from text, a list of texts, parsed JSON, a TRACKS dict, or an array [T, N, 2].

    size: the picture, for a source that counts pixels and does not say of which picture.
    normalised: True if positions are 0…1, False if they are pixels; None goes by the format, or guesses and says so.
    MotionError says what is wrong with a source that cannot be read. Nothing is ever unpickled.
    """
    if isinstance(source, str) and _names_a_file(source):
        source = Path(source)
    found = _from_file(source) if isinstance(source, Path) else _from_value(source)
    return found if isinstance(found, Tracks) else settled(found, size=size, normalised=normalised)


def _names_a_file(text: str) -> bool:
    short_line = len(text) < LONGEST_PATH and "\n" not in text and not text.lstrip().startswith(("[", "{"))
    return short_line and Path(text).suffix.lower() in SUFFIXES | {".flo"}


def _from_file(path: Path) -> Found | Tracks:
    suffix = path.suffix.lower()
    if suffix == ".flo":
        raise MotionError(f"{path} is a motion field, not tracks. Load it as a motion field.")
    if os.path.isdir(path):
        raise MotionError(f"{path} is a folder; name a file of tracks in it.")
    if suffix not in SUFFIXES:
        raise MotionError(f"Tracks are read from {', '.join(sorted(SUFFIXES))}; got “{suffix}” in {path}.")
    try:
        if suffix in TEXTS:
            return _from_text(_bytes_of(path).decode("utf-8-sig"))
        if suffix == ".npy":
            return _from_npy_and_its_pair(path)
        return from_npz(_bytes_of(path)) if suffix == ".npz" else from_pth(_bytes_of(path))
    except UnicodeDecodeError:
        raise MotionError(f"{path} is not text in UTF-8. Save it so, or give it the suffix of what it is.") from None
    except MotionError as error:
        if str(error).startswith(str(path)):
            raise
        raise type(error)(f"{path}: {error}") from error


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise MotionError(f"{path}: there is no such file.") from None
    except (OSError, ValueError) as error:
        told = error.strerror if isinstance(error, OSError) else "this is no path"
        raise MotionError(f"{path}: it cannot be read ({told}).") from error


def _from_npy_and_its_pair(path: Path) -> Found:
    """Wan-Move keeps *_tracks.npy and *_visibility.npy side by side; either name finds the other."""
    stem = re.fullmatch(r"(.*)_(tracks|visibility)", path.stem)
    if stem is None:
        return from_array(from_npy(_bytes_of(path)))
    tracks, visibility = (path.with_name(f"{stem[1]}_{kind}{path.suffix}") for kind in ("tracks", "visibility"))
    if stem[2] == "visibility" and not os.path.exists(tracks):
        raise MotionError(f"{path}: this is visibility alone; put {tracks.name} beside it.")
    positions = from_npy(_bytes_of(tracks))
    return from_array(positions, from_npy(_bytes_of(visibility)) if os.path.exists(visibility) else None)


def _from_value(value: object) -> Found | Tracks:
    if isinstance(value, str):
        return _from_text(value)
    if isinstance(value, (np.ndarray, Tensor)):
        return from_array(value)
    if isinstance(value, dict):
        if "trajectories" in value and not ("mask" in value or "dynamic_masks" in value):
            return from_own_json(value)
        if TRACK_NAMES.keys() & value.keys():
            return from_named_arrays(value)
        return from_object({"dynamic_masks": [value]} if "trajectories" in value and "mask" in value else value)
    if isinstance(value, list):
        if value and all(isinstance(entry, str) for entry in value):
            return _from_texts(value)
        return from_list(value)
    raise MotionError("Wanted tracks: a path, text, JSON, a TRACKS dict or an array [T, N, 2]; got something else.")


def _from_texts(texts: list[str]) -> Found:
    """A track a text, as Tora and the CoTracker node have it."""
    parsed = [_parsed(text) for text in texts]
    if len(parsed) == 1 and isinstance(parsed[0], list) and parsed[0] and not isinstance(parsed[0][0], dict):
        return from_list(parsed[0])
    if not all(isinstance(track, list) for track in parsed):
        raise MotionError("Each text of a list is one track, [{x, y}, …]; at least one of these is not.")
    return coordinates(parsed)


def _from_text(text: str) -> Found | Tracks:
    if not text.strip():
        raise MotionError("There is no track in this: it is empty.")
    value = _parsed(text)
    if isinstance(value, (dict, list)):
        return _from_value(value)
    table = _table(text)
    if table is not None and table.shape[1] == 4:
        return arrows(table)
    if table is not None and table.shape[1] == 2:
        return point_lines(table)
    begins = text.strip()[:40]
    if begins.startswith(("[", "{")):
        raise MotionError(f"This JSON is broken, perhaps cut off: it begins with “{begins}”. Copy it again, whole.")
    raise MotionError(
        "This text is neither JSON nor lines of 4 numbers (from x, y to x, y) or of 2 (x, y); "
        f"it begins with “{begins}”."
    )


def _parsed(text: str) -> object:
    """The JSON of a text, with single quotes too as Python writes them; None if it is no JSON."""
    for candidate in (text, text.replace("'", '"')):
        try:
            return json.loads(candidate)
        except RecursionError:
            raise MotionError("This JSON is nested too deeply to hold tracks.") from None
        except ValueError:
            continue
    return None


def _table(text: str) -> np.ndarray | None:
    """Numbers [rows, columns] from lines with commas, semicolons or spaces; one line of words may head them."""
    rows = [re.split(r"[\s,;]+", line.strip(" \t\r,;")) for line in text.splitlines() if line.strip()]
    if len(rows) > 1 and all(_number(cell) is None for cell in rows[0]):
        rows = rows[1:]
    cells = [[_number(cell) for cell in row] for row in rows]
    if any(None in row or len(row) != len(cells[0]) for row in cells):
        return None
    return np.array(cells, dtype=np.float64)


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
