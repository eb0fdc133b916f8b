"""What is measured, and in what: every metric of a report, with its name, its unit and its formula in words."""

from __future__ import annotations

from typing import NamedTuple

FIELD, FRAMES = "field", "frames"  # what a number was measured from; the keys never change
SOURCES = {FIELD: "in the field", FRAMES: "in the frames"}  # in the order of the table


class Metric(NamedTuple):
    """What a number is. unit: as printed; "share" is a part of 1, "cos" a cosine. method: the formula in words."""

    label: str
    unit: str
    method: str


METRICS = {  # in the order of the table; the keys never change
    "average_displacement": Metric(
        "average displacement",
        "px",
        "mean length of the displacement from frame 0, over frames 1 … F-1 and all pixels, in the frames those seen",
    ),
    "average_displacement_of_diagonal": Metric(
        "average displacement, of the diagonal", "share", "average_displacement / the picture's diagonal"
    ),
    "motion_error": Metric(
        "motion error",
        "px",
        "mean distance of where pixels go in the frames and in the field, over frames 1 … F-1 and the pixels seen",
    ),
    "motion_error_of_diagonal": Metric(
        "motion error, of the diagonal", "share", "motion_error / the picture's diagonal"
    ),
    "end_error": Metric(
        "missed at the end",
        "px",
        "distance of asked and travelled place in the last frame, mean over trajectories followed to the end",
    ),
    "trajectory_error": Metric(
        "trajectory error", "px", "mean distance of asked and travelled place in the same frame, mean over trajectories"
    ),
    "trajectory_error_of_diagonal": Metric(
        "trajectory error, of the diagonal", "share", "trajectory_error / the picture's diagonal"
    ),
    "off_path": Metric(
        "off the path", "px", "mean distance from a travelled place to the asked path, mean over trajectories"
    ),
    "share_of_way": Metric(
        "share of the way",
        "share",
        "sum of the travelled steps, each along the direction asked for in it / length of the asked paths, over "
        "trajectories followed to the end, in at least half of the frames",
    ),
    "direction_error": Metric(
        "direction error", "°", "mean angle between asked and travelled displacement, mean over trajectories"
    ),
    "drift_outside_brush": Metric(
        "drift outside the brush",
        "px",
        "mean displacement over frames 1 … F-1 of pixels that may move by less than 5 %, in the frames of those seen",
    ),
    "dynamic_degree": Metric(
        "dynamic degree",
        "",
        "VBench: at least round(4·n/16) pairs of the n frames looked at, whose fastest 5 % of pixels go farther on "
        "average than 6·(short side/256) px",
    ),
    "flicker": Metric(
        "flicker",
        "levels of 255",
        "mean |I_{k+1}(x + f_{k+1}(x)) - I_k(x + f_k(x))| over consecutive frames, pixels x seen in both, and colours",
    ),
    "frame_consistency": Metric("frame consistency", "cos", "mean cosine between image features of consecutive frames"),
    "prompt_consistency": Metric(
        "prompt consistency", "100·cos", "mean of 100·cos between the prompt's features and each frame's"
    ),
    "subject_consistency": Metric(
        "subject consistency (formula of VBench-I2V)",
        "cos",
        "formula of VBench-I2V's i2v subject, on the features named, where VBench takes DINO's: 0.4·max cos(input, "
        "frame) + 0.3·mean + 0.3·min cos of consecutive frames, cosines below 0 as 0",
    ),
}
