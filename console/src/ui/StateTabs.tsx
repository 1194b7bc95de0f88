/** States as tabs, each with how many there are. */
import { Segmented } from "antd";
import { useFormat } from "../app/context";
import "./marketing.css";

interface Props {
  label: string;
  /** What all of them together are called. */
  all: string;
  states: { value: string; label: string; count: number }[];
  value: string;
  onChange: (state: string) => void;
}

export function StateTabs({ label, all, states, value, onChange }: Props) {
  const f = useFormat();
  const total = states.reduce((sum, state) => sum + state.count, 0);
  const options = [{ value: "", label: all, count: total }, ...states].map((one) => ({ value: one.value, label: `${one.label} ${f.number(one.count)}` }));
  return (
    <div className="state-tabs" tabIndex={0} role="region" aria-label={label}>
      <Segmented aria-label={label} options={options} value={value} onChange={onChange} />
    </div>
  );
}
