/** What stands after the operator: one value, two, a list, text, a pattern, a span, a path, or nothing. */
import { Button, Input, Modal, Select } from "antd";
import { useDeferredValue, useState } from "react";
import type { OperatorRow, ValueCount, ValueKind } from "../../api/shapes";
import { useFormat, useWords } from "../../app/context";
import { SpanInput } from "../../ui/SpanInput";
import { NumberInput, TextInput, TimeInput } from "./inputs";
import { type Json, pastedValues } from "./rule";
import { type Source, useBuilding, useValues } from "./vocabulary";
import { builder } from "./words";

export interface Typed {
  type: ValueKind;
  operator: OperatorRow | undefined;
  value: Json | undefined;
  onChange: (value: Json) => void;
  source?: Source;
  unit?: string;
}

const NUMBERS: ReadonlySet<ValueKind> = new Set(["integer", "decimal", "number"]);
const TIMES: ReadonlySet<ValueKind> = new Set(["date", "moment"]);

export function ValueField(props: Typed) {
  const w = useWords(builder);
  const { operator, value, onChange } = props;
  const operand = operator?.operand ?? "none";
  if (operand === "none") return null;
  if (operand === "pair") {
    const pair = Array.isArray(value) ? value : [null, null];
    return (
      <span className="pair">
        <OneValue {...props} label={w.from} value={pair[0]} onChange={(low) => onChange([low, pair[1] ?? null])} />
        <span className="word">{w.andWord}</span>
        <OneValue {...props} label={w.to} value={pair[1]} onChange={(high) => onChange([pair[0] ?? null, high])} />
      </span>
    );
  }
  if (operand === "many") return <ManyValues {...props} />;
  if (operand === "text" || operand === "pattern") {
    return <TextInput label={operand === "text" ? w.value : w.pattern} value={value} onChange={onChange} />;
  }
  if (operand === "days") {
    return <SpanInput label={w.value} value={value} units={["d", "w"]} onChange={onChange} />;
  }
  if (operand === "span") {
    const units = props.type === "date" ? (["d", "w", "m", "y"] as const) : undefined;
    return <SpanInput label={w.value} value={value} units={units} onChange={onChange} />;
  }
  if (operand === "path") return <PathValue {...props} />;
  return <OneValue {...props} label={w.value} />;
}

function OneValue({ type, value, onChange, label, source, unit }: Typed & { label: string }) {
  const w = useWords(builder);
  if (NUMBERS.has(type)) {
    return <NumberInput label={label} value={value} onChange={onChange} whole={type === "integer"} unit={unit} />;
  }
  if (TIMES.has(type)) return <TimeInput label={label} type={type} value={value} onChange={onChange} />;
  if (type === "boolean") {
    const options = [
      { value: true, label: w.yes },
      { value: false, label: w.no },
    ];
    const chosen = typeof value === "boolean" ? value : undefined;
    return <Select aria-label={label} className="pick" value={chosen} placeholder={w.choose} options={options} onChange={onChange} />;
  }
  if (source === undefined) return <TextInput label={label} value={value} onChange={onChange} />;
  const chosen = typeof value === "string" && value !== "" ? [value] : [];
  return <Picker label={label} type={type} chosen={chosen} source={source} onChange={(next) => onChange(next.at(-1) ?? "")} single />;
}

function ManyValues({ type, value, onChange, source }: Typed) {
  const w = useWords(builder);
  const chosen = Array.isArray(value) ? value.map((item) => (typeof item === "boolean" ? item : String(item))) : [];
  if (type === "boolean" || source === undefined) {
    const yesNo = [
      { value: true, label: w.yes },
      { value: false, label: w.no },
    ];
    return (
      <Select
        mode={type === "boolean" ? "multiple" : "tags"}
        aria-label={w.values}
        className="values"
        value={chosen}
        options={type === "boolean" ? yesNo : []}
        placeholder={w.choose}
        onChange={(next) => onChange(next.map((item) => typedValue(item, type)))}
      />
    );
  }
  const set = (next: string[]) => onChange(next.map((item) => typedValue(item, type)));
  return <Picker label={w.values} type={type} chosen={chosen.map(String)} source={source} onChange={set} />;
}

/** A typed or pasted text as the JSON value of its type; a number that would lose digits stays text. */
export function typedValue(value: string | boolean, type: ValueKind): Json {
  if (typeof value === "boolean" || !NUMBERS.has(type)) return value;
  const number = Number(value.replace(/[,\s]/g, ""));
  const exact = Number.isFinite(number) && (!Number.isInteger(number) || Number.isSafeInteger(number));
  return value.trim() !== "" && exact ? number : value;
}

function PathValue({ value, onChange, source }: Typed) {
  const w = useWords(builder);
  const text = Array.isArray(value) ? value.join(" > ") : String(value ?? "");
  if (source === undefined) return <TextInput label={w.path} value={text} onChange={onChange} />;
  const chosen = text === "" ? [] : [text];
  return <Picker label={w.path} type="path" chosen={chosen} source={source} onChange={(next) => onChange(next.at(-1) ?? "")} single />;
}

interface PickerProps {
  label: string;
  type: ValueKind;
  chosen: string[];
  source: Source;
  onChange: (values: string[]) => void;
  single?: boolean;
}

/** Values with their counts: searched on the server, several at once, typed ones and pasted lists as well. */
function Picker({ label, chosen, source, onChange, single }: PickerProps) {
  const w = useWords(builder);
  const f = useFormat();
  const { vocabulary } = useBuilding();
  const [open, setOpen] = useState(false);
  const [search, setSearch] = useState("");
  const [pasting, setPasting] = useState(false);
  const asked = useDeferredValue(search);
  const values = useValues(source, asked, open, vocabulary.entityKind);
  const options = withTyped(values.data?.values ?? [], search, w.useTyped);
  return (
    <>
      <Select
        mode={single ? undefined : "multiple"}
        aria-label={label}
        className={single ? "value-one" : "values"}
        value={single ? (chosen[0] ?? undefined) : (chosen as never)}
        placeholder={w.choose}
        showSearch={{ filterOption: false, searchValue: search, onSearch: setSearch, autoClearSearchValue: false }}
        maxTagCount="responsive"
        maxTagPlaceholder={(left) => `+${left.length}`}
        loading={values.isFetching}
        onOpenChange={(next) => {
          setOpen(next);
          if (!next) setSearch("");
        }}
        notFoundContent={values.isPending ? null : w.noValues}
        options={options.map((row) => ({ value: row.value, label: row.label, count: row.count }))}
        optionRender={(option) => (
          <span className="value-row">
            <span>{option.label}</span>
            {typeof option.data.count === "number" && <span className="quiet">{f.number(option.data.count)}</span>}
          </span>
        )}
        popupMatchSelectWidth={320}
        popupRender={(menu) => (
          <>
            {menu}
            {!single && <PickerFoot paste={() => setPasting(true)} chosen={chosen.length} />}
          </>
        )}
        onChange={(next: unknown) => onChange(Array.isArray(next) ? next.map(String) : [String(next)])}
      />
      <PasteDialog
        open={pasting}
        close={() => setPasting(false)}
        add={(more) => {
          setPasting(false);
          onChange([...new Set([...chosen, ...more])]);
        }}
      />
    </>
  );
}

function PickerFoot({ paste, chosen }: { paste: () => void; chosen: number }) {
  const w = useWords(builder);
  return (
    <div className="picker-foot">
      <Button size="small" type="text" onMouseDown={(event) => event.preventDefault()} onClick={paste}>
        {w.paste}
      </Button>
      <span className="quiet">{w.chosen(chosen)}</span>
    </div>
  );
}

interface Row {
  value: string;
  label: string;
  count: number | null;
}

function withTyped(found: ValueCount[], search: string, useTyped: (text: string) => string): Row[] {
  const rows: Row[] = found.map((row) => {
    const value = Array.isArray(row.value) ? row.value.join(" > ") : String(row.value);
    return { value, label: row.label ?? value, count: row.count };
  });
  const typed = search.trim();
  if (typed !== "" && !rows.some((row) => row.value === typed)) rows.push({ value: typed, label: useTyped(typed), count: null });
  return rows;
}

function PasteDialog({ open, close, add }: { open: boolean; close: () => void; add: (values: string[]) => void }) {
  const w = useWords(builder);
  const [text, setText] = useState("");
  const values = pastedValues(text);
  return (
    <Modal
      open={open}
      title={w.paste}
      onCancel={close}
      okText={w.pasteAdd(values.length)}
      okButtonProps={{ disabled: values.length === 0 }}
      onOk={() => {
        add(values);
        setText("");
      }}
      destroyOnHidden
    >
      <p className="quiet">{w.pasteHint}</p>
      <Input.TextArea aria-label={w.paste} rows={8} value={text} onChange={(event) => setText(event.target.value)} autoFocus />
    </Modal>
  );
}
