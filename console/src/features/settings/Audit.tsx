import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Button, Modal, type TableProps } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import { useFormat, useWords } from "../../app/context";
import { Panel } from "../../ui/Page";
import { SearchBox, ServerTable, useAsking } from "../../ui/ServerTable";
import { Empty } from "../../ui/States";
import { settings } from "./words";

interface Entry {
  id: number;
  at: string;
  actor: string;
  action: string;
  kind: string;
  name: string;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

export function Audit() {
  const w = useWords(settings);
  const asking = useAsking("at", "desc");
  const [shown, setShown] = useState<Entry | null>(null);
  const { search, limit, offset } = asking.query;
  const list = useQuery({
    queryKey: ["audit", search, offset],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => api.get<{ entries: Entry[]; total: number }>("/api/v1/audit", { query: { search, limit, offset }, signal }),
  });
  return (
    <>
      <div className="toolbar">
        <SearchBox label={w.findAudit} />
      </div>
      <Panel flush>
        <ServerTable<Entry>
          label={w.audit}
          rows={list.data?.entries}
          total={list.data?.total}
          error={list.error}
          busy={list.isPlaceholderData}
          retry={() => void list.refetch()}
          rowKey="id"
          asking={asking}
          columns={useColumns(setShown)}
          empty={<Empty title={w.auditEmpty} />}
        />
      </Panel>
      <Modal open={shown !== null} title={shown?.name} onCancel={() => setShown(null)} footer={null} width={860}>
        <div className="versus">
          <section>
            <h2>{w.before}</h2>
            <pre className="code-box" tabIndex={0}>
              {JSON.stringify(shown?.before ?? null, null, 2)}
            </pre>
          </section>
          <section>
            <h2>{w.after}</h2>
            <pre className="code-box" tabIndex={0}>
              {JSON.stringify(shown?.after ?? null, null, 2)}
            </pre>
          </section>
        </div>
      </Modal>
    </>
  );
}

function useColumns(show: (entry: Entry) => void): TableProps<Entry>["columns"] {
  const w = useWords(settings);
  const f = useFormat();
  return [
    { key: "at", title: w.when, render: (_, row) => <span className="nowrap">{f.moment(row.at)}</span> },
    { key: "actor", title: w.actor, render: (_, row) => row.actor },
    { key: "action", title: w.action, responsive: ["sm"], render: (_, row) => <span className="code">{row.action.replace("/api/v1", "")}</span> },
    {
      key: "name",
      title: w.target,
      render: (_, row) => (
        <>
          {row.name} <span className="quiet small">{row.kind}</span>
        </>
      ),
    },
    {
      key: "changes",
      title: <span className="sr-only">{w.changes}</span>,
      align: "right",
      render: (_, row) =>
        (row.before !== null || row.after !== null) && (
          <Button size="small" type="text" onClick={() => show(row)}>
            {w.changes}
          </Button>
        ),
    },
  ];
}
