"""The editor in a real browser: from the pointer to the screen, loading, the moving preview, sizes.

python -m benchmarks.editor measures only this and prints the tables.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import math
import os
import random
import shutil
import statistics
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from PIL import Image

from .timing import table

ROOT = Path(__file__).parent.parent
PHOTO = ROOT / "benchmarks" / "photos" / "coffee.jpg"
SMALL, LARGE = (512, 320), (3840, 2160)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# No graphics card: SwiftShader paints WebGL and the processor the rest, as the tests do.
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-gpu-compositing"]
VIEWS = {  # CSS pixels of the editor, device pixels in one
    "a node, 520×600": (520, 600, 1),
    "the same on a screen with two pixels for one": (520, 600, 2),
    "full screen, 1920×1080": (1920, 1080, 1),
}
PACE = 0.008  # seconds between two samples of a mouse
WHEEL_PACE = 0.02  # seconds between two notches of a wheel turned fast
SAMPLES = 150  # of a gesture

Point = tuple[float, float]


def gesture_table() -> str:
    return _or_why_not(
        lambda taken: table(
            ["gesture", *VIEWS, "in the first, the page's own work"],
            taken["gestures"],
        )
    )


def load_table() -> str:
    return _or_why_not(lambda taken: table(["what", "median of three"], taken["loading"]))


def preview_table() -> str:
    header = ["drawing", "picture", "picture prepared", "motion prepared", "a frame: median, 95 %", "playing"]
    return _or_why_not(lambda taken: table(header, taken["preview"]))


def size_table() -> str:
    return _or_why_not(lambda taken: table(["what", "bytes", "compressed"], [*taken["values"], *_files()]))


def _or_why_not(shown: Callable[[dict[str, Any]], str]) -> str:
    taken = measured()
    return f"Not measured: {taken}" if isinstance(taken, str) else shown(taken)


@cache
def measured() -> dict[str, Any] | str:
    """All measurements, in one browser; or what is missing for them."""
    try:
        from playwright.async_api import async_playwright
    except ImportError:
        return "playwright is not installed (`pip install playwright`)."
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        return "there is no chromium (`apt-get install chromium`, or name a browser in CHROMIUM)."

    async def run() -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder, _served() as address:
            for size in (SMALL, LARGE):
                picture = Image.open(PHOTO).convert("RGB").resize(size, Image.Resampling.LANCZOS)
                picture.save(folder + _address(size))
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=found, args=FLAGS)
                open_page = partial(_opened, browser, address, Path(folder))
                return {
                    "gestures": await _gestures(open_page),
                    "loading": await _loading(open_page),
                    "preview": await _previews(open_page),
                    "values": await _values(open_page),
                }

    return asyncio.run(run())


class Editor:
    """A page with an editor on it, and a mouse whose samples do not wait for the page."""

    def __init__(self, page: Any, devtools: Any) -> None:
        self.page, self.devtools = page, devtools
        self.run: Callable[..., Awaitable[Any]] = page.evaluate

    async def show(self, text: str, tool: str, picture: tuple[int, int] = LARGE) -> None:
        await self.run("(address) => bench.open(address)", _address(picture))
        await self.run("(text) => bench.load(text)", text)
        await self.run("(tool) => bench.editor.session.hold(tool)", tool)

    async def at(self, image_point: Point) -> Point:
        """CSS pixels of the window where a place of the picture, 0…1, is."""
        return await self.run(
            """(point) => {
                const { stage } = bench.editor, box = stage.element.getBoundingClientRect();
                const [x, y] = stage.viewport.toCanvas(point);
                return [box.left + x, box.top + y];
            }""",
            image_point,
        )

    async def mouse(self, kind: str, at: Point, button: str = "left", **more: Any) -> None:
        held = {"left": 1, "middle": 4, "none": 0}[button] if kind == "mouseMoved" else 0
        place = {"type": kind, "x": at[0], "y": at[1], "button": button, "buttons": held, "clickCount": 1}
        await self.devtools.send("Input.dispatchMouseEvent", {**place, **more})

    async def gesture(self, way: list[Point], button: str = "left") -> dict[str, Any]:
        """Presses, moves and lifts the mouse. Milliseconds: `latencies` and `works` of the moves, and of the `step`."""
        await self.mouse("mouseMoved", way[0], "none")
        await self.run("() => bench.painted()")
        await self.mouse("mousePressed", way[0], button)
        await self.run("() => { bench.follow(); bench.step = bench.editor && bench.nextStep(); }")
        await self._paced([self.mouse("mouseMoved", at, button) for at in way])
        await self.run("async () => { await bench.painted(); bench.watch.off(); }")
        await self.mouse("mouseReleased", way[-1], button)
        step = "bench.step" if button == "left" else "null"
        return await self.run(f"async () => ({{ ...bench.watch, step: await {step} }})")

    async def turned(self, at: Point, count: int) -> dict[str, Any]:
        """The wheel, near and far again."""
        await self.run("() => bench.follow()")
        turns = [-40 if i % 50 < 25 else 40 for i in range(count)]
        wheel = [self.mouse("mouseWheel", at, "none", deltaX=0, deltaY=turn) for turn in turns]
        await self._paced(wheel, WHEEL_PACE)
        return await self.run("async () => { await bench.painted(); bench.watch.off(); return { ...bench.watch }; }")

    async def _paced(self, samples: list[Awaitable[None]], pace: float = PACE) -> None:
        clock = asyncio.get_running_loop()
        begun = clock.time()
        sent = []
        for i, sample in enumerate(samples):
            await asyncio.sleep(max(0.0, begun + i * pace - clock.time()))
            sent.append(asyncio.ensure_future(sample))
        await asyncio.gather(*sent)


async def _gestures(open_page: Callable[..., Any]) -> list[list[str]]:
    measures = {
        "no editor, only a box that follows the mouse": _nothing,
        "no editor, only a box that follows the wheel": _nothing_turned,
        "drag a new trajectory": _dragging,
        "move a point of a selected one": _moving_a_point,
        "move all 200": _moving_all,
        "paint with the brush": _painting,
        "drag the view": _panning,
        "zoom with the wheel": _zooming,
    }
    rows: dict[str, list[str]] = {name: [name] for name in measures}
    works: dict[str, str] = {}  # in the first view
    for view in VIEWS.values():
        async with open_page(*view) as editor:
            for name, measure in measures.items():
                taken = await measure(editor)
                rows[name].append(_spread(taken["latencies"], bold=True))
                works.setdefault(name, _spread(taken["works"]))
    return [[*cells, works[name]] for name, cells in rows.items()]


async def _nothing(editor: Editor) -> dict[str, Any]:
    await editor.run("() => bench.openNothing()")
    return await editor.gesture(_along((50, 50), (450, 450)), button="none")


async def _nothing_turned(editor: Editor) -> dict[str, Any]:
    await editor.run("() => bench.openNothing()")
    return await editor.turned((200, 200), SAMPLES)


async def _dragging(editor: Editor) -> dict[str, Any]:
    await editor.show(crowd(), "drag")
    taken = await editor.gesture(_along(await editor.at((0.02, 0.5)), await editor.at((0.98, 0.45))))
    assert await editor.run("() => bench.editor.session.drawing.trajectories.length") == 201
    return taken


async def _moving_a_point(editor: Editor) -> dict[str, Any]:
    await editor.show(crowd(), "select")
    await editor.run("() => bench.editor.session.select([0])")
    first = json.loads(crowd())["trajectories"][0]["points"][0]
    taken = await editor.gesture(_along(await editor.at(first), await editor.at((0.7, 0.6))))
    moved = await editor.run("() => JSON.parse(bench.editor.text).trajectories[0].points")
    assert math.dist(moved[0], (0.7, 0.6)) < 0.01
    assert moved[1:] == json.loads(crowd())["trajectories"][0]["points"][1:]
    return taken


async def _moving_all(editor: Editor) -> dict[str, Any]:
    await editor.show(crowd(), "select")
    await editor.run("() => bench.editor.session.select(Array.from({ length: 200 }, (_, i) => i))")
    at = await editor.at(json.loads(crowd())["trajectories"][0]["points"][0])
    taken = await editor.gesture(_along(at, (at[0] + 60, at[1] + 40)))
    before, after = json.loads(crowd())["trajectories"], json.loads(await editor.run("() => bench.editor.text"))
    assert all(a["points"] != b["points"] for a, b in zip(before, after["trajectories"], strict=True))
    return taken


async def _painting(editor: Editor) -> dict[str, Any]:
    await editor.show(crowd(), "brush")
    taken = await editor.gesture(_along(await editor.at((0.05, 0.9)), await editor.at((0.95, 0.1))))
    assert json.loads(await editor.run("() => bench.editor.text"))["brush"] != json.loads(crowd())["brush"]
    return taken


async def _panning(editor: Editor) -> dict[str, Any]:
    await editor.show(crowd(), "drag")
    await editor.run("() => { const { stage } = bench.editor; stage.look(stage.viewport.zoomedAt([100, 100], 2)); }")
    at = await editor.at((0.3, 0.3))
    taken = await editor.gesture(_along(at, (at[0] - 60, at[1] - 40)), button="middle")
    assert math.dist(await editor.at((0.3, 0.3)), (at[0] - 60, at[1] - 40)) < 2
    return taken


async def _zooming(editor: Editor) -> dict[str, Any]:
    await editor.show(crowd(), "drag")
    return await editor.turned(await editor.at((0.5, 0.5)), SAMPLES)


async def _loading(open_page: Callable[..., Any]) -> list[list[str]]:
    view = VIEWS["a node, 520×600"]
    taken: dict[str, list[float]] = {}
    for _ in range(3):
        async with open_page(*view) as editor:
            first = await editor.run("() => performance.getEntriesByType('mark').at(-1).startTime")
            taken.setdefault("the page opened, with all modules: ready", []).append(first)
            shown = await editor.run("(address) => bench.open(address)", _address(LARGE))
            taken.setdefault("an editor made: painted, with the picture", []).append(shown["editor"])
            loading = await editor.run("(text) => bench.load(text)", crowd())
            taken.setdefault("200 trajectories and a brush loaded: read", []).append(loading["read"])
            taken.setdefault("the same: painted", []).append(loading["painted"])
            for name, measure in (("drag", _dragging), ("move of all 200", _moving_all), ("brush stroke", _painting)):
                step = (await measure(editor))["step"]
                taken.setdefault(f"a {name} ended: the new value", []).append(step["value"])
                taken.setdefault(f"a {name} ended: painted", []).append(step["painted"])
    return [[name, f"{statistics.median(times):.1f} ms"] for name, times in taken.items()]


async def _previews(open_page: Callable[..., Any]) -> list[list[str]]:
    rows = []
    for name, text, picture in (
        ("3 drags", three_drags(), SMALL),
        ("3 drags", three_drags(), LARGE),
        ("200 trajectories and a brush", crowd(), LARGE),
    ):
        async with open_page(*VIEWS["a node, 520×600"]) as editor:
            await editor.show(text, "drag", picture)
            taken = await editor.run("(given) => bench.preview(...given)", [_address(picture), text, 1])
            rate = await editor.run("() => bench.playing(3)")
            prepared = [f"{taken[part]:.0f} ms" for part in ("picture", "motion")]
            size = f"{picture[0]}×{picture[1]}"
            rows.append([name, size, *prepared, _spread(taken["frames"]), f"{rate:.0f} frames/s"])
    return rows


async def _values(open_page: Callable[..., Any]) -> list[list[str]]:
    """Drawn by a hand that trembles: three drags, two pins, a head painted in circles."""
    chance = random.Random(6)
    async with open_page(*VIEWS["a node, 520×600"]) as editor:
        await editor.show("", "drag")
        for start, end in (((0.3, 0.6), (0.45, 0.4)), ((0.6, 0.3), (0.75, 0.45)), ((0.5, 0.8), (0.2, 0.7))):
            a, b = await editor.at(start), await editor.at(end)
            await editor.gesture([_trembling(point, chance) for point in _bent(a, b, 120)])
        for pin in ((0.1, 0.1), (0.9, 0.15)):
            at = await editor.at(pin)
            await editor.mouse("mousePressed", at)
            await editor.mouse("mouseReleased", at)
        await editor.run("() => bench.editor.session.hold('brush')")
        middle = await editor.at((0.5, 0.45))
        circles = [
            (middle[0] + 50 * (1 - i / 300) * math.cos(i / 10), middle[1] + 65 * (1 - i / 300) * math.sin(i / 10))
            for i in range(300)
        ]
        await editor.gesture([_trembling(point, chance) for point in circles])
        text = await editor.run("() => bench.editor.text")
    drawing = json.loads(text)
    assert [len(one["points"]) == 1 for one in drawing["trajectories"]] == [False, False, False, True, True]
    assert len(drawing["brush"]["move"]) > 50
    names = {"value: 3 drags, 2 pins, a head painted": text, "value: 200 trajectories of 50 points, a brush": crowd()}
    return [[name, _bytes(len(value)), _bytes(len(gzip.compress(value.encode())))] for name, value in names.items()]


@cache
def crowd() -> str:
    """200 trajectories of 50 points in the timing of a hand, and a brush with 30 blobs."""
    chance = random.Random(200)
    trajectories = []
    for _ in range(200):
        x, y, turn = chance.uniform(0.1, 0.9), chance.uniform(0.1, 0.9), chance.uniform(0, math.tau)
        points, times, time = [], [], 0.0
        for _ in range(50):
            points.append([round(x, 5), round(y, 5)])
            times.append(time)
            turn += chance.gauss(0, 0.2)
            x, y = x + 0.006 * math.cos(turn), y + 0.006 * math.sin(turn)
            time += chance.uniform(0.5, 1.5)
        times = [round(one / times[-1], 4) for one in times]
        trajectories.append({"points": points, "times": times, "color": "#e69f00", "timing": "hand"})
    width, height = 512, 288
    paint = bytearray(width * height)
    for _ in range(30):
        x, y, radius = chance.randrange(width), chance.randrange(height), chance.randrange(10, 40)
        for row in range(max(0, y - radius), min(height, y + radius)):
            half = int(math.sqrt(radius**2 - (row - y) ** 2))
            left, right = max(0, x - half), min(width, x + half)
            paint[row * width + left : row * width + right] = b"\1" * (right - left)
    move, last, since = [], 0, 0
    for i, value in enumerate([*paint, 0]):
        if value != last:
            move.append(i - since)
            last, since = value, i
    brush = {"size": [width, height], "move": move, "softness": 0.01}
    return json.dumps({"version": 1, "trajectories": trajectories, "brush": brush}, separators=(",", ":"))


def three_drags() -> str:
    ways = [[[0.55, 0.5], [0.62, 0.45]], [[0.35, 0.7], [0.3, 0.6]], [[0.8, 0.2], [0.8, 0.3]]]
    return json.dumps({"version": 1, "trajectories": [{"points": way} for way in ways]})


def _along(start: Point, end: Point) -> list[Point]:
    return [tuple(a + (b - a) * (i + 1) / SAMPLES for a, b in zip(start, end, strict=True)) for i in range(SAMPLES)]


def _bent(start: Point, end: Point, count: int) -> Iterator[Point]:
    """Slow, fast, slow, along an arc."""
    for i in range(count):
        u = (1 - math.cos(math.pi * i / (count - 1))) / 2
        rise = math.sin(math.pi * u) * math.dist(start, end) * 0.2
        yield start[0] + (end[0] - start[0]) * u, start[1] + (end[1] - start[1]) * u - rise


def _trembling(at: Point, chance: random.Random) -> Point:
    return round(at[0] + chance.gauss(0, 0.5)), round(at[1] + chance.gauss(0, 0.5))


def _spread(times: list[float], *, bold: bool = False) -> str:
    middle, high = statistics.median(times), statistics.quantiles(times, n=20)[-1]
    shown = f"{middle:.1f} ms" if not bold else f"**{middle:.1f} ms**"
    return f"{shown}, {high:.1f} ms"


def _address(size: tuple[int, int]) -> str:
    return f"/{size[0]}x{size[1]}.jpg"


def _files() -> Iterator[list[str]]:
    for kind in ("js", "css"):
        contents = [path.read_bytes() for path in sorted((ROOT / "web").rglob(f"*.{kind}"))]
        name = f"web/**/*.{kind}, {len(contents)} files" if len(contents) > 1 else f"web/*.{kind}"
        yield [name, _bytes(sum(map(len, contents))), _bytes(sum(len(gzip.compress(one)) for one in contents))]


def _bytes(count: int) -> str:
    return f"{count / 1000:.1f} kB"


class _opened:
    """A page with nothing but room for one editor of that many CSS pixels."""

    def __init__(self, browser: Any, address: str, folder: Path, width: int, height: int, density: float) -> None:
        self.browser, self.address, self.folder = browser, address, folder
        self.view = {"viewport": {"width": width, "height": height}, "device_scale_factor": density}

    async def __aenter__(self) -> Editor:
        self.context = await self.browser.new_context(**self.view)
        page = await self.context.new_page()
        for size in (SMALL, LARGE):
            await page.route(f"**{_address(size)}", partial(_fulfilled, self.folder / _address(size)[1:]))
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        await page.goto(f"{self.address}/benchmarks/editor.html")
        await page.wait_for_function("window.bench")
        return Editor(page, await self.context.new_cdp_session(page))

    async def __aexit__(self, *_: object) -> None:
        await self.context.close()
        if self.errors:
            raise RuntimeError("\n".join(self.errors))


async def _fulfilled(path: Path, route: Any) -> None:
    await route.fulfill(path=path)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _served() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(ROOT)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


SECTIONS = [
    (
        "The editor: pointer to paint",
        "200 trajectories of 50 points and a brush on a 3840×2160 picture, in headless Chromium without a graphics "
        "card (SwiftShader; the same processors paint all else). From the arrival of each sample of a mouse that "
        "gives 125 a second (a wheel: 50) to the end of painting in the frame that shows it; the wait for that frame, "
        "8 ms on average at 60 a second, counts. Median, 95 %. The first rows are what the browser itself takes.",
        gesture_table,
    ),
    (
        "The editor: loading and steps",
        "The same drawing; from the lifted pointer to the node's new value, and to the end of painting it.",
        load_table,
    ),
    (
        "The editor: moving preview",
        "In a node of 520×600. A frame is timed until SwiftShader has drawn it.",
        preview_table,
    ),
    ("The editor: sizes", "Compressed: gzip, each file by itself.", size_table),
]


if __name__ == "__main__":
    for title, how, measure in SECTIONS:
        print(f"## {title}\n\n{how}\n\n{measure()}\n")
