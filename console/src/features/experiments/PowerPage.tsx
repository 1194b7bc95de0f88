/** How many people a difference needs, and what so many people can find, as a curve. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Input, InputNumber, Segmented, Switch } from "antd";
import { useId, useState } from "react";
import { api } from "../../api/client";
import { useFormat, useWords } from "../../app/context";
import { Chart } from "../../ui/Chart";
import { Field, RefusalAbove, RefusalProvider } from "../../ui/Field";
import { Figure } from "../../ui/Figure";
import { Page, Panel } from "../../ui/Page";
import { experiments } from "./words";

interface Asked {
  kind: "binary" | "mean";
  baseline: number | null;
  sd: number | null;
  effect: number | null;
  relative: boolean;
  arms: number;
  weights: string;
  perDay: number | null;
  power: number;
  alpha: number;
  sequential: boolean;
}

interface Told {
  per_arm: Record<string, number>;
  total: number;
  days: number | null;
  curve: { n: number; effect: number; rel_effect?: number | null }[];
}

const START: Asked = { kind: "binary", baseline: 5, sd: 20, effect: 10, relative: true, arms: 2, weights: "", perDay: null, power: 80, alpha: 5, sequential: false };
const PLACES = ["baseline", "sd", "effect", "weights", "per_day", "arms", "power", "alpha", "--rate", "--lift", "--power", "--alpha", "--arms"];

/** The question as the server takes it: shares and levels as fractions. */
function bodyOf(asked: Asked) {
  const share = asked.kind === "binary";
  const weights = asked.weights.split(/[,\s]+/).filter((part) => part !== "").map(Number);
  const effect = asked.effect ?? 0;
  return {
    kind: asked.kind,
    baseline: (asked.baseline ?? 0) / (share ? 100 : 1),
    sd: share ? undefined : (asked.sd ?? undefined),
    effect: asked.relative || share ? effect / 100 : effect,
    relative: asked.relative,
    arms: asked.arms,
    weights: weights.length > 0 ? weights : undefined,
    per_day: asked.perDay ?? undefined,
    power: asked.power / 100,
    alpha: asked.alpha / 100,
    sequential: asked.sequential,
  };
}

export default function PowerPage() {
  const w = useWords(experiments);
  const [asked, setAsked] = useState(START);
  const body = bodyOf(asked);
  const found = useQuery({
    queryKey: ["power", body],
    retry: false,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => api.post<Told>("/api/v1/experiments/power", { body, signal }),
  });
  const change = (part: Partial<Asked>) => setAsked({ ...asked, ...part });
  return (
    <Page title={w.power} lead={w.powerLead} above={{ href: "/experiments", label: w.title }}>
      <RefusalProvider value={found.error}>
        <RefusalAbove error={found.error} places={PLACES} />
        <div className="grid">
          <Panel className="span-5" title={w.measured}>
            <Question asked={asked} change={change} />
          </Panel>
          <div className="span-7 stack">
            <Answer told={found.isError ? undefined : found.data} relative={asked.relative || asked.kind === "binary"} asRelative={asked.relative} />
          </div>
        </div>
      </RefusalProvider>
    </Page>
  );
}

function Question({ asked, change }: { asked: Asked; change: (part: Partial<Asked>) => void }) {
  const w = useWords(experiments);
  const share = asked.kind === "binary";
  return (
    <>
      <div className="field">
        <Segmented
          aria-label={w.measured}
          value={asked.kind}
          onChange={(kind) => change({ kind })}
          options={[
            { value: "binary" as const, label: w.share },
            { value: "mean" as const, label: w.mean },
          ]}
        />
      </div>
      <div className="fields">
        <NumberField label={share ? w.baselineShare : w.baselineMean} place={["baseline", "--rate"]} value={asked.baseline} suffix={share ? "%" : undefined} set={(baseline) => change({ baseline })} />
        {!share && <NumberField label={w.sd} place="sd" value={asked.sd} set={(sd) => change({ sd })} />}
        <NumberField label={w.effect} place={["effect", "--lift"]} value={asked.effect} suffix={asked.relative || share ? "%" : undefined} set={(effect) => change({ effect })} />
      </div>
      <div className="field">
        <Segmented
          aria-label={w.effectIs}
          value={asked.relative}
          onChange={(relative) => change({ relative })}
          options={[
            { value: true, label: w.relative },
            { value: false, label: w.absolute },
          ]}
        />
      </div>
      <div className="fields">
        <NumberField label={w.armCount} place="arms" value={asked.arms} min={2} set={(arms) => change({ arms: Math.round(arms ?? 2) })} />
        <Field label={w.weights} place={["weights", "--arms"]} hint={w.weightsHint}>
          {(control) => <Input {...control} value={asked.weights} onChange={(event) => change({ weights: event.target.value })} />}
        </Field>
        <NumberField label={w.perDay} place="per_day" value={asked.perDay} set={(perDay) => change({ perDay })} />
        <NumberField label={w.chance} place={["power", "--power"]} value={asked.power} suffix="%" set={(power) => change({ power: power ?? 80 })} />
        <NumberField label={w.alpha} place={["alpha", "--alpha"]} value={asked.alpha} suffix="%" set={(alpha) => change({ alpha: alpha ?? 5 })} />
      </div>
      <Sequential on={asked.sequential} set={(sequential) => change({ sequential })} />
    </>
  );
}

function Sequential({ on, set }: { on: boolean; set: (on: boolean) => void }) {
  const w = useWords(experiments);
  const id = useId();
  return (
    <p className="not-switch">
      <Switch id={id} checked={on} onChange={set} /> <label htmlFor={id}>{w.sequential}</label>
    </p>
  );
}

interface NumberProps {
  label: string;
  place: string | string[];
  value: number | null;
  set: (value: number | null) => void;
  suffix?: string;
  min?: number;
}

function NumberField({ label, place, value, set, suffix, min }: NumberProps) {
  return (
    <Field label={label} place={place}>
      {(control) => <InputNumber {...control} value={value} min={min} suffix={suffix} onChange={set} />}
    </Field>
  );
}

function Answer({ told, relative, asRelative }: { told: Told | undefined; relative: boolean; asRelative: boolean }) {
  const w = useWords(experiments);
  const f = useFormat();
  if (told === undefined) return null;
  const curve = told.curve.map((point) => ({ n: point.n, effect: asRelative ? (point.rel_effect ?? point.effect) : point.effect }));
  const shown = (effect: number) => (relative ? `${f.number(effect * 100, 2)}%` : f.number(effect, 3));
  const option = {
    tooltip: { trigger: "axis", valueFormatter: (value: number) => shown(value) },
    xAxis: { type: "log", name: w.curvePeople, nameLocation: "middle", nameGap: 28, axisLabel: { formatter: (n: number) => f.short(n) } },
    yAxis: { type: "value", axisLabel: { formatter: (value: number) => shown(value) } },
    grid: { left: 8, right: 16, top: 16, bottom: 26, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    series: [{ name: w.curveEffect, type: "line", smooth: true, showSymbol: false, data: curve.map((point) => [point.n, point.effect]) }],
  };
  const arms = Object.values(told.per_arm);
  const even = arms.every((n) => n === arms[0]);
  return (
    <>
      <div className="figures" data-total={told.total}>
        <Figure label={w.needed} value={f.number(told.total)} />
        <Figure label={w.each} value={even ? f.number(arms[0] ?? 0) : arms.map((n) => f.number(n)).join(" / ")} />
        <Figure label={w.days} value={told.days === null ? "–" : f.number(told.days)} hint={w.daysHint} />
      </div>
      <Panel title={w.curve}>
        <Chart title={w.curve} option={option} data={{ columns: [w.curvePeople, w.curveEffect], rows: curve.map((point) => [point.n, shown(point.effect)]) }} height={300} />
      </Panel>
    </>
  );
}
