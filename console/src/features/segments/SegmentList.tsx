/** Fitted segmentations, and a form that starts a new one. */
import { ClusterOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Alert, App, Button, Form, Input, Modal, Select } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import type { AudienceRow, TagRow } from "../../api/shapes";
import { useApp, useFormat, useWords } from "../../app/context";
import { address, go, Link } from "../../app/router";
import { Page, Panel } from "../../ui/Page";
import { Empty, ErrorState, Loading, ProblemText } from "../../ui/States";
import { common } from "../../words/common";
import { SizeBar } from "./SizeBar";
import { segments } from "./words";

export interface SegmentationRow {
  segmentation: string;
  version: number;
  k: number;
  sizes: Record<string, number>;
  structure: string;
  as_of: string;
}

export default function SegmentList() {
  const w = useWords(segments);
  const c = useWords(common);
  const f = useFormat();
  const { allowed } = useApp();
  const words: Record<string, unknown> = w;
  const [fitting, setFitting] = useState(false);
  const found = useQuery({
    queryKey: ["segments"],
    queryFn: ({ signal }) => api.get<{ segmentations: SegmentationRow[] }>("/api/v1/segments", { signal }),
  });
  const fit = allowed === null || allowed.has("define") ? (
    <Button type="primary" icon={<ClusterOutlined aria-hidden="true" />} onClick={() => setFitting(true)}>
      {w.fit}
    </Button>
  ) : undefined;
  return (
    <Page title={c.segments} lead={w.lead} actions={fit}>
      {found.isError && <ErrorState error={found.error} retry={() => void found.refetch()} />}
      {found.isPending && <Loading />}
      {found.data?.segmentations.length === 0 && (
        <Panel>
          <Empty title={w.emptyTitle} hint={w.emptyHint} action={fit} />
        </Panel>
      )}
      <div className="cards">
        {found.data?.segmentations.map((row) => (
          <Panel key={row.segmentation} title={<Link href={address("segments", row.segmentation)}>{row.segmentation}</Link>} extra={<span className="quiet small">{w.version(row.version)}</span>}>
            <SizeBar sizes={row.sizes} />
            <dl className="facts">
              <div>
                <dt>{w.k}</dt>
                <dd>{f.number(row.k)}</dd>
              </div>
              <div>
                <dt>{w.structure}</dt>
                <dd>{String(words[row.structure] ?? row.structure)}</dd>
              </div>
              <div>
                <dt>{w.asOf}</dt>
                <dd>{f.day(row.as_of)}</dd>
              </div>
            </dl>
          </Panel>
        ))}
      </div>
      {fitting && <FitDialog close={() => setFitting(false)} />}
    </Page>
  );
}

const NUMERIC: readonly string[] = ["integer", "decimal", "number", "boolean"];

function FitDialog({ close }: { close: () => void }) {
  const w = useWords(segments);
  const { language } = useApp();
  const { message } = App.useApp();
  const [form] = Form.useForm<{ name: string; tags: string[]; audience: string; k: string }>();
  const [error, setError] = useState<unknown>(null);
  const tags = useQuery({
    queryKey: ["tags", "names", language],
    queryFn: ({ signal }) => api.get<{ tags: TagRow[] }>("/api/v1/tags", { query: { language, entity_kind: "customer" }, signal }),
  });
  const audiences = useQuery({
    queryKey: ["audiences", "names", language],
    queryFn: ({ signal }) => api.get<{ audiences: AudienceRow[] }>("/api/v1/audiences", { query: { language, limit: 1000 }, signal }),
  });
  const start = async () => {
    const { name, tags: chosen, audience, k } = await form.validateFields();
    setError(null);
    try {
      await api.post("/api/v1/segments", { body: { name, tags: chosen, audience: audience || null, k: k === "auto" ? "auto" : Number(k) } });
      void message.success(w.started);
      close();
      go("/jobs");
    } catch (problem) {
      setError(problem);
    }
  };
  const numbers = ["auto", "2", "3", "4", "5", "6", "7", "8", "9", "10"];
  return (
    <Modal open title={w.fitTitle} onCancel={close} okText={w.fit} onOk={() => void start().catch(() => undefined)}>
      <Form form={form} layout="vertical" requiredMark={false} initialValues={{ k: "auto", audience: "" }}>
        {error !== null && <Alert className="form-alert" type="error" title={<ProblemText error={error} />} role="alert" />}
        <Form.Item name="name" label={w.name} rules={[{ required: true, pattern: /^[\p{L}\p{N}_-]+$/u, message: w.nameNeeded }]}>
          <Input maxLength={100} autoComplete="off" />
        </Form.Item>
        <Form.Item name="tags" label={w.byTags} rules={[{ required: true, type: "array", min: 2, message: w.tagsNeeded }]}>
          <Select
            mode="multiple"
            showSearch={{ optionFilterProp: "label" }}
            options={(tags.data?.tags ?? []).filter((tag) => NUMERIC.includes(tag.type)).map((tag) => ({ value: tag.tag, label: tag.label }))}
          />
        </Form.Item>
        <div className="form-row">
          <Form.Item name="audience" label={w.among}>
            <Select options={[{ value: "", label: w.everyone }, ...(audiences.data?.audiences ?? []).map((row) => ({ value: row.audience, label: row.audience }))]} />
          </Form.Item>
          <Form.Item name="k" label={w.howMany}>
            <Select options={numbers.map((value) => ({ value, label: value === "auto" ? w.auto : value }))} />
          </Form.Item>
        </div>
      </Form>
    </Modal>
  );
}
