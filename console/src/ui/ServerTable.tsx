/** A table whose search, order and page are asked of the server and stand in the address. */
import type { UseQueryResult } from "@tanstack/react-query";
import { Input, Table, type TableProps } from "antd";
import { type ReactNode, useEffect, useState } from "react";
import { useWords } from "../app/context";
import { useQueryValue } from "../app/router";
import { common } from "../words/common";
import { Panel } from "./Page";
import { Empty, ErrorState, Loading } from "./States";

export const PAGE_SIZE = 20;

export interface Asking {
  search: string;
  sort: string;
  order: "asc" | "desc";
  page: number;
  /** What goes into the query of the request. */
  query: { search: string; sort: string; order: "asc" | "desc"; limit: number; offset: number };
}

/** Search, order and page as the address has them. */
export function useAsking(sort: string, order: "asc" | "desc" = "asc", size = PAGE_SIZE): Asking & { set: (part: { sort?: string; order?: string; page?: number }) => void } {
  const [search] = useQueryValue("search");
  const [sorted, setSort] = useQueryValue("sort", sort);
  const [ordered, setOrder] = useQueryValue("order", order);
  const [page, setPage] = useQueryValue("page", "1");
  const number = Math.max(1, Number.parseInt(page, 10) || 1);
  const direction = ordered === "desc" ? "desc" : "asc";
  return {
    search,
    sort: sorted,
    order: direction,
    page: number,
    query: { search, sort: sorted, order: direction, limit: size, offset: (number - 1) * size },
    set: (part) => {
      if (part.sort !== undefined) setSort(part.sort);
      if (part.order !== undefined) setOrder(part.order);
      if (part.page !== undefined) setPage(String(part.page));
    },
  };
}

/** A search box that writes into the address when typing pauses. */
export function SearchBox({ label }: { label: string }) {
  const [search, setSearch] = useQueryValue("search");
  const [typed, setTyped] = useState(search);
  useEffect(() => {
    if (typed === search) return;
    const timer = setTimeout(() => setSearch(typed), 250);
    return () => clearTimeout(timer);
  });
  return <Input.Search allowClear aria-label={label} placeholder={label} value={typed} onChange={(event) => setTyped(event.target.value)} />;
}

interface Props<T> {
  rows: T[] | undefined;
  total: number | undefined;
  error: unknown;
  busy: boolean;
  retry: () => void;
  columns: TableProps<T>["columns"];
  rowKey: keyof T & string;
  asking: ReturnType<typeof useAsking>;
  empty: ReactNode;
  size?: number;
  label: string;
  onRow?: (row: T) => void;
}

export function ServerTable<T extends object>({ rows, total, error, busy, retry, columns, rowKey, asking, empty, size = PAGE_SIZE, label, onRow }: Props<T>) {
  const w = useWords(common);
  if (error !== null && error !== undefined && rows === undefined) return <ErrorState error={error} retry={retry} />;
  if (rows === undefined) return <Loading rows={8} />;
  if (rows.length === 0 && asking.search === "" && asking.page === 1) return <>{empty}</>;
  if (rows.length === 0) return <Empty title={w.nothingFound} hint={w.nothingFoundHint} />;
  const sorted = columns?.map((column) => {
    const key = "key" in column ? String(column.key) : "";
    return column.sorter ? { ...column, sortOrder: asking.sort === key ? (asking.order === "asc" ? ("ascend" as const) : ("descend" as const)) : null } : column;
  });
  return (
    <div className="table-wide" tabIndex={0} role="region" aria-label={label}>
      <Table<T>
        className={busy ? "busy" : undefined}
        rowKey={rowKey}
        columns={sorted}
        dataSource={rows}
        showSorterTooltip={false}
        onRow={onRow === undefined ? undefined : (row) => ({ onClick: () => onRow(row), className: "clickable" })}
        pagination={
          (total ?? 0) <= size
            ? false
            : { current: asking.page, pageSize: size, total, showSizeChanger: false, showTotal: (n, [from, to]) => w.pageOf(from, to, n) }
        }
        onChange={(pages, _filters, sorter, extra) => {
          if (extra.action === "paginate") asking.set({ page: pages.current ?? 1 });
          const one = Array.isArray(sorter) ? sorter[0] : sorter;
          if (extra.action === "sort" && one?.columnKey !== undefined) {
            asking.set({ sort: String(one.columnKey), order: one.order === "descend" ? "desc" : "asc" });
          }
        }}
      />
    </div>
  );
}

interface QueryTableProps<A, T> extends Pick<Props<T>, "columns" | "rowKey" | "asking" | "empty" | "size" | "label"> {
  /** What the server was asked, and what it answered. */
  list: UseQueryResult<A>;
  rows: (answer: A) => T[];
}

/** The table of a list that is asked of the server, in a panel of its own. */
export function QueryTable<A extends { total?: number }, T extends object>({ list, rows, ...table }: QueryTableProps<A, T>) {
  const found = list.data === undefined ? undefined : rows(list.data);
  return (
    <Panel flush>
      <ServerTable<T> {...table} rows={found} total={list.data?.total ?? found?.length} error={list.error} busy={list.isPlaceholderData} retry={() => void list.refetch()} />
    </Panel>
  );
}
