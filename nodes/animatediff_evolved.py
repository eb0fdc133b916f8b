"""Motion modules that AnimateDiff-Evolved has put into a model, steered by a motion field with the weights they have.

They are known by the name of their class; nothing of that pack is imported or changed. What its layers computed is
replaced by what ours compute with the same weights, so its own scale and effect settings inside attention do not act.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ..motion_core.errors import MotionError
from ..motion_core.models.temporal import TemporalTransformer
from ..motion_core.warp_attention import WarpAttention

MODULE, TRANSFORMER = "VanillaTemporalModule", "temporal_transformer"


class Borrowed(nn.Module):
    """A temporal transformer of AnimateDiff-Evolved's, computed as ours."""

    def __init__(self, theirs: nn.Module) -> None:
        super().__init__()
        self.theirs = [theirs]  # in a list, so that it is no part of this network
        weights = theirs.state_dict()
        tables = [tensor for name, tensor in weights.items() if name.endswith("pos_encoder.pe")]
        self.positions = min((table.shape[1] for table in tables), default=0)
        with torch.device("meta"):
            self.ours = TemporalTransformer(
                len(weights["norm.weight"]),
                heads=theirs.transformer_blocks[0].attention_blocks[0].heads,
                positions=self.positions,
            )
        if self.ours.state_dict().keys() != weights.keys():
            odd = sorted(self.ours.state_dict().keys() ^ weights.keys())[0]
            raise MotionError(
                f"This model carries a kind of motion module that a motion field cannot steer (it differs in {odd}). "
                "Use an AnimateDiff v1, v2 or v3 module for SD1.5."
            )

    def forward(self, hidden: Tensor, frames: int, *, warp: WarpAttention, chunk: int | None) -> Tensor:
        weights = {name: tensor.to(hidden) for name, tensor in self.theirs[0].state_dict().items()}
        return functional_call(self.ours, weights, (hidden, frames, warp, chunk))


def borrowed_from(unet: nn.Module) -> Iterator[tuple[nn.Module, Borrowed]]:
    """The temporal transformers in ComfyUI's UNet, and what they become."""
    for module in unet.modules():
        if type(module).__name__ == MODULE:
            transformer = getattr(module, TRANSFORMER)
            yield transformer, Borrowed(transformer)
