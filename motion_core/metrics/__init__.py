"""What a clip is measured by: numbers of fields, frames and features that are given; no network and no file is read.

displacement.py      how far things move, in the whole picture and outside the brush, and beside the motion given
trajectories.py      the path that was asked for against the path that was travelled
consistency.py       how alike features of frames are to each other, to a text and to the input picture
dynamic_degree.py    VBench's yes or no: does the clip move at all?
flicker.py           what changes from frame to frame although it moves along
seen.py              which part of a motion that was found in frames counts
not_measured.py      why a number is missing

A number that cannot be had is a `NotMeasured`, never a 0.
"""

from .consistency import ImageFeatures, frame_consistency, prompt_consistency, subject_consistency
from .displacement import average_displacement, counted, drift_outside, motion_error
from .dynamic_degree import DynamicDegree, check_fps, dynamic_degree, every, fastest_part, steps_between, steps_of
from .flicker import flicker
from .not_measured import NotMeasured
from .trajectories import Travel, travel

__all__ = [
    "DynamicDegree",
    "ImageFeatures",
    "NotMeasured",
    "Travel",
    "average_displacement",
    "check_fps",
    "counted",
    "drift_outside",
    "dynamic_degree",
    "every",
    "fastest_part",
    "flicker",
    "frame_consistency",
    "motion_error",
    "prompt_consistency",
    "steps_between",
    "steps_of",
    "subject_consistency",
    "travel",
]
