"""Which kind of weight file was given, by the names and shapes in it: for messages that say what it probably is."""

from __future__ import annotations

import re
from collections.abc import Mapping

Shapes = Mapping[str, tuple[int, ...]]

# The kinds that some loader wants have a name here.

STAGE1 = "a motion predictor of stage 1"
STAGE1_WITH_CONTROL = "a motion predictor together with its trajectory ControlNet"
CONTROL_ALONE = "a trajectory ControlNet without its UNet"
MODULE = "a motion module: of stage 2, or AnimateDiff v2"
MODULE_V1 = "an AnimateDiff v1 module"
MODULE_V3 = "an AnimateDiff v3 module"
FLOW_AUTOENCODER = "a flow VAE"
AUTOENCODER = "an image VAE"
SD15 = "a full Stable Diffusion 1.5 checkpoint"
PLAIN = "a plain Stable Diffusion 1.5 UNet, without temporal layers"
UNKNOWN = "something else"

KINDS: list[tuple[str, list[str], list[str]]] = [
    # The first that fits: patterns that are all found in lines like "conv_in.weight 320 8 3 3", and that are not.
    ("a LoRA, not a whole network", [r"lora|hada_w|lokr_w"], []),
    (FLOW_AUTOENCODER, [r"^(first_stage_model\.)?(encoder\.conv_in\.weight \d+ 2|decoder\.conv_out\.weight 2) "], []),
    ("a full SDXL checkpoint", [r"^model\.diffusion_model\.", r"^conditioner\."], []),
    ("a full Stable Diffusion 2 checkpoint", [r"^model\.diffusion_model\.", r"^cond_stage_model\.model\."], []),
    ("a Stable Video Diffusion checkpoint", [r"^model\.diffusion_model\..*\.time_(stack|mixer)"], []),
    (SD15, [r"^model\.diffusion_model\."], []),
    ("an ordinary ControlNet", [r"^control_model\.|controlnet_cond_embedding\.(conv_in|weight|bias)"], []),
    (STAGE1_WITH_CONTROL, [r"controlnet_cond_embedding\.layers\.", r"^(conv_out|conv_norm_out|up_blocks)\."], []),
    (CONTROL_ALONE, [r"controlnet_cond_embedding\.layers\."], []),
    (STAGE1, [r"motion_modules\.", r"^stride_embedding\.|^conv_in\.weight \d+ 8 "], []),
    ("a video UNet of stage 2, without frame strides", [r"motion_modules\.", r"^down_blocks\.0\.resnets"], []),
    ("a HotshotXL module", [r"temporal_attentions\."], []),
    ("an AnimateDiff module in diffusers' names", [r"motion_modules\."], [r"temporal_transformer\."]),
    ("an AnimateDiff module for SDXL", [r"motion_modules\."], [r"^(down|up)_blocks\.3\."]),
    (MODULE_V1, [r"pos_encoder\.pe 1 24 "], [r"^mid_block\."]),
    (MODULE_V3, [r"motion_modules\."], [r"^mid_block\."]),
    (MODULE, [r"motion_modules\."], []),
    ("a CLIP text encoder", [r"token_embedding\.weight "], []),
    (AUTOENCODER, [r"^(first_stage_model\.)?(encoder|decoder)\.(conv_in|conv_out|mid)"], []),
    ("an SDXL UNet", [r"^add_embedding\."], []),
    ("a Stable Diffusion 2 UNet", [r"^down_blocks\..*attn2\.to_k\.weight \d+ 1024$"], []),
    (PLAIN, [r"^down_blocks\.0\.resnets|^conv_in\."], []),
    (UNKNOWN, [], []),
]


def kind_of(shapes: Shapes) -> str:
    """What a file with these names and shapes probably is, in words."""
    lines = "\n".join(" ".join(map(str, (name, *shape))) for name, shape in shapes.items())

    def found(pattern: str) -> bool:
        return re.search(pattern, lines, flags=re.MULTILINE) is not None

    return next(kind for kind, has, lacks in KINDS if all(map(found, has)) and not any(map(found, lacks)))
