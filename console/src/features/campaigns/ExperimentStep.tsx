/** Who gets what, who gets nothing to compare with, and what the campaign should bring about. */
import { DeleteOutlined, PlusOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { AutoComplete, Button, Input, InputNumber, Select, Slider } from "antd";
import { ClearableSelect } from "../../ui/ClearableSelect";
import { useId } from "react";
import { api } from "../../api/client";
import type { DatasetRow, FieldRow, JsonObject } from "../../api/shapes";
import { useApp, useFormat, useWords } from "../../app/context";
import { Link } from "../../app/router";
import { Field, useRefusal } from "../../ui/Field";
import { Panel } from "../../ui/Page";
import { usePartWords } from "../../ui/partWords";
import { TemplateField } from "../../ui/TemplateField";
import { common } from "../../words/common";
import { partsOf } from "../../ui/message";
import { WhereField } from "../../ui/RuleFields";
import { ProblemText } from "../../ui/States";
import { NUMERIC, useTags } from "../../ui/useTags";
import { armsOf, type Definition, type Goal, type Reading } from "./shapes";
import type { StepProps } from "./WizardPage";
import { exclusionOf, freeFor, useExclusions } from "./useExclusions";
import { campaigns, exclusions, wizard } from "./words";

export function ExperimentStep(props: StepProps) {
  return (
    <div className="grid">
      <div className="span-7 stack">
        <Holdout {...props} />
        <Arms {...props} />
        <HowRead {...props} />
        <Apart {...props} />
      </div>
      <div className="span-5 stack">
        <Goals {...props} />
        <Costs {...props} />
      </div>
    </div>
  );
}

function withExperiment(definition: Definition, part: Definition["experiment"]): Partial<Definition> {
  return { experiment: { ...definition.experiment, ...part } };
}

function Holdout({ definition, change }: StepProps) {
  const w = useWords(wizard);
  const f = useFormat();
  const held = definition.experiment?.holdout ?? 0;
  const set = (share: number) => change(withExperiment(definition, { holdout: share }));
  return (
    <Panel title={w.holdout}>
      <Field label={f.percent(held)} place="experiment.holdout" hint={w.holdoutHint}>
        {(control) => (
          <div className="fields">
            <Slider min={0} max={50} value={Math.round(held * 100)} onChange={(percent) => set(percent / 100)} ariaLabelForHandle={w.holdout} />
            <InputNumber {...control} aria-label={w.holdout} min={0} max={99} step={1} suffix="%" value={Number((held * 100).toFixed(3))} onChange={(percent) => set((percent ?? 0) / 100)} />
          </div>
        )}
      </Field>
    </Panel>
  );
}

type ArmRow = ReturnType<typeof armsOf>[number];

function Arms({ definition, change }: StepProps) {
  const w = useWords(wizard);
  const arms = armsOf(definition);
  const put = (made: ArmRow[]) => change({ experiment: { ...definition.experiment, weights: undefined, arms: Object.fromEntries(made.map((arm) => [arm.name, { weight: arm.weight, content: arm.content }])) } });
  const add = () => {
    const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ".split("");
    const free = letters.filter((letter) => !arms.some((arm) => arm.name === letter));
    const made = arms.length === 0 ? free.slice(0, 2) : free.slice(0, 1);
    put([...arms, ...made.map((name) => ({ name, weight: 1, content: {} }))]);
  };
  const total = arms.reduce((sum, arm) => sum + arm.weight, 0);
  return (
    <Panel title={w.arms}>
      <p className="finding">{w.armsHint}</p>
      {arms.map((arm, i) => (
        <ArmForm
          key={i.toString()}
          arm={arm}
          share={total > 0 ? arm.weight / total : 0}
          parts={partsOf(definition.content ?? {})}
          change={(made) => put(arms.map((one, j) => (i === j ? made : one)))}
          remove={() => put(arms.length <= 2 ? [] : arms.filter((_, j) => i !== j))}
        />
      ))}
      <Button icon={<PlusOutlined aria-hidden="true" />} onClick={add}>
        {w.addArm}
      </Button>
    </Panel>
  );
}

/** What is taken out of the comparison, and which reading decides: settled before there is anything to see. */
function HowRead({ definition, change }: StepProps) {
  const w = useWords(wizard);
  const tags = useTags();
  const { adjust = true, decides = "adjusted" } = definition.experiment ?? {};
  const named = typeof adjust === "string" ? [adjust] : Array.isArray(adjust) ? adjust : null;
  const way = named !== null ? "tags" : adjust ? "before" : "off";
  const numbers = tags.filter((tag) => [...NUMERIC, "boolean"].includes(tag.type));
  const ways = [
    { value: "before", label: w.adjustBefore },
    { value: "tags", label: w.adjustTags },
    { value: "off", label: w.adjustOff },
  ];
  const readings = [
    { value: "adjusted", label: w.decidesAdjusted },
    { value: "plain", label: w.decidesPlain },
  ];
  const choose = (chosen: string) => change(withExperiment(definition, { adjust: chosen === "tags" ? [] : chosen === "before", ...(chosen === "off" ? { decides: undefined } : {}) }));
  return (
    <Panel title={w.reading}>
      <p className="finding">{w.readingHint}</p>
      <div className="fields">
        <Field label={w.adjustBy} place="experiment.adjust">
          {(control) => <Select {...control} value={way} options={ways} onChange={choose} />}
        </Field>
        {way === "tags" && (
          <Field label={w.adjustNames} place="experiment.adjust">
            {(control) => (
              <Select {...control} mode="multiple" value={named ?? []} options={numbers.map((tag) => ({ value: tag.tag, label: tag.label }))} onChange={(names: string[]) => change(withExperiment(definition, { adjust: names }))} />
            )}
          </Field>
        )}
        {way !== "off" && (
          <Field label={w.decides} place="experiment.decides">
            {(control) => <Select {...control} value={decides} options={readings} onChange={(reading: Reading) => change(withExperiment(definition, { decides: reading }))} />}
          </Field>
        )}
      </div>
    </Panel>
  );
}

/** The group that keeps the campaign apart from others, and how much of it is free. */
function Apart({ definition, change, saved }: StepProps) {
  const w = useWords(exclusions);
  const f = useFormat();
  const known = useExclusions().data ?? [];
  const { group, share } = exclusionOf(definition) ?? { group: "", share: null };
  const free = freeFor(known, group, saved);
  const put = (made: { group: string; share: number | null }) => change({ exclusion: made.group === "" ? undefined : { group: made.group, share: made.share ?? undefined } });
  const told = share !== null && share > free + 1e-9 ? w.tooMuch : known.some((one) => one.group === group) ? w.freeNow : (_: string, name: string) => w.newGroup(name);
  return (
    <Panel title={w.panel} extra={<Link href="/exclusions">{w.show}</Link>}>
      <p className="finding">{w.panelHint}</p>
      <div className="fields">
        <Field label={w.group} place={["exclusion.group", "exclusion"]} hint={w.groupHint}>
          {(control) => <AutoComplete {...control} value={group} options={known.map((one) => ({ value: one.group }))} onChange={(name: string) => put({ group: name, share })} />}
        </Field>
        {group !== "" && (
          <Field label={w.share} place="exclusion.share" hint={w.shareHint}>
            {(control) => <InputNumber {...control} min={0.1} max={100} suffix="%" value={share === null ? null : Number((share * 100).toFixed(3))} onChange={(percent) => put({ group, share: percent === null ? null : percent / 100 })} />}
          </Field>
        )}
      </div>
      {group !== "" && (
        <p className={told === w.tooMuch ? "warn" : "quiet"} role="status">
          {told(f.percent(free), group)}
        </p>
      )}
    </Panel>
  );
}

interface ArmProps {
  arm: ArmRow;
  share: number;
  parts: [string, unknown][];
  change: (arm: ArmRow) => void;
  remove: () => void;
}

function ArmForm({ arm, share, parts, change, remove }: ArmProps) {
  const named = usePartWords();
  const w = useWords(wizard);
  const f = useFormat();
  const id = useId();
  const own = Object.keys(arm.content);
  const choose = (names: string[]) => change({ ...arm, content: Object.fromEntries(names.map((name) => [name, arm.content[name] ?? parts.find(([part]) => part === name)?.[1] ?? ""])) });
  return (
    <section className="repeat" aria-label={arm.name}>
      <div className="repeat-head">
        <b>{arm.name}</b>
        <span className="quiet small">{w.armShare(f.percent(share))}</span>
        <Button type="text" size="small" aria-label={w.removeArm(arm.name)} title={w.removeArm(arm.name)} icon={<DeleteOutlined aria-hidden="true" />} onClick={remove} />
      </div>
      <div className="fields">
        <Field label={w.armName} place={`experiment.arms.${arm.name}`}>
          {(control) => <Input {...control} value={arm.name} maxLength={60} onChange={(event) => change({ ...arm, name: event.target.value })} />}
        </Field>
        <Field label={w.weight} place={[`experiment.arms.${arm.name}.weight`, `experiment.weights.${arm.name}`]}>
          {(control) => <InputNumber {...control} min={0.01} value={arm.weight} onChange={(weight) => change({ ...arm, weight: weight ?? 1 })} />}
        </Field>
      </div>
      <div className="field">
        <label htmlFor={id}>{w.armContent}</label>
        <Select id={id} mode="multiple" value={own} options={parts.map(([name]) => ({ value: name, label: named(name) }))} onChange={choose} />
      </div>
      {own.map((name) => (
        <TemplateField key={name} label={named(name)} place={`experiment.arms.${arm.name}.content.${name}`} lines={2} value={String(arm.content[name] ?? "")} onChange={(value) => change({ ...arm, content: { ...arm.content, [name]: value } })} />
      ))}
    </section>
  );
}

function Goals({ definition, change }: StepProps) {
  const w = useWords(wizard);
  const goals = definition.goals ?? [];
  const put = (made: Goal[]) => change({ goals: made });
  const datasets = useQuery({
    queryKey: ["datasets", "events"],
    queryFn: async ({ signal }) => (await api.get<{ datasets: DatasetRow[] }>("/api/v1/datasets", { signal })).datasets.filter((row) => row.kind === "events"),
  });
  const events = (datasets.data ?? []).map((row) => row.dataset);
  return (
    <Panel title={w.goals}>
      <p className="finding">{w.goalsHint}</p>
      {goals.map((goal, i) => (
        <GoalForm
          key={i.toString()}
          goal={goal}
          number={i}
          events={events}
          change={(made) => put(goals.map((one, j) => (i === j ? made : one)))}
          remove={() => put(goals.filter((_, j) => i !== j))}
        />
      ))}
      <Button icon={<PlusOutlined aria-hidden="true" />} onClick={() => put([...goals, { events: events[0] ?? "", within: "7d" }])}>
        {w.addGoal}
      </Button>
    </Panel>
  );
}

/** What it costs, as exact decimals in the workspace's currency. */
function Costs({ definition, change }: StepProps) {
  const w = useWords(wizard);
  const { status } = useApp();
  const cost = definition.cost ?? {};
  return (
    <Panel title={w.costs}>
      <div className="fields">
        {(["per_message", "fixed"] as const).map((key) => (
          <Field key={key} label={key === "fixed" ? w.fixed : w.perMessage} place={`cost.${key}`}>
            {(control) => <InputNumber {...control} stringMode min="0" suffix={status.currency} value={cost[key] ?? null} onChange={(value) => change({ cost: { ...cost, [key]: value === null ? undefined : String(value) } })} />}
          </Field>
        ))}
      </div>
    </Panel>
  );
}

interface GoalProps {
  goal: Goal;
  number: number;
  events: string[];
  change: (goal: Goal) => void;
  remove: () => void;
}

function GoalForm({ goal, number, events, change, remove }: GoalProps) {
  const w = useWords(wizard);
  const c = useWords(common);
  const a = useWords(campaigns);
  const { language } = useApp();
  const place = `goals[${number}]`;
  const fields = useQuery({
    queryKey: ["dataset", goal.events, "fields", language],
    enabled: goal.events !== "",
    queryFn: async ({ signal }) => (await api.get<{ fields: FieldRow[] }>("/api/v1/datasets/{name}", { path: { name: goal.events }, query: { language }, signal })).fields,
  });
  const counts = [
    { value: "users", label: w.countUsers },
    { value: "events", label: w.countEvents },
    { value: "distinct", label: w.countDistinct },
  ];
  return (
    <section className="repeat" aria-label={a.goal(goal.name ?? goal.events)}>
      <div className="repeat-head">
        <b>{goal.name ?? goal.events}</b>
        <Button type="text" size="small" aria-label={w.removeGoal(number + 1)} title={w.removeGoal(number + 1)} icon={<DeleteOutlined aria-hidden="true" />} onClick={remove} />
      </div>
      <div className="fields">
        <Field label={w.goalEvents} place={[`${place}.events`, place]}>
          {(control) => <Select {...control} value={goal.events || undefined} options={events.map((value) => ({ value, label: value }))} onChange={(name: string) => change({ ...goal, events: name, of: undefined, where: undefined })} />}
        </Field>
        <Field label={w.within} place={`${place}.within`} hint={w.withinHint}>
          {(control) => <Input {...control} value={goal.within ?? ""} placeholder="7d" onChange={(event) => change({ ...goal, within: event.target.value })} />}
        </Field>
        <Field label={c.name} place={`${place}.name`}>
          {(control) => <Input {...control} value={goal.name ?? ""} placeholder={goal.events} onChange={(event) => change({ ...goal, name: event.target.value })} />}
        </Field>
        <Field label={w.count} place={`${place}.count`}>
          {(control) => <Select {...control} value={goal.count ?? "users"} options={counts} onChange={(count: Goal["count"]) => change({ ...goal, count })} />}
        </Field>
        <Field label={w.amount} place={`${place}.amount`}>
          {(control) => <ClearableSelect {...control} value={goal.amount || undefined} options={(fields.data ?? []).filter((field) => ["decimal", "integer", "number"].includes(field.type)).map((field) => ({ value: field.name, label: field.label ?? field.name }))} onChange={(amount: string | undefined) => change({ ...goal, amount })} />}
        </Field>
        {goal.count === "distinct" && (
          <Field label={w.of} place={`${place}.of`}>
            {(control) => <Select {...control} mode="multiple" value={goal.of ?? []} options={(fields.data ?? []).map((field) => ({ value: field.name, label: field.label ?? field.name }))} onChange={(of: string[]) => change({ ...goal, of })} />}
          </Field>
        )}
      </div>
      <WhereField dataset={goal.events} where={goal.where as JsonObject | undefined} onChange={(where) => change({ ...goal, where })} />
      <GoalWhere place={`${place}.where`} />
    </section>
  );
}

/** What the server says of the conditions on a goal's events. */
function GoalWhere({ place }: { place: string }) {
  const error = useRefusal([place]);
  return error === null ? null : (
    <p className="field-error" role="alert">
      <ProblemText error={error} />
    </p>
  );
}
