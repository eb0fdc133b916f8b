import json
import logging
import shutil
import socket
import sys

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from safetensors.torch import save_file
from transformers import CLIPTextModel, CLIPTokenizer

from motion_core.errors import CheckpointError, MotionError, ShapeError
from motion_core.stable_diffusion import (
    PREDICTOR_RANGE,
    RENDERER_RANGE,
    load_text_encoder,
    picture_latent,
    text_encoder_names,
)
from tests.published import STAGE1, TOKENS, WIDTH, published_folder, text_encoder_weights

LONG = " ".join(["cat"] * 75 + ["runs", "left"])  # two words more than fit between start and end


@pytest.fixture(scope="module")
def stage1(tmp_path_factory):
    return published_folder(tmp_path_factory.mktemp("release")) / STAGE1


@pytest.fixture(scope="module")
def encoder(stage1):
    return load_text_encoder(stage1 / "tokenizer", stage1 / "text_encoder" / "pytorch_model.bin")


@pytest.fixture
def copied(stage1, tmp_path):
    """A tokenizer and a text encoder to spoil."""
    for name in ("tokenizer", "text_encoder"):
        shutil.copytree(stage1 / name, tmp_path / name)
    return tmp_path


def loaded(folder, **how):
    return load_text_encoder(folder / "tokenizer", folder / "text_encoder" / "pytorch_model.bin", **how)


def refusal(folder):
    with pytest.raises(CheckpointError) as told:
        loaded(folder)
    return str(told.value)


def as_the_authors_do(stage1, prompts):
    """The tokenizer's own padding and cutting, and the model as transformers itself reads it."""
    tokenizer = CLIPTokenizer.from_pretrained(str(stage1 / "tokenizer"), clean_up_tokenization_spaces=False)
    model = CLIPTextModel.from_pretrained(str(stage1 / "text_encoder"), use_safetensors=False)
    tokens = tokenizer(prompts, padding="max_length", max_length=TOKENS, truncation=True, return_tensors="pt")
    with torch.no_grad():
        return model(tokens.input_ids)[0]


@pytest.mark.parametrize(
    "prompt",
    ["the cat runs left", "", "The CAT  runs!", "(cat:1.4), [left]", "naïve 猫 cat\nruns", LONG],
    ids=["words", "empty", "capitals", "brackets", "other scripts", "too long"],
)
def test_a_prompt_is_read_as_the_authors_read_it(encoder, stage1, prompt):
    embeddings = encoder([prompt])
    assert embeddings.shape == (1, TOKENS, WIDTH) == (1, encoder.tokens, encoder.width)
    torch.testing.assert_close(embeddings, as_the_authors_do(stage1, [prompt]), atol=1e-6, rtol=1e-5)


def test_prompts_are_read_one_by_one(encoder):
    both = encoder(["the cat", "runs left"])
    torch.testing.assert_close(both, torch.cat([encoder(["the cat"]), encoder(["runs left"])]))
    assert not torch.allclose(both[0], both[1], atol=1e-2)


def test_brackets_are_words_like_others(encoder):
    assert not torch.allclose(encoder(["(cat:1.4)"]), encoder(["cat"]), atol=1e-2)


def test_what_is_cut_off_is_said(encoder, caplog):
    with caplog.at_level(logging.WARNING, logger="motion_core.stable_diffusion"):
        encoder([" ".join(["cat"] * 75)])
        assert caplog.messages == []
        cut = encoder([LONG])
    assert caplog.messages == ["The prompt has 77 tokens, and 75 fit; cut off is “runs left”."]
    assert torch.equal(cut, encoder([" ".join(["cat"] * 75)]))


@pytest.mark.parametrize("prompts", ["the cat", [], [None], ["cat", 3]])
def test_prompts_are_a_list_of_texts(encoder, prompts):
    with pytest.raises(MotionError, match="list of at least one text"):
        encoder(prompts)


def test_bytes_that_are_no_text_are_refused(encoder):
    with pytest.raises(MotionError, match="UTF-8"):
        encoder([b"cat \xff".decode("utf-8", "surrogateescape")])


def test_nothing_is_asked_of_a_network(stage1, encoder, monkeypatch):
    def refused(*_, **__):
        raise AssertionError("a network was asked")

    for name in ("getaddrinfo", "create_connection"):
        monkeypatch.setattr(socket, name, refused)
    monkeypatch.setattr(socket.socket, "connect", refused)
    assert torch.equal(loaded(stage1)(["the cat"]), encoder(["the cat"]))


def test_half_precision_is_close_to_full(stage1, encoder):
    half = loaded(stage1, dtype=torch.bfloat16)(["the cat"])
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), encoder(["the cat"]), atol=0.1, rtol=0.1)


def test_the_published_counting_buffer_may_be_there_or_not(copied, encoder):
    weights = text_encoder_weights()
    assert weights.pop("text_model.embeddings.position_ids").dtype == torch.int64
    torch.save(weights, copied / "text_encoder" / "pytorch_model.bin")
    assert torch.equal(loaded(copied)(["the cat"]), encoder(["the cat"]))


def test_names_without_the_old_prefix_are_read_too(copied, encoder):
    weights = {name.removeprefix("text_model."): weight for name, weight in text_encoder_weights().items()}
    torch.save(weights, copied / "text_encoder" / "pytorch_model.bin")
    assert torch.equal(loaded(copied)(["the cat"]), encoder(["the cat"]))


def test_one_file_with_its_config_inside_is_enough(stage1, encoder, tmp_path):
    config, _ = text_encoder_names(stage1 / "text_encoder" / "pytorch_model.bin")
    file = tmp_path / "text_encoder.safetensors"
    save_file(text_encoder_weights(), file, metadata={"config": json.dumps(config)})
    again = load_text_encoder(stage1 / "tokenizer", file)
    assert torch.equal(again(["the cat"]), encoder(["the cat"]))


def test_a_file_may_be_replaced_while_its_weights_are_used(copied):
    encoder = loaded(copied)
    before = encoder(["the cat"])
    path = copied / "text_encoder" / "pytorch_model.bin"
    path.write_bytes(b"\0" * path.stat().st_size)
    assert torch.equal(encoder(["the cat"]), before)


def test_a_missing_and_an_extra_tensor_are_named(copied):
    weights = text_encoder_weights()
    weights["text_model.extra"] = weights.pop("text_model.final_layer_norm.bias")
    torch.save(weights, copied / "text_encoder" / "pytorch_model.bin")
    told = refusal(copied)
    assert "final_layer_norm.bias" in told
    assert "text_model.extra" in told


def test_a_tensor_of_another_shape_is_named(copied):
    weights = text_encoder_weights()
    weights["text_model.final_layer_norm.bias"] = torch.zeros(7)
    torch.save(weights, copied / "text_encoder" / "pytorch_model.bin")
    assert f"text_model.final_layer_norm.bias as [7], not [{WIDTH}]" in refusal(copied)


@pytest.mark.parametrize("content", ["no json", "[]", "{}", '{"hidden_size": "wide"}', None])
def test_a_config_that_cannot_be_read_is_refused(copied, content):
    path = copied / "text_encoder" / "config.json"
    path.unlink() if content is None else path.write_text(content)
    assert "config" in refusal(copied)


def test_a_config_with_impossible_numbers_is_refused(copied):
    path = copied / "text_encoder" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"num_attention_heads": 7}))
    assert "config" in refusal(copied)


@pytest.mark.parametrize("name", ["vocab.json", "merges.txt"])
def test_a_tokenizer_with_a_file_missing_is_refused(copied, name):
    (copied / "tokenizer" / name).unlink()
    assert f"{name} is not there" in refusal(copied)


@pytest.mark.parametrize("content", ["no json", "[1, 2]", "{}", '{"<|startoftext|>": 0, "<|endoftext|>": 1}'])
def test_a_tokenizer_of_another_kind_is_refused(copied, content):
    (copied / "tokenizer" / "vocab.json").write_text(content)
    assert "CLIP tokenizer" in refusal(copied)


@pytest.mark.parametrize("name", ["tokenizer_config.json", "special_tokens_map.json"])
def test_a_tokenizer_reads_the_same_without_its_settings(copied, encoder, name):
    (copied / "tokenizer" / name).unlink()
    assert torch.equal(loaded(copied)(["The cat 猫"]), encoder(["The cat 猫"]))


@pytest.mark.parametrize("name", ["tokenizer_config.json", "special_tokens_map.json"])
def test_spoiled_settings_of_a_tokenizer_do_not_matter(copied, encoder, name):
    (copied / "tokenizer" / name).write_text("no json")
    assert torch.equal(loaded(copied)(["The cat 猫"]), encoder(["The cat 猫"]))


def test_a_tokenizer_with_more_words_than_the_text_encoder_is_refused(copied):
    path = copied / "tokenizer" / "vocab.json"
    vocabulary = json.loads(path.read_text())
    path.write_text(json.dumps(vocabulary | {"more": len(vocabulary)}))
    assert "Take both from one release" in refusal(copied)


def test_without_transformers_it_says_what_to_install(stage1, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MotionError, match="pip install transformers"):
        loaded(stage1)


@pytest.fixture(scope="module")
def vae():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        blocks = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
        return AutoencoderKL(**blocks, block_out_channels=(8, 8, 8, 8), norm_num_groups=4, layers_per_block=1).eval()


@pytest.fixture
def picture():
    return torch.rand(3, 16, 24, generator=torch.Generator().manual_seed(1))


def test_a_latent_is_an_eighth_of_the_picture(vae, picture):
    latent = picture_latent(vae, picture, value_range=PREDICTOR_RANGE)
    assert latent.shape == (1, 4, 2, 3)
    assert not latent.requires_grad


def test_stage_2_sees_twice_the_contrast_around_grey(vae, picture):
    brighter = picture_latent(vae, (picture + 1) / 2, value_range=RENDERER_RANGE)
    torch.testing.assert_close(brighter, picture_latent(vae, picture, value_range=PREDICTOR_RANGE))


def test_noise_moves_the_latent_by_the_deviation(vae, picture):
    mode = picture_latent(vae, picture, value_range=PREDICTOR_RANGE)
    ones = picture_latent(vae, picture, value_range=PREDICTOR_RANGE, noise=torch.ones_like(mode))
    twos = picture_latent(vae, picture, value_range=PREDICTOR_RANGE, noise=2 * torch.ones_like(mode))
    assert (ones > mode).all()
    torch.testing.assert_close(twos - mode, 2 * (ones - mode))


def test_the_layout_of_a_picture_in_memory_does_not_matter(vae):
    flat = torch.full((3, 16, 24), 0.5)
    flat[:, 4, 5] = 0.51
    turned = flat.permute(1, 2, 0).contiguous().permute(2, 0, 1)
    assert not turned.is_contiguous()
    straight = picture_latent(vae, flat, value_range=PREDICTOR_RANGE)
    assert torch.equal(picture_latent(vae, turned, value_range=PREDICTOR_RANGE), straight)


@pytest.mark.parametrize("shape", [(3, 16, 20), (3, 12, 24), (1, 3, 16, 24), (4, 16, 24), (3, 0, 8)])
def test_a_picture_of_another_shape_is_refused(vae, shape):
    with pytest.raises(ShapeError):
        picture_latent(vae, torch.zeros(shape), value_range=PREDICTOR_RANGE)


def test_values_beyond_the_picture_are_refused(vae, picture):
    with pytest.raises(MotionError, match="divide one of 0…255 by 255"):
        picture_latent(vae, picture * 255, value_range=PREDICTOR_RANGE)
    with pytest.raises(MotionError, match="stage 1"):
        picture_latent(vae, picture, value_range=(0.0, 255.0))
    with pytest.raises(ShapeError, match="noise"):
        picture_latent(vae, picture, value_range=PREDICTOR_RANGE, noise=torch.zeros(1, 4, 3, 2))
