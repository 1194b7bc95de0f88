/** Why so many segments: the figures of every number tried, what was set aside, how segments split, and how sure each is. */
import { useQuery } from "@tanstack/react-query";
import { Tag } from "antd";
import { useMemo } from "react";
import { api, type PathOf } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { TONES } from "../../app/theme";
import { Chart } from "../../ui/Chart";
import { Panel } from "../../ui/Page";
import { TablePanel } from "../../ui/PlainTable";
import { ErrorState, Loading } from "../../ui/States";
import { seriesColours } from "../../ui/colours";
import { type Prepared, PreparationTable } from "./PreparationTable";
import { nameOf, type Segmentation } from "./shapes";
import { useMethodNames } from "./useMethodNames";
import { segments } from "./words";

interface PanelRow {
  k: number;
  silhouette: number;
  calinski_harabasz: number | null;
  davies_bouldin: number | null;
  bic: number | null;
  gap: number | null;
  weakest_jaccard: number;
  smallest: number;
  apart: number;
}

interface PanelFacts {
  k: number;
  panel: PanelRow[];
  recommended: { k: number; text: string };
  runner_up: { k: number; text: string } | null;
  vetoed: { k: number; method: string; text: string }[];
  structure: { text: string };
  caveats: string[];
  lineage: { k: number; to_k: number; flows: { from: number; to: number; rows: number }[] }[];
}

interface StabilityFacts {
  segments: { segment: number; jaccard: number; error: number; band: "high" | "valid" | "doubtful" | "unstable"; word: string; ambiguous: number }[];
}

function usePart<T>(segmentation: Segmentation, path: PathOf<"get">) {
  const { language } = useApp();
  const { segmentation: name, version } = segmentation;
  return useQuery({
    queryKey: ["segment", name, path, version, language],
    queryFn: ({ signal }) => api.get<T>(path, { path: { name }, query: { version, language }, signal }),
  });
}

export function HowManyTab({ segmentation }: { segmentation: Segmentation }) {
  const w = useWords(segments);
  const panel = usePart<PanelFacts>(segmentation, "/api/v1/segments/{name}/panel");
  const stability = usePart<StabilityFacts>(segmentation, "/api/v1/segments/{name}/stability");
  const prepared = usePart<Prepared>(segmentation, "/api/v1/segments/{name}/preparation");
  const failed = [panel, stability, prepared].find((part) => part.isError);
  if (failed !== undefined) return <ErrorState error={failed.error} retry={() => void failed.refetch()} />;
  if (panel.data === undefined || stability.data === undefined || prepared.data === undefined) return <Loading rows={10} />;
  const facts = panel.data;
  return (
    <div className="stack">
      <Panel title={w.whyThis}>
        <p>{facts.structure.text}</p>
        <dl className="facts after-text">
          <div>
            <dt>{w.recommended}</dt>
            <dd>{facts.recommended.text}</dd>
          </div>
          {facts.runner_up !== null && (
            <div>
              <dt>{w.runnerUp}</dt>
              <dd>{facts.runner_up.text}</dd>
            </div>
          )}
        </dl>
        {facts.caveats.map((text) => (
          <p key={text} className="warn after-text">
            {text}
          </p>
        ))}
      </Panel>
      {facts.panel.length > 1 ? <OverK facts={facts} /> : <p className="quiet">{w.oneK}</p>}
      <PanelTable facts={facts} />
      <Vetoed facts={facts} />
      {facts.lineage.length > 0 && <Splits facts={facts} />}
      <ComesBack segmentation={segmentation} facts={stability.data} />
      <Panel title={w.preparation} flush>
        <PreparationTable prepared={prepared.data} />
      </Panel>
    </div>
  );
}

function OverK({ facts }: { facts: PanelFacts }) {
  const w = useWords(segments);
  const { mode } = useApp();
  const two = (value: number) => Math.round(value * 1000) / 1000;
  const data = useMemo(() => ({ columns: [w.k, w.weakest, w.silhouette], rows: facts.panel.map((row) => [row.k, two(row.weakest_jaccard), two(row.silhouette)]) }), [facts, w]);
  const option = useMemo(() => {
    const mark = { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: TONES[mode].quiet, type: "dashed" }, data: [{ xAxis: String(facts.k) }] };
    const line = (name: string, column: number) => ({ type: "line", name, data: data.rows.map((row) => row[column]), symbolSize: 7, lineStyle: { width: 2.4 } });
    return {
      tooltip: { trigger: "axis" },
      legend: { top: 0, textStyle: { color: TONES[mode].text } },
      grid: { left: 8, right: 16, top: 36, bottom: 8, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      xAxis: { type: "category", data: facts.panel.map((row) => String(row.k)), axisTick: { show: false } },
      yAxis: { type: "value", max: 1, splitLine: { lineStyle: { opacity: 0.35 } } },
      series: [{ ...line(w.weakest, 1), markLine: mark }, line(w.silhouette, 2)],
    };
  }, [facts, data, mode, w]);
  return (
    <Panel title={w.overK}>
      <Chart title={w.overK} option={option} data={data} height={260} />
    </Panel>
  );
}

function PanelTable({ facts }: { facts: PanelFacts }) {
  const w = useWords(segments);
  const f = useFormat();
  const columns: [string, (row: PanelRow) => string][] = [
    [w.weakest, (row) => f.number(row.weakest_jaccard, 2)],
    [w.silhouette, (row) => f.number(row.silhouette, 3)],
    [w.smallest, (row) => f.percent(row.smallest)],
    [w.apart, (row) => f.number(row.apart)],
    [w.calinski, (row) => number(row.calinski_harabasz, (v) => f.number(v, 0))],
    [w.davies, (row) => number(row.davies_bouldin, (v) => f.number(v, 2))],
    [w.gap, (row) => number(row.gap, (v) => f.number(v, 3))],
    [w.bic, (row) => number(row.bic, (v) => f.short(v))],
  ];
  return (
    <TablePanel label={w.overK} heads={[w.k, ...columns.map(([number]) => ({ number }))]}>
      {facts.panel.map((row) => (
        <tr key={row.k}>
          <th scope="row" className="nowrap">
            {row.k} {row.k === facts.k && <Tag className="tone tone-good">{w.promoted}</Tag>} {row.k === facts.recommended.k && row.k !== facts.k && <Tag className="tone tone-quiet">{w.recommended}</Tag>}
          </th>
          {columns.map(([label, shown]) => (
            <td key={label} className="num">
              {shown(row)}
            </td>
          ))}
        </tr>
      ))}
    </TablePanel>
  );
}

function number(value: number | null, shown: (value: number) => string): string {
  return value === null ? "–" : shown(value);
}

function Vetoed({ facts }: { facts: PanelFacts }) {
  const w = useWords(segments);
  const method = useMethodNames();
  return (
    <Panel title={w.setAside}>
      {facts.vetoed.length === 0 ? (
        <p className="quiet">{w.setAsideNone}</p>
      ) : (
        <ul className="bullets">
          {facts.vetoed.map((veto) => (
            <li key={`${veto.k} ${veto.text}`}>
              <b>
                {veto.k} · {method(veto.method)}
              </b>{" "}
              {veto.text}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Splits({ facts }: { facts: PanelFacts }) {
  const w = useWords(segments);
  const { mode } = useApp();
  const node = (k: number, i: number) => `${k}·${i}`;
  const data = useMemo(
    () => ({
      columns: [w.k, w.segment, w.to, w.segment, w.customers],
      rows: facts.lineage.flatMap((step) => step.flows.map((flow) => [step.k, flow.from, step.to_k, flow.to, flow.rows])),
    }),
    [facts, w],
  );
  const option = useMemo(() => {
    const colours = seriesColours(mode, 12);
    const ks = [...new Set(facts.lineage.flatMap((step) => [step.k, step.to_k]))];
    const nodes = ks.flatMap((k) => Array.from({ length: k }, (_, i) => ({ name: node(k, i + 1), itemStyle: { color: colours[i] }, depth: ks.indexOf(k) })));
    const links = facts.lineage.flatMap((step) => step.flows.map((flow) => ({ source: node(step.k, flow.from), target: node(step.to_k, flow.to), value: flow.rows })));
    return {
      tooltip: { trigger: "item" },
      series: [{ type: "sankey", left: 8, right: 44, top: 8, bottom: 8, nodeWidth: 12, nodeGap: 8, data: nodes, links, lineStyle: { color: "source", opacity: 0.28 }, label: { color: TONES[mode].text, fontSize: 11 }, emphasis: { focus: "adjacency" } }],
    };
  }, [facts, mode]);
  return (
    <Panel title={w.splits}>
      <Chart title={w.splits} option={option} data={data} height={340} />
    </Panel>
  );
}

const LIGHTS = { high: "good", valid: "good", doubtful: "warn", unstable: "bad" } as const;

function ComesBack({ segmentation, facts }: { segmentation: Segmentation; facts: StabilityFacts }) {
  const w = useWords(segments);
  const f = useFormat();
  return (
    <TablePanel label={w.comesBack} title={w.comesBack} lead={w.comesBackHelp} heads={[w.segment, w.stability, { number: w.nearBorder }]}>
      {facts.segments.map((row) => (
        <tr key={row.segment}>
          <th scope="row" translate="no">
            {nameOf(segmentation, row.segment)}
          </th>
          <td className="nowrap">
            <Tag className={`tone tone-${LIGHTS[row.band]}`}>{row.word}</Tag> {f.number(row.jaccard, 2)} ± {f.number(1.96 * row.error, 2)}
          </td>
          <td className="num">{f.percent(row.ambiguous)}</td>
        </tr>
      ))}
    </TablePanel>
  );
}
