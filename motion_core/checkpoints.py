"""Names in the published files → names in our modules. Widths and depths are read from the tensors, and all is strict.

The networks of both stages bear the published names themselves, so only the autoencoders, of which three namings are
about, need tables.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from statistics import mode
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor

from .errors import CheckpointError
from .kinds import (
    AUTOENCODER,
    CONTROL_ALONE,
    FLOW_AUTOENCODER,
    MODULE,
    MODULE_V1,
    MODULE_V3,
    SD15,
    STAGE1,
    STAGE1_WITH_CONTROL,
    Shapes,
    kind_of,
)
from .layout import (
    HEADS,
    Wanted,
    building,
    check_kind,
    checked,
    commonest_length,
    filled,
    has_prefix,
    heads_of,
    layout_of,
)
from .models.motion_modules import MotionModules
from .models.motion_vae import MotionVAE
from .models.trajectory_controlnet import TrajectoryControlNet, TrajectoryControlNetConfig
from .models.video_unet import VideoUNet, VideoUNetConfig
from .weight_file import WeightFile

CONTROLNET = "controlnet."  # before the ControlNet's names, as its file was saved from the UNet that holds it
FIRST_STAGE = "first_stage_model."  # before the VAE's names in a full Stable Diffusion checkpoint
LEFTOVERS = ("loss.", "model_ema.")  # of its training, in files of Stable Diffusion's own VAE


FLOWGEN = "stage1/StableDiffusion-FlowGen"
PREDICTOR = Wanted(
    "the motion predictor of stage 1", f"{FLOWGEN}/unet/diffusion_pytorch_model.bin", (STAGE1, STAGE1_WITH_CONTROL)
)
TRAJECTORY = Wanted(
    "the trajectory ControlNet", f"{FLOWGEN}/controlnet/controlnet.bin", (CONTROL_ALONE, STAGE1_WITH_CONTROL)
)
FLOW_VAE = Wanted("the flow VAE", f"{FLOWGEN}/vae_flow/diffusion_pytorch_model.bin", (FLOW_AUTOENCODER,))
IMAGE_VAE = Wanted(
    "the image VAE of SD1.5", "stage2/StableDiffusion/vae/diffusion_pytorch_model.bin", (AUTOENCODER, SD15)
)
RENDERER_MODULE = Wanted("the motion module of stage 2", "stage2/Motion_Module/motion_block.bin", (MODULE,))
MOTION_MODULE = Wanted(
    "a motion module for SD1.5",
    "stage2/Motion_Module/motion_block.bin or an AnimateDiff v1, v2 or v3 module for SD1.5",
    (MODULE, MODULE_V1, MODULE_V3),
)


def load_motion_predictor(
    path: str | os.PathLike[str], *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
) -> VideoUNet:
    """Stage 1's UNet, ready to predict. A ControlNet in the same file is left to its own loader.

    dtype: None keeps the one of most of the file's numbers (float16 for 8-bit floats). Nothing refers to the file
    afterwards. CheckpointError names what is missing, unexpected or misshaped, or which kind of file was given instead.
    """
    with WeightFile(path) as file:
        return filled(file, *_predictor(file), dtype, device)


def load_trajectory_controlnet(
    path: str | os.PathLike[str], *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
) -> TrajectoryControlNet:
    """The ControlNet for trajectories and brush, from a file of its own or beside its UNet; see above."""
    with WeightFile(path) as file:
        return filled(file, *_controlnet(file), dtype, device)


def load_motion_vae(
    path: str | os.PathLike[str], *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
) -> MotionVAE:
    """The flow VAE, in diffusers' old or new names or Stable Diffusion's own; see above.

    dtype: None is float32 whatever the file has: next to ½, which is no motion, bfloat16 knows no drag under 2 pixels.
    """
    with WeightFile(path) as file:
        return MotionVAE(filled(file, *_autoencoder(file, FLOW_VAE, channels=2), dtype or torch.float32, device))


def load_image_vae(
    path: str | os.PathLike[str], *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
) -> AutoencoderKL:
    """SD1.5's VAE, likewise, or out of a full checkpoint."""
    with WeightFile(path) as file:
        return filled(file, *_autoencoder(file, IMAGE_VAE, channels=3), dtype, device)


def load_motion_modules(
    path: str | os.PathLike[str], *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
) -> MotionModules:
    """Stage 2's temporal layers, or those of AnimateDiff v1, v2 or v3 for SD1.5; see above."""
    with WeightFile(path) as file:
        return filled(file, *_motion_modules(file, MOTION_MODULE), dtype, device)


def motion_modules_config(path: str | os.PathLike[str]) -> VideoUNetConfig:
    """What a motion module was made for, without reading its weights. Errors as of the loader."""
    with WeightFile(path) as file:
        return _motion_modules(file, MOTION_MODULE)[0].config


def check_same_unet(theirs: VideoUNetConfig, ours: VideoUNetConfig) -> None:
    """CheckpointError unless a motion module (theirs) and a checkpoint (ours) belong to the same kind of UNet."""
    for what, module, unet in (
        ("widths", theirs.block_out_channels, ours.block_out_channels),
        ("layers in a block", theirs.layers_per_block, ours.layers_per_block),
        ("attention heads", theirs.heads, ours.heads),
    ):
        if module != unet:
            raise CheckpointError(
                f"The motion module is for a UNet of {what} {module}, and the checkpoint's has {unet}. "
                "Both are to be made for the same model: SD1.5."
            )


def assembled(weights: Mapping[str, Tensor], modules: MotionModules, *, heads: int = HEADS) -> VideoUNet:
    """SD1.5's UNet, in diffusers' names, with motion modules between its layers: the renderer's network.

    heads: of every attention in the weights. The tensors are shared, not copied.
    CheckpointError: the two do not belong to the same kind of UNet.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    theirs, ours = modules.config, video_unet_config(shapes, heads=heads)
    check_same_unet(theirs, ours)
    precisions = {tensor.dtype for tensor in (*weights.values(), *modules.state_dict().values())}
    if len(precisions) > 1:
        raise CheckpointError(
            f"The checkpoint and the motion module have different precisions ({', '.join(map(str, precisions))}). "
            "Load both with the same dtype."
        )
    config = replace(ours, positions=theirs.positions, middle_motion=theirs.middle_motion)
    with torch.device("meta"):
        network = VideoUNet(config)
    network.load_state_dict({**weights, **modules.state_dict()}, strict=True, assign=True)
    return network.eval().requires_grad_(False)


# What each network's names are in a file: {ours: theirs}, checked strictly against its layout. Reads no weights.


def motion_predictor_names(file: WeightFile) -> dict[str, str]:
    return _predictor(file)[1]


def trajectory_controlnet_names(file: WeightFile) -> dict[str, str]:
    return _controlnet(file)[1]


def motion_vae_names(file: WeightFile) -> dict[str, str]:
    return _autoencoder(file, FLOW_VAE, channels=2)[1]


def image_vae_names(file: WeightFile) -> dict[str, str]:
    return _autoencoder(file, IMAGE_VAE, channels=3)[1]


def motion_module_names(file: WeightFile) -> dict[str, str]:
    """Of stage 2's own; AnimateDiff's are no part of the release."""
    return _motion_modules(file, RENDERER_MODULE)[1]


def _predictor(file: WeightFile) -> tuple[VideoUNet, dict[str, str]]:
    check_kind(file, PREDICTOR)
    shapes = {name: shape for name, shape in file.shapes.items() if not name.startswith(CONTROLNET)}
    with building(file):
        network = VideoUNet(video_unet_config(shapes, heads=heads_of(file)))
    return network, checked(file, {name: name for name in shapes}, shapes, layout_of(network), PREDICTOR)


def _controlnet(file: WeightFile) -> tuple[TrajectoryControlNet, dict[str, str]]:
    check_kind(file, TRAJECTORY)
    prefix = CONTROLNET if has_prefix(file.shapes, CONTROLNET) else ""
    names = {name.removeprefix(prefix): name for name in file.shapes if name.startswith(prefix)}
    shapes = {ours: file.shapes[theirs] for ours, theirs in names.items()}
    with building(file):
        network = TrajectoryControlNet(trajectory_controlnet_config(shapes, heads=heads_of(file)))
    return network, checked(file, names, shapes, layout_of(network), TRAJECTORY)


def _motion_modules(file: WeightFile, wanted: Wanted) -> tuple[MotionModules, dict[str, str]]:
    check_kind(file, wanted)
    names, shapes = {name: name for name in file.shapes}, file.shapes
    widths, layers = _down_blocks(shapes, "", "motion_modules", r"temporal_transformer\.(norm|proj_in|proj_out)")
    with building(file):
        network = MotionModules(
            VideoUNetConfig(
                in_channels=4, block_out_channels=widths, layers_per_block=layers,
                cross_attention=(False,) * len(widths), heads=heads_of(file), positions=_positions(shapes),
                stride_embedding=False, middle_motion=has_prefix(shapes, "mid_block."),
            )
        )  # fmt: skip
    return network, checked(file, names, shapes, layout_of(network), wanted)


def _autoencoder(file: WeightFile, wanted: Wanted, *, channels: int) -> tuple[AutoencoderKL, dict[str, str]]:
    check_kind(file, wanted)
    prefix = FIRST_STAGE if has_prefix(file.shapes, FIRST_STAGE) or kind_of(file.shapes) == SD15 else ""
    theirs = [name for name in file.shapes if name.startswith(prefix) and not name.startswith(LEFTOVERS)]
    if not theirs:
        raise CheckpointError(f"{file.path} is {SD15} without its VAE. Give the release's {wanted.file}.")
    names = _vae_names(theirs, prefix)
    shapes = {ours: _linear(ours, file.shapes[theirs]) for ours, theirs in names.items()}
    with building(file):
        config = autoencoder_config(shapes)
        config["in_channels"] = config["out_channels"] = channels
        network = AutoencoderKL(**config)
    return network, checked(file, names, shapes, layout_of(network), wanted)


# Configs, from shapes. One tensor that is missing or misshaped does not change them, so that it can be named.


def video_unet_config(shapes: Shapes, *, heads: int = HEADS) -> VideoUNetConfig:
    """Of a UNet, or the encoder half of one."""
    widths, layers = _down_blocks(shapes, "", "resnets", "conv[12]")
    return VideoUNetConfig(
        in_channels=commonest_length(shapes, r"^conv_in\.weight$", 1, VideoUNetConfig.in_channels),
        out_channels=commonest_length(shapes, r"^conv_out\.(weight|bias)$", 0, VideoUNetConfig.out_channels),
        block_out_channels=widths,
        layers_per_block=layers,
        cross_attention=tuple(has_prefix(shapes, f"down_blocks.{i}.attentions.") for i in range(len(widths))),
        cross_attention_dim=commonest_length(shapes, r"attn2\.to_k\.weight$", 1, VideoUNetConfig.cross_attention_dim),
        heads=heads,
        positions=_positions(shapes),
        stride_embedding=has_prefix(shapes, "stride_embedding."),
    )


def trajectory_controlnet_config(shapes: Shapes, *, heads: int = HEADS) -> TrajectoryControlNetConfig:
    first, published = r"^controlnet_cond_embedding\.layers\.0\.", TrajectoryControlNetConfig
    return TrajectoryControlNetConfig(
        video_unet_config(shapes, heads=heads),
        control_channels=commonest_length(shapes, first + "weight$", 1, published.control_channels),
        condition_channels=commonest_length(shapes, first, 0, published.condition_channels),
    )


def autoencoder_config(shapes: Shapes) -> dict[str, Any]:
    """What diffusers' AutoencoderKL is built with, of shapes under its own names."""
    widths, layers = _down_blocks(shapes, r"encoder\.", "resnets", "conv[12]")
    return {
        "in_channels": commonest_length(shapes, r"^encoder\.conv_in\.weight$", 1, 3),
        "out_channels": commonest_length(shapes, r"^decoder\.conv_out\.(weight|bias)$", 0, 3),
        "latent_channels": commonest_length(shapes, r"^decoder\.conv_in\.weight$", 1, 4),
        "block_out_channels": widths,
        "layers_per_block": layers,
        "down_block_types": ("DownEncoderBlock2D",) * len(widths),
        "up_block_types": ("UpDecoderBlock2D",) * len(widths),
    }


def _positions(shapes: Shapes) -> int:
    return commonest_length(shapes, r"pos_encoder\.pe$", 1, VideoUNetConfig.positions)


def _down_blocks(shapes: Shapes, prefix: str, layer: str, tensors: str) -> tuple[tuple[int, ...], int]:
    """The width of every down block, by the first axis of the tensors so named, and the layers of one block."""
    place = re.compile(rf"{prefix}down_blocks\.(\d+)\.{layer}\.(\d+)\.{tensors}\.")
    widths: dict[int, list[int]] = {}
    layers: dict[int, set[str]] = {}
    for name, shape in shapes.items():
        found = place.match(name)
        if found and shape and shape[0]:
            widths.setdefault(int(found[1]), []).append(shape[0])
            layers.setdefault(int(found[1]), set()).add(found[2])
    return tuple(mode(widths[block]) for block in sorted(widths)), mode([*map(len, layers.values())] or [0])


# The autoencoders' three namings. Ours is that of diffusers today.

OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
LDM_ATTENTION = {"q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0", "norm": "group_norm"}
LDM_LAYERS = [  # in this order; of Stable Diffusion's own layout
    (r"\.down\.(\d+)\.block\.", r".down_blocks.\1.resnets."),
    (r"\.down\.(\d+)\.downsample\.", r".down_blocks.\1.downsamplers.0."),
    (r"\.up\.(\d+)\.block\.", r".up_blocks.\1.resnets."),
    (r"\.up\.(\d+)\.upsample\.", r".up_blocks.\1.upsamplers.0."),
    (r"\.mid\.block_1\.", ".mid_block.resnets.0."),
    (r"\.mid\.block_2\.", ".mid_block.resnets.1."),
    (r"\.mid\.attn_1\.", ".mid_block.attentions.0."),
    (r"\.nin_shortcut\.", ".conv_shortcut."),
    (r"^(encoder|decoder)\.norm_out\.", r"\1.conv_norm_out."),
]


def _vae_names(theirs: list[str], prefix: str) -> dict[str, str]:
    blocks = len({name.split(".up.")[1].split(".")[0] for name in theirs if ".up." in name})
    return {_diffusers_name(name.removeprefix(prefix), blocks): name for name in theirs}


def _diffusers_name(name: str, blocks: int) -> str:
    ldm = re.search(r"\.(mid|up|down)\.", name) is not None
    if ldm:  # its decoder counts from the finest block, diffusers' from the coarsest
        name = re.sub(r"\.up\.(\d+)\.", lambda found: f".up.{blocks - 1 - int(found[1])}.", name)
    for theirs, ours in LDM_LAYERS:
        name = re.sub(theirs, ours, name)
    table = LDM_ATTENTION if ldm else OLD_ATTENTION
    head, attention, layer = name.partition(".attentions.0.")
    part, dot, kind = layer.rpartition(".")
    return f"{head}{attention}{table.get(part, part)}{dot}{kind}" if attention else name


def _linear(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The 1×1 convolutions of Stable Diffusion's own attention are linear layers in diffusers."""
    return shape[:2] if ".attentions.0.to_" in name and shape[2:] == (1, 1) else shape
