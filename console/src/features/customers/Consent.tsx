/** What a customer agreed to, since when and from where, to be changed by hand; and the messages that were sent. */
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Pagination, Select, Tag } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { address, Link } from "../../app/router";
import { useArmWords } from "../../ui/Intervals";
import { Panel } from "../../ui/Page";
import { ErrorState, Loading, ProblemText } from "../../ui/States";
import { customers, said as saidWords, scopes as scopeWords } from "./words";

type State = "granted" | "denied" | "revoked";

interface Held {
  scope: string;
  state: State;
  at: string | null;
  source: string;
}

interface ConsentAnswer {
  states: Held[];
  history: { scope: string; state: State; at: string; source: string }[];
  suppressed: string[];
}

const STATES: State[] = ["granted", "denied", "revoked"];
const TONE: Record<State, string> = { granted: "good", denied: "bad", revoked: "warn" };

export function Consent({ entity }: { entity: string }) {
  const w = useWords(customers);
  const found = useQuery({
    queryKey: ["customer", entity, "consent"],
    queryFn: ({ signal }) => api.get<ConsentAnswer>("/api/v1/customers/{entity}/consent", { path: { entity }, signal }),
  });
  const scopes = useQuery({
    queryKey: ["consent", "scopes"],
    queryFn: ({ signal }) => api.get<{ scopes: { scope: string }[] }>("/api/v1/consent/scopes", { signal }),
  });
  const held = new Map((found.data?.states ?? []).map((row) => [row.scope, row]));
  const every = [...new Set([...(scopes.data?.scopes ?? []).map((row) => row.scope), ...held.keys()])];
  return (
    <Panel title={w.consent}>
      {found.isError && <ErrorState small error={found.error} />}
      {found.isPending && <Loading rows={3} />}
      {(found.data?.suppressed.length ?? 0) > 0 && (
        <p>
          <Tag className="tone tone-bad">{w.suppressed}</Tag> <span translate="no">{found.data?.suppressed.join(", ")}</span>
        </p>
      )}
      {found.data !== undefined && every.length === 0 && <p className="quiet">{w.consentNone}</p>}
      {found.data !== undefined && (
        <ul className="lines">
          {every.map((scope) => (
            <ScopeLine key={scope} entity={entity} scope={scope} held={held.get(scope)} />
          ))}
        </ul>
      )}
      {(found.data?.history.length ?? 0) > 0 && <History rows={found.data?.history ?? []} />}
    </Panel>
  );
}

function ScopeLine({ entity, scope, held }: { entity: string; scope: string; held: Held | undefined }) {
  const w = useWords(customers);
  const s = useWords(saidWords);
  const scopes: Record<string, string> = useWords(scopeWords);
  const name = scopes[scope] ?? scope;
  const f = useFormat();
  const { allowed } = useApp();
  const cache = useQueryClient();
  const { message, modal } = App.useApp();
  const change = (state: State) =>
    modal.confirm({
      title: w.consentAsk(name, s[state]),
      content: w.consentText,
      okText: w.consentChange,
      onOk: async () => {
        try {
          await api.put("/api/v1/customers/{entity}/consent", { path: { entity }, body: { scope, state } });
          void message.success(w.consentSaved);
          await cache.invalidateQueries({ queryKey: ["customer", entity, "consent"] });
        } catch (error) {
          void message.error(<ProblemText error={error} />);
        }
      },
    });
  return (
    <li>
      <div>
        <b>{name}</b>
        {held?.at != null && (
          <p className="quiet small">
            {f.day(held.at)} · <span translate="no">{held.source}</span>
          </p>
        )}
      </div>
      <span className="spacer" />
      {allowed === null || allowed.has("define") ? (
        <Select
          size="small"
          aria-label={w.consentOf(name)}
          placeholder={s.unknown}
          value={held?.state}
          options={STATES.map((value) => ({ value, label: s[value] }))}
          onChange={change}
          popupMatchSelectWidth={false}
        />
      ) : (
        <Tag className={`tone tone-${held === undefined ? "quiet" : TONE[held.state]}`}>{held === undefined ? s.unknown : s[held.state]}</Tag>
      )}
    </li>
  );
}

function History({ rows }: { rows: ConsentAnswer["history"] }) {
  const w = useWords(customers);
  const scopes: Record<string, string> = useWords(scopeWords);
  const s = useWords(saidWords);
  const f = useFormat();
  return (
    <details>
      <summary className="quiet small">{w.consentHistory}</summary>
      <ul className="bullets small">
        {rows.map((row, i) => (
          <li key={`${row.at}-${row.scope}-${i}`}>
            {f.moment(row.at)}: {scopes[row.scope] ?? row.scope} {s[row.state]} <span className="quiet" translate="no">{row.source}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}

interface Message {
  campaign: string;
  run: string;
  at: string;
  channel: string | null;
  event: string;
  reason: string | null;
  arm: string | null;
}

const SIZE = 8;

export function Messages({ entity }: { entity: string }) {
  const w = useWords(customers);
  const f = useFormat();
  const named = useArmWords();
  const events: Record<string, string> = useWords(saidWords);
  const [page, setPage] = useState(1);
  const found = useQuery({
    queryKey: ["customer", entity, "messages", page],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      api.get<{ messages: Message[]; total: number }>("/api/v1/customers/{entity}/messages", { path: { entity }, query: { limit: SIZE, offset: (page - 1) * SIZE }, signal }),
  });
  return (
    <Panel title={w.messages}>
      {found.isError && <ErrorState small error={found.error} />}
      {found.isPending && <Loading rows={2} />}
      {found.data?.total === 0 && <p className="quiet">{w.messagesNone}</p>}
      <ul className="lines">
        {found.data?.messages.map((row) => (
          <li key={`${row.run}-${row.at}`}>
            <div>
              <Link href={address("campaigns", row.campaign)}>{row.campaign}</Link>
              <p className="quiet small">
                {f.moment(row.at)} <span translate="no">{[row.channel, row.arm && named(row.arm)].filter(Boolean).join(" · ")}</span>
              </p>
            </div>
            <span className="spacer" />
            <Tag className="tone tone-quiet">{events[row.event] ?? row.event}</Tag>
          </li>
        ))}
      </ul>
      {(found.data?.total ?? 0) > SIZE && <Pagination size="small" current={page} pageSize={SIZE} total={found.data?.total ?? 0} showSizeChanger={false} onChange={setPage} />}
    </Panel>
  );
}
