"""Stable Diffusion 1.5 from a user's own files, for those who run without a host: a folder or one file, and LoRAs.

base = BaseModel("realistic.safetensors", [("ink.safetensors", 0.8)], tokenizer="tokenizer")
base.unet_weights(), base.text_encoder(), base.image_vae()

Nothing is downloaded. Beside its three networks a single file may hold what training left there: model_ema.*,
embedding_manager.*, the sampler's buffers (betas, alphas_cumprod, …), and CLIP's position_ids, projection and logit
scale. They are not read.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .checkpoints import FIRST_STAGE, image_vae_names, load_image_vae, video_unet_config
from .errors import CheckpointError, MotionError
from .kinds import PLAIN, SD15, UNKNOWN, kind_of
from .layout import (
    HEADS,
    Wanted,
    building,
    checked,
    commonest_length,
    few,
    has_prefix,
    heads_of,
    layout_of,
    precision_of,
)
from .lora import Half, lora_changes
from .models.video_unet import VideoUNet
from .stable_diffusion import (
    COUNTED,
    PREFIX,
    TextEncoder,
    check_tokenizer,
    empty_text_encoder,
    text_encoder_names,
    text_encoder_of,
)
from .weight_file import WeightFile

if TYPE_CHECKING:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

NOISE = "epsilon"  # what it predicts, in files' own words
UNET = "model.diffusion_model."  # before the names of a network in a single file, beside FIRST_STAGE
TEXT = "cond_stage_model.transformer."
LEFTOVERS = re.compile(  # of training, in a single file; but "v_pred" marks a model that is sampled in another way
    r"model_ema\..*|embedding_manager\..*|cond_stage_model\.(?!transformer\.)[^.]*|(?!v_pred|ztsnr)[^.]*"
)
TEXT_LEFTOVERS = re.compile(rf".*{COUNTED}|(text_model\.)?text_projection\.weight|logit_scale")
ANY = "stage2/StableDiffusion, any Stable Diffusion 1.5 checkpoint"
WANTED = Wanted("a Stable Diffusion 1.5 UNet", ANY, (SD15, PLAIN))
WANTED_TEXT = Wanted("Stable Diffusion 1.5's text encoder", ANY, (SD15,))
CLIP_HEAD = 64  # channels of an attention head in CLIP's text encoders; no tensor shows it
OTHER_INPUTS = {9: "an inpainting model", 8: "made to edit pictures (InstructPix2Pix)", 5: "a depth model"}


class BaseModel:
    """A diffusers folder, or a single file in Stable Diffusion's own layout. Its weights are read when asked for.

    loras: (file, strength) pairs; all are added to the weights, in float32. tokenizer: a folder with vocab.json and
    merges.txt; a diffusers folder has its own. text_encoder, image_vae: files of a release or a diffusers folder,
    which stand in where the checkpoint is a UNet without them.
    heads: of every attention of the UNet: 8, unless the config of a folder says otherwise.
    CheckpointError names what does not fit, is missing, or which kind of file was given instead; of the UNet, and of
    what the LoRAs do to it, at once. `check` does so for the rest.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        loras: Sequence[tuple[str | os.PathLike[str], float]] = (),
        *,
        tokenizer: str | os.PathLike[str] | None = None,
        text_encoder: str | os.PathLike[str] | None = None,
        image_vae: str | os.PathLike[str] | None = None,
    ) -> None:
        self.path = Path(path)
        self._is_folder = os.path.isdir(path)
        if tokenizer is None and self._is_folder:
            tokenizer = self.path / "tokenizer"
        self._tokenizer = None if tokenizer is None else Path(tokenizer)
        self._loras = [(Path(lora), float(strength)) for lora, strength in loras]
        self._stand_ins = {"text_encoder": text_encoder, "vae": image_vae}
        if not os.path.exists(path):
            raise CheckpointError(
                f"There is no file or folder {self.path}. Nothing is downloaded: give it by its path."
            )
        for lora, strength in self._loras:
            if not math.isfinite(strength):
                raise MotionError(f"The strength of {lora} is {strength}; give a number such as 0.8.")
        if self._is_folder:
            _check_scheduler(self.path / "scheduler" / "scheduler_config.json")
        with WeightFile(self._file("unet")) as file:
            _check_prediction(file.metadata.get("modelspec.prediction_type", NOISE), self.path)
            self.heads, names = _unet(file)
            shapes = {ours: file.shapes[theirs] for ours, theirs in names.items()}
        for lora, _ in self._loras:
            lora_changes(lora, "unet", shapes)
        self.unet_config = video_unet_config(shapes, heads=self.heads)

    def check(self) -> None:
        """That text encoder, tokenizer and VAE are there and fit, and what the LoRAs change. Reads no weights."""
        check_tokenizer(self._tokenizer_folder())
        path, _, names = self._text()
        with WeightFile(path) as file:
            shapes = {ours: file.shapes[theirs] for ours, theirs in names.items()}
        for lora, _ in self._loras:
            lora_changes(lora, "text_encoder", shapes)
        with WeightFile(self._vae()) as file:
            image_vae_names(file)

    def unet_weights(
        self, *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
    ) -> dict[str, Tensor]:
        """SD1.5's UNet in diffusers' names, LoRAs merged: what assembled() takes. dtype: None keeps the file's."""
        with WeightFile(self._file("unet")) as file:
            return self._merged("unet", file, _unet(file)[1], dtype, device)

    def text_encoder(self, *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu") -> TextEncoder:
        """CLIP's text half with its tokenizer, LoRAs merged; see above."""
        tokenizer = self._tokenizer_folder()
        check_tokenizer(tokenizer)
        path, config, names = self._text()
        with WeightFile(path) as file:
            weights = self._merged("text_encoder", file, names, dtype, device)
        return text_encoder_of(tokenizer, config, weights)

    def image_vae(self, *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu") -> AutoencoderKL:
        """The VAE of pictures; no LoRA changes it."""
        return load_image_vae(self._vae(), dtype=dtype, device=device)

    def _tokenizer_folder(self) -> Path:
        if self._tokenizer is None:
            raise CheckpointError(
                f"{self.path} holds no tokenizer, as no single file does. Give a folder with vocab.json and "
                "merges.txt: the tokenizer of the release or of any diffusers folder of Stable Diffusion 1.5."
            )
        return self._tokenizer

    def _text(self) -> tuple[Path, dict[str, Any], dict[str, str]]:
        """The text encoder's file, its config, and the model's names → the file's."""
        path = self._part("text_encoder", TEXT)
        if path != self.path:
            return path, *text_encoder_names(path)
        with WeightFile(path) as file:
            _check_part(file, TEXT, "text encoder")
            return path, *_text_encoder(file)

    def _vae(self) -> Path:
        path = self._part("vae", FIRST_STAGE)
        if path == self.path:
            with WeightFile(path) as file:
                _check_part(file, FIRST_STAGE, "VAE")
        return path

    def _part(self, part: str, prefix: str) -> Path:
        """The file of a part, whose names begin so in a single file: that one, or what stands in where it lacks it."""
        stand_in = self._stand_ins[part]
        if self._is_folder or stand_in is None:
            return self._file(part)
        with WeightFile(self.path) as file:
            return self.path if has_prefix(file.shapes, prefix) else Path(stand_in)

    def _file(self, part: str) -> Path:
        if not self._is_folder:
            return self.path
        safe, old = ("model", "pytorch_model") if part == "text_encoder" else ("diffusion_pytorch_model",) * 2
        names = [f"{safe}.safetensors", f"{safe}.fp16.safetensors", f"{old}.bin", f"{old}.fp16.bin"]
        found = next((self.path / part / name for name in names if (self.path / part / name).is_file()), None)
        if found is None:
            raise CheckpointError(
                f"{self.path} is no complete diffusers folder: it has no {part}/{names[0]} (or "
                f"{', '.join(names[1:])}). Give a folder with unet, vae, text_encoder and tokenizer, or a single file."
            )
        return found

    def _merged(
        self,
        half: Half,
        file: WeightFile,
        names: Mapping[str, str],
        dtype: torch.dtype | None,
        device: torch.device | str,
    ) -> dict[str, Tensor]:
        """Copies of the file's tensors, changed by the LoRAs, under our names."""
        kept = dtype or precision_of(file, names)
        shapes = {ours: file.shapes[theirs] for ours, theirs in names.items()}
        changes = [lora_changes(lora, half, shapes, strength) for lora, strength in self._loras]
        weights = {}
        for name, theirs in names.items():
            weight = file.tensor(theirs)
            added = [up @ down for up, down in (change[name] for change in changes if name in change)]
            if added:
                weight = weight.float() + torch.stack(added).sum(dim=0).reshape(weight.shape)
            weights[name] = weight.to(device, kept, copy=True, memory_format=torch.contiguous_format)
        return weights


def _unet(file: WeightFile) -> tuple[int, dict[str, str]]:
    """Attention heads, and diffusers' names → the file's; checked strictly. Reads no weights."""
    kind = kind_of(file.shapes)
    ldm = kind == SD15 or has_prefix(file.shapes, "input_blocks.")
    names = _from_ldm(file) if ldm else {name: name for name in file.shapes}
    shapes = {ours: file.shapes[theirs] for ours, theirs in names.items()}
    if kind == SD15:
        strangers = [name for name in file.shapes if not _known(name)]
        if strangers:
            raise CheckpointError(
                f"{file.path} holds more than {SD15} does ({few(strangers)}), so that it may be made for another use. "
                "Give a plain one."
            )
    if ldm:
        kind = kind_of(shapes)
    if kind != PLAIN:
        names_told = f" ({few(list(file.shapes))})" if kind == UNKNOWN else ""
        raise CheckpointError(
            f"{file.path} holds no {PLAIN.removeprefix('a plain ')}; it seems to be {kind}{names_told}. Give a "
            "checkpoint of Stable Diffusion 1.5, or a diffusers folder of one."
        )
    with building(file):
        heads = HEADS if ldm else heads_of(file)
        config = video_unet_config(shapes, heads=heads)
        inputs = config.in_channels
        if inputs != 4:
            raise CheckpointError(
                f"{file.path} takes {inputs} channels and not 4; it is {OTHER_INPUTS.get(inputs, 'another model')}. "
                "Give an ordinary checkpoint of Stable Diffusion 1.5."
            )
        layout = layout_of(VideoUNet(config))
    layout = {
        name: shape
        for name, shape in layout.items()
        if ".motion_modules." not in name and not name.startswith("stride_embedding.")
    }
    return heads, checked(file, names, shapes, layout, WANTED)


def _known(name: str) -> bool:
    return name.startswith((UNET, FIRST_STAGE, TEXT)) or LEFTOVERS.fullmatch(name) is not None


def _from_ldm(file: WeightFile) -> dict[str, str]:
    """diffusers' names → the file's. diffusers' own converter does it, given names in the place of tensors."""
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint  # takes seconds

    prefix = UNET if has_prefix(file.shapes, UNET) else ""
    bare = [name.removeprefix(prefix) for name in file.shapes if name.startswith(prefix)]
    # a block is some layers and a downsampler, "op"; the first input block is conv_in
    downsamplers = {int(found[1]) for name in bare if (found := re.match(r"input_blocks\.(\d+)\.0\.op\.", name))}
    layers = (math.gcd(*downsamplers) or 3) - 1
    given = {UNET + name: name for name in bare}
    try:
        converted: dict[str, str | None] = convert_ldm_unet_checkpoint(given, {"layers_per_block": layers})
    except KeyError as error:  # it takes for granted that an upsampler with a weight has a bias
        raise CheckpointError(f"{file.path} is damaged: it lacks {prefix}{error.args[0]}. Download it again.") from None
    names = {ours: theirs for ours, theirs in converted.items() if theirs is not None}
    lost = set(bare) - set(names.values())  # SDXL's own, or what belongs in no UNet
    names |= {name.replace("label_emb.", "add_embedding."): name for name in bare if name in lost}
    return {ours: prefix + theirs for ours, theirs in names.items()}


def _text_encoder(file: WeightFile) -> tuple[dict[str, Any], dict[str, str]]:
    """The config of a single file's text encoder, read from its shapes, and the model's names → the file's."""
    bare = {name.removeprefix(TEXT): name for name in file.shapes if name.startswith(TEXT)}
    theirs = {name.removeprefix(PREFIX): full for name, full in bare.items() if not TEXT_LEFTOVERS.fullmatch(name)}
    shapes = {name: file.shapes[full] for name, full in theirs.items()}
    width = commonest_length(shapes, r"_proj\.weight$", 0, 768)
    config = {
        "vocab_size": commonest_length(shapes, r"token_embedding\.weight$", 0, 49408),
        "hidden_size": width,
        "intermediate_size": commonest_length(shapes, r"fc1\.weight$", 0, 3072),
        "num_hidden_layers": len(
            {found[1] for name in shapes if (found := re.match(r"encoder\.layers\.(\d+)\.", name))}
        ),
        "num_attention_heads": max(1, width // CLIP_HEAD),
        "max_position_embeddings": commonest_length(shapes, r"position_embedding\.weight$", 0, 77),
        "hidden_act": "quick_gelu",
        "layer_norm_eps": 1e-5,
    }
    with building(file):
        model = empty_text_encoder(config)
    layout = {name: shape for name, shape in layout_of(model).items() if not name.endswith(COUNTED)}
    ours = {name.removeprefix(PREFIX): name for name in layout}
    names = {ours.get(name, name): full for name, full in theirs.items()}
    return config, checked(file, names, {name: file.shapes[full] for name, full in names.items()}, layout, WANTED_TEXT)


def _check_scheduler(config: Path) -> None:
    if not config.is_file():
        return
    try:
        told = json.loads(config.read_text("utf-8")).get("prediction_type", NOISE)
    except (ValueError, AttributeError, OSError) as error:
        raise CheckpointError(f"{config} is no config that can be read ({error}).") from None
    _check_prediction(told, config)


def _check_prediction(told: object, said_by: Path) -> None:
    """That a model predicts the noise, as motion modules are trained for."""
    if told != NOISE:
        raise CheckpointError(f"The model predicts {told}, by {said_by}, and not the noise. Give one that does.")


def _check_part(file: WeightFile, prefix: str, part: str) -> None:
    """That a single file has the part of Stable Diffusion 1.5 whose names so begin."""
    kind = kind_of(file.shapes)
    if kind == SD15 and has_prefix(file.shapes, prefix):
        return
    if kind in (SD15, PLAIN) or has_prefix(file.shapes, "input_blocks."):
        raise CheckpointError(
            f"{file.path} holds no {part}: it is a UNet without it. Give a whole Stable Diffusion 1.5 checkpoint or a "
            f"diffusers folder for it, or take the {part} from the release."
        )
    raise CheckpointError(f"{file.path} holds no {part} of Stable Diffusion 1.5; it seems to be {kind}.")
