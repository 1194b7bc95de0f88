import { expect, test } from "vitest";
import { type ExclusionGroup, exclusionOf, freeFor } from "./useExclusions";

const row = { state: "waiting", enabled: true, share: 0.3, why: "open" as const, until: null };
const groups: ExclusionGroup[] = [{ group: "spring", free: 0.5, returned: 0, campaigns: [{ ...row, campaign: "a", held: 0.3 }, { ...row, campaign: "b", held: 0.2 }] }];

test("both forms of a definition name a group", () => {
  expect(exclusionOf({})).toBeNull();
  expect(exclusionOf({ exclusion: "spring" })).toEqual({ group: "spring", share: null });
  expect(exclusionOf({ exclusion: { group: "spring", share: 0.3 } })).toEqual({ group: "spring", share: 0.3 });
});

test("a campaign may have what is free and what it has already", () => {
  expect(freeFor(groups, "spring", "a")).toBeCloseTo(0.8);
  expect(freeFor(groups, "spring", null)).toBe(0.5);
  expect(freeFor(groups, "a new one", "a")).toBe(1);
});
