"""Measuring a clip: by the field that moved it, by the motion found in its frames, by features of given networks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
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
from ..source_video import Grounded, SourceMotion, motion_from_video
from ..types import MotionField, Size, Trajectory
from .catalogue import FIELD, FRAMES, METRICS
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
        part = "first is" if count == 1 else f"first {count} are"
        told.append(f"Of the clip's {whole} frames only the {part} measured, by what was asked until then.")
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
        scores = map(fastest_part, steps_between(shot, Grounded(engine).flow, fps=fps))
        degrees[FRAMES] = _degree(scores, size, fps, engine.name)
    by_source = {
        source: _displacement(motion, region) | _together(paths, source) | {"dynamic_degree": degrees[source]}
        for source, motion in motions.items()
    }
    metrics = {key: {FIELD: by_source[FIELD][key], FRAMES: measured} for key, measured in by_source[FRAMES].items()}
    error = _motion_error(motions)
    metrics["motion_error"] = {FRAMES: error}
    metrics["motion_error_of_diagonal"] = {FRAMES: _of_diagonal(error, size)}
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
        metrics={key: metrics[key] for key in METRICS},
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


def _measured(measure: Callable[[], float], details: Callable[[], Mapping[str, float]] = dict) -> Measured:
    try:
        return Measured(measure(), details=details())
    except NotMeasured as why:
        return Measured(None, str(why))


def _displacement(motion: Motion | str, region: Tensor | None) -> dict[str, Measured]:
    """How far things move, everywhere and outside the brush."""
    average = drift = Measured(None, motion if isinstance(motion, str) else "no motion brush given")
    of_diagonal = average
    if isinstance(motion, Motion):
        field, seen = motion.known, motion.known_seen
        average = _measured(lambda: average_displacement(field, seen), lambda: _share(motion))
        of_diagonal = _of_diagonal(average, field.size)
        if region is not None:
            drift = _measured(lambda: drift_outside(field, region, seen), lambda: _share(motion, region))
    return {
        "average_displacement": average,
        "average_displacement_of_diagonal": of_diagonal,
        "drift_outside_brush": drift,
    }


def _share(motion: Motion, region: Tensor | None = None) -> dict[str, float]:
    """How much of the later frames was counted, of what was to be; nothing of a motion that is known everywhere."""
    if motion.seen is None:
        return {}
    field, seen = motion.known, motion.known_seen
    return {"counted": float(counted(field, seen, region).sum() / counted(field, None, region).sum())}


def _motion_error(motions: Mapping[str, Motion | str]) -> Measured:
    """How far the motion in the frames is from that of the field."""
    found, given = motions[FRAMES], motions[FIELD]
    if isinstance(found, str) or isinstance(given, str):
        return Measured(None, given if isinstance(given, str) else str(found))
    asked = given.field.cut(found.known.frames)
    return _measured(lambda: motion_error(found.known, asked, found.known_seen), lambda: _share(found))


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
    keys = ("end_error", "trajectory_error", "trajectory_error_of_diagonal", "off_path", "share_of_way")
    if not travels:
        reason = next((str(path.travels[source]) for path in paths), "no trajectory given")
        return dict.fromkeys((*keys, "direction_error"), Measured(None, reason))
    of_all = {"of": len(paths), "followed": sum(found.lost_after is None for found in travels)}

    def over(measure: Callable[[Travel], float], weight: Callable[[Travel], float] = lambda _: 1.0) -> Measured:
        each = [(found, _measured(lambda found=found: measure(found))) for found in travels]
        has = [(one.value, weight(found)) for found, one in each if one.value is not None]
        if not has:
            return min(each, key=lambda pair: pair[0].stays)[1]  # why not, of one that was to move if there is one
        mean = np.average([value for value, _ in has], weights=[weight for _, weight in has])
        return Measured(float(mean), details={"trajectories": len(has)} | of_all)

    error = over(lambda found: found.error)
    return {
        "end_error": over(lambda found: found.end_error),
        "trajectory_error": error,
        "trajectory_error_of_diagonal": _of_diagonal(error, travels[0].size),
        "off_path": over(lambda found: found.off_path),
        # all ways together, so that a way of one pixel does not count like one of a hundred
        "share_of_way": over(lambda found: found.share, lambda found: found.asked_way),
        "direction_error": over(lambda found: found.direction_error),
    }


def _degree_of(motion: Motion | str, fps: float) -> Measured:
    """From steps of a motion; of one that was found, by what is seen in both frames of a pair."""
    if isinstance(motion, str):
        return Measured(None, motion)
    size, steps, seen = motion.field.size, steps_of(motion.known, fps=fps), motion.known_seen
    if seen is None:
        return _degree(map(fastest_part, steps), size, fps, FROM_STEPS)
    both = [first & second for first, second in pairwise(seen[:: every(fps)])]
    each = [_measured(lambda pair=pair: fastest_part(*pair)) for pair in zip(steps, both, strict=True)]
    scores = [float(one.value) for one in each if one.value is not None]
    if each and not scores:
        return each[0]
    degree = _degree(scores, size, fps, FROM_STEPS)
    share = {"counted": torch.stack(both).float().mean().item()} if both else {}
    return Measured(degree.value, degree.reason, dict(degree.details or {}) | share)


def _degree(scores: Iterable[float], size: Size, fps: float, by: str) -> Measured:
    try:
        degree = dynamic_degree(list(scores), size)
    except NotMeasured as why:
        return Measured(None, str(why))
    told = {"pairs_moving": degree.moving, "pairs_needed": degree.needed, "pairs": len(degree.scores)}
    return Measured(degree.dynamic, details=told | {"threshold_px": degree.threshold, "every": every(fps), "by": by})


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
