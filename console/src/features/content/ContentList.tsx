/** The content library: templates, dynamic copy, landing pages. */
import { PlusOutlined } from "@ant-design/icons";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Button, Dropdown, Segmented, Select, type TableProps, Tag } from "antd";
import { api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { address, go, Link, useQueryValue } from "../../app/router";
import { Page, Panel } from "../../ui/Page";
import { SearchBox, ServerTable, useAsking } from "../../ui/ServerTable";
import { Empty } from "../../ui/States";
import { common } from "../../words/common";
import { type ContentRow, type ContentState, KINDS } from "./shapes";
import { content } from "./words";

const TONE: Record<ContentState, string> = { draft: "quiet", published: "good", withdrawn: "warn" };

export function ContentStateTag({ state }: { state: ContentState }) {
  const w = useWords(content);
  return <Tag className={`tone tone-${TONE[state]}`}>{w[state]}</Tag>;
}

export default function ContentList() {
  const w = useWords(content);
  const { allowed } = useApp();
  const asking = useAsking("changed_at", "desc");
  const [kind, setKind] = useQueryValue("kind");
  const [state, setState] = useQueryValue("state");
  const query = { ...asking.query, kind: kind || undefined, state: state || undefined };
  const list = useQuery({
    queryKey: ["content", query],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => api.get<{ content: ContentRow[]; total: number }>("/api/v1/content", { query, signal }),
  });
  const items = KINDS.map((one) => ({ key: one, label: w[one], onClick: () => go(`/content/new?kind=${one}`) }));
  const create =
    allowed === null || allowed.has("define") ? (
      <Dropdown menu={{ items }} trigger={["click"]}>
        <Button type="primary" icon={<PlusOutlined aria-hidden="true" />}>
          {w.create}
        </Button>
      </Dropdown>
    ) : undefined;
  const kinds = [{ value: "", label: w.anyKind }, ...KINDS.map((one) => ({ value: one as string, label: w[one] }))];
  const states = [{ value: "", label: w.anyState }, ...(["draft", "published", "withdrawn"] as const).map((one) => ({ value: one as string, label: w[one] }))];
  return (
    <Page title={w.title} lead={w.lead} actions={create}>
      <div className="toolbar">
        <SearchBox label={w.find} />
        <Segmented aria-label={w.kinds} options={kinds} value={kind} onChange={setKind} />
        <Select aria-label={w.anyState} value={state} options={states} onChange={setState} popupMatchSelectWidth={false} />
      </div>
      <Panel flush>
        <ServerTable<ContentRow>
          label={w.title}
          rows={list.data?.content}
          total={list.data?.total}
          error={list.error}
          busy={list.isPlaceholderData}
          retry={() => void list.refetch()}
          rowKey="name"
          asking={asking}
          columns={useColumns()}
          empty={<Empty title={w.emptyTitle} hint={w.emptyHint} action={create} />}
        />
      </Panel>
    </Page>
  );
}

function useColumns(): TableProps<ContentRow>["columns"] {
  const w = useWords(content);
  const c = useWords(common);
  const f = useFormat();
  return [
    {
      key: "name",
      title: c.name,
      sorter: true,
      render: (_, row) => (
        <div className="named">
          <Link href={address("content", row.name)}>{row.name}</Link>
          <p className="quiet clamp">{row.languages.length > 0 ? `${w.languages}: ${row.languages.join(", ")}` : w[row.kind]}</p>
        </div>
      ),
    },
    { key: "kind", title: w.kinds, sorter: true, responsive: ["md"], render: (_, row) => w[row.kind] },
    { key: "state", title: c.state, sorter: true, render: (_, row) => <ContentStateTag state={row.state} /> },
    { key: "version", title: w.versions, responsive: ["md"], render: (_, row) => <span className="nowrap quiet">{w.version(row.version)}</span> },
    { key: "used_by", title: w.usedBy, responsive: ["lg"], render: (_, row) => (row.used_by.length === 0 ? <span className="quiet">–</span> : w.usedCount(row.used_by.length)) },
    { key: "visits", title: w.visits, align: "right", responsive: ["lg"], render: (_, row) => (row.visits === undefined ? <span className="quiet">–</span> : <span className="num">{f.number(row.visits)}</span>) },
    { key: "conversions", title: w.conversions, align: "right", responsive: ["lg"], render: (_, row) => (row.conversions === undefined ? <span className="quiet">–</span> : <span className="num">{f.number(row.conversions)}</span>) },
    { key: "changed_at", title: w.changed, sorter: true, responsive: ["md"], render: (_, row) => <span className="nowrap quiet">{f.ago(row.changed_at)}</span> },
  ];
}
