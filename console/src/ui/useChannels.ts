/** The ways to a customer that there are. */
import { useQuery } from "@tanstack/react-query";
import { api } from "../api/client";
import { useApp } from "../app/context";

export interface ChannelRow {
  channel: string;
  label: string;
  parts: { name: string; label?: string; kind: string; max?: number | null; required: boolean }[];
  options: (string | { name: string; label?: string })[];
  permits?: string | null;
  tracked: boolean;
}

export function useChannels() {
  const { language } = useApp();
  return useQuery({
    queryKey: ["channels", language],
    staleTime: 300_000,
    queryFn: async ({ signal }) => (await api.get<{ channels: ChannelRow[] }>("/api/v1/channels", { query: { language }, signal })).channels,
  });
}
