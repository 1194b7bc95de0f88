/** A number with its name and its change against before. */
import type { ReactNode } from "react";
import { useFormat } from "../app/context";

interface Props {
  label: string;
  value: ReactNode;
  change?: { share: number; against: string } | null;
  hint?: ReactNode;
}

export function Figure({ label, value, change, hint }: Props) {
  const f = useFormat();
  return (
    <div className="figure">
      <p className="figure-label">{label}</p>
      <p className="figure-value">{value}</p>
      {change != null && Math.abs(change.share) >= 0.0005 && (
        <p className={`figure-change ${change.share < 0 ? "down" : "up"}`}>
          <span aria-hidden="true">{change.share < 0 ? "↓" : "↑"}</span> {f.percent(Math.abs(change.share))}{" "}
          <span className="quiet">{change.against}</span>
        </p>
      )}
      {hint !== undefined && <p className="figure-hint quiet">{hint}</p>}
    </div>
  );
}

/** A line of the last values, without axes; `label` says it for those who do not see it. */
export function Sparkline({ values, label }: { values: number[]; label: string }) {
  if (values.length < 2) return <span className="quiet">–</span>;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const x = (i: number) => 2 + (i * 84) / (values.length - 1);
  const y = (v: number) => 22 - (high === low ? 10 : ((v - low) * 18) / (high - low));
  const line = values.map((v, i) => `${x(i).toFixed(1)},${y(v).toFixed(1)}`).join(" ");
  return (
    <svg className="spark" width="88" height="26" role="img" aria-label={label}>
      <polygon points={`2,26 ${line} ${x(values.length - 1)},26`} fill="var(--accent)" opacity=".1" />
      <polyline points={line} fill="none" stroke="var(--accent)" strokeWidth="1.7" strokeLinejoin="round" strokeLinecap="round" />
      <circle cx={x(values.length - 1)} cy={y(values[values.length - 1] ?? 0)} r="2.2" fill="var(--accent)" />
    </svg>
  );
}

/** A share as a thin bar with its number. */
export function Share({ share, label }: { share: number; label?: string }) {
  const f = useFormat();
  return (
    <span className="share">
      <span className="share-track" aria-hidden="true">
        <span className="share-fill" style={{ width: `${Math.max(0, Math.min(1, share)) * 100}%` }} />
      </span>
      <span className="share-text">{label ?? f.percent(share)}</span>
    </span>
  );
}
