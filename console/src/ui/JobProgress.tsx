/** How far a job is: a bar where that is known, the stage, and how it ended. */
import { Progress } from "antd";
import type { JobRow } from "../api/shapes";
import { useFormat, useWords } from "../app/context";
import { common } from "../words/common";

export function JobProgress({ job, label }: { job: JobRow | undefined; label: string }) {
  const f = useFormat();
  const c = useWords(common);
  const progress = job?.progress;
  const known = progress?.done !== undefined && progress.total !== undefined && progress.total > 0;
  const percent = job?.state === "completed" ? 100 : known ? Math.floor((100 * (progress.done ?? 0)) / (progress.total ?? 1)) : 0;
  const stage = progress?.name === undefined ? "" : `${progress.name}${progress.stages ? ` (${progress.stage}/${progress.stages})` : ""}`;
  const seconds = job?.state === "running" ? (progress?.seconds_left ?? null) : null;
  const left = seconds === null ? null : seconds < 90 ? c.secondsLeft(Math.max(1, Math.round(seconds))) : c.minutesLeft(Math.round(seconds / 60));
  return (
    <div className="job-progress" role="status" aria-live="polite" data-state={job?.state}>
      <Progress
        percent={percent}
        aria-label={label}
        status={job?.state === "failed" ? "exception" : job?.state === "completed" ? "success" : "active"}
        format={() => (known ? f.percent(percent / 100, 0) : job?.state === "completed" ? "✓" : "…")}
      />
      {(stage !== "" || left !== null) && (
        <p className="quiet small">
          {stage}
          {left !== null && ` · ${left}`}
        </p>
      )}
    </div>
  );
}
