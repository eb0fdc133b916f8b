"""A report as text: aligned columns, units, the verdicts, and why something was not measured."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from .catalogue import METRICS, SOURCES

LISTED = 20  # trajectories; the JSON has all
ABSENT, UNMEASURED = "", "–"
DECIMALS = {"cos": 4, "°": 1}  # of the other units as many as there is room for
SUFFIXES = {"px": " px", "share": " %", "°": "°", "levels of 255": " of 255"}
PATH_COLUMNS = {
    "asked_px": ("asked", "px", 1),
    "went_px": ("went", "px", 1),
    "share": ("share", "share", 1),
    "end_error_px": ("missed", "px", 1),
    "error_px": ("error", "px", 1),
    "error_of_diagonal": ("of diagonal", "share", 1),
    "off_path_px": ("off path", "px", 1),
    "direction_error": ("direction", "°", 1),
}


def table_of(report: Mapping[str, Any]) -> str:
    """The text of a report's JSON."""
    blocks = [_head(report), _metrics(report["metrics"]), _degrees(report["metrics"])]
    blocks += [*_paths(report["trajectories"]), _lost(report["trajectories"])]
    missing = _missing(report["metrics"])
    blocks += [missing] if missing else []
    blocks += [["Notes:", *(f"  {note}" for note in report["notes"])]] if report["notes"] else []
    return "\n\n".join("\n".join(line.rstrip() for line in block) for block in blocks if block) + "\n"


def _head(report: Mapping[str, Any]) -> list[str]:
    size, sources = report["size"], report["sources"]
    count = "1 frame" if report["frames"] == 1 else f"{report['frames']} frames"
    return [
        f"Motion report: {count} of {size['width']}×{size['height']} pixels (diagonal {report['diagonal_px']:.1f} px), "
        f"{report['fps']:g} a second",
        f"  motion in the field:   {sources['field'] or 'not given'}",
        f"  motion in the frames:  {sources['frames'] or 'not estimated'}",
        f"  features of pictures:  {sources['image_features'] or 'not given'}",
        f"  sampling:              {report['sampling']}",
    ]


def _metrics(metrics: Mapping[str, Any]) -> list[str]:
    rows = [["", *SOURCES.values()]]
    for key, metric in metrics.items():
        cells = [_cell(metric[source], metric["unit"]) if source in metric else ABSENT for source in SOURCES]
        rows.append([METRICS[key].label, *cells])
    return _aligned(rows)


def _cell(measured: Mapping[str, Any], unit: str) -> str:
    value = measured["value"]
    if value is None:
        return UNMEASURED
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _number(value, unit, 2)


def _number(value: float | None, unit: str, decimals: int) -> str:
    if value is None:
        return UNMEASURED
    decimals = DECIMALS.get(unit, decimals)
    told = round(100 * value if unit == "share" else value, decimals) + 0.0  # which makes a 0 of -0
    return f"{told:.{decimals}f}{SUFFIXES.get(unit, '')}"


def _degrees(metrics: Mapping[str, Any]) -> list[str]:
    """What the decision about the dynamic degree rests on."""
    told = []
    for source, where in SOURCES.items():
        found = metrics["dynamic_degree"][source]
        if found["value"] is not None:
            told.append(
                f"Dynamic degree {where}: {found['pairs_moving']} of {found['pairs']} pairs exceed "
                f"{found['threshold_px']:.2f} px, {found['pairs_needed']} needed; flow by {found['by']}."
            )
    return told


def _paths(trajectories: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    if not trajectories:
        return []
    rows = [["trajectory", "", "seen", *(label for label, _, _ in PATH_COLUMNS.values())]]
    for path in trajectories[:LISTED]:
        for source, where in SOURCES.items():
            found = path[source]
            if found["verdict"] is not None:
                cells = (_number(found[key], unit, places) for key, (_, unit, places) in PATH_COLUMNS.items())
                rows.append([path["name"], where, f"{found['frames']}/{found['of_frames']}", *cells])
    more = len(trajectories) - LISTED
    rest = [f"… and {more} more, which the JSON has."] if more > 0 else []
    table = [[*_aligned(rows, texts=2), *rest]] if len(rows) > 1 else []
    return [*table, [path["verdict"] for path in trajectories[:LISTED]] + rest]


def _lost(trajectories: Sequence[Mapping[str, Any]]) -> list[str]:
    """How many were not followed to the end, so that what the others did is not taken for all."""
    told = []
    for source, where in SOURCES.items():
        lost = sum(path[source]["lost_after"] is not None for path in trajectories)
        if lost:
            told.append(f"Lost before the end {where}: {lost} of {len(trajectories)} trajectories.")
    return told


def _missing(metrics: Mapping[str, Any]) -> list[str]:
    """Each reason once, with all that it keeps from being measured."""
    kept: dict[tuple[str, str], list[str]] = {}
    for key, metric in metrics.items():
        reasons = {source: metric[source].get("reason") for source in SOURCES if source in metric}
        if len(set(reasons.values())) == 1:  # the same wherever it could have been measured
            reasons = {"": next(iter(reasons.values()))}
        for source, reason in reasons.items():
            if reason is not None:
                kept.setdefault((f" {SOURCES[source]}" if source else "", reason), []).append(METRICS[key].label)
    return [f"{', '.join(labels)}{where}: not measured: {reason}." for (where, reason), labels in kept.items()]


def _aligned(rows: Sequence[Sequence[str]], *, texts: int = 1) -> list[str]:
    """Columns side by side, the first ones (texts) to the left, the others, numbers, to the right."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = []
        for number, (cell, width) in enumerate(zip(row, widths, strict=True)):
            blank = " " * (width - _width(cell))
            cells.append(cell + blank if number < texts else blank + cell)
        lines.append("  ".join(cells))
    return lines


def _width(text: str) -> int:
    """Columns of a terminal that a text fills: two for each Chinese, Japanese or Korean letter."""
    return sum(
        2 if unicodedata.east_asian_width(letter) in "WF" else not unicodedata.combining(letter) for letter in text
    )
