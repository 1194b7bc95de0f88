import { describe, expect, it } from "vitest";
import { ApiError } from "../../api/client";
import { mentioned, withPart } from "../../ui/message";
import { sent, stepOf } from "./draft";

describe("a campaign while it is written", () => {
  it("is sent without what was left empty", () => {
    const made = sent({ name: "spring", audience: "loyal", channel: { name: "email", rate_per_second: null }, content: { subject: "Hi", text: "" }, brand: "", quiet: undefined, experiment: { holdout: 0 }, goals: [] });
    expect(made).toEqual({ name: "spring", audience: "loyal", channel: "email", content: { subject: "Hi" } });
  });

  it("keeps arms with weight and content", () => {
    const made = sent({ content: {}, experiment: { arms: { A: { weight: 1, content: { text: "" } }, B: { weight: 2, content: { text: "b" } } }, holdout: 0.1 } });
    expect(made.experiment).toEqual({ arms: { A: { weight: 1 }, B: { weight: 2, content: { text: "b" } } }, holdout: 0.1 });
  });

  it("changes a part of one language alone", () => {
    expect(withPart({ text: "Hi" }, "zh", "text", "您好")).toEqual({ text: "Hi", variants: { zh: { text: "您好" } } });
  });

  it("finds the step of a refusal by its place", () => {
    const at = (place: string) => stepOf(new ApiError(400, { code: "bad_campaign", message: "", place }));
    expect([at("content.subject:2"), at("goals[0].events"), at("campaign.name"), at("schedule.time"), at("elsewhere")]).toEqual(["content", "experiment", "audience", "schedule", null]);
  });

  it("lists the tags that a text names", () => {
    expect(mentioned('{{ name }} {{ rfm.r | default(1) }} {{ tag("a b") }} {{ unsubscribe_url }} {{ name }}')).toEqual(["name", "rfm.r", "a b"]);
  });
});
