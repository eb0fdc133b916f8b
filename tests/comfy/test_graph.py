"""Whole graphs of our nodes through a real server's /prompt: what runs, what is kept, what is said, what is left."""

import json
from pathlib import Path

import pytest
import torch

from tests import miniature

SNAPSHOT = Path(__file__).parent / "interface.json"
DRAWING = json.dumps({"version": 1, "trajectories": [{"points": [[0.3, 0.5], [0.6, 0.5]]}]})
WAY = {"fusion": "attention", "positions": "interleaved", "betas": "of the motion module", "window": 0, "overlap": 4}


@pytest.fixture(scope="module")
def files(server):
    folder = server.base / "models" / "motion_i2v"
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(miniature.state_dict("stage1_unet_controlnet"), folder / "predictor.bin")
    torch.save(miniature.state_dict("vae_flow"), folder / "vae_flow.bin")
    weights = miniature.state_dict("stage2_unet")
    torch.save({n: w for n, w in weights.items() if ".motion_modules." in n}, folder / "motion_block.bin")
    return folder


def graph(*, frames=4, width=64, height=48, **changed):
    """Image → trajectories → field → frames → video. changed: inputs, by "node.input"."""
    same = "in the predictor's file, if it is there"
    nodes = {
        "sd": ("MiniSD15", {}),
        "image": ("EmptyImage", {"width": width, "height": height, "batch_size": 1, "color": 8421504}),
        "draw": ("MotionI2V_DrawTrajectories", {"image": ["image", 0], "drawing": DRAWING}),
        "predictor": (
            "MotionI2V_LoadMotionPredictor",
            {"predictor": "predictor.bin", "trajectory_controlnet": same, "weights": "as in the file"},
        ),
        "flow_vae": ("MotionI2V_LoadFlowVAE", {"flow_vae": "vae_flow.bin"}),
        "module": ("MotionI2V_LoadMotionModule", {"motion_module": "motion_block.bin", "weights": "as in the file"}),
        "control": (
            "MotionI2V_ApplyTrajectoryControlNet",
            {"trajectories": ["draw", 0], "strength": 1.0, "start": 0.0, "end": 1.0, "mode": "balanced", "stamp": 8},
        ),
        "predict": (
            "MotionI2V_PredictMotionField",
            {
                "image": ["image", 0], "predictor": ["predictor", 0], "flow_vae": ["flow_vae", 0], "vae": ["sd", 2],
                "positive": ["sd", 3], "negative": ["sd", 4], "frames": frames, "stride": 8.0, "steps": 2, "cfg": 3.0,
                "sampler": "ddim", "seed": 1, "frames_at_a_time": 0, "control": ["control", 0],
            },
        ),
        "encode": ("VAEEncode", {"pixels": ["image", 0], "vae": ["sd", 2]}),
        "apply": (
            "MotionI2V_ApplyMotionField",
            {"model": ["sd", 0], "motion_field": ["predict", 0], "reference": ["encode", 0],
             "motion_module": ["module", 0], **WAY},
        ),
        "sample": (
            "KSampler",
            {
                "model": ["apply", 0], "positive": ["sd", 3], "negative": ["sd", 4], "latent_image": ["apply", 1],
                "seed": 1, "steps": 2, "cfg": 3.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0,
            },
        ),
        "decode": ("VAEDecode", {"samples": ["sample", 0], "vae": ["sd", 2]}),
        "video": ("CreateVideo", {"images": ["decode", 0], "fps": 8.0}),
        "save": ("SaveVideo", {"video": ["video", 0], "filename_prefix": "ours", "format": "mp4", "codec": "h264"}),
    }  # fmt: skip
    for place, value in changed.items():
        node, _, name = place.partition(".")
        nodes[node][1][name] = value
    return {name: {"class_type": kind, "inputs": inputs} for name, (kind, inputs) in nodes.items()}


def test_from_a_drawing_to_a_video(server, files):
    run = server.run(graph())
    assert (run.ended, run.message) == ("success", "")
    (video,) = run.outputs["save"]["images"]
    assert (server.base / "output" / video["filename"]).stat().st_size > 0
    assert [step for node, step, _ in run.progress if node == "predict"] == [1, 2]
    assert len(run.previews) >= 4  # two while it predicts, two while it samples


def test_nothing_is_loaded_again(server, files):
    server.run(graph(**{"predict.seed": 2}))
    assert server.run(graph(**{"predict.seed": 2})).executed == []
    another = server.run(graph(**{"predict.seed": 3}))
    assert sorted(another.executed) == ["apply", "decode", "predict", "sample", "save", "video"]
    style = server.run(graph(**{"predict.seed": 3, "sample.seed": 9}))
    assert sorted(style.executed) == ["decode", "sample", "save", "video"]


@pytest.mark.parametrize("node", ["predict", "sample"])
def test_an_interrupt_in_the_middle_leaves_the_host_usable(server, files, node):
    slow = {"predict.steps": 100, "predict.seed": 4} if node == "predict" else {"sample.steps": 500, "sample.seed": 4}
    seen = []

    def stop():
        seen.append(1)
        server.interrupt()

    stopped = server.run(graph(**slow), on_progress=stop)
    assert stopped.ended == "interrupted"
    assert seen
    assert server.run(graph(**{"predict.seed": 5})).ended == "success"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"draw.drawing": "{"}, "drawing"),
        ({"draw.drawing": '{"version": 1, "trajectories": [{"points": "no"}]}'}, "points"),
        ({"predict.frames": 0}, "frames"),
        ({"predict.frames": 99}, "frames"),
        ({"predict.sampler": "magic"}, "sampler"),
        ({"predictor.predictor": "vae_flow.bin"}, "is not the motion predictor of stage 1. It seems to be a flow VAE"),
        ({"flow_vae.flow_vae": "predictor.bin"}, "is not the flow VAE"),
        ({"module.motion_module": "vae_flow.bin"}, "is not a motion module for SD1.5"),
        ({"control.start": 0.9, "control.end": 0.1}, "A control acts from a start to an end"),
        ({"apply.window": 40}, "A window of this motion module has 2 … 16 frames; got 40"),
        ({"apply.window": 3, "apply.overlap": 9}, "Windows of 3 frames overlap by 0 … 1 frames; got 9"),
        ({"apply.model": ["sdxl", 0]}, "Apply Motion Field works on Stable Diffusion 1.5"),
        ({"sample.latent_image": ["encode", 0]}, "Connect the latent of Apply Motion Field to the sampler"),
        ({"predict.vae": ["predictor", 0]}, "MOTION_PREDICTOR"),
    ],
)
def test_what_cannot_be_gets_a_clear_sentence_and_leaves_the_host_usable(server, files, changed, told):
    wrong = graph(**{"predict.seed": 6, **changed})
    if "sdxl" in json.dumps(wrong):
        wrong["sdxl"] = {"class_type": "MiniSDXL", "inputs": {}}
    run = server.run(wrong)
    assert run.ended in ("refused", "error")
    assert told in run.message
    assert not [step for node, step, _ in run.progress if node == "sample"]
    assert server.run(graph(**{"predict.seed": 1})).ended == "success"


def test_a_full_memory_is_told_and_leaves_the_host_usable(server, files):
    full = graph(**{"predict.seed": 7})
    full["full"] = {"class_type": "MiniOutOfMemory", "inputs": {"model": ["apply", 0]}}
    full["sample"]["inputs"]["model"] = ["full", 0]
    run = server.run(full)
    assert run.ended == "error"
    assert "memory" in run.message.lower()
    assert server.run(graph(**{"predict.seed": 8})).ended == "success"


def test_ids_and_the_order_of_inputs_are_kept(server):
    """Saved workflows hold values by position: new inputs go last. Change interface.json only with that in mind."""
    found = {
        name: {
            "inputs": [
                [key, spec[0] if isinstance(spec[0], str) else "COMBO", kind]
                for kind in ("required", "optional")
                for key, spec in node["input"].get(kind, {}).items()
            ],
            "outputs": [list(pair) for pair in zip(node["output"], node["output_name"], strict=True)],
        }
        for name, node in sorted(server.object_info().items())
        if name.startswith("MotionI2V_")
    }
    assert found == json.loads(SNAPSHOT.read_text("utf-8"))
