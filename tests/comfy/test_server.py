"""The pack on a real server: it loads quietly, describes itself to the last input, and says clearly what is wrong."""

import json
import re
from urllib.parse import quote

import pytest
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import save_file

from tests import miniature
from tests.comfy import miniature_nodes
from tests.comfy.server import PACK, ROOT, Server

KINDS = ("required", "optional")  # of inputs
CANVAS = "MotionI2V_DrawTrajectories.drawing"  # has no tooltip, which the page would show while one draws


def still(width=64, height=64, frames=4, **sampler):
    """A prompt of core nodes: noise → video."""
    wires = {"model": ["sd", 0], "positive": ["text", 0], "negative": ["sd", 4], "latent_image": ["empty", 0]}
    usual = {"seed": 1, "steps": 3, "cfg": 7.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0}
    return {
        "sd": {"class_type": "MiniSD15", "inputs": {}},
        "empty": {
            "class_type": "EmptyLatentImage",
            "inputs": {"width": width, "height": height, "batch_size": frames},
        },
        "text": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["sd", 1], "text": "a raccoon tilts its head"}},
        "sample": {"class_type": "KSampler", "inputs": wires | usual | sampler},
        "decode": {"class_type": "VAEDecode", "inputs": {"samples": ["sample", 0], "vae": ["sd", 2]}},
        "video": {"class_type": "CreateVideo", "inputs": {"images": ["decode", 0], "fps": 8.0}},
        "save": {
            "class_type": "SaveVideo",
            "inputs": {"video": ["video", 0], "filename_prefix": "still", "format": "mp4", "codec": "h264"},
        },
    }


def ask_for(node, **inputs):
    """A prompt that computes one node."""
    return {
        "asked": {"class_type": f"MotionI2V_{node}", "inputs": inputs},
        "shown": {"class_type": "PreviewAny", "inputs": {"source": ["asked", 0]}},
    }


@pytest.fixture(scope="module")
def ours(server):
    """The pack's nodes, as the page knows them."""
    found = {name: node for name, node in server.object_info().items() if node["python_module"].endswith(server.pack)}
    assert found
    return found


def said_of_us(server):
    """Lines about the pack while the server started."""
    names = ("motion-i2v", "motion_i2v", "motioni2v", server.pack.lower(), "motion_core")
    return [line for line in server.start_log.splitlines() if any(name in line.lower() for name in names)]


def only_how_long_it_took(lines, pack):
    """Whether they are ComfyUI's table of import times, and nothing else. It may log everything twice."""
    pattern = rf"(INFO:root:)?\s*[0-9.]+ seconds: .*/{re.escape(pack)}"
    return lines != [] and all(re.fullmatch(pattern, line) for line in lines)


def test_the_pack_loads_without_a_word(server, ours):
    assert only_how_long_it_took(said_of_us(server), server.pack)


def test_the_folder_may_have_another_name(comfyui_path, tmp_path):
    with Server(comfyui_path, tmp_path / "base", pack="Motion-I2V_(1.0)") as server:
        assert only_how_long_it_took(said_of_us(server), server.pack)
        loaded = {node["python_module"] for name, node in server.object_info().items() if name.startswith("MotionI2V_")}
        assert loaded == {f"custom_nodes.{server.pack}"}
        scripts = [path for path in json.loads(server.get("extensions")) if quote(server.pack) in path]
        assert len(scripts) == len(list((ROOT / "web").rglob("*.js")))
        for path in scripts:
            assert server.get(path.lstrip("/"))


def test_the_table_of_contents_is_what_the_page_offers(host, ours):
    listed = [node.GET_SCHEMA().node_id for node in host.module("nodes").NODES]
    assert list(ours) == listed


def test_every_node_bears_our_name_and_stands_in_our_menu(ours):
    assert [name for name in ours if not name.startswith("MotionI2V_")] == []
    assert [name for name, node in ours.items() if not node["category"].startswith("Motion-I2V/")] == []
    titles = [node["display_name"] for node in ours.values()]
    assert [title for title in titles if "_" in title or titles.count(title) > 1] == []


def test_every_node_is_described(ours):
    assert [name for name, node in ours.items() if not node["description"].strip()] == []


def test_every_input_but_the_canvas_has_a_tooltip(ours):
    silent = [
        f"{name}.{key}"
        for name, node in ours.items()
        for kind in KINDS
        for key, (_, options) in node["input"].get(kind, {}).items()
        if not options.get("tooltip")
    ]
    assert silent == [CANVAS]


def test_the_canvas_is_one_value_without_a_socket_or_a_field_of_text(ours):
    canvases = {
        f"{name}.{key}": (type_, options)
        for name, node in ours.items()
        for kind in KINDS
        for key, (type_, options) in node["input"].get(kind, {}).items()
        if "widgetType" in options
    }
    assert list(canvases) == [CANVAS]
    type_, options = canvases[CANVAS]
    assert (type_, options["widgetType"]) == ("STRING", "MOTION_I2V_DRAWING")
    assert (options["socketless"], options["default"]) == (True, "")
    assert not options.get("multiline")


def test_every_output_has_a_tooltip(ours):
    silent = [
        f"{name}.{output}"
        for name, node in ours.items()
        for output, tooltip in zip(node["output_name"], node["output_tooltips"], strict=True)
        if not tooltip
    ]
    assert silent == []


def test_every_number_has_a_range_that_holds_its_default(ours):
    for name, node in ours.items():
        for kind in KINDS:
            for key, (type_, options) in node["input"].get(kind, {}).items():
                if type_ in ("INT", "FLOAT"):
                    assert options["min"] <= options["default"] <= options["max"], f"{name}.{key}"


def test_every_node_has_a_help_page_that_is_served(server, ours):
    absent = [name for name in ours if not (ROOT / "web" / "docs" / f"{name}.md").is_file()]
    assert absent == []
    for name in ours:
        page = server.get(f"extensions/{PACK}/docs/{name}.md")
        assert page == (ROOT / "web" / "docs" / f"{name}.md").read_bytes()


def test_no_help_page_is_left_of_a_node_that_is_gone(ours):
    assert [path.stem for path in (ROOT / "web" / "docs").glob("*.md") if path.stem not in ours] == []


def test_the_web_folder_is_served(server):
    offered = {path for path in json.loads(server.get("extensions")) if path.startswith(f"/extensions/{PACK}/")}
    scripts = {path.relative_to(ROOT / "web").as_posix() for path in (ROOT / "web").rglob("*.js")}
    assert offered == {f"/extensions/{PACK}/{name}" for name in scripts}
    for name in scripts:
        assert server.get(f"extensions/{PACK}/{name}") == (ROOT / "web" / name).read_bytes()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_node_speaks(server, ours, language):
    served = json.loads(server.get("i18n"))[language]["nodeDefs"]
    assert sorted(set(ours) ^ set(served)) == []
    for name, node in ours.items():
        said = served[name]
        inputs = [key for kind in KINDS for key in node["input"].get(kind, {})]
        assert said["display_name"], name
        assert said["description"], name
        assert list(said["inputs"]) == inputs, name
        assert list(said["outputs"]) == [str(index) for index in range(len(node["output"]))], name
        canvas = {
            key for kind in KINDS for key, (_, told) in node["input"].get(kind, {}).items() if "widgetType" in told
        }
        for key, part in [*said["inputs"].items(), *said["outputs"].items()]:
            assert part["name"], name
            assert ("tooltip" in part) == (key not in canvas), name
            assert part.get("tooltip") != "", name


def test_english_is_what_the_nodes_say(ours):
    written = json.loads((ROOT / "locales" / "en" / "nodeDefs.json").read_text("utf-8"))
    for name, node in ours.items():
        assert written[name]["display_name"] == node["display_name"]
        assert written[name]["description"] == node["description"]
        for kind in KINDS:
            for key, (_, options) in node["input"].get(kind, {}).items():
                assert written[name]["inputs"][key].get("tooltip") == options.get("tooltip"), f"{name}.{key}"


def test_the_miniature_is_the_recorded_stage_2_without_time(host):
    weights = {name: t for name, t in miniature.state_dict("stage2_unet").items() if ".motion_modules." not in name}
    reference = UNet2DConditionModel(
        block_out_channels=miniature_nodes.WIDTHS,
        cross_attention_dim=miniature_nodes.TEXT_WIDTH,
        attention_head_dim=miniature_nodes.HEADS,
    ).eval()
    reference.load_state_dict(weights)
    unet = miniature_nodes.model().model.diffusion_model
    latents = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    times, text = torch.tensor([10.0, 500.0]), miniature_nodes.conditioning(1)[0][0].repeat(2, 1, 1)
    with torch.inference_mode():
        torch.testing.assert_close(unet(latents, times, text), reference(latents, times, text).sample)


def test_a_whole_workflow_of_core_nodes_runs_on_the_miniature(server):
    run = server.run(still(seed=2))
    assert (run.ended, run.message) == ("success", "")
    assert [step for node, step, _ in run.progress if node == "sample"] == [1, 2, 3]
    assert len(run.previews) == 3
    (video,) = run.outputs["save"]["images"]
    assert (server.base / "output" / video["filename"]).stat().st_size > 0


def test_what_has_not_changed_is_not_computed_again(server):
    server.run(still(seed=3))
    again = server.run(still(seed=3, cfg=2.0))
    assert sorted(again.executed) == ["decode", "sample", "save", "video"]


def test_an_interrupt_ends_a_prompt_and_the_next_one_runs(server):
    stopped = server.run(still(seed=4, steps=500), on_progress=server.interrupt)
    assert stopped.ended == "interrupted"
    assert len(stopped.progress) < 100
    assert server.run(still(seed=5)).ended == "success"


def test_a_choice_that_is_not_offered_is_refused_before_anything_runs(server):
    run = server.run(ask_for("LoadFlowVAE", flow_vae="nobody has this.bin"))
    assert run.ended == "refused"
    assert "flow_vae: 'nobody has this.bin' not in" in run.message


def test_a_file_of_something_else_is_told_in_our_words(server):
    folder = server.base / "models" / "motion_i2v"
    folder.mkdir(parents=True, exist_ok=True)
    save_file({"a.weight": torch.zeros(2, 2)}, folder / "not a flow vae.safetensors")
    run = server.run(ask_for("LoadFlowVAE", flow_vae="not a flow vae.safetensors"))
    assert run.ended == "error"
    assert "not a flow vae.safetensors" in run.message
