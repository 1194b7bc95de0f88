/** A table of all its rows, which scrolls sideways where the screen is narrow; as a panel of its own, too. */
import type { ReactNode } from "react";
import { Panel } from "./Page";

/** What stands at the head of a column; over numbers (cells of class `num`) it stands to the right as they do. */
export type Head = ReactNode | { number: ReactNode };

interface TableProps {
  label: string;
  /** None where the first column says it all; null over a column of buttons. */
  heads?: Head[];
  /** The rows. */
  children: ReactNode;
  className?: string;
  /** Whether it keeps its lines whole, however narrow the screen. */
  wide?: boolean;
  /** What stands above the rows and scrolls with them. */
  notice?: ReactNode;
}

export function PlainTable({ label, heads, children, className = "", wide, notice }: TableProps) {
  return (
    <div className={wide ? "table-wide" : "table-scroll"} tabIndex={0} role="region" aria-label={label}>
      {notice}
      <table className={`plain ${className}`}>
        {heads !== undefined && (
          <thead>
            <tr>
              {heads.map((head, i) => (
                <HeadCell key={i} head={head} />
              ))}
            </tr>
          </thead>
        )}
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

function HeadCell({ head }: { head: Head }) {
  if (head === null) return <td />;
  const counts = typeof head === "object" && "number" in head;
  return (
    <th scope="col" className={counts ? "num" : undefined}>
      {counts ? head.number : head}
    </th>
  );
}

interface PanelProps extends TableProps {
  title?: ReactNode;
  /** What stands beside the title. */
  extra?: ReactNode;
  /** What stands between the title and the table. */
  lead?: ReactNode;
  /** What stands below the table. */
  foot?: ReactNode;
}

export function TablePanel({ title, extra, lead, foot, ...table }: PanelProps) {
  return (
    <Panel flush title={title} extra={extra}>
      {lead !== undefined && <div className="finding panel-inner">{lead}</div>}
      <PlainTable {...table} />
      {foot}
    </Panel>
  );
}
