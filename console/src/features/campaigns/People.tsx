/** Who is in a bar of the funnel, what happened to each, and a way to make them an audience. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { App, Button, Drawer, Input, Modal, Pagination } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { address, go, Link } from "../../app/router";
import { Empty, ErrorState, Loading, ProblemText } from "../../ui/States";
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

const SIZE = 20;

export function People({ name, run, bar, label, close }: Props) {
  const w = useWords(campaigns);
  const c = useWords(common);
  const { allowed } = useApp();
  const [search, setSearch] = useState("");
  const [page, setPage] = useState(1);
  const [path, setPath] = useState<string | null>(null);
  const [making, setMaking] = useState(false);
  const query = { run, bar, search: search || undefined, limit: SIZE, offset: (page - 1) * SIZE };
  const found = useQuery({
    queryKey: ["campaign-part", name, "people", query],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => api.get<{ people: Person[]; total: number }>("/api/v1/campaigns/{name}/people", { path: { name }, query, signal }),
  });
  const extra =
    allowed === null || allowed.has("define") ? (
      <Button type="primary" onClick={() => setMaking(true)}>
        {w.makeAudience}
      </Button>
    ) : undefined;
  return (
    <Drawer open onClose={close} size={620} title={w.peopleIn(label)} extra={extra} closable={{ "aria-label": c.close }}>
      <Input.Search
        allowClear
        aria-label={w.findPerson}
        placeholder={w.findPerson}
        value={search}
        onChange={(event) => {
          setSearch(event.target.value);
          setPage(1);
        }}
      />
      {found.isError && <ErrorState error={found.error} small />}
      {found.isPending && <Loading rows={6} />}
      {found.data !== undefined && (found.data.people.length === 0 ? <Empty small title={w.peopleNone} /> : <PeopleTable people={found.data.people} label={label} open={setPath} />)}
      {found.data !== undefined && found.data.total > SIZE && <Pagination current={page} pageSize={SIZE} total={found.data.total} showSizeChanger={false} onChange={setPage} />}
      {path !== null && <Path name={name} run={run} entity={path} close={() => setPath(null)} />}
      {making && <MakeAudience name={name} run={run} bar={bar} close={() => setMaking(false)} />}
    </Drawer>
  );
}

function PeopleTable({ people, label, open }: { people: Person[]; label: string; open: (entity: string) => void }) {
  const w = useWords(campaigns);
  const told = (key: string | null) => (key === null || key === "" ? "" : ((w as unknown as Record<string, string>)[key] ?? key));
  return (
    <div className="table-wide" tabIndex={0} role="region" aria-label={w.peopleIn(label)}>
      <table className="plain">
        <thead>
          <tr>
            {[w.users, w.arm, w.bucket, w.reason, w.path].map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {people.map((person) => (
            <tr key={person.entity}>
              <th scope="row">
                <Link href={address("customers", person.entity)}>{person.entity}</Link>
                {person.address != null && <p className="quiet small">{person.address}</p>}
              </th>
              <td>{told(person.arm)}</td>
              <td>{person.bucket === null ? "" : barWords(w, person.bucket)}</td>
              <td>{told(person.reason)}</td>
              <td>
                <Button size="small" aria-label={w.pathOf(person.entity)} onClick={() => open(person.entity)}>
                  {w.path}
                </Button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
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
  const [called, setCalled] = useState(`${name} ${bar.replaceAll(":", " ").replaceAll("_", " ")}`);
  const [error, setError] = useState<unknown>(null);
  const make = async () => {
    try {
      const made = await api.post<{ audience: string }>("/api/v1/campaigns/{name}/bars/{bar}/audience", { path: { name, bar }, body: { run, name: called.trim() } });
      void message.success(w.audienceMade(made.audience));
      go(address("audiences", made.audience));
    } catch (problem) {
      setError(problem);
    }
  };
  return (
    <Modal open title={w.makeAudience} okText={w.makeAudience} onCancel={close} onOk={() => make()} okButtonProps={{ disabled: called.trim() === "" }}>
      <Input aria-label={w.audienceName} value={called} onChange={(event) => setCalled(event.target.value)} />
      {error !== null && (
        <p className="field-error" role="alert">
          <ProblemText error={error} />
        </p>
      )}
    </Modal>
  );
}
