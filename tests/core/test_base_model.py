import json
import re
import shutil
import socket
from pathlib import Path

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import load_file, save_file

from motion_core.base_model import BaseModel
from motion_core.base_model import _from_ldm as old_unet_names
from motion_core.checkpoints import assembled, load_motion_modules
from motion_core.errors import CheckpointError, MotionError
from motion_core.stable_diffusion import load_text_encoder
from motion_core.weight_file import WeightFile
from tests import miniature
from tests.published import STAGE1, ldm_vae_names, motion_module_weights, published_folder, text_encoder_folder
from tests.published import STAGE2 as PUBLISHED_STAGE2

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


@pytest.fixture(scope="module")
def unet():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return UNet2DConditionModel(
            block_out_channels=(32, 64), layers_per_block=2, cross_attention_dim=CLIP, attention_head_dim=8,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        ).eval().requires_grad_(False)  # fmt: skip


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return published_folder(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def pristine(tmp_path_factory, release, unet):
    """A diffusers folder of a miniature Stable Diffusion 1.5."""
    folder = tmp_path_factory.mktemp("base")
    unet.save_pretrained(folder / "unet")
    shutil.copytree(release / STAGE1 / "tokenizer", folder / "tokenizer")
    for part in ("vae", "text_encoder"):
        (folder / part).mkdir()
    torch.save(miniature.state_dict("vae_img"), folder / "vae" / "diffusion_pytorch_model.bin")
    text_encoder_folder(folder / "text_encoder", width=CLIP)
    config = folder / "text_encoder" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"num_attention_heads": CLIP // 64}))
    return folder


@pytest.fixture
def folder(pristine, tmp_path):
    """One to spoil."""
    return shutil.copytree(pristine, tmp_path / "base")


@pytest.fixture(scope="module")
def text_weights(pristine):
    return torch.load(pristine / "text_encoder" / "pytorch_model.bin", weights_only=True)


@pytest.fixture(scope="module")
def single_weights(unet, text_weights):
    """The same model as Stable Diffusion's own code keeps it."""
    weights = {f"model.diffusion_model.{ldm_unet_name(name, 2)}": w for name, w in unet.state_dict().items()}
    weights |= {f"first_stage_model.{n}": w for n, w in ldm_vae_names(miniature.state_dict("vae_img")).items()}
    return weights | {f"cond_stage_model.transformer.{name}": w for name, w in text_weights.items()}


@pytest.fixture(scope="module")
def single(single_weights, tmp_path_factory):
    return saved(tmp_path_factory.mktemp("single") / "model.safetensors", single_weights)


@pytest.fixture(scope="module")
def tokenizer(pristine):
    return pristine / "tokenizer"


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


# A folder and a single file.


def test_a_folder_gives_the_unet_that_was_saved_in_it(pristine, unet):
    base = BaseModel(pristine)
    assert base.heads == 8
    assert equal(base.unet_weights(), unet.state_dict())


def test_a_single_file_gives_what_the_folder_gives(pristine, single, tokenizer):
    one, other = BaseModel(single, tokenizer=tokenizer), BaseModel(pristine)
    assert one.heads == other.heads == 8
    assert equal(one.unet_weights(), other.unet_weights())
    assert equal(text_state(one.text_encoder()), text_state(other.text_encoder()))
    assert torch.equal(one.text_encoder()(["the cat"]), other.text_encoder()(["the cat"]))
    assert equal(one.image_vae().state_dict(), other.image_vae().state_dict())


def test_a_checkpoint_of_pytorch_is_read_like_a_safetensors_file(single, single_weights, tmp_path):
    torch.save({"state_dict": single_weights, "epoch": 3}, tmp_path / "model.ckpt")
    assert equal(BaseModel(tmp_path / "model.ckpt").unet_weights(), BaseModel(single).unet_weights())


def test_diffusers_unet_answers_the_same_with_the_weights_of_a_single_file(single, unet):
    again = UNet2DConditionModel.from_config(unet.config).eval()
    again.load_state_dict(BaseModel(single).unet_weights(), strict=True)
    asked = (numbers(1, 4, 8, 8), torch.tensor(500), numbers(1, 5, CLIP))
    with torch.no_grad():
        assert torch.equal(again(*asked).sample, unet(*asked).sample)


def test_the_text_encoder_is_the_one_that_its_own_loader_gives(pristine):
    own = load_text_encoder(pristine / "tokenizer", pristine / "text_encoder" / "pytorch_model.bin")
    assert torch.equal(BaseModel(pristine).text_encoder()(["the cat"]), own(["the cat"]))


def test_the_authors_plain_unet_takes_their_motion_module(release, tmp_path):
    base = BaseModel(release / PUBLISHED_STAGE2 / "DreamBooth_LoRA" / "realistic_unet.ckpt")
    torch.save(motion_module_weights(), tmp_path / "motion.bin")
    network = assembled(base.unet_weights(dtype=torch.float32), load_motion_modules(tmp_path / "motion.bin"))
    assert network.config.in_channels == 4


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."], ids=["bare", "prefixed"])
def test_a_unet_alone_in_the_old_layout_gives_its_weights(unet, tmp_path, prefix):
    file = saved(tmp_path / "u.safetensors", {prefix + ldm_unet_name(n, 2): w for n, w in unet.state_dict().items()})
    assert equal(BaseModel(file).unet_weights(), unet.state_dict())


def test_the_names_of_the_published_unet_are_found_in_the_old_layout(tmp_path):
    """Its four blocks, at full depth; a miniature has two."""
    layout = json.loads((Path(__file__).parents[1] / "fixtures" / "layouts" / "stage1.json").read_text("utf-8"))
    names = [n for n in layout if not n.startswith(("controlnet.", "stride_")) and ".motion_modules." not in n]
    old = {f"model.diffusion_model.{ldm_unet_name(name, 2)}": name for name in names}
    assert len(old) == 686  # as many as in every file of Stable Diffusion 1.5
    with WeightFile(saved(tmp_path / "names.safetensors", {name: torch.zeros(1) for name in old})) as file:
        assert {theirs: ours for ours, theirs in old_unet_names(file).items()} == old


def test_all_files_of_half_precision_are_read_and_kept(pristine, folder):
    for part, name in (
        ("unet", "diffusion_pytorch_model"),
        ("vae", "diffusion_pytorch_model"),
        ("text_encoder", "model"),
    ):
        old = next(file for file in (folder / part).iterdir() if file.suffix != ".json")
        weights = load_file(old) if old.suffix == ".safetensors" else torch.load(old, weights_only=True)
        weights = {name: w.half() if w.is_floating_point() else w for name, w in weights.items()}
        old.unlink()
        saved(folder / part / f"{name}.fp16.safetensors", weights)
    base = BaseModel(folder)
    assert {w.dtype for w in base.unet_weights().values()} == {torch.float16}
    assert {w.dtype for w in text_state(base.text_encoder()).values()} == {torch.float16}
    assert base.image_vae().dtype == torch.float16
    full = base.unet_weights(dtype=torch.float32)
    assert {w.dtype for w in full.values()} == {torch.float32}
    assert all(torch.equal(w, full[name].half().float()) for name, w in full.items())


def test_safetensors_are_preferred_to_pickles(folder):
    (folder / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"never opened")
    assert BaseModel(folder).unet_weights()


def test_pickled_parts_of_a_folder_are_read_too(folder, unet):
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    torch.save(unet.state_dict(), folder / "unet" / "diffusion_pytorch_model.bin")
    assert equal(BaseModel(folder).unet_weights(), unet.state_dict())


def test_a_folder_says_how_many_heads_it_has(folder):
    config = folder / "unet" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"attention_head_dim": 4}))
    assert BaseModel(folder).heads == 4


def test_a_folder_whose_model_predicts_something_else_is_refused(folder):
    (folder / "scheduler").mkdir(exist_ok=True)
    (folder / "scheduler" / "scheduler_config.json").write_text('{"prediction_type": "v_prediction"}')
    assert "predicts v_prediction" in refusal(folder)


def test_a_file_whose_model_predicts_something_else_is_refused(single_weights, tmp_path):
    file = saved(tmp_path / "v.safetensors", single_weights, **{"modelspec.prediction_type": "v"})
    assert "predicts v" in refusal(file)


def test_a_tokenizer_that_is_given_comes_before_the_folders_own(folder, tokenizer):
    shutil.rmtree(folder / "tokenizer")
    assert BaseModel(folder, tokenizer=tokenizer).text_encoder()(["cat"]).shape == (1, 77, CLIP)
    assert "vocab.json is not there" in refusal(folder, read=BaseModel.text_encoder)


def test_what_training_leaves_in_a_file_is_not_read(single, single_weights, tokenizer, tmp_path):
    left = {
        "model_ema.decay": torch.tensor(0.9), "model_ema.diffusion_modelinput_blocks00weight": torch.zeros(3),
        "betas": torch.zeros(9), "alphas_cumprod": torch.zeros(9), "sqrt_one_minus_alphas_cumprod": torch.zeros(9),
        "logvar": torch.zeros(9), "global_step": torch.tensor(7), "embedding_manager.string": torch.zeros(2),
        "cond_stage_model.logit_scale": torch.tensor(1.0),
        "cond_stage_model.transformer.logit_scale": torch.tensor(1.0),
        "cond_stage_model.transformer.text_projection.weight": torch.zeros(2, 2),
    }  # fmt: skip
    file = saved(tmp_path / "model.safetensors", single_weights | left)
    one, other = BaseModel(file, tokenizer=tokenizer), BaseModel(single, tokenizer=tokenizer)
    assert equal(one.unet_weights(), other.unet_weights())
    assert equal(text_state(one.text_encoder()), text_state(other.text_encoder()))
    assert equal(one.image_vae().state_dict(), other.image_vae().state_dict())


def test_nothing_is_asked_of_a_network(single, tokenizer, monkeypatch):
    def refused(*_, **__):
        raise AssertionError("a network was asked")

    for name in ("getaddrinfo", "create_connection"):
        monkeypatch.setattr(socket, name, refused)
    monkeypatch.setattr(socket.socket, "connect", refused)
    base = BaseModel(single, tokenizer=tokenizer)
    assert base.unet_weights()
    assert base.text_encoder()(["cat"]).shape == (1, 77, CLIP)
    assert base.image_vae()
    assert "Nothing is downloaded" in refusal("runwayml/stable-diffusion-v1-5")


def test_a_file_may_be_replaced_while_its_weights_are_used(single, unet, tmp_path):
    file = shutil.copy(single, tmp_path / "model.safetensors")
    weights = BaseModel(file).unet_weights()
    file.write_bytes(b"\0" * file.stat().st_size)
    assert equal(weights, unet.state_dict())


# LoRAs.


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


def by_hand(up, down):
    return torch.einsum("or,ri...->oi...", up.flatten(1), down)


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


# What is refused.


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
