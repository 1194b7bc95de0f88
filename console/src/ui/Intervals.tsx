/** Effects with their intervals on one axis: every number stands in the row beside its bar, so the table is the chart. */
import { DownloadOutlined } from "@ant-design/icons";
import { Alert, Button } from "antd";
import { useApp, useFormat, useWords } from "../app/context";
import { common } from "../words/common";
import { pairs } from "../words/pairs";
import { csvCell } from "./Chart";
import { saveCsv } from "./download";
import "./marketing.css";

type Ends = [number | null, number | null] | null;

/** The same effect with what was known before taken out. */
export interface Adjusted {
  by: string[];
  effect_size: number | null;
  rel_effect_size?: number | null;
  ci: Ends;
  sequential?: { ci: Ends };
  variance_removed?: number | null;
  cannot_tell_words?: string;
}

export interface Effect {
  metric: string;
  arm: string;
  control?: string | null;
  mean_control?: number | null;
  mean_arm?: number | null;
  value?: number | null;
  control_value?: number | null;
  effect_size: number | null;
  rel_effect_size?: number | null;
  ci: Ends;
  rel_ci?: Ends;
  always_valid_ci?: Ends;
  p_value?: number | null;
  p_holm?: number | null;
  adjusted?: unknown;
  cuped?: Adjusted | null;
  /** Which of the two readings the verdict is of, as was settled before there was anything to see. */
  decides?: "adjusted" | "plain" | null;
  reading?: string | null;
  sentence?: string | null;
  cannot_tell_words?: string | null;
  kind?: string;
}

export interface RatioCheck {
  expected: Record<string, number> | number[];
  observed: Record<string, number> | number[];
  chi2?: number | null;
  p_value: number | null;
  arms?: string[];
}

const words = pairs({
  metric: ["Metric", "指标"],
  arm: ["Variant", "实验组"],
  control: ["Control", "对照组"],
  means: ["Control → variant", "对照组 → 实验组"],
  effect: ["Difference, 95% interval", "差异与 95% 置信区间"],
  relative: ["Lift", "提升"],
  chance: ["p, corrected", "校正后显著性"],
  reading: ["Reading", "结论"],
  none: ["cannot tell", "无法判断"],
  heldOut: ["Held out", "对照组"],
  everybody: ["Message", "触达组"],
  always: ["always valid", "随时有效"],
  plain: ["Plain", "未校正"],
  adjusted: ["Adjusted", "已校正"],
  decides: ["decides", "以此为准"],
  adjustedBy: [(by: string) => `by ${by}`, (by: string) => `依据：${by}`],
  removed: [(share: string) => `${share} of the variance removed`, (share: string) => `消除方差 ${share}`],
  between: [(low: string, high: string) => `${low} to ${high}`, (low: string, high: string) => `${low} 至 ${high}`],
  ratioFine: ["The variants are as large as they were meant to be.", "各组人数符合设计。"],
  ratioBad: ["The variants are not as large as they were meant to be: read no figure below until the cause is found.", "各组人数与设计不符：找到原因之前，请勿解读以下数字。"],
  ratio: ["Ratio check", "样本比例检验"],
  observed: ["People", "人数"],
  expected: ["Expected", "预期人数"],
  p: [(p: string) => `p = ${p}`, (p: string) => `显著性 ${p}`],
});

/** Arms as people call them: those held out by word, others by their name. */
export function useArmWords(): (arm: string) => string {
  const w = useWords(words);
  return (arm) => (arm === "holdout" ? w.heldOut : arm === "default" ? w.everybody : arm);
}

interface Props {
  label: string;
  rows: (Effect & { group?: string })[];
  /** Whether the rows are levels of something, told in a column of their own. */
  grouped?: string;
}

export function Intervals({ label, rows, grouped }: Props) {
  const w = useWords(words);
  const c = useWords(common);
  const f = useFormat();
  const named = useArmWords();
  const scales = new Map<string, number>();
  for (const row of rows) for (const one of readingsOf(row)) scales.set(row.metric, Math.max(scales.get(row.metric) ?? 0, ...endsOf(one).map(Math.abs), ...alwaysOf(one).map(Math.abs)));
  return (
    <div className="table-wide" tabIndex={0} role="region" aria-label={label}>
      <table className="plain intervals">
        <caption className="sr-only">{label}</caption>
        <thead>
          <tr>
            {grouped !== undefined && <th scope="col">{grouped}</th>}
            <th scope="col">{w.metric}</th>
            <th scope="col">{w.arm}</th>
            <th scope="col" className="num">
              {w.means}
            </th>
            <th scope="col">{w.effect}</th>
            <th scope="col" className="num">
              {w.relative}
            </th>
            <th scope="col" className="num">
              {w.chance}
            </th>
            <th scope="col">
              {w.reading}
              <Button size="small" type="text" aria-label={c.downloadCsv} title={c.downloadCsv} icon={<DownloadOutlined aria-hidden="true" />} onClick={() => save(label, rows)} />
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            <tr key={`${row.group ?? ""}-${row.metric}-${row.arm}-${i}`}>
              {grouped !== undefined && <td>{row.group}</td>}
              <th scope="row">{row.metric}</th>
              <td>{named(row.arm)}</td>
              <td className="num nowrap" data-label={w.means}>
                {shown(row.mean_control ?? row.control_value, row, f)} → {shown(row.mean_arm ?? row.value, row, f)}
              </td>
              <td className="interval-cell">
                <Readings row={row} reach={scales.get(row.metric) ?? 0} />
              </td>
              <td className="num nowrap" data-label={w.relative}>{liftText(readingsOf(row).find((one) => one.way === row.decides) ?? row, f)}</td>
              <td className="num nowrap" data-label={w.chance}>{chanceText(chanceOf(row), f)}</td>
              <td>
                <div className="reading">{row.reading ?? row.sentence ?? row.cannot_tell_words ?? w.none}</div>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

type Reading = Effect & { way: "plain" | "adjusted" };

function liftText(row: Effect, f: ReturnType<typeof useFormat>): string {
  return row.rel_effect_size == null ? "–" : f.percent(row.rel_effect_size).replace(/^(?=[^-−])/, "+");
}

/** The plain reading, and beside it the adjusted one where there is one. */
function readingsOf(row: Effect): Reading[] {
  const plain: Reading = { ...row, way: "plain" };
  const found = row.cuped;
  if (found == null) return [plain];
  return [plain, { ...row, way: "adjusted", effect_size: found.effect_size, rel_effect_size: found.rel_effect_size, ci: found.ci, always_valid_ci: found.sequential?.ci ?? null }];
}

/** Both readings below each other, with which of them decides; never the one that looks better. */
function Readings({ row, reach }: { row: Effect; reach: number }) {
  const w = useWords(words);
  const f = useFormat();
  const { language } = useApp();
  const found = row.cuped;
  if (found == null) return <Bar row={row} reach={reach} />;
  return (
    <>
      {readingsOf(row).map((one) => (
        <div key={one.way} className="reading-line" data-reading={one.way} data-decides={row.decides === one.way}>
          <span className={row.decides === one.way ? "small" : "small quiet"}>
            <b>{one.way === "plain" ? w.plain : w.adjusted}</b>
            {row.decides === one.way && ` · ${w.decides}`}
          </span>
          {one.way === "adjusted" && found.effect_size === null ? <span className="quiet">{found.cannot_tell_words ?? w.none}</span> : <Bar row={one} reach={reach} />}
        </div>
      ))}
      {found.variance_removed != null && (
        <p className="quiet small">
          {w.removed(f.percent(found.variance_removed))} · {w.adjustedBy(found.by.join(language === "zh" ? "、" : ", "))}
        </p>
      )}
    </>
  );
}

function shown(value: number | null | undefined, row: Effect, f: ReturnType<typeof useFormat>): string {
  if (value == null) return "–";
  return isShare(row) ? f.percent(value, 2) : f.number(value, 3);
}

/** Shares are told as such by the server; without its word, a metric whose values lie in 0 to 1 is taken for one. */
function isShare(row: Effect): boolean {
  if (row.kind !== undefined) return row.kind === "binary";
  const [low, high] = [row.mean_control ?? row.control_value, row.mean_arm ?? row.value];
  return low != null && high != null && low >= 0 && low <= 1 && high >= 0 && high <= 1;
}

/** A p-value, which is never 0. */
function chanceText(p: number | null, f: ReturnType<typeof useFormat>): string {
  if (p === null) return "–";
  return p < 0.0001 ? `<${f.number(0.0001, 4)}` : f.number(p, 4);
}

function chanceOf(row: Effect): number | null {
  if (typeof row.adjusted === "number") return row.adjusted;
  if (typeof row.adjusted === "object" && row.adjusted !== null) {
    const inside = row.adjusted as { holm?: number | null; p_holm?: number | null };
    return inside.p_holm ?? inside.holm ?? row.p_holm ?? row.p_value ?? null;
  }
  return row.p_holm ?? row.p_value ?? null;
}

function numbers(ends: Ends | undefined): number[] {
  const given: (number | null)[] = ends ?? [];
  return given.filter((end): end is number => end !== null && Number.isFinite(end));
}

const endsOf = (row: Effect) => numbers(row.ci);
const alwaysOf = (row: Effect) => numbers(row.always_valid_ci);

const WIDTH = 220;
const HEIGHT = 26;

function Bar({ row, reach }: { row: Effect; reach: number }) {
  const w = useWords(words);
  const f = useFormat();
  const ends = endsOf(row);
  if (row.effect_size === null || ends.length < 2 || reach === 0) return <span className="quiet">{w.none}</span>;
  const [low, high] = ends as [number, number];
  const x = (value: number) => WIDTH / 2 + (Math.max(-1, Math.min(1, value / reach)) * (WIDTH - 16)) / 2;
  const tone = low > 0 ? "good" : high < 0 ? "bad" : "open";
  const always = alwaysOf(row);
  const told = (value: number) => (isShare(row) ? `${f.signed(Number((value * 100).toFixed(2)))}%` : f.signed(Number(value.toPrecision(4))));
  const said = `${told(row.effect_size)} (${w.between(told(low), told(high))})`;
  return (
    <span className="interval">
      <svg width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
        <line x1={WIDTH / 2} x2={WIDTH / 2} y1="0" y2={HEIGHT} className="interval-zero" />
        {always.length === 2 && <line x1={x(always[0] ?? 0)} x2={x(always[1] ?? 0)} y1={HEIGHT / 2} y2={HEIGHT / 2} className={`interval-always ${tone}`} />}
        <rect x={x(low)} width={Math.max(2, x(high) - x(low))} y={HEIGHT / 2 - 6} height="12" rx="3" className={`interval-bar ${tone}`} />
        <line x1={x(row.effect_size)} x2={x(row.effect_size)} y1={HEIGHT / 2 - 8} y2={HEIGHT / 2 + 8} className={`interval-point ${tone}`} />
      </svg>
      <span className="nowrap small">{said}</span>
      {always.length === 2 && (
        <span className="nowrap small quiet">
          {w.always} {w.between(told(always[0] ?? 0), told(always[1] ?? 0))}
        </span>
      )}
    </span>
  );
}

function save(label: string, rows: (Effect & { group?: string })[]): void {
  const header = ["group", "metric", "arm", "control", "mean_control", "mean_arm", "effect_size", "low", "high", "rel_effect_size", "p_value", "p_corrected", "reading", "adjusted_effect_size", "adjusted_low", "adjusted_high", "variance_removed", "decides"];
  const lines = rows.map((row) => [
    row.group ?? "", row.metric, row.arm, row.control ?? "", row.mean_control ?? row.control_value ?? null, row.mean_arm ?? row.value ?? null,
    row.effect_size, row.ci?.[0] ?? null, row.ci?.[1] ?? null, row.rel_effect_size ?? null, row.p_value ?? null, chanceOf(row), row.reading ?? row.sentence ?? "",
    row.cuped?.effect_size ?? null, row.cuped?.ci?.[0] ?? null, row.cuped?.ci?.[1] ?? null, row.cuped?.variance_removed ?? null, row.decides ?? "",
  ]);
  const text = [header, ...lines].map((line) => line.map(csvCell).join(",")).join("\r\n");
  saveCsv(label, text);
}

/** Whether the arms are as large as they were meant to be; a broken check stands above everything else. */
export function Ratio({ check }: { check: RatioCheck | null }) {
  const w = useWords(words);
  const f = useFormat();
  const named = useArmWords();
  if (check === null || check.p_value === null) return null;
  const broken = check.p_value < 0.001;
  const arms = check.arms ?? (Array.isArray(check.observed) ? check.observed.map((_, i) => String(i + 1)) : Object.keys(check.observed));
  const of = (from: RatioCheck["observed"], arm: string, i: number) => (Array.isArray(from) ? from[i] : from[arm]) ?? 0;
  return (
    <div className="ratio" data-broken={broken}>
      <Alert
        type={broken ? "error" : "success"}
        showIcon
        role={broken ? "alert" : "status"}
        title={broken ? w.ratioBad : w.ratioFine}
        description={`${w.ratio}: ${w.p(f.number(check.p_value, 4))}`}
      />
      <table className="shares">
        <thead>
          <tr>
            <th scope="col">{w.arm}</th>
            <th scope="col">{w.observed}</th>
            <th scope="col">{w.expected}</th>
          </tr>
        </thead>
        <tbody>
          {arms.map((arm, i) => (
            <tr key={arm}>
              <th scope="row">{named(arm)}</th>
              <td>{f.number(of(check.observed, arm, i))}</td>
              <td>{f.number(of(check.expected, arm, i), 1)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
