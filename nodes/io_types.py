"""Our sockets, and what ComfyUI's own carry ⇄ what the core works with.

ComfyUI: IMAGE [B, H, W, 3], 0…1. MASK [B, H, W] or [H, W]. LATENT {"samples": [B, 4, h, w]}, before SD's scale.
CONDITIONING [[text [1, tokens, width], {…}], …]. TRACKS {"track_path": [T, N, 2] pixels, "track_visibility": [T, N]}.
"""

from comfy_api.latest import io
from einops import rearrange
from torch import Tensor

from ..motion_core.controls.motion_brush import region_from_brush
from ..motion_core.errors import MotionError
from ..motion_core.types import Size

MotionField = io.Custom("MOTION_FIELD")  # motion_core's MotionField
Trajectories = io.Custom("MOTION_TRAJECTORIES")  # motion_core's Tracks
Predictor = io.Custom("MOTION_PREDICTOR")  # nodes.models.Predictor
FlowVAE = io.Custom("FLOW_VAE")  # a ModelPatcher of motion_core's MotionVAE
MotionModule = io.Custom("MOTION_MODULE")  # a ModelPatcher of motion_core's MotionModules
TrajectoryControl = io.Custom("TRAJECTORY_CONTROL")  # nodes.predict.TrajectoryControl
Tracks = io.Custom("TRACKS")  # io.Tracks, which ComfyUI before 0.8 does not have


def picture_from(image: Tensor) -> Tensor:
    """[3, H, W] of an IMAGE; of a batch the first."""
    return image[0, ..., :3].movedim(-1, 0).float()


def images_from(frames: Tensor) -> Tensor:
    """IMAGE [F, H, W, 3] of frames [F, 3, H, W]."""
    return frames.movedim(1, -1).clamp(0, 1).float().cpu()


def region_from(mask: Tensor | None, size: Size) -> Tensor | None:
    """[H, W] of a MASK, 1 where things may move; of a batch the first. None if there is none, or all may move."""
    if mask is None:
        return None
    region = region_from_brush(rearrange(mask, "... h w -> (...) h w")[0].float().cpu(), size)
    return None if region.all() else region


def text_from(conditioning: list) -> Tensor:
    """[1, tokens, width] of a CONDITIONING that is one plain text."""
    if len(conditioning) != 1:
        raise MotionError(
            f"The motion predictor reads one text; this conditioning combines {len(conditioning)}. "
            "Connect a single CLIP Text Encode."
        )
    return conditioning[0][0]
