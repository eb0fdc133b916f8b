"""A small Stable Diffusion 1.5, as a folder of diffusers and as a single file."""

import json
import shutil

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from tests import miniature
from tests.published import STAGE1, ldm_vae_names, published_folder, text_encoder_folder
from tests.small_base import CLIP, ldm_unet_name, saved


@pytest.fixture(scope="session")
def unet():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return UNet2DConditionModel(
            block_out_channels=(32, 64), layers_per_block=2, cross_attention_dim=CLIP, attention_head_dim=8,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        ).eval().requires_grad_(False)  # fmt: skip


@pytest.fixture(scope="session")
def release(tmp_path_factory):
    return published_folder(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def text_weights(pristine):
    return torch.load(pristine / "text_encoder" / "pytorch_model.bin", weights_only=True)


@pytest.fixture(scope="session")
def single_weights(unet, text_weights):
    """The same model as Stable Diffusion's own code keeps it."""
    weights = {f"model.diffusion_model.{ldm_unet_name(name, 2)}": w for name, w in unet.state_dict().items()}
    weights |= {f"first_stage_model.{n}": w for n, w in ldm_vae_names(miniature.state_dict("vae_img")).items()}
    return weights | {f"cond_stage_model.transformer.{name}": w for name, w in text_weights.items()}


@pytest.fixture(scope="session")
def single(single_weights, tmp_path_factory):
    return saved(tmp_path_factory.mktemp("single") / "model.safetensors", single_weights)


@pytest.fixture(scope="session")
def tokenizer(pristine):
    return pristine / "tokenizer"
