import math

import pytest
import torch

from motion_core.controls.motion_brush import region_from_brush
from motion_core.errors import MotionError, ShapeError
from motion_core.types import Size


def test_what_is_painted_may_move():
    brush = torch.tensor([[1.0, 0.0], [0.0, 0.6]])
    assert region_from_brush(brush, Size(2, 2)).tolist() == [[1, 0], [0, 1]]


def test_nothing_painted_lets_everything_move():
    assert region_from_brush(torch.zeros(3, 3), Size(2, 2)).tolist() == [[1, 1], [1, 1]]


def test_everything_painted_lets_everything_move():
    assert region_from_brush(torch.ones(3, 3), Size(2, 2)).tolist() == [[1, 1], [1, 1]]


def test_a_brush_of_another_size_keeps_its_place():
    brush = torch.zeros(4, 8)
    brush[:, :4] = 1
    region = region_from_brush(brush, Size(20, 80))
    assert region[:, :40].all()
    assert not region[:, 41:].any()
    assert torch.equal(region_from_brush(brush[None, None], Size(20, 80)), region)


@pytest.mark.parametrize("full", [torch.tensor(True), torch.tensor(255, dtype=torch.uint8), torch.tensor(1.0).half()])
def test_full_paint_may_be_true_or_255_or_one(full):
    brush = torch.stack([full, torch.zeros_like(full)])[None]
    assert region_from_brush(brush, Size(1, 2)).tolist() == [[1, 0]]


def test_a_brush_that_is_no_mask_is_refused_in_a_sentence():
    with pytest.raises(ShapeError, match=r"one mask \[H, W\] or \[1, 1, H, W\]; got \[3, 4, 4\]"):
        region_from_brush(torch.ones(3, 4, 4), Size(4, 4))
    with pytest.raises(ShapeError, match="one mask"):
        region_from_brush(torch.ones(2, 1, 4, 4), Size(4, 4))
    with pytest.raises(ShapeError, match="one mask"):
        region_from_brush(torch.ones(0, 4), Size(4, 4))
    with pytest.raises(MotionError, match="not a finite number"):
        region_from_brush(torch.tensor([[math.nan]]), Size(1, 1))
    with pytest.raises(MotionError, match=r"got 0 … 255\. Divide"):
        region_from_brush(torch.tensor([[0.0, 255.0]]), Size(1, 1))
    with pytest.raises(MotionError, match="complex64"):
        region_from_brush(torch.ones(1, 1, dtype=torch.complex64), Size(1, 1))
