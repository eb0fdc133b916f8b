import pytest
import torch

from motion_core.errors import MotionError, ShapeError
from motion_core.models.trajectory_controlnet import TrajectoryControlNet, TrajectoryControlNetConfig
from motion_core.models.video_unet import Residuals, VideoUNet, VideoUNetConfig
from tests import miniature

CONFIG = VideoUNetConfig(block_out_channels=(32, 64, 64, 64), cross_attention_dim=32)
NEAR = {"atol": 2e-4, "rtol": 1e-4}  # of noise around 1; the order of sums differs
STRIDES = torch.tensor([8.0, 16.0, 24.0])


@pytest.fixture(scope="module")
def weights():
    return miniature.state_dict("stage1_unet_controlnet")


@pytest.fixture(scope="module")
def unet(weights):
    unet = VideoUNet(CONFIG).eval().requires_grad_(False)
    unet.load_state_dict({name: w for name, w in weights.items() if not name.startswith("controlnet.")})
    return unet


@pytest.fixture(scope="module")
def controlnet(weights):
    net = TrajectoryControlNet(TrajectoryControlNetConfig(CONFIG)).eval().requires_grad_(False)
    net.load_state_dict({n.removeprefix("controlnet."): w for n, w in weights.items() if n.startswith("controlnet.")})
    return net


def noise(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def given(batch=1, frames=3, height=4, width=6):
    return noise(batch, 8, frames, height, width), torch.tensor(500), noise(batch, 7, 32, seed=2), STRIDES[:frames]


def test_a_batch_is_its_clips_one_by_one(unet):
    sample, timestep, text, strides = given(batch=2)
    apart = [unet(sample[i : i + 1], timestep, text[i : i + 1], strides) for i in range(2)]
    torch.testing.assert_close(unet(sample, timestep, text, strides), torch.cat(apart), **NEAR)


@pytest.mark.parametrize("chunk", [1, 2, 5, 100])
def test_frames_in_portions_give_the_same(unet, controlnet, chunk):
    sample, timestep, text, strides = given(batch=2)
    control = noise(1, 5, 3, 4, 6, seed=3)

    def predicted(chunk):
        added = controlnet(sample, timestep, text, strides, control=control, chunk=chunk)
        return unet(sample, timestep, text, strides, residuals=added, chunk=chunk)

    torch.testing.assert_close(predicted(chunk), predicted(None), **NEAR)


def test_a_time_step_may_be_given_for_all_for_each_clip_or_for_each_frame(unet):
    sample, timestep, text, strides = given(batch=2)
    for_all = unet(sample, timestep, text, strides)
    for same in (500, torch.tensor([500]), torch.full((2, 1), 500), torch.full((3,), 500), torch.full((2, 3), 500)):
        torch.testing.assert_close(unet(sample, same, text, strides), for_all, **NEAR)
    other = unet(sample, torch.tensor([[500], [1]]), text, strides)
    torch.testing.assert_close(other[0], for_all[0], **NEAR)
    torch.testing.assert_close(other[1], unet(sample[1:], 1, text[1:], strides)[0], **NEAR)


def test_a_stride_belongs_to_its_frame(unet):
    sample, timestep, text, strides = given()
    assert not torch.allclose(unet(sample, timestep, text, strides), unet(sample, timestep, text, strides.flip(0)))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 5), (9, 7), (8, 12)])
def test_any_latent_size_comes_back(unet, height, width):
    sample, timestep, text, strides = given(height=height, width=width)
    assert unet(sample, timestep, text, strides).shape == (1, 4, 3, height, width)


@pytest.mark.parametrize(("dtype", "error"), [(torch.bfloat16, 0.25), (torch.float16, 0.012)])
def test_half_precision_stays_near_float32(weights, dtype, error):
    unet = VideoUNet(CONFIG).eval().requires_grad_(False)
    unet.load_state_dict({name: w for name, w in weights.items() if not name.startswith("controlnet.")})
    exact = unet(*given())
    rough = unet.to(dtype)(*given())
    assert rough.dtype == dtype
    assert (rough.float() - exact).norm() < error * exact.norm()


def test_without_a_stride_embedding_it_is_a_renderers_unet():
    unet = VideoUNet(VideoUNetConfig(4, 4, (32, 64), 1, (True, False), 16, stride_embedding=False)).requires_grad_(
        False
    )
    sample, text = noise(1, 4, 3, 4, 6), noise(1, 7, 16)
    assert unet(sample, 10, text).shape == (1, 4, 3, 4, 6)
    with pytest.raises(MotionError, match="has no frame strides; strides were given"):
        unet(sample, 10, text, STRIDES)


def test_gradients_are_the_same_when_activations_are_computed_again(unet):
    def gradients(recomputed):
        net = VideoUNet(CONFIG)
        net.load_state_dict(unet.state_dict())
        net.gradient_checkpointing = recomputed
        net(*given()).square().mean().backward()
        return {name: parameter.grad for name, parameter in net.named_parameters()}

    plain, recomputed = gradients(False), gradients(True)
    assert all(gradient is not None and torch.isfinite(gradient).all() for gradient in plain.values())
    for name, gradient in plain.items():
        torch.testing.assert_close(recomputed[name], gradient, atol=1e-6, rtol=1e-3, msg=name)


def test_what_does_not_fit_is_refused_in_words(unet):
    sample, timestep, text, strides = given()
    with pytest.raises(ShapeError, match=r"takes \[B, 8, F, h, w\]; got \[1, 4, 3, 4, 6\]"):
        unet(sample[:, :4], timestep, text, strides)
    with pytest.raises(ShapeError, match=r"are \[1, tokens, 32\] here; got \[1, 7, 768\]"):
        unet(sample, timestep, noise(1, 7, 768), strides)
    with pytest.raises(ShapeError, match=r"Strides are \[3\] or \[B, 3\] here; got \[2\]"):
        unet(sample, timestep, text, strides[:2])
    with pytest.raises(MotionError, match="needs one frame stride a frame; strides were not given"):
        unet(sample, timestep, text)
    with pytest.raises(MotionError, match="got a chunk of 0"):
        unet(sample, timestep, text, strides, chunk=0)
    with pytest.raises(MotionError, match="2 answers for 4 blocks"):
        VideoUNetConfig(cross_attention=(True, False))
    with pytest.raises(MotionError, match="got 40"):
        VideoUNetConfig(block_out_channels=(40, 64, 64, 64))


def test_an_untrained_controlnet_adds_nothing():
    net = TrajectoryControlNet(TrajectoryControlNetConfig(CONFIG)).requires_grad_(False)
    added = net(*given(), control=noise(1, 5, 3, 4, 6))
    assert len(added.skips) == 12
    assert not any(residual.any() for residual in (*added.skips, added.middle))


def test_a_control_acts_and_of_no_strength_does_not(unet, controlnet):
    added = controlnet(*given(), control=noise(1, 5, 3, 4, 6, seed=3))
    free, held = unet(*given()), unet(*given(), residuals=added)
    assert (held - free).abs().mean() > 0.01
    torch.testing.assert_close(unet(*given(), residuals=added.scaled(torch.zeros(13))), free)
    half = unet(*given(), residuals=added.scaled(torch.full((13,), 0.5)))
    assert 0 < (half - free).norm() < (held - free).norm()


def test_residuals_may_be_scaled_one_by_one():
    residuals = Residuals((torch.ones(1), torch.ones(1)), torch.ones(1))
    scaled = residuals.scaled(torch.tensor([1.0, 2.0, 3.0]))
    assert [float(s) for s in (*scaled.skips, scaled.middle)] == [1, 2, 3]


def test_a_control_of_another_shape_is_refused(controlnet):
    with pytest.raises(ShapeError, match=r"control is \[1, 5, 3, 4, 6\] or one for all; got \[1, 5, 3, 4, 5\]"):
        controlnet(*given(), control=noise(1, 5, 3, 4, 5))
