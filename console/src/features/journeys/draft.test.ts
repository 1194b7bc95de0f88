import { describe, expect, it } from "vitest";
import { ApiError } from "../../api/client";
import { armsOf, linksOf, moved, newStep, placed, removed, renamed, sent, stepAt } from "./draft";
import { layersOf, layout } from "./layout";
import type { Step } from "./shapes";

const STEPS: Step[] = [
  { id: "hello", send: { channel: "file", content: { text: "Hi" } }, unsent: "over" },
  { id: "read", condition: { clicked: "hello" }, yes: "over" },
  { id: "half", split: { a: 0.5, b: { share: 0.5, next: "over" } } },
  { id: "again", send: { campaign: "win back" } },
  { id: "over", end: true },
];

describe("a journey while it is written", () => {
  it("leads to the step below where a way is not named", () => {
    expect(linksOf(STEPS).map(({ from, way, to }) => `${from} ${way} ${to}`)).toEqual(["hello next read", "hello unsent over", "read yes over", "read no half", "half a again", "half b over", "again next over"]);
  });

  it("renames a step wherever it is named, and forgets one that is gone", () => {
    const named = renamed(STEPS, 4, "end");
    expect([named[0]?.unsent, named[1]?.yes, armsOf(named[2] as Step)[1]?.next]).toEqual(["end", "end", "end"]);
    expect(renamed(STEPS, 0, "first")[1]?.condition).toEqual({ clicked: "first" });
    const left = removed(STEPS, 0);
    expect(left.map((step) => step.id)).toEqual(["read", "half", "again", "over"]);
    expect(left[0]?.condition).toEqual({ clicked: "" });
  });

  it("moves steps and gives new ones names of their own", () => {
    expect(moved(STEPS, 3, 1).map((step) => step.id)).toEqual(["hello", "again", "read", "half", "over"]);
    expect(moved(STEPS, 0, -1)).toBe(STEPS);
    expect(newStep("wait", "half", STEPS)).toEqual({ id: "half 2", wait: { for: "1d" } });
  });

  it("is sent without what was left empty", () => {
    const made = sent({ name: "", entry: { audience: "lapsed", again: "" }, exit: { goal: [{ events: "orders" }], left: false }, steps: [{ id: "p", wait: { for: "2d", at: "" }, next: "" }, ...STEPS.slice(3)] });
    expect(made).toEqual({ entry: { audience: "lapsed" }, exit: { goal: "orders" }, steps: [{ id: "p", wait: "2d" }, STEPS[3], STEPS[4]] });
    expect(sent({ steps: [{ id: "m", send: { content: {} } }] }).steps).toEqual([{ id: "m", send: { content: {} } }]);
  });

  it("finds the step of a refusal by its place", () => {
    const at = (place: string) => stepAt(placed(new ApiError(422, { place }), STEPS));
    expect([at("steps.hello.send.content.text"), at("steps[2].split"), at("steps.over"), at("entry.audience"), at("steps")]).toEqual([0, 2, 4, null, null]);
  });
});

describe("the picture of a journey", () => {
  it("puts each step below those that lead to it", () => {
    expect([...layersOf(STEPS.map((step) => step.id), linksOf(STEPS)).values()]).toEqual([0, 1, 2, 3, 4]);
  });

  it("lets no boxes lie upon each other, nor ways upon boxes", () => {
    const fork: Step[] = [{ id: "s", split: { a: { share: 0.4, next: "x" }, b: { share: 0.3, next: "y" }, c: { share: 0.3, next: "end" } } }, { id: "x", wait: "1d", next: "end" }, { id: "y", wait: "2d" }, { id: "end", end: true }];
    const made = layout(fork.map((step) => step.id), linksOf(fork));
    const [x, y] = [made.boxes.get("x"), made.boxes.get("y")];
    expect(x?.y).toBe(y?.y);
    expect(Math.abs((x?.x ?? 0) - (y?.x ?? 0))).toBeGreaterThanOrEqual(208);
    const past = made.lines.find((line) => line.way === "c")?.points[1]?.x ?? 0;
    for (const box of [x, y]) expect(Math.abs(past - (box?.x ?? 0))).toBeGreaterThan(104);
    expect(Math.min(...[...made.boxes.values()].map((box) => box.x))).toBeGreaterThanOrEqual(104);
  });

  it("draws a circle, too, until the server refuses it", () => {
    const circle: Step[] = [{ id: "a", wait: "1d" }, { id: "b", wait: "1d", next: "a" }];
    expect(layout(["a", "b"], linksOf(circle)).boxes.size).toBe(2);
  });
});
