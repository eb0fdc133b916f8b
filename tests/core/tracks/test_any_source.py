"""What holds for every text, JSON and file, tried on many."""

import json

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from motion_core.errors import MotionError
from motion_core.tracks import read_tracks
from tests.tracked import PICTURE, SAMPLES, written

TEXT_SAMPLES = [path.read_text() for path in SAMPLES.iterdir() if path.suffix in (".json", ".txt", ".csv")]
TEXT_SAMPLES = [text for text in TEXT_SAMPLES if len(text) < 1000] + [
    '{"version": 1, "trajectories": [{"points": [[0.1, 0.2], [0.3, 0.4]], "times": [0, 1], "visible": [true, false]}]}',
    '{"coordinates": [[{"x": 1, "y": 2}]], "p_coordinates": [{"x": 1, "y": 2}], "names": {"c": ["a"]}, "offsets": [1]}',
    '{"resolution": {"width": 9, "height": 9}, "scene": {"totalFrames": 9}, "layers": [{"path": []}]}',
]
BYTE_SAMPLES = [SAMPLES / "wan2gp_trajectories.npy", SAMPLES / "cotracker_pred.npz", SAMPLES / "ati_tracks.pth"]
KEYS = ["x", "y", "points", "path", "paths", "strokes", "segments", "layers", "trajectories", "tracks", "track_path"]
KEYS += ["coordinates", "dynamic_masks", "version"]
NUMBERS = st.floats() | st.integers() | st.sampled_from([10**400, -(10**25), 0, 1, 5e-324])
LEAVES = st.none() | st.booleans() | NUMBERS | st.text(max_size=5)
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)
UNTRUSTED = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read_or_told(source, **wanted):
    """Tracks, or None if the source was refused in words. Anything else fails the test."""
    try:
        tracks = read_tracks(source, size=PICTURE, **wanted)
    except MotionError:
        return None
    assert np.isfinite(tracks.sampled(3)[0]).all()
    return tracks


@UNTRUSTED
@given(st.text())
def test_any_text_is_read_or_refused_in_words(text):
    read_or_told(text)


@UNTRUSTED
@given(JSON, st.none() | st.booleans())
def test_any_json_is_read_or_refused_in_words(value, normalised):
    read_or_told(value, normalised=normalised)
    if isinstance(value, (list, dict)):
        read_or_told(json.dumps(value), normalised=normalised)


@UNTRUSTED
@given(st.sampled_from(TEXT_SAMPLES), st.data())
def test_a_sample_in_which_one_value_is_replaced_is_read_or_refused_in_words(text, data):
    try:
        value = json.loads(text)
    except ValueError:
        return
    places = []

    def walk(node):
        for key, inner in node.items() if isinstance(node, dict) else enumerate(node):
            places.append((node, key))
            if isinstance(inner, (dict, list)):
                walk(inner)

    walk(value)
    node, key = data.draw(st.sampled_from(places))
    node[key] = data.draw(JSON)
    read_or_told(value)


@UNTRUSTED
@given(
    st.sampled_from(TEXT_SAMPLES),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3), st.text(max_size=3)), min_size=1, max_size=4),
)
def test_a_sample_with_typing_errors_is_read_or_refused_in_words(text, edits):
    for place, removed, typed in edits:
        at = int(place * len(text))
        text = text[:at] + typed + text[at + removed :]
    tracks = read_or_told(text)
    if tracks:
        assert read_tracks(written(tracks, "json").value).trajectories == tracks.trajectories


@UNTRUSTED
@given(st.sampled_from(BYTE_SAMPLES), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_file_with_damaged_bytes_is_read_or_refused_in_words(tmp_path, sample, damage):
    content = bytearray(sample.read_bytes())
    for place, byte in damage:
        content[min(int(place * len(content)), len(content) - 1)] = byte
    path = tmp_path / f"damaged{sample.suffix}"
    path.write_bytes(content)
    read_or_told(path)


@UNTRUSTED
@given(st.binary(max_size=200), st.sampled_from([".npy", ".npz", ".pth", ".json", ".csv", ".txt"]))
def test_any_bytes_are_read_or_refused_in_words(tmp_path, content, suffix):
    path = tmp_path / f"any{suffix}"
    path.write_bytes(content)
    read_or_told(path)
