"""Numbers of clips whose motion is known exactly."""

import math

import numpy as np
import pytest
import torch

from motion_core.errors import MotionError, ShapeError
from motion_core.metrics import (
    ImageFeatures,
    NotMeasured,
    Travel,
    average_displacement,
    drift_outside,
    dynamic_degree,
    every,
    fastest_part,
    flicker,
    frame_consistency,
    prompt_consistency,
    steps_between,
    steps_of,
    subject_consistency,
    travel,
)
from motion_core.types import MotionField, Size, Trajectory

SIZE = Size(40, 64)


def moving(step, *, frames=16, size=SIZE):
    """Everything goes by the same step, (x, y) px, from frame to frame."""
    times = torch.arange(frames, dtype=torch.float32).view(-1, 1, 1, 1)
    return MotionField(times * torch.tensor(step, dtype=torch.float32).view(1, 2, 1, 1).expand(1, 2, *size))


def noise(size=SIZE):
    return torch.rand(3, *size, generator=torch.Generator().manual_seed(0))


def rolled(picture, step, frames):
    return torch.stack([picture.roll((k * step[1], k * step[0]), dims=(1, 2)) for k in range(frames)])


def towards(*degrees):
    """Unit features [F, 2] in these directions."""
    angles = torch.tensor(degrees, dtype=torch.float64).deg2rad()
    return torch.stack([angles.cos(), angles.sin()], dim=1)


# ---- displacement


def test_a_picture_that_goes_3_and_4_px_a_frame_is_40_px_away_on_average():
    assert average_displacement(moving((3, 4))) == pytest.approx(40.0)


def test_a_still_clip_has_no_displacement():
    assert average_displacement(MotionField.still(SIZE, frames=16)) == 0


def test_at_twice_the_size_pixels_double_and_the_share_of_the_diagonal_stays():
    field = moving((3, 4))
    large = field.resized(Size(80, 128))
    assert average_displacement(large) == pytest.approx(80.0)
    assert average_displacement(large) / large.size.diagonal == pytest.approx(40 / SIZE.diagonal)


def test_what_drifts_outside_the_brush_is_measured_there_alone():
    field = MotionField.still(SIZE, frames=3)
    field.displacement[1:, 0, :, :32] = 10.0  # inside
    field.displacement[2, 1, :, 32:] = 4.0  # outside, in one of two frames
    region = torch.zeros(SIZE)
    region[:, :32] = 1
    assert drift_outside(field, region) == pytest.approx(2.0)


def test_the_soft_edge_of_the_brush_may_move():
    field = MotionField.still(SIZE, frames=2)
    field.displacement[1, 0, :, :33] = 10.0
    region = torch.zeros(SIZE)
    region[:, :32], region[:, 32] = 1, 0.3
    assert drift_outside(field, region) == 0


def test_a_brush_over_everything_leaves_no_drift_to_measure():
    with pytest.raises(NotMeasured, match="covers the whole picture"):
        drift_outside(moving((1, 0)), torch.ones(SIZE))


def test_one_frame_has_no_displacement_rather_than_zero():
    still = MotionField.still(SIZE, frames=1)
    for measure in (average_displacement, lambda field: drift_outside(field, torch.zeros(SIZE))):
        with pytest.raises(NotMeasured, match="only one frame"):
            measure(still)


# ---- trajectories


def test_a_point_that_goes_as_asked_makes_no_error():
    asked = Trajectory([(0.25, 0.5), (0.75, 0.5)])  # 32 px to the right, 4 px a frame
    way = travel(moving((4, 0), frames=9), asked)
    assert (way.asked_way, way.share, way.error, way.off_path) == pytest.approx((32, 1, 0, 0), abs=1e-4)
    assert way.direction_error == pytest.approx(0, abs=1e-4)
    assert way.frames == 8


def test_half_as_fast_is_half_of_the_way_on_the_path():
    way = travel(moving((2, 0), frames=9), Trajectory([(0.25, 0.5), (0.75, 0.5)]))
    assert way.share == pytest.approx(0.5)
    assert way.off_path == pytest.approx(0, abs=1e-4)
    assert way.error == pytest.approx(2 * 4.5)  # 2, 4 … 16 px behind
    assert way.direction_error == pytest.approx(0, abs=1e-4)


def test_a_stray_of_60_degrees_is_told_in_degrees_and_in_pixels():
    step = (4 * math.cos(math.pi / 3), 4 * math.sin(math.pi / 3))
    way = travel(moving(step, frames=3), Trajectory([(0.25, 0.5), (0.375, 0.5)]))
    assert way.direction_error == pytest.approx(60, abs=1e-3)
    assert way.share == pytest.approx(0.5)  # only what goes along counts
    assert way.off_path == pytest.approx(1.5 * step[1])
    assert way.error == pytest.approx(6.0)  # equilateral triangles, of 4 and of 8 px


def test_the_other_way_is_less_than_nothing_and_180_degrees_wrong():
    way = travel(moving((-4, 0), frames=3), Trajectory([(0.5, 0.5), (0.625, 0.5)]))
    assert way.share == pytest.approx(-1)
    assert way.direction_error == pytest.approx(180)


def test_there_and_back_is_all_of_the_way():
    there_and_back = moving((4, 0), frames=5).there_and_back(9)
    way = travel(there_and_back, Trajectory([(0.25, 0.5), (0.5, 0.5), (0.25, 0.5)]))
    assert way.asked_way == pytest.approx(32, abs=0.1)
    assert way.share == pytest.approx(1, abs=1e-3)


def test_a_tremble_does_not_add_to_the_way():
    asked = np.array([[0.0, 0], [10, 0], [20, 0], [30, 0]])
    trembling = asked + [[0, 0], [3, 0], [-3, 0], [0, 0]]
    assert Travel(asked, trembling, np.ones(4, bool), SIZE).share == pytest.approx(1)


def test_too_late_is_an_error_but_not_off_the_path():
    asked = np.array([[0.0, 0], [10, 0], [10, 10]])
    late = np.array([[0.0, 0], [5, 0], [10, 5]])
    way = Travel(asked, late, np.ones(3, bool), SIZE)
    assert way.error == pytest.approx(5)
    assert way.off_path == 0


def test_frames_in_which_the_point_was_not_seen_do_not_count():
    asked = np.array([[0.0, 0], [10, 0], [20, 0], [30, 0]])
    lost = np.array([[0.0, 0], [10, 0], [999, 999], [30, 4]])
    way = Travel(asked, lost, np.array([True, True, False, True]), SIZE)
    assert (way.share, way.error, way.frames) == (pytest.approx(1), pytest.approx(2), 2)


def test_seen_is_asked_where_the_point_starts():
    seen = torch.ones(3, *SIZE, dtype=torch.bool)
    seen[2, 20, 16] = False  # the pixel over (0.25, 0.5)
    asked = Trajectory([(0.26, 0.51), (0.5, 0.51)])
    assert travel(moving((4, 0), frames=3), asked, seen).known.tolist() == [True, True, False]
    seen[1, 20, 16] = False
    with pytest.raises(NotMeasured, match="seen in no frame"):
        travel(moving((4, 0), frames=3), asked, seen)


def test_the_place_between_pixels_is_read_bilinearly():
    field = MotionField.still(Size(1, 2), frames=2)
    field.displacement[1, 0, 0] = torch.tensor([1.0, 3.0])
    way = travel(field, Trajectory([(0.5, 0.5)]))  # halfway between the two pixels' centres
    assert way.travelled[1] - way.travelled[0] == pytest.approx([2, 0])


def test_a_pin_is_measured_by_how_far_it_was_moved():
    way = travel(moving((3, 4), frames=3), Trajectory([(0.5, 0.5)]))
    assert way.stays
    assert way.error == pytest.approx(7.5)
    assert way.verdict == "was to stay, and was 7.5 px off its place on average."
    with pytest.raises(NotMeasured, match="asked to stay"):
        _ = way.share
    with pytest.raises(NotMeasured, match="asked to stay"):
        _ = way.direction_error


def test_what_does_not_move_has_no_direction():
    way = travel(MotionField.still(SIZE, frames=3), Trajectory([(0.5, 0.5), (0.7, 0.5)]))
    assert way.share == 0
    with pytest.raises(NotMeasured, match="did not move"):
        _ = way.direction_error


def test_the_verdict_reads_as_a_sentence():
    asked = np.stack([np.linspace(0, 20, 5), np.zeros(5)], axis=1)
    travelled = asked * [0.91, 0] + [[0, 0], [0, 1.3], [0, 1.3], [0, 1.3], [0, 1.3]]
    way = Travel(asked, travelled, np.ones(5, bool), SIZE)
    assert way.verdict == "went 18.2 of 20.0 px (91 %), 1.3 px off its path."


@pytest.mark.parametrize("start", [(-0.01, 0.5), (0.5, 1.01)])
def test_a_trajectory_that_starts_outside_is_not_measured(start):
    with pytest.raises(NotMeasured, match="starts outside the picture"):
        travel(moving((1, 0)), Trajectory([start, (0.5, 0.5)]))


@pytest.mark.parametrize("corner", [(0.0, 0.0), (1.0, 1.0)])
def test_a_trajectory_may_start_in_the_very_corner(corner):
    seen = torch.ones(16, *SIZE, dtype=torch.bool)
    assert travel(moving((1, 0)), Trajectory([corner, (0.5, 0.5)]), seen).frames == 15


def test_a_trajectory_hidden_at_first_is_not_measured():
    with pytest.raises(NotMeasured, match="hidden in the first frame"):
        travel(moving((1, 0)), Trajectory([(0.2, 0.5), (0.5, 0.5)], visible=[False, True]))


# ---- dynamic degree


@pytest.mark.parametrize(
    ("short", "frames", "threshold", "needed"),
    [(256, 16, 6, 4), (320, 16, 7.5, 4), (512, 25, 12, 6), (480, 49, 11.25, 12)],
)
def test_thresholds_are_those_of_vbench(short, frames, threshold, needed):
    degree = dynamic_degree([0.0] * (frames - 1), Size(short, 2 * short))
    assert (degree.threshold, degree.needed, degree.dynamic) == (threshold, needed, False)


def test_four_fast_pairs_of_a_320_px_clip_are_dynamic_and_three_are_not():
    size = Size(320, 512)
    assert dynamic_degree([7.6] * 4 + [0.0] * 11, size).dynamic
    assert not dynamic_degree([7.6] * 3 + [7.5] * 12, size).dynamic  # exactly the threshold does not exceed it


def test_a_constant_clip_is_not_dynamic_however_short():
    for frames in (2, 3, 16):
        still = MotionField.still(SIZE, frames=frames)
        assert not dynamic_degree([fastest_part(step) for step in steps_of(still, fps=8)], SIZE).dynamic


def test_the_fastest_twentieth_stands_for_the_pair():
    flow = torch.zeros(2, 10, 20)  # of 200 pixels, 10
    flow[:, 0, :5] = torch.tensor([3.0, 4.0]).view(2, 1)
    assert fastest_part(flow) == pytest.approx(2.5)
    assert fastest_part(torch.full((2, 1, 1), 3.0)) == pytest.approx(math.hypot(3, 3))  # of one pixel, one


def test_eight_frames_a_second_are_looked_at():
    assert [every(fps) for fps in (1, 8, 16, 24, 30, 60)] == [1, 1, 2, 3, 4, 8]
    frames = torch.arange(7.0).view(7, 1, 1, 1).expand(7, 3, 2, 2)
    pairs = steps_between(frames, lambda first, second: torch.stack([first[0], second[0]]), fps=24)
    assert [(float(pair[0, 0, 0]), float(pair[1, 0, 0])) for pair in pairs] == [(0, 3), (3, 6)]
    steps = list(steps_of(moving((1, 0), frames=7), fps=24))
    assert [float(step[0].mean()) for step in steps] == [3, 3]


def test_a_clip_too_short_to_be_looked_at_is_not_measured():
    with pytest.raises(NotMeasured, match="fewer than two"):
        dynamic_degree(list(map(fastest_part, steps_of(moving((9, 0), frames=4), fps=60))), SIZE)
    with pytest.raises(MotionError, match="more than zero frames a second"):
        every(math.nan)


# ---- flicker


def test_what_only_moves_does_not_flicker():
    assert flicker(rolled(noise(), (3, 2), 4), moving((3, 2), frames=4)) == pytest.approx(0, abs=1e-4)


def test_motion_that_the_field_does_not_know_counts_as_flicker():
    frames = rolled(noise(), (3, 2), 4)
    assert flicker(frames, MotionField.still(SIZE, frames=4)) > 50


def test_a_light_that_goes_on_and_off_by_ten_levels_flickers_by_ten():
    frames = rolled(noise() * 0.5, (3, 2), 4)
    frames[1::2] += 10 / 255
    assert flicker(frames, moving((3, 2), frames=4)) == pytest.approx(10, abs=1e-3)


def test_covered_pixels_do_not_flicker():
    frames = noise().expand(3, 3, *SIZE).clone()
    frames[1, :, :, :10] = 0  # something passes before it
    seen = torch.ones(3, *SIZE, dtype=torch.bool)
    still = MotionField.still(SIZE, frames=3)
    assert flicker(frames, still, seen) > 1
    seen[1, :, :10] = False
    assert flicker(frames, still, seen) == pytest.approx(0, abs=1e-4)


def test_if_everything_has_left_there_is_no_flicker_to_measure():
    with pytest.raises(NotMeasured, match="nothing is seen"):
        flicker(torch.rand(2, 3, *SIZE), moving((100, 0), frames=2))


def test_frames_and_field_must_agree():
    with pytest.raises(ShapeError, match=r"\[16, 3, 40, 64\]; got \[15, 3, 40, 64\]"):
        flicker(torch.rand(15, 3, *SIZE), moving((1, 0)))


# ---- consistency


def test_identical_frames_are_wholly_consistent():
    same = torch.ones(5, 7)
    assert frame_consistency(same) == pytest.approx(1)
    assert subject_consistency(same, same[0]) == pytest.approx(1)


def test_frame_consistency_is_the_mean_cosine_of_neighbours():
    assert frame_consistency(towards(0, 60, 60)) == pytest.approx((0.5 + 1) / 2)


def test_the_order_of_frames_matters_to_each_other_but_not_to_the_prompt():
    frames, text = towards(0, 30, 60, 90), towards(10)[0]
    mixed = frames[[0, 2, 1, 3]]
    assert frame_consistency(mixed) < frame_consistency(frames) - 0.05
    assert prompt_consistency(mixed, text) == pytest.approx(prompt_consistency(frames, text))


def test_prompt_consistency_is_a_hundred_times_the_mean_cosine():
    assert prompt_consistency(5 * towards(0, 60), 3 * towards(0)[0]) == pytest.approx(75)


def test_subject_consistency_weighs_the_likest_frame_the_mean_and_the_worst_step():
    frames = towards(60, 60, 120)  # neighbours: 1 and ½; of the input: ½, ½ and -½
    assert subject_consistency(frames, towards(0)[0]) == pytest.approx(0.4 * 0.5 + 0.3 * 0.75 + 0.3 * 0.5)


def test_cosines_below_zero_count_as_zero_for_the_subject():
    assert subject_consistency(towards(180, 0), towards(90)[0]) == pytest.approx(0, abs=1e-9)


def test_one_frame_has_no_neighbour():
    for measure in (frame_consistency, lambda frames: subject_consistency(frames, frames[0])):
        with pytest.raises(NotMeasured, match="only one frame"):
            measure(towards(0))


def test_features_of_two_networks_are_not_compared():
    with pytest.raises(ShapeError, match="from one network"):
        prompt_consistency(torch.ones(3, 4), torch.ones(5))


def test_features_that_overflowed_are_refused():
    with pytest.raises(MotionError, match="float32"):
        frame_consistency(torch.tensor([[1.0, math.inf], [1.0, 1.0]]))


def test_any_network_may_see_and_sees_a_few_pictures_at_a_time():
    seen = []
    means = ImageFeatures("mean colour", lambda pictures: seen.append(len(pictures)) or pictures.mean(dim=(2, 3)))
    pictures = torch.rand(19, 3, 4, 4)
    torch.testing.assert_close(means(pictures), pictures.mean(dim=(2, 3)))
    assert seen == [8, 8, 3]
    with pytest.raises(ShapeError, match="one feature vector a picture"):
        ImageFeatures("patches", lambda pictures: pictures.flatten(2))(pictures)


def test_a_thing_that_is_lost_half_way_is_said_to_be_lost():
    asked = np.array([[0.0, 0.0], [10.0, 0.0], [20.0, 0.0], [30.0, 0.0]])
    known = np.array([True, True, False, False])
    lost = Travel(asked=asked, travelled=asked, known=known, size=Size(100, 100))
    assert lost.verdict == (
        "went 10.0 of 10.0 px (100 %), 0.0 px off its path. It was not seen in 2 of 3 later frames, which do not count."
    )


def test_a_drag_that_is_lost_before_it_begins_is_no_pin():
    asked = np.array([[0.0, 0.0], [0.0, 0.0], [40.0, 0.0], [90.0, 0.0]])
    known = np.array([True, True, False, False])
    lost = Travel(asked=asked, travelled=asked, known=known, size=Size(100, 100))
    assert not lost.stays
    assert lost.verdict.startswith("was lost before it was to move.")
    with pytest.raises(NotMeasured, match="not yet asked to move"):
        _ = lost.share
