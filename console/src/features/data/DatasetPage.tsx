/** One imported table: its fields, its newest rows, how it came, what was left out, and what could be cleaned up. */
import { DownloadOutlined } from "@ant-design/icons";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Pagination, Select, Tabs, Tag } from "antd";
import { useState } from "react";
import { addressOf, api } from "../../api/client";
import type { Cell, DatasetRow, FieldRow } from "../../api/shapes";
import { useApp, useFormat, useWords } from "../../app/context";
import { useQueryValue } from "../../app/router";
import { Page, Panel } from "../../ui/Page";
import { TablePanel } from "../../ui/PlainTable";
import { Empty, ErrorState, Loading, ProblemText } from "../../ui/States";
import { common, types } from "../../words/common";
import { type Reject, RejectTable, RowTable, useReasons } from "./ReportView";
import { data } from "./words";

interface BatchRow {
  data_version: number;
  published_at: string;
  read: number | null;
  accepted: number | null;
  rejected: number | null;
  duplicates: number | null;
  file: string | null;
}

interface Detail extends Omit<DatasetRow, "fields" | "batches"> {
  entity: string | null;
  time: string | null;
  key: string | null;
  fields: FieldRow[];
  joins: Record<string, string>;
  batches: BatchRow[];
}

export default function DatasetPage({ name }: { name: string }) {
  const w = useWords(data);
  const c = useWords(common);
  const f = useFormat();
  const { language } = useApp();
  const [tab, setTab] = useQueryValue("tab", "fields");
  const found = useQuery({
    queryKey: ["dataset", name, language],
    queryFn: ({ signal }) => api.get<Detail>("/api/v1/datasets/{name}", { path: { name }, query: { language }, signal }),
  });
  if (found.isError) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading rows={10} />;
  const dataset = found.data;
  const tabs = [
    { key: "fields", label: w.overview, children: <Fields dataset={dataset} /> },
    { key: "sample", label: w.sample, children: <Sample name={name} /> },
    { key: "history", label: w.history, children: <Batches batches={dataset.batches} /> },
    { key: "rejects", label: `${w.rejected} ${f.number(dataset.rejected)}`, children: <Rejects name={name} /> },
    { key: "cleanup", label: w.cleanup, children: <Cleanup name={name} /> },
  ];
  return (
    <Page title={name} lead={`${w[dataset.kind]} · ${c.rows(dataset.rows)}`} above={{ href: "/data", label: c.data }}>
      <Tabs activeKey={tab} onChange={setTab} items={tabs} destroyOnHidden />
    </Page>
  );
}

function Fields({ dataset }: { dataset: Detail }) {
  const w = useWords(data);
  const c = useWords(common);
  const t = useWords(types);
  const lookup = new Map(Object.entries(dataset.joins).map(([name, field]) => [field, name]));
  return (
    <TablePanel label={w.fields} heads={[c.name, c.type, w.role]}>
      {dataset.fields.map((field) => (
        <tr key={field.name}>
          <th scope="row">{field.name}</th>
          <td>{t[field.type]}</td>
          <td>
            {field.name === dataset.entity && <Tag>{w.roleEntity}</Tag>}
            {field.name === dataset.time && <Tag>{w.roleTime}</Tag>}
            {field.name === dataset.key && <Tag>{w.roleKey}</Tag>}
            {lookup.has(field.name) && <Tag>{w.joined(lookup.get(field.name) ?? "")}</Tag>}
          </td>
        </tr>
      ))}
    </TablePanel>
  );
}

function Sample({ name }: { name: string }) {
  const w = useWords(data);
  const c = useWords(common);
  const sample = useQuery({
    queryKey: ["dataset", name, "sample"],
    queryFn: ({ signal }) => api.get<{ columns: string[]; rows: Cell[][] }>("/api/v1/datasets/{name}/sample", { path: { name }, query: { limit: 20 }, signal }),
  });
  if (sample.isError) return <ErrorState error={sample.error} />;
  if (sample.data === undefined) return <Loading />;
  if (sample.data.rows.length === 0) return <Empty title={c.nothingFound} />;
  const { columns, rows } = sample.data;
  return (
    <Panel flush>
      <RowTable label={w.sample} rows={rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i] ?? null])))} />
    </Panel>
  );
}

function Batches({ batches }: { batches: BatchRow[] }) {
  const w = useWords(data);
  const c = useWords(common);
  const f = useFormat();
  const number = (n: number | null) => (n === null || n === undefined ? "–" : f.number(n));
  return (
    <TablePanel label={w.history} heads={[c.when, w.file, ...[w.read, w.accepted, w.rejected, w.duplicates].map((number) => ({ number }))]}>
      {[...batches].reverse().map((batch) => (
        <tr key={batch.data_version}>
          <td className="nowrap">{f.moment(batch.published_at)}</td>
          <td translate="no">{batch.file ?? "–"}</td>
          <td className="num">{number(batch.read)}</td>
          <td className="num">{number(batch.accepted)}</td>
          <td className="num">{number(batch.rejected)}</td>
          <td className="num">{number(batch.duplicates)}</td>
        </tr>
      ))}
    </TablePanel>
  );
}

const SIZE = 50;

function Rejects({ name }: { name: string }) {
  const w = useWords(data);
  const c = useWords(common);
  const f = useFormat();
  const reasonOf = useReasons();
  const { language } = useApp();
  const [reason, setReason] = useState("");
  const [page, setPage] = useState(1);
  const rejects = useQuery({
    queryKey: ["dataset", name, "rejects", reason, page],
    queryFn: ({ signal }) =>
      api.get<{ rejects: Reject[]; reasons: Record<string, number>; total: number }>("/api/v1/datasets/{name}/rejects", {
        path: { name },
        query: { reason: reason || undefined, limit: SIZE, offset: (page - 1) * SIZE },
        signal,
      }),
  });
  if (rejects.isError) return <ErrorState error={rejects.error} />;
  if (rejects.data === undefined) return <Loading />;
  if (rejects.data.total === 0) return <Empty title={w.none} />;
  const options = Object.entries(rejects.data.reasons).map(([value, n]) => ({ value, label: `${reasonOf(value)} (${f.number(n)})` }));
  return (
    <Panel>
      <div className="toolbar">
        <Select aria-label={w.reason} value={reason} onChange={setReason} popupMatchSelectWidth={false} options={[{ value: "", label: c.all }, ...options]} />
        <Button icon={<DownloadOutlined aria-hidden="true" />} href={addressOf("/api/v1/datasets/{name}/rejects.csv", { name }, { reason, language })} download>
          {w.rejectsFile}
        </Button>
      </div>
      <RejectTable rejects={rejects.data.rejects} />
      {rejects.data.total > SIZE && <Pagination current={page} pageSize={SIZE} total={rejects.data.total} showSizeChanger={false} onChange={setPage} />}
    </Panel>
  );
}

interface Suggestion {
  field: string;
  value: string;
  to: string;
  count: number;
  why: string;
}

interface CleanupAnswer {
  suggestions: Suggestion[];
  rules: Record<string, Record<string, string>>;
}

/** Values that are probably one, to be confirmed, and the rules that were, to be undone. */
function Cleanup({ name }: { name: string }) {
  const w = useWords(data);
  const cache = useQueryClient();
  const { message } = App.useApp();
  const { language } = useApp();
  const found = useQuery({
    queryKey: ["dataset", name, "cleanup", language],
    queryFn: ({ signal }) => api.get<CleanupAnswer>("/api/v1/datasets/{name}/cleanup", { path: { name }, query: { language }, signal }),
  });
  if (found.isError) return <ErrorState error={found.error} />;
  if (found.data === undefined) return <Loading />;
  const act = async (work: () => Promise<unknown>, said: string) => {
    try {
      await work();
      void message.success(said);
      await cache.invalidateQueries({ queryKey: ["dataset", name, "cleanup"] });
    } catch (error) {
      void message.error(<ProblemText error={error} />);
    }
  };
  const path = { name };
  const confirm = ({ field, value, to }: Suggestion) => act(() => api.post("/api/v1/datasets/{name}/cleanup", { path, body: { field, value, to } }), w.ruleKept);
  const undo = (field: string, value: string) => act(() => api.delete("/api/v1/datasets/{name}/cleanup", { path, query: { field, value } }), w.ruleDropped);
  const rules = Object.entries(found.data.rules).flatMap(([field, pairs]) => Object.entries(pairs).map(([value, to]) => ({ field, value, to })));
  return (
    <>
      {found.data.suggestions.length === 0 ? <Empty title={w.cleanupNone} /> : <Suggestions rows={found.data.suggestions} confirm={(row) => void confirm(row)} />}
      <Panel title={w.cleanupRules}>
        {rules.length === 0 && <p className="quiet">{w.cleanupRulesNone}</p>}
        <ul className="lines">
          {rules.map((rule) => (
            <li key={`${rule.field}|${rule.value}`}>
              <span>
                {rule.field}: <Becomes value={rule.value} to={rule.to} />
              </span>
              <span className="spacer" />
              <Button size="small" onClick={() => void undo(rule.field, rule.value)}>
                {w.undoRule}
              </Button>
            </li>
          ))}
        </ul>
      </Panel>
    </>
  );
}

function Becomes({ value, to }: { value: string; to: string }) {
  const w = useWords(data);
  return (
    <>
      <s translate="no">{value}</s> {w.becomes} <b translate="no">{to}</b>
    </>
  );
}

function Suggestions({ rows, confirm }: { rows: Suggestion[]; confirm: (row: Suggestion) => void }) {
  const w = useWords(data);
  const f = useFormat();
  return (
    <Panel flush>
      <table className="plain">
        <tbody>
          {rows.map((row) => (
            <tr key={`${row.field}|${row.value}`}>
              <th scope="row">{row.field}</th>
              <td>
                <Becomes value={row.value} to={row.to} />
                <p className="quiet small">
                  {row.why} · {f.number(row.count)}
                </p>
              </td>
              <td className="num">
                <Button size="small" onClick={() => confirm(row)}>
                  {w.confirmRule}
                </Button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}
