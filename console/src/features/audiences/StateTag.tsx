import { Tag } from "antd";
import type { AudienceRow } from "../../api/shapes";
import { useWords } from "../../app/context";
import { audiences } from "./words";

const TONE: Record<AudienceRow["state"], string> = { draft: "quiet", computing: "busy", live: "good", failed: "bad", expired: "warn" };

/** How an audience stands, in words and in colour. */
export function StateTag({ state, validity }: { state: AudienceRow["state"]; validity?: string }) {
  const w = useWords(audiences);
  if (state === "live" && validity === "ending") return <Tag className="tone tone-warn">{w.ending}</Tag>;
  return <Tag className={`tone tone-${TONE[state]}`}>{w[state]}</Tag>;
}
