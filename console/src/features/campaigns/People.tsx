/** Who is in a bar of the funnel, what happened to each, and a way to make them an audience. */
import { useQuery } from "@tanstack/react-query";
import { App } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import { useApp, useWords } from "../../app/context";
import { address, go } from "../../app/router";
import { NameDialog } from "../../ui/NameDialog";
import { PeopleDrawer, WayDialog } from "../../ui/PeopleDrawer";
import { barWords } from "./FunnelView";
import { campaigns } from "./words";

interface Person {
  entity: string;
  arm: string | null;
  bucket: string | null;
  reason: string | null;
  address?: string | null;
}

interface Props {
  name: string;
  run: string;
  bar: string;
  label: string;
  close: () => void;
}

export function People({ name, run, bar, label, close }: Props) {
  const w = useWords(campaigns);
  const [making, setMaking] = useState(false);
  const told = (key: string | null) => (key === null || key === "" ? "" : ((w as unknown as Record<string, string>)[key] ?? key));
  const cells = (person: Person) => (
    <>
      <td>{told(person.arm)}</td>
      <td>{person.bucket === null ? "" : barWords(w, person.bucket)}</td>
      <td>{told(person.reason)}</td>
    </>
  );
  return (
    <PeopleDrawer<Person>
      title={w.peopleIn(label)}
      queryKey={["campaign-part", name, "people", run, bar]}
      load={(query, signal) => api.get("/api/v1/campaigns/{name}/people", { path: { name }, query: { run, bar, ...query }, signal })}
      heads={[w.arm, w.bucket, w.reason]}
      cells={cells}
      below={(person) => person.address != null && <p className="quiet small">{person.address}</p>}
      way={(entity, done) => <Path name={name} run={run} entity={entity} close={done} />}
      close={close}
      make={{ label: w.makeAudience, open: () => setMaking(true) }}
    >
      {making && <MakeAudience name={name} run={run} bar={bar} close={() => setMaking(false)} />}
    </PeopleDrawer>
  );
}

function Path({ name, run, entity, close }: { name: string; run: string; entity: string; close: () => void }) {
  const w = useWords(campaigns);
  const { language } = useApp();
  const found = useQuery({
    queryKey: ["campaign-part", name, "path", run, entity, language],
    queryFn: ({ signal }) => api.get<{ events: { at: string; event: string; reason: string | null }[] }>("/api/v1/campaigns/{name}/people/{entity}", { path: { name, entity }, query: { run, language }, signal }),
  });
  const told = (key: string) => (w as unknown as Record<string, string>)[key] ?? key;
  const what = (event: string) => (event === "goal" ? w.goalName : event === "planned" ? w.allPlanned : barWords(w, event) === event ? told(event) : barWords(w, event));
  const moves = (found.data?.events ?? []).map(({ at, event, reason }, i) => ({ key: `${at}-${event}-${i}`, what: what(event), at, why: told(reason ?? "") }));
  return <WayDialog entity={entity} query={found} moves={moves} close={close} />;
}

function MakeAudience({ name, run, bar, close }: { name: string; run: string; bar: string; close: () => void }) {
  const w = useWords(campaigns);
  const { message } = App.useApp();
  const make = async (called: string) => {
    const made = await api.post<{ audience: string }>("/api/v1/campaigns/{name}/bars/{bar}/audience", { path: { name, bar }, body: { run, name: called } });
    void message.success(w.audienceMade(made.audience));
    go(address("audiences", made.audience));
  };
  return <NameDialog title={w.makeAudience} label={w.audienceName} start={`${name} ${bar.replaceAll(":", " ").replaceAll("_", " ")}`} ok={w.makeAudience} close={close} act={make} />;
}
