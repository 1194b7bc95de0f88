/** Journeys in plain words: what each step does, who comes in, and who leaves. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { readSpan } from "../../ui/SpanInput";
import { useChannels } from "../../ui/useChannels";
import { channelOf, partsOf } from "../../ui/message";
import { armsOf, kindOf, receiptOf } from "./draft";
import { type Definition, type Given, goalsOf, happeningOf, type Step } from "./shapes";
import { telling } from "./words";

/** A span such as `30d` in words; as it is where it is none. */
export function useSpanWords(): (value: unknown) => string {
  const w = useWords(telling);
  return (value) => {
    const span = readSpan(value);
    if (span === null) return String(value ?? "");
    const said = { h: w.spanH, d: w.spanD, w: w.spanW, m: w.spanM, y: w.spanY }[span.unit];
    return said(span.count);
  };
}

/** What a way, an outcome or a reason is called; names that people gave stay. */
export function useOutcome(): (key: string) => string {
  const words: Record<string, unknown> = useWords(telling);
  return (key) => (typeof words[key] === "string" ? (words[key] as string) : key);
}

/** A rule as the server says it. */
export function RuleSentence({ rule }: { rule: Record<string, unknown> }) {
  const { language } = useApp();
  const body = JSON.stringify(rule);
  const found = useQuery({
    queryKey: ["sentence", body, language],
    staleTime: 300_000,
    retry: false,
    queryFn: ({ signal }) => api.post<{ sentence: string }>("/api/v1/audiences/sentence", { body: { rule: JSON.parse(body), language }, signal }),
  });
  return <>{found.data?.sentence ?? "…"}</>;
}

/** What a step does, as a sentence. */
export function useTelling(): (step: Step) => ReactNode {
  const w = useWords(telling);
  const f = useFormat();
  const span = useSpanWords();
  const channels = useChannels();
  const outcome = useOutcome();
  const labels = new Map((channels.data ?? []).map((one) => [one.channel, one.label]));
  const message = (body: Record<string, unknown>) => {
    if ("campaign" in body) return w.sayCampaign(String(body.campaign ?? ""));
    const channel = channelOf(body).name;
    const content = (body.content ?? {}) as Record<string, unknown>;
    const text = partsOf(content).find(([, value]) => typeof value === "string" && value !== "")?.[1] ?? content.template;
    return channel === "" || text === undefined ? w.sayNothing : w.sayMessage(labels.get(channel) ?? channel, String(text));
  };
  const condition = (body: Record<string, unknown>) => {
    const receipt = receiptOf(body);
    if (receipt !== null) return w.sayReceipt(receipt.of, outcome(receipt.receipt));
    if (Object.keys(body).length === 0) return w.sayNoRule;
    return (
      <>
        {w.sayRule} <RuleSentence rule={body} />
      </>
    );
  };
  const wait = (given: unknown) => {
    const body = (typeof given === "string" ? { for: given } : (given ?? {})) as { for?: string; at?: string; on?: string[] };
    const until = [f.list((body.on ?? []).map(outcome)), body.at ?? ""].filter((part) => part !== "").join(" ");
    if (!body.for) return w.sayUntil(until);
    return until === "" ? w.sayWait(span(body.for)) : w.sayWaitUntil(span(body.for), until);
  };
  return (step) => {
    switch (kindOf(step)) {
      case "send":
        return message((step.send ?? {}) as Record<string, unknown>);
      case "wait":
        return wait(step.wait);
      case "condition":
        return condition((step.condition ?? {}) as Record<string, unknown>);
      case "split":
        return w.saySplit(f.list(armsOf(step).map((arm) => `${arm.name} ${f.percent(arm.share)}`)));
      case "event":
        return w.sayEvent(happeningOf(step.event as Given | undefined).events, span(step.within));
      case "page":
        return w.sayPage(String(step.page ?? ""), span(step.within));
      case "end":
        return w.sayEnd;
    }
  };
}

/** Who comes in, how often, and who leaves: a sentence each. */
export function useStory(): (definition: Definition) => string[] {
  const w = useWords(telling);
  const f = useFormat();
  const span = useSpanWords();
  return (definition) => {
    const entry = definition.entry ?? {};
    const events = happeningOf(entry.event).events;
    const who = entry.audience ? w.inAudience(entry.audience) : events !== "" ? w.byEvent(events) : null;
    if (who === null) return [w.nobody];
    const again = /^after\s+(\S+)$/.exec(entry.again ?? "")?.[1];
    const often = again === undefined ? w.once : w.again(span(again));
    const goals = goalsOf(definition).map((goal) => `“${goal.events}”`);
    const quiet = definition.quiet;
    return [
      `${who}${/^[a-z]/.test(often) ? " " : ""}${often}`,
      ...(goals.length > 0 ? [w.leaves(f.list(goals))] : []),
      ...(definition.exit?.left ? [w.leavesAudience] : []),
      ...(quiet !== undefined ? [w.quietHours(quiet.from, quiet.until)] : []),
    ];
  };
}
