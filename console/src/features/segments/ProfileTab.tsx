/** Who is in each segment: one against everybody with intervals, all side by side, and where the money is. */
import { useQuery } from "@tanstack/react-query";
import { Button, Select } from "antd";
import { useMemo, useState } from "react";
import { api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { useQueryValue } from "../../app/router";
import { TONES } from "../../app/theme";
import { Chart } from "../../ui/Chart";
import { Panel } from "../../ui/Page";
import { TablePanel } from "../../ui/PlainTable";
import { ErrorState, Loading } from "../../ui/States";
import { seriesColours } from "../../ui/colours";
import { WrongDialog } from "./Dialogs";
import { nameOf, real, type Segmentation } from "./shapes";
import { segments } from "./words";

interface OneTrait {
  value: number | null;
  mean: number | null;
  difference: number | null;
  low: number | null;
  high: number | null;
}

interface Trait {
  tag: string;
  label: string;
  kind: string;
  in_percent: boolean;
  effect: number;
  overall: number | null;
  by_segment: Record<string, OneTrait>;
}

interface ProfileFacts {
  segments: string[];
  traits: Trait[];
  left_out: number;
  money: { tag: string; label: string; total: number; shares: Record<string, number> }[];
}

const MOST_BARS = 14;

export function ProfileTab({ segmentation }: { segmentation: Segmentation }) {
  const { language } = useApp();
  const name = segmentation.segmentation;
  const found = useQuery({
    queryKey: ["segment", name, "profile", segmentation.version, language],
    queryFn: ({ signal }) => api.get<ProfileFacts>("/api/v1/segments/{name}/profile", { path: { name }, query: { version: segmentation.version, language }, signal }),
  });
  if (found.isError) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading rows={10} />;
  return (
    <div className="stack">
      <Effects segmentation={segmentation} facts={found.data} />
      <Heatmap segmentation={segmentation} facts={found.data} />
      {found.data.money.map((money) => (
        <Money key={money.tag} segmentation={segmentation} label={money.label} shares={money.shares} />
      ))}
    </div>
  );
}

function Effects({ segmentation, facts }: { segmentation: Segmentation; facts: ProfileFacts }) {
  const w = useWords(segments);
  const f = useFormat();
  const { mode, allowed } = useApp();
  const [wrong, setWrong] = useState(false);
  const [asked, setAsked] = useQueryValue("segment", facts.segments[0] ?? "");
  const id = facts.segments.includes(asked) ? asked : (facts.segments[0] ?? "");
  const name = nameOf(segmentation, Number(id));
  const rows = useMemo(() => {
    const far = (trait: Trait) => Math.abs(trait.by_segment[id]?.difference ?? 0);
    return [...facts.traits].sort((a, b) => far(b) - far(a)).slice(0, MOST_BARS);
  }, [facts, id]);
  const shown = (trait: Trait, value: number | null | undefined) => (value === null || value === undefined ? "–" : trait.in_percent ? f.percent(value) : f.number(value));
  const data = useMemo(
    () => ({
      columns: [w.tag, w.here, w.everybody, w.difference, w.from, w.to, w.effect],
      rows: rows.map((t) => {
        const one = t.by_segment[id];
        return [t.label, shown(t, one?.value), shown(t, t.overall), rounded(one?.difference), rounded(one?.low), rounded(one?.high), rounded(t.effect)];
      }),
    }),
    [rows, id, w, f],
  );
  const option = useMemo(() => {
    const tone = TONES[mode];
    const [above, below] = [seriesColours(mode, 1)[0], seriesColours(mode, 5)[4]];
    const upward = [...rows].reverse();
    return {
      tooltip: { trigger: "axis", axisPointer: { type: "shadow" } },
      grid: { left: 8, right: 24, top: 8, bottom: 8, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      xAxis: { type: "value", splitLine: { lineStyle: { opacity: 0.35 } } },
      yAxis: { type: "category", data: upward.map((t) => t.label), axisTick: { show: false }, axisLine: { show: false }, axisLabel: { width: 150, overflow: "truncate", color: tone.text } },
      series: [
        {
          type: "bar",
          name: w.difference,
          barMaxWidth: 15,
          data: upward.map((t) => {
            const value = t.by_segment[id]?.difference ?? 0;
            return { value: rounded(value), itemStyle: { color: value < 0 ? below : above, borderRadius: 4, opacity: 0.85 } };
          }),
        },
        {
          type: "custom",
          name: `${w.from} – ${w.to}`,
          silent: true,
          tooltip: { show: false },
          encode: { x: [0, 1], y: 2 },
          data: upward.map((t, i) => [t.by_segment[id]?.low ?? 0, t.by_segment[id]?.high ?? 0, i]),
          renderItem: interval(tone.text),
          z: 5,
        },
      ],
    };
  }, [rows, id, mode, w]);
  return (
    <Panel
      title={w.effects(name)}
      extra={
        <Select
          aria-label={w.chooseSegment}
          className="segment-select"
          value={id}
          onChange={setAsked}
          options={facts.segments.map((one) => ({ value: one, label: nameOf(segmentation, Number(one)) }))}
        />
      }
    >
      {wrong && <WrongDialog segmentation={segmentation} row={segmentation.segments.find((row) => String(row.segment) === id)} about="reason" close={() => setWrong(false)} />}
      <p className="finding chart-lead">
        {w.effectsHelp}{" "}
        {(allowed === null || allowed.has("define")) && (
          <Button size="small" type="link" onClick={() => setWrong(true)}>
            {w.wrong}
          </Button>
        )}
      </p>
      <Chart title={w.effects(name)} option={option} data={data} height={Math.max(160, 30 * rows.length + 40)} />
    </Panel>
  );
}

interface DrawApi {
  value: (dimension: number) => number;
  coord: (point: [number, number]) => [number, number];
}

/** A thin line from low to high with an end on each side. */
function interval(colour: string) {
  return (_: unknown, chart: DrawApi) => {
    const [low, y] = chart.coord([chart.value(0), chart.value(2)]);
    const [high] = chart.coord([chart.value(1), chart.value(2)]);
    const line = (x1: number, y1: number, x2: number, y2: number) => ({ type: "line", shape: { x1, y1, x2, y2 }, style: { stroke: colour, lineWidth: 1.4 } });
    return { type: "group", children: [line(low, y, high, y), line(low, y - 4, low, y + 4), line(high, y - 4, high, y + 4)] };
  };
}

function rounded(value: number | null | undefined): number | null {
  return value === null || value === undefined ? null : Math.round(value * 100) / 100;
}

function Heatmap({ segmentation, facts }: { segmentation: Segmentation; facts: ProfileFacts }) {
  const w = useWords(segments);
  const f = useFormat();
  return (
    <TablePanel
      label={w.heatmap}
      title={w.heatmap}
      lead={w.heatmapHelp}
      className="heat"
      heads={[w.tag, ...facts.segments.map((id) => <span key={id} translate="no" title={nameOf(segmentation, Number(id))}>{nameOf(segmentation, Number(id))}</span>)]}
      foot={facts.left_out > 0 && <p className="quiet small panel-inner">{w.leftOut(facts.left_out)}</p>}
    >
      {facts.traits.map((trait) => (
        <tr key={`${trait.tag} ${trait.label}`}>
          <th scope="row" translate="no">
            {trait.label}
          </th>
          {facts.segments.map((id) => {
            const value = trait.by_segment[id]?.difference ?? null;
            return (
              <td key={id} className="num" style={{ background: heat(value) }}>
                {value === null ? "–" : `${value > 0 ? "+" : ""}${f.number(value, 2)}`}
              </td>
            );
          })}
        </tr>
      ))}
    </TablePanel>
  );
}

/** Green above, orange below, stronger as it is farther; text stays readable on it. */
function heat(value: number | null): string | undefined {
  if (value === null || Math.abs(value) < 0.1) return undefined;
  const strength = Math.min(46, Math.round(Math.abs(value) * 24));
  return `color-mix(in srgb, ${value > 0 ? "var(--accent)" : "#d55e00"} ${strength}%, var(--card))`;
}

function Money({ segmentation, label, shares }: { segmentation: Segmentation; label: string; shares: Record<string, number> }) {
  const w = useWords(segments);
  const f = useFormat();
  const { mode } = useApp();
  const rows = real(segmentation);
  const data = useMemo(
    () => ({
      columns: [w.segment, w.share, w.money],
      rows: rows.map((row) => [row.name, f.percent(row.share), f.percent(shares[String(row.segment)] ?? 0)]),
    }),
    [rows, shares, w, f],
  );
  const option = useMemo(() => {
    const series = (name: string, of: (row: (typeof rows)[number]) => number, colour: string | undefined) => ({ type: "bar", name, barMaxWidth: 14, itemStyle: { color: colour, borderRadius: 4 }, data: [...rows].reverse().map((row) => Math.round(1000 * of(row)) / 10) });
    return {
      tooltip: { trigger: "axis", axisPointer: { type: "shadow" }, valueFormatter: (value: number) => `${value}%` },
      legend: { top: 0, textStyle: { color: TONES[mode].text } },
      grid: { left: 8, right: 24, top: 34, bottom: 8, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      xAxis: { type: "value", axisLabel: { formatter: "{value}%" }, splitLine: { lineStyle: { opacity: 0.35 } } },
      yAxis: { type: "category", data: [...rows].reverse().map((row) => row.name), axisTick: { show: false }, axisLabel: { width: 170, overflow: "truncate", color: TONES[mode].text } },
      series: [series(w.share, (row) => row.share, TONES[mode].quiet), series(w.money, (row) => shares[String(row.segment)] ?? 0, seriesColours(mode, 1)[0])],
    };
  }, [rows, shares, mode, w]);
  return (
    <Panel title={w.whereMoney(label)}>
      <Chart title={w.whereMoney(label)} option={option} data={data} height={44 * rows.length + 70} />
    </Panel>
  );
}
