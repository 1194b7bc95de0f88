/** Whom a campaign is for, and what people call it. */
import { useQuery } from "@tanstack/react-query";
import { Input, Radio, Select } from "antd";
import { api } from "../../api/client";
import type { AudienceRow } from "../../api/shapes";
import { useApp, useFormat, useWords } from "../../app/context";
import { address, Link } from "../../app/router";
import { Field } from "../../ui/Field";
import { Panel } from "../../ui/Page";
import { ErrorState, Loading } from "../../ui/States";
import { common } from "../../words/common";
import { audienceOf } from "./shapes";
import type { StepProps } from "./WizardPage";
import { campaigns, wizard } from "./words";

export function AudienceStep({ definition, change, saved }: StepProps) {
  const w = useWords(wizard);
  const a = useWords(campaigns);
  const c = useWords(common);
  const f = useFormat();
  const { language } = useApp();
  const known = useQuery({
    queryKey: ["audiences", "choice", language],
    queryFn: async ({ signal }) => (await api.get<{ audiences: AudienceRow[] }>("/api/v1/audiences", { query: { language, limit: 1000 }, signal })).audiences,
  });
  const chosen = audienceOf(definition);
  const refresh = typeof definition.audience === "object" && definition.audience.use === "refresh";
  const row = known.data?.find((one) => one.audience === chosen);
  const options = (known.data ?? []).map((one) => ({ value: one.audience, label: one.audience, hint: one.count === null ? one.sentence : `${f.number(one.count)} · ${one.sentence}` }));
  if (known.isError) return <ErrorState error={known.error} retry={() => void known.refetch()} />;
  if (known.data === undefined) return <Loading rows={6} />;
  const use = (name: string, anew: boolean) => change({ audience: anew ? { name, use: "refresh" } : name });
  return (
    <div className="grid">
      <Panel className="span-7" title={w.audienceHint}>
        <Field label={c.name} place="name" hint={w.nameHint}>
          {(control) => <Input {...control} value={definition.name ?? ""} disabled={saved !== null} maxLength={150} autoComplete="off" onChange={(event) => change({ name: event.target.value })} />}
        </Field>
        <Field label={a.audience} place="audience" hint={row === undefined ? undefined : row.count === null ? row.sentence : `${w.size(f.number(row.count))}. ${row.sentence}`}>
          {(control) => (
            <Select
              {...control}
              showSearch={{ optionFilterProp: "value" }}
              loading={known.isPending}
              value={chosen || undefined}
              options={options}
              onChange={(name: string) => use(name, refresh)}
              optionRender={(option) => (
                <span className="kind-option">
                  <b>{option.label}</b>
                  <span className="quiet clamp">{option.data.hint}</span>
                </span>
              )}
            />
          )}
        </Field>
        <div className="field">
          <span className="field-label">{w.use}</span>
          <Radio.Group
            className="choices"
            aria-label={w.use}
            value={refresh ? "refresh" : "snapshot"}
            onChange={(event) => use(chosen, event.target.value === "refresh")}
            options={[
              { value: "snapshot", label: w.useSnapshot },
              { value: "refresh", label: w.useRefresh },
            ]}
          />
        </div>
        {chosen !== "" && (
          <>
            <Link href={address("audiences", chosen)}>{chosen}</Link> <span aria-hidden="true">·</span>
          </>
        )}{" "}
        <Link href="/audiences/new">{c.newAudience}</Link>
      </Panel>
      <Panel className="span-5" title={w.about}>
        {(["brand", "type", "category", "owner"] as const).map((key) => (
          <Field key={key} label={key === "brand" ? a.brand : key === "type" ? a.kind : key === "category" ? a.category : c.owner} place={key}>
            {(control) => <Input {...control} value={definition[key] ?? ""} maxLength={200} onChange={(event) => change({ [key]: event.target.value })} />}
          </Field>
        ))}
      </Panel>
    </div>
  );
}
