/** How a tag's values are spread: a histogram of numbers and times, else the commonest values. */
import { useMemo } from "react";
import type { Cell } from "../../api/shapes";
import { useFormat, useWords } from "../../app/context";
import { Chart } from "../../ui/Chart";
import { Share } from "../../ui/Figure";
import { common } from "../../words/common";
import { tags } from "./words";

export interface Spread {
  kind: "values" | "histogram" | "moments";
  present: number;
  missing: number;
  distinct?: number;
  rows: { value?: Cell; low?: number | string; high?: number | string; count: number }[];
}

export function Distribution({ spread, title }: { spread: Spread; title: string }) {
  const w = useWords(tags);
  const f = useFormat();
  return (
    <>
      {spread.kind === "values" ? <Values spread={spread} /> : <Histogram spread={spread} title={title} />}
      <p className="quiet small">
        {spread.distinct !== undefined && `${w.distinct(f.number(spread.distinct))} · `}
        {w.missingCount(f.number(spread.missing))}
      </p>
    </>
  );
}

function Values({ spread }: { spread: Spread }) {
  const f = useFormat();
  const all = Math.max(1, spread.present);
  return (
    <ul className="value-bars">
      {spread.rows.slice(0, 12).map((row) => {
        const text = Array.isArray(row.value) ? row.value.join(" › ") : String(row.value);
        return (
          <li key={text}>
            <span className="value-name">{text}</span>
            <Share share={row.count / all} label={`${f.number(row.count)} · ${f.percent(row.count / all)}`} />
          </li>
        );
      })}
    </ul>
  );
}

function Histogram({ spread, title }: { spread: Spread; title: string }) {
  const c = useWords(common);
  const f = useFormat();
  const data = useMemo(() => {
    const end = (v: number | string | undefined) => (typeof v === "number" ? f.short(v) : v === undefined ? "" : f.day(v));
    return { columns: [title, c.count], rows: spread.rows.map((row) => [`${end(row.low)} – ${end(row.high)}`, row.count]) };
  }, [spread, title, c, f]);
  const option = useMemo(
    () => ({
      tooltip: { trigger: "axis" },
      xAxis: { type: "category", data: data.rows.map((row) => row[0]), axisTick: { show: false }, axisLabel: { hideOverlap: true, alignMaxLabel: "right" } },
      yAxis: { type: "value", splitLine: { lineStyle: { opacity: 0.35 } }, axisLabel: { formatter: (v: number) => f.short(v) } },
      series: [{ type: "bar", data: spread.rows.map((row) => row.count), barCategoryGap: "8%", itemStyle: { borderRadius: [3, 3, 0, 0] } }],
    }),
    [data, spread, f],
  );
  return <Chart title={title} option={option} data={data} height={200} />;
}
