"""The nodes of stage 1 on a real ComfyUI: loaders, and a field that is the core's own."""

import pytest
import torch

from motion_core.controls.stride import frame_strides
from motion_core.controls.trajectory import sparse_field
from motion_core.predictor import ControlSchedule
from motion_core.sampling import Sampling
from motion_core.stable_diffusion import PREDICTOR_RANGE, picture_latent
from motion_core.types import Size, Trajectory
from tests import miniature
from tests.comfy import miniature_nodes

SIZE = Size(48, 64)
SETTINGS = {"frames": 4, "stride": 8.0, "steps": 2, "cfg": 3.0, "sampler": "ddim", "seed": 5, "frames_at_a_time": 0}


@pytest.fixture(scope="module")
def files(host):
    """Miniature weights in the model folder, as published."""
    folder = host.base / "models" / "motion_i2v"
    folder.mkdir(parents=True, exist_ok=True)
    weights = miniature.state_dict("stage1_unet_controlnet")
    torch.save(weights, folder / "controlnet.bin")
    torch.save({n: w for n, w in weights.items() if not n.startswith("controlnet.")}, folder / "unet.bin")
    torch.save(miniature.state_dict("vae_flow"), folder / "vae_flow.bin")
    return folder


def load(
    host, predictor="controlnet.bin", controlnet="in the predictor's file, if it is there", weights="as in the file"
):
    return host.run("LoadMotionPredictor", predictor=predictor, trajectory_controlnet=controlnet, weights=weights)


@pytest.fixture(scope="module")
def predictor(host, files):
    return load(host)


@pytest.fixture(scope="module")
def flow_vae(host, files):
    return host.run("LoadFlowVAE", flow_vae="vae_flow.bin")


@pytest.fixture(scope="module")
def vae(host):
    return miniature_nodes.vae()


@pytest.fixture(scope="module")
def image():
    return torch.rand(1, *SIZE, 3, generator=torch.Generator().manual_seed(1))


def drawn(host):
    types, tracks = host.module("motion_core.types"), host.module("motion_core.tracks")
    return tracks.Tracks((types.Trajectory(((0.3, 0.4), (0.6, 0.5))),))


def predicted(host, predictor, flow_vae, vae, image, **given):
    texts = {"positive": miniature_nodes.conditioning(1), "negative": miniature_nodes.conditioning(2)}
    everything = {
        "image": image,
        "predictor": predictor,
        "flow_vae": flow_vae,
        "vae": vae,
        **texts,
        **SETTINGS,
        **given,
    }
    return host.run("PredictMotionField", **everything).displacement


def by_the_core(vae, image, *, asked=None, schedule=None, region=None):
    picture = image[0].movedim(-1, 0)
    latent = vae.encode(image / 2 + 0.5).float() * 0.18215
    texts = [miniature_nodes.conditioning(seed)[0][0] for seed in (1, 2)]
    return miniature.predictor().predict(
        latent, *texts, size=Size.of(picture), strides=frame_strides(4), generator=torch.Generator().manual_seed(5),
        asked=asked, schedule=schedule or ControlSchedule(), region=region, sampling=Sampling(steps=2, guidance=3.0),
    ).displacement  # fmt: skip


def test_the_folder_offers_the_files(host, files):
    schema = host.nodes["MotionI2V_LoadFlowVAE"].GET_SCHEMA()
    assert schema.inputs[0].options == ["controlnet.bin", "unet.bin", "vae_flow.bin"]


def test_the_predictor_sees_the_picture_through_0_to_1(host, vae, image):
    autoencoder = miniature_image_vae()
    seen = host.module("nodes.predict").seen_by_predictor(vae, image[0].movedim(-1, 0))
    wanted = picture_latent(autoencoder, image[0].movedim(-1, 0), value_range=PREDICTOR_RANGE)
    torch.testing.assert_close(seen, wanted, atol=1e-4, rtol=1e-3)


def miniature_image_vae():
    from tempfile import TemporaryDirectory

    from motion_core.checkpoints import load_image_vae

    with TemporaryDirectory() as folder:
        torch.save(miniature.state_dict("vae_img"), f"{folder}/vae.bin")
        return load_image_vae(f"{folder}/vae.bin")


def test_a_prediction_from_text_is_the_cores_own(host, predictor, flow_vae, vae, image):
    found = predicted(host, predictor, flow_vae, vae, image)
    torch.testing.assert_close(found, by_the_core(vae, image), atol=1e-2, rtol=1e-2)


def test_a_drawn_trajectory_steers_it_as_it_does_in_the_core(host, predictor, flow_vae, vae, image):
    control = host.run(
        "ApplyTrajectoryControlNet",
        trajectories=drawn(host),
        strength=0.8,
        start=0.0,
        end=0.5,
        mode="balanced",
        stamp=6,
    )
    found = predicted(host, predictor, flow_vae, vae, image, control=control)
    asked = sparse_field([Trajectory(((0.3, 0.4), (0.6, 0.5)))], size=SIZE, frames=4, stamp=6)
    wanted = by_the_core(vae, image, asked=asked, schedule=ControlSchedule(0.8, 0.0, 0.5))
    torch.testing.assert_close(found, wanted, atol=1e-2, rtol=1e-2)
    assert (found - predicted(host, predictor, flow_vae, vae, image)).abs().max() > 0.1


def test_the_motion_brush_holds_the_rest_still(host, predictor, flow_vae, vae, image):
    brush = torch.zeros(1, *SIZE)
    brush[:, :, :32] = 1
    found = predicted(host, predictor, flow_vae, vae, image, motion_brush=brush)
    assert found[..., 32:].abs().max() == 0
    assert found[1:, ..., :32].abs().mean() > 0.1


def test_a_brush_over_everything_asks_for_nothing(host, flow_vae, vae, image, files):
    without = load(host, "unet.bin")
    found = predicted(host, without, flow_vae, vae, image, motion_brush=torch.ones(1, *SIZE))
    torch.testing.assert_close(found, by_the_core(vae, image), atol=1e-2, rtol=1e-2)


def test_trajectories_without_a_controlnet_are_refused_in_words(host, flow_vae, vae, image, files):
    control = host.run(
        "ApplyTrajectoryControlNet",
        trajectories=drawn(host),
        strength=1.0,
        start=0.0,
        end=1.0,
        mode="balanced",
        stamp=8,
    )
    with pytest.raises(ValueError, match="need the trajectory ControlNet, which is not loaded"):
        predicted(host, load(host, "unet.bin"), flow_vae, vae, image, control=control)


def test_the_controlnet_may_come_from_a_file_of_its_own(host, files, predictor, flow_vae, vae, image):
    control = host.run(
        "ApplyTrajectoryControlNet", trajectories=drawn(host), strength=1.0, start=0.0, end=1.0, mode="guess", stamp=8
    )
    two = predicted(host, load(host, "unet.bin", "controlnet.bin"), flow_vae, vae, image, control=control)
    assert torch.equal(two, predicted(host, predictor, flow_vae, vae, image, control=control))


@pytest.mark.parametrize(("weights", "near"), [("bfloat16", 0.1), ("float8_e4m3fn", 0.9)])
def test_smaller_weights_predict_nearby(host, files, flow_vae, vae, image, weights, near):
    one = {"steps": 1, "cfg": 1.0}
    small = load(host, weights=weights)
    kept = {parameter.dtype for parameter in small.unet.model.parameters()}
    exact = predicted(host, load(host), flow_vae, vae, image, **one)
    found = predicted(host, small, flow_vae, vae, image, **one)
    assert kept == {getattr(torch, weights)}
    assert 0 < (found - exact).norm() < near * exact.norm()


def test_a_wrong_file_is_told_by_its_kind(host, files):
    with pytest.raises(
        ValueError, match=r"vae_flow.bin is not the motion predictor of stage 1. It seems to be a flow VAE"
    ):
        load(host, "vae_flow.bin")


def test_texts_that_are_combined_are_refused(host, predictor, flow_vae, vae, image):
    two = miniature_nodes.conditioning(1) + miniature_nodes.conditioning(2)
    with pytest.raises(ValueError, match="this conditioning combines 2"):
        predicted(host, predictor, flow_vae, vae, image, positive=two)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (torch.zeros(1, 9, 48), "width 32; this conditioning holds"),
        (torch.zeros(2, 9, 32), "holds"),
        (None, "holds nothing"),
    ],
)
def test_another_models_text_is_refused_in_words(host, predictor, flow_vae, vae, image, text, told):
    with pytest.raises(ValueError, match=told):
        predicted(host, predictor, flow_vae, vae, image, positive=[[text, {}]])


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (torch.zeros(0, 48, 64, 3), r"An image \[1, H, W, 3\] is wanted"),
        (torch.full((1, 48, 64, 3), float("nan")), "a pixel that is not a finite number"),
    ],
)
def test_an_image_that_is_none_is_refused_in_words(host, predictor, flow_vae, vae, wrong, told):
    with pytest.raises(ValueError, match=told):
        predicted(host, predictor, flow_vae, vae, wrong)


def test_gray_images_and_resized_masks_are_taken(host, predictor, flow_vae, vae, image):
    gray = image[..., :1]
    brush = torch.zeros(1, *SIZE)
    brush[:, :, :32] = 1.2
    brush[:, :, 32:] = -0.1
    found = predicted(host, predictor, flow_vae, vae, gray, motion_brush=brush)
    colored = predicted(host, predictor, flow_vae, vae, gray.expand(-1, -1, -1, 3), motion_brush=brush.clamp(0, 1))
    assert torch.equal(found, colored)


def test_the_check_says_what_is_there_and_what_is_missing(host, files):
    text = host.run("CheckModelFiles")
    assert "✓ Motion-I2V: motion predictor (stage 1 UNet): controlnet.bin, unet.bin" in text
    assert "✓ Motion-I2V: flow VAE (stage 1): vae_flow.bin" in text
    assert "vae_flow.bin: a flow VAE" in text
    (files / "vae_flow.bin").rename(files.parent / "elsewhere.bin")
    try:
        missing = host.run("CheckModelFiles")
    finally:
        (files.parent / "elsewhere.bin").rename(files / "vae_flow.bin")
    assert "✗ Motion-I2V: flow VAE (stage 1): missing, needed to predict motion." in missing
    assert "(0.3 GB)" in missing


def test_progress_is_shown_and_an_interrupt_ends_it(host, predictor, flow_vae, vae, image, monkeypatch):
    import comfy.model_management
    import comfy.utils

    shown = []
    monkeypatch.setattr(
        comfy.utils,
        "PROGRESS_BAR_HOOK",
        lambda value, total, preview, node_id=None: shown.append((value, total, preview)),
    )
    predicted(host, predictor, flow_vae, vae, image)
    assert [(value, total) for value, total, _ in shown] == [(1, 2), (2, 2)]
    assert shown[0][2][1].size == (64, 48)
    comfy.model_management.interrupt_current_processing()
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        predicted(host, predictor, flow_vae, vae, image)


def test_folders_of_extra_model_paths_are_offered_too(host, files, tmp_path):
    """ComfyUI adds what extra_model_paths.yaml names by this call, before it loads the pack."""
    import folder_paths

    torch.save(miniature.state_dict("vae_flow"), tmp_path / "other_vae.bin")
    folder_paths.add_model_folder_path("motion_i2v", str(tmp_path))
    try:
        host.module("nodes.models").add_model_folders()
        assert "other_vae.bin" in host.nodes["MotionI2V_LoadFlowVAE"].GET_SCHEMA().inputs[0].options
        host.run("LoadFlowVAE", flow_vae="other_vae.bin")
    finally:
        folder_paths.folder_names_and_paths["motion_i2v"][0].remove(str(tmp_path))
