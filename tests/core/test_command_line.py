"""The command line as a newcomer uses it, and as a newcomer misuses it."""

import errno
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from motion_core.checkpoints import load_image_vae
from motion_core.commands.arguments import at_most
from motion_core.field_file import load_field, save_field
from motion_core.picture_file import read_picture
from motion_core.predictor import ControlSchedule
from motion_core.release import find_release
from motion_core.sampling import Sampling
from motion_core.stable_diffusion import PREDICTOR_RANGE, load_text_encoder, padded, picture_latent
from motion_core.types import MotionField, Size
from motion_core.video_file import read_video
from tests.command_line import refused, run
from tests.published import published_folder

TRACKS = Path(__file__).parents[1] / "fixtures" / "tracks"


def reddest_column(frame):
    return float(((frame[0] - frame[1]).clamp(min=0).sum(dim=0) * torch.arange(frame.shape[2])).sum()) / float(
        (frame[0] - frame[1]).clamp(min=0).sum()
    )


def test_a_drag_moves_the_disc_in_the_video(photo, tmp_path):
    out = tmp_path / "out.mp4"
    assert run("animate", photo, "--drag", "0.333,0.5 0.666,0.5", "--frames", 9, "--fps", 8, "-o", out) == 0
    frames, fps = read_video(out)
    assert (len(frames), fps) == (9, 8)
    assert reddest_column(frames[0]) == pytest.approx(40, abs=1)
    assert reddest_column(frames[-1]) == pytest.approx(80, abs=1)


@pytest.mark.parametrize("name", ["out.gif", "out.webp", "frames"])
def test_other_ways_to_keep_it(photo, tmp_path, name):
    assert run("animate", photo, "--drag", "0.333,0.5 0.5,0.5", "--frames", 4, "-o", tmp_path / name) == 0
    frames, _ = read_video(tmp_path / name)
    assert len(frames) == 4


def test_brush_pin_camera_field_and_sheet_go_together(photo, tmp_path):
    brush = np.zeros((40, 60), np.uint8)
    brush[:, :30] = 255
    Image.fromarray(brush).save(tmp_path / "brush.png")
    field, sheet = tmp_path / "field.safetensors", tmp_path / "sheet.jpg"
    drawn = ["--drag", "0.333,0.5 0.4,0.5", "--pin", "0.05,0.05 0.1,0.9", "--brush", tmp_path / "brush.png"]
    more = ["--camera", "pan_y=0.1", "--field", field, "--sheet", sheet, "--frames", 5]
    assert run("animate", photo, *drawn, *more, "-o", tmp_path / "out.mp4") == 0
    displacement = load_field(field).displacement
    assert displacement.shape == (5, 2, 80, 120)
    assert displacement[-1, :, :, 70:].sub(torch.tensor([0.0, 8.0]).view(2, 1, 1)).abs().max() < 1e-4
    assert displacement[-1, 0, 40, 40] == pytest.approx(8, abs=0.5)
    assert Size.of(read_picture(sheet)).width > 4 * 120


def test_tracks_in_pixels_mean_pixels_of_the_original_picture(photo, tmp_path):
    (tmp_path / "tracks.json").write_text('[{"x": 40, "y": 40}, {"x": 60, "y": 40}]')
    field = tmp_path / "field.npz"
    given = ["--tracks", tmp_path / "tracks.json", "--longest", 60, "--field", field]
    assert run("animate", photo, *given, "-o", tmp_path / "out.mp4") == 0
    loaded = load_field(field)
    assert loaded.size == Size(40, 60)
    assert loaded.displacement[-1, 0, 20, 20] == pytest.approx(10, abs=0.3)


def test_tracks_are_converted(tmp_path, capsys):
    out = tmp_path / "out.json"
    assert run("convert", TRACKS / "wanmove_tracks.npy", out, "--to", "kj", "--size", "640x384", "--frames", 16) == 0
    assert out.read_text().startswith('[[{"x": 100.0, "y": 200.0}, {"x": 113.33')
    assert "3 tracks, 81 frames" in capsys.readouterr().err


def test_fields_are_converted_and_retimed(tmp_path):
    assert run("convert", TRACKS / "tiny.flo", tmp_path / "out.npz", "--frames", 3, "--size", "80x24") == 0
    field = load_field(tmp_path / "out.npz")
    assert (field.frames, field.size) == (3, Size(24, 80))
    assert field.displacement[-1, :, 12, 28].tolist() == pytest.approx([11, -2.25])


@pytest.mark.parametrize("look", ["colors", "arrows", "grid"])
def test_a_field_is_shown(photo, tmp_path, look):
    field = MotionField.after_reference(torch.full((3, 2, 40, 60), 5.0))
    save_field(field, tmp_path / "field.safetensors")
    given = [tmp_path / "field.safetensors", "--as", look, "--picture", photo]
    assert run("show", *given, "-o", tmp_path / "seen.png") == 0
    assert Size.of(read_picture(tmp_path / "seen.png")) == Size(80, 120)
    assert run("show", *given, "-o", tmp_path / "seen.mp4") == 0
    assert len(read_video(tmp_path / "seen.mp4")[0]) == 4


def test_misuse_gets_one_sentence_and_exit_code_2(photo, tmp_path, capsys):
    out, drag = tmp_path / "out.mp4", ["--drag", "0.3,0.5 0.6,0.5"]
    misuses = [
        ([], "required: animate | i2v | predict | render"),
        (["animate", photo, "-o", out], "Nothing moves yet"),
        (["animate", "missing.png", *drag, "-o", out], "There is no picture missing.png"),
        (["animate", photo, "--drag", "0.3;0.5", "-o", out], "Points are written"),
        (["animate", photo, "--drag", "300,40 320,40", "-o", out], "far outside the picture"),
        (["animate", photo, "--drag", "nan,0 1,1", "-o", out], "not a finite number"),
        (["animate", photo, *drag, "--frames", "0", "-o", out], "at least one frame"),
        (["animate", photo, *drag, "--frames", "few", "-o", out], "invalid int value"),
        (["animate", photo, *drag, "--fps", "0", "-o", out], "frames per second"),
        (["animate", photo, *drag, "--longest", "0", "-o", out], "at least 1"),
        (["animate", photo, *drag, "--camera", "zooom=2", "-o", out], "zooom=2"),
        (["animate", photo, *drag, "--brush", TRACKS / "tiny.flo", "-o", out], "tiny.flo"),
        (["animate", photo, *drag, "-o", tmp_path / "out.avi"], ".avi"),
        (["animate", photo, *drag, "-o", tmp_path / "no" / "such" / "folder" / "out.mp4"], "folder"),
        (["animate", photo, "--tracks", TRACKS / "tiny.flo", "-o", out], "tiny.flo"),
        (["convert", TRACKS / "dragnuwa_tracking_points.json", tmp_path / "o.json"], "size"),
        (["convert", TRACKS / "kj_points_store.json", tmp_path / "o.json", "--size", "big"], "WIDTHxHEIGHT"),
        (["convert", TRACKS / "fl_paths_data.json", tmp_path / "o.json", "--to", "tiktok"], "tiktok"),
        (["animate", photo, "--pin", "", "-o", out], "Points are written"),
        (["animate", photo, *drag, "--camera", "", "-o", out], "A camera is written like"),
        (["animate", photo, "--tracks", "nope", "-o", out], "nope"),
        (["convert", "nope.x", tmp_path / "o.json"], "nope.x"),
        (["convert", TRACKS / "tiny.flo", tmp_path / "o.npz", "--frames", "0"], "at least one frame"),
        (["convert", TRACKS / "fl_paths_data.json", tmp_path / "o.json", "--frames", "0"], "at least one frame"),
        (["show", photo, "-o", tmp_path / "o.png"], "photo.png"),
    ]
    for arguments, sentence in misuses:
        assert sentence in refused(capsys, *arguments)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photo.png"], "nothing half-written stays"


def test_a_full_disk_is_said_so(photo, capsys, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("motion_core.field_file.save_file", full)
    drawn = ["animate", photo, "--drag", "0.3,0.5 0.6,0.5", "-o", photo.with_name("out.gif")]
    assert "space" in refused(capsys, *drawn, "--field", photo.with_name("field.safetensors"))
    assert not photo.with_name("field.safetensors").exists()


def test_ctrl_c_leaves_nothing_behind(tmp_path):
    big = tmp_path / "big.png"
    Image.effect_noise((1600, 1200), 60).convert("RGB").save(big)
    drawn = ["--drag", "0.3,0.5 0.6,0.5", "--camera", "zoom=1.5", "--frames", "60"]
    command = [sys.executable, "-m", "motion_core", "animate", str(big), *drawn, "-o", str(tmp_path / "out.mp4")]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )
    until = time.monotonic() + 120
    while time.monotonic() < until and len(list(tmp_path.iterdir())) < 2:
        time.sleep(0.05)  # until it writes
    assert process.poll() is None, "it was still at work"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped" in said
    assert "Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["big.png"]


def test_the_help_names_every_option(capsys):
    for command in ("animate", "convert", "show"):
        assert run(command, "--help") == 0
        said = capsys.readouterr().out
        assert len(re.findall(r"^  -", said, re.MULTILINE)) >= 4


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return published_folder(tmp_path_factory.mktemp("release"))


def predicted(photo, release, out, *more):
    quick = ["--weights", release, "--prompt", "the disc rolls", "--longest", 64, "--steps", 1, "--frames", 4]
    return run("predict", photo, *quick, *more, "-o", out)


def test_a_prediction_is_a_field_of_the_pictures_size_and_a_picture_of_it(photo, release, tmp_path):
    out = tmp_path / "field.safetensors"
    assert predicted(photo, release, out, "--drag", "0.333,0.5 0.666,0.5") == 0
    field = load_field(out)
    assert (field.size, field.frames) == (Size(43, 64), 4)
    assert field.displacement[1:].std() > 0
    assert Size.of(read_picture(tmp_path / "field.motion.png")) == field.size


def test_every_option_reaches_the_predictor(photo, release, tmp_path, monkeypatch):
    told = {}

    def predict(self, image_latent, positive, negative, **given):
        told.update(given, image_latent=image_latent, positive=positive, negative=negative)
        return MotionField.still(given["size"], frames=len(given["strides"]) + 1)

    monkeypatch.setattr("motion_core.predictor.MotionPredictor.predict", predict)
    options = ["--negative", "a ghost", "--stride", 4, "--strength", 0.5, "--start", 0.1, "--end", 0.7, "--guess-mode"]
    options += ["--sampler", "unipc", "--steps", 7, "--guidance", 3, "--zero-terminal-snr", "--apart", "--chunk", 2]
    options += ["--seed", 5, "--drag", "0.3,0.5 0.6,0.5", "--stamp", 3]
    assert predicted(photo, release, tmp_path / "f.npz", *options) == 0
    assert told["strides"].tolist() == [4, 8, 12]
    assert told["schedule"] == ControlSchedule(0.5, 0.1, 0.7, guess_mode=True)
    assert told["sampling"] == Sampling("unipc", 7, 3.0, together=False, zero_terminal_snr=True)
    assert (told["chunk"], told["size"], told["region"]) == (2, Size(43, 64), None)
    assert told["asked"].known[0].sum() == 36
    parts = find_release(release)
    positive, negative = load_text_encoder(parts.tokenizer, parts.text_encoder)(["the disc rolls", "a ghost"]).split(1)
    assert torch.equal(told["positive"], positive)
    assert torch.equal(told["negative"], negative)
    picture = padded(at_most(read_picture(photo), 64))
    drawn = torch.randn((1, 4, 6, 8), generator=torch.Generator().manual_seed(5))
    vae = load_image_vae(parts.image_vae)
    latent = picture_latent(vae, picture, value_range=PREDICTOR_RANGE, noise=drawn)
    torch.testing.assert_close(told["image_latent"], latent)


def test_a_photo_with_blown_out_whites_is_scaled_down_and_predicted(release, tmp_path):
    Image.fromarray(np.full((90, 130, 3), 255, np.uint8)).save(tmp_path / "white.png")
    assert predicted(tmp_path / "white.png", release, tmp_path / "f.npz") == 0


@pytest.mark.parametrize(
    "error", [MemoryError(), torch.OutOfMemoryError("CUDA"), "DefaultCPUAllocator: can't allocate"]
)
def test_too_little_memory_is_said_with_what_helps(photo, release, tmp_path, capsys, monkeypatch, error):
    def predict(*_, **__):
        raise error if isinstance(error, Exception) else RuntimeError(f"{error} memory: you tried 1 TB")

    monkeypatch.setattr("motion_core.predictor.MotionPredictor.predict", predict)
    given = ["--weights", release, "--prompt", "x", "--longest", 64, "-o", tmp_path / "f.npz"]
    assert "--chunk 4" in refused(capsys, "predict", photo, *given)


def test_the_same_seed_predicts_the_same_and_another_another(photo, release, tmp_path):
    fields = []
    for i, seed in enumerate([1, 1, 2]):
        assert predicted(photo, release, tmp_path / f"{i}.npz", "--seed", seed) == 0
        fields.append(load_field(tmp_path / f"{i}.npz").displacement)
    assert torch.equal(fields[0], fields[1])
    assert not torch.allclose(fields[0], fields[2], atol=0.1)


def test_a_predicted_field_rests_outside_the_brush(photo, release, tmp_path):
    mask = np.zeros((80, 120), np.uint8)
    mask[:, :60] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    assert predicted(photo, release, tmp_path / "f.npz", "--brush", tmp_path / "mask.png") == 0
    moved = load_field(tmp_path / "f.npz").displacement.abs().sum(dim=(0, 1))
    assert moved[:, :31].min() > 0
    assert not moved[:, 33:].any()


def test_frames_between_the_predicted_ones_are_interpolated(photo, release, tmp_path):
    for between in (0, 2):
        assert predicted(photo, release, tmp_path / f"{between}.npz", "--between", between) == 0
    few, many = (load_field(tmp_path / f"{between}.npz").displacement for between in (0, 2))
    assert len(many) == 10
    torch.testing.assert_close(many[::3], few)
    torch.testing.assert_close(many[4], few[1] + (few[2] - few[1]) / 3, atol=1e-4, rtol=1e-4)


def test_converted_weights_predict_the_same(photo, release, tmp_path):
    assert run("convert-weights", release, tmp_path / "single_files") == 0
    for weights, name in ((release, "published"), (tmp_path / "single_files", "converted")):
        assert predicted(photo, weights, tmp_path / f"{name}.npz", "--drag", "0.333,0.5 0.666,0.5") == 0
    one, other = (load_field(tmp_path / f"{name}.npz").displacement for name in ("published", "converted"))
    assert torch.equal(one, other)


def test_without_weights_it_says_what_to_get_and_that_animate_needs_none(photo, release, tmp_path, capsys):
    for weights in ([], ["--weights", tmp_path]):
        assert run("predict", photo, "--prompt", "x", *weights, "-o", tmp_path / "f.npz") == 2
        told = capsys.readouterr().err
        assert "StableDiffusion-FlowGen/unet/diffusion_pytorch_model.bin (5.3 GB)" in told
        assert "controlnet.bin" not in told  # nothing is drawn, so it is not needed
        assert "huggingface.co/wangfuyun/Motion-I2V" in told
        assert "`motion-i2v animate` works without" in told
    assert run("predict", photo, "--prompt", "x", "--pin", "0.5,0.5", "-o", tmp_path / "f.npz") == 2
    assert "controlnet.bin (2.3 GB)" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]


def test_what_cannot_be_predicted_is_refused_before_the_work_and_leaves_nothing(photo, release, tmp_path, capsys):
    quick = ["predict", photo, "--prompt", "x", "--weights", release, "--longest", 64]
    misuses = [
        (["-o", tmp_path / "f.mp4"], "saved as .safetensors or .npz"),
        (["-o", tmp_path / "f.npz", "--picture", tmp_path / "f.xyz"], "f.xyz"),
        (["-o", tmp_path / "none" / "f.npz"], "there is no folder"),
        (["-o", tmp_path / "f.npz", "--frames", 1], "at least one later frame"),
        (["-o", tmp_path / "f.npz", "--frames", 34], "at most 33 frames"),
        (["-o", tmp_path / "f.npz", "--seed", 10**20], "up to 64 bits"),
        (["-o", tmp_path / "f.npz", "--device", "meta"], "cannot be used here"),
        (["-o", tmp_path / "f.npz", "--sampler", "lcm", "--zero-terminal-snr"], "another sampler"),
        (["-o", tmp_path / "f.npz", "--between", -1], "--between"),
        (["-o", tmp_path / "f.npz", "--sampler", "magic"], "A sampler is one of"),
        (["-o", tmp_path / "f.npz", "--steps", 0], "1 … 100 steps"),
        (["-o", tmp_path / "f.npz", "--start", 2], "from a start to an end"),
        (["-o", tmp_path / "f.npz", "--device", "abacus"], "cannot be used here"),
        (["-o", tmp_path / "f.npz", "--chunk", 0], "--chunk is a number"),
        (["-o", tmp_path / "f.npz", "--drag", "0.5,0.5 0.6,0.6", "--stamp", 0], "at least 1 pixel"),
    ]
    for arguments, sentence in misuses:
        assert sentence in refused(capsys, *quick, *arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]
