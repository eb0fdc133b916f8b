"""The recorded cases: what they say, their tensors, and the tolerance of each."""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

HERE = Path(__file__).parent / "parity"
CASES = {case["name"]: case for case in json.loads((HERE / "cases.json").read_text(encoding="utf-8"))}


def recorded(name):
    path = HERE / CASES[name]["file"]
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            return {key: torch.from_numpy(arrays[key]) for key in arrays.files}
    return load_file(path)


def agrees(got, case, name, arrays):
    torch.testing.assert_close(got, arrays[name], **CASES[case]["tensors"][name])
