import math

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from motion_core.errors import MotionError, ShapeError
from motion_core.types import MotionField, Size, SparseField, Trajectory, eased, frame_instants

INSTANTS = [0, 0.25, 0.5, 0.75, 1]


def field_of(*frames):
    """A field of one row, from (x, y) pairs: frames[i][column]."""
    return MotionField(torch.tensor(frames, dtype=torch.float32).permute(0, 2, 1).unsqueeze(2))


# Size


def test_the_size_of_a_picture_is_its_rows_and_columns():
    assert Size.of(torch.zeros(3, 20, 40)) == Size(height=20, width=40)
    assert str(Size(20, 40)) == "40×20"
    assert Size(3, 4).diagonal == 5


@pytest.mark.parametrize("shape", [(), (4,), (3, 0, 4), (3, 4, 0)])
def test_what_has_no_rows_and_columns_has_no_size(shape):
    with pytest.raises(ShapeError, match="rows and columns"):
        Size.of(torch.zeros(shape))


# Trajectory


def test_points_are_spread_evenly_over_the_clip():
    trajectory = Trajectory(points=((0, 0), (1, 0), (1, 1)))
    assert trajectory.times == (0.0, 0.5, 1.0)
    assert trajectory.visible == (True, True, True)
    np.testing.assert_allclose(trajectory.sampled(3), [(0, 0), (1, 0), (1, 1)])


def test_points_may_be_lists_or_an_array():
    tuples = Trajectory(points=((0.25, 0.5), (0.75, 1.0)))
    assert Trajectory(points=[[0.25, 0.5], [0.75, 1.0]]) == tuples
    assert Trajectory(points=np.array([[0.25, 0.5], [0.75, 1.0]], dtype=np.float32)) == tuples
    assert isinstance(tuples.points[0][0], float)


def test_a_straight_curve_is_linear_between_its_points():
    there_and_back = Trajectory(points=((0, 0), (1, 0.5), (0, 0)), curve="straight")
    np.testing.assert_allclose(there_and_back.at(INSTANTS), [(0, 0), (0.5, 0.25), (1, 0.5), (0.5, 0.25), (0, 0)])


def test_a_smooth_curve_goes_through_its_points_and_never_beyond_them():
    trajectory = Trajectory(points=((0, 0), (0.9, 0.1), (1, 0.1), (1, 1)))
    np.testing.assert_allclose(trajectory.at(trajectory.times), trajectory.points, atol=1e-12)
    fine = trajectory.sampled(200)
    assert (np.diff(fine, axis=0) >= -1e-12).all()
    assert fine.min() >= 0
    assert fine.max() <= 1 + 1e-12


def test_two_points_make_a_straight_line_whatever_the_curve():
    for curve in ("smooth", "straight"):
        trajectory = Trajectory(points=((0, 1), (1, 0)), curve=curve)
        np.testing.assert_allclose(trajectory.at(INSTANTS), [(t, 1 - t) for t in INSTANTS], atol=1e-12)


def test_before_its_first_time_and_after_its_last_a_point_rests():
    late = Trajectory(points=((0, 0), (1, 0)), times=(0.25, 0.75))
    assert late.at(INSTANTS)[:, 0].tolist() == pytest.approx([0, 0, 0.5, 1, 1])


@pytest.mark.parametrize(("easing", "half_way"), [("linear", 0.5), ("in", 0.25), ("out", 0.75), ("in_out", 0.5)])
def test_easing_changes_the_time_and_not_the_path(easing, half_way):
    trajectory = Trajectory(points=((0, 0), (1, 1)), easing=easing)
    assert trajectory.at([0, 0.5, 1])[:, 0].tolist() == pytest.approx([0, half_way, 1])


@given(st.sampled_from(["linear", "in", "out", "in_out"]))
def test_every_easing_rises_from_0_to_1(easing):
    passed = eased(np.linspace(0, 1, 101), easing)
    assert passed[0] == 0
    assert passed[-1] == 1
    assert (np.diff(passed) > 0).all()


def test_easing_in_and_out_begins_as_slowly_as_it_ends():
    slow = eased(np.array([0.1, 0.9]), "in_out")
    assert slow.tolist() == pytest.approx([0.028, 0.972])


def test_one_point_is_a_pin_and_so_are_equal_points():
    pin = Trajectory(points=((0.3, 0.7),))
    assert pin.is_pin
    assert pin.sampled(3).tolist() == [[0.3, 0.7]] * 3
    assert Trajectory(points=((0.3, 0.7), (0.3, 0.7))).is_pin
    assert not Trajectory(points=((0.3, 0.7), (0.4, 0.7))).is_pin


def test_a_pin_may_have_a_time_of_its_own():
    assert Trajectory(points=((0.3, 0.7),), times=(0.5,)).sampled(2).tolist() == [[0.3, 0.7]] * 2


def test_visibility_is_that_of_the_last_point_reached():
    trajectory = Trajectory(points=((0, 0), (0.5, 0), (1, 0)), visible=(True, False, True))
    assert trajectory.seen_at([0, 0.4, 0.5, 0.9, 1]).tolist() == [True, True, False, False, True]
    late = Trajectory(points=((0, 0), (1, 0)), times=(0.5, 1), visible=(False, True))
    assert late.seen_at([0, 0.5, 1]).tolist() == [False, False, True]


def test_every_point_of_a_tracker_is_seen_at_its_own_frame():
    for frames in (2, 7, 49, 121, 1000):
        flags = tuple(i % 2 == 0 for i in range(frames))
        trajectory = Trajectory(points=tuple((i / frames, 0) for i in range(frames)), visible=flags)
        assert trajectory.seen_at(frame_instants(frames)).tolist() == list(flags)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"points": ()}, "at least one"),
        ({"points": ((0, 0, 0),)}, "at least one"),
        ({"points": (0.5, 0.5)}, "at least one"),
        ({"points": ((0, 0), (1,))}, "numbers"),
        ({"points": (("a", "b"),)}, "numbers"),
        ({"points": None}, "at least one"),
        ({"points": ((math.nan, 0),)}, "not a finite number"),
        ({"points": ((0, math.inf),)}, "not a finite number"),
        ({"points": ((512, 320), (0, 0))}, "divide pixels"),
        ({"points": ((0, 0), (1, 1)), "times": (0, 0.5, 1)}, "2 points but 3 times"),
        ({"points": ((0, 0), (1, 1)), "times": (0.5, 0.5)}, "rise from 0 to 1"),
        ({"points": ((0, 0), (1, 1)), "times": (1, 0)}, "rise from 0 to 1"),
        ({"points": ((0, 0), (1, 1)), "times": (0, 1e-310)}, "rise from 0 to 1"),
        ({"points": ((0, 0), (1, 1)), "times": (0, 1.5)}, "rise from 0 to 1"),
        ({"points": ((0, 0), (1, 1)), "times": (-0.5, 1)}, "rise from 0 to 1"),
        ({"points": ((0, 0), (1, 1)), "times": (0, math.nan)}, "rise from 0 to 1"),
        ({"points": ((0, 0), (1, 1)), "times": ("a", "b")}, "numbers"),
        ({"points": ((0, 0), (1, 1)), "visible": (True,)}, "2 points but 1 visibility"),
        ({"points": ((0, 0),), "curve": "wavy"}, "one of smooth, straight"),
        ({"points": ((0, 0),), "easing": "bounce"}, "one of linear, in, out, in_out"),
    ],
)
def test_a_trajectory_that_cannot_be_is_refused_in_a_sentence(wrong, told):
    with pytest.raises(MotionError) as refusal:
        Trajectory(**wrong)
    assert told in str(refusal.value)


def test_a_refusal_names_the_trajectory():
    with pytest.raises(MotionError, match="“left ear” has a point"):
        Trajectory(points=((math.nan, 0),), name="left ear")


def test_a_point_a_little_outside_is_allowed_for_a_thing_may_leave():
    assert Trajectory(points=((0.5, 0.5), (-1.5, 3))).sampled(2)[1].tolist() == [-1.5, 3]


@given(
    st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=1, max_size=8),
    st.sampled_from(["smooth", "straight"]),
    st.sampled_from(["linear", "in", "out", "in_out"]),
    st.integers(1, 40),
)
@example([(0, 0), (0, 0), (0, 1e-310)], "smooth", "linear", 3)
def test_every_trajectory_stays_within_the_box_of_its_points(points, curve, easing, frames):
    sampled = Trajectory(points=tuple(points), curve=curve, easing=easing).sampled(frames)
    assert sampled.shape == (frames, 2)
    assert (sampled >= np.min(points, axis=0) - 1e-6).all()
    assert (sampled <= np.max(points, axis=0) + 1e-6).all()
    np.testing.assert_allclose(sampled[0], points[0], atol=1e-9)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=6, unique=True).map(sorted), st.sampled_from([0.0, 1.0]))
def test_whatever_its_times_a_trajectory_has_a_place_at_every_instant(times, y):
    points = tuple((i % 2, y) for i in range(len(times)))
    try:
        trajectory = Trajectory(points=points, times=tuple(times))
    except MotionError:
        assert min(np.diff(times)) < Trajectory.BRIEFEST
        return
    positions = trajectory.sampled(9)
    assert (positions >= -1e-6).all()
    assert (positions <= 1 + 1e-6).all()


def test_frames_are_taken_from_the_first_instant_to_the_last():
    assert frame_instants(5).tolist() == INSTANTS
    assert frame_instants(1).tolist() == [0]
    with pytest.raises(MotionError, match="at least one frame; got 0"):
        frame_instants(0)


# SparseField


def test_a_sparse_field_counts_the_reference():
    sparse = SparseField(torch.zeros(15, 2, 4, 6), torch.zeros(15, 1, 4, 6))
    assert (sparse.frames, sparse.size) == (16, Size(4, 6))


@pytest.mark.parametrize(
    ("displacement", "known", "told"),
    [
        (torch.zeros(3, 2, 4), torch.zeros(3, 1, 4), r"\[F-1, 2, H, W\]; got \[3, 2, 4\]"),
        (torch.zeros(3, 1, 4, 6), torch.zeros(3, 1, 4, 6), "got"),
        (torch.zeros(0, 2, 4, 6), torch.zeros(0, 1, 4, 6), "got"),
        (torch.zeros(3, 2, 4, 6), torch.zeros(3, 4, 6), r"known mask must be \[3, 1, 4, 6\]; got \[3, 4, 6\]"),
        (torch.zeros(3, 2, 4, 6), torch.zeros(2, 1, 4, 6), "known mask"),
        (torch.zeros(3, 2, 4, 6, dtype=torch.int32), torch.zeros(3, 1, 4, 6), "floating-point"),
        (torch.full((3, 2, 4, 6), math.nan), torch.zeros(3, 1, 4, 6), "not a finite number"),
    ],
)
def test_a_sparse_field_of_another_shape_is_refused(displacement, known, told):
    with pytest.raises(MotionError, match=told):
        SparseField(displacement, known)


# MotionField


@pytest.mark.parametrize(
    ("displacement", "told"),
    [
        (torch.zeros(2, 2, 4), r"\[F, 2, H, W\]; got \[2, 2, 4\]"),
        (torch.zeros(2, 4, 6, 2), "got"),
        (torch.zeros(0, 2, 4, 6), "got"),
        (torch.zeros(2, 2, 0, 6), "got"),
        (torch.zeros(2, 2, 4, 6, dtype=torch.long), "floating-point"),
        (torch.tensor([0.0, 0, math.inf, 0]).view(2, 2, 1, 1), "not a finite number"),
        (torch.ones(2, 2, 4, 6), "Frame 0"),
    ],
)
def test_a_field_that_cannot_be_is_refused_in_a_sentence(displacement, told):
    with pytest.raises(MotionError, match=told):
        MotionField(displacement)


def test_a_still_field_rests_in_every_frame():
    still = MotionField.still(Size(3, 5), frames=7)
    assert (still.frames, still.size) == (7, Size(3, 5))
    assert not still.displacement.any()


def test_the_resting_reference_is_put_before_what_follows_it():
    field = MotionField.after_reference(torch.ones(2, 2, 3, 3))
    assert field.displacement[:, 0, 0, 0].tolist() == [0, 1, 1]
    with pytest.raises(ShapeError, match="after the reference"):
        MotionField.after_reference(torch.ones(0, 2, 3, 3))


def test_displacements_grow_with_the_grid():
    field = MotionField.after_reference(torch.tensor([3.0, 2.0]).view(1, 2, 1, 1).expand(1, 2, 10, 20))
    larger = field.resized(Size(30, 40))
    assert larger.size == Size(30, 40)
    assert larger.displacement[1, 0].unique().tolist() == [6.0]
    assert larger.displacement[1, 1].unique().tolist() == [6.0]


def test_a_resized_field_is_bilinear_with_half_pixel_centres():
    field = field_of([(0, 0), (0, 0)], [(0, 0), (8, 0)])
    assert field.resized(Size(1, 4)).displacement[1, 0, 0].tolist() == [0, 4, 12, 16]  # of 0, 2, 6, 8, twice as wide
    eight = field_of([(0, 0)] * 8, [(i, 0) for i in range(8)])
    assert eight.resized(Size(1, 1)).displacement[1].flatten().tolist() == [3.5 / 8, 0]  # no antialiasing: of 3 and 4


def test_a_point_goes_to_the_same_place_on_any_grid():
    field = MotionField.after_reference(torch.tensor([4.0, -3.0]).view(1, 2, 1, 1).expand(1, 2, 12, 16))
    point = torch.tensor([[0.5, 0.5]])
    torch.testing.assert_close(field.resized(Size(5, 7)).at(point), field.at(point))


def test_a_field_resized_to_its_own_size_is_itself():
    field = MotionField.still(Size(3, 4), frames=2)
    assert field.resized(Size(3, 4)) is field


def test_outside_the_region_a_restricted_field_rests():
    field = field_of([(0, 0)] * 3, [(6, 2), (6, 2), (6, 2)])
    some = field.restricted(torch.tensor([[1, 0.5, 0]]))
    assert some.displacement[1, :, 0].tolist() == [[6, 3, 0], [2, 1, 0]]
    with pytest.raises(ShapeError, match=r"must be \[1, 3\]; got \[3, 1\]"):
        field.restricted(torch.ones(3, 1))


def test_a_scaled_field_goes_further_or_back():
    field = field_of([(0, 0)], [(6, -2)])
    assert field.scaled(2).displacement[1].flatten().tolist() == [12, -4]
    assert field.scaled(-1).displacement[1].flatten().tolist() == [-6, 2]
    assert not field.scaled(0).displacement.any()
    for amount in (math.nan, math.inf):
        with pytest.raises(MotionError, match="finite number"):
            field.scaled(amount)


def test_a_cut_field_keeps_its_first_frames():
    field = field_of([(0, 0)], [(1, 0)], [(2, 0)])
    assert field.cut(2).displacement[:, 0].flatten().tolist() == [0, 1]
    assert field.cut(1).frames == 1
    for frames in (0, 4):
        with pytest.raises(MotionError, match=f"cannot be cut to {frames}"):
            field.cut(frames)


def test_a_retimed_field_takes_as_long_and_goes_as_far():
    field = field_of([(0, 0)], [(2, 0)], [(8, 0)])
    assert field.retimed(5).displacement[:, 0].flatten().tolist() == [0, 1, 2, 5, 8]
    assert field.retimed(2).displacement[:, 0].flatten().tolist() == [0, 8]
    assert field.retimed(1).displacement.tolist() == [[[[0.0]], [[0.0]]]]
    assert field.retimed(3).displacement.equal(field.displacement)


def test_a_field_of_one_frame_can_only_rest():
    assert not MotionField.still(Size(2, 2), frames=1).retimed(4).displacement.any()


def test_a_field_may_be_taken_there_and_back():
    field = field_of([(0, 0)], [(2, 0)], [(8, 0)])
    assert field.taken_at([0, 0.5, 1, 0.5, 0]).displacement[:, 0].flatten().tolist() == [0, 2, 8, 2, 0]


def test_a_paced_field_goes_as_far_at_another_pace():
    field = field_of([(0, 0)], [(8, 0)])
    assert field.retimed(5, "linear").displacement.equal(field.retimed(5).displacement)
    assert field.retimed(3, "in").displacement[:, 0].flatten().tolist() == [0, 2, 8]
    assert field.retimed(3, "out").displacement[:, 0].flatten().tolist() == [0, 6, 8]


def test_backwards_begins_at_rest_with_what_came_last():
    field = field_of([(0, 0)], [(2, 1)], [(8, 1)])
    assert field.backwards(3).displacement[:, :, 0, 0].tolist() == [[0, 0], [-6, 0], [-8, -1]]
    assert field.backwards(3).backwards(3).displacement.equal(field.displacement)
    assert field.backwards(3, "in").displacement[:, 0, 0, 0].tolist() == [0, -3, -8]


def test_there_and_back_ends_where_it_began():
    field = field_of([(0, 0)], [(8, 0)])
    assert field.there_and_back(5).displacement[:, 0].flatten().tolist() == [0, 4, 8, 4, 0]
    assert field.there_and_back(5, "in").displacement[:, 0].flatten().tolist() == [0, 2, 8, 2, 0]
    assert field.there_and_back(4).displacement[-1].tolist() == [[[0.0]], [[0.0]]]


def test_a_blend_is_one_motion_the_other_or_between():
    one, other = field_of([(0, 0)] * 3, [(2, 0)] * 3), field_of([(0, 0)] * 3, [(6, -4)] * 3)
    assert one.blended(other, 0).displacement.equal(one.displacement)
    assert one.blended(other, 1.0).displacement.equal(other.displacement)
    assert one.blended(other, 0.25).displacement[1, :, 0, 0].tolist() == [3, -1]
    sides = one.blended(other, torch.tensor([[0, 0.5, 1]]))
    assert sides.displacement[1, :, 0].tolist() == [[2, 4, 6], [0, -2, -4]]


@pytest.mark.parametrize("amount", [-0.1, 1.5, math.nan])
def test_a_blend_is_between_its_two_motions(amount):
    field = field_of([(0, 0)], [(1, 0)])
    with pytest.raises(MotionError, match="region"):
        field.blended(field, amount)


def test_fields_that_differ_in_frames_or_size_do_not_blend():
    field = MotionField.still(Size(2, 3), frames=2)
    with pytest.raises(ShapeError, match="this one has 2 of 3×2, the other 3 of 3×2"):
        field.blended(MotionField.still(Size(2, 3), frames=3), 0.5)
    with pytest.raises(ShapeError, match=r"must be \[2, 3\]"):
        field.blended(field, torch.ones(3, 2))


def test_a_summary_says_how_far_and_how_many():
    field = MotionField(torch.zeros(3, 2, 3, 4))
    field.displacement[1:, :, 0, 0] = torch.tensor([[4.8, 6.4], [6.0, 8.0]])  # one pixel of 12 goes 8 px, then 10
    assert field.summary.splitlines() == [
        "3 frames of 4×3",
        "mean displacement: 0.75 px, 15.00 % of the diagonal",  # 18 px over 24 pixels; the diagonal is 5
        "largest displacement: 10.00 px, 200.00 % of the diagonal",
        "pixels that move by 0.5 px or more: 8.3 %",
    ]
    assert MotionField.still(Size(3, 4), frames=1).summary == "1 frame of 4×3: the reference alone."


@pytest.mark.parametrize("instants", [[], [0.5, 1], [0, 1.5], [0, -0.1], [0, math.nan], 0.0, [[0, 1]]])
def test_instants_outside_the_clip_are_refused(instants):
    with pytest.raises(MotionError, match="beginning with 0"):
        field_of([(0, 0)], [(1, 0)]).taken_at(instants)


def test_points_go_where_the_field_says():
    field = field_of([(0, 0)] * 4, [(0, 0), (1, 0), (2, 0), (3, 0)])
    points = torch.tensor([[0.625, 0.5], [0.5, 0.5]])  # the centre of column 2, and between columns 1 and 2
    moved = field.at(points)
    assert moved.shape == (2, 2, 2)
    assert torch.equal(moved[0], points)
    torch.testing.assert_close(moved[1], torch.tensor([[0.625 + 2 / 4, 0.5], [0.5 + 1.5 / 4, 0.5]]))


def test_a_point_outside_the_picture_moves_like_its_rim():
    field = field_of([(0, 0)] * 4, [(0, 0), (1, 0), (2, 0), (3, 0)])
    torch.testing.assert_close(field.at(torch.tensor([[2.0, -1.0]]))[1], torch.tensor([[2.0 + 3 / 4, -1.0]]))


def test_points_are_pairs():
    with pytest.raises(ShapeError, match=r"\[N, 2\]; got \[3\]"):
        MotionField.still(Size(2, 2), frames=2).at(torch.zeros(3))


def test_a_field_in_half_precision_is_read_as_exactly_as_in_single():
    displacement = torch.randn(2, 2, 64, 512, generator=torch.Generator().manual_seed(0)).half()
    displacement[0] = 0
    points = torch.rand(50, 2, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(MotionField(displacement).at(points), MotionField(displacement.float()).at(points))


def test_visibility_keeps_the_time_of_an_eased_point():
    points, visible = [(x / 4, 0.5) for x in range(5)], (True, False, True, True, True)
    eased_in = Trajectory(points, visible=visible, easing="in", curve="straight")
    assert eased_in.at([0.5])[0, 0] == pytest.approx(0.25), "half way in time it has reached the second point"
    assert eased_in.seen_at([0.5]).tolist() == [False]


@pytest.mark.parametrize("frames", [2, 3, 7, 16, 121, 1000])
def test_every_sample_of_a_track_is_seen_at_its_own_frame(frames):
    flags = tuple(i % 2 == 0 for i in range(frames))
    track = Trajectory([(0.5, 0.5)] * frames, visible=flags)
    assert tuple(track.seen_at(frame_instants(frames))) == flags


def test_a_mask_of_255_is_no_region():
    with pytest.raises(MotionError, match="divide a mask of 0…255 by 255"):
        MotionField.still(Size(2, 3), frames=2).restricted(torch.full((2, 3), 255))


def test_known_is_zero_or_one():
    with pytest.raises(MotionError, match="known mask"):
        SparseField(torch.zeros(1, 2, 2, 3), torch.full((1, 1, 2, 3), float("nan")))


def test_a_field_is_a_tensor_of_at_least_one_frame_and_pixel():
    with pytest.raises(ShapeError, match="is a tensor"):
        MotionField(None)
    with pytest.raises(MotionError, match="at least one frame; got -1"):
        MotionField.still(Size(2, 3), frames=-1)
    with pytest.raises(ShapeError, match="at least one pixel"):
        MotionField.still(Size(2, 3), frames=2).resized(Size(0, 4))
