"""The motion of another video, for zero-shot video-to-video: where every pixel of its first frame goes.

noun.py        SourceMotion: the field, what is still seen, and the cut it stopped at
from_video.py  from frames, by optical flow
from_tracks.py from tracked points, spread by the draft engine, and what of them is hidden
following.py   one step: direct, chained, and corrected flow, and which to believe
plain_ground.py what is plain, and seen by no flow, goes with the ground
propagation.py what a pixel's neighbours do, where that fits it better
likeness.py    whether two pictures show the same thing
thinning.py    a long motion kept in little memory, and retimed
"""

from .following import Method
from .from_tracks import motion_from_tracks
from .from_video import AtCut, motion_from_video
from .noun import SourceMotion
from .plain_ground import Grounded

__all__ = ["AtCut", "Grounded", "Method", "SourceMotion", "motion_from_tracks", "motion_from_video"]
