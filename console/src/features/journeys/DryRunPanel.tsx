/** What would come of a journey for those who would come in now: nothing is sent. */
import { useMutation } from "@tanstack/react-query";
import { Button, InputNumber } from "antd";
import { useId, useState } from "react";
import { ApiError, api } from "../../api/client";
import { useFormat, useWords } from "../../app/context";
import { Chart } from "../../ui/Chart";
import { ErrorState, ProblemText } from "../../ui/States";
import type { DryRun, JourneyDetail } from "./shapes";
import { journeys } from "./words";

export function DryRunPanel({ journey }: { journey: JourneyDetail }) {
  const w = useWords(journeys);
  const id = useId();
  const [days, setDays] = useState(30);
  const asked = useMutation({ mutationFn: () => api.post<DryRun>("/api/v1/journeys/{name}/dry-run", { path: { name: journey.journey }, body: { days } }) });
  return (
    <>
      <p className="finding">{w.dryHint}</p>
      <div className="toolbar">
        <label htmlFor={id}>{w.dryDays}</label>
        <InputNumber id={id} min={1} max={730} precision={0} value={days} onChange={(value) => setDays(value ?? 30)} />
        <Button loading={asked.isPending} onClick={() => asked.mutate()}>
          {w.dryNow}
        </Button>
      </div>
      {asked.isError && <ErrorState small error={asked.error} />}
      {asked.data !== undefined && <Told dry={asked.data} />}
    </>
  );
}

function Told({ dry }: { dry: DryRun }) {
  const w = useWords(journeys);
  const f = useFormat();
  const errors = Object.entries(dry.errors ?? {});
  const days = [...new Set(dry.moments.map((row) => row.at.slice(0, 10)))];
  const steps = [...new Set(dry.messages.map((row) => row.step))];
  const of = (day: string, step: string) => dry.messages.filter((row) => row.step === step && row.at.startsWith(day)).reduce((sum, row) => sum + row.people, 0);
  const option = {
    grid: { left: 8, right: 12, top: 34, bottom: 8, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    legend: { type: "scroll", top: 0, left: 0 },
    tooltip: { trigger: "axis" },
    xAxis: { type: "category", data: days.map((day) => f.day(day)) },
    yAxis: { type: "value", minInterval: 1 },
    series: steps.map((step) => ({ name: step, type: "bar", stack: "people", barMaxWidth: 34, data: days.map((day) => of(day, step)) })),
  };
  const data = { columns: [w.when, w.step, w.people], rows: dry.moments.map((row) => [f.moment(row.at), row.step, row.people]) };
  return (
    <div data-entrants={dry.entrants} aria-live="polite">
      <p>{dry.entrants === 0 ? w.dryNone : w.dryDone(dry.entrants, dry.finished, dry.days)}</p>
      {errors.map(([step, problem]) => (
        <p key={step} className="field-error" role="alert">
          {w.troubleAt(step)}: <ProblemText error={new ApiError(422, problem)} />
        </p>
      ))}
      {dry.entrants > 0 && (
        <div className="journey-dry">
          <Chart title={w.dryMoments} option={option} data={data} height={220} />
        </div>
      )}
    </div>
  );
}
