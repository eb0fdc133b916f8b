"""Stage 1 against recorded outputs of the authors' code, through the real loading of published files.

No case here rests on a bug of theirs: the mixing of samples under guidance is in stage 2 alone.
"""

import pytest
import torch

from motion_core.checkpoints import load_image_vae, load_motion_predictor, load_motion_vae, load_trajectory_controlnet
from motion_core.predictor import MotionPredictor, control_latents
from motion_core.sampling import Sampling, scheduler_for
from motion_core.stable_diffusion import PREDICTOR_RANGE, picture_latent
from motion_core.types import MotionField, Size, SparseField
from tests import miniature
from tests.recorded import CASES, agrees, recorded

SIZE = Size(64, 96)
EXTENT = torch.tensor([96.0, 64.0]).view(1, 2, 1, 1)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The files as the authors publish them: the UNet alone, the ControlNet with its prefix, the VAEs in old names."""
    folder = tmp_path_factory.mktemp("published")
    stage1 = miniature.state_dict("stage1_unet_controlnet")
    controlnet = {name: weights for name, weights in stage1.items() if name.startswith("controlnet.")}
    torch.save({name: weights for name, weights in stage1.items() if name not in controlnet}, folder / "unet.bin")
    torch.save(controlnet, folder / "controlnet.bin")
    for role in ("vae_flow", "vae_img"):
        torch.save(miniature.state_dict(role), folder / f"{role}.bin")
    return folder


@pytest.fixture(scope="module")
def predictor(published):
    return MotionPredictor(
        load_motion_predictor(published / "unet.bin"),
        load_motion_vae(published / "vae_flow.bin"),
        load_trajectory_controlnet(published / "controlnet.bin"),
    )


@pytest.mark.parametrize("chunk", [None, 4])
@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("s1_unet")])
def test_one_pass_of_the_networks(predictor, name, chunk):
    arrays = recorded(name)
    given = [arrays[f"in.{what}"] for what in ("sample", "timestep", "text", "stride")]
    added = None
    if "in.control" in arrays:
        added = predictor.controlnet(*given, control=arrays["in.control"], chunk=chunk)
    agrees(predictor.unet(*given, residuals=added, chunk=chunk), name, "out.sample", arrays)


def test_what_the_controlnet_adds_to_every_skip_and_the_middle(predictor):
    name = "s1_unet_control_b1_probes"
    arrays = recorded(name)
    given = [arrays[f"in.{what}"] for what in ("sample", "timestep", "text", "stride")]
    added = predictor.controlnet(*given, control=arrays["in.control"])
    assert len(added.skips) == 12
    expected = [f"probe.control_down.{i:02}" for i in range(12)] + ["probe.control_mid"]
    for residual, probe in zip([*added.skips, added.middle], expected, strict=True):
        agrees(residual.unflatten(0, (1, 5)).transpose(1, 2), name, probe, arrays)


def test_time_and_stride_are_embedded_for_every_frame(predictor):
    name = "s1_unet_control_b1_probes"
    arrays = recorded(name)
    given = [arrays[f"in.{what}"] for what in ("sample", "timestep", "text", "stride")]
    context = predictor.unet.context(*given, chunk=None)
    agrees(context.embedding.view_as(arrays["probe.emb"]), name, "probe.emb", arrays)


def test_a_field_is_encoded_and_decoded(predictor):
    arrays = recorded("vae_flow")
    displacement = (2 * arrays["in.flow01"] - 1) * EXTENT
    agrees(predictor.motion_vae.encode(displacement), "vae_flow", "out.mean", arrays)
    sample = predictor.motion_vae.encode(displacement, arrays["in.posterior_noise"])
    agrees(sample, "vae_flow", "out.sample", arrays)
    shares = (predictor.motion_vae.decode(arrays["in.latent"]) / EXTENT + 1) / 2
    tolerance = CASES["vae_flow"]["tensors"]["out.decoded"]
    torch.testing.assert_close(shares, arrays["out.decoded"].clamp(0, 1), **tolerance)


def test_drags_and_brush_become_the_control(predictor):
    arrays = recorded("control_from_drag")
    asked = arrays["in.input_drag"][0].permute(0, 3, 1, 2) * 2 - 1
    known = arrays["in.mask_drag"][0].permute(0, 3, 1, 2)
    field = SparseField(asked * EXTENT * known, known)
    control = control_latents(field, predictor.motion_vae, arrays["in.posterior_noise"])
    agrees(control, "control_from_drag", "out.control", arrays)


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("name", ["s1_loop_control", "s1_loop_nocontrol", "s1_loop_nocfg"])
def test_the_whole_loop_from_picture_and_text_to_the_field(predictor, published, name, together):
    case, arrays = CASES[name], recorded(name)
    latent = picture_latent(
        load_image_vae(published / "vae_img.bin"),
        arrays["in.image01"],
        value_range=PREDICTOR_RANGE,
        noise=arrays["in.image_posterior_noise"],
    )
    *negative, positive = arrays["in.text"].split(1)
    after_steps = []
    latents = predictor.denoise(
        latent,
        positive,
        negative[0] if negative else None,
        strides=arrays["in.stride"][0],
        noise=arrays["in.initial_latents_8ch"][:, :4],
        hint=arrays.get("in.control"),
        sampling=Sampling(steps=case["steps"], guidance=case["guidance_scale"], together=together),
        on_step=lambda step: after_steps.append(step.latents),
    )
    agrees(torch.stack(after_steps), name, "out.latents_per_step", arrays)
    agrees(latents, name, "out.final_latents", arrays)
    chosen = predictor.decode(latents, SIZE).displacement[[1, 8, 15]]
    if "out.displacement_px_frames_0_7_14" in arrays:
        agrees(chosen.transpose(0, 1)[None], name, "out.displacement_px_frames_0_7_14", arrays)
    tolerance = case["tensors"]["out.decoded_raw_frames_0_7_14"]
    raw = arrays["out.decoded_raw_frames_0_7_14"][0].transpose(0, 1)
    torch.testing.assert_close((chosen / EXTENT + 1) / 2, raw.clamp(0, 1), **tolerance)


def test_a_decoded_field_rests_outside_the_brush_and_begins_with_the_still_reference():
    arrays = recorded("displacement_postprocess")
    extent = torch.tensor([20.0, 12.0]).view(1, 2, 1, 1)
    shares = arrays["in.decoded_raw"][0].transpose(0, 1)
    displacement = (2 * shares - 1).clamp(-1, 1) * extent
    region = 1 - arrays["in.brush_mask"][0, 0, 0]
    field = MotionField.after_reference(displacement).restricted(region)
    agrees(field.displacement, "displacement_postprocess", "out.flow_pre", arrays)


@pytest.mark.parametrize("steps", [4, 7, 25, 30, 50])
def test_ddim_takes_the_published_time_steps(steps):
    scheduler = scheduler_for(Sampling())
    scheduler.set_timesteps(steps)
    assert scheduler.timesteps.tolist() == recorded("scheduler_ddim")[f"timesteps_{steps}"].tolist()


@pytest.mark.parametrize("name", [n for n in CASES["scheduler_ddim"]["tensors"] if n.startswith("out.step")])
def test_each_step_of_ddim_is_the_published_one(name):
    arrays = recorded("scheduler_ddim")
    scheduler = scheduler_for(Sampling())
    scheduler.set_timesteps(25)
    after = scheduler.step(arrays["in.eps"], int(name.rpartition("t")[2]), arrays["in.x"], return_dict=False)[0]
    agrees(after, "scheduler_ddim", name, arrays)
    agrees(scheduler.alphas_cumprod, "scheduler_ddim", "alphas_cumprod", arrays)
