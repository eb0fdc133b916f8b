"""ComfyUI's page in a browser, and what a person does to the graph in it."""

import json
import time
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Response, TimeoutError
from playwright.sync_api import Page as BrowserPage

from tests.web.browser.gestures import Hand, Point
from tests.web.browser.host import Host

DRAW = "MotionI2V_DrawTrajectories"
PATIENCE = 10_000  # ms that something may take on a busy machine
LOADING = 60_000  # ms that the whole page may take
READY = """([type]) => window.app?.graph && window.app.canvas && window.LiteGraph?.registered_node_types?.[type]
    && window.app.extensionManager?.workflow?.activeWorkflow?.changeTracker
    && window.app.extensionManager.spinner !== true"""
CLEAN = """async () => {
    const app = window.app, root = app.rootGraph ?? app.graph;
    document.activeElement?.blur();
    if (app.canvas.graph !== root) app.canvas.setGraph(root);
    app.clean();
    root.clear();
    app.canvas.deselectAll?.();
    const { changeTracker } = app.extensionManager.workflow.activeWorkflow;
    changeTracker.reset(root.serialize());
    changeTracker.undoQueue.length = changeTracker.redoQueue.length = 0;
    const { ds } = app.canvas;
    [ds.scale, ds.offset[0], ds.offset[1]] = [1, 0, 0];
    app.canvas.setDirty(true, true);
    await new Promise(requestAnimationFrame);
}"""
# The active workflow's own undo steps, and whether one is being taken back at this moment.
STEPS = """() => {
    const tracker = window.app.extensionManager.workflow.activeWorkflow.changeTracker;
    const busy = Boolean(tracker._restoringState ?? tracker.restoringState);
    return [tracker.undoQueue.length, tracker.redoQueue.length, busy];
}"""
CAPTURE = """() => {
    const tracker = window.app.extensionManager.workflow.activeWorkflow.changeTracker;
    (tracker.captureCanvasState ?? tracker.checkState).call(tracker);
}"""


# Draws the graph at once, then waits until every node and widget stayed where it is for some frames, 60 at most.
SETTLE = """async (frames) => {
    window.app.canvas.draw(true, true);
    const places = () => [...document.querySelectorAll(".dom-widget, [data-node-id], [data-node-id] canvas")]
        .map((element) => Object.values(element.getBoundingClientRect().toJSON())).join();
    for (let same = 0, all = 0, before = ""; same < frames && all < 60; all++) {
        await new Promise((next) => requestAnimationFrame(next));
        const now = places();
        same = now === before ? same + 1 : 0;
        before = now;
    }
}"""


class Canvas:
    """One loaded page.

    mode: "classic" or "nodes2". version: of the frontend, e.g. (1, 42, 8).
    at_start: what went wrong while it came up, and what it asked for that nothing answered.
    errors: what went wrong in the page since it was last cleaned; the `graph` fixture fails a test that leaves any.
    stale: whether the page cannot be cleaned any more, only loaded anew.
    """

    def __init__(self, context: BrowserContext, host: Host, version: tuple[int, ...], mode: str) -> None:
        self.context, self.host, self.version, self.mode = context, host, version, mode
        self.errors: list[str] = []
        self.stale = False
        self.page: BrowserPage = context.new_page()
        self.session = context.new_cdp_session(self.page)
        self.page.on("pageerror", lambda error: self.errors.append(f"error in the page: {error.stack or error}"))
        self.page.on("console", self._hear)
        self.page.on("response", self._see)
        self.page.goto(host.address, wait_until="domcontentloaded", timeout=LOADING)
        self._wait_until_ready()
        said = self.page.evaluate("() => [Boolean(LiteGraph.vueNodesMode), __COMFYUI_FRONTEND_VERSION__]")
        assert said == [mode == "nodes2", ".".join(map(str, version))], f"the page came up otherwise: {said}"
        self.page.wait_for_timeout(300)  # ms: for what comes late
        self.at_start = self.errors + host.unanswered

    def _wait_until_ready(self) -> None:
        try:
            self.page.wait_for_function(READY, arg=[DRAW], timeout=LOADING)
        except TimeoutError as late:
            raise AssertionError(f"the page did not come up: {self.errors}") from late

    def _hear(self, message: ConsoleMessage) -> None:
        # What the page fetches from elsewhere (news, fonts) cannot be reached here and is not about us.
        elsewhere = not message.location.get("url", "").startswith(self.host.address)
        if message.type == "error" and not (elsewhere and "net::ERR" in message.text):
            self.errors.append(f"error on the console: {message.text} ({message.location.get('url')})")

    def _see(self, response: Response) -> None:
        if response.status >= 400 and response.url.startswith(self.host.address):
            self.errors.append(f"{response.status} {response.request.method} {response.url}")

    # The graph

    def clean(self) -> None:
        """An empty graph at zoom 1, no step to undo, no error noted, no prompt recorded."""
        if self.stale:
            self.page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
            self.page.goto(self.host.address, wait_until="domcontentloaded", timeout=LOADING)
            self._wait_until_ready()
            self.stale = False
        self.page.mouse.move(2, 2)
        self.page.evaluate(CLEAN)
        self.errors.clear()
        self.host.prompts.clear()
        self.host.unanswered.clear()
        self.host.execute = self.host.pictures_of

    def add(self, node_type: str, pos: Point = (120, 120), size: Point | None = None, **values: Any) -> str:
        """A new node's id. pos, size: graph units. values: of its widgets."""
        return self.page.evaluate(
            """([type, pos, size, values]) => {
                const node = LiteGraph.createNode(type);
                node.pos = pos;
                window.app.canvas.graph.add(node);
                if (size) node.setSize(size);
                for (const [name, value] of Object.entries(values)) {
                    const widget = node.widgets.find((widget) => widget.name === name);
                    widget.value = value;
                    widget.callback?.(value);
                }
                return String(node.id);
            }""",
            [node_type, list(pos), list(size) if size else None, values],
        )

    def connect(self, source: str, target: str, entry: str, output: int = 0) -> None:
        """A wire from a node's output, by number, to another's input, by name."""
        connected = self.page.evaluate(
            """([source, output, target, entry]) => {
                const find = (id) => window.app.canvas.graph.nodes.find((node) => String(node.id) === id);
                const slot = find(target).inputs.findIndex((input) => input.name === entry);
                return Boolean(slot >= 0 && find(source).connect(output, find(target), slot));
            }""",
            [source, output, target, entry],
        )
        assert connected, f"{source} was not connected to {entry} of {target}"

    def remove(self, node: str) -> None:
        self._on(node, "(node) => window.app.canvas.graph.remove(node)")

    def drawing_node(self, picture: str = "picture.png", size: Point = (520, 560), pos: Point = (460, 90)) -> str:
        """Load Image → Draw Trajectories, its widget on the screen and taken for a step that cannot be undone."""
        load = self.add("LoadImage", (pos[0] - 340, pos[1]), image=picture)
        draw = self.add(DRAW, pos, size)
        self.connect(load, draw, "image")
        self.settle()
        self.element(".motion-i2v", node=draw).first.wait_for(state="visible", timeout=PATIENCE)
        return draw

    def nodes(self) -> list[dict[str, str]]:
        """[{id, type}] of the graph on the screen."""
        return self.page.evaluate("() => window.app.canvas.graph.nodes.map(({id, type}) => ({id: String(id), type}))")

    def the(self, node_type: str = DRAW) -> str:
        """The id of the one node of a type."""
        (found,) = [node["id"] for node in self.nodes() if node["type"] == node_type]
        return found

    def value(self, widget: str = "drawing", node: str | None = None) -> Any:
        """A widget's value; of the one Draw Trajectories unless a node is named."""
        return self._on(
            node or self.the(), "(node, name) => node.widgets.find((widget) => widget.name === name).value", widget
        )

    def drawn(self, node: str | None = None) -> dict[str, Any]:
        """The drawing that is the value, {} for none."""
        return json.loads(self.value(node=node) or "{}")

    def set_value(self, value: Any, widget: str = "drawing", node: str | None = None) -> None:
        """As if it had been loaded with the graph."""
        self._on(
            node or self.the(),
            "(node, [name, value]) => { node.widgets.find((widget) => widget.name === name).value = value; }",
            [widget, value],
        )

    def resize(self, node: str, size: Point) -> None:
        self._on(node, "(node, size) => { node.setSize(size); window.app.canvas.setDirty(true, true); }", list(size))
        self.settle()

    def _on(self, node: str, does: str, arg: Any = None) -> Any:
        """Runs a function of (node, arg) in the page."""
        return self.page.evaluate(
            f"""([id, arg]) => {{
                const node = window.app.canvas.graph.nodes.find((node) => String(node.id) === id);
                if (!node) throw new Error(`There is no node ${{id}}.`);
                return ({does})(node, arg);
            }}""",
            [node, arg],
        )

    # What is on the screen

    def element(self, selector: str, node: str | None = None) -> Locator:
        """An element that can be seen; in Nodes 2.0 inside a node, in the classic mode wherever it is."""
        place = self.page.locator(f'[data-node-id="{node}"]') if node and self.mode == "nodes2" else self.page
        return place.locator(selector).filter(visible=True)

    def hand(self, selector: str = ".motion-i2v canvas", node: str | None = None) -> Hand:
        """A hand on an element, by default on the editor's canvas."""
        return Hand(self.page, self.session, self.element(selector, node).first)

    def view(self, scale: float = 1, offset: Point = (0, 0)) -> None:
        """The graph's zoom, and its offset in graph units."""
        self.page.evaluate(
            """([scale, offset]) => {
                const { ds } = window.app.canvas;
                [ds.scale, ds.offset[0], ds.offset[1]] = [scale, ...offset];
                window.app.canvas.setDirty(true, true);
            }""",
            [scale, list(offset)],
        )
        self.settle()

    def viewed(self) -> tuple[float, float, float]:
        """(zoom, offset x, offset y) of the graph."""
        return tuple(self.page.evaluate("() => { const d = app.canvas.ds; return [d.scale, ...d.offset]; }"))

    def settle(self, frames: int = 3) -> None:
        """Until the page has painted what was done to it, and no node or widget moved for so many frames."""
        self.page.evaluate(SETTLE, frames)

    def wait(self, condition: str, arg: Any = None, timeout: float = PATIENCE) -> None:
        """Until a JavaScript function returns something true."""
        self.page.wait_for_function(condition, arg=arg, timeout=timeout)

    def select(self, *nodes: str) -> None:
        self.page.evaluate(
            """(ids) => {
                const { canvas } = window.app;
                canvas.deselectAll();
                for (const node of canvas.graph.nodes) if (ids.includes(String(node.id))) canvas.select(node);
            }""",
            list(nodes),
        )
        self.settle(1)

    def leave(self) -> None:
        """The focus goes from any widget to the graph."""
        self.page.evaluate("() => { document.activeElement?.blur(); }")

    # What is sent

    def prompt(self) -> dict[str, Any]:
        """What would be queued now, by node."""
        return self.page.evaluate("async () => (await window.app.graphToPrompt()).output")

    def sent(self, widget: str = "drawing", node_type: str = DRAW) -> Any:
        """A widget's value in the prompt, of the one node of a type, wherever it is in subgraphs."""
        (found,) = [node["inputs"][widget] for node in self.prompt().values() if node["class_type"] == node_type]
        return found

    def workflow(self) -> dict[str, Any]:
        """What would be saved now."""
        return self.page.evaluate("() => (window.app.rootGraph ?? window.app.graph).serialize()")

    def queue(self) -> dict[str, Any]:
        """Queues, waits until the run has ended, returns the prompt that the host received."""
        before = len(self.host.prompts)
        self.page.evaluate(
            """() => new Promise((done, failed) => {
                const api = window.app.api ?? window.comfyAPI?.api?.api;
                api.addEventListener("execution_success", () => done(), { once: true });
                window.app.queuePrompt(0, 1).catch(failed);
                setTimeout(() => failed(new Error("the run did not end")), 10000);
            })"""
        )
        (body,) = self.host.prompts[before:]
        return body["prompt"]

    def another_workflow(self) -> None:
        """A new tab with a copy of this graph, its nodes of the same numbers. This page is not cleaned any more."""
        self.stale = True
        self.page.evaluate(
            """async () => {
                const { workflow } = app.extensionManager, before = workflow.activeWorkflow.path;
                await app.loadGraphData((app.rootGraph ?? app.graph).serialize(), true, true, "another workflow");
                if (workflow.activeWorkflow.path === before) throw new Error("There is no new tab.");
            }"""
        )
        self.settle()

    # What must not lose anything

    def steps(self) -> tuple[int, int]:
        """How many steps the graph can undo and redo."""
        undo, redo, _ = self.page.evaluate(STEPS)
        return undo, redo

    def note(self) -> None:
        """The graph as it is now is a step, as after a click; no step comes later from what was done before."""
        self.page.evaluate(CAPTURE)
        self.page.wait_for_timeout(80)  # ms: for 50 more, 1.58.1 adds what changes to the step

    def undo(self) -> None:
        """Ctrl+Z of the graph."""
        self._take("Control+z")

    def redo(self) -> None:
        """Ctrl+Y of the graph."""
        self._take("Control+y")

    def _take(self, keys: str) -> None:
        self.leave()
        before = self.steps()
        self.page.keyboard.press(keys)
        end = time.monotonic() + 2
        while time.monotonic() < end:
            undo, redo, busy = self.page.evaluate(STEPS)
            if (undo, redo) != before and not busy:
                break
            self.page.wait_for_timeout(20)
        self.settle()

    def clone(self, node: str, by: Point = (40, 320)) -> str:
        """A node's clone, as its menu makes it."""
        return self._on(
            node,
            """(node, by) => {
                const copy = node.clone();
                copy.pos = [node.pos[0] + by[0], node.pos[1] + by[1]];
                window.app.canvas.graph.add(copy);
                return String(copy.id);
            }""",
            list(by),
        )

    def copy_and_paste(self, node: str) -> str:
        """Ctrl+C, Ctrl+V with a node selected; the new node's id."""
        before = {found["id"] for found in self.nodes()}
        self.leave()
        self.select(node)
        self.page.keyboard.press("Control+c")
        self.page.keyboard.press("Control+v")
        self.wait("(count) => window.app.canvas.graph.nodes.length > count", len(before))
        (new,) = {found["id"] for found in self.nodes()} - before
        return new

    def to_subgraph(self, node: str) -> str:
        """Converts a node to a subgraph, as the menu does; the id of the subgraph's node."""
        self.select(node)
        self._command("Comfy.Graph.ConvertToSubgraph")
        self.wait("() => window.app.canvas.graph.nodes.some((node) => node.subgraph)")
        self.settle()
        return self.page.evaluate("() => String(window.app.canvas.graph.nodes.find((node) => node.subgraph).id)")

    def unpack(self, subgraph: str) -> None:
        """The nodes of a subgraph stand in the graph again."""
        self.select(subgraph)
        self._on(subgraph, "(node) => window.app.canvas.graph.unpackSubgraph(node)")
        self.settle()

    def enter(self, subgraph: str) -> None:
        """Opens a subgraph. In 1.42.8's Nodes 2.0, nodes that are added after leaving it are not shown: hence stale."""
        self.stale = True
        self._on(subgraph, "(node) => window.app.canvas.openSubgraph(node.subgraph, node)")
        self.settle()

    def exit(self) -> None:
        """Back to the outermost graph."""
        self.page.evaluate("() => window.app.canvas.setGraph(window.app.rootGraph ?? window.app.graph)")
        self.settle()

    def _command(self, name: str) -> None:
        self.page.evaluate("(name) => window.app.extensionManager.command.execute(name)", name)

    def save(self) -> None:
        """Ctrl+S, and a name where the page asks for one."""
        before = self._saved()
        self.leave()
        self.page.keyboard.press("Control+s")
        end = time.monotonic() + PATIENCE / 1000
        named = False
        while self._saved() == before:
            assert time.monotonic() < end, "nothing was saved"
            asked = self.page.get_by_role("dialog").get_by_role("textbox")
            if not named and asked.is_visible():
                asked.fill(f"test {time.time_ns()}")
                asked.press("Enter")
                named = True
            self.page.wait_for_timeout(30)

    def _saved(self) -> dict[str, int]:
        folder = self.host.folder / "user" / "workflows"
        return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.json")} if folder.is_dir() else {}

    def reload(self) -> None:
        """F5, once the page has kept its draft."""
        self.note()
        self.page.wait_for_timeout(700)  # ms: drafts are kept 512 ms after the last change
        self._load_again()

    def save_and_reload(self) -> None:
        """Ctrl+S, F5."""
        self.note()
        self.save()
        self._load_again()

    def _load_again(self) -> None:
        before = sorted(found["id"] for found in self.nodes())
        self.page.reload(wait_until="domcontentloaded", timeout=LOADING)
        self._wait_until_ready()
        self.wait("(ids) => JSON.stringify(app.canvas.graph.nodes.map(({id}) => String(id)).sort()) === ids",
                  json.dumps(before, separators=(",", ":")))  # fmt: skip
        self.settle()
