"""A LoRA for Stable Diffusion 1.5: which weights it changes, and by what, under the names that four trainers give.

kohya     lora_unet_…_to_q.lora_down.weight, lora_te_…; with .alpha, and convolutions (LoCon)
diffusers unet.….to_q.lora_A.weight, text_encoder.…, with .alpha or peft's settings in the file's metadata
older     unet.….to_q.lora.down.weight, ….processor.to_q_lora.down.weight, ….q_proj.lora_linear_layer.down.weight
peft      base_model.model.….to_q.lora_A.weight
"""

from __future__ import annotations

import json
import math
import os
import re
from typing import Literal

import torch
from torch import Tensor

from .errors import CheckpointError
from .kinds import Shapes, kind_of
from .layout import few
from .weight_file import WeightFile

Half = Literal["unet", "text_encoder"]

SETTINGS = "lora_adapter_metadata"  # where diffusers keeps peft's settings, in the metadata of a file
HALVES = re.compile(r"(?:base_model\.model\.)?(lora_unet_|unet\.|lora_te1?_|text_encoder\.|text_model\.|)(.+)")
OF_TEXT = ("lora_te_", "lora_te1_", "text_encoder.", "text_model.")
MATRIX = re.compile(
    r"(.+?)(?:\.lora_|\.lora\.|_lora\.|\.lora_linear_layer\.)(down|up|A|B)(?:\.default(?:_\d+)?)?\.weight"
)
ALPHA = re.compile(r"(.+?)(?:\.lora|_lora|\.lora_linear_layer)?\.(alpha)")
PARTS = {"A": "down", "B": "up"}
OLD = (  # diffusers' names of before → today's
    (r"\.processor\.", "."),
    (r"(self_attn\.)to_(q|k|v|out)$", r"\1\2_proj"),
    (r"\.to_out$", ".to_out.0"),
)
OTHERS = (  # the first that is found in a name
    (r"lora_te2_|text_encoder_2\.|lora_unet_(input|output|middle)_block|add_embedding", "a LoRA for SDXL"),
    (r"^(transformer|diffusion_model|lora_transformer)[._]|single_blocks|joint_blocks", "a LoRA for another model"),
    (r"motion_modules", "a motion LoRA for AnimateDiff"),
    (r"hada_", "a LoHa"),
    (r"lokr_", "a LoKr"),
    (r"dora_scale|lora_magnitude_vector", "a DoRA"),
    (r"\boft_", "an OFT"),
    (r"lora_mid", "a LoCon with Tucker decomposition"),
    (r"\.diff(_b)?$", "a file of whole differences (“full” LyCORIS)"),
)
SUPPORTED = (
    "Read here are LoRA and LoCon for Stable Diffusion 1.5, as kohya, diffusers or peft write them (.safetensors)."
)


def lora_changes(
    path: str | os.PathLike[str], half: Half, weights: Shapes, strength: float = 1.0
) -> dict[str, tuple[Tensor, Tensor]]:
    """What a LoRA adds to the weights so named and shaped: name → (up [out, rank], down [rank, in]), float32, scaled.

    The change of a weight is (up @ down).reshape(its shape). half: which network the weights belong to; the LoRA's
    other half is not looked at. CheckpointError: the file is no such LoRA, or does not fit the weights.
    """
    places = {_squeezed(name.removesuffix(".weight")): name for name in weights if name.endswith(".weight")}
    misfit = f"{path} does not fit this {half.replace('_', ' ')}"
    with WeightFile(path) as file:
        layers = _layers(file)[half]
        lost = [name for module, parts in layers.items() if module not in places for name in parts.values()]
        if lost:
            raise CheckpointError(
                f"{misfit}: {len(lost)} of its tensors have no place there ({few(lost)}). "
                f"It is made for another model. {SUPPORTED}"
            )
        changes = {}
        for module, parts in layers.items():
            name = places[module]
            up, down = (_shape(file, parts[part]) for part in ("up", "down"))
            out, *rest = weights[name]
            whole = up[:1] == (out,) and up[1:2] == down[:1] != (0,)
            if not (whole and _fits(up[2:], ()) and _fits(down[1:], tuple(rest))):
                raise CheckpointError(
                    f"{misfit}: {parts['up']} {list(up)} times {parts['down']} {list(down)} is "
                    f"no change of {name} {list(weights[name])}. It is made for another model, as SDXL or SD2. "
                    f"{SUPPORTED}"
                )
            scale = strength * _scale(file, parts, rank=down[0])
            changes[name] = (
                file.tensor(parts["up"]).float().flatten(1) * scale,
                file.tensor(parts["down"]).to(torch.float32, copy=True).flatten(1),
            )
        return changes


def _layers(file: WeightFile) -> dict[Half, dict[str, dict[str, str]]]:
    """half → module, its dots squeezed → "up", "down", perhaps "alpha" → the name of the tensor."""
    for pattern, kind in OTHERS:
        found = [name for name in file.shapes if re.search(pattern, name)]
        if found:
            raise CheckpointError(f"{file.path} is {kind} ({few(found)}). {SUPPORTED}")
    layers: dict[Half, dict[str, dict[str, str]]] = {"unet": {}, "text_encoder": {}}
    foreign = []
    for name in file.shapes:
        matched = MATRIX.fullmatch(name) or ALPHA.fullmatch(name)
        halved = HALVES.fullmatch(matched[1]) if matched else None
        if not matched or not halved:
            foreign.append(name)
            continue
        half: Half = "text_encoder" if halved[1] in OF_TEXT else "unet"
        part, parts = PARTS.get(matched[2], matched[2]), layers[half].setdefault(_squeezed(halved[2]), {})
        if part in parts:
            raise CheckpointError(f"{file.path} holds the same twice: {parts[part]} and {name}. {SUPPORTED}")
        parts[part] = name
    if len(foreign) == len(file.shapes):
        raise CheckpointError(f"{file.path} is no LoRA. It seems to be {kind_of(file.shapes)}. {SUPPORTED}")
    for modules in layers.values():
        foreign += [name for parts in modules.values() if not {"up", "down"} <= set(parts) for name in parts.values()]
    if foreign:
        raise CheckpointError(
            f"{file.path} is no whole LoRA: {len(foreign)} of its tensors are of another kind, or are up without down "
            f"({few(foreign)}). {SUPPORTED}"
        )
    return layers


def _squeezed(module: str) -> str:
    """kohya writes dots as underscores, so that names can only be compared without them."""
    for old, today in OLD:
        module = re.sub(old, today, module)
    return module.replace(".", "_").removeprefix("text_model_")


def _scale(file: WeightFile, parts: dict[str, str], *, rank: int) -> float:
    """alpha / rank. Who says nothing of alpha has it equal to the rank."""
    if "alpha" in parts:
        if math.prod(_shape(file, parts["alpha"])) != 1:
            raise CheckpointError(f"{file.path} does not hold one number as {parts['alpha']}. {SUPPORTED}")
        return float(file.tensor(parts["alpha"])) / rank
    if SETTINGS not in file.metadata:
        return 1.0
    half, _, module = parts["down"].partition(".")
    try:
        settings = json.loads(file.metadata[SETTINGS])
        patterns = settings.get(f"{half}.alpha_pattern") or {}
        alpha = settings.get(f"{half}.lora_alpha", rank)
        root = settings.get(f"{half}.use_rslora", False)
        told = [patterns[p] for p in patterns if re.match(rf"(.*\.)?({p})\.lora_A", module)]
        return float(told[0] if told else alpha) / (math.sqrt(rank) if root else rank)
    except (ValueError, TypeError, AttributeError, re.error) as error:
        raise CheckpointError(f"The settings in the metadata of {file.path} cannot be read ({error}).") from None


def _shape(file: WeightFile, name: str) -> tuple[int, ...]:
    if not file.dtypes[name].is_floating_point and not name.endswith("alpha"):
        raise CheckpointError(f"{file.path} holds {name} as whole numbers, as quantised files do. {SUPPORTED}")
    return tuple(file.shapes[name])


def _fits(axes: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether they are the same but for axes of length 1 at the end: some write 1×1 convolutions as matrices."""
    length = max(len(axes), len(wanted))
    return axes + (1,) * (length - len(axes)) == wanted + (1,) * (length - len(wanted))
