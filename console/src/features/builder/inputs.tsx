/** Small inputs that conditions are made of, each with a name that a screen reader says. */
import { DatePicker, Input, InputNumber, Select } from "antd";
import dayjs from "dayjs";
import type { ValueKind } from "../../api/shapes";
import { useWords } from "../../app/context";
import { SpanInput } from "../../ui/SpanInput";
import type { Json, JsonObject } from "./rule";
import { builder } from "./words";

export interface Option {
  value: string;
  label: string;
}

interface PickProps {
  label: string;
  value: string | undefined;
  options: Option[];
  onChange: (value: string) => void;
  quiet?: boolean;
  width?: number;
}

/** One of several, in the line of a sentence. */
export function Pick({ label, value, options, onChange, quiet, width }: PickProps) {
  const w = useWords(builder);
  return (
    <Select
      aria-label={label}
      className={quiet ? "pick pick-quiet" : "pick"}
      variant={quiet ? "borderless" : "outlined"}
      value={value === "" ? undefined : value}
      placeholder={w.choose}
      options={options}
      onChange={onChange}
      popupMatchSelectWidth={false}
      showSearch={options.length > 8 ? { optionFilterProp: "label" } : false}
      style={width === undefined ? undefined : { width }}
    />
  );
}

interface NumberProps {
  label: string;
  value: Json | undefined;
  onChange: (value: Json) => void;
  min?: number;
  max?: number;
  whole?: boolean;
  unit?: string;
}

export function NumberInput({ label, value, onChange, min, max, whole, unit }: NumberProps) {
  return (
    <InputNumber
      aria-label={label}
      className="number-input"
      value={typeof value === "number" ? value : null}
      min={min}
      max={max}
      precision={whole ? 0 : undefined}
      controls={false}
      suffix={unit}
      onChange={(next) => onChange(typeof next === "number" ? next : null)}
    />
  );
}

interface TimeProps {
  label: string;
  type: ValueKind;
  value: Json | undefined;
  onChange: (value: Json) => void;
}

/** A date or moment: fixed, or so long before or after the as-of. */
export function TimeInput({ label, type, value, onChange }: TimeProps) {
  const w = useWords(builder);
  const relative = typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
  const kind = relative === null ? "fixed" : "ago" in relative ? "ago" : "ahead";
  const options = [
    { value: "fixed", label: w.fixedDate },
    { value: "ago", label: w.ago },
    { value: "ahead", label: w.ahead },
  ];
  const withTime = type === "moment";
  const format = withTime ? "YYYY-MM-DDTHH:mm" : "YYYY-MM-DD";
  return (
    <span className="time-input">
      <Pick
        label={`${label}: ${w.dateKind}`}
        quiet
        value={kind}
        options={options}
        onChange={(next) => onChange(next === "fixed" ? null : { [next]: "30d" })}
      />
      {relative === null ? (
        <DatePicker
          aria-label={label}
          showTime={withTime ? { format: "HH:mm" } : false}
          value={typeof value === "string" && value !== "" ? dayjs(value) : null}
          onChange={(next) => onChange(next === null ? null : (next as dayjs.Dayjs).format(format))}
        />
      ) : (
        <SpanInput
          label={label}
          value={relative[kind]}
          units={withTime ? undefined : ["d", "w", "m", "y"]}
          onChange={(span) => onChange({ [kind]: span })}
        />
      )}
    </span>
  );
}

export function TextInput(props: { label: string; value: Json | undefined; onChange: (value: string) => void; placeholder?: string; wide?: boolean }) {
  return (
    <Input
      aria-label={props.label}
      className={props.wide ? "text-input text-input-wide" : "text-input"}
      value={typeof props.value === "string" ? props.value : ""}
      placeholder={props.placeholder}
      onChange={(event) => props.onChange(event.target.value)}
    />
  );
}
