"""A real ComfyUI on the CPU, with this pack in it; where there is none, what needs it is skipped."""

import asyncio
import importlib.util
import os
import sys
import warnings
from pathlib import Path

import pytest

from tests.comfy.server import server  # noqa: F401  a fixture

ROOT = Path(__file__).parents[2]
NEEDED = [
    "torchvision", "torchsde", "aiohttp", "alembic", "sqlalchemy", "pydantic_settings", "comfy_aimdo", "sentencepiece",
    "comfyui_frontend_package",
]  # fmt: skip


def comfyui() -> Path:
    """The checkout, or a skip that says what is missing."""
    path = Path(os.environ.get("COMFYUI_PATH", "~/ComfyUI")).expanduser()
    if not (path / "comfy").is_dir():
        pytest.skip(f"there is no ComfyUI in {path}; COMFYUI_PATH names a checkout")
    absent = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if absent:
        pytest.skip(f"ComfyUI needs {', '.join(absent)}: make .venv/comfy installs them")
    return path


def pytest_collection_modifyitems(items):
    """ComfyUI's warnings are not ours to make errors."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("default"))


class Host:
    """ComfyUI in this process, with a base folder of its own and the pack loaded by ComfyUI's own loader."""

    def __init__(self, path: Path, base: Path) -> None:
        sys.path.insert(0, str(path))
        from comfy.cli_args import args

        args.cpu, args.base_directory = True, str(base)
        args.use_pytorch_cross_attention = True
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # ComfyUI's own
            import nodes

        self.base = base
        self.nodes = nodes.NODE_CLASS_MAPPINGS
        assert asyncio.run(nodes.load_custom_node(str(ROOT)))
        self.package = str(ROOT).replace(".", "_x_")

    def module(self, name: str):
        """A module of the pack as ComfyUI imported it: "nodes.models", "motion_core.types" …"""
        return importlib.import_module(f"{self.package}.{name}")

    def run(self, node: str, **inputs):
        """A node's outputs, computed as ComfyUI does: under inference_mode."""
        import torch

        with torch.inference_mode():
            output = self.nodes[f"MotionI2V_{node}"].execute(**inputs)
        return output.args if len(output.args) != 1 else output.args[0]


@pytest.fixture(scope="session")
def comfyui_path() -> Path:
    return comfyui()


@pytest.fixture(scope="session")
def host(comfyui_path, tmp_path_factory) -> Host:
    return Host(comfyui_path, tmp_path_factory.mktemp("comfyui"))
