"""Nothing looks up: a file imports from its own floor and below."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = [
    {"types", "errors"},
    {
        "brush", "controls", "composition", "draft", "drawing", "field_file", "flow_color", "kinds", "metrics",
        "optical_flow", "picture_file", "push_pull", "report", "source_video", "tracks", "video_file", "warp",
        "weight_file", "whole_file",
    },
    {"warp_attention", "selective_noising", "sampling", "windows"},
    {"base_model", "checkpoints", "clip_scores", "layout", "lora", "models", "release", "stable_diffusion"},
    {"predictor", "renderer"},
    {"commands", "__main__"},
]  # fmt: skip
LIBRARIES = {
    "torch", "einops", "kornia", "diffusers", "transformers", "safetensors", "numpy", "scipy", "av", "PIL", "tqdm",
}  # fmt: skip
ENGINES = {"optical_flow.py": {"cv2", "torchvision"}}  # extras, imported only when they are asked for


def floor(name):
    return next(number for number, names in enumerate(FLOORS) if name in names)


def sources():
    return [path for path in (ROOT / "motion_core").rglob("*.py") if path != ROOT / "motion_core" / "__init__.py"]


def imports(path):
    """(absolute module, or None) and (name inside motion_core, or None) of every import in a file."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").split(".")[0], None
        elif isinstance(node, ast.ImportFrom):
            inside = (*package[: len(package) - node.level + 1], *(node.module or "").split("."))
            inside = [part for part in inside if part][1:]
            yield from ((None, inside[0] if inside else alias.name) for alias in node.names)


def test_every_file_has_a_floor():
    for path in sources():
        floor(path.relative_to(ROOT / "motion_core").parts[0].removesuffix(".py"))


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_looks_up(path):
    mine = floor(path.relative_to(ROOT / "motion_core").parts[0].removesuffix(".py"))
    for _, inside in imports(path):
        assert inside is None or floor(inside) <= mine, f"{path.name} looks up to {inside}"


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_knows_neither_comfyui_nor_strangers(path):
    known = LIBRARIES | ENGINES.get(path.name, set()) | sys.stdlib_module_names
    for module, _ in imports(path):
        assert module is None or module in known, f"{path.name}: {module}"


def test_the_rule_sees_an_import_that_looks_up(tmp_path, monkeypatch):
    culprit = ROOT / "motion_core" / "controls" / "camera.py"
    monkeypatch.setattr(Path, "read_text", lambda *_: "from ..predictor import Predictor\nimport comfy.utils")
    assert list(imports(culprit)) == [(None, "predictor"), ("comfy", None)]
    assert floor("predictor") > floor("controls")
