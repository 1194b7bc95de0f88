/** What rules may name: tags, datasets and their fields, operators, measures, audiences, blocks and lists. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { createContext, useContext } from "react";
import { api } from "../../api/client";
import type { AudienceRow, DatasetRow, FieldRow, OperatorRow, Step, TagRow, ValueCount, ValueKind } from "../../api/shapes";
import { useApp } from "../../app/context";
import type { Group } from "./rule";

export interface MeasureRow {
  key: string;
  label: string;
  takes: "nothing" | "field" | "time";
  types: ValueKind[];
  operators: string[];
}

export interface LeafRow {
  key: string;
  label: string;
}

export interface Vocabulary {
  entityKind: string;
  tags: TagRow[];
  tagOf: Map<string, TagRow>;
  operators: OperatorRow[];
  measures: MeasureRow[];
  datasets: DatasetRow[];
  audiences: string[];
  blocks: string[];
  lists: { list: string; size: number }[];
}

interface Schema {
  operators: OperatorRow[];
  measures: MeasureRow[];
}

/** Everything the builder needs before it can draw a rule, in one wait. */
export function useVocabulary(entityKind: string) {
  const { language } = useApp();
  return useQuery({
    queryKey: ["vocabulary", entityKind, language],
    staleTime: 60_000,
    queryFn: async ({ signal }): Promise<Vocabulary> => {
      const query = { language };
      const [schema, tags, datasets, audiences, blocks, lists] = await Promise.all([
        api.get<Schema>("/api/v1/schema/leaves", { query, signal }),
        api.get<{ tags: TagRow[] }>("/api/v1/tags", { query: { ...query, entity_kind: entityKind }, signal }),
        api.get<{ datasets: DatasetRow[] }>("/api/v1/datasets", { signal }),
        api.get<{ audiences: AudienceRow[] }>("/api/v1/audiences", { query: { ...query, limit: 1000 }, signal }),
        api.get<{ blocks: { block: string }[] }>("/api/v1/blocks", { query, signal }),
        api.get<{ lists: { list: string; size: number }[] }>("/api/v1/lists", { signal }),
      ]);
      const own = tags.tags.filter((tag) => tag.entity_kind === entityKind && tag.type !== "vector");
      return {
        entityKind,
        tags: own,
        tagOf: new Map(own.map((tag) => [tag.tag, tag])),
        operators: schema.operators,
        measures: schema.measures,
        datasets: datasets.datasets.filter((row) => row.entity_kind === entityKind),
        audiences: audiences.audiences.map((row) => row.audience),
        blocks: blocks.blocks.map((row) => row.block),
        lists: lists.lists,
      };
    },
  });
}

interface DatasetDetail {
  dataset: string;
  fields: (Omit<FieldRow, "label"> & { label?: Partial<Record<string, string>> })[];
  joins: Record<string, string>;
}

/** The fields of a dataset, those of its lookups as `LOOKUP.FIELD`. */
export function useFields(dataset: string | undefined) {
  const { language } = useApp();
  return useQuery({
    queryKey: ["fields", dataset, language],
    enabled: dataset !== undefined && dataset !== "",
    staleTime: 60_000,
    queryFn: async ({ signal }): Promise<FieldRow[]> => {
      const own = await fieldsOf(dataset ?? "", language, signal);
      const lookups = await Promise.all(Object.keys(own.joins).map((name) => fieldsOf(name, language, signal)));
      const rows = (d: DatasetDetail, prefix: string): FieldRow[] =>
        d.fields.map((f) => ({ name: prefix + f.name, type: f.type, label: prefix + (f.label?.[language] ?? f.name) }));
      return [...rows(own, ""), ...lookups.flatMap((d) => rows(d, `${d.dataset}.`))];
    },
  });
}

function fieldsOf(name: string, language: string, signal: AbortSignal): Promise<DatasetDetail> {
  return api.get<DatasetDetail>("/api/v1/datasets/{name}", { path: { name }, query: { language }, signal });
}

/** Where values come from: a tag, or a field of a dataset. */
export type Source = { tag: string } | { dataset: string; field: string };

/** The commonest values that match a search, with how many customers or rows have them. */
export function useValues(source: Source, search: string, enabled: boolean, entityKind: string) {
  return useQuery({
    queryKey: ["values", source, search, entityKind],
    enabled,
    staleTime: 30_000,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => {
      if ("tag" in source) {
        const asked = { path: { tag: source.tag }, query: { search, limit: 100, entity_kind: entityKind }, signal };
        return api.get<{ values: ValueCount[]; total: number }>("/api/v1/tags/{tag}/values", asked);
      }
      const asked = { path: { name: source.dataset, field: source.field }, query: { search, limit: 100 }, signal };
      return api.get<{ values: ValueCount[]; total: number }>("/api/v1/datasets/{name}/fields/{field}/values", asked);
    },
  });
}

export interface Building {
  vocabulary: Vocabulary;
  /** Numbers of the waterfall by the id of their node. */
  steps: Map<string, Step>;
  unfinished: ReadonlySet<string>;
  universe: number;
  /** Whether the numbers shown belong to an older rule. */
  stale: boolean;
  active: string | null;
  activate: (group: string) => void;
  saveBlock: (group: Group) => void;
}

export const BuildingContext = createContext<Building | null>(null);

export function useBuilding(): Building {
  const found = useContext(BuildingContext);
  if (found === null) throw new Error("A condition stands outside of a builder");
  return found;
}
