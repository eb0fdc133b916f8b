"""Tracks as arrays sampled frame by frame: the TRACKS dict of ComfyUI, and .npy, .npz and .pth files."""

from __future__ import annotations

import io

import numpy as np
import torch

from ..errors import MotionError
from .found import some
from .from_arrays import ATI_SCALE
from .order import ATI_POINTS, Order


def tracks_dict(order: Order) -> dict[str, object]:
    positions, seen, names = _from_the_first_frame(order)
    extras = {"width": order.size.width, "height": order.size.height, "fps": order.fps, "names": names}
    return {"track_path": torch.from_numpy(positions), "track_visibility": torch.from_numpy(seen), **extras}


def wanmove(order: Order) -> dict[str, bytes]:
    positions, seen, _ = _from_the_first_frame(order)
    return {"tracks": _npy(positions[None]), "visibility": _npy(seen[None])}


def wangp(order: Order) -> bytes:
    positions, seen = order.sampled(order.frames)
    return _npy(np.where(seen[..., None], positions / order.whole, -1.0).astype(np.float32))


def cotracker(order: Order) -> bytes:
    positions, seen = order.sampled(order.frames)
    return _npz(pred_tracks=positions[None].astype(np.float32), pred_visibility=seen[None])


def tapvid3d(order: Order) -> bytes:
    """At depth 1, seen by a camera that makes pixels of x and y as they are."""
    positions, seen = order.sampled(order.frames)
    first = seen.argmax(axis=0)
    asked = np.concatenate([positions[first, np.arange(len(first))], first[:, None]], axis=1)
    xyz = np.concatenate([positions, np.ones((*seen.shape, 1))], axis=2).astype(np.float32)
    camera = np.array([1, 1, 0, 0], dtype=np.float32)
    return _npz(tracks_xyz=xyz, visibility=seen, queries_xyt=asked.astype(np.float32), fx_fy_cx_cy=camera)


def ati_pth(order: Order) -> bytes:
    positions, seen = order.sampled(ATI_POINTS)
    tracks = np.concatenate([positions, seen[..., None]], axis=2).swapaxes(0, 1)[:, :, None] * ATI_SCALE
    file = io.BytesIO()
    torch.save(_npz(array=tracks.astype(np.float32)), file)
    return file.getvalue()


def _from_the_first_frame(order: Order) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Positions, visibility and names of the tracks that Wan-Move can take: visible in the picture at frame 0."""
    positions, seen = order.sampled(order.frames)
    positions = positions.astype(np.float32)  # as it will be read: a hair inside the border may round onto it
    inside = ((positions[0] >= 0) & (positions[0] < order.whole)).all(axis=1) & seen[0]
    left_out = [name for name, begins in zip(order.names, inside, strict=True) if not begins]
    if not inside.any():
        raise MotionError(
            "Wan-Move needs tracks that are visible inside the picture in the first frame; none of these is."
        )
    if left_out:
        order.notes.append(
            "Wan-Move needs a track to be visible inside the picture in the first frame, or drags the lower right "
            f"corner; left out: {some(left_out)}."
        )
    names = [name for name, begins in zip(order.names, inside, strict=True) if begins]
    return positions[:, inside], seen[:, inside], names


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def _npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()
