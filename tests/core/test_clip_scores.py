"""CLIP from a local folder: a tiny random one, in the published files."""

import json
import logging

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file

from motion_core.clip_scores import MEAN, ClipModel, _square
from motion_core.errors import CheckpointError, ShapeError
from motion_core.metrics import frame_consistency, prompt_consistency
from motion_core.picture_file import picture_bytes, picture_of
from tests.tiny_clip import SIDE, clip_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return clip_folder(tmp_path_factory.mktemp("clip") / "clip-tiny-patch8")


@pytest.fixture(scope="module")
def clip(folder):
    return ClipModel.load(folder)


@pytest.fixture
def copied(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def pictures(count=4, height=40, width=60):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(0))


def test_identical_frames_have_a_cosine_of_1(clip):
    frames = clip.images(pictures(1).expand(3, -1, -1, -1))
    assert frame_consistency(frames) == pytest.approx(1, abs=1e-6)


def test_permuting_frames_changes_frame_consistency_but_not_prompt_consistency(clip):
    frames, text = clip.images(pictures()), clip.text("a cat")
    mixed = frames[[0, 2, 1, 3]]
    assert frame_consistency(mixed) != pytest.approx(frame_consistency(frames), abs=1e-6)
    assert prompt_consistency(mixed, text) == pytest.approx(prompt_consistency(frames, text), abs=1e-9)


def test_another_prompt_has_another_score(clip):
    frames = clip.images(pictures())
    scores = [prompt_consistency(frames, clip.text(prompt)) for prompt in ("a cat", "a dog", "")]
    assert len({round(score, 4) for score in scores}) == 3


def test_features_are_those_of_transformers(clip, folder):
    import transformers

    theirs = transformers.CLIPModel.from_pretrained(folder).eval()
    mean, deviation = clip._mean, clip._deviation
    pixels = pictures(height=SIDE, width=SIDE)
    tokens = torch.tensor([[54, 0 + 26, 53, 55]])  # <start> a</w> cat</w> <end>
    told = theirs(input_ids=tokens, pixel_values=(pixels - mean) / deviation)
    ours = F.normalize(clip.images(pixels), dim=-1), F.normalize(clip.text("a cat"), dim=-1)
    torch.testing.assert_close(ours[0], told.image_embeds, atol=1e-6, rtol=0)
    torch.testing.assert_close(ours[1], told.text_embeds[0], atol=1e-6, rtol=0)


@pytest.mark.parametrize(("width", "height"), [(90, 70), (98, 49)])
def test_a_picture_is_resized_and_cut_as_pillow_does(width, height):
    picture = picture_of(Image.effect_noise((width, height), 20).convert("RGB"))
    fitting = (width * SIDE // height, SIDE)
    image = Image.fromarray(picture_bytes(picture)).resize(fitting, Image.Resampling.BICUBIC)
    left = (image.width - SIDE) // 2
    theirs = picture_of(image.crop((left, 0, left + SIDE, SIDE)))
    torch.testing.assert_close(_square(picture[None], SIDE)[0], theirs, atol=1.01 / 255, rtol=0)


def test_the_mean_and_deviation_of_pixels_may_be_told_beside_the_weights(clip, copied):
    assert clip._mean.flatten().tolist() == pytest.approx(MEAN)
    (copied / "preprocessor_config.json").write_text('{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}')
    other = ClipModel.load(copied)
    assert (other.images(pictures()) - clip.images(pictures())).abs().max() > 1e-3


def test_the_old_files_with_counting_buffers_are_read_too(clip, tmp_path):
    old = ClipModel.load(clip_folder(tmp_path / "old", safe=False))
    torch.testing.assert_close(old.images(pictures()), clip.images(pictures()))
    torch.testing.assert_close(old.text("a cat"), clip.text("a cat"))


def test_it_is_named_after_its_folder_and_patches(clip):
    assert clip.image_features.name == "CLIP clip-tiny-patch8 (32 px in patches of 8)"


def test_of_a_long_prompt_the_first_75_tokens_are_read_and_a_warning_says_so(clip, caplog):
    with caplog.at_level(logging.WARNING):
        long = clip.text("cat " * 75 + "z")
    assert "76 tokens, and CLIP reads the first 75" in caplog.text
    torch.testing.assert_close(long, clip.text("cat " * 75))


def test_pictures_have_three_colours(clip):
    with pytest.raises(ShapeError, match=r"\[N, 3, H, W\]; got \[3, 40, 60\]"):
        clip.images(pictures()[0])


def test_what_is_missing_is_named(copied):
    for name in ("vocab.json", "config.json", "model.safetensors"):
        kept = (copied / name).read_bytes()
        (copied / name).unlink()
        with pytest.raises(CheckpointError, match=name):
            ClipModel.load(copied)
        (copied / name).write_bytes(kept)
    with pytest.raises(CheckpointError, match="no folder"):
        ClipModel.load(copied / "nowhere")


def test_weights_are_read_strictly(copied):
    weights = load_file(copied / "model.safetensors")
    for changed in (
        {name: weight for name, weight in weights.items() if name != "visual_projection.weight"},
        weights | {"visual_projection.weight": torch.zeros(16, 31)},
        weights | {"stranger.weight": torch.zeros(1)},
    ):
        save_file(changed, copied / "model.safetensors")
        with pytest.raises(CheckpointError, match=r"1 of its weights are missing, unknown.*like (visual|stranger)"):
            ClipModel.load(copied)


def test_another_model_is_refused(copied):
    config = json.loads((copied / "config.json").read_text())
    for changes, sentence in (
        ({"model_type": "siglip"}, "'siglip', not “clip”"),
        ({"vision_config": {"hidden_size": 33, "num_attention_heads": 4}}, "config.json"),
        ({"text_config": "?"}, "config.json"),
    ):
        (copied / "config.json").write_text(json.dumps(config | changes))
        with pytest.raises(CheckpointError, match=sentence):
            ClipModel.load(copied)
    (copied / "config.json").write_text("<html>")
    with pytest.raises(CheckpointError, match="cannot be read"):
        ClipModel.load(copied)


@pytest.mark.parametrize("told", ['{"image_mean": [0.5], "image_std": [0.5]}', '{"image_std": [0, 0, 0]}', "[]"])
def test_a_broken_normalisation_is_refused(copied, told):
    (copied / "preprocessor_config.json").write_text(told)
    with pytest.raises(CheckpointError, match="preprocessor_config"):
        ClipModel.load(copied)
