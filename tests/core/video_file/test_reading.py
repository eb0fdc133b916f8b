"""Videos of any origin as frames."""

import weakref

import av
import numpy as np
import pytest
import torch

from motion_core import video_file
from motion_core.errors import MotionError
from motion_core.picture_file import write_picture
from motion_core.video_file import read_video, stream_video, timing, write_video
from tests.encoded import encode, inner_colors, lay_down, moving, patches


def yuv_by_hand(picture, space, full):
    """The planes [3, H, W] of a picture by the definitions of BT.709 (space 1) or BT.601 (space 5)."""
    red_share, blue_share = {1: (0.2126, 0.0722), 5: (0.299, 0.114)}[space]
    red, green, blue = picture
    luma = red_share * red + (1 - red_share - blue_share) * green + blue_share * blue
    chroma = torch.stack([(blue - luma) / (2 - 2 * blue_share), (red - luma) / (2 - 2 * red_share)])
    planes = torch.cat([luma[None] * 255, chroma * 255 + 128] if full else [luma[None] * 219 + 16, chroma * 224 + 128])
    return planes.round().clamp(0, 255).byte().contiguous().numpy()


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("space", [1, 5])  # BT.709 and BT.601
def test_a_video_is_read_with_the_matrix_and_range_it_names(tmp_path, space, full):
    picture, colors = patches()
    frame = av.VideoFrame.from_ndarray(yuv_by_hand(picture, space, full), format="yuv444p")
    with av.open(str(tmp_path / "v.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=8, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuv444p"
        stream.codec_context.colorspace = space
        stream.codec_context.color_range = 2 if full else 1
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    again, _ = read_video(tmp_path / "v.mp4")
    assert np.abs(inner_colors(again[0]) - colors).max() <= 3


def test_a_folder_of_any_pictures_is_read_by_their_numbers(tmp_path):
    for number in (1, 2, 10):
        write_picture(torch.full((3, 2, 2), number / 10), tmp_path / f"shot {number}.png")
    again, fps = read_video(tmp_path)
    torch.testing.assert_close(again[:, 0, 0, 0], torch.tensor([26.0, 51.0, 255.0]) / 255)
    assert fps == 8


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_video_is_read_upright(tmp_path, degrees):
    """A phone held upright films lying down and says: turn it clockwise. Red is at the top left, blue beside it."""
    upright = torch.zeros(3, 32, 64)
    upright[0, :16, :32], upright[2, :16, 32:] = 1, 1
    write_video([torch.rot90(upright, degrees // 90, (1, 2))], tmp_path / "v.mp4", 8)
    lay_down(tmp_path / "v.mp4", degrees)
    for frame in (read_video(tmp_path / "v.mp4")[0][0], next(stream_video(tmp_path / "v.mp4"))):
        assert frame.shape == (3, 32, 64)
        off = (frame - upright).abs()
        assert off[:, 2:14, 4:28].max() < 0.05
        assert off[:, 2:14, 36:60].max() < 0.05
        assert off[:, 18:].max() < 0.05


@pytest.mark.parametrize("name", ["v.mp4", "v.gif", "v.webp", "v.png"])
def test_only_the_first_frames_are_read_when_asked(tmp_path, name):
    written = write_video(moving(5), tmp_path / name, 8)
    some, fps = read_video(written, frames=2)
    torch.testing.assert_close(some, read_video(written)[0][:2])
    assert fps == pytest.approx(8, rel=0.05)
    assert len(read_video(written, frames=99)[0]) == 5
    with pytest.raises(MotionError, match="At least one frame"):
        read_video(written, frames=0)


@pytest.mark.parametrize("name", ["v.mp4", "v.gif", "v.webp", "v.png"])
def test_how_fast_and_how_long_a_video_is_can_be_asked_before_it_is_read(tmp_path, name):
    first, last = torch.zeros(3, 16, 16), torch.ones(3, 16, 16)
    written = write_video([first, *[last] * 3, first], tmp_path / name, 12.5)  # a GIF keeps the three as one
    video, fps = read_video(written)
    told = timing(written)
    assert (told.frames, told.fps) == (len(video), fps) == (5, pytest.approx(12.5))


@pytest.mark.parametrize("name", ["v.mp4", "v.gif", "v.webp", "v.png"])
def test_a_video_too_long_for_the_memory_is_refused(tmp_path, name, monkeypatch):
    written = write_video(moving(5, 16, 16), tmp_path / name, 8)
    monkeypatch.setattr(video_file, "MOST_BYTES", 3 * 16 * 16 * 3)
    with pytest.raises(MotionError, match="too long for the memory"):
        read_video(written)
    assert len(read_video(written, frames=3)[0]) == 3


def greys(*levels):
    return [torch.full((3, 32, 32), level / 255) for level in levels]


def levels_of(video):
    return (video.mean(dim=(1, 2, 3)) * 255).round().tolist()


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_frame_that_is_shown_longer_is_read_more_often(tmp_path, suffix):
    """Screen recordings leave out what does not change: variable frame rate."""
    encode(tmp_path / f"v.{suffix}", greys(40, 80, 120, 160, 200), starts=[0, 1, 2, 6, 7])
    video, fps = read_video(tmp_path / f"v.{suffix}")
    assert levels_of(video) == pytest.approx([40, 80, 120, 120, 120, 120, 160, 200], abs=3)
    assert fps == pytest.approx(30, rel=0.05)


def test_a_frame_rate_that_trembles_is_even(tmp_path):
    encode(tmp_path / "v.mp4", greys(*range(20, 220, 20)), starts=[0, 9, 20, 31, 40, 49, 60, 71, 80, 89])
    video, fps = read_video(tmp_path / "v.mp4")
    assert levels_of(video) == pytest.approx(list(range(20, 220, 20)), abs=3)
    assert fps == pytest.approx(3, rel=0.1)


def test_a_time_that_is_broken_does_not_repeat_a_frame_for_ever(tmp_path):
    encode(tmp_path / "v.mp4", greys(40, 80, 120), starts=[0, 1, 30 * 60 * 60 * 10])
    assert len(read_video(tmp_path / "v.mp4")[0]) == 2 + 60 * 30


@pytest.mark.parametrize("pixels", ["yuv420p10le", "yuv444p10le"])
def test_ten_bits_are_read_as_eight(tmp_path, pixels):
    encode(tmp_path / "v.mp4", greys(40, 120, 200), pixels=pixels)
    assert levels_of(read_video(tmp_path / "v.mp4")[0]) == pytest.approx([40, 120, 200], abs=3)


@pytest.mark.parametrize("name", ["v.mp4", "v.gif", "v.webp", "v"])
def test_frames_are_streamed_as_they_are_read(tmp_path, name):
    written = write_video(moving(5, 33, 47), tmp_path / name, 8)
    torch.testing.assert_close(torch.stack(list(stream_video(written))), read_video(written)[0], atol=0, rtol=0)
    assert len(list(stream_video(written, frames=2))) == 2


@pytest.mark.parametrize("name", ["v.mp4", "v.gif", "v.webp", "v"])
def test_a_stream_holds_one_frame_and_is_closed_when_it_is_left(tmp_path, name, monkeypatch):
    written = write_video(moving(40, 16, 16), tmp_path / name, 8)
    monkeypatch.setattr(video_file, "MOST_BYTES", 3 * 16 * 16 * 3)  # what read_video may keep; a stream keeps nothing
    alive = weakref.WeakSet()
    for frame in stream_video(written):
        alive.add(frame)
        assert len(alive) <= 2
    frames = stream_video(written)
    next(frames)
    frames.close()
    with pytest.raises(StopIteration):
        next(frames)
