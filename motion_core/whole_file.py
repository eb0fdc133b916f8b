"""Writing a file or a folder whole or not at all: nothing half-written stays on disk, whatever goes wrong.

with whole_file("out.mp4") as unfinished:
    ...  # write to the path `unfinished`; it becomes out.mp4 when the block ends well
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import MotionError

LEFT_BY_DESKTOPS = {".DS_Store", "Thumbs.db", "desktop.ini"}  # a look into a folder leaves these; nobody misses them


def check_folder(path: str | os.PathLike[str]) -> None:
    """MotionError if the folder of the file or folder `path` is missing or closed to us. For those who ask early."""
    with _in_words(path):
        if not os.access(_target(path).parent, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "Permission denied")


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields a path in the same folder and with the same suffix, which becomes `path` when the block ends.

    The unfinished file exists, empty, from the start, so a place that cannot be written is known before the work.
    If the block ends by any exception, Ctrl-C too, the unfinished file is removed and an old `path` stays as it was.
    MotionError if `path` is a folder or a device, its folder is missing or closed to us, or the disk is full;
    any other OSError of the block becomes a MotionError too. A symbolic link is followed.
    """
    with _in_words(path):
        target = _target(path)
        if target.is_dir():
            raise MotionError(f"{path} is a folder; name a file in it.")
        if target.exists() and not target.is_file():
            raise MotionError(f"{path} is not a file that can be replaced; name another.")
        if target.exists() and not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, "Permission denied")
        unfinished = _beside(target)
        try:
            os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            permissions = unfinished.stat().st_mode
            yield unfinished
            os.chmod(unfinished, permissions)  # a library may have put a private file of its own in its place
            os.replace(unfinished, target)
        finally:
            unfinished.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: str | os.PathLike[str], *, replaces: re.Pattern[str] | None = None) -> Iterator[Path]:
    """Yields a new empty folder beside `path`, which becomes `path` when the block ends. Else as whole_file.

    replaces: an existing folder is replaced only if it is empty or every name in it matches this pattern in full:
        the names that an earlier run wrote. Any other folder is refused before the work, so no one's files are lost.
    """
    with _in_words(path):
        target = _target(path)
        _check_replaceable(path, target, replaces)
        unfinished, old = _beside(target), _beside(target)
        try:
            unfinished.mkdir()
            yield unfinished
            if target.exists():
                _check_replaceable(path, target, replaces)  # the work may have taken an hour
                os.rename(target, old)
            os.rename(unfinished, target)
        finally:
            if old.exists() and not target.exists():
                os.rename(old, target)
            for leftover in (unfinished, old):
                if leftover.exists():
                    shutil.rmtree(leftover)


def _target(path: str | os.PathLike[str]) -> Path:
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise MotionError(f"{path} cannot be written: there is no folder {target.parent}. Make it first.")
    return target


def _beside(target: Path) -> Path:
    return target.with_name(f".unfinished-{secrets.token_hex(8)}{target.suffix}")


def _check_replaceable(path: str | os.PathLike[str], target: Path, replaces: re.Pattern[str] | None) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise MotionError(f"{path} is a file; name a new folder.")
    if target == Path.cwd():
        raise MotionError(f"{path} is the folder we are in, which cannot be replaced; name a new folder.")
    for entry in target.iterdir():
        ours = entry.name in LEFT_BY_DESKTOPS or (replaces is not None and replaces.fullmatch(entry.name))
        if not ours or not entry.is_file():
            raise MotionError(f"The folder {path} holds other things ({entry.name}); name a new or an empty folder.")


@contextmanager
def _in_words(path: str | os.PathLike[str]) -> Iterator[None]:
    """An OSError of the block, told as a MotionError about `path`."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            told = f"There is no space left on the disk for {path}; nothing was written. Make room or choose another."
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            told = f"There is no permission to write {path}. Choose another folder."
        else:
            told = f"{path} could not be written: {error.strerror or error}."
        raise MotionError(told) from error
