"""A miniature motion predictor, really trained on moving shapes within minutes on two CPU cores.

Networks, sampling and controls are those of motion_core. Only three things are made up: pictures of one shape that
moves or rests, on a ground that rests; a picture latent that is a pooled picture, as no image VAE is at hand; and a
constant text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.nn.functional as F
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from einops import rearrange, repeat
from torch import Tensor

from motion_core.controls.trajectory import sparse_field
from motion_core.models.motion_vae import MotionVAE
from motion_core.models.trajectory_controlnet import TrajectoryControlNet, TrajectoryControlNetConfig
from motion_core.models.video_unet import Residuals, VideoUNet, VideoUNetConfig
from motion_core.predictor import MotionPredictor, control_latents
from motion_core.sampling import FIRST_BETA, LAST_BETA, TRAIN_STEPS, Sampling
from motion_core.types import CELL, LATENT_SCALE, MotionField, Size, SparseField, Trajectory

Network = TypeVar("Network", bound=torch.nn.Module)

SIZE = Size(height=32, width=48)
GRID = SIZE.latent
FRAMES = 4  # counting the reference
LESSONS = 4096  # scenes that are learnt from
BATCH = 32
WARM_UP = 50  # steps
STAMP = 6  # half the side of a drag's square, in pixels; the smallest shape is as large
STRIDES = (4.0, 12.0)  # the slowest and the fastest clip, in frames of the imagined video
UNET = VideoUNetConfig(
    block_out_channels=(32, 64), layers_per_block=1, cross_attention=(False, True), cross_attention_dim=32, heads=2
)
CONTROLNET = TrajectoryControlNetConfig(UNET, condition_channels=64)
SIGNAL = (1 - torch.linspace(FIRST_BETA, LAST_BETA, TRAIN_STEPS)).cumprod(0)  # share of it left at each time step


@dataclass(frozen=True)
class Scenes:
    """N pictures of a shape and their true motion.

    pictures: [N, 3, H, W], 0…1. displacement: [N, F-1, 2, H, W] in pixels, zero outside the shape.
    strides: [N, F-1]. centres: [N, 2], (x, y) in pixels from the corner of the picture.
    paths: [N, F-1, 2], how far the shape has moved, in pixels. inside: [N, H, W], 1 where it is.
    """

    pictures: Tensor
    displacement: Tensor
    strides: Tensor
    centres: Tensor
    paths: Tensor
    inside: Tensor


def scenes(count: int, generator: torch.Generator, *, resting: float = 0.25) -> Scenes:
    """Of `count` scenes. resting: the share of the shapes that do not move."""

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=generator)

    strides = torch.arange(1, FRAMES) * uniform(*STRIDES, 1)
    speed, angle = uniform(0.15, 0.35), uniform(0, 2 * torch.pi)
    velocity = speed[:, None] * torch.stack([angle.cos(), angle.sin()], dim=-1)
    velocity = velocity * (uniform(0, 1, 1) >= resting)
    aside = torch.stack([-velocity[:, 1], velocity[:, 0]], dim=-1)
    turn = uniform(-0.01, 0.01, 1, 1)  # radians a frame
    time = strides[..., None]
    paths = velocity[:, None] * time + aside[:, None] * turn * time**2 / 2

    centres = torch.stack([uniform(12, SIZE.width - 12), uniform(12, SIZE.height - 12)], dim=-1)
    y, x = torch.meshgrid(torch.arange(SIZE.height) + 0.5, torch.arange(SIZE.width) + 0.5, indexing="ij")
    away = (torch.stack([x, y]) - centres[..., None, None]).abs() / uniform(8, 11, 2)[..., None, None]
    roundness = torch.tensor([2.0, 8.0])[torch.randint(2, (count,), generator=generator)]  # ○ □
    inside = ((away ** roundness[:, None, None, None]).sum(dim=1) <= 1).float()

    def painted(cells: int, low: float, high: float) -> Tensor:
        return F.interpolate(uniform(low, high, 3, cells, cells), SIZE, mode="bilinear")

    pictures = torch.where(inside[:, None] > 0, painted(8, 0.6, 1.0), painted(3, 0.1, 0.5))
    displacement = torch.einsum("nhw,nfc->nfchw", inside, paths)
    return Scenes(pictures, displacement, strides, centres, paths, inside)


def drag(centre: Tensor, path: Tensor) -> SparseField:
    """What a hand that drags the point `centre` [2] along `path` [F-1, 2] asks for; a path of zeros is a pin."""
    points = (centre + torch.cat([torch.zeros(1, 2), path])) / torch.tensor([SIZE.width, SIZE.height])
    return sparse_field([Trajectory([(x, y) for x, y in points.tolist()])], size=SIZE, frames=FRAMES, stamp=STAMP)


def blocks(some: Scenes, generator: torch.Generator) -> SparseField:
    """What the released ControlNet was trained with, [N·(F-1), …]: the true motion in up to half of all cells, the
    same in every frame; for a third of the scenes also all that rests far from what moves, as the motion brush says.
    """
    count = len(some.pictures)
    share = torch.rand(count, 1, 1, generator=generator) / 2
    cells = torch.rand(count, *GRID, generator=generator) < share
    known = repeat(cells, "n h w -> n (h a) (w b)", a=CELL, b=CELL)
    around = F.max_pool2d(some.inside, 2 * CELL + 1, stride=1, padding=CELL) > 0
    brushed = torch.rand(count, 1, 1, generator=generator) < 1 / 3
    known = repeat((known | (brushed & ~around)).float(), "n h w -> (n f) 1 h w", f=FRAMES - 1)
    return SparseField(some.displacement.flatten(0, 1) * known, known)


def drags(some: Scenes) -> SparseField:
    """What a hand would ask for, [N·(F-1), …]: every shape dragged along its true path."""
    drawn = [drag(centre, path) for centre, path in zip(some.centres, some.paths, strict=True)]
    return SparseField(torch.cat([d.displacement for d in drawn]), torch.cat([d.known for d in drawn]))


def picture_latents(pictures: Tensor) -> Tensor:
    """[N, 4, h, w] of pictures [N, 3, H, W]: mean red, green, blue of each cell, and its contrast."""
    grey = pictures.mean(dim=1, keepdim=True)
    mean = F.avg_pool2d(torch.cat([pictures, grey, grey**2], dim=1), CELL)
    contrast = (mean[:, 4:] - mean[:, 3:4] ** 2).clamp(min=0).sqrt()
    return torch.cat([4 * mean[:, :3] - 2, 10 * contrast - 1], dim=1)


def text(batch: int) -> Tensor:
    """The one text [B, 4, 32] there is."""
    waves = torch.arange(4 * 32).view(1, 4, 32) * 0.7
    return waves.sin().expand(batch, -1, -1)


def seeded(build: Callable[[], Network], generator: torch.Generator) -> Network:
    """A network whose first weights come from the generator; torch's global one is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
        return build()


def trained(loss: Callable[[], Tensor], parameters: Sequence[Tensor], *, steps: int, rate: float) -> list[float]:
    """Adam with a short warm-up and a cosine to zero. Returns the losses."""
    optimiser = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.0, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1.0, (step + 1) / WARM_UP) * (1 + math.cos(math.pi * step / steps)) / 2
    )
    losses = []
    for _ in range(steps):
        optimiser.zero_grad()
        value = loss()
        value.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        schedule.step()
        losses.append(value.item())
    return losses


def motion_vae(generator: torch.Generator, *, steps: int, batch: int = 8) -> MotionVAE:
    """A flow VAE, trained on true motion; its latents times LATENT_SCALE have deviation 1, as SD's."""
    vae = seeded(untrained_motion_vae, generator)

    def loss() -> Tensor:
        some = scenes(batch, generator, resting=0.1)
        frame = torch.randint(FRAMES - 1, (batch,), generator=generator)
        field = some.displacement[torch.arange(batch), frame]
        latents = vae.encode(field, torch.randn(batch, 4, *GRID, generator=generator), chunk=batch)
        return F.mse_loss(vae.decode(latents, chunk=batch), field) / 16

    trained(loss, list(vae.parameters()), steps=steps, rate=1e-3)
    standardise(vae, generator)
    return vae.eval().requires_grad_(False)


def untrained_motion_vae() -> MotionVAE:
    """One whose layers hand on what they get, and whose latents have little noise: it learns in hundreds of steps."""
    net = AutoencoderKL(
        in_channels=2,
        out_channels=2,
        latent_channels=4,
        block_out_channels=(16, 16, 32, 32),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        norm_num_groups=8,
    )
    with torch.no_grad():
        for name, layer in net.named_modules():
            if isinstance(layer, torch.nn.Conv2d) and name.endswith("conv2"):
                layer.weight.zero_()
            elif isinstance(layer, torch.nn.Conv2d) and not name.endswith("conv1"):
                middle = layer.kernel_size[0] // 2
                layer.weight.zero_()
                torch.nn.init.orthogonal_(layer.weight[:, :, middle, middle])
                layer.bias.zero_()
        first, last = net.encoder.conv_in, net.decoder.conv_out
        first.weight *= 8  # displacements are a tenth of the picture, the networks want about one
        first.bias -= first.weight.sum(dim=(1, 2, 3)) / 2  # no motion, a half, is nothing
        last.weight *= 0.1
        last.bias += 0.5
        net.quant_conv.bias[4:] = -6.0  # the log-variance
    return MotionVAE(net)


@torch.no_grad()
def standardise(vae: MotionVAE, generator: torch.Generator) -> None:
    """Makes the latents of true motion, times LATENT_SCALE, have mean 0 and deviation 1; decodes as before."""
    fields = scenes(64, generator).displacement.flatten(0, 1)
    latents = vae.encode(fields)
    mean, scale = latents.mean(dim=(0, 2, 3)), 1 / (LATENT_SCALE * latents.std(dim=(0, 2, 3)))
    encoded, decoded = vae.autoencoder.quant_conv, vae.autoencoder.post_quant_conv
    decoded.bias += torch.einsum("oihw,i->o", decoded.weight, mean)
    decoded.weight /= scale.view(1, -1, 1, 1)
    encoded.bias[:4] = (encoded.bias[:4] - mean) * scale
    encoded.weight[:4] *= scale.view(-1, 1, 1, 1)
    encoded.bias[4:] += 2 * scale.log()  # these four are log-variances


def networks(generator: torch.Generator) -> tuple[VideoUNet, TrajectoryControlNet]:
    """The ControlNet begins as a copy of the UNet's way down, as ControlNets do."""
    unet = seeded(lambda: VideoUNet(UNET), generator)
    controlnet = seeded(lambda: TrajectoryControlNet(CONTROLNET), generator)
    controlnet.load_state_dict(unet.state_dict(), strict=False)
    return unet, controlnet


@dataclass(frozen=True)
class Lessons:
    """Scenes as the networks see them, each with what is asked of it in two ways.

    image, clean: [N, 4, F-1, h, w], latents of the picture and of the true motion. strides: [N, F-1].
    controls: [N, 5, F-1, h, w] each, of blocks and of drags.
    """

    image: Tensor
    clean: Tensor
    strides: Tensor
    controls: list[Tensor]


@torch.no_grad()
def lessons(count: int, vae: MotionVAE, generator: torch.Generator) -> Lessons:
    some = scenes(count, generator)
    clean = vae.encode(some.displacement.flatten(0, 1), chunk=64) * LATENT_SCALE
    controls = [control_latents(field, vae) for field in (blocks(some, generator), drags(some))]
    return Lessons(
        image=repeat(picture_latents(some.pictures), "n c h w -> n c f h w", f=FRAMES - 1),
        clean=rearrange(clean, "(n f) c h w -> n c f h w", n=count),
        strides=some.strides,
        controls=[rearrange(control, "1 c (n f) h w -> n c f h w", n=count) for control in controls],
    )


def denoising_loss(
    unet: VideoUNet, controlnet: TrajectoryControlNet, given: Lessons, generator: torch.Generator
) -> Tensor:
    """Mean squared error of the noise. Half of the batch is told where things go, the other half is not."""
    pick = torch.randint(len(given.clean), (BATCH,), generator=generator)
    told, words = BATCH // 2, text(BATCH)
    control = given.controls[int(torch.randint(2, (1,), generator=generator))][pick[:told]]
    timestep = torch.randint(TRAIN_STEPS, (BATCH, 1), generator=generator)
    clean, strides = given.clean[pick], given.strides[pick]
    noise = torch.randn(clean.shape, generator=generator)
    signal = SIGNAL[timestep].view(BATCH, 1, 1, 1, 1)
    seen = torch.cat([given.image[pick], signal.sqrt() * clean + (1 - signal).sqrt() * noise], dim=1)
    added = controlnet(seen[:told], timestep[:told], words[:told], strides[:told], control=control)

    def and_silence(residual: Tensor) -> Tensor:
        return torch.cat([residual, torch.zeros_like(residual)])

    residuals = Residuals(tuple(map(and_silence, added.skips)), and_silence(added.middle))
    return F.mse_loss(unet(seen, timestep, words, strides, residuals=residuals), noise)


def predictor(generator: torch.Generator, *, vae_steps: int, steps: int) -> MotionPredictor:
    """The networks of stage 1 after so many steps of training."""
    vae = motion_vae(generator, steps=vae_steps)
    given = lessons(LESSONS, vae, generator)
    unet, controlnet = networks(generator)
    parameters = [*unet.parameters(), *controlnet.parameters()]
    trained(lambda: denoising_loss(unet, controlnet, given, generator), parameters, steps=steps, rate=2e-3)
    return MotionPredictor(unet.eval().requires_grad_(False), vae, controlnet.eval().requires_grad_(False))


def predicted(
    predictor: MotionPredictor, picture: Tensor, strides: Tensor, *, control: SparseField | None, seed: int
) -> MotionField:
    """What the predictor makes of a picture [3, H, W] and strides [F-1]."""
    return predictor.predict(
        picture_latents(picture[None]),
        text(1),
        size=SIZE,
        strides=strides,
        generator=torch.Generator().manual_seed(seed),
        asked=control,
        sampling=Sampling(steps=20, guidance=1.0),
    )
