"""track as a newcomer uses and misuses it, and what it makes of the videos that there are."""

import json

import pytest
import torch
from tqdm import tqdm

from motion_core.commands import track
from motion_core.field_file import load_field
from motion_core.picture_file import read_picture
from motion_core.types import Size
from motion_core.video_file import read_video, timing, write_video
from tests.command_line import refused, run
from tests.encoded import encode, lay_down
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


def middle(field, frame=-1):
    return field.displacement[frame, :, 30:60, 40:80].mean(dim=(1, 2)).tolist()


def along(field):
    """How far right the middle has gone, px, frame by frame."""
    return [middle(field, frame)[0] for frame in range(field.frames)]


def tracked(video, folder, *arguments):
    """The field, and the masks of what is seen, [F, H, W]."""
    assert run("track", video, "-o", folder / "f.safetensors", "--seen", folder / "seen", *arguments) == 0
    return load_field(folder / "f.safetensors"), read_video(folder / "seen")[0][:, 0]


def test_the_motion_of_a_video_is_saved_and_summed_up(video, tmp_path, capsys):
    assert run("track", video, "-o", tmp_path / "field.safetensors") == 0
    field = load_field(tmp_path / "field.safetensors")
    assert (field.frames, field.size) == (9, Size(96, 128))
    assert middle(field) == pytest.approx([16, 0], abs=0.3)
    said = capsys.readouterr().err
    assert "9 frames of 128×96" in said
    assert "seen of the first frame" in said
    assert "as fast as the video at 8 frames a second" in said


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


@pytest.mark.parametrize(("read", "frames"), [([], 9), (["--read", 4], 4), (["--read", 20], 9)])
def test_the_bar_knows_its_end_and_the_video_is_asked_for_it_once(video, tmp_path, monkeypatch, read, frames):
    bars, asked = [], []

    def made(**words):
        bars.append(tqdm(**words))
        return bars[0]

    monkeypatch.setattr(track, "tqdm", made)
    monkeypatch.setattr(track, "timing", lambda path: asked.append(path) or timing(path))
    assert run("track", video, "-o", tmp_path / "f.safetensors", *read) == 0
    assert [(bar.n, bar.total) for bar in bars] == [(frames, frames)]
    assert len(asked) == 1


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
        ([video, *output, "--tracks", tmp_path / "none.json"], "there is no such file"),
    ):
        assert told in refused(capsys, "track", *arguments)
    assert not (tmp_path / "f.safetensors").exists()


@pytest.mark.parametrize("option", ["-o", "--first", "--seen"])
def test_a_missing_folder_is_told_before_the_video_is_read(video, tmp_path, capsys, monkeypatch, option):
    monkeypatch.setattr(track, "stream_video", lambda *_, **__: pytest.fail("the work must not begin"))
    missing = tmp_path / "missing" / {"-o": "f.npz", "--first": "first.png", "--seen": "seen.mp4"}[option]
    given = ["-o", tmp_path / "f.npz"] if option != "-o" else []
    assert "there is no folder" in refused(capsys, "track", video, *given, option, missing)


@pytest.fixture
def tracks(tmp_path):
    """In pixels of the video, five frames: one point goes 12 px right, the other rests and is hidden in the end."""
    path = [[[40 + 3 * i, 48], [100, 20]] for i in range(5)]
    seen = [[True, i < 4] for i in range(5)]
    torch.save({"tracks": torch.tensor(path).float(), "visibility": torch.tensor(seen)}, tmp_path / "tracks.pth")
    return tmp_path / "tracks.pth"


def test_tracks_are_spread_over_the_first_frame(video, tracks, tmp_path, capsys):
    field, seen = tracked(video, tmp_path, "--tracks", tracks, "--first", tmp_path / "first.png")
    assert (field.frames, field.size) == (5, Size(96, 128))
    torch.testing.assert_close(field.displacement[:, 0, 48, 40], torch.arange(5) * 3.0, atol=0.2, rtol=0)
    assert field.displacement[:, :, 20, 100].abs().max() < 0.2
    assert seen[:, 48, 40].tolist() == [1, 1, 1, 1, 1]
    assert seen[:, 20, 100].tolist() == [1, 1, 1, 1, 0]
    assert read_picture(tmp_path / "first.png").shape == (3, 96, 128)
    assert "2 tracks" in capsys.readouterr().err


def test_tracks_count_the_pixels_of_the_video_whatever_the_size_of_the_field(video, tracks, tmp_path):
    field, seen = tracked(video, tmp_path, "--tracks", tracks, "--size", "64x48", "--frames", 3)
    assert (field.frames, field.size, seen.shape) == (3, Size(48, 64), (3, 48, 64))
    assert field.displacement[:, 0, 24, 20].tolist() == pytest.approx([0, 3, 6], abs=0.2)


def test_tracks_that_do_not_say_how_long_they_last_want_frames(video, tmp_path, capsys):
    (tmp_path / "drag.json").write_text(json.dumps([[{"x": 40, "y": 48}, {"x": 52, "y": 48}]]))
    given = [video, "-o", tmp_path / "f.safetensors", "--tracks", tmp_path / "drag.json"]
    assert run("track", *given, "--frames", 4) == 0
    assert load_field(tmp_path / "f.safetensors").frames == 4
    assert "two frames at least" in refused(capsys, "track", *given, "--frames", 1)


@pytest.mark.parametrize(
    "contradiction",
    [
        ["--estimator", "dis"],
        ["--method", "best"],
        ["--at-cut", "stop"],
        ["--read", 3],
        ["--weights", "raft.pth"],
        ["--device", "cpu"],
    ],
)
def test_tracks_take_no_word_of_an_estimator(video, tracks, tmp_path, capsys, contradiction):
    said = refused(capsys, "track", video, "-o", tmp_path / "f.npz", "--tracks", tracks, *contradiction)
    assert f"--tracks takes the place of an estimator, which {contradiction[0]} would tell" in said
    assert not (tmp_path / "f.npz").exists()


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_the_motion_of_a_turned_video_is_that_of_its_upright_pictures(shot, tmp_path, degrees):
    lying = [torch.rot90(picture, degrees // 90, (1, 2)) for picture in shot[:3]]
    video = write_video(lying, tmp_path / "phone.mp4", 8)
    lay_down(video, degrees)
    field, seen = tracked(video, tmp_path, "--first", tmp_path / "first.png")
    assert field.size == Size(96, 128)
    assert middle(field) == pytest.approx([4, 0], abs=0.3)
    assert not seen[-1, :, -2:].any(), "what has left on the right"
    assert (read_picture(tmp_path / "first.png") - shot[0]).abs().mean() < 0.04


def test_a_frame_that_is_shown_longer_rests_as_long(shot, tmp_path):
    video = encode(tmp_path / "screen.mp4", shot[:5], starts=[0, 1, 2, 5, 6])
    field, _ = tracked(video, tmp_path)
    assert along(field) == pytest.approx([0, 2, 4, 4, 4, 6, 8], abs=0.3)


@pytest.mark.parametrize("pixels", ["yuv420p10le", "yuv444p"])
def test_ten_bits_and_odd_sides_are_followed_as_any(shot, tmp_path, pixels):
    odd = pixels == "yuv444p"
    video = encode(tmp_path / "v.mp4", [picture[:, odd:, odd:] for picture in shot[:4]], pixels=pixels)
    field, seen = tracked(video, tmp_path)
    assert field.size == Size(96 - odd, 128 - odd)
    assert seen.shape == (4, *field.size)
    assert middle(field) == pytest.approx([6, 0], abs=0.3)


def test_a_video_that_breaks_off_is_followed_as_far_as_it_goes(shot, tmp_path, caplog):
    video = encode(tmp_path / "whole.mp4", shot)
    content = video.read_bytes()
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(content[: len(content) * 2 // 3])
    field, _ = tracked(broken, tmp_path)
    assert 3 <= field.frames < 9
    assert along(field) == pytest.approx([2 * frame for frame in range(field.frames)], abs=0.3)
    assert "breaks off" in caplog.text or "is incomplete" in caplog.text


def test_a_file_that_is_cut_off_before_its_first_frame_is_told(video, tmp_path, capsys):
    (tmp_path / "broken.mp4").write_bytes(video.read_bytes()[:500])
    assert "broken video" in refused(capsys, "track", tmp_path / "broken.mp4", "-o", tmp_path / "f.npz")


def test_black_in_the_middle_is_bridged(shot, tmp_path):
    black = torch.zeros_like(shot[0])
    video = write_video([*shot[:2], black, black, *shot[4:6]], tmp_path / "v.mp4", 8)
    field, seen = tracked(video, tmp_path)
    assert along(field) == pytest.approx([0, 2, 2, 2, 8, 10], abs=0.3)
    assert seen[:, 45, 60].tolist() == [1, 1, 0, 0, 1, 1]


def test_black_at_the_beginning_leaves_nothing_to_follow_and_that_is_said(shot, tmp_path, caplog):
    video = write_video([torch.zeros_like(shot[0]), *shot[:3]], tmp_path / "v.mp4", 8)
    field, seen = tracked(video, tmp_path)
    assert not field.displacement.any()
    assert not seen.any()
    assert "The first frame shows nothing to follow" in caplog.text
