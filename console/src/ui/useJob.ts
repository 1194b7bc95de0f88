/** A job that this screen waits for: how far it is, until it has ended. */
import { useQuery } from "@tanstack/react-query";
import { api } from "../api/client";
import type { JobRow } from "../api/shapes";

export const ended = (state: JobRow["state"] | undefined) => state === "completed" || state === "failed" || state === "cancelled";

export function useJob(id: string | null) {
  return useQuery<JobRow>({
    queryKey: ["job", id],
    enabled: id !== null,
    refetchInterval: (query) => (ended(query.state.data?.state) ? false : 1000),
    queryFn: ({ signal }) => api.get<JobRow>("/api/v1/jobs/{job}", { path: { job: id ?? "" }, signal }),
  });
}
