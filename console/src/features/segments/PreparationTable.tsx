/** What the preparation does to each tag, and which are left out and why. */
import type { ReactNode } from "react";
import { useFormat, useWords } from "../../app/context";
import { segments } from "./words";
import { PlainTable } from "../../ui/PlainTable";

export interface PreparedColumn {
  tag: string;
  label: string;
  kind: "number" | "flag" | "category" | "missing";
  weight: number;
  transform?: "identity" | "log1p" | "yeo_johnson";
  fill?: number | null;
  missing?: number;
  limited?: number;
  levels?: string[];
  share?: number | null;
}

export interface Prepared {
  mode: string;
  rows: number;
  columns: PreparedColumn[];
  dropped: { tag: string; label: string; reason: string; text: string }[];
}

export function PreparationTable({ prepared, weight }: { prepared: Prepared; weight?: (tag: string) => ReactNode }) {
  const w = useWords(segments);
  const f = useFormat();
  const kinds = { number: w.kindNumber, flag: w.kindFlag, category: w.kindCategory, missing: w.kindMissing };
  const transforms = { identity: w.transformIdentity, log1p: w.transformLog, yeo_johnson: w.transformPower };
  const filled = (column: PreparedColumn) => {
    if (!column.missing) return "–";
    return column.fill == null ? f.number(column.missing) : w.missingFilled(f.number(column.missing), f.number(column.fill));
  };
  const done = (column: PreparedColumn) => {
    const parts = [column.transform === undefined ? null : transforms[column.transform], column.limited ? w.limited(f.number(column.limited)) : null, column.levels === undefined ? null : w.levels(column.levels.length)];
    return parts.filter(Boolean).join(" · ") || "–";
  };
  return (
    <>
      <PlainTable label={w.preparation} heads={[w.tag, w.kind, w.transform, { number: w.missing }, { number: w.weight }]}>
        {prepared.columns.map((column) => (
          <tr key={`${column.tag} ${column.kind}`}>
            <th scope="row" translate="no">
              {column.label}
            </th>
            <td>{kinds[column.kind]}</td>
            <td>{done(column)}</td>
            <td className="num">{filled(column)}</td>
            <td className="num">{weight !== undefined && column.kind !== "missing" ? weight(column.tag) : f.number(column.weight, 2)}</td>
          </tr>
        ))}
      </PlainTable>
      {prepared.dropped.length > 0 && (
        <div className="panel-inner">
          <h3 className="sub">{w.leftOutTags}</h3>
          <ul className="bullets">
            {prepared.dropped.map((column) => (
              <li key={column.tag}>
                <b translate="no">{column.label}</b> {column.text}
              </li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}
