"""The draft engine end to end: seconds, and peak memory by the number of frames."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import torch.nn.functional as F

from motion_core.draft import draft_field, draft_frames
from motion_core.types import Size

from .stories import STORIES
from .timing import table

SIZES = [Size(height=320, width=512), Size(height=640, width=1024)]
LONG = [2, 64, 128, 256, 512]


def draft_table() -> str:
    rows = []
    for size in SIZES:
        for story in range(len(STORIES)):
            runs = [_in_its_own_process(story, size, 16) for _ in range(3)]
            field, frames = (sorted(run[key] for run in runs)[1] for key in ("field", "frames"))
            name = STORIES[story].name.split(":")[0]
            rows.append([f"{size} × 16", name, f"{field:.2f} s", f"{frames:.2f} s", f"**{field + frames:.2f} s**"])
    return table(["clip", "story", "motion", "frames", "together"], rows)


def memory_table() -> str:
    rows = []
    for frames in LONG:
        peak = _in_its_own_process(1, SIZES[0], frames)["megabytes"]
        rows.append([frames, f"{peak:.0f} MB", f"{frames * 2 * 4 * SIZES[0].height * SIZES[0].width / 1e6:.0f} MB"])
    return table([f"frames at {SIZES[0]}", "peak of the process", "the motion field itself"], rows)


def _in_its_own_process(story: int, size: Size, frames: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.draft", str(story), str(size.height), str(size.width), str(frames)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _once(story: int, size: Size, frames: int) -> dict[str, float]:
    picture = F.interpolate(STORIES[story].picture()[None], size, mode="bilinear", antialias=True)[0]
    region, trajectories = STORIES[story].region(size), STORIES[story].trajectories
    draft_field(picture[:, ::8, ::8], trajectories, frames=2)  # load what is loaded on first use
    start = time.perf_counter()
    field = draft_field(picture, trajectories, frames=frames, region=region)
    drafted = time.perf_counter()
    for _ in draft_frames(picture, field):
        pass
    done = time.perf_counter()
    return {"field": drafted - start, "frames": done - drafted, "megabytes": _peak_bytes() / 1e6}


def _peak_bytes() -> int:
    """The most memory this process has held. (What getrusage says on Linux includes the parent that started it.)"""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    which, height, width, count = map(int, sys.argv[1:])
    print(json.dumps(_once(which, Size(height, width), count)))
