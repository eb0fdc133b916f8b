"""What is no video, or no longer a whole one."""

import av
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from motion_core.errors import MotionError
from motion_core.picture_file import write_picture
from motion_core.video_file import read_video, stream_video, timing, write_video
from tests.encoded import moving


def test_what_is_not_a_video_is_an_error_in_words(tmp_path):
    (tmp_path / "folder").mkdir()
    for suffix in ("mp4", "gif", "webp"):
        (tmp_path / f"empty.{suffix}").touch()
        (tmp_path / f"text.{suffix}").write_text("This is not a video. " * 50)
        for name, words in {"none": "There is no video", "empty": "video", "text": "video"}.items():
            with pytest.raises(MotionError, match=words):
                read_video(tmp_path / f"{name}.{suffix}")
    with pytest.raises(MotionError, match="no frame to read"):
        read_video(tmp_path / "folder")


def test_sound_alone_is_not_a_video(tmp_path):
    with av.open(str(tmp_path / "v.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), dtype=np.int16), format="s16", layout="mono")
        sound.rate = 8000
        container.mux(stream.encode(sound))
    with pytest.raises(MotionError, match="no video in it"):
        read_video(tmp_path / "v.wav")


def test_a_video_in_an_unknown_code_is_an_error_in_words(tmp_path):
    write_video(moving(2), tmp_path / "v.mp4", 8)
    (tmp_path / "v.mp4").write_bytes((tmp_path / "v.mp4").read_bytes().replace(b"avc1", b"none"))
    with pytest.raises(MotionError, match=r"cannot decode|broken video"):
        read_video(tmp_path / "v.mp4")


def test_a_folder_with_pictures_of_two_sizes_is_no_video(tmp_path):
    write_picture(torch.zeros(3, 2, 2), tmp_path / "1.png")
    write_picture(torch.zeros(3, 2, 3), tmp_path / "2.png")
    with pytest.raises(MotionError, match="differ in size"):
        read_video(tmp_path)


@pytest.fixture(scope="module")
def whole_videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return {s: write_video(moving(4, 16, 24), folder / f"v.{s}", 8).read_bytes() for s in ("mp4", "gif", "webp")}


@given(
    suffix=st.sampled_from(["mp4", "gif", "webp"]),
    end=st.floats(0, 1),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_broken_bytes_give_a_video_or_an_error_in_words(tmp_path, whole_videos, suffix, end, changes):
    whole = whole_videos[suffix]
    broken = bytearray(whole[: round(len(whole) * max(end, 0.3))])
    for place, value in changes:
        broken[int(place * len(broken))] = value
    (tmp_path / f"v.{suffix}").write_bytes(broken)
    try:
        video, fps = read_video(tmp_path / f"v.{suffix}")
    except MotionError:
        return
    assert video.shape[1] == 3
    assert fps > 0


def test_of_a_video_that_breaks_off_the_beginning_is_read_and_that_is_said(tmp_path, caplog):
    noise = torch.rand(30, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    write_video(noise, tmp_path / "v.mp4", 8)
    whole, content = read_video(tmp_path / "v.mp4")[0], (tmp_path / "v.mp4").read_bytes()
    assert caplog.text == ""
    (tmp_path / "v.mp4").write_bytes(content[: len(content) * 2 // 3])
    part, fps = read_video(tmp_path / "v.mp4")
    assert 5 < len(part) < 30
    assert fps == pytest.approx(8, rel=0.01)
    torch.testing.assert_close(part[:5], whole[:5])
    assert "breaks off" in caplog.text or "is incomplete" in caplog.text
    assert timing(tmp_path / "v.mp4").frames == 30, "what its index says"


def test_what_cannot_be_streamed_is_told_at_the_first_frame(tmp_path):
    (tmp_path / "v.mp4").write_text("This is not a video. " * 50)
    with pytest.raises(MotionError, match="broken video"):
        next(stream_video(tmp_path / "v.mp4"))
    with pytest.raises(MotionError, match="There is no video"):
        next(stream_video(tmp_path / "none.mp4"))
