/** What people say of an audience beside its rule, and what to do when somebody else saved first. */
import { useQuery } from "@tanstack/react-query";
import { Alert, App, Button, Form, Modal } from "antd";
import { useState } from "react";
import { ApiError, api } from "../../api/client";
import type { AudienceDetail } from "../../api/shapes";
import { useApp, useWords } from "../../app/context";
import { AudienceFields, type AudienceValues, bodyOf, valuesOf } from "../../ui/AudienceForm";
import { ProblemText } from "../../ui/States";
import { common } from "../../words/common";
import type { JsonObject } from "./rule";
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
  const [form] = Form.useForm<AudienceValues>();
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
      <Form<AudienceValues> form={form} layout="vertical" requiredMark={false} initialValues={valuesOf(known)}>
        {error !== null && <Alert className="form-alert" type="error" title={<ProblemText error={error} />} role="alert" />}
        <AudienceFields named />
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
