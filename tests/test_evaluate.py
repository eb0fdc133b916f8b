"""The paper's evaluation, on small pictures, with a CLIP and a release in miniature."""

import csv
import os
import subprocess
import sys
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import evaluate
from benchmarks.evaluate_clips import Case, Drafted, Finished, fitted, read_cases
from benchmarks.evaluate_crew import Crew
from benchmarks.evaluate_table import PUBLISHED, Row, append_row, new_rows, read_rows
from motion_core.clip_scores import ClipModel
from motion_core.errors import MotionError
from motion_core.optical_flow import DisFlow
from motion_core.types import Size
from motion_core.video_file import read_video, write_video
from tests.command_line import run as motion_i2v
from tests.filmed import texture
from tests.published import STAGE2, published_folder
from tests.tiny_clip import clip_folder

pytest.importorskip("cv2", reason="the optical flow of the evaluation needs OpenCV")

ROOT = Path(__file__).parents[1]
SMALL = ["--size", "64x40", "--frames", "4"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return clip_folder(tmp_path_factory.mktemp("clip") / "clip-tiny-patch8")


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return published_folder(tmp_path_factory.mktemp("release"))


@pytest.fixture
def pictures(tmp_path):
    """Three pictures of 64×40 with a prompt each; in the first one something is dragged."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    lines = ["image,prompt,drag"]
    for name, drag in (("red", "0.3,0.5 0.6,0.5"), ("green", ""), ("blue", "")):
        disc(name).save(folder / f"{name}.png")
        lines.append(f'{name}.png,"a cat, {name}","{drag}"')
    (folder / "prompts.csv").write_text("\n".join(lines), "utf-8")
    return folder


def disc(color):
    y, x = np.mgrid[:40, :64]
    pixels = np.full((40, 64, 3), 190, np.uint8)
    pixels[(x - 19) ** 2 + (y - 20) ** 2 < 100] = [230 * (color == each) for each in ("red", "green", "blue")]
    return Image.fromarray(pixels)


def run(pictures, clip, *more):
    given = [pictures, "-o", pictures.parent / "out", "--clip", clip, *more]
    return evaluate.main([str(argument) for argument in given])


def results(pictures, name="draft"):
    with open(pictures.parent / "out" / name / "results.csv", encoding="utf-8") as file:
        return {row["image"].split(".")[0]: row for row in csv.DictReader(file)}


def table(pictures):
    return (pictures.parent / "out" / "table.md").read_text("utf-8")


def filmed(folder, step):
    """A clip of 4 frames of 128×96 whose content moves by `step` px (x, y) a frame, and its line of prompts.csv."""
    ground = texture(height=160, width=200)
    frames = [ground[:, 30 - step[1] * i :, 30 - step[0] * i :][:, :96, :128] for i in range(4)]
    write_video(torch.stack(frames), folder / "clips" / "scene", fps=8)
    (folder / "prompts.csv").write_text("image,prompt\nscene.jpg,a cat\n", "utf-8")
    return folder / "clips"


@pytest.fixture
def films(tmp_path):
    (tmp_path / "pictures" / "clips").mkdir(parents=True)
    return tmp_path / "pictures"


def test_a_still_clip_has_consistency_1_and_displacement_0_and_is_as_near_its_prompt_as_its_picture(films, clip):
    clips = filmed(films, (0, 0))
    assert run(films, clip, "--videos", clips, "--size", "128x96") == 0
    row = results(films, "clips")["scene"]
    assert (float(row["frame_consistency"]), float(row["average_displacement"]), row["frames"]) == (1, 0, "4")
    model, (picture, *_) = ClipModel.load(clip), read_video(clips / "scene")[0]
    near = torch.cosine_similarity(model.images(picture[None])[0], model.text("a cat"), dim=0).item()
    assert float(row["prompt_consistency"]) == pytest.approx(100 * near, abs=1e-3)


def test_displacement_is_the_mean_way_from_the_first_frame_in_pixels_of_the_stated_size(films, clip):
    clips = filmed(films, (3, 4))  # 5 px a frame: 5, 10 and 15 px from the first one
    for name, size in (("small", "128x96"), ("large", "256x192")):
        assert run(films, clip, "--videos", clips, "--size", size, "--name", name) == 0
    small, large = (results(films, name)["scene"] for name in ("small", "large"))
    assert float(small["average_displacement"]) == pytest.approx(10, abs=0.3)
    assert float(small["of_diagonal"]) == pytest.approx(10 / 160, abs=0.002)
    assert float(large["average_displacement"]) == pytest.approx(20, abs=0.6)
    assert float(large["of_diagonal"]) == pytest.approx(10 / 160, abs=0.002)


def test_a_finished_clip_is_fitted_frame_by_frame(films, monkeypatch):
    clips, alive = filmed(films, (3, 4)), []

    def streamed(path):
        for frame in read_video(path)[0]:
            copy = frame.clone()
            alive.append(weakref.ref(copy))
            assert sum(each() is not None for each in alive) <= 2  # the one before, this one
            yield copy
            del copy

    monkeypatch.setattr("benchmarks.evaluate_clips.stream_video", streamed)
    frames = Finished(clips, Size(48, 64))(Case("scene.jpg", "a cat"))
    assert frames.equal(torch.stack([fitted(frame, Size(48, 64)) for frame in read_video(clips / "scene")[0]]))
    assert len(alive) == 4


def test_the_table_has_the_published_rows_beside_the_means_of_ours(pictures, clip):
    assert run(pictures, clip, "--draft", *SMALL) == 0
    assert run(pictures, clip, "--draft", *SMALL, "--flow", "dis-fine", "--name", "fine") == 0
    said = table(pictures)
    assert "| Motion-I2V (published) | 80 | | 34.86 | 0.9871 | 20.06 | |" in said
    assert said.count("(published)") == len(PUBLISHED) == 6
    told = [float(row["prompt_consistency"]) for row in results(pictures).values()]
    assert f"| **draft** | 3 | 4 | {sum(told) / 3:.2f} |" in said
    assert "| **fine** | 3 | 4 |" in said
    assert "**draft** — pictures: pictures; resolution: 64×40; image and text features: CLIP clip-tiny-patch8" in said
    assert "optical flow: DIS medium; frames: 4; clips: draft, no network." in said


def test_what_is_dragged_moves_and_the_rest_stays_still(pictures, clip):
    assert run(pictures, clip, "--draft", *SMALL) == 0
    moved = {name: float(row["average_displacement"]) for name, row in results(pictures).items()}
    assert moved["red"] > 0.3
    assert moved["green"] == moved["blue"] == 0


def test_a_broken_picture_is_a_row_with_an_error_and_is_tried_again(pictures, clip):
    (pictures / "green.png").write_bytes(b"no picture")
    assert run(pictures, clip, "--draft", *SMALL) == 0
    rows = results(pictures)
    assert "green.png is not a picture" in rows["green"]["error"]
    assert rows["green"]["frame_consistency"] == ""
    assert rows["red"]["error"] == rows["blue"]["error"] == ""
    assert "| **draft** | 2 of 3 | 4 |" in table(pictures)
    assert "Not measured: 1 of 3 clips." in table(pictures)
    disc("green").save(pictures / "green.png")
    assert run(pictures, clip, "--draft", *SMALL) == 0
    assert results(pictures)["green"]["error"] == ""
    assert results(pictures)["red"] == rows["red"]
    assert "| **draft** | 3 | 4 |" in table(pictures)


def test_a_stopped_run_goes_on_where_it_was(pictures, clip, monkeypatch):
    made, draft = [], Drafted.__call__

    def until_stopped(self, case):
        made.append(case.name)
        if made == ["red", "green"]:
            raise KeyboardInterrupt
        return draft(self, case)

    monkeypatch.setattr(Drafted, "__call__", until_stopped)
    assert run(pictures, clip, "--draft", *SMALL) == 130
    folder = pictures.parent / "out" / "draft"
    (rows,) = folder.glob("rows-*.csv")
    assert [row.image for row in read_rows(folder)] == ["red.png"]
    with open(rows, "a", encoding="utf-8") as file:
        file.write('green.png,"a cat, gr')  # cut short by a power failure
    kept = rows.read_bytes()
    assert run(pictures, clip, "--draft", *SMALL) == 0
    assert made == ["red", "green", "green", "blue"]
    assert rows.read_bytes() == kept, "it may still be another process' own"
    assert [row.image for row in read_rows(folder)] == ["red.png", "green.png", "blue.png"]
    assert run(pictures, clip, "--draft", *SMALL) == 0
    assert len(made) == 4, "what is finished is not made again"


def test_another_prompt_makes_another_clip(pictures, clip):
    assert run(pictures, clip, "--draft", *SMALL) == 0
    before = results(pictures)
    prompts = pictures / "prompts.csv"
    prompts.write_text(prompts.read_text("utf-8").replace("a cat, blue", "a dog"), "utf-8")
    assert run(pictures, clip, "--draft", *SMALL) == 0
    after = results(pictures)
    assert after["red"] == before["red"]
    assert after["blue"]["prompt"] == "a dog"
    assert after["blue"]["prompt_consistency"] != before["blue"]["prompt_consistency"]
    assert len(after) == 3


def test_a_row_is_on_the_disk_as_soon_as_its_clip_is_finished(pictures, clip, monkeypatch):
    seen, draft = [], Drafted.__call__

    def looked_at(self, case):
        seen.append(len(read_rows(pictures.parent / "out" / "draft")))
        return draft(self, case)

    monkeypatch.setattr(Drafted, "__call__", looked_at)
    assert run(pictures, clip, "--draft", *SMALL) == 0
    assert seen == [0, 1, 2]


def test_a_row_reads_as_it_was_written(tmp_path):
    rows = [
        Row("a.png", 'one, "two"', "0,0 1,1", 31.25, 0.75, 10.5, 0.125, 16, 2.0),
        Row("b.png", "ü", error="wrong\nin two lines"),
    ]
    path = new_rows(tmp_path / "run")
    for row in rows:
        append_row(path, row)
    assert path.read_bytes().count(b"\n") == 3
    assert read_rows(tmp_path / "run") == [rows[0], Row("b.png", "ü", error="wrong in two lines")]


def test_a_row_cut_short_anywhere_does_not_count_and_spoils_no_other(tmp_path):
    whole, torn = Row("a.png", "a cat"), Row("ü.png", "a cat, ü", error="is “broken”")
    path = new_rows(tmp_path)
    append_row(path, whole)
    kept = path.read_bytes()
    for length in range(len(torn.line.encode())):
        path.write_bytes(kept + torn.line.encode()[:length])
        assert read_rows(tmp_path) == [whole]
    for length in range(len(kept) - len(whole.line)):  # within the line that names the columns
        path.write_bytes(kept[:length])
        assert read_rows(tmp_path) == []


def test_no_two_processes_write_one_file_even_of_two_starts_at_once(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda _: new_rows(tmp_path), range(40)))
    assert len(set(paths)) == 40


@pytest.mark.parametrize(
    ("processes", "shares"), [(1, ["abcde"]), (2, ["ace", "bd"]), (3, ["ad", "be", "c"]), (6, [*"abcde", ""])]
)
def test_processes_share_evenly_and_in_order(processes, shares):
    assert [Crew("cpu", index, processes).share("abcde") for index in range(processes)] == [list(s) for s in shares]


def test_a_run_with_other_weights_of_the_optical_flow_is_not_gone_on_with(films, clip, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(evaluate, "estimator_named", lambda *_, **__: DisFlow())  # torchvision need not be there
    given = ["--videos", filmed(films, (0, 0)), "--size", "128x96", "--flow", "raft", "--flow-weights"]
    assert run(films, clip, *given, tmp_path / "things.pth") == 0
    assert "optical flow weights: things.pth" in table(films)
    assert run(films, clip, *given, tmp_path / "sintel.pth") == 2
    assert "optical flow weights was things.pth, is sintel.pth" in capsys.readouterr().err
    assert run(films, clip, *given, tmp_path / "things.pth") == 0


def test_a_run_of_which_nothing_was_measured_may_begin_again_with_other_settings(films, clip):
    clips = filmed(films, (0, 0))
    (clips / "scene").rename(clips / "other")
    assert run(films, clip, "--videos", clips, "--size", "64x48") == 0
    assert "none" in results(films, "clips")["scene"]["error"]
    (clips / "other").rename(clips / "scene")
    assert run(films, clip, "--videos", clips, "--size", "128x96") == 0
    assert results(films, "clips")["scene"]["error"] == ""
    assert "resolution: 128×96" in table(films)


def test_pictures_without_a_prompt_are_named(pictures, clip, caplog):
    for name in ("more.jpg", "again.PNG"):
        disc("red").save(pictures / name)
    assert run(pictures, clip, "--draft", *SMALL) == 0
    assert "left out: again.PNG, more.jpg." in caplog.text
    assert len(results(pictures)) == 3


def test_clips_are_kept_and_can_be_evaluated_again(pictures, clip):
    kept = pictures.parent / "kept"
    assert run(pictures, clip, "--draft", *SMALL, "--keep", kept) == 0
    assert sorted(path.name for path in kept.iterdir()) == ["blue.mp4", "green.mp4", "red.mp4"]
    assert run(pictures, clip, "--videos", kept, "--size", "64x40") == 0
    again, draft = results(pictures, "kept"), results(pictures)
    for name in ("red", "green", "blue"):
        told = float(draft[name]["average_displacement"])
        assert float(again[name]["average_displacement"]) == pytest.approx(told, rel=0.2, abs=0.2)
        assert again[name]["frames"] == "4"


def test_a_picture_covers_the_size_and_keeps_its_middle():
    wide = torch.linspace(0, 1, 100).expand(3, 20, 100)
    assert fitted(wide, Size(20, 20)).shape == (3, 20, 20)
    assert torch.equal(fitted(wide, Size(20, 20)), wide[:, :, 40:60])
    assert fitted(wide, Size(20, 100)) is wide
    torch.testing.assert_close(fitted(wide, Size(40, 40)).mean(), torch.tensor(0.5))


def networks(release):
    return ["--weights", release, "--base", release / STAGE2 / "StableDiffusion", "--steps", 1, "--device", "cpu"]


def two_stages(pictures, release, *more):
    given = [pictures, "-o", "out", "--clip", "none", *networks(release), *SMALL, *more]
    options = evaluate._parser().parse_args([str(argument) for argument in given])
    return evaluate.maker_of(options, pictures, read_cases(pictures))


def test_clips_are_those_of_i2v(pictures, release, tmp_path):
    case = read_cases(pictures)[0]
    asked = ["--prompt", case.prompt, "--drag", case.drag, "--frames", 4, "--seed", 7]
    assert motion_i2v("i2v", pictures / case.image, *networks(release), *asked, "-o", tmp_path / "clip") == 0
    frames = two_stages(pictures, release, "--seed", 7)(case)
    torch.testing.assert_close(frames, read_video(tmp_path / "clip")[0], atol=1 / 255, rtol=0)


def test_ablations_leave_stage_1_out_or_fuse_differently(pictures, release, monkeypatch):
    case, farthest = read_cases(pictures)[1], {}

    def render(self, reference, field, *_, **given):
        farthest[given["fusion"]] = field.displacement.abs().max().item()
        return torch.zeros(1, 4, field.frames, *reference.shape[-2:])

    monkeypatch.setattr("motion_core.renderer.Renderer.render", render)
    two_stages(pictures, release, "--fusion", "addition")(case)
    monkeypatch.setattr("motion_core.release.find_release", None)  # stage 1's weights are not even looked for
    two_stages(pictures, release, "--no-stage-1")(case)
    two_stages(pictures, release, "--fusion", "none")(case)
    assert farthest["addition"] > 0
    assert farthest["attention"] == farthest["none"] == 0


def test_motion_i2v_is_evaluated(pictures, clip, release):
    assert run(pictures, clip, *networks(release), *SMALL) == 0
    rows = results(pictures, "motion-i2v")
    assert [row["error"] for row in rows.values()] == ["", "", ""]
    assert "clips: Motion-I2V; stage 1: runs" in table(pictures)
    assert "negative: the authors' list; weights: release" in table(pictures)


def test_misuse_gets_one_sentence_and_exit_code_2(pictures, clip, release, tmp_path, capsys, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    assert run(pictures, clip, "--draft", *SMALL) == 0
    misuses = [
        ([other, clip, "--draft"], "There is no"),
        ([pictures / "red.png", clip, "--draft"], "There is no"),
        ([pictures, other, "--draft"], "config.json"),
        ([pictures, clip, "--draft", *SMALL, "--flow", "eyes"], "dis, dis-fast, dis-fine or raft; got “eyes”"),
        ([pictures, clip, "--draft", *SMALL, "--flow", "raft"], "a file of its weights"),
        ([pictures, clip, "--draft", "--size", "64x40", "--frames", 5], "frames was 4, is 5"),
        ([pictures, clip, "--draft", "--size", "big", "--name", "x"], "WIDTHxHEIGHT"),
        ([pictures, clip, "--draft", "--frames", 1, "--name", "x"], "at least two frames"),
        ([pictures, clip, "--draft", "--device", "abacus", "--name", "x"], "“abacus” cannot be used"),
        ([pictures, clip, "--draft", "--name", "../x"], "name a folder; got “../x”"),
        ([pictures, clip, "--draft", "--name", ".."], "name a folder"),
        ([pictures, clip, "--draft", *SMALL, "--keep", pictures / "red.png"], "could not be made"),
        ([pictures, clip, "--videos", other / "none"], "There is no folder"),
        ([pictures, clip, "--name", "y"], "are not all here"),
        ([pictures, clip, *networks(release), *SMALL, "--steps", 0, "--name", "z"], "1 … 100 steps"),
    ]
    capsys.readouterr()
    for arguments, sentence in misuses:
        assert run(*arguments) == 2, sentence
        said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("evaluate: ")]
        assert len(said) == 1
        assert sentence in said[0]
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "accelerate", None)
    assert run(pictures, clip, "--draft") == 2
    assert "pip install accelerate" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no line"),
        ("image,prompt\n", "no line"),
        ("picture,text\na.png,a cat", "lacks its image or its prompt"),
        ("image,prompt\na.png,", "Clip 1 of .* lacks its image or its prompt"),
        ("image,prompt\na.png,a cat\nb/c.png,a dog", "Clip 2 .* names “b/c.png”; name a file"),
        ("image,prompt\na.png,a cat\na.jpg,a dog", "Clip 2 .* would be called “a”, as a.png is"),
        ("image,prompt,drag\na.png,a cat,here", "Points are written"),
        ("image,prompt\na.png,a cat, asleep", "Clip 1 .*, a.png, has more values than columns"),
    ],
)
def test_a_line_of_the_prompts_that_is_none_is_named(tmp_path, text, sentence):
    (tmp_path / "prompts.csv").write_text(text, "utf-8")
    with pytest.raises(MotionError, match=sentence):
        read_cases(tmp_path)


def test_prompts_are_read_as_spreadsheets_write_them(tmp_path):
    text = '\ufeffimage,prompt,drag,note\r\na.png,"a cat, asleep\r\nin the sun","0,0 1,1; 0.5,0.5",x\r\n'
    (tmp_path / "prompts.csv").write_bytes(text.encode())
    (case,) = read_cases(tmp_path)
    assert case == Case("a.png", "a cat, asleep in the sun", "0,0 1,1; 0.5,0.5")
    assert [trajectory.is_pin for trajectory in case.trajectories] == [False, True]


@pytest.mark.slow
def test_two_processes_share_the_clips_and_go_on_after_a_kill(pictures, clip):
    pytest.importorskip("accelerate", reason="several processes share the work by accelerate")
    import psutil  # accelerate's own requirement

    lines = ["image,prompt"]
    for number in range(10):
        disc("red").resize((512, 320)).save(pictures / f"{number}.png")
        lines.append(f"{number}.png,a cat")
    (pictures / "prompts.csv").write_text("\n".join(lines), "utf-8")
    folder = pictures.parent / "out" / "draft"
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    command = [*launch, "-m", "benchmarks.evaluate", pictures, "-o", folder.parent, "--clip", clip, "--draft"]
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    quiet = {"cwd": ROOT, "env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}

    with subprocess.Popen(list(map(str, command)), start_new_session=True, **quiet) as first:
        while first.poll() is None and not read_rows(folder):
            time.sleep(0.05)
        launcher = psutil.Process(first.pid)
        for process in [launcher, *launcher.children(recursive=True)]:
            process.kill()
        first.communicate()
    before, earlier = read_rows(folder), set(folder.glob("rows-*.csv"))
    assert 0 < len(before) < 10
    assert not (folder / "results.csv").exists()

    second = subprocess.run(list(map(str, command)), check=False, timeout=170, **quiet)
    assert second.returncode == 0, second.stderr.decode()[-2000:]
    rows = read_rows(folder)
    assert sorted(row.image for row in rows) == [f"{number}.png" for number in range(10)], "each clip once"
    assert set(before) <= set(rows)
    shares = [len(path.read_text("utf-8").splitlines()) - 1 for path in set(folder.glob("rows-*.csv")) - earlier]
    assert len(shares) == 2
    assert min(shares) >= (10 - len(before)) // 2
    assert list(results(pictures)) == [str(number) for number in range(10)]
