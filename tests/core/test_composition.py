import math

import pytest
import torch

from motion_core.composition import composed, from_steps, inverse, to_steps
from motion_core.controls.camera import Camera, camera_field
from motion_core.errors import MotionError, ShapeError
from motion_core.types import MotionField, Size

SIZE = Size(60, 80)


def one_frame(x, y, size=SIZE):
    return MotionField.after_reference(torch.tensor([x, y]).view(1, 2, 1, 1).expand(1, 2, *size).clone())


def turned(degrees, size=SIZE, frames=2):
    return camera_field(Camera(rotate=degrees), size=size, frames=frames)


def distance_from_centre(size=SIZE):
    x = torch.arange(size.width) - (size.width - 1) / 2
    y = torch.arange(size.height) - (size.height - 1) / 2
    return torch.hypot(x, y[:, None])


def moving_square(*, x, y, size=SIZE, rows=slice(20, 40), columns=slice(20, 40)):
    displacement = torch.zeros(1, 2, *size)
    displacement[0, 0, rows, columns] = x
    displacement[0, 1, rows, columns] = y
    return MotionField.after_reference(displacement)


def test_two_shifts_compose_to_their_sum():
    both = composed(one_frame(3.0, 1.0), one_frame(-1.0, 4.0))
    assert both.displacement[1, 0].unique().tolist() == [2.0]
    assert both.displacement[1, 1].unique().tolist() == [5.0]
    assert not both.displacement[0].any()


def test_the_second_motion_is_read_where_the_first_has_led():
    stretch = torch.tensor([0.0, 10.0, 20.0, 30.0]).view(1, 1, 1, 4)
    grow = MotionField.after_reference(torch.cat([stretch, torch.zeros(1, 1, 1, 4)], dim=1))
    both = composed(one_frame(1.0, 0.0, Size(1, 4)), grow)
    assert both.displacement[1, 0, 0].tolist() == [11.0, 21.0, 31.0, 31.0]  # the last reads the rim


def test_order_matters():
    shift, turn = one_frame(5.0, 0.0), turned(90)
    assert not torch.allclose(composed(shift, turn).displacement, composed(turn, shift).displacement, atol=1)


def test_a_turn_after_a_turn_is_the_turn_by_both_angles():
    both, whole = composed(turned(20), turned(25)), turned(45)
    disc = distance_from_centre() < 29
    error = (both.displacement - whole.displacement).norm(dim=1)[1]
    assert error[disc].max() < 1e-3


def test_fields_of_other_sizes_or_frames_do_not_compose():
    with pytest.raises(ShapeError, match="the first has 2 of 80×60, the second 2 of 8×6"):
        composed(turned(1), turned(1, Size(6, 8)))
    with pytest.raises(ShapeError, match="Re-time or resize"):
        composed(turned(1), turned(1, frames=3))


@pytest.mark.parametrize(
    ("forth", "back"),
    [
        (Camera(rotate=30), Camera(rotate=-30)),
        (Camera(rotate=170), Camera(rotate=-170)),
        (Camera(zoom=1.6), Camera(zoom=1 / 1.6)),
        (Camera(zoom=0.6), Camera(zoom=1 / 0.6)),
        (Camera(zoom=4.0), Camera(zoom=0.25)),
        (Camera(pan_x=0.1013), Camera(pan_x=-0.1013)),
    ],
)
def test_the_way_back_from_a_camera_is_the_camera_run_backwards(forth, back):
    got, occluded = inverse(camera_field(forth, size=SIZE, frames=2))
    true = camera_field(back, size=SIZE, frames=2).displacement[1]
    x, y = true[0] + torch.arange(80), true[1] + torch.arange(60)[:, None]
    shown = (x > -0.499) & (x < 79.499) & (y > -0.499) & (y < 59.499)
    hidden = (x < -0.501) | (x > 79.501) | (y < -0.501) | (y > 59.501)
    assert not occluded[1, 0][shown].any()
    assert occluded[1, 0][hidden].all()
    inside = (x >= 0) & (x <= 79) & (y >= 0) & (y <= 59)
    assert inside.float().mean() > 0.05
    assert (got.displacement[1] - true).norm(dim=0)[inside].max() < 0.01


def test_a_smooth_field_and_its_inverse_lead_back():
    rows, columns = torch.meshgrid(torch.arange(60.0), torch.arange(80.0), indexing="ij")
    window = torch.sin(math.pi * rows / 59) * torch.sin(math.pi * columns / 79)
    swirl = torch.stack([4 * window * torch.cos(rows / 9), 4 * window * torch.sin(columns / 9)])
    field = MotionField.after_reference(swirl[None])
    back, occluded = inverse(field)
    assert not occluded.any()
    assert composed(back, field).displacement.abs().max() < 0.01  # exactly what is solved for
    assert composed(field, back).displacement[..., 2:-2, 2:-2].norm(dim=1).max() < 0.05


def test_what_a_moving_thing_uncovers_is_occluded_and_what_it_covers_is_not():
    back, occluded = inverse(moving_square(x=8.0, y=0.0))
    uncovered = torch.zeros(*SIZE)
    uncovered[20:40, 20:28] = 1
    assert torch.equal(occluded[1, 0], uncovered)
    assert not occluded[0].any()
    arrived = back.displacement[1, :, 20:40, 28:48]
    assert arrived[0].unique().tolist() == [-8.0]  # the thing lies in front of what it moved over
    assert not arrived[1].any()
    around = uncovered.clone()
    around[20:40, 28:48] = 1
    assert not back.displacement[1][:, around == 0].any()
    filled = back.displacement[1, 0][uncovered == 1]
    assert -8 <= filled.min() <= filled.max() <= 0


def test_of_two_things_that_meet_the_one_that_moved_farthest_is_in_front():
    field = moving_square(x=10.0, y=0.0, columns=slice(10, 20)).displacement
    field[1, 0, 20:40, 50:60] = -30.0
    back, _ = inverse(MotionField(field))
    assert back.displacement[1, 0, 20:40, 20:30].unique().tolist() == [30.0]


def test_a_thing_between_pixels_comes_back_within_a_twentieth_of_one():
    back, occluded = inverse(moving_square(x=7.3, y=-2.6))
    middle = back.displacement[1, :, 20:35, 30:45]
    torch.testing.assert_close(middle, torch.tensor([-7.3, 2.6]).view(2, 1, 1).expand_as(middle), atol=0.05, rtol=0)
    assert not occluded[1, 0, 20:35, 30:45].any()


def test_when_everything_has_left_the_picture_all_is_occluded():
    back, occluded = inverse(one_frame(500.0, 0.0))
    assert occluded[1].all()
    assert torch.isfinite(back.displacement).all()
    assert not inverse(one_frame(1e30, -1e30))[1][0].any()


@pytest.mark.parametrize("size", [Size(1, 1), Size(1, 7), Size(7, 1), Size(2, 2)])
def test_the_smallest_pictures_have_a_way_back(size):
    still, occluded = inverse(MotionField.still(size, frames=3))
    assert not still.displacement.any()
    assert not occluded.any()
    assert inverse(one_frame(0.25, 0.25, size))[0].displacement[1].flatten().tolist() == [-0.25] * (2 * math.prod(size))


def test_a_half_precision_field_has_a_half_precision_inverse():
    back, occluded = inverse(MotionField(turned(10).displacement.half()))
    assert back.displacement.dtype == occluded.dtype == torch.float16
    inner = distance_from_centre() < 25
    assert (back.displacement[1].float() - turned(-10).displacement[1]).norm(dim=0)[inner].max() < 0.05


def test_steps_of_a_turn_make_the_turn_where_a_cumulative_sum_goes_astray():
    size, frames = Size(96, 96), 16
    whole = turned(60, size, frames)
    four_degrees = turned(4, size).displacement[1:]
    steps = four_degrees.expand(frames - 1, -1, -1, -1)
    disc = distance_from_centre(size) < 47
    made = from_steps(steps)
    error = (made.displacement - whole.displacement).norm(dim=1)
    assert error[:, disc].max() < 0.01
    summed = (torch.cumsum(steps, dim=0) - whole.displacement[1:]).norm(dim=1)
    assert summed[-1][disc].max() > 20  # 47 px from the centre, 60° are an arc of 49 px and a chord of 47


def test_a_turn_is_made_of_equal_steps():
    size = Size(96, 96)
    steps, known = to_steps(turned(60, size, 16))
    disc = distance_from_centre(size) < 46
    assert known[:, 0][:, disc].all()
    error = (steps - turned(4, size).displacement[1]).norm(dim=1)
    assert error[:, disc].max() < 0.01


def test_a_field_taken_apart_into_steps_and_put_together_is_the_same():
    size = Size(64, 64)
    field = camera_field(Camera(rotate=40, zoom=0.8, easing="in_out"), size=size, frames=8)
    again = from_steps(to_steps(field)[0])
    error = (again.displacement - field.displacement).norm(dim=1)
    assert error[:, distance_from_centre(size) < 31].max() < 0.05


def test_a_step_is_unknown_where_the_reference_is_not_seen():
    field = torch.cat([moving_square(x=x, y=0.0).displacement[1:] for x in (8.0, 16.0)])
    steps, known = to_steps(MotionField.after_reference(field))
    assert known[0].all()
    assert (steps[1, 0, 20:40, 28:48] - 8).abs().max() < 1e-3  # the thing goes on from where it is
    assert not known[1, 0, 20:40, 20:28].any()
    assert known[1, 0].sum() == 60 * 80 - 20 * 8


def test_what_has_left_the_picture_goes_on_like_its_rim():
    steps = torch.full((3, 2, 4, 4), 3.0)
    assert from_steps(steps).displacement[3].unique().tolist() == [9.0]


def test_steps_that_are_no_steps_are_refused_in_a_sentence():
    with pytest.raises(ShapeError, match=r"\[F-1, 2, H, W\]; got \[3, 4, 4, 2\]"):
        from_steps(torch.zeros(3, 4, 4, 2))
    with pytest.raises(ShapeError, match="got"):
        from_steps(torch.zeros(0, 2, 4, 4))
    with pytest.raises(ShapeError, match="got"):
        from_steps(torch.tensor(1.0))
    with pytest.raises(MotionError, match="one frame has no steps"):
        to_steps(MotionField.still(SIZE, frames=1))
