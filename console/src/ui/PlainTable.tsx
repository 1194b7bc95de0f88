/** A table of all its rows, which scrolls sideways where the screen is narrow. */
import type { ReactNode } from "react";
import { Panel } from "./Page";

interface Props {
  label: string;
  heads: ReactNode[];
  /** The rows. */
  children: ReactNode;
  title?: ReactNode;
  /** What stands between the title and the table. */
  lead?: ReactNode;
  /** What stands below the table. */
  foot?: ReactNode;
  className?: string;
}

export function PlainTable({ label, heads, children, title, lead, foot, className = "" }: Props) {
  return (
    <Panel flush title={title}>
      {lead !== undefined && <p className="finding panel-inner">{lead}</p>}
      <div className="table-scroll" tabIndex={0} role="region" aria-label={label}>
        <table className={`plain ${className}`}>
          <thead>
            <tr>
              {heads.map((head, i) => (
                <th key={i} scope="col">
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>{children}</tbody>
        </table>
      </div>
      {foot}
    </Panel>
  );
}
