"""Measuring a clip: by the field that moved it, by the motion found in its frames, by features of given networks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..errors import MotionError
from ..metrics import (
    ImageFeatures,
    NotMeasured,
    Travel,
    average_displacement,
    check_fps,
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
from ..source_video import SourceMotion, motion_from_video
from ..types import MOVING, MotionField, Size, Trajectory
from .catalogue import FIELD, FRAMES
from .given import Motion, check_frames, first_part, fitted_field, fitted_found, fitted_region
from .noun import BELIEVED, Measured, PathReport, Report
from .plot import DrawnMotion

if TYPE_CHECKING:
    from ..optical_flow import FlowEstimator

NO_FIELD, NO_FRAMES = "no motion field given", "no frames given"
NO_ESTIMATE = "no motion was estimated from the frames"
NO_CLIP = "no CLIP model given"
UNNAMED = "a motion whose estimator was not named"
FROM_STEPS = "steps of the motion from frame 0"  # in the place of an estimator between consecutive frames


def report_on(
    frames: Tensor | None = None,
    *,
    field: MotionField | None = None,
    found: SourceMotion | None = None,
    estimator: FlowEstimator | str | None = None,
    trajectories: Sequence[Trajectory] = (),
    region: Tensor | None = None,
    picture: Tensor | None = None,
    prompt: str = "",
    image_features: ImageFeatures | None = None,
    text_features: Callable[[str], Tensor] | None = None,
    fps: float = 8.0,
    whole: int | None = None,
    notes: Sequence[str] = (),
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Measure what can be measured of a clip; of the rest, the report says why it was not.

    frames: the finished clip [F, 3, H, W], 0…1. field: the motion the renderer was given. One of the two is needed.
    estimator: what finds the motion in the frames, and the flow between consecutive ones for the dynamic degree; or in
        words why there is none. found: that motion, if it was found before. progress: told how many frames it is in.
    trajectories: what was drawn. region: the motion brush [h, w], 0…1, 1 = may move. picture: the input [3, h, w].
    image_features: any network's. text_features: prompt → [C], of the same CLIP as image_features.
    whole: how many frames the clip has that field and trajectories are for, if `frames` are only its first.
    notes: what was done before, for the report to tell.

    All is measured at the size and count of the frames or, without frames, of the field. A field, a brush or a found
    motion of another size or count is resized and retimed, and a note says so.
    MotionError if there is nothing to measure, or frames are none, broken or not finite.
    """
    check_fps(fps)
    engine = None if isinstance(estimator, str) else estimator
    if frames is not None:
        check_frames(frames)
        size, count = Size.of(frames), len(frames)
    elif field is not None:
        size, count = field.size, field.frames
    else:
        raise MotionError("There is nothing to report on; give the frames of a clip, a motion field, or both.")
    whole, told = max(count, whole or 0), list(notes)
    if count < whole:
        told.append(f"Of the clip's {whole} frames the first {count} are measured, by what was asked of these.")
        trajectories = [first_part(trajectory, count, whole) for trajectory in trajectories]
    motions: dict[str, Motion | str] = {FRAMES: NO_FRAMES, FIELD: NO_FIELD}
    if field is not None:
        motions[FIELD] = Motion(fitted_field(field, size, count, told, whole=whole))
    if frames is not None:
        there = _found(frames, estimator, progress) if found is None else found
        motions[FRAMES] = there if isinstance(there, str) else fitted_found(there, size, count, told)
    if region is not None:
        region = fitted_region(region, size, told)
    paths = tuple(_path(trajectory, n, motions, size, count) for n, trajectory in enumerate(trajectories, start=1))
    degrees = {FIELD: _degree_of(motions[FIELD], fps)}
    if frames is None or engine is None:
        degrees[FRAMES] = _degree_of(motions[FRAMES], fps)
    else:
        shot = frames[: getattr(motions[FRAMES], "covered", None)]  # a cut would count as the fastest motion of all
        degrees[FRAMES] = _degree(steps_between(shot, engine.flow, fps=fps), size, fps, engine.name)
    by_source = {
        source: _displacement(motion, region) | _together(paths, source) | {"dynamic_degree": degrees[source]}
        for source, motion in motions.items()
    }
    metrics = {key: {FIELD: by_source[FIELD][key], FRAMES: measured} for key, measured in by_source[FRAMES].items()}
    metrics["flicker"] = {FRAMES: _flicker(frames, motions)}
    features = _consistencies(frames, picture, prompt, image_features, text_features)
    metrics |= {key: {FRAMES: measured} for key, measured in features.items()}
    return Report(
        size=size,
        frames=count,
        fps=float(fps),
        sampling=f"motion from frame 0 to all later ones; features of all frames; dynamic degree of {_sampled(fps)}",
        sources={
            FIELD: None if field is None else "the motion field given",
            FRAMES: _estimator_name(motions[FRAMES], engine),
            "image_features": None if image_features is None else image_features.name,
        },
        metrics=metrics,
        paths=paths,
        motion=_drawn(motions),
        notes=tuple(told),
    )


def _found(
    frames: Tensor, estimator: FlowEstimator | str | None, progress: Callable[[int], None] | None
) -> SourceMotion | str:
    """The motion in the frames or, as the rest of a report is worth having, in words why there is none."""
    if estimator is None or isinstance(estimator, str):
        return estimator or NO_ESTIMATE
    try:
        return motion_from_video(frames, estimator, at_cut="stop", progress=progress)
    except MotionError as why:
        return str(why).rstrip(".")


def _drawn(motions: dict[str, Motion | str]) -> DrawnMotion | None:
    """How far everything has gone in the last frame in which something is seen, by the source that is believed."""
    for source in BELIEVED:
        motion = motions[source]
        if isinstance(motion, str):
            continue
        for frame in reversed(range(1, motion.field.frames)):
            step = motion.field.displacement[frame]
            seen = torch.ones_like(step[0], dtype=torch.bool) if motion.seen is None else motion.seen[frame]
            if seen.any():
                gone = step * seen.to(step.device)
                return DrawnMotion(MotionField.after_reference(gone[None]), frame, source)
    return None


def _sampled(fps: float) -> str:
    step = every(fps)
    return "all frames" if step == 1 else f"1 of {step} frames ({fps / step:g} a second)"


def _estimator_name(motion: Motion | str, estimator: FlowEstimator | None) -> str | None:
    if isinstance(motion, str):
        return None
    return UNNAMED if estimator is None else estimator.name


def _measured(measure: Callable[[], float]) -> Measured:
    try:
        return Measured(measure())
    except NotMeasured as why:
        return Measured(None, str(why))


def _displacement(motion: Motion | str, region: Tensor | None) -> dict[str, Measured]:
    """How far things move, everywhere and outside the brush."""
    if isinstance(motion, Motion) and motion.seen is not None and not motion.seen[1:].any():
        motion = "nothing of the first frame is found again in a later one"  # it may be black, or a fade
    average = drift = Measured(None, motion if isinstance(motion, str) else "no motion brush given")
    of_diagonal = average
    if isinstance(motion, Motion):
        average = _measured(lambda: average_displacement(motion.known))
        of_diagonal = _of_diagonal(average, motion.field.size)
        if region is not None:
            drift = _measured(lambda: drift_outside(motion.known, region))
    return {
        "average_displacement": average,
        "average_displacement_of_diagonal": of_diagonal,
        "drift_outside_brush": drift,
    }


def _of_diagonal(pixels: Measured, size: Size) -> Measured:
    share = None if pixels.value is None else pixels.value / size.diagonal
    return Measured(share, pixels.reason, pixels.details)


def _path(trajectory: Trajectory, number: int, motions: dict[str, Motion | str], size: Size, count: int) -> PathReport:
    travels: dict[str, Travel | str] = {}
    for source, motion in motions.items():
        try:
            travels[source] = motion if isinstance(motion, str) else travel(motion.field, trajectory, motion.seen)
        except NotMeasured as why:
            travels[source] = str(why)
    asked = trajectory.sampled(count) * np.array([size.width, size.height]) - 0.5
    return PathReport(trajectory.name or f"trajectory {number}", asked, travels)


def _together(paths: Sequence[PathReport], source: str) -> dict[str, Measured]:
    """All trajectories in one number each. Those that were not measured are left out; how many were is told."""
    travels = [found for path in paths if isinstance(found := path.travels[source], Travel)]
    keys = ("trajectory_error", "trajectory_error_of_diagonal", "off_path", "share_of_way", "direction_error")
    if not travels:
        reason = next((str(path.travels[source]) for path in paths), "no trajectory given")
        return dict.fromkeys(keys, Measured(None, reason))

    def over(values: Sequence[float], reason: str) -> Measured:
        counted = {"trajectories": len(values), "of": len(paths)}
        return Measured(float(np.mean(values)), details=counted) if values else Measured(None, reason)

    error = over([found.error for found in travels], "")
    going = [found for found in travels if not found.stays and found.asked_way >= MOVING]
    share = over([found.share for found in going], "no trajectory was asked to move while it was seen")
    if going:  # all ways together, so that a way of one pixel does not count like one of a hundred
        ways = sum(found.asked_way for found in going)
        share = Measured(sum(found.went for found in going) / ways, details=share.details)
    angles = [_measured(lambda found=found: found.direction_error) for found in travels]
    known = [float(angle.value) for angle in angles if angle.value is not None]
    return {
        "trajectory_error": error,
        "trajectory_error_of_diagonal": _of_diagonal(error, travels[0].size),
        "off_path": over([found.off_path for found in travels], ""),
        "share_of_way": share,
        "direction_error": over(known, angles[0].reason),
    }


def _degree_of(motion: Motion | str, fps: float) -> Measured:
    if isinstance(motion, str):
        return Measured(None, motion)
    return _degree(steps_of(motion.known, fps=fps), motion.field.size, fps, FROM_STEPS)


def _degree(steps: Iterable[Tensor], size: Size, fps: float, by: str) -> Measured:
    try:
        degree = dynamic_degree([fastest_part(step) for step in steps], size)
    except NotMeasured as why:
        return Measured(None, str(why))
    counted = {"pairs_moving": degree.moving, "pairs_needed": degree.needed, "pairs": len(degree.scores)}
    return Measured(degree.dynamic, details=counted | {"threshold_px": degree.threshold, "every": every(fps), "by": by})


def _flicker(frames: Tensor | None, motions: dict[str, Motion | str]) -> Measured:
    """Along the motion found in the frames or, if none was, along the field."""
    if frames is None:
        return Measured(None, NO_FRAMES)
    for source, motion in motions.items():
        if isinstance(motion, Motion):
            measured = _measured(lambda motion=motion: flicker(frames, motion.field, motion.seen))
            return Measured(measured.value, measured.reason, {"compensated_by": source})
    return Measured(None, "no motion is known to compensate")


def _consistencies(
    frames: Tensor | None,
    picture: Tensor | None,
    prompt: str,
    image_features: ImageFeatures | None,
    text_features: Callable[[str], Tensor] | None,
) -> dict[str, Measured]:
    """Of frames to each other, to the prompt and to the input picture."""
    told = {key: Measured(None, NO_CLIP) for key in ("frame_consistency", "prompt_consistency", "subject_consistency")}
    if frames is None:
        return dict.fromkeys(told, Measured(None, NO_FRAMES))
    if image_features is None:
        return told
    seen, by = image_features(frames), {"features": image_features.name}

    def with_name(measured: Measured) -> Measured:
        return Measured(measured.value, measured.reason, by)

    told["frame_consistency"] = with_name(_measured(lambda: frame_consistency(seen)))
    if not prompt.strip():
        told["prompt_consistency"] = Measured(None, "no prompt given")
    elif text_features is None:
        told["prompt_consistency"] = Measured(None, f"{image_features.name} sees but cannot read, unlike a whole CLIP")
    else:
        read = text_features(prompt).float().cpu()
        told["prompt_consistency"] = with_name(_measured(lambda: prompt_consistency(seen, read)))
    if picture is None:
        told["subject_consistency"] = Measured(None, "no input picture given")
    else:
        like = image_features(picture[None])[0]
        told["subject_consistency"] = with_name(_measured(lambda: subject_consistency(seen, like)))
    return told
