/** Who is in a bar of the funnel, what happened to each, and a way to make them an audience. */
import { useQuery } from "@tanstack/react-query";
import { App, Button, Modal } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { address, go, Link } from "../../app/router";
import { NameDialog } from "../../ui/NameDialog";
import { PeopleDrawer } from "../../ui/PeopleDrawer";
import { ErrorState, Loading } from "../../ui/States";
import { common } from "../../words/common";
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
  const [path, setPath] = useState<string | null>(null);
  const [making, setMaking] = useState(false);
  const told = (key: string | null) => (key === null || key === "" ? "" : ((w as unknown as Record<string, string>)[key] ?? key));
  const row = (person: Person) => (
    <tr key={person.entity}>
      <th scope="row">
        <Link href={address("customers", person.entity)}>{person.entity}</Link>
        {person.address != null && <p className="quiet small">{person.address}</p>}
      </th>
      <td>{told(person.arm)}</td>
      <td>{person.bucket === null ? "" : barWords(w, person.bucket)}</td>
      <td>{told(person.reason)}</td>
      <td>
        <Button size="small" aria-label={w.pathOf(person.entity)} onClick={() => setPath(person.entity)}>
          {w.path}
        </Button>
      </td>
    </tr>
  );
  return (
    <PeopleDrawer<Person>
      title={w.peopleIn(label)}
      queryKey={["campaign-part", name, "people", run, bar]}
      load={(query, signal) => api.get("/api/v1/campaigns/{name}/people", { path: { name }, query: { run, bar, ...query }, signal })}
      heads={[w.users, w.arm, w.bucket, w.reason, w.path]}
      row={row}
      close={close}
      make={{ label: w.makeAudience, open: () => setMaking(true) }}
    >
      {path !== null && <Path name={name} run={run} entity={path} close={() => setPath(null)} />}
      {making && <MakeAudience name={name} run={run} bar={bar} close={() => setMaking(false)} />}
    </PeopleDrawer>
  );
}

function Path({ name, run, entity, close }: { name: string; run: string; entity: string; close: () => void }) {
  const w = useWords(campaigns);
  const c = useWords(common);
  const f = useFormat();
  const { language } = useApp();
  const found = useQuery({
    queryKey: ["campaign-part", name, "path", run, entity, language],
    queryFn: ({ signal }) => api.get<{ events: { at: string; event: string; reason: string | null }[] }>("/api/v1/campaigns/{name}/people/{entity}", { path: { name, entity }, query: { run, language }, signal }),
  });
  const told = (key: string) => (w as unknown as Record<string, string>)[key] ?? key;
  return (
    <Modal open title={w.pathOf(entity)} onCancel={close} footer={null} closable={{ "aria-label": c.close }}>
      {found.isError && <ErrorState error={found.error} small />}
      {found.isPending && <Loading rows={3} />}
      <ol className="timeline">
        {(found.data?.events ?? []).map((event, i) => (
          <li key={`${event.at}-${event.event}-${i}`}>
            <b>{event.event === "goal" ? w.goalName : event.event === "planned" ? w.allPlanned : barWords(w, event.event) === event.event ? told(event.event) : barWords(w, event.event)}</b> <span className="quiet">{f.moment(event.at)}</span>
            {event.reason !== null && event.reason !== "" && <p>{told(event.reason)}</p>}
          </li>
        ))}
      </ol>
    </Modal>
  );
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
