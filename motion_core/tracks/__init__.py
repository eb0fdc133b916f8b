"""Everybody's track formats ⇄ ours.

read_tracks takes what others write: the TRACKS dict and coordinate texts of ComfyUI's nodes, what drawing editors keep
in a workflow, and the files of point trackers and video models. write_tracks writes what they read; FORMATS names them.
"""

from .noun import Tracks
from .reading import read_tracks
from .writing import FORMATS, Written, to_tracks_dict, write_tracks

__all__ = [
    "FORMATS",
    "Tracks",
    "Written",
    "read_tracks",
    "to_tracks_dict",
    "write_tracks",
]
