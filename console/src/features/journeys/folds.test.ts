import { expect, test } from "vitest";
import { allOpen, called, type Folds, opened, pressed, turned } from "./folds";

const none: Folds = { open: new Set(), together: false };
const STEPS = ["hello", "pause", "end"];

test("one step is open at a time, and a second press folds it", () => {
  const first = pressed(none, "hello");
  expect([...pressed(first, "pause").open]).toEqual(["pause"]);
  expect([...pressed(first, "hello").open]).toEqual([]);
});

test("all are unfolded together, then each goes by itself", () => {
  const all = turned(none, STEPS);
  expect(allOpen(all, STEPS)).toBe(true);
  const but = pressed(all, "pause");
  expect([...but.open]).toEqual(["hello", "end"]);
  expect([...opened(but, "pause").open].sort()).toEqual([...STEPS].sort());
  expect(turned(all, STEPS)).toEqual(none);
  expect(allOpen(turned(but, STEPS), STEPS)).toBe(true);
});

test("a step stays open under its new name", () => {
  expect([...called(pressed(none, "hello"), "hello", "hi").open]).toEqual(["hi"]);
});
