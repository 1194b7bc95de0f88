/** What holds for all campaigns: how often somebody is written to, who never is, and what a message costs. */
import { DeleteOutlined, PlusOutlined } from "@ant-design/icons";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Input, InputNumber, Select } from "antd";
import { ClearableSelect } from "../../ui/ClearableSelect";
import { useState } from "react";
import { ApiError, api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { Field, RefusalAbove, RefusalProvider } from "../../ui/Field";
import { Panel } from "../../ui/Page";
import { PlainTable } from "../../ui/PlainTable";
import { SpanInput } from "../../ui/SpanInput";
import { Empty, ErrorState, Loading } from "../../ui/States";
import { useChannels } from "../../ui/useChannels";
import { useEverybody } from "../../ui/useEverybody";
import { useLeavingGuard } from "../../ui/useLeavingGuard";
import { useRested } from "../../ui/useRested";
import { common } from "../../words/common";
import { messaging } from "./words";

const SCOPES = ["global", "channel", "category", "brand"] as const;
type Scope = (typeof SCOPES)[number];

interface Cap {
  scope: Scope;
  limit: number;
  within: string;
  value: string | null;
}

interface Rules {
  caps: Cap[];
  holdout: number;
  salt: string;
  costs: Record<string, string>;
}

export function Messaging() {
  const found = useQuery({ queryKey: ["campaign-rules"], queryFn: ({ signal }) => api.get<Rules>("/api/v1/campaigns/rules", { signal }) });
  if (found.isError) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading rows={8} />;
  return (
    <div className="stack">
      <RulesForm key={JSON.stringify(found.data)} start={found.data} />
      <Consent />
    </div>
  );
}

/** What is sent: without what was left empty. */
function sent(rules: Rules) {
  const costs = Object.fromEntries(Object.entries(rules.costs).filter(([, cost]) => cost !== ""));
  const caps = rules.caps.map(({ value, ...cap }) => (value ? { ...cap, value } : cap));
  return { ...rules, caps, costs };
}

interface FormProps {
  rules: Rules;
  change: (part: Partial<Rules>) => void;
}

function RulesForm({ start }: { start: Rules }) {
  const w = useWords(messaging);
  const c = useWords(common);
  const { allowed } = useApp();
  const { modal, message } = App.useApp();
  const cache = useQueryClient();
  const [rules, setRules] = useState(start);
  const [error, setError] = useState<unknown>(null);
  const changed = JSON.stringify(sent(rules)) !== JSON.stringify(sent(start));
  useLeavingGuard(changed, w.leave);
  const change = (part: Partial<Rules>) => {
    setError(null);
    setRules((before) => ({ ...before, ...part }));
  };
  const save = async () => {
    try {
      await api.put("/api/v1/campaigns/rules", { body: sent(rules) });
      void message.success(w.saved);
      await cache.invalidateQueries({ queryKey: ["campaign-rules"] });
    } catch (problem) {
      setError(problem);
    }
  };
  const ask = () => modal.confirm({ title: w.saveTitle, content: w.saveText, okText: c.save, cancelText: c.back, onOk: save });
  return (
    <RefusalProvider value={error}>
      <RefusalAbove error={error} places={["caps", "holdout", "costs"]} />
      <div className="grid">
        <div className="span-7 stack">
          <Caps rules={rules} change={change} />
        </div>
        <div className="span-5 stack">
          <Holdout rules={rules} change={change} />
          <Costs rules={rules} change={change} />
        </div>
      </div>
      {(allowed === null || allowed.has("send")) && (
        <div className="wizard-foot">
          <Button type="primary" disabled={!changed} onClick={ask}>
            {c.save}
          </Button>
          <Button disabled={!changed} onClick={() => change(start)}>
            {c.cancel}
          </Button>
        </div>
      )}
    </RefusalProvider>
  );
}

function Caps({ rules, change }: FormProps) {
  const w = useWords(messaging);
  const put = (caps: Cap[]) => change({ caps });
  return (
    <Panel title={w.caps}>
      <p className="finding">{w.capsHint}</p>
      {rules.caps.length === 0 && <Empty small title={w.noCaps} />}
      {rules.caps.map((cap, i) => (
        <CapForm key={i.toString()} cap={cap} number={i} change={(made) => put(rules.caps.map((one, j) => (i === j ? made : one)))} remove={() => put(rules.caps.filter((_, j) => j !== i))} />
      ))}
      <Button icon={<PlusOutlined aria-hidden="true" />} onClick={() => put([...rules.caps, { scope: "global", limit: 3, within: "7d", value: null }])}>
        {w.addCap}
      </Button>
    </Panel>
  );
}

interface CapProps {
  cap: Cap;
  number: number;
  change: (cap: Cap) => void;
  remove: () => void;
}

function CapForm({ cap, number, change, remove }: CapProps) {
  const w = useWords(messaging);
  const channels = useChannels();
  const place = `caps[${number}]`;
  const names: Record<Scope, string> = { global: w.global, channel: w.channel, category: w.category, brand: w.brand };
  const only = (value: string | undefined) => change({ ...cap, value: value === undefined || value === "" ? null : value });
  return (
    <section className="repeat" aria-label={w.capNumber(number + 1)}>
      <div className="repeat-head">
        <b>{w.capNumber(number + 1)}</b>
        <Button type="text" size="small" aria-label={w.removeCap(number + 1)} title={w.removeCap(number + 1)} icon={<DeleteOutlined aria-hidden="true" />} onClick={remove} />
      </div>
      <div className="fields">
        <Field label={w.limit} place={`${place}.limit`}>
          {(control) => <InputNumber {...control} min={0} max={10_000} precision={0} value={cap.limit} onChange={(limit) => change({ ...cap, limit: limit ?? 0 })} />}
        </Field>
        <Field label={w.within} place={`${place}.within`}>
          {(control) => <SpanInput label={w.within} control={control} value={cap.within} onChange={(within) => change({ ...cap, within })} />}
        </Field>
        <Field label={w.scope} place={`${place}.scope`}>
          {(control) => <Select {...control} value={cap.scope} options={SCOPES.map((value) => ({ value, label: names[value] }))} onChange={(scope: Scope) => change({ ...cap, scope, value: null })} />}
        </Field>
        {cap.scope !== "global" && (
          <Field label={w.only(names[cap.scope])} place={`${place}.value`} hint={w.onlyHint}>
            {(control) =>
              cap.scope === "channel" ? (
                <ClearableSelect {...control} value={cap.value ?? undefined} options={(channels.data ?? []).map((one) => ({ value: one.channel, label: one.label }))} onChange={only} />
              ) : (
                <Input {...control} value={cap.value ?? ""} maxLength={200} onChange={(event) => only(event.target.value)} />
              )
            }
          </Field>
        )}
      </div>
      <AtCap cap={cap} />
    </section>
  );
}

/** Who has had that many already, and so would get nothing now. */
function AtCap({ cap }: { cap: Cap }) {
  const w = useWords(messaging);
  const rested = useRested(JSON.stringify(cap));
  const asked = JSON.parse(rested) as Cap;
  const eachByItself = asked.scope !== "global" && asked.value === null;
  const found = useQuery({
    queryKey: ["capped-now", rested],
    enabled: !eachByItself && asked.limit > 0 && asked.within !== "",
    retry: false,
    queryFn: ({ signal }) => api.post<{ count: number }>("/api/v1/audiences/count", { body: { rule: atCap(asked), as_of: new Date().toISOString() }, signal }),
  });
  const unsent = found.error instanceof ApiError && found.error.code === "unknown_name"; // there are no events of campaigns yet
  const text = eachByItself ? w.eachByItself : asked.limit === 0 ? w.nobodyAtAll : found.isError ? unsent ? w.nothingSent : w.cannotTell : found.data === undefined ? "…" : w.cappedNow(found.data.count);
  return (
    <p className="finding" aria-live="polite">
      {text}
    </p>
  );
}

/** Customers with as many messages in the span as the cap allows; those of which nobody knows count, as the plan counts them. */
function atCap(cap: Cap) {
  const own = cap.scope === "global" ? [] : [{ field: cap.scope, op: "eq", value: cap.value }];
  const where = { all: [{ field: "event", op: "in", value: ["sent", "uncertain"] }, ...own] };
  return { events: "campaign_events", where, measure: "count", op: "gte", value: cap.limit, within: cap.within };
}

function Holdout({ rules, change }: FormProps) {
  const w = useWords(messaging);
  const everybody = useEverybody();
  const held = everybody.data === undefined ? null : Math.round(everybody.data * rules.holdout);
  return (
    <Panel title={w.holdout}>
      <Field label={w.holdoutShare} place="holdout" hint={w.holdoutHint}>
        {(control) => <InputNumber {...control} min={0} max={99} step={1} suffix="%" value={Number((rules.holdout * 100).toFixed(3))} onChange={(percent) => change({ holdout: Number(((percent ?? 0) / 100).toFixed(5)) })} />}
      </Field>
      {held !== null && <p className="finding">{w.heldNow(held)}</p>}
    </Panel>
  );
}

function Costs({ rules, change }: FormProps) {
  const w = useWords(messaging);
  const { status } = useApp();
  const channels = useChannels();
  return (
    <Panel title={w.costs}>
      <p className="finding">{w.costsHint}</p>
      <div className="fields">
        {(channels.data ?? []).map((one) => (
          <Field key={one.channel} label={one.label} place={`costs.${one.channel}`}>
            {(control) => <InputNumber {...control} stringMode min="0" suffix={status.currency} value={rules.costs[one.channel] ?? null} onChange={(value) => change({ costs: { ...rules.costs, [one.channel]: value === null ? "" : String(value) } })} />}
          </Field>
        ))}
      </div>
    </Panel>
  );
}

interface Summary {
  scopes: { scope: string; granted: number; denied: number; revoked: number; unknown: number }[];
  suppressed: { list: string; count: number }[];
}

/** Who may be written to at all, and the lists of those who never are. */
function Consent() {
  const w = useWords(messaging);
  const f = useFormat();
  const channels = useChannels();
  const found = useQuery({ queryKey: ["consent-scopes"], queryFn: ({ signal }) => api.get<Summary>("/api/v1/consent/scopes", { signal }) });
  if (found.isError) return <ErrorState small error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading rows={4} />;
  const known: Record<string, unknown> = w;
  const label = (scope: string) => channels.data?.find((one) => one.channel === scope)?.label ?? (typeof known[scope] === "string" ? (known[scope] as string) : scope);
  return (
    <>
      <Panel flush title={w.consent}>
        <PlainTable label={w.consent} heads={[w.consentFor, ...[w.granted, w.denied, w.revoked, w.unknown].map((number) => ({ number }))]}>
          {found.data.scopes.map((row) => (
            <tr key={row.scope}>
              <th scope="row">{label(row.scope)}</th>
              {[row.granted, row.denied, row.revoked, row.unknown].map((n, i) => (
                <td key={i} className="num">
                  {f.number(n)}
                </td>
              ))}
            </tr>
          ))}
        </PlainTable>
      </Panel>
      <Panel title={w.suppression}>
        <p className="finding">{w.suppressionHint}</p>
        {found.data.suppressed.length === 0 ? (
          <p className="quiet">{w.noSuppression}</p>
        ) : (
          <dl className="facts">
            {found.data.suppressed.map((row) => (
              <div key={row.list}>
                <dt translate="no">{row.list}</dt>
                <dd>{w.listed(row.count)}</dd>
              </div>
            ))}
          </dl>
        )}
      </Panel>
    </>
  );
}
