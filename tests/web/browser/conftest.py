"""ComfyUI's real frontends in a real browser. What is not installed is skipped, and the skip says what to install.

MOTION_I2V_FRONTENDS=1.42.8,1.58.1-nodes2 restricts the frontends while something is made. CHROMIUM names a browser.
"""

import os
import shutil
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

pytest.importorskip("aiohttp", reason="aiohttp is not installed: pip install -e '.[web]'")
pytest.importorskip("playwright", reason="playwright is not installed: pip install -e '.[web]'")

from PIL import Image, ImageDraw
from playwright.sync_api import Browser, sync_playwright

from tests.web.browser.canvas import Canvas
from tests.web.browser.editor import Editor, opened
from tests.web.browser.host import PACK, ROOT, Host, node_definitions, put_pictures

FRONTENDS = ROOT / ".venv" / "frontends"
COMBINATIONS = [
    ("1.27.10", "classic"),  # its Nodes 2.0 shows no widgets of extensions
    *((version, mode) for version in ("1.35.9", "1.42.8", "1.58.1") for mode in ("classic", "nodes2")),
]
USUAL = ("1.42.8", "nodes2")  # of ComfyUI 0.18.1
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--enable-unsafe-swiftshader", "--use-angle=swiftshader",  # WebGL without a graphics card
    "--disable-gpu-compositing",  # faster than compositing with that
]  # fmt: skip
SETTINGS = {
    "Comfy.TutorialCompleted": True,
    "Comfy.InstalledVersion": "1.27.0",
    "Comfy.Minimap.Visible": False,
    # The defaults: set, because 1.27.10 trips over setting them before it knows them.
    "Comfy.Canvas.LeftMouseClickBehavior": "panning",
    "Comfy.Canvas.MouseWheelScroll": "zoom",
    "Comfy.VueNodes.AutoScaleLayout": False,
    "Comfy.Workflow.ShowMissingNodesWarning": False,
    "Comfy.Workflow.ShowMissingModelsWarning": False,
    "Comfy.Workflow.WarnBlueprintOverwrite": False,
    "Comfy.Notification.ShowVersionUpdates": False,
}
FAILED = pytest.StashKey[bool]()
SIZE = {"width": 1280, "height": 800}  # CSS pixels of the window
SCRIBBLE = {
    "input": {
        "required": {"scribble": ["STRING", {"default": "", "widgetType": "BENCH_SCRIBBLE", "socketless": True}]}
    },
    "input_order": {"required": ["scribble"]},
    "output": [],
    "output_is_list": [],
    "output_name": [],
    "name": "BenchScribble",
    "display_name": "Scribble",
    "description": "",
    "python_module": "custom_nodes.bench",
    "category": "bench",
    "output_node": True,
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of the other frontends, only what may differ in them is tested each time; the rest is for make test-slow."""
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        # Threads of the browser and of the host may still close sockets when a test has ended.
        item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        combination = parameters.get("frontend", USUAL)
        if combination != USUAL and not item.get_closest_marker("everywhere"):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Leaves a note for the `graph` fixture: after a failure the next test gets a newly loaded page."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


def chosen() -> list[tuple[str, str]]:
    wanted = [name for name in os.environ.get("MOTION_I2V_FRONTENDS", "").split(",") if name]
    return [
        (version, mode)
        for version, mode in COMBINATIONS
        if not wanted or version in wanted or f"{version}-{mode}" in wanted
    ]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        found = found or playwright.chromium.executable_path
        if not Path(found).exists():
            pytest.skip(
                "there is no browser: install chromium (apt-get install chromium, or .venv/bin/playwright install "
                "chromium), or name one in CHROMIUM"
            )
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> Path:
    """A folder of pictures to draw on: coloured quarters with a grid, so that every place is recognised."""
    folder = tmp_path_factory.mktemp("pictures")
    for name, width, height in (("picture", 640, 400), ("tall", 300, 600), ("large", 3840, 2160)):
        picture = Image.new("RGB", (width, height), "#c33")
        pencil = ImageDraw.Draw(picture)
        pencil.rectangle((width // 2, 0, width, height // 2), fill="#3a3")
        pencil.rectangle((0, height // 2, width // 2, height), fill="#33c")
        pencil.rectangle((width // 2, height // 2, width, height), fill="#cc3")
        for tenth in range(1, 10):
            pencil.line((width * tenth / 10, 0, width * tenth / 10, height), fill="#eee")
            pencil.line((0, height * tenth / 10, width, height * tenth / 10), fill="#eee")
        picture.save(folder / f"{name}.png", compress_level=1)
    return folder


class Frontend:
    """One version in one mode: its host, and pages of it."""

    def __init__(self, version: str, mode: str, browser: Browser, host: Host) -> None:
        self.version, self.mode, self.host, self._browser = version, mode, host, browser

    @contextmanager
    def page(self, *, pixel_ratio: float = 1, touch: bool = False, size: dict[str, int] = SIZE) -> Iterator[Canvas]:
        """A page of its own. pixel_ratio: device pixels per CSS pixel. touch: the device has a touch screen."""
        context = self._browser.new_context(viewport=size, device_scale_factor=pixel_ratio, has_touch=touch)
        try:
            yield Canvas(context, self.host, tuple(map(int, self.version.split("."))), self.mode)
        finally:
            context.close()


@pytest.fixture(scope="session", params=chosen(), ids="-".join)
def frontend(request, browser, pictures, tmp_path_factory) -> Iterator[Frontend]:
    version, mode = request.param
    static = FRONTENDS / version / "comfyui_frontend_package" / "static"
    if not static.is_dir():
        pytest.skip(f"there is no frontend {version}: make .venv/frontends/{version} installs it")
    extensions = {PACK: ROOT / "web", "bench": Path(__file__).parent / "bench"}
    definitions = {**node_definitions(), "BenchScribble": SCRIBBLE}
    # 1.27.10 stumbles without it; the ComfyUI of tests/comfy, without all its requirements, lacks it.
    definitions["UpscaleModelLoader"] = {**definitions["VAELoader"], "name": "UpscaleModelLoader"}
    settings = {**SETTINGS, "Comfy.VueNodes.Enabled": mode == "nodes2"}
    with Host(static, tmp_path_factory.mktemp(f"host-{version}-{mode}"), extensions, definitions, settings) as host:
        put_pictures(pictures, host)
        yield Frontend(version, mode, browser, host)


@pytest.fixture(scope="session")
def loaded(frontend) -> Iterator[Canvas]:
    """The page that the tests of a frontend share: it is loaded once."""
    with frontend.page() as canvas:
        yield canvas


@pytest.fixture
def graph(request, loaded) -> Iterator[Canvas]:
    """The shared page with an empty graph. Whatever goes wrong in the page fails the test."""
    loaded.clean()
    yield loaded
    loaded.stale = loaded.stale or bool(loaded.errors) or FAILED in request.node.stash
    assert "\n".join(loaded.errors + loaded.host.unanswered) == ""


@pytest.fixture
def editor(graph) -> Editor:
    """An editor in its node, which shows picture.png."""
    return opened(graph)


@pytest.fixture
def open_page(frontend) -> Iterator:
    """Opens pages of their own: open_page(pixel_ratio=2, touch=True, size={…})."""
    with ExitStack() as opened:
        pages = []

        def open_one(**how) -> Canvas:
            pages.append(opened.enter_context(frontend.page(**how)))
            pages[-1].clean()
            return pages[-1]

        yield open_one
        assert "\n".join(error for page in pages for error in page.errors) == ""
