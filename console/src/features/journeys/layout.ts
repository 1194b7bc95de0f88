/** Where the boxes of a journey stand and how its ways run: layer under layer, as few crossings as a simple rule gives. */
import type { Link } from "./draft";

export const BOX = { width: 208, height: 104, gapX: 28, gapY: 56 };
const LANE = 30; // the width of a way that passes by boxes

export interface Point {
  x: number;
  y: number;
}

export interface Layout {
  width: number;
  height: number;
  /** The middle of the top of each box. */
  boxes: Map<string, Point>;
  lines: (Link & { points: Point[] })[];
}

interface Spot {
  key: string;
  width: number;
  wanted: number;
  x: number;
}

/** The layer of each step: below all that lead to it. Circles, which the server refuses, are cut where they close. */
export function layersOf(steps: string[], links: Link[]): Map<string, number> {
  const layers = new Map(steps.map((step) => [step, 0]));
  for (let round = 0; round < steps.length; round += 1) {
    let still = true;
    for (const { from, to } of links) {
      const next = Math.min((layers.get(from) ?? 0) + 1, steps.length - 1);
      if (layers.has(from) && layers.has(to) && (layers.get(to) ?? 0) < next) {
        layers.set(to, next);
        still = false;
      }
    }
    if (still) break;
  }
  const used = [...new Set(layers.values())].sort((a, b) => a - b);
  return new Map([...layers].map(([step, layer]) => [step, used.indexOf(layer)]));
}

export function layout(steps: string[], links: Link[]): Layout {
  const layers = layersOf(steps, links);
  const known = links.filter(({ from, to }) => (layers.get(to) ?? -1) > (layers.get(from) ?? Number.POSITIVE_INFINITY));
  const deepest = Math.max(0, ...layers.values());
  const rows: Spot[][] = Array.from({ length: deepest + 1 }, () => []);
  for (const step of steps) rows[layers.get(step) ?? 0]?.push({ key: step, width: BOX.width, wanted: 0, x: 0 });
  const ways = known.map((link, n) => ({ link, keys: lane(link, n, layers, rows) }));
  place(rows, ways.map(({ keys }) => keys));
  const spots = new Map(rows.flat().map((spot) => [spot.key, spot]));
  const left = Math.min(0, ...rows.flat().map((spot) => spot.x - spot.width / 2));
  const x = (key: string) => (spots.get(key)?.x ?? 0) - left;
  const y = (layer: number) => layer * (BOX.height + BOX.gapY);
  const boxes = new Map(steps.map((step) => [step, { x: x(step), y: y(layers.get(step) ?? 0) }]));
  const lines = ways.map(({ link, keys }) => ({ ...link, points: run(link, keys, ways, x, y, layers) }));
  const right = Math.max(0, ...rows.flat().map((spot) => spot.x - left + spot.width / 2));
  return { width: right, height: y(deepest) + BOX.height, boxes, lines };
}

/** The spots that a way passes, in the layers between its ends, too. */
function lane(link: Link, n: number, layers: Map<string, number>, rows: Spot[][]): string[] {
  const keys = [link.from];
  for (let layer = (layers.get(link.from) ?? 0) + 1; layer < (layers.get(link.to) ?? 0); layer += 1) {
    const key = `way ${n} ${layer}`;
    rows[layer]?.push({ key, width: LANE, wanted: 0, x: 0 });
    keys.push(key);
  }
  return [...keys, link.to];
}

/** Each spot under the mean of those that lead to it, side by side. */
function place(rows: Spot[][], ways: string[][]): void {
  const at = new Map<string, number>();
  for (const row of rows) {
    for (const spot of row) {
      const above = ways.flatMap((keys) => keys.flatMap((key, i) => (key === spot.key && i > 0 ? [at.get(keys[i - 1] ?? "") ?? 0] : [])));
      spot.wanted = above.length === 0 ? 0 : above.reduce((sum, one) => sum + one, 0) / above.length;
    }
    row.sort((a, b) => a.wanted - b.wanted);
    let edge = Number.NEGATIVE_INFINITY;
    for (const spot of row) {
      spot.x = Math.max(spot.wanted, edge + spot.width / 2);
      edge = spot.x + spot.width / 2 + BOX.gapX;
    }
    const shift = row.reduce((sum, spot) => sum + spot.x - spot.wanted, 0) / Math.max(1, row.length);
    for (const spot of row) {
      spot.x -= shift;
      at.set(spot.key, spot.x);
    }
  }
}

const SPREAD = 64; // between ways that leave one box

/** The points of a way: from the foot of one box, straight past those between, to the head of the other. */
function run(link: Link, keys: string[], ways: { link: Link; keys: string[] }[], x: (key: string) => number, y: (layer: number) => number, layers: Map<string, number>): Point[] {
  const beside = ways.filter((way) => way.link.from === link.from).sort((a, b) => x(a.keys[1] ?? "") - x(b.keys[1] ?? ""));
  const rank = beside.findIndex((way) => way.link === link);
  const start = layers.get(link.from) ?? 0;
  const points = [{ x: x(link.from) + (rank - (beside.length - 1) / 2) * SPREAD, y: y(start) + BOX.height }];
  keys.slice(1, -1).forEach((key, i) => {
    points.push({ x: x(key), y: y(start + 1 + i) }, { x: x(key), y: y(start + 1 + i) + BOX.height });
  });
  return [...points, { x: x(link.to), y: y(layers.get(link.to) ?? 0) }];
}

/** The path of a line: curves between layers, straight past boxes. */
export function pathOf(points: Point[]): string {
  return points
    .map((point, i) => {
      const before = points[i - 1];
      if (before === undefined) return `M ${point.x} ${point.y}`;
      const middle = (before.y + point.y) / 2;
      return before.x === point.x ? `L ${point.x} ${point.y}` : `C ${before.x} ${middle} ${point.x} ${middle} ${point.x} ${point.y}`;
    })
    .join(" ");
}
