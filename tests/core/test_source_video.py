import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch

from motion_core.errors import MotionError, ShapeError
from motion_core.optical_flow import DisFlow
from motion_core.picture_file import read_picture
from motion_core.source_video import SourceMotion, from_video, motion_from_tracks, motion_from_video
from motion_core.source_video.following import Way
from motion_core.source_video.likeness import difference
from motion_core.source_video.propagation import passed_on
from motion_core.source_video.thinning import Thinned
from motion_core.tracks import Tracks
from motion_core.types import MotionField, Size, Trajectory
from motion_core.warp import backward_warp
from tests.filmed import RACCOON, Film, Layer, disc, films, moved, resting, sky, texture, turned

SMALL = Size(height=96, width=128)
VIEW = Size(height=160, width=256)


class Told:
    """An estimator that is told how far the whole picture goes: its brightness says where it is."""

    name = "told"

    def flow(self, first, second):
        flow = torch.zeros_like(first[:2])
        flow[0] = (place(second) - place(first)).round()
        return flow


def place(picture):
    return picture[2].mean() * 100


def told_clip(*places, size=SMALL):
    """Frames of one texture that lies `at` pixels to the right; blue is even, and says so."""
    ground = texture(size.height, size.width + 10)[:2]
    shown = [ground[..., 10 - at : 10 - at + size.width] for at in places]
    return [torch.cat([seen, torch.full((1, *size), at / 100)]) for seen, at in zip(shown, places, strict=True)]


@pytest.fixture(scope="module")
def dis():
    pytest.importorskip("cv2")
    return DisFlow()


@pytest.fixture(scope="module")
def shot():
    """Six frames of a texture that goes 2 px right and 1 px down a frame."""
    ground = texture(160, 200)
    return [ground[:, 30 - i : 126 - i, 40 - 2 * i : 168 - 2 * i].contiguous() for i in range(6)]


@pytest.fixture(scope="module")
def another():
    return texture(*SMALL, seed=5)


def error(motion, film, where=True):
    """The mean end-point error of the last frame, over the pixels that are visible there, and lie where."""
    displacement, visible = film.truth(film.frames - 1)
    return torch.hypot(*(motion.field.displacement[-1] - displacement))[visible & where].mean().item()


def resting_error(film, where=True):
    """That of a field in which nothing moves."""
    displacement, visible = film.truth(film.frames - 1)
    return torch.hypot(*displacement)[visible & where].mean().item()


FILMS = {film.name: film for film in films()}


@pytest.mark.parametrize("name", [name for name in FILMS if "60" not in name and "20°" not in name])
def test_motion_up_to_twenty_pixels_is_found_within_half_a_pixel(dis, name):
    film = replace(FILMS[name], frames=4)
    assert error(motion_from_video(film, dis), film) < 0.5


# Mean end-point errors, px, that are not passed: of all that is visible in the last frame, and of the things alone that
# lie before the ground. Of a thing, the rim is lost, and the more of it the farther it goes; its middle is found.
REACHED = {
    "translation, 20 px": (0.5, None),
    "rotation, 6°": (0.5, None),
    "zoom, 1.1×": (0.5, None),
    "two objects crossing, 20 px": (0.5, 1),
    "occlusion, 20 px": (0.5, 1),
    "thing on a plain sky, 20 px": (0.5, 0.5),
    "under half a sky, 20 px": (0.5, None),
    "translation, 60 px": (0.5, None),
    "rotation, 20°": (1, None),
    "small object, 60 px": (0.5, 4),
    "two objects crossing, 60 px": (0.5, 2),
    "occlusion, 60 px": (0.5, 3),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FILMS)
def test_sixteen_frames_are_followed(dis, name):
    """Within what is said to be reached, and wherever anything moves, far closer than by taking it to rest."""
    film = FILMS[name]
    motion = motion_from_video(film, dis)
    for where, limit in zip((True, film.things()), REACHED[name], strict=True):
        if limit is not None:
            found, rest = error(motion, film, where), resting_error(film, where)
            assert found < (min(limit, 0.6 * rest) if rest else limit)


def test_the_middle_of_a_thing_passes_its_motion_on_to_all_of_it_and_not_to_the_ground():
    """A square goes 6 px right over a ground that rests; only its middle knows."""
    ground, thing = texture(40, 60, seed=1), texture(40, 60, seed=2)
    here, there = ground.clone(), ground.clone()
    here[:, 10:31, 10:31] = thing[:, 10:31, 10:31]
    there[:, 10:31, 16:37] = thing[:, 10:31, 10:31]
    known = torch.zeros(2, 40, 60)
    known[0, 17:24, 17:24] = 6
    known = passed_on(known, here, there)
    assert (known[0, 12:29, 12:29] == 6).all()
    assert not known[:, :, 40:].any()
    assert not known[:, :, :8].any()
    assert not known[:, :7].any()


def test_what_fits_hardly_better_is_not_taken_over():
    """Noise on a picture that rests: motion of a neighbour by chance leaves a little less unlike here and there."""
    here = texture(40, 60)
    there = here + 0.05 * torch.randn(here.shape, generator=torch.Generator().manual_seed(0))
    known = torch.zeros(2, 40, 60)
    known[0, 20, 30] = 1
    assert (passed_on(known, here, there)[0] == 1).sum() < 5


def view(photo, way, *layers, frames=8):
    """A small film of the middle of a photograph, and layers before it."""
    return Film("", [Layer(photo, way, (200, 150)), *layers], frames, VIEW)


def ball(radius, way, photo=None):
    return Layer(texture() if photo is None else photo, way, (0, 0), disc(80, 80, radius, VIEW))


def test_where_motion_is_large_chaining_beats_direct_flow_and_best_beats_both(dis):
    """A ground that turns by 25°: direct flow loses most of it, a chain drifts, a corrected chain does neither."""
    film = view(read_picture(RACCOON), turned(25, about=(127.5, 79.5)), frames=10)
    frames = list(film)
    errors = {m: error(motion_from_video(frames, dis, method=m), film) for m in ("direct", "chained", "best")}
    assert errors["direct"] > 2 * errors["chained"]
    assert errors["chained"] > 1.5 * errors["best"]
    assert errors["best"] < 0.7


def test_a_chain_that_is_corrected_at_every_frame_stays_sharp(dis):
    film = view(read_picture(RACCOON), turned(12, about=(127.5, 79.5)))
    assert error(motion_from_video(film, dis), film) < 0.3


def test_a_small_thing_that_goes_far_is_not_lost_from_its_outline_inwards(dis):
    film = view(read_picture(RACCOON), resting, ball(16, moved(60)))
    assert error(motion_from_video(film, dis), film, film.things()) < 9


def test_what_somebody_covers_who_passes_before_the_camera_is_found_again(dis):
    """Wherever the chain of flows was broken, direct flow takes it up again."""
    passer = Layer(texture(seed=3), moved(300), (0, 0), torch.arange(VIEW.width).expand(VIEW) < 90)
    film = view(read_picture(RACCOON), moved(24, 10), passer, frames=12)
    motion, (_, visible) = motion_from_video(film, dis), film.truth(11)
    assert error(motion, film) < 0.1
    assert motion.seen[-1][visible].float().mean() > 0.98


def test_a_thing_that_vanishes_is_not_seen_any_more_though_its_ground_rests(dis):
    film, gone = view(read_picture(RACCOON), resting, ball(25, resting)), view(read_picture(RACCOON), resting)
    motion = motion_from_video([film.frame(0), film.frame(1), gone.frame(2), gone.frame(3)], dis)
    inside = disc(80, 80, 20, VIEW)
    assert motion.seen[1][inside].all()
    assert motion.seen[-1][inside].float().mean() < 0.1
    assert motion.seen[-1][~disc(80, 80, 30, VIEW)].float().mean() > 0.99


def noisy(film, levels):
    generator = torch.Generator().manual_seed(1)
    return [(frame + levels / 255 * torch.randn(frame.shape, generator=generator)).clamp(0, 1) for frame in film]


def under_a_sky(way, *layers, frames=6):
    """The upper half of the view is plain."""
    return view(torch.cat([sky()[:, :230], read_picture(RACCOON)[:, :346]], dim=1), way, *layers, frames=frames)


def test_noise_in_a_plain_sky_is_no_motion(dis):
    motion = motion_from_video(noisy(under_a_sky(resting), 2), dis)
    assert torch.hypot(*motion.field.displacement[-1]).mean() < 0.1
    assert motion.seen.float().mean() > 0.97


@pytest.mark.parametrize("way", [moved(20, -8), turned(4, zoom=1.08, about=(127.5, 79.5))])
def test_a_plain_sky_goes_with_the_ground_when_the_camera_moves(dis, way):
    film = under_a_sky(way)
    assert error(motion_from_video(noisy(film, 2), dis), film) < 0.3


RED = torch.tensor([0.8, 0.1, 0])[:, None, None].expand(3, 576, 768)


@pytest.mark.parametrize(("photo", "limit"), [(texture(), 0.5), (RED, 5)])
def test_a_thing_in_a_plain_sky_moves_and_the_sky_does_not(dis, photo, limit):
    """A thing of one colour is seen by flow at its outline alone; its inside goes with that, not with the sky."""
    film = under_a_sky(resting, ball(25, moved(20), photo))
    motion = motion_from_video(film, dis)
    assert error(motion, film) < 0.5
    assert error(motion, film, film.things()) < limit


def test_slow_changes_of_light_are_no_difference_and_what_stays_beside_a_great_change_is_none_either():
    picture = texture(96, 128)
    lit = picture * 0.5 + 0.2 + torch.linspace(0, 0.2, 128)
    assert difference(picture * 0.5, lit)[16:-16, 16:-16].max() < 0.02
    changed = picture.clone()
    changed[:, 40:60, 40:60] = 1 - changed[:, 40:60, 40:60]
    assert (difference(picture, changed)[:, 64:] == 0).all()


def test_what_is_covered_or_has_left_is_not_seen(dis):
    """The ground goes 24 px left under a disc: what left, and what came under the disc, is not seen."""
    ground = Layer(read_picture(RACCOON), moved(-24))
    size = Size(height=160, width=240)
    film = Film("", [ground, Layer(texture(), resting, (0, 0), disc(120, 80, 35, size))], frames=5, size=size)
    motion = motion_from_video(film, dis)
    _, visible = film.truth(4)
    assert motion.seen[0].all()
    assert not motion.seen[-1, :, :22].any()
    agree = (motion.seen[-1] == visible).float().mean()
    assert agree > 0.96
    assert (motion.seen[-1] & visible).sum() > 0.97 * motion.seen[-1].sum()


def test_the_first_frame_carried_along_looks_more_like_the_later_ones(dis):
    film = replace(FILMS["rotation, 6°"], frames=4)
    motion, frames = motion_from_video(film, dis), list(film)
    fetched = backward_warp(frames[-1][None], motion.field.displacement[-1:])[0]
    seen = motion.seen[-1]
    assert (fetched - frames[0])[:, seen].square().mean() < (frames[-1] - frames[0])[:, seen].square().mean() / 20


def test_a_step_is_read_where_the_pixels_have_got_to():
    """By hand: a pixel goes 1 right; there the step is 2 right, where it began it is 0."""
    first = torch.zeros(2, 1, 4)
    first[0] = 1
    step = torch.zeros(2, 1, 4)
    step[0, 0, 1:] = 2
    way = Way(first, -first).then(Way(step, -step))
    assert way.forth[0, 0].tolist() == [3, 3, 3, 3]


def test_a_pixel_that_does_not_come_back_or_leaves_is_not_seen():
    """The first goes and comes back; it covers the second; the third comes back elsewhere; the last leaves."""
    forth, back = torch.zeros(2, 1, 5), torch.zeros(2, 1, 5)
    forth[0] = torch.tensor([1.0, 0, 0, 0, 1])
    back[0] = torch.tensor([0.0, -1, 5, 0, 0])
    assert Way(forth, back).returns().tolist() == [[True, False, False, True, False]]


@pytest.mark.parametrize("method", ["direct", "chained"])
def test_every_method_adds_up_the_way(method):
    motion = motion_from_video(told_clip(0, 2, 5, 4), Told(), method=method)
    assert [step[0, 48, 64].item() for step in motion.field.displacement] == [0, 2, 5, 4]
    assert (motion.field.displacement[:, 1] == 0).all()
    assert not motion.seen[2, :, -5:].any()
    assert motion.seen[2, :, 8:-10].all()
    assert motion.cuts == ()


def test_a_still_video_has_no_motion_and_all_of_it_is_seen(shot, dis):
    motion = motion_from_video([shot[0]] * 4, dis)
    assert (motion.field.displacement == 0).all()
    assert motion.seen.all()


def test_half_the_size_has_half_the_pixels_of_motion(shot, dis):
    half = motion_from_video(shot, dis, size=Size(48, 64))
    assert half.field.size == Size(48, 64)
    assert half.seen.shape == (6, 48, 64)
    middle = half.field.displacement[-1, :, 16:32, 20:44].mean(dim=(1, 2))
    torch.testing.assert_close(middle, torch.tensor([5.0, 2.5]), atol=0.2, rtol=0)


def test_motion_is_retimed_to_the_frames_asked_for():
    clip = told_clip(0, 2, 4, 6, 8)
    for frames_out, wanted in ((3, [0, 4, 8]), (9, [0, 1, 2, 3, 4, 5, 6, 7, 8]), (2, [0, 8])):
        motion = motion_from_video(iter(clip), Told(), method="chained", frames_out=frames_out)
        assert motion.field.displacement[:, 0, 48, 32].tolist() == pytest.approx(wanted)
        assert motion.seen.shape[0] == frames_out


def test_retimed_motion_is_as_fast_as_the_video_at_other_frames_a_second(shot, another, dis):
    """Five frames at 24 a second last a sixth of a second from the first to the last; a cut after four, an eighth."""
    for frames_out, fps in ((None, 24), (3, 12), (9, 48)):
        assert motion_from_video(told_clip(0, 2, 4, 6, 8), Told(), frames_out=frames_out).fps(24) == fps
    stopped = motion_from_video([*shot[:4], another], dis, frames_out=7, at_cut="stop")
    assert stopped.fps(24) == 48


@pytest.mark.parametrize("count", [2, 5, 9, 33, 100, 257])
@pytest.mark.parametrize("wanted", [None, 2, 5, 16])
def test_thinning_keeps_steady_motion_exactly(count, wanted):
    thinned = Thinned(wanted)
    for number in range(count):
        thinned.add(torch.full((2, 1, 1), float(number)), torch.tensor([[number != count // 2]]))
    field, seen = thinned.retimed()
    expected = torch.linspace(0, count - 1, wanted or count)
    torch.testing.assert_close(field.displacement[:, 0, 0, 0], expected)
    assert len(seen) == len(expected)
    if wanted is None:
        assert seen[:, 0, 0].tolist() == [number != count // 2 for number in range(count)]


@pytest.mark.parametrize("method", ["direct", "chained", "best"])
def test_a_long_video_retimed_to_five_frames_is_kept_in_constant_memory(method, monkeypatch):
    """Of 200 frames no more than three are alive at a time, and no more than 4 × 5 displacements and a new one."""
    pictures, displacements, checked = weakref.WeakSet(), weakref.WeakSet(), from_video._checked
    most_pictures = most_displacements = 0

    def watched(picture):
        nonlocal most_pictures
        pictures.add(picture)
        most_pictures = max(most_pictures, len(pictures))
        return picture

    class Watched(Thinned):
        def add(self, displacement, seen):
            nonlocal most_displacements
            displacements.add(displacement)
            super().add(displacement, seen)
            most_displacements = max(most_displacements, len(displacements))

    monkeypatch.setattr(from_video, "_checked", lambda *given: map(watched, checked(*given)))
    monkeypatch.setattr(from_video, "Thinned", Watched)
    clip = told_clip(0, 1, size=Size(24, 32))
    motion = motion_from_video((clip[i % 2] for i in range(200)), Told(), method=method, frames_out=5)
    assert motion.field.frames == 5
    assert 2 <= most_pictures <= 3
    assert 5 <= most_displacements <= 21


def test_progress_is_told_frame_by_frame():
    done = []
    motion_from_video(told_clip(0, 1, 2), Told(), method="direct", progress=done.append)
    assert done == [1, 2, 3]


def test_a_hard_cut_is_refused_with_its_place(shot, another, dis):
    with pytest.raises(MotionError, match="Nothing of frame 3 is found again in frame 4: a hard cut"):
        motion_from_video([*shot[:4], another, another], dis)


def test_the_motion_ends_before_a_cut_when_asked(shot, another, dis, caplog):
    motion = motion_from_video([*shot[:4], another, another], dis, at_cut="stop")
    assert (motion.field.frames, motion.cuts) == (4, (4,))
    assert "ends before the cut at frame 4" in motion.summary
    assert "frame 4: a hard cut" in caplog.text
    with pytest.raises(MotionError, match="hard cut"):
        motion_from_video([shot[0], another], dis, at_cut="stop")


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("mirrored", lambda p: p.flip(2)),
        ("upside down", lambda p: p.flip(1)),
        ("darker, and mirrored", lambda p: p.flip(2) * 0.3),
    ],
)
def test_a_cut_to_the_same_colours_is_a_cut(shot, dis, name, changed):
    with pytest.raises(MotionError, match="hard cut"):
        motion_from_video([shot[0], changed(shot[1])], dis)


def test_a_cut_under_a_caption_that_stays_is_a_cut(shot, another, dis):
    caption = torch.rand(
        3, 24, shot[0].shape[2], generator=torch.Generator().manual_seed(0)
    )  # a third of the rows and more
    captioned = [torch.cat([picture[:, :-24], caption], dim=1) for picture in (shot[0], shot[1], another)]
    with pytest.raises(MotionError, match="Nothing of frame 1 is found again in frame 2"):
        motion_from_video(captioned, dis)


def test_a_still_camera_with_one_thing_that_moves_is_no_cut(shot, dis):
    moved = shot[0].clone()
    moved[:, 10:26, 40:56] = shot[0][:, 10:26, 20:36]
    assert not motion_from_video([shot[0], moved], dis).cuts


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("brighter", lambda p: (p * 1.5).clamp(0, 1)),
        ("darker", lambda p: p * 0.4),
        ("noisy", lambda p: p + 0.03 * torch.randn(p.shape, generator=torch.Generator().manual_seed(0))),
        ("half covered", lambda p: torch.cat([p[:, :56], torch.zeros_like(p[:, 56:])], dim=1)),
    ],
)
def test_another_light_is_no_cut(shot, dis, name, changed):
    motion = motion_from_video([shot[0], shot[1], changed(shot[2])], dis)
    middle = motion.field.displacement[-1, :, 16:40, 32:96].mean(dim=(1, 2))
    torch.testing.assert_close(middle, torch.tensor([4.0, 2.0]), atol=0.5, rtol=0)


def test_a_fast_pan_is_no_cut(dis):
    ground = read_picture(RACCOON)
    pan = [ground[:, 100:420, 60 - x : 572 - x] for x in (0, 60)]
    motion = motion_from_video(pan, dis)
    middle = motion.field.displacement[-1, :, 100:220, 150:350]
    torch.testing.assert_close(middle.mean(dim=(1, 2)), torch.tensor([60.0, 0.0]), atol=1, rtol=0)


def test_a_black_frame_is_bridged_and_nothing_is_seen_in_it(shot, dis):
    motion = motion_from_video([*shot[:3], torch.zeros_like(shot[0]), shot[4]], dis)
    assert torch.equal(motion.field.displacement[3], motion.field.displacement[2])
    assert motion.seen[:, 40:56, 40:80].flatten(1).float().mean(dim=1).tolist() == [1, 1, 1, 0, 1]
    middle = motion.field.displacement[-1, :, 40:56, 40:80].mean(dim=(1, 2))
    torch.testing.assert_close(middle, torch.tensor([8.0, 4.0]), atol=0.2, rtol=0)


def test_a_cut_hidden_behind_black_is_a_cut(shot, another, dis):
    black = torch.zeros_like(shot[0])
    with pytest.raises(MotionError, match="Nothing of frame 1 is found again in frame 4"):
        motion_from_video([*shot[:2], black, black, another], dis)


@pytest.mark.parametrize("grey", [0.0, 0.5, 1.0])
def test_where_the_first_frame_shows_nothing_nothing_is_found_and_that_is_said(shot, dis, grey, caplog):
    motion = motion_from_video([torch.full_like(shot[0], grey), *shot[:2]], dis)
    assert (motion.field.displacement == 0).all()
    assert not motion.seen.any()
    assert "first frame shows nothing" in caplog.text


def test_one_frame_or_none_has_no_motion(shot, dis):
    for frames in ([], shot[:1]):
        with pytest.raises(MotionError, match=f"two frames at least; got {len(frames)}"):
            motion_from_video(frames, dis)


def test_frames_that_are_no_video_are_told(shot, dis):
    with pytest.raises(ShapeError, match="Frame 1 is 128×95, the ones before it 128×96"):
        motion_from_video([shot[0], shot[0][:, :95]], dis)
    with pytest.raises(ShapeError, match="Frame 1 is no picture"):
        motion_from_video([shot[0], shot[0][0]], dis)
    with pytest.raises(MotionError, match="Frame 0 has a value that is not a finite number"):
        motion_from_video([shot[0] / 0], dis)


def test_wrong_words_and_numbers_are_told(shot, dis):
    for wrong, said in (
        ({"method": "magic"}, "best, direct, chained; got “magic”"),
        ({"at_cut": "ignore"}, "refuse, stop; got “ignore”"),
        ({"frames_out": 1}, "two frames at least; asked for 1"),
        ({"size": Size(0, 5)}, "at least one pixel"),
    ):
        with pytest.raises(MotionError, match=said):
            motion_from_video(shot, dis, **wrong)


def test_a_source_motion_is_checked():
    field = MotionField.still(Size(4, 5), frames=3)
    for seen in (torch.ones(3, 4, 5), torch.ones(2, 4, 5, dtype=torch.bool)):
        with pytest.raises(ShapeError, match=r"bool \[3, 4, 5\]"):
            SourceMotion(field, seen)
    seen = torch.ones(3, 4, 5, dtype=torch.bool)
    seen[2, :2] = False
    assert "83 % on average, 50 % in the last frame" in SourceMotion(field, seen).summary


def test_tracks_become_a_dense_motion_through_their_points():
    picture = texture(64, 96)
    tracks = Tracks((Trajectory([(0.3, 0.5), (0.5, 0.5)], curve="straight"), Trajectory([(0.8, 0.2)])), frames=5)
    field = motion_from_tracks(tracks, picture).field
    assert field.frames == 5
    paths = field.at(torch.tensor([[0.3, 0.5], [0.8, 0.2]]))
    np.testing.assert_allclose(paths[:, 0, 0], np.linspace(0.3, 0.5, 5), atol=0.005)
    np.testing.assert_allclose(paths[:, 1], np.tile([0.8, 0.2], (5, 1)), atol=0.005)
    smaller = motion_from_tracks(tracks, picture, size=Size(32, 48), frames_out=3).field
    assert (smaller.frames, smaller.size) == (3, Size(32, 48))
    assert smaller.displacement[-1, 0, 16, 14] == pytest.approx(0.2 * 48, abs=0.1)


def test_a_pixel_is_seen_while_the_nearest_tracked_point_is():
    """Two points rest; the left one is hidden in the middle frame. A third, hidden at first, says nothing."""
    rests = {"times": (0, 0.5, 1)}
    left = Trajectory([(0.25, 0.5)] * 3, visible=(True, False, True), **rests)
    right = Trajectory([(0.75, 0.5)] * 3, **rests)
    late = Trajectory([(0.5, 0.5)] * 3, visible=(False, False, True), **rests)
    motion = motion_from_tracks(Tracks((left, right, late), frames=3), texture(40, 64))
    assert motion.seen[[0, 2]].all()
    assert not motion.seen[1, :, :32].any()
    assert motion.seen[1, :, 32:].all()


def test_what_tracks_lead_out_of_the_picture_is_not_seen():
    tracks = Tracks((Trajectory([(0.5, 0.5), (1.2, 0.5)], curve="straight"),), frames=3)
    motion = motion_from_tracks(tracks, texture(40, 64))
    assert motion.seen[:, 20, 32].tolist() == [True, True, False]
    assert motion.seen[:, 0, 0].all()


def test_tracks_that_hold_on_to_nothing_move_nothing_and_nothing_is_seen(caplog):
    hidden = Trajectory([(0.5, 0.5), (0.6, 0.5)], visible=(False, True))
    outside = Trajectory([(1.5, 0.5), (0.6, 0.5)])
    motion = motion_from_tracks(Tracks((hidden, outside), frames=2), texture(40, 64))
    assert not motion.field.displacement.any()
    assert not motion.seen.any()
    assert "2 of 2 trajectories grab nothing" in caplog.text


def test_tracks_of_one_frame_or_of_none_that_is_told_have_no_motion():
    tracks = Tracks((Trajectory([(0.3, 0.5)]),))
    for frames, said in ((None, "do not say how many frames"), (1, "two frames at least; of these tracks")):
        with pytest.raises(MotionError, match=said):
            motion_from_tracks(replace(tracks, frames=frames), texture(40, 64))
