import math

import numpy as np
import pytest
import torch

from motion_core.controls.camera import Camera, camera_field, seen_by
from motion_core.errors import MotionError
from motion_core.types import MotionField, Size

WIDE = Size(40, 80)  # its centre lies between pixels 39 and 40, 19 and 20


def goes_to(field, frame, column, row):
    x, y = field.displacement[frame, :, row, column].tolist()
    return pytest.approx((column + x, row + y), abs=1e-4)


def test_a_pan_moves_everything_by_a_share_of_the_picture():
    field = camera_field(Camera(pan_x=0.1, pan_y=-0.25), size=WIDE, frames=3)
    assert field.displacement[2, 0].unique().tolist() == [8.0]
    assert field.displacement[2, 1].unique().tolist() == [-10.0]
    assert field.displacement[1, 0].unique().tolist() == [4.0]


def test_a_zoom_above_one_moves_content_outward_from_the_centre():
    field = camera_field(Camera(zoom=2.0), size=WIDE, frames=2)
    assert goes_to(field, 1, 79, 39) == (118.5, 58.5)  # 39.5 from the middle becomes 79
    assert goes_to(field, 1, 0, 0) == (-39.5, -19.5)


def test_zoom_grows_by_the_same_ratio_from_frame_to_frame():
    field = camera_field(Camera(zoom=4.0), size=WIDE, frames=3)
    from_centre = 79 - 39.5
    sizes = (from_centre + field.displacement[:, 0, 0, 79]) / from_centre
    assert sizes.tolist() == pytest.approx([1, 2, 4], rel=1e-5)


def test_a_quarter_turn_is_clockwise_and_rigid_in_a_wide_picture():
    field = camera_field(Camera(rotate=90.0), size=WIDE, frames=2)
    assert goes_to(field, 1, 79, 20) == (39, 59)  # from the right edge to below, at the same distance of 39.5
    assert goes_to(field, 1, 39, 0) == (59, 19)  # from above to the right
    moved = camera_field(Camera(rotate=33.0), size=WIDE, frames=2).displacement[1].double()
    a, b = np.array([3, 5]), np.array([70, 31])
    moved_a, moved_b = (point + moved[:, point[1], point[0]].numpy() for point in (a, b))
    assert np.linalg.norm(moved_b - moved_a) == pytest.approx(np.linalg.norm(b - a), abs=1e-4)


def test_the_centre_stays_in_place_and_may_be_anywhere():
    camera = Camera(zoom=1.7, rotate=50, centre=(10.5 / 80, 30.5 / 40))
    field = camera_field(camera, size=WIDE, frames=5)
    assert field.displacement[:, :, 30, 10].abs().max() < 1e-4
    assert field.displacement[4].abs().max() > 10


def test_the_reference_rests_exactly_and_so_does_a_camera_that_does_nothing():
    field = camera_field(Camera(zoom=1.3, rotate=7, pan_x=0.3, easing="in_out"), size=Size(33, 57), frames=4)
    assert not field.displacement[0].any()
    assert not camera_field(Camera(), size=WIDE, frames=4).displacement.any()


def test_easing_in_starts_slowly():
    field = camera_field(Camera(pan_x=0.1, easing="in"), size=WIDE, frames=3)
    assert field.displacement[:, 0, 0, 0].tolist() == pytest.approx([0, 2, 8])


def test_things_move_first_and_then_the_camera_looks():
    ten_right = MotionField.after_reference(torch.tensor([10.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 40, 80))
    field = seen_by(Camera(zoom=2.0), ten_right)
    assert goes_to(field, 1, 40, 20) == (39.5 + 2 * 10.5, 20.5)  # 40 → 50, 10.5 from the middle, then twice that


def test_a_still_camera_leaves_the_objects_as_they_are():
    objects = MotionField.after_reference(torch.randn(3, 2, 6, 5, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(seen_by(Camera(), objects).displacement, objects.displacement)


def test_a_half_precision_field_stays_half():
    half = MotionField(torch.zeros(2, 2, 4, 4, dtype=torch.float16))
    field = seen_by(Camera(pan_x=0.5), half)
    assert field.displacement.dtype == torch.float16
    assert field.displacement[1, 0].unique().tolist() == [2.0]


def test_a_camera_is_read_from_one_line():
    assert Camera.parse("zoom=1.1,pan_x=0.05, rotate=3") == Camera(zoom=1.1, pan_x=0.05, rotate=3)
    assert Camera.parse("centre=0.3:0.7 easing=out pan_y=-1e-1") == Camera(centre=(0.3, 0.7), easing="out", pan_y=-0.1)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "got nothing"),
        ("zoom", "cannot have “zoom”"),
        ("tilt=3", "cannot have “tilt=3”"),
        ("FURTHEST=3", "cannot have “FURTHEST=3”"),
        ("zoom=big", "zoom is one number; got “big”"),
        ("zoom=", "zoom is one number; got “”"),
        ("zoom=1:2", "zoom is one number"),
        ("centre=0.5", "two numbers, written like 0.3:0.7"),
        ("centre=1:2:3", "two numbers"),
        ("zoom=2,zoom=3", "zoom twice"),
        ("easing=bounce", "one of linear, in, out, in_out"),
        ("zoom=0", "zooms by 0.01 … 100"),
        ("zoom=-1", "zooms by"),
        ("zoom=1e300", "zooms by"),
        ("zoom=nan", "finite"),
        ("rotate=inf", "finite"),
        ("rotate=1e6", "at most 100 turns"),
        ("pan_x=512", "Divide pixels"),
        ("centre=100:100", "0…1 of the picture"),
    ],
)
def test_a_line_that_names_no_camera_is_refused_in_a_sentence(line, told):
    with pytest.raises(MotionError) as refusal:
        Camera.parse(line)
    assert told in str(refusal.value)


@pytest.mark.parametrize(
    "wrong", [{"centre": 0.5}, {"centre": (0.5,)}, {"zoom": "2"}, {"pan_x": math.nan}, {"centre": (0.5, math.inf)}]
)
def test_a_camera_made_of_anything_but_finite_numbers_is_refused(wrong):
    with pytest.raises(MotionError, match="finite numbers"):
        Camera(**wrong)


def test_the_most_extreme_camera_still_makes_a_field():
    camera = Camera(zoom=100, rotate=36000, pan_x=10, pan_y=-10, centre=(10.5, -9.5))
    assert torch.isfinite(camera_field(camera, size=Size(30, 40), frames=3).displacement).all()
    assert camera_field(camera, size=Size(1, 1), frames=1).displacement.tolist() == [[[[0.0]], [[0.0]]]]
