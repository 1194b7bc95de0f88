/** All campaigns: tabs with counts per run state, filters, search, and what can be done to each. */
import { DownloadOutlined, EllipsisOutlined, PlusOutlined } from "@ant-design/icons";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Button, Dropdown, Select, type TableProps } from "antd";
import { useState } from "react";
import { addressOf, api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { address, go, Link, useQueryValue } from "../../app/router";
import { Page, Panel } from "../../ui/Page";
import { StateTabs } from "../../ui/StateTabs";
import { SearchBox, ServerTable, useAsking } from "../../ui/ServerTable";
import { Empty } from "../../ui/States";
import { useChannels } from "../../ui/useChannels";
import { common } from "../../words/common";
import { CompareDialog } from "./Compare";
import { type CampaignRow, STATES } from "./shapes";
import { StateTag } from "./StateTag";
import { useActs } from "./useActs";
import { campaigns, exclusions } from "./words";
import "../../ui/marketing.css";

interface Listed {
  campaigns: CampaignRow[];
  total: number;
  states: Record<string, number>;
}

export default function CampaignList() {
  const w = useWords(campaigns);
  const x = useWords(exclusions);
  const c = useWords(common);
  const { allowed } = useApp();
  const asking = useAsking("changed_at", "desc");
  const [state, setState] = useQueryValue("state");
  const [channel] = useQueryValue("channel");
  const [owner] = useQueryValue("owner");
  const [category] = useQueryValue("category");
  const [comparing, setComparing] = useState(false);
  const query = { ...asking.query, state: state || undefined, channel: channel || undefined, owner: owner || undefined, category: category || undefined };
  const list = useQuery({
    queryKey: ["campaigns", query],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => api.get<Listed>("/api/v1/campaigns", { query, signal }),
  });
  const may = (right: string) => allowed === null || allowed.has(right);
  const create = may("send") ? (
    <Button type="primary" icon={<PlusOutlined aria-hidden="true" />} onClick={() => go("/campaigns/new")}>
      {w.create}
    </Button>
  ) : undefined;
  const actions = (
    <>
      <Button onClick={() => setComparing(true)}>{w.compare}</Button>
      <Button onClick={() => go("/exclusions")}>{x.title}</Button>
      {may("export") && (
        <Button icon={<DownloadOutlined aria-hidden="true" />} href={addressOf("/api/v1/campaigns.csv", {}, query)} download="campaigns.csv">
          {c.export}
        </Button>
      )}
      {create}
    </>
  );
  const states = useStates(list.data?.states, state);
  const filtered = `${state}${channel}${owner}${category}` !== "";
  return (
    <Page title={w.title} lead={w.lead} actions={actions}>
      <StateTabs label={w.states} all={w.allStates} states={states} value={state} onChange={setState} />
      <Filters rows={list.data?.campaigns ?? []} />
      <Panel flush>
        <ServerTable<CampaignRow>
          label={w.title}
          rows={list.data?.campaigns}
          total={list.data?.total}
          error={list.error}
          busy={list.isPlaceholderData}
          retry={() => void list.refetch()}
          rowKey="campaign"
          asking={asking}
          columns={useColumns()}
          empty={filtered ? <Empty title={c.nothingFound} hint={c.nothingFoundHint} /> : <Empty title={w.emptyTitle} hint={w.emptyHint} action={create} />}
        />
      </Panel>
      {comparing && <CompareDialog close={() => setComparing(false)} />}
    </Page>
  );
}

/** The states that some are in, and those that every shop has. */
function useStates(counts: Record<string, number> | undefined, state: string) {
  const w = useWords(campaigns);
  const shown = STATES.filter((one) => (counts?.[one] ?? 0) > 0 || one === state || ["draft", "waiting", "running", "completed"].includes(one));
  return shown.map((one) => ({ value: one as string, label: w[one], count: counts?.[one] ?? 0 }));
}

function Filters({ rows }: { rows: CampaignRow[] }) {
  const w = useWords(campaigns);
  const [channel, setChannel] = useQueryValue("channel");
  const [owner, setOwner] = useQueryValue("owner");
  const [category, setCategory] = useQueryValue("category");
  const channels = useChannels();
  const own = (key: "owner" | "category", chosen: string) => [...new Set([...rows.map((row) => row[key]), chosen])].filter((value) => value !== "").sort();
  const owners = own("owner", owner);
  const categories = own("category", category);
  const ways = (channels.data ?? []).map((one) => ({ value: one.channel, label: one.label }));
  return (
    <div className="toolbar">
      <SearchBox label={w.find} />
      <Select aria-label={w.channel} value={channel} onChange={setChannel} options={[{ value: "", label: w.anyChannel }, ...ways]} popupMatchSelectWidth={false} />
      {categories.length > 0 && (
        <Select aria-label={w.category} value={category} onChange={setCategory} options={[{ value: "", label: w.anyCategory }, ...categories.map((value) => ({ value, label: value }))]} popupMatchSelectWidth={false} />
      )}
      {owners.length > 0 && (
        <Select aria-label={w.anyOwner} value={owner} onChange={setOwner} options={[{ value: "", label: w.anyOwner }, ...owners.map((value) => ({ value, label: value }))]} popupMatchSelectWidth={false} />
      )}
    </div>
  );
}

function useColumns(): TableProps<CampaignRow>["columns"] {
  const w = useWords(campaigns);
  const c = useWords(common);
  const f = useFormat();
  const channels = useChannels();
  const acts = useActs();
  const labels = new Map((channels.data ?? []).map((one) => [one.channel, one.label]));
  return [
    {
      key: "campaign",
      title: c.name,
      sorter: true,
      width: 240,
      render: (_, row) => (
        <div className="named">
          <Link href={address("campaigns", row.campaign)}>{row.campaign}</Link>
          <p className="quiet clamp">{[row.audience, row.brand, row.category].filter((part) => part !== "").join(" · ")}</p>
        </div>
      ),
    },
    { key: "state", title: c.state, sorter: true, render: (_, row) => <StateTag state={row.state} enabled={row.enabled} /> },
    { key: "channel", title: w.channel, sorter: true, responsive: ["md"], render: (_, row) => labels.get(row.channel) ?? row.channel },
    {
      key: "planned",
      title: w.reached,
      align: "right",
      responsive: ["md"],
      render: (_, row) => (row.planned == null ? <span className="quiet">–</span> : <span className="num">{`${f.number(row.planned)} / ${f.number(row.sent ?? 0)}`}</span>),
    },
    { key: "last_run", title: w.lastRun, sorter: true, responsive: ["lg"], render: (_, row) => <span className="nowrap quiet">{row.last_run === null ? "–" : f.moment(row.last_run)}</span> },
    { key: "next_run", title: w.nextRun, responsive: ["xxl"], render: (_, row) => <span className="nowrap quiet">{row.next_run == null ? "–" : f.moment(row.next_run)}</span> },
    { key: "owner", title: c.owner, sorter: true, responsive: ["xl"], render: (_, row) => row.owner },
    { key: "changed_at", title: w.changed, sorter: true, responsive: ["xxl"], render: (_, row) => <span className="nowrap quiet">{f.ago(row.changed_at)}</span> },
    {
      key: "acts",
      title: <span className="sr-only">{w.actions}</span>,
      align: "right",
      render: (_, row) => {
        const items = acts(row);
        return items.length === 0 ? null : (
          <Dropdown menu={{ items }} trigger={["click"]}>
            <Button type="text" icon={<EllipsisOutlined aria-hidden="true" />} aria-label={w.actionsOf(row.campaign)} />
          </Dropdown>
        );
      },
    },
  ];
}
