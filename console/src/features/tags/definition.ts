/** The definition of a tag, as in a YAML file, from what was typed into the form. */

export const WAYS = ["aggregate", "formula", "band", "score"] as const;

export interface TagValues {
  way: (typeof WAYS)[number];
  name: string;
  dataset?: string;
  measure?: string;
  of?: string;
  within?: string;
  expression?: string;
  tag?: string;
  edges?: string;
  labels?: string;
  parts?: number;
  better?: string;
  label_en?: string;
  label_zh?: string;
  category?: string;
  description?: string;
}

export interface Definition extends Record<string, unknown> {
  name: string;
}

const parts = (text: string | undefined, by: RegExp) =>
  (text ?? "")
    .split(by)
    .map((part) => part.trim())
    .filter((part) => part !== "");

function given(body: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined && value !== "" && value !== null));
}

function made(values: TagValues): Record<string, unknown> {
  switch (values.way) {
    case "aggregate":
      return { aggregate: given({ dataset: values.dataset, measure: values.measure, of: values.of, within: values.within }) };
    case "formula":
      return { formula: values.expression?.trim() };
    case "band":
      return { band: { tag: values.tag, edges: parts(values.edges, /[,，]/).map(Number), labels: parts(values.labels, /[,，]/) } };
    case "score":
      return { score: given({ tag: values.tag, parts: values.parts, better: values.better }) };
  }
}

export function definitionOf(values: TagValues): Definition {
  const label = given({ en: values.label_en, zh: values.label_zh });
  const description = values.description ? { en: values.description, zh: values.description } : undefined;
  const category = parts(values.category, /\//);
  const head = given({ label: Object.keys(label).length > 0 ? label : undefined, description, category: category.length > 0 ? category : undefined });
  return { name: values.name.trim(), ...head, ...made(values) };
}
