/** What the server answers. Requests and paths are typed by `schema.d.ts`; answers are plain data there, and described here. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export type ValueKind = "text" | "integer" | "decimal" | "number" | "boolean" | "date" | "moment" | "texts" | "path" | "vector";
export type Scalar = string | number | boolean | null;
export type Cell = Scalar | string[];

export interface TagRow {
  tag: string;
  label: string;
  type: ValueKind;
  entity_kind: string;
  coverage: number | null;
  how: string;
  description?: string | null;
  category?: string[] | null;
  unit?: string | null;
  owner?: string | null;
  family?: string | null;
  fresh_at?: string | null;
  /** How its Chinese label is typed in Latin letters. */
  spelled?: string;
}

export interface OperatorRow {
  key: string;
  label: string;
  types: ValueKind[];
  operand: Operand;
  measures: boolean;
}

/** What stands after an operator. */
export type Operand = "none" | "one" | "pair" | "many" | "text" | "pattern" | "span" | "days" | "path";

export interface Step {
  place: string;
  sentence: string;
  alone: number;
  remaining: number;
  removed: number;
  reachable: Record<string, number>;
}

export interface Count {
  count: number;
  universe: number;
  exact: boolean;
  as_of: string;
  data_version: number;
  elapsed_ms: number;
  sentence: string;
  waterfall: Step[];
  notes: string[];
}

export interface DatasetRow {
  dataset: string;
  kind: "profiles" | "events" | "records" | "edges" | "vectors" | "lookup" | "scores";
  entity_kind: string;
  rows: number;
  rejected: number;
  batches: number;
  fields: number;
  last_import: string | null;
}

export interface FieldRow {
  name: string;
  type: ValueKind;
  label?: string;
}

export interface AudienceRow {
  audience: string;
  version: number;
  count: number | null;
  as_of: string | null;
  state: "draft" | "computing" | "live" | "failed" | "expired";
  error: { message: string; fix: string | null } | null;
  validity: string;
  sentence: string;
  owner: string;
  folder: string;
  shared: boolean;
  purpose: string;
  valid_until: string | null;
  refresh: string;
  growth?: number[];
  entered: number | null;
  left: number | null;
}

export interface AudienceDetail extends AudienceRow {
  rule: JsonObject;
  description: string;
  entity_kind: string;
  used_by?: { kind: string; name: string }[];
}

export interface ValueCount {
  value: Cell;
  count: number;
  label?: string;
}

export interface JobRow {
  id: string;
  job: string;
  label?: string;
  state: "waiting" | "running" | "completed" | "cancelled" | "failed";
  arguments: Record<string, unknown>;
  created_at: string;
  ended_at: string | null;
  progress: { name?: string; done?: number; total?: number; unit?: string; seconds_left?: number; stage?: number; stages?: number } | null;
  error: { code: string; message: string; place: string | null; fix: string | null } | null;
  result: Record<string, unknown> | null;
}
