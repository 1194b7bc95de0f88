/** What a chosen customer would get, as the text stands now, and test messages. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { App, Button, Input, Modal, Select } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import { useApp, useWords } from "../../app/context";
import { Field } from "../../ui/Field";
import { MessagePreview } from "../../ui/MessagePreview";
import { Panel } from "../../ui/Page";
import { ProblemText } from "../../ui/States";
import { useRested } from "../../ui/useRested";
import { channelOf, partsOf } from "../../ui/message";
import { sent } from "./draft";
import { audienceOf, type Definition, type Preview } from "./shapes";
import { wizard } from "./words";

interface Props {
  definition: Definition;
  saved: string | null;
  arms: string[];
}

/** The first member of the audience, to begin with. */
function useSomebody(audience: string) {
  return useQuery({
    queryKey: ["audience", audience, "somebody"],
    enabled: audience !== "",
    retry: false,
    queryFn: async ({ signal }) => (await api.get<{ members: string[] }>("/api/v1/audiences/{name}/members", { path: { name: audience }, query: { limit: 1 }, signal })).members[0] ?? "",
  });
}

export function PreviewPanel({ definition, saved, arms }: Props) {
  const w = useWords(wizard);
  const { allowed, language } = useApp();
  const first = useSomebody(audienceOf(definition));
  const [typed, setTyped] = useState<string | null>(null);
  const [arm, setArm] = useState("");
  const [testing, setTesting] = useState(false);
  const entity = useRested((typed ?? first.data ?? "").trim());
  const body = useRested(JSON.stringify({ ...sent(definition), name: definition.name?.trim() || "preview" }));
  const asked = JSON.parse(body) as Definition; // what is asked for lags behind what is typed
  const ready = entity !== "" && (partsOf(asked.content ?? {}).length > 0 || Boolean(asked.content?.template)) && channelOf(asked).name !== "";
  const found = useQuery({
    queryKey: ["campaign-preview", entity, arm, body, language],
    enabled: ready,
    retry: false,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      api.post<Preview>("/api/v1/campaigns/{name}/preview", { path: { name: saved ?? "preview" }, query: { language }, body: { entity, arm: arm || undefined, definition: asked }, signal }),
  });
  const test = (allowed === null || allowed.has("send")) && (
    <Button size="small" disabled={saved === null} title={saved === null ? w.testSave : undefined} onClick={() => setTesting(true)}>
      {w.test}
    </Button>
  );
  return (
    <Panel title={w.previewTitle} extra={test}>
      <Field label={w.previewWho}>{(control) => <Input {...control} value={typed ?? first.data ?? ""} onChange={(event) => setTyped(event.target.value)} />}</Field>
      {arms.length > 1 && <Field label={w.previewArm}>{(control) => <Select {...control} value={arm || arms[0]} options={arms.map((value) => ({ value, label: value }))} onChange={setArm} />}</Field>}
      <div aria-live="polite" data-preview={found.data?.entity ?? ""}>
        {found.isError && (
          <p className="field-error" role="alert">
            <ProblemText error={found.error} />
          </p>
        )}
        {found.data === undefined && !found.isError && <p className="quiet">{w.previewNone}</p>}
        {found.data !== undefined && !found.isError && <Shown found={found.data} channel={channelOf(definition).name} />}
      </div>
      {testing && saved !== null && <TestDialog name={saved} entity={entity} arm={arm} close={() => setTesting(false)} />}
    </Panel>
  );
}

function Shown({ found, channel }: { found: Preview; channel: string }) {
  const w = useWords(wizard);
  return (
    <>
      <MessagePreview channel={channel} parts={found.parts} />
      {(found.chosen ?? []).map((one) => (
        <p key={one.block} className="finding">
          <b>{w.previewChosen(one.block)}</b> {one.words}
        </p>
      ))}
      {found.missing.length > 0 && <p className="warn">{w.previewMissing(found.missing.join(", "))}</p>}
      {(found.notes ?? []).map((note) => (
        <p key={note} className="warn">
          {note}
        </p>
      ))}
    </>
  );
}

function TestDialog({ name, entity, arm, close }: { name: string; entity: string; arm: string; close: () => void }) {
  const w = useWords(wizard);
  const { message } = App.useApp();
  const remembered = useQuery({
    queryKey: ["campaign-test-addresses"],
    queryFn: async ({ signal }) => (await api.get<{ addresses: string[] }>("/api/v1/campaigns/test-addresses", { signal })).addresses,
  });
  const [to, setTo] = useState<string[] | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const chosen = to ?? remembered.data ?? [];
  const send = async () => {
    setBusy(true);
    setError(null);
    try {
      const made = await api.post<{ sent: unknown[] }>("/api/v1/campaigns/{name}/test", { path: { name }, body: { to: chosen, entity, arm: arm || undefined } });
      void message.success(w.testSent(made.sent.length));
      close();
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal open title={w.testTitle} okText={w.test} onCancel={close} confirmLoading={busy} okButtonProps={{ disabled: chosen.length === 0 || entity === "" }} onOk={() => void send()}>
      <Field label={w.testTo} hint={w.testHint}>
        {(control) => <Select {...control} mode="tags" open={(remembered.data ?? []).length === 0 ? false : undefined} tokenSeparators={[",", " ", ";"]} value={chosen} options={(remembered.data ?? []).map((value) => ({ value, label: value }))} onChange={setTo} />}
      </Field>
      {error !== null && (
        <p className="field-error" role="alert">
          <ProblemText error={error} />
        </p>
      )}
    </Modal>
  );
}
