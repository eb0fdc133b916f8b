import json
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from motion_core import checkpoints
from motion_core.checkpoints import (
    autoencoder_config,
    kind_of,
    load_image_vae,
    load_motion_predictor,
    load_motion_vae,
    load_trajectory_controlnet,
    motion_module_names,
    trajectory_controlnet_config,
    video_unet_config,
)
from motion_core.errors import CheckpointError
from motion_core.models.temporal import position_table
from motion_core.models.trajectory_controlnet import TrajectoryControlNet, TrajectoryControlNetConfig
from motion_core.models.video_unet import VideoUNet, VideoUNetConfig
from motion_core.weight_file import WeightFile
from tests import miniature

LAYOUTS = Path(__file__).parents[1] / "fixtures" / "layouts"
MINIATURE = VideoUNetConfig(block_out_channels=(32, 64, 64, 64), cross_attention_dim=32)


def layout(name):
    return {key: tuple(shape) for key, shape in json.loads((LAYOUTS / f"{name}.json").read_text("utf-8")).items()}


def parted(names):
    """The UNet's, and the ControlNet's without their prefix."""
    controlnet = {n.removeprefix("controlnet."): v for n, v in names.items() if n.startswith("controlnet.")}
    return {n: v for n, v in names.items() if not n.startswith("controlnet.")}, controlnet


@pytest.fixture(scope="module")
def stage1():
    return miniature.state_dict("stage1_unet_controlnet")


def saved(path, weights):
    if path.suffix == ".safetensors":
        save_file({name: w.contiguous() for name, w in weights.items()}, path)
    else:
        torch.save(weights, path)
    return path


def same(network, weights, prefix=""):
    own = network.state_dict()
    assert own.keys() == {name.removeprefix(prefix) for name in weights}
    assert all(torch.equal(own[name.removeprefix(prefix)], w) for name, w in weights.items())


# The published sizes.


def test_the_published_unet_and_controlnet_are_built_with_no_name_missing_and_none_too_many():
    unet, controlnet = parted(layout("stage1"))
    assert (len(unet), len(controlnet)) == (1278, 584)
    assert video_unet_config(unet) == VideoUNetConfig()
    assert trajectory_controlnet_config(controlnet) == TrajectoryControlNetConfig()
    with torch.device("meta"):
        built = VideoUNet(video_unet_config(unet)), TrajectoryControlNet(trajectory_controlnet_config(controlnet))
    for network, published in zip(built, (unet, controlnet), strict=True):
        assert {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()} == published


def test_the_published_flow_vae_is_built_with_no_name_missing_and_none_too_many(tmp_path):
    shapes = layout("flow_vae")
    path = saved(tmp_path / "vae.bin", {name: torch.zeros(1).expand(shape) for name, shape in shapes.items()})
    with WeightFile(path) as file:
        names = checkpoints.motion_vae_names(file)  # strict
    assert sorted(names.values()) == sorted(shapes)
    config = autoencoder_config({ours: shapes[theirs] for ours, theirs in names.items()})
    assert (config["block_out_channels"], config["layers_per_block"]) == ((128, 256, 512, 512), 2)
    assert (config["in_channels"], config["out_channels"], config["latent_channels"]) == (2, 2, 4)


def test_the_published_sizes_pass_the_strict_check_and_are_recognised(tmp_path):
    unet, controlnet = parted(layout("stage1"))
    module = {name: shape for name, shape in unet.items() if ".motion_modules." in name}
    for shapes, names_in, kind in (
        (unet, checkpoints.motion_predictor_names, "a motion predictor of stage 1"),
        (controlnet, checkpoints.trajectory_controlnet_names, "a trajectory ControlNet without its UNet"),
        (module, motion_module_names, "a motion module: of stage 2, or AnimateDiff v2"),
    ):
        path = saved(tmp_path / "full.bin", {name: torch.zeros(1).expand(shape) for name, shape in shapes.items()})
        with WeightFile(path) as file:
            assert names_in(file) == {name: name for name in shapes}
            assert kind_of(file.shapes) == kind


# Loading.


@pytest.mark.parametrize("suffix", [".bin", ".ckpt", ".safetensors"])
def test_a_miniature_of_the_release_is_loaded_by_the_same_code(tmp_path, stage1, suffix):
    unet = {name: w for name, w in stage1.items() if not name.startswith("controlnet.")}
    controlnet = {name: w for name, w in stage1.items() if name.startswith("controlnet.")}
    loaded = load_motion_predictor(saved(tmp_path / f"unet{suffix}", unet))
    same(loaded, unet)
    assert loaded.config == MINIATURE
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    same(load_trajectory_controlnet(saved(tmp_path / f"controlnet{suffix}", controlnet)), controlnet, "controlnet.")
    _, plain = parted(controlnet)
    same(load_trajectory_controlnet(saved(tmp_path / f"plain{suffix}", plain)), plain)


def test_each_takes_its_part_of_a_file_that_holds_both(tmp_path, stage1):
    path = saved(tmp_path / "both.bin", {"state_dict": {f"module.{name}": w for name, w in stage1.items()}})
    unet, controlnet = parted(stage1)
    same(load_motion_predictor(path), unet)
    same(load_trajectory_controlnet(path), controlnet)


def test_position_tables_that_a_file_leaves_out_are_computed(tmp_path, stage1):
    without = {name: w for name, w in stage1.items() if not name.endswith("pos_encoder.pe")}
    unet = load_motion_predictor(saved(tmp_path / "unet.bin", without))
    table = unet.mid_block.motion_modules[0].temporal_transformer.transformer_blocks[0].attention_blocks[1]
    torch.testing.assert_close(table.pos_encoder.pe, position_table(32, 64))


@pytest.mark.parametrize(
    ("stored", "asked", "kept"),
    [
        (torch.float32, None, torch.float32),
        (torch.float16, None, torch.float16),
        (torch.float32, torch.bfloat16, torch.bfloat16),
        (torch.float16, torch.float32, torch.float32),
        (torch.float8_e4m3fn, None, torch.float16),
    ],
)
def test_the_precision_is_the_files_or_the_one_asked_for(tmp_path, stage1, stored, asked, kept):
    path = saved(tmp_path / "unet.safetensors", {name: w.to(stored) for name, w in parted(stage1)[0].items()})
    unet = load_motion_predictor(path, dtype=asked)
    assert {tensor.dtype for tensor in unet.state_dict().values()} == {kept}


@pytest.mark.parametrize("suffix", [".bin", ".safetensors"])
def test_a_file_may_be_written_anew_while_its_weights_are_used(tmp_path, stage1, suffix):
    unet = parted(stage1)[0]
    path = saved(tmp_path / f"unet{suffix}", unet)
    loaded = load_motion_predictor(path)
    path.write_bytes(b"\0" * path.stat().st_size)
    same(loaded, unet)


def test_the_precision_of_most_numbers_is_that_of_all(tmp_path, stage1):
    unet = {name: w.half() for name, w in parted(stage1)[0].items() if not name.endswith("pos_encoder.pe")}
    unet |= {"conv_in.weight": unet["conv_in.weight"].float()}
    unet = load_motion_predictor(saved(tmp_path / "unet.bin", unet))
    assert {tensor.dtype for tensor in unet.state_dict().values()} == {torch.float16}


def test_numbers_lie_in_memory_as_new_ones_do(tmp_path, stage1):
    unet = parted(stage1)[0]
    last = {name: w.to(memory_format=torch.channels_last) if w.ndim == 4 else w for name, w in unet.items()}
    loaded = load_motion_predictor(saved(tmp_path / "unet.bin", last))
    same(loaded, unet)
    assert all(tensor.is_contiguous() for tensor in loaded.state_dict().values())


def test_heads_are_eight_unless_a_config_beside_the_file_says_otherwise(tmp_path, stage1):
    path = saved(tmp_path / "unet.bin", parted(stage1)[0])
    assert load_motion_predictor(path).config.heads == 8
    for told, heads in [(4, 4), ([16, 16, 16, 16], 16), (None, 8)]:
        (tmp_path / "config.json").write_text(json.dumps({"attention_head_dim": told}))
        assert load_motion_predictor(path).config.heads == heads
    for told in ([8, 4], "many", 0):
        (tmp_path / "config.json").write_text(json.dumps({"attention_head_dim": told}))
        with pytest.raises(CheckpointError, match="one number is wanted"):
            load_motion_predictor(path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="no config that can be read"):
        load_motion_predictor(path)


# The autoencoders' namings.


def today(weights):
    table = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
    return {
        re.sub(r"(?<=attentions\.0\.)(query|key|value|proj_attn)", lambda m: table[m[1]], n): w
        for n, w in weights.items()
    }


def ldm(weights):
    """As Stable Diffusion's own checkpoints name and shape an autoencoder."""
    renamed = {}
    for name, w in weights.items():
        name = name.replace("mid_block.resnets.0", "mid.block_1").replace("mid_block.resnets.1", "mid.block_2")
        name = name.replace("mid_block.attentions.0", "mid.attn_1").replace("conv_norm_out", "norm_out")
        name = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", name)
        name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
        name = re.sub(r"up_blocks\.(\d)\.resnets", lambda m: f"up.{3 - int(m[1])}.block", name)
        name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{3 - int(m[1])}.upsample", name)
        name = name.replace("conv_shortcut", "nin_shortcut")
        if ".attn_1." in name:
            for theirs, ours in (
                ("query", "q"),
                ("key", "k"),
                ("value", "v"),
                ("proj_attn", "proj_out"),
                ("group_norm", "norm"),
            ):
                name = name.replace(f".{theirs}.", f".{ours}.")
            w = w[..., None, None] if name.endswith("weight") and ".norm." not in name else w
        renamed[name] = w
    return renamed


def full_checkpoint(weights):
    others = {"model.diffusion_model.out.2.bias": torch.zeros(4), "cond_stage_model.logit_scale": torch.zeros(1)}
    return {f"first_stage_model.{name}": w for name, w in ldm(weights).items()} | others


@pytest.mark.parametrize("naming", [dict, today, ldm, full_checkpoint])
@pytest.mark.parametrize(("role", "load"), [("vae_flow", load_motion_vae), ("vae_img", load_image_vae)])
def test_an_autoencoder_is_the_same_under_every_name_it_goes_by(tmp_path, naming, role, load):
    published = miniature.state_dict(role)
    loaded = load(saved(tmp_path / "vae.bin", naming(published)))
    same(loaded.autoencoder if role == "vae_flow" else loaded, today(published))


def test_what_training_left_in_an_autoencoders_file_is_no_fault(tmp_path):
    published = miniature.state_dict("vae_img")
    left = {"loss.logvar": torch.zeros(()), "model_ema.decay": torch.tensor(0.9)}
    same(load_image_vae(saved(tmp_path / "vae.ckpt", {"state_dict": ldm(published) | left})), today(published))


# What does not fit.


def refused(load, path):
    with pytest.raises(CheckpointError) as caught:
        load(path)
    return str(caught.value)


def test_missing_unexpected_and_misshaped_tensors_are_named(tmp_path, stage1):
    unet, _ = parted(stage1)
    del unet["mid_block.resnets.0.conv1.weight"], unet["conv_norm_out.bias"]
    unet["extra.weight"] = torch.zeros(1)
    unet["conv_norm_out.weight"] = torch.zeros(16)
    told = refused(load_motion_predictor, saved(tmp_path / "unet.bin", unet))
    assert "does not fit the motion predictor of stage 1" in told
    assert "2 missing (mid_block.resnets.0.conv1.weight, conv_norm_out.bias)" in told
    assert "1 unexpected (extra.weight)" in told
    assert "1 of another shape (conv_norm_out.weight [16] instead of [32])" in told
    assert "StableDiffusion-FlowGen/unet/diffusion_pytorch_model.bin" in told


def test_many_missing_tensors_are_counted_and_the_first_few_named(tmp_path, stage1):
    unet = {name: w for name, w in parted(stage1)[0].items() if not name.startswith("up_blocks.1")}
    assert re.search(
        r"\d\d+ missing \(up_blocks\.1\S+, up_blocks\.1\S+, up_blocks\.1\S+, …\)",
        refused(load_motion_predictor, saved(tmp_path / "u.bin", unet)),
    )


def test_quantised_weights_are_refused(tmp_path, stage1):
    unet = {name: w.to(torch.int8) for name, w in parted(stage1)[0].items()}
    told = refused(load_motion_predictor, saved(tmp_path / "unet.bin", unet))
    assert "holds whole numbers, as quantised weights do (conv_in.weight, " in told
    assert "unet/diffusion_pytorch_model.bin" in told


SPOILED = [
    "conv_in.weight",
    "conv_out.weight",
    "stride_embedding.linear_1.weight",
    "down_blocks.0.resnets.0.conv1.weight",
    "down_blocks.0.resnets.1.conv2.bias",
    "down_blocks.3.resnets.0.conv1.weight",
    "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight",
    "mid_block.motion_modules.0.temporal_transformer.proj_in.weight",
]


@pytest.mark.parametrize("name", SPOILED)
def test_one_missing_tensor_is_named_and_no_other_whatever_was_inferred_from_it(tmp_path, stage1, name):
    unet = parted(stage1)[0]
    del unet[name]
    told = refused(load_motion_predictor, saved(tmp_path / "unet.bin", unet))
    assert f"does not fit the motion predictor of stage 1; tensors 1 missing ({name}). " in told


@pytest.mark.parametrize("shape", [(), (3,), (0, 0, 0, 0)])
@pytest.mark.parametrize("name", [name for name in SPOILED if not name.startswith("conv_out")])
def test_one_misshaped_tensor_is_named_and_no_other(tmp_path, stage1, name, shape):
    unet = parted(stage1)[0] | {name: torch.zeros(shape)}
    told = refused(load_motion_predictor, saved(tmp_path / "unet.bin", unet))
    assert f"tensors 1 of another shape ({name} {list(shape)} instead of " in told


@pytest.mark.parametrize(
    "name", ["controlnet_cond_embedding.layers.0.weight", "conv_in.weight", "controlnet_mid_block.bias"]
)
def test_a_tensor_missing_from_a_controlnet_is_named(tmp_path, stage1, name):
    controlnet = parted(stage1)[1]
    del controlnet[name]
    told = refused(load_trajectory_controlnet, saved(tmp_path / "controlnet.bin", controlnet))
    assert f"does not fit the trajectory ControlNet; tensors 1 missing ({name}). " in told


@pytest.mark.parametrize("name", ["encoder.conv_in.weight", "decoder.conv_out.weight", "post_quant_conv.bias"])
@pytest.mark.parametrize(("role", "load"), [("vae_flow", load_motion_vae), ("vae_img", load_image_vae)])
def test_a_tensor_missing_from_an_autoencoder_is_named(tmp_path, role, load, name):
    weights = miniature.state_dict(role)
    del weights[name]
    assert f"tensors 1 missing ({name}). " in refused(load, saved(tmp_path / "vae.bin", weights))


def test_a_picture_with_four_channels_is_no_picture_of_the_image_vae(tmp_path):
    weights = miniature.state_dict("vae_img")
    first = "encoder.conv_in.weight"
    wide = {**weights, first: torch.zeros(len(weights[first]), 4, 3, 3)}
    assert f"1 of another shape ({first} " in refused(load_image_vae, saved(tmp_path / "vae.bin", wide))


def test_the_vae_of_sdxl_is_not_taken_for_that_of_sd15(tmp_path):
    sdxl = full_checkpoint(miniature.state_dict("vae_img")) | {"conditioner.embedders.0.x": torch.zeros(1)}
    assert "a full SDXL checkpoint" in refused(load_image_vae, saved(tmp_path / "sdxl.safetensors", sdxl))


def test_a_checkpoint_without_its_vae_is_told(tmp_path):
    path = saved(tmp_path / "novae.ckpt", {"model.diffusion_model.out.2.bias": torch.zeros(4)})
    assert "a full Stable Diffusion 1.5 checkpoint without its VAE" in refused(load_image_vae, path)


def test_tensors_of_which_no_network_can_be_built_are_refused(tmp_path, stage1):
    path = saved(tmp_path / "unet.bin", parted(stage1)[0])
    (tmp_path / "config.json").write_text('{"attention_head_dim": 7}')
    assert "No network can be built" in refused(load_motion_predictor, path)


def motion_module(stage1, *, middle=True, positions=32, blocks=4):
    names = {name: w for name, w in parted(stage1)[0].items() if ".motion_modules." in name}
    names = {n: w[:, :positions] if n.endswith("pos_encoder.pe") else w for n, w in names.items()}
    kept = {n: w for n, w in names.items() if middle or not n.startswith("mid_block.")}
    return {n: w for n, w in kept.items() if not re.match(rf"(down|up)_blocks\.[{blocks}-9]", n)}


def plain_unet(stage1, text=32):
    return {n: w for n, w in parted(stage1)[0].items() if "motion_modules" not in n and "stride" not in n}


def stage_2(stage1):
    unet = {name: w for name, w in parted(stage1)[0].items() if not name.startswith("stride_embedding.")}
    return unet | {"conv_in.weight": unet["conv_in.weight"][:, :4]}


def others(stage1):
    """Files that people have, and what they are told."""
    one = torch.zeros(1)
    sd2 = plain_unet(stage1) | {
        "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight": torch.zeros(32, 1024)
    }
    return {
        "motion_module": (motion_module(stage1), "a motion module: of stage 2, or AnimateDiff v2"),
        "animatediff_v1": (motion_module(stage1, middle=False, positions=24), "an AnimateDiff v1 module"),
        "animatediff_v3": (motion_module(stage1, middle=False), "an AnimateDiff v3 module"),
        "animatediff_sdxl": (motion_module(stage1, middle=False, blocks=3), "an AnimateDiff module for SDXL"),
        "animatediff_diffusers": (
            {"down_blocks.0.motion_modules.0.transformer_blocks.0.attn1.to_q.weight": one},
            "an AnimateDiff module in diffusers' names",
        ),
        "animatediff_lora": (
            {"down_blocks.0.motion_modules.0.temporal_transformer.processor.to_q_lora.down.weight": one},
            "a LoRA",
        ),
        "hotshot": ({"down_blocks.0.temporal_attentions.0.pos_encoder.positional_encoding": one}, "a HotshotXL module"),
        "stage_2": (stage_2(stage1), "a video UNet of stage 2"),
        "plain": (plain_unet(stage1), "a plain Stable Diffusion 1.5 UNet"),
        "sd2": (sd2, "a Stable Diffusion 2 UNet"),
        "sdxl": (plain_unet(stage1) | {"add_embedding.linear_1.weight": one}, "an SDXL UNet"),
        "full": ({"model.diffusion_model.x": one}, "a full Stable Diffusion 1.5 checkpoint"),
        "full_sdxl": ({"model.diffusion_model.x": one, "conditioner.x": one}, "a full SDXL checkpoint"),
        "full_sd2": (
            {"model.diffusion_model.x": one, "cond_stage_model.model.ln_final.bias": one},
            "a full Stable Diffusion 2 checkpoint",
        ),
        "controlnet_ldm": ({"control_model.zero_convs.0.0.weight": one}, "an ordinary ControlNet"),
        "controlnet": ({"controlnet_cond_embedding.conv_in.weight": one}, "an ordinary ControlNet"),
        "sparsectrl": (motion_module(stage1) | {"controlnet_cond_embedding.weight": one}, "an ordinary ControlNet"),
        "lora": ({"lora_unet_down_blocks_0_attentions_0.lora_up.weight": one}, "a LoRA"),
        "lora_peft": ({"unet.down_blocks.0.attentions.0.to_q.lora_A.weight": one}, "a LoRA"),
        "text": ({"text_model.embeddings.token_embedding.weight": one}, "a CLIP text encoder"),
        "flow_vae": (miniature.state_dict("vae_flow"), "a flow VAE"),
        "image_vae": (miniature.state_dict("vae_img"), "an image VAE"),
        "trajectory": (parted(stage1)[1], "a trajectory ControlNet without its UNet"),
        "other": ({"layers.0.weight": one}, "something else (layers.0.weight)"),
    }  # fmt: skip


@pytest.mark.parametrize("name", list(others(miniature.state_dict("stage1_unet_controlnet"))))
def test_another_kind_of_file_is_recognised_and_the_right_one_named(tmp_path, stage1, name):
    weights, kind = others(stage1)[name]
    path = saved(tmp_path / "given.bin", weights)
    loaders = {
        load_motion_predictor: ({}, "unet/diffusion_pytorch_model.bin"),
        load_trajectory_controlnet: ({"trajectory"}, "controlnet/controlnet.bin"),
        load_motion_vae: ({"flow_vae"}, "vae_flow/diffusion_pytorch_model.bin"),
        load_image_vae: ({"image_vae"}, "StableDiffusion/vae/diffusion_pytorch_model.bin"),
    }
    for load, (fitting, published) in loaders.items():
        if name not in fitting:
            told = refused(load, path)
            assert kind in told
            assert published in told
            assert str(path) in told


def test_a_predictor_alone_is_no_controlnet_and_both_together_are_recognised(tmp_path, stage1):
    unet = parted(stage1)[0]
    told = refused(load_trajectory_controlnet, saved(tmp_path / "unet.bin", unet))
    assert "a motion predictor of stage 1" in told
    assert kind_of({name: tuple(w.shape) for name, w in stage1.items()}).startswith("a motion predictor together with")


def test_stage_2s_motion_module_is_checked_by_its_layout(tmp_path, stage1):
    module = motion_module(stage1)
    with WeightFile(saved(tmp_path / "motion_block.bin", module)) as file:
        assert motion_module_names(file) == {name: name for name in module}
    module.pop("mid_block.motion_modules.0.temporal_transformer.norm.weight")
    with WeightFile(saved(tmp_path / "cut.bin", module)) as file, pytest.raises(CheckpointError, match="1 missing"):
        motion_module_names(file)
    for name in ("plain", "animatediff_v1", "lora"):
        with WeightFile(saved(tmp_path / "other.bin", others(stage1)[name][0])) as file, pytest.raises(CheckpointError):
            motion_module_names(file)
