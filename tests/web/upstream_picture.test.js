import assert from "node:assert/strict";
import { test } from "node:test";

import { rims } from "../../web/graph/picture_file.js";
import { fileNamed, upstreamPicture } from "../../web/graph/upstream_picture.js";

/** A graph of nodes; links are [id, from node, its output, to node, its input]. */
function graphOf({ id, nodes, links, root = null, outputs = [] }) {
    const graph = {
        id,
        nodes,
        outputs,
        subgraphs: new Map(),
        getNodeById: (wanted) => nodes.find((node) => node.id === wanted) ?? null,
        getLink: (wanted) => {
            const link = links.find(([one]) => one === wanted);
            return link && { origin_id: link[1], origin_slot: link[2] };
        },
    };
    graph.rootGraph = root ?? graph;
    for (const node of nodes) node.graph = graph;
    for (const [link, , , target, input] of links) {
        const node = graph.getNodeById(target);
        if (node) node.inputs[input].link = link;
    }
    return graph;
}

const image = (name = "image") => ({ name, type: "IMAGE", link: null });
const picture = [{ name: "IMAGE", type: "IMAGE" }];
const load = (id, file) => ({ id, type: "LoadImage", inputs: [], outputs: picture, widgets: [{ name: "image", value: file }] });
const draw = (id) => ({ id, type: "MotionI2V_DrawTrajectories", inputs: [image()], outputs: [], widgets: [] });
const fileAbove = (node) => upstreamPicture(node, "image").file?.filename ?? null;

test("a loader's value names a folder and the kind of a file", () => {
    assert.deepEqual(fileNamed("cat.png"), { filename: "cat.png", subfolder: "", type: "input" });
    assert.deepEqual(fileNamed("a/b c/cat [1].png [temp]"), { filename: "cat [1].png", subfolder: "a/b c", type: "temp" });
});

test("what the server does not show is not asked for", () => {
    for (const value of ["/home/me/cat.png", "C:\\cat.png", "https://cats.example/cat.png", "", "folder/"]) {
        assert.equal(fileNamed(value), null, value);
    }
});

test("a ring of nodes ends", () => {
    const one = { id: 1, type: "ImageBlur", inputs: [image()], outputs: picture, widgets: [] };
    const two = { id: 2, type: "ImageBlur", inputs: [image()], outputs: picture, widgets: [] };
    const node = draw(3);
    graphOf({ id: "g", nodes: [one, two, node], links: [[1, 1, 0, 2, 0], [2, 2, 0, 1, 0], [3, 2, 0, 3, 0]] });
    assert.equal(fileAbove(node), null);
});

test("a node that makes one picture of two has none before a run", () => {
    const blend = { id: 3, type: "ImageBlend", inputs: [image("image1"), image("image2")], outputs: picture, widgets: [] };
    const node = draw(4);
    graphOf({ id: "g", nodes: [load(1, "a.png"), load(2, "b.png"), blend, node],
        links: [[1, 1, 0, 3, 0], [2, 2, 0, 3, 1], [3, 3, 0, 4, 0]] }); // prettier-ignore
    assert.equal(fileAbove(node), null);
    assert.notEqual(upstreamPicture(node, "image").from, "");
});

test("a muted loader gives no picture", () => {
    const node = draw(2);
    graphOf({ id: "g", nodes: [{ ...load(1, "a.png"), mode: 2 }, node], links: [[1, 1, 0, 2, 0]] });
    assert.equal(fileAbove(node), null);
});

test("a Get node gives what its Set node got", () => {
    const get = { id: 5, type: "GetNode", inputs: [], outputs: picture, isVirtualNode: true,
        getInputLink: () => ({ origin_id: 1, origin_slot: 0 }) }; // prettier-ignore
    const node = draw(6);
    graphOf({ id: "g", nodes: [load(1, "a.png"), get, node], links: [[1, 5, 0, 6, 0]] });
    assert.equal(fileAbove(node), "a.png");
});

const scale = (id, crop, size = {}) => {
    const values = Object.entries({ crop, ...size }).map(([name, value]) => ({ name, value }));
    return { id, type: "ImageScale", title: "Fit", inputs: [image()], outputs: picture, widgets: values };
};

function seenThrough(...between) {
    const node = draw(9);
    const nodes = [load(1, "a.png"), ...between, node];
    graphOf({ id: "g", nodes, links: nodes.slice(1).map((one, i) => [i + 1, nodes[i].id, 0, one.id, 0]) });
    const { changedBy, cut } = upstreamPicture(node, "image");
    return { changedBy, cut };
}

const SHAPE = { width: 512, height: 320 };

test("a resize that does not crop leaves everything in place", () => {
    assert.deepEqual(seenThrough(scale(2, "disabled", SHAPE)), { changedBy: "", cut: null });
});

test("a resize that keeps the middle of the picture is cut alike", () => {
    assert.deepEqual(seenThrough(scale(2, "center", SHAPE)), { changedBy: "", cut: [512, 320] });
});

test("a resize after the cut changes nothing more, one before it makes the cut unknown", () => {
    assert.deepEqual(seenThrough(scale(2, "center", SHAPE), scale(3, "disabled", SHAPE)).cut, [512, 320]);
    assert.deepEqual(seenThrough(scale(2, "disabled", SHAPE), scale(3, "center", SHAPE)), { changedBy: "Fit", cut: null });
});

test("two cuts, or one to a side that follows from the other, are told of", () => {
    assert.deepEqual(seenThrough(scale(2, "center", SHAPE), scale(3, "center", SHAPE)), { changedBy: "Fit", cut: null });
    assert.deepEqual(seenThrough(scale(2, "center", { width: 512, height: 0 })), { changedBy: "Fit", cut: null });
});

test("what is cut off lies evenly on both sides of what is too long", () => {
    assert.deepEqual(rims([1000, 500], [500, 500]), { x: 250, y: 0 });
    assert.deepEqual(rims([500, 1000], [512, 320]), { x: 0, y: 344 }); // 312.5 rows are left: round(687.5 / 2)
    assert.deepEqual(rims([640, 400], [1280, 800]), { x: 0, y: 0 });
});

test("the loader in a subgraph shows the file that is chosen on the subgraph's node", () => {
    const inner = load(1, "inside.png");
    inner.inputs = [{ name: "image", type: "COMBO", link: null, widget: { name: "image" } }];
    const holder = { id: 7, type: "s", inputs: [{ name: "image", type: "COMBO", link: null, widget: { name: "image" } }],
        outputs: picture, widgets: [{ name: "image", value: "outside.png" }] }; // prettier-ignore
    const node = draw(8);
    const root = graphOf({ id: "g", nodes: [holder, node], links: [[1, 7, 0, 8, 0]] });
    const subgraph = graphOf({ id: "s", nodes: [inner], links: [[1, -10, 0, 1, 0], [2, 1, 0, -20, 0]],
        root, outputs: [{ linkIds: [2] }] }); // prettier-ignore
    holder.subgraph = subgraph;
    root.subgraphs.set("s", subgraph);
    assert.equal(fileAbove(node), "outside.png");
});

test("another value above is another signature, what the host only shows is not", () => {
    const loader = load(1, "a.png");
    const node = draw(2);
    graphOf({ id: "g", nodes: [loader, node], links: [[1, 1, 0, 2, 0]] });
    const before = upstreamPicture(node, "image").signature;
    loader.widgets.push({ name: "preview", value: "shown", serialize: false });
    assert.equal(upstreamPicture(node, "image").signature, before);
    loader.widgets[0].value = "b.png";
    assert.notEqual(upstreamPicture(node, "image").signature, before);
});
