/** The inputs of every kind of condition, laid out as the sentence that it says. */
import { CloseOutlined, PlusOutlined } from "@ant-design/icons";
import { Button, Input } from "antd";
import { lazy, type ReactNode, Suspense, useState } from "react";
import type { ValueKind } from "../../api/shapes";
import { useWords } from "../../app/context";
import { SpanInput } from "../../ui/SpanInput";
import { NumberInput, Pick, TextInput } from "./inputs";
import { type Json, type JsonObject, type Kind, kindOf } from "./rule";
import { useBuilding, useFields } from "./vocabulary";
import { ValueField } from "./ValueField";
import { keptValue, WhereEditor } from "./WhereEditor";
import { builder } from "./words";

// A rule inside of a condition is edited by the same builder, which draws conditions: it is fetched when wanted.
const InnerRule = lazy(() => import("./InnerRule"));

interface FormProps {
  leaf: JsonObject;
  onChange: (leaf: JsonObject) => void;
}

export function LeafForm(props: FormProps) {
  const Form = FORMS[kindOf(props.leaf)];
  return <Form {...props} />;
}

const FORMS: Record<Kind, (props: FormProps) => ReactNode> = {
  tag: TagForm,
  events: EventsForm,
  regular: RegularForm,
  stopped: StoppedForm,
  restarted: RestartedForm,
  sequence: SequenceForm,
  top: TopForm,
  quantile: QuantileForm,
  audience: AudienceForm,
  block: BlockForm,
  list: ListForm,
  neighbours: NeighboursForm,
  geo: GeoForm,
  sample: SampleForm,
  split: SplitForm,
  sql: SqlForm,
};

function Word({ children }: { children: ReactNode }) {
  return <span className="word">{children}</span>;
}

function TagForm({ leaf, onChange }: FormProps) {
  const w = useWords(builder);
  const { vocabulary } = useBuilding();
  const tag = vocabulary.tagOf.get(String(leaf.tag));
  const type = tag?.type ?? "text";
  const operators = vocabulary.operators.filter((row) => row.types.includes(type));
  const operator = operators.find((row) => row.key === leaf.op);
  const compare = (op: string) => onChange(keptValue(leaf, op, operator?.operand, operators.find((row) => row.key === op)?.operand));
  return (
    <>
      <b className="subject" title={tag?.how}>
        {tag?.label ?? String(leaf.tag)}
      </b>
      <Pick
        quiet
        label={w.operator}
        value={String(leaf.op ?? "")}
        options={operators.map((row) => ({ value: row.key, label: row.label }))}
        onChange={compare}
      />
      <ValueField
        type={type}
        operator={operator}
        value={leaf.value}
        source={{ tag: String(leaf.tag) }}
        unit={tag?.unit ?? undefined}
        onChange={(value) => onChange({ ...leaf, value })}
      />
    </>
  );
}

function useEventSets() {
  const { vocabulary } = useBuilding();
  const rows = vocabulary.datasets.filter((row) => row.kind === "events" || row.kind === "records");
  return rows.map((row) => ({ value: row.dataset, label: row.dataset }));
}

function DatasetPick({ leaf, onChange }: FormProps) {
  const w = useWords(builder);
  const options = useEventSets();
  const choose = (events: string) => {
    const { where: _where, of: _of, ...rest } = leaf;
    onChange({ ...rest, events });
  };
  return <Pick label={w.dataset} value={String(leaf.events ?? "")} options={options} onChange={choose} />;
}

function Where({ leaf, onChange }: FormProps) {
  const put = (where: JsonObject | undefined) => {
    const { where: _, ...rest } = leaf;
    onChange(where === undefined ? rest : { ...rest, where });
  };
  return <WhereEditor dataset={String(leaf.events ?? "")} where={leaf.where as JsonObject | undefined} onChange={put} />;
}

/** The long form of a condition on events: short forms are what people write by hand. */
export function longEvents(leaf: JsonObject): JsonObject {
  const { never, at_least, at_most, exactly, ...rest } = leaf;
  const measure = rest.measure ?? "count";
  if (never === true) return { ...rest, measure, op: "eq", value: 0 };
  if (at_least !== undefined) return { ...rest, measure, op: "gte", value: at_least };
  if (at_most !== undefined) return { ...rest, measure, op: "lte", value: at_most };
  if (exactly !== undefined) return { ...rest, measure, op: "eq", value: exactly };
  if (rest.op === undefined && measure === "count") return { ...rest, measure, op: "gte", value: 1 };
  return { ...rest, measure };
}

function EventsForm({ leaf: given, onChange }: FormProps) {
  const w = useWords(builder);
  const { vocabulary } = useBuilding();
  const leaf = longEvents(given);
  const measure = vocabulary.measures.find((row) => row.key === leaf.measure);
  const fields = useFields(String(leaf.events ?? "")).data ?? [];
  const type = measuredType(String(leaf.measure), fields.find((row) => row.name === leaf.of)?.type);
  const operators = vocabulary.operators.filter((row) => row.types.includes(type) && measure?.operators.includes(row.key));
  const operator = operators.find((row) => row.key === leaf.op);
  const choose = (key: string) => {
    const { of: _, value: _v, ...rest } = leaf;
    const first = key === "first_at" || key === "last_at" ? "within_last" : "gte";
    onChange({ ...rest, measure: key, op: first });
  };
  const usable = fields.filter((row) => measure?.types.includes(row.type)).map((row) => ({ value: row.name, label: row.label ?? row.name }));
  return (
    <>
      <Word>{w.did}</Word>
      <DatasetPick leaf={leaf} onChange={onChange} />
      <Pick quiet label={w.measure} value={String(leaf.measure)} options={vocabulary.measures.map((m) => ({ value: m.key, label: m.label }))} onChange={choose} />
      {measure?.takes === "field" && (
        <OfField value={leaf.of} options={usable} onChange={(of) => onChange({ ...leaf, of })} />
      )}
      <Pick
        quiet
        label={w.operator}
        value={String(leaf.op ?? "")}
        options={operators.map((row) => ({ value: row.key, label: row.label }))}
        onChange={(op) => onChange(keptValue(leaf, op, operator?.operand, operators.find((row) => row.key === op)?.operand))}
      />
      <ValueField type={type} operator={operator} value={leaf.value} onChange={(value) => onChange({ ...leaf, value })} />
      {leaf.measure === "count" && <Word>{w.times}</Word>}
      <WindowInput leaf={leaf} onChange={onChange} />
      <Where leaf={leaf} onChange={onChange} />
    </>
  );
}

/** A field, or an expression such as `Quantity * Price` that was written elsewhere. */
function OfField({ value, options, onChange }: { value: Json | undefined; options: { value: string; label: string }[]; onChange: (of: string) => void }) {
  const w = useWords(builder);
  const text = typeof value === "string" ? value : "";
  const known = text === "" || options.some((option) => option.value === text);
  return <Pick label={w.of} value={text} options={known ? options : [{ value: text, label: text }, ...options]} onChange={onChange} />;
}

function measuredType(measure: string, field: ValueKind | undefined): ValueKind {
  if (measure === "count" || measure === "distinct") return "integer";
  if (measure === "first_at" || measure === "last_at") return "moment";
  if (measure === "avg") return "number";
  return field ?? "number";
}

function WindowInput({ leaf, onChange }: FormProps) {
  const w = useWords(builder);
  const { within, between, ...rest } = leaf;
  const kind = within !== undefined ? "within" : between !== undefined ? "between" : "any";
  const pair = Array.isArray(between) ? (between as Json[]) : ["90d", "30d"];
  const options = [
    { value: "any", label: w.anyTime },
    { value: "within", label: w.within },
    { value: "between", label: w.betweenAgo },
  ];
  const choose = (next: string) => {
    if (next === "within") onChange({ ...rest, within: "30d" });
    else if (next === "between") onChange({ ...rest, between: ["90d", "30d"] });
    else onChange(rest);
  };
  return (
    <span className="window">
      <Pick quiet label={w.window} value={kind} options={options} onChange={choose} />
      {kind === "within" && <SpanInput label={w.window} value={within} onChange={(span) => onChange({ ...rest, within: span })} />}
      {kind === "between" && (
        <>
          <SpanInput label={w.olderEnd} value={pair[0]} onChange={(span) => onChange({ ...rest, between: [span, pair[1] ?? ""] })} />
          <Word>{w.andWord}</Word>
          <SpanInput label={w.newerEnd} value={pair[1]} onChange={(span) => onChange({ ...rest, between: [pair[0] ?? "", span] })} />
          <Word>{w.agoWord}</Word>
        </>
      )}
    </span>
  );
}

function RegularForm({ leaf, onChange }: FormProps) {
  const w = useWords(builder);
  const body = leaf.regular as JsonObject;
  const amount = ["at_least", "at_most", "exactly"].find((key) => key in body) ?? "at_least";
  const put = (part: JsonObject) => onChange({ ...leaf, regular: { ...body, ...part } });
  const units = (["day", "week", "month", "year"] as const).map((key) => ({ value: key, label: w[key] }));
  return (
    <>
      <Word>{w.regular}</Word>
      <DatasetPick leaf={leaf} onChange={onChange} />
      <Word>{w.regularIn}</Word>
      <NumberInput whole min={0} max={366} label={w.regularIn} value={body[amount]} onChange={(n) => put({ [amount]: n })} />
      <Word>{w.regularOf}</Word>
      <NumberInput whole min={1} max={366} label={w.periods} value={body.of_last} onChange={(n) => put({ of_last: n })} />
      <Pick quiet label={w.unit} value={String(body.unit ?? "")} options={units} onChange={(unit) => put({ unit })} />
      <Where leaf={leaf} onChange={onChange} />
    </>
  );
}

function StoppedForm({ leaf, onChange }: FormProps) {
  const w = useWords(builder);
  const body = leaf.stopped as JsonObject;
  const put = (part: JsonObject) => onChange({ ...leaf, stopped: { ...body, ...part } });
  return (
    <>
      <Word>{w.stopped}</Word>
      <DatasetPick leaf={leaf} onChange={onChange} />
      <Word>{w.activeFor}</Word>
      <SpanInput label={w.activeFor} value={body.active} onChange={(active) => put({ active })} />
      <Word>{w.silentFor}</Word>
      <SpanInput label={w.silentFor} value={body.silent} onChange={(silent) => put({ silent })} />
      <Where leaf={leaf} onChange={onChange} />
    </>
  );
}

function RestartedForm({ leaf, onChange }: FormProps) {
  const w = useWords(builder);
  const body = leaf.restarted as JsonObject;
  const put = (part: JsonObject) => onChange({ ...leaf, restarted: { ...body, ...part } });
  return (
    <>
      <Word>{w.restarted}</Word>
      <DatasetPick leaf={leaf} onChange={onChange} />
      <Word>{w.backWithin}</Word>
      <SpanInput label={w.backWithin} value={body.back} onChange={(back) => put({ back })} />
      <Word>{w.afterGap}</Word>
      <SpanInput label={w.afterGap} value={body.gap} onChange={(gap) => put({ gap })} />
      <Where leaf={leaf} onChange={onChange} />
    </>
  );
}

function SequenceForm({ leaf, onChange }: FormProps) {
  const w = useWords(builder);
  const steps = leaf.sequence as JsonObject[];
  const absent = steps.length > 0 && "then_not" in (steps.at(-1) as JsonObject);
  const put = (sequence: JsonObject[]) => onChange({ ...leaf, sequence });
  const addStep = () => put(absent ? [...steps.slice(0, -1), { events: "" }, steps.at(-1) as JsonObject] : [...steps, { events: "" }]);
  return (
    <>
      <Word>{w.sequence}</Word>
      <WindowInput leaf={leaf} onChange={onChange} />
      <ol className="steps">
        {steps.map((step, i) => (
          <SequenceStep
            key={i}
            index={i}
            step={step}
            removable={steps.length > 2}
            onChange={(next) => put(steps.map((s, j) => (j === i ? next : s)))}
            onRemove={() => put(steps.filter((_s, j) => j !== i))}
          />
        ))}
      </ol>
      <span className="steps-foot">
        <Button size="small" type="text" icon={<PlusOutlined aria-hidden="true" />} onClick={addStep} disabled={steps.length >= 10}>
          {w.addStep}
        </Button>
        {!absent && (
          <Button size="small" type="text" icon={<PlusOutlined aria-hidden="true" />} onClick={() => put([...steps, { then_not: { events: "", within: "14d" } }])}>
            {w.addThenNot}
          </Button>
        )}
        <SameField leaf={leaf} onChange={onChange} />
      </span>
    </>
  );
}

interface StepProps {
  index: number;
  step: JsonObject;
  removable: boolean;
  onChange: (step: JsonObject) => void;
  onRemove: () => void;
}

function SequenceStep({ index, step, removable, onChange, onRemove }: StepProps) {
  const w = useWords(builder);
  const not = "then_not" in step;
  const body = (not ? step.then_not : step) as JsonObject;
  const put = (next: JsonObject) => onChange(not ? { then_not: next } : next);
  const gap = body.within === undefined ? "any" : "within";
  const choose = (next: string) => {
    const { within: _, ...rest } = body;
    put(next === "any" ? rest : { ...rest, within: "7d" });
  };
  const options = [
    { value: "any", label: w.anyGap },
    { value: "within", label: w.withinGap },
  ];
  return (
    <li aria-label={w.step(index + 1)}>
      {index > 0 && <Word>{not ? w.thenNot : w.then}</Word>}
      <DatasetPick leaf={body} onChange={put} />
      {index > 0 && !not && <Pick quiet label={w.withinGap} value={gap} options={options} onChange={choose} />}
      {not && <Word>{w.withinGap}</Word>}
      {index > 0 && gap === "within" && (
        <SpanInput label={w.withinGap} units={["h", "d", "w"]} value={body.within} onChange={(within) => put({ ...body, within })} />
      )}
      {removable && <Button size="small" type="text" aria-label={w.removeStep} icon={<CloseOutlined aria-hidden="true" />} onClick={onRemove} />}
      <Where leaf={body} onChange={put} />
    </li>
  );
}

/** A field that all steps share; where datasets name it differently, the rule keeps a field for each. */
function SameField({ leaf, onChange }: FormProps) {
  const w = useWords(builder);
  const steps = leaf.sequence as JsonObject[];
  const names = [...new Set(steps.map((step) => String(((step.then_not ?? step) as JsonObject).events ?? "")))].filter((name) => name !== "");
  const { same, ...rest } = leaf;
  const chosen = (name: string) => (typeof same === "string" ? same : String((same as JsonObject | undefined)?.[name] ?? ""));
  const put = (name: string, field: string) => {
    const all = Object.fromEntries(names.map((other) => [other, other === name ? field : chosen(other)]));
    const kept = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ""));
    onChange(Object.keys(kept).length === 0 ? rest : { ...rest, same: kept });
  };
  return (
    <span className="same">
      {names.length > 0 && <Word>{w.sameField}</Word>}
      {names.map((name) => (
        <SamePick key={name} dataset={name} value={chosen(name)} onChange={(field) => put(name, field)} />
      ))}
    </span>
  );
}

function SamePick({ dataset, value, onChange }: { dataset: string; value: string; onChange: (field: string) => void }) {
  const w = useWords(builder);
  const fields = useFields(dataset).data ?? [];
  const options = [{ value: "-", label: w.noSame }, ...fields.map((row) => ({ value: row.name, label: `${dataset}: ${row.label ?? row.name}` }))];
  return (
    <Pick quiet label={`${w.sameField}: ${dataset}`} value={value === "" ? "-" : value} options={options} onChange={(next) => onChange(next === "-" ? "" : next)} />
  );
}

const NUMERIC: ReadonlySet<ValueKind> = new Set(["integer", "decimal", "number"]);

function RankedTag({ body, put }: { body: JsonObject; put: (part: JsonObject) => void }) {
  const w = useWords(builder);
  const { vocabulary } = useBuilding();
  const options = vocabulary.tags.filter((tag) => NUMERIC.has(tag.type)).map((tag) => ({ value: tag.tag, label: tag.label }));
  const order = [
    { value: "highest", label: w.topHighest },
    { value: "lowest", label: w.topLowest },
  ];
  return (
    <>
      <Pick quiet label={w.order} value={body.lowest === true ? "lowest" : "highest"} options={order} onChange={(next) => put({ lowest: next === "lowest" })} />
      <Word>{w.by}</Word>
      <Pick label={w.by} value={String(body.tag ?? "")} options={options} onChange={(tag) => put({ tag })} />
    </>
  );
}

/** The body with a part changed; `lowest: false` is not written. */
function merged(body: JsonObject, part: JsonObject): JsonObject {
  const next = { ...body, ...part };
  if (next.lowest === false) delete next.lowest;
  return next;
}

function Among({ body, put }: { body: JsonObject; put: (body: JsonObject) => void }) {
  const w = useWords(builder);
  const [editing, setEditing] = useState(false);
  const among = body.among as JsonObject | undefined;
  const { among: _, ...rest } = body;
  const options = [
    { value: "all", label: w.amongAll },
    { value: "rule", label: w.amongRule },
  ];
  return (
    <>
      <Word>{w.among}</Word>
      <Pick
        quiet
        label={w.among}
        value={among === undefined ? "all" : "rule"}
        options={options}
        onChange={(next) => {
          if (next === "all") put(rest);
          else setEditing(true);
        }}
      />
      {among !== undefined && (
        <Button size="small" onClick={() => setEditing(true)}>
          {w.editInner}
        </Button>
      )}
      {editing && <Inner rule={among} close={() => setEditing(false)} onChange={(rule) => put({ ...rest, among: rule })} />}
    </>
  );
}

function Inner(props: { rule: JsonObject | undefined; close: () => void; onChange: (rule: JsonObject) => void }) {
  return (
    <Suspense fallback={null}>
      <InnerRule {...props} />
    </Suspense>
  );
}

function TopForm({ leaf, onChange }: FormProps) {
  const w = useWords(builder);
  const body = leaf.top as JsonObject;
  const unit = "percent" in body ? "percent" : "n";
  const put = (part: JsonObject) => onChange({ top: merged(body, part) });
  const switchUnit = (next: string) => {
    const { n: _n, percent: _p, ...rest } = body;
    onChange({ top: { ...rest, [next]: next === "n" ? 100 : 10 } });
  };
  const options = [
    { value: "n", label: w.people },
    { value: "percent", label: w.percent },
  ];
  return (
    <>
      <Word>{w.top}</Word>
      <NumberInput whole={unit === "n"} min={unit === "n" ? 1 : 0} max={unit === "n" ? undefined : 100} label={w.amount} value={body[unit]} onChange={(n) => put({ [unit]: n })} />
      <Pick quiet label={w.unit} value={unit} options={options} onChange={switchUnit} />
      <RankedTag body={body} put={put} />
      <Among body={body} put={(next) => onChange({ top: next })} />
    </>
  );
}

function PartOf({ body, put }: { body: JsonObject; put: (part: JsonObject) => void }) {
  const w = useWords(builder);
  const is = Array.isArray(body.is) ? body.is : [body.is ?? null];
  const text = is.filter((part) => part !== null).join(", ");
  const read = (given: string) => {
    const parts = given.split(/[,，\s]+/).map(Number).filter((n) => Number.isInteger(n) && n > 0);
    put({ is: parts.length === 1 ? (parts[0] as number) : parts });
  };
  return (
    <>
      <Word>{w.partIs}</Word>
      <PartsText label={w.partIs} text={text} onChange={read} />
      <Word>{w.ofParts}</Word>
      <NumberInput whole min={2} max={1000} label={w.parts} value={body.parts} onChange={(parts) => put({ parts })} />
    </>
  );
}

/** Numbers of parts as typed: what is half typed stays as it is. */
function PartsText({ label, text, onChange }: { label: string; text: string; onChange: (text: string) => void }) {
  const [typed, setTyped] = useState(text);
  return (
    <Input
      aria-label={label}
      className="number-input"
      value={typed}
      onChange={(event) => {
        setTyped(event.target.value);
        onChange(event.target.value);
      }}
    />
  );
}

function QuantileForm({ leaf, onChange }: FormProps) {
  const w = useWords(builder);
  const body = leaf.quantile as JsonObject;
  const put = (part: JsonObject) => onChange({ quantile: merged(body, part) });
  return (
    <>
      <Word>{w.quantile}</Word>
      <RankedTag body={body} put={put} />
      <PartOf body={body} put={put} />
      <Among body={body} put={(next) => onChange({ quantile: next })} />
    </>
  );
}

function AudienceForm({ leaf, onChange }: FormProps) {
  const w = useWords(builder);
  const { vocabulary } = useBuilding();
  return (
    <>
      <Word>{w.inAudience}</Word>
      <Pick label={w.audience} value={String(leaf.audience ?? "")} options={vocabulary.audiences.map(asOption)} onChange={(audience) => onChange({ audience })} />
      <Word>{leaf.snapshot === undefined ? w.asNow : `${w.snapshotOf} ${String(leaf.snapshot)}`}</Word>
    </>
  );
}

function asOption(name: string) {
  return { value: name, label: name };
}

function BlockForm({ leaf, onChange }: FormProps) {
  const w = useWords(builder);
  const { vocabulary } = useBuilding();
  return (
    <>
      <Word>{w.inBlock}</Word>
      <Pick label={w.block} value={String(leaf.block ?? "")} options={vocabulary.blocks.map(asOption)} onChange={(block) => onChange({ block })} />
    </>
  );
}

function ListForm({ leaf, onChange }: FormProps) {
  const w = useWords(builder);
  const { vocabulary } = useBuilding();
  return (
    <>
      <Word>{w.inList}</Word>
      <Pick label={w.list} value={String(leaf.list ?? "")} options={vocabulary.lists.map((row) => asOption(row.list))} onChange={(list) => onChange({ list })} />
    </>
  );
}

function NeighboursForm({ leaf, onChange }: FormProps) {
  const w = useWords(builder);
  const { vocabulary } = useBuilding();
  const [editing, setEditing] = useState(false);
  const body = leaf.neighbours as JsonObject;
  const put = (part: JsonObject) => onChange({ neighbours: { ...body, ...part } });
  const edges = vocabulary.datasets.filter((row) => row.kind === "edges").map((row) => asOption(row.dataset));
  const directions = [
    { value: "any", label: w.directionAny },
    { value: "out", label: w.directionOut },
    { value: "in", label: w.directionIn },
  ];
  return (
    <>
      <Word>{w.linkedBy}</Word>
      <Pick label={w.dataset} value={String(body.dataset ?? "")} options={edges} onChange={(dataset) => put({ dataset })} />
      <Pick quiet label={w.direction} value={String(body.direction ?? "any")} options={directions} onChange={(direction) => put({ direction })} />
      <Word>{w.linkedTo}</Word>
      <NumberInput whole min={1} label={w.linkedTo} value={body.at_least ?? 1} onChange={(n) => put({ at_least: n })} />
      <Word>{w.membersOf}</Word>
      <Button size="small" onClick={() => setEditing(true)}>
        {body.of == null ? w.amongRule : w.editInner}
      </Button>
      {editing && <Inner rule={(body.of ?? undefined) as JsonObject | undefined} close={() => setEditing(false)} onChange={(of) => put({ of })} />}
    </>
  );
}

function GeoForm({ leaf, onChange }: FormProps) {
  const w = useWords(builder);
  const { vocabulary } = useBuilding();
  const place = leaf.geo as JsonObject;
  const of = Array.isArray(leaf.of) ? leaf.of : [null, null];
  const numbers = vocabulary.tags.filter((tag) => NUMERIC.has(tag.type)).map((tag) => ({ value: tag.tag, label: tag.label }));
  return (
    <>
      <Word>{w.geo}</Word>
      <Pick label={w.lat} value={String(place.lat ?? "")} options={numbers} onChange={(lat) => onChange({ ...leaf, geo: { ...place, lat } })} />
      <Pick label={w.lon} value={String(place.lon ?? "")} options={numbers} onChange={(lon) => onChange({ ...leaf, geo: { ...place, lon } })} />
      <NumberInput min={0} label={w.radius} value={leaf.within_km} onChange={(km) => onChange({ ...leaf, within_km: km })} />
      <Word>{w.km}</Word>
      <NumberInput label={w.lat} value={of[0]} onChange={(lat) => onChange({ ...leaf, of: [lat, of[1] ?? null] })} />
      <NumberInput label={w.lon} value={of[1]} onChange={(lon) => onChange({ ...leaf, of: [of[0] ?? null, lon] })} />
    </>
  );
}

function SampleForm({ leaf, onChange }: FormProps) {
  const w = useWords(builder);
  const body = leaf.sample as JsonObject;
  const put = (part: JsonObject) => onChange({ sample: { ...body, ...part } });
  return (
    <>
      <Word>{w.sampleOf}</Word>
      <NumberInput min={0} max={100} label={w.percent} value={body.percent} unit="%" onChange={(percent) => put({ percent })} />
      <Word>{w.sampleSalt}</Word>
      <TextInput label={w.sampleSalt} value={body.salt} onChange={(salt) => put({ salt })} />
    </>
  );
}

function SplitForm({ leaf, onChange }: FormProps) {
  const w = useWords(builder);
  const body = leaf.split as JsonObject;
  const put = (part: JsonObject) => onChange({ split: { ...body, ...part } });
  return (
    <>
      <Word>{w.split}</Word>
      <PartOf body={body} put={put} />
      <Word>{w.sampleSalt}</Word>
      <TextInput label={w.sampleSalt} value={body.salt} onChange={(salt) => put({ salt })} />
    </>
  );
}

function SqlForm({ leaf, onChange }: FormProps) {
  const w = useWords(builder);
  return (
    <div className="sql-form">
      <Word>{w.sqlHint}</Word>
      <Input.TextArea
        aria-label={w.sql}
        className="code"
        autoSize={{ minRows: 2, maxRows: 10 }}
        value={String(leaf.sql ?? "")}
        onChange={(event) => onChange({ sql: event.target.value })}
      />
    </div>
  );
}
