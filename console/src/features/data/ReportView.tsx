/** What an import did or would do, in numbers that add up, and what was left out and why. */
import type { Cell, ValueKind } from "../../api/shapes";
import { useFormat, useWords } from "../../app/context";
import { Figure } from "../../ui/Figure";
import { Panel } from "../../ui/Page";
import { PlainTable } from "../../ui/PlainTable";
import { types } from "../../words/common";
import { data, reasons } from "./words";

export interface Reject {
  file?: string;
  line: number | null;
  column: string | null;
  value: string | null;
  reason: string;
}

export interface ImportReport {
  dataset: string;
  read: number;
  accepted: number;
  rejected: number;
  duplicates: number;
  entities: number;
  new_entities?: number;
  reject_reasons: Record<string, number>;
  types: Record<string, string>;
  notes?: string[];
  sample?: Record<string, Cell>[];
  rejects?: Reject[];
}

export function ReportView({ report }: { report: ImportReport }) {
  const w = useWords(data);
  const f = useFormat();
  const reasonOf = useReasons();
  const left = Object.entries(report.reject_reasons ?? {});
  return (
    <>
      <div className="figures">
        <Figure label={w.read} value={f.number(report.read)} />
        <Figure label={w.accepted} value={f.number(report.accepted)} />
        <Figure label={w.rejected} value={f.number(report.rejected)} />
        <Figure label={w.duplicates} value={f.number(report.duplicates)} />
        <Figure label={w.entities} value={f.number(report.entities)} />
      </div>
      {(report.notes ?? []).length > 0 && (
        <Panel title={w.notes}>
          <ul className="bullets">
            {report.notes?.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        </Panel>
      )}
      {left.length > 0 && (
        <Panel title={w.why}>
          <ul className="bullets">
            {left.map(([reason, n]) => (
              <li key={reason}>
                {reasonOf(reason)}: <b>{f.number(n)}</b>
              </li>
            ))}
          </ul>
          <RejectTable rejects={report.rejects ?? []} />
        </Panel>
      )}
    </>
  );
}

/** A reason of rejects in words; of one that is not known here, its code. */
export function useReasons(): (code: string) => string {
  const w: Record<string, string> = useWords(reasons);
  return (code) => w[code] ?? code;
}

export function RejectTable({ rejects }: { rejects: Reject[] }) {
  const w = useWords(data);
  const reason = useReasons();
  const f = useFormat();
  if (rejects.length === 0) return null;
  return (
    <PlainTable label={w.why} heads={[{ number: w.line }, w.column, w.reason, "→"]}>
      {rejects.map((row, i) => (
        <tr key={`${row.line}-${row.column}-${i}`}>
          <td className="num">{row.line === null ? "" : f.number(row.line)}</td>
          <td>{row.column}</td>
          <td>{reason(row.reason)}</td>
          <td className="code" translate="no">
            {row.value}
          </td>
        </tr>
      ))}
    </PlainTable>
  );
}

export function RowTable({ rows, kinds, label }: { rows: Record<string, Cell>[]; kinds?: Record<string, string>; label: string }) {
  const t = useWords(types);
  const columns = Object.keys(rows[0] ?? {});
  const heads = columns.map((column) => (
    <>
      {column}
      <span className="quiet small"> {kinds?.[column] === undefined ? "" : (t[kinds[column] as ValueKind] ?? kinds[column])}</span>
    </>
  ));
  return (
    <PlainTable label={label} heads={heads}>
      {rows.map((row, i) => (
        <tr key={i}>
          {columns.map((column) => (
            <td key={column} translate="no">
              {cellText(row[column])}
            </td>
          ))}
        </tr>
      ))}
    </PlainTable>
  );
}

export function cellText(cell: Cell | undefined): string {
  if (cell === null || cell === undefined) return "–";
  return Array.isArray(cell) ? cell.join(" › ") : String(cell);
}
