"""Measures everything in one run and writes results.md and the contact sheets beside this file."""

from __future__ import annotations

import platform
from datetime import date
from pathlib import Path

import numpy as np
import scipy
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from motion_core.draft import draft_field, draft_frames
from motion_core.flow_color import flow_color
from motion_core.picture_file import contact_sheet, write_picture
from motion_core.types import Size
from motion_core.video_file import write_video

from .draft import draft_table, memory_table
from .editor import SECTIONS as EDITOR
from .methods import methods_table
from .predictor import memory_table as predictor_memory_table
from .predictor import share_table, step_table
from .renderer import module_table, warp_parts_table, warp_share_table, warp_step_table
from .source_video import camera_table, estimator_table, truth_table
from .source_video import memory_table as source_video_memory_table
from .splat import operator_table, splat_table
from .stories import STORIES, Story

HERE = Path(__file__).parent
CHOSEN = [0, 5, 10, 15]  # frames on a contact sheet
SHEET_WIDTH, README_WIDTH = 1600, 768
README_STORY = "raccoon"

SECTIONS = [
    (
        "Forward warp (Equation 3)",
        "In brackets: how many times longer than `forward_warp`.",
        splat_table,
    ),
    (
        "WarpOperator against recomputing the splat",
        "The four resolutions of SD1.5 for a 512×320 clip of 16 frames, tokens in, tokens out. Recomputing is what a "
        "layer does without the operator: resize the field, splat the reference into 15 frames with `forward_warp`.",
        operator_table,
    ),
    (
        "Draft engine, end to end",
        "Each run in its own process; the median of three.",
        draft_table,
    ),
    (
        "Memory of the draft engine",
        "The raccoon story; torch and all else that is loaded counts. Frames are made one by one: the field grows.",
        memory_table,
    ),
    (
        "Ways to spread a drag over an object",
        "512×320. Error of a disc that two drags turn by 50°, against the exact turn; strain (stretch or shear, on "
        "average over what moves) of a bar bent about a pin, and of the three photos below; how far the worst drawn "
        "end is missed; seconds for the motion of the raccoon.",
        methods_table,
    ),
    (
        "Motion from a video against exact truth",
        "Photographs and a made texture, carried about; DIS medium. Mean end-point error in the last frame "
        "over the visible pixels, px; in brackets, over those that moved by more than 3 px. Then of “best”: "
        "the error where a pixel is said to be seen, how much of what is said to be seen is visible, and how "
        "much of what is visible is said to be seen.",
        truth_table,
    ),
    (
        "Motion from clips of real photographs",
        "320×200, 16 frames, filmed with a known camera. Mean PSNR of the first frame's seen pixels, carried "
        "along the field (Equation 3), against the later frames; the same pixels count for every column. The "
        "last: how much is still seen in the last frame.",
        camera_table,
    ),
    (
        "Presets of DIS",
        "“best”, 512×320, 16 frames.",
        estimator_table,
    ),
    (
        "Memory of motion from a video",
        "DIS fast, chained; each run in its own process; torch and all else that is loaded counts.",
        source_video_memory_table,
    ),
    (
        "One step of the motion predictor, SD1.5's widths",
        "UNet and ControlNet with random weights, 15 frames, both halves of the guidance; float32 at a latent of 12×8 "
        "on a CPU, float16 at 64×40 on a GPU. Memory is what the step needs beside the weights.",
        step_table,
    ),
    ("Where that step spends its time", "Of the first row above.", share_table),
    (
        "Memory of a step by the frames computed at a time",
        "A fifth of the widths at a latent of 32×20, where what the frames cost can be seen beside the weights.",
        predictor_memory_table,
    ),
    (
        "One step of the renderer with warp attention, SD1.5's widths",
        "One sample of 16 frames, random weights; float32 at a latent of 32×20 on a CPU, float16 at 64×40 on a GPU. "
        "The last row recomputes the splat in every layer, interleaves by copies and projects all tokens. "
        "“less added”: how many times less warp attention adds to the plain step than that row does.",
        warp_step_table,
    ),
    ("Where the renderer's step spends its time", "With warp attention.", warp_share_table),
    ("What its temporal layers do", "Each run again alone, by kind of operation.", warp_parts_table),
    (
        "Warp attention in one motion module",
        "The four resolutions of SD1.5 for a 512×320 clip of 16 frames; columns as above.",
        module_table,
    ),
    *EDITOR,
]


def main() -> None:
    parts = [f"# Results\n\nMade by `make bench` on {date.today()}. {machine()}\n"]
    for title, how, measure in tqdm(SECTIONS, desc="measuring"):
        parts.append(f"## {title}\n\n{how}\n\n{measure()}\n")
    parts.append("## What it looks like\n\nFrames 0, 5, 10, 15 and the motion of each, no touching up.\n")
    for story in tqdm(STORIES, desc="drawing"):
        name = story.name.split(":")[0]
        frames, motion = drafted(story)
        write_picture(sheet(frames, motion), HERE / f"{name}.jpg")
        if name == README_STORY:
            write_video(there_and_back(frames, motion), HERE / f"{name}.webp", fps=8)
        parts.append(f"**{story.name}**\n\n![{story.name}]({name}.jpg)\n")
    (HERE / "results.md").write_text("\n".join(parts), encoding="utf-8")


def machine() -> str:
    return (
        f"{torch.get_num_threads()} threads of one {platform.machine()} {platform.system()} machine, no GPU used; "
        f"Python {platform.python_version()}, torch {torch.__version__}, numpy {np.__version__}, "
        f"scipy {scipy.__version__}. Times are medians; ratios are the ones to trust."
    )


def drafted(story: Story) -> tuple[Tensor, Tensor]:
    """The frames of a story and their motion in colours, [F, 3, H, W] each."""
    picture = story.picture()
    field = draft_field(picture, story.trajectories, frames=16, region=story.region(Size.of(picture)))
    return torch.stack(list(draft_frames(picture, field))), flow_color(field)


def sheet(frames: Tensor, motion: Tensor) -> Tensor:
    labels = [f"frame {i}" for i in CHOSEN] + [f"motion to {i}" for i in CHOSEN]
    pictures = torch.cat([frames[CHOSEN], motion[CHOSEN]])
    return contact_sheet(scaled(pictures, SHEET_WIDTH // len(CHOSEN)), columns=len(CHOSEN), labels=labels)


def there_and_back(frames: Tensor, motion: Tensor) -> Tensor:
    """The video beside its motion, small, forwards and backwards: what the README opens with."""
    beside = torch.cat([frames, motion], dim=3)
    return scaled(torch.cat([beside, beside[1:-1].flip(0)]), README_WIDTH)


def scaled(pictures: Tensor, width: int) -> Tensor:
    height = round(width * pictures.shape[2] / pictures.shape[3])
    return F.interpolate(pictures, (height, width), mode="bilinear", antialias=True).clamp(0, 1)


if __name__ == "__main__":
    main()
