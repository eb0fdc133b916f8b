import io
import logging
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file

from motion_core.controls.camera import Camera, camera_field
from motion_core.errors import MotionError
from motion_core.field_file import holds_field, load_field, save_field
from motion_core.types import MotionField, Size

SAMPLES = Path(__file__).parents[1] / "fixtures" / "tracks"
anything = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture
def field():
    return camera_field(Camera(rotate=20, zoom=1.2), size=Size(12, 20), frames=4)


def flo(width, height, values, magic=202021.25):
    return struct.pack("<fii", magic, width, height) + np.asarray(values, dtype="<f4").tobytes()


def refusal(path, **how):
    with pytest.raises(MotionError) as told:
        load_field(path, **how)
    message = str(told.value)
    assert message.startswith(str(path))
    return message


@pytest.mark.parametrize("name", ["field.safetensors", "field.npz"])
def test_a_field_comes_back_as_it_was_saved(field, tmp_path, name):
    save_field(field, tmp_path / name)
    assert torch.equal(load_field(tmp_path / name).displacement, field.displacement)
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_safetensors_keep_the_precision_of_a_field(field, tmp_path, dtype):
    other = MotionField(field.displacement.to(dtype))
    save_field(other, tmp_path / "field.safetensors")
    again = load_field(tmp_path / "field.safetensors")
    assert again.displacement.dtype == dtype
    assert torch.equal(again.displacement, other.displacement)
    save_field(other, tmp_path / "field.npz")
    assert torch.equal(load_field(tmp_path / "field.npz").displacement, other.displacement.float())


def test_a_view_of_a_larger_field_is_saved_like_any_other(field, tmp_path):
    still = MotionField(torch.zeros(1, 2, 1, 1).expand(3, 2, 4, 5))
    save_field(still, tmp_path / "still.safetensors")
    assert load_field(tmp_path / "still.safetensors").displacement.shape == (3, 2, 4, 5)


def test_the_file_says_what_it_is(field, tmp_path):
    save_field(field, tmp_path / "field.safetensors")
    with safe_open(tmp_path / "field.safetensors", "pt") as file:
        assert file.metadata() == {"format": "motion_field", "version": "1"}
        assert list(file.keys()) == ["displacement"]


def test_one_flo_is_a_field_of_two_frames(tmp_path):
    field = load_field(SAMPLES / "tiny.flo")
    assert (field.frames, field.size) == (2, Size(24, 40))
    assert field.displacement[1, :, 10, 10].tolist() == [5.5, -2.25]
    assert field.displacement[1, :, 0, 0].tolist() == [0, 0]
    save_field(field, tmp_path / "again.flo")
    assert (tmp_path / "again.flo").read_bytes() == (SAMPLES / "tiny.flo").read_bytes()


def test_a_flow_from_the_first_frame_is_read_as_it_is():
    field = load_field(SAMPLES / "tiny_flow_from_first.npz")
    assert (field.frames, field.size) == (16, Size(24, 40))
    torch.testing.assert_close(field.displacement[:, 0, 10, 10], torch.arange(16) * 5.5 / 15)


def test_an_optical_flow_from_frame_to_frame_is_composed():
    field = load_field(SAMPLES / "tiny_optical_flow_f2f.npz")
    assert (field.frames, field.size) == (16, Size(24, 40))
    torch.testing.assert_close(field.displacement[:, 0, 10, 10], torch.arange(16) * 5.5 / 15, atol=1e-3, rtol=0)
    # The steps stay in place, so a pixel that has left their block moves no further; a sum of steps would go on.
    assert field.displacement[15, 0, 10, 19] < 2


@pytest.mark.parametrize("relative_to", ["previous", "reference"])
def test_a_folder_of_flo_comes_back_as_it_was_saved(field, tmp_path, relative_to):
    save_field(field, tmp_path / "flow", relative_to=relative_to)
    assert sorted(os.listdir(tmp_path / "flow")) == ["frame_00001.flo", "frame_00002.flo", "frame_00003.flo"]
    again = load_field(tmp_path / "flow", relative_to=relative_to)
    inner = (slice(None), slice(None), slice(4, -4), slice(5, -5))  # the rest leaves the picture on the way
    torch.testing.assert_close(again.displacement[inner], field.displacement[inner], atol=1e-3, rtol=0)
    if relative_to == "reference":
        assert torch.equal(again.displacement, field.displacement)


def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path):
    for number, x in ((2, 1.0), (10, 2.0), (1, 4.0)):
        (tmp_path / f"flow{number}.flo").write_bytes(flo(1, 1, [x, 0]))
    assert load_field(tmp_path, relative_to="reference").displacement.flatten(1)[:, 0].tolist() == [0, 4, 1, 2]
    assert load_field(tmp_path).displacement.flatten(1)[:, 0].tolist() == [0, 4, 5, 7]


def test_a_folder_of_ours_is_replaced_and_another_is_not(field, tmp_path):
    save_field(field, tmp_path / "flow")
    save_field(field.cut(2), tmp_path / "flow")
    assert os.listdir(tmp_path / "flow") == ["frame_00001.flo"]
    (tmp_path / "flow" / "diary.txt").write_text("dear")
    with pytest.raises(MotionError, match=r"diary\.txt"):
        save_field(field, tmp_path / "flow")
    assert (tmp_path / "flow" / "diary.txt").read_text() == "dear"


def test_unknown_motion_rests_and_is_said(tmp_path, caplog):
    (tmp_path / "a.flo").write_bytes(flo(4, 1, [1, 2, 1.7e9, 3, 5, np.nan, -1.7e9, np.inf]))
    with caplog.at_level(logging.WARNING):
        field = load_field(tmp_path / "a.flo")
    assert field.displacement[1].tolist() == [[[1, 0, 0, 0]], [[2, 0, 0, 0]]]
    assert "does not know the motion of 3 pixels" in caplog.text


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no .flo"),
        (b"PIE", "no .flo"),
        (b"PIEH", "cut off"),
        (b"PIEH\1\0\0\0", "cut off"),
        (flo(1, 1, [0, 0], magic=1.0), "should begin with b'PIEH'"),
        (struct.pack(">fii", 202021.25, 1, 1), "big-endian"),
        (flo(2, 2, [0] * 7), "takes 32 bytes; 28 are here"),
        (flo(1, 1, [0, 0, 0]), "takes 8 bytes; 12 are here"),
        (flo(2**31 - 1, 2**31 - 1, [0, 0]), "2147483647×2147483647"),
        (flo(0, 4, []), "0×4 pixels, which no picture is"),
        (flo(-1, -1, [0, 0]), "-1×-1"),
    ],
)
def test_a_flo_that_is_none_is_refused_in_a_sentence(tmp_path, content, told):
    (tmp_path / "a.flo").write_bytes(content)
    assert told in refusal(tmp_path / "a.flo")


@anything
@given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda tail: b"PIEH" + tail))
@example(flo(2, 1, [1, 2, 3, 4]))
def test_whatever_bytes_a_flo_holds_it_is_a_field_or_refused(tmp_path, content):
    path = tmp_path / "a.flo"
    path.write_bytes(content)
    try:
        field = load_field(path)
    except MotionError:
        return
    assert len(content) == 12 + 8 * field.size.height * field.size.width


@anything
@given(st.integers(0, 10_000), st.integers(0, 255), st.sampled_from(["npz", "safetensors"]))
def test_whatever_byte_of_a_field_file_is_damaged_it_is_a_field_or_refused(tmp_path, where, value, suffix):
    path = tmp_path / f"field.{suffix}"
    save_field(MotionField.still(Size(2, 3), frames=2), path)
    sound = path.read_bytes()
    content = bytearray(sound)
    content[where % len(content)] = value
    path.write_bytes(content)
    try:
        assert isinstance(load_field(path), MotionField)
    except MotionError:
        assert bytes(content) != sound  # only damage is refused


@anything
@given(st.binary(max_size=200), st.sampled_from(["npz", "safetensors"]))
def test_whatever_bytes_a_field_file_holds_they_are_refused(tmp_path, content, suffix):
    path = tmp_path / f"field.{suffix}"
    path.write_bytes(content)
    assert "damaged" in refusal(path)


def test_a_file_cut_off_anywhere_is_refused(field, tmp_path):
    for name in ("a.npz", "a.safetensors", "a.flo"):
        save_field(field.cut(2), tmp_path / name)
        whole = (tmp_path / name).read_bytes()
        for length in range(0, len(whole), 97):
            (tmp_path / name).write_bytes(whole[:length])
            assert refusal(tmp_path / name)


def test_a_pickle_is_never_opened(tmp_path):
    trap = np.empty(1, dtype=object)
    trap[0] = Path("anything")
    np.savez(tmp_path / "a.npz", displacement=trap)
    assert "pickled objects, which are never opened" in refusal(tmp_path / "a.npz")


def npy(shape, payload=b"", descr="<f4"):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue() + payload


def test_an_array_that_lies_about_its_size_takes_no_memory(tmp_path):
    path = tmp_path / "a.npz"
    for shape in ((10**6, 2, 10**6, 10**6), (2, 2, 8, 9), (-2, 2, 8, 8)):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("displacement.npy", npy(shape, bytes(4 * 2 * 2 * 8 * 8)))
        assert "not as large as" in refusal(path)


def test_an_archive_that_lies_about_its_size_takes_no_memory(tmp_path):
    path = tmp_path / "a.npz"
    shape = (10**4, 2, 10**4, 10**4)
    array = npy(shape)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("displacement.npy", array)
        entry = archive.infolist()[0]
        entry.file_size = len(array) + 4 * 2 * 10**12
    assert "not as large as" in refusal(path)


def test_an_array_of_another_machine_is_read(tmp_path):
    np.savez(tmp_path / "a.npz", displacement=np.array([[0, 0], [1.5, 2]], dtype=">f8").reshape(2, 2, 1, 1))
    assert load_field(tmp_path / "a.npz").displacement.flatten().tolist() == [0, 0, 1.5, 2]


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"field": np.zeros(3)}, "this file holds field"),
        ({}, "this file holds nothing"),
        ({"flow": np.zeros((2, 2, 1, 1)), "displacement": np.zeros((2, 2, 1, 1))}, "holds displacement, flow"),
        ({"displacement": np.zeros((2, 3, 1, 1))}, "[F, 2, H, W]; got [2, 3, 1, 1]"),
        ({"displacement": np.ones((2, 2, 1, 1))}, "Frame 0"),
        ({"displacement": np.zeros((2, 2, 0, 1))}, "got [2, 2, 0, 1]"),
        ({"displacement": np.float32(1)}, "got []"),
        ({"flow": np.full((2, 2, 1, 1), np.nan)}, "not a finite number"),
        ({"flow": np.array([0, 0, 1e300, 0]).reshape(2, 2, 1, 1)}, "not a finite number"),
        ({"flow": np.zeros((2, 2, 1, 1), dtype=np.complex64)}, "holds complex64"),
        ({"flow": np.array(["up"])}, "made of numbers"),
        ({"optical_flow": np.zeros((3, 2, 4, 4))}, "[F-1, H, W, 2]; got [3, 2, 4, 4]"),
        ({"optical_flow": np.zeros((0, 4, 4, 2))}, "got [0, 2, 4, 4]"),
    ],
)
def test_an_npz_that_holds_no_field_is_refused_in_a_sentence(tmp_path, arrays, told):
    np.savez(tmp_path / "a.npz", **arrays)
    assert told in refusal(tmp_path / "a.npz")


def test_safetensors_that_hold_no_field_are_refused_in_a_sentence(tmp_path):
    path = tmp_path / "a.safetensors"
    zeros = torch.zeros(2, 2, 1, 1)
    save_file({"weight": zeros}, path)
    assert "named displacement; this file holds weight" in refusal(path)
    save_file({"displacement": zeros}, path, metadata={"format": "motion_field", "version": "2"})
    assert "version 2; read is 1" in refusal(path)
    save_file({"displacement": zeros}, path, metadata={"format": "poem"})
    assert "holds a “poem”" in refusal(path)
    save_file({"displacement": zeros.long()}, path)
    assert "floating-point" in refusal(path)
    save_file({"displacement": zeros + float("nan")}, path)
    assert "not a finite number" in refusal(path)
    save_file({"displacement": zeros}, path, metadata={"format": "pt"})  # as a hand-made file is likely to say
    assert load_field(path).frames == 2


def test_a_path_that_is_no_field_is_refused_in_a_sentence(field, tmp_path):
    for name in ("a.npz", "a.safetensors", "a.flo"):
        assert "no such file" in refusal(tmp_path / name)
    assert "folder without .flo files" in refusal(tmp_path)
    (tmp_path / "a.mp4").write_bytes(b"")
    assert "not '.mp4'" in refusal(tmp_path / "a.mp4")
    with pytest.raises(MotionError, match="got “next”"):
        load_field(tmp_path, relative_to="next")
    (tmp_path / "1.flo").write_bytes(flo(1, 1, [0, 0]))
    (tmp_path / "2.flo").write_bytes(flo(2, 1, [0, 0, 0, 0]))
    with pytest.raises(MotionError, match=r"2\.flo: This \.flo is 2×1 and the first of its folder 1×1"):
        load_field(tmp_path)


def test_a_place_where_no_field_can_be_saved_is_refused_and_stays_as_it_was(field, tmp_path):
    (tmp_path / "a.npz").mkdir()
    for path, told in (
        (tmp_path / "a.npz", "folder"),
        (tmp_path / "missing" / "a.npz", "missing"),
        (tmp_path / "missing" / "flow", "missing"),
        (tmp_path / "a.mp4", "got “.mp4”"),
        (tmp_path / "a.flo", "field of 2 frames; this one has 4"),
    ):
        with pytest.raises(MotionError, match=told):
            save_field(field, path)
    with pytest.raises(MotionError, match="one frame"):
        save_field(field.cut(1), tmp_path / "flow")
    with pytest.raises(MotionError, match="got “next”"):
        save_field(field, tmp_path / "flow", relative_to="next")
    assert os.listdir(tmp_path) == ["a.npz"]


def test_a_save_that_fails_in_the_middle_leaves_the_old_file(field, tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    save_field(field, path)
    old = path.read_bytes()

    def fails(file, **arrays):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", fails)
    with pytest.raises(KeyboardInterrupt):
        save_field(field.scaled(2), path)
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == ["a.npz"]


def test_a_field_is_told_from_tracks_by_its_name_alone(tmp_path):
    assert holds_field("anything.safetensors")
    assert holds_field("anything.flo")
    assert holds_field(tmp_path)
    assert holds_field(SAMPLES / "tiny_flow_from_first.npz")
    assert not holds_field(SAMPLES / "cotracker_pred.npz")
    assert not holds_field("anything.json")
    with pytest.raises(MotionError, match="no such file"):
        holds_field(tmp_path / "missing.npz")
