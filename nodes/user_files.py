"""The user's files: what lies in ComfyUI's input folder, and new numbered ones in its output folder."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

import folder_paths
from comfy_api.latest import io

from ..motion_core.errors import MotionError

OURS = "motion_i2v"  # the folder in ComfyUI's output folder where results go unless another is named
FROM_OUTPUT = " [output]"  # how ComfyUI marks a name that is not in its input folder


def offered(suffixes: Collection[str], *, folders_of: str | None = None) -> list[str]:
    """Names to choose from: files with these suffixes in the input folder, and in ours of the output folder.

    folders_of: a suffix; folders there that hold such files are offered too.
    """
    given, made = Path(folder_paths.get_input_directory()), Path(folder_paths.get_output_directory(), OURS)
    names = [path.name for path in _suitable(given, suffixes, folders_of)]
    return names + [f"{OURS}/{path.name}{FROM_OUTPUT}" for path in _suitable(made, suffixes, folders_of)]


def path_of(name: str) -> Path:
    """The path of an offered name. MotionError if it leads out of the folders that ComfyUI keeps for it."""
    path = Path(os.path.abspath(folder_paths.get_annotated_filepath(name)))
    homes = folder_paths.get_input_directory(), folder_paths.get_output_directory()
    if not any(path.is_relative_to(os.path.abspath(home)) for home in homes):
        raise MotionError(f"“{name}” is not in ComfyUI's input folder. Put the file there, and choose it.")
    return path


def fingerprint(name: str | None) -> str:
    """What changes when the file, or a file of the folder, is written again. None: the name comes from another node."""
    if name is None:
        return ""
    path = path_of(name)
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return " ".join(f"{file.name}:{file.stat().st_mtime_ns}:{file.stat().st_size}" for file in files)


def refused(prefix: str) -> str | None:
    """Why no file can be named so, in a sentence; None if it can."""
    home = os.path.abspath(folder_paths.get_output_directory())
    folder, name = os.path.split(os.path.normpath(prefix))
    if "\0" in prefix or not prefix.strip() or name in ("", ".", ".."):
        return f"A result needs a name, like {OURS}/take; got “{prefix}”."
    if not Path(os.path.abspath(os.path.join(home, folder))).is_relative_to(home):
        return f"Results go into ComfyUI's output folder; “{prefix}” leads out of it. Give a name like {OURS}/take."
    return None


def prefix_input(name: str) -> io.String.Input:
    """How results are named, in every node that saves some."""
    return io.String.Input(
        "filename_prefix",
        default=f"{OURS}/{name}",
        tooltip="Its beginning; a number and the suffix are added. Folders go before a slash.",
    )


def new_path(prefix: str, suffix: str) -> Path:
    """Where the next result of that name goes, numbered as ComfyUI numbers its own. suffix: "" for a folder."""
    reason = refused(prefix)
    if reason is not None:
        raise MotionError(reason)
    folder, name, number, _, _ = folder_paths.get_save_image_path(prefix, folder_paths.get_output_directory())
    if not suffix and "." in name:
        raise MotionError(f"The name of a folder of results has no dot; got “{name}”.")
    return Path(folder, f"{name}_{number:05}_{suffix}")


def _suitable(home: Path, suffixes: Collection[str], folders_of: str | None) -> list[Path]:
    if not home.is_dir():
        return []
    return [path for path in sorted(home.iterdir()) if _suits(path, suffixes, folders_of)]


def _suits(path: Path, suffixes: Collection[str], folders_of: str | None) -> bool:
    if path.is_dir():
        return folders_of is not None and any(path.glob(f"*{folders_of}"))
    return path.suffix.lower() in suffixes
