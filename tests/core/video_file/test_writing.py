"""Frames as a video on disk."""

import math

import av
import numpy as np
import pytest
import torch
from PIL import Image

from motion_core import video_file
from motion_core.errors import MotionError, ShapeError
from motion_core.picture_file import read_picture, write_picture
from motion_core.video_file import read_video, write_video
from tests.encoded import inner_colors, moving, patches


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(("name", "allowed"), [("v.mp4", 4), ("v.gif", 6), ("v.webp", 4), ("v.png", 0.51), ("v", 0.51)])
def test_what_is_written_reads_back(tmp_path, name, allowed):
    video = moving()
    written = write_video(video, tmp_path / name, 8)
    again, fps = read_video(written)
    assert names_in(tmp_path) == [written.name]
    assert again.shape == video.shape
    assert again.dtype == torch.float32
    assert fps == pytest.approx(8)
    assert (again - video).abs().mean() * 255 < allowed
    nearest = torch.cdist(again.flatten(1), video.flatten(1)).argmin(dim=1)
    assert nearest.tolist() == [0, 1, 2, 3, 4]


def test_colours_survive_an_mp4_within_two_levels(tmp_path):
    picture, colors = patches()
    write_video([picture] * 3, tmp_path / "v.mp4", 8)
    again, _ = read_video(tmp_path / "v.mp4")
    for frame in again:
        assert np.abs(inner_colors(frame) - colors).max() <= 2.5


def test_an_mp4_holds_bt709_limited_range_and_says_so(tmp_path):
    """By hand: BT.709 green has luma 0.7152, so 16 + 219 × 0.7152 = 173; white is 235 and black 16."""
    picture = torch.zeros(3, 32, 96)
    picture[1, :, 32:64] = 1
    picture[:, :, 64:] = 1
    write_video([picture], tmp_path / "v.mp4", 8)
    with av.open(str(tmp_path / "v.mp4")) as container:
        stream = container.streams.video[0]
        frame = next(container.decode(stream))
        codec = stream.codec_context
        tags = codec.color_range, codec.colorspace, codec.color_primaries, codec.color_trc
        name, pixels = codec.name, codec.pix_fmt
    luma = np.frombuffer(frame.planes[0], np.uint8).reshape(32, -1)
    assert luma[16, [16, 48, 80]].tolist() == pytest.approx([16, 173, 235], abs=1)
    assert (name, pixels) == ("h264", "yuv420p")
    assert tags == (1, 1, 1, 1)  # limited, and BT.709 three times


@pytest.mark.parametrize(("height", "width"), [(33, 47), (32, 47), (33, 48), (1, 1)])
def test_an_odd_mp4_repeats_its_last_row_and_column(tmp_path, height, width):
    video = moving(2, height, width)
    write_video(video, tmp_path / "v.mp4", 8)
    again, _ = read_video(tmp_path / "v.mp4")
    assert again.shape == (2, 3, height + height % 2, width + width % 2)
    assert (again[:, :, :height, :width] - video).abs().mean() * 255 < 5
    assert (again[:, :, -1, :width] - video[:, :, -1]).abs().mean() * 255 < 6


@pytest.mark.parametrize("name", ["v.gif", "v.webp", "v.png"])
@pytest.mark.parametrize(("height", "width"), [(33, 47), (1, 1)])
def test_an_odd_animation_keeps_its_size(tmp_path, name, height, width):
    again, _ = read_video(write_video(moving(3, height, width), tmp_path / name, 8))
    assert again.shape[2:] == (height, width)


@pytest.mark.parametrize("name", ["v.mp4", "v.gif", "v.webp", "v.png"])
def test_one_frame_is_a_video(tmp_path, name):
    again, _ = read_video(write_video(moving(1), tmp_path / name, 8))
    assert again.shape == (1, 3, 48, 64)


@pytest.mark.parametrize("fps", [0.5, 8, 12.5, 23.976, 24000 / 1001, 25, 29.97, 30000 / 1001, 60, 240])
def test_an_mp4_lasts_as_long_as_it_should(tmp_path, fps):
    write_video(moving(6, 16, 16), tmp_path / "v.mp4", fps)
    with av.open(str(tmp_path / "v.mp4")) as container:
        assert container.duration / av.time_base == pytest.approx(6 / fps, rel=0.01)
    assert read_video(tmp_path / "v.mp4")[1] == pytest.approx(fps, rel=1e-4)


@pytest.mark.parametrize(("suffix", "unit"), [("gif", 10), ("webp", 1)])
@pytest.mark.parametrize("fps", [1, 8, 12, 15, 24, 30, 50])
def test_the_durations_of_an_animation_sum_right(tmp_path, suffix, unit, fps):
    write_video(moving(17, 8, 8), tmp_path / f"v.{suffix}", fps)
    durations = []
    with Image.open(tmp_path / f"v.{suffix}") as image:
        for number in range(image.n_frames):
            image.seek(number)
            image.load()
            durations.append(image.info["duration"])
    assert sum(durations) == pytest.approx(17 * 1000 / fps, abs=unit / 2)
    assert max(durations) - min(durations) <= unit
    assert read_video(tmp_path / f"v.{suffix}")[1] == pytest.approx(fps, rel=0.02)


def test_a_gif_of_8_frames_a_second_alternates_between_13_and_12_hundredths(tmp_path):
    write_video(moving(4, 8, 8), tmp_path / "v.gif", 8)
    with Image.open(tmp_path / "v.gif") as image:
        durations = []
        for number in range(4):
            image.seek(number)
            durations.append(image.info["duration"])
        assert image.info["loop"] == 0  # for ever
    assert durations == [130, 120, 130, 120]


@pytest.mark.parametrize("name", ["v.gif", "v.webp"])
def test_frames_that_stand_still_keep_their_time(tmp_path, name):
    first, last = torch.zeros(3, 16, 16), torch.ones(3, 16, 16)
    again, fps = read_video(write_video([first] + [last] * 6 + [first], tmp_path / name, 8))
    assert (again.mean(dim=(1, 2, 3)) > 0.5).tolist() == [False] + [True] * 6 + [False]
    assert fps == pytest.approx(8, rel=0.02)


def test_what_is_still_in_a_gif_does_not_flicker(tmp_path):
    video = moving(1, 48, 64).repeat(4, 1, 1, 1)
    video[:, :, :8, :8] = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    again, _ = read_video(write_video(video, tmp_path / "v.gif", 8))
    assert (again[1:, :, 8:] == again[:1, :, 8:]).all()


def test_a_gif_has_one_palette_for_all_frames_and_no_colour_cast(tmp_path):
    video = moving(6)
    write_video(video, tmp_path / "v.gif", 8)
    again, _ = read_video(tmp_path / "v.gif")
    assert len(torch.unique((again * 255).round().permute(0, 2, 3, 1).reshape(-1, 3), dim=0)) <= 256
    assert ((again - video).mean(dim=(0, 2, 3)).abs() * 255 < 1).all()


def test_frames_may_come_one_by_one_and_are_asked_for_once(tmp_path):
    asked = []

    def frames():
        for number, frame in enumerate(moving(3)):
            asked.append(number)
            yield frame

    again, _ = read_video(write_video(frames(), tmp_path / "v.mp4", 8))
    assert asked == [0, 1, 2]
    assert len(again) == 3


@pytest.mark.parametrize("name", ["v.mp4", "v"])
def test_memory_does_not_grow_with_the_frames(tmp_path, name, monkeypatch):
    """A frame that was handed on is let go before many more are asked for."""
    alive, most = set(), 0

    class Watched(np.ndarray):
        def __del__(self):
            alive.discard(id(self))

    def watched(picture):
        nonlocal most
        made = np.zeros((16, 16, 3), dtype=np.uint8).view(Watched)
        alive.add(id(made))
        most = max(most, len(alive))
        return made

    monkeypatch.setattr(video_file, "picture_bytes", watched)
    write_video((torch.zeros(3, 16, 16) for _ in range(60)), tmp_path / name, 8)
    assert 1 <= most <= 4


def test_a_folder_says_its_frames_per_second_and_is_in_order(tmp_path):
    video = (torch.arange(12) / 12).view(12, 1, 1, 1).expand(-1, 3, 2, 2)
    assert write_video(video, tmp_path / "out.png", 12.5) == tmp_path / "out"
    assert names_in(tmp_path / "out") == [f"frame_{number:04d}.png" for number in range(12)]
    again, fps = read_video(tmp_path / "out")
    assert fps == 12.5
    assert (again[1:] > again[:-1]).all()


def test_a_shorter_sequence_leaves_nothing_of_the_longer_one_before_it(tmp_path):
    write_video(moving(5), tmp_path / "out", 8)
    write_video(moving(2), tmp_path / "out", 8)
    assert names_in(tmp_path / "out") == ["frame_0000.png", "frame_0001.png"]


def test_a_sequence_does_not_replace_a_folder_of_other_things(tmp_path):
    (tmp_path / "thesis.txt").write_text("dear")
    with pytest.raises(MotionError, match="holds other things"):
        write_video(moving(2), tmp_path, 8)
    assert names_in(tmp_path) == ["thesis.txt"]


def test_an_existing_empty_folder_with_a_dot_in_its_name_is_a_folder(tmp_path):
    (tmp_path / "take.1").mkdir()
    assert write_video(moving(2), tmp_path / "take.1", 8) == tmp_path / "take.1"
    assert len(names_in(tmp_path / "take.1")) == 2


@pytest.mark.parametrize("name", ["v.mp4", "v.gif", "v.webp", "v.png", "v"])
@pytest.mark.parametrize("trouble", [KeyboardInterrupt, RuntimeError])
def test_trouble_in_the_middle_leaves_nothing(tmp_path, name, trouble):
    def frames():
        yield from moving(3)
        raise trouble("in the middle")

    with pytest.raises(trouble):
        write_video(frames(), tmp_path / name, 8)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("name", ["v.mp4", "v.gif", "v.webp", "v.png"])
def test_a_video_without_frames_is_not_written(tmp_path, name):
    with pytest.raises(MotionError, match="at least one frame"):
        write_video([], tmp_path / name, 8)
    assert names_in(tmp_path) == []


def test_frames_of_two_sizes_are_not_written(tmp_path):
    with pytest.raises(ShapeError, match="Frame 1 is 6×4, the frames before it 5×4"):
        write_video([torch.zeros(3, 4, 5), torch.zeros(3, 4, 6)], tmp_path / "v.mp4", 8)
    with pytest.raises(ShapeError, match=r"A picture is \[3, H, W\]"):
        write_video(torch.zeros(3, 4, 5), tmp_path / "v.mp4", 8)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("fps", [0, -8, math.nan, math.inf, 1000, 0.01])
def test_frames_per_second_have_limits(tmp_path, fps):
    with pytest.raises(MotionError, match=r"0\.1 to 240 frames per second"):
        write_video(moving(2), tmp_path / "v.mp4", fps)


@pytest.mark.parametrize("name", ["v.gif", "v.webp"])
def test_an_animation_faster_than_browsers_show_it_is_refused(tmp_path, name):
    with pytest.raises(MotionError, match=r"0\.1 to 50 frames per second; got 60"):
        write_video(moving(2), tmp_path / name, 60)


@pytest.mark.parametrize("name", ["v.avi", "v.mov", "v.jpg"])
def test_an_unknown_suffix_names_the_choices(tmp_path, name):
    with pytest.raises(MotionError, match=r"\.mp4, \.gif, \.webp"):
        write_video(moving(2), tmp_path / name, 8)


def test_a_place_that_cannot_be_written_is_known_before_the_first_frame(tmp_path):
    def frames():
        pytest.fail("no frame should be asked for")
        yield

    (tmp_path / "v.mp4").mkdir()
    for path in (tmp_path / "v.mp4", tmp_path / "none" / "v.mp4", tmp_path / "none" / "v"):
        with pytest.raises(MotionError, match=r"is a folder|there is no folder"):
            write_video(frames(), path, 8)


@pytest.mark.parametrize("encoder", ["libopenh264", "mpeg4"])
def test_without_libx264_another_encoder_is_used_and_told(tmp_path, monkeypatch, caplog, encoder):
    if encoder not in av.codecs_available:
        pytest.skip(f"this PyAV has no {encoder}")
    monkeypatch.setattr(video_file, "ENCODERS", {encoder: video_file.ENCODERS[encoder]})
    video = moving(5)
    write_video(video, tmp_path / "v.mp4", 8)
    again, fps = read_video(tmp_path / "v.mp4")
    assert (again - video).abs().mean() * 255 < 5
    assert fps == 8
    assert encoder in caplog.text


def test_without_any_encoder_other_suffixes_are_offered(tmp_path, monkeypatch):
    monkeypatch.setattr(av, "codecs_available", set())
    with pytest.raises(MotionError, match=r"Choose \.gif"):
        write_video(moving(2), tmp_path / "v.mp4", 8)
    assert names_in(tmp_path) == []


def test_a_size_no_encoder_takes_is_an_error_in_words(tmp_path):
    for name, width in (("v.mp4", 40_000), ("v.webp", 20_000), ("v.gif", 70_000)):
        with pytest.raises(MotionError, match="cannot be encoded"):
            write_video(torch.zeros(2, 3, 1, width), tmp_path / name, 8)
    assert names_in(tmp_path) == []


def test_a_written_frame_is_the_picture_itself(tmp_path):
    picture = moving(1)[0]
    write_video([picture], tmp_path / "out", 8)
    write_picture(picture, tmp_path / "p.png")
    assert torch.equal(read_picture(tmp_path / "out" / "frame_0000.png"), read_picture(tmp_path / "p.png"))
