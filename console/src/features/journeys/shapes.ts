/** What the server answers about journeys, and a journey as its file has it. */
import type { Problem } from "../../api/client";
import type { JsonObject } from "../../api/shapes";

export type JourneyState = "draft" | "running" | "paused" | "stopped";
export const STATES: JourneyState[] = ["draft", "running", "paused", "stopped"];

export const KINDS = ["send", "wait", "condition", "split", "event", "page", "end"] as const;
export type Kind = (typeof KINDS)[number];

export interface JourneyRow {
  journey: string;
  version: number;
  running_version: number | null;
  state: JourneyState;
  started_at: string | null;
  by: string;
  /** What could not be done at the last look, by step. */
  errors: Record<string, Problem> | null;
  description: string;
  owner: string;
  zone: string;
  entry: string;
  steps: number;
  inside: number;
  last_look: string | null;
  saved_at: string;
}

export interface JourneyDetail extends JourneyRow {
  definition: Definition;
  versions: { version: number; saved_at: string }[];
}

export interface Happening {
  events: string;
  where?: JsonObject;
}

export type Given = string | Happening;

/** A step: its name, what it does under the name of its kind, and the ways on that it names. */
export type Step = { id: string; label?: string } & Record<string, unknown>;

/** A journey as its file has it; parts that this screen does not know are kept as they are. */
export interface Definition {
  name?: string;
  description?: string;
  owner?: string;
  purpose?: string;
  zone?: string;
  zone_of?: string;
  every_minutes?: number;
  entry?: { audience?: string; event?: Given; again?: string; late?: string };
  exit?: { goal?: Given | Given[]; left?: boolean };
  quiet?: { from: string; until: string };
  steps?: Step[];
  [other: string]: unknown;
}

export interface StepRow {
  step: string;
  kind: Kind | "removed";
  label: string;
  to: Record<string, string>;
  entered: number;
  waiting: number;
  passed: number;
  exited: number;
  exits: Record<"goal" | "left" | "stopped", number>;
  ways: Record<string, number>;
  difference: number;
}

export interface Funnel {
  entered: number;
  inside: number;
  finished: number;
  exits: Record<"goal" | "left" | "stopped", number>;
  steps: StepRow[];
  difference: number;
}

export interface StepTimes {
  since: string | null;
  due: string | null;
  median_seconds: number | null;
}

export interface DryRun {
  entrants: number;
  days: number;
  errors: Record<string, Problem> | null;
  messages: { at: string; step: string; people: number }[];
  moments: { at: string; step: string; kind: Kind; people: number }[];
  steps: StepRow[];
  inside: number;
  finished: number;
}

/** What a step waits for or a journey is left by, whichever way it is written. */
export function happeningOf(given: Given | undefined): Happening {
  return typeof given === "string" ? { events: given } : (given ?? { events: "" });
}

/** The goals of a journey, one or several. */
export function goalsOf(definition: Definition): Happening[] {
  const given = definition.exit?.goal;
  return given === undefined ? [] : (Array.isArray(given) ? given : [given]).map(happeningOf);
}
