/** All journeys: tabs with counts per state, search, and what can be done to each. */
import { EllipsisOutlined, PlusOutlined } from "@ant-design/icons";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Button, Dropdown, type TableProps } from "antd";
import { api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { address, go, Link, useQueryValue } from "../../app/router";
import { Page } from "../../ui/Page";
import { QueryTable, SearchBox, useAsking } from "../../ui/ServerTable";
import { Empty } from "../../ui/States";
import { StateTabs } from "../../ui/StateTabs";
import { common } from "../../words/common";
import { type JourneyRow, STATES } from "./shapes";
import { StateTag } from "./StateTag";
import { type Acts, itemsOf, useActs } from "./useActs";
import { journeys } from "./words";

interface Listed {
  journeys: JourneyRow[];
  total: number;
  states: Record<string, number>;
}

export default function JourneyList() {
  const w = useWords(journeys);
  const c = useWords(common);
  const { allowed } = useApp();
  const asking = useAsking("journey");
  const acts = useActs();
  const [state, setState] = useQueryValue("state");
  const query = { ...asking.query, state: state || undefined };
  const list = useQuery({
    queryKey: ["journeys", query],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => api.get<Listed>("/api/v1/journeys", { query, signal }),
  });
  const create = allowed === null || allowed.has("send") ? (
    <Button type="primary" icon={<PlusOutlined aria-hidden="true" />} onClick={() => go("/journeys/new")}>
      {w.create}
    </Button>
  ) : undefined;
  const states = STATES.map((one) => ({ value: one as string, label: w[one], count: list.data?.states[one] ?? 0 }));
  return (
    <Page title={w.title} lead={w.lead} actions={create}>
      <StateTabs label={w.states} all={w.allStates} states={states} value={state} onChange={setState} />
      <div className="toolbar">
        <SearchBox label={w.find} />
      </div>
      <QueryTable<Listed, JourneyRow>
        label={w.title}
        list={list}
        rows={(answer) => answer.journeys}
        rowKey="journey"
        asking={asking}
        columns={useColumns(acts)}
        empty={state === "" ? <Empty title={w.emptyTitle} hint={w.emptyHint} action={create} /> : <Empty title={c.nothingFound} hint={c.nothingFoundHint} />}
      />
      {acts.dialog}
    </Page>
  );
}

function useColumns(acts: Acts): TableProps<JourneyRow>["columns"] {
  const w = useWords(journeys);
  const c = useWords(common);
  const f = useFormat();
  return [
    {
      key: "journey",
      title: c.name,
      sorter: true,
      render: (_, row) => (
        <div className="named">
          <Link href={address("journeys", row.journey)}>{row.journey}</Link>
          <p className="quiet clamp">{[row.description, row.owner].filter((part) => part !== "").join(" · ")}</p>
        </div>
      ),
    },
    {
      key: "state",
      title: w.states,
      sorter: true,
      render: (_, row) => (
        <>
          <StateTag state={row.state} />
          {row.errors !== null && <p className="warn small">{w.troubles}</p>}
        </>
      ),
    },
    { key: "entry", title: w.entry, sorter: true, responsive: ["md"], render: (_, row) => <span translate="no">{row.entry}</span> },
    { key: "inside", title: w.inside, sorter: true, align: "right", render: (_, row) => <span className="num">{f.number(row.inside)}</span> },
    { key: "steps", title: w.steps, sorter: true, align: "right", responsive: ["lg"], render: (_, row) => <span className="num">{f.number(row.steps)}</span> },
    { key: "last_look", title: w.lastLook, responsive: ["lg"], render: (_, row) => <span className="nowrap quiet">{row.last_look === null ? "–" : f.ago(row.last_look)}</span> },
    { key: "saved_at", title: w.saved, sorter: true, responsive: ["xl"], render: (_, row) => <span className="nowrap quiet">{f.ago(row.saved_at)}</span> },
    {
      key: "acts",
      title: <span className="sr-only">{w.actions}</span>,
      align: "right",
      render: (_, row) => {
        const items = itemsOf(acts.of(row));
        return items.length === 0 ? null : (
          <Dropdown menu={{ items }} trigger={["click"]}>
            <Button type="text" icon={<EllipsisOutlined aria-hidden="true" />} aria-label={w.actionsOf(row.journey)} />
          </Dropdown>
        );
      },
    },
  ];
}
