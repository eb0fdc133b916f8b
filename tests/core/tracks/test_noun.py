"""What is known of tracks beside their positions."""

from motion_core.tracks import read_tracks
from tests.tracked import PICTURE, SAMPLES


def test_the_units_in_the_file_name_the_picture_frames_and_fps():
    tracks = read_tracks(SAMPLES / "ltx_director_tracks.json")
    assert (tracks.frames, tracks.fps) == (81, 16)
    tracks = read_tracks(SAMPLES / "truth_16.npz")
    assert (tracks.size, tracks.frames, tracks.fps) == (PICTURE, 16, 16)
    assert read_tracks(SAMPLES / "starsfriday_path.json").size == PICTURE


def test_the_summary_says_what_was_found_and_what_was_done():
    told = read_tracks(SAMPLES / "truth_16.npz").summary.splitlines()
    assert told[0] == "3 tracks, 16 frames, 16 fps, picture 640×384"
    assert "Read as tracks and visibility." in told
    assert "Hidden points hold the nearest position that was seen: 4 do." in told
