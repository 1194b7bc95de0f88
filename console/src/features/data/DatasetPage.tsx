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
import { Empty, ErrorState, Loading, ProblemText } from "../../ui/States";
import { common, types } from "../../words/common";
import { type Reject, RejectTable, RowTable } from "./ReportView";
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
    <Panel flush>
      <div className="table-scroll" tabIndex={0} role="region" aria-label={w.fields}>
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">{c.name}</th>
              <th scope="col">{c.type}</th>
              <th scope="col">{w.role}</th>
            </tr>
          </thead>
          <tbody>
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
          </tbody>
        </table>
      </div>
    </Panel>
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
    <Panel flush>
      <div className="table-scroll" tabIndex={0} role="region" aria-label={w.history}>
        <table className="plain">
          <thead>
            <tr>
              {[c.when, w.file, w.read, w.accepted, w.rejected, w.duplicates].map((title) => (
                <th key={title} scope="col">
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {[...batches].reverse().map((batch) => (
              <tr key={batch.data_version}>
                <td className="nowrap">{f.moment(batch.published_at)}</td>
                <td>{batch.file ?? "–"}</td>
                <td className="num">{number(batch.read)}</td>
                <td className="num">{number(batch.accepted)}</td>
                <td className="num">{number(batch.rejected)}</td>
                <td className="num">{number(batch.duplicates)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

const SIZE = 50;

function Rejects({ name }: { name: string }) {
  const w = useWords(data);
  const c = useWords(common);
  const f = useFormat();
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
  const options = Object.entries(rejects.data.reasons).map(([value, n]) => ({ value, label: `${value} (${f.number(n)})` }));
  return (
    <Panel>
      <div className="toolbar">
        <Select aria-label={w.reason} value={reason} onChange={setReason} popupMatchSelectWidth={false} options={[{ value: "", label: c.all }, ...options]} />
        <Button icon={<DownloadOutlined aria-hidden="true" />} href={addressOf("/api/v1/datasets/{name}/rejects.csv", { name })} download>
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

function Cleanup({ name }: { name: string }) {
  const w = useWords(data);
  const f = useFormat();
  const cache = useQueryClient();
  const { message } = App.useApp();
  const found = useQuery({
    queryKey: ["dataset", name, "cleanup"],
    queryFn: ({ signal }) => api.get<{ suggestions: Suggestion[] }>("/api/v1/datasets/{name}/cleanup", { path: { name }, signal }),
  });
  if (found.isError) return <ErrorState error={found.error} />;
  if (found.data === undefined) return <Loading />;
  if (found.data.suggestions.length === 0) return <Empty title={w.cleanupNone} />;
  const confirm = async ({ field, value, to }: Suggestion) => {
    try {
      await api.post("/api/v1/datasets/{name}/cleanup", { path: { name }, body: { field, value, to } });
      void message.success(w.ruleKept);
      await cache.invalidateQueries({ queryKey: ["dataset", name, "cleanup"] });
    } catch (error) {
      void message.error(<ProblemText error={error} />);
    }
  };
  return (
    <Panel flush>
      <table className="plain">
        <tbody>
          {found.data.suggestions.map((row) => (
            <tr key={`${row.field}|${row.value}`}>
              <th scope="row">{row.field}</th>
              <td>
                <s>{row.value}</s> {w.becomes} <b>{row.to}</b>
                <p className="quiet small">
                  {row.why} · {f.number(row.count)}
                </p>
              </td>
              <td className="num">
                <Button size="small" onClick={() => void confirm(row)}>
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
