"""The command `report`, as a person uses it on a clip that `animate` made."""

import json
import sys
import weakref

import pytest
import torch

from motion_core.commands.report import together
from motion_core.errors import MotionError
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


def test_pixels_of_tracks_are_those_of_the_picture_or_it_is_said_which_they_were_taken_for(photo, animated, tmp_path):
    tracks, out = tmp_path / "tracks.json", tmp_path / "report.json"
    tracks.write_text('[{"x": 40, "y": 40}, {"x": 60, "y": 40}]')
    small = ["--field", animated[1], "--tracks", tracks, "--estimator", "none", "--size", "60x40", "-o", out]

    def told():
        report = json.loads(out.read_text("utf-8"))
        return report["trajectories"][0]["field"]["asked_px"], [note for note in report["notes"] if "tracks" in note]

    assert run("report", animated[0], *small) == 0
    asked, (note,) = told()
    assert asked == pytest.approx(10)  # half the size, but they are pixels of the clip
    assert "they are read as those of 120×80" in note
    assert run("report", animated[0], *small, "--picture", photo) == 0
    assert told()[1] == []
    tracks.write_text("[[[0.333, 0.5], [0.5, 0.5]]]")
    assert run("report", animated[0], *small) == 0
    asked, notes = told()
    assert (asked, notes) == (pytest.approx(10, abs=0.1), [])


def test_a_clip_may_be_measured_in_part_and_smaller(animated, tmp_path):
    video, field = animated
    out = tmp_path / "report.json"
    drag = ["--drag", "0.333,0.5 0.5,0.5", "--easing", "linear"]
    some = ["--read", 5, "--size", "60x40", "--estimator", "none", "-o", out]
    assert run("report", video, "--field", field, *drag, *some) == 0
    report = json.loads(out.read_text("utf-8"))
    assert (report["frames"], report["size"], report["fps"]) == (5, {"width": 60, "height": 40}, 8)
    assert report["trajectories"][0]["field"]["asked_px"] == pytest.approx(5, abs=0.05)  # of half, half
    assert "The clip is 120×80; it is measured at 60×40, in whose pixels all lengths are." in report["notes"]
    assert "Of the clip's 9 frames only the first 5 are measured, by what was asked until then." in report["notes"]


def test_a_clip_that_breaks_off_is_measured_by_what_was_asked_until_then(animated, tmp_path, monkeypatch):
    def breaking(path, *, frames):
        yield from read_video(path, frames=min(frames or 5, 5))[0]

    monkeypatch.setattr("motion_core.commands.report.stream_video", breaking)
    out = tmp_path / "report.json"
    given = ["--field", animated[1], *DRAG, "--easing", "linear", "--estimator", "none", "-o", out]

    def told(*more):
        assert run("report", animated[0], *given, *more) == 0
        report = json.loads(out.read_text("utf-8"))
        return report["trajectories"][0]["field"]["asked_px"], report["notes"]

    part = "Of the clip's 9 frames only the first {} measured, by what was asked until then."
    broken = "The file breaks off: 5 of its 9 frames could be read."
    assert told() == (pytest.approx(10, abs=0.1), [broken, part.format("5 are")])
    assert told("--read", 8)[1] == [broken, part.format("5 are")]
    assert told("--read", 5)[1] == [part.format("5 are")]
    assert told("--read", 1)[1] == [part.format("is")]


def test_a_clip_is_gathered_once_and_refused_before_it_fills_the_memory(monkeypatch):
    frames = [torch.full((3, 2, 2), float(number)) for number in range(5)]
    for said in (0, 3, 5, 8):  # frames that were said to come
        assert together(iter(frames), said).equal(torch.stack(frames))
    monkeypatch.setattr("motion_core.commands.report.MOST_BYTES", 5 * 12 * 4)  # of float32, four bytes a value
    assert len(together(iter(frames), 5)) == 5
    monkeypatch.setattr("motion_core.commands.report.MOST_BYTES", 5 * 12 * 4 - 1)
    for said in (5, 0):
        with pytest.raises(MotionError, match="too long for the memory"):
            together(iter(frames), said)
    stream = iter(frames)
    with pytest.raises(MotionError, match="too long"):
        together(stream, 5)
    assert next(stream)[0, 0, 0] == 1, "it is refused at the first frame"


def test_no_frame_of_a_clip_is_in_memory_twice():
    alive = []

    def made():
        for number in range(6):
            frame = torch.full((3, 2, 2), float(number))
            alive.append(weakref.ref(frame))
            assert sum(each() is not None for each in alive) <= 2
            yield frame
            del frame

    together(made(), 6)
    assert len(alive) == 6


def test_frames_are_resized_while_they_are_read(animated, tmp_path, monkeypatch):
    alive = []

    def streamed(path, *, frames):
        for frame in read_video(path, frames=frames)[0]:
            copy = frame.clone()
            alive.append(weakref.ref(copy))
            assert sum(each() is not None for each in alive) <= 3  # the first, the one before, this one
            yield copy
            del copy

    monkeypatch.setattr("motion_core.commands.report.stream_video", streamed)
    assert run("report", animated[0], "--size", "60x40", "--estimator", "none") == 0
    assert len(alive) == 9


def test_without_opencv_the_field_is_measured_and_it_is_said_what_to_install(animated, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert run("report", animated[0], "--field", animated[1], *DRAG) == 0
    printed = capsys.readouterr().out
    assert "“trajectory 1” went " in printed
    assert "pip install opencv-python-headless" in printed


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
        ([video, "--estimator", "raft"], "weights"),
        ([video, *none, "--read", 0], "At least one frame"),
    ]
    nowhere, absent = tmp_path / "none", tmp_path / "absent.mp4"  # told before the clip is looked for
    misuses += [([absent, *none, option, nowhere / "f.json"], "there is no folder") for option in ("-o", "--table")]
    misuses += [
        ([absent, *none, "--plot", nowhere / "f.png"], "there is no folder"),
        ([absent, *none, "--fps", "0"], "more than zero frames a second"),
        ([absent, *none, "--size", "512"], "WIDTHxHEIGHT"),
        ([absent, "--estimator", "crystal ball"], "crystal ball"),
        ([absent, *none, "--picture", tmp_path / "nope.png"], "nope.png"),
    ]
    for arguments, sentence in misuses:
        assert sentence in refused(capsys, "report", *arguments)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
