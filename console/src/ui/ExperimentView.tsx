/** What an experiment found: sizes first, then sentences, every effect on one axis, how it moved, and by segment. */
import { Alert } from "antd";
import { useApp, useFormat, useWords } from "../app/context";
import { SERIES } from "../app/theme";
import { pairs } from "../words/pairs";
import { Chart } from "./Chart";
import { type Effect, Intervals, Ratio, type RatioCheck, useArmWords } from "./Intervals";
import { Panel } from "./Page";

export interface Look {
  n: number;
  at: string;
  arm?: string;
  effect: number;
  low: number;
  high: number;
}

export interface ExperimentAnswer {
  arms: ({ arm: string; units: number; expected: number } | string)[];
  srm: RatioCheck | null;
  stopped?: boolean;
  metrics: Effect[];
  segments?: (Effect & { tag: string; value: string | null })[];
  looks?: Look[];
  notes?: { code: string; sentence: string }[];
  words: string | string[] | null;
  /** How the plan says that results are read. */
  reading?: { decides: "adjusted" | "plain"; by: boolean | string[] };
}

const words = pairs({
  answer: ["Did it work?", "是否有效？"],
  effects: ["Effects against the control", "相对对照组的效果"],
  settledAdjusted: ["The plan settled it beforehand: the reading adjusted by what was known before decides, and where there is none, the plain one; both stand here.", "计划中已事先确定：以按事前信息校正的结果为准，无法校正时以未校正结果为准，两者并列显示。"],
  settledPlain: ["The plan settled it beforehand: the plain reading decides; the adjusted one stands beside it.", "计划中已事先确定：以未校正的结果为准，校正结果并列显示。"],
  segments: ["By segment, corrected for the number of comparisons", "按分群查看（已校正比较次数）"],
  group: ["Group", "分组"],
  looks: ["How the first metric moved", "首个指标的变化"],
  looksHint: ["Each look is valid however often one looks: once the band leaves 0, it has been decided.", "区间在任何时候查看都有效：一旦整体离开 0，即可下结论。"],
  units: ["People", "样本数"],
  effect: ["Effect", "效果"],
  low: ["Low", "下限"],
  high: ["High", "上限"],
  day: ["Day", "日期"],
});

export function ExperimentView({ found }: { found: ExperimentAnswer }) {
  const w = useWords(words);
  const said = Array.isArray(found.words) ? found.words : found.words === null || found.words === "" ? [] : [found.words];
  const segments = (found.segments ?? []).map((row) => ({ ...row, group: `${row.tag}: ${row.value ?? "–"}` }));
  return (
    <div className="stack" data-experiment={found.stopped ? "stopped" : "read"}>
      {said.length > 0 && !found.stopped && (
        <Alert type="info" showIcon role="status" title={w.answer} description={<>{said.map((sentence) => <p key={sentence}>{sentence}</p>)}</>} />
      )}
      <Ratio check={found.srm} />
      {(found.notes ?? []).filter((note) => note.code !== "sample_ratio").map((note) => <Alert key={note.code + note.sentence} type="warning" showIcon role="status" title={note.sentence} />)}
      <Panel flush title={w.effects}>
        <Intervals label={w.effects} rows={found.metrics} />
        {found.reading !== undefined && found.metrics.some((row) => row.cuped != null) && <p className="finding">{found.reading.decides === "adjusted" ? w.settledAdjusted : w.settledPlain}</p>}
      </Panel>
      {(found.looks ?? []).length > 1 && <Looks looks={found.looks ?? []} />}
      {segments.length > 0 && (
        <Panel flush title={w.segments}>
          <Intervals label={w.segments} rows={segments} grouped={w.group} />
        </Panel>
      )}
    </div>
  );
}

/** The always-valid band of each arm, look by look. */
function Looks({ looks }: { looks: Look[] }) {
  const w = useWords(words);
  const f = useFormat();
  const { mode } = useApp();
  const named = useArmWords();
  const arms = [...new Set(looks.map((look) => look.arm ?? ""))];
  const days = [...new Set(looks.map((look) => look.at))];
  const of = (arm: string, day: string) => looks.find((look) => (look.arm ?? "") === arm && look.at === day);
  const series = arms.flatMap((arm, i) => {
    const color = SERIES[mode][i % SERIES[mode].length];
    const line = (name: keyof Look, type: "solid" | "dashed") => ({
      name: named(arm),
      type: "line",
      showSymbol: false,
      itemStyle: { color },
      lineStyle: { color, type, width: type === "solid" ? 2 : 1 },
      data: days.map((day) => of(arm, day)?.[name] ?? null),
    });
    return [line("effect", "solid"), line("low", "dashed"), line("high", "dashed")];
  });
  const option = {
    grid: { left: 8, right: 12, top: 34, bottom: 8, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    legend: { type: "scroll", top: 0, left: 0, itemGap: 22, data: arms.filter((arm) => arm !== "").map(named) },
    tooltip: { trigger: "axis" },
    xAxis: { type: "category", data: days.map((day) => f.day(day)) },
    yAxis: { type: "value" },
    series,
  };
  const rows = looks.map((look) => [f.day(look.at), named(look.arm ?? ""), look.n, look.effect, look.low, look.high]);
  return (
    <Panel title={w.looks}>
      <Chart title={w.looks} option={option} data={{ columns: [w.day, w.group, w.units, w.effect, w.low, w.high], rows }} />
      <p className="finding">{w.looksHint}</p>
    </Panel>
  );
}
