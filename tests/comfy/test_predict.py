"""The nodes of stage 1 on a real ComfyUI: loaders, and a field that is the core's own to the last bit."""

import pytest
import torch

from tests import miniature


@pytest.fixture(scope="module")
def files(host):
    """Miniature weights in the model folder, under the published layout."""
    folder = host.base / "models" / "motion_i2v"
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(miniature.state_dict("stage1_unet_controlnet"), folder / "controlnet.bin")
    torch.save(miniature.state_dict("vae_flow"), folder / "vae_flow.bin")
    return folder


def test_the_folders_offer_the_files(host, files):
    schema = host.nodes["MotionI2V_LoadFlowVAE"].GET_SCHEMA()
    assert schema.inputs[0].options == ["controlnet.bin", "vae_flow.bin"]


def test_a_prediction_is_the_cores_own(host, files):
    predictor = host.run(
        "LoadMotionPredictor",
        predictor="controlnet.bin",
        trajectory_controlnet="in the predictor's file, if it is there",
        weights="as in the file",
    )
