"""CLIP, for what a report says about pictures and words: features of frames and of a prompt, from a local folder.

A folder is what transformers publishes: config.json, model.safetensors or pytorch_model.bin, vocab.json, merges.txt,
and perhaps preprocessor_config.json. Nothing is downloaded, and weights are read strictly.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .errors import CheckpointError, MotionError, ShapeError
from .metrics import ImageFeatures
from .stable_diffusion import COUNTED, END, START, check_tokenizer
from .types import Size
from .weight_file import WeightFile

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
MEAN = (0.48145466, 0.4578275, 0.40821073)  # of the pixels that OpenAI's CLIP was trained on, red, green, blue
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
GIVES = "Give a folder as transformers publishes it, like that of openai/clip-vit-large-patch14."

log = logging.getLogger(__name__)


class ClipModel:
    """A whole CLIP: pictures and words as features in one space.

    name: of the folder, with what tells one CLIP from another.
    """

    def __init__(self, model: Any, tokenizer: Any, mean: Tensor, deviation: Tensor, *, name: str) -> None:  # noqa: ANN401  transformers' types differ by version
        self._model, self._tokenizer, self._mean, self._deviation = model, tokenizer, mean, deviation
        self.name = name
        self._start, self._end = tokenizer.convert_tokens_to_ids([START, END])

    @classmethod
    def load(cls, folder: str | os.PathLike[str], *, device: torch.device | str = "cpu") -> ClipModel:
        """From a local folder, in float32. CheckpointError if a file is missing, broken or does not fit the others."""
        folder = Path(folder)
        if not folder.is_dir():
            raise CheckpointError(f"There is no folder {folder} with a CLIP model. {GIVES}")
        transformers = _transformers()
        config = _json(folder / "config.json")
        if config.get("model_type") != "clip":
            raise CheckpointError(f"{folder} holds a model of type {config.get('model_type')!r}, not “clip”. {GIVES}")
        try:
            with torch.device("meta"):
                model = transformers.CLIPModel(transformers.CLIPConfig.from_dict(config))
        except Exception as error:  # transformers' own checks raise whatever its version has for it
            raise CheckpointError(f"The config.json of {folder} does not describe a CLIP model ({error}).") from error
        _fill(model, folder, device)
        check_tokenizer(folder)
        pieces = (str(folder / name) for name in ("vocab.json", "merges.txt"))
        tokenizer = transformers.CLIPTokenizer(*pieces, clean_up_tokenization_spaces=False)
        if len(tokenizer) > model.config.text_config.vocab_size:
            raise CheckpointError(f"The tokenizer of {folder} knows more word pieces than its model.")
        vision = model.config.vision_config
        name = f"CLIP {folder.resolve().name} ({vision.image_size} px in patches of {vision.patch_size})"
        return cls(model.eval().requires_grad_(False), tokenizer, *_normalisation(folder, device), name=name)

    @property
    def image_features(self) -> ImageFeatures:
        """For the metrics."""
        return ImageFeatures(self.name, self.images)

    @torch.no_grad()
    def images(self, pictures: Tensor) -> Tensor:
        """Pictures [N, 3, H, W], 0…1 sRGB → features [N, C].

        As CLIP was trained: the shorter side resized (bicubic, antialiased), its middle square cut out, normalised.
        """
        if pictures.ndim != 4 or pictures.shape[1] != 3 or 0 in pictures.shape:
            raise ShapeError(f"Pictures for CLIP are [N, 3, H, W]; got {list(pictures.shape)}.")
        pixels = _square(pictures.to(self._mean), self._model.config.vision_config.image_size)
        seen = self._model.vision_model(pixel_values=(pixels - self._mean) / self._deviation)
        return self._model.visual_projection(seen.pooler_output)

    @torch.no_grad()
    def text(self, prompt: str) -> Tensor:
        """A prompt → features [C]. A warning says so if it is too long and its end is cut off."""
        words = self._tokenizer(prompt, add_special_tokens=False, verbose=False)["input_ids"]
        room = self._model.config.text_config.max_position_embeddings - 2
        if len(words) > room:
            log.warning("The prompt has %d tokens, and CLIP reads the first %d.", len(words), room)
        tokens = torch.tensor([[self._start, *words[:room], self._end]], device=self._mean.device)
        read = self._model.text_model(input_ids=tokens).last_hidden_state[:, -1]  # at the end mark, as CLIP is trained
        return self._model.text_projection(read)[0]


def _square(pictures: Tensor, side: int) -> Tensor:
    """[N, 3, side, side]: the shorter side resized, and the middle cut out."""
    size = Size.of(pictures)
    fitting = Size(*(length * side // min(size) for length in size))
    resized = F.interpolate(pictures, fitting, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
    top, left = ((length - side) // 2 for length in fitting)
    return resized[..., top : top + side, left : left + side]


def _fill(model: nn.Module, folder: Path, device: torch.device | str) -> None:
    """The folder's weights into the model, each of them and no other."""
    path = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if path is None:
        raise CheckpointError(f"{folder} holds neither {WEIGHTS[0]} nor {WEIGHTS[1]}. {GIVES}")
    wanted = {name: tuple(weight.shape) for name, weight in model.state_dict().items() if not name.endswith(COUNTED)}
    with WeightFile(path) as file:
        held = {name: shape for name, shape in file.shapes.items() if not name.endswith(COUNTED)}
        wrong = sorted(name for name in wanted.keys() | held.keys() if wanted.get(name) != held.get(name))
        if wrong:
            raise CheckpointError(
                f"{path} does not fit its config.json: {len(wrong)} of its weights are missing, unknown or of another "
                f"shape, like {wrong[0]}. {GIVES}"
            )
        weights = {name: file.tensor(name).to(device, torch.float32, copy=True) for name in wanted}
    for part in model.modules():
        for name, counted in part.named_buffers(recurse=False):
            if COUNTED.endswith(name):  # 0, 1, 2 …; not in every file
                setattr(part, name, torch.arange(counted.shape[-1], device=device)[None])
    persistent = {name: value for name, value in model.state_dict().items() if name.endswith(COUNTED)}
    model.load_state_dict({**weights, **persistent}, assign=True)


def _normalisation(folder: Path, device: torch.device | str) -> tuple[Tensor, Tensor]:
    """Mean and deviation [3, 1, 1] of the pixels."""
    beside = folder / "preprocessor_config.json"
    told = _json(beside) if beside.exists() else {}
    try:
        values = torch.tensor([told.get("image_mean", MEAN), told.get("image_std", DEVIATION)], dtype=torch.float32)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{beside} does not say the mean and deviation of pixels ({error}).") from error
    if values.shape != (2, 3) or not (torch.isfinite(values).all() and (values[1] > 0).all()):
        raise CheckpointError(f"{beside} does not say the mean and deviation of three colours.")
    mean, deviation = values.to(device).view(2, 3, 1, 1)
    return mean, deviation


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"There is no {path}. {GIVES}") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}).") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} is not a JSON object.")
    return value


def _transformers() -> Any:  # noqa: ANN401  likewise
    try:
        import transformers
    except ImportError:
        raise MotionError("For CLIP's scores, transformers is needed: pip install transformers") from None
    return transformers
