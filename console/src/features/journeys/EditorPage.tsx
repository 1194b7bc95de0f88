/** Writing a journey: who comes in, its steps one below the other, who leaves; beside them the way and its words. */
import { ArrowDownOutlined, ArrowUpOutlined, DeleteOutlined, HolderOutlined, PlusOutlined } from "@ant-design/icons";
import { App, Button, Dropdown, Input } from "antd";
import { useState } from "react";
import { ApiError, api } from "../../api/client";
import { useApp, useWords } from "../../app/context";
import { address, go, Link, usePlace } from "../../app/router";
import { ConflictDialog } from "../../ui/ConflictDialog";
import { Field, isAt, RefusalAbove, RefusalProvider } from "../../ui/Field";
import { Page, Panel } from "../../ui/Page";
import { ErrorState, Loading } from "../../ui/States";
import { useLeavingGuard } from "../../ui/useLeavingGuard";
import { common } from "../../words/common";
import { inserted, kindOf, moved, newStep, placed, removed, renamed, sent, stepAt } from "./draft";
import { EntryForm, ExitForm, HoursForm } from "./EntryForm";
import { useJourney } from "./JourneyPage";
import { KindIcon, Picture } from "./Picture";
import { type Definition, type JourneyDetail, KINDS, type Kind, type Step } from "./shapes";
import { FIELDS, StepForm } from "./StepForm";
import { Story } from "./Story";
import { useFresh } from "./useActs";
import { editing, journeys, telling } from "./words";
import "../../ui/marketing.css";
import "./journeys.css";

export default function EditorPage({ name }: { name?: string }) {
  return name === undefined ? <Fresh /> : <Known name={name} />;
}

function Fresh() {
  const w = useWords(editing);
  const { query } = usePlace();
  const [start] = useState<Definition>(() => ({
    entry: { audience: query.get("audience") ?? "" },
    steps: [{ id: w.firstMessage, send: { content: {} } }, { id: w.firstWait, wait: { for: "3d" } }, { id: w.firstEnd, end: true }],
  }));
  return <Editor known={null} start={start} />;
}

function Known({ name }: { name: string }) {
  const found = useJourney(name);
  if (found.isError) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading rows={10} />;
  return <Editor key={name} known={found.data} start={found.data.definition} />;
}

const ABOVE = ["name", "description", "owner", "entry", "exit", "quiet", "zone", "zone_of", "every_minutes"];

function Editor({ known, start }: { known: JourneyDetail | null; start: Definition }) {
  const w = useWords(editing);
  const a = useWords(journeys);
  const [definition, setDefinition] = useState(start);
  const [error, setError] = useState<unknown>(null);
  const saving = useSaving(known, definition, setDefinition, setError);
  useLeavingGuard(saving.changed, w.leave);
  const change = (part: Partial<Definition>) => {
    setError(null);
    setDefinition((before) => ({ ...before, ...part }));
  };
  const steps = definition.steps ?? [];
  const faulty = stepAt(error);
  const wrong = new Set(faulty === null ? [] : [steps[faulty]?.id ?? ""]);
  const title = known === null ? w.newTitle : w.editTitle(known.journey);
  return (
    <Page wide title={title} above={known === null ? { href: "/journeys", label: a.title } : { href: address("journeys", known.journey), label: known.journey }} actions={<Actions saving={saving} />}>
      <RefusalProvider value={error}>
        {faulty === null && <RefusalAbove error={error} places={ABOVE} />}
        <div className="editor">
          <div className="stack">
            <About definition={definition} change={change} saved={known !== null} />
            <EntryForm definition={definition} change={change} />
            <Steps steps={steps} error={error} put={(made) => change({ steps: made })} />
            <ExitForm definition={definition} change={change} />
            <HoursForm definition={definition} change={change} />
          </div>
          <div className="editor-side">
            <Panel title={w.picture}>
              <Picture steps={steps} wrong={wrong} onOpen={(step) => show(steps.findIndex((one) => one.id === step))} />
            </Panel>
            <Panel title={a.says}>
              <Story definition={definition} />
            </Panel>
          </div>
        </div>
      </RefusalProvider>
      {saving.conflict !== null && <ConflictDialog version={saving.conflict.version} close={saving.forget} mine={() => void saving.overwrite()} theirs={saving.take} />}
    </Page>
  );
}

const cardOf = (at: number) => `step-${at}`;

/** Brings a step into view, and the keyboard to it. */
function show(at: number): void {
  const card = document.getElementById(cardOf(at));
  card?.scrollIntoView({ block: "center" });
  card?.focus({ preventScroll: true });
}

function About({ definition, change, saved }: { definition: Definition; change: (part: Partial<Definition>) => void; saved: boolean }) {
  const w = useWords(editing);
  const a = useWords(journeys);
  const c = useWords(common);
  return (
    <Panel title={a.about}>
      <Field label={c.name} place="name" hint={w.nameHint}>
        {(control) => <Input {...control} value={definition.name ?? ""} disabled={saved} maxLength={100} autoComplete="off" onChange={(event) => change({ name: event.target.value })} />}
      </Field>
      <Field label={c.description} place="description">
        {(control) => <Input.TextArea {...control} autoSize value={definition.description ?? ""} maxLength={2000} onChange={(event) => change({ description: event.target.value })} />}
      </Field>
    </Panel>
  );
}

interface StepsProps {
  steps: Step[];
  error: unknown;
  put: (steps: Step[]) => void;
}

function Steps({ steps, error, put }: StepsProps) {
  const w = useWords(editing);
  const [dragged, setDragged] = useState<number | null>(null);
  const [over, setOver] = useState<number | null>(null);
  const drop = (at: number) => {
    if (dragged !== null) put(moved(steps, dragged, at));
    setDragged(null);
    setOver(null);
  };
  return (
    <section aria-label={w.steps}>
      <ol>
        {steps.map((step, at) => (
          <li key={at.toString()}>
            <AddStep label={w.addHere(at + 1)} steps={steps} add={(made) => put(inserted(steps, at, made))} />
            <div
              onDragOver={(event) => {
                if (dragged === null) return;
                event.preventDefault();
                setOver(at);
              }}
              onDrop={() => drop(at)}
              onDragEnd={() => setDragged(null)}
            >
              <StepCard step={step} at={at} steps={steps} error={error} put={put} lift={() => setDragged(at)} over={over === at && dragged !== null} />
            </div>
          </li>
        ))}
      </ol>
      <AddStep label={w.add} wide steps={steps} add={(made) => put([...steps, made])} />
    </section>
  );
}

/** A button that offers the kinds of steps. */
function AddStep({ label, wide, steps, add }: { label: string; wide?: boolean; steps: Step[]; add: (step: Step) => void }) {
  const w = useWords(editing);
  const t = useWords(telling);
  const called: Record<Kind, string> = { send: w.called_send, wait: w.called_wait, condition: w.called_condition, split: w.called_split, event: w.called_event, page: w.called_page, end: w.called_end };
  const items = KINDS.map((kind) => ({ key: kind, icon: <KindIcon kind={kind} />, label: t[kind], onClick: () => add(newStep(kind, called[kind], steps)) }));
  return (
    <div className="journey-between">
      <Dropdown menu={{ items }} trigger={["click"]}>
        <Button size={wide ? "middle" : "small"} type={wide ? "dashed" : "text"} icon={<PlusOutlined aria-hidden="true" />} aria-label={label} title={label}>
          {wide ? label : undefined}
        </Button>
      </Dropdown>
    </div>
  );
}

interface CardProps extends StepsProps {
  step: Step;
  at: number;
  lift: () => void;
  over: boolean;
}

function StepCard({ step, at, steps, error, put, lift, over }: CardProps) {
  const w = useWords(editing);
  const t = useWords(telling);
  const kind = kindOf(step);
  const own = `steps[${at}]`;
  const concerned = isAt(error, own);
  const change = (made: Step) => put(steps.map((one, i) => (i === at ? made : one)));
  return (
    <section id={cardOf(at)} tabIndex={-1} className={`journey-step${concerned ? " refused" : ""}${over ? " over" : ""}`} aria-label={w.stepNumber(at + 1, step.id)} data-step={step.id}>
      <div className="journey-step-head">
        <button type="button" className="grip" draggable tabIndex={-1} aria-hidden="true" title={w.grip(step.id)} onDragStart={lift}>
          <HolderOutlined aria-hidden="true" />
        </button>
        <KindIcon kind={kind} />
        <h3>{w.stepNumber(at + 1, t[kind])}</h3>
        <span className="spacer" />
        <CardButtons step={step} at={at} steps={steps} put={put} />
      </div>
      {concerned && <RefusalAbove error={error} places={FIELDS[kind].map((part) => `${own}.${part}`)} />}
      <Field label={w.stepName} place={`${own}.id`}>
        {(control) => <Input {...control} value={step.id} maxLength={40} onChange={(event) => put(renamed(steps, at, event.target.value))} />}
      </Field>
      <StepForm step={step} at={at} steps={steps} change={change} />
    </section>
  );
}

function CardButtons({ step, at, steps, put }: { step: Step; at: number; steps: Step[]; put: (steps: Step[]) => void }) {
  const w = useWords(editing);
  const { message } = App.useApp();
  const remove = () => {
    put(removed(steps, at));
    const undo = () => {
      put(steps);
      message.destroy("removed");
    };
    void message.open({
      key: "removed",
      type: "info",
      duration: 6,
      content: (
        <>
          {w.removed(step.id)}{" "}
          <Button size="small" onClick={undo}>
            {w.undo}
          </Button>
        </>
      ),
    });
  };
  const move = (to: number) => {
    put(moved(steps, at, to));
    requestAnimationFrame(() => show(to));
  };
  const button = (label: string, icon: React.ReactNode, off: boolean, act: () => void) => <Button type="text" size="small" aria-label={label} title={label} icon={icon} disabled={off} onClick={act} />;
  return (
    <>
      {button(w.up(step.id), <ArrowUpOutlined aria-hidden="true" />, at === 0, () => move(at - 1))}
      {button(w.down(step.id), <ArrowDownOutlined aria-hidden="true" />, at === steps.length - 1, () => move(at + 1))}
      {button(w.remove(step.id), <DeleteOutlined aria-hidden="true" />, steps.length === 1, remove)}
    </>
  );
}

type Saving = ReturnType<typeof useSaving>;

function Actions({ saving }: { saving: Saving }) {
  const w = useWords(editing);
  const c = useWords(common);
  return (
    <>
      {saving.home !== null && <Link href={saving.home}>{c.cancel}</Link>}
      <Button loading={saving.busy} onClick={() => void saving.check()}>
        {w.check}
      </Button>
      <Button type="primary" loading={saving.busy} disabled={!saving.changed} onClick={() => void saving.save()}>
        {w.save}
      </Button>
    </>
  );
}

/** Saving and checking; a newer version of somebody else is asked about, and a refusal leads to its step. */
function useSaving(known: JourneyDetail | null, definition: Definition, setDefinition: (made: Definition) => void, setError: (error: unknown) => void) {
  const w = useWords(editing);
  const { message } = App.useApp();
  const { user } = useApp();
  const fresh = useFresh();
  const [clean, setClean] = useState(() => JSON.stringify(sent(known?.definition ?? definition)));
  const [base, setBase] = useState(known?.version ?? 0);
  const [busy, setBusy] = useState(false);
  const [conflict, setConflict] = useState<{ version: number; definition: Definition } | null>(null);
  const name = (known?.journey ?? definition.name ?? "").trim();
  const body = { ...(known === null ? { owner: user?.name } : {}), ...sent(definition), name: name === "" ? undefined : name };
  const attempt = async (work: () => Promise<void>) => {
    setBusy(true);
    setError(null);
    try {
      await work();
    } catch (problem) {
      const theirs = problem instanceof ApiError && problem.code === "newer_version" ? (problem.body.theirs as JourneyDetail | null) : null;
      if (theirs !== null) setConflict({ version: theirs.version, definition: theirs.definition });
      else {
        const told = placed(problem, definition.steps ?? []);
        setError(told);
        const at = stepAt(told);
        if (at !== null) requestAnimationFrame(() => show(at));
        else window.scrollTo(0, 0);
      }
    } finally {
      setBusy(false);
    }
  };
  const checked = () => api.post("/api/v1/journeys/check", { body: { definition: body } });
  const put = (onto: number) =>
    attempt(async () => {
      if (name === "") await checked(); // which tells that the name is missing
      const made = await api.put<{ journey: string; version: number }>("/api/v1/journeys/{name}", { path: { name }, body: { definition: body, base_version: onto } });
      setClean(JSON.stringify(sent(definition)));
      setBase(made.version);
      void message.success(w.savedVersion(made.journey, made.version));
      await fresh();
      go(address("journeys", made.journey), { saved: true });
    });
  const check = () =>
    attempt(async () => {
      await checked();
      void message.success(w.checked);
    });
  const overwrite = async () => {
    const met = conflict;
    setConflict(null);
    if (met !== null) await put(met.version);
  };
  const take = () => {
    if (conflict === null) return;
    setBase(conflict.version);
    setDefinition(conflict.definition);
    setClean(JSON.stringify(sent(conflict.definition)));
    setConflict(null);
  };
  const changed = JSON.stringify(sent(definition)) !== clean;
  return { busy, changed, conflict, check, save: () => put(base), overwrite, take, forget: () => setConflict(null), home: known === null ? "/journeys" : address("journeys", known.journey) };
}
