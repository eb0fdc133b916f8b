"""Reports on clips whose motion is known exactly."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from motion_core.errors import MotionError, ShapeError
from motion_core.metrics import ImageFeatures
from motion_core.report import estimator_or_reason, report_on
from motion_core.report.catalogue import METRICS
from motion_core.report.given import fitted_found, fitted_region
from motion_core.types import MotionField, Size, Trajectory

SIZE = Size(48, 64)
RIGHT = Trajectory([(0.25, 0.5), (0.5, 0.5)], name="head")  # 16 px to the right
PIN = Trajectory([(0.75, 0.75)], name="foot")
OUTSIDE = Trajectory([(1.5, 0.5), (0.5, 0.5)], name="bird")
COLOURS = ImageFeatures("mean colour", lambda pictures: pictures.mean(dim=(2, 3)))
BOTH, SEEN = {"field", "frames"}, {"frames"}


def moving(x, y=0.0, *, frames=5, size=SIZE):
    """Everything goes (x, y) px a frame."""
    times = torch.arange(frames, dtype=torch.float32).view(-1, 1, 1, 1)
    return MotionField(times * torch.tensor([x, y]).view(1, 2, 1, 1).expand(1, 2, *size))


def clip(step=4, frames=5, size=SIZE):
    """A noisy picture that goes `step` px to the right a frame."""
    picture = torch.rand(3, *size, generator=torch.Generator().manual_seed(0))
    return torch.stack([picture.roll(k * step, dims=2) for k in range(frames)])


def found(field, *, seen=None, cuts=()):
    """What motion_from_video gives."""
    everywhere = torch.ones(field.frames, *field.size, dtype=torch.bool)
    return SimpleNamespace(field=field, seen=everywhere if seen is None else seen, cuts=cuts)


class Exact:
    """Knows that everything goes a multiple of 4 px sideways, and by which one the second picture is the first."""

    name = "exact"

    def flow(self, first, second):
        x = min(range(-32, 33, 4), key=lambda x: float((first.roll(x, dims=2) - second).abs().mean()))
        return torch.tensor([float(x), 0.0]).view(2, 1, 1).expand(2, *SIZE)


def full_report():
    region = torch.zeros(SIZE)
    region[:, :32] = 1
    return report_on(
        clip(),
        field=moving(4.0),
        found=found(moving(2.0)),
        estimator=Exact(),
        trajectories=[RIGHT, PIN, OUTSIDE],
        region=region,
        picture=clip()[0],
        prompt="noise",
        image_features=COLOURS,
        text_features=lambda prompt: torch.ones(3),
    )


def value(report, key, source):
    return report.json()["metrics"][key][source]["value"]


def reason(report, key, source):
    told = report.json()["metrics"][key][source]
    assert told["value"] is None
    return told["reason"]


def test_field_and_frames_are_measured_apart():
    report = full_report()
    assert value(report, "average_displacement", "field") == pytest.approx(10)  # of 4, 8, 12, 16
    assert value(report, "average_displacement", "frames") == pytest.approx(5)
    assert value(report, "average_displacement_of_diagonal", "field") == pytest.approx(10 / 80)
    assert value(report, "drift_outside_brush", "frames") == pytest.approx(5)
    assert value(report, "share_of_way", "field") == pytest.approx(1)
    assert value(report, "share_of_way", "frames") == pytest.approx(0.5)
    assert value(report, "trajectory_error", "frames") == pytest.approx(5)  # head 2, 4, 6, 8 behind, foot as far away
    assert value(report, "trajectory_error_of_diagonal", "frames") == pytest.approx(5 / 80)
    assert value(report, "direction_error", "frames") == pytest.approx(0, abs=1e-3)
    assert value(report, "frame_consistency", "frames") == pytest.approx(1)
    assert value(report, "subject_consistency", "frames") == pytest.approx(1)
    assert value(report, "prompt_consistency", "frames") == pytest.approx(100, abs=0.1)


def test_the_json_keeps_its_keys():
    report = full_report().json()
    about = ["format", "version", "size", "diagonal_px", "frames", "fps", "sampling", "sources"]
    assert list(report) == [*about, "metrics", "trajectories", "notes"]
    assert (report["format"], report["version"], report["diagonal_px"]) == ("motion_report", 1, 80)
    assert report["size"] == {"width": 64, "height": 48}
    assert report["sources"] == {"field": "the motion field given", "frames": "exact", "image_features": "mean colour"}
    sources = {key: {name for name in metric if name in BOTH} for key, metric in report["metrics"].items()}
    assert sources == {
        "average_displacement": BOTH,
        "average_displacement_of_diagonal": BOTH,
        "motion_error": SEEN,
        "motion_error_of_diagonal": SEEN,
        "end_error": BOTH,
        "drift_outside_brush": BOTH,
        "trajectory_error": BOTH,
        "trajectory_error_of_diagonal": BOTH,
        "off_path": BOTH,
        "share_of_way": BOTH,
        "direction_error": BOTH,
        "dynamic_degree": BOTH,
        "flicker": SEEN,
        "frame_consistency": SEEN,
        "prompt_consistency": SEEN,
        "subject_consistency": SEEN,
    }
    assert list(report["metrics"]) == list(METRICS)
    head, foot, bird = report["trajectories"]
    assert list(head["frames"]) == [
        *("frames", "of_frames", "lost_after", "asked_px", "went_px", "farthest_px", "share", "end_error_px"),
        *("error_px", "error_of_diagonal", "off_path_px", "direction_error", "reason", "verdict"),
    ]
    assert (head["believed"], foot["frames"]["share"], bird["believed"]) == ("frames", None, None)
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_verdicts_are_sentences():
    assert full_report().verdicts == [
        "“head” went 8.0 of the 16.0 px asked (50 %), ends 8.0 px from where it should, "
        "on average 0.0 px off its path.",
        "“foot” was to stay, and was 5.0 px off its place on average.",
        "“bird” was not measured: it starts outside the picture, at (1.50, 0.50).",
    ]


def test_the_table_tells_all_with_units_and_aligned():
    table = full_report().table()
    for line in (
        "Motion report: 5 frames of 64×48 pixels (diagonal 80.0 px), 8 a second",
        "average displacement                             10.00 px        5.00 px",
        "average displacement, of the diagonal             12.50 %         6.25 %",
        "frame consistency                                                 1.0000",
        "subject consistency (formula of VBench-I2V)                       1.0000",
        "trajectory                 seen    asked     went    share   missed    error  of diagonal  off path",
        "head        in the frames   4/4  16.0 px   8.0 px   50.0 %   8.0 px   5.0 px        6.2 %    0.0 px",
        "motion error                                                     5.00 px",
        "“head” went 8.0 of the 16.0 px asked (50 %), ends 8.0 px from",
        "exact",
        "mean colour",
    ):
        assert line in table
    assert "not measured: no" not in table


def test_what_was_not_given_is_null_with_the_reason_and_never_0():
    report = report_on(clip())
    assert reason(report, "average_displacement", "field") == "no motion field given"
    assert reason(report, "average_displacement", "frames") == "no motion was estimated from the frames"
    assert reason(report, "dynamic_degree", "frames") == "no motion was estimated from the frames"
    assert reason(report, "flicker", "frames") == "no motion is known to compensate"
    assert reason(report, "trajectory_error", "field") == "no trajectory given"
    for key in ("frame_consistency", "prompt_consistency", "subject_consistency"):
        assert reason(report, key, "frames") == "no CLIP model given"
    table = report.table()
    assert "drift outside the brush, dynamic degree in the frames: not measured: no motion was" in table
    assert "share of the way, direction error: not measured: no trajectory given." in table
    assert "prompt consistency, subject consistency (formula of VBench-I2V): not measured: no CLIP model" in table
    assert " 0" not in "".join(line for line in table.splitlines() if "–" in line)


def test_of_features_without_words_the_prompt_alone_is_missing():
    report = report_on(clip(), prompt="noise", image_features=COLOURS)
    assert value(report, "frame_consistency", "frames") == pytest.approx(1)
    assert reason(report, "prompt_consistency", "frames") == "mean colour sees but cannot read, unlike a whole CLIP"
    assert reason(report, "subject_consistency", "frames") == "no input picture given"
    silent = report_on(clip(), image_features=COLOURS, text_features=lambda prompt: torch.ones(3))
    assert reason(silent, "prompt_consistency", "frames") == "no prompt given"


def test_a_field_alone_is_measured_without_frames():
    report = report_on(field=moving(4.0), trajectories=[RIGHT])
    assert (report.size, report.frames) == (SIZE, 5)
    assert value(report, "share_of_way", "field") == pytest.approx(1)
    assert reason(report, "share_of_way", "frames") == "no frames given"
    assert reason(report, "frame_consistency", "frames") == "no frames given"
    (verdict,) = report.verdicts
    assert verdict.startswith("“head” went 16.0 of the 16.0 px asked (100 %), ends 0.0 px ")


def test_one_frame_is_told_so():
    report = report_on(clip(frames=1), field=moving(4.0), image_features=COLOURS, trajectories=[RIGHT])
    assert "only one frame" in reason(report, "average_displacement", "field")
    assert "only one frame" in reason(report, "trajectory_error", "field")
    assert "only one frame" in reason(report, "frame_consistency", "frames")
    assert "only one frame" in reason(report, "flicker", "frames")
    assert "only one frame" in report.verdicts[0]
    assert report.plot(clip()[0]).shape[0] == 3


def test_a_constant_clip_stands_still_in_every_number():
    still = MotionField.still(SIZE, frames=16)
    picture = clip()[0]
    report = report_on(
        picture.expand(16, -1, -1, -1), field=still, found=found(still), image_features=COLOURS, picture=picture
    )
    for source in ("field", "frames"):
        assert value(report, "average_displacement", source) == 0
        assert value(report, "dynamic_degree", source) is False
    assert value(report, "flicker", "frames") == 0
    assert value(report, "frame_consistency", "frames") == pytest.approx(1)


def test_a_field_of_another_size_is_resized_and_the_report_says_so():
    report = report_on(clip(), field=moving(2.0, size=Size(24, 32)), trajectories=[RIGHT])
    assert value(report, "average_displacement", "field") == pytest.approx(10)
    assert value(report, "share_of_way", "field") == pytest.approx(1)
    assert report.notes == ("The motion field is 32×24, the clip 64×48; it was resized, its lengths with it.",)
    assert report.notes[0] in report.table()


def test_a_field_of_another_frame_count_is_retimed_and_the_report_says_so():
    report = report_on(clip(), field=moving(2.0, frames=9), trajectories=[RIGHT])
    assert value(report, "share_of_way", "field") == pytest.approx(1)
    assert report.notes == ("The motion field has 9 frames, the clip 5; it was retimed.",)


def test_found_motion_and_brush_are_fitted_too():
    seen = torch.ones(9, 24, 32, dtype=torch.bool)
    seen[8] = False
    other = found(moving(1.0, frames=9, size=Size(24, 32)), seen=seen)
    report = report_on(clip(), found=other, trajectories=[RIGHT], region=torch.zeros(24, 32))
    assert report.json()["trajectories"][0]["frames"]["lost_after"] == 3  # not seen in the last one of four
    assert value(report, "trajectory_error", "frames") == pytest.approx(0, abs=1e-4)
    assert value(report, "drift_outside_brush", "frames") == pytest.approx(8)  # of 4, 8 and 12
    assert [note.split(" ha")[0].split(" is")[0] for note in report.notes] == [
        *["The motion found in the frames"] * 2,
        "The motion brush",
    ]


def test_what_comes_after_a_hard_cut_is_not_measured_and_the_report_says_so():
    told = found(moving(4.0, frames=3), cuts=(3,))  # of five frames
    report = report_on(clip(), found=told, trajectories=[RIGHT], region=torch.zeros(SIZE))
    assert report.notes == ("The clip has a hard cut at frame 3; its motion was measured up to there.",)
    assert value(report, "average_displacement", "frames") == pytest.approx(6)  # of 4 and 8
    assert value(report, "drift_outside_brush", "frames") == pytest.approx(6)
    assert value(report, "flicker", "frames") == pytest.approx(0, abs=1e-3)
    head = report.json()["trajectories"][0]["frames"]
    assert (head["frames"], head["of_frames"], head["lost_after"]) == (2, 4, 2)
    assert (head["asked_px"], head["went_px"], head["error_px"]) == pytest.approx((16, 8, 0))
    assert report.json()["metrics"]["dynamic_degree"]["frames"]["pairs"] == 2


def test_the_estimator_finds_the_motion_in_the_frames():
    told = []
    report = report_on(clip(), estimator=Exact(), trajectories=[RIGHT], progress=told.append)
    assert value(report, "average_displacement", "frames") == pytest.approx(10)
    assert value(report, "share_of_way", "frames") == pytest.approx(1)
    assert told == [1, 2, 3, 4, 5]


def test_why_no_motion_was_found_is_told_in_its_place():
    torn = torch.cat([clip(frames=1), 1 - clip(frames=4)])
    report = report_on(torn, estimator=Exact(), trajectories=[RIGHT])
    assert "a hard cut, or motion too fast" in reason(report, "trajectory_error", "frames")
    assert value(report, "dynamic_degree", "frames") is True  # which the estimator alone tells
    assert report.verdicts[0].startswith("“head” was not measured: Nothing of frame 0 is found again in frame 1: ")
    alone = report_on(clip(frames=1), estimator=Exact())
    assert "two frames at least; got 1" in reason(alone, "average_displacement", "frames")


def test_why_there_is_no_estimator_is_told_where_it_is_missed():
    report = report_on(clip(), field=moving(4.0), estimator="OpenCV is not installed")
    for key in ("average_displacement", "dynamic_degree"):
        assert reason(report, key, "frames") == "OpenCV is not installed"
        assert value(report, key, "field")
    assert report.sources["frames"] is None


def test_without_opencv_a_report_is_told_why_and_other_mistakes_stay_errors(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert "pip install opencv-python-headless" in str(estimator_or_reason("dis"))
    assert estimator_or_reason("none") is None
    with pytest.raises(MotionError, match="crystal ball"):
        estimator_or_reason("crystal ball")
    with pytest.raises(MotionError, match="RAFT needs a file of its weights"):
        estimator_or_reason("raft")
    with pytest.raises(MotionError, match=r"nope\.pth"):
        estimator_or_reason("raft", tmp_path / "nope.pth")


def test_the_first_frames_of_a_clip_are_measured_by_what_was_asked_of_them():
    field = moving(4.0, frames=9)  # 32 px to the right in nine frames; five are measured
    asked = [Trajectory([(0.25, 0.5), (0.75, 0.5)], curve="straight", name="head")]
    report = report_on(clip(), field=field, estimator=Exact(), trajectories=asked, whole=9)
    head = report.json()["trajectories"][0]
    for source in ("field", "frames"):
        assert (head[source]["asked_px"], head[source]["error_px"]) == (pytest.approx(16), pytest.approx(0, abs=1e-4))
    assert value(report, "average_displacement", "field") == pytest.approx(10)
    assert report.notes == ("Of the clip's 9 frames only the first 5 are measured, by what was asked until then.",)
    first = report_on(clip(frames=1), field=field, whole=9)
    assert first.notes == ("Of the clip's 9 frames only the first is measured, by what was asked until then.",)
    retimed = report_on(clip(), field=moving(8.0, frames=5), trajectories=asked, whole=9)
    assert value(retimed, "average_displacement", "field") == pytest.approx(10)


def test_a_thing_is_as_visible_in_the_first_frames_as_in_the_whole():
    asked = Trajectory([(0.25, 0.5)] * 9, visible=[True, True, True, False] + [True] * 5)
    report = report_on(clip(), field=MotionField.still(SIZE, frames=9), trajectories=[asked], whole=9)
    assert report.json()["trajectories"][0]["field"]["frames"] == 3  # of four


def test_what_was_done_before_is_told_first():
    report = report_on(clip(), field=moving(4.0, frames=9), notes=["It was resized."])
    assert report.notes[0] == "It was resized."
    assert "retimed" in report.notes[1]


def test_a_motion_without_a_cut_is_not_copied():
    motion = found(moving(4.0))
    fitted = fitted_found(motion, SIZE, 5, [])
    assert fitted.field is motion.field
    assert fitted.seen is motion.seen


def test_the_dynamic_degree_is_decided_by_the_estimator_and_tells_what_it_rests_on():
    size = Size(48, 64)  # 6·48/256 = 1.125 px
    told = full_report().json()["metrics"]["dynamic_degree"]["frames"]
    assert told == {
        **{"value": True, "pairs_moving": 4, "pairs_needed": 1, "pairs": 4},
        **{"threshold_px": 6 * size.height / 256, "every": 1, "by": "exact"},
    }
    assert (
        "Dynamic degree in the frames: 4 of 4 pairs exceed 1.12 px, 1 needed; flow by exact." in full_report().table()
    )


def test_at_24_frames_a_second_every_third_frame_is_looked_at():
    report = report_on(field=moving(4.0, frames=7), fps=24)
    told = report.json()["metrics"]["dynamic_degree"]["field"]
    assert (told["pairs"], told["every"], told["by"]) == (2, 3, "steps of the motion from frame 0")
    assert report.sampling.endswith("dynamic degree of 1 of 3 frames (8 a second)")


def test_flicker_follows_the_frames_if_their_motion_is_known_and_else_the_field():
    along = report_on(clip(), field=moving(4.0)).json()["metrics"]["flicker"]["frames"]
    assert (along["value"], along["compensated_by"]) == (pytest.approx(0, abs=1e-3), "field")
    astray = report_on(clip(), field=moving(4.0), found=found(moving(0.0)))
    assert value(astray, "flicker", "frames") > 50


def test_a_point_lost_in_the_frames_is_told_by_the_field():
    hidden = torch.ones(5, *SIZE, dtype=torch.bool)
    hidden[1:] = False
    report = report_on(clip(), field=moving(4.0), found=found(moving(4.0), seen=hidden), trajectories=[RIGHT])
    head = report.json()["trajectories"][0]
    assert head["believed"] == "field"
    assert head["frames"]["reason"] == "the point is seen in no frame after the first"


def lost_below(row, *, after):
    """What is seen of a motion in five frames; below that row nothing after that frame."""
    seen = torch.ones(5, *SIZE, dtype=torch.bool)
    seen[after + 1 :, row:] = False
    return seen


def test_a_lost_thing_is_never_taken_for_one_that_arrived():
    low = Trajectory([(0.25, 0.9), (0.5, 0.9)], name="tail", curve="straight")
    there = found(moving(4.0), seen=lost_below(35, after=2))
    report = report_on(clip(), found=there, trajectories=[low])
    assert reason(report, "share_of_way", "frames") == "it was lost after frame 2 of 4"
    assert reason(report, "end_error", "frames") == "it was lost after frame 2 of 4"
    assert value(report, "off_path", "frames") == pytest.approx(0, abs=1e-4)
    assert report.verdicts == [
        "“tail” went 8.0 of the 16.0 px asked, on average 0.0 px off its path; lost after frame 2 of 4."
    ]
    assert "%" not in report.verdicts[0]
    pinned = report_on(clip(), found=there, trajectories=[PIN, low])
    assert "lost after" in reason(pinned, "share_of_way", "frames")  # not: that a pin stays
    both = report_on(clip(), found=there, trajectories=[low, RIGHT])
    share = both.json()["metrics"]["share_of_way"]["frames"]
    assert share == {"value": pytest.approx(1), "trajectories": 1, "of": 2, "followed": 1}
    table = both.table()
    assert "Lost before the end in the frames: 1 of 2 trajectories." in table
    assert "tail        in the frames   2/4  16.0 px   8.0 px        –       –  0.0 px" in table


def test_the_motion_in_the_frames_is_held_against_the_field():
    shifted = moving(4.0).displacement
    shifted[1:] += torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)
    shifted[3:, :, 24:] = 99.0  # which is not seen
    given = moving(4.0)
    report = report_on(clip(), field=given, found=found(MotionField(shifted), seen=lost_below(24, after=2)))
    error = report.json()["metrics"]["motion_error"]["frames"]
    assert (error["value"], error["counted"]) == (pytest.approx(5), pytest.approx(0.75))
    assert value(report, "motion_error_of_diagonal", "frames") == pytest.approx(5 / 80)
    cut = report_on(clip(), field=given, found=found(moving(4.0, frames=3), cuts=(3,)))
    assert value(cut, "motion_error", "frames") == pytest.approx(0)
    assert reason(report_on(clip(), found=found(given)), "motion_error", "frames") == "no motion field given"
    assert "no motion was estimated" in reason(report_on(clip(), field=given), "motion_error", "frames")


def test_what_was_filled_in_is_not_measured_as_displacement():
    filled = MotionField.still(SIZE, frames=5)
    filled.displacement[1:, 0, :24], filled.displacement[1:, 0, 24:] = 4.0, 40.0
    seen = lost_below(24, after=0)
    report = report_on(clip(), field=filled, found=found(filled, seen=seen), region=torch.zeros(SIZE))
    for key in ("average_displacement", "drift_outside_brush"):
        assert report.json()["metrics"][key]["frames"]["counted"] == pytest.approx(0.5)
        assert value(report, key, "frames") == pytest.approx(4)
        assert report.json()["metrics"][key]["field"] == {"value": pytest.approx(22)}  # dense: all of it counts


def test_the_dynamic_degree_of_a_found_motion_is_that_of_what_is_seen():
    jumping = MotionField.still(SIZE, frames=5)
    jumping.displacement[1::2, 0, 24:] = 40.0
    wild = report_on(clip(), found=found(jumping)).json()["metrics"]["dynamic_degree"]["frames"]
    seen = report_on(clip(), found=found(jumping, seen=lost_below(24, after=0)))
    calm = seen.json()["metrics"]["dynamic_degree"]["frames"]
    assert (wild["value"], wild["counted"], calm["value"], calm["counted"]) == (True, 1, False, 0.5)
    seen = report_on(clip(), found=found(jumping, seen=lost_below(0, after=0)))
    assert "fewer than 1 %" in reason(seen, "dynamic_degree", "frames")


def test_what_is_seen_is_retimed_to_the_nearest_frame():
    seen = torch.ones(4, *SIZE, dtype=torch.bool)
    seen[2:] = False
    fitted = fitted_found(found(moving(4.0, frames=4), seen=seen), SIZE, 6, [])
    assert fitted.seen[:, 0, 0].tolist() == [True, True, True, False, False, False]  # of 0, 0.6, 1.2, 1.8, 2.4, 3


def test_a_brush_of_another_size_is_resized_smoothly():
    region = fitted_region(torch.tensor([[0.0, 1.0]]), Size(1, 4), [])
    assert region.tolist() == [[0, 0.25, 0.75, 1]]


def test_long_ways_weigh_more_in_the_share_of_all():
    short = Trajectory([(0.25, 0.25), (0.25, 0.25 + 8 / 48)])  # 8 px down, none of which it goes
    report = report_on(field=moving(4.0), trajectories=[RIGHT, short])
    assert value(report, "share_of_way", "field") == pytest.approx(16 / 24)


def test_unnamed_trajectories_are_counted():
    report = report_on(field=moving(4.0), trajectories=[PIN, Trajectory([(0.5, 0.5)])])
    assert [path.name for path in report.paths] == ["foot", "trajectory 2"]


def test_a_table_of_four_hundred_trajectories_stays_readable():
    report = report_on(field=moving(4.0), trajectories=[RIGHT] * 400)
    assert len(report.table().splitlines()) < 80
    assert "… and 380 more, which the JSON has." in report.table()
    assert len(report.json()["trajectories"]) == 400


def test_a_trace_of_going_back_is_no_minus_zero():
    report = report_on(field=moving(-0.01), trajectories=[RIGHT])
    (verdict,) = report.verdicts
    assert verdict.startswith("“head” went 0.0 of the 16.0 px asked (0 %), ends ")
    assert "-0.0 " not in report.table()


def test_wide_letters_keep_the_columns_aligned():
    name = Trajectory(RIGHT.points, name="头")
    rows = report_on(field=moving(4.0), trajectories=[name, RIGHT]).table().splitlines()
    (wide,), (narrow,) = ([row for row in rows if row.startswith(start)] for start in ("头", "head"))
    assert len(narrow) - len(wide) == 1  # one letter fewer, as many columns


@pytest.mark.parametrize(
    ("frames", "sentence"),
    [
        (torch.zeros(0, 3, 48, 64), "no frames"),
        (torch.zeros(5, 48, 64, 3), r"\[F, 3, H, W\]; got \[5, 48, 64, 3\]"),
        (torch.zeros(5, 3, 48, 64, dtype=torch.uint8), "floating-point"),
        (torch.full((5, 3, 48, 64), torch.nan), "not a finite number"),
    ],
)
def test_broken_frames_are_refused(frames, sentence):
    with pytest.raises(MotionError, match=sentence):
        report_on(frames, field=moving(4.0))


def test_nothing_given_and_impossible_values_are_refused():
    with pytest.raises(MotionError, match="nothing to report on"):
        report_on()
    with pytest.raises(MotionError, match="more than zero frames a second"):
        report_on(clip(), fps=0)
    with pytest.raises(ShapeError, match=r"region is \[H, W\]"):
        report_on(clip(), region=torch.zeros(1, 48, 64))
    with pytest.raises(MotionError, match="divide a mask"):
        report_on(field=moving(4.0), region=torch.full(SIZE, 255.0))


# ---- the plot


ORANGE = torch.tensor([230, 159, 0]) / 255


def like(plot, color):
    """[H, W] bool: which pixels have that colour."""
    return (plot - color.view(3, 1, 1)).abs().amax(dim=0) < 0.1


@pytest.mark.parametrize("brightness", [0.0, 0.5, 1.0])
def test_the_travelled_path_is_seen_on_any_picture(brightness):
    size = Size(240, 480)
    asked = Trajectory([(0.25, 0.5), (0.75, 0.5)])  # 240 px to the right
    down = report_on(field=moving(0.0, 20.0, size=size), trajectories=[asked])
    plot = down.plot(torch.full((3, *size), brightness))
    assert plot.shape[0] == 3
    assert plot.shape[2] == 480
    assert plot.shape[1] > 240  # a legend below
    line = like(plot, ORANGE)[:240]
    assert line[130:190, 115:125].any(dim=1).all()  # solid, from (119.5, 119.5) down by 80 px
    dashes = like(plot, ORANGE)[115:125, 140:340].any(dim=0)
    assert 0.3 < dashes.float().mean() < 0.8  # dashed to the right
    untouched = plot[:, :100, :100]
    torch.testing.assert_close(untouched, torch.full_like(untouched, brightness), atol=0.01, rtol=0)


def test_asked_dashes_are_seen_over_a_path_that_was_travelled_exactly():
    size = Size(240, 480)
    asked = Trajectory([(0.25, 0.5), (0.75, 0.5)], curve="straight")
    plot = report_on(field=moving(60.0, size=size), trajectories=[asked]).plot(torch.zeros(3, *size))
    white = plot[:, 119:121, 140:340].amin(dim=0).amax(dim=0) > 0.6
    assert 0.3 < white.float().mean() < 0.8
    assert (white[1:] != white[:-1]).sum() > 10


def test_a_path_is_interrupted_where_it_was_not_seen():
    size = Size(240, 480)
    seen = torch.ones(9, *size, dtype=torch.bool)
    seen[3:6] = False
    down = found(moving(0.0, 10.0, frames=9, size=size), seen=seen)
    asked = Trajectory([(0.25, 0.5), (0.75, 0.5)])
    report = report_on(torch.zeros(9, 3, *size), found=down, trajectories=[asked])
    column = like(report.plot(torch.zeros(3, *size)), ORANGE)[:, 115:125].any(dim=1)
    assert column[130:136].all()
    assert not column[144:166].any()
    assert column[180:192].all()


def test_small_pictures_are_enlarged_and_other_sizes_fitted():
    report = report_on(field=moving(4.0), trajectories=[RIGHT])
    plot = report.plot(torch.rand(3, 30, 30))
    assert plot.shape[2] == 512  # 8 × 64
    assert plot.shape[1] > 8 * 48
    assert 0 <= plot.min() <= plot.max() <= 1


def test_the_legend_tells_one_colour_a_trajectory():
    blue = torch.tensor([86, 180, 233]) / 255
    one = report_on(field=moving(4.0), trajectories=[RIGHT]).plot(torch.zeros(3, *SIZE))[:, 384:]
    two = report_on(field=moving(4.0), trajectories=[RIGHT, OUTSIDE]).plot(torch.zeros(3, *SIZE))[:, 384:]
    assert like(one, ORANGE).sum() > 50
    assert not like(one, blue).any()
    assert like(two, blue).sum() > 50


def test_a_plot_of_hundreds_is_drawn():
    rng = np.random.default_rng(0)
    many = [Trajectory(rng.uniform(-0.2, 1.2, (3, 2)).tolist()) for _ in range(300)]
    assert report_on(field=moving(4.0), trajectories=many).plot(torch.zeros(3, *SIZE)).shape[1] < 640


def white(plot):
    """How many pixels of the picture, 512×384 above the legend, are an arrow's."""
    return int((plot[:, :384] > 0.8).all(dim=0).sum())


def test_without_trajectories_arrows_show_how_far_things_go():
    black = torch.zeros(3, *SIZE)
    none, short, long = (white(report_on(field=moving(step)).plot(black)) for step in (0.0, 0.5, 1.0))
    assert none == 0  # faint dots
    assert long > short > 1000
    assert report_on(field=moving(1.0)).plot(black).shape[1] > 384  # a legend


def test_the_arrows_are_of_the_frames_where_something_was_seen_and_else_of_the_field():
    black, seen = torch.zeros(3, *SIZE), torch.ones(5, *SIZE, dtype=torch.bool)
    seen[4], seen[3, :, :32] = False, False
    report = report_on(clip(), field=moving(4.0), found=found(moving(1.0), seen=seen))
    assert (report.motion.source, report.motion.frame) == ("frames", 3)
    assert report.motion.field.displacement[1, 0, 0, [0, 31, 32, 63]].tolist() == [0, 0, 3, 3]
    seen[1:] = False
    report = report_on(clip(), field=moving(4.0), found=found(moving(1.0), seen=seen))
    assert (report.motion.source, report.motion.frame) == ("field", 4)
    cut = report_on(clip(), found=found(moving(1.0, frames=3), cuts=(3,)))
    assert (cut.motion.source, cut.motion.frame) == ("frames", 2)
    assert white(cut.plot(black)) > 1000


def test_without_any_motion_the_plot_is_the_picture_alone():
    picture = torch.rand(3, 384, 512, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(report_on(clip()).plot(picture), picture)


def test_the_legend_does_not_tell_of_travels_that_were_not_measured():
    unmeasured = report_on(clip(), trajectories=[PIN]).plot(torch.zeros(3, *SIZE))
    measured = report_on(field=moving(4.0), trajectories=[PIN]).plot(torch.zeros(3, *SIZE))
    assert unmeasured.shape[1] < measured.shape[1]


def test_after_a_black_beginning_nothing_is_measured_and_no_zero_is_told():
    unseen = torch.zeros(5, *SIZE, dtype=torch.bool)
    unseen[0] = True
    report = report_on(clip(), found=found(MotionField.still(SIZE, frames=5), seen=unseen), region=torch.zeros(SIZE))
    for key in ("average_displacement", "average_displacement_of_diagonal", "drift_outside_brush"):
        assert reason(report, key, "frames") == "fewer than 1 % of its pixels are seen again in later frames"


def test_a_hard_cut_is_no_motion_of_the_dynamic_degree():
    told = found(MotionField.still(SIZE, frames=3), cuts=(3,))

    class Cut(Exact):
        def flow(self, first, second):
            return torch.full((2, *SIZE), 0.0 if torch.equal(first, second) else 40.0)

    frames = torch.cat([clip()[:1].expand(3, -1, -1, -1), clip(frames=2).flip(3)])
    report = report_on(frames, found=told, estimator=Cut())
    assert value(report, "dynamic_degree", "frames") is False
    assert report.json()["metrics"]["dynamic_degree"]["frames"]["pairs"] == 2
