/** A customer's scores and segments, with what each comes from. */
import { useQuery } from "@tanstack/react-query";
import { api } from "../../api/client";
import type { Cell } from "../../api/shapes";
import { useApp, useFormat, useWords } from "../../app/context";
import { Link } from "../../app/router";
import { Share } from "../../ui/Figure";
import { Panel } from "../../ui/Page";
import { ErrorState, Loading } from "../../ui/States";
import { CellText } from "./CustomerList";
import { customers } from "./words";

interface Reason {
  tag: string;
  label: string;
  unit: string | null;
  value: Cell;
  below: number | null;
}

interface Score {
  tag: string;
  label: string;
  value: Cell;
  how: string;
  reasons: Reason[];
}

export function Scores({ entity }: { entity: string }) {
  const w = useWords(customers);
  const f = useFormat();
  const { language } = useApp();
  const found = useQuery({
    queryKey: ["customer", entity, "scores", language],
    queryFn: ({ signal }) => api.get<{ scores: Score[] }>("/api/v1/customers/{entity}/scores", { path: { entity }, query: { language }, signal }),
  });
  return (
    <Panel title={w.scores}>
      {found.isError && <ErrorState small error={found.error} />}
      {found.isPending && <Loading rows={3} />}
      {found.data?.scores.length === 0 && <p className="quiet">{w.scoresNone}</p>}
      <ul className="lines">
        {found.data?.scores.map((score) => (
          <li key={score.tag}>
            <details className="score">
              <summary>
                <span>{score.label}</span>
                <b translate="no">
                  {typeof score.value === "number" ? f.number(score.value) : <CellText cell={score.value} />}
                </b>
              </summary>
              <p className="quiet small">{score.how}</p>
              <p className="small">
                <Link href={`/tags?tag=${encodeURIComponent(score.tag)}`}>{w.toTag}</Link>
              </p>
              <ReasonTable reasons={score.reasons} />
            </details>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function ReasonTable({ reasons }: { reasons: Reason[] }) {
  const w = useWords(customers);
  const f = useFormat();
  return (
    <table className="shares">
      <thead>
        <tr>
          <th scope="col">{w.reason}</th>
          <th scope="col">{w.value}</th>
          <th scope="col">{w.below}</th>
        </tr>
      </thead>
      <tbody>
        {reasons.map((reason) => (
          <tr key={reason.tag}>
            <th scope="row">{reason.label}</th>
            <td translate="no">{typeof reason.value === "number" ? f.number(reason.value) : <CellText cell={reason.value} />}</td>
            <td>{reason.below === null ? "–" : <Share share={reason.below} />}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
