/** What people say of an audience beside its rule, and what to do when somebody else saved first. */
import { useQuery } from "@tanstack/react-query";
import { Alert, App, Button, DatePicker, Form, Input, Modal, Select, Switch, TimePicker } from "antd";
import dayjs, { type Dayjs } from "dayjs";
import { useState } from "react";
import { ApiError, api } from "../../api/client";
import type { AudienceDetail } from "../../api/shapes";
import { useApp, useWords } from "../../app/context";
import { ProblemText } from "../../ui/States";
import { common } from "../../words/common";
import type { JsonObject } from "./rule";
import type { Language } from "../../words/pairs";
import { builder } from "./words";

interface Props {
  open: boolean;
  close: () => void;
  rule: JsonObject;
  entityKind: string;
  /** The audience that is edited, as it was read. */
  known: AudienceDetail | null;
  saved: (name: string) => void;
  /** Go on with the version that somebody else saved. */
  take: (theirs: JsonObject, version: number) => void;
}

interface Values {
  name: string;
  description: string;
  purpose: string;
  valid_until: Dayjs | null;
  refresh: "once" | "daily" | "trigger";
  refresh_at: Dayjs;
  folder: string;
  shared: boolean;
}

interface Conflict {
  version: number;
  rule: JsonObject;
  sentence: string;
}

export function SaveDialog({ open, close, rule, entityKind, known, saved, take }: Props) {
  const w = useWords(builder);
  const c = useWords(common);
  const { language } = useApp();
  const { message } = App.useApp();
  const [form] = Form.useForm<Values>();
  const [error, setError] = useState<unknown>(null);
  const [conflict, setConflict] = useState<Conflict | null>(null);
  const [busy, setBusy] = useState(false);

  const send = async (base: number | null) => {
    const values = await form.validateFields();
    setBusy(true);
    setError(null);
    try {
      const body = { ...bodyOf(values), rule, entity_kind: entityKind, language, base_version: base };
      const path = { name: values.name.trim() };
      await api.put("/api/v1/audiences/{name}", { path, body });
      void message.success(w.saved(path.name));
      saved(path.name);
    } catch (problem) {
      if (problem instanceof ApiError && problem.status === 409) setConflict(conflictOf(problem));
      else setError(problem);
    } finally {
      setBusy(false);
    }
  };
  const baseOf = () => (known !== null && form.getFieldValue("name") === known.audience ? known.version : 0);
  return (
    <Modal
      open={open}
      title={w.saveTitle}
      onCancel={close}
      width={560}
      onOk={() => void send(baseOf()).catch(() => undefined)}
      okText={known === null ? w.save : w.saveChanges}
      confirmLoading={busy}
      forceRender
    >
      <Form<Values> form={form} layout="vertical" requiredMark={false} initialValues={initial(known)}>
        {error !== null && <Alert className="form-alert" type="error" title={<ProblemText error={error} />} role="alert" />}
        <Fields />
      </Form>
      {conflict !== null && (
        <ConflictDialog
          conflict={conflict}
          mine={rule}
          busy={busy}
          closeLabel={c.cancel}
          decide={(decision) => {
            setConflict(null);
            if (decision === "overwrite") void send(conflict.version).catch(() => undefined);
            if (decision === "rename") form.setFieldValue("name", `${form.getFieldValue("name")} 2`);
            if (decision === "take") take(conflict.rule, conflict.version);
          }}
        />
      )}
    </Modal>
  );
}

function Fields() {
  const w = useWords(builder);
  const refresh = Form.useWatch("refresh");
  return (
    <>
      <Form.Item name="name" label={w.nameLabel} rules={[{ required: true, whitespace: true, message: w.nameNeeded }]}>
        <Input maxLength={200} autoComplete="off" />
      </Form.Item>
      <Form.Item name="description" label={w.descriptionLabel}>
        <Input.TextArea autoSize={{ minRows: 2, maxRows: 5 }} maxLength={2000} />
      </Form.Item>
      <PurposeItem />
      <div className="form-row">
        <Form.Item name="refresh" label={w.refreshMode}>
          <Select
            options={[
              { value: "once", label: w.once },
              { value: "daily", label: w.daily },
              { value: "trigger", label: w.trigger },
            ]}
          />
        </Form.Item>
        {refresh === "daily" && (
          <Form.Item name="refresh_at" label={w.at}>
            <TimePicker format="HH:mm" minuteStep={5} allowClear={false} />
          </Form.Item>
        )}
        <Form.Item name="valid_until" label={w.validUntil}>
          <DatePicker placeholder={w.forEver} />
        </Form.Item>
      </div>
      <div className="form-row">
        <Form.Item name="folder" label={w.folder}>
          <Input maxLength={200} autoComplete="off" />
        </Form.Item>
        <Form.Item name="shared" label={w.shared} valuePropName="checked">
          <Switch />
        </Form.Item>
      </div>
    </>
  );
}

interface Purpose {
  key: string;
  label: Record<Language, string>;
  channels: string[];
}

function PurposeItem() {
  const w = useWords(builder);
  const { language } = useApp();
  const purposes = useQuery({
    queryKey: ["purposes", language],
    staleTime: 600_000,
    queryFn: ({ signal }) => api.get<{ purposes: Purpose[] }>("/api/v1/purposes", { query: { language }, signal }),
  });
  const options = (purposes.data?.purposes ?? []).map((row) => ({ value: row.key, label: row.label[language] }));
  return (
    <Form.Item name="purpose" label={w.purpose} extra={w.purposeHelp}>
      <Select options={options} loading={purposes.isPending} />
    </Form.Item>
  );
}

function initial(known: AudienceDetail | null): Partial<Values> {
  if (known === null) return { name: "", description: "", purpose: "marketing", refresh: "once", refresh_at: dayjs("06:00", "HH:mm"), folder: "", shared: true };
  const [mode, at] = known.refresh.split(" ");
  return {
    name: known.audience,
    description: known.description,
    purpose: known.purpose,
    valid_until: known.valid_until === null ? null : dayjs(known.valid_until),
    refresh: (mode ?? "once") as Values["refresh"],
    refresh_at: dayjs(`2000-01-01T${at ?? "06:00"}`),
    folder: known.folder,
    shared: known.shared,
  };
}

function bodyOf(values: Values) {
  const { name: _name, refresh_at, valid_until, ...rest } = values;
  return {
    ...rest,
    valid_until: valid_until == null ? null : valid_until.format("YYYY-MM-DD"),
    refresh: values.refresh === "daily" ? `daily ${(refresh_at ?? dayjs("2000-01-01T06:00")).format("HH:mm")}` : values.refresh,
  };
}

function conflictOf(problem: ApiError): Conflict {
  const theirs = (problem.body.theirs ?? {}) as Partial<Conflict>;
  return { version: theirs.version ?? 0, rule: theirs.rule ?? { all: [] }, sentence: theirs.sentence ?? "" };
}

interface ConflictProps {
  conflict: Conflict;
  mine: JsonObject;
  busy: boolean;
  decide: (decision: "close" | "overwrite" | "rename" | "take") => void;
  closeLabel: string;
}

function ConflictDialog({ conflict, mine, busy, decide, closeLabel }: ConflictProps) {
  const w = useWords(builder);
  return (
    <Modal open title={w.conflictTitle} onCancel={() => decide("close")} width={720} footer={null}>
      <p>{w.conflictText}</p>
      <div className="versus">
        <section>
          <h2>{w.conflictTheirs}</h2>
          <Sentence rule={conflict.rule} />
        </section>
        <section>
          <h2>{w.conflictMine}</h2>
          <Sentence rule={mine} />
        </section>
      </div>
      <div className="dialog-actions">
        <Button onClick={() => decide("close")}>{closeLabel}</Button>
        <Button onClick={() => decide("take")}>{w.conflictTake}</Button>
        <Button onClick={() => decide("rename")}>{w.conflictCopy}</Button>
        <Button type="primary" loading={busy} onClick={() => decide("overwrite")}>
          {w.conflictOverwrite}
        </Button>
      </div>
    </Modal>
  );
}

/** A rule in words, with its size: what the server says of it. */
function Sentence({ rule }: { rule: JsonObject }) {
  const { language } = useApp();
  const count = useQuery({
    queryKey: ["sentence", rule, language],
    retry: false,
    queryFn: ({ signal }) => api.post<{ sentence: string; count: number }>("/api/v1/audiences/count", { body: { rule, language }, signal }),
  });
  if (count.isError) return <ProblemText error={count.error} />;
  return (
    <p className="sentence">
      {count.data?.sentence ?? "…"} {count.data !== undefined && <b>({count.data.count})</b>}
    </p>
  );
}
