/** A campaign while it is written: changes of its parts, what is sent, and where its mistakes belong. */
import { ApiError } from "../../api/client";
import { isAt } from "../../ui/Field";
import { channelOf, pruned } from "../../ui/message";
import { type Arm, armsOf, type Definition } from "./shapes";

export type WizardStep = "audience" | "content" | "experiment" | "schedule" | "plan" | "approve";
export const WIZARD_STEPS: WizardStep[] = ["audience", "content", "experiment", "schedule", "plan", "approve"];

/** Which step shows the field that an error's place names. */
export const PLACES: Record<"audience" | "content" | "experiment" | "schedule", string[]> = {
  audience: ["name", "audience", "brand", "type", "category", "owner"],
  content: ["channel", "content", "options"],
  experiment: ["experiment", "goals", "cost", "exclusion"],
  schedule: ["schedule", "validity", "quiet", "priority", "group"],
};

/** The step where a refusal is to be mended; null where no field is at fault. */
export function stepOf(error: unknown): WizardStep | null {
  if (!(error instanceof ApiError)) return null;
  for (const [step, places] of Object.entries(PLACES)) if (places.some((place) => isAt(error, place))) return step as WizardStep;
  return null;
}

/** The definition as it is sent: nothing that was left empty, and a part of a message only where it says something. */
export function sent(definition: Definition): Definition {
  const channel = channelOf(definition);
  const options = pruned(channel.options);
  const made: Definition = {
    ...definition,
    channel: options === undefined ? channel.name || undefined : { name: channel.name, ...options },
    experiment: experimentSent(definition),
    goals: (definition.goals ?? []).map((goal) => pruned({ ...goal, of: goal.count === "distinct" ? goal.of : undefined }) ?? { events: "" }),
  };
  const left = pruned(made) ?? {};
  return { ...left, content: left.content ?? {} };
}

function experimentSent(definition: Definition): Definition["experiment"] {
  const arms = armsOf(definition);
  const given = definition.experiment ?? {};
  const holdout = given.holdout ? given.holdout : undefined;
  const made: Record<string, Arm> = Object.fromEntries(arms.map((arm) => [arm.name, { weight: arm.weight, ...(pruned(arm.content) === undefined ? {} : { content: pruned(arm.content) }) }]));
  return { ...given, weights: undefined, holdout, arms: arms.length > 0 ? made : undefined };
}

const KEPT = "coterie.draft.campaign";

/** What was written before it could be saved, if this browser has it. */
export function keptDraft(): Definition | null {
  try {
    const kept = window.localStorage.getItem(KEPT);
    return kept === null ? null : (JSON.parse(kept) as Definition);
  } catch {
    return null;
  }
}

export function keepDraft(definition: Definition | null): void {
  if (definition === null) window.localStorage.removeItem(KEPT);
  else window.localStorage.setItem(KEPT, JSON.stringify(definition));
}
