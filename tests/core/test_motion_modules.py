"""Motion modules of stage 2 and of AnimateDiff: loaded from published files, put into SD1.5's UNet."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from safetensors.torch import save_file

from motion_core.checkpoints import assembled, load_motion_modules
from motion_core.errors import CheckpointError
from motion_core.renderer import Renderer
from motion_core.sampling import Sampling
from motion_core.types import MotionField, Size
from tests import miniature

WHOLE = miniature.state_dict("stage2_unet")
TEMPORAL = {name: w for name, w in WHOLE.items() if ".motion_modules." in name}
SPATIAL = {name: w for name, w in WHOLE.items() if name not in TEMPORAL}


def version(middle=True, positions=32):
    """The module as AnimateDiff publishes it: v1 and v3 have nothing in the middle, v1 has 24 positions."""
    return {
        name: w[:, :positions].clone() if name.endswith("pos_encoder.pe") else w
        for name, w in TEMPORAL.items()
        if middle or not name.startswith("mid_block.")
    }


VERSIONS = {
    "stage 2 or v2": ({}, 32, True),
    "v1": ({"middle": False, "positions": 24}, 24, False),
    "v3": ({"middle": False}, 32, False),
    "v1 of 16 frames": ({"middle": False, "positions": 16}, 16, False),
}


def saved(path, weights):
    (save_file if path.suffix == ".safetensors" else torch.save)(weights, path)
    return path


def noise(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", ["module.safetensors", "module.ckpt"])
@pytest.mark.parametrize("kind", VERSIONS)
def test_every_version_loads_and_says_what_it_is(tmp_path, kind, name):
    given, positions, middle = VERSIONS[kind]
    modules = load_motion_modules(saved(tmp_path / name, version(**given)))
    assert (modules.config.positions, modules.config.middle_motion) == (positions, middle)
    assert modules.config.block_out_channels == (32, 64, 64, 64)
    loaded = modules.state_dict()
    assert all(torch.equal(loaded[key], w) for key, w in version(**given).items())


def test_a_file_of_parallel_training_and_one_without_position_tables_load(tmp_path):
    parallel = {"state_dict": {f"module.{name}": w for name, w in TEMPORAL.items()}, "epoch": 3}
    bare = {name: w for name, w in TEMPORAL.items() if not name.endswith("pos_encoder.pe")}
    for weights in (parallel, bare):
        loaded = load_motion_modules(saved(tmp_path / "module.ckpt", weights)).state_dict()
        assert all(torch.allclose(loaded[name], w, atol=1e-6) for name, w in TEMPORAL.items())


@pytest.mark.parametrize("kind", VERSIONS)
def test_every_version_renders_by_shared_positions(tmp_path, kind):
    modules = load_motion_modules(saved(tmp_path / "module.safetensors", version(**VERSIONS[kind][0])))
    renderer = Renderer(assembled(SPATIAL, modules))
    assert renderer.window(positions="shared") == modules.config.positions
    field = MotionField(noise(1, 2, 32, 48) * 5 * torch.linspace(0, 1, 4).view(-1, 1, 1, 1))
    still = MotionField.still(Size(32, 48), frames=4)
    texts, quick = (noise(1, 7, 32, seed=2), noise(1, 7, 32, seed=3)), Sampling(steps=2, guidance=2.0)
    moved, rested = (
        renderer.render(
            noise(1, 4, 4, 6), given, *texts, generator=torch.Generator(), positions="shared", sampling=quick
        )
        for given in (field, still)
    )
    assert moved.isfinite().all()
    assert not torch.allclose(moved, rested, atol=0.05)


def test_the_tensors_are_shared_not_copied():
    modules = load_whole()
    unet = assembled(SPATIAL, modules)
    place = "transformer_blocks.0.attention_blocks.0.to_q.weight"
    name = f"down_blocks.0.motion_modules.0.temporal_transformer.{place}"
    assert unet.state_dict()[name].data_ptr() == modules.state_dict()[name].data_ptr()
    assert unet.state_dict()["conv_in.weight"].data_ptr() == SPATIAL["conv_in.weight"].data_ptr()


def load_whole():

    with TemporaryDirectory() as folder:
        return load_motion_modules(saved(Path(folder) / "module.ckpt", TEMPORAL))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda w: w.pop("mid_block.motion_modules.0.temporal_transformer.norm.weight"), "1 missing (mid_block.motion"),
        (lambda w: w.update({"mid_block.extra.weight": torch.zeros(1)}), "1 unexpected (mid_block.extra.weight)"),
        (
            lambda w: w.update({"up_blocks.0.motion_modules.0.temporal_transformer.proj_in.bias": torch.zeros(7)}),
            "1 of another shape (up_blocks.0.motion_modules.0.temporal_transformer.proj_in.bias [7] instead of [64])",
        ),
    ],
)
def test_what_is_missing_too_much_or_misshaped_is_named(tmp_path, change, told):
    weights = dict(TEMPORAL)
    change(weights)
    with pytest.raises(CheckpointError, match=re.escape(told)):
        load_motion_modules(saved(tmp_path / "module.ckpt", weights))


@pytest.mark.parametrize(
    ("weights", "kind"),
    [
        ({n: w for n, w in version(middle=False).items() if not re.match(r"(down|up)_blocks\.3", n)}, "for SDXL"),
        ({"down_blocks.0.temporal_attentions.0.pos_encoder.pe": torch.zeros(1)}, "a HotshotXL module"),
        ({"down_blocks.0.motion_modules.0.transformer_blocks.0.attn1.to_q.weight": torch.zeros(1)}, "diffusers' names"),
        ({"down_blocks.0.motion_modules.0.x.processor.to_q_lora.down.weight": torch.zeros(1)}, "a LoRA"),
        (SPATIAL, "a plain Stable Diffusion 1.5 UNet"),
        ({"model.diffusion_model.x": torch.zeros(1)}, "a full Stable Diffusion 1.5 checkpoint"),
    ],
)
def test_another_kind_of_file_is_recognised(tmp_path, weights, kind):
    with pytest.raises(CheckpointError, match=re.escape(kind)) as refused:
        load_motion_modules(saved(tmp_path / "given.ckpt", weights))
    assert "AnimateDiff v1, v2 or v3 module for SD1.5" in str(refused.value)


def test_a_module_of_another_precision_or_count_of_heads_is_refused():
    with pytest.raises(CheckpointError, match=r"different precisions \(.*Load both with the same dtype"):
        assembled(SPATIAL, load_whole().half())
    with pytest.raises(CheckpointError, match="attention heads"):
        assembled(SPATIAL, load_whole(), heads=4)


def test_a_module_for_another_unet_is_refused():
    narrow = {name: w for name, w in SPATIAL.items() if not re.match(r"(down|up)_blocks\.3", name)}
    with pytest.raises(CheckpointError, match=r"of widths \(32, 64, 64, 64\), and the checkpoint's has \(32, 64, 64\)"):
        assembled(narrow, load_whole())
