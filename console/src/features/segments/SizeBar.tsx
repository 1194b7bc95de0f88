import { useApp, useFormat } from "../../app/context";
import { TONES } from "../../app/theme";
import { segmentColours } from "./colours";

/** The sizes of all segments in one bar, each in its colour; those in none are grey. */
export function SizeBar({ sizes }: { sizes: Record<string, number> }) {
  const f = useFormat();
  const { mode } = useApp();
  const rows = Object.entries(sizes);
  const total = Math.max(
    1,
    rows.reduce((sum, [, n]) => sum + n, 0),
  );
  const colours = segmentColours(mode, rows.length);
  const own = rows.filter(([id]) => id !== "0").map(([id]) => id);
  return (
    <div className="size-bar-all" role="img" aria-label={rows.map(([id, n]) => `${id}: ${f.number(n)}`).join(", ")}>
      {rows.map(([id, n]) => (
        <span key={id} title={`${id}: ${f.number(n)}`} style={{ width: `${(100 * n) / total}%`, background: id === "0" ? TONES[mode].quiet : colours[own.indexOf(id)] }} />
      ))}
    </div>
  );
}
