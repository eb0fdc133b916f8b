"""LoRAs that do not fit are refused, and what they are is said."""

import re

import pytest
import torch

from motion_core.base_model import BaseModel
from motion_core.errors import MotionError
from tests.small_base import (
    CLIP,
    CONVOLUTION,
    QUERY,
    SHAPES,
    kohya,
    kohya_lora,
    numbers,
    pairs,
    peft_lora,
    refusal,
    saved,
)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({f"{kohya(QUERY)}.hada_w1_a": numbers(32, 4)}, "a LoHa"),
        ({f"{kohya(QUERY)}.lokr_w1": numbers(4, 4)}, "a LoKr"),
        ({**kohya_lora(pairs({QUERY: (32, 32)})), f"{kohya(QUERY)}.dora_scale": numbers(32, 1)}, "a DoRA"),
        ({**peft_lora(pairs({QUERY: (32, 32)})), f"unet.{QUERY}.lora_magnitude_vector": numbers(32)}, "a DoRA"),
        ({f"{kohya(QUERY)}.lora_mid.weight": numbers(4, 4, 3, 3)}, "Tucker"),
        ({f"{kohya(QUERY)}.diff": numbers(32, 32)}, "whole differences"),
        ({"lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_up.weight": numbers(8, 4)}, "a LoRA for SDXL"),
        ({"lora_unet_input_blocks_4_1_proj_in.lora_up.weight": numbers(8, 4)}, "a LoRA for SDXL"),
        ({"transformer.single_blocks.0.lora_A.weight": numbers(4, 8)}, "a LoRA for another model"),
        ({"down_blocks.0.motion_modules.0.to_q_lora.down.weight": numbers(4, 8)}, "a motion LoRA"),
        ({"conv_in.weight": numbers(4, 4, 3, 3)}, "is no LoRA. It seems to be a plain Stable Diffusion 1.5 UNet"),
    ],
    ids=["loha", "lokr", "dora", "peft dora", "tucker", "full", "sdxl text", "sdxl unet", "flux", "motion", "unet"],
)
def test_other_kinds_of_lora_are_named_with_what_is_supported(pristine, tmp_path, written, told):
    file = saved(tmp_path / "lora.safetensors", written)
    message = refusal(pristine, [(file, 1.0)])
    assert told in message
    assert "Read here are LoRA and LoCon" in message


NOWHERE = "down_blocks.7.attentions.0.proj_in"


@pytest.mark.parametrize("shapes", [{}, SHAPES], ids=["nothing fits", "a part fits"])
@pytest.mark.parametrize("written", [kohya_lora, peft_lora])
def test_keys_of_a_lora_without_a_place_are_named(pristine, tmp_path, shapes, written):
    weights = written(pairs(shapes | {NOWHERE: (32, 32)}))
    told = refusal(pristine, [(saved(tmp_path / "lora.safetensors", weights), 1.0)])
    assert "2 of its tensors have no place there" in told
    assert re.search(r"down_blocks[._]7[._]attentions[._]0[._]proj_in\.lora_", told)


def test_a_lora_for_a_deeper_text_encoder_is_refused_there(pristine, tmp_path):
    deep = {"text_model.encoder.layers.9.mlp.fc1": (CLIP, CLIP)}
    file = saved(tmp_path / "lora.safetensors", kohya_lora(pairs(deep)))
    assert "does not fit this text encoder" in refusal(pristine, [(file, 1.0)], read=BaseModel.text_encoder)


@pytest.mark.parametrize(
    ("module", "shape"),
    [(QUERY, (32, 64)), (QUERY, (64, 32)), (CONVOLUTION, (64, 128, 1, 1)), (CONVOLUTION, (64, 128))],
)
def test_a_lora_of_other_widths_is_refused(pristine, tmp_path, module, shape):
    file = saved(tmp_path / "lora.safetensors", kohya_lora(pairs({module: shape})))
    told = refusal(pristine, [(file, 1.0)])
    assert f"is no change of {module}.weight" in told
    assert "made for another model, as SDXL" in told


def test_a_lora_that_holds_a_pair_in_two_namings_is_refused(pristine, tmp_path):
    only = pairs({QUERY: SHAPES[QUERY]})
    both = kohya_lora(only) | peft_lora(pairs({QUERY: SHAPES[QUERY]}))  # safetensors takes no tensor twice
    file = saved(tmp_path / "lora.safetensors", both)
    assert "the same twice" in refusal(pristine, [(file, 1.0)])


def test_a_lora_without_a_rank_is_refused(pristine, tmp_path):
    empty = {QUERY: (torch.zeros(32, 0), torch.zeros(0, 32))}
    file = saved(tmp_path / "lora.safetensors", kohya_lora(empty, alpha=1))
    assert "is no change of" in refusal(pristine, [(file, 1.0)])


@pytest.mark.parametrize("lost", ["lora_up.weight", "lora_down.weight"])
def test_half_a_pair_is_refused(pristine, tmp_path, lost):
    weights = kohya_lora(pairs(SHAPES), alpha=1)
    weights.pop(f"{kohya(QUERY)}.{lost}")
    told = refusal(pristine, [(saved(tmp_path / "lora.safetensors", weights), 1.0)])
    assert kohya(QUERY) in told


def test_a_lora_with_tensors_of_an_unknown_kind_is_refused(pristine, tmp_path):
    weights = kohya_lora(pairs(SHAPES)) | {"emb_params": numbers(2, 8)}
    assert "emb_params" in refusal(pristine, [(saved(tmp_path / "lora.safetensors", weights), 1.0)])


@pytest.mark.parametrize("settings", ["no json", "[]", '{"unet.lora_alpha": "much"}'])
def test_settings_that_cannot_be_read_are_refused(pristine, tmp_path, settings):
    file = saved(tmp_path / "lora.safetensors", peft_lora(pairs(SHAPES)), lora_adapter_metadata=settings)
    assert "settings in the metadata" in refusal(pristine, [(file, 1.0)])


def test_a_quantised_lora_is_refused(pristine, tmp_path):
    weights = {name: (w * 99).char() for name, w in kohya_lora(pairs(SHAPES)).items()}
    assert "whole numbers" in refusal(pristine, [(saved(tmp_path / "lora.safetensors", weights), 1.0)])


@pytest.mark.parametrize("strength", [float("nan"), float("inf")])
def test_a_strength_is_a_number(pristine, tmp_path, strength):
    with pytest.raises(MotionError, match="strength"):
        BaseModel(pristine, [(tmp_path / "lora.safetensors", strength)])


def test_a_lora_that_is_not_there_is_refused(pristine, tmp_path):
    assert "There is no file" in refusal(pristine, [(tmp_path / "lora.safetensors", 1.0)])
