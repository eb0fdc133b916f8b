"""What an evaluation leaves on disk: a row a clip, written at once, and the table beside the paper's.

FOLDER/table.md             every run of the folder beside the published rows
FOLDER/RUN/settings.json    what all rows of a run have in common
FOLDER/RUN/rows-0000.csv …  a new file a process and a start; a row is added as soon as a clip is finished
FOLDER/RUN/results.csv      all of them in the order of prompts.csv, written at the end
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import fmean
from typing import Literal

from motion_core.errors import MotionError
from motion_core.whole_file import whole_file

from .evaluate_clips import Case

PUBLISHED = (  # Shi et al. 2024, Table 1: method, prompt consistency, frame consistency, average displacement
    ("VideoComposer", "32.62", "0.9393", "67.15"),
    ("I2VGen-XL", "33.69", "0.9650", "17.70"),
    ("DynamiCrafter", "34.60", "0.9860", "3.31"),
    ("Motion-I2V", "34.86", "0.9871", "20.06"),
    ("Motion-I2V without stage 1", "32.95", "0.9505", "66.44"),
    ("Motion-I2V, addition instead of attention", "33.99", "0.9542", "48.91"),
)
PUBLISHED_CLIPS = 80
SETTINGS, RESULTS, TABLE = "settings.json", "results.csv", "table.md"
INTRODUCTION = """# Evaluation

The three columns of Table 1 of the paper (Shi et al. 2024). **Published** rows are copied from it and were not measured
here: it does not say which CLIP, which optical flow, which resolution and which 80 pictures they rest on. Only rows
that were measured here with the same pictures and settings can be compared number by number.
A large displacement is good only while both consistencies stay high.
"""
COLUMNS = (
    "method",
    "clips",
    "frames",
    "prompt consistency ↑",
    "frame consistency ↑",
    "average displacement, px",
    "of the diagonal",
)


@dataclass(frozen=True)
class Row:
    """One clip: what was measured, or the error that stands in its place.

    average_displacement: px. of_diagonal: the same, of the picture's diagonal. seconds: that making the clip took.
    """

    image: str
    prompt: str
    drag: str = ""
    prompt_consistency: float | None = None
    frame_consistency: float | None = None
    average_displacement: float | None = None
    of_diagonal: float | None = None
    frames: int | None = None
    seconds: float | None = None
    error: str = ""

    @property
    def case(self) -> Case:
        """Which clip it is about; another prompt or drag makes another clip."""
        return Case(self.image, self.prompt, self.drag)

    @property
    def line(self) -> str:
        """In results.csv, with its end."""
        values = asdict(self) | {"error": " ".join(self.error.split())}
        return _line(f"{value:.6g}" if isinstance(value, float) else value for value in values.values())

    @classmethod
    def of_line(cls, told: Mapping[str, str]) -> Row:
        """ValueError if it is none."""
        if list(told) != [field.name for field in fields(cls)] or None in told.values():
            raise ValueError("other columns")

        def number(name: str) -> float | None:
            return float(told[name]) if told[name] else None

        return cls(
            told["image"],
            told["prompt"],
            told["drag"],
            number("prompt_consistency"),
            number("frame_consistency"),
            number("average_displacement"),
            number("of_diagonal"),
            int(told["frames"]) if told["frames"] else None,
            number("seconds"),
            told["error"],
        )


def made_folder(path: Path) -> Path:
    """The folder, which is there from now on."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MotionError(f"The folder {path} could not be made: {error.strerror or error}.") from error
    return path


def new_rows(folder: Path) -> Path:
    """A new file for the rows of this process alone, whoever else is at work in the folder."""
    made_folder(folder)
    number = 0
    while True:
        path = folder / f"rows-{number:04}.csv"
        try:
            _add(path, _header(), "xb")
        except FileExistsError:
            number += 1
        else:
            return path


def append_row(path: Path, row: Row) -> None:
    """Adds a row to the process' own file and waits until it is on the disk."""
    _add(path, row.line, "ab")


def read_rows(folder: Path) -> list[Row]:
    """The rows of all processes and starts. One that is still being written, or was cut short, does not count."""
    return [row for path in sorted(folder.glob("rows-*.csv")) for row in _read(path)]


def best_rows(rows: Iterable[Row]) -> dict[Case, Row]:
    """Clip → its row: one that was measured before one with an error, later ones before earlier ones."""
    return {row.case: row for row in sorted(rows, key=lambda row: not row.error)}


def write_results(folder: Path, rows: Sequence[Row]) -> None:
    with whole_file(folder / RESULTS) as unfinished:
        unfinished.write_text(_header() + "".join(row.line for row in rows), "utf-8", newline="")


def check_settings(folder: Path, settings: Mapping[str, object]) -> None:
    """MotionError if the run has been begun with other settings; rows of two kinds have no mean."""
    if not (folder / SETTINGS).exists():
        return
    begun = _settings(folder)
    other = [name for name in {**begun, **settings} if begun.get(name) != settings.get(name)]
    if other:
        was = ", ".join(f"{name} was {begun.get(name)}, is {settings.get(name)}" for name in other[:3])
        raise MotionError(f"{folder} was begun with other settings ({was}). Choose another --name.")


def write_settings(folder: Path, settings: Mapping[str, object]) -> None:
    with whole_file(made_folder(folder) / SETTINGS) as unfinished:
        unfinished.write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", "utf-8")


def write_table(folder: Path) -> str:
    """The table over all runs in a folder that have results; also given back."""
    names = sorted(path.parent.name for path in folder.glob(f"*/{RESULTS}"))
    results = {name: _read(folder / name / RESULTS) for name in names}
    published = [
        f"| {method} (published) | {PUBLISHED_CLIPS} | | {' | '.join(values)} | |" for method, *values in PUBLISHED
    ]
    measured = [_summary(name, rows) for name, rows in results.items()]
    head = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    parts = [INTRODUCTION, "\n".join([*head, *published, *measured]) + "\n"]
    for name, rows in results.items():
        told = "; ".join(f"{key}: {value}" for key, value in _settings(folder / name).items())
        parts.append(f"**{name}** — {told}.\n")
        failed = [f"- {row.image}: {row.error}" for row in rows if row.error]
        parts += [f"Not measured: {len(failed)} of {len(rows)} clips.\n\n" + "\n".join(failed) + "\n"] if failed else []
    text = "\n".join(parts)
    with whole_file(folder / TABLE) as unfinished:
        unfinished.write_text(text, "utf-8")
    return text


def _summary(name: str, rows: Sequence[Row]) -> str:
    """A run's row of the table: means over the clips that were measured."""
    measured = [row for row in rows if not row.error]
    clips = str(len(measured)) if len(measured) == len(rows) else f"{len(measured)} of {len(rows)}"
    counts = sorted({row.frames for row in measured if row.frames is not None})
    frames = f"{counts[0]}…{counts[-1]}" if len(counts) > 1 else "".join(map(str, counts))
    means = []
    for column, decimals in (
        ("prompt_consistency", 2),
        ("frame_consistency", 4),
        ("average_displacement", 2),
        ("of_diagonal", 4),
    ):
        values = [value for row in measured if (value := getattr(row, column)) is not None]
        means.append(f"{fmean(values):.{decimals}f}" if values else "–")
    return f"| **{name}** | {clips} | {frames} | {' | '.join(means)} |"


def _settings(folder: Path) -> dict[str, object]:
    try:
        told = json.loads((folder / SETTINGS).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise MotionError(f"{folder / SETTINGS} cannot be read ({error}).") from error
    if not isinstance(told, dict):
        raise MotionError(f"{folder / SETTINGS} does not hold settings.")
    return told


def _add(path: Path, line: str, mode: Literal["ab", "xb"]) -> None:
    try:
        with open(path, mode) as file:
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise
    except OSError as error:
        raise MotionError(f"{path} could not be written: {error.strerror or error}.") from error


def _read(path: Path) -> list[Row]:
    try:
        text = path.read_bytes()
        whole = text[: text.rfind(b"\n") + 1].decode("utf-8")
        return [Row.of_line(line) for line in csv.DictReader(io.StringIO(whole, newline=""))]
    except (OSError, ValueError, csv.Error) as error:
        raise MotionError(f"{path} has a line that is no row of an evaluation ({error}). Mend or delete it.") from error


def _header() -> str:
    return _line(field.name for field in fields(Row))


def _line(values: Iterable[object]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow("" if value is None else value for value in values)
    return text.getvalue()
