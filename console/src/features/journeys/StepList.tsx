/** The steps of a journey that is written, one below the other: each a line that unfolds, moves and goes. */
import { ArrowDownOutlined, ArrowUpOutlined, DeleteOutlined, HolderOutlined, PlusOutlined, RightOutlined } from "@ant-design/icons";
import { App, Button, Dropdown, Input } from "antd";
import { type DragEvent, useState } from "react";
import { useWords } from "../../app/context";
import { Field, isAt, RefusalAbove } from "../../ui/Field";
import { inserted, kindOf, moved, newStep, removed, renamed } from "./draft";
import { allOpen, called, type Folds, opened, pressed, turned } from "./folds";
import { KindIcon } from "./Picture";
import { KINDS, type Kind, type Step } from "./shapes";
import { FIELDS, StepForm } from "./StepForm";
import { useTelling } from "./tell";
import { editing, telling } from "./words";

const cardOf = (at: number) => `step-${at}`;

export interface FoldState {
  folds: Folds;
  set: (change: (before: Folds) => Folds) => void;
  /** Opens a step, brings it into view, and the keyboard to it. */
  show: (steps: Step[], at: number) => void;
}

/** Which steps are open; to begin with the one of that name. */
export function useFolds(first: string | undefined): FoldState {
  const [folds, set] = useState<Folds>(() => ({ open: new Set(first === undefined ? [] : [first]), together: false }));
  const show = (steps: Step[], at: number) => {
    const step = steps[at];
    if (step !== undefined) set((before) => opened(before, step.id));
    requestAnimationFrame(() => focusCard(at));
  };
  return { folds, set, show };
}

/** Brings a step into view, and the keyboard to it. */
function focusCard(at: number): void {
  const card = document.getElementById(cardOf(at));
  card?.scrollIntoView({ block: "center" });
  card?.focus({ preventScroll: true });
}

interface StepsProps {
  steps: Step[];
  error: unknown;
  folds: FoldState;
  put: (steps: Step[]) => void;
}

export function StepList({ steps, error, folds, put }: StepsProps) {
  const w = useWords(editing);
  const [dragged, setDragged] = useState<number | null>(null);
  const [over, setOver] = useState<number | null>(null);
  const names = steps.map((step) => step.id);
  const add = (at: number) => (made: Step) => {
    put(inserted(steps, at, made));
    folds.set((before) => opened(before, made.id));
  };
  const drop = (at: number) => {
    if (dragged !== null) put(moved(steps, dragged, at));
    setDragged(null);
    setOver(null);
  };
  return (
    <section aria-label={w.steps}>
      <div className="journey-steps-head">
        <h2>{w.stepsTitle(steps.length)}</h2>
        <Button size="small" type="text" onClick={() => folds.set((before) => turned(before, names))}>
          {allOpen(folds.folds, names) ? w.foldAll : w.openAll}
        </Button>
      </div>
      <ol>
        {steps.map((step, at) => (
          <li key={at.toString()}>
            <AddStep label={w.addHere(at + 1)} steps={steps} add={add(at)} />
            <div
              onDragOver={(event) => {
                if (dragged === null) return;
                event.preventDefault();
                setOver(at);
              }}
              onDrop={() => drop(at)}
              onDragEnd={() => setDragged(null)}
            >
              <StepCard step={step} at={at} steps={steps} error={error} folds={folds} put={put} lift={() => setDragged(at)} over={over === at && dragged !== null} />
            </div>
          </li>
        ))}
      </ol>
      <AddStep label={w.add} wide steps={steps} add={add(steps.length)} />
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

function StepCard({ step, at, steps, error, folds, put, lift, over }: CardProps) {
  const w = useWords(editing);
  const own = `steps[${at}]`;
  const concerned = isAt(error, own);
  const open = folds.folds.open.has(step.id);
  const change = (made: Step) => put(steps.map((one, i) => (i === at ? made : one)));
  const rename = (name: string) => {
    put(renamed(steps, at, name));
    folds.set((before) => called(before, step.id, name));
  };
  const classes = ["journey-step", ...(open ? ["open"] : []), ...(concerned ? ["refused"] : []), ...(over ? ["over"] : [])];
  return (
    <section id={cardOf(at)} tabIndex={-1} className={classes.join(" ")} aria-label={w.stepNumber(at + 1, step.id)} data-step={step.id}>
      <div className="journey-step-head">
        <Grip label={w.grip(step.id)} card={cardOf(at)} lift={lift} />
        <CardTitle step={step} at={at} open={open} press={() => folds.set((before) => pressed(before, step.id))} />
        <CardButtons step={step} at={at} steps={steps} put={put} />
      </div>
      {open && (
        <div className="journey-step-fields">
          {concerned && <RefusalAbove error={error} places={FIELDS[kindOf(step)].map((part) => `${own}.${part}`)} />}
          <Field label={w.stepName} place={`${own}.id`}>
            {(control) => <Input {...control} value={step.id} maxLength={40} onChange={(event) => rename(event.target.value)} />}
          </Field>
          <StepForm step={step} at={at} steps={steps} change={change} />
        </div>
      )}
    </section>
  );
}

/** What a step is lifted by; of no use to a keyboard, which has buttons for it. */
function Grip({ label, card, lift }: { label: string; card: string; lift: () => void }) {
  const start = (event: DragEvent) => {
    const lifted = document.getElementById(card);
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", label); // without it Firefox does not begin
    if (lifted !== null) event.dataTransfer.setDragImage(lifted, 12, 18);
    lift();
  };
  return (
    <span className="grip" draggable aria-hidden="true" title={label} onDragStart={start}>
      <HolderOutlined />
    </span>
  );
}

/** The line of a step, which opens and folds it: its number and kind; while it is folded also its name and what it does. */
function CardTitle({ step, at, open, press }: { step: Step; at: number; open: boolean; press: () => void }) {
  const w = useWords(editing);
  const t = useWords(telling);
  const told = useTelling();
  const kind = kindOf(step);
  return (
    <h3>
      <button type="button" className="journey-fold" aria-expanded={open} onClick={press}>
        <RightOutlined aria-hidden="true" className="journey-turn" />
        <KindIcon kind={kind} />
        <span className="nowrap">{w.stepNumber(at + 1, t[kind])}</span>
        {!open && (
          <span className="journey-line-says">
            <b translate="no">{step.id}</b> {told(step)}
          </span>
        )}
      </button>
    </h3>
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
    requestAnimationFrame(() => focusCard(to));
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
