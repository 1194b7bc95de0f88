/** A change that goes on as a job: asked for, followed until it has ended, and what it changed is read again. */
import { useQueryClient } from "@tanstack/react-query";
import { Alert, App, Button } from "antd";
import { type ReactNode, useState } from "react";
import { api, type PathOf } from "../../api/client";
import type { JobRow } from "../../api/shapes";
import { useWords } from "../../app/context";
import { ProblemText } from "../../ui/States";
import { butJobs, ended, useJob } from "../../ui/useJob";
import { FitProgress } from "./FitProgress";
import { segments } from "./words";

export interface Run {
  start: (path: PathOf<"post">, body: object) => Promise<void>;
  busy: boolean;
  job: JobRow | undefined;
  /** Progress while it runs, and what went wrong. */
  note: ReactNode;
}

/** `told` is told of a job that is completed. */
export function useRun(name: string, told?: (job: JobRow) => void): Run {
  const w = useWords(segments);
  const cache = useQueryClient();
  const { message } = App.useApp();
  const [id, setId] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const job = useJob(id, (row) => {
    void cache.invalidateQueries(butJobs);
    if (row.state !== "completed") return;
    if (told === undefined) void message.success(w.done);
    else told(row);
  });
  const state = job.data?.state;
  const busy = id !== null && !ended(state);
  const start = async (path: PathOf<"post">, body: object) => {
    setError(null);
    setId(null);
    try {
      setId((await api.post<{ job: string }>(path, { path: { name }, body })).job);
    } catch (problem) {
      setError(problem);
    }
  };
  const stop = () => void (id !== null && api.post("/api/v1/jobs/{job}/cancel", { path: { job: id } }).catch(setError));
  const failed = state === "failed" ? job.data?.error : null;
  const note = (
    <>
      {error !== null && <Alert className="form-alert" type="error" role="alert" title={<ProblemText error={error} />} />}
      {failed != null && <Alert className="form-alert" type="error" role="alert" title={`${w.failed}: ${failed.message} ${failed.fix ?? ""}`} />}
      {state === "cancelled" && <Alert className="form-alert" type="info" role="status" title={w.stopped} />}
      {busy && (
        <div className="run-note">
          <FitProgress job={job.data} label={w.working} />
          <Button size="small" onClick={stop}>
            {w.stop}
          </Button>
        </div>
      )}
    </>
  );
  return { start, busy, job: job.data, note };
}
