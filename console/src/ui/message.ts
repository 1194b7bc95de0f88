/** A message while it is written: its channel with options, its parts, and what each language has of its own. */

export interface Message {
  channel?: string | ({ name: string } & Record<string, unknown>);
  content?: Record<string, unknown>;
}

const APART = ["variants", "language", "defaults", "template", "version"];

/** The name of the channel that a message uses, and its options. */
export function channelOf(message: Message): { name: string; options: Record<string, unknown> } {
  const given = message.channel;
  if (typeof given === "string" || given === undefined) return { name: given ?? "", options: {} };
  const { name, ...options } = given;
  return { name, options };
}

/** The parts of the message, without variants and defaults. */
export function partsOf(content: Record<string, unknown>): [string, unknown][] {
  return Object.entries(content).filter(([name]) => !APART.includes(name));
}

export function variantsOf(content: Record<string, unknown>): Record<string, Record<string, unknown>> {
  return (content.variants ?? {}) as Record<string, Record<string, unknown>>;
}

export function defaultsOf(content: Record<string, unknown>): Record<string, unknown> {
  return (content.defaults ?? {}) as Record<string, unknown>;
}

/** Content with one part changed: of everybody, or of a language. */
export function withPart(content: Record<string, unknown>, language: string, name: string, value: unknown): Record<string, unknown> {
  if (language === "") return { ...content, [name]: value };
  const variants = variantsOf(content);
  return { ...content, variants: { ...variants, [language]: { ...variants[language], [name]: value } } };
}

/** An object without what is empty; undefined where nothing is left. */
export function pruned<T>(given: T): T | undefined {
  if (given === null || given === undefined || given === "") return undefined;
  if (Array.isArray(given)) return given.length === 0 ? undefined : given;
  if (typeof given !== "object") return given;
  const kept = Object.entries(given).flatMap(([name, value]) => {
    const left = pruned(value);
    return left === undefined ? [] : [[name, left]];
  });
  return kept.length === 0 ? undefined : (Object.fromEntries(kept) as T);
}

/** The names of tags that a text puts in. */
export function mentioned(text: string): string[] {
  const found = [...text.matchAll(/\{\{\s*(?:tag\("([^"]+)"\)|([\w.]+))/g)].map((match) => match[1] ?? match[2] ?? "");
  return [...new Set(found)].filter((name) => name !== "" && !["entity", "campaign", "arm", "unsubscribe_url"].includes(name));
}
