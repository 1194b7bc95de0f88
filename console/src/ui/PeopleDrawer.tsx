/** A drawer that lists people, searched and paged on the server, with a way to make them an audience. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Button, Drawer, Input, Pagination } from "antd";
import { type ReactNode, useState } from "react";
import { useApp, useWords } from "../app/context";
import { common } from "../words/common";
import { pairs } from "../words/pairs";
import { Empty, ErrorState, Loading } from "./States";

const words = pairs({
  find: ["Find a customer", "搜索客户"],
  nobody: ["Nobody", "没有人"],
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
  heads: string[];
  /** A row of the table. */
  row: (person: P) => ReactNode;
  close: () => void;
  /** What the button that makes an audience says, and what it opens. */
  make: { label: string; open: () => void };
  /** What stands above the search. */
  above?: ReactNode;
  children?: ReactNode;
}

const SIZE = 20;

export function PeopleDrawer<P>({ title, queryKey, load, heads, row, close, make, above, children }: Props<P>) {
  const w = useWords(words);
  const c = useWords(common);
  const { allowed } = useApp();
  const [search, setSearch] = useState("");
  const [page, setPage] = useState(1);
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
      {found.data !== undefined && (found.data.people.length === 0 ? <Empty small title={w.nobody} /> : <PeopleTable label={title} heads={heads} rows={found.data.people.map(row)} />)}
      {found.data !== undefined && found.data.total > SIZE && <Pagination current={page} pageSize={SIZE} total={found.data.total} showSizeChanger={false} onChange={setPage} />}
      {children}
    </Drawer>
  );
}

function PeopleTable({ label, heads, rows }: { label: string; heads: string[]; rows: ReactNode[] }) {
  return (
    <div className="table-wide" tabIndex={0} role="region" aria-label={label}>
      <table className="plain">
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{rows}</tbody>
      </table>
    </div>
  );
}
