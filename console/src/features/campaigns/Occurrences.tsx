/** Every run of a campaign, with what it was made of and what became of it. */
import { useFormat, useWords } from "../../app/context";
import { address, Link } from "../../app/router";
import { Panel } from "../../ui/Page";
import { PlainTable } from "../../ui/PlainTable";
import { Empty, ErrorState, Loading } from "../../ui/States";
import { common } from "../../words/common";
import { useOccurrences } from "./PlanTab";
import { StateTag } from "./StateTag";
import { campaigns } from "./words";

export function Occurrences({ name }: { name: string }) {
  const w = useWords(campaigns);
  const c = useWords(common);
  const f = useFormat();
  const found = useOccurrences(name);
  if (found.isError) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading rows={5} />;
  if (found.data.length === 0) return <Empty title={w.occurrencesNone} />;
  const when = (moment: string | null) => (moment === null ? "–" : f.moment(moment));
  return (
    <Panel flush title={w.occurrences}>
      <PlainTable label={w.occurrences} wide heads={[w.occurrences, c.state, w.started, w.endedAt, { number: w.allPlanned }, { number: w.sent }, w.goals, w.snapshot, w.definition]}>
        {found.data.map((row) => (
          <tr key={row.run}>
            <th scope="row">
              <Link href={`${address("campaigns", name)}?tab=funnel&run=${encodeURIComponent(row.run)}`}>{row.run}</Link>
            </th>
            <td>
              <StateTag state={row.state} />
            </td>
            <td className="nowrap">{when(row.started_at)}</td>
            <td className="nowrap">{when(row.ended_at)}</td>
            <td className="num">{f.number(row.planned)}</td>
            <td className="num">{row.sent === null ? "–" : f.number(row.sent)}</td>
            <td>
              {Object.entries(row.goals ?? {})
                .map(([goal, n]) => `${goal} ${f.number(n)}`)
                .join(", ") || "–"}
            </td>
            <td className="nowrap" translate="no">{row.snapshot}</td>
            <td className="nowrap">{w.version(row.version)}</td>
          </tr>
        ))}
      </PlainTable>
    </Panel>
  );
}
