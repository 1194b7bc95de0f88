/** A drawer that lists people, searched and paged on the server, with a way to make them an audience. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Button, Drawer, Input, Modal, Pagination } from "antd";
import { type ReactNode, useState } from "react";
import { useApp, useFormat, useWords } from "../app/context";
import { address, Link } from "../app/router";
import { common } from "../words/common";
import { pairs } from "../words/pairs";
import { type Head, PlainTable } from "./PlainTable";
import { Empty, ErrorState, Loading } from "./States";

const words = pairs({
  find: ["Find a customer", "搜索客户"],
  nobody: ["Nobody", "没有人"],
  customer: ["Customer", "客户"],
  path: ["What happened", "经过"],
  pathOf: [(entity: string) => `What happened to ${entity}`, (entity: string) => `${entity} 的经过`],
});

export interface PeopleAsked {
  search: string | undefined;
  limit: number;
  offset: number;
}

interface Props<P> {
  title: string;
  /** What the list is remembered by. */
  queryKey: unknown[];
  load: (query: PeopleAsked, signal: AbortSignal) => Promise<{ people: P[]; total: number }>;
  /** Of the columns between the customer and the button that shows the way. */
  heads: Head[];
  cells: (person: P) => ReactNode;
  /** What stands below the customer's key. */
  below?: (person: P) => ReactNode;
  /** One person's way through the campaign or journey, as a dialog. */
  way: (entity: string, close: () => void) => ReactNode;
  close: () => void;
  /** What the button that makes an audience says, and what it opens. */
  make: { label: string; open: () => void };
  /** What stands above the search. */
  above?: ReactNode;
  children?: ReactNode;
}

const SIZE = 20;

export function PeopleDrawer<P extends { entity: string }>({ title, queryKey, load, heads, cells, below, way, close, make, above, children }: Props<P>) {
  const w = useWords(words);
  const c = useWords(common);
  const { allowed } = useApp();
  const [search, setSearch] = useState("");
  const [page, setPage] = useState(1);
  const [shown, setShown] = useState<string | null>(null);
  const query = { search: search || undefined, limit: SIZE, offset: (page - 1) * SIZE };
  const found = useQuery({ queryKey: [...queryKey, query], placeholderData: keepPreviousData, queryFn: ({ signal }) => load(query, signal) });
  const extra = (allowed === null || allowed.has("define")) && (
    <Button type="primary" disabled={found.data?.total === 0} onClick={make.open}>
      {make.label}
    </Button>
  );
  return (
    <Drawer open onClose={close} size={620} title={title} extra={extra} closable={{ "aria-label": c.close }}>
      {above}
      <Input.Search
        allowClear
        aria-label={w.find}
        placeholder={w.find}
        value={search}
        onChange={(event) => {
          setSearch(event.target.value);
          setPage(1);
        }}
      />
      {found.isError && <ErrorState error={found.error} small />}
      {found.isPending && <Loading rows={6} />}
      {found.data !== undefined &&
        (found.data.people.length === 0 ? (
          <Empty small title={w.nobody} />
        ) : (
          <PlainTable label={title} wide heads={[w.customer, ...heads, w.path]}>
            {found.data.people.map((person, i) => (
              <tr key={`${person.entity} ${i}`}>
                <th scope="row">
                  <Link href={address("customers", person.entity)}>{person.entity}</Link>
                  {below?.(person)}
                </th>
                {cells(person)}
                <td>
                  <Button size="small" aria-label={w.pathOf(person.entity)} onClick={() => setShown(person.entity)}>
                    {w.path}
                  </Button>
                </td>
              </tr>
            ))}
          </PlainTable>
        ))}
      {found.data !== undefined && found.data.total > SIZE && <Pagination current={page} pageSize={SIZE} total={found.data.total} showSizeChanger={false} onChange={setPage} />}
      {shown !== null && way(shown, () => setShown(null))}
      {children}
    </Drawer>
  );
}

interface WayProps {
  entity: string;
  query: { isError: boolean; isPending: boolean; error: unknown };
  moves: { key: string; what: string; at: string; why: string }[];
  close: () => void;
  /** What stands above the way. */
  children?: ReactNode;
}

/** What happened to one of them, moment by moment. */
export function WayDialog({ entity, query, moves, close, children }: WayProps) {
  const w = useWords(words);
  const c = useWords(common);
  const f = useFormat();
  return (
    <Modal open title={w.pathOf(entity)} onCancel={close} footer={null} closable={{ "aria-label": c.close }}>
      {query.isError && <ErrorState error={query.error} small />}
      {query.isPending && <Loading rows={3} />}
      {children}
      <ol className="timeline">
        {moves.map((move) => (
          <li key={move.key}>
            <b>{move.what}</b> <span className="quiet">{f.moment(move.at)}</span>
            {move.why !== "" && <p>{move.why}</p>}
          </li>
        ))}
      </ol>
    </Modal>
  );
}
