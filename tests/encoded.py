"""Frames to make videos of, and video files as others' cameras and encoders make them."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from torch import Tensor


def moving(frames: int = 5, height: int = 48, width: int = 64) -> Tensor:
    """[F, 3, H, W]: a soft gradient whose colours turn a little from frame to frame."""
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    phase = torch.linspace(0, 1, frames).view(-1, 1, 1)
    return torch.stack([x * (1 - phase / 2), (y * 0.8).expand(frames, -1, -1), (x * y) * phase], dim=1)


def patches(levels: Sequence[int] = (0, 64, 128, 192, 255), side: int = 16) -> tuple[Tensor, np.ndarray]:
    """One frame of 5×25 flat patches with every combination of these levels, and the colours [5, 25, 3], 0…255."""
    colors = np.array(list(itertools.product(levels, repeat=3)), dtype=np.float32).reshape(5, 25, 3)
    picture = torch.from_numpy(colors.repeat(side, 0).repeat(side, 1)).permute(2, 0, 1) / 255
    return picture, colors


def inner_colors(picture: Tensor, side: int = 16) -> np.ndarray:
    """The mean colours [rows, columns, 3], 0…255, of the inner quarters of the patches."""
    tiles = picture.permute(1, 2, 0).reshape(picture.shape[1] // side, side, picture.shape[2] // side, side, 3)
    return (tiles[:, side // 4 : -side // 4, :, side // 4 : -side // 4] * 255).mean(dim=(1, 3)).numpy()


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
