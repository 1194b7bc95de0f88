/** A job that this screen waits for: how far it is, until it has ended, and what happens then. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { api } from "../api/client";
import type { JobRow } from "../api/shapes";

export const ended = (state: JobRow["state"] | undefined) => state === "completed" || state === "failed" || state === "cancelled";

/** The row of a job that has ended and of which nothing was told yet; null where there is nothing to tell. */
export function endingOf(row: JobRow | undefined, told: string | null): JobRow | null {
  return row !== undefined && ended(row.state) && row.id !== told ? row : null;
}

/** Follows a job; `whenEnded` is called once a job with its row, when it is completed, failed or was cancelled. */
export function useJob(id: string | null, whenEnded?: (job: JobRow) => void) {
  const act = useRef(whenEnded);
  const told = useRef<string | null>(null);
  const found = useQuery<JobRow>({
    queryKey: ["job", id],
    enabled: id !== null,
    refetchInterval: (query) => (ended(query.state.data?.state) ? false : 1000),
    queryFn: ({ signal }) => api.get<JobRow>("/api/v1/jobs/{job}", { path: { job: id ?? "" }, signal }),
  });
  const row = id === null ? undefined : found.data;
  useEffect(() => {
    act.current = whenEnded; // of the newest drawing, without being a reason to tell again
  });
  useEffect(() => {
    const ending = endingOf(row, told.current);
    if (ending === null) return;
    told.current = ending.id;
    act.current?.(ending);
  }, [row]);
  return found;
}

/** What a job may have changed is read again: everything but the jobs. */
export const butJobs = { predicate: (query: { queryKey: readonly unknown[] }) => query.queryKey[0] !== "job" };
