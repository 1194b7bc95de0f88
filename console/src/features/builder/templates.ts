/** What a condition is when it is new: as much as can be guessed, the rest open. */
import type { DatasetRow, TagRow, ValueKind } from "../../api/shapes";
import { type JsonObject, type Kind, newId } from "./rule";

const FIRST: Record<ValueKind, JsonObject> = {
  text: { op: "in", value: [] },
  integer: { op: "gte" },
  decimal: { op: "gte" },
  number: { op: "gte" },
  boolean: { op: "eq", value: true },
  date: { op: "within_last", value: "30d" },
  moment: { op: "within_last", value: "30d" },
  texts: { op: "any_of", value: [] },
  path: { op: "under" },
  vector: { op: "exists" },
};

export function tagCondition(tag: TagRow): JsonObject {
  return { tag: tag.tag, ...FIRST[tag.type] };
}

export function eventsCondition(dataset: string): JsonObject {
  return { events: dataset, measure: "count", op: "gte", value: 1, within: "30d" };
}

/** The kinds that the menu offers beside tags, events and sets. */
export const SPECIAL: readonly Exclude<Kind, "tag" | "events" | "audience" | "block" | "list">[] = [
  "sequence",
  "regular",
  "stopped",
  "restarted",
  "top",
  "quantile",
  "sample",
  "split",
  "neighbours",
  "geo",
  "sql",
];

export function specialCondition(kind: (typeof SPECIAL)[number], datasets: DatasetRow[]): JsonObject {
  const events = datasets.find((row) => row.kind === "events")?.dataset ?? "";
  const edges = datasets.find((row) => row.kind === "edges")?.dataset ?? "";
  switch (kind) {
    case "sequence":
      return { sequence: [{ events }, { events, within: "7d" }], within: "90d" };
    case "regular":
      return { events, regular: { at_least: 3, of_last: 4, unit: "week" } };
    case "stopped":
      return { events, stopped: { active: "90d", silent: "30d" } };
    case "restarted":
      return { events, restarted: { back: "30d", gap: "90d" } };
    case "top":
      return { top: { tag: "", n: 1000 } };
    case "quantile":
      return { quantile: { tag: "", parts: 10, is: 1 } };
    case "sample":
      return { sample: { percent: 10, salt: newId() } };
    case "split":
      return { split: { parts: 2, is: 1, salt: newId() } };
    case "neighbours":
      return { neighbours: { dataset: edges, of: null, at_least: 1, direction: "any" } };
    case "geo":
      return { geo: { lat: "", lon: "" }, within_km: 5, of: [null, null] };
    case "sql":
      return { sql: "" };
  }
}

/** Under which heading a tag stands: its category, or what stands before the point of its name. */
export function categoryOf(tag: TagRow): string[] {
  if (tag.category != null && tag.category.length > 0) return tag.category;
  const dot = tag.tag.indexOf(".");
  return dot > 0 ? [tag.tag.slice(0, dot)] : [];
}
