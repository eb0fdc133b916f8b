"""Motion without a network, in seconds: drawn motion spread over the picture, and the frames it gives.

extent.py   which pixels look like the same object as the one that was grabbed
objects.py  the things that drags take hold of, told apart
rigidity.py where they go, as rigid as possible
spread.py   from drawn trajectories to a MotionField
frames.py   the picture carried along a MotionField
plate.py    what it uncovers, filled from the background
"""

from .frames import draft_frames
from .spread import draft_field

__all__ = ["draft_field", "draft_frames"]
