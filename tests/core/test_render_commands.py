"""render and i2v as a newcomer uses and misuses them, with a miniature release."""

import numpy as np
import pytest
import torch
from PIL import Image

from motion_core.field_file import load_field, save_field
from motion_core.renderer import Windows
from motion_core.sampling import Sampling
from motion_core.types import MotionField, Size
from motion_core.video_file import read_video
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


def test_a_module_of_its_own_is_steered_by_shared_positions(photo, release, field, tmp_path, monkeypatch):
    seen = []

    def render(self, reference, field, *_, **given):
        seen.append(given["positions"])
        return torch.zeros(1, 4, field.frames, *reference.shape[-2:])

    monkeypatch.setattr("motion_core.renderer.Renderer.render", render)
    given = ["render", photo, "--field", field, *model(release), *QUICK]
    module = ["--motion-module", release / STAGE2 / "Motion_Module" / "motion_block.bin"]
    assert run(*given, "-o", tmp_path / "a") == 0
    assert run(*given, *module, "-o", tmp_path / "b") == 0
    assert run(*given, *module, "--positions", "interleaved", "-o", tmp_path / "c") == 0
    assert seen == ["interleaved", "shared", "interleaved"]


def test_what_cannot_be_rendered_is_refused_before_the_work_and_leaves_nothing(photo, release, field, tmp_path, capsys):
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
        (["i2v", photo, *weights, "--base", "none", *QUICK, *video], "no file or folder none"),
        (["i2v", photo, *weights, *base, *QUICK, *video, "--frames", 34], "at most 33 frames"),
    ]
    for arguments, sentence in misuses:
        assert sentence in refused(capsys, *arguments)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
