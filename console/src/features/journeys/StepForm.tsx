/** What one step does, and where its ways lead. */
import { DeleteOutlined, PlusOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Button, Input, InputNumber, Radio, Select } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import type { JsonObject } from "../../api/shapes";
import { useFormat, useWords } from "../../app/context";
import { Field } from "../../ui/Field";
import { ChannelFields, MessageTexts } from "../../ui/MessageFields";
import type { Message } from "../../ui/message";
import { RuleDialog } from "../../ui/RuleFields";
import { SpanInput } from "../../ui/SpanInput";
import { TimeOfDay } from "../../ui/TimeOfDay";
import { armsOf, freeName, kindOf, RECEIPTS, receiptOf, withArms } from "./draft";
import { HappeningField } from "./EntryForm";
import { type Given, happeningOf, type Step } from "./shapes";
import { RuleSentence, useOutcome } from "./tell";
import { editing, telling } from "./words";

export interface StepProps {
  step: Step;
  /** Its number, from 0. */
  at: number;
  steps: Step[];
  change: (step: Step) => void;
}

/** Where the server's errors of a step are that its fields tell themselves. */
export const FIELDS: Record<ReturnType<typeof kindOf>, string[]> = {
  send: ["id", "send", "next", "unsent"],
  wait: ["id", "wait", "next"],
  condition: ["id", "condition", "yes", "no"],
  split: ["id", "split"],
  event: ["id", "event", "within", "yes", "no"],
  page: ["id", "page", "within", "yes", "no"],
  end: ["id"],
};

export function StepForm(props: StepProps) {
  switch (kindOf(props.step)) {
    case "send":
      return <SendForm {...props} />;
    case "wait":
      return <WaitForm {...props} />;
    case "condition":
      return <ConditionForm {...props} />;
    case "split":
      return <SplitForm {...props} />;
    case "event":
    case "page":
      return <HappenedForm {...props} />;
    case "end":
      return null;
  }
}

/** The steps that a way may lead to, the step below first. */
function useTargets({ step, at, steps }: StepProps, first?: string) {
  const w = useWords(editing);
  const below = steps[at + 1];
  const start = first ?? (below === undefined ? w.nowhere : `${w.below} (${below.id})`);
  return [{ value: "", label: start }, ...steps.filter((one) => one !== step).map((one) => ({ value: one.id, label: one.id }))];
}

function WayField({ way, label, first, ...props }: StepProps & { way: "next" | "yes" | "no" | "unsent"; label: string; first?: string }) {
  const targets = useTargets(props, first);
  const { step, at, change } = props;
  return (
    <Field label={label} place={`steps[${at}].${way}`}>
      {(control) => <Select {...control} value={typeof step[way] === "string" ? (step[way] as string) : ""} options={targets} popupMatchSelectWidth={false} onChange={(to: string) => change({ ...step, [way]: to === "" ? undefined : to })} />}
    </Field>
  );
}

function Answers(props: StepProps) {
  const w = useWords(editing);
  return (
    <div className="fields">
      <WayField {...props} way="yes" label={w.ifYes} />
      <WayField {...props} way="no" label={w.ifNo} />
    </div>
  );
}

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

function WaitForm(props: StepProps) {
  const { step, at, change } = props;
  const w = useWords(editing);
  const t = useWords(telling);
  const given = (typeof step.wait === "string" ? { for: step.wait } : (step.wait ?? {})) as { for?: string; at?: string; on?: string[] };
  const put = (part: Partial<typeof given>) => change({ ...step, wait: { ...given, ...part } });
  const place = `steps[${at}].wait`;
  return (
    <>
      <div className="fields">
        <Field label={w.wait} place={given.for === undefined ? [`${place}.for`] : [`${place}.for`, place]}>
          {(control) => <SpanInput label={w.wait} control={control} value={given.for} onChange={(span) => put({ for: span })} />}
        </Field>
        <Field label={w.atTime} place={`${place}.at`}>
          {(control) => <TimeOfDay control={control} value={given.at} onChange={(time) => put({ at: time })} />}
        </Field>
        <Field label={w.weekdays} place={`${place}.on`}>
          {(control) => <Select {...control} mode="multiple" value={given.on ?? []} options={DAYS.map((day) => ({ value: day as string, label: t[day] }))} onChange={(on: string[]) => put({ on })} />}
        </Field>
      </div>
      <WayField {...props} way="next" label={w.then} />
    </>
  );
}

function SendForm(props: StepProps) {
  const { step, at, change } = props;
  const w = useWords(editing);
  const body = (step.send ?? {}) as Message & Record<string, unknown>;
  const ofCampaign = "campaign" in body;
  const put = (part: Record<string, unknown>) => change({ ...step, send: { ...body, ...part } });
  const before = `steps[${at}].send.`;
  return (
    <>
      <div className="field">
        <Radio.Group aria-label={w.what} value={ofCampaign ? "campaign" : "own"} onChange={(event) => change({ ...step, send: event.target.value === "campaign" ? { campaign: "" } : { content: {} } })} options={[{ value: "own", label: w.own }, { value: "campaign", label: w.ofCampaign }]} />
      </div>
      {ofCampaign ? (
        <CampaignField place={[`${before}campaign`, `steps[${at}].send`]} value={String(body.campaign ?? "")} choose={(campaign) => put({ campaign })} />
      ) : (
        <>
          <ChannelFields message={body} before={before} change={(part) => put({ ...part })} />
          <MessageTexts message={body} before={before} change={(part) => put({ ...part })} />
        </>
      )}
      <div className="fields">
        <WayField {...props} way="next" label={w.then} />
        <WayField {...props} way="unsent" label={w.ifUnsent} first={w.asSent} />
      </div>
    </>
  );
}

function CampaignField({ place, value, choose }: { place: string[]; value: string; choose: (campaign: string) => void }) {
  const w = useWords(editing);
  const known = useQuery({
    queryKey: ["campaigns", "choice"],
    queryFn: async ({ signal }) => (await api.get<{ campaigns: { campaign: string }[] }>("/api/v1/campaigns", { query: { limit: 1000, sort: "campaign", order: "asc" }, signal })).campaigns,
  });
  return (
    <Field label={w.campaign} place={place}>
      {(control) => <Select {...control} showSearch={{ optionFilterProp: "label" }} loading={known.isPending} value={value || undefined} options={(known.data ?? []).map((row) => ({ value: row.campaign, label: row.campaign }))} onChange={choose} />}
    </Field>
  );
}

function ConditionForm(props: StepProps) {
  const { step, at, steps, change } = props;
  const w = useWords(editing);
  const outcome = useOutcome();
  const [open, setOpen] = useState(false);
  const body = (step.condition ?? {}) as Record<string, unknown>;
  const receipt = receiptOf(body);
  const sends = steps.slice(0, at).filter((one) => kindOf(one) === "send");
  const place = `steps[${at}].condition`;
  const put = (condition: Record<string, unknown>) => change({ ...step, condition });
  const kind = (chosen: string) => put(chosen === "receipt" ? { clicked: sends.at(-1)?.id ?? "" } : {});
  return (
    <>
      <div className="field">
        <Radio.Group aria-label={w.asks} value={receipt === null ? "rule" : "receipt"} onChange={(event) => kind(event.target.value as string)} options={[{ value: "rule", label: w.asksRule }, { value: "receipt", label: w.asksReceipt }]} />
      </div>
      {receipt === null ? (
        <Field label={w.rule} place={place} hint={Object.keys(body).length === 0 ? undefined : <RuleSentence rule={body} />}>
          {(control) => (
            <span>
              <Button id={control.id} aria-describedby={control["aria-describedby"]} onClick={() => setOpen(true)}>
                {Object.keys(body).length === 0 ? w.ruleSet : w.ruleEdit}
              </Button>
            </span>
          )}
        </Field>
      ) : (
        <div className="fields">
          <Field label={w.ofStep} place={place}>
            {(control) => <Select {...control} value={receipt.of || undefined} options={sends.map((one) => ({ value: one.id, label: one.id }))} onChange={(of: string) => put({ [receipt.receipt]: of })} />}
          </Field>
          <Field label={w.was}>{(control) => <Select {...control} value={receipt.receipt as string} options={RECEIPTS.map((one) => ({ value: one as string, label: outcome(one) }))} onChange={(one: string) => put({ [one]: receipt.of })} />}</Field>
        </div>
      )}
      <Answers {...props} />
      {open && <RuleDialog rule={Object.keys(body).length === 0 ? undefined : (body as JsonObject)} close={() => setOpen(false)} onChange={put} />}
    </>
  );
}

function SplitForm(props: StepProps) {
  const { step, at, change } = props;
  const w = useWords(editing);
  const f = useFormat();
  const targets = useTargets(props);
  const arms = armsOf(step);
  const total = arms.reduce((sum, arm) => sum + arm.share, 0);
  const put = (made: typeof arms) => change(withArms(step, made));
  const set = (i: number, part: Partial<(typeof arms)[number]>) => put(arms.map((arm, j) => (i === j ? { ...arm, ...part } : arm)));
  const place = `steps[${at}].split`;
  const add = () => put([...arms, { name: freeName("abcdefghijklmnopqrstuvwxyz".split("").find((one) => !arms.some((arm) => arm.name === one)) ?? "z", arms.map((arm) => arm.name)), share: Math.max(0, Number((1 - total).toFixed(4))) }]);
  return (
    <>
      {arms.map((arm, i) => (
        <div key={i.toString()} className="journey-branch">
          <Field label={w.branch} place={`${place}.${arm.name}`}>
            {(control) => <Input {...control} value={arm.name} maxLength={40} onChange={(event) => set(i, { name: event.target.value })} />}
          </Field>
          <Field label={w.share}>{(control) => <InputNumber {...control} min={0} max={100} suffix="%" controls={false} value={Number((arm.share * 100).toFixed(4))} onChange={(percent) => set(i, { share: Number(((percent ?? 0) / 100).toFixed(6)) })} />}</Field>
          <Field label={w.branchTo}>{(control) => <Select {...control} value={arm.next ?? ""} options={targets} popupMatchSelectWidth={false} onChange={(to: string) => set(i, { next: to === "" ? undefined : to })} />}</Field>
          <Button type="text" disabled={arms.length <= 2} aria-label={w.removeBranch(arm.name)} title={w.removeBranch(arm.name)} icon={<DeleteOutlined aria-hidden="true" />} onClick={() => put(arms.filter((_, j) => j !== i))} />
        </div>
      ))}
      <Field label={<span className="sr-only">{w.addBranch}</span>} place={place}>
        {(control) => (
          <span className="page-actions">
            <Button id={control.id} icon={<PlusOutlined aria-hidden="true" />} onClick={add}>
              {w.addBranch}
            </Button>
            {Math.abs(total - 1) > 1e-9 && <span className="warn">{w.sharesOff(f.percent(total))}</span>}
          </span>
        )}
      </Field>
    </>
  );
}

function HappenedForm(props: StepProps) {
  const { step, at, change } = props;
  const w = useWords(editing);
  const place = `steps[${at}]`;
  return (
    <>
      {kindOf(step) === "page" ? <PageField place={`${place}.page`} value={String(step.page ?? "")} choose={(page) => change({ ...step, page })} /> : <HappeningField label={w.event} place={`${place}.event`} value={happeningOf(step.event as Given)} change={(event) => change({ ...step, event })} />}
      <Field label={w.within} place={`${place}.within`}>
        {(control) => <SpanInput label={w.within} control={control} value={step.within} onChange={(within) => change({ ...step, within })} />}
      </Field>
      <Answers {...props} />
    </>
  );
}

function PageField({ place, value, choose }: { place: string; value: string; choose: (page: string) => void }) {
  const w = useWords(editing);
  const known = useQuery({
    queryKey: ["content", "pages"],
    queryFn: async ({ signal }) => (await api.get<{ content: { name: string }[] }>("/api/v1/content", { query: { kind: "page", limit: 1000 }, signal })).content,
  });
  return (
    <Field label={w.page} place={place}>
      {(control) => <Select {...control} loading={known.isPending} value={value || undefined} options={(known.data ?? []).map((row) => ({ value: row.name, label: row.name }))} onChange={choose} />}
    </Field>
  );
}
