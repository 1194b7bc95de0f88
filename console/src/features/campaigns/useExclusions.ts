/** Groups of campaigns that exclude each other, as the server tells them. */
import { useQuery } from "@tanstack/react-query";
import { api } from "../../api/client";
import type { Definition } from "./shapes";

export interface ExclusionRow {
  campaign: string;
  state: string;
  enabled: boolean;
  /** What it asks for; null: whoever no other takes. */
  share: number | null;
  /** What it has now. */
  held: number;
  why: "open" | "recurs" | "goals" | null;
  until: string | null;
}

export interface ExclusionGroup {
  group: string;
  free: number;
  /** The part of what is free that stood for campaigns which need it no more. */
  returned: number;
  campaigns: ExclusionRow[];
}

export function useExclusions() {
  return useQuery({
    queryKey: ["campaigns", "exclusions"],
    queryFn: async ({ signal }) => (await api.get<{ groups: ExclusionGroup[] }>("/api/v1/exclusions", { signal })).groups,
  });
}

/** The group that a definition names and the share it asks for, whichever of its two forms it uses. */
export function exclusionOf(definition: Definition): { group: string; share: number | null } | null {
  const given = definition.exclusion;
  if (given === undefined || given === null) return null;
  return typeof given === "string" ? { group: given, share: null } : { group: given.group, share: given.share ?? null };
}

/** What a campaign could have of a group: what is free, and what it has itself. */
export function freeFor(groups: ExclusionGroup[], group: string, campaign: string | null): number {
  const found = groups.find((one) => one.group === group);
  if (found === undefined) return 1;
  return found.free + (found.campaigns.find((row) => row.campaign === campaign)?.held ?? 0);
}
