/** One campaign: what has happened and what blocks, its plan, its funnel, whether it worked, its runs. */
import { EditOutlined, EllipsisOutlined } from "@ant-design/icons";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, Button, Dropdown, Tabs } from "antd";
import { useEffect } from "react";
import { api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { address, go, Link, useQueryValue } from "../../app/router";
import { Page } from "../../ui/Page";
import { ErrorState, Loading } from "../../ui/States";
import { common } from "../../words/common";
import { Overview } from "./Overview";
import { FunnelView } from "./FunnelView";
import { Occurrences } from "./Occurrences";
import { PlanTab } from "./PlanTab";
import { Results } from "./Results";
import type { Blocked, CampaignDetail, Step } from "./shapes";
import { StateTag } from "./StateTag";
import { useActs } from "./useActs";
import { campaigns } from "./words";
import "../../ui/marketing.css";

/** A campaign as it stands; asked again while it is being prepared or sent. */
export function useCampaign(name: string, version?: string) {
  const { language } = useApp();
  return useQuery<CampaignDetail>({
    queryKey: ["campaign", name, version ?? "", language],
    refetchInterval: (query) => (["preparing", "running"].includes(query.state.data?.state ?? "") ? 2000 : false),
    queryFn: ({ signal }) => api.get<CampaignDetail>("/api/v1/campaigns/{name}", { path: { name }, query: { version, language }, signal }),
  });
}

export default function CampaignPage({ name }: { name: string }) {
  const [version] = useQueryValue("version");
  const found = useCampaign(name, version || undefined);
  const cache = useQueryClient();
  const state = found.data?.state;
  useEffect(() => {
    if (state !== undefined) void cache.invalidateQueries({ predicate: (q) => q.queryKey[0] === "campaign-part" && q.queryKey[1] === name });
  }, [state, cache, name]);
  if (found.isError) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading rows={10} />;
  return <Shown key={name} campaign={found.data} />;
}

function Shown({ campaign }: { campaign: CampaignDetail }) {
  const w = useWords(campaigns);
  const [tab, setTab] = useQueryValue("tab", "overview");
  const name = campaign.campaign;
  // in Chinese several causes may be told in the same words
  const blocked = campaign.blocked.filter((one, i, all) => all.findIndex((other) => other.message === one.message) === i);
  const tabs = [
    { key: "overview", label: w.overview, children: <Overview campaign={campaign} /> },
    { key: "plan", label: w.plan, children: <PlanTab campaign={campaign} /> },
    { key: "funnel", label: w.funnel, children: <FunnelView name={name} /> },
    { key: "results", label: w.results, children: <Results name={name} /> },
    { key: "runs", label: w.occurrences, children: <Occurrences name={name} /> },
  ];
  return (
    <Page
      title={name}
      heading={
        <>
          {name} <StateTag state={campaign.state} enabled={campaign.enabled} />
        </>
      }
      lead={campaign.sentence}
      above={{ href: "/campaigns", label: w.title }}
      actions={<Actions campaign={campaign} />}
    >
      <Stepper campaign={campaign} />
      {blocked.length > 0 && (
        <div className="blocked">
          {blocked.map((one) => (
            <Alert key={one.code + one.message} type="warning" showIcon role="status" title={one.message} description={<Needed campaign={name} blocked={one} />} />
          ))}
        </div>
      )}
      <Tabs activeKey={tab} onChange={setTab} items={tabs} destroyOnHidden />
    </Page>
  );
}

/** What is to be done about it here, as words or a link to the place; not the command that does it elsewhere. */
function Needed({ campaign, blocked }: { campaign: string; blocked: Blocked }) {
  const w = useWords(campaigns);
  const steps = useStepWords();
  const own = address("campaigns", campaign);
  const links: Partial<Record<Blocked["needs"], [string, string]>> = {
    edit: [`${own}/edit?step=${blocked.step}`, w.needsEdit(steps[blocked.step])],
    publish: [address("content", blocked.of ?? ""), w.needsPublish(blocked.of ?? "")],
    look: [`${own}?tab=runs`, w.needsLook],
    plan: [`${own}?tab=plan`, w.needsPlan],
    plan_again: [`${own}?tab=plan`, w.needsPlanAgain],
    approve: [`${own}?tab=plan`, w.needsApprove],
  };
  const link = links[blocked.needs];
  if (link === undefined) return <>{blocked.needs === "enable" ? w.needsEnable : w.needsResume}</>;
  return <Link href={link[0]}>{link[1]}</Link>;
}

const ORDER: Step[] = ["audience", "content", "experiment", "schedule", "plan", "approve", "run"];

export function useStepWords(): Record<Step, string> {
  const w = useWords(campaigns);
  return { audience: w.stepAudience, content: w.stepContent, experiment: w.stepExperiment, schedule: w.stepSchedule, plan: w.stepPlan, approve: w.stepApprove, run: w.stepRun };
}

/** What has happened, what comes next, and what stands in its way. */
function Stepper({ campaign }: { campaign: CampaignDetail }) {
  const w = useWords(campaigns);
  const names = useStepWords();
  const steps = [...campaign.steps].sort((a, b) => ORDER.indexOf(a.step) - ORDER.indexOf(b.step));
  const next = steps.find((step) => !step.done)?.step;
  return (
    <ol className="stepper" aria-label={w.steps}>
      {steps.map((step) => {
        const stuck = !step.done && step.blocked != null;
        const tone = step.done ? "done" : stuck ? "stuck" : step.step === next ? "next" : "";
        return (
          <li key={step.step} className={tone} data-step={step.step} data-done={step.done} aria-current={step.step === next ? "step" : undefined}>
            <b>
              <span aria-hidden="true">{step.done ? "✓" : stuck ? "!" : "·"}</span> {names[step.step]}
            </b>
            <p className="quiet small">
              <StepNote at={step.at} done={step.done} blocked={step.blocked} />
            </p>
          </li>
        );
      })}
    </ol>
  );
}

function StepNote({ at, done, blocked }: { at?: string | null; done: boolean; blocked?: string | null }) {
  const w = useWords(campaigns);
  const f = useFormat();
  if (done) return <>{at == null ? w.stepDone : f.moment(at)}</>;
  return <>{blocked == null ? w.stepOpen : w.stepBlocked}</>;
}

function Actions({ campaign }: { campaign: CampaignDetail }) {
  const w = useWords(campaigns);
  const c = useWords(common);
  const acts = useActs();
  const { allowed } = useApp();
  const items = acts({ campaign: campaign.campaign, state: campaign.state, enabled: campaign.enabled, occurrences: campaign.steps.some((s) => s.step === "run" && s.done) ? 1 : 0 });
  if (allowed !== null && !allowed.has("send")) return null;
  return (
    <>
      <Button icon={<EditOutlined aria-hidden="true" />} onClick={() => go(`${address("campaigns", campaign.campaign)}/edit`)}>
        {w.edit}
      </Button>
      <Dropdown menu={{ items }} trigger={["click"]}>
        <Button icon={<EllipsisOutlined aria-hidden="true" />} aria-label={c.more} />
      </Dropdown>
    </>
  );
}
