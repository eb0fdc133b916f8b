from copy import deepcopy
from dataclasses import replace

import pytest
import torch

from motion_core.controls.stride import frame_strides
from motion_core.controls.trajectory import sparse_field
from motion_core.errors import MotionError, ShapeError
from motion_core.models.video_unet import VideoUNet
from motion_core.predictor import ControlSchedule, MotionPredictor, control_latents
from motion_core.sampling import Sampling
from motion_core.stable_diffusion import padded
from motion_core.types import Size, SparseField, Trajectory
from tests import miniature

SIZE = Size(48, 64)
DRAG = Trajectory([(0.7, 0.4), (0.5, 0.6)])
QUICK = Sampling(steps=2, guidance=3.0)


@pytest.fixture(scope="module")
def predictor():
    return miniature.predictor()


def noise(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def asked(*trajectories, size=SIZE, frames=4, region=None):
    return sparse_field(trajectories, size=size, frames=frames, stamp=8, region=region)


def predicted(predictor, *, size=SIZE, frames=4, seed=0, **given):
    grid = (-(-size.height // 8), -(-size.width // 8))
    return predictor.predict(
        noise(1, 4, *grid),
        noise(1, 7, 32, seed=2),
        noise(1, 7, 32, seed=3),
        size=size,
        generator=torch.Generator().manual_seed(seed),
        **{"strides": frame_strides(frames), "sampling": QUICK, **given},
    )


def differs(one, other):
    return not torch.allclose(one.displacement, other.displacement, atol=1e-3)


def same(one, other, atol=5e-3):
    torch.testing.assert_close(one.displacement, other.displacement, atol=atol, rtol=1e-3)


def test_text_alone_gives_a_field_that_begins_at_rest(predictor):
    field = predicted(predictor)
    assert (field.size, field.frames) == (SIZE, 4)
    assert not field.displacement[0].any()
    assert field.displacement[1:].std() > 0.1
    assert (field.displacement.dtype, field.displacement.device.type) == (torch.float32, "cpu")


def test_a_drag_a_brush_and_both_are_four_different_asks_with_none(predictor):
    region = torch.zeros(SIZE)
    region[:, 32:] = 1
    fields = [
        predicted(predictor),
        predicted(predictor, asked=asked(DRAG)),
        predicted(predictor, asked=asked(region=region), region=region),
        predicted(predictor, asked=asked(DRAG, region=region), region=region),
    ]
    for i, one in enumerate(fields):
        assert all(differs(one, other) for other in fields[:i])
    for held in fields[2:]:
        assert not held.displacement[..., :32].any()
        assert held.displacement[1:, :, :, 32:].abs().mean() > 0.1


def test_outside_the_brush_all_is_known_and_still_and_inside_nothing_is_known(predictor):
    region = torch.zeros(SIZE)
    region[:, 32:] = 1
    control = control_latents(asked(region=region), predictor.motion_vae)
    assert control.shape == (1, 5, 3, 6, 8)
    assert control[0, 4, :, :, :4].eq(1).all()
    assert control[0, 4, :, :, 4:].eq(0).all()
    at_rest = predictor.motion_vae.encode(torch.zeros(3, 2, *SIZE))
    torch.testing.assert_close(control[0, :4], at_rest.transpose(0, 1))


def test_what_is_unknown_is_not_told(predictor):
    known = torch.zeros(3, 1, *SIZE)
    rumour = SparseField(torch.full((3, 2, *SIZE), 5.0), known)
    silence = SparseField(torch.zeros(3, 2, *SIZE), known)
    told = [control_latents(field, predictor.motion_vae) for field in (rumour, silence)]
    torch.testing.assert_close(*told)


def test_known_is_taken_from_the_top_left_pixel_of_a_cell(predictor):
    known = torch.zeros(1, 1, *SIZE)
    known[..., 8, 16] = 1
    known[..., 25, 41] = 1
    control = control_latents(SparseField(torch.zeros(1, 2, *SIZE), known), predictor.motion_vae)
    assert control[0, 4, 0].nonzero().tolist() == [[1, 2]]


def test_control_noise_draws_from_the_posterior(predictor):
    field, drawn = asked(DRAG), noise(3, 4, 6, 8)
    mode, sample = (control_latents(field, predictor.motion_vae, n) for n in (None, drawn))
    assert ((sample - mode)[0, :4] / drawn.transpose(0, 1) > 0).all()
    assert torch.equal(sample[:, 4], mode[:, 4])


def test_a_seed_repeats_bit_for_bit_and_another_differs(predictor):
    fields = [predicted(predictor, asked=asked(DRAG), seed=seed) for seed in (5, 5, 6)]
    assert torch.equal(fields[0].displacement, fields[1].displacement)
    assert differs(fields[0], fields[2])


def test_the_global_seed_is_left_alone(predictor):
    before = torch.get_rng_state()
    predicted(predictor, asked=asked(DRAG))
    assert torch.equal(torch.get_rng_state(), before)


def test_halves_of_the_guidance_in_one_batch_or_two_give_the_same(predictor):
    apart = Sampling(steps=2, guidance=3.0, together=False)
    same(predicted(predictor, asked=asked(DRAG)), predicted(predictor, asked=asked(DRAG), sampling=apart))


@pytest.mark.parametrize("chunk", [1, 2, 50])
def test_frames_in_portions_give_the_same(predictor, chunk):
    same(predicted(predictor, asked=asked(DRAG)), predicted(predictor, asked=asked(DRAG), chunk=chunk))


@pytest.mark.parametrize("size", [Size(45, 61), Size(41, 64), Size(48, 57)])
def test_any_size_is_padded_and_cut_never_resized(predictor, size):
    ask = asked(DRAG, size=size)
    field = predicted(predictor, size=size, asked=ask)
    assert field.size == size
    whole = predicted(predictor, asked=SparseField(padded(ask.displacement), padded(ask.known)))
    # what is cut off was predicted as part of a picture of 64×48; displacements are shares of that picture
    assert torch.equal(field.displacement, whole.displacement[..., : size.height, : size.width])


def test_a_drawing_does_not_change_the_noise_that_a_seed_gives(predictor):
    unheard = ControlSchedule(strength=0)
    assert torch.equal(
        predicted(predictor).displacement, predicted(predictor, asked=asked(DRAG), schedule=unheard).displacement
    )


def test_networks_of_two_precisions_work_together(predictor):
    mixed = MotionPredictor(deepcopy(predictor.unet).bfloat16(), predictor.motion_vae, predictor.controlnet)
    assert predicted(mixed, asked=asked(DRAG)).displacement.isfinite().all()


def test_a_controlnet_of_another_unet_is_refused(predictor):
    config = replace(predictor.unet.config, block_out_channels=(64, 64, 64, 64))
    with pytest.raises(MotionError, match=r"made for a UNet of widths \(32, 64, 64, 64\).*Take both from one"):
        MotionPredictor(VideoUNet(config), predictor.motion_vae, predictor.controlnet)


def test_padding_repeats_the_last_row_and_column():
    picture = torch.arange(6.0).view(1, 2, 3)
    result = padded(picture)
    assert result.shape == (1, 8, 8)
    assert torch.equal(result[:, :2, :3], picture)
    assert result[0, 7].tolist() == [3, 4, 5, 5, 5, 5, 5, 5]
    assert torch.equal(padded(torch.ones(2, 1, 8, 16)), torch.ones(2, 1, 8, 16))


@pytest.mark.parametrize("frames", [2, 7, 33])
def test_any_number_of_strides_up_to_the_positions(predictor, frames):
    assert predicted(predictor, frames=frames, asked=asked(DRAG, frames=frames)).frames == frames


def test_strides_matter_and_may_be_fractional(predictor):
    usual = predicted(predictor)
    assert differs(usual, predicted(predictor, strides=frame_strides(4, 2.5)))


@pytest.mark.parametrize("sampler", ["dpmpp_2m", "unipc", "euler", "lcm"])
def test_other_samplers_and_the_rescaled_schedule_give_finite_fields(predictor, sampler):
    for zero_terminal_snr in (False, sampler != "lcm"):
        sampling = Sampling(sampler, 3, 3.0, zero_terminal_snr=zero_terminal_snr)
        assert predicted(predictor, sampling=sampling).displacement.isfinite().all()


def test_no_strength_or_no_time_to_act_is_no_control(predictor):
    weak = predicted(predictor, asked=asked(DRAG), schedule=ControlSchedule(strength=0))
    never = predicted(predictor, asked=asked(DRAG), schedule=ControlSchedule(start=0.5, end=0.5))
    assert torch.equal(weak.displacement, never.displacement)
    assert differs(weak, predicted(predictor, asked=asked(DRAG)))


def test_a_control_acts_in_the_steps_that_lie_between_start_and_end():
    schedule = ControlSchedule(start=0.25, end=0.75)
    assert [schedule.acts(i, 4) for i in range(4)] == [False, True, True, False]
    assert [ControlSchedule().acts(i, 3) for i in range(3)] == [True] * 3
    assert [ControlSchedule(end=0.5).acts(i, 3) for i in range(3)] == [True, False, False]
    assert not ControlSchedule(strength=0).acts(0, 3)
    thirds = [ControlSchedule(start=1 / 3, end=2 / 3).acts(i, 3) for i in range(3)]
    assert thirds == [False, True, False]
    assert ControlSchedule(start=0.1).acts(3, 30)


def test_guess_mode_lets_coarse_residuals_count_most():
    amounts = ControlSchedule(strength=2, guess_mode=True).amounts(13)
    assert amounts[[0, 6, 12]].tolist() == pytest.approx([0.2, 2 * 10**-0.5, 2.0])
    assert ControlSchedule(strength=2).amounts(3).tolist() == [2, 2, 2]


class Counted(torch.nn.Module):
    """A ControlNet that remembers what it was asked."""

    def __init__(self, controlnet):
        super().__init__()
        self.controlnet, self.config, self.texts = controlnet, controlnet.config, []

    def forward(self, sample, timestep, text, *given, **more):
        self.texts.append(text)
        return self.controlnet(sample, timestep, text, *given, **more)


def test_guess_mode_controls_the_half_with_the_text_alone(predictor):
    counted = Counted(predictor.controlnet)
    counting = MotionPredictor(predictor.unet, predictor.motion_vae, counted)
    guessed = predicted(counting, asked=asked(DRAG), schedule=ControlSchedule(guess_mode=True))
    assert len(counted.texts) == 2  # one half, two steps
    assert all(torch.equal(text, noise(1, 7, 32, seed=2)) for text in counted.texts)
    assert differs(guessed, predicted(counting, asked=asked(DRAG)))
    assert [len(text) for text in counted.texts[2:]] == [2, 2]


def test_the_estimate_of_a_step_can_be_looked_at_while_it_denoises(predictor):
    fields = []
    predicted(predictor, on_step=lambda step: fields.append(predictor.decode(step.estimate, SIZE)))
    assert [(field.size, field.frames) for field in fields] == [(SIZE, 4)] * 2


def test_bfloat16_networks_give_a_float32_field_nearby(predictor):
    rough = MotionPredictor(
        deepcopy(predictor.unet).bfloat16(), predictor.motion_vae, deepcopy(predictor.controlnet).bfloat16()
    )
    one, other = (predicted(p, asked=asked(DRAG), sampling=Sampling(steps=2, guidance=1)) for p in (predictor, rough))
    assert other.displacement.dtype == torch.float32
    assert (one.displacement - other.displacement).norm() < 0.3 * one.displacement.norm()


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ({"asked": asked(DRAG, frames=5)}, ShapeError, "is 64×48 with 3 strides; the trajectories ask for 4 frames"),
        ({"asked": asked(DRAG, size=Size(40, 64))}, ShapeError, "frames of 64×40. Make the sparse field with 4 frames"),
        ({"strides": frame_strides(40)}, MotionError, "takes 1 … 32 frame strides; got .39.. Predict fewer"),
        ({"strides": torch.ones(1, 3)}, MotionError, "takes 1 … 32 frame strides"),
    ],
)
def test_what_does_not_fit_together_is_refused(predictor, given, error, told):
    with pytest.raises(error, match=told):
        predicted(predictor, **given)


def test_a_drag_without_the_controlnet_is_refused(predictor):
    without = MotionPredictor(predictor.unet, predictor.motion_vae)
    with pytest.raises(MotionError, match="need the trajectory ControlNet, which is not loaded"):
        predicted(without, asked=asked(DRAG))


@pytest.mark.parametrize(
    "wrong", [{"start": 0.6, "end": 0.5}, {"start": -0.1}, {"end": 1.1}, {"strength": float("nan")}]
)
def test_a_schedule_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(MotionError, match="A control"):
        ControlSchedule(**wrong)


def test_a_latent_of_another_size_is_refused(predictor):
    with pytest.raises(ShapeError, match=r"picture of 64×48 is \[1, 4, 6, 8\]; got \[1, 4, 5, 8\].*at its own size"):
        predictor.predict(
            noise(1, 4, 5, 8),
            noise(1, 7, 32),
            size=SIZE,
            strides=frame_strides(4),
            generator=torch.Generator(),
            asked=asked(DRAG),
        )
