/** A file becomes data: drop it, say what its columns are, see what would come in, import it. */
import { useQueryClient } from "@tanstack/react-query";
import { Alert, Button, Form, Input, Select, Steps, Switch } from "antd";
import { ClearableSelect } from "../../ui/ClearableSelect";
import { type ReactNode, useState } from "react";
import { api } from "../../api/client";
import type { Scalar } from "../../api/shapes";
import { useFormat, useWords } from "../../app/context";
import { address, go } from "../../app/router";
import { FileDrop } from "../../ui/FileDrop";
import { JobProgress } from "../../ui/JobProgress";
import { Page, Panel } from "../../ui/Page";
import { PlainTable } from "../../ui/PlainTable";
import { Empty, ErrorState, Loading, ProblemText } from "../../ui/States";
import { butJobs, useJob } from "../../ui/useJob";
import { common, types } from "../../words/common";
import { type ImportReport, ReportView, RowTable } from "./ReportView";
import { data } from "./words";

interface Look {
  upload: string;
  name: string;
  columns: { name: string; sample: Scalar[] }[];
  rows: Record<string, Scalar>[];
  guess: { as: string; name: string; entity: string | null; time: string | null };
}

interface Mapping {
  as: string;
  name: string;
  entity: string;
  time: string | null;
  key: string | null;
  target: string | null;
  weight: string | null;
  replace: boolean;
  types: Record<string, string>;
}

type Stage = { at: "file" } | { at: "map"; look: Look } | { at: "preview"; look: Look; mapping: Mapping; report: ImportReport } | { at: "run"; mapping: Mapping; job: string };

const STAGES = ["file", "map", "preview", "run"] as const;

export default function ImportPage() {
  const w = useWords(data);
  const c = useWords(common);
  const [stage, setStage] = useState<Stage>({ at: "file" });
  const steps = [w.stepFile, w.stepMap, w.stepPreview, w.stepDone].map((title) => ({ title }));
  return (
    <Page title={w.importTitle} lead={w.importLead} above={{ href: "/data", label: c.data }}>
      <Steps className="wizard-steps" size="small" current={STAGES.indexOf(stage.at)} items={steps} responsive={false} titlePlacement="vertical" />
      {stage.at === "file" && <FileDrop<Look> drop={w.drop} hint={w.dropHint} sending={w.uploading} done={(look) => setStage({ at: "map", look })} />}
      {stage.at === "map" && (
        <MapStep look={stage.look} back={() => setStage({ at: "file" })} done={(mapping, report) => setStage({ at: "preview", look: stage.look, mapping, report })} />
      )}
      {stage.at === "preview" && (
        <PreviewStep look={stage.look} mapping={stage.mapping} report={stage.report} back={() => setStage({ at: "map", look: stage.look })} done={(job) => setStage({ at: "run", mapping: stage.mapping, job })} />
      )}
      {stage.at === "run" && <RunStep mapping={stage.mapping} job={stage.job} again={() => setStage({ at: "file" })} />}
    </Page>
  );
}

const KINDS = ["profiles", "events", "records", "lookup", "edges"] as const;
const TYPES = ["text", "integer", "decimal", "number", "boolean", "date", "moment", "texts", "path"] as const;

interface MapProps {
  look: Look;
  back: () => void;
  done: (mapping: Mapping, report: ImportReport) => void;
}

/** What is sent: nothing for what was left open. */
function wanted(look: Look, mapping: Mapping) {
  const { types: declared, ...rest } = mapping;
  const chosen = Object.fromEntries(Object.entries(declared ?? {}).filter(([, type]) => type));
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null && value !== undefined && value !== ""));
  return { ...given, upload: look.upload, ...(Object.keys(chosen).length > 0 ? { types: chosen } : {}) };
}

function MapStep({ look, back, done }: MapProps) {
  const w = useWords(data);
  const c = useWords(common);
  const [form] = Form.useForm<Mapping>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const preview = async (mapping: Mapping) => {
    setBusy(true);
    setError(null);
    try {
      done(mapping, await api.post<ImportReport>("/api/v1/imports", { body: { ...wanted(look, mapping), dry_run: true } }));
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  const start: Partial<Mapping> = { as: look.guess.as, name: look.guess.name, entity: look.guess.entity ?? undefined, time: look.guess.time, key: null, replace: false };
  return (
    <Form<Mapping> form={form} layout="vertical" requiredMark={false} initialValues={start} onFinish={(mapping) => void preview(mapping)}>
      {error !== null && <Alert className="form-alert" type="error" title={<ProblemText error={error} />} role="alert" />}
      <div className="grid">
        <Panel title={look.name} className="span-5">
          <Roles columns={look.columns.map((column) => ({ value: column.name, label: column.name }))} guess={look.guess.as} />
        </Panel>
        <Columns look={look} />
      </div>
      <div className="wizard-foot">
        <Button onClick={back}>{c.back}</Button>
        <Button type="primary" htmlType="submit" loading={busy}>
          {w.seePreview}
        </Button>
        {busy && <span className="quiet">{w.reading}</span>}
      </div>
    </Form>
  );
}

function Roles({ columns, guess }: { columns: { value: string; label: string }[]; guess: string }) {
  const w = useWords(data);
  const kind = Form.useWatch("as") ?? guess;
  const hints = { profiles: w.profilesHint, events: w.eventsHint, records: w.recordsHint, lookup: w.lookupHint, edges: w.edgesHint };
  return (
    <>
      <Form.Item name="as" label={w.what}>
        <Select options={KINDS.map((value) => ({ value, label: w[value], hint: hints[value] }))} optionRender={(option) => <KindOption label={option.label} hint={option.data.hint} />} />
      </Form.Item>
      <Form.Item name="name" label={w.datasetName} rules={[{ required: true, message: w.nameNeeded }]}>
        <Input maxLength={100} autoComplete="off" />
      </Form.Item>
      <Form.Item name="entity" label={w.entity} rules={[{ required: true, message: w.entityNeeded }]}>
        <Select showSearch={{ optionFilterProp: "label" }} options={kind === "profiles" ? [...columns, { value: "@row", label: w.byRow }] : columns} />
      </Form.Item>
      {kind !== "lookup" && kind !== "edges" && (
        <Form.Item name="time" label={w.time}>
          <ClearableSelect placeholder={w.timeNone} showSearch={{ optionFilterProp: "label" }} options={columns} />
        </Form.Item>
      )}
      {(kind === "events" || kind === "records") && (
        <Form.Item name="key" label={w.key} extra={w.keyHelp}>
          <ClearableSelect placeholder={w.timeNone} showSearch={{ optionFilterProp: "label" }} options={columns} />
        </Form.Item>
      )}
      {kind === "edges" && (
        <>
          <Form.Item name="target" label={w.target}>
            <Select options={columns} />
          </Form.Item>
          <Form.Item name="weight" label={w.weight}>
            <ClearableSelect placeholder={w.timeNone} options={columns} />
          </Form.Item>
        </>
      )}
      <Form.Item name="replace" label={w.replace} valuePropName="checked">
        <Switch />
      </Form.Item>
    </>
  );
}

function Columns({ look }: { look: Look }) {
  const w = useWords(data);
  const t = useWords(types);
  return (
    <Panel title={w.columns} className="span-7" flush>
      <PlainTable label={w.columns}>
        {look.columns.map((column) => (
          <tr key={column.name}>
            <th scope="row">{column.name}</th>
            <td className="quiet">{column.sample.map(String).join(" · ")}</td>
            <td>
              <Form.Item name={["types", column.name]} noStyle>
                <ClearableSelect size="small" variant="filled" aria-label={w.typeOf(column.name)} placeholder={w.auto} popupMatchSelectWidth={false} options={TYPES.map((value) => ({ value, label: t[value] }))} />
              </Form.Item>
            </td>
          </tr>
        ))}
      </PlainTable>
    </Panel>
  );
}

function KindOption({ label, hint }: { label: ReactNode; hint: string }) {
  return (
    <div className="kind-option">
      <b>{label}</b>
      <span className="quiet">{hint}</span>
    </div>
  );
}

interface PreviewProps {
  look: Look;
  mapping: Mapping;
  report: ImportReport;
  back: () => void;
  done: (job: string) => void;
}

function PreviewStep({ look, mapping, report, back, done }: PreviewProps) {
  const w = useWords(data);
  const c = useWords(common);
  const f = useFormat();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    try {
      done((await api.post<{ job: string }>("/api/v1/imports", { body: wanted(look, mapping) })).job);
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  return (
    <>
      {error !== null && <Alert className="form-alert" type="error" title={<ProblemText error={error} />} role="alert" />}
      <ReportView report={report} />
      {(report.sample ?? []).length > 0 && (
        <Panel title={w.firstRows} flush>
          <RowTable label={w.firstRows} rows={report.sample ?? []} kinds={report.types} />
        </Panel>
      )}
      <div className="wizard-foot">
        <Button onClick={back}>{c.back}</Button>
        <Button type="primary" disabled={report.accepted === 0} loading={busy} onClick={() => void run()}>
          {w.runImport(f.number(report.accepted))}
        </Button>
      </div>
    </>
  );
}

function RunStep({ mapping, job, again }: { mapping: Mapping; job: string; again: () => void }) {
  const w = useWords(data);
  const cache = useQueryClient();
  const read = () => void cache.invalidateQueries(butJobs);
  const row = useJob(job, read);
  const [build, setBuild] = useState<string | null>(null);
  const building = useJob(build, read);
  const state = row.data?.state;
  if (row.isPending) return <Loading rows={3} />;
  if (row.isError) return <ErrorState error={row.error} />;
  if (state === "failed" || state === "cancelled") {
    const said = row.data.error;
    return <Empty title={w.failed} hint={said === null ? undefined : `${said.message} ${said.fix ?? ""}`} action={<Button onClick={again}>{w.another}</Button>} />;
  }
  if (state !== "completed") {
    return (
      <Panel title={w.running}>
        <JobProgress job={row.data} label={w.running} />
        <p className="quiet">{w.runningHint}</p>
      </Panel>
    );
  }
  const start = async () => setBuild((await api.post<{ job: string }>("/api/v1/tags/build", { body: {} })).job);
  return (
    <>
      {row.data.result !== null && <ReportView report={row.data.result as unknown as ImportReport} />}
      <Empty
        title={w.doneTitle}
        hint={w.doneHint}
        action={
          <div className="dialog-actions">
            <Button onClick={again}>{w.another}</Button>
            <Button onClick={() => go(address("data", mapping.name))}>{w.toDataset}</Button>
            <Button type="primary" disabled={build !== null} onClick={() => void start()}>
              {w.buildTags}
            </Button>
          </div>
        }
      />
      {build !== null && (
        <Panel title={w.building}>
          <JobProgress job={building.data} label={w.building} />
          {building.data?.error != null && <p role="alert">{building.data.error.message}</p>}
        </Panel>
      )}
    </>
  );
}
