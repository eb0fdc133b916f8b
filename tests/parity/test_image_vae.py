"""The recorded image VAE, through the real checkpoint code: pixels 0…1 as stage 1 feeds them, -1…1 as stage 2."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from motion_core.checkpoints import load_image_vae
from motion_core.stable_diffusion import PREDICTOR_RANGE, RENDERER_RANGE, picture_latent
from tests import miniature

HERE = Path(__file__).parent
CASE = next(case for case in json.loads((HERE / "cases.json").read_text("utf-8")) if case["name"] == "vae_img")
RANGES = {"range01": PREDICTOR_RANGE, "range11": RENDERER_RANGE}
SCALE = 0.18215


@pytest.fixture(scope="module")
def case():
    return load_file(HERE / CASE["file"])


@pytest.fixture(scope="module")
def vae(tmp_path_factory):
    path = tmp_path_factory.mktemp("vae") / "diffusion_pytorch_model.bin"
    torch.save(miniature.state_dict("vae_img"), path)
    return load_image_vae(path)


def assert_recorded(came, name, case):
    torch.testing.assert_close(came, case[name], **CASE["tensors"][name])


@pytest.mark.parametrize("name", RANGES)
def test_a_drawn_latent_is_the_recorded_one(name, vae, case):
    latents = [
        picture_latent(vae, picture, value_range=RANGES[name], noise=noise[None])
        for picture, noise in zip(case["in.img01"], case[f"in.{name}.posterior_noise"], strict=True)
    ]
    assert_recorded(torch.cat(latents), f"out.{name}.sample_scaled", case)


@pytest.mark.parametrize("name", RANGES)
def test_without_noise_the_latent_is_the_recorded_mean(name, vae, case):
    latents = [picture_latent(vae, picture, value_range=RANGES[name]) for picture in case["in.img01"]]
    assert_recorded(torch.cat(latents) / SCALE, f"out.{name}.mean", case)


def test_the_two_ranges_are_not_the_same(vae, case):
    picture = case["in.img01"][0]
    unlike = picture_latent(vae, picture, value_range=PREDICTOR_RANGE) - picture_latent(
        vae, picture, value_range=RENDERER_RANGE
    )
    assert unlike.abs().max() > 100 * CASE["tensors"]["out.range01.mean"]["atol"]


def test_a_latent_is_decoded_as_recorded(vae, case):
    with torch.no_grad():
        assert_recorded(vae.decode(case["in.latent"], return_dict=False)[0], "out.decoded", case)
