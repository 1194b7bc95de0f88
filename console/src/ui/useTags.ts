/** All tags of customers, for choosing among them. */
import { useQuery } from "@tanstack/react-query";
import { api } from "../api/client";
import type { TagRow } from "../api/shapes";
import { useApp } from "../app/context";

export const NUMERIC: readonly string[] = ["integer", "decimal", "number"];

export function useTagList() {
  const { language } = useApp();
  return useQuery({
    queryKey: ["tags", "names", language],
    queryFn: ({ signal }) => api.get<{ tags: TagRow[] }>("/api/v1/tags", { query: { language, entity_kind: "customer", limit: 1000 }, signal }),
  });
}

export function useTags(): TagRow[] {
  return useTagList().data?.tags ?? [];
}
