/** How a journey stands. */
import { Tag } from "antd";
import { useWords } from "../../app/context";
import type { JourneyState } from "./shapes";
import { journeys } from "./words";

const TONE: Record<JourneyState, string> = { draft: "quiet", running: "busy", paused: "warn", stopped: "quiet" };

export function StateTag({ state }: { state: JourneyState }) {
  const w = useWords(journeys);
  return <Tag className={`tone tone-${TONE[state]}`}>{w[state]}</Tag>;
}
