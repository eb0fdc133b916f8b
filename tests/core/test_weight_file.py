import contextlib
import json
import os
import pickle
import re
import struct

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from motion_core.errors import CheckpointError
from motion_core.weight_file import WeightFile

WEIGHTS = {"a.weight": torch.arange(6.0).view(2, 3), "b": torch.ones(4, dtype=torch.float16)}


def saved(path, held, *, zipped=True):
    torch.save(held, path, _use_new_zipfile_serialization=zipped)
    return path


def read(path):
    with WeightFile(path) as file:
        return {name: file.tensor(name).clone() for name in file.shapes}


def same(one, other):
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) and one[name].dtype == other[name].dtype for name in one)


@pytest.mark.parametrize(
    ("name", "zipped"), [("w.bin", True), ("w.ckpt", True), ("w.pt", False), ("w.safetensors", True)]
)
def test_names_shapes_and_numbers_are_those_of_the_file(tmp_path, name, zipped):
    path = tmp_path / name
    if path.suffix == ".safetensors":
        save_file(WEIGHTS, path, metadata={"title": "mine"})
    else:
        saved(path, WEIGHTS, zipped=zipped)
    with WeightFile(path) as file:
        assert file.shapes == {"a.weight": (2, 3), "b": (4,)}
        assert file.dtypes == {"a.weight": torch.float32, "b": torch.float16}
        assert file.metadata == ({"title": "mine"} if path.suffix == ".safetensors" else {})
    same(read(path), WEIGHTS)


def test_what_a_file_is_shows_in_its_content_not_in_its_suffix(tmp_path):
    save_file(WEIGHTS, tmp_path / "really_safe.ckpt")
    saved(tmp_path / "really_pickled.safetensors", WEIGHTS)
    same(read(tmp_path / "really_safe.ckpt"), WEIGHTS)
    same(read(tmp_path / "really_pickled.safetensors"), WEIGHTS)


@pytest.mark.parametrize("outer", ["state_dict", "module", "model"])
def test_a_trainers_notes_and_its_prefix_are_taken_off(tmp_path, outer):
    inner = {f"module.{name}": weights for name, weights in WEIGHTS.items()}
    same(read(saved(tmp_path / "w.ckpt", {"epoch": 3, outer: inner, "optimizer": {"lr": 0.1}})), WEIGHTS)
    same(read(saved(tmp_path / "plain.ckpt", {**WEIGHTS, "global_step": 7})), WEIGHTS)


def test_a_prefix_that_only_some_names_bear_is_a_name(tmp_path):
    held = {"module.a": torch.ones(1), "b": torch.ones(1)}
    same(read(saved(tmp_path / "w.bin", held)), held)


class Malicious:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def refused(path):
    with pytest.raises(CheckpointError) as told:
        WeightFile(path)
    assert str(path) in str(told.value)
    assert "weights_only" not in str(told.value)  # torch advises to open the file all the same
    return str(told.value)


CODE = rf"holds code and not only tensors \({os.mkdir.__module__}\.mkdir\).* It was not opened"


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("zipped", [True, False])
# torch warns of protocols beyond its own before it refuses them
@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_file_that_holds_code_is_refused_and_the_code_not_run(tmp_path, zipped, protocol):
    trap = tmp_path / "the_code_ran"
    held = {**WEIGHTS, "gift": Malicious(trap)}
    torch.save(held, tmp_path / "evil.ckpt", pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
    told = refused(tmp_path / "evil.ckpt")
    assert re.search(CODE, told) or (protocol < 2 and not zipped and "is no file of weights" in told)
    assert not trap.exists()


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_bare_pickle_that_holds_code_is_refused_and_the_code_not_run(tmp_path, protocol):
    trap = tmp_path / "the_code_ran"
    (tmp_path / "evil.pth").write_bytes(pickle.dumps(Malicious(trap), protocol=protocol))
    told = refused(tmp_path / "evil.pth")
    assert re.search(CODE, told) or (protocol < 2 and "is no file of weights" in told)
    assert not trap.exists()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_tensors_in_a_newer_pickle_are_not_called_code(tmp_path):
    torch.save(WEIGHTS, tmp_path / "new.pt", pickle_protocol=4)
    assert "is pickled in a way not read here" in refused(tmp_path / "new.pt")


def test_a_whole_pickled_network_holds_code(tmp_path):
    told = refused(saved(tmp_path / "network.pt", torch.nn.Linear(2, 2)))
    assert "holds code and not only tensors (torch.nn.modules.linear.Linear)" in told


def test_parameters_are_read_as_plain_numbers(tmp_path):
    path = saved(tmp_path / "w.ckpt", {name: torch.nn.Parameter(weights) for name, weights in WEIGHTS.items()})
    with WeightFile(path) as file:
        assert not file.tensor("b").requires_grad
    same(read(path), WEIGHTS)


@pytest.mark.parametrize("odd", [torch.eye(3).to_sparse(), torch.zeros(3, device="meta")])
def test_a_tensor_without_its_plain_numbers_is_refused(tmp_path, odd):
    assert "holds odd without its plain numbers" in refused(saved(tmp_path / "w.ckpt", {**WEIGHTS, "odd": odd}))


@pytest.mark.parametrize("first", [b"<", b"{"])
def test_a_safetensors_whose_length_looks_like_text_is_read(tmp_path, first):
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    header += b" " * ((first[0] - len(header)) % 256)
    content = struct.pack("<Q", len(header)) + header + struct.pack("<f", 2.5)
    assert content.startswith(first)
    (tmp_path / "w.safetensors").write_bytes(content)
    same(read(tmp_path / "w.safetensors"), {"a": torch.tensor([2.5])})


def test_a_precision_that_torch_lacks_is_told(tmp_path):
    header = json.dumps({"a": {"dtype": "F6_E2M3", "shape": [4], "data_offsets": [0, 3]}}).encode()
    (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + b"abc")
    assert "holds a as F6_E2M3" in refused(tmp_path / "w.safetensors")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS pointer"),
        (b"\n<!DOCTYPE html><html>", "a web page"),
        (b'{"error": "not found"}', "a JSON text"),
        (b"GGUF\x03\x00\x00\x00", "GGUF"),
        (b"nothing of the kind, but long enough", "is damaged"),
    ],
)
def test_what_lies_in_the_place_of_weights_is_told(tmp_path, content, told):
    (tmp_path / "w.bin").write_bytes(content)
    with pytest.raises(CheckpointError, match=told):
        WeightFile(tmp_path / "w.bin")


def test_a_missing_file_and_a_folder_are_told(tmp_path):
    with pytest.raises(CheckpointError, match=r"no file .*nowhere\.bin"):
        WeightFile(tmp_path / "nowhere.bin")
    with pytest.raises(CheckpointError, match="cannot be read"):
        WeightFile(tmp_path)


@pytest.mark.parametrize("held", [{"epoch": 3}, [torch.ones(1)], torch.ones(1), {"state_dict": {}}])
def test_a_file_without_named_tensors_is_refused(tmp_path, held):
    with pytest.raises(CheckpointError, match="holds no named tensors"):
        WeightFile(saved(tmp_path / "w.bin", held))


def test_an_empty_safetensors_is_refused(tmp_path):
    save_file({}, tmp_path / "w.safetensors")
    with pytest.raises(CheckpointError, match="holds no tensors"):
        WeightFile(tmp_path / "w.safetensors")


FORMS = ["w.safetensors", "zip.bin", "legacy.pt"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    save_file(WEIGHTS, folder / FORMS[0])
    saved(folder / FORMS[1], WEIGHTS)
    saved(folder / FORMS[2], WEIGHTS, zipped=False)
    return {form: (folder / form).read_bytes() for form in FORMS}


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=40, deadline=None)
@given(share=st.floats(0, 0.999))
def test_a_truncated_file_is_refused_in_words(whole, tmp_path_factory, form, share):
    path = tmp_path_factory.mktemp("cut") / form
    path.write_bytes(whole[form][: int(len(whole[form]) * share)])
    with pytest.raises(CheckpointError, match=r"is damaged or was not downloaded completely|is empty"):
        WeightFile(path)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=60, deadline=None)
@given(place=st.floats(0, 0.9999), byte=st.integers(0, 255))
def test_a_damaged_byte_gives_numbers_or_one_kind_of_error(whole, tmp_path_factory, form, place, byte):
    damaged = bytearray(whole[form])
    damaged[int(len(damaged) * place)] = byte
    path = tmp_path_factory.mktemp("bad") / form
    path.write_bytes(damaged)
    with contextlib.suppress(CheckpointError):  # anything else fails the test
        read(path)
