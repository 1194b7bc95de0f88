/** All jobs, live: by server-sent events, and by asking again where these do not come through. */
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Drawer, Segmented, type TableProps, Tabs } from "antd";
import { useEffect, useState } from "react";
import { api } from "../../api/client";
import type { JobRow } from "../../api/shapes";
import { useApp, useFormat, useWords } from "../../app/context";
import { useQueryValue } from "../../app/router";
import { JobProgress } from "../../ui/JobProgress";
import { JobState, useJobNames, useStates } from "../../ui/JobState";
import { Page } from "../../ui/Page";
import { TablePanel } from "../../ui/PlainTable";
import { QueryTable, SearchBox, useAsking } from "../../ui/ServerTable";
import { Empty, ErrorState, Loading, ProblemText } from "../../ui/States";
import { ended, useJob } from "../../ui/useJob";
import { common } from "../../words/common";
import { jobs } from "./words";

/** Tell the cache of every change of a job; false while the stream is not there. */
function useLiveJobs(): boolean {
  const cache = useQueryClient();
  const { language } = useApp();
  const [live, setLive] = useState(false);
  useEffect(() => {
    const stream = new EventSource(`/api/v1/events?language=${language}`);
    stream.addEventListener("open", () => setLive(true));
    stream.addEventListener("error", () => setLive(false));
    stream.addEventListener("job", (event) => {
      const job = JSON.parse(event.data as string) as JobRow;
      cache.setQueryData(["job", job.id], job);
      void cache.invalidateQueries({ queryKey: ["jobs"] });
    });
    return () => stream.close();
  }, [cache, language]);
  return live;
}

const STATES = ["", "running", "failed", "completed"] as const;

export default function JobsPage() {
  const w = useWords(jobs);
  const c = useWords(common);
  const [tab, setTab] = useQueryValue("tab", "jobs");
  const tabs = [
    { key: "jobs", label: c.jobs, children: <JobList /> },
    { key: "schedules", label: w.schedules, children: <Schedules /> },
  ];
  return (
    <Page title={c.jobs} lead={w.lead}>
      <Tabs activeKey={tab} onChange={setTab} items={tabs} destroyOnHidden />
    </Page>
  );
}

type Listed = { jobs: JobRow[]; total: number };

function JobList() {
  const w = useWords(jobs);
  const c = useWords(common);
  const s = useStates();
  const live = useLiveJobs();
  const asking = useAsking("created_at", "desc");
  const [state, setState] = useQueryValue("state");
  const [shown, setShown] = useQueryValue("job");
  const query = { ...asking.query, state: state || undefined };
  const list = useQuery({
    queryKey: ["jobs", query],
    placeholderData: keepPreviousData,
    refetchInterval: live ? 20_000 : 3_000,
    queryFn: ({ signal }) => api.get<Listed>("/api/v1/jobs", { query, signal }),
  });
  return (
    <>
      <div className="toolbar">
        <SearchBox label={c.search} />
        <Segmented aria-label={w.stateFilter} value={state} onChange={setState} options={STATES.map((value) => ({ value, label: value === "" ? c.all : s[value] }))} />
        <span className={live ? "live on" : "live"} role="status">
          {live ? w.live : w.polling}
        </span>
      </div>
      <QueryTable<Listed, JobRow>
        label={c.jobs}
        list={list}
        rows={(answer) => answer.jobs}
        rowKey="id"
        asking={asking}
        columns={useColumns(setShown)}
        empty={<Empty title={w.emptyTitle} hint={w.emptyHint} />}
      />
      {shown !== "" && <JobDrawer id={shown} close={() => setShown("")} />}
    </>
  );
}

function aboutOf(job: JobRow): string {
  const said = job.arguments.audience ?? job.arguments.source ?? job.arguments.name ?? job.arguments.file ?? job.arguments.as_of;
  return typeof said === "string" ? said : "";
}

function useColumns(show: (id: string) => void): TableProps<JobRow>["columns"] {
  const w = useWords(jobs);
  const c = useWords(common);
  const f = useFormat();
  const name = useJobNames();
  return [
    {
      key: "job",
      title: w.job,
      sorter: true,
      render: (_, row) => (
        <div className="named">
          <button type="button" className="link" onClick={() => show(row.id)}>
            {name(row.job)}
          </button>
          <p className="quiet clamp">{aboutOf(row)}</p>
        </div>
      ),
    },
    {
      key: "state",
      title: c.state,
      sorter: true,
      render: (_, row) => (row.state === "running" ? <JobProgress job={row} label={name(row.job)} /> : <JobState state={row.state} />),
    },
    { key: "created_at", title: w.started, sorter: true, render: (_, row) => <span className="quiet nowrap">{f.moment(row.created_at)}</span> },
    {
      key: "took",
      title: w.took,
      responsive: ["md"],
      render: (_, row) =>
        row.ended_at === null ? "" : <span className="quiet nowrap">{w.seconds(f.number((Date.parse(row.ended_at) - Date.parse(row.created_at)) / 1000, 1))}</span>,
    },
  ];
}

function JobDrawer({ id, close }: { id: string; close: () => void }) {
  const name = useJobNames();
  const job = useJob(id);
  return (
    <Drawer open onClose={close} size={520} title={job.data === undefined ? id : name(job.data.job)}>
      {job.isError && <ErrorState error={job.error} />}
      {job.isPending && <Loading />}
      {job.data !== undefined && <JobShown job={job.data} />}
    </Drawer>
  );
}

function JobShown({ job }: { job: JobRow }) {
  const w = useWords(jobs);
  const f = useFormat();
  const name = useJobNames();
  const { allowed } = useApp();
  const cache = useQueryClient();
  const { modal, message } = App.useApp();
  const may = allowed === null || allowed.has("operate");
  const act = async (path: "/api/v1/jobs/{job}/cancel" | "/api/v1/jobs/{job}/retry") => {
    try {
      await api.post(path, { path: { job: job.id } });
      await cache.invalidateQueries({ queryKey: ["job", job.id] });
      await cache.invalidateQueries({ queryKey: ["jobs"] });
    } catch (error) {
      void message.error(<ProblemText error={error} />);
    }
  };
  const cancel = () => modal.confirm({ title: w.cancelAsk, okText: w.cancel, okButtonProps: { danger: true }, onOk: () => act("/api/v1/jobs/{job}/cancel") });
  return (
    <div className="stack">
      <p>
        <JobState state={job.state} /> <span className="quiet">{f.moment(job.created_at)}</span>
      </p>
      {(job.state === "running" || job.state === "waiting") && <JobProgress job={job} label={name(job.job)} />}
      {job.error !== null && (
        <div className="rule-problem" role="alert">
          <b>{w.failedWhy}</b>
          <p>
            {job.error.message} <span className="quiet">{job.error.fix}</span>
          </p>
        </div>
      )}
      <h2 className="sub">{w.log}</h2>
      <Log job={job} />
      <h2 className="sub">{w.arguments}</h2>
      <pre className="code-box" tabIndex={0} translate="no">
        {JSON.stringify(job.arguments, null, 2)}
      </pre>
      {job.result !== null && (
        <>
          <h2 className="sub">{w.result}</h2>
          <pre className="code-box" tabIndex={0} translate="no">
            {JSON.stringify(job.result, null, 2)}
          </pre>
        </>
      )}
      {may && (
        <div className="page-actions">
          {!ended(job.state) && (
            <Button danger onClick={cancel}>
              {w.cancel}
            </Button>
          )}
          {(job.state === "failed" || job.state === "cancelled") && <Button onClick={() => void act("/api/v1/jobs/{job}/retry")}>{w.retry}</Button>}
        </div>
      )}
    </div>
  );
}

interface LogLine {
  what: "created" | "planned" | "stage" | "note" | "ended";
  at: string | null;
  ended_at: string | null;
  stage: number | null;
  stages: number | null;
  name: string | null;
  failed: boolean;
}

/** What the job did, stage by stage, followed while it runs. */
function Log({ job }: { job: JobRow }) {
  const w = useWords(jobs);
  const s: Record<string, string> = useStates();
  const f = useFormat();
  const { language } = useApp();
  const found = useQuery({
    queryKey: ["job", job.id, "log", job.state, language],
    refetchInterval: ended(job.state) ? false : 2_000,
    queryFn: ({ signal }) => api.get<{ lines: LogLine[] }>("/api/v1/jobs/{job}/log", { path: { job: job.id }, signal }),
  });
  if (found.isError) return <ErrorState small error={found.error} />;
  if (found.data === undefined) return <Loading rows={3} />;
  const said = (line: LogLine): string => {
    if (line.what === "stage") return w.stageOf(line.stage ?? 0, line.stages ?? 0);
    if (line.what === "note") return line.name ?? "";
    return { created: w.logCreated, planned: w.logPlanned, ended: s[line.name ?? ""] ?? "" }[line.what];
  };
  return (
    <ol className="timeline small" aria-label={w.log}>
      {found.data.lines.map((line, i) => (
        <li key={`${line.what}-${line.stage}-${i}`}>
          <span className={line.what === "note" ? "quiet" : ""} translate={line.what === "note" ? "no" : undefined}>
            {said(line)}
          </span>{" "}
          {line.failed && <b className="warn">{s.failed}</b>} <span className="quiet">{line.at === null ? "" : f.moment(line.at)}</span>
          {line.at !== null && line.ended_at !== null && <span className="quiet"> · {w.seconds(f.number((Date.parse(line.ended_at) - Date.parse(line.at)) / 1000, 1))}</span>}
        </li>
      ))}
    </ol>
  );
}

interface ScheduleRow {
  name: string;
  job: string;
  cron: string;
  zone: string;
  last_at: string | null;
}

function Schedules() {
  const w = useWords(jobs);
  const f = useFormat();
  const name = useJobNames();
  const found = useQuery({ queryKey: ["schedules"], queryFn: ({ signal }) => api.get<{ schedules: ScheduleRow[] }>("/api/v1/schedules", { signal }) });
  if (found.isError) return <ErrorState error={found.error} />;
  if (found.data === undefined) return <Loading />;
  return (
    <TablePanel label={w.schedules} heads={[w.job, w.when, w.lastRun]}>
      {found.data.schedules.map((row) => (
        <tr key={row.name}>
          <th scope="row">
            {name(row.job)}{" "}
            <span className="quiet" translate="no">
              {row.name}
            </span>
          </th>
          <td>
            <span className="code">{row.cron}</span> <span className="quiet">{row.zone}</span>
          </td>
          <td>{row.last_at === null ? "–" : f.moment(row.last_at)}</td>
        </tr>
      ))}
    </TablePanel>
  );
}
