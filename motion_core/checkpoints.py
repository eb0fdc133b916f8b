"""Names in the published files → names in our modules. Widths and depths are read from the tensors, and all is strict.

The networks of both stages bear the published names themselves, so only the autoencoders, of which three namings are
about, need tables.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor, nn

from .errors import CheckpointError, MotionError
from .models.motion_vae import MotionVAE
from .models.temporal import position_table
from .models.trajectory_controlnet import TrajectoryControlNet, TrajectoryControlNetConfig
from .models.video_unet import VideoUNet, VideoUNetConfig
from .weight_file import WeightFile

Shapes = Mapping[str, tuple[int, ...]]
Network = TypeVar("Network", bound=nn.Module)

CONTROLNET = "controlnet."  # before the ControlNet's names, as its file was saved from the UNet that holds it
FIRST_STAGE = "first_stage_model."  # before the VAE's names in a full Stable Diffusion checkpoint
POSITIONS = "pos_encoder.pe"  # computed where a file leaves them out
HEADS = 8  # of every attention of SD1.5 and of the published networks; no tensor shows it
HEADS_KEY = "motion_i2v.heads"  # in the metadata of our own files
TOLD = 3  # names in a message


@dataclass(frozen=True)
class Wanted:
    """What a loader is for, and which published file that is."""

    what: str
    file: str


PREDICTOR = Wanted("the motion predictor of stage 1", "stage1/StableDiffusion-FlowGen/unet/diffusion_pytorch_model.bin")
TRAJECTORY = Wanted("the trajectory ControlNet", "stage1/StableDiffusion-FlowGen/controlnet/controlnet.bin")
FLOW_VAE = Wanted("the flow VAE", "stage1/StableDiffusion-FlowGen/vae_flow/diffusion_pytorch_model.bin")
IMAGE_VAE = Wanted("the image VAE of SD1.5", "stage2/StableDiffusion/vae/diffusion_pytorch_model.bin")
MOTION_MODULE = Wanted("the motion module of stage 2", "stage2/Motion_Module/motion_block.bin")


def load_motion_predictor(
    path: str | os.PathLike[str], *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
) -> VideoUNet:
    """Stage 1's UNet, ready to predict. A ControlNet in the same file is left to its own loader.

    dtype: None keeps the file's (float16 for 8-bit floats). CheckpointError names what is missing, unexpected or
    misshaped, and which kind of file was probably given instead.
    """
    with WeightFile(path) as file:
        return _loaded(file, motion_predictor_names(file), VideoUNet, _unet_config(file, file.shapes), dtype, device)


def load_trajectory_controlnet(
    path: str | os.PathLike[str], *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
) -> TrajectoryControlNet:
    """The ControlNet for trajectories and brush, from a file of its own or beside its UNet; see above."""
    with WeightFile(path) as file:
        names = trajectory_controlnet_names(file)
        shapes = {ours: file.shapes[theirs] for ours, theirs in names.items()}
        return _loaded(file, names, TrajectoryControlNet, _controlnet_config(file, shapes), dtype, device)


def load_motion_vae(
    path: str | os.PathLike[str], *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
) -> MotionVAE:
    """The flow VAE, in diffusers' old or new names or Stable Diffusion's own; see above."""
    with WeightFile(path) as file:
        names = motion_vae_names(file)
        return MotionVAE(_loaded(file, names, _autoencoder, _vae_shapes(file, names), dtype, device))


def load_image_vae(
    path: str | os.PathLike[str], *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
) -> AutoencoderKL:
    """SD1.5's VAE, likewise, or out of a full checkpoint."""
    with WeightFile(path) as file:
        names = image_vae_names(file)
        return _loaded(file, names, _autoencoder, _vae_shapes(file, names), dtype, device)


# What each network's names are in a file: {ours: theirs}, checked strictly against its layout. Reads no weights.


def motion_predictor_names(file: WeightFile) -> dict[str, str]:
    shapes = {name: shape for name, shape in file.shapes.items() if not name.startswith(CONTROLNET)}
    if not {"conv_in.weight", "conv_out.weight", "stride_embedding.linear_1.weight"} <= shapes.keys():
        raise _another_kind(file, PREDICTOR)
    return _checked(
        file, {name: name for name in shapes}, _built(VideoUNet, _unet_config(file, shapes), file), PREDICTOR
    )


def trajectory_controlnet_names(file: WeightFile) -> dict[str, str]:
    prefixed = any(name.startswith(CONTROLNET) for name in file.shapes)
    prefix = CONTROLNET if prefixed else ""
    names = {name.removeprefix(prefix): name for name in file.shapes if name.startswith(prefix)}
    if not {"conv_in.weight", "controlnet_cond_embedding.layers.0.weight"} <= names.keys():
        raise _another_kind(file, TRAJECTORY)
    config = _controlnet_config(file, {ours: file.shapes[theirs] for ours, theirs in names.items()})
    return _checked(file, names, _built(TrajectoryControlNet, config, file), TRAJECTORY)


def motion_vae_names(file: WeightFile) -> dict[str, str]:
    return _vae_names(file, FLOW_VAE, channels=2)


def image_vae_names(file: WeightFile) -> dict[str, str]:
    return _vae_names(file, IMAGE_VAE, channels=3)


def motion_module_names(file: WeightFile) -> dict[str, str]:
    """Stage 2's temporal layers: those of a whole UNet, and nothing else."""
    shapes = file.shapes
    widths, layers = _widths(shapes, "{}.motion_modules.0.temporal_transformer.proj_in.weight", "motion_modules")
    if not widths or not all(".motion_modules." in name for name in shapes):
        raise _another_kind(file, MOTION_MODULE)
    with _building(file):
        config = VideoUNetConfig(
            block_out_channels=widths, layers_per_block=layers, cross_attention=(False,) * len(widths),
            heads=_heads(file), positions=_positions(shapes), stride_embedding=False,
        )  # fmt: skip
    layout = {name: s for name, s in _built(VideoUNet, config, file).items() if ".motion_modules." in name}
    return _checked(file, {name: name for name in shapes}, layout, MOTION_MODULE)


# Configs, from shapes.


def video_unet_config(shapes: Shapes, *, heads: int = HEADS) -> VideoUNetConfig:
    """Of a UNet, or the encoder half of one, whose conv_in is there."""
    widths, layers = _widths(shapes, "{}.resnets.0.conv1.weight", "resnets")
    text = next((shape[1] for name, shape in shapes.items() if name.endswith("attn2.to_k.weight")), 768)
    return VideoUNetConfig(
        in_channels=shapes["conv_in.weight"][1],
        out_channels=shapes["conv_out.weight"][0] if "conv_out.weight" in shapes else 4,
        block_out_channels=widths,
        layers_per_block=layers,
        cross_attention=tuple(_has(shapes, f"down_blocks.{i}.attentions.") for i in range(len(widths))),
        cross_attention_dim=text,
        heads=heads,
        positions=_positions(shapes),
        stride_embedding="stride_embedding.linear_1.weight" in shapes,
    )


def trajectory_controlnet_config(shapes: Shapes, *, heads: int = HEADS) -> TrajectoryControlNetConfig:
    between, channels = shapes["controlnet_cond_embedding.layers.0.weight"][:2]
    return TrajectoryControlNetConfig(video_unet_config(shapes, heads=heads), channels, between)


def autoencoder_config(shapes: Shapes) -> dict[str, Any]:
    """What diffusers' AutoencoderKL is built with, of shapes under its own names."""
    widths, layers = _widths(shapes, "encoder.{}.resnets.0.conv1.weight", "resnets")
    return {
        "in_channels": shapes["encoder.conv_in.weight"][1],
        "out_channels": shapes["decoder.conv_out.weight"][0],
        "latent_channels": shapes["decoder.conv_in.weight"][1],
        "block_out_channels": widths,
        "layers_per_block": layers,
        "down_block_types": ("DownEncoderBlock2D",) * len(widths),
        "up_block_types": ("UpDecoderBlock2D",) * len(widths),
    }


def _unet_config(file: WeightFile, shapes: Shapes) -> VideoUNetConfig:
    with _building(file):
        return video_unet_config(shapes, heads=_heads(file))


def _controlnet_config(file: WeightFile, shapes: Shapes) -> TrajectoryControlNetConfig:
    with _building(file):
        return trajectory_controlnet_config(shapes, heads=_heads(file))


@contextmanager
def _building(file: WeightFile) -> Iterator[None]:
    """What goes wrong when a network is built of shapes that no network has, told as a CheckpointError."""
    try:
        yield
    except CheckpointError:
        raise
    except (MotionError, ValueError, KeyError, IndexError, TypeError) as error:
        raise CheckpointError(f"No network can be built of the tensors in {file.path}: {error}") from error


def _widths(shapes: Shapes, first: str, layer: str) -> tuple[tuple[int, ...], int]:
    """The width of every down block, by the tensor named `first`, and the layers of one block."""
    widths: list[int] = []
    while (shape := shapes.get(first.format(f"down_blocks.{len(widths)}"))) is not None:
        widths.append(shape[0])
    prefix, layers = first.format("down_blocks.0").split(layer)[0], 0
    while _has(shapes, f"{prefix}{layer}.{layers}."):
        layers += 1
    return tuple(widths), layers


def _has(shapes: Shapes, prefix: str) -> bool:
    return any(name.startswith(prefix) for name in shapes)


def _positions(shapes: Shapes) -> int:
    return next((shape[1] for name, shape in shapes.items() if name.endswith(POSITIONS)), VideoUNetConfig.positions)


def _heads(file: WeightFile) -> int:
    """As our own files say, or a diffusers config beside the file, which calls the count "attention_head_dim"."""
    beside = file.path.with_name("config.json")
    if HEADS_KEY in file.metadata:
        told: object = file.metadata[HEADS_KEY]
    elif beside.is_file():
        try:
            told = json.loads(beside.read_text("utf-8")).get("attention_head_dim", HEADS)
        except (ValueError, AttributeError, OSError) as error:
            raise CheckpointError(f"{beside} is no config that can be read ({error}).") from None
    else:
        told = HEADS
    if isinstance(told, list) and told and all(count == told[0] for count in told):
        told = told[0]
    if not str(told).isdecimal() or int(str(told)) < 1:
        raise CheckpointError(f"The count of attention heads beside {file.path} is {told!r}; one number is wanted.")
    return int(str(told))


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


def _vae_names(file: WeightFile, wanted: Wanted, *, channels: int) -> dict[str, str]:
    prefix = FIRST_STAGE if _has(file.shapes, FIRST_STAGE) else ""
    theirs = [name for name in file.shapes if name.startswith(prefix)]
    blocks = len({name.split(".up.")[1].split(".")[0] for name in theirs if ".up." in name})
    names = {_diffusers_name(name.removeprefix(prefix), blocks): name for name in theirs}
    shapes = _vae_shapes(file, names)
    first, last = shapes.get("encoder.conv_in.weight", ()), shapes.get("decoder.conv_out.weight", ())
    if len(first) != 4 or len(last) != 4 or (first[1], last[0]) != (channels, channels):
        raise _another_kind(file, wanted)
    return _checked(file, names, _built(_autoencoder, shapes, file), wanted, shapes)


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


def _vae_shapes(file: WeightFile, names: Mapping[str, str]) -> dict[str, tuple[int, ...]]:
    """Shapes under our names; the 1×1 convolutions of an LDM attention are linear layers here."""
    return {ours: _linear(ours, file.shapes[theirs]) for ours, theirs in names.items()}


def _linear(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[:2] if ".attentions.0.to_" in name and shape[2:] == (1, 1) else shape


def _autoencoder(shapes: Shapes) -> AutoencoderKL:
    return AutoencoderKL(**autoencoder_config(shapes))


# Strict loading.

Config = TypeVar("Config")


def _built(build: Callable[[Config], nn.Module], config: Config, file: WeightFile) -> dict[str, tuple[int, ...]]:
    """The layout of a network: every name and shape. Nothing is allocated."""
    return {name: tuple(tensor.shape) for name, tensor in _empty(build, config, file).state_dict().items()}


def _empty(build: Callable[[Config], Network], config: Config, file: WeightFile) -> Network:
    with _building(file), torch.device("meta"):
        return build(config)


def _checked(
    file: WeightFile, names: dict[str, str], layout: Shapes, wanted: Wanted, shapes: Shapes | None = None
) -> dict[str, str]:
    """The names, if the file has every tensor of the layout, of its shape, and no other."""
    shapes = {ours: file.shapes[theirs] for ours, theirs in names.items()} if shapes is None else shapes
    faults = {
        "missing": [name for name in layout if name not in shapes and not name.endswith(POSITIONS)],
        "unexpected": [names[name] for name in shapes if name not in layout],
        "of another shape": [
            f"{names[name]} {list(shapes[name])} instead of {list(layout[name])}"
            for name in shapes
            if name in layout and shapes[name] != layout[name]
        ],
        "not of floating numbers": [theirs for theirs in names.values() if not file.dtypes[theirs].is_floating_point],
    }
    told = [f"{len(found)} {fault} ({_few(found)})" for fault, found in faults.items() if found]
    if told:
        raise CheckpointError(
            f"{file.path} does not fit {wanted.what}; tensors {'; '.join(told)}. It seems to be "
            f"{kind_of(file.shapes)}. Give the release's {wanted.file}, or what convert-weights made of it."
        )
    return names


def _few(names: list[str]) -> str:
    return ", ".join(names[:TOLD]) + (", …" if len(names) > TOLD else "")


def _loaded(
    file: WeightFile,
    names: Mapping[str, str],
    build: Callable[[Config], Network],
    config: Config,
    dtype: torch.dtype | None,
    device: torch.device | str,
) -> Network:
    network = _empty(build, config, file)
    weights: dict[str, Tensor] = {}
    for name, empty in network.state_dict().items():
        kept = file.tensor(names[name]) if name in names else position_table(*empty.shape[1:])
        own = torch.float16 if kept.dtype.itemsize == 1 else kept.dtype
        weights[name] = kept.reshape(empty.shape).to(device, dtype or own)
    network.load_state_dict(weights, strict=True, assign=True)
    return network.eval().requires_grad_(False)


# Which kind of file was given.


def kind_of(shapes: Shapes) -> str:
    """What a file with these names and shapes probably is, in words."""
    return next(told for told, is_it in KINDS if is_it(shapes))


def _any(pattern: str) -> Callable[[Shapes], bool]:
    return lambda shapes: any(re.search(pattern, name) for name in shapes)


def _shape(name: str, axis: int, length: int) -> Callable[[Shapes], bool]:
    return lambda shapes: len(shapes.get(name, ())) > axis and shapes[name][axis] == length


def _all(*tests: Callable[[Shapes], bool]) -> Callable[[Shapes], bool]:
    return lambda shapes: all(test(shapes) for test in tests)


def _no(test: Callable[[Shapes], bool]) -> Callable[[Shapes], bool]:
    return lambda shapes: not test(shapes)


_TEMPORAL = _any(r"(motion_modules|temporal_transformer)\.")
_CONTROL = _any(r"controlnet_cond_embedding\.layers\.")
_SPATIAL = _any(r"^(module\.)?(down_blocks\.0\.resnets|conv_in)")
_TEXT_WIDTH = "down_blocks.{}.attentions.0.transformer_blocks.0.attn2.to_k.weight"

KINDS: list[tuple[str, Callable[[Shapes], bool]]] = [  # the first that fits
    ("a LoRA, not a whole network", _any(r"lora_(up|down|A|B)\b|\.lora\.|hada_w1|lokr_w1")),
    ("a full SDXL checkpoint", _all(_any(r"^model\.diffusion_model\."), _any(r"^conditioner\."))),
    (
        "a full Stable Diffusion 2 checkpoint",
        _all(_any(r"^model\.diffusion_model\."), _any(r"cond_stage_model\.model\.")),
    ),
    ("a full Stable Diffusion 1.5 checkpoint", _any(r"^model\.diffusion_model\.")),
    ("an ordinary ControlNet of Stable Diffusion", _any(r"^control_model\.|controlnet_cond_embedding\.conv_in")),
    ("a motion predictor together with its trajectory ControlNet", _all(_CONTROL, _any(r"^conv_out\."))),
    ("a trajectory ControlNet without its UNet", _CONTROL),
    ("a motion predictor of stage 1", _all(_TEMPORAL, _any(r"^stride_embedding\."))),
    ("a video UNet of stage 2, without frame strides", _all(_TEMPORAL, _SPATIAL)),
    ("an AnimateDiff module for SDXL, or HotshotXL", _all(_TEMPORAL, _no(_any(r"^down_blocks\.3\.")))),
    (
        "an AnimateDiff v1 or v3 module, which has no middle block",
        _all(_TEMPORAL, _no(_any(r"^mid_block\."))),
    ),
    ("a motion module: of stage 2, or AnimateDiff v2", _TEMPORAL),
    ("a CLIP text encoder", _any(r"^(text_model|transformer\.text_model|cond_stage_model)\.|token_embedding\.weight$")),
    ("a flow VAE", _shape("encoder.conv_in.weight", 1, 2)),
    ("an image VAE", _any(r"^(first_stage_model\.)?encoder\.conv_in\.weight$")),
    ("an SDXL UNet", _all(_SPATIAL, _any(r"^add_embedding\."))),
    ("a Stable Diffusion 2 UNet", _all(_SPATIAL, _shape(_TEXT_WIDTH.format(0), 1, 1024))),
    ("a plain Stable Diffusion 1.5 UNet, without temporal layers", _SPATIAL),
    ("something else", lambda shapes: True),
]


def _another_kind(file: WeightFile, wanted: Wanted) -> CheckpointError:
    return CheckpointError(
        f"{file.path} is not {wanted.what}. It seems to be {kind_of(file.shapes)}. "
        f"Give the release's {wanted.file}, or what convert-weights made of it."
    )
