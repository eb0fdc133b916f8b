"""Motion from a video: against exact truth, and on clips of real photographs that a known camera films."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from motion_core.optical_flow import DisFlow
from motion_core.picture_file import read_picture
from motion_core.source_video import SourceMotion, motion_from_video
from motion_core.types import Size
from motion_core.warp import forward_warp
from tests.filmed import RACCOON, SIZE, Film, Layer, films, shaken, turned

from .timing import table

METHODS = ("direct", "chained", "best")
VIEW = Size(height=200, width=320)  # of the camera, which sees no rim of a photo
MIDDLE = (159.5, 99.5)
PHOTOS = Path(__file__).parent / "photos"


def truth_table() -> str:
    """Mean end-point errors in the last of 16 frames."""
    rows = []
    for film in films():
        frames, (displacement, visible) = list(film), film.truth(film.frames - 1)
        moving = visible & (torch.hypot(*displacement) > 3)
        cells: list[object] = [film.name]
        for method in METHODS:
            motion = motion_from_video(frames, DisFlow(), method=method)
            error = torch.hypot(*(motion.field.displacement[-1] - displacement))
            cells.append(f"{error[visible].mean():.2f} ({error[moving].mean():.2f})")
        seen = motion.seen[-1]
        both = (seen & visible).sum()
        cells += [f"{error[seen & visible].mean():.2f}", f"{100 * both / seen.sum():.1f} %"]
        rows.append([*cells, f"{100 * both / visible.sum():.1f} %"])
    return table(["16 frames, 512×320", *METHODS, "best, where seen", "of seen: right", "of visible: seen"], rows)


def camera_films() -> list[Film]:
    """Photographs, named in photos/README.md, filmed by a hand-held camera."""
    photos = {"raccoon": RACCOON, "astronaut": PHOTOS / "astronaut.jpg", "coffee": PHOTOS / "coffee.jpg"}
    pictures = {name: read_picture(path) for name, path in photos.items()}

    def filmed(name: str, what: str, way) -> Film:
        _, height, width = pictures[name].shape
        corner = ((width - VIEW.width) / 2, (height - VIEW.height) / 2)
        return Film(f"{name}: {what}", [Layer(pictures[name], way, corner)], size=VIEW)

    return [
        *(filmed(name, "hand-held", shaken(4, 1.08, 24, -14, MIDDLE)) for name in photos),
        *(filmed(name, "15° and 1.2×", turned(15, zoom=1.2, about=MIDDLE)) for name in photos),
        *(filmed(name, "fast pan, 45 px", shaken(0, 1, -45, 8, MIDDLE)) for name in photos),
    ]


def camera_table() -> str:
    """PSNR of the first frame carried along against the later frames, where it is seen."""
    rows = []
    for film in camera_films():
        frames = list(film)
        found = {method: motion_from_video(frames, DisFlow(), method=method) for method in METHODS}
        seen = found["best"].seen
        still = replace(found["best"], field=found["best"].field.scaled(0))
        cells = [f"{carried(frames, found[method], seen):.1f} dB" for method in METHODS]
        rows.append([film.name, f"{carried(frames, still, seen):.1f} dB", *cells, f"{seen[-1].float().mean():.0%}"])
    return table(["clip", "zero field", *METHODS, "seen at the end"], rows)


def carried(frames: list[Tensor], motion: SourceMotion, seen: Tensor) -> float:
    """Mean PSNR over frames 1 …: the first frame's seen pixels splatted along the motion, where they arrive."""
    ratios = []
    for frame, displacement, mask in zip(frames[1:], motion.field.displacement[1:], seen[1:], strict=True):
        sources = torch.cat([frames[0], torch.ones_like(frames[0][:1])]) * mask
        sums, _ = forward_warp(sources[None], displacement[None], "summation")
        arrived = sums[0, 3] > 0.5
        warped = sums[0, :3] / sums[0, 3].clamp(min=0.5)
        ratios.append(-10 * torch.log10((warped - frame)[:, arrived].square().mean().clamp(min=1e-10)))
    return torch.stack(ratios).mean().item()


def estimator_table() -> str:
    """Time and error of the presets on two films."""
    rows = []
    chosen = [film for film in films() if film.name in ("rotation, 6°", "two objects crossing, 60 px")]
    for preset in ("fast", "medium", "fine"):
        cells: list[object] = [f"DIS {preset}"]
        for film in chosen:
            frames, (displacement, visible) = list(film), film.truth(film.frames - 1)
            start = time.perf_counter()
            motion = motion_from_video(frames, DisFlow(preset))
            taken = (time.perf_counter() - start) / (film.frames - 1)
            error = torch.hypot(*(motion.field.displacement[-1] - displacement))[visible].mean()
            cells.append(f"{error:.2f} px, {taken * 1000:.0f} ms a frame")
        rows.append(cells)
    return table(["“best” with", *(film.name for film in chosen)], rows)


def memory_table() -> str:
    """Peaks of a process of its own for each length."""
    rows = []
    for frames in (8, 64, 128):
        peaks = []
        for frames_out in ("None", "16"):
            command = [sys.executable, "-m", "benchmarks.source_video", str(frames), frames_out]
            peaks.append(int(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
        field = frames * 9 * SIZE.height * SIZE.width / 1e6  # two floats and a bool
        rows.append([frames, f"{peaks[0] / 1e3:.0f} MB", f"{field:.0f} MB", f"{peaks[1] / 1e3:.0f} MB"])
    return table(["frames at 512×320", "peak, all kept", "field and seen", "peak, retimed to 16"], rows)


def _peak(frames: int, frames_out: int | None) -> int:
    """Kilobytes, after following a camera that goes along a photograph and back."""
    photo = read_picture(RACCOON)
    film = (photo[:, 100:420, abs(i % 200 - 100) :][..., : SIZE.width] for i in range(frames))
    motion_from_video(film, DisFlow("fast"), method="chained", frames_out=frames_out)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    count, out = sys.argv[1:]
    print(_peak(int(count), None if out == "None" else int(out)))
