"""Still pictures ⇄ tensors: read_picture, read_mask, write_picture, and contact_sheet, many pictures on one."""

from __future__ import annotations

import io
import logging
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from av.error import FFmpegError
from einops import rearrange
from PIL import Image, ImageCms, ImageDraw, ImageFont, ImageOps, UnidentifiedImageError
from torch import Tensor

from .errors import MotionError, ShapeError
from .types import Size
from .whole_file import whole_file

log = logging.getLogger(__name__)

MOST_PIXELS = 89_478_485  # Pillow's own limit against decompression bombs, kept where a host has switched it off
BROKEN = (  # what Pillow and PyAV let through when bytes are missing or wrong
    *(OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, OverflowError, MemoryError),
    *(RuntimeError, struct.error, zlib.error, FFmpegError),
)
RED_LUMA, BLUE_LUMA = 0.299, 0.114  # how bright they look, green being the rest; ITU-R BT.601, as Pillow's greyscale
SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    ".png": {"format": "PNG"},
    ".jpg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    ".jpeg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    ".webp": {"format": "WEBP", "quality": 95},
}


def read_picture(path: str | os.PathLike[str]) -> Tensor:
    """A picture file as [3, H, W], float32, 0…1 sRGB.

    Turned upright as its EXIF says; what is transparent shows white; of an animation, the first frame. Greyscale,
    palette, CMYK and 16-bit pictures are read in full range, and a colour profile is converted to sRGB.
    MotionError if there is no picture, it is broken, or it has more than 89 million pixels.
    """
    return _over_white(*_read(path))


def read_mask(path: str | os.PathLike[str], size: Size) -> Tensor:
    """A painted mask as [H, W] of `size`, float32, 0…1; 1 is painted.

    Painted is what is white or, if the picture is transparent somewhere but not everywhere, what is opaque.
    Resized bilinearly (with antialiasing) if it has another size. Errors as read_picture.
    """
    color, alpha = _read(path)
    if alpha is not None and alpha.min() < alpha.max():
        mask = alpha
    else:
        red, green, blue = color
        mask = green + RED_LUMA * (red - green) + BLUE_LUMA * (blue - green)  # so that white is exactly 1
        mask = mask if alpha is None else mask * alpha
    if Size.of(mask) != size:
        fine = mask.double()[None, None]  # so that a full mask stays exactly 1
        mask = F.interpolate(fine, size, mode="bilinear", antialias=True)[0, 0].float()
    return mask.clamp(0.0, 1.0)


def write_picture(picture: Tensor, path: str | os.PathLike[str]) -> None:
    """Writes a picture [3, H, W], 0…1 sRGB (values outside are clipped), as .png, .jpg or .webp, whole or not at all.

    MotionError if the suffix is another or the place cannot be written.
    """
    options = SAVE_OPTIONS.get(Path(path).suffix.lower())
    if options is None:
        raise MotionError(f"A picture is written as .png, .jpg or .webp; got {path}.")
    image = Image.fromarray(picture_bytes(picture))
    with whole_file(path) as unfinished:
        try:
            image.save(unfinished, **options)
        except ValueError as error:  # how Pillow says that a format has no room for a picture of this size
            raise MotionError(f"{path} could not be written: {error}.") from error


def picture_bytes(picture: Tensor) -> np.ndarray:
    """A picture [3, H, W], 0…1, as the bytes [H, W, 3], 0…255, that files hold. Values outside 0…1 are clipped."""
    if picture.ndim != 3 or picture.shape[0] != 3 or 0 in picture.shape or not picture.is_floating_point():
        raise ShapeError(f"A picture is [3, H, W] of floating-point 0…1; got {list(picture.shape)} {picture.dtype}.")
    if not torch.isfinite(picture).all():
        raise MotionError("The picture has a value that is not a finite number, so it has no colour there.")
    levels = picture.detach().float().clamp(0.0, 1.0).mul(255.0).round_().to(torch.uint8)
    return np.ascontiguousarray(rearrange(levels, "c h w -> h w c").cpu().numpy())


def picture_of(image: Image.Image) -> Tensor:
    """A Pillow image of any mode as read_picture gives it: upright, over white, [3, H, W], float32, 0…1 sRGB."""
    return _over_white(*_tensors(image))


def contact_sheet(pictures: Tensor, *, columns: int, labels: Sequence[str] | None = None, gap: int = 4) -> Tensor:
    """N pictures [N, 3, H, W], 0…1, in rows of `columns` on white, with `gap` pixels between and around them.

    labels: N texts, one below each picture, shortened where they are wider than it.
    Returns [3, H', W'].
    """
    if pictures.ndim != 4 or pictures.shape[1] != 3 or 0 in pictures.shape:
        raise ShapeError(f"A contact sheet is made of pictures [N, 3, H, W]; got {list(pictures.shape)}.")
    if columns < 1 or gap < 0:
        raise MotionError(f"A contact sheet has at least one column and no negative gap; got {columns} and {gap}.")
    count, size = len(pictures), Size.of(pictures)
    if labels is not None and len(labels) != count:
        raise ShapeError(f"The contact sheet has {count} pictures but {len(labels)} labels. Give one a picture.")
    columns = min(columns, count)
    cells = pictures
    if labels is not None:
        cells = torch.cat([pictures, torch.stack([_label(text, size) for text in labels]).to(pictures)], dim=2)
    blank = ceil(count / columns) * columns - count
    cells = torch.cat([cells, cells.new_ones(blank, *cells.shape[1:])])
    cells = F.pad(cells, (0, gap, 0, gap), value=1.0)
    sheet = rearrange(cells, "(row column) c h w -> c (row h) (column w)", column=columns)
    return F.pad(sheet, (gap, 0, gap, 0), value=1.0)


def _label(text: str, size: Size) -> Tensor:
    """Black text on a white strip [3, h, W] as wide as the picture it belongs to."""
    points = min(max(size.height // 20, 11), 32)
    font = ImageFont.load_default(points)
    strip = Image.new("RGB", (size.width, round(points * 1.5)), "white")
    draw = ImageDraw.Draw(strip)
    shown = text
    while len(shown) > 1 and draw.textlength(shown, font) > size.width:
        shown = shown.rstrip("…")[:-1] + "…"
    draw.text((0, points * 0.15), shown, fill="black", font=font)
    return _tensor(np.array(strip))


@contextmanager
def reading(path: str | os.PathLike[str], what: str) -> Iterator[None]:
    """Whatever goes wrong while `path`, a picture or a video, is read, as a MotionError in words."""
    try:
        yield
    except MotionError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        limit = MOST_PIXELS // 10**6
        raise MotionError(f"{path} has more than {limit} million pixels; make it smaller first.") from error
    except FileNotFoundError as error:
        raise MotionError(f"There is no {what} {path}.") from error
    except IsADirectoryError as error:
        raise MotionError(f"{path} is a folder; name a {what} in it.") from error
    except PermissionError as error:
        raise MotionError(f"There is no permission to read {path}.") from error
    except UnidentifiedImageError as error:
        raise MotionError(f"{path} is not a {what}, or one of a kind that cannot be read here.") from error
    except BROKEN as error:
        why = getattr(error, "strerror", None) or error
        raise MotionError(f"{path} is a broken {what} or none at all ({why}).") from error


def _read(path: str | os.PathLike[str]) -> tuple[Tensor, Tensor | None]:
    """Color [3, H, W] and, if the file has one, alpha [H, W]; float32, 0…1."""
    with reading(path, "picture"), Image.open(path) as image:
        return _tensors(image)


def _tensors(image: Image.Image) -> tuple[Tensor, Tensor | None]:
    """A Pillow image of any mode, upright, as color [3, H, W] and, if it has one, alpha [H, W]; float32, 0…1 sRGB."""
    if image.width * image.height > MOST_PIXELS:
        raise Image.DecompressionBombError(f"{image.width}×{image.height} pixels")
    image = ImageOps.exif_transpose(image)
    if image.mode == "F" or image.mode.startswith("I"):
        largest = 1.0 if image.mode == "F" else 65535.0  # Pillow's "I" holds 16-bit greyscale as well
        grey = torch.from_numpy(np.array(image, dtype=np.float32)).div_(largest).nan_to_num_(nan=0.0).clamp_(0.0, 1.0)
        return grey.expand(3, -1, -1).contiguous(), None
    image = _srgb(image)
    if image.has_transparency_data:
        pixels = _tensor(np.array(image.convert("RGBA")))
        return pixels[:3], pixels[3]
    return _tensor(np.array(image.convert("RGB"))), None


def _over_white(color: Tensor, alpha: Tensor | None) -> Tensor:
    return color if alpha is None else torch.lerp(torch.ones_like(color), color, alpha)


def _srgb(image: Image.Image) -> Image.Image:
    """The same colours in sRGB, if the image brings a profile of other ones."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK"):
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return image
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError) as error:
        log.warning("The picture's colour profile cannot be used (%s); its colours are taken as sRGB.", error)
        return image
    return image if converted is None else converted


def _tensor(pixels: np.ndarray) -> Tensor:
    return rearrange(torch.from_numpy(pixels), "h w c -> c h w").contiguous().float().div_(255.0)
