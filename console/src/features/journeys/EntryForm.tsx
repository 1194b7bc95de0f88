/** Who comes into a journey, who leaves before its end, and when it keeps quiet. */
import { DeleteOutlined, PlusOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Button, Checkbox, Input, InputNumber, Radio, Select } from "antd";
import { ClearableSelect } from "../../ui/ClearableSelect";
import { api } from "../../api/client";
import type { AudienceRow, DatasetRow } from "../../api/shapes";
import { useApp, useFormat, useWords } from "../../app/context";
import { Field } from "../../ui/Field";
import { Panel } from "../../ui/Page";
import { WhereField } from "../../ui/RuleFields";
import { SpanInput } from "../../ui/SpanInput";
import { ErrorState, Loading } from "../../ui/States";
import { useVariables } from "../../ui/TemplateField";
import { TimeOfDay } from "../../ui/TimeOfDay";
import { type Definition, goalsOf, type Happening, happeningOf } from "./shapes";
import { editing } from "./words";

export interface FormProps {
  definition: Definition;
  change: (part: Partial<Definition>) => void;
}

/** Datasets of events, by name. */
export function useEvents(): string[] {
  const found = useQuery({
    queryKey: ["datasets", "events"],
    queryFn: async ({ signal }) => (await api.get<{ datasets: DatasetRow[] }>("/api/v1/datasets", { signal })).datasets.filter((row) => row.kind === "events"),
  });
  return (found.data ?? []).map((row) => row.dataset);
}

interface HappeningProps {
  label: string;
  place: string;
  value: Happening;
  change: (value: Happening) => void;
}

/** An event of a dataset, and which of its rows count. */
export function HappeningField({ label, place, value, change }: HappeningProps) {
  const events = useEvents();
  const names = events.includes(value.events) || value.events === "" ? events : [...events, value.events];
  return (
    <>
      <Field label={label} place={[`${place}.events`, place]}>
        {(control) => <Select {...control} value={value.events || undefined} options={names.map((name) => ({ value: name, label: name }))} onChange={(name: string) => change({ events: name })} />}
      </Field>
      <WhereField dataset={value.events} where={value.where} onChange={(where) => change({ events: value.events, ...(where === undefined ? {} : { where }) })} />
    </>
  );
}

export function EntryForm({ definition, change }: FormProps) {
  const w = useWords(editing);
  const entry = definition.entry ?? {};
  const byEvent = "event" in entry;
  const put = (part: Definition["entry"]) => change({ entry: { ...entry, ...part } });
  const kind = (chosen: string) => change({ entry: chosen === "event" ? { event: "", again: entry.again } : { audience: "", again: entry.again } });
  return (
    <Panel title={w.whoEnters}>
      <div className="field">
        <Radio.Group className="choices" aria-label={w.whoEnters} value={byEvent ? "event" : "audience"} onChange={(event) => kind(event.target.value as string)} options={[{ value: "audience", label: w.byAudience }, { value: "event", label: w.byEvent }]} />
      </div>
      {byEvent ? (
        <>
          <HappeningField label={w.event} place="entry.event" value={happeningOf(entry.event)} change={(event) => put({ event })} />
          <Field label={w.late} place="entry.late" hint={w.lateHint}>
            {(control) => <SpanInput label={w.late} control={control} value={entry.late ?? "7d"} onChange={(late) => put({ late })} />}
          </Field>
        </>
      ) : (
        <AudienceField value={entry.audience ?? ""} choose={(audience) => put({ audience })} />
      )}
      <Again value={entry.again ?? "never"} put={(again) => put({ again })} />
    </Panel>
  );
}

function AudienceField({ value, choose }: { value: string; choose: (audience: string) => void }) {
  const w = useWords(editing);
  const f = useFormat();
  const { language } = useApp();
  const known = useQuery({
    queryKey: ["audiences", "choice", language],
    queryFn: async ({ signal }) => (await api.get<{ audiences: AudienceRow[] }>("/api/v1/audiences", { query: { language, limit: 1000 }, signal })).audiences,
  });
  if (known.isError) return <ErrorState small error={known.error} retry={() => void known.refetch()} />;
  if (known.data === undefined) return <Loading rows={1} />;
  const row = known.data.find((one) => one.audience === value);
  const hint = row === undefined ? undefined : row.count === null ? row.sentence : `${f.number(row.count)} · ${row.sentence}`;
  return (
    <Field label={w.audience} place={["entry.audience", "entry"]} hint={hint}>
      {(control) => <Select {...control} showSearch={{ optionFilterProp: "value" }} value={value || undefined} options={known.data.map((one) => ({ value: one.audience, label: one.audience }))} onChange={choose} />}
    </Field>
  );
}

function Again({ value, put }: { value: string; put: (again: string) => void }) {
  const w = useWords(editing);
  const span = /^after\s*(\S*)$/.exec(value)?.[1];
  return (
    <Field label={w.again} place="entry.again">
      {(control) => (
        <span className="page-actions">
          <Select {...control} style={{ width: "auto" }} popupMatchSelectWidth={false} value={span === undefined ? "never" : "after"} options={[{ value: "never", label: w.onlyOnce }, { value: "after", label: w.againAfter }]} onChange={(next: string) => put(next === "never" ? "never" : "after 90d")} />
          {span !== undefined && <SpanInput label={w.againSpan} value={span} onChange={(next) => put(`after ${next}`)} />}
        </span>
      )}
    </Field>
  );
}

export function ExitForm({ definition, change }: FormProps) {
  const w = useWords(editing);
  const events = useEvents();
  const goals = goalsOf(definition);
  const several = Array.isArray(definition.exit?.goal) && definition.exit.goal.length !== 1;
  const put = (goal: Happening[]) => change({ exit: { ...definition.exit, goal } });
  return (
    <Panel title={w.whoLeaves}>
      <p className="finding">{w.goalHint}</p>
      {goals.map((goal, i) => (
        <section key={i.toString()} className="repeat" aria-label={`${w.goal} ${i + 1}`}>
          <div className="repeat-head">
            <b>{goal.events}</b>
            <Button type="text" size="small" aria-label={w.removeGoal(i + 1)} title={w.removeGoal(i + 1)} icon={<DeleteOutlined aria-hidden="true" />} onClick={() => put(goals.filter((_, j) => j !== i))} />
          </div>
          <HappeningField label={w.event} place={several ? `exit.goal[${i}]` : "exit.goal"} value={goal} change={(made) => put(goals.map((one, j) => (i === j ? made : one)))} />
        </section>
      ))}
      <Button icon={<PlusOutlined aria-hidden="true" />} onClick={() => put([...goals, { events: events.includes("orders") ? "orders" : (events[0] ?? "") }])}>
        {w.addGoal}
      </Button>
      {!("event" in (definition.entry ?? {})) && (
        <p className="stacked">
          <Checkbox checked={definition.exit?.left === true} onChange={(event) => change({ exit: { ...definition.exit, left: event.target.checked } })}>
            {w.leftAudience}
          </Checkbox>
        </p>
      )}
    </Panel>
  );
}

export function HoursForm({ definition, change }: FormProps) {
  const w = useWords(editing);
  const { status } = useApp();
  const tags = useVariables();
  const quiet = definition.quiet ?? { from: "", until: "" };
  const set = (part: Partial<typeof quiet>) => {
    const made = { ...quiet, ...part };
    change({ quiet: made.from === "" && made.until === "" ? undefined : made });
  };
  return (
    <Panel title={w.more}>
      <fieldset className="repeat">
        <legend className="field-label">{w.quiet}</legend>
        <div className="fields">
          {(["from", "until"] as const).map((key) => (
            <Field key={key} label={w[key]} place={key === "from" ? ["quiet.from", "quiet"] : "quiet.until"}>
              {(control) => <TimeOfDay control={control} value={quiet[key]} onChange={(at) => set({ [key]: at })} />}
            </Field>
          ))}
        </div>
      </fieldset>
      <div className="fields">
        <Field label={w.zone} place="zone">
          {(control) => <Input {...control} value={definition.zone ?? ""} placeholder={status.zone} onChange={(event) => change({ zone: event.target.value })} />}
        </Field>
        <Field label={w.zoneTag} place="zone_of">
          {(control) => <ClearableSelect {...control} showSearch={{ optionFilterProp: "value" }} value={definition.zone_of || undefined} options={(tags.data ?? []).filter((tag) => tag.label !== "").map((tag) => ({ value: tag.name, label: tag.name }))} onChange={(zone_of: string | undefined) => change({ zone_of })} />}
        </Field>
        <Field label={w.every} place="every_minutes">
          {(control) => <InputNumber {...control} min={5} max={1440} precision={0} suffix={w.everyUnit} value={definition.every_minutes ?? 15} onChange={(every_minutes) => change({ every_minutes: every_minutes ?? undefined })} />}
        </Field>
      </div>
    </Panel>
  );
}
