import itertools
import math
import weakref

import av
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from motion_core import video_file
from motion_core.errors import MotionError, ShapeError
from motion_core.picture_file import read_picture, write_picture
from motion_core.video_file import read_video, stream_video, timing, write_video
from tests.encoded import encode, lay_down


def moving(frames=5, height=48, width=64):
    """A soft gradient whose colours turn a little from frame to frame."""
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    phase = torch.linspace(0, 1, frames).view(-1, 1, 1)
    return torch.stack([x * (1 - phase / 2), (y * 0.8).expand(frames, -1, -1), (x * y) * phase], dim=1)


def patches(levels=(0, 64, 128, 192, 255), side=16):
    """One frame of 5×25 flat patches with every combination of these levels, and the colours [5, 25, 3], 0…255."""
    colors = np.array(list(itertools.product(levels, repeat=3)), dtype=np.float32).reshape(5, 25, 3)
    picture = torch.from_numpy(colors.repeat(side, 0).repeat(side, 1)).permute(2, 0, 1) / 255
    return picture, colors


def inner_colors(picture, side=16):
    """The mean colours [rows, columns, 3], 0…255, of the inner quarters of the patches."""
    tiles = picture.permute(1, 2, 0).reshape(picture.shape[1] // side, side, picture.shape[2] // side, side, 3)
    return (tiles[:, side // 4 : -side // 4, :, side // 4 : -side // 4] * 255).mean(dim=(1, 3)).numpy()


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


def test_a_folder_of_any_pictures_is_read_by_their_numbers(tmp_path):
    for number in (1, 2, 10):
        write_picture(torch.full((3, 2, 2), number / 10), tmp_path / f"shot {number}.png")
    again, fps = read_video(tmp_path)
    torch.testing.assert_close(again[:, 0, 0, 0], torch.tensor([26.0, 51.0, 255.0]) / 255)
    assert fps == 8


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


def test_a_written_frame_is_the_picture_itself(tmp_path):
    picture = moving(1)[0]
    write_video([picture], tmp_path / "out", 8)
    write_picture(picture, tmp_path / "p.png")
    assert torch.equal(read_picture(tmp_path / "out" / "frame_0000.png"), read_picture(tmp_path / "p.png"))


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


def test_what_cannot_be_streamed_is_told_at_the_first_frame(tmp_path):
    (tmp_path / "v.mp4").write_text("This is not a video. " * 50)
    with pytest.raises(MotionError, match="broken video"):
        next(stream_video(tmp_path / "v.mp4"))
    with pytest.raises(MotionError, match="There is no video"):
        next(stream_video(tmp_path / "none.mp4"))
