/** A million points by WebGL2: one draw call, colours by group, nothing copied after the first time. */

export interface Cloud {
  count: number;
  /** x and y in turn. */
  places: Float32Array;
  /** 0: in no segment; else the segment's place, counted from 1. */
  groups: Uint8Array;
}

/** What of the plane is seen: its middle, and how many pixels of the screen a unit has. */
export interface Look {
  x: number;
  y: number;
  scale: number;
}

export type Colour = readonly [number, number, number, number];

export const MOST_GROUPS = 64;
const PLACE_BYTES = 8;

/** The points as the server sends them: all places as float32, then a byte a point. */
export function readCloud(body: ArrayBuffer): Cloud {
  const count = Math.floor(body.byteLength / (PLACE_BYTES + 1));
  return { count, places: new Float32Array(body, 0, 2 * count), groups: new Uint8Array(body, PLACE_BYTES * count, count) };
}

const VERTEX = `#version 300 es
layout(location = 0) in vec2 place;
layout(location = 1) in uint group;
uniform vec2 middle;
uniform vec2 stretch;
uniform float size;
uniform vec4 colours[${MOST_GROUPS}];
flat out vec4 colour;
void main() {
  colour = colours[min(group, ${MOST_GROUPS - 1}u)];
  gl_Position = colour.a == 0.0 ? vec4(2.0, 2.0, 2.0, 1.0) : vec4((place - middle) * stretch, 0.0, 1.0);
  gl_PointSize = size;
}`;

/** Few pixels are a square; a shader that may discard takes longer even where it does not. */
const SQUARE = `#version 300 es
precision highp float;
flat in vec4 colour;
out vec4 drawn;
void main() {
  drawn = colour;
}`;

const ROUND = `#version 300 es
precision highp float;
flat in vec4 colour;
out vec4 drawn;
void main() {
  if (length(gl_PointCoord - 0.5) > 0.5) discard;
  drawn = colour;
}`;
const ROUND_FROM = 3;

export class Points {
  private readonly gl: WebGL2RenderingContext;
  /** By the shader of a point; each is made when it is first needed. */
  private readonly programs = new Map<string, WebGLProgram>();
  private readonly held: WebGLBuffer[] = [];

  private constructor(
    private readonly canvas: HTMLCanvasElement,
    gl: WebGL2RenderingContext,
    private readonly cloud: Cloud,
  ) {
    this.gl = gl;
    this.hold(cloud.places);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
    this.hold(cloud.groups);
    gl.enableVertexAttribArray(1);
    gl.vertexAttribIPointer(1, 1, gl.UNSIGNED_BYTE, 0, 0);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
  }

  /** Points on a canvas; null where the browser has no WebGL2. */
  static on(canvas: HTMLCanvasElement, cloud: Cloud): Points | null {
    const gl = canvas.getContext("webgl2", { antialias: false, depth: false, premultipliedAlpha: false, preserveDrawingBuffer: true });
    return gl === null ? null : new Points(canvas, gl, cloud);
  }

  private hold(data: Float32Array | Uint8Array): void {
    const buffer = this.gl.createBuffer();
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, buffer);
    this.gl.bufferData(this.gl.ARRAY_BUFFER, data as unknown as ArrayBufferView<ArrayBuffer>, this.gl.STATIC_DRAW);
    this.held.push(buffer);
  }

  private program(fragment: string): WebGLProgram {
    const made = this.programs.get(fragment) ?? linked(this.gl, fragment);
    this.programs.set(fragment, made);
    return made;
  }

  /** Draw; `colours` by group, those with alpha 0 not at all; `paper` is behind them. */
  draw(look: Look, colours: readonly Colour[], paper: Colour, ratio: number): void {
    const { gl, canvas } = this;
    const size = pointSize(this.cloud.count, look.scale) * ratio;
    const program = this.program(size > ROUND_FROM ? ROUND : SQUARE);
    gl.useProgram(program);
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(...paper);
    gl.clear(gl.COLOR_BUFFER_BIT);
    const across = (2 * look.scale * ratio) / canvas.width;
    const up = (2 * look.scale * ratio) / canvas.height;
    gl.uniform2f(gl.getUniformLocation(program, "middle"), look.x, look.y);
    gl.uniform2f(gl.getUniformLocation(program, "stretch"), across, up);
    gl.uniform1f(gl.getUniformLocation(program, "size"), size);
    const flat = new Float32Array(4 * MOST_GROUPS);
    for (const [i, colour] of colours.slice(0, MOST_GROUPS).entries()) flat.set(colour, 4 * i);
    gl.uniform4fv(gl.getUniformLocation(program, "colours"), flat);
    gl.drawArrays(gl.POINTS, 0, this.cloud.count);
  }

  /** Wait until everything is on the canvas: reading a pixel back ends only then. */
  finish(): void {
    this.gl.readPixels(0, 0, 1, 1, this.gl.RGBA, this.gl.UNSIGNED_BYTE, new Uint8Array(4));
  }

  /** Give the memory back. */
  free(): void {
    for (const buffer of this.held) this.gl.deleteBuffer(buffer);
    for (const program of this.programs.values()) this.gl.deleteProgram(program);
  }
}

/** Pixels across a point: few are large, many small, and all grow as one comes nearer. */
export function pointSize(count: number, scale: number): number {
  const least = count > 200_000 ? 1 : count > 20_000 ? 2 : count > 3_000 ? 3.5 : 6;
  return Math.min(9, Math.max(least, least * Math.sqrt(scale / 120)));
}

/** How opaque: where many lie on one another, so that the crowd shows. */
export function opacity(count: number): number {
  return count > 200_000 ? 0.45 : count > 20_000 ? 0.6 : 0.8;
}

function linked(gl: WebGL2RenderingContext, fragment: string): WebGLProgram {
  const program = gl.createProgram();
  for (const [kind, text] of [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, fragment],
  ] as const) {
    const shader = gl.createShader(kind);
    if (shader === null) throw new Error("The graphics context was lost");
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? "The shader does not link");
  return program;
}

/** "#0c7566" as parts of 1. */
export function colourOf(hex: string, alpha: number): Colour {
  const part = (at: number) => Number.parseInt(hex.slice(at, at + 2), 16) / 255;
  return [part(1), part(3), part(5), alpha];
}

/** The look that shows all of the bounds (least and greatest x, least and greatest y) on a canvas of so many pixels. */
export function whole(bounds: readonly number[], width: number, height: number): Look {
  const [left = 0, right = 1, low = 0, high = 1] = bounds;
  const scale = 0.92 * Math.min(width / Math.max(right - left, 1e-6), height / Math.max(high - low, 1e-6));
  return { x: (left + right) / 2, y: (low + high) / 2, scale };
}

/** The place on the plane of a pixel counted from the canvas' top left. */
export function placeAt(look: Look, width: number, height: number, px: number, py: number): [number, number] {
  return [look.x + (px - width / 2) / look.scale, look.y - (py - height / 2) / look.scale];
}

/** The pixel of a place. */
export function pixelOf(look: Look, width: number, height: number, x: number, y: number): [number, number] {
  return [width / 2 + (x - look.x) * look.scale, height / 2 - (y - look.y) * look.scale];
}

/** Nearer or farther by a factor, the place under a pixel staying there. */
export function zoomed(look: Look, factor: number, width: number, height: number, px: number, py: number): Look {
  const scale = Math.min(1e6, Math.max(1e-3, look.scale * factor));
  const [x, y] = placeAt(look, width, height, px, py);
  return { scale, x: x - (px - width / 2) / scale, y: y + (py - height / 2) / scale };
}

const MOST_CORNERS = 300;

/** A drawn line with few enough corners to be sent. */
export function thinned(line: [number, number][]): [number, number][] {
  const step = Math.max(1, Math.ceil(line.length / MOST_CORNERS));
  return line.filter((_, i) => i % step === 0);
}
