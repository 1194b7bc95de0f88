/** What one does to a segment in a dialog: give it another name, say that something is wrong, make an audience of it. */
import { useQueryClient } from "@tanstack/react-query";
import { Alert, App, Button, Form, Input, Modal, Radio, Select } from "antd";
import { type ReactNode, useState } from "react";
import { api } from "../../api/client";
import { useApp, useWords } from "../../app/context";
import { address, Link } from "../../app/router";
import { ProblemText } from "../../ui/States";
import { type Mark, real, type Segmentation, type SegmentRow } from "./shapes";
import { segments } from "./words";

interface Props {
  name: string;
  row: SegmentRow;
  close: () => void;
}

/** A form in a dialog that stays open, with the server's words, where it is refused. */
function AskDialog<T extends object>({ title, ok, initial, send, close, children }: { title: string; ok: string; initial: Partial<T>; send: (given: T) => Promise<void>; close: () => void; children: ReactNode }) {
  const [form] = Form.useForm<T>();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const submit = async () => {
    const given = await form.validateFields();
    setBusy(true);
    setError(null);
    try {
      await send(given);
      close();
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal open title={title} okText={ok} onCancel={close} confirmLoading={busy} onOk={() => void submit().catch(() => undefined)}>
      <Form<T> form={form} layout="vertical" requiredMark={false} initialValues={initial}>
        {error !== null && <Alert className="form-alert" type="error" title={<ProblemText error={error} />} role="alert" />}
        {children}
      </Form>
    </Modal>
  );
}

/** Read a segmentation again after it was changed. */
export function useReadAgain(name: string): () => Promise<void> {
  const cache = useQueryClient();
  return async () => {
    await cache.invalidateQueries({ queryKey: ["segment", name] });
  };
}

export function RenameDialog({ name, row, close }: Props) {
  const w = useWords(segments);
  const { message } = App.useApp();
  const again = useReadAgain(name);
  const send = async (given: { name_en: string; name_zh: string }) => {
    const made = await api.post<Mark>("/api/v1/segments/{name}/marks", { path: { name }, body: { segment: row.segment, what: "name", ...given } });
    await again();
    const key = made.id;
    const undo = async () => {
      message.destroy(key);
      await api.delete("/api/v1/segments/{name}/marks/{mark}", { path: { name, mark: made.id } });
      await again();
    };
    void message.success({
      key,
      duration: 6,
      content: (
        <>
          {w.renamed}{" "}
          <Button size="small" type="link" onClick={() => void undo()}>
            {w.undo}
          </Button>
        </>
      ),
    });
  };
  return (
    <AskDialog title={w.rename} ok={w.rename} initial={{ name_en: row.names?.en ?? row.name, name_zh: row.names?.zh ?? row.name }} send={send} close={close}>
      <Form.Item name="name_en" label={w.nameEn} rules={[{ required: true, whitespace: true, message: w.nameEn }]}>
        <Input maxLength={200} autoComplete="off" />
      </Form.Item>
      <Form.Item name="name_zh" label={w.nameZh} rules={[{ required: true, whitespace: true, message: w.nameZh }]}>
        <Input maxLength={200} autoComplete="off" />
      </Form.Item>
    </AskDialog>
  );
}

interface Wrong {
  segment: number;
  what: Mark["what"];
  note: string;
  entity?: string;
}

interface WrongProps {
  segmentation: Segmentation;
  close: () => void;
  /** The segment that it is about, where that is known. */
  row?: SegmentRow;
  about?: Mark["what"];
}

export function WrongDialog({ segmentation, close, row, about = "segment" }: WrongProps) {
  const name = segmentation.segmentation;
  const rows = real(segmentation);
  const w = useWords(segments);
  const { message } = App.useApp();
  const again = useReadAgain(name);
  const [what, setWhat] = useState<Mark["what"]>(about);
  const send = async (given: Wrong) => {
    await api.post("/api/v1/segments/{name}/marks", { path: { name }, body: { version: segmentation.version, ...given } });
    await again();
    void message.success(w.kept);
  };
  const kinds: [Mark["what"], string][] = [
    ["segment", w.wrongSegment],
    ["name", w.wrongName],
    ["reason", w.wrongReason],
    ["customer", w.wrongCustomer],
  ];
  return (
    <AskDialog<Wrong> title={row === undefined ? w.wrong : w.wrongTitle(row.name)} ok={w.send} initial={{ segment: row?.segment ?? rows[0]?.segment, what: about, note: "" }} send={send} close={close}>
      <Form.Item name="segment" label={w.segment} hidden={row !== undefined}>
        <Select options={rows.map((one) => ({ value: one.segment, label: one.name }))} />
      </Form.Item>
      <Form.Item name="what" label={w.what}>
        <Select onChange={setWhat} options={kinds.map(([value, label]) => ({ value, label }))} />
      </Form.Item>
      {what === "customer" && (
        <Form.Item name="entity" label={w.customerKey} rules={[{ required: true, whitespace: true, message: w.customerKey }]}>
          <Input maxLength={200} autoComplete="off" />
        </Form.Item>
      )}
      <Form.Item name="note" label={w.note} rules={[{ required: true, whitespace: true, message: w.noteNeeded }]}>
        <Input.TextArea rows={4} maxLength={2000} />
      </Form.Item>
    </AskDialog>
  );
}

interface Named {
  name: string;
  by: "tag" | "rule";
}

export function AudienceDialog({ name, row, close }: Props) {
  const w = useWords(segments);
  const { language } = useApp();
  const { message } = App.useApp();
  const send = async (given: Named) => {
    await api.post("/api/v1/segments/{name}/audience", { path: { name }, query: { language }, body: { segment: row.segment, ...given } });
    void message.success(
      <>
        {w.audienceSaved(given.name)} <Link href={address("audiences", given.name)}>{w.open}</Link>
      </>,
    );
  };
  return (
    <AskDialog<Named> title={w.toAudience} ok={w.toAudience} initial={{ name: `${name} ${row.segment}`, by: "tag" }} send={send} close={close}>
      <Form.Item name="name" label={w.audienceName} rules={[{ required: true, whitespace: true, message: w.audienceName }]}>
        <Input maxLength={100} autoComplete="off" />
      </Form.Item>
      <Form.Item name="by" label={w.rule}>
        <Radio.Group className="radio-lines">
          <Radio value="tag">{w.byTag}</Radio>
          <Radio value="rule" disabled={row.rule === null}>
            {w.byRule}
          </Radio>
        </Radio.Group>
      </Form.Item>
    </AskDialog>
  );
}
