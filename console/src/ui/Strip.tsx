/** Parts of a whole in one bar, each in its colour; what nobody has is grey. */
import { useApp } from "../app/context";
import { seriesColours } from "./colours";

export interface Part {
  key: string;
  /** What the part is and how much: its tip, and what is read out. */
  said: string;
  amount: number;
  /** Whether nobody has it. */
  rest?: boolean;
}

export function Strip({ parts }: { parts: Part[] }) {
  const { mode } = useApp();
  const total = parts.reduce((sum, part) => sum + part.amount, 0) || 1;
  const own = parts.filter((part) => !part.rest);
  const colours = seriesColours(mode, own.length);
  return (
    <div className="size-bar-all" role="img" aria-label={parts.map((part) => part.said).join(", ")}>
      {parts.map((part) => (
        <span key={part.key} title={part.said} className={part.rest ? "rest" : undefined} style={{ width: `${(100 * part.amount) / total}%`, background: part.rest ? undefined : colours[own.indexOf(part)] }} />
      ))}
    </div>
  );
}
