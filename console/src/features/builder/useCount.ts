/** The live size of a rule: asked when typing pauses, dropped when a newer rule is there. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { api } from "../../api/client";
import type { Count, Step } from "../../api/shapes";
import { useApp } from "../../app/context";
import type { Written } from "./rule";

const PAUSE_MS = 220;

export function usePaused<T>(value: T, milliseconds = PAUSE_MS): T {
  const [paused, setPaused] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setPaused(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return paused;
}

export interface Counted {
  count: Count | undefined;
  /** Numbers by the id of the builder's node. */
  steps: Map<string, Step>;
  error: unknown;
  /** Whether a newer number is on its way. */
  stale: boolean;
  refetch: () => void;
}

const NO_STEPS = new Map<string, Step>();

export function useCount(written: Written, entityKind: string): Counted {
  const { language } = useApp();
  const now = JSON.stringify([written.rule, [...written.places]]);
  const asked = usePaused(now);
  const query = useQuery({
    queryKey: ["count", asked, entityKind, language],
    placeholderData: keepPreviousData,
    retry: false,
    staleTime: 15_000,
    queryFn: async ({ signal }) => {
      const [rule, places] = JSON.parse(asked) as [Written["rule"], [string, string][]];
      const body = { rule, entity_kind: entityKind, language };
      return { count: await api.post<Count>("/api/v1/audiences/count", { body, signal }), places: new Map(places) };
    },
  });
  const steps = useMemo(() => {
    if (query.data === undefined) return NO_STEPS;
    const { count, places } = query.data;
    const found = count.waterfall.flatMap((step) => {
      const id = places.get(step.place);
      return id === undefined ? [] : [[id, step] as const];
    });
    return new Map(found);
  }, [query.data]);
  return {
    count: query.data?.count,
    steps,
    error: query.isError ? query.error : null,
    stale: query.isFetching || asked !== now,
    refetch: () => void query.refetch(),
  };
}
