/** Customers by key, with a few of their tags. */
import { UploadOutlined } from "@ant-design/icons";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Button } from "antd";
import { api } from "../../api/client";
import type { Cell } from "../../api/shapes";
import { useApp, useFormat, useWords } from "../../app/context";
import { address, go, Link, useQueryValue } from "../../app/router";
import { Page, Panel } from "../../ui/Page";
import { PlainTable } from "../../ui/PlainTable";
import { SearchBox } from "../../ui/ServerTable";
import { Empty, ErrorState, Loading } from "../../ui/States";
import { common } from "../../words/common";
import { customers } from "./words";

interface Found {
  customers: { entity: string; tags: Record<string, Cell> }[];
}

export default function CustomerList() {
  const w = useWords(customers);
  const c = useWords(common);
  const { language } = useApp();
  const [search] = useQueryValue("search");
  const found = useQuery({
    queryKey: ["customers", search, language],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => api.get<Found>("/api/v1/customers", { query: { search, limit: 25 }, signal }),
  });
  const rows = found.data?.customers;
  const columns = Object.keys(rows?.[0]?.tags ?? {}).slice(0, 5);
  return (
    <Page title={c.customers} lead={w.lead}>
      <div className="toolbar">
        <SearchBox label={w.find} />
      </div>
      <Panel flush>
        {found.isError && <ErrorState error={found.error} retry={() => void found.refetch()} />}
        {found.isPending && <Loading />}
        {rows?.length === 0 && <Empty title={search === "" ? w.emptyTitle : w.notFound} hint={search === "" ? w.emptyHint : undefined} action={search === "" ? <Bring /> : undefined} />}
        {rows !== undefined && rows.length > 0 && !found.isError && (
          <PlainTable label={c.customers} heads={[w.key, ...columns]}>
            {rows.map((row) => (
              <tr key={row.entity}>
                <th scope="row">
                  <Link href={address("customers", row.entity)}>{row.entity}</Link>
                </th>
                {columns.map((column) => (
                  <td key={column}>
                    <CellText cell={row.tags[column]} />
                  </td>
                ))}
              </tr>
            ))}
          </PlainTable>
        )}
      </Panel>
    </Page>
  );
}

/** Where customers come from. */
function Bring() {
  const c = useWords(common);
  const { allowed } = useApp();
  if (allowed !== null && !allowed.has("import")) return null;
  return (
    <Button type="primary" icon={<UploadOutlined aria-hidden="true" />} onClick={() => go("/data/import")}>
      {c.importData}
    </Button>
  );
}

export function CellText({ cell }: { cell: Cell | undefined }) {
  const c = useWords(common);
  const f = useFormat();
  if (cell === null || cell === undefined) return <span className="quiet">–</span>;
  if (typeof cell === "boolean") return <>{cell ? c.yes : c.no}</>;
  if (typeof cell === "string" && /^\d{4}-\d{2}-\d{2}(T|$)/.test(cell)) return <span className="nowrap">{f.day(cell)}</span>;
  return <>{Array.isArray(cell) ? cell.join(" › ") : String(cell)}</>;
}
