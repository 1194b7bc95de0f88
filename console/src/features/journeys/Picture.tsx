/** The steps of a journey as boxes, the ways between them as lines, and how many are where. */
import { BranchesOutlined, ClockCircleOutlined, FileTextOutlined, FlagOutlined, QuestionCircleOutlined, SendOutlined, ThunderboltOutlined } from "@ant-design/icons";
import { type ReactNode, useEffect, useMemo, useRef } from "react";
import { useFormat, useWords } from "../../app/context";
import { kindOf, linksOf } from "./draft";
import { BOX, layout, pathOf } from "./layout";
import type { Kind, Step, StepRow } from "./shapes";
import { useOutcome, useTelling } from "./tell";
import { journeys, telling } from "./words";
import "./journeys.css";

const ICONS: Record<Kind, ReactNode> = {
  send: <SendOutlined aria-hidden="true" />,
  wait: <ClockCircleOutlined aria-hidden="true" />,
  condition: <QuestionCircleOutlined aria-hidden="true" />,
  split: <BranchesOutlined aria-hidden="true" />,
  event: <ThunderboltOutlined aria-hidden="true" />,
  page: <FileTextOutlined aria-hidden="true" />,
  end: <FlagOutlined aria-hidden="true" />,
};

export function KindIcon({ kind }: { kind: Kind }) {
  return ICONS[kind];
}

interface Props {
  steps: Step[];
  /** The numbers of each step, where there are any. */
  rows?: StepRow[];
  /** Steps at which something is wrong. */
  wrong?: ReadonlySet<string>;
  onOpen: (step: string) => void;
}

const MARGIN = 6;

export function Picture({ steps, rows, wrong, onOpen }: Props) {
  const w = useWords(journeys);
  const made = useMemo(() => layout(steps.map((step) => step.id), linksOf(steps)), [steps]);
  const numbers = new Map((rows ?? []).map((row) => [row.step, row]));
  const frame = useRef<HTMLDivElement>(null);
  const start = made.boxes.get(steps[0]?.id ?? "")?.x ?? 0;
  useEffect(() => {
    // where the screen is narrower than the picture, the first step is in the middle
    if (frame.current !== null) frame.current.scrollLeft = start - frame.current.clientWidth / 2;
  }, [start]);
  const [width, height] = [made.width + 2 * MARGIN, made.height + 2 * MARGIN];
  return (
    <div ref={frame} className="journey-scroll" tabIndex={0} role="region" aria-label={w.pictureOf(steps.length)}>
      <div className="journey" style={{ width, height }}>
        <svg width={width} height={height} viewBox={`${-MARGIN} ${-MARGIN} ${width} ${height}`} aria-hidden="true">
          {made.lines.map((line, i) => (
            <path key={`${line.from} ${line.way} ${i}`} className="journey-line" d={pathOf(line.points)} />
          ))}
        </svg>
        {made.lines.map((line, i) => (
          <WayLabel key={`${line.from} ${line.way} ${i}`} way={line.way} count={countOf(numbers.get(line.from), line.way)} from={line.points[0]} to={line.points[1]} />
        ))}
        <ol>
          {steps.map((step) => {
            const at = made.boxes.get(step.id) ?? { x: 0, y: 0 };
            return (
              <li key={step.id} style={{ left: at.x - BOX.width / 2 + MARGIN, top: at.y + MARGIN, width: BOX.width, height: BOX.height }}>
                <Box step={step} row={numbers.get(step.id)} wrong={wrong?.has(step.id) ?? false} open={() => onOpen(step.id)} />
              </li>
            );
          })}
        </ol>
      </div>
    </div>
  );
}

const UNSENT = ["suppressed", "capped", "failed", "cancelled", "expired"];

/** How many took a way; null where there are no numbers. */
function countOf(row: StepRow | undefined, way: string): number | null {
  if (row === undefined) return null;
  const all = Object.entries(row.ways);
  const of = (wanted: (outcome: string) => boolean) => all.filter(([outcome]) => wanted(outcome)).reduce((sum, [, n]) => sum + n, 0);
  if (way === "unsent") return of((outcome) => UNSENT.includes(outcome));
  if (way === "next") return "unsent" in row.to ? of((outcome) => !UNSENT.includes(outcome)) : row.passed;
  return row.ways[way] ?? 0;
}

function WayLabel({ way, count, from, to }: { way: string; count: number | null; from: { x: number; y: number } | undefined; to: { x: number; y: number } | undefined }) {
  const f = useFormat();
  const outcome = useOutcome();
  if (from === undefined || to === undefined || (way === "next" && count === null)) return null;
  const text = [...(way === "next" ? [] : [outcome(way)]), ...(count === null ? [] : [f.number(count)])].join(" ");
  return (
    <span className="journey-way" aria-hidden="true" style={{ left: (from.x * 3 + to.x) / 4 + MARGIN, top: (from.y + to.y) / 2 + MARGIN }}>
      {text}
    </span>
  );
}

function Box({ step, row, wrong, open }: { step: Step; row: StepRow | undefined; wrong: boolean; open: () => void }) {
  const w = useWords(journeys);
  const t = useWords(telling);
  const f = useFormat();
  const told = useTelling();
  const kind = kindOf(step);
  return (
    <button type="button" className={`journey-box journey-${kind}${wrong ? " wrong" : ""}`} data-step={step.id} onClick={open}>
      <span className="journey-head">
        <KindIcon kind={kind} /> <b translate="no">{step.label ?? step.id}</b> <span className="sr-only">{t[kind]}</span>
      </span>
      <span className="journey-says">{told(step)}</span>
      {row !== undefined && (
        <span className="journey-numbers">
          {kind !== "end" && <span className={row.waiting > 0 ? "now" : ""}>{w.waits(f.number(row.waiting))}</span>}
          <span>{kind === "end" ? w.cameTo(f.number(row.entered)) : w.wentOn(f.number(row.passed))}</span>
          {row.exited > 0 && <span>{w.wentOut(f.number(row.exited))}</span>}
        </span>
      )}
    </button>
  );
}
