/** How people sort customers, against what the data says; and the large ones whom people overlooked. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, Button, Form, Radio, Select } from "antd";
import { ClearableSelect } from "../../ui/ClearableSelect";
import { useState } from "react";
import { api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { address, Link } from "../../app/router";
import { Figure } from "../../ui/Figure";
import { Panel } from "../../ui/Page";
import { PlainTable } from "../../ui/PlainTable";
import { ErrorState, Loading, ProblemText } from "../../ui/States";
import { nameOf, type Segmentation } from "./shapes";
import { type Sent, UploadBox } from "./UploadBox";
import { NUMERIC, useTags } from "../../ui/useTags";
import { segments } from "./words";

interface Agreement {
  matched: number;
  unmatched: number;
  ari: number | null;
  kappa: number | null;
  table: Record<string, Record<string, number>>;
  pairs: Record<string, string>;
  amount: string | null;
  top_label: string | null;
  overlooked: { entity: string; segment: number; label: string; amount: number }[];
  overlooked_total: number;
}

export function LabelsTab({ segmentation }: { segmentation: Segmentation }) {
  const { allowed } = useApp();
  const name = segmentation.segmentation;
  const found = useQuery({
    queryKey: ["segment", name, "labels"],
    queryFn: ({ signal }) => api.get<{ labels: Agreement | null }>("/api/v1/segments/{name}/labels", { path: { name }, signal }),
  });
  if (found.isError) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading rows={8} />;
  return (
    <div className="stack">
      {(allowed === null || allowed.has("define")) && <CompareForm name={name} />}
      {found.data.labels !== null && <AgreementView segmentation={segmentation} labels={found.data.labels} />}
    </div>
  );
}

interface Asked {
  source: "tag" | "file";
  tag?: string;
  entity?: string;
  label?: string;
  amount?: string;
}

function CompareForm({ name }: { name: string }) {
  const w = useWords(segments);
  const cache = useQueryClient();
  const tags = useTags();
  const [form] = Form.useForm<Asked>();
  const [source, setSource] = useState<Asked["source"]>("tag");
  const [sent, setSent] = useState<Sent | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const compare = async ({ source: from, ...given }: Asked) => {
    setBusy(true);
    setError(null);
    try {
      const body = from === "tag" ? { tag: given.tag, amount: given.amount } : { upload: sent?.upload, entity: given.entity, label: given.label, amount: given.amount };
      await api.post("/api/v1/segments/{name}/labels", { path: { name }, body });
      await cache.invalidateQueries({ queryKey: ["segment", name] });
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  const columns = (sent?.columns ?? []).map((column) => ({ value: column.name, label: column.name }));
  const option = (tag: { tag: string; label: string }) => ({ value: tag.tag, label: tag.label });
  return (
    <Panel title={w.labels}>
      <p className="finding">{w.labelsHelp}</p>
      <Form<Asked> form={form} layout="vertical" requiredMark={false} initialValues={{ source: "tag" }} onFinish={(given) => void compare(given)}>
        {error !== null && <Alert className="form-alert" type="error" role="alert" title={<ProblemText error={error} />} />}
        <Form.Item name="source" label={w.labelsFrom}>
          <Radio.Group onChange={(event) => setSource(event.target.value as Asked["source"])}>
            <Radio value="tag">{w.labelsTag}</Radio>
            <Radio value="file">{w.labelsFile}</Radio>
          </Radio.Group>
        </Form.Item>
        {source === "file" && sent === null && <UploadBox done={setSent} />}
        <div className="form-row">
          {source === "tag" && (
            <Form.Item name="tag" label={w.labelsTag} rules={[{ required: true, message: w.labelsTag }]}>
              <Select showSearch={{ optionFilterProp: "label" }} options={tags.filter((tag) => !["vector", "moment", "date"].includes(tag.type)).map(option)} />
            </Form.Item>
          )}
          {source === "file" && sent !== null && (
            <>
              <Form.Item name="entity" label={w.keyColumn} initialValue={sent.guess.entity ?? undefined} rules={[{ required: true, message: w.keyColumn }]}>
                <Select options={columns} />
              </Form.Item>
              <Form.Item name="label" label={w.labelColumn} rules={[{ required: true, message: w.labelColumn }]}>
                <Select options={columns} />
              </Form.Item>
            </>
          )}
          <Form.Item name="amount" label={w.amountTag}>
            <ClearableSelect placeholder={w.amountAuto} showSearch={{ optionFilterProp: "label" }} options={tags.filter((tag) => NUMERIC.includes(tag.type)).map(option)} />
          </Form.Item>
        </div>
        <Button type="primary" htmlType="submit" loading={busy} disabled={source === "file" && sent === null}>
          {w.compare}
        </Button>
      </Form>
    </Panel>
  );
}

function AgreementView({ segmentation, labels }: { segmentation: Segmentation; labels: Agreement }) {
  const w = useWords(segments);
  const f = useFormat();
  const told = (value: number | null) => (value === null ? w.cannotTell : f.number(Math.abs(value) < 0.005 ? 0 : value, 2));
  return (
    <>
      <div className="figures">
        <Figure label={w.matched} value={f.number(labels.matched)} />
        <Figure label={w.unmatched} value={f.number(labels.unmatched)} />
        <Figure label={w.kappa} value={told(labels.kappa)} />
        <Figure label={w.rand} value={told(labels.ari)} />
      </div>
      <Crosstab segmentation={segmentation} labels={labels} />
      <Panel title={w.overlooked} flush>
        {labels.overlooked_total === 0 ? (
          <p className="quiet panel-inner">{labels.amount === null ? w.overlookedUnknown : w.overlookedNone}</p>
        ) : (
          <>
            <p className="quiet small panel-inner">{w.overlookedOf(f.number(labels.overlooked.length), f.number(labels.overlooked_total))}</p>
            <Overlooked segmentation={segmentation} labels={labels} />
          </>
        )}
      </Panel>
    </>
  );
}

function Crosstab({ segmentation, labels }: { segmentation: Segmentation; labels: Agreement }) {
  const w = useWords(segments);
  const f = useFormat();
  const ids = [...new Set(Object.values(labels.table).flatMap((row) => Object.keys(row)))].sort((a, b) => Number(a) - Number(b));
  const most = Math.max(1, ...Object.values(labels.table).flatMap((row) => Object.values(row)));
  return (
    <Panel title={w.crosstab} flush>
      <PlainTable label={w.crosstab} className="heat" heads={[w.label, ...ids.map((id) => ({ number: <span translate="no">{id === "0" ? w.noSegment : nameOf(segmentation, Number(id))}</span> }))]}>
        {Object.entries(labels.table).map(([label, row]) => (
          <tr key={label}>
            <th scope="row" translate="no">
              {label}
            </th>
            {ids.map((id) => {
              const count = row[id] ?? 0;
              return (
                <td key={id} className="num" style={{ background: `color-mix(in srgb, var(--accent) ${Math.round((42 * count) / most)}%, var(--card))` }}>
                  {labels.pairs[id] === label ? <b>{f.number(count)}</b> : f.number(count)}
                </td>
              );
            })}
          </tr>
        ))}
      </PlainTable>
    </Panel>
  );
}

function Overlooked({ segmentation, labels }: { segmentation: Segmentation; labels: Agreement }) {
  const w = useWords(segments);
  const f = useFormat();
  return (
    <PlainTable label={w.overlooked} heads={[w.customerKey, w.label, w.segment, { number: w.amount }]}>
      {labels.overlooked.map((row) => (
        <tr key={row.entity}>
          <th scope="row" translate="no">
            <Link href={address("customers", row.entity)}>{row.entity}</Link>
          </th>
          <td translate="no">{row.label}</td>
          <td translate="no">{nameOf(segmentation, row.segment)}</td>
          <td className="num">{f.number(row.amount)}</td>
        </tr>
      ))}
    </PlainTable>
  );
}
