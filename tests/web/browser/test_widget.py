"""The editor as a widget of its node: where its picture comes from, and that nothing drawn is ever lost."""

import asyncio
import json
import threading

import av
import numpy as np
import pytest

LOAD, DRAW, CROP, SCALE = "LoadImage", "MotionI2V_DrawTrajectories", "ImageCrop", "ImageScaleBy"
WIDTH, HEIGHT = 640, 400  # of picture.png
TALL = (300, 600)  # of tall.png
SHOWN = """(id) => {
    const node = window.app.canvas.graph.nodes.find((node) => String(node.id) === id);
    const { picture } = node.widgets.find((widget) => widget.name === "drawing").editor.session;
    if (!picture) return null;
    const corner = document.createElement("canvas").getContext("2d");
    corner.drawImage(picture.element, 0, 0);
    return [picture.width, picture.height, picture.note, [...corner.getImageData(4, 4, 1, 1).data]];
}"""
QUEUED = """async () => {
    const api = app.api ?? window.comfyAPI.api.api;
    const ended = new Promise((done, failed) => {
        api.addEventListener("execution_success", done, { once: true });
        setTimeout(() => failed(new Error("the run did not end")), 10000);
    });
    await app.queuePrompt(0, 1);
    return { ended };
}"""
# The artist draws as soon as the graph is there again, before the widget has looked at it.
HASTY = """async () => {
    const { workflow } = app.extensionManager, graph = (app.rootGraph ?? app.graph).serialize();
    await app.loadGraphData(graph, true, true, workflow.activeWorkflow);
    const node = app.canvas.graph.nodes.find(({ type }) => type === "MotionI2V_DrawTrajectories");
    const { session } = node.widgets.find(({ name }) => name === "drawing").editor;
    session.commit({ ...session.drawing, frames: 9 });
}"""
LISTENERS = """(async () => {
    const ofTheHost = ["click", "keydown", "resize", "scroll"];  // of its menus, of subgraphs; not ours
    const of = (target) => Object.entries(getEventListeners(target))
        .reduce((sum, [type, found]) => sum + (ofTheHost.includes(type) ? 0 : found.length), 0);
    return [of(window), of(document), of(document.body), of(document.documentElement)];
})()"""


def shown(graph, node=None):
    """(width, height) and note of the picture that an editor shows, None for no picture."""
    found = graph.page.evaluate(SHOWN, node or graph.the())
    return found and (tuple(found[:2]), found[2])


def wait_until_shown(graph, size, node=None):
    """Waits for a picture of this size, None for none; returns its note."""
    graph.wait(
        f"([id, size]) => JSON.stringify(({SHOWN})(id)?.slice(0, 2) ?? null) === JSON.stringify(size)",
        [node or graph.the(), size and list(size)],
    )
    return size and shown(graph, node)[1]


def set_mode(graph, node, mode):
    graph._on(node, "(node, mode) => { node.mode = mode; }", mode)


def disconnect(graph, node):
    graph._on(node, '(node) => node.disconnectInput(node.inputs.findIndex(({ name }) => name === "image"))')


def between(graph, node_type, **values):
    """Puts a node between Load Image and Draw Trajectories; its id."""
    draw = graph.the()
    middle = graph.add(node_type, (300, 500), **values)
    graph.connect(graph.the(LOAD), middle, "image")
    graph.connect(middle, draw, "image")
    return middle


def draw(graph, *points, node=None):
    graph.hand(node=node).drag(*(points or ((0.3, 0.3), (0.6, 0.6))))
    graph.settle(1)
    return graph.value(node=node)


def step(graph, does, node=None):
    """Undo or redo in an editor; whether there was such a step."""
    return graph._on(
        node or graph.the(),
        '(node, does) => node.widgets.find(({ name }) => name === "drawing").editor.session[does]()',
        does,
    )


def count(graph, node=None):
    return len(graph.drawn(node).get("trajectories", []))


def listeners(graph):
    """How many listeners window, document and body have, whoever they belong to."""
    found = graph.session.send(
        "Runtime.evaluate",
        {"expression": LISTENERS, "includeCommandLineAPI": True, "awaitPromise": True, "returnByValue": True},
    )
    return found["result"]["value"]


def editors(graph):
    return graph.page.evaluate("() => document.querySelectorAll('.motion-i2v, .motion-i2v-surface, dialog').length")


def top_of(graph):
    """Where the graph's canvas begins in the page, CSS pixels."""
    return graph.page.evaluate("() => app.canvas.canvas.getBoundingClientRect().top")


def wait_for_listeners(graph, expected):
    for _ in range(40):
        if listeners(graph) == expected:
            return
        graph.page.wait_for_timeout(50)
    assert listeners(graph) == expected


# The picture


@pytest.mark.everywhere
def test_a_loaded_image_is_shown_without_a_run(graph):
    graph.drawing_node()
    assert wait_until_shown(graph, (WIDTH, HEIGHT)) == ""
    assert graph.host.prompts == []


def test_another_file_is_shown_and_the_drawing_stays(graph):
    graph.drawing_node()
    wait_until_shown(graph, (WIDTH, HEIGHT))
    before = draw(graph)
    graph.set_value("tall.png", "image", graph.the(LOAD))
    wait_until_shown(graph, TALL)
    assert graph.value() == before != ""


def test_without_a_connection_there_is_no_picture_and_the_drawing_stays(graph):
    node = graph.drawing_node()
    wait_until_shown(graph, (WIDTH, HEIGHT))
    before = draw(graph)
    disconnect(graph, node)
    wait_until_shown(graph, None)
    assert graph.value() == before != ""
    graph.connect(graph.the(LOAD), node, "image")
    wait_until_shown(graph, (WIDTH, HEIGHT))
    assert graph.value() == before


def test_a_picture_in_a_folder_of_another_kind_is_found(graph):
    folder = graph.host.folder / "output" / "my clips"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "one & two.png").write_bytes((graph.host.folder / "input" / "tall.png").read_bytes())
    graph.drawing_node()
    graph.set_value("my clips/one & two.png [output]", "image", graph.the(LOAD))
    wait_until_shown(graph, TALL)


def test_a_node_that_only_resizes_changes_nothing(graph):
    graph.drawing_node()
    between(graph, SCALE, scale_by=0.5)
    assert wait_until_shown(graph, (WIDTH, HEIGHT)) == ""


def test_a_node_that_crops_is_told_of_unless_it_is_bypassed(graph):
    graph.drawing_node()
    wait_until_shown(graph, (WIDTH, HEIGHT))
    crop = between(graph, CROP)
    graph.wait(f"(id) => ({SHOWN})(id)?.[2].includes('Crop')", graph.the())
    set_mode(graph, crop, 4)
    graph.wait(f"(id) => ({SHOWN})(id)?.[2] === ''", graph.the())


def test_what_a_node_showed_in_a_run_counts_until_something_above_it_changes(graph):
    graph.drawing_node()
    crop = between(graph, CROP)
    graph.page.evaluate(
        "(id) => { app.nodeOutputs[id] = { images: [{ filename: 'tall.png', subfolder: '', type: 'input' }] }; }", crop
    )
    graph.page.wait_for_timeout(600)  # ms: two more looks
    assert wait_until_shown(graph, TALL) == ""
    graph.set_value("large.png", "image", graph.the(LOAD))
    assert "Crop" in wait_until_shown(graph, (3840, 2160))


def test_the_first_frame_of_a_video_is_shown(graph):
    with av.open(str(graph.host.folder / "input" / "clip.webm"), "w") as video:
        stream = video.add_stream("libvpx", rate=8)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for colour in [(220, 0, 0), *[(0, 0, 220)] * 7]:
            frame = av.VideoFrame.from_ndarray(np.full((64, 96, 3), colour, np.uint8), format="rgb24")
            video.mux(stream.encode(frame))
        video.mux(stream.encode())
    node = graph.add(DRAW, (460, 90))
    load, parts = graph.add("LoadVideo", (20, 90), file="clip.webm"), graph.add("GetVideoComponents", (20, 400))
    graph.connect(load, parts, "video")
    graph.connect(parts, node, "image")
    assert wait_until_shown(graph, (96, 64)) == ""
    red, green, blue, _ = graph.page.evaluate(SHOWN, node)[3]
    assert red > 180
    assert green < 60
    assert blue < 60


def test_the_picture_crosses_the_border_of_a_subgraph_from_outside(graph):
    subgraph = graph.to_subgraph(graph.drawing_node())
    graph.enter(subgraph)
    wait_until_shown(graph, (WIDTH, HEIGHT))
    graph.exit()


@pytest.mark.everywhere
def test_the_picture_crosses_the_border_of_a_subgraph_from_inside(graph):
    graph.drawing_node()
    graph.to_subgraph(graph.the(LOAD))
    graph.page.wait_for_timeout(300)  # ms: another look
    wait_until_shown(graph, (WIDTH, HEIGHT))
    disconnect(graph, graph.the())
    wait_until_shown(graph, None)


def test_a_picture_that_only_a_run_makes_is_shown_after_it(graph):
    node = graph.add(DRAW, (460, 90))
    graph.connect(graph.add("VAEDecode", (20, 90)), node, "image")
    graph.settle()
    assert shown(graph) is None
    run = {"motion_i2v_picture": [{"filename": "tall.png", "subfolder": "", "type": "input"}]}
    graph.page.wait_for_timeout(300)  # ms: a look
    assert shown(graph) is None
    executed = "(node, output) => { node.onExecuted(output); }"
    graph._on(node, executed, run)
    graph.page.wait_for_timeout(300)
    assert shown(graph) is None, "a run that began elsewhere is another workflow's"
    graph._on(node, "(node) => { node.onExecutionStart(); }")
    graph._on(node, executed, run)
    assert wait_until_shown(graph, TALL) == ""


@pytest.mark.everywhere
def test_what_comes_out_of_a_run_of_another_workflow_is_not_shown(graph):
    """Its node has the same number, and the run waited in the queue: it begins while this workflow is on the screen."""
    node = graph.drawing_node()
    between(graph, CROP)
    graph.connect(node, graph.add("PreviewAny", (1050, 90)), "source", 2)
    run = {"motion_i2v_picture": [{"filename": "tall.png", "subfolder": "", "type": "input"}]}
    released = threading.Event()

    async def waiting(prompt):
        while not released.is_set():
            await asyncio.sleep(0.02)
        return {node: run}

    graph.host.execute = waiting
    queued = graph.page.evaluate_handle(QUEUED)
    graph.another_workflow()
    graph._on(node, "(node) => { node.onExecutionStart(); }")
    released.set()
    queued.evaluate("({ ended }) => ended")
    graph.page.wait_for_timeout(600)  # ms: two looks
    assert shown(graph)[0] == (WIDTH, HEIGHT)
    graph.host.execute = lambda prompt: {node: run}
    graph.queue()
    assert wait_until_shown(graph, TALL) == ""


def test_what_a_run_gave_counts_until_something_above_changes(graph):
    node = graph.drawing_node()
    between(graph, CROP)
    preview = graph.add("PreviewAny", (1050, 90))
    graph.connect(node, preview, "source", 2)
    run = {"motion_i2v_picture": [{"filename": "tall.png", "subfolder": "", "type": "input"}]}
    graph.host.execute = lambda prompt: {node: run}
    graph.queue()
    assert wait_until_shown(graph, TALL) == ""
    graph.set_value("large.png", "image", graph.the(LOAD))
    assert "Crop" in wait_until_shown(graph, (3840, 2160))


def test_a_missing_picture_is_asked_for_once(graph):
    graph.drawing_node()
    wait_until_shown(graph, (WIDTH, HEIGHT))
    graph._on(graph.the(LOAD), "(node) => { node.widgets[0].value = 'gone.png'; }")
    wait_until_shown(graph, None)
    graph.page.wait_for_timeout(600)  # ms: two more looks
    ours = [line for line in graph.host.unanswered if "filename=gone.png&subfolder=&type=input&rand=" in line]
    assert len(ours) == 1
    graph.errors.clear()
    graph.host.unanswered.clear()


# The value


@pytest.mark.everywhere
def test_copies_keep_the_drawing_and_have_steps_of_their_own(graph):
    node = graph.drawing_node()
    before = draw(graph)
    assert count(graph) == 1
    for copy in (graph.clone(node), graph.copy_and_paste(node)):
        assert graph.value(node=copy) == before
        assert not step(graph, "undo", copy)
        assert graph.value(node=copy) == before
    assert graph.value(node=node) == before


@pytest.mark.everywhere
def test_a_subgraph_and_its_end_keep_the_drawing(graph):
    node = graph.drawing_node()
    before = draw(graph)
    subgraph = graph.to_subgraph(node)
    assert graph.sent() == before != ""
    graph.enter(subgraph)
    assert graph.value() == before
    graph.exit()
    graph.unpack(subgraph)
    assert graph.value() == before


@pytest.mark.everywhere
@pytest.mark.parametrize("saved", [False, True], ids=["a draft", "a saved workflow"])
def test_a_reload_keeps_the_drawing_and_the_size(graph, saved):
    node = graph.drawing_node(size=(400, 450))
    before, width = draw(graph), graph._on(node, "(node) => node.size[0]")  # 400, but of scripts 1.35.9 takes no size
    graph.save_and_reload() if saved else graph.reload()
    assert graph.value() == before != ""
    assert graph._on(node, "(node) => node.size[0]") == pytest.approx(width, abs=2)


def test_a_value_that_is_no_drawing_is_kept_until_one_is_drawn(graph):
    graph.drawing_node()
    draw(graph)
    graph.set_value("not a drawing")
    assert graph.value() == "not a drawing"
    assert "drawing" in graph.element(".m-empty").inner_text().lower()
    assert graph.sent() == "not a drawing"
    draw(graph)
    assert count(graph) == 1
    assert graph.sent() == graph.value()
    assert step(graph, "undo")
    assert graph.value() == "not a drawing"


def test_a_value_that_is_no_drawing_survives_a_copy(graph):
    node = graph.drawing_node()
    graph.set_value('{"version": 7}')
    assert graph.value(node=graph.clone(node)) == '{"version": 7}'


@pytest.mark.everywhere
def test_undo_of_the_graph_keeps_the_steps_of_the_editor(graph):
    graph.drawing_node()
    graph.note()
    texts = ["", draw(graph, (0.2, 0.2), (0.4, 0.3)), draw(graph, (0.7, 0.7), (0.5, 0.6))]
    graph.undo()
    assert graph.value() == texts[1]
    graph.redo()
    assert graph.value() == texts[2]
    graph.page.wait_for_timeout(700)  # ms: the second look takes the steps up
    for does, text in (("undo", texts[1]), ("undo", texts[0]), ("redo", texts[1]), ("redo", texts[2])):
        assert step(graph, does)
        assert graph.value() == text


@pytest.mark.everywhere
def test_drawing_right_after_the_graph_was_built_anew_keeps_the_steps_before(graph):
    graph.drawing_node()
    texts = ["", draw(graph, (0.2, 0.2), (0.4, 0.3)), draw(graph, (0.7, 0.7), (0.5, 0.6))]
    graph.page.evaluate(HASTY)
    assert graph.drawn()["frames"] == 9
    graph.page.wait_for_timeout(700)  # ms: three looks
    for text in reversed(texts):
        assert step(graph, "undo")
        assert graph.value() == text
    assert not step(graph, "undo")


def test_every_step_of_the_editor_is_a_step_of_the_graph(graph):
    graph.drawing_node()
    graph.note()
    steps = graph.steps()[0]
    draw(graph, (0.2, 0.2), (0.4, 0.3))
    assert graph.steps()[0] == steps + 1
    draw(graph, (0.7, 0.7), (0.5, 0.6))
    assert graph.steps()[0] == steps + 2


# The node


def test_a_new_node_is_large_enough_and_the_editor_stays_inside(graph):
    node = graph.add(DRAW, (300, 60))
    graph.settle()
    width, height = graph._on(node, "(node) => [...node.size]")
    assert width >= 440
    assert 540 <= height <= 720
    box = graph.element(".motion-i2v", node).bounding_box()
    assert box["width"] > 400
    assert box["y"] + box["height"] <= top_of(graph) + 60 + height + 2


def test_a_small_node_keeps_the_editor_inside(graph):
    node = graph.add(DRAW, (300, 60), (320, 120))
    graph.settle()
    box, height = graph.element(".motion-i2v", node).bounding_box(), graph._on(node, "(node) => node.size[1]")
    assert box["height"] >= 300
    if graph.mode == "classic":
        assert box["y"] + box["height"] <= top_of(graph) + 60 + height + 2


@pytest.mark.everywhere
def test_nothing_is_left_of_an_editor_whose_node_is_gone(graph):
    before = listeners(graph)
    first, second = graph.add(DRAW, (60, 60)), graph.add(DRAW, (600, 60))
    graph.settle()
    assert listeners(graph)[0] > before[0]
    assert editors(graph) == 4
    graph.remove(first)
    graph.settle()
    assert listeners(graph)[0] > before[0]
    assert editors(graph) == 2
    graph.remove(second)
    graph.settle()
    wait_for_listeners(graph, before)
    assert editors(graph) == 0


def test_nothing_is_left_of_an_editor_inside_a_subgraph_when_the_graph_is_cleared(graph):
    before = listeners(graph)
    graph.to_subgraph(graph.drawing_node())
    assert listeners(graph)[0] > before[0]
    graph.clean()
    wait_for_listeners(graph, before)
    assert editors(graph) == 0


def test_a_pinch_on_the_editor_does_not_zoom_the_graph(open_page):
    canvas = open_page(touch=True)
    canvas.drawing_node()
    before = canvas.viewed()
    canvas.hand().pinch(((0.4, 0.5), (0.2, 0.5)), ((0.6, 0.5), (0.8, 0.5)))
    assert canvas.viewed() == before


def test_the_editor_outlives_a_collapsed_node(graph):
    node = graph.drawing_node()
    before = draw(graph)
    for _ in range(2):
        graph._on(node, "(node) => { node.collapse(); app.canvas.setDirty(true, true); }")
        graph.settle(6)
    graph.element(".motion-i2v", node).wait_for(state="visible")
    assert json.loads(graph.value()) == json.loads(before)
    draw(graph, (0.7, 0.2), (0.8, 0.4))
    assert count(graph) == 2
