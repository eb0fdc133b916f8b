"""The draft engine on scenes whose truth is known."""

import logging

import numpy as np
import pytest
import torch

from motion_core.controls.camera import Camera
from motion_core.draft import draft_field, draft_frames
from motion_core.draft.lattice import Lattice
from motion_core.errors import MotionError, ShapeError
from motion_core.types import MotionField, Size, Trajectory

SIZE = Size(height=160, width=256)


def plain_ground(size=SIZE):
    """A quiet ground, a little darker towards the bottom, with a little grain."""
    grain = torch.rand(3, *size, generator=torch.Generator().manual_seed(0)) * 0.04
    return grain + torch.linspace(0.8, 0.7, size.height).view(1, -1, 1)


def with_disc(picture, centre, radius, colour):
    height, width = picture.shape[1:]
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    inside = (x - centre[0] * width) ** 2 + (y - centre[1] * height) ** 2 < radius**2
    picture = picture.clone()
    picture[:, inside] = torch.tensor(colour).view(3, 1) + 0.03 * torch.rand(
        3, int(inside.sum()), generator=torch.Generator().manual_seed(1)
    )
    return picture, inside


def ends(field, trajectories):
    """How far every drawn point's end lies from where the field takes it, in pixels."""
    starts = torch.tensor([t.points[0] for t in trajectories])
    wanted = torch.tensor([t.sampled(field.frames)[-1].tolist() for t in trajectories])
    picture = torch.tensor([field.size.width, field.size.height])
    return ((field.at(starts)[-1] - wanted) * picture).norm(dim=1)


def test_a_dragged_disc_moves_as_one_and_the_ground_rests():
    picture, disc = with_disc(plain_ground(), (0.4, 0.5), 28, (0.9, 0.1, 0.1))
    drag = Trajectory([(0.4, 0.5), (0.6, 0.4)])
    field = draft_field(picture, [drag], frames=16)
    assert ends(field, [drag]).max() < 0.1
    wanted = torch.tensor([0.2 * SIZE.width, -0.1 * SIZE.height])
    moved = field.displacement[-1][:, disc]
    assert (moved - wanted[:, None]).norm(dim=0).max() < 1.0, "the disc is rigid, to the rim"
    grown = torch.nn.functional.max_pool2d(disc[None].float(), 9, 1, 4)[0] > 0
    assert field.displacement[-1][:, ~grown].abs().max() < 0.5, "the ground four pixels off the rim rests"


def test_every_frame_follows_the_drawn_curve():
    picture, _ = with_disc(plain_ground(), (0.3, 0.5), 24, (0.1, 0.2, 0.9))
    drag = Trajectory([(0.3, 0.5), (0.45, 0.2), (0.6, 0.5), (0.7, 0.45)])
    field = draft_field(picture, [drag], frames=16)
    went = field.at(torch.tensor([[0.3, 0.5]]))[:, 0].numpy()
    assert np.abs((went - drag.sampled(16)) * [SIZE.width, SIZE.height]).max() < 0.1


def test_two_drags_turn_a_disc_rigidly():
    picture, disc = with_disc(plain_ground(), (0.5, 0.5), 40, (0.2, 0.5, 0.2))
    angle, arm = np.radians(40), 30
    turned = arm * np.array([np.cos(angle), np.sin(angle)]) / [SIZE.width, SIZE.height]
    left, right = (0.5 - arm / SIZE.width, 0.5), (0.5 + arm / SIZE.width, 0.5)
    drags = [Trajectory([right, 0.5 + turned]), Trajectory([left, 0.5 - turned])]
    field = draft_field(picture, drags, frames=2)
    assert ends(field, drags).max() < 0.5
    y, x = torch.meshgrid(torch.arange(SIZE.height) + 0.5, torch.arange(SIZE.width) + 0.5, indexing="ij")
    x, y = x - SIZE.width / 2, y - SIZE.height / 2
    truth = torch.stack([np.cos(angle) * x - np.sin(angle) * y - x, np.sin(angle) * x + np.cos(angle) * y - y])
    error = (field.displacement[-1] - truth).norm(dim=0)
    inner = (x**2 + y**2 < 32**2) & disc
    assert error[inner].mean() < 1.0
    assert error[inner].max() < 3.0


def test_a_pin_beside_the_drag_does_not_move_at_all():
    picture, _ = with_disc(plain_ground(), (0.4, 0.5), 28, (0.9, 0.1, 0.1))
    drag, pin = Trajectory([(0.4, 0.5), (0.6, 0.5)]), Trajectory([(0.8, 0.5)])
    field = draft_field(picture, [drag, pin], frames=4)
    assert (field.at(torch.tensor([[0.8, 0.5]])) == torch.tensor([0.8, 0.5])).all()
    assert field.displacement[:, :, 80, 204].abs().max() == 0


def test_a_pin_on_the_dragged_thing_is_a_joint():
    picture = plain_ground()
    picture[:, 70:90, 50:200] = torch.tensor([0.1, 0.1, 0.5]).view(3, 1, 1)  # a bar
    pin, drag = Trajectory([(60 / 256, 0.5)]), Trajectory([(190 / 256, 0.5), (175 / 256, 120 / 160)])
    field = draft_field(picture, [pin, drag], frames=8)
    assert ends(field, [pin, drag]).max() < 0.5
    middle = field.at(torch.tensor([[125 / 256, 0.5]]))[-1, 0] * torch.tensor([256.0, 160.0])
    assert 85 < middle[1] < 115, "half way along the bar it has gone down about half as far"


def test_the_brush_bounds_the_motion_exactly():
    picture, _ = with_disc(plain_ground(), (0.5, 0.5), 40, (0.9, 0.4, 0.1))
    region = torch.zeros(SIZE)
    region[:, :128] = 1
    drag = Trajectory([(0.45, 0.5), (0.45, 0.3)])
    field = draft_field(picture, [drag], frames=4, region=region)
    assert field.displacement[:, :, :, 128:].abs().max() == 0
    assert ends(field, [drag]).max() < 0.5


def test_an_empty_brush_lets_everything_move():
    picture, _ = with_disc(plain_ground(), (0.5, 0.5), 40, (0.9, 0.4, 0.1))
    drag = Trajectory([(0.5, 0.5), (0.5, 0.3)])
    unbrushed = draft_field(picture, [drag], frames=3)
    brushed = draft_field(picture, [drag], frames=3, region=torch.zeros(SIZE))
    torch.testing.assert_close(brushed.displacement, unbrushed.displacement)


def test_two_discs_move_apart_without_touching_each_other():
    picture, left = with_disc(plain_ground(), (0.3, 0.5), 24, (0.9, 0.1, 0.1))
    picture, right = with_disc(picture, (0.7, 0.5), 24, (0.1, 0.1, 0.9))
    drags = [Trajectory([(0.3, 0.5), (0.2, 0.4)]), Trajectory([(0.7, 0.5), (0.8, 0.7)])]
    field = draft_field(picture, drags, frames=3)
    for disc, wanted in ((left, (-0.1 * 256, -0.1 * 160)), (right, (0.1 * 256, 0.2 * 160))):
        assert (field.displacement[-1][:, disc] - torch.tensor(wanted)[:, None]).norm(dim=0).max() < 1.5


def test_the_camera_moves_what_is_not_dragged_and_adds_to_what_is():
    picture, disc = with_disc(plain_ground(), (0.4, 0.5), 28, (0.9, 0.1, 0.1))
    drag = Trajectory([(0.4, 0.5), (0.6, 0.5)])
    field = draft_field(picture, [drag], frames=3, camera=Camera(pan_y=0.1))
    torch.testing.assert_close(field.displacement[-1, :, 5, 5], torch.tensor([0.0, 16.0]))
    assert (field.displacement[-1][:, disc].mean(dim=1) - torch.tensor([51.2, 16.0])).norm() < 1


def test_ten_thousand_trajectories_are_followed():
    generator = np.random.default_rng(0)
    starts = generator.uniform(0.05, 0.95, (10_000, 2))
    trajectories = [Trajectory([(x, y), (x + 0.05, y)]) for x, y in starts]
    field = draft_field(plain_ground(), trajectories, frames=3)
    assert field.displacement[-1, 0].median() == pytest.approx(0.05 * SIZE.width, abs=0.2)


def test_what_begins_nowhere_grabs_nothing_and_is_reported(caplog):
    outside = Trajectory([(1.2, 0.5), (0.5, 0.5)])
    hidden = Trajectory([(0.5, 0.5), (0.6, 0.5)], visible=(False, True))
    with caplog.at_level(logging.WARNING):
        field = draft_field(plain_ground(), [outside, hidden], frames=3)
    assert field.displacement.abs().max() == 0
    assert "2 of 2 trajectories grab nothing" in caplog.text


@pytest.mark.parametrize(
    "size", [Size(1, 1), Size(1, 40), Size(40, 1), Size(2, 3), Size(7, 300), Size(33, 17), Size(403, 599)]
)
def test_any_picture_size_works(size):
    picture = torch.rand(3, *size, generator=torch.Generator().manual_seed(0))
    field = draft_field(picture, [Trajectory([(0.5, 0.5), (0.9, 0.1)])], frames=3)
    frames = list(draft_frames(picture, field))
    assert field.size == size
    assert len(frames) == 3
    assert all(frame.shape == picture.shape and torch.isfinite(frame).all() for frame in frames)


@pytest.mark.parametrize("frames", [1, 2, 1000])
def test_any_number_of_frames_works(frames):
    picture, _ = with_disc(plain_ground(Size(24, 32)), (0.5, 0.5), 6, (0.9, 0.1, 0.1))
    field = draft_field(picture, [Trajectory([(0.5, 0.5), (0.7, 0.5)])], frames=frames)
    assert field.frames == frames


def test_the_same_input_gives_the_same_output():
    picture, _ = with_disc(plain_ground(), (0.4, 0.5), 28, (0.9, 0.1, 0.1))
    drag = Trajectory([(0.4, 0.5), (0.6, 0.5)])
    first, second = (draft_field(picture, [drag], frames=3) for _ in range(2))
    assert (first.displacement == second.displacement).all()
    again = zip(draft_frames(picture, first), draft_frames(picture, second), strict=True)
    assert all((a == b).all() for a, b in again)


def test_bad_input_says_what_was_wanted():
    with pytest.raises(ShapeError, match=r"\[3, H, W\]; got \[1, 4, 5\]"):
        draft_field(torch.zeros(1, 4, 5), [], frames=2)
    with pytest.raises(ShapeError, match=r"region must be \[4, 5\]; got \[5, 4\]"):
        draft_field(torch.zeros(3, 4, 5), [], frames=2, region=torch.zeros(5, 4))
    with pytest.raises(MotionError, match="at least one frame; got 0"):
        draft_field(torch.zeros(3, 4, 5), [], frames=0)
    with pytest.raises(MotionError, match="not a finite number"):
        draft_field(torch.full((3, 4, 5), float("nan")), [], frames=2)
    with pytest.raises(ShapeError, match=r"\[3, 4, 5\]; got torch.float32 \[3, 5, 4\]"):
        list(draft_frames(torch.zeros(3, 5, 4), MotionField.still(Size(4, 5), frames=2)))


def test_the_first_frame_is_the_picture_and_a_still_field_repeats_it():
    picture, _ = with_disc(plain_ground(), (0.4, 0.5), 28, (0.9, 0.1, 0.1))
    for frame in draft_frames(picture, MotionField.still(SIZE, frames=3)):
        assert (frame == picture).all()
    moving = draft_field(picture, [Trajectory([(0.4, 0.5), (0.6, 0.5)])], frames=3)
    assert (next(draft_frames(picture, moving)) == picture).all()


def test_a_whole_number_of_pixels_moves_the_disc_exactly_and_the_rest_not_at_all():
    picture, disc = with_disc(plain_ground(), (0.4, 0.5), 28, (0.9, 0.1, 0.1))
    displacement = torch.zeros(1, 2, *SIZE)
    displacement[0, 0, disc] = 70.0
    frame = list(draft_frames(picture, MotionField.after_reference(displacement)))[1]
    arrived = torch.roll(disc, 70, dims=1)
    torch.testing.assert_close(frame[:, arrived], torch.roll(picture, 70, dims=2)[:, arrived], atol=1e-3, rtol=0)
    untouched = ~disc & ~arrived
    assert (frame[:, untouched] == picture[:, untouched]).all()
    left_behind = frame[:, disc & ~arrived]
    assert (left_behind[0] - left_behind[1]).abs().max() < 0.15, "where the red disc was is grey ground"


def test_what_moves_passes_in_front():
    picture, disc = with_disc(plain_ground(), (0.3, 0.5), 24, (0.9, 0.1, 0.1))
    picture, _ = with_disc(picture, (0.7, 0.5), 24, (0.1, 0.1, 0.9))
    displacement = torch.zeros(1, 2, *SIZE)
    displacement[0, 0, disc] = 0.4 * 256
    frame = list(draft_frames(picture, MotionField.after_reference(displacement)))[1]
    assert frame[0, 80, 179] > 0.8, "red in front of the blue one"
    assert frame[2, 80, 179] < 0.3


def test_a_stretched_thing_has_no_cracks():
    picture, _ = with_disc(plain_ground(), (0.5, 0.5), 20, (0.9, 0.1, 0.1))
    y, x = torch.meshgrid(torch.arange(160.0), torch.arange(256.0), indexing="ij")
    near = (x - 127.5) ** 2 + (y - 79.5) ** 2 < 20**2
    grown = torch.stack([x - 127.5, y - 79.5]) * 1.7 * near  # 2.7 times as large
    frame = list(draft_frames(picture, MotionField.after_reference(grown[None])))[1]
    inside = (x - 127.5) ** 2 + (y - 79.5) ** 2 < 48**2
    assert frame[0][inside].min() > 0.8
    assert frame[2][inside].max() < 0.2


def test_zooming_out_leaves_no_holes():
    picture = plain_ground()
    field = draft_field(picture, [], frames=3, camera=Camera(zoom=0.7))
    for frame in draft_frames(picture, field):
        assert frame.min() > 0.6


def test_zooming_out_shows_the_mirrored_picture_in_its_true_scale():
    ramp = torch.linspace(0.2, 0.8, 64).expand(3, 48, 64).clone()
    frame = list(draft_frames(ramp, draft_field(ramp, [], frames=2, camera=Camera(zoom=0.5))))[1]
    source = (np.arange(64) + 0.5 - 32) / 0.5 + 32 - 0.5
    mirrored = np.where((source + 0.5) % 128 < 64, (source + 0.5) % 128, 128 - (source + 0.5) % 128) - 0.5
    wanted = torch.from_numpy(0.2 + 0.6 * np.clip(mirrored, 0, 63) / 63).float()
    assert (frame[0] - wanted).abs().max() < 0.01


def test_a_half_pixel_pan_stays_sharp():
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    picture = (0.5 + 0.4 * torch.sin(x * 0.8) * torch.sin(y * 0.8)).expand(3, -1, -1)
    truth = 0.5 + 0.4 * torch.sin((x - 0.5) * 0.8) * torch.sin(y * 0.8)
    pan = torch.zeros(1, 2, 64, 64)
    pan[:, 0] = 0.5
    frame = list(draft_frames(picture, MotionField.after_reference(pan)))[1]
    assert (frame[0] - truth)[:, 3:-3].abs().max() < 0.03


@pytest.mark.parametrize("degrees", [10, 30, 60])
def test_what_turns_about_a_pin_leaves_the_pin_where_it_is(degrees):
    picture, _ = with_disc(plain_ground(), (0.5, 0.5), 40, (0.2, 0.5, 0.2))
    angle, arm, pin = np.radians(degrees), 30, (0.503, 0.507)
    end = np.array(pin) + arm * np.array([np.cos(angle), np.sin(angle)]) / [SIZE.width, SIZE.height]
    drags = [Trajectory([pin]), Trajectory([(pin[0] + arm / SIZE.width, pin[1]), tuple(end)])]
    field = draft_field(picture, drags, frames=5)
    went = field.at(torch.tensor([pin])) - torch.tensor([pin])
    assert (went * torch.tensor([SIZE.width, SIZE.height])).abs().max() < 0.01
    assert ends(field, drags).max() < 0.01


def test_a_pin_just_beside_the_outline_stays():
    picture, _ = with_disc(plain_ground(), (0.4, 0.5), 28, (0.9, 0.1, 0.1))
    pin = ((0.4 * SIZE.width + 31) / SIZE.width, 0.5)  # two pixels of ground away from the disc
    field = draft_field(picture, [Trajectory([(0.4, 0.5), (0.2, 0.5)]), Trajectory([pin])], frames=3)
    assert (field.at(torch.tensor([pin])) == torch.tensor(pin)).all()


def test_a_ring_takes_its_centre_along():
    picture, _ = with_disc(plain_ground(), (0.4, 0.5), 30, (0.9, 0.1, 0.1))
    picture, hole = with_disc(picture, (0.4, 0.5), 12, (0.1, 0.1, 0.9))
    field = draft_field(picture, [Trajectory([(0.4 + 21 / 256, 0.5), (0.6 + 21 / 256, 0.5)])], frames=2)
    assert (field.displacement[-1, 0][hole] - 51.2).abs().max() < 1


def test_a_bent_bar_is_stretched_little():
    picture = plain_ground()
    picture[:, 70:90, 40:215] = torch.tensor([0.1, 0.1, 0.5]).view(3, 1, 1)
    points = [Trajectory([(50 / 256, 0.5)]), Trajectory([(0.5, 0.5)])]
    bend = Trajectory([(205 / 256, 0.5), (192 / 256, 115 / 160)])
    field = draft_field(picture, [*points, bend], frames=2)
    gradient = torch.stack(
        [torch.diff(field.displacement[-1], dim=2)[:, :-1], torch.diff(field.displacement[-1], dim=1)[:, :, :-1]], -1
    ).permute(1, 2, 0, 3)[73:87, 45:210]
    strain = (torch.linalg.svdvals(torch.eye(2) + gradient) - 1).abs()
    assert strain.mean() < 0.07


def test_a_long_clip_is_solved_in_chunks_that_do_not_show(monkeypatch):
    picture, _ = with_disc(plain_ground(), (0.4, 0.5), 28, (0.9, 0.1, 0.1))
    drag = Trajectory([(0.4, 0.5), (0.6, 0.4)])
    at_once = draft_field(picture, [drag], frames=20)
    monkeypatch.setattr("motion_core.draft.rigidity.FRAMES_AT_ONCE", 3)
    monkeypatch.setattr("motion_core.draft.spread.PIXELS_AT_ONCE", 1000)
    torch.testing.assert_close(draft_field(picture, [drag], frames=20).displacement, at_once.displacement)


def test_a_camera_zooms_what_was_dragged_to_where_it_was_dragged():
    picture, _ = with_disc(plain_ground(), (0.5, 0.5), 20, (0.9, 0.1, 0.1))
    field = draft_field(picture, [Trajectory([(0.5, 0.5), (0.6, 0.5)])], frames=2, camera=Camera(zoom=2))
    moved = field.at(torch.tensor([[0.5, 0.5]]))[-1, 0]
    assert moved.tolist() == pytest.approx([0.7, 0.5], abs=1e-3), "a tenth of the picture, twice as large"


def test_a_thing_that_rests_on_a_panning_ground_passes_with_it_sharply():
    texture = torch.rand(3, 160, 256, generator=torch.Generator().manual_seed(5))
    pan = torch.zeros(1, 2, 160, 256)
    pan[:, 0] = 20
    pan[:, 1, 60:100, 100:140] = 30
    frame = list(draft_frames(texture, MotionField.after_reference(pan)))[1]
    torch.testing.assert_close(frame[:, :50, 20:], texture[:, :50, :-20], atol=2e-3, rtol=0)
    torch.testing.assert_close(frame[:, 91:129, 121:159], texture[:, 61:99, 101:139], atol=2e-3, rtol=0)
    torch.testing.assert_close(frame[:, :50, :20], texture[:, :50, :20].flip(2), atol=2e-3, rtol=0)


def test_the_place_that_is_uncovered_keeps_the_stripes_of_its_ground():
    stripes = (torch.arange(256) // 8 % 2 * 0.6 + 0.2).expand(3, 160, 256).clone()
    picture, disc = with_disc(stripes, (0.4, 0.5), 24, (0.9, 0.1, 0.1))
    away = torch.zeros(1, 2, *SIZE)
    away[0, 0, torch.nn.functional.max_pool2d(disc[None].float(), 5, 1, 2)[0] > 0] = 100.0
    frame = list(draft_frames(picture, MotionField.after_reference(away)))[1]
    error = (frame - stripes)[:, disc].abs()
    assert error.mean() < 0.1, "a smooth filling would be 0.3 off"


def test_the_first_frame_may_be_changed_without_harm():
    picture, _ = with_disc(plain_ground(), (0.4, 0.5), 28, (0.9, 0.1, 0.1))
    frames = draft_frames(picture, draft_field(picture, [Trajectory([(0.4, 0.5), (0.6, 0.5)])], frames=3))
    next(frames).zero_()
    assert picture.mean() > 0.5
    assert next(frames).mean() > 0.5


def test_the_lattice_reads_a_ramp_exactly():
    lattice = Lattice(Size(80, 120), Size(8, 12))
    ramp = lattice.positions @ [1.0, 10.0]
    points = np.random.default_rng(0).uniform(0.1, 0.9, (50, 2))
    np.testing.assert_allclose(lattice.bilinear(points) @ ramp, points * [120, 80] @ [1.0, 10.0])
    assert lattice.nearest(np.array([[0.99, 0.01], [1.0, 1.0]])).tolist() == [11, 95]
