/** Imports that come again: their files, their schedules, how the last run went; and a form to add one of the inbox. */
import { DeleteOutlined, PlayCircleOutlined, PlusOutlined } from "@ant-design/icons";
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, App, Button, Form, Input, Modal, Select, type TableProps, Tag, TimePicker } from "antd";
import dayjs, { type Dayjs } from "dayjs";
import { useState } from "react";
import { api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { address, go, Link } from "../../app/router";
import { QueryTable, SearchBox, useAsking } from "../../ui/ServerTable";
import { Empty, ProblemText } from "../../ui/States";
import { common } from "../../words/common";
import { data } from "./words";

interface SourceRow {
  source: string;
  dataset: string;
  as: string | null;
  location: string;
  schedule: string | null;
  last: { at: string; state: "completed" | "failed"; files: number; accepted: number; rejected: number; error: { message: string; fix: string | null } | null } | null;
}

type Listed = { sources: SourceRow[]; total: number };

export function Sources() {
  const w = useWords(data);
  const c = useWords(common);
  const { allowed } = useApp();
  const asking = useAsking("source");
  const [adding, setAdding] = useState(false);
  const [timed, setTimed] = useState<SourceRow | null>(null);
  const may = allowed === null || allowed.has("import");
  const list = useQuery({
    queryKey: ["sources", asking.query],
    placeholderData: keepPreviousData,
    refetchInterval: 10_000,
    queryFn: ({ signal }) => api.get<Listed>("/api/v1/sources", { query: asking.query, signal }),
  });
  const add = may && (
    <Button icon={<PlusOutlined aria-hidden="true" />} onClick={() => setAdding(true)}>
      {w.sourceAdd}
    </Button>
  );
  return (
    <>
      <div className="toolbar">
        <SearchBox label={c.search} />
        {add}
      </div>
      <QueryTable<Listed, SourceRow>
        label={w.sources}
        list={list}
        rows={(answer) => answer.sources}
        rowKey="source"
        asking={asking}
        columns={useColumns(may, setTimed)}
        empty={<Empty title={w.sourcesNone} hint={w.sourcesHint} action={add} />}
      />
      {adding && <SourceDialog close={() => setAdding(false)} />}
      {timed !== null && <TimeDialog source={timed} close={() => setTimed(null)} />}
    </>
  );
}

/** What a schedule says: `daily 06:30`, `weekly mon 07:00`, `hourly` or none. */
function useSchedule(): (schedule: string | null) => string {
  const w = useWords(data);
  return (schedule) => {
    const [mode, ...rest] = (schedule ?? "").split(" ");
    if (mode === "hourly") return w.hourly;
    if (mode === "daily") return w.dailyAt(rest[0] ?? "");
    if (mode === "weekly") return w.weeklyAt(w[(rest[0] ?? "mon") as Day], rest[1] ?? "");
    return w.whenAsked;
  };
}

type Day = "mon" | "tue" | "wed" | "thu" | "fri" | "sat" | "sun";
const DAYS: Day[] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

function useColumns(may: boolean, time: (row: SourceRow) => void): TableProps<SourceRow>["columns"] {
  const w = useWords(data);
  const c = useWords(common);
  const said = useSchedule();
  return [
    {
      key: "source",
      title: w.source,
      sorter: true,
      render: (_, row) => (
        <div className="named">
          <b>{row.source}</b>
          <p className="quiet clamp" translate="no">
            {row.location}
          </p>
        </div>
      ),
    },
    { key: "dataset", title: w.dataset, sorter: true, render: (_, row) => <Link href={address("data", row.dataset)}>{row.dataset}</Link> },
    {
      key: "schedule",
      title: w.schedule,
      render: (_, row) =>
        may ? (
          <button type="button" className="link" onClick={() => time(row)}>
            {said(row.schedule)}
          </button>
        ) : (
          said(row.schedule)
        ),
    },
    { key: "last", title: w.lastRun, render: (_, row) => <LastRun last={row.last} /> },
    { key: "acts", title: <span className="sr-only">{c.more}</span>, align: "right", render: (_, row) => may && <Acts row={row} /> },
  ];
}

function LastRun({ last }: { last: SourceRow["last"] }) {
  const w = useWords(data);
  const f = useFormat();
  if (last === null) return <span className="quiet">{w.neverRun}</span>;
  return (
    <>
      <Tag className={`tone tone-${last.state === "failed" ? "bad" : "good"}`}>{last.state === "failed" ? w.runFailed : w.runDone}</Tag>
      <span className="quiet small">
        {f.ago(last.at)} · {w.accepted} {f.number(last.accepted)} · {w.rejected} {f.number(last.rejected)}
      </span>
      {last.error !== null && (
        <p className="small problem">
          {last.error.message} <span className="quiet">{last.error.fix}</span>
        </p>
      )}
    </>
  );
}

function Acts({ row }: { row: SourceRow }) {
  const w = useWords(data);
  const c = useWords(common);
  const cache = useQueryClient();
  const { message, modal } = App.useApp();
  const act = async (work: () => Promise<unknown>) => {
    try {
      await work();
      await cache.invalidateQueries({ queryKey: ["sources"] });
    } catch (error) {
      void message.error(<ProblemText error={error} />);
    }
  };
  const run = () =>
    act(async () => {
      const { job } = await api.post<{ job: string }>("/api/v1/sources/{name}/run", { path: { name: row.source }, body: {} });
      go(`/jobs?job=${job}`);
    });
  const remove = () => act(() => api.delete("/api/v1/sources/{name}", { path: { name: row.source } }));
  const ask = () => modal.confirm({ title: w.sourceRemove(row.source), content: w.sourceRemoveText, okText: c.remove, okButtonProps: { danger: true }, onOk: remove });
  return (
    <span className="nowrap">
      <Button size="small" type="text" icon={<PlayCircleOutlined aria-hidden="true" />} onClick={() => void run()}>
        {w.runNow}
      </Button>
      <Button size="small" type="text" aria-label={c.remove} title={c.remove} icon={<DeleteOutlined aria-hidden="true" />} onClick={ask} />
    </span>
  );
}

interface Timing {
  mode: "asked" | "hourly" | "daily" | "weekly";
  day: Day;
  at: Dayjs;
}

function timingOf(schedule: string | null): Timing {
  const [mode, ...rest] = (schedule ?? "asked").split(" ");
  return { mode: mode as Timing["mode"], day: (mode === "weekly" ? rest[0] : "mon") as Day, at: dayjs(`2000-01-01T${rest.at(-1) ?? "06:00"}`) };
}

function scheduleOf({ mode, day, at }: Timing): string | null {
  const clock = (at ?? dayjs("2000-01-01T06:00")).format("HH:mm");
  return { asked: null, hourly: "hourly", daily: `daily ${clock}`, weekly: `weekly ${day ?? "mon"} ${clock}` }[mode];
}

function TimingItems() {
  const w = useWords(data);
  const mode = Form.useWatch("mode");
  const modes = { asked: w.whenAsked, hourly: w.hourly, daily: w.daily, weekly: w.weekly };
  return (
    <div className="form-row">
      <Form.Item name="mode" label={w.schedule}>
        <Select options={Object.entries(modes).map(([value, label]) => ({ value, label }))} />
      </Form.Item>
      {mode === "weekly" && (
        <Form.Item name="day" label={w.day}>
          <Select options={DAYS.map((value) => ({ value, label: w[value] }))} />
        </Form.Item>
      )}
      {(mode === "daily" || mode === "weekly") && (
        <Form.Item name="at" label={w.clock}>
          <TimePicker format="HH:mm" minuteStep={5} allowClear={false} />
        </Form.Item>
      )}
    </div>
  );
}

/** What a dialog with a form does: send it, show what is wrong with it, and close. */
function useSending(close: () => void) {
  const cache = useQueryClient();
  const [error, setError] = useState<unknown>(null);
  const send = async (work: () => Promise<unknown>) => {
    try {
      await work();
      await cache.invalidateQueries({ queryKey: ["sources"] });
      close();
    } catch (problem) {
      setError(problem);
    }
  };
  const shown = error !== null && <Alert className="form-alert" type="error" title={<ProblemText error={error} />} role="alert" />;
  return { send, shown };
}

function TimeDialog({ source, close }: { source: SourceRow; close: () => void }) {
  const w = useWords(data);
  const c = useWords(common);
  const [form] = Form.useForm<Timing>();
  const { send, shown } = useSending(close);
  const save = () =>
    send(() => api.put("/api/v1/sources/{name}/schedule", { path: { name: source.source }, body: { schedule: scheduleOf(form.getFieldsValue(true) as Timing) } }));
  return (
    <Modal open title={w.scheduleOf(source.source)} onCancel={close} okText={c.save} onOk={() => void save()}>
      <Form<Timing> form={form} layout="vertical" requiredMark={false} initialValues={timingOf(source.schedule)}>
        {shown}
        <TimingItems />
      </Form>
    </Modal>
  );
}

interface Values extends Timing {
  source: string;
  location: string;
  name: string;
  as: string;
  entity: string;
  time?: string;
  key?: string;
}

const KINDS = ["profiles", "events", "records", "lookup"] as const;

function SourceDialog({ close }: { close: () => void }) {
  const w = useWords(data);
  const c = useWords(common);
  const [form] = Form.useForm<Values>();
  const { send, shown } = useSending(close);
  const save = async () => {
    const { source, mode: _mode, day: _day, at: _at, ...body } = await form.validateFields();
    const timing = form.getFieldsValue(true) as Timing;
    await send(() => api.put("/api/v1/sources/{name}", { path: { name: source.trim() }, body: { ...body, schedule: scheduleOf(timing) } }));
  };
  const needed = [{ required: true, whitespace: true, message: w.needed }];
  return (
    <Modal open title={w.sourceAdd} onCancel={close} okText={c.save} onOk={() => void save().catch(() => undefined)} width={600}>
      <Form<Values> form={form} layout="vertical" requiredMark={false} initialValues={{ ...timingOf("daily 06:00"), as: "events" }}>
        {shown}
        <p className="quiet">{w.inboxHint}</p>
        <div className="form-row">
          <Form.Item name="source" label={w.sourceName} rules={needed}>
            <Input maxLength={100} autoComplete="off" />
          </Form.Item>
          <Form.Item name="location" label={w.inboxFiles} rules={needed}>
            <Input maxLength={200} autoComplete="off" placeholder="*.csv" />
          </Form.Item>
        </div>
        <div className="form-row">
          <Form.Item name="name" label={w.datasetName} rules={needed}>
            <Input maxLength={100} autoComplete="off" />
          </Form.Item>
          <Form.Item name="as" label={w.what}>
            <Select options={KINDS.map((value) => ({ value, label: w[value] }))} />
          </Form.Item>
        </div>
        <div className="form-row">
          <Form.Item name="entity" label={w.entity} rules={needed}>
            <Input autoComplete="off" />
          </Form.Item>
          <Form.Item name="time" label={w.time}>
            <Input autoComplete="off" />
          </Form.Item>
          <Form.Item name="key" label={w.key}>
            <Input autoComplete="off" />
          </Form.Item>
        </div>
        <TimingItems />
      </Form>
    </Modal>
  );
}
