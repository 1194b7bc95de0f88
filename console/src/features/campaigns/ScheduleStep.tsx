/** When a campaign runs, how long it is valid, when it keeps quiet, and what it yields to. */
import { DatePicker, Input, InputNumber, Radio, Select } from "antd";
import { ClearableSelect } from "../../ui/ClearableSelect";
import dayjs, { type Dayjs } from "dayjs";
import { useApp, useWords } from "../../app/context";
import { Field } from "../../ui/Field";
import { Panel } from "../../ui/Page";
import { TimeOfDay } from "../../ui/TimeOfDay";
import { useVariables } from "../../ui/TemplateField";
import type { Definition } from "./shapes";
import type { StepProps } from "./WizardPage";
import { campaigns, wizard } from "./words";

type Kind = "now" | "at" | "recurring";
const MOMENT = "YYYY-MM-DDTHH:mm";
const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

function kindOf(schedule: Definition["schedule"]): Kind {
  if (typeof schedule !== "object") return "now";
  return "at" in schedule ? "at" : "recurring";
}

const START: Record<Kind, Definition["schedule"]> = { now: "now", at: { at: "" }, recurring: { time: "09:00" } };

export function ScheduleStep(props: StepProps) {
  const { definition, change } = props;
  const w = useWords(wizard);
  const kind = kindOf(definition.schedule);
  return (
    <div className="grid">
      <Panel className="span-7" title={w.when}>
        <div className="field">
          <Radio.Group
            className="choices"
            aria-label={w.when}
            value={kind}
            onChange={(event) => change({ schedule: START[event.target.value as Kind] })}
            options={[
              { value: "now", label: w.now },
              { value: "at", label: w.at },
              { value: "recurring", label: w.recurring },
            ]}
          />
        </div>
        {kind === "at" && <At {...props} />}
        {kind === "recurring" && <Recurring {...props} />}
        <Validity {...props} />
      </Panel>
      <div className="span-5 stack">
        <Quiet {...props} />
        <Priority {...props} />
      </div>
    </div>
  );
}

const moment = (value: unknown): Dayjs | null => (typeof value === "string" && value !== "" && dayjs(value).isValid() ? dayjs(value) : null);
const written = (value: unknown): string => (dayjs.isDayjs(value) ? value.format(MOMENT) : "");

function scheduleOf(definition: Definition): Record<string, unknown> {
  return typeof definition.schedule === "object" ? definition.schedule : {};
}

function At({ definition, change }: StepProps) {
  const w = useWords(wizard);
  const { status } = useApp();
  const schedule = scheduleOf(definition);
  return (
    <Field label={w.moment} place={["schedule.at", "schedule"]} hint={w.zoneHint(status.zone)}>
      {(control) => <DatePicker {...control} showTime={{ format: "HH:mm" }} format="YYYY-MM-DD HH:mm" value={moment(schedule.at)} onChange={(at) => change({ schedule: { ...schedule, at: written(at) } })} />}
    </Field>
  );
}

function Recurring({ definition, change }: StepProps) {
  const w = useWords(wizard);
  const { status } = useApp();
  const schedule = scheduleOf(definition);
  const set = (part: Record<string, unknown>) => change({ schedule: { ...schedule, ...part } });
  const days = Array.from({ length: 31 }, (_, i) => ({ value: i + 1, label: String(i + 1) }));
  return (
    <div className="fields">
      <Field label={w.time} place={["schedule.time", "schedule"]}>
        {(control) => <TimeOfDay control={control} value={String(schedule.time ?? "09:00")} onChange={(at) => set({ time: at || "09:00" })} />}
      </Field>
      <Field label={w.weekdays} place="schedule.weekdays">
        {(control) => <Select {...control} mode="multiple" value={(schedule.weekdays ?? []) as string[]} options={WEEKDAYS.map((value) => ({ value: value as string, label: w[value] }))} onChange={(weekdays: string[]) => set({ weekdays })} />}
      </Field>
      <Field label={w.monthDays} place="schedule.days">
        {(control) => <Select {...control} mode="multiple" value={(schedule.days ?? []) as number[]} options={days} onChange={(chosen: number[]) => set({ days: chosen })} />}
      </Field>
      <Field label={w.holidays} place="schedule.holidays" hint={w.holidaysHint}>
        {(control) => <Select {...control} mode="tags" tokenSeparators={[",", " "]} open={false} suffixIcon={null} value={(schedule.holidays ?? []) as string[]} onChange={(holidays: string[]) => set({ holidays })} />}
      </Field>
      <Field label={w.zone} place="schedule.zone" hint={w.zoneHint(status.zone)}>
        {(control) => <Input {...control} value={String(schedule.zone ?? "")} placeholder={status.zone} onChange={(event) => set({ zone: event.target.value })} />}
      </Field>
    </div>
  );
}

function Validity({ definition, change }: StepProps) {
  const a = useWords(campaigns);
  const validity = definition.validity ?? {};
  return (
    <fieldset className="repeat">
      <legend className="field-label">{a.validity}</legend>
      <div className="fields">
        {(["from", "until"] as const).map((key) => (
          <Field key={key} label={key === "from" ? a.from : a.until} place={`validity.${key}`}>
            {(control) => <DatePicker {...control} showTime={{ format: "HH:mm" }} format="YYYY-MM-DD HH:mm" value={moment(validity[key])} onChange={(at) => change({ validity: { ...validity, [key]: written(at) } })} />}
          </Field>
        ))}
      </div>
    </fieldset>
  );
}

function Quiet({ definition, change }: StepProps) {
  const w = useWords(wizard);
  const a = useWords(campaigns);
  const known = useVariables();
  const quiet = definition.quiet;
  const set = (part: Partial<NonNullable<Definition["quiet"]>>) => {
    const made = { from: "", until: "", ...quiet, ...part };
    change({ quiet: made.from === "" && made.until === "" ? undefined : made });
  };
  return (
    <Panel title={a.quiet}>
      <p className="finding">{w.quietHint}</p>
      <div className="fields">
        {(["from", "until"] as const).map((key) => (
          <Field key={key} label={key === "from" ? w.quietFrom : w.quietUntil} place={[`quiet.${key}`, ...(key === "from" ? ["quiet"] : [])]}>
            {(control) => <TimeOfDay control={control} value={quiet?.[key]} onChange={(at) => set({ [key]: at })} />}
          </Field>
        ))}
      </div>
      {quiet !== undefined && (
        <Field label={w.zoneTag} place="quiet.zone">
          {(control) => <ClearableSelect {...control} showSearch={{ optionFilterProp: "value" }} value={quiet.zone || undefined} options={(known.data ?? []).map((tag) => ({ value: tag.name, label: tag.name }))} onChange={(zone: string | undefined) => set({ zone: zone ?? "" })} />}
        </Field>
      )}
    </Panel>
  );
}

function Priority({ definition, change }: StepProps) {
  const a = useWords(campaigns);
  return (
    <Panel title={a.priority}>
      <div className="fields">
        <Field label={a.priority} place="priority" hint={a.priorityHint}>
          {(control) => <InputNumber {...control} min={-1000} max={1000} precision={0} value={definition.priority ?? 0} onChange={(priority) => change({ priority: priority ?? 0 })} />}
        </Field>
        <Field label={a.group} place="group">
          {(control) => <Input {...control} value={definition.group ?? ""} onChange={(event) => change({ group: event.target.value })} />}
        </Field>
      </div>
    </Panel>
  );
}
