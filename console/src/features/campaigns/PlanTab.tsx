/** The plan of the next run: who gets it, who does not and why; approve it with its numbers repeated; send it. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Checkbox, InputNumber, Modal } from "antd";
import { useId, useState } from "react";
import { api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { address, Link } from "../../app/router";
import { Bars } from "../../ui/Bars";
import { JobProgress } from "../../ui/JobProgress";
import { Panel } from "../../ui/Page";
import { Empty, ProblemText } from "../../ui/States";
import { ended, useJob } from "../../ui/useJob";
import { common } from "../../words/common";
import { channelOf } from "../../ui/message";
import { type CampaignDetail, type Definition, type Occurrence, type PlanFacts, type Planned } from "./shapes";
import { campaigns } from "./words";

/** All runs of a campaign, the newest first. */
export function useOccurrences(name: string) {
  return useQuery({
    queryKey: ["campaign-part", name, "occurrences"],
    queryFn: async ({ signal }) => {
      const found = await api.get<{ occurrences: Occurrence[] }>("/api/v1/campaigns/{name}/occurrences", { path: { name }, signal });
      return [...found.occurrences].sort((a, b) => b.number - a.number);
    },
  });
}

export function useFresh(name: string) {
  const cache = useQueryClient();
  return () =>
    cache.invalidateQueries({
      predicate: (q) => q.queryKey[0] === "campaigns" || (["campaign", "campaign-part"].includes(String(q.queryKey[0])) && q.queryKey[1] === name),
    });
}

/** What plans the next run, and whether it is at it. */
export function usePlanning(name: string) {
  const { message } = App.useApp();
  const fresh = useFresh(name);
  const [busy, setBusy] = useState(false);
  const make = async () => {
    setBusy(true);
    try {
      await api.post("/api/v1/campaigns/{name}/plan", { path: { name }, body: {} });
    } catch (error) {
      void message.error(<ProblemText error={error} />);
    } finally {
      setBusy(false);
      await fresh();
    }
  };
  return { busy, make: () => void make(), fresh };
}

export function PlanTab({ campaign }: { campaign: CampaignDetail }) {
  const w = useWords(campaigns);
  const name = campaign.campaign;
  const { allowed } = useApp();
  const { busy, make, fresh } = usePlanning(name);
  const mine = allowed === null || allowed.has("send");
  const last = campaign.occurrence;
  const planning = (
    <Button loading={busy} disabled={campaign.state === "running"} onClick={make}>
      {last === null ? w.planNow : w.planAgain}
    </Button>
  );
  if (last === null) return <Empty title={w.planEmpty} hint={w.planHint} action={mine ? planning : undefined} />;
  return (
    <>
      <PlanView occurrence={last} plan={last.plan} extra={mine ? planning : undefined} />
      {mine && <Sending campaign={campaign} occurrence={last} fresh={fresh} />}
    </>
  );
}

/** The buckets of a plan as bars, the reasons, samples, and what would be empty in the text. */
export function PlanView({ occurrence, plan, extra }: { occurrence: Pick<Planned, "run" | "planned_at">; plan: PlanFacts; extra?: React.ReactNode }) {
  const w = useWords(campaigns);
  const f = useFormat();
  const told = (key: string) => (w as unknown as Record<string, string>)[key] ?? key;
  const of = (bucket: string) => plan.buckets[bucket] ?? 0;
  const reasons = Object.entries(plan.reasons).filter(([reason]) => reason in w && !(reason in plan.buckets));
  const caps = Object.entries(plan.capped ?? {});
  const rows = [
    { key: "suppressed", label: w.suppressed, count: of("suppressed"), tone: "lost" as const },
    ...reasons.map(([reason, count]) => ({ key: reason, label: told(reason), count, tone: "lost" as const, sub: true })),
    { key: "capped", label: w.capped, count: of("capped"), tone: "lost" as const },
    ...caps.map(([cap, count]) => ({ key: cap, label: cap, count, tone: "lost" as const, sub: true })),
    { key: "held_out", label: w.held_out, count: of("held_out"), tone: "apart" as const },
    { key: "deferred", label: w.deferred, count: of("deferred"), tone: "wait" as const },
    { key: "send", label: w.send, count: of("send") },
  ];
  const lead = w.plannedFor(occurrence.run, f.moment(occurrence.planned_at));
  return (
    <div className="grid">
      <Panel className="span-7" title={w.buckets} extra={extra}>
        <p className="finding">
          {lead} · {w.peoplePlanned(plan.planned)}
        </p>
        <Bars label={w.buckets} rows={rows} of={plan.planned} />
        {(plan.notes ?? []).map((note) => (
          <p key={note} className="warn">
            {note}
          </p>
        ))}
      </Panel>
      <div className="span-5 stack">
        <Panel title={w.armsPlanned}>
          <Bars label={w.armsPlanned} head={w.arm} of={of("send") + of("deferred")} rows={Object.entries(plan.arms).map(([arm, count]) => ({ key: arm, label: arm === "default" ? w.default : arm, count }))} />
        </Panel>
        <Panel title={w.empties}>
          <Empties plan={plan} />
        </Panel>
        <Panel title={w.samples}>
          <Samples samples={plan.samples} told={told} />
        </Panel>
      </div>
    </div>
  );
}

function Empties({ plan }: { plan: PlanFacts }) {
  const w = useWords(campaigns);
  const given = plan.empty_variables ?? Object.entries(plan.empty ?? {}).map(([variable, count]) => ({ variable, count, examples: [] as string[] }));
  if (given.length === 0) return <p className="quiet">{w.emptyNone}</p>;
  return (
    <ul className="lines">
      {given.map((one) => (
        <li key={one.variable}>
          <span className="code">{one.variable}</span>
          <span className="spacer" />
          <span className="warn">
            {w.emptyOf(one.count)} {(one.examples ?? []).length > 0 && <span className="quiet">({(one.examples ?? []).join(", ")})</span>}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Samples({ samples, told }: { samples: Record<string, string[]>; told: (key: string) => string }) {
  return (
    <dl className="facts">
      {Object.entries(samples).map(([label, keys]) => (
        <div key={label}>
          <dt>{told(label)}</dt>
          <dd>
            {keys.map((key, i) => (
              <span key={key}>
                {i > 0 && ", "}
                <Link href={address("customers", key)}>{key}</Link>
              </span>
            ))}
          </dd>
        </div>
      ))}
    </dl>
  );
}

interface SendingProps {
  campaign: CampaignDetail;
  occurrence: Planned;
  fresh: () => Promise<unknown>;
}

/** Approve with the numbers repeated, then send and watch. */
export function Sending({ campaign, occurrence, fresh }: SendingProps) {
  const w = useWords(campaigns);
  const [asking, setAsking] = useState<"approve" | "run" | null>(null);
  const [job, setJob] = useState<string | null>(null);
  const watched = useJob(job, () => void fresh());
  const state = watched.data?.state;
  const plan = occurrence.plan;
  const open = occurrence.started_at === null;
  const approved = campaign.approval !== null && campaign.state !== "draft";
  const sendable = (approved && open) || ["running", "failed"].includes(campaign.state) || campaign.state === "paused";
  const close = () => setAsking(null);
  return (
    <div className="wizard-foot" data-campaign-state={campaign.state}>
      {open && !approved && (
        <Button type="primary" onClick={() => setAsking("approve")}>
          {w.approve}
        </Button>
      )}
      {sendable && (
        <Button type="primary" disabled={job !== null && !ended(state)} onClick={() => setAsking("run")}>
          {w.run}
        </Button>
      )}
      {job !== null && <JobProgress job={watched.data} label={w.runGoing} />}
      {job !== null && watched.data?.error != null && (
        <p role="alert" className="field-error">
          {watched.data.error.message} {watched.data.error.fix}
        </p>
      )}
      {state === "completed" && <span role="status">{w.runEnded}</span>}
      {asking === "approve" && <ApproveDialog definition={campaign.definition} name={campaign.campaign} run={occurrence.run} plan={plan} close={close} fresh={fresh} />}
      {asking === "run" && <RunDialog campaign={campaign} plan={plan} close={close} started={setJob} fresh={fresh} />}
    </div>
  );
}

/** The numbers of a plan once more, for who decides. */
export function Repeated({ plan }: { plan: PlanFacts }) {
  const w = useWords(campaigns);
  const f = useFormat();
  const of = (bucket: string) => plan.buckets[bucket] ?? 0;
  const lines: [string, number][] = [
    [w.allPlanned, plan.planned],
    [w.suppressed, of("suppressed")],
    [w.capped, of("capped")],
    [w.held_out, of("held_out")],
    [w.deferred, of("deferred")],
    [w.send, of("send")],
  ];
  return (
    <dl className="confirm-numbers">
      {lines.map(([name, n]) => (
        <div key={name} style={{ display: "contents" }}>
          <dt>{name}</dt>
          <dd>{f.number(n)}</dd>
        </div>
      ))}
    </dl>
  );
}

interface ApproveProps {
  definition: Definition;
  name: string;
  run: string;
  plan: PlanFacts;
  close: () => void;
  fresh: () => Promise<unknown>;
}

function ApproveDialog({ definition, name, run, plan, close, fresh }: ApproveProps) {
  const w = useWords(campaigns);
  const c = useWords(common);
  const id = useId();
  const { message } = App.useApp();
  const going = (plan.buckets.send ?? 0) + (plan.buckets.deferred ?? 0);
  const recurs = typeof definition.schedule === "object" && "time" in definition.schedule;
  const [most, setMost] = useState<number | null>(Math.floor(going * 1.25));
  const [error, setError] = useState<unknown>(null);
  const approve = async () => {
    try {
      await api.post("/api/v1/campaigns/{name}/approve", { path: { name }, body: recurs && most !== null ? { most } : {} });
      void message.success(w.approved);
      close();
    } catch (problem) {
      setError(problem);
    }
    await fresh();
  };
  return (
    <Modal open title={w.approveTitle(run)} okText={w.approve} cancelText={c.back} onCancel={close} onOk={() => approve()}>
      <p>{w.approveText}</p>
      <Repeated plan={plan} />
      {recurs && (
        <p className="stacked">
          <label htmlFor={id}>{w.most}</label>
          <InputNumber id={id} min={1} value={most} onChange={setMost} />
        </p>
      )}
      <Told error={error} />
    </Modal>
  );
}

function Told({ error }: { error: unknown }) {
  return error === null ? null : (
    <p className="field-error" role="alert">
      <ProblemText error={error} />
    </p>
  );
}

interface RunProps {
  campaign: CampaignDetail;
  plan: PlanFacts;
  close: () => void;
  started: (job: string) => void;
  fresh: () => Promise<unknown>;
}

function RunDialog({ campaign, plan, close, started, fresh }: RunProps) {
  const w = useWords(campaigns);
  const c = useWords(common);
  const f = useFormat();
  const name = campaign.campaign;
  const [again, setAgain] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const going = (plan.buckets.send ?? 0) + (plan.buckets.deferred ?? 0);
  const resumable = ["running", "failed", "paused"].includes(campaign.state);
  const send = async () => {
    try {
      if (campaign.state === "paused") await api.post("/api/v1/campaigns/{name}/resume", { path: { name } });
      started((await api.post<{ job: string }>("/api/v1/campaigns/{name}/run", { path: { name }, body: again ? { resend_uncertain: true } : {} })).job);
      close();
    } catch (problem) {
      setError(problem);
    }
    await fresh();
  };
  return (
    <Modal open title={w.runTitle(f.number(going))} okText={w.run} cancelText={c.back} onCancel={close} onOk={() => send()}>
      <p>{w.runText}</p>
      <Repeated plan={plan} />
      <p className="quiet">{channelOf(campaign.definition).name}</p>
      {resumable && (
        <Checkbox checked={again} onChange={(event) => setAgain(event.target.checked)}>
          {w.resend}
        </Checkbox>
      )}
      <Told error={error} />
    </Modal>
  );
}
