"""The editor's style sheets: there before anything is seen, and asked for once."""

from tests.web.browser.canvas import DRAW
from tests.web.browser.host import ROOT

SEEN = "() => getComputedStyle(document.querySelector('.motion-i2v-surface')).visibility"


def test_nothing_is_seen_of_an_editor_until_all_its_styles_are_there_and_all_are_asked_for_at_once(open_page):
    graph = open_page()
    held = []
    graph.page.route("**/styles/*.css", lambda route: held.append(route))
    graph.add(DRAW, (300, 60))
    graph.page.wait_for_timeout(400)  # ms
    sheets = {path.name for path in (ROOT / "web" / "styles").iterdir()}
    assert sorted(route.request.url.rpartition("/")[2] for route in held) == sorted(sheets)
    for route in held[:-1]:
        route.continue_()
    graph.page.wait_for_timeout(300)
    assert graph.page.evaluate(SEEN) == "hidden"
    held[-1].continue_()
    graph.element(".motion-i2v-surface").wait_for(state="visible")


def test_a_second_editor_asks_for_no_style_and_is_seen_at_once(graph):
    graph.drawing_node()
    graph.settle()
    before = len(graph.host.asked)
    seen = graph.page.evaluate(
        f"""async () => {{
            const node = LiteGraph.createNode("{DRAW}");
            await new Promise((next) => setTimeout(next));
            const {{ editor }} = node.widgets.find(({{ name }}) => name === "drawing");
            return editor.surface.style.visibility;
        }}"""
    )
    graph.settle()
    assert seen == ""
    assert not [path for _, path in graph.host.asked[before:] if path.endswith(".css")]
