/** What the server answers about the content library. */

export type Kind = "template" | "dynamic" | "page";
export const KINDS: Kind[] = ["template", "dynamic", "page"];
export type ContentState = "draft" | "published" | "withdrawn";
export type Body = Record<string, unknown>;

export interface ContentRow {
  name: string;
  kind: Kind;
  state: ContentState;
  version: number;
  published_version: number | null;
  languages: string[];
  used_by: { kind: string; name: string }[];
  visits?: number;
  visitors?: number;
  conversions?: number;
  changed_at: string;
}

export interface ContentDetail extends ContentRow {
  body: Body;
  versions: { version: number; saved_at: string; published_at: string | null }[];
  variables: string[];
  links: string[];
  notes: string[];
}

export interface ContentPreview {
  parts?: Record<string, unknown>;
  html?: string;
  missing: string[];
  notes?: string[];
  /** Which variant of dynamic copy, and why. */
  chosen?: { block: string; variant: string | null; propensity: number | null; words: string }[];
}

/** How dynamic copy chooses: by conditions, by the highest score, or by the first item of a list that has a variant. */
export type Way = "rule" | "score" | "list";

export interface Choose {
  by: "score" | "list";
  tag?: string;
  floor?: number;
  explore?: number;
}

/** A body that chooses in another way: variants keep their texts, and lose what only the old way needs. */
export function chosenBy(body: Body, way: Way): Body {
  const variants = ((body.variants ?? []) as Body[]).map(({ name, text, html }) => ({ ...(name === undefined ? {} : { name }), ...(way === "rule" ? { when: {} } : {}), text: text ?? "", ...(html === undefined ? {} : { html }) }));
  const { choose: _, ...rest } = body;
  return way === "rule" ? { ...rest, variants } : { ...rest, choose: { by: way }, variants };
}

/** What new content of a kind begins with. */
export const START: Record<Kind, Body> = { template: { channels: {} }, dynamic: { variants: [], default: { text: "" } }, page: { title: "", html: "" } };

/** A body without texts that were left empty; what a kind needs stays. */
export function sent(kind: Kind, body: Body): Body {
  const kept = pruned(body) as Body | undefined;
  if (kind === "dynamic") {
    const variants = ((kept?.variants ?? []) as Body[]).map((variant) => ({ text: "", ...variant }));
    return { ...kept, variants, default: { text: "", ...((kept?.default ?? {}) as Body) } };
  }
  return kept ?? {};
}

function pruned(given: unknown): unknown {
  if (given === null || given === undefined || given === "") return undefined;
  if (Array.isArray(given)) return given.map((one) => pruned(one) ?? {});
  if (typeof given !== "object") return given;
  const kept = Object.entries(given).flatMap(([name, value]) => {
    const left = name === "when" ? value : pruned(value);
    return left === undefined ? [] : [[name, left]];
  });
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}
