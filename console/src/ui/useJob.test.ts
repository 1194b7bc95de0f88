import { expect, test } from "vitest";
import type { JobRow } from "../api/shapes";
import { endingOf } from "./useJob";

const row = (id: string, state: JobRow["state"]): JobRow => ({ id, job: "x", state, arguments: {}, created_at: "", ended_at: null, progress: null, error: null, result: null });

test("an end is told once a job, whichever way it ended", () => {
  for (const state of ["completed", "failed", "cancelled"] as const) {
    const ending = endingOf(row("a", state), null);
    expect(ending?.state).toBe(state);
    expect(endingOf(row("a", state), "a")).toBeNull();
  }
});

test("nothing is told of a job on its way, and the next job's end is told again", () => {
  expect(endingOf(undefined, null)).toBeNull();
  expect(endingOf(row("a", "running"), null)).toBeNull();
  expect(endingOf(row("a", "waiting"), null)).toBeNull();
  expect(endingOf(row("b", "completed"), "a")?.id).toBe("b");
});
