/** How far a job is: a bar where that is known, the stage, and how it ended. */
import { Progress } from "antd";
import type { JobRow } from "../api/shapes";
import { useFormat } from "../app/context";

export function JobProgress({ job, label }: { job: JobRow | undefined; label: string }) {
  const f = useFormat();
  const progress = job?.progress;
  const known = progress?.done !== undefined && progress.total !== undefined && progress.total > 0;
  const percent = job?.state === "completed" ? 100 : known ? Math.floor((100 * (progress.done ?? 0)) / (progress.total ?? 1)) : 0;
  const stage = progress?.name === undefined ? "" : `${progress.name}${progress.stages ? ` (${progress.stage}/${progress.stages})` : ""}`;
  return (
    <div className="job-progress" role="status" aria-live="polite" data-state={job?.state}>
      <Progress
        percent={percent}
        aria-label={label}
        status={job?.state === "failed" ? "exception" : job?.state === "completed" ? "success" : "active"}
        format={() => (known ? f.percent(percent / 100, 0) : job?.state === "completed" ? "✓" : "…")}
      />
      {stage !== "" && <p className="quiet small">{stage}</p>}
    </div>
  );
}
