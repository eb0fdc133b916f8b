"""A folder and a single file give the same model."""

import json
import shutil
import socket
from pathlib import Path

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import load_file

from motion_core.base_model import BaseModel
from motion_core.base_model import _from_ldm as old_unet_names
from motion_core.checkpoints import assembled, load_motion_modules
from motion_core.stable_diffusion import load_text_encoder
from motion_core.weight_file import WeightFile
from tests.published import STAGE2 as PUBLISHED_STAGE2
from tests.published import motion_module_weights
from tests.small_base import CLIP, equal, ldm_unet_name, numbers, refusal, saved, text_state


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
    layout = json.loads((Path(__file__).parents[2] / "fixtures" / "layouts" / "stage1.json").read_text("utf-8"))
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
