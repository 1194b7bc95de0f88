/** Which rows of a dataset count: a tree of conditions on its fields, edited in place. */
import { CloseOutlined, PlusOutlined } from "@ant-design/icons";
import { Button, Switch } from "antd";
import type { FieldRow, Operand } from "../../api/shapes";
import { useWords } from "../../app/context";
import { Pick } from "./inputs";
import { COMBINATORS, type Combinator, type Json, type JsonObject, VALUELESS } from "./rule";
import { useBuilding, useFields } from "./vocabulary";
import { ValueField } from "./ValueField";
import { builder } from "./words";

interface Props {
  dataset: string;
  where: JsonObject | undefined;
  onChange: (where: JsonObject | undefined) => void;
}

export function WhereEditor({ dataset, where, onChange }: Props) {
  const w = useWords(builder);
  const fields = useFields(dataset).data ?? [];
  if (dataset === "") return null;
  if (where === undefined) {
    return (
      <Button className="where-add" size="small" type="text" icon={<PlusOutlined aria-hidden="true" />} onClick={() => onChange({ field: "", op: "" })}>
        {w.addWhere}
      </Button>
    );
  }
  return (
    <div className="where">
      <span className="word">{w.where}</span>
      <WhereNode node={where} dataset={dataset} fields={fields} onChange={onChange} depth={0} />
    </div>
  );
}

interface NodeProps {
  node: JsonObject;
  dataset: string;
  fields: FieldRow[];
  onChange: (node: JsonObject | undefined) => void;
  depth: number;
}

function WhereNode(props: NodeProps) {
  const { node, onChange, depth } = props;
  const w = useWords(builder);
  const combinator = COMBINATORS.find((key) => key in node);
  if ("not" in node) {
    const inner = node.not as JsonObject;
    return (
      <div className="where-group">
        <NotSwitch on onChange={() => onChange(inner)} />
        <WhereNode {...props} node={inner} onChange={(next) => onChange(next === undefined ? undefined : { ...node, not: next })} />
      </div>
    );
  }
  if (combinator !== undefined) return <WhereGroup {...props} combinator={combinator} />;
  const add = () => onChange({ all: [node, { field: "", op: "" }] });
  return (
    <div className="where-line">
      <FieldCondition {...props} />
      {depth === 0 && (
        <Button size="small" type="text" icon={<PlusOutlined aria-hidden="true" />} onClick={add}>
          {w.addCondition}
        </Button>
      )}
    </div>
  );
}

function WhereGroup({ node, combinator, dataset, fields, onChange, depth }: NodeProps & { combinator: Combinator }) {
  const w = useWords(builder);
  const children = node[combinator] as JsonObject[];
  const { [combinator]: _, ...rest } = node;
  const put = (next: JsonObject[]) => {
    if (next.length === 0) onChange(undefined);
    else if (next.length === 1 && depth === 0) onChange(next[0]);
    else onChange({ [combinator]: next, ...rest });
  };
  const set = (i: number) => (child: JsonObject | undefined) =>
    put(child === undefined ? children.filter((_c, j) => j !== i) : children.map((c, j) => (j === i ? child : c)));
  const options = COMBINATORS.map((key) => ({ value: key, label: w[key] }));
  return (
    <div className="where-group">
      <div className="where-head">
        <Pick quiet label={w.combinator} value={combinator} options={options} onChange={(next) => onChange({ [next]: children, ...rest })} />
        <NotSwitch on={false} onChange={() => onChange({ not: node })} />
        <Button size="small" type="text" icon={<PlusOutlined aria-hidden="true" />} onClick={() => put([...children, { field: "", op: "" }])}>
          {w.addCondition}
        </Button>
        <Button size="small" type="text" icon={<PlusOutlined aria-hidden="true" />} onClick={() => put([...children, { any: [{ field: "", op: "" }] }])}>
          {w.addWhereGroup}
        </Button>
      </div>
      {children.map((child, i) => (
        <WhereNode key={i} node={child} dataset={dataset} fields={fields} onChange={set(i)} depth={depth + 1} />
      ))}
    </div>
  );
}

function NotSwitch({ on, onChange }: { on: boolean; onChange: () => void }) {
  const w = useWords(builder);
  return (
    <label className="not-switch">
      <Switch size="small" checked={on} onChange={onChange} aria-label={w.not} />
      <span>{w.not}</span>
    </label>
  );
}

/** Operators that can compare two fields. */
const BETWEEN_FIELDS: ReadonlySet<string> = new Set(["eq", "ne", "gt", "gte", "lt", "lte"]);

function FieldCondition({ node, dataset, fields, onChange }: NodeProps) {
  const w = useWords(builder);
  const { vocabulary } = useBuilding();
  const field = fields.find((row) => row.name === node.field);
  const type = field?.type ?? "text";
  const operators = vocabulary.operators.filter((row) => row.types.includes(type));
  const operator = operators.find((row) => row.key === node.op);
  const twoFields = "than_field" in node;
  const choose = (name: string) => {
    const next = fields.find((row) => row.name === name);
    const fits = vocabulary.operators.find((row) => row.types.includes(next?.type ?? "text"));
    onChange({ field: name, op: fits?.key ?? "eq" });
  };
  const compare = (op: string) => onChange(keptValue(node, op, operator?.operand, operators.find((row) => row.key === op)?.operand));
  return (
    <div className="where-condition">
      <Pick label={w.field} value={String(node.field ?? "")} options={fields.map(fieldOption)} onChange={choose} />
      {field !== undefined && (
        <Pick label={w.operator} quiet value={String(node.op ?? "")} options={operators.map((o) => ({ value: o.key, label: o.label }))} onChange={compare} />
      )}
      {field !== undefined && !twoFields && (
        <ValueField
          type={type}
          operator={operator}
          value={node.value}
          source={{ dataset, field: field.name }}
          onChange={(value) => onChange({ ...node, value })}
        />
      )}
      {twoFields && (
        <Pick
          label={w.fieldWith}
          value={String(node.than_field ?? "")}
          options={fields.filter((row) => row.name !== node.field).map(fieldOption)}
          onChange={(than_field) => onChange({ field: node.field as Json, op: node.op as Json, than_field })}
        />
      )}
      {BETWEEN_FIELDS.has(String(node.op)) && (
        <Button
          size="small"
          type="text"
          className="quiet-button"
          title={twoFields ? w.compareValue : w.compareField}
          aria-label={twoFields ? w.compareValue : w.compareField}
          onClick={() => onChange({ field: node.field as Json, op: node.op as Json, ...(twoFields ? {} : { than_field: "" }) })}
        >
          ⇄
        </Button>
      )}
      <Button size="small" type="text" aria-label={w.removeCondition} icon={<CloseOutlined aria-hidden="true" />} onClick={() => onChange(undefined)} />
    </div>
  );
}

function fieldOption(row: FieldRow) {
  return { value: row.name, label: row.label ?? row.name };
}

/** The condition with another operator; its value stays where the new operator takes the same kind. */
export function keptValue(node: JsonObject, op: string, before: Operand | undefined, after: Operand | undefined): JsonObject {
  const { value, ...rest } = node;
  const keeps = before === after && value !== undefined && !VALUELESS.has(op);
  if (keeps) return { ...rest, op, value };
  if (after === "many" && before === "one" && value != null) return { ...rest, op, value: [value] };
  if (after === "one" && before === "many" && Array.isArray(value) && value[0] !== undefined) return { ...rest, op, value: value[0] };
  return { ...rest, op };
}
