/** The whole journey in plain sentences. */
import { useWords } from "../../app/context";
import { waysOf } from "./draft";
import type { Definition } from "./shapes";
import { useOutcome, useStory, useTelling } from "./tell";
import { telling } from "./words";
import "./journeys.css";

export function Story({ definition }: { definition: Definition }) {
  const t = useWords(telling);
  const story = useStory();
  const told = useTelling();
  const outcome = useOutcome();
  return (
    <div className="journey-words">
      <p>{story(definition).join(" ")}</p>
      <ol>
        {(definition.steps ?? []).map((step) => {
          const named = waysOf(step).filter(({ to }) => to !== undefined);
          return (
            <li key={step.id}>
              <b translate="no">{step.label ?? step.id}</b> {told(step)}{" "}
              {named.map(({ way, to }) => (
                <span key={way} className="chip">
                  {t.toStep(outcome(way), to ?? "")}
                </span>
              ))}
            </li>
          );
        })}
      </ol>
    </div>
  );
}
