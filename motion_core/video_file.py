"""Frames ⇄ a video on disk: write_video, read_video and stream_video for .mp4, .gif, .webp and folders of .png frames;
and timing, how fast and how long a video is.

Frames are sRGB, 0…1. In .mp4 they become H.264, BT.709 with limited range, and are tagged so: what players expect.
"""

from __future__ import annotations

import logging
import os
import re
import struct
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise, repeat
from math import ceil, floor, inf
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from einops import rearrange
from PIL import Image, ImageSequence
from PIL.PngImagePlugin import PngInfo
from scipy.spatial import KDTree
from torch import Tensor

from .errors import MotionError, ShapeError
from .picture_file import picture_bytes, picture_of, reading
from .whole_file import whole_file, whole_folder

log = logging.getLogger(__name__)

CHOICES = ".mp4, .gif, .webp, or .png or a folder for a sequence of pictures"
SLOWEST, FASTEST = 0.1, 240.0  # frames per second
FASTEST_ANIMATION = 50.0  # browsers slow a GIF or WebP down whose frames last less than 20 ms
FRAME_NAME = re.compile(r"frame_\d{4,}\.png")
FOLDER_FPS = 8.0  # of a folder of pictures that does not say

FORGIVING: dict[str, Any] = {"metadata_errors": "replace"}  # titles in an unknown encoding
if int(av.__version__.split(".")[0]) >= 19:
    FORGIVING = {}  # it always is
ENCODERS = {  # the first one there is used
    "libx264": {"crf": "16", "preset": "medium"},
    "libopenh264": {"b": "12M"},
    "mpeg4": {"flags": "+qscale", "global_quality": str(2 * 118)},  # quality 2 of 1…31, in FF_QP2LAMBDA
}
LONGEST_SHOWN = 60.0  # seconds that one frame is repeated for; more is a broken time, not a still
ROUNDED = 0.02  # relative; what a file says of its frame rate and what it shows differ so much by rounded times
MOST_BYTES = 1 << 32  # of a video read into memory as bytes; as a tensor it takes four times as many
BT709, UNSAID, BT601 = 1, 2, 5  # FFmpeg's numbers for colour spaces, primaries and transfers
LIMITED, FULL = 1, 2  # … and for ranges
EXACT = 32 | 0x40000 | 0x4000 | 0x2000  # swscale: area average, accurate rounding, full chroma in and out

PALETTE_SAMPLE = 1 << 18  # pixels that a GIF's palette is chosen from
BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) / 16 - 15 / 32
DITHER = 8.0  # levels between light and dark dots; about the distance between the colours of a photo's palette


def write_video(frames: Iterable[Tensor] | Tensor, path: str | os.PathLike[str], fps: float) -> Path:
    """Writes frames, each [3, H, W], 0…1 sRGB, of one size, whole or not at all. Returns what was written.

    The suffix chooses: .mp4 (H.264), .gif, .webp (animated); .png or no suffix is a folder of that name (without
    the .png) with frame_0000.png, frame_0001.png …, which may replace only an earlier such folder.
    Frames may come from a generator; .mp4 and .png keep only one of them in memory.
    H.264 has even sizes only: an odd width or height is made even by repeating the last column or row.
    MotionError if there is no frame, fps is not 0.1…240 (.gif and .webp 50), or the place cannot be written.
    """
    check_video(path, fps)
    target = Path(path)
    writers = {".mp4": _write_mp4, ".gif": _write_gif, ".webp": _write_webp}
    suffix = target.suffix.lower()
    pictures = _checked(frames)
    if suffix not in writers:
        target = target.with_suffix("") if suffix == ".png" and not target.is_dir() else target
        with whole_folder(target, replaces=FRAME_NAME) as unfinished:
            _write_pngs(pictures, unfinished, fps)
    else:
        with whole_file(target) as unfinished:
            writers[suffix](pictures, unfinished, fps)
    return target


def check_video(path: str | os.PathLike[str], fps: float) -> None:
    """MotionError if write_video would not write there with so many frames per second. For those who ask early."""
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in ("", ".png", ".mp4", ".gif", ".webp") and not target.is_dir():
        raise MotionError(f"A video is written as {CHOICES}; got {path}.")
    if not target.name:
        raise MotionError(f"A video is written to a file or a folder with a name; got “{path}”.")
    fastest = FASTEST_ANIMATION if suffix in (".gif", ".webp") else FASTEST
    if not SLOWEST <= fps <= fastest:
        raise MotionError(f"{path} can have {SLOWEST:g} to {fastest:g} frames per second; got {fps:g}.")


def read_video(path: str | os.PathLike[str], *, frames: int | None = None) -> tuple[Tensor, float]:
    """A video file, animation or folder of .png frames as [F, 3, H, W], float32, 0…1 sRGB, and its frames per second.

    frames: read at most so many from the beginning. Turned upright as the file says.
    Frames that last unequally long (GIF, WebP, variable frame rate) are read with the longer ones repeated. A folder
    that write_video did not make has 8 frames per second. Of a file that breaks off, what comes before is read, and a
    warning is logged.
    MotionError if there is no video, it is broken from the start, its frames differ in size, or it is too long.
    """
    told = Timing()
    video = torch.from_numpy(np.stack(_kept(_pictures(path, frames, told))))
    return rearrange(video, "f h w c -> f c h w").contiguous().float().div_(255.0), told.fps


def stream_video(path: str | os.PathLike[str], *, frames: int | None = None) -> Generator[Tensor, None, None]:
    """The frames of read_video one after the other, each [3, H, W]; only one of them is in memory. Errors as there."""
    for picture in _pictures(path, frames, Timing()):
        frame = torch.from_numpy(np.ascontiguousarray(picture))
        yield rearrange(frame, "h w c -> c h w").contiguous().float().div_(255.0)


@dataclass
class Timing:
    """Frames per second of a video, and how many frames it has; told by a reader before its first frame."""

    fps: float = FOLDER_FPS
    frames: int = 0


def timing(path: str | os.PathLike[str]) -> Timing:
    """How fast and how long the video is that read_video and stream_video give; no more than a frame is in memory.

    A file that breaks off has fewer frames than it says. Errors as in read_video.
    """
    told = Timing()
    with closing(_pictures(path, 1, told)) as pictures:
        next(pictures)
    return told


def _pictures(path: str | os.PathLike[str], limit: int | None, told: Timing) -> Generator[np.ndarray, None, None]:
    """The bytes [H, W, 3] of every frame, all of one size, at most `limit`."""
    if limit is not None and limit < 1:
        raise MotionError(f"At least one frame of a video is read; asked for {limit}.")
    source, shape = Path(path), None
    if source.is_dir():
        found = _read_pngs(source, told)
    elif source.suffix.lower() in (".gif", ".webp"):
        found = _read_animation(source, told)
    else:
        found = _read_stream(source, told)
    with closing(found), reading(path, "video"):
        for picture in islice(found, limit):
            shape = shape or picture.shape
            if picture.shape != shape:
                raise MotionError(f"The frames of {path} differ in size; a video has one.")
            yield picture
    if shape is None:
        raise MotionError(f"{path} has no frame to read.")


def _checked(frames: Iterable[Tensor]) -> Iterator[np.ndarray]:
    """The bytes [H, W, 3] of every frame, all of one size."""
    size = None
    for number, frame in enumerate(frames):
        picture = picture_bytes(frame)
        size = size or picture.shape
        if picture.shape != size:
            raise ShapeError(
                f"Frame {number} is {picture.shape[1]}×{picture.shape[0]}, the frames before it {size[1]}×{size[0]}; "
                "a video has one size."
            )
        yield picture
    if size is None:
        raise MotionError("A video has at least one frame; got none.")


def _write_mp4(pictures: Iterator[np.ndarray], path: Path, fps: float) -> None:
    name = next((name for name in ENCODERS if name in av.codecs_available), None)
    if name is None:
        raise MotionError("This PyAV has no encoder for .mp4. Choose .gif, .webp or .png.")
    if name != "libx264":
        log.warning("This PyAV has no libx264; the video is encoded with %s, which looks a little worse.", name)
    rate = Fraction(float(fps)).limit_denominator(1001)  # 1001 holds 23.976 and its kin exactly
    try:
        with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            stream = None
            for number, picture in enumerate(pictures):
                picture = np.pad(picture, [(0, picture.shape[0] % 2), (0, picture.shape[1] % 2), (0, 0)], mode="edge")
                if stream is None:
                    stream = container.add_stream(name, rate=rate, options=ENCODERS[name])
                    stream.height, stream.width = picture.shape[:2]
                    stream.pix_fmt = "yuv420p"
                    tags = stream.codec_context
                    tags.colorspace = tags.color_primaries = tags.color_trc = BT709
                    tags.color_range = LIMITED
                container.mux(stream.encode(_yuv(picture, number, rate)))
            if stream is not None:
                container.mux(stream.encode(None))
    except FFmpegError as error:
        if isinstance(error, OSError):
            raise  # whole_file has the words for it
        raise MotionError(f"The video cannot be encoded ({error}). Choose a smaller size, .gif or .png.") from error


def _yuv(picture: np.ndarray, number: int, rate: Fraction) -> VideoFrame:
    """A full-range sRGB picture [H, W, 3] as a limited-range BT.709 frame."""
    rgb = VideoFrame.from_ndarray(picture, format="rgb24")
    colors = {"src_colorspace": BT709, "dst_colorspace": BT709, "src_color_range": FULL, "dst_color_range": LIMITED}
    frame = rgb.reformat(format="yuv420p", interpolation=EXACT, **colors)
    frame.colorspace, frame.color_range = BT709, LIMITED
    frame.pts, frame.time_base = number, 1 / rate
    return frame


def _write_gif(pictures: Iterator[np.ndarray], path: Path, fps: float) -> None:
    """One palette for all frames, and ordered dots where colours are missing: what is still does not flicker."""
    frames = list(pictures)  # the palette needs them all
    height, width = frames[0].shape[:2]
    some = np.random.default_rng(0).integers(height * width, size=PALETTE_SAMPLE // len(frames) + 1)
    sample = np.concatenate([frame.reshape(-1, 3)[some] for frame in frames])
    palette = Image.fromarray(sample[None]).quantize(256, Image.Quantize.MEDIANCUT, kmeans=1).getpalette() or []
    levels = np.arange(0, 256, 4) + 1.5  # the middles of 64 levels; Pillow's own mapping takes their lower ends
    colors = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1)
    nearest = KDTree(np.reshape(palette, (-1, 3))).query(colors)[1].astype(np.uint8)
    dots = DITHER * np.tile(BAYER, (ceil(height / 4), ceil(width / 4)))[:height, :width, None]

    def images() -> Iterator[Image.Image]:
        for frame in frames:
            red, green, blue = np.moveaxis(np.clip(frame + dots + 0.5, 0, 255).astype(np.uint8) // 4, -1, 0)
            image = Image.fromarray(nearest[red, green, blue]).convert("P")
            image.putpalette(palette)
            yield image

    milliseconds = [10 * hundredths for hundredths in _durations(len(frames), 100 / fps)]
    _save_animation(images(), path, {"format": "GIF", "duration": milliseconds, "optimize": False})


def _write_webp(pictures: Iterator[np.ndarray], path: Path, fps: float) -> None:
    images = [Image.fromarray(picture) for picture in pictures]  # Pillow wants their count before it begins
    milliseconds = _durations(len(images), 1000 / fps)
    _save_animation(iter(images), path, {"format": "WEBP", "duration": milliseconds, "quality": 90, "method": 4})


def _save_animation(images: Iterator[Image.Image], path: Path, options: dict[str, Any]) -> None:
    first = next(images)
    try:
        first.save(path, save_all=True, append_images=images, loop=0, **options)
    except (ValueError, RuntimeError, OverflowError, struct.error) as error:  # how Pillow says: too large for this kind
        raise MotionError(f"The video cannot be encoded ({error}). Choose a smaller size or .png.") from error


def _durations(count: int, length: float) -> list[int]:
    """Whole numbers, each near `length`, whose sums are nearest to its multiples: 12.5 gives 13, 12, 13, 12 …"""
    ends = [floor(length * number + 0.5) for number in range(count + 1)]
    return [end - start for start, end in pairwise(ends)]


def _write_pngs(pictures: Iterator[np.ndarray], folder: Path, fps: float) -> None:
    says = PngInfo()
    says.add_text("fps", repr(float(fps)))
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"frame_{number:04d}.png", pnginfo=says)


def _read_pngs(folder: Path, told: Timing) -> Generator[np.ndarray, None, None]:
    def number(path: Path) -> tuple[list[int], str]:
        return [int(digits) for digits in re.findall(r"\d+", path.name)], path.name

    paths = sorted(folder.glob("*.png"), key=number)
    told.frames = len(paths)
    for path in paths:
        with Image.open(path) as image:
            fps = float(image.info.get("fps", FOLDER_FPS))
            told.fps = fps if SLOWEST <= fps <= FASTEST else FOLDER_FPS
            yield picture_bytes(picture_of(image))


def _read_animation(path: Path, told: Timing) -> Generator[np.ndarray, None, None]:
    durations = []
    with Image.open(path) as image:
        for frame in ImageSequence.Iterator(image):
            frame.load()  # WebP tells the duration only then
            durations.append(frame.info.get("duration") or 100.0)  # as browsers show a frame of no duration
    times = _times_shown(durations)
    fps = 1000 * sum(times) / sum(durations)
    whole = max(1, round(fps))
    meant = abs(sum(durations) - 1000 * sum(times) / whole) <= 5  # GIF rounds to hundredths of a second
    told.fps, told.frames = float(whole if meant else fps), sum(times)
    with Image.open(path) as image:
        for frame, shown in zip(ImageSequence.Iterator(image), times, strict=False):
            yield from repeat(picture_bytes(picture_of(frame)), shown)


def _read_stream(path: Path, told: Timing) -> Generator[np.ndarray, None, None]:
    with _opened(path) as (container, stream):
        fps = stream.average_rate or stream.guessed_rate
        found = list(_starts(container, stream))
        starts = sorted(start for start in found if start is not None)
        missing = max(0, stream.frames - len(found))  # of those in the file's index, where it has one
        durations = [after - before for before, after in pairwise(starts)]
        times = _times_shown(durations, longest=LONGEST_SHOWN) if durations else []
    shown = dict(zip(starts, times, strict=False))  # the last frame is shown once
    if not fps:
        raise MotionError(f"{path} does not say how many frames it shows per second.")
    measured = sum(times) / sum(durations) if sum(durations) > 0 else float(fps)
    agreed = abs(measured / float(fps) - 1) < ROUNDED
    told.fps, told.frames = float(fps) if agreed else measured, sum(times) + 1 + missing  # the last one
    count = 0
    with _opened(path) as (container, stream):
        try:
            for frame in container.decode(stream):
                start = _start(frame)
                yield from repeat(_rgb(frame), 1 if start is None else shown.get(start, 1))
                count += 1
        except FFmpegError as error:
            if not count:
                raise
            log.warning("%s breaks off after %d frames (%s); what comes before is used.", path, count, error.strerror)
        else:
            if 0 < count < len(starts) + missing:
                log.warning("%s is incomplete: %d of its %d frames could be read.", path, count, len(starts) + missing)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    # an open file rather than its name, which FFmpeg could take for an address
    with open(path, "rb") as file, av.open(file, **FORGIVING) as container:
        if not container.streams.video:
            raise MotionError(f"{path} has no video in it.")
        stream = container.streams.video[0]
        if stream.codec_context is None:  # PyAV 16 crashes where a newer one raises
            raise MotionError(f"{path} is a video of a kind that this PyAV cannot decode.")
        yield container, stream


def _starts(container: InputContainer, stream: VideoStream) -> Iterator[float | None]:
    """When every frame is shown, in seconds, in the order of the file, None if it is not; nothing is decoded."""
    with suppress(FFmpegError):  # decoding meets the same damage, and tells of it
        for packet in container.demux(stream):
            if packet.size:  # the last one is empty
                yield None if packet.is_discard else _start(packet)


def _start(shown: VideoFrame | av.Packet) -> float | None:
    return None if shown.pts is None or shown.time_base is None else float(shown.pts * shown.time_base)


def _times_shown(durations: Sequence[float], longest: float = inf) -> list[int]:
    """How often each frame is repeated so that all last equally long, about as long as the shorter ones do."""
    shortest = float(np.quantile(durations, 0.1)) if durations else 0.0  # not the least, which can be a hiccup
    ordinary = [duration for duration in durations if 0 < duration < 1.5 * shortest]
    if not ordinary:
        return [1] * len(durations)
    length = sum(ordinary) / len(ordinary)
    return [max(1, round(min(duration, longest) / length)) for duration in durations]


def _rgb(frame: VideoFrame) -> np.ndarray:
    """A decoded frame as full-range sRGB bytes [H, W, 3], upright."""
    space, full = frame.colorspace, frame.color_range == FULL or frame.format.name.startswith("yuvj")
    if space == UNSAID:
        space = BT709 if frame.height > 576 else BT601  # what players take it for
    source = {"src_colorspace": space, "src_color_range": FULL if full or frame.format.is_rgb else LIMITED}
    other = BT601 if space == BT709 else BT709  # RGB has no matrix; PyAV 16 looks at the source's only if they differ
    rgb = frame.reformat(format="rgb24", interpolation=EXACT, dst_colorspace=other, dst_color_range=FULL, **source)
    return np.rot90(rgb.to_ndarray(), round(frame.rotation / 90))


def _kept(pictures: Iterable[np.ndarray]) -> list[np.ndarray]:
    """All pictures; an error rather than a full memory."""
    kept, size = [], 0
    for picture in pictures:
        size += picture.nbytes
        if size > MOST_BYTES:
            raise MotionError(
                f"The video is too long for the memory: more than {MOST_BYTES >> 30} GiB. Read fewer frames of it."
            )
        kept.append(picture)
    return kept
