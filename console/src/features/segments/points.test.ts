import { describe, expect, it } from "vitest";
import { colourOf, pixelOf, placeAt, readCloud, thinned, whole, zoomed } from "./points";

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
