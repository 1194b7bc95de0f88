/** The three states beside "here it is": nothing yet, still loading, did not work. */
import { Button, Skeleton } from "antd";
import type { ReactNode } from "react";
import { ApiError } from "../api/client";
import { useWords } from "../app/context";
import { common } from "../words/common";

export function Empty(props: { title: string; hint?: ReactNode; action?: ReactNode; art?: ReactNode; small?: boolean }) {
  return (
    <div className={props.small ? "state state-small" : "state"} role="status">
      <div className="state-art" aria-hidden="true">
        {props.art ?? <Dots />}
      </div>
      <p className="state-title">{props.title}</p>
      {props.hint !== undefined && <p className="state-hint">{props.hint}</p>}
      {props.action}
    </div>
  );
}

function Dots() {
  return (
    <svg width="72" height="56" viewBox="0 0 72 56">
      <circle cx="24" cy="30" r="13" fill="var(--accent)" opacity=".16" />
      <circle cx="44" cy="22" r="9" fill="var(--accent)" opacity=".3" />
      <circle cx="49" cy="40" r="6" fill="var(--accent)" opacity=".5" />
      <circle cx="33" cy="12" r="4" fill="var(--accent)" opacity=".7" />
    </svg>
  );
}

function Trouble() {
  return (
    <svg className="state-art" aria-hidden="true" width="56" height="56" viewBox="0 0 56 56">
      <circle cx="28" cy="28" r="26" fill="#c0392b" opacity=".13" />
      <path d="M28 16v15M28 38.5v.5" stroke="var(--trouble)" strokeWidth="3.4" strokeLinecap="round" fill="none" />
    </svg>
  );
}

export function Loading({ rows = 5 }: { rows?: number }) {
  const w = useWords(common);
  return (
    <div className="loading" role="status" aria-label={w.loading}>
      <Skeleton active title={false} paragraph={{ rows }} />
    </div>
  );
}

/** What went wrong, where, and what to do: the server's own words. */
export function ErrorState({ error, retry, small }: { error: unknown; retry?: () => void; small?: boolean }) {
  const w = useWords(common);
  const told = error instanceof ApiError ? error : null;
  const away = told === null || told.status === 0;
  const title = told?.status === 403 ? w.notAllowed : told?.status === 404 && !small ? w.notFound : away ? w.unreachable : w.wentWrong;
  const hint = told?.status === 403 ? w.notAllowedHint : away ? w.unreachableHint : null;
  return (
    <div className={small ? "state state-small" : "state"} role="alert">
      {!small && <Trouble />}
      <p className="state-title">{title}</p>
      {hint !== null ? <p className="state-hint">{hint}</p> : told !== null && <ProblemText error={told} />}
      {retry !== undefined && told?.status !== 403 && <Button onClick={retry}>{w.retry}</Button>}
    </div>
  );
}

export function ProblemText({ error }: { error: unknown }) {
  const w = useWords(common);
  if (!(error instanceof ApiError) || error.status === 0) return <span>{w.unreachableHint}</span>;
  return (
    <span className="problem">
      <span>{error.message}</span> {error.fix !== null && <span className="quiet">{error.fix}</span>}
    </span>
  );
}
