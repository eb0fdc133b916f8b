"""What a LoRA changes, however it is named."""

import json
import re

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from motion_core.base_model import BaseModel
from tests.small_base import (
    OUT,
    PROJECTION,
    QUERY,
    RANK,
    SHAPES,
    TEXT_SHAPES,
    equal,
    kohya_lora,
    pairs,
    peft_lora,
    saved,
    text_state,
)


def by_hand(up, down):
    return torch.einsum("or,ri...->oi...", up.flatten(1), down)


def attention_processor_lora(pairs):
    """Of the first diffusers that had LoRAs: attention alone, in names of its own."""
    weights = {}
    for module, (up, down) in pairs.items():
        old = module.removesuffix(".0").replace("q_proj", "to_q").replace("out_proj", "to_out")
        old = "unet." + re.sub(r"(attn\d)\.", r"\1.processor.", old) if module in SHAPES else "text_encoder." + old
        weights |= {f"{old}_lora.up.weight": up, f"{old}_lora.down.weight": down}
    return weights


def assert_changed(base, pairs, factor, *, loras, **options):
    """Every weight is what it was, plus factor · up @ down where there is such a pair."""
    before, after = BaseModel(base, **options), BaseModel(base, loras, **options)
    bare, merged = before.unet_weights(), after.unet_weights()
    if any(module.startswith("text_model.") for module in pairs):
        bare = bare | {f"text_model.{name}": w for name, w in text_state(before.text_encoder()).items()}
        merged = merged | {f"text_model.{name}": w for name, w in text_state(after.text_encoder()).items()}
    for name, weight in merged.items():
        expected = bare[name]
        if name.removesuffix(".weight") in pairs and name.endswith(".weight"):
            expected = expected + factor * by_hand(*pairs[name.removesuffix(".weight")]).reshape(expected.shape)
            assert not torch.allclose(expected, bare[name], atol=1e-3)
            torch.testing.assert_close(weight, expected, atol=1e-6, rtol=1e-5)
        else:
            assert torch.equal(weight, expected), name


ATTENTION = {QUERY: SHAPES[QUERY], OUT: SHAPES[OUT], **TEXT_SHAPES}


@pytest.mark.parametrize(
    ("written", "shapes"),
    [
        (kohya_lora, SHAPES | TEXT_SHAPES),
        (peft_lora, SHAPES | TEXT_SHAPES),
        (lambda pairs: {f"base_model.model.{n}": w for n, w in peft_lora(pairs).items()}, SHAPES),
        (lambda pairs: peft_lora(pairs, "lora.up", "lora.down"), SHAPES),
        (lambda pairs: peft_lora(pairs, "lora_linear_layer.up", "lora_linear_layer.down"), TEXT_SHAPES),
        (attention_processor_lora, ATTENTION),
        (lambda pairs: {n.removeprefix("unet."): w for n, w in attention_processor_lora(pairs).items()},
         {QUERY: SHAPES[QUERY], OUT: SHAPES[OUT]}),
    ],
    ids=["kohya", "diffusers", "peft", "older diffusers", "older text", "attention processors", "no prefix"],
)  # fmt: skip
def test_a_lora_adds_up_times_down_however_it_is_named(pristine, tmp_path, written, shapes):
    file = saved(tmp_path / "lora.safetensors", written(pairs(shapes)))
    assert_changed(pristine, pairs(shapes), 1, loras=[(file, 1.0)])


def test_a_lora_changes_a_single_file_as_it_does_a_folder(single, tokenizer, tmp_path):
    shapes = SHAPES | TEXT_SHAPES
    file = saved(tmp_path / "lora.safetensors", kohya_lora(pairs(shapes)))
    assert_changed(single, pairs(shapes), 0.7, loras=[(file, 0.7)], tokenizer=tokenizer)


def test_alpha_over_rank_scales_a_lora(pristine, tmp_path):
    file = saved(tmp_path / "lora.safetensors", kohya_lora(pairs(SHAPES), alpha=2))
    assert_changed(pristine, pairs(SHAPES), 0.5 * 2 / RANK, loras=[(file, 0.5)])


@pytest.mark.parametrize(
    ("settings", "scale"),
    [
        ({"unet.lora_alpha": 8}, 8 / RANK),
        ({"unet.lora_alpha": 8, "unet.use_rslora": True}, 8 / RANK**0.5),
        ({"unet.lora_alpha": 1, "unet.alpha_pattern": {"to_q": 8}}, 8 / RANK),
        ({"text_encoder.lora_alpha": 8}, 1),
    ],
    ids=["alpha", "rank-stabilised", "pattern", "of the other half"],
)
def test_the_settings_that_diffusers_writes_beside_a_lora_scale_it(pristine, tmp_path, settings, scale):
    only = pairs({QUERY: SHAPES[QUERY]})
    file = saved(tmp_path / "lora.safetensors", peft_lora(only), lora_adapter_metadata=json.dumps(settings))
    assert_changed(pristine, only, scale, loras=[(file, 1.0)])


def test_matrices_change_a_convolution_of_one_pixel(pristine, tmp_path):
    flat = {PROJECTION: tuple(matrix.flatten(1) for matrix in pairs(SHAPES)[PROJECTION])}
    file = saved(tmp_path / "lora.safetensors", kohya_lora(flat))
    assert_changed(pristine, flat, 1, loras=[(file, 1.0)])


def test_a_lora_of_strength_zero_changes_nothing(pristine, tmp_path):
    file = saved(tmp_path / "lora.safetensors", kohya_lora(pairs(SHAPES | TEXT_SHAPES)))
    zero, none = BaseModel(pristine, [(file, 0.0)]), BaseModel(pristine)
    assert equal(zero.unet_weights(), none.unet_weights())
    assert equal(text_state(zero.text_encoder()), text_state(none.text_encoder()))


def test_a_lora_is_undone_by_itself_at_minus_one(pristine, tmp_path):
    file = saved(tmp_path / "lora.safetensors", kohya_lora(pairs(SHAPES)))
    assert equal(BaseModel(pristine, [(file, 1.0), (file, -1.0)]).unet_weights(), BaseModel(pristine).unet_weights())
    changed = saved(tmp_path / "c.safetensors", BaseModel(pristine, [(file, 1.0)]).unet_weights())
    back, before = BaseModel(changed, [(file, -1.0)]).unet_weights(), BaseModel(pristine).unet_weights()
    torch.testing.assert_close(back, before, atol=1e-6, rtol=0)


def test_two_loras_add(pristine, tmp_path):
    one, other = pairs({QUERY: SHAPES[QUERY]}), pairs({QUERY: SHAPES[QUERY]}, seed=7)
    first = saved(tmp_path / "1.safetensors", kohya_lora(one))
    second = saved(tmp_path / "2.safetensors", peft_lora(other))
    both = BaseModel(pristine, [(first, 0.5), (second, 2.0)]).unet_weights()[QUERY + ".weight"]
    expected = BaseModel(pristine).unet_weights()[QUERY + ".weight"] + 0.5 * by_hand(*one[QUERY])
    torch.testing.assert_close(both, expected + 2.0 * by_hand(*other[QUERY]), atol=1e-6, rtol=1e-5)


def test_a_change_too_small_for_half_precision_alone_is_not_lost_beside_another(tmp_path, unet):
    weights = {name: w.half() for name, w in unet.state_dict().items()}
    weights[QUERY + ".weight"] = torch.ones(32, 32).half()
    base = saved(tmp_path / "unet.safetensors", weights)
    step = 3e-4  # half of the step between neighbours above 1 is 4.9e-4
    lora = {QUERY: (torch.full((32, 1), step), torch.ones(1, 32))}
    file = saved(tmp_path / "lora.safetensors", kohya_lora(lora))
    merged = BaseModel(base, [(file, 1.0), (file, 1.0)]).unet_weights()[QUERY + ".weight"]
    assert merged.dtype == torch.float16
    assert merged.unique().tolist() == [1 + 2**-10]


@pytest.mark.filterwarnings("ignore")  # diffusers' and peft's own
@pytest.mark.parametrize("written", ["kohya", "diffusers"])
def test_a_lora_is_merged_as_diffusers_and_peft_do(pristine, unet, tmp_path, written):
    pytest.importorskip("peft")
    from diffusers.loaders.lora_pipeline import StableDiffusionLoraLoaderMixin as Loader

    shapes = {QUERY: SHAPES[QUERY], OUT: SHAPES[OUT], PROJECTION: SHAPES[PROJECTION]}
    weights = kohya_lora(pairs(shapes), alpha=3) if written == "kohya" else peft_lora(pairs(shapes))
    file = saved(tmp_path / "lora.safetensors", weights)
    theirs = UNet2DConditionModel.from_config(unet.config).eval()
    theirs.load_state_dict(unet.state_dict())
    state, alphas = Loader.lora_state_dict(str(tmp_path), weight_name=file.name, unet_config=theirs.config)
    Loader.load_lora_into_unet(state, network_alphas=alphas, unet=theirs)
    theirs.fuse_lora(lora_scale=0.6)
    theirs.unload_lora()
    merged = BaseModel(pristine, [(file, 0.6)]).unet_weights()
    assert merged.keys() == theirs.state_dict().keys()
    for name, weight in theirs.state_dict().items():
        torch.testing.assert_close(merged[name], weight, atol=1e-6, rtol=1e-5)
    assert not torch.allclose(merged[QUERY + ".weight"], unet.state_dict()[QUERY + ".weight"], atol=1e-3)
