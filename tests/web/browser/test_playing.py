"""Playing and scrubbing: the picture itself moves along what is drawn, and dots do where there is no WebGL."""

import pytest
from PIL import Image, ImageDraw

from tests.web.browser.editor import near, opened

DISC, GROUND = (200, 40, 30), (90, 150, 80)
OFF = 0.07  # of the picture's height: beside the dot that marks the place, still in the disc


@pytest.fixture
def disc(graph):
    """An editor with a red disc at (0.3, 0.5), which goes to (0.7, 0.5)."""
    picture = Image.new("RGB", (640, 400), GROUND)
    ImageDraw.Draw(picture).ellipse((192 - 56, 200 - 56, 192 + 56, 200 + 56), fill=DISC)
    picture.save(graph.host.folder / "input" / "disc.png")
    editor = opened(graph, picture="disc.png")
    editor.load([[0.3, 0.5], [0.7, 0.5]])
    return editor


def scrub(editor, time):
    editor.part(".m-timeline input[type=range]").fill(str(round(time * 1000)))
    editor.graph.settle(2)


def shows(editor, colour, x, area):
    return near(editor.colours((x, 0.5 + OFF), 3, area), colour).mean() > 0.9


@pytest.mark.everywhere
def test_scrubbing_moves_the_picture_itself(disc):
    area = disc.hand.picture()
    assert shows(disc, DISC, 0.3, area)
    assert shows(disc, GROUND, 0.7, area)
    scrub(disc, 0.5)
    assert shows(disc, DISC, 0.5, area)
    scrub(disc, 1)
    assert shows(disc, DISC, 0.7, area)
    assert shows(disc, GROUND, 0.3, area)
    scrub(disc, 0)
    assert shows(disc, DISC, 0.3, area)
    assert disc.value == disc.graph.sent()


def test_playing_goes_on_by_itself_until_it_is_stopped(disc):
    area = disc.hand.picture()
    disc.focus()
    disc.keys("Space")
    disc.graph.wait("() => Number(document.querySelector('.m-timeline input[type=range]').value) > 600")
    disc.keys("Space")
    time = disc.of("session.time")
    assert time > 0.55
    disc.graph.settle(2)
    assert disc.of("session.time") == time
    assert shows(disc, DISC, 0.3 + 0.4 * time, area)
    assert shows(disc, GROUND, 0.3, area)


def test_a_stroke_while_it_plays_is_drawn_on_the_picture_as_it_is(disc):
    area = disc.hand.picture()
    scrub(disc, 1)
    disc.run("time.play")
    disc.hand.drag((0.3, 0.2), (0.6, 0.2), area=area)
    assert not disc.of("session.playing")
    assert disc.of("session.time") == 0
    assert len(disc.points) == 2
    assert shows(disc, DISC, 0.3, area)


def test_what_holds_still_stays_and_what_is_not_painted_too(disc):
    area = disc.hand.picture()
    disc.use("still")
    disc.hand.drag((0.3, 0.2), (0.3, 0.8), area=area)
    disc.hand.drag((0.26, 0.2), (0.26, 0.8), area=area)
    disc.hand.drag((0.34, 0.2), (0.34, 0.8), area=area)
    disc.run("time.play")
    disc.run("time.play")
    scrub(disc, 1)
    disc.page.evaluate("() => { document.querySelector('.m-paint').style.visibility = 'hidden'; }")
    assert shows(disc, DISC, 0.3, area)
    disc.page.evaluate("() => { document.querySelector('.m-paint').style.visibility = ''; }")


def test_the_clip_is_as_long_and_as_fast_as_it_is_set(disc):
    disc.field("frames").fill("31")
    disc.field("frames").press("Enter")
    disc.field("fps").fill("30")
    disc.field("fps").press("Enter")
    assert [disc.graph.drawn()[name] for name in ("frames", "fps")] == [31, 30]
    disc.focus()
    disc.keys(".", ".", ".")
    assert disc.of("session.time") == pytest.approx(0.1)


# A page without WebGL serves no other test, so it is one of its own; nothing of it depends on the host.
@pytest.mark.parametrize("frontend", [("1.42.8", "nodes2")], ids="-".join, indirect=True)
def test_without_webgl_dots_move_and_nothing_fails(open_page):
    graph = open_page()
    graph.page.evaluate("""() => {
        const original = HTMLCanvasElement.prototype.getContext;
        HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
            return kind.startsWith("webgl") ? null : original.call(this, kind, ...more);
        };
    }""")
    editor = opened(graph)
    editor.load([[0.2, 0.5], [0.8, 0.5]])
    area = editor.hand.picture()
    before = editor.colours((0.5, 0.5), 10, area)
    scrub(editor, 0.5)
    dot = editor.colours((0.5, 0.5), 10, area)
    assert (abs(dot - before).max(-1) > 60).sum() > 20
    ground = editor.colours((0.25, 0.25), 3, area)
    scrub(editor, 1)
    assert (editor.colours((0.25, 0.25), 3, area) == ground).all()
    editor.focus()
    editor.keys("Space")
    graph.wait("() => Number(document.querySelector('.m-timeline input[type=range]').value) > 200")
    editor.keys("Space")
