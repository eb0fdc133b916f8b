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
    counted,
    drift_outside,
    dynamic_degree,
    every,
    fastest_part,
    flicker,
    frame_consistency,
    motion_error,
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


def test_the_soft_edge_begins_where_a_twentieth_may_move():
    field = MotionField.still(SIZE, frames=2)
    field.displacement[1, 0, :, :32] = 10.0
    region = torch.full(SIZE, 0.06)
    region[:, 32:] = 0.04
    assert drift_outside(field, region) == 0


def test_only_what_is_seen_counts_of_a_motion_found_in_frames():
    field = MotionField.still(SIZE, frames=3)
    field.displacement[1:, 0, :, :32] = 10.0
    field.displacement[1:, 1, :, 32:] = 4.0
    seen, region = torch.ones(3, *SIZE, dtype=torch.bool), torch.zeros(SIZE)
    assert average_displacement(field, seen) == pytest.approx(7)
    seen[1, :, 32:] = False  # where 4 px were filled in
    assert average_displacement(field, seen) == pytest.approx((10 + 7) / 2)
    assert drift_outside(field, region, seen) == pytest.approx((10 + 7) / 2)
    assert counted(field, seen).float().mean() == pytest.approx(0.75)
    seen[1] = False
    assert average_displacement(field, seen) == pytest.approx(7)  # of frame 2 alone


def test_of_less_than_a_hundredth_nothing_is_measured():
    seen = torch.zeros(2, *SIZE, dtype=torch.bool)  # 2560 pixels
    seen[1].view(-1)[:25] = True
    for measure in (average_displacement, lambda field, seen: drift_outside(field, torch.zeros(SIZE), seen)):
        with pytest.raises(NotMeasured, match="fewer than 1 % of its pixels are seen"):
            measure(moving((3, 4), frames=2), seen)
    seen[1].view(-1)[25] = True
    assert average_displacement(moving((3, 4), frames=2), seen) == pytest.approx(5)
    later = torch.cat([seen, torch.zeros_like(seen[:1])])
    later[2, 0, 0] = True  # so little of a frame does not stand for it
    later[1] = True
    assert average_displacement(moving((3, 4), frames=3), later) == pytest.approx(5)


def test_a_motion_shifted_by_3_and_4_px_is_5_px_wrong_where_it_is_seen():
    given = moving((1, 0), frames=4)
    shifted = given.displacement.clone()
    shifted[1:] += torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)
    assert motion_error(MotionField(shifted), given) == pytest.approx(5)
    shifted[2, 0, 0] += 1000
    seen = torch.ones(4, *SIZE, dtype=torch.bool)
    seen[2, 0] = False
    assert motion_error(MotionField(shifted), given, seen) == pytest.approx(5)
    with pytest.raises(ShapeError, match="one shape"):
        motion_error(moving((1, 0), frames=3), given)


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


def test_off_path_ends_where_the_path_ends():
    asked = np.array([[0.0, 0], [10, 0]])
    too_far = Travel(asked, np.array([[0.0, 0], [17, 0]]), np.ones(2, bool), SIZE)
    backwards = Travel(asked, np.array([[0.0, 0], [-4, 0]]), np.ones(2, bool), SIZE)
    assert (too_far.off_path, backwards.off_path) == (7, 4)


CORNER = np.array([[0.0, 0], [10, 0], [20, 0], [20, 10], [20, 20]])  # 40 px, its corner unseen
CORNER_KNOWN = np.array([True, True, False, False, True])


def test_the_way_round_an_unseen_corner_is_no_short_cut():
    exact = Travel(CORNER, CORNER, CORNER_KNOWN, SIZE)
    assert (exact.asked_way, exact.went, exact.share) == pytest.approx((40, 40, 1))
    late = Travel(CORNER, np.array([[0.0, 0], [10, 0], [0, 0], [0, 0], [20, 5]]), CORNER_KNOWN, SIZE)
    assert late.off_path == pytest.approx(0)
    rested = Travel(CORNER, np.zeros((5, 2)), CORNER_KNOWN, SIZE)
    assert rested.went == 0


def test_a_tremble_is_not_made_a_way_by_a_loop_that_was_not_seen():
    loop = np.array([[0.0, 0], [30, 0], [30, 30], [1, 0]])
    trembled = np.array([[0.0, 0], [0, 0], [0, 0], [0.5, 0]])
    assert abs(Travel(loop, trembled, np.array([True, False, False, True]), SIZE).went) <= 1
    closed = np.array([[0.0, 0], [30, 0], [0, 0]])
    assert Travel(closed, closed, np.array([True, False, True]), SIZE).went == 0


STARTS = Trajectory([(16.5 / 64, 20.5 / 40), (0.5, 20.5 / 40)])  # on the pixel (16, 20)


def test_one_wrong_pixel_of_a_motion_found_in_frames_decides_nothing():
    field, seen = moving((4, 0), frames=3), torch.ones(3, *SIZE, dtype=torch.bool)
    field.displacement[1:, :, 20, 16] = 99.0
    assert travel(field, STARTS, seen).travelled[:, 0].tolist() == pytest.approx([16, 20, 24])
    seen[2, 20, 16] = False
    assert travel(field, STARTS, seen).known.all()
    assert travel(field, STARTS).travelled[1, 0] > 100  # a field that was given is read as it is


def test_a_point_is_seen_where_most_of_what_is_around_it_is_seen():
    field, seen = moving((4, 0), frames=3), torch.ones(3, *SIZE, dtype=torch.bool)
    field.displacement[1, 0, 18:21] = 77.0
    seen[1, 18:20] = False  # 10 of 25 pixels; of the 15 seen ones 5 are wrong
    way = travel(field, STARTS, seen)
    assert way.known.all()
    assert way.travelled[1, 0] == pytest.approx(20)
    seen[1, 20] = False  # 15 of 25
    assert travel(field, STARTS, seen).known.tolist() == [True, False, True]
    seen[2, 18:21] = False
    with pytest.raises(NotMeasured, match="seen in no frame"):
        travel(field, STARTS, seen)


def test_at_the_border_only_what_is_inside_is_asked():
    field, seen = moving((4, 0), frames=2), torch.zeros(2, *SIZE, dtype=torch.bool)
    seen[0] = True
    seen[1, :3, :3] = True  # all 9 pixels around the corner
    assert travel(field, Trajectory([(0.0, 0.0), (0.5, 0.0)]), seen).frames == 1


def test_a_trajectory_that_asks_for_nothing_any_more_is_not_lost():
    asked = Trajectory([(0.25, 0.5)] * 2 + [(0.5, 0.5)] * 3, visible=[True, True, True, False, False], curve="straight")
    way = travel(MotionField.still(SIZE, frames=5), asked)
    assert (way.later, way.frames, way.lost_after) == (2, 2, None)


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


def test_the_direction_error_is_a_mean_over_frames():
    asked = np.array([[0.0, 0], [10, 0], [20, 0]])
    travelled = np.array([[0.0, 0], [10, 0], [0, 20]])  # right, then 90 degrees astray
    assert Travel(asked, travelled, np.ones(3, bool), SIZE).direction_error == pytest.approx(45)


def test_the_verdict_reads_as_a_sentence():
    asked = np.stack([np.linspace(0, 20, 5), np.zeros(5)], axis=1)
    travelled = asked * [0.91, 0] + [[0, 0], [0, 1.3], [0, 1.3], [0, 1.3], [0, 1.3]]
    way = Travel(asked, travelled, np.ones(5, bool), SIZE)
    assert way.verdict == (
        "went 18.2 of the 20.0 px asked (91 %), ends 2.2 px from where it should, on average 1.3 px off its path."
    )


def test_going_there_and_sliding_back_is_not_resting():
    asked = np.stack([np.linspace(0, 60, 5), np.zeros(5)], axis=1)
    slid = np.array([[0.0, 0], [30, 0], [60, 0], [30, 0], [0, 0]])
    back, rested = (Travel(asked, went, np.ones(5, bool), SIZE) for went in (slid, np.zeros((5, 2))))
    assert (back.end_error, back.farthest, rested.end_error, rested.farthest) == (60, 60, 60, 0)
    ends = "ends 60.0 px from where it should, on average 0.0 px off its path."
    assert back.verdict == f"went 0.0 of the 60.0 px asked (0 %) after it had reached 60.0, {ends}"
    assert rested.verdict == f"went 0.0 of the 60.0 px asked (0 %), {ends}"


def test_a_tremble_at_the_end_is_no_going_back():
    asked = np.stack([np.linspace(0, 60, 5), np.zeros(5)], axis=1)
    trembled = np.array([[0.0, 0], [15, 0], [30, 0], [63, 0], [60, 0]])
    assert "reached" not in Travel(asked, trembled, np.ones(5, bool), SIZE).verdict


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


def test_a_twentieth_is_rounded_down():
    flow = torch.zeros(2, 1, 39)  # 1.95 pixels are one
    flow[0, 0, 0] = 8.0
    assert fastest_part(flow) == pytest.approx(8)


def test_the_fastest_twentieth_is_that_of_what_is_seen():
    flow = torch.zeros(2, 10, 20)
    flow[0, 0] = 9.0  # 20 pixels, of which none is seen
    flow[0, 9, :2] = 3.0  # of 40 seen ones, the two fastest
    seen = torch.zeros(10, 20, dtype=torch.bool)
    seen[8:] = True
    assert fastest_part(flow, seen) == pytest.approx(3)
    with pytest.raises(NotMeasured, match="fewer than 1 %"):
        fastest_part(flow, torch.zeros(10, 20, dtype=torch.bool))


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


def straight(known, *, to=30.0):
    """It is asked to go right, and does as long as it is known."""
    asked = np.stack([np.linspace(0, to, len(known)), np.zeros(len(known))], axis=1)
    return Travel(asked, asked, np.array(known, bool), Size(100, 100))


def test_a_thing_that_is_lost_half_way_is_told_by_the_whole_way_and_without_a_share():
    lost = straight([1, 1, 1, 0, 0], to=40)
    assert (lost.asked_way, lost.went, lost.lost_after) == (40, 20, 2)
    assert lost.verdict == "went 20.0 of the 40.0 px asked, on average 0.0 px off its path; lost after frame 2 of 4."
    for measure in ("share", "end_error"):
        with pytest.raises(NotMeasured, match="lost after frame 2 of 4"):
            getattr(lost, measure)


def test_what_is_found_again_at_the_end_is_not_lost():
    found = straight([1, 0, 1, 0, 1])
    assert (found.share, found.end_error, found.lost_after) == (1, 0, None)
    assert found.verdict.endswith("(100 %), ends 0.0 px from where it should, on average 0.0 px off its path; "
                                  "seen in 2 of 4 later frames.")  # fmt: skip


def test_what_is_seen_in_less_than_half_of_the_frames_has_no_share():
    hardly = straight([1, 0, 0, 0, 1])
    with pytest.raises(NotMeasured, match="seen in 1 of 4 later frames, which are too few"):
        _ = hardly.share
    assert "%" not in hardly.verdict
    assert hardly.verdict.startswith("went 30.0 of the 30.0 px asked, ends 0.0 px")
    assert hardly.verdict.endswith("; seen in 1 of 4 later frames.")


def test_a_pin_that_is_lost_is_told_too():
    assert straight([1, 1, 0], to=0).verdict == (
        "was to stay, and was 0.0 px off its place on average; lost after frame 1 of 2."
    )


def test_a_drag_that_is_lost_before_it_begins_is_no_pin():
    asked = np.array([[0.0, 0.0], [0.0, 0.0], [40.0, 0.0], [90.0, 0.0]])
    known = np.array([True, True, False, False])
    lost = Travel(asked=asked, travelled=asked, known=known, size=Size(100, 100))
    assert not lost.stays
    assert lost.verdict == "was to go 90.0 px; lost after frame 1 of 3, before it was to move."
