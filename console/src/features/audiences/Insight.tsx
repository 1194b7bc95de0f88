/** How an audience differs from everyone else or from another audience, tag by tag, what differs most first. */
import { useQuery } from "@tanstack/react-query";
import { Select, Tag, Tooltip } from "antd";
import { api } from "../../api/client";
import type { AudienceRow } from "../../api/shapes";
import { useApp, useFormat, useWords } from "../../app/context";
import { useQueryValue } from "../../app/router";
import { Panel } from "../../ui/Page";
import { Empty, ErrorState, Loading } from "../../ui/States";
import { audiences } from "./words";

interface ValueShare {
  value: unknown;
  others: number;
  count: number;
  share: number | null;
  share_rest: number | null;
  index: number | null;
}

interface TagInsight {
  tag: string;
  label: string;
  type: string;
  defines: boolean;
  verdict: "differs" | "alike" | "cannot_tell";
  effect: number | null;
  size: string | null;
  finding: string;
  values: ValueShare[];
}

export interface AudienceInsight {
  count: number;
  rest: number;
  tags: TagInsight[];
}

export function useAudienceNames(except: string) {
  const { language } = useApp();
  const list = useQuery({
    queryKey: ["audiences", "names", language],
    queryFn: ({ signal }) => api.get<{ audiences: AudienceRow[] }>("/api/v1/audiences", { query: { language, limit: 1000 }, signal }),
  });
  return (list.data?.audiences ?? []).map((row) => row.audience).filter((name) => name !== except);
}

export function Insight({ name }: { name: string }) {
  const w = useWords(audiences);
  const { language } = useApp();
  const [against, setAgainst] = useQueryValue("against");
  const names = useAudienceNames(name);
  const insight = useQuery({
    queryKey: ["audience", name, "insight", against, language],
    queryFn: ({ signal }) => {
      const body = { audience: name, against: against || null, language, top: 6 };
      return api.post<AudienceInsight>("/api/v1/audiences/insight", { body, signal });
    },
  });
  return (
    <>
      <div className="toolbar">
        <label htmlFor="against" className="quiet">
          {w.against}
        </label>
        <Select
          id="against"
          value={against}
          onChange={setAgainst}
          popupMatchSelectWidth={false}
          showSearch={{ optionFilterProp: "label" }}
          options={[{ value: "", label: w.everyone }, ...names.map((value) => ({ value, label: value }))]}
        />
      </div>
      {insight.isError && <ErrorState error={insight.error} retry={() => void insight.refetch()} />}
      {insight.isPending && <Loading rows={10} />}
      {insight.data !== undefined && <Findings insight={insight.data} />}
    </>
  );
}

const MOST = 24;

export function Findings({ insight }: { insight: AudienceInsight }) {
  const w = useWords(audiences);
  const shown = insight.tags.filter((tag) => tag.verdict === "differs" || tag.defines).slice(0, MOST);
  if (shown.length === 0) return <Empty title={w.insightNone} />;
  const alike = (label: string) => shown.filter((tag) => tag.label === label).length > 1;
  return (
    <div className="cards">
      {shown.map((tag) => (
        <Panel
          key={tag.tag}
          title={alike(tag.label) ? <Distinct label={tag.label} name={tag.tag} /> : tag.label}
          extra={tag.defines ? <Tag>{w.definesIt}</Tag> : tag.size !== null && tag.effect !== null ? <Effect effect={tag.effect} /> : null}
        >
          <p className="finding">{tag.finding}</p>
          <Shares tag={tag} />
        </Panel>
      ))}
    </div>
  );
}

/** A label that several tags bear, with the name that tells them apart. */
function Distinct({ label, name }: { label: string; name: string }) {
  return (
    <>
      {label}
      <span className="chip" translate="no">
        {name}
      </span>
    </>
  );
}

function Effect({ effect }: { effect: number }) {
  const f = useFormat();
  return <span className="quiet num">{f.percent(effect, 0)}</span>;
}

function Shares({ tag }: { tag: TagInsight }) {
  const w = useWords(audiences);
  const f = useFormat();
  const rows = tag.values.filter((row) => row.others === 0 && row.share !== null).slice(0, 6);
  if (rows.length === 0) return null;
  return (
    <table className="shares">
      <thead>
        <tr>
          <th scope="col">
            <span className="sr-only">{tag.label}</span>
          </th>
          <th scope="col">{w.share}</th>
          <th scope="col">{w.shareRest}</th>
          <th scope="col">
            <Tooltip title={w.indexHelp}>
              <span tabIndex={0}>{w.index}</span>
            </Tooltip>
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={JSON.stringify(row.value)}>
            <th scope="row">
              <ValueText value={row.value} />
            </th>
            <td>
              <span className="pairbar" aria-hidden="true">
                <span style={{ width: `${(row.share ?? 0) * 100}%` }} />
                <span style={{ width: `${(row.share_rest ?? 0) * 100}%` }} />
              </span>
              {f.percent(row.share ?? 0)}
            </td>
            <td className="quiet">{row.share_rest === null ? "–" : f.percent(row.share_rest)}</td>
            <td>{row.index === null ? "–" : f.number(row.index, 0)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A value or a range of values as the reader writes it. */
export function ValueText({ value }: { value: unknown }) {
  const f = useFormat();
  const figure = (part: number) => f.number(part, Array.isArray(value) && Math.abs(part) >= 100 ? 0 : undefined);
  const one = (part: unknown): string => {
    if (typeof part === "number") return figure(part);
    if (typeof part === "string" && /^-?\d+(\.\d+)?$/.test(part)) return figure(Number(part));
    if (typeof part === "string" && /^\d{4}-\d{2}-\d{2}(T|$)/.test(part)) return f.day(part);
    return String(part);
  };
  if (Array.isArray(value)) {
    const [low, high] = [one(value[0]), one(value[1])];
    if (low === high) return <>{low}</>;
    return (
      <>
        <span className="nowrap">{low} –</span> <span className="nowrap">{high}</span>
      </>
    );
  }
  return <>{one(value)}</>;
}
