"""Measures everything in one run and writes results.md and the contact sheets beside this file."""

from __future__ import annotations

import platform
from datetime import date
from pathlib import Path

import numpy as np
import scipy
import torch
from tqdm import tqdm

from motion_core.draft import draft_field, draft_frames
from motion_core.flow_color import flow_color
from motion_core.picture_file import contact_sheet, write_picture
from motion_core.types import Size

from .draft import draft_table, memory_table
from .methods import methods_table
from .splat import operator_table, splat_table
from .stories import STORIES

HERE = Path(__file__).parent

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
        "The raccoon story. Frames are made one by one; what grows is the field.",
        memory_table,
    ),
    (
        "Ways to spread a drag over an object",
        "512×320. Error of a disc that two drags turn by 50°, against the exact turn; strain (stretch or shear, on "
        "average over what moves) of a bar bent about a pin, and of the three photos below; how far the worst drawn "
        "end is missed; seconds for the motion of the raccoon.",
        methods_table,
    ),
]


def main() -> None:
    parts = [f"# Results\n\nMade by `make bench` on {date.today()}. {machine()}\n"]
    for title, how, measure in tqdm(SECTIONS, desc="measuring"):
        parts.append(f"## {title}\n\n{how}\n\n{measure()}\n")
    parts.append("## What it looks like\n\nFrames 0, 5, 10, 15 and the motion of each, no touching up.\n")
    for story in tqdm(STORIES, desc="drawing"):
        name = story.name.split(":")[0]
        write_picture(sheet(story), HERE / f"{name}.jpg")
        parts.append(f"**{story.name}**\n\n![{story.name}]({name}.jpg)\n")
    (HERE / "results.md").write_text("\n".join(parts), encoding="utf-8")


def machine() -> str:
    return (
        f"{torch.get_num_threads()} threads of one {platform.machine()} {platform.system()} machine, no GPU used; "
        f"Python {platform.python_version()}, torch {torch.__version__}, numpy {np.__version__}, "
        f"scipy {scipy.__version__}. Times are medians; ratios are the ones to trust."
    )


def sheet(story):
    picture = story.picture()
    field = draft_field(picture, story.trajectories, frames=16, region=story.region(Size.of(picture)))
    chosen = [0, 5, 10, 15]
    frames = [frame for i, frame in enumerate(draft_frames(picture, field)) if i in chosen]
    motion = flow_color(field)[chosen]
    labels = [f"frame {i}" for i in chosen] + [f"motion to {i}" for i in chosen]
    return contact_sheet(torch.stack([*frames, *motion]), columns=4, labels=labels)


if __name__ == "__main__":
    main()
