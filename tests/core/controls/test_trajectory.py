import logging
import math
import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from motion_core.controls.trajectory import sparse_field
from motion_core.errors import MotionError, ShapeError
from motion_core.types import Size, Trajectory

TEN = Size(10, 10)


def drag(*points, **more):
    return Trajectory(points=points, **more)


def test_a_drag_asks_for_its_displacement_in_a_square_around_its_start():
    field = sparse_field([drag((0.5, 0.4), (0.8, 0.2))], size=TEN, frames=4, stamp=2)
    assert field.known.shape == (3, 1, 10, 10)
    assert field.known[0].sum() == 16
    assert field.known[:, 0, 2:6, 3:7].all()
    torch.testing.assert_close(
        field.displacement[:, :, 4, 5], torch.tensor([[1.0, -2 / 3], [2.0, -4 / 3], [3.0, -2.0]])
    )
    assert (field.displacement * (1 - field.known) == 0).all()


def test_displacements_are_pixels_of_the_grid_they_are_drawn_on():
    field = sparse_field([drag((0.25, 0.25), (0.75, 0.75))], size=Size(20, 40), frames=2, stamp=1)
    assert field.displacement[0, :, 5, 10].tolist() == [20.0, 10.0]


def test_a_pin_is_known_and_does_not_move_at_all():
    field = sparse_field([drag((0.5, 0.5))], size=TEN, frames=3, stamp=1)
    assert field.known.sum() == 2 * 4
    assert not field.displacement.any()


def test_a_drag_of_zero_length_is_a_pin():
    pin = sparse_field([drag((0.5, 0.5))], size=TEN, frames=3)
    same = sparse_field([drag((0.5, 0.5), (0.5, 0.5))], size=TEN, frames=3)
    assert torch.equal(pin.known, same.known)
    assert torch.equal(pin.displacement, same.displacement)


def test_where_squares_overlap_the_later_trajectory_holds():
    right, down = drag((0.4, 0.5), (0.6, 0.5)), drag((0.6, 0.5), (0.6, 0.7))
    field = sparse_field([right, down], size=TEN, frames=2, stamp=2)
    assert field.displacement[0, :, 5, 2:8].T.round().tolist() == [[2.0, 0.0]] * 2 + [[0.0, 2.0]] * 4
    other = sparse_field([down, right], size=TEN, frames=2, stamp=2)
    assert other.displacement[0, :, 5, 2:8].T.round().tolist() == [[2.0, 0.0]] * 4 + [[0.0, 2.0]] * 2


@pytest.mark.parametrize(
    ("start", "pixels"),
    [
        ((0.0, 0.0), 4),  # a corner: a quarter of 16
        ((0.5, 0.0), 8),
        ((1.0, 0.5), 8),
        ((-0.1, 0.5), 4),  # one column of the square still lies inside
        ((-0.2, 0.5), 0),
        ((1.5, 1.5), 0),
    ],
)
def test_the_square_is_cut_at_the_border(start, pixels):
    field = sparse_field([drag(start, (0.5, 0.5))], size=TEN, frames=2, stamp=2)
    assert field.known.sum() == pixels


@given(st.floats(-3, 4), st.floats(-3, 4), st.integers(1, 12), st.integers(1, 9), st.integers(1, 9))
def test_a_square_never_reaches_around_the_border(x, y, stamp, height, width):
    field = sparse_field([drag((x, y))], size=Size(height, width), frames=2, stamp=stamp)
    rows, columns = torch.arange(height) + 0.5, torch.arange(width) + 0.5
    near = ((rows - y * height).abs() <= stamp + 0.5)[:, None] & ((columns - x * width).abs() <= stamp + 0.5)
    assert not field.known[0, 0][~near].any()
    inner = ((rows - y * height).abs() < stamp - 0.5)[:, None] & ((columns - x * width).abs() < stamp - 0.5)
    assert field.known[0, 0][inner].all()


def test_outside_the_region_everything_is_known_and_still():
    region = torch.zeros(10, 10)
    region[:, 5:] = 1
    field = sparse_field([drag((0.5, 0.5), (0.9, 0.5))], size=TEN, frames=2, stamp=2, region=region)
    assert field.known[0, 0, :, :5].all()
    assert not field.displacement[..., :5].any()
    assert field.known[0, 0, :, 5:].sum() == 2 * 4
    torch.testing.assert_close(field.displacement[0, 0, 3:7, 5:7], torch.full((4, 2), 4.0))


def test_nothing_asked_is_nothing_known():
    field = sparse_field([], size=TEN, frames=5)
    assert field.frames == 5
    assert not field.known.any()


def test_while_a_tracker_has_lost_the_point_nothing_is_known():
    seen = drag((0.5, 0.5), (0.6, 0.5), (0.7, 0.5), visible=(True, False, True), curve="straight")
    field = sparse_field([seen], size=TEN, frames=3, stamp=1)
    assert field.known[:, 0, 5, 5].tolist() == [0, 1]
    torch.testing.assert_close(field.displacement[:, 0, 5, 5], torch.tensor([0.0, 2.0]))


def test_a_point_that_is_not_seen_in_the_reference_is_left_out_and_said(caplog):
    late = drag((0.5, 0.5), (0.9, 0.5), visible=(False, True))
    with caplog.at_level(logging.WARNING):
        field = sparse_field([late, drag((0.1, 0.1))], size=TEN, frames=3, stamp=1)
    assert field.known[0].sum() == 4
    assert "1 trajectories are not visible" in caplog.text


def test_ten_thousand_trajectories_take_seconds():
    points = np.random.default_rng(1).random((10_000, 3, 2))
    trajectories = [Trajectory(points=three) for three in points]
    started = time.perf_counter()
    field = sparse_field(trajectories, size=Size(320, 512), frames=16)
    assert time.perf_counter() - started < 20  # about 2 s; much slower means a loop over pixels or frames
    x, y = points[-1, 0] * [512, 320]
    moved = (points[-1, -1] - points[-1, 0]) * [512, 320]
    last = field.displacement[-1, :, int(y), int(x)].double().numpy()
    np.testing.assert_allclose(last, moved, atol=1e-3)


def test_a_thousand_frames_end_where_the_drag_ends():
    field = sparse_field([drag((0.2, 0.5), (0.7, 0.5))], size=TEN, frames=1000, stamp=1)
    assert field.frames == 1000
    assert math.isclose(field.displacement[-1, 0, 5, 2], 5.0, rel_tol=1e-6)


def test_what_cannot_be_asked_is_refused_in_a_sentence():
    with pytest.raises(MotionError, match="at least one later frame; got 1"):
        sparse_field([], size=TEN, frames=1)
    with pytest.raises(MotionError, match="at least 1 pixel"):
        sparse_field([], size=TEN, frames=2, stamp=0)
    with pytest.raises(ShapeError, match="at least one pixel"):
        sparse_field([], size=Size(0, 3), frames=2)
    with pytest.raises(ShapeError, match=r"must be \[10, 10\]; got \[5, 10\]"):
        sparse_field([], size=TEN, frames=2, region=torch.ones(5, 10))
    with pytest.raises(MotionError, match="A region is 1 where things may move"):
        sparse_field([], size=TEN, frames=2, region=torch.full((10, 10), math.nan))


def test_the_square_lies_around_the_pixel_under_the_start_as_the_authors_truncate():
    field = sparse_field([Trajectory([(10.9 / 64, 0.5), (0.5, 0.5)])], size=Size(32, 64), frames=2, stamp=2)
    assert field.known[0, 0].any(dim=0).nonzero().flatten().tolist() == [8, 9, 10, 11]
