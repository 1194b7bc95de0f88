/** One customer: tags by category, what happened, which audiences and why. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Button, Modal, Select, Tag } from "antd";
import { api } from "../../api/client";
import type { Cell, DatasetRow, ValueKind } from "../../api/shapes";
import { useApp, useFormat, useWords } from "../../app/context";
import { address, Link, useQueryValue } from "../../app/router";
import { Page, Panel } from "../../ui/Page";
import { Empty, ErrorState, Loading } from "../../ui/States";
import { common } from "../../words/common";
import { Consent, Messages } from "./Consent";
import { Scores } from "./Scores";
import { customers } from "./words";

interface TagValue {
  tag: string;
  label: string;
  type: ValueKind;
  unit: string | null;
  category: string[];
  family: string;
  value: Cell;
}

interface Customer {
  entity: string;
  as_of: string;
  built_as_of: string | null;
  tags: TagValue[];
  missing: string[];
}

export default function CustomerPage({ entity }: { entity: string }) {
  const w = useWords(customers);
  const c = useWords(common);
  const f = useFormat();
  const { language } = useApp();
  const [why, setWhy] = useQueryValue("why");
  const found = useQuery({
    queryKey: ["customer", entity, language],
    queryFn: ({ signal }) => api.get<Customer>("/api/v1/customers/{entity}", { path: { entity }, query: { language }, signal }),
  });
  if (found.isError) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading rows={10} />;
  const lead = found.data.built_as_of === null ? undefined : w.builtAsOf(f.moment(found.data.built_as_of));
  return (
    <Page title={entity} heading={<span translate="no">{entity}</span>} lead={lead} above={{ href: "/customers", label: c.customers }}>
      <div className="grid">
        <div className="span-7 stack">
          <Scores entity={entity} />
          <Tags customer={found.data} />
        </div>
        <div className="span-5 stack">
          <MemberOf entity={entity} why={setWhy} />
          <Consent entity={entity} />
          <Messages entity={entity} />
          <Timeline entity={entity} />
        </div>
      </div>
      {why !== "" && <Why name={why} entity={entity} close={() => setWhy("")} />}
    </Page>
  );
}

function Tags({ customer }: { customer: Customer }) {
  const w = useWords(customers);
  const groups = Map.groupBy(customer.tags, (tag) => tag.category.join(" › ") || (tag.family.split(".")[0] ?? ""));
  return (
    <>
      {[...groups].map(([category, rows]) => (
        <Panel key={category} title={category || w.other}>
          <dl className="facts facts-two">
            {rows.map((tag) => (
              <div key={tag.tag}>
                <dt>{tag.label}</dt>
                <dd translate={tag.type === "text" || tag.type === "texts" ? "no" : undefined}>
                  <Shown tag={tag} />
                </dd>
              </div>
            ))}
          </dl>
        </Panel>
      ))}
      {customer.missing.length > 0 && (
        <Panel title={w.missing}>
          <p className="quiet">{customer.missing.join(", ")}</p>
        </Panel>
      )}
    </>
  );
}

function Shown({ tag }: { tag: TagValue }) {
  const c = useWords(common);
  const f = useFormat();
  const value = tag.value;
  if (typeof value === "boolean") return <>{value ? c.yes : c.no}</>;
  if (typeof value === "number") return <>{f.number(value)}</>;
  if (Array.isArray(value)) return <>{value.join(" › ")}</>;
  if (tag.type === "date" && value !== null) return <>{f.day(value)}</>;
  if (tag.type === "moment" && value !== null) return <>{f.moment(value)}</>;
  return <>{value}</>;
}

function MemberOf({ entity, why }: { entity: string; why: (audience: string) => void }) {
  const w = useWords(customers);
  const found = useQuery({
    queryKey: ["customer", entity, "audiences"],
    queryFn: ({ signal }) => api.get<{ audiences: { audience: string }[] }>("/api/v1/customers/{entity}/audiences", { path: { entity }, signal }),
  });
  return (
    <Panel title={w.memberOf}>
      {found.isError && <ErrorState small error={found.error} />}
      {found.isPending && <Loading rows={2} />}
      {found.data?.audiences.length === 0 && <p className="quiet">{w.memberNone}</p>}
      <ul className="lines">
        {found.data?.audiences.map((row) => (
          <li key={row.audience}>
            <Link href={address("audiences", row.audience)}>{row.audience}</Link>
            <span className="spacer" />
            <Button size="small" type="text" onClick={() => why(row.audience)}>
              {w.why}
            </Button>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

interface Explained {
  member: boolean;
  reasons: { place: string; sentence: string; passed: boolean; value: unknown }[];
  flip: { changes: { sentence: string }[] } | null;
}

function Why({ name, entity, close }: { name: string; entity: string; close: () => void }) {
  const w = useWords(customers);
  const { language } = useApp();
  const found = useQuery({
    queryKey: ["why", name, entity, language],
    queryFn: ({ signal }) => api.get<Explained>("/api/v1/audiences/{name}/explain/{entity}", { path: { name, entity }, query: { language }, signal }),
  });
  return (
    <Modal open title={w.whyTitle(name)} onCancel={close} footer={null} width={680}>
      {found.isError && <ErrorState small error={found.error} />}
      {found.isPending && <Loading rows={4} />}
      {found.data !== undefined && (
        <>
          <p>
            <Tag className={`tone tone-${found.data.member ? "good" : "quiet"}`}>{found.data.member ? w.isIn : w.notIn}</Tag>
          </p>
          <ul className="reasons">
            {found.data.reasons.map((reason) => (
              <li key={reason.place} style={{ marginLeft: 16 * (reason.place.split(".").length - (reason.place === "rule" ? 1 : 0)) }}>
                <span className={reason.passed ? "mark yes" : "mark no"} role="img" aria-label={reason.passed ? w.passed : w.failed}>
                  {reason.passed ? "✓" : "✕"}
                </span>
                <span>{reason.sentence}</span>
                {reason.value !== null && reason.value !== undefined && <span className="quiet"> ({String(reason.value)})</span>}
              </li>
            ))}
          </ul>
          <h2 className="sub">{w.flip}</h2>
          {found.data.flip === null ? (
            <p className="quiet">{w.flipNone}</p>
          ) : (
            <ul className="bullets">
              {found.data.flip.changes.map((change) => (
                <li key={change.sentence}>{change.sentence}</li>
              ))}
            </ul>
          )}
        </>
      )}
    </Modal>
  );
}

interface Happened {
  dataset: string;
  at: string | null;
  fields: Record<string, Cell>;
}

const MOST_FIELDS = 5;

function Timeline({ entity }: { entity: string }) {
  const w = useWords(customers);
  const c = useWords(common);
  const f = useFormat();
  const [dataset, setDataset] = useQueryValue("events");
  const sets = useQuery({ queryKey: ["datasets", "names"], queryFn: ({ signal }) => api.get<{ datasets: DatasetRow[] }>("/api/v1/datasets", { signal }) });
  const kinds = (sets.data?.datasets ?? []).filter((row) => row.kind === "events" || row.kind === "records");
  const found = useInfiniteQuery({
    queryKey: ["customer", entity, "events", dataset],
    initialPageParam: 0,
    getNextPageParam: (last: { next: number | null }) => last.next,
    queryFn: ({ signal, pageParam }) =>
      api.get<{ events: Happened[]; next: number | null }>("/api/v1/customers/{entity}/events", { path: { entity }, query: { dataset, limit: 20, offset: pageParam }, signal }),
  });
  const events = found.data?.pages.flatMap((page) => page.events) ?? [];
  return (
    <Panel
      title={w.timeline}
      extra={
        <Select
          size="small"
          aria-label={w.filterKind}
          value={dataset}
          onChange={setDataset}
          popupMatchSelectWidth={false}
          options={[{ value: "", label: c.all }, ...kinds.map((row) => ({ value: row.dataset, label: row.dataset }))]}
        />
      }
    >
      {found.isError && <ErrorState small error={found.error} />}
      {found.isPending && <Loading rows={4} />}
      {found.isSuccess && events.length === 0 && <Empty small title={w.timelineNone} />}
      <ol className="timeline">
        {events.map((event, i) => (
          <li key={`${event.at}-${event.dataset}-${i}`}>
            <p>
              <b>{event.dataset}</b> <span className="quiet small">{event.at === null ? w.noTime : f.moment(event.at)}</span>
            </p>
            <p className="quiet small" translate="no">
              {Object.entries(event.fields)
                .filter(([, value]) => value !== null && value !== entity && value !== event.at)
                .slice(0, MOST_FIELDS)
                .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(" › ") : String(value)}`)
                .join(" · ")}
            </p>
          </li>
        ))}
      </ol>
      {found.hasNextPage && (
        <Button size="small" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          {w.more}
        </Button>
      )}
    </Panel>
  );
}
