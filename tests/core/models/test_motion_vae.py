import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import nn

from motion_core.errors import MotionError, ShapeError
from motion_core.models.motion_vae import MotionVAE


def autoencoder(channels=2):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return AutoencoderKL(
            in_channels=channels,
            out_channels=channels,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(32, 32, 32, 32),
            layers_per_block=1,
        ).requires_grad_(False)


@pytest.fixture(scope="module")
def vae():
    return MotionVAE(autoencoder()).eval()


class Recorder(nn.Module):
    """Stands for the encoder: remembers the pictures it is given, and answers with zero moments."""

    def __init__(self, like):
        super().__init__()
        self.conv_in, self.seen = like.conv_in, []

    def forward(self, pictures):
        self.seen.append(pictures)
        return torch.zeros(len(pictures), 8, pictures.shape[2] // 8, pictures.shape[3] // 8)


def moving(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_displacements_are_fed_as_shares_of_the_picture_around_a_half():
    vae = MotionVAE(autoencoder()).eval()
    vae.autoencoder.encoder = recorder = Recorder(vae.autoencoder.encoder)
    displacement = torch.zeros(3, 2, 16, 32)
    displacement[1, 0], displacement[1, 1] = 32.0, -16.0  # one picture right, one picture up
    displacement[2, 0], displacement[2, 1] = 8.0, 4.0
    vae.encode(displacement)
    values = torch.cat(recorder.seen)[:, :, 0, 0]
    assert values.tolist() == [[0.5, 0.5], [1.0, 0.0], [0.625, 0.625]]
    assert all(pictures.is_contiguous() for pictures in recorder.seen)


def test_a_field_is_encoded_in_portions_of_frames():
    vae = MotionVAE(autoencoder()).eval()
    vae.autoencoder.encoder = recorder = Recorder(vae.autoencoder.encoder)
    vae.encode(torch.zeros(7, 2, 8, 8), chunk=3)
    assert [len(pictures) for pictures in recorder.seen] == [3, 3, 1]


def test_portions_do_not_change_the_latents_nor_the_field(vae):
    displacement, latents = moving(5, 2, 16, 24), moving(5, 4, 2, 3)
    torch.testing.assert_close(vae.encode(displacement, chunk=2), vae.encode(displacement, chunk=5))
    torch.testing.assert_close(vae.decode(latents, chunk=2), vae.decode(latents, chunk=5), atol=1e-3, rtol=1e-3)


def test_noise_draws_around_the_mode_by_the_posteriors_deviation(vae):
    displacement, noise = moving(2, 2, 16, 24), moving(2, 4, 2, 3)
    mode = vae.encode(displacement)
    up, down = vae.encode(displacement, noise), vae.encode(displacement, -noise)
    torch.testing.assert_close(up + down, 2 * mode)
    assert ((up - mode) / noise > 0).all()


def test_no_displacement_that_is_decoded_goes_farther_than_one_picture(vae):
    displacement = vae.decode(moving(2, 4, 2, 3) * 1000)
    assert displacement.shape == (2, 2, 16, 24)
    assert displacement[:, 0].abs().max() == 24
    assert displacement[:, 1].abs().max() == 16


def test_half_precision_takes_and_gives_float32():
    vae = MotionVAE(autoencoder()).eval().to(torch.bfloat16)
    assert vae.encode(torch.zeros(1, 2, 16, 16)).dtype == torch.float32
    assert vae.decode(torch.zeros(1, 4, 2, 2)).dtype == torch.float32


def test_another_autoencoder_is_refused():
    with pytest.raises(MotionError, match=r"has 2 picture channels, x and y; this one has 3 and 3.*vae_flow"):
        MotionVAE(autoencoder(channels=3))


def test_shapes_that_do_not_fit_are_refused(vae):
    with pytest.raises(ShapeError, match=r"encodes \[N, 2, H, W\]; got \[2, 3, 8, 8\]"):
        vae.encode(torch.zeros(2, 3, 8, 8))
    with pytest.raises(ShapeError, match="multiples of 8; got 12×8"):
        vae.encode(torch.zeros(1, 2, 8, 12))
    with pytest.raises(ShapeError, match=r"is \[1, 4, 2, 2\] here; got \[1, 4, 8, 8\]"):
        vae.encode(torch.zeros(1, 2, 16, 16), torch.zeros(1, 4, 8, 8))
    with pytest.raises(ShapeError, match=r"decodes \[N, 4, h, w\]; got \[4, 1, 1\]"):
        vae.decode(torch.zeros(4, 1, 1))
