/** What the rule gives at this moment: how many, how many can be reached, some of them, and the rule in words. */
import { ReloadOutlined } from "@ant-design/icons";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Button } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import type { Cell } from "../../api/shapes";
import { useApp, useFormat, useWords } from "../../app/context";
import { Link } from "../../app/router";
import { Share } from "../../ui/Figure";
import { ErrorState } from "../../ui/States";
import { common } from "../../words/common";
import type { JsonObject } from "./rule";
import type { Counted } from "./useCount";
import { builder } from "./words";

export function SizePanel({ counted, rule, entityKind }: { counted: Counted; rule: JsonObject; entityKind: string }) {
  const w = useWords(builder);
  const f = useFormat();
  const { count, error, stale } = counted;
  return (
    <aside className="size-panel" aria-label={w.size}>
      <section className="panel">
        <p className="figure-label">
          {w.size} <span className="chip">{w.exact}</span>
        </p>
        <p className={stale ? "size-value stale" : "size-value"} aria-live="polite" data-size={count?.count} data-stale={stale}>
          {count === undefined ? "–" : f.number(count.count)}
        </p>
        {count !== undefined && (
          <>
            <Share share={count.universe === 0 ? 0 : count.count / count.universe} label={w.ofEveryone(f.percent(count.universe === 0 ? 0 : count.count / count.universe), f.number(count.universe))} />
            <p className="quiet small">
              {w.asOf(f.moment(count.as_of))} · {w.took(f.number(count.elapsed_ms, 0))}
            </p>
          </>
        )}
        {error !== null && <ErrorState error={error} small retry={counted.refetch} />}
        {count?.count === 0 && !stale && <p className="state-hint">{count.universe === 0 ? w.noData : w.noOne}</p>}
        {count?.notes.map((note) => (
          <p key={note} className="state-hint">
            {note}
          </p>
        ))}
      </section>
      {count !== undefined && count.count > 0 && <Reachable counted={counted} />}
      {count !== undefined && (
        <section className="panel">
          <h2 className="panel-title">{w.sentence}</h2>
          <p className="sentence">{count.sentence}</p>
        </section>
      )}
      {count !== undefined && count.count > 0 && <SamplePeople rule={rule} entityKind={entityKind} count={count.count} />}
    </aside>
  );
}

function Reachable({ counted }: { counted: Counted }) {
  const w = useWords(builder);
  const f = useFormat();
  const root = counted.count?.waterfall.find((step) => step.place === "rule");
  const channels = Object.entries(root?.reachable ?? {});
  const size = counted.count?.count ?? 0;
  if (channels.length === 0) return null;
  return (
    <section className="panel">
      <h2 className="panel-title">{w.reachable}</h2>
      <ul className="channels">
        {channels.map(([channel, n]) => (
          <li key={channel}>
            <span>{channel}</span>
            <Share share={size === 0 ? 0 : n / size} label={f.number(n)} />
          </li>
        ))}
      </ul>
    </section>
  );
}

interface Sample {
  columns: { tag: string; label: string }[];
  members: { entity: string; values: Cell[] }[];
}

function SamplePeople({ rule, entityKind, count }: { rule: JsonObject; entityKind: string; count: number }) {
  const w = useWords(builder);
  const { language } = useApp();
  const c = useWords(common);
  const [seed, setSeed] = useState(0);
  const told = (value: Cell) => (typeof value === "boolean" ? (value ? c.yes : c.no) : String(value));
  const sample = useQuery({
    queryKey: ["sample", rule, entityKind, seed, language],
    placeholderData: keepPreviousData,
    retry: false,
    queryFn: ({ signal }) => {
      const body = { rule, size: 5, seed, entity_kind: entityKind, language };
      return api.post<Sample>("/api/v1/audiences/sample", { body, signal });
    },
  });
  return (
    <section className="panel">
      <div className="panel-head">
        <h2 className="panel-title">{w.sample}</h2>
        {count > 5 && <Button size="small" type="text" icon={<ReloadOutlined aria-hidden="true" />} aria-label={w.anotherSample} title={w.anotherSample} onClick={() => setSeed(seed + 1)} />}
      </div>
      {sample.isError ? (
        <ErrorState small error={sample.error} />
      ) : (
        <ul className="people">
          {sample.data?.members.map((member) => (
            <li key={member.entity}>
              <Link href={`/customers/${encodeURIComponent(member.entity)}`}>{member.entity}</Link>
              <span className="quiet" translate="no">
                {member.values.filter((value) => value !== null).slice(0, 3).map(told).join(" · ")}
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
