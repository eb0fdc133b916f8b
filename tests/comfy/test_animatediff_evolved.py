"""Apply Motion Field on a model that carries AnimateDiff-Evolved's motion module, where that pack is present."""

import importlib
import os
import shutil
import sys
from pathlib import Path

import pytest
import torch

from tests import miniature
from tests.comfy import miniature_nodes
from tests.comfy.test_render import FRAMES, GRID, applied, module, moving, noise, options, sampled  # noqa: F401

SHARED = {"positions": "shared", "betas": "of the checkpoint"}


@pytest.fixture(scope="module")
def evolved(host, tmp_path_factory):
    """The pack, with its channel table shrunk to the miniature's."""
    given = os.environ.get("ANIMATEDIFF_EVOLVED_PATH", "~/ComfyUI/custom_nodes/ComfyUI-AnimateDiff-Evolved")
    path = Path(given).expanduser()
    if not (path / "animatediff").is_dir():
        pytest.skip(f"there is no AnimateDiff-Evolved in {path}; ANIMATEDIFF_EVOLVED_PATH names a checkout")
    copy = tmp_path_factory.mktemp("packs") / "evolved"
    shutil.copytree(path, copy, ignore=shutil.ignore_patterns(".git"))
    source = copy / "animatediff" / "motion_module_ad.py"
    text = source.read_text("utf-8")
    assert "(320, 640, 1280, 1280)" in text
    source.write_text(
        text.replace("(320, 640, 1280, 1280)", str(miniature_nodes.WIDTHS)).replace("= 1280", "= 64"), "utf-8"
    )
    spec = importlib.util.spec_from_file_location(
        "evolved", copy / "__init__.py", submodule_search_locations=[str(copy)]
    )
    package = importlib.util.module_from_spec(spec)
    sys.modules["evolved"] = package
    spec.loader.exec_module(package)
    return lambda name: importlib.import_module(f"evolved.animatediff.{name}")


@pytest.fixture(scope="module")
def carrying(evolved):
    """SD1.5 with the recorded motion module, through the pack's own nodes."""
    import comfy.model_management as management

    weights = {n: w for n, w in miniature.state_dict("stage2_unet").items() if ".motion_modules." in n}
    ad, kinds = evolved("motion_module_ad"), evolved("utils_model").ModelTypeSD
    info = ad.AnimateDiffInfo(kinds.SD1_5, ad.AnimateDiffFormat.ANIMATEDIFF, ad.AnimateDiffVersion.V3, "miniature")
    with torch.inference_mode(False):
        network = ad.AnimateDiffModel(weights, info)
        network.load_state_dict(weights)
    create = evolved("model_injection").create_MotionModelPatcher
    motion = create(network, management.get_torch_device(), management.unet_offload_device())
    nodes = evolved("nodes_gen2")
    (group,) = nodes.ApplyAnimateDiffModelBasicNode().apply_motion_model(motion)
    return nodes.UseEvolvedSamplingNode().use_evolved_sampling(miniature_nodes.model(), "autoselect", m_models=group)[0]


def steered(host, carrying, **given):
    return applied(host, carrying, None, **{**SHARED, **given})


def test_its_module_is_steered_as_ours_is(host, carrying, module):  # noqa: F811
    patched, start = steered(host, carrying)
    ours, _ = applied(host, miniature_nodes.model(), module, positions="shared")
    torch.testing.assert_close(sampled(patched, start, steps=2), sampled(ours, start, steps=2), atol=2e-3, rtol=1e-3)


def test_another_motion_renders_other_frames(host, carrying):
    one, start = steered(host, carrying)
    other, _ = steered(host, carrying, displacement=moving(seed=9))
    assert not torch.allclose(sampled(one, start), sampled(other, start), atol=0.01)


def test_two_motion_modules_are_refused_in_words(host, carrying, module):  # noqa: F811
    patched, start = applied(host, carrying, module, **SHARED)
    with pytest.raises(ValueError, match="already carries a motion module of AnimateDiff-Evolved"):
        sampled(patched, start)


def test_more_frames_than_it_knows_are_refused_in_words(host, carrying):
    patched, start = steered(host, carrying, displacement=moving(20))
    with pytest.raises(ValueError, match="renders 16 frames of a motion field at most, and this one has 20"):
        sampled(patched, start)
