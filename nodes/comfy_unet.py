"""Where temporal layers and warp attention enter ComfyUI's UNet: wrappers with temporary hooks; nothing stays in it.

A clip is a batch: its F frames lie next to each other, frame 0 the reference, once for each half of the guidance that
ComfyUI computes at the same time. The only file that knows ComfyUI's UNet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from types import SimpleNamespace
from typing import Any

import torch
from comfy.ldm.modules.attention import SpatialTransformer
from comfy.ldm.modules.diffusionmodules.openaimodel import ResBlock, UNetModel
from comfy.model_patcher import ModelPatcher
from comfy.model_sampling import ModelSamplingDiscrete
from comfy.patcher_extension import WrappersMP
from comfy.supported_models import SD15
from einops import rearrange
from torch import Tensor, nn

from ..motion_core.errors import MotionError
from ..motion_core.models.motion_modules import MotionModules
from ..motion_core.models.temporal import MotionModule
from ..motion_core.selective_noising import frame_times, with_clean_reference
from ..motion_core.types import MotionField, Size
from ..motion_core.warp import WarpOperator
from ..motion_core.warp_attention import Fusion, Positions, WarpAttention, most_frames
from ..motion_core.windows import Windows, blend_weights
from .animatediff_evolved import Borrowed, borrowed_from

WITHOUT_MODULE = (
    "There is no motion module: connect Load Motion Module to Apply Motion Field. (Without it the model is to carry "
    "AnimateDiff-Evolved's, and this one carries none.)"
)
KEY = "motion_i2v"  # of all that we add to a model
CELLS = 4096  # that a motion module computes at a time; the carried keys and values alone grow with the picture
BETAS = {"beta_schedule": "sqrt_linear", "linear_start": 0.00085, "linear_end": 0.012}  # motion modules' training


def with_motion(model: ModelPatcher, modules: ModelPatcher | None, clip: Clip, *, trained_betas: bool) -> ModelPatcher:
    """A clone of SD1.5 that renders a clip; the model itself is left as it is.

    modules: a patcher of MotionModules; None steers those that AnimateDiff-Evolved put into the model.
    trained_betas: sample with the noise schedule that motion modules are trained for, in place of the checkpoint's;
        one that another node has chosen is kept.
    MotionError: the model is not SD1.5, or the module was made for another one.
    """
    _check(model, None if modules is None else modules.model.network)
    clip.check(carried=bool(model.injections))
    moving = model.clone()
    for kind, wrapper in ((WrappersMP.DIFFUSION_MODEL, clip.predict), (WrappersMP.APPLY_MODEL, clip.keep_reference)):
        moving.remove_wrappers_with_key(kind, KEY)
        moving.add_wrapper_with_key(kind, KEY, wrapper)
    moving.set_additional_models(KEY, [] if modules is None else [modules])
    sampling = model.get_model_object("model_sampling")
    if trained_betas and "model_sampling" not in model.object_patches and isinstance(sampling, ModelSamplingDiscrete):
        settings = SimpleNamespace(sampling_settings=BETAS | {"zsnr": sampling.zsnr})
        moving.add_object_patch("model_sampling", type(sampling)(settings))
    return moving


@dataclass(frozen=True)
class Clip:
    """A clip to render, and the two places where ComfyUI asks about it.

    modules: the temporal layers; None are those that the model itself carries.
    reference: [1, 4, h, w] on the CPU, as the UNet sees latents (scaled by 0.18215).
    field: of the size 8h×8w, F frames. fusion, positions: as in WarpAttention.
    """

    modules: MotionModules | None
    reference: Tensor
    field: MotionField
    fusion: Fusion
    positions: Positions
    windows: Windows
    _known: dict[int, list[tuple[list[int], WarpAttention]]] = dataclass_field(default_factory=dict, repr=False)

    def check(self, *, carried: bool) -> None:
        """What can be known before sampling. carried: another pack has put layers into the model."""
        if self.field.frames < 2:
            raise MotionError("The motion field has one frame, the image; there is nothing to render.")
        if self.modules is not None:
            self._parts(self.modules.config.positions)
        elif not carried:
            raise MotionError(WITHOUT_MODULE)

    def predict(
        self,
        executor: Callable[..., Tensor],
        x: Tensor,
        timesteps: Tensor,
        context: Tensor | None = None,
        y: Tensor | None = None,
        control: dict | None = None,
        transformer_options: dict | None = None,
        **others: Any,  # noqa: ANN401  ComfyUI's
    ) -> Tensor:
        """The UNet over a batch of clips [clips·F, 4, h, w]: DIFFUSION_MODEL's wrapper.

        Selective noising happens here: the reference is clean and told its own time, whatever the sampler does.
        """
        frames = self.field.frames
        self._check_batch(x, len((transformer_options or {}).get("cond_or_uncond", ())))
        layers = self._layers(executor.class_obj)
        parts = self._parts(min(module.positions for _, module in layers))
        if self.modules is None and len(parts) > 1:
            raise MotionError(
                f"AnimateDiff-Evolved's motion module renders {len(parts[0][0])} frames of a motion field at most, "
                f"and this one has {frames}. Take its nodes out and use Load Motion Module, which renders in windows."
            )
        clips = rearrange(x, "(b f) c h w -> b c f h w", f=frames)
        x = rearrange(with_clean_reference(clips, self.reference), "b c f h w -> (b f) c h w")
        timesteps = timesteps.view(-1, frames).clone()
        timesteps[:, 0] = frame_times(0, 1).item()
        timesteps = timesteps.view(-1)
        weights = blend_weights([window for window, _ in parts], frames).to(x)
        noise = torch.zeros_like(x)
        for (window, warp), weight in zip(parts, weights, strict=True):
            rows = torch.tensor([clip * frames + frame for clip in range(len(clips)) for frame in window])
            rows = rows.to(x.device)
            options = dict(transformer_options or {})
            if len(parts) > 1:  # how IP-Adapters and the like learn which frames of a longer clip these are
                options["ad_params"] = {"sub_idxs": window, "full_length": frames, "context_length": len(window)}
            with _through_time(layers, warp):
                part = executor(
                    x[rows], timesteps[rows], *(_rows(given, rows, len(x)) for given in (context, y, control)),
                    options, **_rows(others, rows, len(x)),
                )  # fmt: skip
            noise[rows] += part * weight[window].repeat(len(clips)).view(-1, 1, 1, 1)
        return noise

    def keep_reference(self, executor: Callable[..., Tensor], x: Tensor, *given: Any, **others: Any) -> Tensor:  # noqa: ANN401
        """What the model believes the clean latents to be: of frame 0 they are known. APPLY_MODEL's wrapper."""
        self._check_batch(x)
        clean = rearrange(executor(x, *given, **others), "(b f) c h w -> b c f h w", f=self.field.frames)
        return rearrange(with_clean_reference(clean, self.reference), "b c f h w -> (b f) c h w")

    def _layers(self, unet: nn.Module) -> list[tuple[nn.Module, MotionModule | Borrowed]]:
        """Layers of the UNet, and what follows each of them, or takes its place."""
        borrowed = list(borrowed_from(unet))
        if self.modules is None and not borrowed:
            raise MotionError(WITHOUT_MODULE)
        if self.modules is not None and borrowed:
            raise MotionError(
                "This model already carries a motion module of AnimateDiff-Evolved. Disconnect Load Motion Module from "
                "Apply Motion Field to steer that one, or take AnimateDiff-Evolved's nodes out."
            )
        return borrowed if self.modules is None else list(_places(unet, self.modules))

    def _parts(self, positions: int) -> list[tuple[list[int], WarpAttention]]:
        """The windows over the clip, and for each what its temporal layers see beside the frames; kept."""
        if positions not in self._known:
            most = most_frames(positions, self.fusion, self.positions)
            windows = self.windows.over(self.field.frames, most)
            operators = [WarpOperator(MotionField(self.field.displacement[window])) for window in windows]
            warps = [WarpAttention(operator, self.fusion, self.positions) for operator in operators]
            self._known[positions] = list(zip(windows, warps, strict=True))
        return self._known[positions]

    def _check_batch(self, x: Tensor, halves: int = 0) -> None:
        """halves: of the guidance, that are in the batch; 0 if it is not known."""
        frames, grid = self.field.frames, Size.of(self.reference)
        if len(x) % frames or (halves and len(x) != halves * frames) or Size.of(x) != grid:
            raise MotionError(
                f"The motion field has {frames} frames of {grid} latent cells, and {len(x)} of {Size.of(x)} are "
                "sampled. Connect the latent of Apply Motion Field to the sampler, and use masks, not areas, in the "
                "conditioning."
            )


@contextmanager
def _through_time(layers: list[tuple[nn.Module, MotionModule | Borrowed]], warp: WarpAttention) -> Iterator[None]:
    """While it lasts, every layer is followed by its motion module, or one that was borrowed computed as ours."""

    def follow(module: MotionModule | Borrowed) -> Callable[..., Tensor]:
        alone = isinstance(module, Borrowed)  # it takes what its layer takes, and not what comes out of it
        return lambda layer, given, out: module(given[0] if alone else out, warp.frames, warp=warp, chunk=CELLS)

    handles = [layer.register_forward_hook(follow(module)) for layer, module in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _places(unet: nn.Module, modules: MotionModules) -> Iterator[tuple[nn.Module, MotionModule]]:
    """Layers of ComfyUI's UNet, each with the motion module that follows it.

    A block of its lists is a resnet, perhaps a spatial transformer, perhaps a change of size. On the way down the
    blocks that only change the size stand between those of two widths, and the first is the UNet's input.
    """
    down = [block for block in unet.input_blocks[1:] if isinstance(block[0], ResBlock)]
    ours = [module for stack in modules.down_blocks for module in stack.motion_modules]
    yield from ((_last_of_layer(block), module) for block, module in zip(down, ours, strict=True))
    yield from ((unet.middle_block[1], module) for module in modules.mid_block.motion_modules)
    ours = [module for stack in modules.up_blocks for module in stack.motion_modules]
    yield from ((_last_of_layer(block), module) for block, module in zip(unet.output_blocks, ours, strict=True))


def _last_of_layer(block: nn.Module) -> nn.Module:
    return next((layer for layer in block if isinstance(layer, SpatialTransformer)), block[0])


def _rows(given: Any, rows: Tensor, batch: int) -> Any:  # noqa: ANN401  whatever ComfyUI hands to its UNet
    """The same with these rows of every tensor of a batch; lists are new, as ComfyUI takes ControlNet's apart."""
    if isinstance(given, Tensor):
        return given[rows] if given.ndim > 0 and len(given) == batch else given
    if isinstance(given, dict):
        return {name: _rows(value, rows, batch) for name, value in given.items()}
    return [_rows(value, rows, batch) for value in given] if isinstance(given, list) else given


def _check(model: ModelPatcher, modules: MotionModules | None) -> None:
    unet = model.get_model_object("diffusion_model")
    ours = isinstance(model.model.model_config, SD15)
    if not ours or not isinstance(unet, UNetModel) or unet.in_channels != 4 or unet.num_classes is not None:
        raise MotionError(
            "Apply Motion Field works on Stable Diffusion 1.5 and what was made of it; this model is another "
            f"({type(model.model).__name__}). Load an SD1.5 checkpoint."
        )
    if modules is None:
        return
    widths = tuple(unet.model_channels * factor for factor in unet.channel_mult)
    if (widths, list(unet.num_res_blocks)) != (
        modules.config.block_out_channels,
        [modules.config.layers_per_block] * len(widths),
    ):
        raise MotionError(
            f"The motion module was made for a UNet of widths {modules.config.block_out_channels}, and this one has "
            f"{widths}. Take a motion module for the same model: SD1.5."
        )
