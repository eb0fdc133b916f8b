"""How times are taken: after a warm-up, the median of several runs; what is compared takes turns in one run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def medians(runs: dict[str, Callable[[], object]], *, repeats: int = 7) -> dict[str, float]:
    """Median seconds of each; they take turns, so that a drift of the machine hits all of them."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(repeats + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if turn > 0:
                taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in taken.items()}


def table(header: list[str], rows: list[list[object]]) -> str:
    lines = [header, ["---"] * len(header), *[[str(cell) for cell in row] for row in rows]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms" if seconds < 0.1 else f"{seconds:.2f} s"
