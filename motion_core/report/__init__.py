"""The measured answer: did it move as it was drawn?

measuring.py   report_on, which measures a clip by its field, its frames and the features of networks that are given
engine.py      what finds motion in the frames, if it can be had here
given.py       what it was given, brought to one size and count
noun.py        the Report: json() for programs, table() for people, plot(picture) to look at
catalogue.py   every metric's name, unit and formula
table.py       the report as aligned text
plot.py        asked paths against travelled ones, over the picture; without trajectories, the motion
"""

from .engine import NONE, estimator_or_reason
from .measuring import report_on
from .noun import Measured, PathReport, Report

__all__ = ["NONE", "Measured", "PathReport", "Report", "estimator_or_reason", "report_on"]
