/** A tag by form: from events, by formula, in ranges or as a score; tried on some people before it is saved. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, App, AutoComplete, Button, Drawer, Form, Input, InputNumber, Segmented, Select } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import type { Cell, DatasetRow, FieldRow, TagRow } from "../../api/shapes";
import { useApp, useWords } from "../../app/context";
import { useClear } from "../../ui/ClearableSelect";
import { Share } from "../../ui/Figure";
import { ProblemText } from "../../ui/States";
import { common } from "../../words/common";
import { type Definition, definitionOf, type TagValues, WAYS } from "./definition";
import { Distribution, type Spread } from "./Distribution";
import { tags } from "./words";

interface Trial {
  type: string;
  rows: { entity: string; value: Cell }[];
  coverage: number | null;
  distribution: Spread | null;
}

const MEASURES = ["count", "sum", "avg", "min", "max", "distinct", "first", "last", "mode", "days_since", "days_since_first"] as const;
const WITHOUT_FIELD: readonly string[] = ["count", "days_since", "days_since_first"];
const WINDOWS = ["7d", "30d", "90d", "1y"] as const;

export function TagForm({ close }: { close: () => void }) {
  const w = useWords(tags);
  const c = useWords(common);
  const cache = useQueryClient();
  const { message } = App.useApp();
  const [form] = Form.useForm<TagValues>();
  const [trial, setTrial] = useState<Trial | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const run = async (work: (definition: Definition) => Promise<void>) => {
    const values = await form.validateFields();
    setBusy(true);
    setError(null);
    try {
      await work(definitionOf(values));
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  const attempt = () => run(async (definition) => setTrial(await api.post<Trial>("/api/v1/tags/preview", { body: { definition, size: 8 } })));
  const save = () =>
    run(async (definition) => {
      await api.put("/api/v1/tags/{tag}", { path: { tag: definition.name }, body: { definition } });
      void message.success(w.saved(definition.name));
      await cache.invalidateQueries({ queryKey: ["tags"] });
      close();
    });
  return (
    <Drawer
      open
      onClose={close}
      size={600}
      title={w.makeTitle}
      footer={
        <div className="dialog-actions">
          <Button onClick={() => void attempt().catch(() => undefined)} loading={busy}>
            {w.tryIt}
          </Button>
          <Button type="primary" onClick={() => void save().catch(() => undefined)} loading={busy}>
            {c.save}
          </Button>
        </div>
      }
    >
      <Form<TagValues> form={form} layout="vertical" requiredMark={false} initialValues={{ way: "aggregate", measure: "count", within: "30d", parts: 5, better: "high" }}>
        <p className="quiet">{w.makeLead}</p>
        {error !== null && <Alert className="form-alert" type="error" title={<ProblemText error={error} />} role="alert" />}
        <Fields />
      </Form>
      {trial !== null && <TrialView trial={trial} />}
    </Drawer>
  );
}

function Fields() {
  const w = useWords(tags);
  const way = Form.useWatch("way") ?? "aggregate";
  const wayWords = { aggregate: w.aggregate, formula: w.formula, band: w.band, score: w.score };
  return (
    <>
      <Form.Item name="way" label={w.way}>
        <Segmented block aria-label={w.way} options={WAYS.map((value) => ({ value, label: wayWords[value] }))} />
      </Form.Item>
      <Form.Item name="name" label={w.name} rules={[{ required: true, whitespace: true, message: w.nameNeeded }]}>
        <Input maxLength={100} autoComplete="off" />
      </Form.Item>
      {way === "aggregate" && <AggregateItems />}
      {way === "formula" && (
        <Form.Item name="expression" label={w.expression} extra={w.expressionHelp} rules={[{ required: true, message: w.needed }]}>
          <Input.TextArea className="code" autoSize={{ minRows: 2, maxRows: 6 }} />
        </Form.Item>
      )}
      {way === "band" && (
        <>
          <TagItem />
          <Form.Item name="edges" label={w.edges} rules={[{ required: true, message: w.needed }]}>
            <Input placeholder="100, 500" />
          </Form.Item>
          <Form.Item name="labels" label={w.labels} rules={[{ required: true, message: w.needed }]}>
            <Input />
          </Form.Item>
        </>
      )}
      {way === "score" && <ScoreItems />}
      <div className="form-row">
        <Form.Item name="label_en" label={w.labelEn}>
          <Input maxLength={100} />
        </Form.Item>
        <Form.Item name="label_zh" label={w.labelZh}>
          <Input maxLength={100} />
        </Form.Item>
      </div>
      <Form.Item name="category" label={w.categoryPath}>
        <Input maxLength={200} />
      </Form.Item>
      <Form.Item name="description" label={w.description}>
        <Input.TextArea autoSize={{ minRows: 2, maxRows: 4 }} maxLength={1000} />
      </Form.Item>
    </>
  );
}

function TrialView({ trial }: { trial: Trial }) {
  const w = useWords(tags);
  const c = useWords(common);
  return (
    <section>
      <h2 className="sub">{w.tryResult}</h2>
      <p>
        {c.coverage}: {trial.coverage === null ? "–" : <Share share={trial.coverage} />}
      </p>
      <table className="plain">
        <tbody>
          {trial.rows.map((row) => (
            <tr key={row.entity}>
              <th scope="row">{row.entity}</th>
              <td className="num">{row.value === null ? <span className="quiet">{c.missing}</span> : Array.isArray(row.value) ? row.value.join(", ") : String(row.value)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {trial.distribution !== null && <Distribution spread={trial.distribution} title={w.distribution} />}
    </section>
  );
}

function AggregateItems() {
  const w = useWords(tags);
  const form = Form.useFormInstance<TagValues>();
  const dataset = Form.useWatch("dataset", form);
  const measure = Form.useWatch("measure", form);
  const sets = useQuery({ queryKey: ["datasets", "names"], queryFn: ({ signal }) => api.get<{ datasets: DatasetRow[] }>("/api/v1/datasets", { signal }) });
  const fields = useQuery({
    queryKey: ["dataset", dataset, "names"],
    enabled: dataset !== undefined,
    queryFn: ({ signal }) => api.get<{ fields: FieldRow[] }>("/api/v1/datasets/{name}", { path: { name: dataset ?? "" }, signal }),
  });
  const options = (sets.data?.datasets ?? []).filter((row) => ["events", "records", "edges"].includes(row.kind)).map((row) => ({ value: row.dataset, label: row.dataset }));
  const words: Record<(typeof MEASURES)[number], string> = { ...w, distinct: w.distinctOf };
  const clear = useClear();
  return (
    <>
      <div className="form-row">
        <Form.Item name="dataset" label={w.dataset} rules={[{ required: true, message: w.needed }]}>
          <Select options={options} />
        </Form.Item>
        <Form.Item name="measure" label={w.measure}>
          <Select options={MEASURES.map((value) => ({ value, label: words[value] }))} popupMatchSelectWidth={false} />
        </Form.Item>
      </div>
      <div className="form-row">
        {!WITHOUT_FIELD.includes(measure ?? "count") && (
          <Form.Item name="of" label={w.of} rules={[{ required: true, message: w.needed }]}>
            <AutoComplete options={(fields.data?.fields ?? []).map((field) => ({ value: field.name }))} />
          </Form.Item>
        )}
        <Form.Item name="within" label={w.within}>
          <AutoComplete allowClear={clear} placeholder={w.ever} options={WINDOWS.map((value) => ({ value, label: w[value] }))} />
        </Form.Item>
      </div>
    </>
  );
}

function TagItem() {
  const w = useWords(tags);
  const { language } = useApp();
  const list = useQuery({
    queryKey: ["tags", "names", language],
    queryFn: ({ signal }) => api.get<{ tags: TagRow[] }>("/api/v1/tags", { query: { language, entity_kind: "customer" }, signal }),
  });
  const numbers = (list.data?.tags ?? []).filter((tag) => ["integer", "decimal", "number"].includes(tag.type));
  return (
    <Form.Item name="tag" label={w.ofTag} rules={[{ required: true, message: w.needed }]}>
      <Select showSearch={{ optionFilterProp: "label" }} options={numbers.map((tag) => ({ value: tag.tag, label: tag.label }))} />
    </Form.Item>
  );
}

function ScoreItems() {
  const w = useWords(tags);
  return (
    <>
      <TagItem />
      <div className="form-row">
        <Form.Item name="parts" label={w.partsOf}>
          <InputNumber min={2} max={100} precision={0} />
        </Form.Item>
        <Form.Item name="better" label={w.better}>
          <Select
            options={[
              { value: "high", label: w.high },
              { value: "low", label: w.low },
            ]}
          />
        </Form.Item>
      </div>
    </>
  );
}
