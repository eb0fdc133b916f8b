"""Our networks under ComfyUI's memory management: moved, offloaded and cast with all the other models."""

from __future__ import annotations

from typing import Generic, TypeVar

import comfy.model_management
import comfy.model_patcher
import comfy.ops
import torch
from torch import nn

from ..motion_core.models.placement import Placement

Network = TypeVar("Network", bound=nn.Module)

# What fetches and casts its weights as they are used, in ComfyUI. It adds methods to torch's layers and no parameters,
# so a layer becomes one by changing its class.
CASTING = {
    nn.Linear: comfy.ops.manual_cast.Linear,
    nn.Conv2d: comfy.ops.manual_cast.Conv2d,
    nn.GroupNorm: comfy.ops.manual_cast.GroupNorm,
    nn.LayerNorm: comfy.ops.manual_cast.LayerNorm,
}


class Hosted(nn.Module, Generic[Network]):
    """A network, and room for what ComfyUI's ModelPatcher notes on a model."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network


def hosted(network: nn.Module) -> comfy.model_patcher.ModelPatcher:
    """The network's patcher. `patcher.model.network` is the network; its layers follow ComfyUI's memory management."""
    for layer in network.modules():
        if type(layer) in CASTING:
            layer.__class__ = CASTING[type(layer)]
    patcher = getattr(comfy.model_patcher, "CoreModelPatcher", comfy.model_patcher.ModelPatcher)
    return patcher(
        Hosted(network),
        load_device=comfy.model_management.get_torch_device(),
        offload_device=comfy.model_management.unet_offload_device(),
    )


def placement(weights: torch.dtype) -> Placement:
    """Where and in what precision ComfyUI computes with weights of a precision on this machine."""
    device = comfy.model_management.get_torch_device()
    return Placement(device, comfy.model_management.unet_manual_cast(weights, device) or weights)


def loaded(*patchers: comfy.model_patcher.ModelPatcher | None, activations: int = 0) -> list[nn.Module | None]:
    """The networks, on their device as far as there is room. activations: bytes that the work itself takes."""
    comfy.model_management.load_models_gpu([p for p in patchers if p is not None], memory_required=activations)
    return [None if p is None else p.model.network for p in patchers]
