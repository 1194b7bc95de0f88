/** Who is in the audience, or was on a day, and why somebody is. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { DatePicker, Table } from "antd";
import dayjs from "dayjs";
import { api } from "../../api/client";
import { useWords } from "../../app/context";
import { address, Link, useQueryValue } from "../../app/router";
import { Panel } from "../../ui/Page";
import { ErrorState, Loading } from "../../ui/States";
import { common } from "../../words/common";
import { audiences } from "./words";

interface MemberPage {
  members: string[];
  count: number;
  snapshot: string | null;
}

const SIZE = 50;

export function Members({ name }: { name: string }) {
  const w = useWords(audiences);
  const c = useWords(common);
  const [on, setOn] = useQueryValue("on");
  const [page, setPage] = useQueryValue("page", "1");
  const number = Number(page) || 1;
  const members = useQuery({
    queryKey: ["audience", name, "members", on, number],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      api.get<MemberPage>("/api/v1/audiences/{name}/members", { path: { name }, query: { on: on || undefined, limit: SIZE, offset: (number - 1) * SIZE }, signal }),
  });
  const keys = members.data?.members ?? [];
  return (
    <>
      <div className="toolbar">
        <label htmlFor="on-day" className="quiet">
          {w.onDay}
        </label>
        <DatePicker id="on-day" value={on === "" ? null : dayjs(on)} onChange={(day) => setOn(day === null ? "" : (day as dayjs.Dayjs).format("YYYY-MM-DD"))} />
        {members.data !== undefined && (
          <span className="quiet">
            {w.memberCount(members.data.count)} {members.data.snapshot !== null && `· ${w.snapshot} ${members.data.snapshot}`}
          </span>
        )}
      </div>
      {members.isError && <ErrorState error={members.error} />}
      {members.isPending && <Loading />}
      {members.data !== undefined && !members.isError && (
        <Panel flush>
          <Table
            rowKey="entity"
            dataSource={keys.map((entity) => ({ entity }))}
            columns={[
              { key: "entity", title: w.memberKey, render: (_, row) => <Link href={address("customers", row.entity)}>{row.entity}</Link> },
              {
                key: "why",
                title: <span className="sr-only">{w.whyIn}</span>,
                align: "right",
                render: (_, row) => <Link href={`${address("customers", row.entity)}?why=${encodeURIComponent(name)}`}>{w.whyIn}</Link>,
              },
            ]}
            pagination={
              members.data.count <= SIZE
                ? false
                : { current: number, pageSize: SIZE, total: members.data.count, showSizeChanger: false, showTotal: (n, [a, b]) => c.pageOf(a, b, n), onChange: (next) => setPage(String(next)) }
            }
          />
        </Panel>
      )}
    </>
  );
}
