"""The moving preview by itself, on a page without ComfyUI: what the graphics card really paints."""

import base64
import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.web.browser.host import ROOT

PAGE = """<!doctype html><link rel="icon" href="data:,"><canvas id="stage"></canvas><script type="module">
    import { parse } from "/web/drawing/drawing.js";
    import { Preview } from "/web/preview/preview.js";
    window.supported = Preview.supported();
    const canvas = document.getElementById("stage");
    window.preview = new Preview(canvas);
    window.show = async (url, drawing) => {
        const image = new Image();
        image.src = url;
        await image.decode();
        preview.setPicture(image, image.naturalWidth, image.naturalHeight);
        preview.setDrawing(parse(JSON.stringify(drawing)));
        window.picture = [image.naturalWidth, image.naturalHeight];
    };
    window.viewport = ([x, y, width, height], [canvasWidth, canvasHeight]) =>
        ({ rect: () => ({ x, y, width, height }), width: canvasWidth, height: canvasHeight });
    window.drawn = (instant, view, devicePixels) => {
        preview.draw(instant, view, devicePixels);
        return canvas.toDataURL();
    };
</script>"""
GROUND, DISC = (90, 150, 80), (200, 40, 30)
WIDTH, HEIGHT, RADIUS = 512, 320, 48


@pytest.fixture(scope="module")
def page(browser):
    """Serves the pack's modules and pictures from the disk, and fails on whatever the page complains about."""
    context = browser.new_context(viewport={"width": 900, "height": 700})
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: errors.append(str(error)))

    def answer(route) -> None:
        path = route.request.url.removeprefix("http://preview.test")
        if path == "/":
            route.fulfill(body=PAGE, content_type="text/html")
        else:
            route.fulfill(path=ROOT / path.lstrip("/"))

    page.route("http://preview.test/**", answer)
    page.goto("http://preview.test/")
    page.wait_for_function("() => window.drawn")
    yield page
    page.evaluate("() => preview.dispose()")
    assert page.evaluate("() => document.getElementById('stage').getContext('webgl2').isContextLost()")
    context.close()
    assert [error for error in errors if "GPU stall due to ReadPixels" not in error] == []


def picture_with_disc() -> np.ndarray:
    """[H, W, 3]: a disc around (0.35, 0.5) on plain ground."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    inside = np.hypot(x + 0.5 - 0.35 * WIDTH, y + 0.5 - 0.5 * HEIGHT) < RADIUS
    return np.where(inside[..., None], DISC, GROUND).astype(np.uint8)


def address(picture: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def show(page, url: str, trajectories: list[list[list[float]]], **more) -> None:
    drawing = {"version": 1, "trajectories": [{"points": points} for points in trajectories], **more}
    page.evaluate("([url, drawing]) => show(url, drawing)", [url, drawing])


def drawn(page, instant: float, rect=None, canvas=None, device_pixels: float = 1) -> np.ndarray:
    """[H, W, 4] what the canvas shows; the picture fills it one to one unless a rect is given."""
    script = """([instant, rect, canvas, devicePixels]) =>
        drawn(instant, viewport(rect ?? [0, 0, ...picture], canvas ?? picture), devicePixels)"""
    url = page.evaluate(script, [instant, rect, canvas, device_pixels])
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGBA"))


def differs(image: np.ndarray, colour) -> int:
    return int(np.abs(image[..., :3].astype(int) - colour).max())


def around(image: np.ndarray, x: float, y: float, reach: int) -> np.ndarray:
    """The pixels around a place, 0…1."""
    column, row = round(x * image.shape[1]), round(y * image.shape[0])
    return image[row - reach : row + reach, column - reach : column + reach]


def test_at_the_start_the_picture_is_shown_as_it_is(page):
    assert page.evaluate("() => supported")
    picture = np.asarray(Image.open(ROOT / "tests/fixtures/raccoon.jpg").convert("RGB"))
    show(page, address(picture), [[[0.6, 0.56], [0.545, 0.6]]])
    image = drawn(page, 0)
    assert image.shape[:2] == picture.shape[:2]
    assert differs(image, picture) <= 1
    assert image[..., 3].min() == 255


def test_a_dragged_disc_is_where_it_was_drawn_and_ground_where_it_was(page):
    show(page, address(picture_with_disc()), [[[0.35, 0.5], [0.65, 0.6]]])
    image = drawn(page, 1)
    assert differs(around(image, 0.65, 0.6, RADIUS * 2 // 3), DISC) <= 3
    assert differs(around(image, 0.35, 0.5, RADIUS + 12), GROUND) <= 6
    assert differs(image[:40], GROUND) <= 1
    red = image[..., 0].astype(int) - image[..., 1] > 50  # its outline is kept, and not a pixel more
    assert abs(red.sum() / (np.pi * RADIUS**2) - 1) < 0.05
    y, x = np.nonzero(red)
    assert (x.mean() + 0.5, y.mean() + 0.5) == pytest.approx((0.65 * WIDTH, 0.6 * HEIGHT), abs=1)


def test_halfway_the_disc_is_halfway(page):
    show(page, address(picture_with_disc()), [[[0.35, 0.5], [0.65, 0.6]]])
    image = drawn(page, 0.5)
    y, x = np.nonzero(image[..., 0].astype(int) - image[..., 1] > 50)
    assert (x.mean() + 0.5, y.mean() + 0.5) == pytest.approx((0.5 * WIDTH, 0.55 * HEIGHT), abs=1)


def test_the_picture_lies_where_the_viewport_says_in_device_pixels(page):
    show(page, address(picture_with_disc()), [[[0.35, 0.5], [0.35, -0.3]]])
    image = drawn(page, 1, rect=[40, 100, 256, 160], canvas=[400, 300], device_pixels=2)
    assert image.shape == (600, 800, 4)
    assert image[200:520, 80:592, 3].min() == 255
    outside = image[..., 3].copy()
    outside[200:520, 80:592] = 0
    assert outside.max() == 0  # what leaves the picture is gone
    assert differs(image[200:520, 80:592], GROUND) <= 6


def test_the_brush_bounds_what_moves(page):
    left = [value for row in range(20) for value in (16 if row else 0, 16)]  # of 32×20: the left half
    brush = {"size": [32, 20], "move": left}
    show(page, address(picture_with_disc()), [[[0.35, 0.5], [0.35, 0.7]]], brush=brush)
    image = drawn(page, 1)
    right = slice(round(WIDTH * 0.52), None)
    assert differs(image[:, right], picture_with_disc()[:, right]) <= 1
    assert differs(around(image, 0.35, 0.7, 8), DISC) <= 3


def test_a_lost_graphics_card_comes_back(page):
    show(page, address(picture_with_disc()), [[[0.35, 0.5], [0.65, 0.6]]])
    before = drawn(page, 1)
    url = page.evaluate("""async () => {
        const canvas = document.getElementById("stage");
        const card = canvas.getContext("webgl2").getExtension("WEBGL_lose_context");
        const lost = new Promise((resolve) => canvas.addEventListener("webglcontextlost", resolve, { once: true }));
        card.loseContext();
        await lost;
        preview.draw(0.5, viewport([0, 0, ...picture], picture), 1);
        preview.draw(1, viewport([0, 0, ...picture], picture), 1);
        return new Promise((resolve) => {
            canvas.addEventListener("webglcontextrestored", () => resolve(canvas.toDataURL()), { once: true });
            setTimeout(() => card.restoreContext());
        });
    }""")
    after = np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGBA"))
    assert np.abs(after.astype(int) - before).max() <= 1


@pytest.mark.parametrize("name", ["raccoon", "disc", "4K"])
def test_played_a_second_it_is_back_at_the_picture(page, name, capsys):
    """Prints times, which depend on the machine; with MOTION_I2V_PICTURES=folder it keeps there what was painted."""
    raccoon = Image.open(ROOT / "tests/fixtures/raccoon.jpg").convert("RGB")
    pictures = {"raccoon": raccoon, "disc": Image.fromarray(picture_with_disc()), "4K": raccoon.resize((3840, 2880))}
    drags = [[[0.6, 0.56], [0.545, 0.6]], [[0.86, 0.18], [0.885, 0.27]], [[0.2, 0.15]]]
    drags = [[[0.35, 0.5], [0.65, 0.6]]] if name == "disc" else drags
    show(page, address(np.asarray(pictures[name])), drags)
    rect, stage = ([0, 0, 512, 320], [512, 320]) if name == "disc" else ([0, 0, 768, 576], [768, 576])
    before = drawn(page, 0, rect, stage)
    times = page.evaluate(
        """async ([rect, stage, drags]) => {
            const view = viewport(rect, stage);
            const gl = document.getElementById("stage").getContext("webgl2");
            const { parse } = await import("/web/drawing/drawing.js");
            const spent = (work) => { const start = performance.now(); work(); return performance.now() - start; };
            const finish = () => gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
            const middle = (times) => times.sort((a, b) => a - b)[times.length >> 1];
            const text = JSON.stringify({ version: 1, trajectories: drags.map((points) => ({ points })) });
            const prepared = Array.from({ length: 7 }, () => {
                preview.setDrawing(parse(text));
                finish();
                return spent(() => preview.prepare());
            });
            const frames = Array.from({ length: 24 }, (_, i) => spent(() => preview.draw(i / 23, view, 1)));
            finish();
            const painted = Array.from({ length: 3 }, () => spent(() => { preview.draw(0.5, view, 1); finish(); }));
            return {
                "first preparation": prepared[0], "preparation": middle(prepared), "frame, script": middle(frames),
                "frame, painted": middle(painted), error: gl.getError(),
            };
        }""",
        [rect, stage, drags],
    )
    assert times.pop("error") == 0
    with capsys.disabled():
        figures = ", ".join(f"{what} {value:.1f} ms" for what, value in times.items())
        print(f"\n{name}: {figures}")  # noqa: T201, what capsys is opened for
    halfway = drawn(page, 0.5, rect, stage)
    assert np.abs(halfway.astype(int) - before).max() > 50
    assert np.array_equal(drawn(page, 0, rect, stage), before)
    folder = os.environ.get("MOTION_I2V_PICTURES")
    if folder:
        for instant in (0, 0.5, 1):
            Image.fromarray(drawn(page, instant, rect, stage)).save(Path(folder) / f"{name}-{instant}.png")
