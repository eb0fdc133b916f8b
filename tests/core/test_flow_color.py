import math

import pytest
import torch

from motion_core.errors import MotionError, ShapeError
from motion_core.flow_color import DIMMED, arrows, flow_color, flow_wheel, moved_grid
from motion_core.types import MotionField, Size

RIGHT, DOWN, LEFT, UP, STILL = (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0), (0.0, 0.0)


def field_of(*motions, height=1, width=1):
    """A field whose frame 0 rests and whose every pixel moves by motions[i] in frame i + 1."""
    displacement = torch.tensor(motions).view(-1, 2, 1, 1).expand(-1, 2, height, width)
    return MotionField.after_reference(displacement)


def colors(field, **options):
    """The (r, g, b) of the one pixel in the frames after the reference."""
    return [tuple(frame.flatten().tolist()) for frame in flow_color(field, **options)[1:]]


def test_the_four_directions_have_the_middlebury_colours():
    """By hand: 54 steps go around from right over down and left, 13½ to a quarter; see Baker et al. 2007."""
    right, down, left, up = colors(field_of(RIGHT, DOWN, LEFT, UP))
    assert right == (1, 0, 0)
    assert down == pytest.approx((1, 13.5 / 15, 0), abs=1e-5)  # 13½ of the 15 steps from red to yellow
    assert left == pytest.approx((0, 9 / 11, 1), abs=1e-5)  # 27 = 15 + 6 + 4 + 2 of the 11 from cyan to blue
    assert up == pytest.approx((4.5 / 13, 0, 1), abs=1e-5)  # 40½ = 36 + 4½ of the 13 from blue to magenta


def slow_wheel_color(u, v):
    """The published C code (Baker et al., colorcode.cpp), in Python; bytes instead of 0…1."""
    wheel = []
    wheel += [(255, 255 * i // 15, 0) for i in range(15)]
    wheel += [(255 - 255 * i // 6, 255, 0) for i in range(6)]
    wheel += [(0, 255, 255 * i // 4) for i in range(4)]
    wheel += [(0, 255 - 255 * i // 11, 255) for i in range(11)]
    wheel += [(255 * i // 13, 0, 255) for i in range(13)]
    wheel += [(255, 0, 255 - 255 * i // 6) for i in range(6)]
    radius, angle = math.hypot(u, v), math.atan2(-v, -u) / math.pi
    place = (angle + 1) / 2 * (len(wheel) - 1)
    before = int(place)
    after = (before + 1) % len(wheel)
    color = []
    for a, b in zip(wheel[before], wheel[after], strict=True):
        level = (1 - (place - before)) * a / 255 + (place - before) * b / 255
        color.append(1 - radius * (1 - level) if radius <= 1 else level * 0.75)
    return color


def test_every_colour_agrees_with_the_published_code():
    motions = torch.randn(200, 2, generator=torch.Generator().manual_seed(0)) * 0.7
    field = MotionField.after_reference(motions.T.reshape(1, 2, 1, 200))
    expected = torch.tensor([slow_wheel_color(u, v) for u, v in motions.tolist()]).T.reshape(3, 1, 200)
    torch.testing.assert_close(flow_color(field, largest=1.0)[1], expected, atol=1.5 / 255, rtol=0)


def test_still_is_white_and_half_the_motion_is_half_as_pale():
    still, half, full = colors(field_of(STILL, (2.0, 0.0), (4.0, 0.0)))
    assert still == (1, 1, 1)
    assert half == (1, 0.5, 0.5)
    assert full == (1, 0, 0)


def test_a_field_in_which_nothing_moves_is_white():
    assert (flow_color(MotionField.still(Size(2, 3), frames=4)) == torch.ones(4, 3, 2, 3)).all()
    assert (flow_color(MotionField.still(Size(2, 3), frames=1), largest=5.0) == 1).all()


def test_the_largest_motion_of_all_frames_has_the_full_colour():
    slow, fast = colors(field_of((1.0, 0.0), (4.0, 0.0)))
    assert slow == (1, 0.75, 0.75)
    assert fast == (1, 0, 0)


def test_motion_beyond_the_largest_is_darker():
    assert colors(field_of((3.0, 0.0), (1.0, 0.0)), largest=2.0) == [(0.75, 0, 0), (1, 0.5, 0.5)]


@pytest.mark.parametrize("largest", [0.0, -1.0, math.nan, math.inf])
def test_the_largest_motion_is_a_length(largest):
    with pytest.raises(MotionError, match="above 0"):
        flow_color(field_of(RIGHT), largest=largest)


@pytest.mark.parametrize("length", [1e-30, 1e-6, 1e6, 1e30])
def test_tiny_and_huge_motion_has_colours(length):
    assert colors(field_of((length, 0.0), (0.0, 0.0))) == [(1, 0, 0), (1, 1, 1)]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_colours_are_float32_whatever_the_field_is(dtype):
    seen = flow_color(MotionField(field_of(RIGHT, LEFT).displacement.to(dtype)))
    assert seen.dtype == torch.float32
    torch.testing.assert_close(seen, flow_color(field_of(RIGHT, LEFT)))


def test_the_wheel_is_white_in_the_middle_and_around_and_shows_every_direction_where_it_leads():
    wheel = flow_wheel(101)
    assert wheel.shape == (3, 101, 101)
    assert wheel[:, 50, 50].tolist() == [1, 1, 1]
    assert wheel[:, 0, 0].tolist() == [1, 1, 1]
    right, down, left, up = colors(field_of(RIGHT, DOWN, LEFT, UP))
    for color, row, column in ((right, 50, 98), (down, 98, 50), (left, 50, 2), (up, 2, 50)):
        torch.testing.assert_close(wheel[:, row, column], torch.tensor(color), atol=0.06, rtol=0)


def test_the_wheel_has_any_size_from_one_pixel():
    assert flow_wheel(1).shape == (3, 1, 1)
    assert ((flow_wheel(2) >= 0) & (flow_wheel(2) <= 1)).all()
    with pytest.raises(MotionError, match="at least one pixel"):
        flow_wheel(0)


def test_an_arrow_leads_from_the_reference_to_its_tip():
    field = field_of((20.0, 0.0), (-20.0, 10.0), height=61, width=61)
    black = torch.zeros(3, 61, 61)
    _, right, back = arrows(field, black, spacing=61)  # one arrow, from the middle
    assert right[0, 30, 31:48].min() > 0.4  # the shaft
    assert right[0, 30, 48] > 0.3  # the tip
    assert right[:, :, 52:].max() == 0  # nothing beyond it
    assert right[:, :, :29].max() == 0
    assert right[:, :, 38].sum() > 1.5 * right[:, :, 33].sum()  # the head, broader than the shaft
    assert back[0, 35, 20] > 0.4  # half the way to (10, 40)
    assert back[0, 39:41, 11:13].max() > 0.3
    assert back[:, :, 32:].max() == 0
    assert back[:, :27].max() == 0


def test_what_is_still_is_a_faint_dot_over_the_dimmed_picture():
    picture = torch.full((3, 49, 49), 0.5)
    seen = arrows(MotionField.still(Size(49, 49), frames=2), picture, spacing=24)
    assert torch.equal(seen[0], seen[1])
    rows, columns = torch.nonzero(seen[0, 0] > 0.5, as_tuple=True)
    assert sorted(set(rows.tolist())) == sorted(set(columns.tolist())) == [0, 24, 48]
    assert seen.max() < 0.7
    assert seen.min() == pytest.approx(0.5 * DIMMED)


def test_only_the_part_that_moves_has_arrows():
    displacement = torch.zeros(2, 2, 48, 96)
    displacement[1, 1, :, 48:] = 9.0
    seen = arrows(MotionField(displacement), torch.zeros(3, 48, 96), spacing=24)
    still, moves = seen[:, :, :, :48], seen[:, :, :, 48:]
    assert torch.equal(still[0], still[1])
    assert moves[1].sum() > 3 * moves[0].sum()


def test_a_picture_of_another_size_is_refused():
    for see in (
        lambda field, picture: arrows(field, picture),
        lambda field, picture: moved_grid(field, picture=picture),
    ):
        with pytest.raises(ShapeError, match=r"\[3, 4, 6\]; got \[3, 6, 4\]"):
            see(MotionField.still(Size(4, 6), frames=1), torch.zeros(3, 6, 4))


def test_spacing_is_at_least_one_pixel():
    field = MotionField.still(Size(4, 6), frames=1)
    with pytest.raises(MotionError, match="at least one pixel apart"):
        arrows(field, torch.zeros(3, 4, 6), spacing=0)
    with pytest.raises(MotionError, match="at least one pixel apart"):
        moved_grid(field, spacing=0)


def test_where_nothing_moves_the_grid_is_regular():
    grid = moved_grid(MotionField.still(Size(36, 54), frames=2), spacing=16)
    assert grid.shape == (2, 3, 36, 54)
    dark = torch.zeros(36, 54, dtype=torch.bool)
    dark[[0, 16, 32, 35]] = True
    dark[:, [0, 16, 32, 48, 53]] = True
    for frame in grid:
        assert (frame[:, dark] < 0.4).all()
        assert (frame[:, ~dark] == 1).all()


def test_the_grid_moves_with_the_field():
    grid = moved_grid(field_of((3.0, 5.0), height=40, width=40), spacing=100)  # only the frame of the picture
    dark = torch.zeros(40, 40, dtype=torch.bool)
    dark[5, 3:] = True
    dark[5:, 3] = True
    assert ((grid[1] < 0.4).all(dim=0) == dark).all()


def test_the_grid_bends_where_the_field_does():
    displacement = torch.zeros(2, 2, 33, 33)
    displacement[1, 1, :, 16:] = 6.0  # the right half goes down
    grid = moved_grid(MotionField(displacement), spacing=16)[1, 0]
    assert (grid[16, 2:14] < 0.3).all()
    assert (grid[22, 18:32] < 0.3).all()
    assert (grid[16, 18:31] == 1).all()


def test_over_a_picture_the_grid_is_light_on_dim():
    picture = torch.full((3, 33, 33), 0.5)
    grid = moved_grid(MotionField.still(Size(33, 33), frames=1), picture=picture, spacing=16)[0]
    assert grid[0, 8, 8] == pytest.approx(0.5 * DIMMED)
    assert grid[0, 16, 8] > 0.8
    assert picture.eq(0.5).all()


@pytest.mark.parametrize("length", [1e4, 1e30])
def test_motion_far_out_of_the_picture_is_drawn_as_far_as_the_picture_goes(length):
    field = field_of((length, 0.0), (0.0, -length), height=40, width=60)
    pointing = arrows(field, torch.zeros(3, 40, 60), spacing=100)
    assert (pointing[1, 0, 19:21].amax(dim=0)[31:] > 0.4).all()  # to the right edge
    assert (pointing[2, 0, :18, 29:31].amax(dim=1) > 0.4).all()  # to the upper edge
    assert (moved_grid(field)[1:] == 1).all()


def test_one_pixel_and_one_frame_can_be_seen():
    field = field_of((5.0, 5.0))
    for seen in (flow_color(field), arrows(field, torch.zeros(3, 1, 1)), moved_grid(field)):
        assert seen.shape == (2, 3, 1, 1)
        assert torch.isfinite(seen).all()
    one = MotionField.still(Size(5, 7), frames=1)
    for seen in (flow_color(one), arrows(one, torch.zeros(3, 5, 7)), moved_grid(one)):
        assert seen.shape == (1, 3, 5, 7)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_field_on_the_gpu_is_seen_there():
    field = MotionField(field_of(RIGHT, DOWN, height=9, width=9).displacement.cuda())
    here = field_of(RIGHT, DOWN, height=9, width=9)
    picture = torch.rand(3, 9, 9)
    for seen, expected in (
        (flow_color(field), flow_color(here)),
        (arrows(field, picture.cuda()), arrows(here, picture)),
        (moved_grid(field), moved_grid(here)),
    ):
        assert seen.is_cuda
        torch.testing.assert_close(seen.cpu(), expected, atol=1e-5, rtol=0)
