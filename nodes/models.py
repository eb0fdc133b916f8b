"""Loaders: a file of a model folder → a network that ComfyUI keeps. The only file that knows the model folders.

The networks' libraries take a second to load, so a node imports them when it runs, here and in the other files.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import comfy.model_patcher
import folder_paths
import torch
from comfy_api.latest import io

from ..motion_core.errors import MotionError
from ..motion_core.kinds import (
    CONTROL_ALONE,
    FLOW_AUTOENCODER,
    MODULE,
    MODULE_V1,
    MODULE_V3,
    STAGE1,
    STAGE1_WITH_CONTROL,
    kind_of,
)
from ..motion_core.weight_file import WeightFile
from .hosted import hosted, placement
from .io_types import FlowVAE, MotionModule, Predictor

FOLDER = "motion_i2v"  # models/motion_i2v: all that Motion-I2V publishes
ANIMATEDIFF = "animatediff_models"  # where AnimateDiff's modules are kept, for AnimateDiff-Evolved too
OPTICAL_FLOW = "optical_flow"  # weights of RAFT
CLIP_SCORES = "clip_scores"  # folders, each a CLIP as transformers publishes it
SUFFIXES = {".safetensors", ".bin", ".ckpt", ".pt", ".pth"}
SAME_FILE = "in the predictor's file, if it is there"
USES = {  # a part of the release: the kinds of file that serve, and for what
    "motion_predictor": ((STAGE1, STAGE1_WITH_CONTROL), "to predict motion"),
    "trajectory_controlnet": (
        (CONTROL_ALONE, STAGE1_WITH_CONTROL),
        "for trajectories and the motion brush to steer it",
    ),
    "flow_vae": ((FLOW_AUTOENCODER,), "to predict motion"),
    "motion_module": ((MODULE, MODULE_V1, MODULE_V3), "to render; AnimateDiff's for SD1.5 serve too"),
}
PRECISIONS = {
    "as in the file": None,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
    "float8_e4m3fn": torch.float8_e4m3fn,
}


def add_model_folders() -> None:
    """Our folders, beside what extra_model_paths.yaml and other packs have said of them already."""
    for name in (FOLDER, ANIMATEDIFF, OPTICAL_FLOW, CLIP_SCORES):
        folder_paths.add_model_folder_path(name, os.path.join(folder_paths.models_dir, name))
        paths, suffixes = folder_paths.folder_names_and_paths[name]
        folder_paths.folder_names_and_paths[name] = (paths, {*suffixes, *SUFFIXES})


def files(*folders: str) -> list[str]:
    """Names of the weight files in model folders, as a list to choose from."""
    names = {name for folder in folders for name in folder_paths.get_filename_list(folder)}
    return sorted(name for name in names if os.path.splitext(name)[1].lower() in SUFFIXES)


def path_of(name: str, *folders: str) -> str:
    """The path of a listed file."""
    for folder in folders[:-1]:
        found = folder_paths.get_full_path(folder, name)
        if found is not None:
            return found
    return folder_paths.get_full_path_or_raise(folders[-1], name)


def clip_models() -> list[str]:
    """Names of the folders that hold a CLIP."""
    homes = (Path(home) for home in folder_paths.get_folder_paths(CLIP_SCORES))
    return sorted({config.parent.name for home in homes for config in home.glob("*/config.json")})


def clip_path(name: str) -> Path:
    """Where a listed folder is."""
    paths = [Path(home, name) for home in folder_paths.get_folder_paths(CLIP_SCORES)]
    return next((path for path in paths if path.is_dir()), paths[0])


@dataclass(frozen=True)
class HostedPredictor:
    """Stage 1's networks: each a patcher whose `model.network` is the network."""

    unet: comfy.model_patcher.ModelPatcher
    controlnet: comfy.model_patcher.ModelPatcher | None


def _precision(tooltip: str) -> io.Combo.Input:
    return io.Combo.Input("weights", options=list(PRECISIONS), default="as in the file", tooltip=tooltip)


KEPT = "How the weights are kept in memory. Smaller fits more; computing is done in what the machine does best."


class LoadMotionPredictor(io.ComfyNode):
    """Stage 1's UNet and its ControlNet."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MotionI2V_LoadMotionPredictor",
            display_name="Load Motion Predictor",
            category="Motion-I2V/load",
            description="Loads the network that predicts where every pixel goes, and the ControlNet that lets drawn "
            f"trajectories steer it. The files belong into models/{FOLDER}.",
            inputs=[
                io.Combo.Input("predictor", options=files(FOLDER), tooltip=f"Stage 1's UNet, in models/{FOLDER}."),
                io.Combo.Input(
                    "trajectory_controlnet",
                    options=[SAME_FILE, *files(FOLDER)],
                    default=SAME_FILE,
                    tooltip="What lets trajectories and the motion brush steer the prediction. A file that holds the "
                    "UNet too is chosen as the predictor alone.",
                ),
                _precision(KEPT),
            ],
            outputs=[Predictor.Output(display_name="predictor", tooltip="To Predict Motion Field.")],
        )

    @classmethod
    def execute(cls, predictor: str, trajectory_controlnet: str, weights: str) -> io.NodeOutput:
        from ..motion_core.checkpoints import load_motion_predictor, load_trajectory_controlnet

        path, precision = path_of(predictor, FOLDER), PRECISIONS[weights]
        controlnet = path if trajectory_controlnet == SAME_FILE else path_of(trajectory_controlnet, FOLDER)
        with torch.inference_mode(False):
            unet = load_motion_predictor(path, dtype=precision)
            control = None
            if controlnet != path or _holds_controlnet(path):
                control = load_trajectory_controlnet(controlnet, dtype=precision)
        unet.placement = placement(unet.dtype)
        if control is not None:
            control.placement = placement(control.dtype)
        return io.NodeOutput(HostedPredictor(hosted(unet), None if control is None else hosted(control)))


def _holds_controlnet(path: str) -> bool:
    with WeightFile(path) as file:
        return kind_of(file.shapes) == STAGE1_WITH_CONTROL


class LoadFlowVAE(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MotionI2V_LoadFlowVAE",
            display_name="Load Flow VAE",
            category="Motion-I2V/load",
            description="Loads the autoencoder that turns motion fields into latents and back. "
            f"Its file belongs into models/{FOLDER}.",
            inputs=[io.Combo.Input("flow_vae", options=files(FOLDER), tooltip=f"vae_flow, in models/{FOLDER}.")],
            outputs=[FlowVAE.Output(display_name="flow_vae", tooltip="To Predict Motion Field.")],
        )

    @classmethod
    def execute(cls, flow_vae: str) -> io.NodeOutput:
        from ..motion_core.checkpoints import load_motion_vae

        with torch.inference_mode(False):
            network = load_motion_vae(path_of(flow_vae, FOLDER))
        network.placement = placement(network.dtype)
        return io.NodeOutput(hosted(network))


class LoadMotionModule(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MotionI2V_LoadMotionModule",
            display_name="Load Motion Module",
            category="Motion-I2V/load",
            description="Loads the temporal layers that make SD1.5 render video: those of Motion-I2V's stage 2, or any "
            f"AnimateDiff module for SD1.5 (v1, v2, v3). The files belong into models/{FOLDER} or "
            f"models/{ANIMATEDIFF}.",
            inputs=[
                io.Combo.Input(
                    "motion_module",
                    options=files(FOLDER, ANIMATEDIFF),
                    tooltip="Stage 2's motion_block, which was trained to follow a motion field, or AnimateDiff's.",
                ),
                _precision(KEPT),
            ],
            outputs=[MotionModule.Output(display_name="motion_module", tooltip="To Apply Motion Field.")],
        )

    @classmethod
    def execute(cls, motion_module: str, weights: str) -> io.NodeOutput:
        from ..motion_core.checkpoints import load_motion_modules

        with torch.inference_mode(False):
            network = load_motion_modules(path_of(motion_module, FOLDER, ANIMATEDIFF), dtype=PRECISIONS[weights])
        return io.NodeOutput(hosted(network))


class CheckModelFiles(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MotionI2V_CheckModelFiles",
            display_name="Check Model Files",
            category="Motion-I2V/load",
            description="Looks through the model folders and says which files of Motion-I2V are there, which are "
            "missing, how large they are and where they belong. Nothing is downloaded.",
            outputs=[io.String.Output(display_name="text", tooltip="What was found and what is missing.")],
            is_output_node=True,
        )

    @classmethod
    def execute(cls) -> io.NodeOutput:
        found = {name: _kind(path_of(name, FOLDER, ANIMATEDIFF)) for name in files(FOLDER, ANIMATEDIFF)}
        text = _report(found, folder_paths.get_folder_paths(FOLDER)[0])
        return io.NodeOutput(text, ui={"text": [text]})

    @classmethod
    def fingerprint_inputs(cls) -> float:
        return float("nan")  # equal to nothing, as folders change without a word


def _kind(path: str) -> str:
    """What a file seems to be, or why it cannot be read."""
    try:
        with WeightFile(path) as file:
            return kind_of(file.shapes)
    except MotionError as error:
        return f"cannot be read: {error}"


def _report(found: dict[str, str], folder: str) -> str:
    """What every use has, or what it lacks, how large that is and where it belongs; then all files by their kind."""
    from ..motion_core.release import PARTS

    lines = []
    for part, (kinds, why) in USES.items():
        having = [name for name, kind in found.items() if kind in kinds]
        published = PARTS[part]
        file, size = next(iter(published.files.items()))
        lacking = (
            f"missing, needed {why}. models/{published.folder}/{file} ({size / 1e9:.1f} GB) of the authors' release "
            f"belongs into a folder of its own in {folder}; or, smaller, {published.converted}, which “python -m "
            "motion_core convert-weights RELEASE FOLDER”, run in this pack's folder, makes of it"
        )
        lines.append(f"{'✓' if having else '✗'} {published.title}: {', '.join(having) or lacking}")
    return "\n".join([*lines, "", *(f"{name}: {kind}" for name, kind in found.items())]).strip()


NODES = [LoadMotionPredictor, LoadFlowVAE, LoadMotionModule, CheckModelFiles]
