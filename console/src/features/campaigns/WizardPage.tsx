/** Making a campaign in steps: audience, content, experiment, schedule, plan, approval. Every step can be gone back to. */
import { useQueryClient } from "@tanstack/react-query";
import { Alert, App, Button } from "antd";
import { useEffect, useState } from "react";
import { ApiError, api } from "../../api/client";
import { useApp, useWords } from "../../app/context";
import { address, go, Link, usePlace, useQueryValue } from "../../app/router";
import { ConflictDialog } from "../../ui/ConflictDialog";
import { RefusalAbove, RefusalProvider } from "../../ui/Field";
import { Page } from "../../ui/Page";
import { ErrorState, Loading } from "../../ui/States";
import { useLeavingGuard } from "../../ui/useLeavingGuard";
import { common } from "../../words/common";
import { AudienceStep } from "./AudienceStep";
import { useCampaign, useStepWords } from "./CampaignPage";
import { ContentStep } from "./ContentStep";
import { keepDraft, keptDraft, PLACES, sent, stepOf, WIZARD_STEPS, type WizardStep } from "./draft";
import { ExperimentStep } from "./ExperimentStep";
import { ApproveStep, PlanStep } from "./PlanSteps";
import { ScheduleStep } from "./ScheduleStep";
import type { CampaignDetail, Definition } from "./shapes";
import { campaigns, wizard } from "./words";
import "../../ui/marketing.css";

export default function WizardPage({ name }: { name?: string }) {
  return name === undefined ? <Fresh /> : <Known name={name} />;
}

function Fresh() {
  const w = useWords(wizard);
  const { query } = usePlace();
  const [kept] = useState(keptDraft);
  const [taken, setTaken] = useState<Definition | null>(kept === null ? {} : null);
  if (taken === null) {
    return (
      <Page title={w.newTitle}>
        <Alert
          type="info"
          showIcon
          role="status"
          title={w.continueDraft}
          description={kept?.name}
          action={
            <span className="page-actions">
              <Button onClick={() => setTaken({})}>{w.dropDraft}</Button>
              <Button type="primary" onClick={() => setTaken(kept)}>
                {w.takeDraft}
              </Button>
            </span>
          }
        />
      </Page>
    );
  }
  const audience = query.get("audience") ?? undefined;
  return <Wizard known={null} start={{ audience, ...taken }} />;
}

function Known({ name }: { name: string }) {
  const found = useCampaign(name);
  if (found.isError) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading rows={10} />;
  return <Wizard key={name} known={found.data} start={found.data.definition} />;
}

export interface StepProps {
  definition: Definition;
  change: (part: Partial<Definition>) => void;
  /** The name under which it is saved, if it is. */
  saved: string | null;
}

function Wizard({ known, start }: { known: CampaignDetail | null; start: Definition }) {
  const w = useWords(wizard);
  const a = useWords(campaigns);
  const [asked, setStep] = useQueryValue("step", "audience");
  const step = WIZARD_STEPS.includes(asked as WizardStep) ? (asked as WizardStep) : "audience";
  const [definition, setDefinition] = useState(start);
  const [error, setError] = useState<unknown>(null);
  const saving = useSaving(known, definition, setDefinition, setError, setStep);
  const changed = JSON.stringify(sent(definition)) !== saving.clean;
  useLeavingGuard(known !== null && changed, w.leave);
  useEffect(() => {
    if (known === null && changed) keepDraft(definition);
  }, [known, definition, changed]);
  const change = (part: Partial<Definition>) => {
    setError(null);
    setDefinition((before) => ({ ...before, ...part }));
  };
  const at = WIZARD_STEPS.indexOf(step);
  const next = async () => {
    const following = WIZARD_STEPS[at + 1] ?? "approve";
    if (step === "audience" && known === null) return setStep(following); // it cannot be saved before it says anything
    if (!changed || step === "plan") return setStep(following);
    await saving.save(following);
  };
  const props: StepProps = { definition, change, saved: known?.campaign ?? null };
  const own = step in PLACES ? PLACES[step as keyof typeof PLACES] : [];
  const title = known === null ? w.newTitle : w.editTitle(known.campaign);
  return (
    <Page wide={step === "content"} title={title} above={known === null ? { href: "/campaigns", label: a.title } : { href: address("campaigns", known.campaign), label: known.campaign }}>
      <StepList step={step} saved={known !== null} go={setStep} />
      <RefusalProvider value={error}>
        <RefusalAbove error={error} places={own} />
        {step === "audience" && <AudienceStep {...props} />}
        {step === "content" && <ContentStep {...props} />}
        {step === "experiment" && <ExperimentStep {...props} />}
        {step === "schedule" && <ScheduleStep {...props} />}
        {step === "plan" && known !== null && <PlanStep name={known.campaign} />}
        {step === "approve" && known !== null && <ApproveStep name={known.campaign} />}
      </RefusalProvider>
      <Foot step={step} known={known} changed={changed} busy={saving.busy} back={() => setStep(WIZARD_STEPS[at - 1] ?? "audience")} next={() => void next()} save={() => void saving.save(step)} />
      {saving.conflict !== null && <ConflictDialog version={saving.conflict.version} close={saving.forget} mine={() => void saving.overwrite()} theirs={saving.take} />}
    </Page>
  );
}

interface FootProps {
  step: WizardStep;
  known: CampaignDetail | null;
  changed: boolean;
  busy: boolean;
  back: () => void;
  next: () => void;
  save: () => void;
}

function Foot({ step, known, changed, busy, back, next, save }: FootProps) {
  const w = useWords(wizard);
  const c = useWords(common);
  const written = step !== "plan" && step !== "approve";
  return (
    <div className="wizard-foot">
      {step !== "audience" && <Button onClick={back}>{c.back}</Button>}
      {written && (
        <Button disabled={!changed} loading={busy} onClick={save}>
          {w.save}
        </Button>
      )}
      {step !== "approve" && (
        <Button type="primary" loading={busy} onClick={next}>
          {c.next}
        </Button>
      )}
      {step === "approve" && known !== null && <Link href={address("campaigns", known.campaign)}>{w.toPage}</Link>}
      {known === null && changed && <span className="quiet small">{w.keptHere}</span>}
    </div>
  );
}

function StepList({ step, saved, go: to }: { step: WizardStep; saved: boolean; go: (step: string) => void }) {
  const w = useWords(wizard);
  const names = useStepWords();
  const at = WIZARD_STEPS.indexOf(step);
  return (
    <nav aria-label={w.jumpTo}>
      <ol className="stepper">
        {WIZARD_STEPS.map((one, i) => {
          const open = saved || i <= 1;
          return (
            <li key={one} className={i < at ? "done" : one === step ? "next" : ""}>
              <button type="button" className="link" disabled={!open} aria-current={one === step ? "step" : undefined} onClick={() => to(one)}>
                <b>
                  {i + 1}. {names[one]}
                </b>
              </button>
            </li>
          );
        })}
      </ol>
    </nav>
  );
}

interface Kept {
  campaign: string;
  version: number;
  notes?: string[];
}

/** Saving a draft; a newer version of somebody else is asked about, and a refusal leads to its step. */
function useSaving(known: CampaignDetail | null, definition: Definition, setDefinition: (made: Definition) => void, setError: (error: unknown) => void, setStep: (step: string) => void) {
  const w = useWords(wizard);
  const { message } = App.useApp();
  const { user } = useApp();
  const cache = useQueryClient();
  const [clean, setClean] = useState(() => (known === null ? JSON.stringify(sent({})) : JSON.stringify(sent(known.definition))));
  const [base, setBase] = useState(known?.version ?? 0);
  const [busy, setBusy] = useState(false);
  const [conflict, setConflict] = useState<{ version: number; definition: Definition; then: WizardStep } | null>(null);
  const put = async (then: WizardStep, onto: number) => {
    const body = sent({ owner: user?.name, ...definition });
    const name = (known?.campaign ?? definition.name ?? "").trim();
    setBusy(true);
    setError(null);
    try {
      if (name === "") await api.post("/api/v1/campaigns/check", { body: { definition: body } }); // which tells that the name is missing
      const made = await api.put<Kept>("/api/v1/campaigns/{name}", { path: { name }, body: { definition: { ...body, name }, base_version: onto } });
      setClean(JSON.stringify(sent(definition)));
      setBase(made.version);
      void message.success(w.savedVersion(made.campaign, made.version));
      for (const note of made.notes ?? []) void message.warning(note);
      await cache.invalidateQueries({ predicate: (q) => String(q.queryKey[0]).startsWith("campaign") });
      if (known === null) {
        keepDraft(null);
        go(`${address("campaigns", made.campaign)}/edit?step=${then}`, { replace: true, saved: true });
      } else setStep(then);
    } catch (problem) {
      const theirs = problem instanceof ApiError && problem.code === "newer_version" ? (problem.body.theirs as CampaignDetail | null) : null;
      if (theirs !== null) {
        setConflict({ version: theirs.version, definition: theirs.definition, then });
      } else {
        setError(problem);
        const faulty = stepOf(problem);
        if (faulty !== null) setStep(faulty);
      }
    } finally {
      setBusy(false);
    }
  };
  const overwrite = async () => {
    const met = conflict;
    setConflict(null);
    if (met !== null) await put(met.then, met.version);
  };
  const take = () => {
    if (conflict === null) return;
    setBase(conflict.version);
    setDefinition(conflict.definition);
    setClean(JSON.stringify(sent(conflict.definition)));
    setConflict(null);
  };
  return { clean, busy, conflict, save: (then: WizardStep) => put(then, base), overwrite, take, forget: () => setConflict(null) };
}
