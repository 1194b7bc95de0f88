/** An experiment that was run elsewhere: a file with one row for each person, its columns, and what it says. */
import { DeleteOutlined, PlusOutlined } from "@ant-design/icons";
import { Button, Input, Select } from "antd";
import { ClearableSelect } from "../../ui/ClearableSelect";
import { useState } from "react";
import { api } from "../../api/client";
import type { Scalar } from "../../api/shapes";
import { useApp, useWords } from "../../app/context";
import { address, go } from "../../app/router";
import { Field, RefusalAbove, RefusalProvider } from "../../ui/Field";
import { FileDrop } from "../../ui/FileDrop";
import { Page, Panel } from "../../ui/Page";
import { experiments } from "./words";

interface Look {
  upload: string;
  name: string;
  columns: { name: string; sample: Scalar[] }[];
  rows: Record<string, Scalar>[];
}

export default function AnalysePage() {
  const w = useWords(experiments);
  const [look, setLook] = useState<Look | null>(null);
  return (
    <Page title={w.analyse} lead={w.analyseLead} above={{ href: "/experiments", label: w.title }}>
      {look === null ? <FileDrop<Look> drop={w.drop} hint={w.dropHint} sending={w.uploading} done={setLook} /> : <Columns key={look.upload} look={look} again={() => setLook(null)} />}
    </Page>
  );
}

type ReadAs = "binary" | "mean" | "p90" | "ratio";

interface MetricRow {
  column: string;
  as: ReadAs;
  by: string;
}

interface Asked {
  name: string;
  unit: string;
  arm: string;
  control: string;
  metrics: MetricRow[];
  covariate: string;
  segments: string[];
}

const PLACES = ["name", "unit", "arm", "control", "metrics", "covariate", "segments"];

/** The metrics as the server reads them: COLUMN:KIND, or NUMERATOR/DENOMINATOR:ratio. */
function metricText(metric: MetricRow): string {
  return metric.as === "ratio" ? `${metric.column}/${metric.by}:ratio` : `${metric.column}:${metric.as}`;
}

const isBinary = (values: Scalar[]) => values.every((value) => ["0", "1", "true", "false", "True", "False", ""].includes(String(value ?? "")));

function Columns({ look, again }: { look: Look; again: () => void }) {
  const w = useWords(experiments);
  const { language } = useApp();
  const names = look.columns.map((column) => column.name);
  const samples = (column: string) => look.columns.find((one) => one.name === column)?.sample ?? [];
  const start: Asked = { name: look.name.replace(/(\.[a-z0-9]+)+$/i, ""), unit: names[0] ?? "", arm: "", control: "", metrics: [{ column: "", as: "binary", by: "" }], covariate: "", segments: [] };
  const [asked, setAsked] = useState(start);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const change = (part: Partial<Asked>) => {
    setError(null);
    setAsked({ ...asked, ...part });
  };
  const run = async () => {
    setBusy(true);
    setError(null);
    try {
      const metrics = asked.metrics.filter((metric) => metric.column !== "").map(metricText);
      const body = { upload: look.upload, name: asked.name.trim() || undefined, unit: asked.unit, arm: asked.arm, control: asked.control, metrics, covariate: asked.covariate || undefined, segments: asked.segments };
      const made = await api.post<{ name: string }>("/api/v1/experiments/analyse", { query: { language }, body });
      go(address("experiments", made.name));
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  const options = names.map((value) => ({ value, label: value }));
  const armValues = [...new Set(look.rows.map((row) => row[asked.arm]).concat(samples(asked.arm)))].filter((value) => value !== null && value !== undefined).map(String);
  const ready = asked.unit !== "" && asked.arm !== "" && asked.control !== "" && asked.metrics.some((metric) => metric.column !== "" && (metric.as !== "ratio" || metric.by !== ""));
  return (
    <RefusalProvider value={error}>
      <RefusalAbove error={error} places={PLACES} />
      <div className="grid">
        <Panel className="span-6" title={look.name}>
          <Field label={w.name} place="name">
            {(control) => <Input {...control} value={asked.name} onChange={(event) => change({ name: event.target.value })} />}
          </Field>
          <Field label={w.unit} place="unit">
            {(control) => <Select {...control} value={asked.unit} options={[...options, { value: "@row", label: w.everyRow }]} onChange={(unit: string) => change({ unit })} />}
          </Field>
          <Field label={w.arm} place="arm">
            {(control) => <Select {...control} value={asked.arm || undefined} options={options} onChange={(arm: string) => change({ arm, control: "" })} />}
          </Field>
          <Field label={w.control} place="control" hint={w.controlHint}>
            {(control) => <Select {...control} mode="tags" maxCount={1} value={asked.control === "" ? [] : [asked.control]} options={armValues.map((value) => ({ value, label: value }))} onChange={(chosen: string[]) => change({ control: chosen.at(-1) ?? "" })} />}
          </Field>
        </Panel>
        <Panel className="span-6" title={w.metric}>
          <p className="finding">{w.metricHint}</p>
          <Metrics metrics={asked.metrics} options={options} guess={(column) => (isBinary(samples(column)) ? "binary" : "mean")} put={(metrics) => change({ metrics })} />
          <Field label={w.covariate} place="covariate">
            {(control) => <ClearableSelect {...control} value={asked.covariate || undefined} options={options} onChange={(covariate: string | undefined) => change({ covariate: covariate ?? "" })} />}
          </Field>
          <Field label={w.segments} place="segments">
            {(control) => <Select {...control} mode="multiple" value={asked.segments} options={options} onChange={(segments: string[]) => change({ segments })} />}
          </Field>
        </Panel>
      </div>
      <div className="wizard-foot">
        <Button onClick={again}>{w.another}</Button>
        <Button type="primary" disabled={!ready} loading={busy} onClick={() => void run()}>
          {w.run}
        </Button>
      </div>
    </RefusalProvider>
  );
}

interface MetricsProps {
  metrics: MetricRow[];
  options: { value: string; label: string }[];
  guess: (column: string) => ReadAs;
  put: (metrics: MetricRow[]) => void;
}

function Metrics({ metrics, options, guess, put }: MetricsProps) {
  const w = useWords(experiments);
  const kinds: { value: ReadAs; label: string }[] = [
    { value: "binary", label: w.binary },
    { value: "mean", label: w.number },
    { value: "p90", label: w.p90 },
    { value: "ratio", label: w.ratioOf },
  ];
  const set = (i: number, part: Partial<MetricRow>) => put(metrics.map((metric, j) => (i === j ? { ...metric, ...part } : metric)));
  return (
    <div>
      {metrics.map((metric, i) => (
        <div key={i.toString()} className="toolbar">
          <Select aria-label={`${w.column} ${i + 1}`} placeholder={w.column} style={{ minWidth: 150 }} value={metric.column || undefined} options={options} onChange={(column: string) => set(i, { column, as: metric.as === "ratio" ? "ratio" : guess(column) })} />
          <Select aria-label={`${w.readAs} ${i + 1}`} value={metric.as} options={kinds} popupMatchSelectWidth={false} onChange={(as: ReadAs) => set(i, { as })} />
          {metric.as === "ratio" && <Select aria-label={`${w.denominator} ${i + 1}`} placeholder={w.denominator} style={{ minWidth: 130 }} value={metric.by || undefined} options={options} onChange={(by: string) => set(i, { by })} />}
          {metrics.length > 1 && <Button type="text" aria-label={w.removeMetric(i + 1)} icon={<DeleteOutlined aria-hidden="true" />} onClick={() => put(metrics.filter((_, j) => i !== j))} />}
        </div>
      ))}
      <Button className="field" icon={<PlusOutlined aria-hidden="true" />} onClick={() => put([...metrics, { column: "", as: "binary", by: "" }])}>
        {w.addMetric}
      </Button>
    </div>
  );
}
