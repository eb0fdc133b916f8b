"""Our sockets, and what ComfyUI's own carry ⇄ what the core works with.

ComfyUI: IMAGE [B, H, W, 3], 0…1. MASK [B, H, W] or [H, W]. LATENT {"samples": [B, 4, h, w]}, before SD's scale.
CONDITIONING [[text [1, tokens, width], {…}], …]. TRACKS {"track_path": [T, N, 2] pixels, "track_visibility": [T, N]}.
"""

import torch.nn.functional as F
from comfy_api.latest import io
from einops import rearrange
from torch import Tensor

from ..motion_core.controls.motion_brush import region_from_brush
from ..motion_core.errors import MotionError
from ..motion_core.types import Size

MotionField = io.Custom("MOTION_FIELD")  # motion_core's MotionField
Trajectories = io.Custom("MOTION_TRAJECTORIES")  # motion_core's Tracks
Predictor = io.Custom("MOTION_PREDICTOR")  # nodes.models.HostedPredictor
FlowVAE = io.Custom("FLOW_VAE")  # a ModelPatcher of motion_core's MotionVAE
MotionModule = io.Custom("MOTION_MODULE")  # a ModelPatcher of motion_core's MotionModules
TrajectoryControl = io.Custom("TRAJECTORY_CONTROL")  # nodes.predict.Control
Tracks = io.Custom("TRACKS")  # io.Tracks, which ComfyUI before 0.8 does not have


def seed_input() -> io.Int.Input:
    return io.Int.Input("seed", default=0, min=0, max=2**64 - 1, control_after_generate=True, tooltip="Of the noise.")


def picture_from(image: Tensor) -> Tensor:
    """[3, H, W] of an IMAGE; of a batch the first. Gray gets three channels, an alpha channel is left out."""
    if image.ndim != 4 or 0 in image.shape or image.shape[-1] not in (1, 3, 4):
        raise MotionError(f"An image [1, H, W, 3] is wanted; got {list(image.shape)}. Connect a node that gives one.")
    picture = image[0, ..., :3].movedim(-1, 0).float()
    if not picture.isfinite().all():
        raise MotionError("The image has a pixel that is not a finite number. Look at the node that made it.")
    return picture.clamp(0, 1).expand(3, -1, -1)  # resizing may have gone a little beyond


def images_from(frames: Tensor) -> Tensor:
    """IMAGE [F, H, W, 3] of frames [F, 3, H, W]."""
    return frames.movedim(1, -1).clamp(0, 1).float().cpu()


def region_from(mask: Tensor | None, size: Size) -> Tensor | None:
    """[H, W] of a MASK, 1 where things may move; of a batch the first. None if there is none, or all may move."""
    if mask is None:
        return None
    region = region_from_brush(mask_from(mask), size)
    return None if region.all() else region


def soft_from(mask: Tensor, size: Size) -> Tensor:
    """[H, W], 0…1, of a MASK; of a batch the first."""
    return F.interpolate(mask_from(mask)[None, None], size, mode="bilinear", antialias=True)[0, 0].clamp(0, 1)


def mask_from(mask: Tensor) -> Tensor:
    """[H, W] of a MASK, 0…1 on the CPU; of a batch the first. A resized one may have gone a little beyond."""
    if mask.ndim < 2 or 0 in mask.shape:
        raise MotionError(f"A mask [1, H, W] is wanted; got {list(mask.shape)}. Connect a node that gives one.")
    return rearrange(mask, "... h w -> (...) h w")[0].float().cpu().clamp(0, 1)


def latent_from(latent: dict) -> Tensor:
    """[1, 4, h, w] of a LATENT; of a batch the first."""
    samples = latent["samples"]
    if samples.ndim != 4 or samples.shape[1] != 4 or 0 in samples.shape:
        raise MotionError(
            f"A latent of SD1.5, [1, 4, h, w], is wanted; got {list(samples.shape)}. Encode the image with the VAE of "
            "an SD1.5 checkpoint."
        )
    if not samples.isfinite().all():
        raise MotionError("The latent has a number that is not finite. Look at the node that made it.")
    return samples[:1]


def text_from(conditioning: list, width: int) -> Tensor:
    """[1, tokens, width] of a CONDITIONING that is one plain text."""
    if len(conditioning) != 1:
        raise MotionError(
            f"The motion predictor reads one text; this conditioning combines {len(conditioning)}. "
            "Connect a single CLIP Text Encode."
        )
    text = conditioning[0][0]
    if not isinstance(text, Tensor) or text.ndim != 3 or len(text) != 1 or text.shape[2] != width:
        told = list(text.shape) if isinstance(text, Tensor) else "nothing"
        raise MotionError(
            f"The motion predictor reads one text of width {width}; this conditioning holds {told}. Connect CLIP Text "
            "Encode with the CLIP of an SD1.5 checkpoint."
        )
    return text
