/** One piece of content: its text with what a customer sees beside it, versions, who uses it, visits; publish, withdraw. */
import { EllipsisOutlined } from "@ant-design/icons";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Dropdown, Input, Modal, Tabs } from "antd";
import { useState } from "react";
import { ApiError, api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { address, go, Link, usePlace, useQueryValue } from "../../app/router";
import { Chart } from "../../ui/Chart";
import { Field, RefusalAbove, RefusalProvider } from "../../ui/Field";
import { Figure } from "../../ui/Figure";
import { NameDialog } from "../../ui/NameDialog";
import { Page, Panel } from "../../ui/Page";
import { PlainTable } from "../../ui/PlainTable";
import { Empty, ErrorState, Loading, ProblemText } from "../../ui/States";
import { useLeavingGuard } from "../../ui/useLeavingGuard";
import { common } from "../../words/common";
import { BodyEditor } from "./BodyEditor";
import { ContentStateTag } from "./ContentList";
import { ContentPreviewPanel } from "./ContentPreviewPanel";
import { type Body, type ContentDetail, type Kind, KINDS, START, sent } from "./shapes";
import { content } from "./words";
import "../../ui/marketing.css";

export default function ContentPage({ name }: { name?: string }) {
  const { query } = usePlace();
  const [version] = useQueryValue("version");
  const found = useQuery({
    queryKey: ["content-one", name, version],
    enabled: name !== undefined,
    queryFn: ({ signal }) => api.get<ContentDetail>("/api/v1/content/{name}", { path: { name: name ?? "" }, query: { version: version || undefined }, signal }),
  });
  const asked = query.get("kind") as Kind;
  if (name === undefined) return <Shown known={null} kind={KINDS.includes(asked) ? asked : "template"} />;
  if (found.isError) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading rows={10} />;
  return <Shown key={`${name}-${found.data.version}`} known={found.data} kind={found.data.kind} />;
}

function Shown({ known, kind }: { known: ContentDetail | null; kind: Kind }) {
  const w = useWords(content);
  const [tab, setTab] = useQueryValue("tab", "editor");
  const [name, setName] = useState(known?.name ?? "");
  const [body, setBody] = useState<Body>(known?.body ?? START[kind]);
  const saving = useSaving(known, kind, name, body);
  const title = known?.name ?? w.newTitle(w[kind]);
  const editor = (
    <div className="editor">
      <div className="stack">
        {known === null && (
          <Panel>
            <Field label={w.name} place="name">
              {(control) => <Input {...control} value={name} maxLength={150} onChange={(event) => setName(event.target.value)} />}
            </Field>
          </Panel>
        )}
        <BodyEditor kind={kind} body={body} change={setBody} />
      </div>
      <div className="editor-side">
        <ContentPreviewPanel kind={kind} body={body} />
        {known !== null && <About known={known} />}
      </div>
    </div>
  );
  const tabs =
    known === null
      ? []
      : [
          { key: "editor", label: w.editor, children: editor },
          { key: "versions", label: w.versions, children: <Versions known={known} /> },
          { key: "used", label: w.usedBy, children: <UsedBy known={known} /> },
          ...(kind === "page" ? [{ key: "visits", label: w.statistics, children: <Visits name={known.name} /> }] : []),
        ];
  return (
    <Page
      wide
      title={title}
      heading={
        known === null ? undefined : (
          <>
            {known.name} <ContentStateTag state={known.state} />
          </>
        )
      }
      lead={known === null ? undefined : [w[kind], w.version(known.version), known.published_version === null ? "" : w.publishedVersion(known.published_version)].filter((part) => part !== "").join(" · ")}
      above={{ href: "/content", label: w.title }}
      actions={<Actions known={known} changed={saving.changed} busy={saving.busy} ready={name.trim() !== ""} save={() => void saving.save()} />}
    >
      <RefusalProvider value={saving.error}>
        <RefusalAbove error={saving.error} places={["name", "body"]} />
        {known === null ? editor : <Tabs activeKey={tab} onChange={setTab} items={tabs} destroyOnHidden />}
      </RefusalProvider>
      {saving.conflict !== null && (
        <Modal open title={w.conflictTitle} okText={w.conflictMine} onCancel={saving.forget} onOk={() => void saving.overwrite()}>
          <p>{w.conflictText(saving.conflict)}</p>
        </Modal>
      )}
    </Page>
  );
}

/** Saving a version; a newer one of somebody else is asked about. */
function useSaving(known: ContentDetail | null, kind: Kind, name: string, body: Body) {
  const w = useWords(content);
  const { message } = App.useApp();
  const cache = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [conflict, setConflict] = useState<number | null>(null);
  const changed = JSON.stringify(sent(kind, body)) !== JSON.stringify(sent(kind, known?.body ?? START[kind]));
  useLeavingGuard(known !== null && changed, w.leave);
  const put = async (base: number) => {
    setBusy(true);
    setError(null);
    try {
      const made = await api.put<{ version: number }>("/api/v1/content/{name}", { path: { name: name.trim() }, body: { kind, body: sent(kind, body), base_version: base } });
      void message.success(w.saved(name.trim(), made.version));
      await cache.invalidateQueries({ predicate: (q) => String(q.queryKey[0]).startsWith("content") });
      go(address("content", name.trim()), { replace: true, saved: true });
    } catch (problem) {
      const newer = problem instanceof ApiError && problem.code === "newer_version";
      if (newer) setConflict((await api.get<ContentDetail>("/api/v1/content/{name}", { path: { name: name.trim() } })).version);
      else setError(problem);
    } finally {
      setBusy(false);
    }
  };
  const overwrite = async () => {
    const onto = conflict;
    setConflict(null);
    if (onto !== null) await put(onto);
  };
  const base = known === null ? 0 : Math.max(known.version, ...known.versions.map((one) => one.version));
  return { busy, error, changed, conflict, save: () => put(base), overwrite, forget: () => setConflict(null) };
}

interface ActionProps {
  known: ContentDetail | null;
  changed: boolean;
  busy: boolean;
  ready: boolean;
  save: () => void;
}

function Actions({ known, changed, busy, ready, save }: ActionProps) {
  const w = useWords(content);
  const c = useWords(common);
  const { allowed } = useApp();
  const acts = useActs(known);
  const may = (right: string) => allowed === null || allowed.has(right);
  const [copying, setCopying] = useState(false);
  const items = known === null ? [] : [{ key: "copy", label: c.copy, onClick: () => setCopying(true) }, ...acts.more];
  return (
    <>
      {may("define") && (
        <Button type={known === null || changed ? "primary" : "default"} disabled={!ready || !changed} loading={busy} onClick={save}>
          {w.save}
        </Button>
      )}
      {known !== null && may("send") && known.state === "published" && <Button onClick={acts.withdraw}>{w.withdraw}</Button>}
      {known !== null && may("send") && known.published_version !== known.version && (
        <Button type={changed ? "default" : "primary"} disabled={changed} onClick={acts.publish}>
          {w.publish}
        </Button>
      )}
      {known !== null && may("define") && (
        <Dropdown menu={{ items }} trigger={["click"]}>
          <Button icon={<EllipsisOutlined aria-hidden="true" />} aria-label={c.more} />
        </Dropdown>
      )}
      {copying && known !== null && <CopyDialog name={known.name} close={() => setCopying(false)} />}
    </>
  );
}

/** Publish, withdraw and delete, each asked about first. */
function useActs(known: ContentDetail | null) {
  const w = useWords(content);
  const c = useWords(common);
  const { message, modal } = App.useApp();
  const cache = useQueryClient();
  const name = known?.name ?? "";
  const ask = (title: string, text: string, okText: string, danger: boolean, work: () => Promise<unknown>, done: string, then?: string) =>
    modal.confirm({
      title,
      content: text,
      okText,
      cancelText: c.cancel,
      okButtonProps: { danger },
      onOk: async () => {
        try {
          await work();
          void message.success(done);
          if (then !== undefined) go(then, { saved: true });
        } catch (error) {
          void message.error(<ProblemText error={error} />);
        }
        await cache.invalidateQueries({ predicate: (q) => String(q.queryKey[0]).startsWith("content") });
      },
    });
  const version = known?.version ?? 1;
  const publish = () => ask(w.publishTitle(name, version), w.publishText, w.publish, false, () => api.post("/api/v1/content/{name}/publish", { path: { name }, body: { version } }), w.publishedNow);
  const withdraw = () => ask(w.withdrawTitle(name), w.withdrawText, w.withdraw, true, () => api.post("/api/v1/content/{name}/withdraw", { path: { name }, body: {} }), w.withdrawnNow);
  const remove = () => ask(w.deleteTitle(name), w.deleteText, c.delete, true, () => api.delete("/api/v1/content/{name}", { path: { name } }), w.deleted(name), "/content");
  const more = known?.state === "draft" ? [{ key: "delete", label: c.delete, danger: true, onClick: remove }] : [];
  return { publish, withdraw, more };
}

function CopyDialog({ name, close }: { name: string; close: () => void }) {
  const w = useWords(content);
  const c = useWords(common);
  const cache = useQueryClient();
  const copy = async (to: string) => {
    await api.post("/api/v1/content/{name}/copy", { path: { name }, body: { to } });
    await cache.invalidateQueries({ queryKey: ["content"] });
    go(address("content", to), { saved: true });
  };
  return <NameDialog title={w.copyTitle} label={w.name} start={`${name} 2`} ok={c.copy} close={close} act={copy} />;
}

function About({ known }: { known: ContentDetail }) {
  const w = useWords(content);
  const c = useWords(common);
  return (
    <Panel>
      {known.notes.map((note) => (
        <p key={note} className="warn">
          {note}
        </p>
      ))}
      <dl className="facts">
        <div>
          <dt>{w.variables}</dt>
          <dd>{known.variables.length === 0 ? c.none : known.variables.join(", ")}</dd>
        </div>
        <div>
          <dt>{w.links}</dt>
          <dd translate="no">{known.links.length === 0 ? c.none : known.links.map((link) => <p key={link}>{link}</p>)}</dd>
        </div>
      </dl>
    </Panel>
  );
}

function Versions({ known }: { known: ContentDetail }) {
  const w = useWords(content);
  const f = useFormat();
  const newestFirst = [...known.versions].sort((a, b) => b.version - a.version);
  return (
    <Panel flush>
      <PlainTable label={w.versions} wide heads={[w.versions, w.savedAt, w.publishedAt, w.show]}>
        {newestFirst.map((one) => (
          <tr key={one.version}>
            <th scope="row">
              {w.version(one.version)} {one.version === known.published_version && <ContentStateTag state="published" />}
            </th>
            <td>{f.moment(one.saved_at)}</td>
            <td>{one.published_at === null ? "–" : f.moment(one.published_at)}</td>
            <td>
              <Link href={`${address("content", known.name)}?version=${one.version}`} aria-current={one.version === known.version ? "true" : undefined}>
                {w.show}
              </Link>
            </td>
          </tr>
        ))}
      </PlainTable>
    </Panel>
  );
}

function UsedBy({ known }: { known: ContentDetail }) {
  const w = useWords(content);
  if (known.used_by.length === 0) return <Empty small title={w.usedByNone} />;
  const told = (kind: string) => (kind === "campaign" ? w.campaign : kind in w ? (w as unknown as Record<string, string>)[kind] : kind);
  return (
    <Panel>
      <ul className="lines">
        {known.used_by.map((user) => (
          <li key={`${user.kind}-${user.name}`}>
            <Link href={address(user.kind === "campaign" ? "campaigns" : "content", user.name)}>{user.name}</Link>
            <span className="spacer" />
            <span className="quiet">{told(user.kind)}</span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

interface Stats {
  visits: number;
  visitors: number;
  conversions: number;
  days: { day: string; visits: number; visitors?: number; conversions?: number }[];
}

function Visits({ name }: { name: string }) {
  const w = useWords(content);
  const f = useFormat();
  const found = useQuery({
    queryKey: ["content-stats", name],
    queryFn: ({ signal }) => api.get<Stats>("/api/v1/content/{name}/stats", { path: { name }, signal }),
  });
  if (found.isError) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading rows={4} />;
  const { days } = found.data;
  const option = {
    grid: { left: 8, right: 12, top: 34, bottom: 8, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    legend: { type: "scroll", top: 0, left: 0, itemGap: 22 },
    tooltip: { trigger: "axis" },
    xAxis: { type: "category", data: days.map((row) => f.day(row.day)) },
    yAxis: { type: "value", minInterval: 1 },
    series: [
      { name: w.visits, type: "bar", data: days.map((row) => row.visits) },
      { name: w.conversions, type: "bar", data: days.map((row) => row.conversions ?? 0) },
    ],
  };
  return (
    <>
      <div className="figures">
        <Figure label={w.visits} value={f.number(found.data.visits)} />
        <Figure label={w.visitors} value={f.number(found.data.visitors)} />
        <Figure label={w.conversions} value={f.number(found.data.conversions)} />
      </div>
      {days.length === 0 ? (
        <Empty small title={w.noVisits} />
      ) : (
        <Panel title={w.visitsByDay}>
          <Chart title={w.visitsByDay} option={option} data={{ columns: [w.day, w.visits, w.conversions], rows: days.map((row) => [f.day(row.day), row.visits, row.conversions ?? 0]) }} />
        </Panel>
      )}
    </>
  );
}
