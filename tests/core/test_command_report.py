"""The command `report`, as a person uses it on a clip that `animate` made."""

import json

import pytest
import torch

from motion_core.field_file import load_field, save_field
from motion_core.picture_file import read_picture
from motion_core.types import MotionField, Size
from motion_core.video_file import read_video, write_video
from tests.command_line import refused, run
from tests.tiny_clip import clip_folder

DRAG = ["--drag", "0.333,0.5 0.5,0.5"]  # 20 px to the right


@pytest.fixture
def animated(photo, tmp_path):
    """The disc goes 20 px to the right in nine frames, as a folder of .png, and the field that moved it."""
    made = ["--frames", 9, "-o", tmp_path / "clip", "--field", tmp_path / "field.safetensors"]
    assert run("animate", photo, *DRAG, *made) == 0
    return tmp_path / "clip", tmp_path / "field.safetensors"


def test_the_table_is_printed_and_json_table_and_plot_are_saved(photo, animated, tmp_path, capsys):
    video, field = animated
    out, table, plot = (tmp_path / name for name in ("report.json", "report.txt", "report.png"))
    saved = ["-o", out, "--table", table, "--plot", plot]
    assert run("report", video, "--field", field, *DRAG, "--picture", photo, "--estimator", "none", *saved) == 0
    printed = capsys.readouterr().out
    report = json.loads(out.read_text("utf-8"))
    assert printed == table.read_text("utf-8")
    assert report["trajectories"][0]["verdict"] in printed
    assert report["metrics"]["share_of_way"]["field"]["value"] == pytest.approx(1, abs=0.03)
    assert report["metrics"]["share_of_way"]["frames"]["reason"] == "no motion was estimated from the frames"
    assert (report["frames"], report["fps"]) == (9, 8)
    assert Size.of(read_picture(plot)).width == 480


def test_tracks_from_a_file_and_a_brush_are_measured(photo, animated, tmp_path, capsys):
    video, field = animated
    tracks = tmp_path / "tracks.json"
    tracks.write_text('[{"x": 40, "y": 40}, {"x": 60, "y": 40}]')
    out = tmp_path / "report.json"
    given = ["--field", field, "--tracks", tracks, "--brush", photo, "--estimator", "none", "-o", out]
    assert run("report", video, *given) == 0
    report = json.loads(out.read_text("utf-8"))
    assert report["trajectories"][0]["field"]["asked_px"] == pytest.approx(20)
    assert "covers the whole picture" in report["metrics"]["drift_outside_brush"]["field"]["reason"]


def test_the_finished_frames_are_tracked(animated, tmp_path):
    pytest.importorskip("cv2")
    video, field = animated
    out = tmp_path / "report.json"
    assert run("report", video, "--field", field, *DRAG, "-o", out) == 0
    report = json.loads(out.read_text("utf-8"))
    head = report["trajectories"][0]
    assert head["believed"] == "frames"
    assert head["frames"]["went_px"] == pytest.approx(20, abs=2)
    assert "DIS" in report["sources"]["frames"]


def test_a_hard_cut_is_told_and_motion_before_it_measured(animated, tmp_path, capsys):
    pytest.importorskip("cv2")
    frames, fps = read_video(animated[0])
    other = torch.rand(3, 3, 80, 120, generator=torch.Generator().manual_seed(0))
    write_video(torch.cat([frames[:6], other]), tmp_path / "cut", fps)
    assert run("report", tmp_path / "cut", *DRAG) == 0
    assert "The clip has a hard cut at frame 6; its motion was measured up to there." in capsys.readouterr().out
    write_video(torch.cat([frames[:1], other]), tmp_path / "torn", fps)
    assert run("report", tmp_path / "torn", *DRAG) == 0
    assert "“trajectory 1” was not measured: " in capsys.readouterr().out


def test_clip_scores_come_from_a_local_folder(photo, animated, tmp_path, capsys):
    clip = clip_folder(tmp_path / "clip-tiny")
    out = tmp_path / "report.json"
    given = ["--estimator", "none", "--clip", clip, "--prompt", "a cat", "--picture", photo, "-o", out]
    assert run("report", animated[0], *given) == 0
    report = json.loads(out.read_text("utf-8"))
    for key in ("frame_consistency", "prompt_consistency", "subject_consistency"):
        assert isinstance(report["metrics"][key]["frames"]["value"], float)
        assert report["metrics"][key]["frames"]["features"].startswith("CLIP clip-tiny")


def test_without_clip_the_report_says_so(animated, capsys):
    assert run("report", animated[0], "--estimator", "none") == 0
    assert "not measured: no CLIP model given" in capsys.readouterr().out


def test_the_frames_per_second_may_be_told(animated, tmp_path):
    out = tmp_path / "report.json"
    told = ["--estimator", "none", "--field", animated[1], "--fps", 24, "-o", out]
    assert run("report", animated[0], *told) == 0
    assert json.loads(out.read_text("utf-8"))["metrics"]["dynamic_degree"]["field"]["every"] == 3


def test_a_field_of_another_size_and_count_is_fitted_and_it_is_said(animated, tmp_path, capsys):
    field = load_field(animated[1]).resized(Size(40, 60)).retimed(5)
    save_field(field, tmp_path / "other.npz")
    given = ["--field", tmp_path / "other.npz", *DRAG, "--estimator", "none"]
    assert run("report", animated[0], *given) == 0
    printed = capsys.readouterr().out
    assert "has 5 frames, the clip 9; it was retimed" in printed
    assert "is 60×40, the clip 120×80; it was resized" in printed


def test_a_clip_of_one_frame_is_reported_without_numbers_of_motion(tmp_path, capsys):
    write_video(torch.rand(1, 3, 40, 60), tmp_path / "one", 8)
    save_field(MotionField.still(Size(40, 60), frames=5), tmp_path / "field.npz")
    assert run("report", tmp_path / "one", "--field", tmp_path / "field.npz", "--estimator", "none") == 0
    assert len(read_video(tmp_path / "one")[0]) == 1
    assert "only one frame" in capsys.readouterr().out


def test_misuse_gets_one_sentence_and_leaves_nothing(photo, animated, tmp_path, capsys):
    video, field = animated
    before = sorted(path.name for path in tmp_path.iterdir())
    none = ["--estimator", "none"]
    misuses = [
        ([tmp_path / "nope.mp4", *none], "nope.mp4"),
        ([photo, *none, "-o", tmp_path / "report.txt"], "saved as .json"),
        ([video, *none, "--plot", tmp_path / "plot.gif"], "saved as .png"),
        ([video, *none, "--field", tmp_path / "nope.npz"], "nope.npz"),
        ([video, *none, "--tracks", field], "field.safetensors"),
        ([video, *none, "--clip", tmp_path / "nowhere"], "no folder"),
        ([video, *none, "--fps", "0"], "more than zero frames a second"),
        ([video, "--estimator", "crystal ball"], "crystal ball"),
        ([video, "--estimator", "raft"], "weights"),
        ([video, *none, "-o", tmp_path / "none" / "report.json"], "there is no folder"),
    ]
    for arguments, sentence in misuses:
        assert sentence in refused(capsys, "report", *arguments)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
