"""A node pack for tests: SD1.5 with few channels, made of ComfyUI's own classes and the recorded miniature's weights.

The server loads it as a custom node; tests in their own process import the functions. ComfyUI is imported when they are
called.
"""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import torch

WIDTHS, HEADS, TEXT_WIDTH = (32, 64, 64, 64), 8, 32  # of tests/miniature.py's stage 2
UNET = {
    "image_size": 32, "in_channels": 4, "out_channels": 4, "model_channels": WIDTHS[0],
    "channel_mult": [width // WIDTHS[0] for width in WIDTHS], "num_res_blocks": [2, 2, 2, 2],
    "transformer_depth": [1, 1, 1, 1, 1, 1, 0, 0], "transformer_depth_middle": 1,
    "transformer_depth_output": [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0],
    "num_heads": HEADS, "num_head_channels": -1, "context_dim": TEXT_WIDTH, "use_spatial_transformer": True,
    "use_linear_in_transformer": False, "use_temporal_attention": False, "adm_in_channels": None, "legacy": False,
    "use_checkpoint": False, "dtype": torch.float32,
}  # fmt: skip
IMAGE_VAE = {
    "double_z": True, "z_channels": 4, "resolution": 256, "in_channels": 3, "out_ch": 3, "ch": 32,
    "ch_mult": [1, 1, 2, 2], "num_res_blocks": 2, "attn_resolutions": [], "dropout": 0.0,
}  # fmt: skip
TEXT_ENCODER = {
    "hidden_size": TEXT_WIDTH, "intermediate_size": 2 * TEXT_WIDTH, "num_attention_heads": 2, "num_hidden_layers": 2,
    "projection_dim": TEXT_WIDTH,
}  # fmt: skip


def model():
    """A ModelPatcher of SD1.5 with the recorded stage 2's weights, except the temporal ones."""
    import comfy.model_base
    import comfy.model_management
    import comfy.model_patcher
    import comfy.supported_models
    import comfy.utils

    config = comfy.supported_models.SD15(dict(UNET))
    config.unet_config = dict(UNET)
    base = comfy.model_base.BaseModel(config, model_type=comfy.model_base.ModelType.EPS, device=torch.device("cpu"))
    names = comfy.utils.unet_to_diffusers(UNET)
    published = {name: tensor for name, tensor in weights("stage2_unet").items() if ".motion_modules." not in name}
    base.diffusion_model.load_state_dict({names[name]: tensor for name, tensor in published.items()})
    patcher = getattr(comfy.model_patcher, "CoreModelPatcher", comfy.model_patcher.ModelPatcher)
    return patcher(
        base.eval(),
        load_device=comfy.model_management.get_torch_device(),
        offload_device=comfy.model_management.unet_offload_device(),
    )


def clip(seed=0):
    """A text encoder of SD1.5's kind, with random weights and the real tokenizer."""
    import comfy.sd
    import comfy.sd1_clip

    target = SimpleNamespace(params={}, clip=comfy.sd1_clip.SD1ClipModel, tokenizer=comfy.sd1_clip.SD1Tokenizer)
    encoder = comfy.sd.CLIP(target, model_options={"clip_l_model_config": TEXT_ENCODER})
    fill(encoder.cond_stage_model, seed)
    return encoder


def vae():
    """The recorded miniature of SD1.5's VAE."""
    import comfy.sd

    return comfy.sd.VAE(sd=weights("vae_img"), config={"params": {"ddconfig": dict(IMAGE_VAE), "embed_dim": 4}})


def conditioning(seed, tokens=77):
    """A text of random numbers, of the width that model() reads."""
    generator = torch.Generator().manual_seed(seed)
    return [[torch.randn(1, tokens, TEXT_WIDTH, generator=generator), {}]]


def fill(network, seed):
    """Random weights of a size that keeps activations as they are; ComfyUI's layers are made without any."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if weight.ndim > 1:
                weight.normal_(0, weight[0].numel() ** -0.5, generator=generator)
            elif name != "logit_scale":
                weight.fill_(float(name.endswith("norm.weight") or "norm1.weight" in name or "norm2.weight" in name))


def weights(role):
    """tests/miniature.py's, by its path: inside the server "tests" is ComfyUI's."""
    path = Path(__file__).resolve().parents[2] / "miniature.py"
    spec = importlib.util.spec_from_file_location("motion_i2v_miniature", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.state_dict(role)


class MiniSD15:
    """In place of Load Checkpoint, whose outputs are its first three."""

    INPUT_TYPES = classmethod(lambda cls: {"required": {}})
    RETURN_TYPES = ("MODEL", "CLIP", "VAE", "CONDITIONING", "CONDITIONING")
    RETURN_NAMES = ("model", "clip", "vae", "positive", "negative")
    FUNCTION, CATEGORY = "make", "Motion-I2V tests"

    def make(self):
        with torch.inference_mode(False):
            return model(), clip(), vae(), conditioning(1), conditioning(2)


class MiniSDXL:
    """A model that is not SD1.5: its UNet takes a label."""

    INPUT_TYPES = classmethod(lambda cls: {"required": {}})
    RETURN_TYPES = ("MODEL",)
    FUNCTION, CATEGORY = "make", "Motion-I2V tests"

    def make(self):
        import comfy.ldm.modules.diffusionmodules.openaimodel as openaimodel

        with torch.inference_mode(False):
            other = model()
            label = {"num_classes": "sequential", "adm_in_channels": 8}
            other.model.diffusion_model = openaimodel.UNetModel(**UNET | label)
        return (other,)


class MiniOutOfMemory:
    """A model whose memory is full in the middle of a step."""

    INPUT_TYPES = classmethod(lambda cls: {"required": {"model": ("MODEL",)}})
    RETURN_TYPES = ("MODEL",)
    FUNCTION, CATEGORY = "make", "Motion-I2V tests"

    def make(self, model):
        full = model.clone()

        def look(q, k, v, extra):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")

        full.set_model_attn2_patch(look)
        return (full,)


NODE_CLASS_MAPPINGS = {"MiniSD15": MiniSD15, "MiniSDXL": MiniSDXL, "MiniOutOfMemory": MiniOutOfMemory}
