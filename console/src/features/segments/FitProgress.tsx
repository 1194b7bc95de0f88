/** How far a fit is: its steps in the reader's words, the present one with its bar. */
import { Progress } from "antd";
import type { JobRow } from "../../api/shapes";
import { useFormat, useWords } from "../../app/context";
import { stageWords } from "./words";

const STAGES = [
  ["preparing", /^Preparing/],
  ["structure", /^Testing for structure/],
  ["trying", /^Trying/],
  ["stability", /^Testing stability/],
  ["describing", /^Describing/],
] as const;

export function FitProgress({ job, label, steps = false }: { job: JobRow | undefined; label: string; steps?: boolean }) {
  const w = useWords(stageWords);
  const f = useFormat();
  const progress = job?.progress;
  const now = STAGES.findIndex(([, named]) => named.test(progress?.name ?? ""));
  const known = progress?.done !== undefined && progress.total !== undefined && progress.total > 0;
  const share = known ? (progress.done ?? 0) / (progress.total ?? 1) : 0;
  const stage = STAGES[now];
  const ended = job?.state === "completed";
  return (
    <div className="job-progress" role="status" aria-live="polite" data-state={job?.state}>
      {steps && (
        <ol className="stages">
          {STAGES.map(([key], i) => (
            <li key={key} data-at={ended || i < now ? "done" : i === now ? "now" : "later"}>
              {w[key]}
            </li>
          ))}
        </ol>
      )}
      <Progress percent={ended ? 100 : Math.floor(100 * share)} aria-label={label} status={job?.state === "failed" ? "exception" : ended ? "success" : "active"} format={() => (known ? f.percent(share, 0) : ended ? "✓" : "…")} />
      {!steps && stage !== undefined && <p className="quiet small">{w[stage[0]]}</p>}
    </div>
  );
}
