import { describe, expect, it } from "vitest";
import { cloned, countLeaves, type Group, isComplete, type JsonObject, KINDS, kindOf, newGroup, newLeaf, pastedValues, readRule, writeRule } from "./rule";

/** One complete condition of every kind, some with all their parts. */
const LEAVES: Record<(typeof KINDS)[number], JsonObject[]> = {
  tag: [
    { tag: "country", op: "in", value: ["France", "Germany"] },
    { tag: "rfm.monetary", op: "between", value: [100, 499.99] },
    { tag: "birth_date", op: "anniversary_today" },
    { tag: "last_seen_at", op: "lt", value: { ago: "1y" } },
    { tag: "consent_email", op: "eq", value: false },
    { tag: "rfm.r", op: "eq", value: 0 },
  ],
  events: [
    { events: "orders" },
    { events: "orders", never: true, within: "60d" },
    {
      events: "orders",
      where: { all: [{ field: "Country", op: "eq", value: "Germany" }, { not: { field: "products.Category", op: "contains", value: "gift" } }] },
      measure: "sum",
      of: "Quantity * Price",
      op: "gte",
      value: 500,
      between: ["90d", "30d"],
    },
    { events: "orders", measure: "first_at", op: "within_last", value: "30d" },
    { events: "orders", where: { field: "a", op: "eq", than_field: "b" }, at_least: 2 },
  ],
  regular: [{ events: "visits", regular: { at_least: 3, of_last: 4, unit: "week" } }],
  stopped: [{ events: "orders", stopped: { active: "90d", silent: "30d" } }],
  restarted: [{ events: "orders", restarted: { back: "30d", gap: "90d" } }],
  sequence: [
    {
      sequence: [{ events: "views" }, { events: "orders", within: "7d" }, { then_not: { events: "refunds", within: "14d" } }],
      same: { views: "item", orders: "sku", refunds: "sku" },
      within: "90d",
    },
  ],
  top: [
    { top: { tag: "value.score", n: 1000 } },
    { top: { tag: "m", percent: 5, lowest: true, among: { tag: "country", op: "eq", value: "France" } } },
  ],
  quantile: [{ quantile: { tag: "value.score", parts: 10, is: [1, 2] } }],
  audience: [{ audience: "loyal" }, { audience: "loyal", snapshot: "2024-05-01" }],
  block: [{ block: "core" }],
  list: [{ list: "vip" }],
  neighbours: [{ neighbours: { dataset: "friends", of: { audience: "loyal" }, at_least: 2, direction: "out" } }],
  geo: [{ geo: { lat: "home_lat", lon: "home_lon" }, within_km: 5, of: [31.23, 121.47] }],
  sample: [{ sample: { percent: 0.5, salt: "quiet" } }, { sample: { percent: 10, salt: "" } }],
  split: [{ split: { parts: 3, is: 2, salt: "letter" } }],
  sql: [{ sql: "SELECT entity FROM orders" }],
};

const HEAD = { version: 1, entity: "customer" };
const all = Object.values(LEAVES).flat();
const again = (rule: JsonObject) => writeRule(readRule(rule)).rule;

describe("every kind of condition", () => {
  for (const kind of KINDS) {
    it(`${kind}: is known, complete, and written as it was read`, () => {
      for (const leaf of LEAVES[kind]) {
        expect(kindOf(leaf)).toBe(kind);
        expect(isComplete(leaf)).toBe(true);
        expect(again({ all: [leaf, leaf] })).toEqual({ ...HEAD, all: [leaf, leaf] });
      }
    });
  }
});

describe("groups", () => {
  const two = [all[0], all[1]] as JsonObject[];
  const rules: JsonObject[] = [
    { any: two },
    { xor: two, name: "one of them" },
    { except: two },
    { not: { any: two, name: "inner" }, name: "outer" },
    { all: [{ not: two[0] as JsonObject }, { not: { all: two } }, { not: { not: two[1] as JsonObject } }] },
    { all: [{ any: [{ all: two, name: "deep" }, all[2] as JsonObject] }, { not: { xor: two } }] },
    { any: [{ not: { all: [two[0] as JsonObject] } }] },
  ];
  it.each(rules.map((rule) => [JSON.stringify(rule), rule] as const))("%s", (_, rule) => {
    expect(again(rule)).toEqual({ ...HEAD, ...rule });
  });

  it("a rule of one condition becomes a group of one, and keeps the kind of entity", () => {
    const group = readRule({ entity: "account", tag: "sector", op: "eq", value: "Retail" });
    expect(countLeaves(group)).toBe(1);
    expect(writeRule(group, "account").rule.entity).toBe("account");
  });
});

describe("places", () => {
  it("are those of the server", () => {
    const root = readRule({ all: [all[0]!, { not: { any: [all[1]!, all[2]!] } }, { not: all[3]! }] });
    const { places } = writeRule(root);
    expect([...places.keys()]).toEqual([
      "rule",
      "all[0]",
      "all[1]",
      "all[1].not.any[0]",
      "all[1].not.any[1]",
      "all[2]",
      "all[2].not",
    ]);
    expect(places.get("rule")).toBe(root.id);
  });

  it("skip what is unfinished", () => {
    const root = newGroup("all", [newLeaf({ tag: "" }), newLeaf(all[0]!), newGroup("any", [])]);
    const { rule, places, unfinished } = writeRule(root);
    expect(rule).toEqual({ ...HEAD, all: [all[0]] });
    expect(places.get("all[0]")).toBe(root.rules[1]!.id);
    expect([...unfinished]).toEqual([root.rules[0]!.id]);
  });

  it("of one condition under xor are those of all", () => {
    const root: Group = newGroup("xor", [newLeaf(all[0]!)]);
    const { rule, places } = writeRule(root);
    expect(rule).toEqual({ ...HEAD, all: [all[0]] });
    expect(places.get("all[0]")).toBe(root.rules[0]!.id);
  });
});

it("nothing at all is everyone", () => {
  expect(writeRule(newGroup()).rule).toEqual({ ...HEAD, all: [] });
  expect(again({ all: [] })).toEqual({ ...HEAD, all: [] });
});

it("a copy has ids of its own", () => {
  const root = readRule({ all: [{ any: [all[0]!] }] });
  const copy = cloned(root);
  expect(writeRule(copy).rule).toEqual(writeRule(root).rule);
  expect([...writeRule(copy).places.values()]).not.toEqual([...writeRule(root).places.values()]);
});

it("pasted values", () => {
  expect(pastedValues("France, Germany;Spain，Italy、France")).toEqual(["France", "Germany", "Spain", "Italy"]);
  expect(pastedValues("Smith, John\nDoe, Jane\n\n")).toEqual(["Smith, John", "Doe, Jane"]);
  expect(pastedValues('"0017"\t17')).toEqual(["0017", "17"]);
});
