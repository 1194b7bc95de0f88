/** Writing a journey: who comes in, its steps one below the other, who leaves; beside them the way and its words. */
import { App, Button, Input } from "antd";
import { useState } from "react";
import { ApiError, api } from "../../api/client";
import { useApp, useWords } from "../../app/context";
import { address, go, Link, usePlace } from "../../app/router";
import { ConflictDialog } from "../../ui/ConflictDialog";
import { Field, RefusalAbove, RefusalProvider } from "../../ui/Field";
import { Page, Panel } from "../../ui/Page";
import { ErrorState, Loading } from "../../ui/States";
import { useLeavingGuard } from "../../ui/useLeavingGuard";
import { common } from "../../words/common";
import { placed, sent, stepAt } from "./draft";
import { EntryForm, ExitForm, HoursForm } from "./EntryForm";
import { useJourney } from "./JourneyPage";
import { Picture } from "./Picture";
import type { Definition, JourneyDetail } from "./shapes";
import { type FoldState, StepList, useFolds } from "./StepList";
import { Story } from "./Story";
import { useFresh } from "./useActs";
import { editing, journeys } from "./words";
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
  const folds = useFolds(known === null ? start.steps?.[0]?.id : undefined);
  const saving = useSaving(known, definition, setDefinition, setError, folds.show);
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
            <StepList steps={steps} error={error} folds={folds} put={(made) => change({ steps: made })} />
            <ExitForm definition={definition} change={change} />
            <HoursForm definition={definition} change={change} />
          </div>
          <div className="editor-side">
            <Panel title={w.picture}>
              <Picture steps={steps} wrong={wrong} onOpen={(step) => folds.show(steps, steps.findIndex((one) => one.id === step))} />
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
function useSaving(known: JourneyDetail | null, definition: Definition, setDefinition: (made: Definition) => void, setError: (error: unknown) => void, show: FoldState["show"]) {
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
        if (at !== null) show(definition.steps ?? [], at);
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
