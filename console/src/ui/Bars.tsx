/** Bars with their numbers beside them: a table that is also the chart. A bar may be a way to its people. */
import { DownloadOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { useFormat, useWords } from "../app/context";
import { common } from "../words/common";
import { pairs } from "../words/pairs";
import { csvCell } from "./Chart";
import { saveCsv } from "./download";
import "./marketing.css";

const words = pairs({
  what: ["Where they are", "去向"],
  share: ["Share", "占比"],
  interval: ["Share, 95% interval", "占比与 95% 置信区间"],
});

export interface BarRow {
  key: string;
  label: string;
  count: number;
  tone?: "lost" | "wait" | "apart" | "good";
  /** Part of the bar above. */
  sub?: boolean;
  /** A share of what, with its interval; of the largest bar where it is left out. */
  rate?: { rate: number | null; low?: number | null; high?: number | null } | null;
  open?: boolean;
}

interface Props {
  label: string;
  rows: BarRow[];
  /** What a full bar is. */
  of: number;
  intervals?: boolean;
  onOpen?: (key: string) => void;
  /** What the rows are, above them. */
  head?: string;
}

export function Bars({ label, rows, of, intervals = false, onOpen, head }: Props) {
  const w = useWords(words);
  const c = useWords(common);
  const f = useFormat();
  const rateOf = (row: BarRow) => (row.rate === undefined ? (of > 0 ? row.count / of : null) : (row.rate?.rate ?? null));
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label={label}>
      <table className="bars">
        <caption className="sr-only">{label}</caption>
        <thead>
          <tr>
            <th scope="col">{head ?? w.what}</th>
            <td className="bar-cell bar-file">
              <Button size="small" type="text" aria-label={c.downloadCsv} title={c.downloadCsv} icon={<DownloadOutlined aria-hidden="true" />} onClick={() => save(label, rows, rateOf)} />
            </td>
            <th scope="col" className="bar-number">
              {c.count}
            </th>
            <th scope="col" className="bar-number">
              {intervals ? w.interval : w.share}
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.key} className={row.sub ? "sub-bar" : undefined} data-bar={row.key} data-count={row.count}>
              <th scope="row">
                {onOpen !== undefined && row.open !== false && row.count > 0 ? (
                  <button type="button" className="link" onClick={() => onOpen(row.key)}>
                    {row.label}
                  </button>
                ) : (
                  row.label
                )}
              </th>
              <td className="bar-cell">
                <span className="bar-track" aria-hidden="true">
                  <span className={`bar-fill ${row.tone ?? ""} ${row.count === 0 ? "none" : ""}`} style={{ width: `${of > 0 ? Math.min(100, (100 * row.count) / of) : 0}%` }} />
                </span>
              </td>
              <td className="bar-number">
                <b>{f.number(row.count)}</b>
              </td>
              <td className="bar-number">
                {rateOf(row) === null ? "–" : f.percent(rateOf(row) ?? 0)}
                {intervals && row.rate?.low != null && row.rate.high != null && row.count > 0 && <span className="bar-ends quiet">{`${f.percent(row.rate.low)} – ${f.percent(row.rate.high)}`}</span>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function save(label: string, rows: BarRow[], rateOf: (row: BarRow) => number | null): void {
  const lines = rows.map((row) => [row.key, row.label, row.count, rateOf(row), row.rate?.low ?? null, row.rate?.high ?? null]);
  const text = [["key", "label", "count", "share", "low", "high"], ...lines].map((line) => line.map(csvCell).join(",")).join("\r\n");
  saveCsv(label, text);
}
