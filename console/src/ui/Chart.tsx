/** A chart with its words, the table behind it, and both as files. ECharts is fetched when the first one is drawn. */
import { BarChartOutlined, DownloadOutlined, TableOutlined } from "@ant-design/icons";
import type { EChartsCoreOption } from "echarts/core";
import { Button, Dropdown } from "antd";
import { useEffect, useRef, useState } from "react";
import { useApp, useFormat, useWords } from "../app/context";
import { SERIES, TONES } from "../app/theme";
import { common } from "../words/common";
import { download } from "./download";

export interface ChartData {
  /** Names of the columns; the first names the rows. */
  columns: string[];
  rows: (string | number | null)[][];
}

interface Props {
  title: string;
  option: EChartsCoreOption;
  data: ChartData;
  height?: number;
}

type Engine = typeof import("./echarts");

export function Chart({ title, option, data, height = 260 }: Props) {
  const w = useWords(common);
  const [asTable, setAsTable] = useState(false);
  const picture = useRef<(() => string) | null>(null);
  const items = [
    { key: "png", label: w.downloadPng, disabled: asTable, onClick: () => picture.current !== null && download(`${title}.png`, picture.current()) },
    { key: "csv", label: w.downloadCsv, onClick: () => download(`${title}.csv`, csvAddress(data)) },
  ];
  return (
    <figure className="chart">
      <div className="chart-tools">
        <Button
          size="small"
          type="text"
          aria-label={asTable ? w.chart : w.table}
          title={asTable ? w.chart : w.table}
          icon={asTable ? <BarChartOutlined aria-hidden="true" /> : <TableOutlined aria-hidden="true" />}
          onClick={() => setAsTable(!asTable)}
        />
        <Dropdown menu={{ items }} trigger={["click"]}>
          <Button size="small" type="text" aria-label={w.export} title={w.export} icon={<DownloadOutlined aria-hidden="true" />} />
        </Dropdown>
      </div>
      {asTable ? <DataTable data={data} title={title} height={height} /> : <Canvas title={title} option={option} data={data} height={height} picture={picture} />}
    </figure>
  );
}

function Canvas({ title, option, data, height, picture }: Props & { picture: { current: (() => string) | null } }) {
  const { mode, language } = useApp();
  const place = useRef<HTMLDivElement>(null);
  const [engine, setEngine] = useState<Engine | null>(null);
  useEffect(() => {
    let wanted = true;
    void import("./echarts").then((loaded) => wanted && setEngine(loaded));
    return () => {
      wanted = false;
    };
  }, []);
  useEffect(() => {
    if (engine === null || place.current === null) return;
    const chart = engine.start(place.current, language);
    const tone = TONES[mode];
    chart.setOption({
      color: SERIES[mode],
      // by name, since texts are measured on a canvas, which knows no "inherit"
      textStyle: { fontFamily: getComputedStyle(place.current).fontFamily, color: tone.quiet },
      animation: !window.matchMedia("(prefers-reduced-motion: reduce)").matches,
      animationDuration: 300,
      aria: { enabled: true, label: { description: `${title}. ${described(data)}` } },
      grid: { left: 8, right: 12, top: 16, bottom: 8, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      ...toned(option, tone),
    });
    picture.current = () => chart.getDataURL({ pixelRatio: 2, backgroundColor: tone.card });
    const watch = new ResizeObserver(() => chart.resize());
    watch.observe(place.current);
    return () => {
      watch.disconnect();
      picture.current = null;
      chart.dispose();
    };
  }, [engine, option, data, title, mode, language, picture]);
  return <div ref={place} className="chart-place" role="img" aria-label={`${title}. ${described(data)}`} style={{ height }} data-drawn={engine !== null} />;
}

function DataTable({ data, title, height }: { data: ChartData; title: string; height: number }) {
  const f = useFormat();
  return (
    <div className="chart-table" style={{ maxHeight: Math.max(height, 200) }} tabIndex={0} role="region" aria-label={title}>
      <table>
        <thead>
          <tr>
            {data.columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {data.rows.map((row, i) => (
            <tr key={`${String(row[0])}-${i}`}>
              {row.map((cell, j) => (
                <td key={data.columns[j]}>{typeof cell === "number" ? f.number(cell) : cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

type Part = Record<string, unknown>;

/** The option with axes and legend in the page's colours, where it names none of its own. */
function toned(option: EChartsCoreOption, tone: (typeof TONES)["light"]): EChartsCoreOption {
  const axis = (given: unknown): unknown => {
    if (Array.isArray(given)) return given.map(axis);
    if (typeof given !== "object" || given === null) return given;
    const one = given as Part;
    const line = { color: tone.line };
    const split = (one.splitLine ?? {}) as Part;
    return {
      ...one,
      nameTextStyle: { color: tone.quiet, ...(one.nameTextStyle as Part) },
      axisLabel: { color: tone.quiet, ...(one.axisLabel as Part) },
      axisLine: { lineStyle: line, ...(one.axisLine as Part) },
      splitLine: { ...split, lineStyle: { ...line, ...(split.lineStyle as Part) } },
    };
  };
  const made: Part = { ...option };
  for (const name of ["xAxis", "yAxis"]) if (name in made) made[name] = axis(made[name]);
  if (typeof made.legend === "object" && made.legend !== null) made.legend = { textStyle: { color: tone.quiet }, ...(made.legend as Part) };
  return made;
}

const MOST_SAID = 12;

/** The first rows in words, for those who do not see the chart. */
function described(data: ChartData): string {
  const rows = data.rows.slice(0, MOST_SAID).map((row) => row.filter((cell) => cell !== null).join(" "));
  return rows.join("; ") + (data.rows.length > MOST_SAID ? "…" : "");
}

/** A cell of a CSV that no spreadsheet takes for a formula. */
export function csvCell(cell: string | number | null): string {
  const text = cell === null ? "" : String(cell);
  const safe = typeof cell === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function csvAddress(data: ChartData): string {
  const lines = [data.columns, ...data.rows].map((row) => row.map(csvCell).join(","));
  return URL.createObjectURL(new Blob([`\uFEFF${lines.join("\r\n")}`], { type: "text/csv" }));
}
