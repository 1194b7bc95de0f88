/** All saved audiences: searched, sorted and paged by the server. */
import { PlusOutlined } from "@ant-design/icons";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Button, Segmented, Select, type TableProps } from "antd";
import { api } from "../../api/client";
import type { AudienceRow } from "../../api/shapes";
import { useApp, useFormat, useWords } from "../../app/context";
import { address, go, Link, useQueryValue } from "../../app/router";
import { Sparkline } from "../../ui/Figure";
import { Page } from "../../ui/Page";
import { QueryTable, SearchBox, useAsking } from "../../ui/ServerTable";
import { Empty } from "../../ui/States";
import { common } from "../../words/common";
import { StateTag } from "./StateTag";
import { audiences } from "./words";

interface Listed {
  audiences: AudienceRow[];
  total: number;
  folders: { folder: string; audiences: number }[];
}

export default function AudienceList() {
  const w = useWords(audiences);
  const c = useWords(common);
  const { language } = useApp();
  const asking = useAsking("audience");
  const [scope, setScope] = useQueryValue("scope", "all");
  const [folder, setFolder] = useQueryValue("folder");
  const query = { ...asking.query, language, scope, folder: folder || undefined };
  const list = useQuery({
    queryKey: ["audiences", query],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => api.get<Listed>("/api/v1/audiences", { query, signal }),
  });
  const create = (
    <Button type="primary" icon={<PlusOutlined aria-hidden="true" />} href="/audiences/new" onClick={follow("/audiences/new")}>
      {c.newAudience}
    </Button>
  );
  const scopes = [
    { value: "all", label: w.scopeAll },
    { value: "mine", label: w.scopeMine },
    { value: "shared", label: w.scopeShared },
  ];
  const folders = [{ value: "", label: w.allFolders }, ...(list.data?.folders ?? []).map((f) => ({ value: f.folder, label: `${f.folder} (${f.audiences})` }))];
  return (
    <Page title={c.audiences} lead={w.lead} actions={create}>
      <div className="toolbar">
        <SearchBox label={w.find} />
        <Segmented aria-label={w.scope} options={scopes} value={scope} onChange={setScope} />
        {folders.length > 1 && <Select aria-label={w.folder} value={folder} options={folders} onChange={setFolder} popupMatchSelectWidth={false} />}
      </div>
      <QueryTable<Listed, AudienceRow>
        label={c.audiences}
        list={list}
        rows={(answer) => answer.audiences}
        rowKey="audience"
        asking={asking}
        columns={useColumns()}
        empty={<Empty title={w.emptyTitle} hint={w.emptyHint} action={create} />}
      />
    </Page>
  );
}

function follow(href: string) {
  return (event: { preventDefault: () => void }) => {
    event.preventDefault();
    go(href);
  };
}

function useColumns(): TableProps<AudienceRow>["columns"] {
  const w = useWords(audiences);
  const c = useWords(common);
  const f = useFormat();
  return [
    {
      key: "audience",
      title: c.name,
      sorter: true,
      width: 420,
      render: (_, row) => (
        <div className="named">
          <Link href={address("audiences", row.audience)}>{row.audience}</Link>
          <p className="quiet clamp">{row.sentence}</p>
        </div>
      ),
    },
    {
      key: "count",
      title: c.sizeTerm,
      sorter: true,
      align: "right",
      render: (_, row) => (row.count === null ? <span className="quiet">–</span> : <b className="num">{f.number(row.count)}</b>),
    },
    {
      key: "trend",
      title: w.trend,
      responsive: ["md"],
      render: (_, row) => <Sparkline values={row.growth ?? []} label={w.trendSaid((row.growth ?? []).map((n) => f.number(n)).join(", "))} />,
    },
    {
      key: "as_of",
      title: w.asOf,
      sorter: true,
      responsive: ["md"],
      render: (_, row) => <span className="nowrap quiet">{row.as_of === null ? w.never : f.day(row.as_of)}</span>,
    },
    { key: "owner", title: c.owner, sorter: true, responsive: ["lg"], render: (_, row) => row.owner },
    { key: "state", title: c.state, sorter: true, render: (_, row) => <StateTag state={row.state} validity={row.validity} /> },
  ];
}
