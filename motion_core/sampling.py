"""The denoising loop and guidance, once, for both stages. Schedulers are diffusers'."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import torch
from torch import Tensor

from .errors import MotionError

if TYPE_CHECKING:  # diffusers loads in a second
    from diffusers.schedulers.scheduling_utils import SchedulerMixin

Sampler = Literal["ddim", "dpmpp_2m", "unipc", "euler", "lcm"]
Half = Literal["both", "positive", "negative"]
Noised = Callable[[Tensor, Tensor], Tensor]  # (clean latents, standard normal noise) → latents of some step

TRAIN_STEPS = 1000
FIRST_BETA, LAST_BETA = 0.00085, 0.012  # plainly linear, as published; ComfyUI calls this "sqrt_linear"
STEPS_OFFSET = 1
MOST_STEPS = 100  # of more, the published spacing of time steps begins after much of the noise is gone
MOST_LCM_STEPS = 50
MOST_GUIDANCE = 100
FAINTEST = 2.0**-24  # share of signal that stands for none at all, so that no scheduler divides by zero


@dataclass(frozen=True)
class Sampling:
    """How latents are denoised. The defaults are the published ones.

    sampler: "ddim" is the published one. "lcm" needs weights distilled for it. Or any scheduler of diffusers that
        predicts from a variance-preserving noise schedule, configured as wanted; it is copied, not changed.
    steps: 1 … 100 ("lcm" at most 50). guidance: scale of classifier-free guidance, 0 … 100; at most 1 is without.
    together: both halves of the guidance in one batch; else one after the other, in half the memory.
    zero_terminal_snr: rescale the noise schedule so that it ends without signal (Lin et al. 2024), the remedy that
        Motion-I2V names against medium brightness. Time steps stay the published ones, 961 for the first of 25:
        a network that predicts noise cannot start where there is nothing else.
    """

    sampler: Sampler | SchedulerMixin = "ddim"
    steps: int = 25
    guidance: float = 7.0
    together: bool = True
    zero_terminal_snr: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.sampler, str):
            self._check_scheduler(self.sampler)
        elif self.sampler not in get_args(Sampler):
            raise MotionError(f"A sampler is one of {', '.join(get_args(Sampler))}; got “{self.sampler}”.")
        most = MOST_LCM_STEPS if self.sampler == "lcm" else MOST_STEPS
        if not 1 <= self.steps <= most:
            name = self.sampler if isinstance(self.sampler, str) else type(self.sampler).__name__
            raise MotionError(f"{name} takes 1 … {most} steps; got {self.steps}.")
        if not 0 <= self.guidance <= MOST_GUIDANCE:
            raise MotionError(f"A guidance scale is 0 … {MOST_GUIDANCE}, 1 being none; got {self.guidance:g}.")
        if self.zero_terminal_snr and not isinstance(self.sampler, str):
            raise MotionError("zero_terminal_snr rescales our own noise schedule; configure your scheduler so instead.")
        if self.sampler == "lcm" and self.zero_terminal_snr:
            raise MotionError(
                "lcm begins at the last time step, where zero_terminal_snr leaves no signal to predict the noise from. "
                "Use one of the two, or another sampler."
            )

    @staticmethod
    def _check_scheduler(scheduler: SchedulerMixin) -> None:
        lacking = [name for name in ("set_timesteps", "add_noise", "alphas_cumprod") if not hasattr(scheduler, name)]
        predicts = getattr(getattr(scheduler, "config", None), "prediction_type", "epsilon")
        if lacking or predicts != "epsilon":
            why = f"has no {', '.join(lacking)}" if lacking else f"expects a network that predicts {predicts}"
            raise MotionError(
                f"{type(scheduler).__name__} {why}; a scheduler for networks that predict the noise is wanted, such as "
                "diffusers' DDIMScheduler."
            )


PUBLISHED = Sampling()


@dataclass(frozen=True)
class Step:
    """What is known after a step.

    index: 0 … steps - 1. latents: after the step. estimate: what the latents will be if the network is right so far.
    """

    index: int
    steps: int
    latents: Tensor
    estimate: Tensor


def denoised(
    predict: Callable[[Tensor, Tensor, int], Tensor],
    noise: Tensor,
    sampling: Sampling,
    *,
    generator: torch.Generator | None = None,
    renew: Callable[[Tensor, Noised], Tensor] | None = None,
    on_step: Callable[[Step], None] | None = None,
) -> Tensor:
    """Latents from noise, in float32, of the noise's shape.

    predict: (latents as the network sees them, time step, index of the step) → the noise in them, guided.
    noise: standard normal. generator: for samplers that draw noise on their way ("lcm").
    renew: (latents after a step, noised) → latents to go on with; noised(clean, noise) is as noisy as they are. Not
        called after the last step, where nothing is noisy.
    on_step: told after every step; an exception that it raises ends the run, which is how to cancel.
    """
    scheduler = scheduler_for(sampling)
    scheduler.set_timesteps(sampling.steps, device=noise.device)
    draws = {"generator": generator} if "generator" in inspect.signature(scheduler.step).parameters else {}
    alphas = scheduler.alphas_cumprod.to(noise.device)
    latents = noise.float() * scheduler.init_noise_sigma
    for index, timestep in enumerate(scheduler.timesteps):
        seen = scheduler.scale_model_input(latents, timestep)
        predicted = predict(seen, timestep, index).float()
        if not predicted.isfinite().all():
            raise MotionError(
                f"In step {index + 1} of {sampling.steps} the network gave numbers that are not finite. In float16 "
                "large numbers overflow: compute in bfloat16 or float32, or lower guidance or control strength."
            )
        latents = scheduler.step(predicted, timestep, latents, return_dict=False, **draws)[0]
        if renew is not None and index + 1 < len(scheduler.timesteps):
            upcoming = scheduler.timesteps[index + 1 : index + 2]
            latents = renew(latents, lambda clean, noise, at=upcoming: scheduler.add_noise(clean, noise, at))
        if on_step is not None:
            signal = alphas[timestep.long()]
            estimate = (seen - (1 - signal).sqrt() * predicted) / signal.sqrt()
            on_step(Step(index=index, steps=sampling.steps, latents=latents, estimate=estimate))
    return latents


def guided(
    predict: Callable[[Tensor, Half], Tensor],
    positive: Tensor,
    negative: Tensor | None,
    *,
    scale: float,
    together: bool = True,
) -> Tensor:
    """Classifier-free guidance: e = e_neg + scale · (e_pos - e_neg), [B, …].

    predict: (text [B, tokens, width], which half) → noise [B, …]; "both" is [negative, positive], 2B.
    Without a negative text, or with a scale of at most 1, only the positive half is asked for. Texts of different
    lengths cannot share a batch and go one after the other.
    """
    if negative is None or scale <= 1:
        return predict(positive, "positive")
    if together and negative.shape == positive.shape:
        without, with_text = predict(torch.cat([negative, positive]), "both").chunk(2)
    else:
        without, with_text = predict(negative, "negative"), predict(positive, "positive")
    return without + scale * (with_text - without)


def scheduler_for(sampling: Sampling) -> Any:  # noqa: ANN401  diffusers' schedulers share no type
    """The diffusers scheduler that a sampling names, with the published noise schedule; its time steps are not set."""
    if not isinstance(sampling.sampler, str):
        return deepcopy(sampling.sampler)
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler
    from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
    from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
    from diffusers.schedulers.scheduling_lcm import LCMScheduler
    from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler

    common = {"num_train_timesteps": TRAIN_STEPS, "trained_betas": _betas(sampling.zero_terminal_snr)}
    spaced = {**common, "timestep_spacing": "leading", "steps_offset": STEPS_OFFSET}
    if sampling.sampler == "dpmpp_2m":
        return DPMSolverMultistepScheduler(**spaced)
    if sampling.sampler == "unipc":
        return UniPCMultistepScheduler(**spaced)
    if sampling.sampler == "euler":
        return EulerDiscreteScheduler(**spaced)
    if sampling.sampler == "lcm":
        return LCMScheduler(**common, clip_sample=False)
    return DDIMScheduler(**spaced, clip_sample=False, set_alpha_to_one=True)


def _betas(zero_terminal_snr: bool) -> list[float]:
    betas = torch.linspace(FIRST_BETA, LAST_BETA, TRAIN_STEPS)
    if not zero_terminal_snr:
        return betas.tolist()
    # Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed", Algorithm 1
    signal = (1 - betas.double()).cumprod(0).sqrt()
    signal = (signal - signal[-1]) * signal[0] / (signal[0] - signal[-1])
    signal[-1] = FAINTEST**0.5
    kept = signal**2
    return torch.cat([1 - kept[:1], 1 - kept[1:] / kept[:-1]]).tolist()
