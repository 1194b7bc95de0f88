import { expect, it } from "vitest";
import { definitionOf } from "./definition";

it("writes what was given and nothing else", () => {
  expect(definitionOf({ way: "aggregate", name: " spent_90d ", dataset: "orders", measure: "sum", of: "amount", within: "90d", label_zh: "近90天消费", category: "Money / Spent" })).toEqual({
    name: "spent_90d",
    label: { zh: "近90天消费" },
    category: ["Money", "Spent"],
    aggregate: { dataset: "orders", measure: "sum", of: "amount", within: "90d" },
  });
});

it("reads borders and names of ranges", () => {
  expect(definitionOf({ way: "band", name: "tier", tag: "rfm.monetary", edges: "100, 500.5", labels: "low，middle, high" })).toEqual({
    name: "tier",
    band: { tag: "rfm.monetary", edges: [100, 500.5], labels: ["low", "middle", "high"] },
  });
});
