/** The last step: the fit as it goes on, and what it found. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, Button } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { address, go } from "../../app/router";
import { Share } from "../../ui/Figure";
import { Panel } from "../../ui/Page";
import { ErrorState, Loading, ProblemText } from "../../ui/States";
import { butJobs, ended, useJob } from "../../ui/useJob";
import { StabilityTag } from "./Cards";
import { FitProgress } from "./FitProgress";
import { SizeBar } from "./SizeBar";
import type { Segmentation } from "./shapes";
import { segments } from "./words";

export function ResultStep({ job, change }: { job: string; change: () => void }) {
  const w = useWords(segments);
  const cache = useQueryClient();
  const row = useJob(job, () => void cache.invalidateQueries(butJobs));
  const [error, setError] = useState<unknown>(null);
  const state = row.data?.state;
  if (row.isError) return <ErrorState error={row.error} />;
  if (row.data === undefined) return <Loading rows={4} />;
  if (state === "completed") return <Found result={row.data.result as unknown as { segmentation: string; version: number }} />;
  if (ended(state)) {
    const said = row.data.error;
    return (
      <>
        <Alert className="form-alert" type={state === "cancelled" ? "info" : "error"} role="alert" title={state === "cancelled" || said === null ? w.stopped : `${w.failed}: ${said.message} ${said.fix ?? ""}`} />
        <Button onClick={change}>{w.again}</Button>
      </>
    );
  }
  const stop = () => void api.post("/api/v1/jobs/{job}/cancel", { path: { job } }).catch(setError);
  return (
    <Panel title={w.running} extra={<Button onClick={stop}>{w.stop}</Button>}>
      {error !== null && <Alert className="form-alert" type="error" role="alert" title={<ProblemText error={error} />} />}
      <FitProgress job={row.data} label={w.running} steps />
      <p className="quiet after-text">{w.runningHint}</p>
    </Panel>
  );
}

function Found({ result }: { result: { segmentation: string; version: number } }) {
  const w = useWords(segments);
  const f = useFormat();
  const { language } = useApp();
  const { segmentation: name, version } = result;
  const found = useQuery({
    queryKey: ["segment", name, "page", version, language],
    queryFn: ({ signal }) => api.get<Segmentation>("/api/v1/segments/{name}", { path: { name }, query: { version, language }, signal }),
  });
  if (found.isError) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading rows={6} />;
  const shown = found.data;
  return (
    <>
      <Panel
        title={w.doneTitle(shown.k)}
        extra={
          <Button type="primary" onClick={() => go(`${address("segments", name)}${shown.promoted ? "" : `?version=${version}`}`)}>
            {w.toPage}
          </Button>
        }
      >
        <SizeBar sizes={shown.sizes} />
        <ul className="lines">
          {shown.segments.map((row) => (
            <li key={row.segment}>
              <b className="setting-words" translate="no">
                {row.name}
              </b>
              <StabilityTag row={row} />
              <span className="line-number">
                {f.number(row.size)}
                <Share share={row.share} />
              </span>
            </li>
          ))}
        </ul>
      </Panel>
    </>
  );
}
