"""The paper's evaluation: pictures and prompts → clips → prompt consistency, frame consistency, average displacement.

python -m benchmarks.evaluate PICTURES -o evaluation --clip CLIP --weights Motion-I2V
accelerate launch --num_processes 4 -m benchmarks.evaluate …    # the same, on four GPUs

PICTURES is a folder with pictures and a prompts.csv: a line a clip, the first line names the columns, image and prompt,
perhaps drag (“x,y x,y …”, each 0…1 of the picture). Stopped at any time, the same command goes on where it was; clips
with an error are tried again. Rows of the paper's ablation: --fusion addition, and for “without stage 1” --fusion none,
in which no motion field reaches the renderer. What lies on disk: evaluate_table.py. Without a GPU, accelerate launches
several processes by --multi_gpu, not by --cpu.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from torch import Tensor
from tqdm import tqdm

from motion_core.clip_scores import ClipModel
from motion_core.commands.arguments import size
from motion_core.commands.network_arguments import NEGATIVE, PRECISIONS, add_sampling, machine_of
from motion_core.commands.render import add_rendering
from motion_core.controls.stride import FRAMES, PUBLISHED_STRIDE
from motion_core.errors import MotionError
from motion_core.metrics import average_displacement, frame_consistency, prompt_consistency
from motion_core.optical_flow import FlowEstimator, estimator_named
from motion_core.types import MotionField, Size
from motion_core.video_file import check_video, write_video

from .evaluate_clips import PROMPTS, Case, Drafted, Finished, Maker, TwoStages, read_cases
from .evaluate_crew import Crew, crew
from .evaluate_table import (
    TABLE,
    Row,
    append_row,
    best_rows,
    check_settings,
    made_folder,
    new_rows,
    read_rows,
    write_results,
    write_settings,
    write_table,
)

PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}
SIZE = "512x320"  # as the model was trained; the paper names no resolution

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Meter:
    """What clips are measured by."""

    clip: ClipModel
    estimator: FlowEstimator

    def row(self, case: Case, frames: Tensor, seconds: float) -> Row:
        """frames: [F, 3, H, W], 0…1. Displacement is that from the first frame to each later one, in pixels of H×W."""
        features = self.clip.image_features(frames)
        alike = frame_consistency(features)  # first: it says so if there is only one frame
        later = (self.estimator.flow(frames[0], frame) for frame in frames[1:])
        moved = fmean(average_displacement(MotionField.after_reference(flow[None])) for flow in later)
        return Row(
            case.image,
            case.prompt,
            case.drag,
            prompt_consistency=prompt_consistency(features, self.clip.text(case.prompt).cpu()),
            frame_consistency=alike,
            average_displacement=moved,
            of_diagonal=moved / Size.of(frames).diagonal,
            frames=len(frames),
            seconds=seconds,
        )


def evaluate(options: argparse.Namespace, crew: Crew) -> str | None:
    """Makes and measures what is not there yet. The table, in the first process."""
    pictures, folder = Path(options.pictures), Path(options.output) / options.name
    if Path(options.name).name != options.name or options.name == "..":
        raise MotionError(f"--name is a word that can name a folder; got “{options.name}”.")
    cases = read_cases(pictures)
    machine_of(options)
    if options.keep is not None:
        check_video(made_folder(Path(options.keep)) / "clip.mp4", options.fps)
    estimator = estimator_named(options.flow, options.flow_weights, device=options.device)
    meter = Meter(ClipModel.load(options.clip, device=options.device), estimator)
    settings = settings_of(options, meter)

    done = best_rows(crew.gathered(read_rows(folder)))
    if any(not row.error for row in done.values()):  # else there is nothing yet that would be mixed
        check_settings(folder, settings)
    if crew.index == 0:
        write_settings(folder, settings)
        _warn_of_pictures_left_out(pictures, cases)
    share = crew.share([case for case in cases if case not in done or done[case].error])
    if share:
        make, rows = maker_of(options, pictures, cases), new_rows(folder)
        for case in tqdm(share, desc=options.name, unit="clip", disable=crew.index != 0):
            append_row(rows, _finished(case, make, meter, options))

    done = best_rows(crew.gathered(read_rows(folder)))
    if crew.index != 0:
        return None
    write_results(folder, [done[case] for case in cases if case in done])
    return write_table(folder.parent)


def _finished(case: Case, make: Maker, meter: Meter, options: argparse.Namespace) -> Row:
    """The row of one clip; an error of its own does not stop the others."""
    begun = time.monotonic()
    try:
        frames = make(case)
        if options.keep is not None:
            write_video(frames, Path(options.keep) / f"{case.name}.mp4", options.fps)
        return meter.row(case, frames, time.monotonic() - begun)
    except MotionError as error:
        return Row(case.image, case.prompt, case.drag, error=str(error))


def _warn_of_pictures_left_out(folder: Path, cases: Sequence[Case]) -> None:
    named = {case.image for case in cases}
    more = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in PICTURES and path.name not in named)
    if more:
        told = ", ".join(more[:3]) + (f" and {len(more) - 3} more" if len(more) > 3 else "")
        log.warning("Without a line in %s, so left out: %s.", folder / PROMPTS, told)


def maker_of(options: argparse.Namespace, pictures: Path, cases: Sequence[Case]) -> Maker:
    size_ = size(options.size)
    if options.videos is not None:
        return Finished(Path(options.videos), size_)
    if options.frames < 2:
        raise MotionError(f"A clip has at least two frames, counting the picture; got --frames {options.frames}.")
    if options.draft:
        return Drafted(pictures, size_, options.frames)
    control = any(case.trajectories for case in cases)
    return TwoStages(pictures, size_, options, predicts=_predicts(options), control=control)


def _predicts(options: argparse.Namespace) -> bool:
    """Whether stage 1 runs. Without fusion nothing would see its field."""
    return not options.no_stage_1 and options.fusion != "none"


def settings_of(options: argparse.Namespace, meter: Meter) -> dict[str, object]:
    """All that the numbers of a run rest on, but for the machine."""
    settings: dict[str, object] = {
        "pictures": Path(options.pictures).resolve().name,
        "resolution": str(size(options.size)),
        "image and text features": meter.clip.name,
        "optical flow": meter.estimator.name,
    }
    if options.flow_weights is not None:
        settings["optical flow weights"] = Path(options.flow_weights).resolve().name
    if options.videos is not None:
        return settings | {"clips": f"finished ones of the folder {Path(options.videos).resolve().name}"}
    settings["frames"] = options.frames
    if options.draft:
        return settings | {"clips": "draft, no network"}
    names = ("steps", "guidance", "sampler", "zero_terminal_snr", "seed", "fusion", "positions", "window", "overlap")
    files = ("weights", "base", "tokenizer", "motion_module")
    told = (
        settings
        | {"clips": "Motion-I2V", "stage 1": "runs" if _predicts(options) else "left out", "stride": options.stride}
        | {name: getattr(options, name) for name in (*names, "precision")}
        | {"negative": "the authors' list" if options.negative == NEGATIVE else options.negative}
        | {name: Path(path).resolve().name for name in files if (path := getattr(options, name)) is not None}
        | {"lora": ", ".join(Path(lora).name for lora in options.lora) or None}
    )
    return {name: value for name, value in told.items() if value is not None}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="evaluate", description="The evaluation of Motion-I2V's Table 1.")
    parser.add_argument("pictures", help="a folder with pictures and prompts.csv: image,prompt and perhaps drag")
    parser.add_argument("-o", "--output", required=True, help="a folder for rows and table.md")
    parser.add_argument("--name", help="of this run, in the table; several in one folder are compared there")
    parser.add_argument("--clip", required=True, metavar="DIR", help="CLIP, as transformers publishes it (ViT-L/14)")
    parser.add_argument("--flow", default="dis", help="dis, dis-fast, dis-fine, raft (dis)")
    parser.add_argument("--flow-weights", metavar="FILE", help="of raft, as torchvision publishes them")
    parser.add_argument("--size", default=SIZE, help=f"all is scaled to cover this, cut, and measured so ({SIZE})")
    parser.add_argument("--keep", metavar="DIR", help="write the clips there as well, as .mp4")

    clips = parser.add_argument_group("which clips (Motion-I2V's, unless one of these is given)")
    which = clips.add_mutually_exclusive_group()
    which.add_argument("--draft", action="store_true", help="the drags of prompts.csv, without a network")
    which.add_argument("--videos", metavar="DIR", help="finished clips of any method, called as their pictures")
    clips.add_argument("--frames", type=int, default=FRAMES, help=f"of a clip, counting the picture ({FRAMES})")
    clips.add_argument("--stride", type=float, default=PUBLISHED_STRIDE, help=f"of stage 1 ({PUBLISHED_STRIDE:g})")
    clips.add_argument("--no-stage-1", action="store_true", help="predict no motion: the field rests (ablation)")
    clips.add_argument("--weights", metavar="DIR", help="the authors' release, or what convert-weights made of it")
    clips.add_argument("--negative", default=NEGATIVE, help="what should not be seen (the authors' list)")
    add_rendering(parser)
    add_sampling(parser)
    machine = parser.add_argument_group("machine")
    machine.add_argument("--device", help="cuda, cpu, mps (what accelerate gives, or the GPU if there is one)")
    machine.add_argument("--precision", choices=PRECISIONS, help="float16 on a GPU, float32 on a CPU, unless given")
    machine.add_argument("--chunk", type=int, metavar="FRAMES", help="compute so many frames at a time: less memory")
    machine.add_argument("--apart", action="store_true", help="the halves of the guidance one by one: less memory")
    return parser


def _name(options: argparse.Namespace) -> str:
    if options.videos is not None:
        return Path(options.videos).resolve().name
    if options.draft:
        return "draft"
    ablated = [] if options.fusion == "attention" else [options.fusion]
    return "-".join(["motion-i2v", *ablated, *(["no-stage-1"] if options.no_stage_1 else [])])


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if the table was written, 2 with one sentence on standard error if it could not be."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    options = _parser().parse_args(arguments)
    options.name = options.name or _name(options)
    try:
        with crew() as us:
            options.device = options.device or us.device
            table = evaluate(options, us)
    except MotionError as error:
        sys.stderr.write(f"evaluate: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("\nevaluate: stopped; the same command goes on from here.\n")
        return 130
    if table is not None:
        print(table)
        sys.stderr.write(f"The table is {Path(options.output) / TABLE}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
