"""A file of weights, read safely and lazily: safetensors, or PyTorch's .bin, .ckpt, .pt without running code in it.

with WeightFile("unet.bin") as file:
    file.shapes["conv_in.weight"], file.tensor("conv_in.weight")
"""

from __future__ import annotations

import io
import os
import pickletools
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from .errors import CheckpointError

OUTER = ("state_dict", "module", "model")  # entries in which trainers keep the weights, beside their own notes
PREFIX = "module."  # put before every name by torch's DataParallel
PICKLED = (b"PK", b"\x80")  # how torch's files begin: today's zip archives, and the bare pickles of before
NOT_WEIGHTS = {  # how files begin that are found in the place of weights
    b"version https://git-lfs": "a Git LFS pointer: the weights themselves were not downloaded (git lfs pull)",
    b"<": "a web page that was saved in the place of the weights; download the file itself",
    b"{": "a JSON text, not weights",
    b"GGUF": "a GGUF file, whose weights are quantised; give the original .safetensors, .bin or .ckpt",
}
DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip
TENSORS = re.compile(  # what a pickle of tensors calls; anything else could be somebody's code
    r"(torch|torch\._utils|torch\._tensor|torch\.storage|torch\.serialization|torch\.nn\.parameter|collections|_codecs)\.\w+"
)
PICKLE_AT_MOST = 1 << 26  # bytes that are searched for calls; names and shapes take far less
DAMAGE = (  # what damaged bytes make pickletools and zipfile raise
    ValueError, LookupError, OSError, EOFError, RuntimeError, OverflowError, MemoryError, struct.error, zlib.error,
    zipfile.BadZipFile,
)  # fmt: skip
CUT_OFF = "is damaged or was not downloaded completely"


class WeightFile:
    """One file of named tensors. Nothing but names and shapes is read before a tensor is asked for.

    shapes, dtypes: of every tensor. metadata: of a safetensors file, else empty. A prefix "module." on all names and
    an outer "state_dict" are taken off; what is no tensor (epochs, options) is not here.
    CheckpointError if the file is missing, damaged, not weights, or holds code.
    """

    shapes: dict[str, tuple[int, ...]]
    dtypes: dict[str, torch.dtype]
    metadata: dict[str, str]

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._pickled: dict[str, Tensor] = {}
        beginning = self._beginning()
        with ExitStack() as self._open:  # closes the file if it cannot be used
            if _is_safetensors(beginning):
                self._read_safetensors()
            else:
                self._read_pickle(zipped=beginning.startswith(PICKLED[0]))
            self._open = self._open.pop_all()

    def __enter__(self) -> WeightFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pickled = {}
        self._open.close()

    def tensor(self, name: str) -> Tensor:
        """One tensor, on the CPU, as the file holds it; it may be a view of the file and must not be written to."""
        if self._pickled:
            return self._pickled[self._names[name]]
        try:
            return self._safe.get_tensor(self._names[name])
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{self.path} {CUT_OFF} ({error}). Download it again.") from None

    def _beginning(self) -> bytes:
        try:
            with open(self.path, "rb") as file:
                beginning = file.read(64)
        except FileNotFoundError:
            raise CheckpointError(f"There is no file {self.path}.") from None
        except OSError as error:
            raise CheckpointError(f"{self.path} cannot be read: {error.strerror or error}.") from None
        if not beginning:
            raise CheckpointError(f"{self.path} is empty. Download it again.")
        if _is_safetensors(beginning) or beginning.startswith(PICKLED):
            return beginning
        for start, told in NOT_WEIGHTS.items():
            if beginning.lstrip().startswith(start):
                raise CheckpointError(f"{self.path} is {told}.")
        raise CheckpointError(f"{self.path} {CUT_OFF}, or is no file of weights. Download it again.")

    def _read_safetensors(self) -> None:
        try:
            self._safe = self._open.enter_context(safe_open(self.path, framework="pt", device="cpu"))
        except (SafetensorError, OSError, ValueError) as error:
            raise CheckpointError(f"{self.path} {CUT_OFF} ({error}). Download it again.") from None
        self.metadata = self._safe.metadata() or {}
        slices = {name: self._safe.get_slice(name) for name in self._safe.keys()}  # noqa: SIM118  no dict
        unknown = {name: kind for name, piece in slices.items() if (kind := piece.get_dtype()) not in DTYPES}
        if unknown:
            name, kind = next(iter(unknown.items()))
            raise CheckpointError(
                f"{self.path} holds {name} as {kind}, which is not read here. Convert it to F16 or F32."
            )
        self._tell(
            {name: tuple(piece.get_shape()) for name, piece in slices.items()},
            {name: DTYPES[piece.get_dtype()] for name, piece in slices.items()},
        )

    def _read_pickle(self, *, zipped: bool) -> None:
        # torch goes by the suffix .safetensors whatever the content, but not of an open file, which it cannot map
        mapped = zipped and self.path.suffix.lower() != ".safetensors"
        try:
            source = self.path if mapped else self._open.enter_context(open(self.path, "rb"))  # noqa: SIM115
            held = torch.load(source, map_location="cpu", weights_only=True, mmap=mapped)
        except Exception as error:  # a damaged pickle makes torch raise whatever its bytes happen to lead to
            raise CheckpointError(self._refusal(zipped=zipped)) from error
        self._pickled = self._weights_in(held)
        self.metadata = {}
        self._tell(
            {name: tuple(tensor.shape) for name, tensor in self._pickled.items()},
            {name: tensor.dtype for name, tensor in self._pickled.items()},
        )

    def _refusal(self, *, zipped: bool) -> str:
        """Why torch did not read the file. Its own words are not told: they advise to run the code."""
        foreign = next((name for name in _calls(self.path, zipped=zipped) if not TENSORS.fullmatch(name)), None)
        if foreign is None:
            return f"{self.path} {CUT_OFF}, or is pickled in a way not read here. Get it again, best as .safetensors."
        return (
            f"{self.path} holds code and not only tensors ({foreign}), and opening it could run that. It was not "
            "opened. Get the same weights as .safetensors."
        )

    def _weights_in(self, held: object) -> dict[str, Tensor]:
        for outer in OUTER:
            if isinstance(held, dict) and isinstance(held.get(outer), dict):
                held = held[outer]
        tensors = {}
        if isinstance(held, dict):
            tensors = {
                name: value.detach()
                for name, value in held.items()
                if isinstance(name, str) and isinstance(value, Tensor)
            }
        if not tensors:
            raise CheckpointError(f"{self.path} holds no named tensors. Give a file of weights (a “state dict”).")
        for name, tensor in tensors.items():
            if tensor.layout != torch.strided or tensor.is_meta or tensor.is_quantized:
                raise CheckpointError(
                    f"{self.path} holds {name} without its plain numbers (sparse, quantised or empty)."
                )
        return tensors

    def _tell(self, shapes: dict[str, tuple[int, ...]], dtypes: dict[str, torch.dtype]) -> None:
        """Names as they are told → names in the file."""
        if not shapes:
            raise CheckpointError(f"{self.path} holds no tensors.")
        shift = len(PREFIX) if all(name.startswith(PREFIX) for name in shapes) else 0
        self._names = {name[shift:]: name for name in shapes}
        self.shapes = {told: shapes[name] for told, name in self._names.items()}
        self.dtypes = {told: dtypes[name] for told, name in self._names.items()}


def _is_safetensors(beginning: bytes) -> bool:
    """Eight bytes of length, then a JSON object."""
    return len(beginning) > 8 and beginning[8:9] == b"{" and int.from_bytes(beginning[:8], "little") < 1 << 40


def _calls(path: Path, *, zipped: bool) -> Iterator[str]:
    """The functions and classes that a pickle names, read without running it; of a damaged one, those before it."""
    with ExitStack() as opened, suppress(*DAMAGE):
        pickled = opened.enter_context(open(path, "rb"))
        if zipped:
            archive = opened.enter_context(zipfile.ZipFile(pickled))
            inside = [name for name in archive.namelist() if name.endswith("data.pkl")]
            pickled = opened.enter_context(archive.open(inside[0]))
        start = io.BytesIO(pickled.read(PICKLE_AT_MOST))
        for _ in range(4):  # the old format: a mark, a version, the machine, and then the weights
            texts: list[str | None] = []  # what STACK_GLOBAL takes its two names from, and memo recalls
            memo: list[str | None] = []
            for opcode, argument, _ in pickletools.genops(start):
                if opcode.name in ("GLOBAL", "INST"):
                    yield str(argument).replace(" ", ".")
                elif opcode.name == "STACK_GLOBAL":
                    yield ".".join(text or "?" for text in texts[-2:])
                elif opcode.name == "MEMOIZE":
                    memo.append(texts[-1])
                    continue
                if opcode.name in ("BINGET", "LONG_BINGET") and isinstance(argument, int) and memo:
                    argument = memo[argument]
                texts.append(argument if isinstance(argument, str) else None)
