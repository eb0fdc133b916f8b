import pytest
import torch

from motion_core.errors import ShapeError
from motion_core.sampling import Sampling, denoised
from motion_core.selective_noising import frame_times, renewed, still_cells, with_clean_reference


def noise(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_every_clip_of_a_batch_keeps_its_own_reference():
    latents, references = torch.zeros(2, 4, 3, 2, 2), torch.stack([torch.ones(4, 2, 2), torch.full((4, 2, 2), 2.0)])
    assert torch.equal(with_clean_reference(latents, references)[:, :, 0], references)


def test_frame_0_becomes_the_reference_of_every_sample_and_the_others_stay():
    latents, reference = noise(2, 4, 3, 5, 6), noise(1, 4, 5, 6, seed=2)
    seen = with_clean_reference(latents, reference)
    assert torch.equal(seen[:, :, 0], reference.expand(2, -1, -1, -1))
    assert torch.equal(seen[:, :, 1:], latents[:, :, 1:])


def test_a_reference_of_another_size_is_refused():
    with pytest.raises(ShapeError, match=r"is \[1, 4, 5, 6\] for these frames; got \[1, 4, 6, 5\]"):
        with_clean_reference(noise(2, 4, 3, 5, 6), noise(1, 4, 6, 5))


def test_the_reference_is_at_time_1_whatever_the_others_are():
    assert frame_times(torch.tensor(981), 4).tolist() == [1, 981, 981, 981]


def test_the_top_left_pixel_decides_whether_a_cell_rests():
    region = torch.ones(16, 20)
    region[0, 0] = 0
    region[9:, 9:] = 0  # no top left pixel of a cell that is whole; the last column begins at 16
    still = still_cells(region)
    assert still.shape == (2, 3)
    assert still.nonzero().tolist() == [[0, 0]]


@pytest.mark.parametrize("sampler", ["ddim", "dpmpp_2m", "unipc", "euler", "lcm"])
def test_still_regions_come_out_as_the_reference_with_every_sampler(sampler):
    """A network that is wrong everywhere cannot move what the brush holds."""
    reference, start = noise(1, 4, 5, 6, seed=2), noise(1, 4, 3, 5, 6, seed=3)
    still = torch.zeros(5, 6)
    still[:, :3] = 1
    levels = []

    def renew(latents, noised):
        after = renewed(latents, noised, reference=reference, noise=start, still=still)
        assert torch.equal(after[..., 3:], latents[..., 3:])
        rest = noised(reference[:, :, None].expand(-1, -1, 3, -1, -1), start)
        assert torch.equal(after[..., :3], rest[..., :3])
        levels.append((rest - reference[:, :, None]).abs().mean().item())
        return after

    sampling = Sampling(sampler=sampler, steps=8)
    true = lambda x, t, i: start  # noqa: E731  right where the brush holds: the noise is what the run began with
    found = denoised(true, start, sampling, generator=torch.Generator().manual_seed(0), renew=renew)
    assert len(levels) == 7  # after every step but the last
    assert levels == sorted(levels, reverse=True)
    assert levels[-1] < levels[0] / 2
    torch.testing.assert_close(found[..., :3], reference[:, :, None, :, :3].expand(-1, -1, 3, -1, -1), atol=0.1, rtol=0)
