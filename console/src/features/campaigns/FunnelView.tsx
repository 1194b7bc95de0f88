/** Where everybody is: bars that add up, what came of it, by variant, segment and day; each bar is a way to its people. */
import { useQuery } from "@tanstack/react-query";
import { Select } from "antd";
import { useState } from "react";
import { ApiError, api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { SERIES } from "../../app/theme";
import { useQueryValue } from "../../app/router";
import { type BarRow, Bars } from "../../ui/Bars";
import { Chart } from "../../ui/Chart";
import { Figure } from "../../ui/Figure";
import { useArmWords } from "../../ui/Intervals";
import { Panel } from "../../ui/Page";
import { PlainTable } from "../../ui/PlainTable";
import { Empty, ErrorState, Loading } from "../../ui/States";
import { People } from "./People";
import { Retry } from "./Retry";
import { RunPicker } from "./RunPicker";
import type { FunnelAnswer, Status } from "./shapes";
import { campaigns } from "./words";

const POLLED = 3000;

export function FunnelView({ name }: { name: string }) {
  const w = useWords(campaigns);
  const [run] = useQueryValue("run");
  const [by] = useQueryValue("by", "arm");
  const [open, setOpen] = useState<string | null>(null);
  const { language } = useApp();
  const found = useQuery<FunnelAnswer>({
    queryKey: ["campaign-part", name, "funnel", run, by, language],
    placeholderData: (before) => before,
    // what waits moves on by itself
    refetchInterval: (query) => ((query.state.data === undefined ? 0 : statusOf(query.state.data).pending) > 0 ? POLLED : false),
    queryFn: ({ signal }) => api.get<FunnelAnswer>("/api/v1/campaigns/{name}/funnel", { path: { name }, query: { run: run || undefined, by, language }, signal }),
  });
  if (found.error instanceof ApiError && found.error.code === "campaign_state") return <Empty title={w.funnelEmpty} hint={w.funnelHint} />;
  if (found.isError) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading rows={8} />;
  const funnel = found.data;
  if (statusOf(funnel).planned === 0 || funnel.run === null) return <Empty title={w.funnelEmpty} hint={w.funnelHint} />;
  return (
    <div className="stack">
      <RunPicker name={name} />
      <div className="grid">
        <Panel className="span-6" title={w.whereAll}>
          <Where funnel={funnel} open={setOpen} />
          {statusOf(funnel).failed > 0 && <Retry name={name} failed={statusOf(funnel).failed} run={funnel.run} />}
        </Panel>
        <Panel className="span-6" title={w.after}>
          <After funnel={funnel} open={setOpen} />
        </Panel>
      </div>
      {funnel.money !== null && <Money money={funnel.money} />}
      <Split funnel={funnel} />
      <div className="grid">
        <Days funnel={funnel} />
        <TimeToGoal funnel={funnel} />
      </div>
      {open !== null && <People name={name} run={funnel.run} bar={open} label={barWords(w, open)} close={() => setOpen(null)} />}
    </div>
  );
}

/** Where everybody is. */
export function statusOf(funnel: FunnelAnswer): Status {
  return funnel.status ?? (funnel as unknown as Status);
}

type Words = (typeof campaigns)["en"];

/** What a bar is called. */
export function barWords(w: Words, bar: string): string {
  const named: Record<string, string> = {
    planned: w.allPlanned,
    suppressed: w.suppressed,
    capped: w.capped,
    held_out: w.held_out,
    pending: w.pending,
    deferred: w.deferred,
    sent: w.sent,
    uncertain: w.uncertain,
    failed: w.failed,
    cancelled: w.cancelled,
    expired: w.expired,
    delivered: w.delivered,
    opened: w.opened,
    clicked: w.clicked,
    bounced: w.bounced,
    unknown: w.unknown,
    unsubscribed: w.unsubscribedAfter,
  };
  const [kind, ...rest] = bar.split(":");
  if (rest.length > 0 && kind === "goal") return w.goal(rest.join(":"));
  if (rest.length > 0 && kind === "suppressed") return (w as unknown as Record<string, string>)[rest.join(":")] ?? rest.join(":");
  return named[bar] ?? bar;
}

const BUCKETS: { key: keyof Status; tone?: BarRow["tone"] }[] = [
  { key: "capped", tone: "lost" },
  { key: "held_out", tone: "apart" },
  { key: "deferred", tone: "wait" },
  { key: "pending", tone: "wait" },
  { key: "sent" },
  { key: "uncertain", tone: "lost" },
  { key: "failed", tone: "lost" },
  { key: "cancelled", tone: "lost" },
  { key: "expired", tone: "lost" },
];

function Where({ funnel, open }: { funnel: FunnelAnswer; open: (bar: string) => void }) {
  const w = useWords(campaigns);
  const f = useFormat();
  const status = statusOf(funnel);
  const suppressed = Object.entries(status.suppressed);
  const rows: BarRow[] = [
    { key: "planned", label: w.allPlanned, count: status.planned },
    { key: "suppressed", label: w.suppressed, count: suppressed.reduce((sum, [, n]) => sum + n, 0), tone: "lost" },
    ...suppressed.map(([reason, count]) => ({ key: `suppressed:${reason}`, label: barWords(w, `suppressed:${reason}`), count, tone: "lost" as const, sub: true })),
    ...BUCKETS.filter(({ key }) => (status[key] as number) > 0 || ["held_out", "sent", "capped"].includes(key)).map(({ key, tone }) => ({ key, label: barWords(w, key), count: status[key] as number, tone })),
  ];
  const changed = typeof status.changed_since_plan === "number" ? status.changed_since_plan : Object.values(status.changed_since_plan ?? {}).reduce((sum, n) => sum + n, 0);
  const off = funnel.difference !== 0;
  return (
    <>
      <Bars label={w.whereAll} rows={rows} of={status.planned} onOpen={open} />
      <p className={off ? "adds-up off" : "adds-up"} role={off ? "alert" : "status"} data-difference={funnel.difference}>
        <span aria-hidden="true">{off ? "!" : "✓"}</span> {off ? w.addsNot(f.number(funnel.difference)) : w.addsUp}
        {changed > 0 && <span className="quiet"> {w.changedSince(f.number(changed))}</span>}
      </p>
    </>
  );
}

function After({ funnel, open }: { funnel: FunnelAnswer; open: (bar: string) => void }) {
  const w = useWords(campaigns);
  const status = statusOf(funnel);
  const rates = funnel.rates;
  const steps: { key: "delivered" | "opened" | "clicked" | "bounced" | "unsubscribed"; tone?: BarRow["tone"] }[] = [
    { key: "delivered" },
    { key: "opened" },
    { key: "clicked" },
    { key: "bounced", tone: "lost" },
    { key: "unsubscribed", tone: "lost" },
  ];
  const rows: BarRow[] = [
    { key: "sent", label: w.sent, count: status.sent },
    ...steps.map(({ key, tone }) => ({ key, tone, label: barWords(w, key), count: status[key], rate: rates[key] ?? null })),
    // a plan of which nothing was handed over yet has nobody to hear of
    { key: "unknown", label: w.unknown, count: status.unknown ?? 0, tone: "wait" },
    ...funnel.goals.map((goal) => ({ key: `goal:${goal.goal}`, label: w.goal(goal.goal), count: goal.users, tone: "apart" as const, rate: goal })),
  ];
  return (
    <>
      <Bars label={w.after} rows={rows} of={Math.max(status.sent, 1)} intervals onOpen={open} />
      {funnel.goals.length > 0 && <GoalCounts funnel={funnel} />}
    </>
  );
}

function GoalCounts({ funnel }: { funnel: FunnelAnswer }) {
  const w = useWords(campaigns);
  const f = useFormat();
  return (
    <table className="shares">
      <thead>
        <tr>
          <th scope="col">{w.goals}</th>
          <th scope="col">{w.users}</th>
          <th scope="col">{w.events}</th>
          {funnel.goals.some((goal) => goal.pairs != null) && <th scope="col">{w.pairs}</th>}
        </tr>
      </thead>
      <tbody>
        {funnel.goals.map((goal) => (
          <tr key={goal.goal}>
            <th scope="row">{goal.goal}</th>
            <td>{f.number(goal.users)}</td>
            <td>{f.number(goal.events)}</td>
            {funnel.goals.some((one) => one.pairs != null) && <td>{goal.pairs == null ? "–" : f.number(goal.pairs)}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Money({ money }: { money: NonNullable<FunnelAnswer["money"]> }) {
  const w = useWords(campaigns);
  const f = useFormat();
  const told = (value: number | string | null) => (value === null ? "–" : f.money(Number(value), money.currency));
  return (
    <div className="figures">
      <Figure label={w.cost} value={told(money.cost)} />
      <Figure label={w.revenue} value={told(money.revenue)} />
      <Figure label={w.profit} value={told(money.profit)} />
      <Figure label={w.roi} value={money.return === null ? "–" : f.percent(money.return)} />
    </div>
  );
}

const SPLIT_COLUMNS = ["planned", "held_out", "sent", "delivered", "opened", "clicked", "bounced"] as const;

/** The same numbers for each variant, segment, channel or day. */
function Split({ funnel }: { funnel: FunnelAnswer }) {
  const w = useWords(campaigns);
  const f = useFormat();
  const [by, setBy] = useQueryValue("by", "arm");
  const segments = useSegments();
  const armed = useArmWords();
  const options = [
    { value: "arm", label: w.byArm },
    { value: "channel", label: w.byChannel },
    { value: "day", label: w.byDay },
    ...segments.map((name) => ({ value: `segment:${name}`, label: w.bySegment(name) })),
  ];
  const rows = funnel.by?.rows ?? [];
  const number = (row: Record<string, unknown>, key: string) => (typeof row[key] === "number" ? (row[key] as number) : null);
  const columns = SPLIT_COLUMNS.filter((key) => rows.some((row) => number(row, key) !== null));
  const goals = (row: Record<string, unknown>) => Object.entries((row.by_goal ?? {}) as Record<string, number>).map(([goal, n]) => `${goal} ${f.number(n)}`).join(", ") || (typeof row.goals === "number" ? f.number(row.goals) : "–");
  const title = options.find((option) => option.value === by)?.label ?? by;
  const named = (value: unknown) => (value === "holdout" || value === "default" ? armed(value) : value === null || value === undefined ? "–" : String(value));
  return (
    <Panel flush title={w.splitBy} extra={<Select aria-label={w.splitBy} value={by} options={options} onChange={setBy} popupMatchSelectWidth={false} />}>
      <PlainTable label={w.splitBy} wide heads={[title, ...columns.map((key) => ({ number: barWords(w, key) })), w.goals, { number: w.rate }]}>
        {rows.map((row) => (
          <tr key={String(row.value)}>
            <th scope="row">{named(row.value)}</th>
            {columns.map((key) => (
              <td key={key} className="num">
                {number(row, key) === null ? "–" : f.number(number(row, key) ?? 0)}
              </td>
            ))}
            <td>{goals(row)}</td>
            <td className="num">{number(row, "rate") === null ? "–" : f.percent(number(row, "rate") ?? 0)}</td>
          </tr>
        ))}
      </PlainTable>
    </Panel>
  );
}

function useSegments(): string[] {
  const found = useQuery({
    queryKey: ["segments", "names"],
    staleTime: 300_000,
    queryFn: async ({ signal }) => (await api.get<{ segments: { name?: string; segmentation?: string }[] }>("/api/v1/segments", { signal })).segments,
  });
  return (found.data ?? []).map((row) => row.segmentation ?? row.name ?? "").filter((name) => name !== "");
}

const LINES = ["sent", "delivered", "opened", "clicked", "goals"] as const;

function Days({ funnel }: { funnel: FunnelAnswer }) {
  const w = useWords(campaigns);
  const f = useFormat();
  const { mode } = useApp();
  if (funnel.days.length === 0) return null;
  const days = funnel.days.map((row) => String(row.day));
  const of = (row: Record<string, unknown>, key: string) => (typeof row[key] === "number" ? (row[key] as number) : 0);
  const lines = LINES.filter((key) => funnel.days.some((row) => of(row, key) > 0));
  const labels: Record<(typeof LINES)[number], string> = { sent: w.sent, delivered: w.delivered, opened: w.opened, clicked: w.clicked, goals: w.goals };
  const option = {
    grid: { left: 8, right: 12, top: 34, bottom: 8, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    legend: { type: "scroll", top: 0, left: 0, itemGap: 22 },
    tooltip: { trigger: "axis" },
    xAxis: { type: "category", data: days.map((day) => f.day(day)) },
    yAxis: { type: "value", minInterval: 1 },
    series: lines.map((key, i) => ({ name: labels[key], type: "bar", barMaxWidth: 24, itemStyle: { color: SERIES[mode][i], borderRadius: [3, 3, 0, 0] }, data: funnel.days.map((row) => of(row, key)) })),
  };
  const data = { columns: [w.day, ...lines.map((key) => labels[key])], rows: funnel.days.map((row, i) => [f.day(days[i] ?? ""), ...lines.map((key) => of(row, key))]) };
  return (
    <Panel className="span-7" title={w.days}>
      <Chart title={w.days} option={option} data={data} />
    </Panel>
  );
}

function TimeToGoal({ funnel }: { funnel: FunnelAnswer }) {
  const w = useWords(campaigns);
  const f = useFormat();
  const time = funnel.time_to_goal;
  if (funnel.goals.length === 0) return null;
  if (time === null || time.rows.length === 0) {
    return (
      <Panel className="span-5" title={w.timeToGoal}>
        <p className="quiet">{w.timeNone}</p>
      </Panel>
    );
  }
  const at = time.rows.map((row) => row.day ?? (row.hours ?? 0) / 24);
  const option = { tooltip: { trigger: "axis" }, xAxis: { type: "category", data: at.map((day) => f.number(day, 1)) }, yAxis: { type: "value", minInterval: 1 }, series: [{ type: "bar", barMaxWidth: 30, data: time.rows.map((row) => row.count) }] };
  const inDays = (value: number | null) => f.number((value ?? time.median ?? 0) / (time.unit === "hours" ? 24 : 1), 1);
  const said = time.median === null ? null : w.timeSaid(inDays(time.median), inDays(time.p25), inDays(time.p75));
  return (
    <Panel className="span-5" title={w.timeToGoal}>
      <Chart title={w.timeToGoal} option={option} data={{ columns: [w.timeDay, w.users], rows: time.rows.map((row, i) => [f.number(at[i] ?? 0, 1), row.count]) }} height={220} />
      {said !== null && <p className="finding">{said}</p>}
    </Panel>
  );
}
