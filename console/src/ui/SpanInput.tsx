/** A span such as `30d`: a number and its unit. */
import { InputNumber, Select } from "antd";
import { useState } from "react";
import { useWords } from "../app/context";
import { pairs } from "../words/pairs";

const words = pairs({
  amount: ["Amount", "数量"],
  unit: ["Unit", "单位"],
  h: ["hours", "小时"],
  d: ["days", "天"],
  w: ["weeks", "周"],
  m: ["months", "个月"],
  y: ["years", "年"],
});

const UNITS = ["h", "d", "w", "m", "y"] as const;
export type SpanUnit = (typeof UNITS)[number];

interface Props {
  label: string;
  value: unknown;
  onChange: (value: string) => void;
  units?: readonly SpanUnit[];
  /** The id of the number, and what says what is wrong with it. */
  control?: { id: string; status: "error" | undefined; "aria-describedby": string | undefined };
}

/** The number and the unit of a span; null where it is none. */
export function readSpan(value: unknown): { count: number; unit: SpanUnit } | null {
  const found = /^\s*(\d+)\s*([hdwmy])\s*$/.exec(typeof value === "string" ? value : "");
  return found === null ? null : { count: Number(found[1]), unit: found[2] as SpanUnit };
}

export function SpanInput({ label, value, onChange, units = UNITS, control }: Props) {
  const w = useWords(words);
  const found = readSpan(value);
  const [unit, setUnit] = useState<SpanUnit>(found?.unit ?? "d");
  const shown = found?.unit ?? unit;
  return (
    <span className="span-input">
      <InputNumber
        {...control}
        aria-label={`${label}: ${w.amount}`}
        className="number-input"
        value={found === null ? null : found.count}
        min={1}
        precision={0}
        controls={false}
        onChange={(count) => onChange(count === null ? "" : `${count}${shown}`)}
      />
      <Select
        aria-label={`${label}: ${w.unit}`}
        className="pick pick-quiet"
        variant="borderless"
        value={shown}
        options={units.map((key) => ({ value: key, label: w[key] }))}
        popupMatchSelectWidth={false}
        onChange={(next: SpanUnit) => {
          setUnit(next);
          if (found !== null) onChange(`${found.count}${next}`);
        }}
      />
    </span>
  );
}
