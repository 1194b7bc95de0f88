/**
 * The rule of the server and the tree of the builder, each made from the other.
 *
 * In the builder a `not` is a switch of a group; a condition that stands alone under a `not` gets a group of its own (`bare`), so that
 * what was read is written again as it was. Places are those of the server's waterfall.
 */
import type { RuleGroupType, RuleType } from "react-querybuilder";
import type { Json, JsonObject } from "../../api/shapes";

export type { Json, JsonObject };

export const COMBINATORS = ["all", "any", "xor", "except"] as const;
export type Combinator = (typeof COMBINATORS)[number];

export const KINDS = [
  "tag",
  "events",
  "regular",
  "stopped",
  "restarted",
  "sequence",
  "top",
  "quantile",
  "audience",
  "block",
  "list",
  "neighbours",
  "geo",
  "sample",
  "split",
  "sql",
] as const;
export type Kind = (typeof KINDS)[number];

/** A condition: `field` is its kind, `value` its JSON as the server reads it; parts that are not chosen yet are missing. */
export interface Leaf extends RuleType {
  id: string;
  field: Kind;
  operator: string;
  value: JsonObject;
}

export interface Group extends Omit<RuleGroupType, "rules"> {
  id: string;
  combinator: Combinator;
  rules: (Leaf | Group)[];
  not?: boolean;
  name?: string;
  /** The name on the `not` around it, which the JSON may carry beside that of the group. */
  notName?: string;
  /** Whether the `not` holds its one condition without a group between. */
  bare?: boolean;
  collapsed?: boolean;
}

export type Node = Leaf | Group;

export const isGroup = (node: Node): node is Group => "rules" in node;

let made = 0;
/** A new id, unlike all others on this page. */
export function newId(): string {
  made += 1;
  return `n${made.toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
}

export function newGroup(combinator: Combinator = "all", rules: Node[] = []): Group {
  return { id: newId(), combinator, rules };
}

export function newLeaf(value: JsonObject): Leaf {
  return { id: newId(), field: kindOf(value), operator: "", value };
}

/** Kinds whose JSON also has the key of another kind: `{"events": ..., "regular": ...}` is a habit. */
const BESIDE: readonly Kind[] = ["regular", "stopped", "restarted"];

export function kindOf(leaf: JsonObject): Kind {
  const found = BESIDE.find((kind) => kind in leaf) ?? KINDS.find((kind) => kind in leaf);
  if (found === undefined) throw new Error(`This is not a condition: ${JSON.stringify(leaf)}`);
  return found;
}

/** The builder's tree of a rule. A rule that is one condition becomes a group of one. */
export function readRule(rule: JsonObject): Group {
  const { version: _version, entity: _entity, $schema: _schema, ...body } = rule;
  const node = readNode(body);
  return isGroup(node) ? node : newGroup("all", [node]);
}

function readNode(body: JsonObject): Node {
  if ("not" in body) return readNot(body);
  const combinator = COMBINATORS.find((key) => key in body);
  if (combinator === undefined) return newLeaf(body);
  const children = body[combinator] as JsonObject[];
  return { ...newGroup(combinator, children.map(readNode)), ...named("name", body.name) };
}

function readNot(body: JsonObject): Group {
  const inner = readNode(body.not as JsonObject);
  if (isGroup(inner) && !inner.not) return { ...inner, not: true, ...named("notName", body.name) };
  return { ...newGroup("all", [inner]), not: true, bare: true, ...named("notName", body.name) };
}

function named(key: "name" | "notName", value: Json | undefined): Partial<Group> {
  return typeof value === "string" && value !== "" ? { [key]: value } : {};
}

export interface Written {
  /** The rule as the server reads it. */
  rule: JsonObject;
  /** Ids of the builder's nodes by their place in the rule. */
  places: Map<string, string>;
  /** Ids of conditions that are not complete and so were left out. */
  unfinished: Set<string>;
}

/** The rule of a tree, without conditions that are not complete yet and groups that are empty. */
export function writeRule(root: Group, entity = "customer"): Written {
  const places = new Map<string, string>();
  const unfinished = new Set<string>();
  const body = writeNode(root, "", places, unfinished) ?? { all: [] };
  return { rule: { version: 1, entity, ...body }, places, unfinished };
}

function writeNode(node: Node, place: string, places: Map<string, string>, unfinished: Set<string>): JsonObject | null {
  if (!isGroup(node)) {
    if (!isComplete(node.value)) {
      unfinished.add(node.id);
      return null;
    }
    places.set(place || "rule", node.id);
    return node.value;
  }
  const inner = node.not ? inside(place, "not") : place;
  const bare = node.bare === true && node.not === true && node.rules.length === 1;
  const below = new Map<string, string>();
  const written: JsonObject[] = [];
  for (const child of node.rules) {
    const at = bare ? inner : inside(inner, `${node.combinator}[${written.length}]`);
    const body = writeNode(child, at, below, unfinished);
    if (body !== null) written.push(body);
  }
  if (written.length === 0) return null;
  places.set(place || "rule", node.id);
  for (const [at, id] of below) places.set(at, id);
  if (bare) return { not: written[0] as JsonObject, ...(node.notName ? { name: node.notName } : {}) };
  // `xor` and `except` need two: while there is one, it stands for itself.
  const combinator = written.length === 1 && node.combinator !== "any" ? "all" : node.combinator;
  if (combinator !== node.combinator) rename(places, inner, node.combinator, combinator);
  const group: JsonObject = { [combinator]: written, ...(node.name ? { name: node.name } : {}) };
  return node.not ? { not: group, ...(node.notName ? { name: node.notName } : {}) } : group;
}

function rename(places: Map<string, string>, place: string, from: string, to: string): void {
  const start = inside(place, `${from}[`);
  for (const [at, id] of [...places]) {
    if (!at.startsWith(start)) continue;
    places.delete(at);
    places.set(inside(place, `${to}[`) + at.slice(start.length), id);
  }
}

function inside(place: string, part: string): string {
  return place === "" ? part : `${place}.${part}`;
}

/** Operators that take no value. */
export const VALUELESS: ReadonlySet<string> = new Set(["exists", "not_exists", "anniversary_today"]);

/** Whether a condition has all its parts; whether they fit is for the server to say. */
export function isComplete(leaf: JsonObject): boolean {
  switch (kindOf(leaf)) {
    case "tag":
      return filled(leaf.tag) && compared(leaf);
    case "events":
      return filled(leaf.events) && whereComplete(leaf.where) && measured(leaf) && windowed(leaf);
    case "regular":
    case "stopped":
    case "restarted":
      return filled(leaf.events) && whereComplete(leaf.where) && everyPart(leaf[kindOf(leaf)]);
    case "sequence":
      return steps(leaf.sequence) && windowed(leaf);
    case "top": {
      const top = leaf.top as JsonObject;
      return filled(top.tag) && (filled(top.n) || filled(top.percent));
    }
    case "quantile":
    case "split":
    case "sample":
      return everyPart(leaf[kindOf(leaf)], ["salt"]);
    case "neighbours": {
      const of = leaf.neighbours as JsonObject;
      return filled(of.dataset) && filled(of.of);
    }
    case "geo":
      return everyPart(leaf.geo) && filled(leaf.within_km) && everyPart(leaf.of);
    case "audience":
    case "block":
    case "list":
    case "sql":
      return filled(leaf[kindOf(leaf)]);
  }
}

function filled(value: Json | undefined): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value === "string") return value.trim() !== "";
  return Array.isArray(value) ? value.length > 0 && value.every(filled) : true;
}

function everyPart(value: Json | undefined, optional: readonly string[] = []): boolean {
  if (Array.isArray(value)) return filled(value);
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).every(([key, part]) => optional.includes(key) || filled(part));
}

function compared(leaf: JsonObject): boolean {
  return filled(leaf.op) && (VALUELESS.has(String(leaf.op)) || filled(leaf.value) || filled(leaf.than_field));
}

function measured(leaf: JsonObject): boolean {
  if (leaf.never === true || ["at_least", "at_most", "exactly"].some((key) => filled(leaf[key]))) return true;
  const measure = leaf.measure ?? "count";
  if (!["count", "first_at", "last_at"].includes(String(measure)) && !filled(leaf.of)) return false;
  return leaf.op === undefined ? measure === "count" : compared(leaf);
}

function windowed(leaf: JsonObject): boolean {
  return ["within", "between"].every((key) => leaf[key] === undefined || filled(leaf[key]));
}

function steps(value: Json | undefined): boolean {
  if (!Array.isArray(value) || value.length < 2) return false;
  return (value as JsonObject[]).every((step) => {
    const events = (step.then_not ?? step) as JsonObject;
    return filled(events.events) && whereComplete(events.where) && (!("then_not" in step) || filled(events.within));
  });
}

function whereComplete(where: Json | undefined): boolean {
  if (where === undefined || where === null) return true;
  const body = where as JsonObject;
  if ("not" in body) return whereComplete(body.not);
  const combinator = COMBINATORS.find((key) => key in body);
  if (combinator !== undefined) return (body[combinator] as JsonObject[]).every(whereComplete);
  return filled(body.field) && compared(body);
}

/** A copy of a node with new ids throughout. */
export function cloned<N extends Node>(node: N): N {
  const copy = { ...node, id: newId() };
  if (isGroup(copy) && isGroup(node)) copy.rules = node.rules.map(cloned);
  return copy;
}

/** How many conditions there are. */
export function countLeaves(node: Node): number {
  return isGroup(node) ? node.rules.reduce((sum, child) => sum + countLeaves(child), 0) : 1;
}

/** Values pasted from a sheet or a mail: by line, tab, comma or semicolon, of every width; each once, in order. */
export function pastedValues(text: string): string[] {
  const lines = /[\n\r\t]/.test(text.trim()) ? text.split(/[\n\r\t]+/) : text.split(/[,;，；、]+/);
  const values = lines.map((value) => value.trim().replace(/^"(.*)"$/, "$1")).filter((value) => value !== "");
  return [...new Set(values)];
}
