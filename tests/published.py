"""A miniature of the authors' release: the published folders, file names, tensor names and formats, a few channels."""

import json
import re

import torch
from safetensors.torch import save_file

from tests import miniature

STAGE1 = "models/stage1/StableDiffusion-FlowGen"
STAGE2 = "models/stage2"
WIDTH, LAYERS, TOKENS = 32, 2, 77  # of the text encoder; its width is the one that the miniature UNet attends to
MERGES = ("c a", "ca t</w>", "r u", "ru n", "run s</w>", "t h", "th e</w>", "l e", "le f", "lef t</w>")
SPECIAL = ("<|startoftext|>", "<|endoftext|>")


def published_folder(path):
    """Writes the whole miniature release into `path`, a new or empty folder, and returns it. 70 MB, half a second."""
    for folder, write in {
        f"{STAGE1}/tokenizer": _tokenizer,
        f"{STAGE1}/text_encoder": text_encoder_folder,
        f"{STAGE1}/unet": _predictor,
        f"{STAGE1}/controlnet": _controlnet,
        f"{STAGE1}/vae_flow": lambda folder: _vae(folder, "vae_flow"),
        f"{STAGE1}/vae": lambda folder: _vae_config(folder, pictures=2),
        f"{STAGE2}/StableDiffusion/tokenizer": _tokenizer,
        f"{STAGE2}/StableDiffusion/text_encoder": text_encoder_folder,
        f"{STAGE2}/StableDiffusion/unet": _stable_diffusion_unet,
        f"{STAGE2}/StableDiffusion/vae": lambda folder: (_vae(folder, "vae_img"), _vae_config(folder, pictures=3)),
        f"{STAGE2}/Motion_Module": _motion_module,
        f"{STAGE2}/DreamBooth_LoRA": _dreambooth,
    }.items():
        (path / folder).mkdir(parents=True)
        write(path / folder)
    return path


def text_encoder_weights(width=WIDTH, layers=LAYERS):
    """The text encoder under its published names, which end in a buffer that newer libraries no longer keep."""
    shapes = {"embeddings.token_embedding.weight": (len(_vocabulary()), width)}
    shapes["embeddings.position_embedding.weight"] = (TOKENS, width)
    for layer in (f"encoder.layers.{number}" for number in range(layers)):
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes |= {f"{layer}.self_attn.{part}.weight": (width, width), f"{layer}.self_attn.{part}.bias": (width,)}
        shapes |= {f"{layer}.mlp.fc1.weight": (2 * width, width), f"{layer}.mlp.fc1.bias": (2 * width,)}
        shapes |= {f"{layer}.mlp.fc2.weight": (width, 2 * width), f"{layer}.mlp.fc2.bias": (width,)}
        shapes |= {f"{layer}.layer_norm{i}.{kind}": (width,) for i in (1, 2) for kind in ("weight", "bias")}
    shapes |= {f"final_layer_norm.{kind}": (width,) for kind in ("weight", "bias")}
    generator = torch.Generator().manual_seed(3)
    weights = {
        f"text_model.{name}": torch.randn(shape, generator=generator) * (0.3 if len(shape) == 2 else 0.1)
        for name, shape in shapes.items()
    }
    return weights | {"text_model.embeddings.position_ids": torch.arange(TOKENS)[None]}


def motion_module_weights():
    """Stage 2's temporal modules: the names and shapes of stage 1's, other values; the position tables are the same."""
    generator = torch.Generator().manual_seed(5)
    return {
        name: weight if name.endswith(".pe") else weight + 0.05 * torch.randn(weight.shape, generator=generator)
        for name, weight in miniature.state_dict("stage1_unet_controlnet").items()
        if "motion_modules." in name and not name.startswith("controlnet.")
    }


def _predictor(folder):
    weights = miniature.state_dict("stage1_unet_controlnet")
    unet = {name: weight for name, weight in weights.items() if not name.startswith("controlnet.")}
    torch.save(unet, folder / "diffusion_pytorch_model.bin")
    _unet_config(folder, in_channels=8)


def _controlnet(folder):
    weights = miniature.state_dict("stage1_unet_controlnet")
    torch.save({name: w for name, w in weights.items() if name.startswith("controlnet.")}, folder / "controlnet.bin")


def _motion_module(folder):
    torch.save(motion_module_weights(), folder / "motion_block.bin")


def _plain_unet():
    """A UNet of Stable Diffusion: what is left of stage 1's without time, stride and the picture beside the latent."""
    unet = {
        name: weight
        for name, weight in miniature.state_dict("stage1_unet_controlnet").items()
        if not name.startswith(("controlnet.", "stride_embedding.")) and "motion_modules." not in name
    }
    return unet | {"conv_in.weight": unet["conv_in.weight"][:, :4].clone()}


def _stable_diffusion_unet(folder):
    torch.save(_plain_unet(), folder / "diffusion_pytorch_model.bin")
    _unet_config(folder, in_channels=4)


def _dreambooth(folder):
    torch.save({name: weight.half() for name, weight in _plain_unet().items()}, folder / "realistic_unet.ckpt")
    vae = {f"first_stage_model.{name}": w for name, w in ldm_vae_names(miniature.state_dict("vae_img")).items()}
    save_file(vae, folder / "realisticVisionV51_v20Novae.safetensors")


def ldm_vae_names(weights):
    """A VAE of diffusers under the names of the latent diffusion code, whose attention is made of 1×1 convolutions."""
    renamed = {}
    for name, weight in weights.items():
        attention = "attentions.0" in name
        for old, new in (
            (r"mid_block\.attentions\.0\.", "mid.attn_1."),
            (r"mid_block\.resnets\.(\d)", lambda found: f"mid.block_{int(found[1]) + 1}"),
            (r"down_blocks\.(\d)\.resnets\.", r"down.\1.block."),
            (r"down_blocks\.(\d)\.downsamplers\.0\.", r"down.\1.downsample."),
            (r"up_blocks\.(\d)\.resnets\.", lambda found: f"up.{3 - int(found[1])}.block."),
            (r"up_blocks\.(\d)\.upsamplers\.0\.", lambda found: f"up.{3 - int(found[1])}.upsample."),
            ("conv_shortcut", "nin_shortcut"),
            ("conv_norm_out", "norm_out"),
            ("group_norm", "norm"),
            ("query", "q"),
            ("key", "k"),
            ("value", "v"),
            ("proj_attn", "proj_out"),
        ):
            name = re.sub(old, new, name)
        renamed[name] = weight[:, :, None, None].clone() if attention and weight.ndim == 2 else weight
    return renamed


def _vae(folder, role):
    torch.save(miniature.state_dict(role), folder / "diffusion_pytorch_model.bin")


def _vae_config(folder, pictures):
    widths = [weight.shape[0] for weight in _first_convolutions()]
    _json(
        folder / "config.json",
        {
            "_class_name": "AutoencoderKL",
            "_diffusers_version": "0.6.0",
            "act_fn": "silu",
            "block_out_channels": widths,
            "down_block_types": ["DownEncoderBlock2D"] * 4,
            "in_channels": pictures,
            "latent_channels": 4,
            "layers_per_block": 2,
            "norm_num_groups": 32,
            "out_channels": pictures,
            "sample_size": 512,
            "up_block_types": ["UpDecoderBlock2D"] * 4,
        },
    )


def _first_convolutions():
    weights = miniature.state_dict("vae_img")
    return [weights[f"encoder.down_blocks.{number}.resnets.0.conv1.weight"] for number in range(4)]


def _unet_config(folder, in_channels):
    weights = miniature.state_dict("stage1_unet_controlnet")
    _json(
        folder / "config.json",
        {
            "_class_name": "UNet2DConditionModel",
            "_diffusers_version": "0.6.0",
            "attention_head_dim": 8,
            "block_out_channels": [
                weights[f"down_blocks.{number}.resnets.0.conv1.weight"].shape[0] for number in range(4)
            ],
            "cross_attention_dim": WIDTH,
            "in_channels": in_channels,
            "layers_per_block": 2,
            "out_channels": 4,
        },
    )


def text_encoder_folder(folder, width=WIDTH, layers=LAYERS):
    """Writes a text encoder into an existing folder, in place of the one that is there."""
    torch.save(text_encoder_weights(width, layers), folder / "pytorch_model.bin")
    _json(
        folder / "config.json",
        {
            "_name_or_path": "openai/clip-vit-large-patch14",
            "architectures": ["CLIPTextModel"],
            "attention_dropout": 0.0,
            "bos_token_id": 0,
            "dropout": 0.0,
            "eos_token_id": 2,
            "hidden_act": "quick_gelu",
            "hidden_size": width,
            "initializer_factor": 1.0,
            "initializer_range": 0.02,
            "intermediate_size": 2 * width,
            "layer_norm_eps": 1e-05,
            "max_position_embeddings": TOKENS,
            "model_type": "clip_text_model",
            "num_attention_heads": 4,
            "num_hidden_layers": layers,
            "pad_token_id": 1,
            "projection_dim": width,
            "torch_dtype": "float32",
            "transformers_version": "4.22.0.dev0",
            "vocab_size": len(_vocabulary()),
        },
    )


def _tokenizer(folder):
    (folder / "vocab.json").write_text(json.dumps(_vocabulary()), "utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *MERGES, ""]), "utf-8")
    start, end = ({"content": word, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
                  for word in SPECIAL)  # fmt: skip
    special = {"bos_token": start, "eos_token": end, "pad_token": SPECIAL[1], "unk_token": end}
    _json(folder / "special_tokens_map.json", special)
    _json(
        folder / "tokenizer_config.json",
        {
            "add_prefix_space": False,
            "bos_token": {"__type": "AddedToken", **start},
            "do_lower_case": True,
            "eos_token": {"__type": "AddedToken", **end},
            "errors": "replace",
            "model_max_length": TOKENS,
            "name_or_path": "openai/clip-vit-large-patch14",
            "pad_token": SPECIAL[1],
            "special_tokens_map_file": "./special_tokens_map.json",
            "tokenizer_class": "CLIPTokenizer",
            "unk_token": {"__type": "AddedToken", **end},
        },
    )


def _vocabulary():
    """Word piece → number, in CLIP's order: the 256 bytes, the same at the end of a word, the merges, the two marks."""
    shown = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    letters = [chr(byte) for byte in shown] + [chr(256 + number) for number in range(256 - len(shown))]
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), *(pair.replace(" ", "") for pair in MERGES), *SPECIAL]
    return {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}


def _json(path, content):
    path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
