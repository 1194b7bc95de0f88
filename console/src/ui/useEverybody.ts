/** How many customers there are. */
import { useQuery } from "@tanstack/react-query";
import { api } from "../api/client";

export function useEverybody() {
  return useQuery({
    queryKey: ["everybody"],
    staleTime: 300_000,
    queryFn: async ({ signal }) => (await api.post<{ universe: number }>("/api/v1/audiences/count", { body: { rule: { all: [] } }, signal })).universe,
  });
}
