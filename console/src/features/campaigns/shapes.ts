/** What the server answers about campaigns. */
import type { ExperimentAnswer } from "../../ui/ExperimentView";

export type RunState = "draft" | "preparing" | "waiting" | "running" | "paused" | "completed" | "expired" | "cancelled" | "failed";

export const STATES: RunState[] = ["draft", "preparing", "waiting", "running", "paused", "completed", "expired", "cancelled", "failed"];

export interface CampaignRow {
  campaign: string;
  version: number;
  state: RunState;
  enabled: boolean;
  audience: string;
  channel: string;
  brand: string;
  type: string;
  category: string;
  owner: string;
  occurrences: number;
  last_run: string | null;
  next_run?: string | null;
  changed_at: string;
  planned?: number | null;
  sent?: number | null;
  goals?: Record<string, number> | number | null;
}

/** Which reading of the results decides. */
export type Reading = "plain" | "adjusted";

export type Step = "audience" | "content" | "experiment" | "schedule" | "plan" | "approve" | "run";

/** What keeps a campaign from running: at which step, what is to be done, and with what where that is not the campaign. */
export interface Blocked {
  code: string;
  message: string;
  place: string | null;
  fix: string | null;
  step: Step;
  needs: "edit" | "publish" | "look" | "plan" | "plan_again" | "approve" | "enable" | "resume";
  of: string | null;
}

export interface CampaignDetail {
  campaign: string;
  version: number;
  state: RunState;
  enabled: boolean;
  definition: Definition;
  versions: { version: number; saved_at: string; by?: string }[];
  approval: { by: string; at: string; most: number } | null;
  blocked: Blocked[];
  steps: { step: Step; done: boolean; at?: string | null; blocked?: string | null }[];
  sentence: string;
  /** The newest run, with its plan. */
  occurrence: Planned | null;
}

export interface Goal {
  name?: string;
  events: string;
  where?: Record<string, unknown>;
  within?: string;
  count?: "users" | "events" | "distinct";
  of?: string[];
  /** The field with the money that an event brings. */
  amount?: string;
}

export interface Arm {
  weight?: number;
  content?: Record<string, unknown>;
}

/** A campaign as its file has it; names that this screen does not know are kept as they are. */
export interface Definition {
  name?: string;
  audience?: string | { name: string; use?: "snapshot" | "refresh"; snapshot?: string };
  channel?: string | ({ name: string } & Record<string, unknown>);
  content?: Record<string, unknown>;
  brand?: string;
  type?: string;
  category?: string;
  owner?: string;
  schedule?: "now" | Record<string, unknown>;
  validity?: { from?: string; until?: string };
  goals?: Goal[];
  experiment?: { arms?: string[] | Record<string, Arm | number | null>; weights?: Record<string, number>; holdout?: number; salt?: string; adjust?: boolean | string | string[]; decides?: Reading };
  quiet?: { from: string; until: string; zone?: string };
  priority?: number;
  group?: string;
  cost?: { per_message?: string; fixed?: string };
  /** The group that keeps it apart from other campaigns, with the share that it asks for. */
  exclusion?: string | { group: string; share?: number | null } | null;
  [other: string]: unknown;
}

export interface PlanFacts {
  planned: number;
  buckets: Record<string, number>;
  reasons: Record<string, number>;
  capped?: Record<string, number>;
  arms: Record<string, number>;
  samples: Record<string, string[]>;
  empty_variables?: { variable: string; count: number; examples?: string[] }[];
  empty?: Record<string, number>;
  notes?: string[];
}

export interface Occurrence {
  number: number;
  run: string;
  version: number;
  state: string;
  started_at: string | null;
  ended_at: string | null;
  moment?: string;
  planned_at?: string;
  planned: number;
  sent: number | null;
  goals?: Record<string, number> | null;
  snapshot: string;
  content_version?: number | string | null;
}

export interface Planned {
  number: number;
  run: string;
  state: string;
  plan: PlanFacts;
  snapshot: string;
  planned_at: string;
  started_at: string | null;
  ended_at: string | null;
  moment: string;
}

export interface Rate {
  rate: number | null;
  low: number | null;
  high: number | null;
}

export interface Status {
  planned: number;
  suppressed: Record<string, number>;
  capped: number;
  held_out: number;
  pending: number;
  deferred: number;
  sent: number;
  uncertain: number;
  failed: number;
  cancelled: number;
  expired: number;
  delivered: number;
  opened: number;
  clicked: number;
  bounced: number;
  unsubscribed: number;
  unknown: number;
  failures?: Record<string, number>;
  changed_since_plan?: number | Record<string, number> | null;
}

/** The status stands beside the rest, or under its own name. */
export interface FunnelAnswer extends Partial<Omit<Status, "goals">> {
  run: string;
  status?: Status;
  difference: number;
  rates: Record<string, Rate>;
  goals: ({ goal: string; users: number; events: number; pairs?: number | null } & Rate)[];
  time_to_goal: { median: number | null; p25: number | null; p75: number | null; unit?: string; rows: { day?: number; hours?: number; count: number }[] } | null;
  money: { cost: number | string | null; revenue: number | string | null; profit: number | string | null; return: number | null; currency: string } | null;
  by: { kind: string; rows: Record<string, unknown>[] } | null;
  days: Record<string, unknown>[];
}

export interface ResultsAnswer {
  experiment: ExperimentAnswer | null;
  reason?: string | null;
}

export interface Preview {
  parts: Record<string, unknown>;
  /** Which variant of the dynamic copy in it, and why. */
  chosen?: { block: string; words: string }[];
  entity: string;
  missing: string[];
  notes?: string[];
  address?: string | null;
}

/** The name of the audience that a definition uses. */
export function audienceOf(definition: Definition): string {
  const given = definition.audience;
  return typeof given === "string" ? (given.split("@")[0] ?? "") : (given?.name ?? "");
}

/** Arms by name with their weights, whichever of its three forms the definition uses. */
export function armsOf(definition: Definition): { name: string; weight: number; content: Record<string, unknown> }[] {
  const given = definition.experiment ?? {};
  const weights = given.weights ?? {};
  if (Array.isArray(given.arms)) return given.arms.map((name) => ({ name, weight: weights[name] ?? 1, content: {} }));
  if (given.arms === undefined) return Object.entries(weights).map(([name, weight]) => ({ name, weight, content: {} }));
  return Object.entries(given.arms).map(([name, arm]) => {
    if (typeof arm === "number" || arm === null) return { name, weight: arm ?? 1, content: {} };
    return { name, weight: arm.weight ?? 1, content: arm.content ?? {} };
  });
}
