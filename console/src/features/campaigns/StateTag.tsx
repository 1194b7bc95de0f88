/** How a campaign stands: its run state, and whether it is enabled. */
import { Tag } from "antd";
import { useWords } from "../../app/context";
import type { RunState } from "./shapes";
import { campaigns } from "./words";

const TONE: Record<RunState | "planned", string> = {
  draft: "quiet",
  planned: "quiet",
  preparing: "busy",
  waiting: "busy",
  running: "busy",
  paused: "warn",
  completed: "good",
  expired: "quiet",
  cancelled: "quiet",
  failed: "bad",
};

export function StateTag({ state, enabled = true }: { state: string; enabled?: boolean }) {
  const w = useWords(campaigns);
  const known = state in TONE ? (state as RunState) : null;
  return (
    <>
      <Tag className={`tone tone-${known === null ? "quiet" : TONE[known]}`}>{known === null ? state : w[known]}</Tag>
      {!enabled && <Tag className="tone tone-warn">{w.disabled}</Tag>}
    </>
  );
}
