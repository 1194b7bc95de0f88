/** The colours of parts beside each other: the series' own, then the same nearer to the text, so that neighbours stay apart. */
import { type Mode, SERIES, TONES } from "../app/theme";

export function seriesColours(mode: Mode, count: number): string[] {
  const base = SERIES[mode];
  return Array.from({ length: count }, (_, i) => {
    const own = base[i % base.length] ?? TONES[mode].quiet;
    const round = Math.floor(i / base.length);
    return round === 0 ? own : mixed(own, TONES[mode].text, Math.min(0.65, 0.38 * round));
  });
}

function mixed(one: string, other: string, share: number): string {
  const part = (hex: string, at: number) => Number.parseInt(hex.slice(at, at + 2), 16);
  const channel = (at: number) => Math.round(part(one, at) * (1 - share) + part(other, at) * share);
  return `#${[1, 3, 5].map((at) => channel(at).toString(16).padStart(2, "0")).join("")}`;
}
