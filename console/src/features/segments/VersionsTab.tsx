/** Versions over time: which is in use, what became of the segments, who moved and why, and whether the data has moved on. */
import { useQuery } from "@tanstack/react-query";
import { App, Button, Select, Tag } from "antd";
import { useMemo } from "react";
import { api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { useQueryValue } from "../../app/router";
import { TONES } from "../../app/theme";
import { Chart } from "../../ui/Chart";
import { Panel } from "../../ui/Page";
import { PlainTable } from "../../ui/PlainTable";
import { ErrorState, Loading } from "../../ui/States";
import { seriesColours } from "../../ui/colours";
import { nameOf, type Segmentation, type VersionRow } from "./shapes";
import { useMethodNames } from "./useMethodNames";
import { type Run, useRun } from "./useRun";
import { segments } from "./words";

export function VersionsTab({ segmentation }: { segmentation: Segmentation }) {
  const run = useRun(segmentation.segmentation);
  return (
    <div className="stack">
      {run.note}
      <VersionTable segmentation={segmentation} run={run} />
      <Fates segmentation={segmentation} />
      <MigrationPanel segmentation={segmentation} />
      <DriftPanel segmentation={segmentation} />
    </div>
  );
}

function VersionTable({ segmentation, run }: { segmentation: Segmentation; run: Run }) {
  const w = useWords(segments);
  const f = useFormat();
  const { allowed } = useApp();
  const { modal, message } = App.useApp();
  const method = useMethodNames();
  const name = segmentation.segmentation;
  const may = allowed === null || allowed.has("define");
  const rebuilt = useRun(name, (job) => {
    const told = job.result as { identical?: boolean; same?: boolean } | null;
    void message.info(told?.identical ? w.identical : told?.same ? w.sameButRounding : w.different);
  });
  const kinds = { fit: w.fitKind, refit: w.refitKind, update: w.updateKind };
  const use = (row: VersionRow) =>
    modal.confirm({ title: w.use, content: w.useAsk(row.version), okText: w.use, onOk: () => run.start("/api/v1/segments/{name}/promote", { version: row.version }) });
  const back = () => modal.confirm({ title: w.rollback, content: w.rollback, okText: w.rollback, onOk: () => run.start("/api/v1/segments/{name}/rollback", {}) });
  const used = segmentation.versions.filter((row) => row.promoted);
  return (
    <Panel
      title={w.versions}
      flush
      extra={
        may && segmentation.versions.length > 1 && used.length > 0 ? (
          <Button size="small" disabled={run.busy} onClick={back}>
            {w.rollback}
          </Button>
        ) : undefined
      }
    >
      {rebuilt.note}
      <PlainTable label={w.versions} heads={[w.versions, w.kind, w.made, w.method, { number: w.k }, null]}>
        {[...segmentation.versions].reverse().map((row) => (
          <tr key={row.version} data-version={row.version}>
            <th scope="row" className="nowrap">
              {f.number(row.version)} {row.promoted && <Tag className="tone tone-good">{w.promoted}</Tag>}
            </th>
            <td className="nowrap">{kinds[row.kind]}</td>
            <td className="nowrap">{f.moment(row.created_at)}</td>
            <td className="nowrap">{method(row.method)}</td>
            <td className="num">{f.number(row.k)}</td>
            <td className="nowrap row-buttons">
              {may && !row.promoted && (
                <Button size="small" disabled={run.busy} onClick={() => use(row)}>
                  {w.use}
                </Button>
              )}
              {may && (
                <Button size="small" type="text" disabled={rebuilt.busy} onClick={() => void rebuilt.start("/api/v1/segments/{name}/rebuild", { version: row.version })}>
                  {w.rebuild}
                </Button>
              )}
            </td>
          </tr>
        ))}
      </PlainTable>
    </Panel>
  );
}

function Fates({ segmentation }: { segmentation: Segmentation }) {
  const w = useWords(segments);
  const f = useFormat();
  const fates = segmentation.identity?.segments ?? [];
  if (fates.length === 0) return null;
  return (
    <Panel title={w.fates}>
      <ul className="lines">
        {fates.map((fate) => (
          <li key={`${fate.id} ${fate.kind}`}>
            <b translate="no">{nameOf(segmentation, fate.id)}</b>
            <Tag className={`tone tone-${fate.kind === "survived" ? "good" : "warn"}`}>{w.fate(fate.kind)}</Tag>
            {fate.others.some((other) => other !== fate.id) && <span className="quiet small">{w.fateOthers(fate.others.join(", "))}</span>}
            <span className="spacer" />
            <span className="quiet small">{f.percent(fate.jaccard, 0)}</span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

const NARROW = 700; // below it names on both sides would run into one another

interface Flow {
  from: number;
  to: number;
  entities: number;
}

interface Moves {
  entities: number;
  kept_id: number;
  came: number;
  left: number;
  matrix: Flow[];
  customers_changed: Flow[];
  model_changed: Flow[];
}

function MigrationPanel({ segmentation }: { segmentation: Segmentation }) {
  const w = useWords(segments);
  const numbers = segmentation.versions.map((row) => row.version);
  const last = numbers.at(-1) ?? 1;
  const [from, setFrom] = useQueryValue("from", String(numbers.at(-2) ?? last));
  const [to, setTo] = useQueryValue("to", String(last));
  const options = numbers.map((n) => ({ value: String(n), label: w.version(n) }));
  const several = numbers.length > 1;
  const found = useQuery({
    queryKey: ["segment", segmentation.segmentation, "migration", from, to],
    enabled: several,
    queryFn: ({ signal }) => api.get<Moves>("/api/v1/segments/{name}/migration", { path: { name: segmentation.segmentation }, query: { from: Number(from), to: Number(to) }, signal }),
  });
  if (!several)
    return (
      <Panel title={w.migration}>
        <p className="quiet">{w.migrationOne}</p>
      </Panel>
    );
  return (
    <Panel title={w.migration}>
      <div className="toolbar">
        <Select aria-label={w.migrationFrom} value={from} onChange={setFrom} options={options} />
        <span aria-hidden="true">→</span>
        <Select aria-label={w.migrationTo} value={to} onChange={setTo} options={options} />
      </div>
      {found.isError && <ErrorState small error={found.error} retry={() => void found.refetch()} />}
      {found.isPending && <Loading rows={4} />}
      {found.data !== undefined && <MovesView segmentation={segmentation} moves={found.data} />}
    </Panel>
  );
}

function MovesView({ segmentation, moves }: { segmentation: Segmentation; moves: Moves }) {
  const w = useWords(segments);
  const f = useFormat();
  const { mode } = useApp();
  const sum = (flows: Flow[]) => flows.reduce((total, flow) => total + flow.entities, 0);
  const facts: [string, number][] = [
    [w.stayed, moves.kept_id],
    [w.byThem, sum(moves.customers_changed)],
    [w.byModel, sum(moves.model_changed)],
    [w.came, moves.came],
    [w.gone, moves.left],
  ];
  const called = (id: number) => (id === 0 ? w.noSegment : nameOf(segmentation, id));
  const data = useMemo(
    () => ({ columns: [w.migrationFrom, w.migrationTo, w.customers], rows: moves.matrix.map((flow) => [called(flow.from), called(flow.to), flow.entities]) }),
    [moves, segmentation, w],
  );
  const option = useMemo(() => {
    const ids = [...new Set(moves.matrix.flatMap((flow) => [flow.from, flow.to]))].sort((a, b) => a - b);
    const colours = seriesColours(mode, Math.max(1, ...ids));
    const sides = (["from", "to"] as const).flatMap((side, depth) =>
      ids
        .filter((id) => moves.matrix.some((flow) => flow[side] === id))
        .map((id) => ({ name: `${side} ${id}`, depth, itemStyle: { color: id === 0 ? TONES[mode].quiet : colours[id - 1] }, label: { formatter: called(id), position: side === "from" ? "right" : "left", show: side === "from" || window.innerWidth >= NARROW } })),
    );
    const links = moves.matrix.map((flow) => ({ source: `from ${flow.from}`, target: `to ${flow.to}`, value: flow.entities }));
    const label = { color: TONES[mode].text, fontSize: 12, width: 190, overflow: "truncate", textBorderColor: TONES[mode].card, textBorderWidth: 3 };
    return {
      tooltip: { trigger: "item", formatter: (item: { dataType: string; data: { source?: string; target?: string; value?: number }; value: number }) => f.number(item.data.value ?? item.value) },
      series: [{ type: "sankey", left: 4, right: 4, top: 8, bottom: 8, nodeWidth: 14, nodeGap: 14, nodeAlign: "justify", draggable: false, data: sides, links, label, lineStyle: { color: "source", opacity: 0.3 }, emphasis: { focus: "adjacency" } }],
    };
  }, [moves, segmentation, mode, w, f]);
  return (
    <>
      <dl className="facts facts-two">
        {facts.map(([label, count]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>
              <b>{f.number(count)}</b>
            </dd>
          </div>
        ))}
      </dl>
      <div className="chart-below">
        <Chart title={w.migration} option={option} data={data} height={360} />
      </div>
    </>
  );
}

interface DriftFacts {
  verdict: "now" | "soon" | "no";
  sentence: string;
  columns: { column: string; label: string; psi: number; band: "none" | "some" | "much"; missing_before: number; missing: number }[];
  size_shares: [number, number, number][];
}

function DriftPanel({ segmentation }: { segmentation: Segmentation }) {
  const w = useWords(segments);
  const f = useFormat();
  const { language } = useApp();
  const found = useQuery({
    queryKey: ["segment", segmentation.segmentation, "drift", language],
    queryFn: ({ signal }) => api.get<DriftFacts>("/api/v1/segments/{name}/drift", { path: { name: segmentation.segmentation }, query: { language }, signal }),
  });
  const bands = { none: w.bandNone, some: w.bandSome, much: w.bandMuch };
  const tones = { none: "good", some: "warn", much: "bad" };
  return (
    <Panel title={w.drift}>
      {found.isError && <ErrorState small error={found.error} retry={() => void found.refetch()} />}
      {found.isPending && <Loading rows={3} />}
      {found.data !== undefined && (
        <>
          <p data-verdict={found.data.verdict}>{found.data.sentence}</p>
          <div className="after-text">
            <PlainTable label={w.drift} heads={[w.driftTag, w.difference, { number: w.psi }, { number: `${w.missing} (${w.then} → ${w.now})` }]}>
              {found.data.columns.map((row) => (
                <tr key={row.column}>
                  <th scope="row" translate="no">
                    {row.label}
                  </th>
                  <td>
                    <Tag className={`tone tone-${tones[row.band]}`}>{bands[row.band]}</Tag>
                  </td>
                  <td className="num">{f.number(row.psi, 3)}</td>
                  <td className="num nowrap">
                    {f.percent(row.missing_before)} → {f.percent(row.missing)}
                  </td>
                </tr>
              ))}
            </PlainTable>
          </div>
        </>
      )}
    </Panel>
  );
}
