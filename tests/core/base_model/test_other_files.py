"""Files and folders that are no such model are refused, and what they are is said."""

import json
import re
import shutil

import pytest
import torch

from motion_core.base_model import BaseModel
from tests import miniature
from tests.published import motion_module_weights
from tests.small_base import QUERY, kohya, ldm_unet_name, numbers, refusal, saved


def test_a_folder_whose_model_predicts_something_else_is_refused(folder):
    (folder / "scheduler").mkdir(exist_ok=True)
    (folder / "scheduler" / "scheduler_config.json").write_text('{"prediction_type": "v_prediction"}')
    assert "predicts v_prediction" in refusal(folder)


def test_a_file_whose_model_predicts_something_else_is_refused(single_weights, tmp_path):
    file = saved(tmp_path / "v.safetensors", single_weights, **{"modelspec.prediction_type": "v"})
    assert "predicts v" in refusal(file)


def test_missing_unexpected_and_misshaped_tensors_are_named(single_weights, tmp_path):
    weights = dict(single_weights)
    bias = weights.pop("model.diffusion_model.out.2.bias")
    weights["model.diffusion_model.input_blocks.1.0.more"] = bias
    weights["model.diffusion_model.time_embed.0.bias"] = torch.zeros(7)
    told = refusal(saved(tmp_path / "model.safetensors", weights))
    assert "1 missing (conv_out.bias)" in told
    assert "1 unexpected (model.diffusion_model.input_blocks.1.0.more)" in told
    assert "model.diffusion_model.time_embed.0.bias [7] instead of [128]" in told


def test_an_upsampler_without_its_bias_is_named(single_weights, tmp_path):
    weights = dict(single_weights)
    weights.pop("model.diffusion_model.output_blocks.2.1.conv.bias")
    told = refusal(saved(tmp_path / "model.safetensors", weights))
    assert "lacks model.diffusion_model.output_blocks.2.1.conv.bias" in told


def test_missing_unexpected_and_misshaped_tensors_of_the_text_encoder_are_named(single_weights, tokenizer, tmp_path):
    weights, prefix = dict(single_weights), "cond_stage_model.transformer.text_model."
    weights[prefix + "encoder.layers.0.more"] = weights.pop(prefix + "final_layer_norm.bias")
    weights[prefix + "encoder.layers.0.mlp.fc1.bias"] = torch.zeros(7)
    told = refusal(saved(tmp_path / "model.safetensors", weights), read=BaseModel.text_encoder, tokenizer=tokenizer)
    assert re.search(r"1 missing \((text_model\.)?final_layer_norm\.bias\)", told)
    assert prefix + "encoder.layers.0.more" in told
    assert "fc1.bias [7] instead of" in told


def test_a_single_file_needs_a_tokenizer(single):
    assert "vocab.json and merges.txt" in refusal(single, read=BaseModel.text_encoder)


def test_a_tokenizer_with_more_words_than_the_text_encoder_is_refused(single, folder):
    path = folder / "tokenizer" / "vocab.json"
    vocabulary = json.loads(path.read_text())
    path.write_text(json.dumps(vocabulary | {"more": len(vocabulary)}))
    assert "Take both from one release" in refusal(single, read=BaseModel.text_encoder, tokenizer=folder / "tokenizer")


@pytest.mark.parametrize(
    ("read", "part"), [(BaseModel.text_encoder, "text encoder"), (BaseModel.image_vae, "VAE")], ids=["text", "vae"]
)
@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."], ids=["diffusers", "old layout"])
def test_a_unet_alone_says_which_part_is_missing(unet, tokenizer, tmp_path, prefix, read, part):
    names = {name: prefix + ldm_unet_name(name, 2) if prefix else name for name in unet.state_dict()}
    file = saved(tmp_path / "unet.safetensors", {names[name]: w for name, w in unet.state_dict().items()})
    told = refusal(file, read=read, tokenizer=tokenizer)
    assert f"holds no {part}" in told
    assert "Give a whole Stable Diffusion 1.5 checkpoint or a diffusers folder" in told


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_folder_with_a_part_missing_says_which(folder, part):
    shutil.rmtree(folder / part)
    read = {"unet": BaseModel.unet_weights, "vae": BaseModel.image_vae, "text_encoder": BaseModel.text_encoder}[part]
    assert f"it has no {part}/" in refusal(folder, read=read)


def test_a_path_to_nothing_is_refused(tmp_path):
    assert "There is no file or folder" in refusal(tmp_path / "none.safetensors")


def with_input(channels):
    return lambda unet: {n: numbers(32, channels, 3, 3) if n == "conv_in.weight" else w for n, w in unet.items()}


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (with_input(9), "inpainting"),
        (with_input(8), "InstructPix2Pix"),
        (lambda unet: {f"{kohya(QUERY)}.lora_up.weight": numbers(32, 4)}, "a LoRA"),
        (lambda unet: motion_module_weights(), "a motion module"),
        (lambda unet: miniature.state_dict("vae_img"), "an image VAE"),
        (lambda unet: miniature.state_dict("stage1_unet_controlnet"), "a motion predictor"),
        (lambda unet: unet | {"controlnet_cond_embedding.conv_in.weight": numbers(16, 3, 3, 3)}, "ControlNet"),
        (lambda unet: unet | {"add_embedding.linear_1.weight": numbers(8, 8)}, "an SDXL UNet"),
        (lambda unet: {n: numbers(w.shape[0], 1024) if "attn2.to_k" in n else w for n, w in unet.items()},
         "a Stable Diffusion 2 UNet"),
        (lambda unet: {"something.weight": numbers(3)}, r"something else \(something.weight\)"),
        (lambda unet: {n: (w * 9).char() for n, w in unet.items()}, "whole numbers"),
    ],
    ids=["inpainting", "edit", "lora", "module", "vae", "predictor", "controlnet", "sdxl", "sd2", "else", "quantised"],
)  # fmt: skip
def test_other_kinds_of_file_are_named(unet, tmp_path, spoil, kind):
    told = refusal(saved(tmp_path / "given.safetensors", spoil(unet.state_dict())))
    assert re.search(kind, told), told


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("conditioner.embedders.0.transformer.text_model.x", "a full SDXL checkpoint"),
        ("cond_stage_model.model.transformer.x", "a full Stable Diffusion 2 checkpoint"),
        ("model.diffusion_model.label_emb.0.0.weight", "an SDXL UNet"),
        ("control_model.zero_convs.0.weight", "control_model.zero_convs"),
        ("v_pred", "v_pred"),
    ],
    ids=["sdxl", "sd2", "sdxl unet", "controlnet", "v-prediction"],
)
def test_single_files_of_other_models_are_named(single_weights, tokenizer, tmp_path, more, told):
    file = saved(tmp_path / "model.safetensors", single_weights | {more: torch.zeros(3)})
    assert told in refusal(file)
