"""A whole CLIP of a few channels, in the files of its publishers. It reads small letters, and knows one word."""

import json
from string import ascii_lowercase

import torch
from safetensors.torch import save_file

SIDE, TOKENS = 32, 77  # of the pictures it sees, of a prompt
PIECES = [*ascii_lowercase, *(f"{letter}</w>" for letter in ascii_lowercase), "ca", "cat</w>"]
VOCABULARY = [*PIECES, "<|startoftext|>", "<|endoftext|>"]


def clip_folder(path, *, safe=True, **changes):
    """Writes the folder, random weights and all, and returns it. changes: to its config."""
    import transformers

    path.mkdir(parents=True)
    numbers = {piece: number for number, piece in enumerate(VOCABULARY)}
    (path / "vocab.json").write_text(json.dumps(numbers), "utf-8")
    (path / "merges.txt").write_text("#version: 0.2\nc a\nca t</w>\n", "utf-8")
    words = len(VOCABULARY)
    part = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = {
        "model_type": "clip",
        "projection_dim": 16,
        "text_config": {**part, "vocab_size": words, "bos_token_id": words - 2, "eos_token_id": words - 1},
        "vision_config": {**part, "image_size": SIDE, "patch_size": 8},
    }
    torch.manual_seed(0)
    weights = transformers.CLIPModel(transformers.CLIPConfig.from_dict(config)).state_dict()
    generator = torch.Generator().manual_seed(1)
    weights = {
        name: torch.randn(w.shape, generator=generator) * (0.2 if w.ndim > 1 else 0.1) for name, w in weights.items()
    }
    if safe:
        save_file(weights, path / "model.safetensors")
    else:  # as it was published first, with buffers that newer libraries do not keep
        counted = {"text_model": torch.arange(TOKENS)[None], "vision_model": torch.arange(17)[None]}
        buffers = {f"{half}.embeddings.position_ids": count for half, count in counted.items()}
        torch.save(weights | buffers, path / "pytorch_model.bin")
    (path / "config.json").write_text(json.dumps(config | changes), "utf-8")
    return path
