import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Button, Modal, type TableProps } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import { useFormat, useWords } from "../../app/context";
import { QueryTable, SearchBox, useAsking } from "../../ui/ServerTable";
import { Empty } from "../../ui/States";
import { kinds as kindWords, settings } from "./words";

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

type Listed = { entries: Entry[]; total: number };

export function Audit() {
  const w = useWords(settings);
  const asking = useAsking("at", "desc");
  const [shown, setShown] = useState<Entry | null>(null);
  const { search, limit, offset } = asking.query;
  const list = useQuery({
    queryKey: ["audit", search, offset],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => api.get<Listed>("/api/v1/audit", { query: { search, limit, offset }, signal }),
  });
  return (
    <>
      <div className="toolbar">
        <SearchBox label={w.findAudit} />
      </div>
      <QueryTable<Listed, Entry> label={w.audit} list={list} rows={(answer) => answer.entries} rowKey="id" asking={asking} columns={useColumns(setShown)} empty={<Empty title={w.auditEmpty} />} />
      <Modal open={shown !== null} title={shown?.name} onCancel={() => setShown(null)} footer={null} width={860}>
        <div className="versus">
          <section>
            <h2>{w.before}</h2>
            <pre className="code-box" tabIndex={0} translate="no">
              {JSON.stringify(shown?.before ?? null, null, 2)}
            </pre>
          </section>
          <section>
            <h2>{w.after}</h2>
            <pre className="code-box" tabIndex={0} translate="no">
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
  const kinds: Record<string, string> = useWords(kindWords);
  return [
    { key: "at", title: w.when, render: (_, row) => <span className="nowrap">{f.moment(row.at)}</span> },
    { key: "actor", title: w.actor, render: (_, row) => row.actor },
    { key: "action", title: w.action, responsive: ["sm"], render: (_, row) => <span className="code" translate="no">{row.action.replace("/api/v1", "")}</span> },
    {
      key: "name",
      title: w.target,
      render: (_, row) => (
        <>
          {row.name} <span className="quiet small">{kinds[row.kind] ?? row.kind}</span>
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
