from copy import deepcopy
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from motion_core.errors import MotionError, ShapeError
from motion_core.models.video_unet import VideoUNet
from motion_core.renderer import Renderer
from motion_core.sampling import Sampling
from motion_core.types import MotionField, Size
from motion_core.windows import Windows
from tests import miniature

SIZE = Size(48, 64)
QUICK = Sampling(steps=2, guidance=3.0)


@pytest.fixture(scope="module")
def renderer():
    return miniature.renderer()


def noise(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def moving(frames=4, size=SIZE, seed=4):
    steps = torch.linspace(0, 1, frames).view(-1, 1, 1, 1)
    return MotionField(noise(1, 2, *size, seed=seed) * 10 * steps)


def rendered(renderer, *, field=None, seed=0, **given):
    field = moving() if field is None else field
    grid = [-(-side // 8) for side in field.size]
    return renderer.render(
        noise(1, 4, *grid),
        field,
        noise(1, 7, 32, seed=2),
        noise(1, 7, 32, seed=3),
        generator=torch.Generator().manual_seed(seed),
        **{"sampling": QUICK, **given},
    )


def test_frames_begin_with_the_reference_itself(renderer):
    latents = rendered(renderer)
    assert latents.shape == (1, 4, 4, 6, 8)
    assert torch.equal(latents[:, :, 0], noise(1, 4, 6, 8))
    assert latents.dtype == torch.float32


def test_a_seed_repeats_bit_for_bit_another_differs_and_no_global_one_is_touched(renderer):
    before = torch.get_rng_state()
    assert torch.equal(rendered(renderer), rendered(renderer))
    assert not torch.allclose(rendered(renderer), rendered(renderer, seed=1), atol=0.1)
    assert torch.equal(torch.get_rng_state(), before)


def test_another_motion_renders_other_frames(renderer):
    one, other = rendered(renderer), rendered(renderer, field=moving(seed=5))
    assert not torch.allclose(one[:, :, 1:], other[:, :, 1:], atol=0.1)


@pytest.mark.parametrize("given", [{"sampling": replace(QUICK, together=False)}, {"chunk": 1}, {"chunk": 3}])
def test_less_at_a_time_gives_the_same(renderer, given):
    torch.testing.assert_close(rendered(renderer, **given), rendered(renderer), atol=2e-3, rtol=1e-3)


def test_fusions_and_position_layouts_are_four_different_things(renderer):
    ways = [{}, {"positions": "shared"}, {"fusion": "addition"}, {"fusion": "none"}]
    found = [rendered(renderer, **way) for way in ways]
    for i, one in enumerate(found):
        assert all(not torch.allclose(one, other, atol=0.05) for other in found[:i])


@pytest.mark.parametrize("sampler", ["dpmpp_2m", "unipc", "euler", "lcm"])
def test_other_samplers_render_finite_frames_from_the_reference(renderer, sampler):
    region = torch.zeros(SIZE)
    region[:, 32:] = 1
    latents = rendered(renderer, sampling=Sampling(sampler, 3, 2.0), region=region)
    assert latents.isfinite().all()
    assert torch.equal(latents[:, :, 0], noise(1, 4, 6, 8))


def test_without_guidance_it_runs_too(renderer):
    assert rendered(renderer, sampling=Sampling(steps=2, guidance=1.0)).isfinite().all()


def test_what_the_brush_holds_stays_nearer_to_the_reference(renderer):
    region = torch.ones(SIZE)
    region[:, :32] = 0
    sampling, reference = Sampling(steps=6, guidance=1.0), noise(1, 4, 6, 8)[:, :, None]
    free, held = (rendered(renderer, sampling=sampling, region=r) for r in (None, region))
    away = [(latents[:, :, 1:, :, :4] - reference[..., :4]).abs().mean() for latents in (free, held)]
    assert away[1] < 0.5 * away[0]


def test_sizes_that_are_no_multiples_of_8_are_padded_as_the_picture_is(renderer):
    field = moving(size=Size(45, 61))
    latents = rendered(renderer, field=field)
    assert latents.shape == (1, 4, 4, 6, 8)
    beyond = MotionField(F.pad(field.displacement, (0, 3, 0, 3), mode="replicate"))
    assert torch.equal(latents, rendered(renderer, field=beyond))


def test_progress_is_told_and_an_exception_ends_the_run(renderer):
    told = []

    def cancel(step):
        told.append(step.index)
        if step.index == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rendered(renderer, sampling=Sampling(steps=5), on_step=cancel)
    assert told == [0, 1]


def test_every_step_tells_a_clip_that_begins_with_the_reference(renderer):
    told = []
    rendered(renderer, on_step=told.append)
    for step in told:
        assert torch.equal(step.latents[:, :, 0], noise(1, 4, 6, 8))
        assert torch.equal(step.estimate[:, :, 0], noise(1, 4, 6, 8))
        assert not torch.equal(step.estimate[:, :, 1], step.latents[:, :, 1]) or step is told[-1]


def test_the_halves_of_the_guidance_are_asked_together_or_apart(renderer):
    asked = []

    class Counted(Watched):
        def forward(self, sample, times, text, *, warp, chunk):
            asked.append(len(sample))
            return super().forward(sample, times, text, warp=warp, chunk=chunk)

    for together in (True, False):
        rendered(Renderer(Counted(renderer.unet)), sampling=Sampling(steps=1, together=together))
    assert asked == [2, 1, 1]


def test_noise_on_the_way_comes_from_the_generator_that_is_given(renderer):
    before = torch.get_rng_state()
    lcm = Sampling("lcm", 3, 1.0)
    assert torch.equal(rendered(renderer, sampling=lcm), rendered(renderer, sampling=lcm))
    assert torch.equal(torch.get_rng_state(), before)


def test_bfloat16_gives_float32_latents_nearby(renderer):
    rough = Renderer(deepcopy(renderer.unet).bfloat16())
    exact, near = (rendered(r, sampling=Sampling(steps=2, guidance=1.0)) for r in (renderer, rough))
    assert near.dtype == torch.float32
    assert (exact - near).norm() < 0.1 * exact.norm()


def test_windows_overlap_hold_the_reference_and_end_with_the_clip():
    assert Windows(6, overlap=2).over(12, most=16) == [[0, 1, 2, 3, 4, 5], [0, 4, 5, 6, 7, 8], [0, 7, 8, 9, 10, 11]]
    assert Windows().over(16, most=16) == [list(range(16))]
    assert [len(window) for window in Windows().over(64, most=16)] == [16] * 6
    assert Windows().over(20, most=12)[0] == list(range(12))
    assert Windows(3).over(5, most=16) == [[0, 1, 2], [0, 2, 3], [0, 3, 4]]  # no room for an overlap of 4
    assert [len(window) for window in Windows().over(40, most=32)] == [16] * 4  # trained for 16, whatever fits
    seen = {frame for window in Windows(5, overlap=0).over(64, most=16) for frame in window}
    assert seen == set(range(64))


@pytest.mark.parametrize(
    ("windows", "told"),
    [
        (Windows(17), r"has 2 … 16 frames; got 17"),
        (Windows(1), r"has 2 … 16 frames; got 1"),
        (Windows(8, overlap=7), r"of 8 frames overlap by 0 … 6 frames; got 7"),
        (Windows(8, overlap=-1), r"overlap by 0 … 6 frames; got -1"),
    ],
)
def test_windows_that_cannot_be_are_refused(windows, told):
    with pytest.raises(MotionError, match=told):
        windows.over(64, most=16)


class Watched(torch.nn.Module):
    """A UNet that tells what it was shown: the noise it sees is its own frames' mean, the same in a window."""

    def __init__(self, unet):
        super().__init__()
        self.config, self.device, self.shown = unet.config, unet.device, []

    def forward(self, sample, times, text, *, warp, chunk):
        self.shown.append((times.tolist(), warp.operator.field))
        return torch.full_like(sample, float(len(self.shown)))


def test_a_long_clip_is_blended_from_windows_that_all_see_the_reference_and_their_own_motion(renderer):
    watched = Watched(renderer.unet)
    field = moving(frames=12)
    given = {"windows": Windows(6, overlap=2), "sampling": Sampling(steps=1, guidance=1.0)}
    rendered(Renderer(watched), field=field, **given)
    assert len(watched.shown) == 3
    for (times, carried), frames in zip(watched.shown, Windows(6, overlap=2).over(12, most=16), strict=True):
        assert times == [1, 1, 1, 1, 1, 1]  # of one step of 1000: time step 1
        assert torch.equal(carried.displacement, field.displacement[frames])


def test_the_weights_of_the_windows_fall_towards_their_ends_and_sum_to_one(renderer):
    told = []

    class Numbered(Watched):
        def forward(self, sample, times, text, *, warp, chunk):
            return super().forward(sample, times, text, warp=warp, chunk=chunk)

    given = {"windows": Windows(6, overlap=2), "sampling": Sampling(steps=1, guidance=1.0)}
    rendered(Renderer(Numbered(renderer.unet)), field=moving(frames=12), on_step=told.append, **given)
    start = torch.randn((1, 4, 12, 6, 8), generator=torch.Generator().manual_seed(0))
    signal = 1 - 0.00085
    signal *= 1 - (0.00085 + (0.012 - 0.00085) / 999)
    blended = (start - signal**0.5 * told[0].estimate) / (1 - signal) ** 0.5
    spoken = blended[0, 0, 1:, 0, 0]
    expected = [1, 1, 1, (2 * 1 + 1 * 2) / 3, (1 * 1 + 2 * 2) / 3, 2, (2 * 2 + 1 * 3) / 3, (1 * 2 + 2 * 3) / 3, 3, 3, 3]
    assert spoken.tolist() == pytest.approx(expected, abs=1e-2)


def test_64_frames_come_from_one_field(renderer):
    latents = rendered(renderer, field=moving(frames=64), sampling=Sampling(steps=1, guidance=1.0))
    assert latents.shape == (1, 4, 64, 6, 8)
    assert latents.isfinite().all()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"field": MotionField.still(SIZE, frames=1)}, "one frame, the reference"),
        ({"region": torch.ones(40, 64)}, r"region must be \[48, 64\]; got \[40, 64\]"),
        ({"fusion": "magic"}, "Fusions are"),
    ],
)
def test_what_does_not_fit_together_is_refused(renderer, given, told):
    with pytest.raises(MotionError, match=told):
        rendered(renderer, **given)


def test_a_reference_of_another_size_is_refused(renderer):
    with pytest.raises(
        ShapeError, match=r"field of 64×48, the reference's latent is \[1, 4, 6, 8\]; got \[1, 4, 5, 8\]"
    ):
        renderer.render(noise(1, 4, 5, 8), moving(), noise(1, 7, 32), generator=torch.Generator())


def test_a_predictors_network_is_refused(renderer):
    config = replace(renderer.unet.config, in_channels=8, stride_embedding=True)
    with pytest.raises(MotionError, match="a motion predictor's"):
        Renderer(VideoUNet(config))


@pytest.mark.slow
def test_a_compiled_network_renders_the_same_whatever_field_it_is_given(renderer):
    compiled = Renderer(renderer.unet)
    compiled.unet = torch.compile(renderer.unet, backend="eager")  # how it is traced; no compiler is needed
    for seed in (4, 5):
        field = moving(seed=seed)
        torch.testing.assert_close(rendered(compiled, field=field), rendered(renderer, field=field))
