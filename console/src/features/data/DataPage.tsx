/** The imported tables, and the imports that come again. */
import { UploadOutlined } from "@ant-design/icons";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Button, type TableProps, Tabs } from "antd";
import { api } from "../../api/client";
import type { DatasetRow } from "../../api/shapes";
import { useFormat, useWords } from "../../app/context";
import { address, go, Link, useQueryValue } from "../../app/router";
import { Page } from "../../ui/Page";
import { QueryTable, SearchBox, useAsking } from "../../ui/ServerTable";
import { Empty } from "../../ui/States";
import { common } from "../../words/common";
import { Sources } from "./Sources";
import { data } from "./words";

type Listed = { datasets: DatasetRow[]; total?: number };

export default function DataPage() {
  const w = useWords(data);
  const c = useWords(common);
  const [tab, setTab] = useQueryValue("tab", "datasets");
  const tabs = [
    { key: "datasets", label: w.datasets, children: <Datasets /> },
    { key: "sources", label: w.sources, children: <Sources /> },
  ];
  return (
    <Page title={c.data} lead={w.lead} actions={<Bring />}>
      <Tabs activeKey={tab} onChange={setTab} items={tabs} destroyOnHidden />
    </Page>
  );
}

function Bring() {
  const c = useWords(common);
  return (
    <Button type="primary" icon={<UploadOutlined aria-hidden="true" />} onClick={() => go("/data/import")}>
      {c.importData}
    </Button>
  );
}

function Datasets() {
  const w = useWords(data);
  const c = useWords(common);
  const f = useFormat();
  const asking = useAsking("dataset");
  const list = useQuery({
    queryKey: ["datasets", asking.query],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => api.get<Listed>("/api/v1/datasets", { query: asking.query, signal }),
  });
  const columns: TableProps<DatasetRow>["columns"] = [
    { key: "dataset", title: w.dataset, sorter: true, render: (_, row) => <Link href={address("data", row.dataset)}>{row.dataset}</Link> },
    { key: "kind", title: w.kind, sorter: true, render: (_, row) => w[row.kind] },
    { key: "rows", title: w.rowsHead, sorter: true, align: "right", render: (_, row) => <span className="num">{f.number(row.rows)}</span> },
    { key: "rejected", title: w.rejectsHead, sorter: true, align: "right", responsive: ["sm"], render: (_, row) => <span className={row.rejected > 0 ? "num warn" : "num quiet"}>{f.number(row.rejected)}</span> },
    { key: "fields", title: w.fields, align: "right", responsive: ["md"], render: (_, row) => f.number(row.fields) },
    { key: "last_import", title: w.lastImport, sorter: true, render: (_, row) => <span className="quiet nowrap">{row.last_import === null ? "–" : f.ago(row.last_import)}</span> },
  ];
  return (
    <>
      <div className="toolbar">
        <SearchBox label={c.search} />
      </div>
      <QueryTable<Listed, DatasetRow>
        label={c.data}
        list={list}
        rows={(answer) => answer.datasets}
        rowKey="dataset"
        asking={asking}
        columns={columns}
        empty={<Empty title={w.emptyTitle} hint={w.emptyHint} action={<Bring />} />}
      />
    </>
  );
}
