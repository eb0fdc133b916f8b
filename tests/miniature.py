"""The miniature networks of the recorded cases: the published names, a few channels, weights from a hash.

Every weight is offset + q · 2^exponent with q a signed byte, exact in float32, float16-range and bfloat16: a pure
function of (seed, name, shape), so nothing large is stored and the recorded hash proves the result.
"""

import hashlib
import json
import math
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from safetensors.numpy import load_file

WEIGHTS = Path(__file__).parent / "parity" / "weights"
ROLES = ("stage1_unet_controlnet", "stage2_unet", "stage2_motion_module", "vae_flow", "vae_img")
GAINS = (  # of a weight tensor; the first name that is found in the key holds
    ("controlnet_cond_embedding.layers.2", 0.6),
    ("controlnet_down_blocks", 0.5),
    ("controlnet_mid_block", 0.5),
    ("decoder.conv_out", {"vae_flow": 0.15, "vae_img": 0.5}),
    ("encoder.conv_out", 1.0),
    ("post_quant_conv", 1.0),
    ("quant_conv", 0.7),
    ("conv_out", 1.6),
    ("to_q", 1.4),
    ("to_k", 1.4),
    ("proj_out", 0.8),
    ("to_out", 0.8),
    ("ff.net.2", 0.8),
    ("conv2", 0.8),
    ("proj_attn", 0.8),
)


def state_dict(role):
    """Fresh tensors under the published names; see ROLES. Stage 1 holds the ControlNet under "controlnet."."""
    return {name: torch.from_numpy(values.copy()) for name, values in _arrays(role).items()}


@cache
def predictor():
    """The recorded miniature of stage 1, loaded as published files are. Not to be changed by who uses it."""
    from motion_core.checkpoints import load_motion_predictor, load_motion_vae, load_trajectory_controlnet
    from motion_core.predictor import MotionPredictor

    with TemporaryDirectory() as folder:
        stage1, flow_vae = Path(folder) / "stage1.bin", Path(folder) / "flow_vae.bin"
        torch.save(state_dict("stage1_unet_controlnet"), stage1)
        torch.save(state_dict("vae_flow"), flow_vae)
        return MotionPredictor(
            load_motion_predictor(stage1), load_motion_vae(flow_vae), load_trajectory_controlnet(stage1)
        )


@cache
def renderer():
    """The recorded miniature of stage 2. Not to be changed by who uses it."""
    from motion_core.checkpoints import assembled, load_motion_modules
    from motion_core.renderer import Renderer

    weights = state_dict("stage2_unet")
    temporal = {name: tensor for name, tensor in weights.items() if ".motion_modules." in name}
    with TemporaryDirectory() as folder:
        torch.save(temporal, Path(folder) / "motion_block.bin")
        modules = load_motion_modules(Path(folder) / "motion_block.bin")
    return Renderer(assembled({name: t for name, t in weights.items() if name not in temporal}, modules))


@cache
def _arrays(role):
    recorded = json.loads((WEIGHTS / f"{role}.json").read_text("utf-8"))
    tables = load_file(WEIGHTS / "pe_tables.safetensors")
    arrays = {
        name: tables[f"pe.{shape[2]}"]
        if name.endswith("pos_encoder.pe")
        else _weight(recorded["seed"], name, tuple(shape), recorded["family"])
        for name, shape in recorded["shapes"].items()
    }
    assert _sha256(arrays) == recorded["sha256"], f"the miniature weights of {role} are not the recorded ones"
    return arrays


def _weight(seed, name, shape, family):
    q = _signed_bytes(seed, name, math.prod(shape)).astype(np.int32)
    if name.endswith(".bias"):
        offset, exponent = 0.5 if (family, name) == ("vae_flow", "decoder.conv_out.bias") else 0.0, -9
    elif len(shape) == 1:  # a normalisation's weight
        offset, exponent, q = 1.0, -6, q // 4
    else:
        gain = next((gain for part, gain in GAINS if part in name), 1.0)
        gain = gain[family] if isinstance(gain, dict) else gain
        offset, exponent = 0.0, round(math.log2(gain / math.sqrt(math.prod(shape[1:])) / 36.0))
    return (np.float32(offset) + q.astype(np.float32) * np.float32(2.0**exponent)).astype(np.float32).reshape(shape)


def _signed_bytes(seed, name, count):
    """SplitMix64 over (seed, name), four 16-bit words summed: nearly normal with deviation 36."""
    base = int.from_bytes(hashlib.sha256(f"{seed}|{name}".encode()).digest()[:8], "little")
    with np.errstate(over="ignore"):
        z = np.uint64(base) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    total = sum(((z >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.int64) for shift in (0, 16, 32, 48))
    return ((total - 131070) * 36 // 37837).astype(np.int8)


def _sha256(arrays):
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(name.encode())
        digest.update(str(arrays[name].shape).encode())
        digest.update(np.ascontiguousarray(arrays[name], dtype=np.float32).tobytes())
    return digest.hexdigest()
