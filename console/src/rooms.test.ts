/** Who may import whom: `ui` knows no screens, and screens do not know each other; the application ties them together. */
import { expect, test } from "vitest";

const SOURCES = import.meta.glob(["./**/*.ts", "./**/*.tsx"], { query: "?raw", import: "default", eager: true }) as Record<string, string>;

/** The files that a file imports, at once or later, as paths from this folder. */
function imported(file: string, source: string): string[] {
  const given = [...source.matchAll(/(?:\bfrom|\bimport\(|^import) ?"(\.[^"]+)"/gm)].map((found) => found[1] ?? "");
  return given.map((path) => new URL(path, `file:/${file.slice(2)}`).pathname.slice(1));
}

const featureOf = (path: string) => /^features\/([^/]+)/.exec(path)?.[1];
const all = Object.entries(SOURCES).flatMap(([file, source]) => imported(file, source).map((to) => ({ from: file.slice(2), to })));

test("what is shared imports nothing from the screens", () => {
  expect(all.length).toBeGreaterThan(500);
  expect(all.filter(({ from, to }) => /^(ui|api|words)\//.test(from) && featureOf(to) !== undefined)).toEqual([]);
});

test("screens import nothing from each other", () => {
  expect(all.filter(({ from, to }) => featureOf(from) !== undefined && featureOf(to) !== undefined && featureOf(from) !== featureOf(to))).toEqual([]);
});

test("the check sees imports of every form", () => {
  const source = 'import "./a.css";\nimport { b } from "../b";\nconst c = lazy(() => import("../features/c/C"));';
  expect(imported("./ui/File.tsx", source)).toEqual(["ui/a.css", "b", "features/c/C"]);
});
