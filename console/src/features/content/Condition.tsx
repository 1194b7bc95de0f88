/** Who gets a variant: a tag, a condition and a value; rules that say more are edited as they are written. */
import { useQuery } from "@tanstack/react-query";
import { Input, Select } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import type { OperatorRow, TagRow } from "../../api/shapes";
import { useApp, useWords } from "../../app/context";
import { Field } from "../../ui/Field";
import type { Body } from "./shapes";
import { content } from "./words";

interface Props {
  place: string;
  rule: Body;
  change: (rule: Body) => void;
}

/** Tags with their types, and the operators that go with each type. */
export function useTerms() {
  const { language } = useApp();
  return useQuery({
    queryKey: ["content-terms", language],
    staleTime: 60_000,
    queryFn: async ({ signal }) => {
      const query = { language };
      const [schema, tags] = await Promise.all([
        api.get<{ operators: OperatorRow[] }>("/api/v1/schema/leaves", { query, signal }),
        api.get<{ tags: TagRow[] }>("/api/v1/tags", { query: { ...query, entity_kind: "customer" }, signal }),
      ]);
      return { operators: schema.operators, tags: tags.tags.filter((tag) => tag.entity_kind === "customer" && tag.type !== "vector") };
    },
  });
}

const isLeaf = (rule: Body) => Object.keys(rule).every((key) => ["tag", "op", "value"].includes(key));
export const NUMBERS = ["integer", "decimal", "number"];

/** What was typed, as a value of the tag's type; several with commas in between where the operator takes several. */
function valueOf(typed: string, type: string | undefined, operand: string): unknown {
  const one = (part: string) => {
    if (NUMBERS.includes(type ?? "") && part.trim() !== "" && Number.isFinite(Number(part))) return Number(part);
    return type === "boolean" ? part.trim() === "true" : part.trim();
  };
  return operand === "many" || operand === "pair" ? typed.split(/[,，]/).filter((part) => part.trim() !== "").map(one) : one(typed);
}

export function Condition({ place, rule, change }: Props) {
  const w = useWords(content);
  const terms = useTerms();
  if (!isLeaf(rule)) return <AsWritten place={place} rule={rule} change={change} />;
  const tag = terms.data?.tags.find((one) => one.tag === rule.tag);
  const operators = (terms.data?.operators ?? []).filter((operator) => tag === undefined || operator.types.includes(tag.type)).filter((operator) => ["none", "one", "pair", "many", "text", "pattern", "path"].includes(operator.operand));
  const operator = operators.find((one) => one.key === rule.op);
  const choose = (name: string) => change({ tag: name, op: undefined, value: undefined });
  return (
    <div className="fields">
      <Field label={w.tag} place={[`${place}.tag`, place]}>
        {(control) => <Select {...control} showSearch={{ optionFilterProp: "label" }} value={(rule.tag as string) || undefined} options={(terms.data?.tags ?? []).map((one) => ({ value: one.tag, label: one.label === one.tag ? one.tag : `${one.label} ${one.tag}` }))} onChange={choose} />}
      </Field>
      <Field label={w.operator} place={`${place}.op`}>
        {(control) => <Select {...control} value={(rule.op as string) || undefined} options={operators.map((one) => ({ value: one.key, label: one.label }))} onChange={(op: string) => change({ ...rule, op })} />}
      </Field>
      {operator !== undefined && operator.operand !== "none" && (
        <Field label={w.value} place={`${place}.value`}>
          {(control) => <Typed key={`${rule.tag}-${rule.op}`} control={control} value={rule.value} set={(typed) => change({ ...rule, value: valueOf(typed, tag?.type, operator.operand) })} />}
        </Field>
      )}
    </div>
  );
}

/** A value as it is typed: what is sent is read from it, so that commas and points can be written. */
function Typed({ control, value, set }: { control: object; value: unknown; set: (typed: string) => void }) {
  const [typed, setTyped] = useState(() => (Array.isArray(value) ? value.join(", ") : value === undefined ? "" : String(value)));
  return (
    <Input
      {...control}
      value={typed}
      onChange={(event) => {
        setTyped(event.target.value);
        set(event.target.value);
      }}
    />
  );
}

function AsWritten({ place, rule, change }: Props) {
  const w = useWords(content);
  const [typed, setTyped] = useState(() => JSON.stringify(rule, null, 2));
  const edit = (value: string) => {
    setTyped(value);
    try {
      change(JSON.parse(value) as Body);
    } catch {
      // until it is JSON again the last rule that was stays
    }
  };
  return (
    <Field label={w.rule} place={place} hint={w.ruleHint}>
      {(control) => <Input.TextArea {...control} className="code" autoSize={{ minRows: 3 }} value={typed} onChange={(event) => edit(event.target.value)} />}
    </Field>
  );
}
