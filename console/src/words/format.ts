/** Numbers, money, dates and spans of time as the reader's language writes them. */
import type { Language } from "./pairs";

const LOCALE: Record<Language, string> = { en: "en-GB", zh: "zh-CN" };

export interface Format {
  number: (value: number, digits?: number) => string;
  short: (value: number) => string;
  percent: (share: number, digits?: number) => string;
  signed: (value: number) => string;
  money: (value: number, currency: string) => string;
  day: (iso: string) => string;
  moment: (iso: string) => string;
  ago: (iso: string) => string;
  bytes: (count: number) => string;
  list: (items: string[]) => string;
  compare: (a: string, b: string) => number;
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

function relative(locale: string, iso: string): string {
  const seconds = (new Date(iso).getTime() - Date.now()) / 1000;
  const words = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  const step = STEPS.find(([, length]) => Math.abs(seconds) >= length);
  return step === undefined ? words.format(0, "second") : words.format(Math.round(seconds / step[1]), step[0]);
}

/** What formats in a language; moments are told in the workspace's zone. */
export function formatOf(language: Language, timeZone: string): Format {
  const locale = LOCALE[language];
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
  const compact = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
  const dates = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeZone });
  const moments = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short", timeZone });
  const lists = new Intl.ListFormat(locale, { type: "conjunction" });
  const letters = new Intl.Collator(locale, { numeric: true });
  return {
    number: (value, digits) =>
      digits === undefined
        ? whole.format(value)
        : new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value),
    short: (value) => (Math.abs(value) < 10_000 ? whole.format(value) : compact.format(value)),
    percent: (share, digits = 1) =>
      new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: digits }).format(share),
    signed: (value) => new Intl.NumberFormat(locale, { signDisplay: "exceptZero" }).format(value),
    money: (value, currency) =>
      new Intl.NumberFormat(locale, {
        style: "currency",
        currency,
        currencyDisplay: "narrowSymbol",
        maximumFractionDigits: Math.abs(value) < 1000 ? 2 : 0,
      }).format(value),
    day: (iso) => dates.format(/^\d{4}-\d{2}-\d{2}$/.test(iso) ? new Date(`${iso}T12:00:00Z`) : new Date(iso)),
    moment: (iso) => moments.format(new Date(iso)),
    ago: (iso) => relative(locale, iso),
    bytes: (count) =>
      count < 1_000_000
        ? new Intl.NumberFormat(locale, { style: "unit", unit: "kilobyte", maximumFractionDigits: 0 }).format(count / 1e3)
        : new Intl.NumberFormat(locale, { style: "unit", unit: "megabyte", maximumFractionDigits: 1 }).format(count / 1e6),
    list: (items) => lists.format(items),
    compare: letters.compare,
  };
}
