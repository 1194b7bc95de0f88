/** Whether a campaign worked: every variant against the held out, on one axis, with the words that go with it. */
import { useQuery } from "@tanstack/react-query";
import { api } from "../../api/client";
import { useApp, useWords } from "../../app/context";
import { useQueryValue } from "../../app/router";
import { ExperimentView } from "../../ui/ExperimentView";
import { Empty, ErrorState, Loading } from "../../ui/States";
import { RunPicker } from "./RunPicker";
import type { ResultsAnswer } from "./shapes";
import { campaigns } from "./words";

export function Results({ name }: { name: string }) {
  const w = useWords(campaigns);
  const { language } = useApp();
  const [run] = useQueryValue("run");
  const found = useQuery({
    queryKey: ["campaign-part", name, "results", run, language],
    queryFn: ({ signal }) => api.get<ResultsAnswer>("/api/v1/campaigns/{name}/results", { path: { name }, query: { run: run || undefined, language }, signal }),
  });
  if (found.isError) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading rows={5} />;
  const experiment = found.data.experiment;
  if (experiment === null) return <Empty title={w.resultsNone} hint={found.data.reason ?? w.resultsHint} />;
  return (
    <div className="stack">
      <RunPicker name={name} />
      <ExperimentView found={experiment} />
    </div>
  );
}
