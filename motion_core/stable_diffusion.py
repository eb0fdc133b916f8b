"""Stable Diffusion 1.5's own parts, for those who run without a host: prompts → embeddings, a picture → its latent."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .errors import CheckpointError, MotionError, ShapeError
from .types import CELL, LATENT_SCALE, Size
from .weight_file import WeightFile

if TYPE_CHECKING:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

PREDICTOR_RANGE = (0.0, 1.0)  # of the pixels that stage 1 encodes: not what the VAE was made for, but so it was trained
RENDERER_RANGE = (-1.0, 1.0)  # of the pixels that stage 2 encodes
START, END = "<|startoftext|>", "<|endoftext|>"  # of a prompt; the end also fills the rest of the 77 tokens
CONFIG = "config"  # in the metadata of a converted text encoder: what its config.json says
PREFIX = "text_model."  # of every published name; the newest transformers go without it
COUNTED = "embeddings.position_ids"  # 0, 1, 2 …; old files hold it
COUNTS = (
    "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
    "max_position_embeddings",
)  # fmt: skip
ARCHITECTURE = (*COUNTS, "hidden_act", "layer_norm_eps")  # what of a config shapes a text encoder; the rest is history

log = logging.getLogger(__name__)


class TextEncoder:
    """CLIP's text half, as Stable Diffusion 1.5 uses it: plain words, no weights in brackets, no layer skipped."""

    def __init__(self, tokenizer: Any, model: nn.Module) -> None:  # noqa: ANN401  transformers' types differ by version
        self._tokenizer, self._model = tokenizer, model
        self._start, self._end = tokenizer.convert_tokens_to_ids([START, END])

    @property
    def width(self) -> int:
        """Channels of an embedding; what the UNet attends to."""
        return self._positions.shape[1]

    @property
    def tokens(self) -> int:
        """How many tokens a prompt has, with its start and end: 77. What is longer is cut off."""
        return self._positions.shape[0]

    @property
    def _positions(self) -> Tensor:
        return _embeddings(self._model).position_embedding.weight

    @torch.no_grad()
    def __call__(self, prompts: Sequence[str]) -> Tensor:
        """N prompts → [N, 77, width], the last hidden states after the final norm. A warning says what was cut off."""
        if isinstance(prompts, str) or not prompts or not all(isinstance(prompt, str) for prompt in prompts):
            raise MotionError(f"Prompts are a list of at least one text; got {prompts!r:.80}.")
        if any("\ud800" <= letter <= "\udfff" for prompt in prompts for letter in prompt):
            raise MotionError("A prompt holds bytes that are no text; write it in UTF-8.")
        tokens = torch.tensor([self._numbers(prompt) for prompt in prompts], device=self._positions.device)
        return self._model(input_ids=tokens).last_hidden_state

    def _numbers(self, prompt: str) -> list[int]:
        """The tokens of one prompt: its start, its words, its end, and the end again until there are 77."""
        words = self._tokenizer(prompt, add_special_tokens=False, verbose=False)["input_ids"]
        room = self.tokens - 2
        kept, lost = words[:room], words[room:]
        if lost:
            log.warning(
                "The prompt has %d tokens, and %d fit; cut off is “%s”.",
                len(words), room, self._tokenizer.decode(lost).strip(),
            )  # fmt: skip
        return [self._start, *kept, *[self._end] * (self.tokens - 1 - len(kept))]


def load_text_encoder(
    tokenizer: str | os.PathLike[str],
    text_encoder: str | os.PathLike[str],
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
) -> TextEncoder:
    """From a tokenizer's folder and a text encoder's weights: those of a release, or converted. Never from a network.

    text_encoder: the weight file, with its config beside it or in its metadata. dtype: None keeps the file's.
    MotionError if transformers is not installed; CheckpointError if a file is missing or does not fit.
    """
    check_tokenizer(Path(tokenizer))
    config, names = text_encoder_names(text_encoder)
    with WeightFile(text_encoder) as file:
        weights = {name: file.tensor(theirs).to(device, dtype, copy=True) for name, theirs in names.items()}
    return text_encoder_of(tokenizer, config, weights)


def text_encoder_of(
    tokenizer: str | os.PathLike[str], config: dict[str, Any], weights: Mapping[str, Tensor]
) -> TextEncoder:
    """From weights that are read already, all on one device, under the names that text_encoder_names gives."""
    check_tokenizer(Path(tokenizer))
    pieces = (str(Path(tokenizer) / name) for name in ("vocab.json", "merges.txt"))
    # clean_up… changes nothing here, but older transformers warn when it is not given
    reader = _transformers().CLIPTokenizer(*pieces, clean_up_tokenization_spaces=False)
    if len(reader) > config["vocab_size"]:
        raise CheckpointError(
            f"{tokenizer} knows {len(reader)} word pieces, and the text encoder only {config['vocab_size']}. "
            "Take both from one release."
        )
    model = empty_text_encoder(config)
    counted = torch.arange(config["max_position_embeddings"], device=next(iter(weights.values())).device)[None]
    model.load_state_dict({**weights, **dict.fromkeys(_counted(model), counted)}, assign=True)
    _embeddings(model).position_ids = counted
    return TextEncoder(reader, model.eval().requires_grad_(False))


def text_encoder_names(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The config of a text encoder's file, and every name in the model → its name in the file. Reads no weights.

    CheckpointError if the file lacks a tensor, holds another, or has one in another shape than its config says.
    """
    with WeightFile(path) as file:
        config = _config(Path(path), file.metadata)
        shapes = dict(file.shapes)
    theirs = {name.removeprefix(PREFIX): name for name in shapes if not name.endswith(COUNTED)}
    model = empty_text_encoder(config)
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items() if not name.endswith(COUNTED)}
    names = {name: theirs.pop(name.removeprefix(PREFIX)) for name in wanted if name.removeprefix(PREFIX) in theirs}
    wrong = [f"lacks {name}" for name in wanted if name not in names] + [f"holds {name}" for name in theirs.values()]
    wrong += [
        f"has {theirs} as {list(shapes[theirs])}, not {list(wanted[name])}"
        for name, theirs in names.items()
        if tuple(shapes[theirs]) != wanted[name]
    ]
    if wrong:
        more = f" ({len(wrong) - 3} more differences)" if len(wrong) > 3 else ""
        raise CheckpointError(f"{path} is not the text encoder its config describes: it {', '.join(wrong[:3])}{more}.")
    return config, names


@torch.no_grad()
def picture_latent(
    vae: AutoencoderKL, picture: Tensor, *, value_range: tuple[float, float], noise: Tensor | None = None
) -> Tensor:
    """A picture [3, H, W], 0…1 → its latent [1, 4, H/8, W/8], float32, scaled by 0.18215, on the VAE's device.

    value_range: what the VAE is fed for 0 and 1: PREDICTOR_RANGE or RENDERER_RANGE. H and W are multiples of 8.
    noise: standard normal, of the latent's shape: draws from the posterior, mean + deviation · noise; None: its mode.
    """
    if value_range not in (PREDICTOR_RANGE, RENDERER_RANGE):
        raise MotionError(f"A picture is encoded as 0…1 (stage 1) or -1…1 (stage 2); got {value_range}.")
    if picture.ndim != 3 or picture.shape[0] != 3 or 0 in picture.shape:
        raise ShapeError(f"A picture is [3, H, W]; got {list(picture.shape)}.")
    size = Size.of(picture)
    if size.height % CELL or size.width % CELL:
        raise ShapeError(f"The image VAE encodes sizes that are multiples of {CELL}; got {size}. Pad it first.")
    if not ((picture >= 0) & (picture <= 1)).all():
        raise MotionError("A picture holds values 0…1; divide one of 0…255 by 255.")
    low, high = value_range
    fed = picture[None].float() * (high - low) + low
    # contiguous: torch's group norm on a CPU is 1e-2 off for nearly constant pictures in channels-last memory
    weight = vae.encoder.conv_in.weight
    posterior = vae.encode(fed.to(weight.device, weight.dtype).contiguous(), return_dict=False)[0]
    latent = posterior.mean.float()
    if noise is not None:
        if noise.shape != latent.shape:
            raise ShapeError(f"The posterior's noise is {list(latent.shape)} here; got {list(noise.shape)}.")
        latent = latent + posterior.std.float() * noise.to(latent)
    return latent * LATENT_SCALE


@torch.no_grad()
def decoded_pictures(vae: AutoencoderKL, latents: Tensor, size: Size) -> Tensor:
    """Latents [1, 4, F, h, w], scaled by 0.18215 → pictures [F, 3, H, W], 0…1, on the CPU, cut to the size.

    Frame by frame, so that memory does not grow with them.
    """
    weight = vae.decoder.conv_in.weight
    pictures = []
    for latent in (latents[0] / LATENT_SCALE).to(weight.device, weight.dtype).unbind(dim=1):
        decoded = cast(Tensor, vae.decode(cast(Any, latent[None].contiguous()), return_dict=False)[0])
        pictures.append((decoded.float() / 2 + 0.5).clamp(0, 1).cpu())
    return torch.cat(pictures)[..., : size.height, : size.width]


def padded(picture: Tensor) -> Tensor:
    """[…, H, W] with its last row and column repeated up to the next multiples of 8 pixels. Nothing is resized."""
    size = Size.of(picture)
    down, right = -size.height % CELL, -size.width % CELL
    flat = picture.reshape(1, -1, *size)
    return F.pad(flat, (0, right, 0, down), mode="replicate").reshape(
        *picture.shape[:-2], size.height + down, size.width + right
    )


def _transformers() -> Any:  # noqa: ANN401  transformers' types differ by version
    try:
        import transformers
    except ImportError:
        raise MotionError("To read a prompt, transformers is needed: pip install transformers") from None
    return transformers


def empty_text_encoder(config: dict[str, Any]) -> nn.Module:
    """A text encoder without weights, of the shapes that the config says."""
    transformers = _transformers()
    # the published special tokens; they only change the pooled output, which Stable Diffusion does not use
    special = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}
    shape = transformers.CLIPTextConfig(**{name: config[name] for name in ARCHITECTURE}, **special)
    with torch.device("meta"):
        return transformers.CLIPTextModel(shape)


def _embeddings(model: nn.Module) -> Any:  # noqa: ANN401  likewise
    """Where the token and position embeddings lie; the newest transformers have one level less."""
    return getattr(model, "text_model", model).embeddings


def _counted(model: nn.Module) -> list[str]:
    return [name for name in model.state_dict() if name.endswith(COUNTED)]


def _config(path: Path, metadata: dict[str, str]) -> dict[str, Any]:
    """What shapes the text encoder of a file: said in its metadata, or by the config.json beside it."""
    beside = path.with_name("config.json")
    try:
        told = metadata[CONFIG] if CONFIG in metadata else beside.read_text("utf-8")
        whole = json.loads(told)
        config = {name: whole[name] for name in ARCHITECTURE}
        counted = all(isinstance(config[name], int) and 0 < config[name] < 10**6 for name in COUNTS)
        sound = counted and config["hidden_size"] % config["num_attention_heads"] == 0
        sound = sound and config["hidden_act"] in ("quick_gelu", "gelu") and 0 < config["layer_norm_eps"] < 1
    except OSError:
        raise CheckpointError(f"{path} needs its config.json beside it, which is not there or closed to us.") from None
    except (ValueError, TypeError, KeyError) as error:
        raise CheckpointError(f"The config of {path} is not one of a CLIP text encoder ({error!r}).") from error
    if not sound:
        raise CheckpointError(f"The config of {path} is not one of a CLIP text encoder: it says {config}.")
    return config


def check_tokenizer(folder: Path) -> None:
    """That a folder holds CLIP's word pieces; transformers itself fails in many ways."""
    try:
        vocabulary = json.loads((folder / "vocab.json").read_text("utf-8"))
        merges = (folder / "merges.txt").read_text("utf-8").split("\n")[1:]
        pieces = {piece for merge in merges if merge for piece in (*merge.split(), merge.replace(" ", ""))}
        unknown = ({START, END} | pieces) - set(vocabulary)
        numbered = sorted(vocabulary.values()) == list(range(len(vocabulary)))
    except FileNotFoundError as error:
        raise CheckpointError(f"A tokenizer is vocab.json and merges.txt; {error.filename} is not there.") from None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{folder} holds no CLIP tokenizer that can be read ({error}).") from error
    if unknown or not numbered:
        raise CheckpointError(f"{folder} holds no complete CLIP tokenizer: its vocab.json and merges.txt do not match.")
