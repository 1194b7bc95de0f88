/** A journey while it is written: changes of its steps, the ways between them, what is sent, and where its mistakes belong. */
import { ApiError } from "../../api/client";
import { pruned } from "../../ui/message";
import { type Definition, goalsOf, type Happening, type Kind, KINDS, type Step } from "./shapes";

/** What a step does; a message where it says nothing yet. */
export function kindOf(step: Step): Kind {
  return KINDS.find((kind) => kind in step) ?? "send";
}

type Arm = number | { share?: number; next?: string };

/** The branches of a split, with their shares and where they lead if they say so. */
export function armsOf(step: Step): { name: string; share: number; next?: string }[] {
  return Object.entries((step.split ?? {}) as Record<string, Arm>).map(([name, arm]) => (typeof arm === "number" ? { name, share: arm } : { name, share: arm.share ?? 0, next: arm.next }));
}

/** A split with these branches; two of one name would be one, so the second gets another. */
export function withArms(step: Step, arms: { name: string; share: number; next?: string }[]): Step {
  const made: Record<string, Arm> = {};
  for (const arm of arms) made[freeName(arm.name, Object.keys(made))] = arm.next ? { share: arm.share, next: arm.next } : arm.share;
  return { ...step, split: made };
}

/** The ways on from a step, and where each leads if the step says so. */
export function waysOf(step: Step): { way: string; to: string | undefined }[] {
  const named = (way: string) => ({ way, to: typeof step[way] === "string" && step[way] !== "" ? (step[way] as string) : undefined });
  switch (kindOf(step)) {
    case "end":
      return [];
    case "split":
      return armsOf(step).map((arm) => ({ way: arm.name, to: arm.next }));
    case "condition":
    case "page":
    case "event":
      return [named("yes"), named("no")];
    case "send":
      return named("unsent").to === undefined ? [named("next")] : [named("next"), named("unsent")];
    case "wait":
      return [named("next")];
  }
}

export interface Link {
  from: string;
  to: string;
  way: string;
}

/** All ways between the steps; one that is not named leads to the step below. */
export function linksOf(steps: Step[]): Link[] {
  return steps.flatMap((step, i) =>
    waysOf(step).flatMap(({ way, to }) => {
      const target = to ?? steps[i + 1]?.id;
      return target === undefined ? [] : [{ from: step.id, to: target, way }];
    }),
  );
}

/** A name like the one given that none of the others has. */
export function freeName(wanted: string, taken: string[]): string {
  if (!taken.includes(wanted)) return wanted;
  for (let n = 2; ; n += 1) if (!taken.includes(`${wanted} ${n}`)) return `${wanted} ${n}`;
}

const START: Record<Kind, Record<string, unknown>> = {
  send: { send: { content: {} } },
  wait: { wait: { for: "1d" } },
  condition: { condition: {} },
  split: { split: { a: 0.5, b: 0.5 } },
  event: { event: "", within: "3d" },
  page: { page: "", within: "3d" },
  end: { end: true },
};

export function newStep(kind: Kind, called: string, steps: Step[]): Step {
  return { id: freeName(called, steps.map((step) => step.id)), ...START[kind] };
}

export function inserted(steps: Step[], at: number, step: Step): Step[] {
  return [...steps.slice(0, at), step, ...steps.slice(at)];
}

/** The steps with one of them at another place; its named ways and those to it stay. */
export function moved(steps: Step[], from: number, to: number): Step[] {
  const step = steps[from];
  if (step === undefined || to < 0 || to >= steps.length || from === to) return steps;
  return inserted(steps.filter((_, i) => i !== from), to, step);
}

/** The steps without one; ways that named it lead to the step below again. */
export function removed(steps: Step[], at: number): Step[] {
  const gone = steps[at]?.id;
  return steps.filter((_, i) => i !== at).map((step) => redirected(step, (to) => (to === gone ? undefined : to)));
}

/** The steps with one renamed, wherever it is named. */
export function renamed(steps: Step[], at: number, name: string): Step[] {
  const before = steps[at]?.id;
  return steps.map((step, i) => ({ ...redirected(step, (to) => (to === before ? name : to)), id: i === at ? name : step.id }));
}

const WAYS = ["next", "yes", "no", "unsent"] as const;

function redirected(step: Step, to: (step: string) => string | undefined): Step {
  let made: Step = { ...step };
  for (const way of WAYS) if (typeof made[way] === "string") made[way] = to(made[way] as string);
  if ("split" in made) made = withArms(made, armsOf(made).map((arm) => ({ ...arm, next: arm.next === undefined ? undefined : to(arm.next) })));
  const condition = made.condition as Record<string, unknown> | undefined;
  const receipt = condition === undefined ? null : receiptOf(condition);
  if (receipt !== null) made = { ...made, condition: { [receipt.receipt]: to(receipt.of) ?? "" } };
  return made;
}

export const RECEIPTS = ["delivered", "opened", "clicked", "bounced", "unsubscribed"] as const;
export type Receipt = (typeof RECEIPTS)[number];

/** What a condition asks of an earlier message; null where it is a rule. */
export function receiptOf(condition: Record<string, unknown>): { receipt: Receipt; of: string } | null {
  const receipt = RECEIPTS.find((one) => one in condition);
  return receipt === undefined ? null : { receipt, of: String(condition[receipt] ?? "") };
}

const plainest = (given: Happening): string | Happening => (given.where === undefined ? given.events : given);

/** The definition as it is sent: without what was left empty. */
export function sent(definition: Definition): Definition {
  const goals = goalsOf(definition).map(plainest);
  const exit = { goal: goals.length === 1 ? goals[0] : goals, left: definition.exit?.left || undefined };
  const steps = (definition.steps ?? []).map((step) => ({ ...(pruned({ ...step, [kindOf(step)]: undefined }) ?? { id: "" }), [kindOf(step)]: bodySent(step) })) as Step[];
  const entry = pruned(definition.entry ?? {}) ?? {};
  return { ...pruned({ ...definition, entry: undefined, steps: undefined, exit }), entry, steps };
}

function bodySent(step: Step): unknown {
  const kind = kindOf(step);
  if (kind === "send") {
    const body = (step.send ?? {}) as Record<string, unknown>;
    return "campaign" in body ? { campaign: body.campaign ?? "" } : { ...pruned(body), content: pruned(body.content) ?? {} };
  }
  if (kind === "wait" && typeof step.wait === "object") {
    const body = pruned(step.wait as Record<string, unknown>) ?? {};
    return Object.keys(body).join() === "for" ? body.for : body;
  }
  return step[kind];
}

/** The refusal with its place told by the number of the step, whichever way the server told it. */
export function placed(problem: unknown, steps: Step[]): unknown {
  if (!(problem instanceof ApiError) || problem.place === null) return problem;
  const rest = problem.place.startsWith("steps.") ? problem.place.slice("steps.".length) : null;
  if (rest === null) return problem;
  const own = steps.map((step, at) => ({ at, id: step.id })).filter(({ id }) => rest === id || rest.startsWith(`${id}.`));
  const longest = own.sort((a, b) => b.id.length - a.id.length)[0];
  if (longest === undefined) return problem;
  return new ApiError(problem.status, { ...problem.body, place: `steps[${longest.at}]${rest.slice(longest.id.length)}` });
}

/** The number of the step that a refusal concerns; null where it is none. */
export function stepAt(problem: unknown): number | null {
  const found = problem instanceof ApiError ? /^steps\[(\d+)\]/.exec(problem.place ?? "") : null;
  return found === null ? null : Number(found[1]);
}
