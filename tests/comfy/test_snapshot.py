"""The node definitions that the browser tests run on are those of a real server.

After a change of a node, make them again:  WRITE_SNAPSHOT=1 .venv/bin/pytest tests/comfy/test_snapshot.py
"""

import json
import os
import re
from pathlib import Path

import pytest

SNAPSHOT = Path(__file__).parents[1] / "web" / "browser" / "object_info.json"
# Of ComfyUI's own nodes: those of the page's first graph, what stands before and after our editor, and the loaders
# without which 1.27.10 stumbles when it starts.
CORE = [
    "CheckpointLoaderSimple", "CLIPTextEncode", "CreateVideo", "EmptyLatentImage", "GetVideoComponents", "ImageBatch",
    "ImageCrop", "ImageScale", "ImageScaleBy", "ImageScaleToTotalPixels", "KSampler", "LoadImage", "LoadImageMask",
    "LoadVideo", "PreviewAny", "PreviewImage", "PrimitiveStringMultiline", "SaveImage", "SaveVideo", "VAEDecode",
    "ControlNetLoader", "GLIGENLoader", "ImageOnlyCheckpointLoader", "LoraLoader", "LoraLoaderModelOnly",
    "StyleModelLoader", "UNETLoader", "VAELoader",
]  # fmt: skip
# What a node says of itself and the page shows; the rest differs from one ComfyUI to the next.
SAID = [
    "input", "input_order", "output", "output_name", "output_tooltips", "display_name", "description", "category",
    "output_node",
]  # fmt: skip
COMFYUIS = {"sampler_name", "scheduler"}  # inputs whose options are ComfyUI's own list
AGAIN = "the snapshot is stale: WRITE_SNAPSHOT=1 .venv/bin/pytest tests/comfy/test_snapshot.py makes it again"


def without_files(node):
    """A definition without the names of files that happen to lie in the server's folders."""
    node = json.loads(json.dumps(node))
    for inputs in node["input"].values():
        for declared in inputs.values():
            if isinstance(declared, list) and declared[0] == "COMBO":
                declared[1]["options"] = not_files(declared[1]["options"])
            elif isinstance(declared, list) and isinstance(declared[0], list):
                declared[0] = not_files(declared[0])
    return node


def not_files(options):
    return [option for option in options if not re.search(r"\.[a-z0-9]{2,11}$", str(option), re.IGNORECASE)]


def said(node):
    """What must not differ between the server and the snapshot."""
    chosen = {key: json.loads(json.dumps(node[key])) for key in SAID if key in node}
    for inputs in chosen["input"].values():
        for name, declared in inputs.items():
            if name in COMFYUIS:
                declared[1].pop("options")
    return chosen


@pytest.fixture(scope="module")
def definitions(server):
    """The real server's: ours, and the few of ComfyUI's."""
    offered = server.object_info()
    ours = sorted(name for name, node in offered.items() if node["python_module"].endswith(server.pack))
    found = {name: without_files(offered[name]) for name in ours + CORE}
    if os.environ.get("WRITE_SNAPSHOT"):
        nodes = (f"{json.dumps(name)}: {json.dumps(node, ensure_ascii=False)}" for name, node in found.items())
        SNAPSHOT.write_text("{\n" + ",\n".join(nodes) + "\n}\n", "utf-8")
    return found


@pytest.fixture(scope="module")
def snapshot(definitions):
    return json.loads(SNAPSHOT.read_text("utf-8"))


def test_the_browser_tests_know_exactly_the_nodes_there_are(definitions, snapshot):
    assert list(snapshot) == list(definitions), AGAIN


def test_every_node_of_ours_is_in_the_browser_tests_as_on_the_server(definitions, snapshot):
    stale = [
        name for name, node in definitions.items() if name not in CORE and said(snapshot[name]) != said(node)
    ]  # fmt: skip
    assert stale == [], AGAIN


def test_nothing_of_the_machine_that_made_the_snapshot_is_in_it(snapshot):
    files = [
        f"{name}.{key}"
        for name, node in snapshot.items()
        for inputs in node["input"].values()
        for key, declared in inputs.items()
        if isinstance(declared[0], list) and declared[0] != not_files(declared[0])
    ]
    assert files == []


def test_a_changed_input_is_seen(snapshot):
    before = snapshot["MotionI2V_DrawTrajectories"]
    after = json.loads(json.dumps(before))
    after["input"]["required"]["drawing"][1]["default"] = "changed"
    assert said(after) != said(before)
    after = json.loads(json.dumps(before))
    after["output_name"][0] = "changed"
    assert said(after) != said(before)
