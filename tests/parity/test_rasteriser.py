"""Drawn curves and brush against recorded cases of the authors' rasteriser."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from motion_core.controls.motion_brush import region_from_brush
from motion_core.controls.trajectory import sparse_field
from motion_core.types import Size, Trajectory

HERE = Path(__file__).parent
CASES = {case["name"]: case for case in json.loads((HERE / "cases.json").read_text(encoding="utf-8"))}
DRAWN = [name for name, case in CASES.items() if name.startswith("raster") and "tracks" in case]


def recorded(case):
    with np.load(HERE / case["file"], allow_pickle=False) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


def agrees(got, case, arrays, name):
    torch.testing.assert_close(got, arrays[name], **case["tensors"][name])


def as_the_authors_read_clicks(track, size):
    """Whole pixels, and a single click drifts by one pixel in x and y over the clip."""
    clicks = [(int(x), int(y)) for x, y in track]
    if len(clicks) == 1:
        clicks.append((clicks[0][0] + 1, clicks[0][1] + 1))
    return Trajectory(points=tuple((x / size.width, y / size.height) for x, y in clicks))


@pytest.mark.parametrize("name", DRAWN)
def test_drags_and_brush_make_the_field_the_authors_make(name):
    case = CASES[name]
    arrays = recorded(case)
    size = Size(case["height"], case["width"])
    region = region_from_brush(arrays["in.brush_painted_u8"], size)
    trajectories = [as_the_authors_read_clicks(track, size) for track in case["tracks"]]
    field = sparse_field(trajectories, size=size, frames=case["frames"] + 1, stamp=case["flow_unit"], region=region)
    share = field.displacement / torch.tensor([size.width, size.height]).view(1, 2, 1, 1)
    agrees(((share + 1) / 2).permute(0, 2, 3, 1), case, arrays, "out.input_drag")
    agrees(field.known.permute(0, 2, 3, 1), case, arrays, "out.mask_drag")
    agrees(1 - region[None, :, :, None], case, arrays, "out.brush_mask")


def test_a_brush_of_another_size_is_resized_as_the_authors_resize_it():
    case = CASES["raster_brush_resized"]
    arrays = recorded(case)
    region = region_from_brush(arrays["in.brush_painted_u8"], Size(320, 512))
    assert 0 < region.mean() < 1
    agrees(1 - region[None, :, :, None], case, arrays, "out.brush_mask")


CURVES = CASES["trajectory_interpolation"]


@pytest.mark.parametrize("number", [name[-2:] for name in CURVES["tensors"] if name.startswith("in.points")])
def test_clicks_are_joined_by_the_authors_curve(number):
    arrays = load_file(HERE / CURVES["file"])
    canvas = 512.0  # the recorded points are pixels; a power of two keeps every digit
    clicks = (arrays[f"in.points_{number}"] / canvas).tolist()
    sampled = Trajectory(points=tuple(map(tuple, clicks))).sampled(16) * canvas
    agrees(torch.from_numpy(sampled), CURVES, arrays, f"out.track16_{number}")
