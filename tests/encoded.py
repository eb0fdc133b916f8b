"""Video files as others' cameras and encoders make them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import pytest
from torch import Tensor


def encode(path: Path, pictures: Sequence[Tensor], *, pixels: str = "yuv420p", starts: Sequence[int] = ()) -> Path:
    """A video file of pictures [3, H, W]; pixels: how they are stored; starts: when each is shown, in 1/30 s.

    Every frame is stored on its own, so that of a file that is cut off as much is left of the video.
    """
    formats = av.Codec("libx264", "w").video_formats if "libx264" in av.codecs_available else None
    if pixels not in {known.name for known in formats or ()}:
        pytest.skip(f"this PyAV encodes no {pixels} with libx264")
    with av.open(str(path), "w", options={"movflags": "+faststart"} if path.suffix == ".mp4" else {}) as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "10", "g": "1"})
        stream.width, stream.height, stream.pix_fmt = pictures[0].shape[2], pictures[0].shape[1], pixels
        stream.time_base = stream.codec_context.time_base = Fraction(1, 30)
        for picture, start in zip(pictures, starts or range(len(pictures)), strict=True):
            levels = (picture * 255).round().byte().permute(1, 2, 0).contiguous().numpy()
            frame = av.VideoFrame.from_ndarray(levels, format="rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = start, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def lay_down(path: Path, degrees: int) -> None:
    """Makes an .mp4 say, as a phone does, that it is to be turned clockwise by so many degrees, 90, 180 or 270.

    The display matrix of its track header, (a, b, u, c, d, v, x, y, w), leads (x, y), y down, to (ax + cy, bx + dy).
    """
    a, b = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]

    def written(a: int, b: int, c: int, d: int) -> bytes:
        return struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)

    content = path.read_bytes()
    place = content.index(written(1, 0, 0, 1), content.index(b"tkhd"))
    path.write_bytes(content[:place] + written(a, b, -b, a) + content[place + 36 :])
