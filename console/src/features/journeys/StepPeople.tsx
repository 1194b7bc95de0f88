/** Who waits at a step, passed it or left; each one's way; and all of them as an audience. */
import { useQuery } from "@tanstack/react-query";
import { App, Segmented } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import { useFormat, useWords } from "../../app/context";
import { address, go, useQueryValue } from "../../app/router";
import { NameDialog } from "../../ui/NameDialog";
import { PeopleDrawer, WayDialog } from "../../ui/PeopleDrawer";
import type { StepRow } from "./shapes";
import { useOutcome } from "./tell";
import { journeys, telling } from "./words";

interface Person {
  entity: string;
  at: string;
  due: string | null;
  reason: string | null;
}

const BARS = ["waiting", "entered", "passed", "exited"] as const;
type Bar = (typeof BARS)[number];

export function StepPeople({ journey, row, close }: { journey: string; row: StepRow; close: () => void }) {
  const w = useWords(journeys);
  const f = useFormat();
  const outcome = useOutcome();
  const [asked, setBar] = useQueryValue("bar", row.waiting > 0 ? "waiting" : "entered");
  const [making, setMaking] = useState(false);
  const bar: Bar = BARS.find((one) => one === asked) ?? "entered";
  const names: Record<Bar, string> = { waiting: w.waiting, entered: w.reached, passed: w.passed, exited: w.exited };
  const tabs = <Segmented aria-label={w.whichPeople} value={bar} options={BARS.map((value) => ({ value: value as string, label: `${names[value]} ${f.number(row[value])}` }))} onChange={setBar} />;
  const cells = (person: Person) => (
    <>
      <td className="nowrap">{f.moment(person.at)}</td>
      <td className="nowrap">{bar === "waiting" ? (person.due === null ? w.atOnce : f.moment(person.due)) : outcome(person.reason ?? "")}</td>
    </>
  );
  return (
    <PeopleDrawer<Person>
      key={bar}
      title={w.peopleAt(row.label)}
      queryKey={["journey-people", journey, row.step, bar, row[bar]]}
      load={(query, signal) => api.get("/api/v1/journeys/{name}/people", { path: { name: journey }, query: { step: row.step, bar, ...query }, signal })}
      heads={[w.since, bar === "waiting" ? w.due : w.why]}
      cells={cells}
      way={(entity, done) => <Way journey={journey} entity={entity} close={done} />}
      close={close}
      make={{ label: w.makeAudience, open: () => setMaking(true) }}
      above={<div className="toolbar">{tabs}</div>}
    >
      {making && <MakeAudience journey={journey} step={row.step} bar={bar} called={`${journey} ${row.step} ${names[bar]}`} close={() => setMaking(false)} />}
    </PeopleDrawer>
  );
}

interface Move {
  entry: number;
  step: string;
  event: "reached" | "passed" | "exited";
  reason: string | null;
  at: string;
}

/** One person's way: every move, and where they are now. */
function Way({ journey, entity, close }: { journey: string; entity: string; close: () => void }) {
  const w = useWords(journeys);
  const t = useWords(telling);
  const outcome = useOutcome();
  const found = useQuery({
    queryKey: ["journey-way", journey, entity],
    queryFn: ({ signal }) => api.get<{ step: string | null; due: string | null; moves: Move[] }>("/api/v1/journeys/{name}/people/{entity}", { path: { name: journey, entity }, signal }),
  });
  const said = { reached: t.reachedEvent, passed: t.passedEvent, exited: t.exitedEvent };
  // where somebody came from stands in the line above already
  const why = (move: Move) => (move.reason === null || move.reason === "next" || (move.event === "reached" && move.reason !== "entry") ? "" : outcome(move.reason));
  const moves = (found.data?.moves ?? []).map((move, i) => ({ key: `${move.at} ${move.step} ${i}`, what: said[move.event](move.step), at: move.at, why: why(move) }));
  return (
    <WayDialog entity={entity} query={found} moves={moves} close={close}>
      {found.data !== undefined && (
        <p>
          <b>{found.data.step === null ? w.isOut : w.isAt(found.data.step)}</b>
        </p>
      )}
    </WayDialog>
  );
}

function MakeAudience({ journey, step, bar, called, close }: { journey: string; step: string; bar: Bar; called: string; close: () => void }) {
  const w = useWords(journeys);
  const { message } = App.useApp();
  const make = async (name: string) => {
    const made = await api.post<{ audience: string; people: number }>("/api/v1/journeys/{name}/audience", { path: { name: journey }, body: { step, bar, name } });
    void message.success(w.audienceMade(made.audience, made.people));
    go(address("audiences", made.audience));
  };
  return (
    <NameDialog title={w.makeAudience} label={w.audienceName} start={called} ok={w.makeAudience} close={close} act={make}>
      <p className="finding">{w.audienceHint}</p>
    </NameDialog>
  );
}
