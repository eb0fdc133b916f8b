"""Every workflow that is offered runs on a real server, on miniature models under the names that it asks for."""

import json
import re
from itertools import chain
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from motion_core.picture_file import read_picture
from motion_core.types import Size
from motion_core.video_file import timing, write_video
from tests import miniature
from tests.comfy.server import ROOT
from tests.filmed import RACCOON, Film, Layer, moved

FOLDER = ROOT / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.json"))
VALUES = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}  # that a node holds itself, in a widget
NOTES = {"Note", "MarkdownNote"}
VIRTUAL = {"Reroute", "PrimitiveNode", *NOTES}  # that only the page knows
MUTED, BYPASSED = 2, 4  # modes of a node
WEIGHTS = {  # what each of our loaders' files holds
    ("MotionI2V_LoadMotionPredictor", "predictor"): "stage1_unet_controlnet",
    ("MotionI2V_LoadMotionPredictor", "trajectory_controlnet"): "stage1_unet_controlnet",
    ("MotionI2V_LoadFlowVAE", "flow_vae"): "vae_flow",
    ("MotionI2V_LoadMotionModule", "motion_module"): "stage2_unet",
}
FILE = re.compile(r"[^/\\]+\.(safetensors|ckpt|bin|pth?)$")
LARGEST = 128  # pixels of a side, for a test
ODD = 85  # pixels of the other side: what only takes even ones is found
FEWEST = 2  # steps


# From the page's graph to what the server runs.


def prompt_of(workflow, object_info):
    """The prompt that the page makes of a saved workflow: {node id: {"class_type", "inputs"}}.

    AssertionError: the workflow's values are not those of the nodes as they are now, or a node is missing.
    """
    assert not workflow.get("definitions", {}).get("subgraphs"), "subgraphs are not read here"
    nodes = {node["id"]: node for node in workflow["nodes"]}
    links = {link[0]: (link[1], link[2]) for link in workflow["links"]}
    prompt = {}
    for node in nodes.values():
        if node["type"] in VIRTUAL or node.get("mode") in (MUTED, BYPASSED):
            continue
        assert node["type"] in object_info, f"there is no node {node['type']}"
        inputs = widget_values(node, object_info[node["type"]])
        for slot in node.get("inputs", []):
            found = source(slot.get("link"), nodes, links)
            if found is not None:
                inputs[slot["name"]] = found
        prompt[str(node["id"])] = {"class_type": node["type"], "inputs": inputs}
    return prompt


def source(link, nodes, links):
    """[node id, output] that a link comes from, or a primitive's value; None where nothing comes."""
    if link is None:
        return None
    origin, output = links[link]
    node = nodes[origin]
    if node["type"] == "PrimitiveNode":
        return node["widgets_values"][0]
    if node.get("mode") == MUTED:
        return None
    if node["type"] == "Reroute":
        return source(node["inputs"][0]["link"], nodes, links)
    if node.get("mode") == BYPASSED:
        type_ = node["outputs"][output]["type"]
        same = [slot for slot in node.get("inputs", []) if slot["type"] == type_]
        return source(same[0]["link"], nodes, links) if same else None
    return [str(origin), output]


def widget_values(node, schema):
    """{input: value} of what a node holds itself. Saved by position, so their count is checked."""
    names = list(widgets(node, schema))
    saved = node.get("widgets_values") or []
    if isinstance(saved, dict):
        return {name: wrapped(saved[name]) for name in names if name in saved}
    assert len(saved) == len(names), f"{node['type']} holds {names}, and the workflow has {saved}"
    return {name: wrapped(value) for name, value in zip(names, saved, strict=True) if name is not None}


def widgets(node, schema):
    """Of every input with a widget its name, and None for each further widget that the page puts beside it."""
    sockets = {slot["name"] for slot in node.get("inputs", []) if "widget" not in slot}
    converted = {slot["name"] for slot in node.get("inputs", []) if "widget" in slot}
    for kind in ("required", "optional"):
        upload = False
        for name, spec in schema["input"].get(kind, {}).items():
            type_, options = spec[0], spec[1] if len(spec) > 1 else {}
            ours = not isinstance(type_, list) and type_ not in VALUES
            has_widget = name in converted or not ours or "default" in options
            if not has_widget or name in sockets or options.get("forceInput"):
                continue
            yield name
            if options.get("control_after_generate", type_ == "INT" and name in ("seed", "noise_seed")):
                yield None
            upload = upload or any(key.endswith("_upload") and given is True for key, given in options.items())
        if upload:
            yield None


def wrapped(value):
    """As the page sends lists: a bare one would be read as a link."""
    return {"__value__": value} if isinstance(value, list) else value


# Miniatures in place of what a user downloads.


def miniaturised(prompt, base):
    """The same prompt on miniature models and small pictures; their files are put into the server's folders."""
    small = {}
    for name, node in prompt.items():
        kind, inputs = node["class_type"], dict(node["inputs"])
        if kind == "CheckpointLoaderSimple":
            kind, inputs = "MiniSD15", {}
        for key, value in inputs.items():
            role = WEIGHTS.get((kind, key))
            if role is not None and FILE.search(value):
                save_weights(base / "models" / "motion_i2v" / value, role)
            elif kind == "LoadImage" and key == "image":
                save_picture(base / "input" / value)
            elif kind == "LoadVideo" and key == "file":
                save_video(base / "input" / value)
            elif key == "steps":
                inputs[key] = min(value, FEWEST)
            elif key in ("width", "height") and isinstance(value, int):
                inputs[key] = min(value, LARGEST)
        small[name] = {"class_type": kind, "inputs": inputs}
    return small


def save_weights(path, role):
    weights = miniature.state_dict(role)
    if role == "stage2_unet":  # its temporal layers alone are the motion module's file
        weights = {name: tensor for name, tensor in weights.items() if ".motion_modules." in name}
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".safetensors":
        save_file(weights, path)
    else:
        torch.save(weights, path)


def save_picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(ROOT / "tests" / "fixtures" / "raccoon.jpg") as photo:
        photo.resize((LARGEST, ODD)).convert("RGB").save(path)


def save_video(path):
    """Half a second in which a camera pans over the raccoon; LARGEST wide, it is ODD high."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pan = Film("pan", [Layer(read_picture(RACCOON), moved(-8))], frames=5, size=Size(height=80, width=120))
    write_video(iter(pan), path, 10)


# What is proved of each workflow.


def read(path):
    return json.loads(path.read_text("utf-8"))


def written(workflow):
    """What its notes say."""
    return "\n".join(str(node["widgets_values"][0]) for node in workflow["nodes"] if node["type"] in NOTES)


def test_there_are_workflows():
    if not FOLDER.is_dir():
        pytest.skip("there is no folder workflows/ yet")
    assert WORKFLOWS


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs(server, path):
    prompt = prompt_of(read(path), server.object_info())
    if any(node["class_type"] == "MotionI2V_MotionFieldFromVideo" for node in prompt.values()):
        pytest.importorskip("cv2")
    run = server.run(miniaturised(prompt, server.base))
    assert (run.ended, run.message) == ("success", "")
    assert run.outputs
    reports = [run.outputs[name] for name, node in prompt.items() if node["class_type"] == "MotionI2V_MotionReport"]
    assert all("Motion report: " in report["text"][0] for report in reports)


@pytest.mark.parametrize(("name", "fps"), [("video_to_video", 37.5), ("video_to_video_draft", 10)])
def test_a_video_in_another_style_is_as_fast_as_the_video(server, name, fps):
    """Five frames at 10 a second: 0.4 seconds from the first to the last, as are 16 at 37.5."""
    pytest.importorskip("cv2")
    prompt = prompt_of(read(FOLDER / f"{name}.json"), server.object_info())
    run = server.run(miniaturised(prompt, server.base))
    saver = next(key for key, node in prompt.items() if node["class_type"] == "SaveVideo")
    (file,) = run.outputs[saver]["images"]
    assert timing(server.base / "output" / file["subfolder"] / file["filename"]).fps == fps


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_says_which_files_it_needs(path):
    workflow = read(path)
    note = written(workflow)
    assert note
    nodes = [node for node in workflow["nodes"] if node["type"] not in NOTES]
    held = chain.from_iterable(node.get("widgets_values") or [] for node in nodes)
    files = [value for value in held if isinstance(value, str) and FILE.search(value)]
    assert [name for name in files if Path(name).name not in note] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_has_a_picture_of_the_same_name(path):
    with Image.open(path.with_suffix(".jpg")) as picture:
        picture.verify()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_is_offered_by_the_template_browser(server, path):
    assert path.stem in json.loads(server.get("workflow_templates"))[server.pack]


# The reading itself.


def node(id_, type_, values=(), inputs=(), mode=0, outputs=()):
    slots = [{"name": name, "type": kind, "link": link} for name, kind, link in inputs]
    return {
        "id": id_, "type": type_, "mode": mode, "inputs": slots, "widgets_values": list(values),
        "outputs": [{"name": kind, "type": kind} for kind in outputs],
    }  # fmt: skip


SCHEMAS = {
    "CheckpointLoaderSimple": {"input": {"required": {"ckpt_name": [["a.ckpt"], {}]}}},
    "LoadImage": {"input": {"required": {"image": [["a.png"], {"image_upload": True}]}}},
    "VAEEncode": {"input": {"required": {"pixels": ["IMAGE"], "vae": ["VAE"]}}},
    "LatentUpscale": {
        "input": {"required": {"samples": ["LATENT"], "width": ["INT", {"default": 512}], "crop": ["COMBO", {}]}}
    },
    "KSampler": {
        "input": {
            "required": {
                "model": ["MODEL", {"tooltip": "…"}],
                "seed": ["INT", {"default": 0, "control_after_generate": True}],
                "steps": ["INT", {"default": 20}],
                "latent_image": ["LATENT"],
            },
            "optional": {"curve": ["CURVES", {"default": "[]"}], "mask": ["MASK"]},
        }
    },
}
WORKFLOW = {
    "nodes": [
        node(1, "CheckpointLoaderSimple", ["sd15.safetensors"], outputs=["MODEL", "CLIP", "VAE"]),
        node(2, "LoadImage", ["photo.png", "image"], outputs=["IMAGE", "MASK"]),
        node(3, "VAEEncode", inputs=[("pixels", "IMAGE", 10), ("vae", "VAE", 11)], outputs=["LATENT"]),
        node(4, "Reroute", inputs=[("", "*", 12)], outputs=["LATENT"]),
        node(5, "LatentUpscale", [512, "disabled"], [("samples", "LATENT", 13)], BYPASSED, ["LATENT"]),
        node(
            6,
            "KSampler",
            [7, "fixed", 20, "[[0, 1]]"],
            [("model", "MODEL", 14), ("latent_image", "LATENT", 15), ("mask", "MASK", 16)],
            outputs=["LATENT"],
        ),
        node(7, "Note", ["Needs sd15.safetensors."]),
        node(8, "PrimitiveNode", [3, "fixed"]),
        node(9, "LoadImage", ["mask.png", "image"], mode=MUTED, outputs=["IMAGE", "MASK"]),
    ],
    "links": [
        [10, 2, 0, 3, 0, "IMAGE"], [11, 1, 2, 3, 1, "VAE"], [12, 3, 0, 4, 0, "*"], [13, 4, 0, 5, 0, "LATENT"],
        [14, 1, 0, 6, 0, "MODEL"], [15, 5, 0, 6, 1, "LATENT"], [16, 9, 1, 6, 2, "MASK"], [17, 8, 0, 6, 3, "INT"],
    ],
}  # fmt: skip


def test_a_graph_becomes_the_prompt_that_the_page_sends():
    assert prompt_of(WORKFLOW, SCHEMAS) == {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd15.safetensors"}},
        "2": {"class_type": "LoadImage", "inputs": {"image": "photo.png"}},
        "3": {"class_type": "VAEEncode", "inputs": {"pixels": ["2", 0], "vae": ["1", 2]}},
        "6": {
            "class_type": "KSampler",
            "inputs": {"model": ["1", 0], "seed": 7, "steps": 20, "curve": "[[0, 1]]", "latent_image": ["3", 0]},
        },
    }


def test_the_prompt_of_a_graph_of_core_nodes_runs(server):
    graph = {
        "nodes": [
            node(1, "CheckpointLoaderSimple", ["nobody has this.safetensors"], outputs=["MODEL", "CLIP", "VAE"]),
            node(2, "LoadImage", ["graph.png", "image"], outputs=["IMAGE", "MASK"]),
            node(3, "VAEEncode", inputs=[("pixels", "IMAGE", 10), ("vae", "VAE", 11)], outputs=["LATENT"]),
            node(4, "CLIPTextEncode", ["a raccoon"], [("clip", "CLIP", 12)], outputs=["CONDITIONING"]),
            node(
                5,
                "KSampler",
                [7, "fixed", 20, 7.0, "euler", "normal", 1.0],
                [
                    ("model", "MODEL", 13),
                    ("positive", "CONDITIONING", 14),
                    ("negative", "CONDITIONING", 15),
                    ("latent_image", "LATENT", 16),
                ],
                outputs=["LATENT"],
            ),
            node(6, "VAEDecode", inputs=[("samples", "LATENT", 17), ("vae", "VAE", 18)], outputs=["IMAGE"]),
            node(7, "PreviewImage", inputs=[("images", "IMAGE", 19)]),
            node(8, "MarkdownNote", ["# Read me"]),
        ],
        "links": [
            [10, 2, 0, 3, 0, "IMAGE"], [11, 1, 2, 3, 1, "VAE"], [12, 1, 1, 4, 0, "CLIP"], [13, 1, 0, 5, 0, "MODEL"],
            [14, 4, 0, 5, 1, "CONDITIONING"], [15, 4, 0, 5, 2, "CONDITIONING"], [16, 3, 0, 5, 3, "LATENT"],
            [17, 5, 0, 6, 0, "LATENT"], [18, 1, 2, 6, 1, "VAE"], [19, 6, 0, 7, 0, "IMAGE"],
        ],
    }  # fmt: skip
    run = server.run(miniaturised(prompt_of(graph, server.object_info()), server.base))
    assert (run.ended, run.message) == ("success", "")
    (picture,) = run.outputs["7"]["images"]
    with Image.open(server.base / "temp" / picture["filename"]) as image:
        assert max(image.size) == LARGEST


def test_a_primitive_gives_its_value():
    nodes = [dict(each) for each in WORKFLOW["nodes"]]
    steps = {"name": "steps", "type": "INT", "widget": {"name": "steps"}, "link": 17}
    nodes[5]["inputs"] = [*nodes[5]["inputs"], steps]
    assert prompt_of(WORKFLOW | {"nodes": nodes}, SCHEMAS)["6"]["inputs"]["steps"] == 3


def test_a_value_too_few_is_noticed():
    nodes = [dict(each) for each in WORKFLOW["nodes"]]
    nodes[5]["widgets_values"] = [7, "fixed", 20]
    with pytest.raises(AssertionError, match="KSampler holds"):
        prompt_of(WORKFLOW | {"nodes": nodes}, SCHEMAS)


def test_a_node_that_is_gone_is_noticed():
    with pytest.raises(AssertionError, match="there is no node KSampler"):
        prompt_of(WORKFLOW, {name: schema for name, schema in SCHEMAS.items() if name != "KSampler"})


def test_miniatures_lie_under_the_names_that_are_asked_for(tmp_path):
    prompt = {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd15.safetensors"}},
        "2": {"class_type": "MotionI2V_LoadFlowVAE", "inputs": {"flow_vae": "vae_flow.bin"}},
        "3": {"class_type": "KSampler", "inputs": {"steps": 25, "model": ["1", 0]}},
    }
    small = miniaturised(prompt, tmp_path)
    assert small["1"] == {"class_type": "MiniSD15", "inputs": {}}
    assert small["2"] == prompt["2"]
    assert small["3"]["inputs"] == {"steps": FEWEST, "model": ["1", 0]}
    assert (tmp_path / "models" / "motion_i2v" / "vae_flow.bin").stat().st_size > 1000
