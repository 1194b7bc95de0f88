/** All experiments: those of campaigns, and files that were analysed. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Button, Segmented, type TableProps, Tag } from "antd";
import { api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { address, go, Link, useQueryValue } from "../../app/router";
import { useArmWords } from "../../ui/Intervals";
import { Page, Panel } from "../../ui/Page";
import { SearchBox, ServerTable, useAsking } from "../../ui/ServerTable";
import { Empty } from "../../ui/States";
import { common } from "../../words/common";
import { experiments } from "./words";

interface ExperimentRow {
  experiment: string;
  kind: "campaign" | "file";
  arms: string[];
  metrics: string[];
  units: number | null;
  srm_p: number | null;
  state: string;
  decided: string | null;
  changed_at?: string | null;
}

export default function ExperimentList() {
  const w = useWords(experiments);
  const { allowed } = useApp();
  const asking = useAsking("changed_at", "desc");
  const [kind, setKind] = useQueryValue("kind");
  const query = { ...asking.query, kind: kind || undefined };
  const list = useQuery({
    queryKey: ["experiments", query],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => api.get<{ experiments: ExperimentRow[]; total: number }>("/api/v1/experiments", { query, signal }),
  });
  const kinds = [
    { value: "", label: w.anyKind },
    { value: "campaign", label: w.campaign },
    { value: "file", label: w.file },
  ];
  const actions = (
    <>
      <Button onClick={() => go("/experiments/power")}>{w.power}</Button>
      {(allowed === null || allowed.has("import")) && (
        <Button type="primary" onClick={() => go("/experiments/analyse")}>
          {w.analyse}
        </Button>
      )}
    </>
  );
  return (
    <Page title={w.title} lead={w.lead} actions={actions}>
      <div className="toolbar">
        <SearchBox label={w.find} />
        <Segmented aria-label={w.kind} options={kinds} value={kind} onChange={setKind} />
      </div>
      <Panel flush>
        <ServerTable<ExperimentRow>
          label={w.title}
          rows={list.data?.experiments}
          total={list.data?.total}
          error={list.error}
          busy={list.isPlaceholderData}
          retry={() => void list.refetch()}
          rowKey="experiment"
          asking={asking}
          columns={useColumns()}
          empty={<Empty title={w.emptyTitle} hint={w.emptyHint} />}
        />
      </Panel>
    </Page>
  );
}

const TONES: Record<string, string> = { better: "good", worse: "bad", mixed: "warn", not_seen: "quiet", stopped: "bad" };

function useColumns(): TableProps<ExperimentRow>["columns"] {
  const w = useWords(experiments);
  const c = useWords(common);
  const f = useFormat();
  const named = useArmWords();
  const told = (decided: string) => (w as unknown as Record<string, string>)[decided] ?? decided;
  return [
    {
      key: "experiment",
      title: c.name,
      sorter: true,
      render: (_, row) => (
        <div className="named">
          <Link href={address("experiments", row.experiment)}>{row.experiment}</Link>
          <p className="quiet clamp">{row.arms.map(row.kind === "campaign" ? named : (arm) => arm).join(" · ")}</p>
        </div>
      ),
    },
    { key: "kind", title: w.kind, sorter: true, render: (_, row) => (row.kind === "campaign" ? w.campaign : w.file) },
    { key: "metrics", title: w.metrics, responsive: ["md"], render: (_, row) => row.metrics.join(", ") || "–" },
    { key: "units", title: w.units, sorter: true, align: "right", render: (_, row) => <span className="num">{row.units === null ? "–" : f.number(row.units)}</span> },
    {
      key: "srm_p",
      title: w.ratio,
      responsive: ["md"],
      render: (_, row) => (row.srm_p === null ? <span className="quiet">–</span> : <Tag className={`tone tone-${row.srm_p < 0.001 ? "bad" : "good"}`}>{row.srm_p < 0.001 ? w.ratioBad : w.ratioFine}</Tag>),
    },
    { key: "decided", title: w.decided, render: (_, row) => (row.decided === null ? <span className="quiet">–</span> : <Tag className={`tone tone-${TONES[row.decided] ?? "quiet"}`}>{told(row.decided)}</Tag>) },
    { key: "changed_at", title: w.changed, sorter: true, responsive: ["lg"], render: (_, row) => <span className="nowrap quiet">{row.changed_at == null ? "–" : f.ago(row.changed_at)}</span> },
  ];
}
