"""Motion without a network, in seconds: drawn motion spread over the picture, and the frames it gives.

extent.py   which pixels look like the same object as the one that was grabbed
spread.py   drawn motion over those pixels, as rigid as possible: a MotionField
frames.py   the picture carried along a MotionField, what it uncovers filled from the background
"""

from .frames import draft_frames
from .spread import draft_field

__all__ = ["draft_field", "draft_frames"]
