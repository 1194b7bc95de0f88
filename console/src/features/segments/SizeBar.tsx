import { useApp, useFormat } from "../../app/context";
import { SERIES } from "../../app/theme";

/** The sizes of all segments in one bar. */
export function SizeBar({ sizes }: { sizes: Record<string, number> }) {
  const f = useFormat();
  const { mode } = useApp();
  const rows = Object.entries(sizes);
  const total = Math.max(1, rows.reduce((sum, [, n]) => sum + n, 0));
  const colours = SERIES[mode];
  return (
    <div className="size-bar-all" role="img" aria-label={rows.map(([id, n]) => `${id}: ${f.number(n)}`).join(", ")}>
      {rows.map(([id, n], i) => (
        <span key={id} title={`${id}: ${f.number(n)}`} style={{ width: `${(100 * n) / total}%`, background: colours[i % colours.length] }} />
      ))}
    </div>
  );
}
