/** Campaigns that exclude each other: of each group, who has which share of the customers, until when, and what is free. */
import { useApp, useFormat, useWords } from "../../app/context";
import { address, Link, usePlace } from "../../app/router";
import { seriesColours } from "../../ui/colours";
import { Page } from "../../ui/Page";
import { TablePanel } from "../../ui/PlainTable";
import { Empty, ErrorState, Loading } from "../../ui/States";
import { Strip } from "../../ui/Strip";
import { useEverybody } from "../../ui/useEverybody";
import { StateTag } from "./StateTag";
import { type ExclusionGroup, type ExclusionRow, useExclusions } from "./useExclusions";
import { campaigns, exclusions } from "./words";

export default function ExclusionsPage() {
  const w = useWords(exclusions);
  const a = useWords(campaigns);
  const { query } = usePlace();
  const only = query.get("group");
  const found = useExclusions();
  const groups = found.data?.filter((one) => only === null || one.group === only);
  return (
    <Page title={w.title} lead={w.lead} above={{ href: "/campaigns", label: a.title }} actions={only !== null && <Link href="/exclusions">{w.all}</Link>}>
      {found.isError && <ErrorState error={found.error} retry={() => void found.refetch()} />}
      {found.isPending && <Loading rows={6} />}
      {groups?.length === 0 && <Empty title={only === null ? w.emptyTitle : w.unknown(only)} hint={w.emptyHint} />}
      <div className="stack">
        {groups?.map((one) => (
          <Group key={one.group} group={one} />
        ))}
      </div>
    </Page>
  );
}

function Group({ group }: { group: ExclusionGroup }) {
  const w = useWords(exclusions);
  const f = useFormat();
  const { mode } = useApp();
  const everybody = useEverybody().data;
  const holding = group.campaigns.filter((row) => row.held > 0);
  const colours = seriesColours(mode, holding.length);
  const parts = [...holding.map((row) => ({ key: row.campaign, said: `${row.campaign}: ${f.percent(row.held)}`, amount: row.held })), { key: "", said: w.free(f.percent(group.free)), amount: group.free, rest: true }];
  return (
    <TablePanel
      title={<span translate="no">{group.group}</span>}
      extra={<b data-free={group.free}>{w.free(f.percent(group.free))}</b>}
      lead={
        <>
          <Strip parts={parts} />
          {group.returned > 0 && <span>{w.returned(f.percent(group.returned))}</span>}
        </>
      }
      label={w.inGroup(group.group)}
      heads={[w.campaign, { number: w.asks }, { number: w.has }]}
    >
      {group.campaigns.map((row) => (
        <Row key={row.campaign} row={row} everybody={everybody} colour={colours[holding.indexOf(row)]} />
      ))}
    </TablePanel>
  );
}

function Row({ row, everybody, colour }: { row: ExclusionRow; everybody: number | undefined; colour: string | undefined }) {
  const w = useWords(exclusions);
  const f = useFormat();
  const why = { open: w.open, recurs: w.recurs, goals: row.until === null ? w.goals : w.goalsUntil(f.moment(row.until)) };
  return (
    <tr data-campaign={row.campaign} data-held={row.held}>
      <th scope="row">
        {colour !== undefined && <span aria-hidden="true" className="colour-dot" style={{ background: colour }} />}
        <Link href={address("campaigns", row.campaign)}>{row.campaign}</Link> <StateTag state={row.state} enabled={row.enabled} />
        <p className="quiet small">{row.why === null ? w.nothing : why[row.why]}</p>
      </th>
      <td className="num">{row.share === null ? w.whatIsLeft : f.percent(row.share)}</td>
      <td className="num">
        {row.held > 0 ? f.percent(row.held) : "–"}
        {row.held > 0 && everybody !== undefined && <p className="quiet small">{w.about(Math.round(row.held * everybody))}</p>}
      </td>
    </tr>
  );
}
