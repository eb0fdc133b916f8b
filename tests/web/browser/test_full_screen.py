"""The editor over the whole page: done keeps, cancel restores, and the graph behind it is left alone."""

import pytest

from tests.web.browser.editor import close_to

DIALOG = ".motion-i2v-dialog"


def open_it(editor):
    editor.run("view.fullScreen")
    editor.part(DIALOG).wait_for()
    editor.graph.settle()


def press(editor, words):
    editor.page.locator(DIALOG).get_by_role("button", name=words, exact=True).click()


def wait_until_closed(editor):
    editor.page.locator(DIALOG).wait_for(state="detached")
    editor.graph.settle()
    assert editor.page.locator("[data-node-id] .m-stage, .dom-widget .m-stage").filter(visible=True).count() == 1


@pytest.mark.everywhere
def test_done_keeps_what_was_drawn_and_the_editor_is_in_its_node_again(editor):
    graph = editor.graph
    editor.hand.drag((0.2, 0.2), (0.4, 0.2))
    small, nodes, view = editor.hand.picture(), graph.workflow()["nodes"], graph.viewed()
    open_it(editor)
    assert editor.hand.picture().width > 1.5 * small.width
    editor.hand.drag((0.3, 0.6), (0.7, 0.6))
    drawn = editor.value
    press(editor, "Done")
    wait_until_closed(editor)
    assert editor.value == graph.sent() == drawn
    assert close_to([points[0] for points in editor.points], [[0.2, 0.2], [0.3, 0.6]])
    assert editor.hand.picture() == small
    assert graph.viewed() == view
    for before, now in zip(nodes, graph.workflow()["nodes"], strict=True):
        assert [now["pos"], now["size"]] == [before["pos"], before["size"]]
    editor.hand.drag((0.3, 0.8), (0.7, 0.8))
    assert close_to(editor.points[2][0], [0.3, 0.8])


def test_cancel_restores_what_was_there(editor):
    editor.hand.drag((0.2, 0.2), (0.4, 0.2))
    before = editor.value
    open_it(editor)
    editor.hand.drag((0.3, 0.6), (0.7, 0.6))
    editor.keys("Control+a", "Delete")
    assert editor.points == []
    press(editor, "Cancel")
    wait_until_closed(editor)
    assert editor.value == editor.graph.sent() == before
    assert editor.points == editor.of("session.drawing.trajectories.map(({ points }) => points)")


def test_escape_asks_only_when_something_changed(editor):
    editor.hand.drag((0.2, 0.2), (0.4, 0.2))
    before = editor.value
    open_it(editor)
    editor.keys("Escape", "Escape")  # the first lets go of what is selected
    wait_until_closed(editor)
    assert editor.value == before
    editor.keys("f")
    editor.part(DIALOG).wait_for()
    editor.graph.settle()
    editor.hand.drag((0.3, 0.6), (0.7, 0.6))
    drawn = editor.value
    editor.keys("Escape", "Escape")
    press(editor, "Go on drawing")
    assert editor.part(DIALOG).count() == 1
    editor.keys("Escape")
    press(editor, "Discard")
    wait_until_closed(editor)
    assert editor.value == before != drawn
    open_it(editor)
    editor.hand.drag((0.3, 0.6), (0.7, 0.6))
    editor.keys("Escape", "Escape", "Enter")  # on "Keep", which has the focus
    wait_until_closed(editor)
    assert len(editor.points) == 2


def test_no_key_and_no_wheel_reaches_the_graph_behind(editor):
    graph = editor.graph
    graph.note()
    open_it(editor)
    nodes, view = graph.nodes(), graph.viewed()
    for keys in (["Control+z"] * 3, ["Control+y"], ["Delete"], ["Control+a"], ["Control+v"], ["r"], ["Control+g"]):
        editor.keys(*keys)
    editor.hand.wheel((0.5, 0.5), down=-100)
    head = editor.page.locator(f"{DIALOG} h1").bounding_box()
    editor.page.mouse.move(head["x"] + 5, head["y"] + 5)
    editor.page.mouse.wheel(0, -200)
    editor.page.locator(DIALOG).get_by_role("button", name="Done").focus()
    editor.keys("Control+z", "Delete", "Control+a", "Control+z", "Control+y")
    editor.hand.drag((0.3, 0.6), (0.7, 0.6))
    editor.keys("Control+z", "Control+z", "Control+z")
    graph.settle(1)
    assert graph.nodes() == nodes
    assert graph.viewed() == view
    assert editor.value == ""
    press(editor, "Done")
    wait_until_closed(editor)


def test_a_node_that_goes_away_takes_its_full_screen_along(editor):
    open_it(editor)
    editor.graph.remove(editor.node)
    editor.page.locator(DIALOG).wait_for(state="detached", timeout=2000)
    assert editor.page.locator(".motion-i2v-surface").count() == 0


# What an editor of its own, outside of any node, has begun to listen to, and what of it is left once it is off. The
# dialog of the full screen, which is gone by then, takes its own listeners along.
LEFT = """async (node) => {
    const { editor } = window.app.canvas.graph.getNodeById(node).widgets.find(({ name }) => name === "drawing");
    const kept = new Map(), numbers = new Map(), undo = [];
    const numberOf = (thing) => numbers.get(thing) ?? (numbers.set(thing, numbers.size), numbers.get(thing));
    const note = (owner, name, noted) => {
        const original = owner[name];
        undo.push(() => { owner[name] = original; });
        owner[name] = function (...args) {
            const result = original.apply(this, args);
            if (new Error().stack.includes("/extensions/comfyui-motion-i2v/")) noted(this, args, result);
            return result;
        };
    };
    const key = (target, [type, listener, how]) =>
        [numberOf(target), type, numberOf(listener), Boolean(how instanceof Object ? how.capture : how)].join();
    const told = (target, [type, listener]) => `${target.className ?? target} ${type} ${listener.name}`;
    note(EventTarget.prototype, "addEventListener", (target, args) => kept.set(key(target, args), told(target, args)));
    note(EventTarget.prototype, "removeEventListener", (target, args) => kept.delete(key(target, args)));
    note(window, "setInterval", (_, args, id) => kept.set(id, `interval ${args[0]}`));
    note(window, "clearInterval", (_, [id]) => kept.delete(id));
    note(ResizeObserver.prototype, "observe", (observer) => kept.set(observer, "observer"));
    note(ResizeObserver.prototype, "disconnect", (observer) => kept.delete(observer));
    try {
        const own = new editor.constructor(), made = new Set(kept.keys());
        document.body.append(own.element);
        own.on();
        const listening = kept.size - made.size;
        own.fullScreen.open();
        own.help.open();
        own.menu.openFrom(own.surface.querySelector("[data-part=menu]"));
        own.session.play(true);
        await new Promise(requestAnimationFrame);
        own.off();
        own.element.remove();
        await new Promise(requestAnimationFrame);
        const left = [...kept].filter(([one]) => !made.has(one)).map(([, what]) => what);
        return [listening, left.filter((what) => !/^(motion-i2v-dialog|m-text-button) /.test(what))];
    } finally {
        undo.forEach((back) => back());
    }
}"""


def test_an_editor_that_is_switched_off_listens_to_nothing_any_more(editor):
    listening, left = editor.page.evaluate(LEFT, int(editor.node))
    assert listening > 30
    assert left == []
    assert editor.page.locator(DIALOG).count() == 0
