// Where a value in the graph comes from: along its links, through nodes that only pass it on, and across the borders of
// subgraphs both ways.

/**
 * @typedef {Object} Place  an output somewhere in the nested graphs
 * @property {HostNode} node
 * @property {number} slot
 * @property {readonly HostNode[]} inside  subgraph nodes that were entered on the way, innermost last
 */

const BYPASSED = 4; // node mode of the host
const SUBGRAPH_INPUT = -10; // the id that links from a subgraph's own inputs come from

/**
 * The output that an input gets its value from, outside the subgraph if need be.
 * @param {HostNode} node
 * @param {number} slot
 * @param {readonly HostNode[]} [inside]
 * @returns {Place|null}
 */
export function origin(node, slot, inside = []) {
    const link = linkInto(node, slot);
    return link && node.graph ? endOf(link, node.graph, inside) : null;
}

/**
 * A widget's value, also if it is set from another node or from outside the subgraph.
 * @param {HostNode} node
 * @param {string} name
 * @param {readonly HostNode[]} [inside]
 * @returns {unknown}
 */
export function valueOf(node, name, inside = []) {
    const own = node.widgets?.find((widget) => widget.name === name)?.value;
    const slot = node.inputs?.findIndex((input) => input.widget?.name === name && input.link != null) ?? -1;
    const link = slot < 0 ? null : linkInto(node, slot);
    if (!link) return own;
    const source = origin(node, slot, inside);
    if (source) return source.node.widgets?.[0]?.value;
    const holder = inside.at(-1) ?? holdersOf(node.graph)[0];
    const input = holder?.inputs?.[link.origin_slot];
    if (!fromBorder(link) || !input) return own;
    return (input._widget ?? holder.widgets?.find((widget) => widget.name === input.widget?.name))?.value ?? own;
}

/** Whether a node gives on what it gets, as it is. @param {HostNode} node */
export function passesOn(node) {
    return Boolean(node.mode === BYPASSED || node.subgraph || node.isVirtualNode);
}

/**
 * What stands behind a node that only passes on.
 * @param {Place} place
 * @returns {Place|null}
 */
export function behind({ node, slot, inside }) {
    if (node.mode === BYPASSED) {
        const type = node.outputs?.[slot]?.type;
        const matching = (node.inputs ?? []).flatMap((input, index) => (input.type === type ? [index] : []));
        return matching.length ? origin(node, matching.includes(slot) ? slot : matching[0], inside) : null;
    }
    if (node.subgraph) {
        const link = node.subgraph.getLink(node.subgraph.outputs?.[slot]?.linkIds[0]);
        return link ? endOf(link, node.subgraph, [...inside, node]) : null;
    }
    if (node.inputs?.[slot]) return origin(node, slot, inside);
    const link = node.getInputLink?.(slot); // Get nodes, whose Set node is elsewhere in the graph
    return link && node.graph ? endOf(link, node.graph, inside) : null;
}

/** @param {HostNode} node @param {number} slot */
function linkInto(node, slot) {
    return node.graph?.getLink(node.inputs?.[slot]?.link) ?? null; // getInputLink of a subgraph node looks inside
}

/** @param {HostLink} link */
function fromBorder(link) {
    return Number(link.origin_id) === SUBGRAPH_INPUT;
}

/** @param {HostLink} link @param {HostGraph} graph @param {readonly HostNode[]} inside @returns {Place|null} */
function endOf(link, graph, inside) {
    if (!fromBorder(link)) {
        const node = graph.getNodeById(link.origin_id);
        return node ? { node, slot: link.origin_slot, inside } : null;
    }
    const entered = inside.at(-1);
    for (const holder of entered ? [entered] : holdersOf(graph)) {
        const found = origin(holder, link.origin_slot, inside.slice(0, -1));
        if (found) return found;
    }
    return null;
}

/** The subgraph nodes whose inside a graph is. @param {HostGraph|null|undefined} graph @returns {HostNode[]} */
function holdersOf(graph) {
    const root = graph?.rootGraph;
    if (!graph || !root || root === graph) return [];
    return [root, ...(root.subgraphs?.values() ?? [])].flatMap((one) =>
        one.nodes.filter((node) => node.subgraph && node.subgraph.id === graph.id),
    );
}
