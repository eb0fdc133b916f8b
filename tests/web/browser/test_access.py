"""The editor without a mouse and without sight: the keyboard does everything, and nothing is unlabelled."""

import pytest

from tests.web.browser.editor import close_to
from tests.web.browser.host import ROOT

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = """async (place) => (await axe.run(document.querySelector(place), { resultTypes: ["violations"] })).violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, help, nodes }) => [id, help, ...nodes.slice(0, 3).map(({ html }) => html.slice(0, 160))].join(" | "))"""

# What has the focus, unless a ring shows it; null outside of the editor.
UNRINGED = """() => {
    const element = document.activeElement;
    if (!element.closest(".motion-i2v")) return null;
    const around = [element, element.closest(".m-stage"), element.closest("label")].filter(Boolean);
    const ringed = around.some((one) => {
        const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(one);
        return (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none";
    });
    return ringed ? "" : element.outerHTML.slice(0, 200);
}"""


def tab_to(editor, selector, keys="Tab"):
    """Presses Tab until an element of the editor has the focus."""
    for _ in range(30):
        editor.keys(keys)
        if editor.page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{keys} does not reach {selector}")


def test_the_keyboard_alone_makes_names_times_and_deletes_a_path(editor):
    editor.part('[data-command="tool.drag"]').focus()
    editor.keys("ArrowDown")
    assert editor.page.evaluate("() => document.activeElement.dataset.command") == "tool.path"
    editor.keys("Enter")
    assert editor.of("session.tool") == "path"
    tab_to(editor, ".m-sink")
    editor.keys(
        "Enter", "Enter", *["ArrowRight"] * 8, "Enter", *["ArrowDown"] * 5, "Shift+ArrowDown", "Enter", "Escape"
    )
    assert close_to(editor.points, [[[0.5, 0.5], [0.625, 0.5], [0.625, 0.6275]]], within=1e-4)
    editor.keys("PageDown")
    tab_to(editor, "[data-field=name]")
    editor.page.keyboard.type("left hand")
    editor.keys("Enter")
    tab_to(editor, ".m-sink", "Shift+Tab")
    editor.keys(*["."] * 3, "s", *["."] * 6, "Shift+S")
    (made,) = editor.trajectories
    assert made["name"] == "left hand"
    assert [made["times"][0], made["times"][-1]] == pytest.approx([3 / 15, 9 / 15], abs=1e-3)
    editor.keys("Delete")
    assert editor.points == []
    editor.keys("Control+z")
    assert editor.trajectories == [made]


def test_the_list_says_every_trajectory_and_point_in_words(editor):
    editor.load({"points": [[0.2, 0.3], [0.8, 0.3]], "name": "hand"}, {"points": [[0.5, 0.6]], "locked": True})
    rows = editor.page.get_by_role("listbox", name="Trajectories").get_by_role("option")
    assert [row.get_attribute("aria-label") for row in rows.all()] == [
        "hand, 2 points, starts 20 % 30 %, ends 80 % 30 %, frames 1 to 16",
        "Pin 2, stays at 50 % 60 %, locked",
    ]
    editor.run("view.list")
    rows.nth(0).click()
    points = editor.page.get_by_role("listbox", name="Points of hand").get_by_role("option")
    assert points.nth(1).inner_text() == "2: 80 % 30 %, frame 16"
    assert editor.selection == [0]


def test_whatever_has_the_focus_shows_it(editor):
    editor.load([[0.2, 0.3], [0.8, 0.3]])
    unseen = []
    editor.part('[data-command="edit.undo"]').focus()
    for _ in range(12):
        editor.keys("Tab")
        seen = editor.page.evaluate(UNRINGED)
        if seen is None:
            break
        unseen += [seen] if seen else []
    assert unseen == []


def state_of(editor, state):
    editor.load([[0.2, 0.3], [0.8, 0.3]], [[0.4, 0.6]])
    if state == "a selection":
        editor.use("select")
        editor.hand.click((0.5, 0.3))
    elif state == "a brush":
        editor.use("brush")
        editor.hand.drag((0.2, 0.2), (0.3, 0.3))
    elif state == "the menu":
        editor.part('[data-part="menu"]').click()
    elif state in ("help", "list", "fullScreen"):
        editor.run(f"view.{state}")
    editor.graph.settle()
    return ".motion-i2v-dialog" if state == "fullScreen" else ".motion-i2v"


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: npm ci")
@pytest.mark.parametrize("state", ["dragging", "a selection", "a brush", "the menu", "help", "list", "fullScreen"])
def test_a_checker_of_accessibility_finds_no_grave_fault(editor, state):
    place = state_of(editor, state)
    if not editor.page.evaluate("() => 'axe' in window"):
        editor.page.evaluate(f"() => {{ {AXE.read_text('utf-8')} }}")
    assert editor.page.evaluate(GRAVE, place) == []
