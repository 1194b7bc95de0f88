/** One journey: what it does, where everybody is, step by step, and what would come of it. */
import { EditOutlined, EllipsisOutlined } from "@ant-design/icons";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Alert, Button, Dropdown, Modal, Select } from "antd";
import { useMemo, useState } from "react";
import { ApiError, api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { address, go, useQueryValue } from "../../app/router";
import { Figure } from "../../ui/Figure";
import { Page, Panel } from "../../ui/Page";
import { TablePanel } from "../../ui/PlainTable";
import { ErrorState, Loading, ProblemText } from "../../ui/States";
import { common } from "../../words/common";
import { DryRunPanel } from "./DryRunPanel";
import { Picture } from "./Picture";
import type { Funnel, JourneyDetail, StepRow, StepTimes } from "./shapes";
import { StateTag } from "./StateTag";
import { StepPeople } from "./StepPeople";
import { Story } from "./Story";
import { itemsOf, useActs } from "./useActs";
import { journeys, telling } from "./words";

const LOOKED_MS = 10_000;

/** A journey as it stands; asked again while it runs. */
export function useJourney(name: string, version?: string) {
  return useQuery<JourneyDetail>({
    queryKey: ["journey", name, version ?? ""],
    refetchInterval: (query) => (query.state.data?.state === "running" ? LOOKED_MS : false),
    queryFn: ({ signal }) => api.get<JourneyDetail>("/api/v1/journeys/{name}", { path: { name }, query: { version }, signal }),
  });
}

export default function JourneyPage({ name }: { name: string }) {
  const [version] = useQueryValue("version");
  const found = useJourney(name, version || undefined);
  if (found.isError) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading rows={10} />;
  return <Shown key={name} journey={found.data} />;
}

function Shown({ journey }: { journey: JourneyDetail }) {
  const w = useWords(journeys);
  const acts = useActs();
  const name = journey.journey;
  return (
    <Page
      title={name}
      heading={
        <>
          {name} <StateTag state={journey.state} />
        </>
      }
      lead={journey.description || undefined}
      above={{ href: "/journeys", label: w.title }}
      actions={<Actions journey={journey} acts={acts.of(journey)} />}
    >
      <Troubles journey={journey} />
      <Numbers journey={journey} />
      <div className="grid">
        <Panel className="span-7" title={w.says} extra={<Versions journey={journey} />}>
          <Story definition={journey.definition} />
        </Panel>
        <Panel className="span-5" title={w.dryRun}>
          <DryRunPanel journey={journey} />
        </Panel>
      </div>
      {acts.dialog}
    </Page>
  );
}

/** What stands in the way of steps, and whether a newer version waits to be started. */
function Troubles({ journey }: { journey: JourneyDetail }) {
  const w = useWords(journeys);
  const newest = Math.max(journey.version, ...journey.versions.map((one) => one.version));
  const behind = journey.state === "running" && journey.running_version !== null && journey.running_version !== newest;
  const errors = Object.entries(journey.errors ?? {});
  if (!behind && errors.length === 0) return null;
  return (
    <div className="blocked">
      {behind && <Alert type="info" showIcon role="status" title={w.newer(journey.running_version ?? 0, newest)} />}
      {errors.map(([step, problem]) => (
        <Alert key={step} type="warning" showIcon role="status" title={w.troubleAt(step)} description={<ProblemText error={new ApiError(422, problem)} />} />
      ))}
    </div>
  );
}

function Numbers({ journey }: { journey: JourneyDetail }) {
  const w = useWords(journeys);
  const name = journey.journey;
  const [open, setOpen] = useQueryValue("step");
  const [, setBar] = useQueryValue("bar");
  const found = useQuery({
    queryKey: ["journey-funnel", name, journey.state, journey.running_version, journey.last_look],
    placeholderData: keepPreviousData,
    refetchInterval: journey.state === "running" ? LOOKED_MS : false,
    queryFn: async ({ signal }) => {
      const path = { name };
      const [funnel, times] = await Promise.all([api.get<Funnel>("/api/v1/journeys/{name}/funnel", { path, signal }), api.get<{ steps: Record<string, StepTimes> }>("/api/v1/journeys/{name}/times", { path, signal })]);
      return { funnel, times: times.steps };
    },
  });
  const ran = journey.started_at !== null;
  // the numbers are of the version that runs; another one is drawn without them
  const current = journey.running_version === null || journey.running_version === journey.version;
  const steps = useMemo(() => journey.definition.steps ?? [], [journey.definition]);
  const wrong = useMemo(() => new Set(Object.keys(journey.errors ?? {})), [journey.errors]);
  if (found.isError) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading rows={8} />;
  const { funnel, times } = found.data;
  const chosen = funnel.steps.find((row) => row.step === open);
  return (
    <>
      {ran && <Figures funnel={funnel} />}
      <Panel title={w.picture} extra={<LastLook journey={journey} />}>
        <Picture steps={steps} rows={ran && current ? funnel.steps : undefined} wrong={wrong} onOpen={setOpen} />
        {ran ? <AddsUp funnel={funnel} /> : <p className="quiet small">{w.nobodyYet}</p>}
      </Panel>
      {ran && <StepTable funnel={funnel} times={times} open={setOpen} />}
      {chosen !== undefined && (
        <StepPeople
          journey={name}
          row={chosen}
          close={() => {
            setBar("");
            setOpen("");
          }}
        />
      )}
    </>
  );
}

function LastLook({ journey }: { journey: JourneyDetail }) {
  const w = useWords(journeys);
  const f = useFormat();
  if (journey.last_look === null) return null;
  return <span className={journey.state === "running" ? "live on" : "live"}>{w.lookedAgo(f.ago(journey.last_look))}</span>;
}

function Figures({ funnel }: { funnel: Funnel }) {
  const w = useWords(journeys);
  const f = useFormat();
  const figures: [string, number][] = [
    [w.entered, funnel.entered],
    [w.inside, funnel.inside],
    [w.finished, funnel.finished],
    [w.goal, funnel.exits.goal],
    [w.left, funnel.exits.left],
    ...(funnel.exits.stopped > 0 ? [[w.stoppedOut, funnel.exits.stopped] as [string, number]] : []),
  ];
  return (
    <div className="figures">
      {figures.map(([label, n]) => (
        <Figure key={label} label={label} value={f.number(n)} />
      ))}
    </div>
  );
}

function AddsUp({ funnel }: { funnel: Funnel }) {
  const w = useWords(journeys);
  const f = useFormat();
  const off = funnel.difference !== 0;
  return (
    <p className={off ? "adds-up off" : "adds-up"} role={off ? "alert" : "status"} data-difference={funnel.difference}>
      <span aria-hidden="true">{off ? "!" : "✓"}</span> {off ? w.addsNot(f.number(funnel.difference)) : w.addsUp}
    </p>
  );
}

/** The same numbers as the picture, with times. */
function StepTable({ funnel, times, open }: { funnel: Funnel; times: Record<string, StepTimes>; open: (step: string) => void }) {
  const w = useWords(journeys);
  const t = useWords(telling);
  const f = useFormat();
  const stayed = useStayed();
  const moment = (at: string | null | undefined) => (at == null ? "–" : f.moment(at));
  const counts = [w.reached, w.waiting, w.passed, w.exited].map((number) => ({ number }));
  return (
    <div className="journey-table">
      <TablePanel label={w.table} heads={[w.step, ...counts, w.stayed, w.longest, w.nextDue]}>
        {funnel.steps.map((row) => (
          <tr key={row.step} data-row={row.step} data-counts={[row.entered, row.waiting, row.passed, row.exited].join(" ")}>
            <th scope="row">
              <button type="button" className="link" onClick={() => open(row.step)}>
                <span translate="no">{row.label}</span>
              </button>{" "}
              <span className="quiet small">{t[row.kind]}</span>
            </th>
            {[row.entered, row.waiting, row.passed].map((n, i) => (
              <td key={i} className="num">
                {f.number(n)}
              </td>
            ))}
            <td className="num">
              {f.number(row.exited)} <Why row={row} />
            </td>
            <td className="nowrap">{stayed(times[row.step]?.median_seconds ?? null)}</td>
            <td className="nowrap">{moment(times[row.step]?.since)}</td>
            <td className="nowrap">{moment(times[row.step]?.due)}</td>
          </tr>
        ))}
      </TablePanel>
    </div>
  );
}

/** Why people left a step. */
function Why({ row }: { row: StepRow }) {
  const w = useWords(journeys);
  const f = useFormat();
  const names = { goal: w.goal, left: w.left, stopped: w.stoppedOut };
  const parts = (["goal", "left", "stopped"] as const).filter((key) => row.exits[key] > 0).map((key) => `${names[key]} ${f.number(row.exits[key])}`);
  return parts.length === 0 ? null : <span className="quiet small">({parts.join(", ")})</span>;
}

const [HOUR, DAY] = [3600, 86_400];

function useStayed(): (seconds: number | null) => string {
  const w = useWords(journeys);
  const f = useFormat();
  return (seconds) => {
    if (seconds === null) return "–";
    if (seconds < 60) return w.atOnce;
    if (seconds < 2 * HOUR) return w.minutes(f.number(seconds / 60, 0));
    return seconds < 2 * DAY ? w.hours(f.number(seconds / HOUR, 1)) : w.days(f.number(seconds / DAY, 1));
  };
}

function Versions({ journey }: { journey: JourneyDetail }) {
  const w = useWords(journeys);
  const f = useFormat();
  const c = useWords(common);
  const [, setVersion] = useQueryValue("version");
  const [shown, setShown] = useState(false);
  const newest = Math.max(journey.version, ...journey.versions.map((one) => one.version));
  const options = journey.versions.map((one) => ({ value: one.version, label: `${w.version(one.version)} · ${f.moment(one.saved_at)}` }));
  return (
    <span className="page-actions">
      {options.length > 1 && <Select size="small" aria-label={w.versions} value={journey.version} options={options} popupMatchSelectWidth={false} onChange={(value) => setVersion(value === newest ? "" : String(value))} />}
      <Button size="small" onClick={() => setShown(true)}>
        {w.asFile}
      </Button>
      <Modal open={shown} title={w.asFile} onCancel={() => setShown(false)} footer={null} width={680} closable={{ "aria-label": c.close }}>
        <pre className="code-box" tabIndex={0} translate="no">
          {JSON.stringify(journey.definition, null, 2)}
        </pre>
      </Modal>
    </span>
  );
}

function Actions({ journey, acts }: { journey: JourneyDetail; acts: ReturnType<ReturnType<typeof useActs>["of"]> }) {
  const w = useWords(journeys);
  const c = useWords(common);
  const { allowed } = useApp();
  if (allowed !== null && !allowed.has("send")) return null;
  const first = acts.find((act) => ["start", "resume"].includes(act.key)) ?? acts.find((act) => act.key === "pause");
  const rest = acts.filter((act) => act !== first);
  return (
    <>
      <Button icon={<EditOutlined aria-hidden="true" />} onClick={() => go(`${address("journeys", journey.journey)}/edit`)}>
        {w.edit}
      </Button>
      {first !== undefined && (
        <Button type={first.key === "pause" ? "default" : "primary"} onClick={first.onClick}>
          {first.label}
        </Button>
      )}
      <Dropdown menu={{ items: itemsOf(rest) }} trigger={["click"]}>
        <Button icon={<EllipsisOutlined aria-hidden="true" />} aria-label={c.more} />
      </Dropdown>
    </>
  );
}
