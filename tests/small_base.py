"""A small Stable Diffusion 1.5 under the names of its own code, and LoRAs for it."""

import re

import pytest
import torch
from safetensors.torch import save_file

from motion_core.base_model import BaseModel
from motion_core.errors import CheckpointError

CLIP = 128  # channels of the miniature text encoder: two heads of 64, as wide as CLIP's
QUERY = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
OUT = "mid_block.attentions.0.transformer_blocks.0.attn2.to_out.0"
PROJECTION = "down_blocks.0.attentions.0.proj_in"  # a 1×1 convolution
CONVOLUTION = "up_blocks.0.resnets.1.conv1"
TEXT_QUERY = "text_model.encoder.layers.1.self_attn.q_proj"
TEXT_OUT = "text_model.encoder.layers.0.self_attn.out_proj"
RESNET = {
    "norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
    "conv2": "out_layers.3", "conv_shortcut": "skip_connection",
}  # fmt: skip
ENDS = {
    "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2",
}  # fmt: skip


def ldm_unet_name(name, layers):
    """Where Stable Diffusion's own code keeps a weight: blocks are counted through, with conv_in the first of them."""
    module, _, kind = name.rpartition(".")
    if module in ENDS:
        return f"{ENDS[module]}.{kind}"
    if module.startswith("mid_block."):
        part, number, inside = re.fullmatch(r"mid_block\.(resnets|attentions)\.(\d)\.(.+)", module).groups()
        place = f"middle_block.{2 * int(number) if part == 'resnets' else 1}"
    else:
        way, block, part, number, inside = re.fullmatch(
            r"(down|up)_blocks\.(\d)\.(resnets|attentions|downsamplers|upsamplers)\.(\d)\.(.+)", module
        ).groups()
        block, number = int(block), int(number)
        if part == "downsamplers":
            return f"input_blocks.{(block + 1) * (layers + 1)}.0.op.{kind}"
        if part == "upsamplers":  # behind the attention, where its block has one
            return f"output_blocks.{block * (layers + 1) + layers}.{1 if block == 0 else 2}.conv.{kind}"
        counted = block * (layers + 1) + number
        first = f"input_blocks.{1 + counted}" if way == "down" else f"output_blocks.{counted}"
        place = f"{first}.{0 if part == 'resnets' else 1}"
    return f"{place}.{RESNET[inside] if part == 'resnets' else inside}.{kind}"


def kohya(module):
    return ("lora_te_" if module.startswith("text_model.") else "lora_unet_") + module.replace(".", "_")


def numbers(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed + sum(shape)))


def saved(path, weights, **metadata):
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: weight.contiguous() for name, weight in weights.items()}, path, metadata=metadata)
    return path


def refusal(base, loras=(), read=BaseModel.unet_weights, **options):
    with pytest.raises(CheckpointError) as told:
        read(BaseModel(base, loras, **options))
    return str(told.value)


def equal(weights, others):
    return weights.keys() == others.keys() and all(torch.equal(weights[name], others[name]) for name in weights)


def text_state(encoder):
    return {
        name.removeprefix("text_model."): weight
        for name, weight in encoder._model.state_dict().items()
        if not name.endswith("position_ids")
    }


SHAPES = {QUERY: (32, 32), OUT: (64, 64), PROJECTION: (32, 32, 1, 1), CONVOLUTION: (64, 128, 3, 3)}
TEXT_SHAPES = {TEXT_QUERY: (CLIP, CLIP), TEXT_OUT: (CLIP, CLIP)}
RANK = 4


def pairs(shapes, seed=0):
    """up [out, rank, 1, 1] and down [rank, in, k, k] for every module; matrices without the kernel."""
    return {
        module: (
            0.1 * numbers(out, RANK, *(1 for _ in kernel), seed=seed),
            0.1 * numbers(RANK, width, *kernel, seed=seed + 1),
        )
        for module, (out, width, *kernel) in shapes.items()
    }


def kohya_lora(pairs, alpha=None):
    weights = {}
    for module, (up, down) in pairs.items():
        weights |= {f"{kohya(module)}.lora_up.weight": up, f"{kohya(module)}.lora_down.weight": down}
        if alpha is not None:
            weights[f"{kohya(module)}.alpha"] = torch.tensor(float(alpha))
    return weights


def peft_lora(pairs, up="lora_B", down="lora_A"):
    weights = {}
    for module, (left, right) in pairs.items():
        half = "text_encoder" if module.startswith("text_model.") else "unet"
        weights |= {f"{half}.{module}.{up}.weight": left, f"{half}.{module}.{down}.weight": right}
    return weights
