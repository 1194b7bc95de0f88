/** Words in English and Chinese, side by side: a word without its other language does not compile. */
export type Language = "en" | "zh";

/** A text, or what makes one from what it is given. */
type Phrase = string | ((...given: never[]) => string);
type Widened<P> = P extends string ? string : P;

export type Catalogue<T extends Record<string, readonly [Phrase, Phrase]>> = Record<
  Language,
  { readonly [K in keyof T]: Widened<T[K][0]> }
>;

/** A catalogue of `key: [English, Chinese]`. */
export function pairs<const T extends Record<string, readonly [Phrase, Phrase]>>(table: T): Catalogue<T> {
  const pick = (side: 0 | 1) => Object.fromEntries(Object.entries(table).map(([key, pair]) => [key, pair[side]]));
  return { en: pick(0), zh: pick(1) } as Catalogue<T>;
}

const rules = new Intl.PluralRules("en");
const plain = new Intl.NumberFormat("en");

/** "1 customer", "2,104 customers". */
export function many(n: number, one: string, other: string): string {
  return `${plain.format(n)} ${rules.select(n) === "one" ? one : other}`;
}
