"""track as a newcomer uses and misuses it."""

import pytest
import torch

from motion_core.field_file import load_field
from motion_core.picture_file import read_picture
from motion_core.types import Size
from motion_core.video_file import read_video, write_video
from tests.command_line import refused, run
from tests.filmed import texture

pytest.importorskip("cv2")


@pytest.fixture(scope="module")
def shot():
    """Nine frames of a texture that goes 2 px right a frame."""
    ground = texture(100, 160)
    return [ground[:, :96, 20 - 2 * i : 148 - 2 * i] for i in range(9)]


@pytest.fixture(scope="module")
def video(shot, tmp_path_factory):
    return write_video(shot, tmp_path_factory.mktemp("video") / "shot.mp4", 8)


def middle(field):
    return field.displacement[-1, :, 30:60, 40:80].mean(dim=(1, 2)).tolist()


def test_the_motion_of_a_video_is_saved_and_summed_up(video, tmp_path, capsys):
    assert run("track", video, "-o", tmp_path / "field.safetensors") == 0
    field = load_field(tmp_path / "field.safetensors")
    assert (field.frames, field.size) == (9, Size(96, 128))
    assert middle(field) == pytest.approx([16, 0], abs=0.3)
    said = capsys.readouterr().err
    assert "9 frames of 128×96" in said
    assert "seen of the first frame" in said


def test_motion_is_retimed_and_resized_and_the_first_frame_and_masks_are_kept(video, tmp_path):
    given = ["--frames", 5, "--size", "64x48", "--first", tmp_path / "first.png", "--seen", tmp_path / "seen"]
    assert run("track", video, "-o", tmp_path / "field.npz", *given) == 0
    field = load_field(tmp_path / "field.npz")
    assert (field.frames, field.size) == (5, Size(48, 64))
    assert field.displacement[-1, 0, 16:30, 20:40].mean() == pytest.approx(8, abs=0.3)
    torch.testing.assert_close(read_picture(tmp_path / "first.png"), read_video(video)[0][0], atol=0.003, rtol=0)
    masks, _ = read_video(tmp_path / "seen")
    assert masks.shape == (5, 3, 48, 64)
    assert (masks[0] == 1).all()
    assert (masks[-1, :, :, -7:] == 0).all()


def test_only_the_first_frames_are_used_when_asked(video, tmp_path):
    assert run("track", video, "-o", tmp_path / "f.safetensors", "--read", 4, "--method", "direct") == 0
    assert middle(load_field(tmp_path / "f.safetensors")) == pytest.approx([6, 0], abs=0.3)


def test_a_cut_is_refused_or_the_motion_ends_before_it(shot, tmp_path, capsys):
    cut = write_video([*shot[:3], *[texture(96, 128, seed=5)] * 3], tmp_path / "cut.mp4", 8)
    said = refused(capsys, "track", cut, "-o", tmp_path / "f.safetensors")
    assert "Nothing of frame 2 is found again in frame 3: a hard cut" in said
    assert not (tmp_path / "f.safetensors").exists()
    assert run("track", cut, "-o", tmp_path / "f.safetensors", "--at-cut", "stop") == 0
    assert load_field(tmp_path / "f.safetensors").frames == 3


def test_misuse_is_told_before_the_work(video, shot, tmp_path, capsys):
    (tmp_path / "weights.safetensors").write_bytes(b"not a field")
    one = write_video(shot[:1], tmp_path / "one.mp4", 8)
    output = ["-o", tmp_path / "f.safetensors"]
    for arguments, told in (
        ([tmp_path / "none.mp4", *output], "There is no video"),
        ([one, *output], "two frames at least; got 1"),
        ([video, "-o", tmp_path / "f.mp4"], "is saved as .safetensors, .npz, .flo or a folder"),
        ([video, "-o", tmp_path / "weights.safetensors"], "is no motion field; it is not replaced"),
        ([video, *output, "--first", "first.tiff"], "first frame is saved as"),
        ([video, *output, "--seen", "seen.mov"], "A video is written as"),
        ([video, *output, "--estimator", "magic"], "dis, dis-fast, dis-fine or raft"),
        ([video, *output, "--estimator", "raft"], "never downloaded"),
        ([video, *output, "--frames", 1], "two frames at least"),
        ([video, *output, "--read", 0], "At least one frame"),
        ([video, *output, "--size", "64"], "WIDTHxHEIGHT"),
    ):
        assert told in refused(capsys, "track", *arguments)
    assert not (tmp_path / "f.safetensors").exists()
