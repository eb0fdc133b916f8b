// The few types of the host that the widget and the walk up the graph rely on; in every front end from 1.27 on.

interface HostWidget {
    name: string;
    value: unknown;
    serialize?: boolean;
    options?: { serialize?: boolean };
    callback?: (value: unknown) => void;
}

interface HostInput {
    name: string;
    type: string;
    link: number | null;
    widget?: { name: string };
    _widget?: HostWidget;
}

interface HostLink {
    origin_id: number | string;
    origin_slot: number;
}

interface HostSlot {
    name: string;
    type: string;
}

interface HostGraph {
    id?: string;
    rootGraph?: HostGraph;
    subgraphs?: Map<string, HostGraph>;
    nodes: HostNode[];
    outputs?: { linkIds: number[] }[];
    getLink(id: number | null | undefined): HostLink | null | undefined;
    getNodeById(id: number | string): HostNode | null | undefined;
}

interface HostNode {
    id: number | string;
    type: string;
    title?: string;
    comfyClass?: string;
    mode?: number;
    graph?: HostGraph | null;
    subgraph?: HostGraph;
    inputs?: HostInput[];
    outputs?: HostSlot[];
    widgets?: HostWidget[];
    isVirtualNode?: boolean;
    getInputLink?(slot: number): HostLink | null;
    onAdded?(...args: unknown[]): void;
    onRemoved?(...args: unknown[]): void;
    onExecuted?(output: Record<string, unknown>, ...rest: unknown[]): void;
    onExecutionStart?(...args: unknown[]): void;
    onConnectionsChange?(...args: unknown[]): void;
    setDirtyCanvas?(foreground: boolean, background?: boolean): void;
    addDOMWidget(
        name: string,
        type: string,
        element: HTMLElement,
        options: {
            getValue(): string;
            setValue(value: unknown): void;
            getMinHeight(): number;
            hideOnZoom: boolean;
        },
    ): HostWidget;
}

interface HostWorkflow {
    path?: string;
    changeTracker?: {
        captureCanvasState?(): void;
        checkState?(): void;
        _restoringState?: boolean;
        nodeOutputs?: Record<string, unknown>; // of its workflow's runs
    } | null;
}

interface HostApp {
    graph?: HostGraph;
    rootGraph?: HostGraph;
    nodeOutputs?: Record<string, Record<string, unknown> | undefined>;
    extensionManager?: {
        setting?: { get?(name: string): unknown };
        workflow?: { activeWorkflow?: HostWorkflow | null; openWorkflows?: HostWorkflow[] };
    };
    registerExtension(extension: {
        name: string;
        getCustomWidgets?(): Record<
            string,
            (node: HostNode, name: string) => { widget: HostWidget; minWidth?: number; minHeight?: number }
        >;
    }): void;
}

declare module "*/scripts/app.js" {
    export const app: HostApp;
}

declare module "*/scripts/api.js" {
    export const api: { apiURL(route: string): string };
}
