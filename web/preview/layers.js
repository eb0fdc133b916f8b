// What the preview paints on the graphics card: the picture with its plate, and over it one mesh for every moving thing.

import { clamp, steps } from "./lattice.js";
import { RIM } from "./outline.js";

/** @typedef {import("./lattice.js").Lattice} Lattice */
/** @typedef {import("./things.js").Thing} Thing */
/** @typedef {{x: number, y: number, width: number, height: number}} Rect  CSS pixels from the canvas's upper left */
/** @typedef {{data: Uint8Array|Uint8ClampedArray, width: number, height: number}} Values */

// Half of what is blended on the coarse copy: on the canvas a rim of about two pixels.
const SHARPER = `float sharper(float share) { return smoothstep(${RIM[0]}, ${RIM[1]}, share); }
`;

const PLACE = `#version 300 es
precision highp float;
uniform vec4 place; // of the picture on the canvas, 0…1: x, y, width, height
vec4 onCanvas(vec2 imagePoint) {
    vec2 canvasPoint = place.xy + imagePoint * place.zw;
    return vec4(canvasPoint.x * 2.0 - 1.0, 1.0 - canvasPoint.y * 2.0, 0.0, 1.0);
}
`;

const GROUND_VERTEX = `${PLACE}
out vec2 imagePoint;
void main() {
    imagePoint = vec2(gl_VertexID & 1, gl_VertexID >> 1);
    gl_Position = onCanvas(imagePoint);
}`;

const GROUND_FRAGMENT = `#version 300 es
precision highp float;
uniform sampler2D picture, plate, region;
uniform float away; // 0…1: whether anything has left its place
in vec2 imagePoint;
out vec4 colour;
${SHARPER}
void main() {
    vec4 filled = texture(plate, imagePoint);
    float share = filled.a * away * sharper(texture(region, imagePoint).r);
    colour = mix(texture(picture, imagePoint), vec4(filled.rgb, 1.0), share);
}`;

// The nodes and a ring around them on the picture's rim, which moves like the nodes beside it.
const THING_VERTEX = `${PLACE}
uniform highp sampler2DArray displacement;
uniform ivec2 nodes;
uniform int thing;
out vec2 imagePoint;
void main() {
    ivec2 node = ivec2(gl_VertexID % (nodes.x + 2), gl_VertexID / (nodes.x + 2)) - 1;
    imagePoint = clamp((vec2(node) + 0.5) / vec2(nodes), 0.0, 1.0);
    vec2 moved = texelFetch(displacement, ivec3(clamp(node, ivec2(0), nodes - 1), thing), 0).xy;
    gl_Position = onCanvas(imagePoint + moved);
}`;

const THING_FRAGMENT = `#version 300 es
precision highp float;
uniform sampler2D picture, region;
uniform highp sampler2DArray shown;
uniform highp int thing;
in vec2 imagePoint;
out vec4 colour;
${SHARPER}
void main() {
    float alpha = sharper(texture(shown, vec3(imagePoint, float(thing))).r) * sharper(texture(region, imagePoint).r);
    colour = texture(picture, imagePoint) * alpha;
}`;

const UNITS = { picture: 0, plate: 1, region: 2, shown: 3, displacement: 4 };

export class Layers {
    /** @param {WebGL2RenderingContext} gl */
    constructor(gl) {
        this.gl = gl;
        this.ground = program(gl, GROUND_VERTEX, GROUND_FRAGMENT);
        this.things = program(gl, THING_VERTEX, THING_FRAGMENT);
        this.mesh = gl.createBuffer();
        /** @type {Map<keyof typeof UNITS, WebGLTexture>} */
        this.textures = new Map();
        /** @type {number[]} indexes of each thing's mesh, one behind the other */
        this.meshes = [];
        gl.disable(gl.DEPTH_TEST);
        gl.enable(gl.BLEND);
        gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA); // colours are multiplied by their alpha
        gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    }

    /** @param {HTMLCanvasElement} picture  not larger than the card takes */
    setPicture(picture) {
        const { gl } = this;
        this.#renew("picture", gl.TEXTURE_2D, gl.LINEAR_MIPMAP_LINEAR);
        gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, true);
        gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, picture);
        gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
        gl.generateMipmap(gl.TEXTURE_2D);
    }

    /**
     * @param {Lattice} lattice
     * @param {readonly Thing[]} things
     * @param {Values} plate  RGBA
     * @param {Values} region  one byte a pixel
     * @param {Values} shown  one byte a pixel, one layer for each thing
     */
    setThings(lattice, things, plate, region, shown) {
        const { gl } = this;
        this.lattice = lattice;
        const meshes = things.map((thing) => meshOf(lattice, thing));
        this.meshes = meshes.map(({ length }) => length);
        this.#renew("plate", gl.TEXTURE_2D, gl.LINEAR);
        gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, plate.width, plate.height, 0, gl.RGBA, gl.UNSIGNED_BYTE, plate.data);
        this.#renew("region", gl.TEXTURE_2D, gl.LINEAR);
        gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, region.width, region.height, 0, gl.RED, gl.UNSIGNED_BYTE, region.data);
        if (!things.length) return;
        this.#renew("shown", gl.TEXTURE_2D_ARRAY, gl.LINEAR);
        gl.texImage3D(gl.TEXTURE_2D_ARRAY, 0, gl.R8, shown.width, shown.height, things.length, 0, gl.RED, gl.UNSIGNED_BYTE, shown.data);
        this.#renew("displacement", gl.TEXTURE_2D_ARRAY, gl.NEAREST);
        gl.texStorage3D(gl.TEXTURE_2D_ARRAY, 1, gl.RG32F, lattice.width, lattice.height, things.length);
        const triangles = new Uint16Array(this.meshes.reduce((sum, length) => sum + length, 0));
        meshes.reduce((at, mesh) => (triangles.set(mesh, at), at + mesh.length), 0);
        gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.mesh);
        gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, triangles, gl.STATIC_DRAW);
    }

    /** Nothing but transparent pixels. */
    clear() {
        const { gl } = this;
        gl.disable(gl.SCISSOR_TEST);
        gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
        gl.clearColor(0, 0, 0, 0);
        gl.clear(gl.COLOR_BUFFER_BIT);
    }

    /**
     * @param {Rect} rect  of the picture
     * @param {{width: number, height: number}} canvas  CSS pixels
     * @param {Float32Array} displacement  [things · nodes · 2], 0…1 of the picture
     * @param {number} away  0…1: whether anything has left its place
     */
    draw(rect, canvas, displacement, away) {
        const { gl } = this;
        this.clear();
        const [x, y] = [gl.drawingBufferWidth / canvas.width, gl.drawingBufferHeight / canvas.height];
        const [left, right] = [Math.round(rect.x * x), Math.round((rect.x + rect.width) * x)];
        const [top, low] = [Math.round(rect.y * y), Math.round((rect.y + rect.height) * y)];
        gl.enable(gl.SCISSOR_TEST); // what leaves the picture is gone
        gl.scissor(left, gl.drawingBufferHeight - low, Math.max(0, right - left), Math.max(0, low - top));
        this.#use(this.ground, rect, canvas);
        gl.uniform1f(this.ground.uniforms.away, away);
        gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
        if (!this.meshes.length || !this.lattice || away === 0) return;
        this.#use(this.things, rect, canvas);
        gl.uniform2i(this.things.uniforms.nodes, this.lattice.width, this.lattice.height);
        gl.activeTexture(gl.TEXTURE0 + UNITS.displacement);
        gl.texSubImage3D(
            gl.TEXTURE_2D_ARRAY, 0, 0, 0, 0, this.lattice.width, this.lattice.height, this.meshes.length,
            gl.RG, gl.FLOAT, displacement,
        );
        gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.mesh);
        let first = 0;
        for (let thing = 0; thing < this.meshes.length; thing++) {
            gl.uniform1i(this.things.uniforms.thing, thing);
            gl.drawElements(gl.TRIANGLES, this.meshes[thing], gl.UNSIGNED_SHORT, first * Uint16Array.BYTES_PER_ELEMENT);
            first += this.meshes[thing];
        }
    }

    dispose() {
        const { gl } = this;
        for (const texture of this.textures.values()) gl.deleteTexture(texture);
        gl.deleteBuffer(this.mesh);
        gl.deleteProgram(this.ground.program);
        gl.deleteProgram(this.things.program);
    }

    /** @param {ReturnType<typeof program>} made @param {Rect} rect @param {{width: number, height: number}} canvas */
    #use({ program: used, uniforms }, rect, canvas) {
        const { gl } = this;
        gl.useProgram(used);
        gl.uniform4f(
            uniforms.place,
            rect.x / canvas.width, rect.y / canvas.height, rect.width / canvas.width, rect.height / canvas.height,
        );
    }

    /** An empty texture, bound to its unit for good. @param {keyof typeof UNITS} name @param {number} target @param {number} smaller */
    #renew(name, target, smaller) {
        const { gl } = this;
        gl.deleteTexture(this.textures.get(name) ?? null);
        const texture = gl.createTexture();
        this.textures.set(name, texture);
        gl.activeTexture(gl.TEXTURE0 + UNITS[name]);
        gl.bindTexture(target, texture);
        gl.texParameteri(target, gl.TEXTURE_MIN_FILTER, smaller);
        gl.texParameteri(target, gl.TEXTURE_MAG_FILTER, smaller === gl.NEAREST ? gl.NEAREST : gl.LINEAR);
        gl.texParameteri(target, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
        gl.texParameteri(target, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    }
}

const BESIDE = 2; // nodes: the fine outline may differ so much from the coarse one

/**
 * Two triangles for every cell between the nodes and the ring around them, where the thing is to be seen. Where the mesh
 * folds, what follows the thing more lies on top.
 * @param {Lattice} lattice @param {Thing} thing
 */
function meshOf(lattice, { shown, follows }) {
    const { width, height } = lattice;
    const row = width + 2;
    const away = steps(lattice, (node) => shown[node] > RIM[0], undefined, true);
    /** @type {{corners: number[], follows: number}[]} */
    const triangles = [];
    for (let down = 0; down <= height; down++) {
        for (let right = 0; right <= width; right++) {
            const first = down * row + right;
            for (const corners of [[first, first + 1, first + row], [first + row + 1, first + row, first + 1]]) {
                const nodes = corners.map((vertex) =>
                    clamp(Math.floor(vertex / row) - 1, 0, height - 1) * width + clamp((vertex % row) - 1, 0, width - 1));
                if (!nodes.some((node) => away[node] >= 0 && away[node] <= BESIDE)) continue;
                triangles.push({ corners, follows: nodes.reduce((sum, node) => sum + follows[node], 0) });
            }
        }
    }
    return triangles.sort((a, b) => a.follows - b.follows).flatMap(({ corners }) => corners);
}

/** @param {WebGL2RenderingContext} gl @param {string} vertex @param {string} fragment */
function program(gl, vertex, fragment) {
    const made = gl.createProgram();
    for (const [type, source] of /** @type {[number, string][]} */ ([[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]])) {
        const shader = gl.createShader(type);
        if (!shader) continue; // the context was lost; it is all made anew when it comes back
        gl.shaderSource(shader, source);
        gl.compileShader(shader);
        gl.attachShader(made, shader);
        gl.deleteShader(shader);
    }
    gl.linkProgram(made);
    if (!gl.getProgramParameter(made, gl.LINK_STATUS) && !gl.isContextLost()) {
        throw new Error(`The preview's shader does not link: ${gl.getProgramInfoLog(made)}`);
    }
    gl.useProgram(made);
    for (const [name, unit] of Object.entries(UNITS)) gl.uniform1i(gl.getUniformLocation(made, name), unit);
    const uniforms = {
        place: gl.getUniformLocation(made, "place"),
        away: gl.getUniformLocation(made, "away"),
        nodes: gl.getUniformLocation(made, "nodes"),
        thing: gl.getUniformLocation(made, "thing"),
    };
    return { program: made, uniforms };
}
