"""Which tensors a network has, by name and shape, and whether a file has these and no other.

Everything that loads weights goes this way: the kind of file first, then its layout, strictly, then its numbers.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import mode
from typing import TypeVar

import torch
from torch import Tensor, nn

from .errors import CheckpointError, MotionError
from .kinds import UNKNOWN, Shapes, kind_of
from .models.temporal import position_table
from .weight_file import WeightFile

Network = TypeVar("Network", bound=nn.Module)

HEADS = 8  # of every attention of SD1.5 and of the published networks; no tensor shows it
HEADS_KEY = "motion_i2v.heads"  # in the metadata of our own files
POSITIONS = "pos_encoder.pe"  # computed where a file leaves them out
TOLD = 3  # names in a message


@dataclass(frozen=True)
class Wanted:
    """What a loader is for, which published file that is, and the kinds of file that hold it."""

    what: str
    file: str
    kinds: tuple[str, ...]


def commonest_length(shapes: Shapes, tensors: str, axis: int, published: int) -> int:
    """The commonest length of an axis of the tensors so named; the published one where there is none."""
    lengths = [s[axis] for name, s in shapes.items() if re.search(tensors, name) and len(s) > axis and s[axis]]
    return mode(lengths) if lengths else published


def has_prefix(shapes: Shapes, prefix: str) -> bool:
    return any(name.startswith(prefix) for name in shapes)


def heads_of(file: WeightFile) -> int:
    """As our own files say, or a diffusers config beside the file, which calls the count "attention_head_dim"."""
    beside = file.path.with_name("config.json")
    if HEADS_KEY in file.metadata:
        told: object = file.metadata[HEADS_KEY]
    elif beside.is_file():
        try:
            told = json.loads(beside.read_text("utf-8")).get("attention_head_dim", HEADS)
        except (ValueError, AttributeError, OSError) as error:
            raise CheckpointError(f"{beside} is no config that can be read ({error}).") from None
    else:
        told = HEADS
    if told is None:
        told = HEADS
    if isinstance(told, list) and told and all(count == told[0] for count in told):
        told = told[0]
    if not str(told).isdecimal() or int(str(told)) < 1:
        raise CheckpointError(f"The count of attention heads beside {file.path} is {told!r}; one number is wanted.")
    return int(str(told))


@contextmanager
def building(file: WeightFile) -> Iterator[None]:
    """Networks without numbers; what goes wrong with shapes that no network has is told as a CheckpointError."""
    try:
        with torch.device("meta"):
            yield
    except CheckpointError:
        raise
    except (MotionError, ValueError, LookupError, TypeError, RuntimeError, ArithmeticError) as error:
        raise CheckpointError(f"No network can be built of the tensors in {file.path}: {error}") from error


def layout_of(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def check_kind(file: WeightFile, wanted: Wanted) -> None:
    kind = kind_of(file.shapes)
    if kind not in wanted.kinds:
        names = f" ({few(list(file.shapes))})" if kind == UNKNOWN else ""
        raise CheckpointError(
            f"{file.path} is not {wanted.what}. It seems to be {kind}{names}. "
            f"Give the release's {wanted.file}, or what convert-weights made of it."
        )


def checked(file: WeightFile, names: dict[str, str], shapes: Shapes, layout: Shapes, wanted: Wanted) -> dict[str, str]:
    """The names, ours → theirs, if the file has every tensor of the layout, of its shape, and no other."""
    whole = [theirs for theirs in names.values() if not file.dtypes[theirs].is_floating_point]
    if whole:
        raise CheckpointError(
            f"{file.path} holds whole numbers, as quantised weights do ({few(whole)}). Give {wanted.what} as floating "
            f"numbers: the release's {wanted.file}, or what convert-weights made of it."
        )
    faults = {
        "missing": [name for name in layout if name not in shapes and not name.endswith(POSITIONS)],
        "unexpected": [names[name] for name in shapes if name not in layout],
        "of another shape": [
            f"{names[name]} {list(shapes[name])} instead of {list(layout[name])}"
            for name in shapes
            if name in layout and shapes[name] != layout[name]
        ],
    }
    told = [f"{len(found)} {fault} ({few(found)})" for fault, found in faults.items() if found]
    if told:
        raise CheckpointError(
            f"{file.path} does not fit {wanted.what}; tensors {'; '.join(told)}. "
            f"Give the release's {wanted.file}, or what convert-weights made of it."
        )
    return names


def few(names: list[str]) -> str:
    return ", ".join(names[:TOLD]) + (", …" if len(names) > TOLD else "")


def filled(
    file: WeightFile,
    network: Network,
    names: Mapping[str, str],
    dtype: torch.dtype | None,
    device: torch.device | str,
) -> Network:
    """The network with the file's numbers, copied: the file may go, or be written anew, while they are used."""
    kept = dtype or precision_of(file, names)
    weights: dict[str, Tensor] = {}
    for name, empty in network.state_dict().items():
        numbers = file.tensor(names[name]) if name in names else position_table(*empty.shape[1:])
        numbers = numbers.reshape(empty.shape)
        weights[name] = numbers.to(device, kept, copy=True, memory_format=torch.contiguous_format)
    network.load_state_dict(weights, strict=True, assign=True)
    return network.eval().requires_grad_(False)


def precision_of(file: WeightFile, names: Mapping[str, str]) -> torch.dtype:
    """That of most numbers; 8-bit floats cannot be computed with."""
    counts: Counter[torch.dtype] = Counter()
    for theirs in names.values():
        counts[file.dtypes[theirs]] += math.prod(file.shapes[theirs])
    most = counts.most_common(1)[0][0]
    return torch.float16 if most.itemsize == 1 else most
