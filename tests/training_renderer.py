"""A miniature renderer, really trained on moving textured shapes within minutes on two CPU cores.

Networks, warp, selective noising and sampling are those of motion_core. Only three things are made up: pictures of one
textured shape that moves over plain ground, with its true motion; latents that are such pictures themselves, of four
channels and one pixel a cell, as no image VAE is at hand; and a constant text. Textures are drawn anew for every clip:
what a frame looks like can only be learnt from its reference.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import Tensor

from motion_core.models.temporal import TemporalTransformer
from motion_core.models.video_unet import VideoUNet, VideoUNetConfig
from motion_core.renderer import Renderer
from motion_core.sampling import TRAIN_STEPS, Sampling
from motion_core.selective_noising import CELL, REFERENCE_TIME, with_clean_reference
from motion_core.types import MotionField, Size
from motion_core.warp import WarpOperator, backward_warp
from motion_core.warp_attention import Fusion, WarpAttention
from motion_core.windows import WINDOWS, Windows
from tests.training import SIGNAL, seeded, text, trained

GRID = Size(height=8, width=12)  # cells
FRAMES = 4  # counting the reference
BATCH = 8  # clips of one motion and as many textures
RATE = 2e-3
GROUPS = 4
UNET = VideoUNetConfig(
    in_channels=4,
    block_out_channels=(32,),
    layers_per_block=1,
    cross_attention=(False,),
    cross_attention_dim=32,
    heads=2,
    stride_embedding=False,
)


@dataclass(frozen=True)
class Clips:
    """B clips of one motion, in B textures.

    frames: [B, 4, F, h, w], the true frames' latents. inside: [F, h, w], 1 where the shape is.
    field: their true motion, in pixels.
    """

    frames: Tensor
    inside: Tensor
    field: MotionField


def clips(count: int, generator: torch.Generator) -> Clips:
    """A shape that goes straight, by whole and broken cells, and stays in the picture."""

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(*shape, generator=generator)

    half = uniform(2.0, 3.0, 2)  # of the shape's width and height, in cells
    room = torch.tensor([GRID.width, GRID.height]) - 2 * half
    first, last = (half + room * uniform(0, 1, 2) for _ in range(2))
    centres = torch.lerp(first, last, torch.linspace(0, 1, FRAMES)[:, None])  # [F, 2]
    roundness = (2.0, 8.0)[int(torch.randint(2, (), generator=generator))]  # ○ □

    y, x = torch.meshgrid(torch.arange(GRID.height) + 0.5, torch.arange(GRID.width) + 0.5, indexing="ij")
    place = (torch.stack([x, y], dim=-1) - centres[:, None, None]) / half  # [F, h, w, 2], -1…1 in the shape
    inside = ((place.abs() ** roundness).sum(dim=-1) <= 1).float()

    ground, patches = uniform(-0.5, 0.5, count, 4, 1, 1, 1), uniform(-2, 2, count, 4, 4, 4)
    where = repeat(place, "f h w xy -> b (f h) w xy", b=count)
    texture = F.grid_sample(patches, where, align_corners=True, padding_mode="border")
    texture = rearrange(texture, "b c (f h) w -> b c f h w", f=FRAMES)

    moved = torch.einsum("hw,fc->fchw", inside[0], centres - first)
    pixels = repeat(moved * CELL, "f c h w -> f c (h a) (w b)", a=CELL, b=CELL)
    return Clips(torch.where(inside > 0, texture, ground), inside, MotionField(pixels))


def untrained(generator: torch.Generator) -> VideoUNet:
    """Motion modules change nothing at first, as AnimateDiff's. Group norms have several channels a group, as SD1.5's
    have ten and more: a group of one channel would lose how bright a picture is.
    """
    unet = seeded(lambda: VideoUNet(UNET), generator)
    for layer in unet.modules():
        if isinstance(layer, torch.nn.GroupNorm):
            layer.num_groups = GROUPS
        elif isinstance(layer, TemporalTransformer):
            torch.nn.init.zeros_(layer.proj_out.weight)
            torch.nn.init.zeros_(layer.proj_out.bias)
    return unet


def noised(clean: Tensor, times: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Of frames [B, 4, F, h, w] at times [B, F]: them noised, their noise, and the share of signal [B, 1, F, 1, 1]."""
    noise = torch.randn(clean.shape, generator=generator)
    signal = rearrange(SIGNAL[times], "b f -> b 1 f 1 1")
    return signal.sqrt() * clean + (1 - signal).sqrt() * noise, noise, signal


def weighted(error: Tensor, signal: Tensor) -> Tensor:
    """Mean square of the error in the noise. It counts for more where there is little signal: there it is decided what
    a picture shows, and there a small error makes a large one in the picture.
    """
    return (error**2 / signal.sqrt()).mean()


def still_loss(unet: VideoUNet, generator: torch.Generator) -> Tensor:
    """Of single frames: what SD1.5 has learnt before motion modules come."""
    clean = clips(BATCH * FRAMES, generator).frames[:, :, -1:]
    times = torch.randint(TRAIN_STEPS, (len(clean), 1), generator=generator)
    noisy, noise, signal = noised(clean, times, generator)
    return weighted(unet(noisy, times, text(len(clean))) - noise, signal)


def moving_loss(unet: VideoUNet, some: Clips, fusion: Fusion, generator: torch.Generator) -> Tensor:
    """Of the frames after the reference, which is clean (selective noising)."""
    clean = some.frames
    times = torch.randint(TRAIN_STEPS, (len(clean), 1), generator=generator).repeat(1, FRAMES)
    noisy, noise, signal = noised(clean, times, generator)
    times[:, 0] = REFERENCE_TIME
    seen = with_clean_reference(noisy, clean[:, :, 0])
    predicted = unet(seen, times, text(len(clean)), warp=WarpAttention(WarpOperator(some.field), fusion))
    return weighted((predicted - noise)[:, :, 1:], signal[:, :, 1:])


def pretrained(generator: torch.Generator, *, steps: int) -> VideoUNet:
    """The 2D layers know still pictures; the motion modules know nothing."""
    unet = untrained(generator)
    still = [parameter for name, parameter in unet.named_parameters() if "motion_modules" not in name]
    trained(lambda: still_loss(unet, generator), still, steps=steps, rate=RATE)
    return unet


def renderer(before: VideoUNet, fusion: Fusion, generator: torch.Generator, *, steps: int) -> Renderer:
    """A copy of `before`, every layer trained on clips with this fusion."""
    unet = deepcopy(before)
    parameters = list(unet.parameters())

    def loss() -> Tensor:
        return moving_loss(unet, clips(BATCH, generator), fusion, generator)

    trained(loss, parameters, steps=steps, rate=RATE)
    return Renderer(unet.eval().requires_grad_(False))


def rendered(renderer: Renderer, clip: Clips, fusion: Fusion, *, seed: int, windows: Windows = WINDOWS) -> Tensor:
    """[4, F, h, w], what the renderer makes of one clip's reference and motion."""
    return renderer.render(
        clip.frames[:, :, 0],
        clip.field,
        text(1),
        generator=torch.Generator().manual_seed(seed),
        fusion=fusion,
        windows=windows,
        sampling=Sampling(steps=20, guidance=1.0),
    )[0]


@dataclass(frozen=True)
class Errors:
    """Mean absolute differences over frames 1 … F-1, in latents, whose shapes have deviation 0.8 or so.

    frame: from the true frames. shape: the same where the true shape is.
    change: of the shape from each frame to the next, the reference among them, each fetched back along the true motion
        to where it was in the reference: how inconsistent the frames are. True frames have some of it, as fetching
        between cells blurs, and a blend of shape and ground is fetched at the rim.
    """

    frame: float
    shape: float
    change: float


def errors(frames: Tensor, clip: Clips) -> Errors:
    """Of frames [4, F, h, w] that should be the clip's own."""
    away = (frames - clip.frames[0])[:, 1:].abs().mean(dim=0)  # [F-1, h, w]
    inside = clip.inside[1:]
    return Errors(
        frame=away.mean().item(),
        shape=((away * inside).sum() / inside.sum()).item(),
        change=changes(frames, clip).mean().item(),
    )


def changes(frames: Tensor, clip: Clips) -> Tensor:
    """[F-1] of the shape from each frame of [4, F, h, w] to the next; see Errors. Only the clip's motion is used."""
    shape = clip.inside[0]
    cells = F.avg_pool2d(clip.field.displacement, CELL) / CELL
    fetched = backward_warp(rearrange(frames, "c f h w -> f c h w"), cells)
    change = fetched.diff(dim=0).abs().mean(dim=1)
    return (change * shape).sum(dim=(1, 2)) / shape.sum()
