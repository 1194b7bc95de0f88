/** How large the audience was at every refresh, who came and went and why, and what is said of it. */
import { EditOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Button, Select, Tag } from "antd";
import { useMemo, useState } from "react";
import { api } from "../../api/client";
import type { AudienceDetail } from "../../api/shapes";
import { useApp, useFormat, useWords } from "../../app/context";
import { address, Link, useQueryValue } from "../../app/router";
import { Chart } from "../../ui/Chart";
import { Figure } from "../../ui/Figure";
import { Panel } from "../../ui/Page";
import { Empty, ErrorState, Loading } from "../../ui/States";
import { common } from "../../words/common";
import { AboutDialog } from "./AboutDialog";
import { Alerts } from "./Alerts";
import { audiences } from "./words";

export interface SnapshotRow {
  snapshot: string;
  as_of: string;
  created_at: string;
  count: number;
  entered: number;
  left: number;
  version: number;
  data_version: number;
  members: "kept" | "expired";
}

export function useSnapshots(name: string) {
  return useQuery({
    queryKey: ["audience", name, "history"],
    queryFn: ({ signal }) => api.get<{ snapshots: SnapshotRow[] }>("/api/v1/audiences/{name}/history", { path: { name }, signal }),
  });
}

export function Overview({ audience }: { audience: AudienceDetail }) {
  const w = useWords(audiences);
  const c = useWords(common);
  const f = useFormat();
  const { allowed } = useApp();
  const may = allowed === null || allowed.has("define");
  const [editing, setEditing] = useState(false);
  const history = useSnapshots(audience.audience);
  if (history.isError) return <ErrorState error={history.error} retry={() => void history.refetch()} />;
  if (history.data === undefined) return <Loading />;
  const snapshots = history.data.snapshots;
  const newest = snapshots.at(-1);
  const before = snapshots.at(-2);
  const change = newest !== undefined && before !== undefined && before.count > 0 ? { share: newest.count / before.count - 1, against: w.change } : null;
  return (
    <>
      <div className="figures">
        <Figure label={w.members} value={newest === undefined ? "–" : f.number(newest.count)} change={change} hint={newest === undefined ? w.never : `${w.asOf} ${f.moment(newest.as_of)}`} />
        <Figure label={c.entered} value={newest === undefined ? "–" : f.number(newest.entered)} />
        <Figure label={c.left} value={newest === undefined ? "–" : f.number(newest.left)} />
      </div>
      <div className="grid">
        <Panel title={w.history} className="span-8">
          {snapshots.length === 0 ? <Empty small title={w.never} hint={w.historyEmpty} /> : <SizeChart snapshots={snapshots} />}
        </Panel>
        <Panel
          title={w.about}
          className="span-4"
          extra={may && <Button size="small" type="text" aria-label={w.aboutEdit} title={w.aboutEdit} icon={<EditOutlined aria-hidden="true" />} onClick={() => setEditing(true)} />}
        >
          <About audience={audience} />
        </Panel>
        <Movement name={audience.audience} snapshots={snapshots} />
        <Alerts name={audience.audience} />
      </div>
      {editing && <AboutDialog audience={audience} close={() => setEditing(false)} />}
    </>
  );
}

function SizeChart({ snapshots }: { snapshots: SnapshotRow[] }) {
  const w = useWords(audiences);
  const c = useWords(common);
  const f = useFormat();
  const data = useMemo(
    () => ({
      columns: [w.asOf, w.members, c.entered, c.left],
      rows: snapshots.map((s) => [f.moment(s.created_at ?? s.as_of), s.count, s.entered, s.left]),
    }),
    [snapshots, w, c, f],
  );
  const option = useMemo(
    () => ({
      tooltip: { trigger: "axis" },
      xAxis: { type: "category", data: data.rows.map((row) => row[0]), axisTick: { show: false } },
      yAxis: { type: "value", scale: snapshots.length > 1, splitLine: { lineStyle: { opacity: 0.35 } } },
      series: [{ name: w.members, type: "line", data: snapshots.map((s) => s.count), areaStyle: { opacity: 0.08 }, symbolSize: 7, lineStyle: { width: 2.4 } }],
    }),
    [data, snapshots, w],
  );
  return <Chart title={w.history} option={option} data={data} />;
}

function About({ audience }: { audience: AudienceDetail }) {
  const w = useWords(audiences);
  const c = useWords(common);
  const f = useFormat();
  const { language } = useApp();
  const purposes = useQuery({
    queryKey: ["purposes", language],
    staleTime: 600_000,
    queryFn: ({ signal }) => api.get<{ purposes: { key: string; label: string }[] }>("/api/v1/purposes", { query: { language }, signal }),
  });
  const purpose = purposes.data?.purposes.find((row) => row.key === audience.purpose)?.label ?? audience.purpose;
  const [mode, at] = audience.refresh.split(" ");
  const refresh = mode === "daily" ? w.daily(at ?? "") : mode === "trigger" ? w.trigger : w.once;
  const rows: [string, React.ReactNode][] = [
    [c.description, audience.description || "–"],
    [c.owner, audience.owner || "–"],
    [w.purpose, purpose],
    [w.refreshMode, refresh],
    [w.validUntil, audience.valid_until === null ? w.forEver : f.day(audience.valid_until)],
    [w.folder, audience.folder || "–"],
    [c.state, `${w.version(audience.version)} · ${audience.shared ? w.sharedYes : w.sharedNo}`],
  ];
  return (
    <>
      <dl className="facts">
        {rows.map(([term, said]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{said}</dd>
          </div>
        ))}
      </dl>
      <h3 className="sub">{w.usedBy}</h3>
      {(audience.used_by ?? []).length === 0 ? (
        <p className="quiet">{w.usedByNone}</p>
      ) : (
        <p>
          {audience.used_by?.map((user) => (
            <Tag key={`${user.kind}${user.name}`}>{user.kind === "audience" ? <Link href={address("audiences", user.name)}>{user.name}</Link> : user.name}</Tag>
          ))}
        </p>
      )}
    </>
  );
}

interface Diff {
  entered: { rule: number; data: number };
  left: { rule: number; data: number };
  rule_changed: boolean;
  samples_entered: Record<string, string[]>;
  samples_left: Record<string, string[]>;
}

/** Who came and who went between two snapshots, by cause: the two newest, or two that the reader chooses. */
function Movement({ name, snapshots }: { name: string; snapshots: SnapshotRow[] }) {
  const w = useWords(audiences);
  const f = useFormat();
  const kept = snapshots.filter((row) => row.members === "kept");
  const [from, setFrom] = useQueryValue("from", kept.at(-2)?.snapshot ?? "");
  const [to, setTo] = useQueryValue("to", kept.at(-1)?.snapshot ?? "");
  if (kept.length < 2) {
    return (
      <Panel title={w.movement} className="span-8">
        <p className="quiet">{w.movementNone}</p>
      </Panel>
    );
  }
  const options = kept.toReversed().map((row) => ({ value: row.snapshot, label: `${f.moment(row.created_at)} · ${f.number(row.count)}` }));
  const choice = (label: string, value: string, choose: (next: string) => void) => (
    <>
      <span className="quiet small">{label}</span> <Select size="small" aria-label={label} value={value} options={options} onChange={choose} popupMatchSelectWidth={false} />
    </>
  );
  return (
    <Panel title={w.movement} className="span-8">
      <div className="toolbar">
        {choice(w.compareFrom, from, setFrom)}
        {choice(w.compareTo, to, setTo)}
      </div>
      <Causes name={name} before={from} after={to} />
    </Panel>
  );
}

function Causes({ name, before, after }: { name: string; before: string; after: string }) {
  const w = useWords(audiences);
  const c = useWords(common);
  const f = useFormat();
  const { language } = useApp();
  const diff = useQuery({
    queryKey: ["audience", name, "diff", before, after, language],
    queryFn: ({ signal }) => api.get<Diff>("/api/v1/audiences/{name}/diff", { path: { name }, query: { before, after, language }, signal }),
  });
  if (diff.isError) return <ErrorState small error={diff.error} />;
  if (diff.data === undefined) return <Loading rows={2} />;
  const sides = [
    { side: "entered", counts: diff.data.entered, some: diff.data.samples_entered },
    { side: "left", counts: diff.data.left, some: diff.data.samples_left },
  ] as const;
  return (
    <>
      <dl className="facts facts-wide">
        {sides.map(({ side, counts, some }) => (
          <div key={side}>
            <dt>{c[side]}</dt>
            <dd>
              <b>{f.number(counts.rule)}</b> {w.byRule} · <b>{f.number(counts.data)}</b> {w.byData}
              <SomeOf keys={Object.values(some).flat()} />
            </dd>
          </div>
        ))}
      </dl>
      {diff.data.rule_changed && <p className="quiet small">{w.movementRule}</p>}
    </>
  );
}

const MOST_NAMED = 6;

function SomeOf({ keys }: { keys: string[] }) {
  const w = useWords(audiences);
  if (keys.length === 0) return null;
  return (
    <p className="quiet small">
      {w.movementSome}:{" "}
      {keys.slice(0, MOST_NAMED).map((key, i) => (
        <span key={key} translate="no">
          {i > 0 && ", "}
          <Link href={address("customers", key)}>{key}</Link>
        </span>
      ))}
    </p>
  );
}
