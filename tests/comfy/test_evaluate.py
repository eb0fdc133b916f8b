"""Motion Report on a real ComfyUI: the core's own report, in ComfyUI's words."""

import json
import sys

import pytest
import torch
from PIL import Image

from tests.comfy.test_source_video import shot
from tests.tiny_clip import SIDE, clip_folder

CHOSEN = {"estimator": "dis", "fps": 8.0, "prompt": "", "clip_model": "none"}


def report_of(host, images, **given):
    """report (JSON read), table, plot."""
    told, table, plot = host.run("MotionReport", images=images, **(CHOSEN | given))
    return json.loads(told), table, plot


def value(report, key, source="frames"):
    return report["metrics"][key][source]["value"]


@pytest.fixture
def opencv():
    pytest.importorskip("cv2")


@pytest.fixture
def asked(host):
    """A point in the middle is asked to go where the shot takes it: 9 pixels right, 6 down."""
    types, tracks = host.module("motion_core.types"), host.module("motion_core.tracks")
    return tracks.Tracks((types.Trajectory([(0.5, 0.5), (0.5 + 9 / 128, 0.5 + 6 / 96)], name="middle"),))


@pytest.fixture
def drawn(host):
    """A field in which everything goes as in the shot."""
    share = torch.linspace(0, 1, 4).view(-1, 1, 1, 1)
    way = torch.tensor([9.0, 6.0]).view(1, 2, 1, 1)
    return host.module("motion_core.types").MotionField((share * way).expand(4, 2, 96, 128).clone())


@pytest.fixture(scope="session")
def clip_model(host):
    """The name of a tiny CLIP's folder in models/clip_scores."""
    folder = host.base / "models" / "clip_scores" / "tiny"
    if not folder.is_dir():
        clip_folder(folder)
    return folder.name


def test_what_went_where_it_was_asked_has_no_error(host, opencv, asked, drawn):
    report, table, plot = report_of(host, shot(), trajectories=asked, motion_field=drawn)
    for source in ("frames", "field"):
        assert value(report, "trajectory_error", source) < 0.3
        assert value(report, "share_of_way", source) == pytest.approx(1, abs=0.05)
    assert value(report, "average_displacement", "field") == pytest.approx(2 / 3 * 117**0.5, abs=0.01)
    assert "“middle”" in table
    assert plot.ndim == 4
    assert (plot.shape[0], plot.shape[-1]) == (1, 3)
    assert 0 <= plot.min() < plot.max() <= 1


def test_what_went_the_other_way_is_told(host, opencv, drawn):
    types, tracks = host.module("motion_core.types"), host.module("motion_core.tracks")
    left = tracks.Tracks((types.Trajectory([(0.5, 0.5), (0.5 - 9 / 128, 0.5 - 6 / 96)]),))
    report, _, _ = report_of(host, shot(), trajectories=left)
    assert value(report, "share_of_way") < -0.8
    assert value(report, "direction_error") > 170


def test_it_is_the_cores_own_report(host, opencv, asked, drawn):
    images, brush = shot(), torch.zeros(1, 96, 128)
    brush[:, :, :64] = 1
    report, table, plot = report_of(
        host, images, trajectories=asked, motion_field=drawn, motion_brush=brush, image=images[:1], fps=4.0
    )
    flow, source = host.module("motion_core.optical_flow"), host.module("motion_core.source_video")
    frames, dis = images.movedim(-1, 1).contiguous(), flow.estimator_named("dis")
    own = host.module("motion_core.report").report_on(
        frames,
        field=drawn,
        found=source.motion_from_video(frames, dis),
        estimator=dis,
        trajectories=asked.trajectories,
        region=brush[0],
        picture=frames[0],
        fps=4.0,
    )
    assert report == json.loads(json.dumps(own.json()))
    assert table == own.table()
    assert plot[0].equal(own.plot(frames[0]).movedim(0, -1))
    assert value(report, "drift_outside_brush", "field") == pytest.approx(2 / 3 * 117**0.5, abs=0.01)


def test_without_a_brush_a_drawing_or_a_field_the_rest_is_measured(host, opencv):
    report, table, _ = report_of(host, shot())
    assert value(report, "average_displacement") == pytest.approx(2 / 3 * 117**0.5, abs=0.5)
    assert value(report, "trajectory_error") is None
    assert "no trajectory given" in table


def test_without_opencv_the_rest_is_measured_and_it_is_said_what_to_install(host, monkeypatch, drawn):
    monkeypatch.setitem(sys.modules, "cv2", None)
    report, table, _ = report_of(host, shot(), motion_field=drawn)
    assert value(report, "average_displacement") is None
    assert value(report, "average_displacement", "field") > 0
    assert "pip install opencv-python-headless" in table


def test_without_an_estimator_the_field_alone_is_measured(host, monkeypatch, drawn):
    monkeypatch.setitem(sys.modules, "cv2", None)  # which is not needed then
    report, _, _ = report_of(host, shot(), motion_field=drawn, estimator="none")
    assert value(report, "average_displacement") is None
    assert value(report, "average_displacement", "field") > 0


def test_every_setting_of_dis_is_offered(host, opencv):
    for name in ("dis-fast", "dis-fine"):
        report, _, _ = report_of(host, shot(), estimator=name)
        assert report["sources"]["frames"] == f"DIS {name.removeprefix('dis-')}"
    declared = host.nodes["MotionI2V_MotionReport"].GET_NODE_INFO_V1()["input"]["required"]["estimator"]
    offered = declared[1]["options"] if declared[0] == "COMBO" else declared[0]
    assert offered == ["dis", "dis-fast", "dis-fine", "none"]


def test_images_are_not_copied_but_what_is_beyond_white_is_cut_and_alpha_left_out(host):
    frames = sys.modules[host.nodes["MotionI2V_MotionReport"].__module__]._frames
    images = shot(3)
    assert frames(images).data_ptr() == images.data_ptr()
    assert frames(images).equal(images.movedim(-1, 1))
    assert frames(images * 3).max() == 1
    assert frames(torch.cat([images, images[..., :1]], dim=-1)).equal(images.movedim(-1, 1))
    assert frames(images[..., :1]).equal(images[..., :1].movedim(-1, 1).expand(-1, 3, -1, -1))


def test_a_cut_is_told_and_the_rest_is_measured(host, opencv):
    later, _, _ = report_of(host, torch.cat([shot(3), shot(3, seed=5)]))
    assert any("hard cut at frame 3" in note for note in later["notes"])
    assert value(later, "average_displacement") > 0
    at_once, table, _ = report_of(host, torch.cat([shot(1), shot(3, seed=5)]))
    assert value(at_once, "average_displacement") is None
    assert "hard cut" in table


def test_one_image_is_a_report_of_what_one_image_says(host, opencv):
    report, _, _ = report_of(host, shot(1))
    assert report["frames"] == 1
    assert value(report, "average_displacement") is None


def test_no_image_at_all_is_told(host):
    with pytest.raises(Exception, match=r"got \[0, 96, 128, 3\]"):
        report_of(host, shot(1)[:0])


def test_a_clip_model_sees_and_reads(host, clip_model):
    images = shot(3)
    report, _, _ = report_of(host, images, estimator="none", clip_model=clip_model, prompt="a cat", image=images[:1])
    own = host.module("motion_core.clip_scores").ClipModel.load(host.base / "models" / "clip_scores" / clip_model)
    features = own.images(images.movedim(-1, 1))
    metrics = host.module("motion_core.metrics")
    assert value(report, "frame_consistency") == pytest.approx(metrics.frame_consistency(features), abs=1e-5)
    read = metrics.prompt_consistency(features, own.text("a cat"))
    assert value(report, "prompt_consistency") == pytest.approx(read, abs=1e-4)
    assert value(report, "subject_consistency") > 0
    assert "tiny" in report["sources"]["image_features"]


def test_every_folder_of_a_clip_is_offered(host, clip_model):
    (host.base / "models" / "clip_scores" / "no clip").mkdir(exist_ok=True)
    declared = host.nodes["MotionI2V_MotionReport"].GET_NODE_INFO_V1()["input"]["required"]["clip_model"]
    assert (declared[1]["options"] if declared[0] == "COMBO" else declared[0]) == ["none", clip_model]


@pytest.fixture
def clip_vision(host, tmp_path):
    """ComfyUI's own CLIP Vision with a few channels."""
    import comfy.clip_vision

    from tests.comfy import miniature_nodes

    config = {
        "num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 64,
        "hidden_act": "quick_gelu", "num_channels": 3, "image_size": SIDE, "patch_size": 8, "projection_dim": 16,
        "layer_norm_eps": 1e-5, "model_type": "clip_vision_model",
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    made = comfy.clip_vision.ClipVisionModel(tmp_path / "config.json")
    miniature_nodes.fill(made.model, 0)
    return made


def test_comfyuis_clip_vision_sees_but_does_not_read(host, clip_vision):
    images = shot(3)
    report, table, _ = report_of(
        host, images, estimator="none", clip_vision=clip_vision, prompt="a cat", image=images[:1]
    )
    embeds = clip_vision.encode_image(images)["image_embeds"]
    own = host.module("motion_core.metrics").frame_consistency(embeds)
    assert value(report, "frame_consistency") == pytest.approx(own, abs=1e-5)
    assert value(report, "subject_consistency") > 0
    assert value(report, "prompt_consistency") is None
    assert report["sources"]["image_features"] == f"ComfyUI's CLIP Vision ({SIDE} px)"
    assert f"prompt consistency: not measured: ComfyUI's CLIP Vision ({SIDE} px) sees but cannot read" in table


def test_the_node_shows_the_table_and_the_plot(host, drawn):
    node = host.nodes["MotionI2V_MotionReport"]
    output = node.execute(images=shot(), **(CHOSEN | {"estimator": "none"}), motion_field=drawn)
    shown = output.ui
    assert shown["text"] == (output.args[1],)
    (made,) = shown["images"]
    with Image.open(host.base / "temp" / made["subfolder"] / made["filename"]) as plot:
        assert (plot.height, plot.width) == tuple(output.args[2].shape[1:3])


def test_progress_is_told_and_an_interrupt_ends_it(host, opencv):
    import comfy.model_management
    import comfy.utils

    told = []
    comfy.utils.set_progress_bar_global_hook(lambda done, total, *_, **__: told.append((done, total)))
    try:
        report_of(host, shot(3))
    finally:
        comfy.utils.set_progress_bar_global_hook(None)
    assert (told[0], told[-1]) == ((1, 3), (3, 3)), "ComfyUI leaves out what comes too fast"
    comfy.model_management.interrupt_current_processing()
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        report_of(host, shot(3))
