import errno
import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from motion_core.checkpoints import load_image_vae, load_motion_predictor, load_motion_vae, load_trajectory_controlnet
from motion_core.errors import CheckpointError, MotionError
from motion_core.release import PARTS, convert, find_release
from motion_core.stable_diffusion import load_text_encoder
from tests import miniature
from tests.published import (
    STAGE1,
    STAGE2,
    motion_module_weights,
    published_folder,
    text_encoder_folder,
    text_encoder_weights,
)

LAYOUTS = Path(__file__).parents[1] / "fixtures" / "layouts"
NETWORKS = {name: part.converted for name, part in PARTS.items() if name != "tokenizer"}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return published_folder(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def converted(published, tmp_path_factory):
    folder = tmp_path_factory.mktemp("converted")
    convert(published, folder)
    return folder


@pytest.fixture
def spoiled(published, tmp_path):
    """A release to take things from: links, so it costs nothing."""
    shutil.copytree(published, tmp_path / "release", copy_function=os.link)
    return tmp_path / "release"


def replace(path, weights):
    path.unlink()
    torch.save(weights, path)


def missing(folder, **needs):
    """The paths that the refusal lists, in its order."""
    with pytest.raises(CheckpointError) as told:
        find_release(folder, **needs)
    return re.findall(r"^  (\S+) \(", str(told.value), flags=re.MULTILINE)


def metadata(path):
    with safe_open(path, framework="pt") as file:
        return file.metadata()


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_published_release_is_found(published):
    release = find_release(published, control=True, motion_module=True)
    assert release.motion_predictor == published / STAGE1 / "unet" / "diffusion_pytorch_model.bin"
    assert release.trajectory_controlnet == published / STAGE1 / "controlnet" / "controlnet.bin"
    assert release.flow_vae == published / STAGE1 / "vae_flow" / "diffusion_pytorch_model.bin"
    assert release.image_vae == published / STAGE2 / "StableDiffusion" / "vae" / "diffusion_pytorch_model.bin"
    assert release.text_encoder == published / STAGE1 / "text_encoder" / "pytorch_model.bin"
    assert release.tokenizer == published / STAGE1 / "tokenizer"
    assert release.motion_module == published / STAGE2 / "Motion_Module" / "motion_block.bin"


@pytest.mark.parametrize("inside", ["models", "models/stage1", "models/stage2", STAGE1, f"{STAGE1}/unet"])
def test_a_folder_inside_the_release_will_do(published, inside):
    assert find_release(published / inside) == find_release(published)


def test_the_folder_of_the_stages_may_have_another_name(spoiled):
    (spoiled / "models").rename(spoiled / "weights")
    assert (
        find_release(spoiled / "weights").tokenizer == spoiled / "weights" / "stage1/StableDiffusion-FlowGen/tokenizer"
    )


def test_the_folder_we_are_in_will_do(published, monkeypatch):
    monkeypatch.chdir(published / "models")
    assert find_release(".") == find_release(published)


def test_without_a_folder_every_needed_file_is_named(published, monkeypatch):
    monkeypatch.chdir(published / STAGE1 / "tokenizer")  # what lies where we are is not looked at
    needed = [
        f"{STAGE1}/unet/diffusion_pytorch_model.bin",
        f"{STAGE1}/vae_flow/diffusion_pytorch_model.bin",
        f"{STAGE2}/StableDiffusion/vae/diffusion_pytorch_model.bin",
        f"{STAGE1}/text_encoder/pytorch_model.bin",
        f"{STAGE1}/text_encoder/config.json",
        f"{STAGE1}/tokenizer/vocab.json",
        f"{STAGE1}/tokenizer/merges.txt",
    ]
    assert missing(None) == needed
    controlled = missing(None, control=True, motion_module=True)
    assert set(controlled) - set(needed) == {
        f"{STAGE1}/controlnet/controlnet.bin",
        f"{STAGE2}/Motion_Module/motion_block.bin",
    }


def test_a_folder_that_does_not_exist_lacks_everything(tmp_path):
    assert missing(tmp_path / "nowhere") == missing(None) == missing(tmp_path)


def test_what_is_missing_is_told_with_its_size_its_page_and_what_works_without():
    with pytest.raises(CheckpointError) as told:
        find_release(None, control=True, motion_module=True)
    message = str(told.value)
    sizes = dict(re.findall(r"^  models/(\S+) \((.*)\)$", message, flags=re.MULTILINE))
    assert list(sizes.values()) == [
        "5.3 GB", "2.3 GB", "335 MB", "335 MB", "492 MB", "617 bytes", "1.1 MB", "525 kB", "1.8 GB",
    ]  # fmt: skip
    assert "https://huggingface.co/wangfuyun/Motion-I2V" in message
    assert "Nothing is downloaded" in message
    assert "`motion-i2v animate` works without" in message


def test_the_told_sizes_are_those_of_the_published_layouts():
    layouts = {}
    for name in ("stage1", "flow_vae"):
        shapes = json.loads((LAYOUTS / f"{name}.json").read_text("utf-8"))
        layouts |= {f"{name}.{key}": math.prod(shape) for key, shape in shapes.items()}

    def bytes_of(*starts, without=("nothing",), part=""):
        return 4 * sum(
            count
            for key, count in layouts.items()
            if key.startswith(starts) and not key.startswith(without) and part in key
        )

    told = {name: next(iter(part.files.values())) for name, part in PARTS.items()}
    assert told["motion_predictor"] == bytes_of("stage1.", without=("stage1.controlnet.",))
    assert told["trajectory_controlnet"] == bytes_of("stage1.controlnet.")
    assert told["flow_vae"] == bytes_of("flow_vae.")
    assert told["motion_module"] == bytes_of("stage1.", without=("stage1.controlnet.",), part="motion_modules.")


def test_only_what_is_missing_is_named(spoiled):
    (spoiled / STAGE1 / "controlnet" / "controlnet.bin").unlink()
    assert find_release(spoiled).trajectory_controlnet is None
    assert missing(spoiled, control=True) == [f"{STAGE1}/controlnet/controlnet.bin"]
    (spoiled / STAGE1 / "text_encoder" / "config.json").unlink()
    assert missing(spoiled) == [f"{STAGE1}/text_encoder/config.json"]
    shutil.rmtree(spoiled / STAGE2)
    assert missing(spoiled) == [
        f"{STAGE2}/StableDiffusion/vae/diffusion_pytorch_model.bin",
        f"{STAGE1}/text_encoder/config.json",
    ]


def test_a_folder_that_is_closed_is_told_in_a_sentence(published, monkeypatch):
    def closed(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "is_file", closed)
    with pytest.raises(CheckpointError, match="cannot be looked through: Permission denied"):
        find_release(published)


def test_a_pointer_of_git_lfs_is_not_taken_for_weights(spoiled):
    path = spoiled / STAGE1 / "unet" / "diffusion_pytorch_model.bin"
    path.unlink()
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 5264131234\n")
    with pytest.raises(CheckpointError, match=r"unet/diffusion_pytorch_model.bin \(5.3 GB; .*git lfs pull"):
        find_release(spoiled)


def test_a_converted_folder_is_a_release(converted):
    release = find_release(converted, control=True, motion_module=True)
    for name, file in NETWORKS.items():
        assert getattr(release, name) == converted / file
    assert release.tokenizer == converted / "tokenizer"


def test_a_converted_folder_alone_serves_stage_1(published, converted):
    ours, theirs = find_release(converted, control=True), find_release(published, control=True)
    for load, name in (
        (load_motion_predictor, "motion_predictor"),
        (load_trajectory_controlnet, "trajectory_controlnet"),
        (load_motion_vae, "flow_vae"),
        (load_image_vae, "image_vae"),
    ):
        again, before = load(getattr(ours, name)).state_dict(), load(getattr(theirs, name)).state_dict()
        assert again.keys() == before.keys()
        assert all(torch.equal(again[key], before[key]) for key in before)
    again = load_text_encoder(ours.tokenizer, ours.text_encoder)
    assert torch.equal(again(["the cat"]), load_text_encoder(theirs.tokenizer, theirs.text_encoder)(["the cat"]))


def test_converted_files_hold_every_published_number_under_todays_names(converted):
    stage1 = miniature.state_dict("stage1_unet_controlnet")
    controlnet = {name.removeprefix("controlnet."): w for name, w in stage1.items() if name.startswith("controlnet.")}
    text = text_encoder_weights()
    del text["text_model.embeddings.position_ids"]
    for name, weights in {
        "motion_predictor": {name: w for name, w in stage1.items() if not name.startswith("controlnet.")},
        "trajectory_controlnet": controlnet,
        "motion_module": motion_module_weights(),
        "text_encoder": text,
    }.items():
        file = load_file(converted / NETWORKS[name])
        assert file.keys() == weights.keys()
        assert all(torch.equal(file[key], weights[key]) for key in weights)
    attention = "encoder.mid_block.attentions.0"
    for name, role in (("flow_vae", "vae_flow"), ("image_vae", "vae_img")):
        file, weights = load_file(converted / NETWORKS[name]), miniature.state_dict(role)
        assert len(file) == len(weights)
        for today, old in (("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn")):
            assert torch.equal(file[f"{attention}.{today}.weight"], weights[f"{attention}.{old}.weight"])


def test_a_converted_file_says_what_it_is(published, converted):
    source = published / STAGE1 / "unet" / "diffusion_pytorch_model.bin"
    told = metadata(converted / "motion_predictor.safetensors")
    assert told["modelspec.sai_model_spec"] == "1.0.0"
    assert told["modelspec.architecture"] == "motion-i2v-motion-predictor"
    assert told["modelspec.title"] == "Motion-I2V: motion predictor (stage 1 UNet)"
    assert told["modelspec.license"].startswith("not stated by the authors; see https://huggingface.co/")
    assert told["motion_i2v.kind"] == "motion_predictor"
    assert told["motion_i2v.heads"] == "8"
    assert told["motion_i2v.source"].endswith(f": {STAGE1}/unet/diffusion_pytorch_model.bin")
    assert told["motion_i2v.source_sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()


def test_a_head_count_beside_the_published_file_is_kept(spoiled, tmp_path):
    config = spoiled / STAGE1 / "unet" / "config.json"
    told = json.loads(config.read_text())
    config.unlink()
    config.write_text(json.dumps(told | {"attention_head_dim": 4}))
    convert(spoiled, tmp_path / "out")
    assert load_motion_predictor(tmp_path / "out" / "motion_predictor.safetensors").config.heads == 4


@pytest.mark.parametrize("file", NETWORKS.values())
def test_the_hash_is_that_of_the_numbers(converted, file):
    whole = (converted / file).read_bytes()
    start = 8 + int.from_bytes(whole[:8], "little")
    assert metadata(converted / file)["modelspec.hash_sha256"] == f"0x{hashlib.sha256(whole[start:]).hexdigest()}"


@pytest.mark.parametrize("file", NETWORKS.values())
def test_tensors_lie_where_torch_would_put_them(converted, file):
    """On a CPU, the same numbers at other addresses can give other results."""
    whole = (converted / file).read_bytes()
    start = 8 + int.from_bytes(whole[:8], "little")
    places = {name: entry["data_offsets"] for name, entry in json.loads(whole[8:start]).items() if "dtype" in entry}
    assert len(places) == len(load_file(converted / file))
    assert all((start + begin) % 64 == 0 for begin, end in places.values() if (end - begin) % 64 == 0)
    assert all((start + begin) % 4 == 0 for begin, _ in places.values())


def test_converting_again_gives_the_same_bytes(published, converted, tmp_path):
    (tmp_path / "motion_predictor.safetensors").write_text("an old one")
    written = convert(published, tmp_path)
    assert written == [*(tmp_path / file for file in NETWORKS.values()), tmp_path / "tokenizer"]
    convert(published, tmp_path)
    assert contents(tmp_path) == contents(converted)


def test_half_precision_halves_the_files(published, converted, tmp_path):
    convert(published, tmp_path, dtype=torch.float16)
    for file in NETWORKS.values():
        half, full = load_file(tmp_path / file), load_file(converted / file)
        assert all(half[key].dtype == torch.float16 and torch.equal(half[key], full[key].half()) for key in full)
        assert (tmp_path / file).stat().st_size < 0.6 * (converted / file).stat().st_size


def test_numbers_that_half_precision_cannot_hold_are_refused(spoiled, tmp_path):
    path = spoiled / STAGE1 / "text_encoder" / "pytorch_model.bin"
    weights = text_encoder_weights()
    weights["text_model.final_layer_norm.bias"][3] = 1e5
    replace(path, weights)
    with pytest.raises(CheckpointError, match=r"final_layer_norm.bias has numbers that do not fit into torch.float16"):
        convert(spoiled, tmp_path / "out", dtype=torch.float16)
    assert not (tmp_path / "out" / "text_encoder.safetensors").exists()


def test_what_is_not_there_and_not_needed_is_left_out(spoiled, tmp_path):
    (spoiled / STAGE1 / "controlnet" / "controlnet.bin").unlink()
    (spoiled / STAGE2 / "Motion_Module" / "motion_block.bin").unlink()
    convert(spoiled, tmp_path / "out")
    assert set(NETWORKS.values()) - set(os.listdir(tmp_path / "out")) == {
        "trajectory_controlnet.safetensors",
        "motion_module.safetensors",
    }


def test_an_incomplete_release_is_not_converted(spoiled, tmp_path):
    shutil.rmtree(spoiled / STAGE1 / "vae_flow")
    with pytest.raises(CheckpointError, match="vae_flow"):
        convert(spoiled, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_converted_folder_is_not_converted_again(converted, tmp_path):
    with pytest.raises(CheckpointError, match="authors' page"):
        convert(converted, tmp_path / "out")


def drop_one(weights):
    weights.pop(sorted(weights)[0])
    return weights


@pytest.mark.parametrize(
    "path",
    [
        f"{STAGE1}/unet/diffusion_pytorch_model.bin",
        f"{STAGE1}/controlnet/controlnet.bin",
        f"{STAGE1}/vae_flow/diffusion_pytorch_model.bin",
        f"{STAGE2}/StableDiffusion/vae/diffusion_pytorch_model.bin",
        f"{STAGE1}/text_encoder/pytorch_model.bin",
        f"{STAGE2}/Motion_Module/motion_block.bin",
    ],
)
def test_a_network_with_a_tensor_missing_is_refused_before_anything_is_written(spoiled, tmp_path, path):
    replace(spoiled / path, drop_one(torch.load(spoiled / path, weights_only=True)))
    with pytest.raises(CheckpointError):
        convert(spoiled, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_of_another_kind_is_refused(spoiled, tmp_path):
    path = spoiled / STAGE2 / "Motion_Module" / "motion_block.bin"
    replace(path, miniature.state_dict("vae_flow"))
    with pytest.raises(CheckpointError):
        convert(spoiled, tmp_path / "out")


def test_progress_runs_to_the_end_of_every_file(published, tmp_path):
    seen = {}
    convert(published, tmp_path, progress=lambda name, done, total: seen.setdefault(name, []).append((done, total)))
    assert list(seen) == list(NETWORKS.values())
    for steps in seen.values():
        assert [done for done, _ in steps] == sorted({done for done, _ in steps})
        assert steps[-1][0] == steps[-1][1]


def test_who_stops_half_way_finds_whole_files_only(published, converted, tmp_path):
    (tmp_path / "image_vae.safetensors").write_text("an old one")

    def stop(name, done, total):
        if name == "image_vae.safetensors" and done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(published, tmp_path, progress=stop)
    left = contents(tmp_path)
    assert left.pop("image_vae.safetensors") == b"an old one"
    assert left.items() < contents(converted).items()


def test_a_full_disk_is_told_in_a_sentence(published, tmp_path):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(MotionError, match="no space left on the disk"):
        convert(published, tmp_path, progress=full)
    assert contents(tmp_path) == {}


def test_an_output_that_cannot_be_a_folder_is_refused(published, tmp_path):
    (tmp_path / "file").write_text("")
    for output in (tmp_path / "file", tmp_path / "no" / "such"):
        with pytest.raises(MotionError, match="cannot be made"):
            convert(published, output)


def test_other_things_in_a_folder_called_tokenizer_are_kept(published, tmp_path):
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "tokenizer" / "mine.txt").write_text("mine")
    with pytest.raises(MotionError, match="holds other things"):
        convert(published, tmp_path)
    assert (tmp_path / "tokenizer" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("dtype", [torch.int8, torch.float64, "float16"])
def test_only_float_precisions_are_written(published, tmp_path, dtype):
    with pytest.raises(MotionError, match="float16 or bfloat16"):
        convert(published, tmp_path, dtype=dtype)


MEASURED = """
import sys
from pathlib import Path
import torch
from motion_core.release import convert

for dtype in (None, torch.float16):
    held = []

    def look(name, done, total):
        if name == "text_encoder.safetensors":
            status = Path("/proc/self/status").read_text()
            held.append(int(status.partition("RssAnon:")[2].split()[0]) * 1024)

    convert(sys.argv[1], sys.argv[2], dtype=dtype, progress=look)
    print(max(held) - held[0])
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux alone tells what memory is held")
def test_no_more_than_a_few_tensors_are_in_memory_at_once(spoiled, tmp_path):
    folder = spoiled / STAGE1 / "text_encoder"
    for file in folder.iterdir():
        file.unlink()
    text_encoder_folder(folder, width=512, layers=24)
    size = (folder / "pytorch_model.bin").stat().st_size
    assert size > 200e6
    child = [sys.executable, "-c", MEASURED, spoiled, tmp_path / "out"]
    told = subprocess.run(child, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    as_published, halved = map(int, told.stdout.split())
    assert as_published < size / 10
    assert halved < size / 10
