from typing import get_args

import pytest
import torch
from diffusers import DDIMScheduler, DPMSolverSinglestepScheduler, FlowMatchEulerDiscreteScheduler

from motion_core.errors import MotionError
from motion_core.sampling import Sampler, Sampling, denoised, guided

TRUTH = torch.tensor([[1.5, -0.5, 0.25]])


def noise(seed=0):
    return torch.randn(1, 3, generator=torch.Generator().manual_seed(seed))


LCM = ("lcm", True)  # which is refused


def kept(zero_terminal_snr=False):
    """What is kept of a signal's power at every time step, written down anew."""
    signal = (1 - torch.linspace(0.00085, 0.012, 1000, dtype=torch.float64)).cumprod(0).sqrt()
    if zero_terminal_snr:
        signal = (signal - signal[-1]) * signal[0] / (signal[0] - signal[-1])
        signal[-1] = 2.0**-12
    return signal**2


def knows(truth, zero_terminal_snr=False):
    """A network that knows what the latents will be, and so the noise in them."""
    powers = kept(zero_terminal_snr)

    def predict(latents, timestep, index):
        power = powers[int(timestep)].float()
        return (latents - power.sqrt() * truth) / (1 - power).sqrt()

    return predict


@pytest.mark.parametrize(
    ("sampler", "zero_terminal_snr"),
    [(sampler, rescaled) for sampler in get_args(Sampler) for rescaled in (False, True) if (sampler, rescaled) != LCM],
)
def test_every_sampler_finds_what_the_network_knows(sampler, zero_terminal_snr):
    sampling = Sampling(sampler=sampler, steps=20, zero_terminal_snr=zero_terminal_snr)
    found = denoised(knows(TRUTH, zero_terminal_snr), noise(), sampling, generator=torch.Generator().manual_seed(1))
    left_over = 0.03 if sampler == "ddim" else 1e-3  # DDIM ends as published, at time step 1 and one part of noise
    torch.testing.assert_close(found, TRUTH, atol=left_over, rtol=0)


@pytest.mark.parametrize("sampler", get_args(Sampler))
def test_a_step_tells_what_the_latents_will_be(sampler):
    told = []
    sampling = Sampling(sampler=sampler, steps=5)
    denoised(knows(TRUTH), noise(), sampling, generator=torch.Generator().manual_seed(1), on_step=told.append)
    assert [(step.index, step.steps) for step in told] == [(i, 5) for i in range(5)]
    for step in told:
        torch.testing.assert_close(step.estimate, TRUTH, atol=2e-3, rtol=0)


@pytest.mark.parametrize("sampler", get_args(Sampler))
def test_a_seed_repeats_bit_for_bit_and_another_differs(sampler):
    def run(seed):
        generator = torch.Generator().manual_seed(seed)
        start = torch.randn(1, 3, generator=generator)
        return denoised(lambda x, t, i: torch.tanh(x), start, Sampling(sampler=sampler, steps=4), generator=generator)

    assert torch.equal(run(1), run(1))
    assert not torch.equal(run(1), run(2))


def test_no_sampler_touches_the_global_seed():
    before = torch.get_rng_state()
    for sampler in get_args(Sampler):
        generator = torch.Generator().manual_seed(1)
        denoised(lambda x, t, i: x, noise(), Sampling(sampler=sampler, steps=3), generator=generator)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("sampler", [sampler for sampler in get_args(Sampler) if sampler != "lcm"])
@pytest.mark.parametrize("steps", [67, 91, 100])
def test_many_steps_still_begin_where_there_is_mostly_noise(sampler, steps):
    seen = []
    sampling = Sampling(sampler=sampler, steps=steps)
    found = denoised(lambda x, t, i: (seen.append(int(t)), knows(TRUTH)(x, t, i))[1], noise(), sampling)
    assert seen[0] > 890
    assert found.isfinite().all()


def test_numbers_that_are_not_finite_are_told_at_their_step():
    with pytest.raises(MotionError, match=r"In step 2 of 3 .*compute in bfloat16 or float32"):
        denoised(lambda x, t, i: x / (1 - i), noise(), Sampling(steps=3))


def test_time_steps_are_the_published_ones():
    seen = []
    denoised(lambda x, t, i: (seen.append(int(t)), x)[1], noise(), Sampling(steps=30))
    assert seen[:2] == [958, 925]
    assert (seen[-1], len(seen)) == (1, 30)


def test_half_precision_predictions_leave_the_latents_in_float32():
    assert denoised(lambda x, t, i: x.half(), noise().half(), Sampling(steps=2)).dtype == torch.float32


def test_an_exception_of_the_callback_ends_the_run():
    class Cancelled(Exception):
        pass

    calls = []

    def cancel(step):
        if step.index == 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        denoised(lambda x, t, i: (calls.append(i), x)[1], noise(), Sampling(steps=9), on_step=cancel)
    assert calls == [0, 1]


def test_a_zero_terminal_schedule_ends_almost_without_signal():
    powers = kept(zero_terminal_snr=True)
    assert powers[999] == 2.0**-24
    assert kept()[999] > 1e-3


def text(value, length=2):
    return torch.full((1, length, 3), float(value))


@pytest.mark.parametrize("together", [True, False])
def test_guidance_leads_away_from_the_negative_text(together):
    asked = []

    def predict(given, half):
        asked.append((half, len(given)))
        return given[:, 0]

    result = guided(predict, text(3), text(1), scale=7.0, together=together)
    assert result.tolist() == [[15.0] * 3]  # 1 + 7 · (3 - 1)
    assert asked == ([("both", 2)] if together else [("negative", 1), ("positive", 1)])


@pytest.mark.parametrize(("negative", "scale"), [(None, 7.0), (text(1), 1.0), (text(1), 0.0)])
def test_without_guidance_only_the_positive_text_is_asked(negative, scale):
    assert guided(lambda given, half: given[:, 0], text(3), negative, scale=scale).tolist() == [[3.0] * 3]


def test_texts_of_different_lengths_are_asked_one_after_the_other():
    halves = []
    guided(lambda given, half: (halves.append(half), given[:, 0])[1], text(3, 4), text(1, 2), scale=2)
    assert halves == ["negative", "positive"]


def test_a_scheduler_of_ones_own_is_copied_and_used():
    own = DPMSolverSinglestepScheduler(trained_betas=torch.linspace(0.00085, 0.012, 1000).tolist())
    found = denoised(knows(TRUTH), noise(), Sampling(own, steps=20))
    torch.testing.assert_close(found, TRUTH, atol=0.03, rtol=0)
    assert own.num_inference_steps is None


@pytest.mark.parametrize(
    ("scheduler", "told"),
    [
        (FlowMatchEulerDiscreteScheduler(), "FlowMatchEulerDiscreteScheduler has no .*alphas_cumprod"),
        (DDIMScheduler(prediction_type="v_prediction"), "expects a network that predicts v_prediction"),
    ],
)
def test_a_scheduler_for_other_networks_is_refused(scheduler, told):
    with pytest.raises(MotionError, match=told):
        Sampling(scheduler)


@pytest.mark.parametrize("sampler", get_args(Sampler))
def test_a_sampler_begins_with_as_much_noise_as_it_counts_on(sampler):
    first = []
    denoised(lambda x, t, i: (first.append(x), x)[1], noise(), Sampling(sampler=sampler, steps=4))
    torch.testing.assert_close(first[0], noise(), atol=0.01, rtol=0.01)  # as the network sees it: of variance 1


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"sampler": "magic"}, "one of ddim, dpmpp_2m, unipc, euler, lcm; got “magic”"),
        ({"steps": 0}, "ddim takes 1 … 100 steps; got 0"),
        ({"steps": 101, "sampler": "unipc"}, "unipc takes 1 … 100 steps; got 101"),
        ({"sampler": "lcm", "zero_terminal_snr": True}, "another sampler"),
        ({"steps": 51, "sampler": "lcm"}, "lcm takes 1 … 50 steps; got 51"),
        ({"guidance": -1.0}, "is 0 … 100, 1 being none; got -1"),
        ({"guidance": float("nan")}, "got nan"),
    ],
)
def test_what_cannot_be_sampled_is_refused(wrong, told):
    with pytest.raises(MotionError, match=told):
        Sampling(**wrong)
