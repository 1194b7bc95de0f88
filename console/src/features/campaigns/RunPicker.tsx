/** Which run the page shows; it stands in the address. */
import { Select } from "antd";
import { useFormat, useWords } from "../../app/context";
import { useQueryValue } from "../../app/router";
import { useOccurrences } from "./PlanTab";
import { campaigns } from "./words";

export function RunPicker({ name }: { name: string }) {
  const w = useWords(campaigns);
  const f = useFormat();
  const [run, setRun] = useQueryValue("run");
  const known = (useOccurrences(name).data ?? []).filter((one) => one.started_at !== null);
  if (known.length < 2) return null;
  const options = known.map((one) => ({ value: one.run, label: `${one.run} · ${one.started_at === null ? "" : f.moment(one.started_at)}` }));
  return <Select aria-label={w.whichRun} value={run || known[0]?.run} options={options} onChange={setRun} popupMatchSelectWidth={false} />;
}
