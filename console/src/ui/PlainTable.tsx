/** A table of all its rows, which scrolls sideways where the screen is narrow. */
import type { ReactNode } from "react";
import { Panel } from "./Page";

interface Props {
  label: string;
  heads: ReactNode[];
  children: ReactNode;
}

export function PlainTable({ label, heads, children }: Props) {
  return (
    <Panel flush>
      <div className="table-scroll" tabIndex={0} role="region" aria-label={label}>
        <table className="plain">
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
    </Panel>
  );
}
