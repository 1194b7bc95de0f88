import { describe, expect, it } from "vitest";
import { blended, type Cloud, colourOf, pixelOf, placeAt, readCloud, thinned, whole, zoomed } from "./points";

describe("the map of customers", () => {
  it("reads places and groups of one body", () => {
    const body = new ArrayBuffer(18);
    new Float32Array(body, 0, 4).set([1, 2, 3, 4]);
    new Uint8Array(body, 16, 2).set([1, 0]);
    const cloud = readCloud(body);
    expect(cloud.count).toBe(2);
    expect([...cloud.places]).toEqual([1, 2, 3, 4]);
    expect([...cloud.groups]).toEqual([1, 0]);
  });

  it("goes from pixels to places and back", () => {
    const look = whole([-2, 4, -1, 1], 600, 400);
    const [x, y] = placeAt(look, 600, 400, 123, 45);
    const [px, py] = pixelOf(look, 600, 400, x, y);
    expect(px).toBeCloseTo(123);
    expect(py).toBeCloseTo(45);
  });

  it("keeps what is under the pointer where it is", () => {
    const look = whole([0, 10, 0, 10], 500, 500);
    const before = placeAt(look, 500, 500, 100, 50);
    const after = placeAt(zoomed(look, 3, 500, 500, 100, 50), 500, 500, 100, 50);
    expect(after[0]).toBeCloseTo(before[0]);
    expect(after[1]).toBeCloseTo(before[1]);
  });

  it("sends few corners and reads colours", () => {
    expect(thinned(Array.from({ length: 2000 }, (_, i) => [i, i])).length).toBeLessThanOrEqual(300);
    expect(colourOf("#ff0000", 0.5)).toEqual([1, 0, 0, 0.5]);
  });
});

describe("small points", () => {
  const cloud: Cloud = { count: 4, places: new Float32Array([0.5, 0.5, 0.5, 0.5, 1.5, 0.5, 9, 9]), groups: new Uint8Array([0, 1, 2, 0]) };
  const colours = [colourOf("#ff0000", 0.5), colourOf("#0000ff", 0.5), colourOf("#00ff00", 0)];
  const pixel = (pixels: Uint8ClampedArray, at: number) => [...pixels.slice(4 * at, 4 * at + 4)];

  it("are blended over the paper in their order, hidden ones and those outside not at all", () => {
    const pixels = blended(cloud, { x: 1, y: 1, scale: 1 }, [2, 2], 1, colours, [1, 1, 1, 1]);
    // white, half red over it, half blue over that
    expect(pixel(pixels, 0)).toEqual([128, 64, 192, 255]);
    for (const at of [1, 2, 3]) expect(pixel(pixels, at)).toEqual([255, 255, 255, 255]);
  });

  it("hold the pixels whose middles lie in them, and are cut off at the edges", () => {
    const one = { ...cloud, count: 1 };
    const red = (size: number, x: number) => [...blended(one, { x, y: 0.5, scale: 1 }, [4, 1], size, colours, [0, 0, 0, 1])].filter((_, i) => i % 4 === 0);
    expect(red(1, 0)).toEqual([0, 0, 128, 0]);
    expect(red(2, 0)).toEqual([0, 128, 128, 0]);
    expect(red(3, -1)).toEqual([0, 0, 128, 128]);
  });
});
