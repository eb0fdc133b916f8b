"""render and i2v as a newcomer uses and misuses them, with a miniature release."""

import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from motion_core.field_file import load_field, save_field
from motion_core.sampling import Sampling
from motion_core.types import MotionField, Size
from motion_core.video_file import read_video
from motion_core.windows import Windows
from tests.command_line import refused, run
from tests.published import STAGE2, published_folder

QUICK = ["--prompt", "the disc rolls", "--longest", 64, "--steps", 1]


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return published_folder(tmp_path_factory.mktemp("release"))


@pytest.fixture
def field(tmp_path):
    steps = torch.linspace(0, 1, 5).view(-1, 1, 1, 1)
    displacement = torch.tensor([20.0, 0.0]).view(1, 2, 1, 1).expand(5, 2, 80, 120) * steps
    save_field(MotionField(displacement), tmp_path / "field.safetensors")
    return tmp_path / "field.safetensors"


def model(release):
    return ["--weights", release, "--base", release / STAGE2 / "StableDiffusion"]


def test_a_field_is_rendered_at_the_pictures_size(photo, release, field, tmp_path):
    assert run("render", photo, "--field", field, *model(release), *QUICK, "-o", tmp_path / "frames") == 0
    frames, fps = read_video(tmp_path / "frames")
    assert (tuple(frames.shape), fps) == ((5, 3, 43, 64), 8)


def test_the_same_seed_renders_the_same_and_another_another(photo, release, field, tmp_path):
    clips = []
    for i, seed in enumerate([1, 1, 2]):
        given = ["--field", field, *model(release), *QUICK, "--seed", seed]
        assert run("render", photo, *given, "-o", tmp_path / str(i)) == 0
        clips.append(read_video(tmp_path / str(i))[0])
    assert torch.equal(clips[0], clips[1])
    assert not torch.allclose(clips[0][1:], clips[2][1:], atol=0.02)


def test_i2v_predicts_renders_and_keeps_the_motion_beside_the_video(photo, release, tmp_path):
    given = [*model(release), *QUICK, "--drag", "0.33,0.5 0.6,0.5", "--frames", 4, "--between", 1]
    assert run("i2v", photo, *given, "-o", tmp_path / "clip.mp4") == 0
    kept = load_field(tmp_path / "clip.safetensors")
    assert (kept.frames, kept.size) == (7, Size(43, 64))
    assert len(read_video(tmp_path / "clip.mp4")[0]) == 7
    assert (tmp_path / "clip.motion.png").is_file()


def test_i2v_renders_what_predict_and_render_do(photo, release, tmp_path):
    drag, base = ["--drag", "0.33,0.5 0.6,0.5", "--frames", 4], ["--base", release / STAGE2 / "StableDiffusion"]
    weights = ["--weights", release]
    assert run("i2v", photo, *weights, *base, *QUICK, *drag, "-o", tmp_path / "once") == 0
    assert run("predict", photo, *weights, *QUICK, *drag, "-o", tmp_path / "f.npz") == 0
    assert run("render", photo, *weights, *base, *QUICK, "--field", tmp_path / "f.npz", "-o", tmp_path / "twice") == 0
    assert torch.equal(read_video(tmp_path / "once")[0], read_video(tmp_path / "twice")[0])


def test_every_option_reaches_the_renderer(photo, release, field, tmp_path, monkeypatch):
    told = {}

    def render(self, reference, field, positive, negative, **given):
        told.update(given, reference=reference, field=field)
        return torch.zeros(1, 4, field.frames, *reference.shape[-2:])

    monkeypatch.setattr("motion_core.renderer.Renderer.render", render)
    mask = np.zeros((80, 120), np.uint8)
    mask[:, :60] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    options = ["--frames", 9, "--brush", tmp_path / "mask.png", "--fusion", "addition", "--positions", "shared"]
    options += ["--window", 6, "--overlap", 2, "--sampler", "euler", "--guidance", 3, "--apart", "--chunk", 2]
    options += ["--fps", 12, "--zero-terminal-snr"]
    given = ["--field", field, *model(release), "--prompt", "x", "--longest", 64, "--steps", 7, *options]
    assert run("render", photo, *given, "-o", tmp_path / "frames") == 0
    assert told["sampling"] == Sampling("euler", 7, 3.0, together=False, zero_terminal_snr=True)
    assert (told["fusion"], told["positions"], told["windows"]) == ("addition", "shared", Windows(6, 2))
    assert (told["field"].frames, told["field"].size, told["chunk"]) == (9, Size(43, 64), 2)
    assert told["field"].displacement[-1, 0].mean() == pytest.approx(20 * 64 / 120, abs=0.01)
    assert told["region"][:, :30].min() == 1
    assert told["region"][:, 34:].max() == 0
    assert told["reference"].shape == (1, 4, 6, 8)
    assert read_video(tmp_path / "frames")[1] == 12


def test_positions_go_by_the_module_unless_given(photo, release, field, tmp_path, monkeypatch):
    seen = []

    def render(self, reference, field, *_, **given):
        seen.append(given["positions"])
        return torch.zeros(1, 4, field.frames, *reference.shape[-2:])

    monkeypatch.setattr("motion_core.renderer.Renderer.render", render)
    given = ["render", photo, "--field", field, *model(release), *QUICK]
    published = release / STAGE2 / "Motion_Module" / "motion_block.bin"
    other = tmp_path / "mm_sd_v15_v2.ckpt"
    shutil.copyfile(published, other)
    for options in ([], ["--motion-module", published], ["--motion-module", other]):
        assert run(*given, *options, "-o", tmp_path / "frames") == 0
    assert run(*given, "--motion-module", other, "--positions", "interleaved", "-o", tmp_path / "frames") == 0
    assert seen == ["interleaved", "interleaved", "shared", "interleaved"]


def test_the_authors_release_renders_with_its_own_checkpoint(photo, release, field, tmp_path, monkeypatch):
    """Their UNet is a file alone; text encoder, tokenizer and VAE come from the release."""
    bases = []
    monkeypatch.setattr("motion_core.base_model.BaseModel.check", lambda self: bases.append(self.path.name))
    given = ["render", photo, "--field", field, "--weights", release, *QUICK]
    assert run(*given, "-o", tmp_path / "default") == 0
    unet = release / STAGE2 / "DreamBooth_LoRA" / "realistic_unet.ckpt"
    assert run(*given, "--base", unet, "-o", tmp_path / "named") == 0
    assert bases == ["realistic_unet.ckpt"] * 2
    assert torch.equal(read_video(tmp_path / "default")[0], read_video(tmp_path / "named")[0])


def test_nothing_else_is_overwritten_by_the_field_beside_the_video(photo, release, tmp_path, capsys):
    style = tmp_path / "style.safetensors"
    save_file({"weight": torch.ones(3)}, style)
    before = style.read_bytes()
    given = ["i2v", photo, *model(release), *QUICK, "-o", tmp_path / "style.mp4"]
    assert "is no motion field; it is not replaced" in refused(capsys, *given)
    assert style.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photo.png", "style.safetensors"]


def test_a_field_of_another_shape_is_stretched_with_a_warning(photo, release, tmp_path, caplog):
    save_field(MotionField.still(Size(40, 200), frames=3), tmp_path / "wide.npz")
    given = ["render", photo, *model(release), *QUICK, "--field", tmp_path / "wide.npz"]
    assert run(*given, "-o", tmp_path / "frames") == 0
    assert "The motion field is 200×40 and the picture" in caplog.text


def test_what_cannot_be_rendered_is_refused_before_the_work_and_leaves_nothing(photo, release, field, tmp_path, capsys):
    UNET = "diffusion_pytorch_model.bin"
    before = sorted(path.name for path in tmp_path.iterdir())
    base, weights = model(release)[2:], model(release)[:2]
    video = ["-o", tmp_path / "out.mp4"]
    misuses = [
        (["render", photo, "--field", field, *weights, *base, *QUICK, "-o", tmp_path / "out.avi"], "out.avi"),
        (["render", photo, "--field", field, *weights, *base, *QUICK, *video, "--fps", 0], "frames per second"),
        (["render", photo, "--field", "none.npz", *weights, *base, *QUICK, *video], "none.npz"),
        (["render", photo, "--field", field, *base, *QUICK, *video], "weights of Motion-I2V are not all here"),
        (["render", photo, "--field", field, *weights, "--base", "none", *QUICK, *video], "no file or folder none"),
        (["render", photo, "--field", field, *weights, *base, *QUICK, *video, "--lora", "no.st:1"], "no.st"),
        (["render", photo, "--field", field, *weights, *base, *QUICK, *video, "--lora", "no.st:x"], "FILE:STRENGTH"),
        (["render", photo, "--field", field, *weights, *base, *QUICK, *video, "--steps", 0], "1 … 100 steps"),
        (["render", photo, "--field", field, *weights, *base, *QUICK, *video, "--frames", 0], "at least one frame"),
        (
            ["render", photo, "--field", field, *weights, *base, *QUICK, *video, "--window", 40, "--frames", 50],
            "2 … 16",
        ),
        (["render", photo, "--field", field, *weights, *base, *QUICK, "-o", tmp_path / "no" / "o.mp4"], "no folder"),
        (["render", photo, "--field", field, *weights, *base, *QUICK, *video, "--device", "mps"], "Try --device cpu"),
        (["render", photo, "--field", field, *weights, "--base", "n" * 300, *QUICK, *video], "no file or folder nnn"),
        (["i2v", photo, *weights, "--base", "none", *QUICK, *video], "no file or folder none"),
        (["i2v", photo, *weights, *base, *QUICK, *video, "--window", 1], "2 … 16 frames; got 1"),
        (["i2v", photo, *weights, *base, *QUICK, *video, "--motion-module", "no.ckpt"], "no.ckpt"),
        (
            ["i2v", photo, *weights, *base, *QUICK, *video, "--motion-module", base[1] / "unet" / UNET],
            "is not a motion",
        ),
        (["i2v", photo, *weights, *base, *QUICK, "-o", "."], "with a name; got “.”"),
        (["i2v", photo, *weights, *base, *QUICK, "-o", ""], "with a name; got “”"),
        (["i2v", photo, *weights, *base, *QUICK, *video, "--frames", 34], "at most 33 frames"),
    ]
    for arguments, sentence in misuses:
        assert sentence in refused(capsys, *arguments)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
