/**
 * A million points by WebGL2. Points of a few pixels are blended into a picture here, which is then drawn as one: without
 * a graphics card that takes a twentieth of the time of a million points. Larger ones are drawn one by one in one call.
 */

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

const WHOLE = `#version 300 es
void main() {
  gl_Position = vec4(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0, 0.0, 1.0);
}`;

const PICTURE = `#version 300 es
precision highp float;
uniform sampler2D picture;
out vec4 drawn;
void main() {
  drawn = texelFetch(picture, ivec2(gl_FragCoord.xy), 0);
}`;

const ROUND = `#version 300 es
precision highp float;
flat in vec4 colour;
out vec4 drawn;
void main() {
  if (length(gl_PointCoord - 0.5) > 0.5) discard;
  drawn = colour;
}`;
const SMALL = 3; // pixels; so few are a square

export class Points {
  private readonly gl: WebGL2RenderingContext;
  /** By the shader of a pixel; each is made when it is first needed. */
  private readonly programs = new Map<string, WebGLProgram>();
  private readonly picture: WebGLTexture;
  private readonly held: WebGLBuffer[] = [];

  private constructor(
    private readonly canvas: HTMLCanvasElement,
    gl: WebGL2RenderingContext,
    private readonly cloud: Cloud,
  ) {
    this.gl = gl;
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    this.picture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.picture);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  }

  /** Points on a canvas; null where the browser has no WebGL2. */
  static on(canvas: HTMLCanvasElement, cloud: Cloud): Points | null {
    const gl = canvas.getContext("webgl2", { antialias: false, depth: false, premultipliedAlpha: false, preserveDrawingBuffer: true });
    return gl === null ? null : new Points(canvas, gl, cloud);
  }

  /** The points go to the card when they are first drawn one by one, and stay there. */
  private holdAll(): void {
    const { gl, cloud } = this;
    if (this.held.length > 0) return;
    this.hold(cloud.places);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
    this.hold(cloud.groups);
    gl.enableVertexAttribArray(1);
    gl.vertexAttribIPointer(1, 1, gl.UNSIGNED_BYTE, 0, 0);
  }

  private hold(data: Float32Array | Uint8Array): void {
    const buffer = this.gl.createBuffer();
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, buffer);
    this.gl.bufferData(this.gl.ARRAY_BUFFER, data as unknown as ArrayBufferView<ArrayBuffer>, this.gl.STATIC_DRAW);
    this.held.push(buffer);
  }

  private program(vertex: string, fragment: string): WebGLProgram {
    const made = this.programs.get(fragment) ?? linked(this.gl, vertex, fragment);
    this.programs.set(fragment, made);
    this.gl.useProgram(made);
    return made;
  }

  /** Draw; `colours` by group, those with alpha 0 not at all; `paper` is behind them. */
  draw(look: Look, colours: readonly Colour[], paper: Colour, ratio: number): void {
    const { gl, canvas } = this;
    const size = pointSize(this.cloud.count, look.scale) * ratio;
    gl.viewport(0, 0, canvas.width, canvas.height);
    if (size <= SMALL) this.drawPicture(blended(this.cloud, { ...look, scale: look.scale * ratio }, [canvas.width, canvas.height], size, colours, paper));
    else this.drawPoints(look, colours, paper, ratio, size);
  }

  private drawPicture(pixels: Uint8ClampedArray): void {
    const { gl, canvas } = this;
    this.program(WHOLE, PICTURE);
    gl.disable(gl.BLEND);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, canvas.width, canvas.height, 0, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(pixels.buffer));
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  private drawPoints(look: Look, colours: readonly Colour[], paper: Colour, ratio: number, size: number): void {
    const { gl, canvas } = this;
    this.holdAll();
    const program = this.program(VERTEX, ROUND);
    gl.enable(gl.BLEND);
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
    this.gl.deleteTexture(this.picture);
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

/**
 * The pixels of small points, each a square of `size` pixels, blended one over the other in their order: four bytes a pixel,
 * the lowest row first, as WebGL has them. `look.scale` counts pixels of the picture.
 */
export function blended(cloud: Cloud, look: Look, [width, height]: readonly [number, number], size: number, colours: readonly Colour[], paper: Colour): Uint8ClampedArray {
  const pixels = new Uint8ClampedArray(4 * width * height);
  new Uint32Array(pixels.buffer).fill(new Uint32Array(Uint8ClampedArray.from(paper, (part) => 255 * part).buffer)[0] ?? 0);
  const { places, groups, count } = cloud;
  const inks = new Float64Array(4 * 256); // by group, what a point adds to a pixel and what it leaves of it
  for (const [group, [red, green, blue, alpha]] of colours.entries()) inks.set([255 * red * alpha, 255 * green * alpha, 255 * blue * alpha, 1 - alpha], 4 * group);
  const shown = Uint8Array.from({ length: 256 }, (_, group) => Number((colours[group]?.[3] ?? 0) > 0));
  // a pixel is in the square where its middle is
  const left = width / 2 - (size + 1) / 2 - look.x * look.scale;
  const low = height / 2 - (size + 1) / 2 - look.y * look.scale;
  for (let i = 0; i < count; i++) {
    const group = groups[i] as number;
    if (shown[group] === 0) continue;
    const ink = 4 * group;
    const red = inks[ink] as number;
    const green = inks[ink + 1] as number;
    const blue = inks[ink + 2] as number;
    const rest = inks[ink + 3] as number;
    const x = (places[2 * i] as number) * look.scale + left;
    const y = (places[2 * i + 1] as number) * look.scale + low;
    const right = Math.min(width, x + size);
    const top = Math.min(height, y + size);
    for (let row = Math.max(0, Math.ceil(y)); row < top; row++) {
      for (let column = Math.max(0, Math.ceil(x)); column < right; column++) {
        const at = 4 * (row * width + column);
        pixels[at] = (pixels[at] as number) * rest + red;
        pixels[at + 1] = (pixels[at + 1] as number) * rest + green;
        pixels[at + 2] = (pixels[at + 2] as number) * rest + blue;
      }
    }
  }
  return pixels;
}

function linked(gl: WebGL2RenderingContext, vertex: string, fragment: string): WebGLProgram {
  const program = gl.createProgram();
  for (const [kind, text] of [
    [gl.VERTEX_SHADER, vertex],
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
