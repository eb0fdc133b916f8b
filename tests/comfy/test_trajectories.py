"""Drawing, reading, writing and saving trajectories, and camera motion, on a real ComfyUI."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

DRAWING = {
    "version": 1,
    "trajectories": [{"points": [[0.25, 0.5], [0.75, 0.5]], "easing": "in_out"}],
    "brush": {"size": [4, 2], "move": [0, 2, 2, 2]},
}
KJ = json.dumps([[{"x": 128, "y": 160}, {"x": 384, "y": 160}]])  # pixels of 512×320
ENDS = ((0.25, 0.5), (0.75, 0.5))
IMAGE = torch.zeros(1, 320, 512, 3)


@pytest.fixture
def drawn(host):
    """One trajectory on a picture of 512×320."""
    return host.run("DrawTrajectories", image=IMAGE, drawing=json.dumps(DRAWING))[0]


def read(host, *text, coordinates="auto", **others):
    return host.run(
        "TrajectoriesFromTracks", text=list(text), coordinates=[coordinates], **{k: [v] for k, v in others.items()}
    )


def error_of(host):
    return host.module("motion_core.errors").MotionError


# Draw Trajectories


def test_a_drawing_becomes_trajectories_on_its_picture_and_a_brush_of_its_size(host):
    trajectories, brush, text = host.run("DrawTrajectories", image=IMAGE, drawing=json.dumps(DRAWING))
    assert [t.points for t in trajectories.trajectories] == [ENDS]
    assert trajectories.size == (320, 512)
    assert brush.shape == (1, 320, 512)
    assert (brush[0, :, :256] == 1).all()
    assert not brush[0, :, 256:].any()
    assert json.loads(text) == {**DRAWING, "size": [512, 320]}


def test_nothing_drawn_is_no_error_and_everything_may_move(host):
    trajectories, brush, _ = host.run("DrawTrajectories", image=IMAGE, drawing="")
    assert trajectories.trajectories == ()
    assert brush.shape == (1, 320, 512)
    assert (brush == 1).all()


def test_a_broken_drawing_is_told_before_anything_runs(host):
    node = host.nodes["MotionI2V_DrawTrajectories"]
    assert node.validate_inputs(drawing=json.dumps(DRAWING)) is True
    assert node.validate_inputs() is True, "it comes from another node"
    assert "broken JSON" in node.validate_inputs(drawing='{"trajectories": [')
    assert "Number 2 of the brush" in node.validate_inputs(
        drawing=json.dumps({**DRAWING, "brush": {"size": [4, 2], "move": [7, 2]}})
    )
    assert "covers everything that may move" in node.validate_inputs(
        drawing=json.dumps({**DRAWING, "brush": {"size": [4, 2], "still": [0, 8]}})
    )


def test_what_is_held_still_is_left_out_of_the_brush_and_its_edge_is_as_soft_as_drawn(host):
    brush = {"size": [4, 2], "still": [0, 2, 2, 2], "softness": 0.05}
    _, region, _ = host.run("DrawTrajectories", image=IMAGE, drawing=json.dumps({**DRAWING, "brush": brush}))
    assert region.shape == (1, 320, 512)
    assert region[0, :, :128].max() < 0.01
    assert region[0, :, 384:].min() > 0.99
    assert (region[0, :, 255:257] - 0.5).abs().max() < 0.02


def test_a_hidden_trajectory_moves_nothing_and_is_given_back_with_all_that_the_canvas_knows(host):
    entries = [{"points": [[0.1, 0.1]], "hidden": True}, {**DRAWING["trajectories"][0], "color": "#e69f00"}]
    drawing = {**DRAWING, "trajectories": entries}
    trajectories, _, text = host.run("DrawTrajectories", image=IMAGE, drawing=json.dumps(drawing))
    assert [t.points for t in trajectories.trajectories] == [ENDS]
    assert json.loads(text) == {**drawing, "size": [512, 320]}


@pytest.mark.parametrize(
    ("size", "shown"), [((320, 512), (320, 512)), ((3000, 4096), (1500, 2048)), ((5000, 8), (2048, 3))]
)
def test_the_canvas_is_shown_the_picture_after_a_run_without_a_preview_of_the_node(host, size, shown):
    image = torch.zeros(2, *size, 3)  # frames, of which the first is drawn on
    image[0, : size[0] // 2, :, 0] = 1
    output = host.nodes["MotionI2V_DrawTrajectories"].execute(image=image, drawing="")
    assert list(output.ui) == ["motion_i2v_picture"], "any other key would be a preview"
    (place,) = output.ui["motion_i2v_picture"]
    assert place["type"] == "temp"
    with Image.open(folder_of_temp() / place["subfolder"] / place["filename"]) as picture:
        assert picture.size == shown[::-1]
        assert picture.info == {}, "no prompt is in it"
        pixels = np.asarray(picture)
    assert (pixels[: shown[0] // 2 - 2, :, 0] > 250).all()
    assert (pixels[shown[0] // 2 + 2 :, :, 0] < 5).all()
    assert output.args[1].shape == (1, *size), "only what is shown is smaller"


def folder_of_temp():
    import folder_paths

    return Path(folder_paths.get_temp_directory())


# Trajectories from Tracks, Load Tracks


def test_coordinates_of_kj_are_pixels_of_the_picture(host):
    trajectories, summary = read(host, KJ, image=IMAGE)
    assert [t.points for t in trajectories.trajectories] == [ENDS]
    assert "pixels" in summary


def test_coordinates_can_be_said_to_be_shares_of_the_picture(host):
    shares = json.dumps([[{"x": 0.25, "y": 0.5}, {"x": 0.75, "y": 0.5}]])
    trajectories, _ = read(host, shares, coordinates="0 to 1")
    assert [t.points for t in trajectories.trajectories] == [ENDS]
    in_pixels, _ = read(host, shares, coordinates="pixels", image=IMAGE)
    assert in_pixels.trajectories[0].points[1] == pytest.approx((0.75 / 512, 0.5 / 320))


def test_a_list_of_texts_is_a_track_each_however_it_arrives(host):
    texts = [json.dumps([{"x": 128, "y": y}, {"x": 384, "y": y}]) for y in (160, 80)]
    as_list_output, _ = read(host, *texts, image=IMAGE)  # as CoTracker's node makes them
    as_one_value, _ = read(host, texts, image=IMAGE)  # as Tora's
    assert [t.points[0] for t in as_list_output.trajectories] == [(0.25, 0.5), (0.25, 0.25)]
    assert as_one_value.trajectories == as_list_output.trajectories


def test_tracks_of_wan_move_come_back_as_they_were_exported(host, drawn):
    tracks, _, _ = host.run("ExportTracks", trajectories=drawn, format="kj", width=0, height=0, frames=5)
    back, _ = read(host, "", tracks=tracks, image=IMAGE)
    np.testing.assert_allclose(back.sampled(5)[0], drawn.sampled(5)[0], atol=1e-6)


def test_neither_tracks_nor_text_is_a_clear_sentence_and_so_are_both(host, drawn):
    with pytest.raises(error_of(host), match="got 0 of them"):
        read(host, " \n")
    tracks, _, _ = host.run("ExportTracks", trajectories=drawn, format="kj", width=0, height=0, frames=5)
    with pytest.raises(error_of(host), match="got 2 of them"):
        read(host, KJ, tracks=tracks, image=IMAGE)


def test_a_text_is_never_taken_for_the_path_of_a_file(host, tmp_path):
    secret = tmp_path / "secret.json"
    secret.write_text(KJ)
    with pytest.raises(error_of(host), match="neither JSON nor lines"):
        read(host, str(secret), image=IMAGE)


def test_files_of_the_input_folder_are_offered_read_and_read_again_when_they_change(host):
    node, folder = host.nodes["MotionI2V_LoadTracks"], host.base / "input"
    folder.mkdir(exist_ok=True)
    (folder / "kj.json").write_text(KJ)
    (folder / "picture.png").write_bytes(b"")
    offered = node.GET_SCHEMA().inputs[0].options
    assert "kj.json" in offered
    assert "picture.png" not in offered
    trajectories, _ = host.run("LoadTracks", file="kj.json", coordinates="auto", image=IMAGE)
    assert [t.points for t in trajectories.trajectories] == [ENDS]
    before = node.fingerprint_inputs(file="kj.json", coordinates="auto")
    assert node.fingerprint_inputs(file="kj.json", coordinates="auto") == before
    (folder / "kj.json").write_text(KJ + " ")
    assert node.fingerprint_inputs(file="kj.json", coordinates="auto") != before


def test_no_file_outside_comfyuis_folders_is_read(host, tmp_path):
    with pytest.raises(error_of(host), match="not in ComfyUI's input folder"):
        host.run("LoadTracks", file="../../secret.json", coordinates="auto")
    (tmp_path / "kj.json").write_text(KJ)
    with pytest.raises(error_of(host), match="not in ComfyUI's input folder"):
        host.run("LoadTracks", file=str(tmp_path / "kj.json"), coordinates="auto", image=IMAGE)


# Export Tracks, Save Tracks


def test_an_export_is_the_cores_own_and_in_pixels(host, drawn):
    tracks, text, _ = host.run("ExportTracks", trajectories=drawn, format="kj", width=256, height=160, frames=3)
    assert tracks["track_path"][:, 0].tolist() == [[64, 80], [128, 80], [192, 80]]
    assert tracks["track_visibility"].all()
    assert json.loads(text) == [[{"x": 64.0, "y": 80.0}, {"x": 128.0, "y": 80.0}, {"x": 192.0, "y": 80.0}]]


def test_the_size_left_at_0_is_that_of_the_picture_drawn_on(host, drawn):
    tracks, _, _ = host.run("ExportTracks", trajectories=drawn, format="kj", width=0, height=0, frames=0)
    assert tracks["track_path"].shape == (16, 1, 2)
    assert tracks["track_path"][0, 0].tolist() == [128, 160]


def test_a_size_that_nobody_knows_is_asked_for(host):
    trajectories, _ = read(host, json.dumps([[[0.25, 0.5], [0.75, 0.5]]]), coordinates="0 to 1")
    for width, height in ((0, 0), (512, 0)):
        with pytest.raises(error_of(host), match="Give both"):
            host.run("ExportTracks", trajectories=trajectories, format="kj", width=width, height=height, frames=4)


def test_tora_gets_a_list_of_texts(host, drawn):
    _, texts, _ = host.run("ExportTracks", trajectories=drawn, format="tora", width=0, height=0, frames=4)
    assert [len(json.loads(text)) for text in texts] == [4]


def test_a_track_that_wan_move_cannot_take_is_still_exported_as_text(host):
    from comfy_execution.graph_utils import ExecutionBlocker

    trajectories, _ = read(host, json.dumps([[{"x": -40, "y": 9}, {"x": 40, "y": 9}]]), image=IMAGE)
    tracks, text, notes = host.run("ExportTracks", trajectories=trajectories, format="kj", width=0, height=0, frames=2)
    assert json.loads(text) == [[{"x": -40.0, "y": 9.0}, {"x": 40.0, "y": 9.0}]]
    assert isinstance(tracks, ExecutionBlocker)
    assert "visible inside the picture in the first frame" in tracks.message
    assert tracks.message in notes


def test_every_text_format_is_text_or_says_why_not(host, drawn):
    formats = host.nodes["MotionI2V_ExportTracks"].GET_SCHEMA().inputs[1].options
    assert {"kj", "ati", "tora", "json", "ig"} <= set(formats)
    assert not {"tracks", "wanmove", "ati_pth", "cotracker"} & set(formats)
    for format in formats:
        _, text, _ = host.run("ExportTracks", trajectories=drawn, format=format, width=0, height=0, frames=4)
        assert isinstance(text, list if format == "tora" else str)


def test_saved_tracks_are_numbered_and_can_be_loaded(host, drawn):
    order = {"trajectories": drawn, "width": 0, "height": 0, "frames": 5, "filename_prefix": "motion_i2v/take"}
    first, second = (host.run("SaveTracks", format="cotracker", **order) for _ in range(2))
    assert first.endswith("take_00001_.npz")
    assert second.endswith("take_00002_.npz")
    offered = host.nodes["MotionI2V_LoadTracks"].GET_SCHEMA().inputs[0].options
    assert "motion_i2v/take_00002_.npz [output]" in offered
    back, _ = host.run("LoadTracks", file="motion_i2v/take_00002_.npz [output]", coordinates="auto", image=IMAGE)
    np.testing.assert_allclose(back.sampled(5)[0], drawn.sampled(5)[0], atol=1e-6)


def test_a_pair_of_files_is_saved_and_numbered_together(host, drawn):
    order = {"trajectories": drawn, "width": 0, "height": 0, "frames": 5, "filename_prefix": "motion_i2v/wan"}
    paths = host.run("SaveTracks", format="wanmove", **order).splitlines()
    assert [Path(path).name for path in paths] == ["wan_00001__tracks.npy", "wan_00001__visibility.npy"]
    assert "00002" in host.run("SaveTracks", format="wanmove", **order)


@pytest.mark.parametrize("prefix", ["../stolen", "/tmp/stolen", "", "   ", "motion_i2v/.."])
def test_nothing_is_saved_outside_the_output_folder(host, drawn, prefix):
    told = host.nodes["MotionI2V_SaveTracks"].validate_inputs(filename_prefix=prefix)
    assert isinstance(told, str)
    assert "name" in told
    with pytest.raises(error_of(host)):
        host.run("SaveTracks", trajectories=drawn, format="json", width=0, height=0, frames=5, filename_prefix=prefix)
    assert host.nodes["MotionI2V_SaveTracks"].validate_inputs(filename_prefix="motion_i2v/take") is True


# Camera Motion

CAMERA = {
    "zoom": 1.5, "pan_x": 0.25, "pan_y": -0.5, "rotate": 0.0, "centre_x": 0.5, "centre_y": 0.5, "easing": "linear",
}  # fmt: skip


def test_the_camera_moves_the_whole_picture(host):
    field = host.run("CameraMotion", **CAMERA, frames=3, width=8, height=4)
    assert field.displacement.shape == (3, 2, 4, 8)
    x = torch.arange(8) + 0.5
    torch.testing.assert_close(field.displacement[-1, 0, 0], (x - 4) * 0.5 + 0.25 * 8)
    y = torch.arange(4) + 0.5
    torch.testing.assert_close(field.displacement[-1, 1, :, 0], (y - 2) * 0.5 - 0.5 * 4)


def test_the_field_of_a_camera_has_the_size_of_its_picture(host):
    field = host.run("CameraMotion", **CAMERA, frames=3, width=8, height=4, image=torch.zeros(1, 6, 10, 3))
    assert field.size == (6, 10)


def test_a_page_opened_anew_is_sent_the_picture_of_a_kept_run_where_the_host_can(host):
    node = host.module("nodes.trajectories").DrawTrajectories
    if not hasattr(node, "HAS_INTERMEDIATE_OUTPUT"):
        pytest.skip("This ComfyUI sends what kept nodes show only of output nodes.")
    assert node.HAS_INTERMEDIATE_OUTPUT
    assert not node.OUTPUT_NODE
