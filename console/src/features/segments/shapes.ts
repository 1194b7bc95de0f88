/** What the server tells of segmentations. */

export interface SegmentRow {
  segment: number;
  name: string;
  size: number;
  share: number;
  stability: number | null;
  band: "high" | "valid" | "doubtful" | "unstable" | null;
  word?: string | null;
  rule: string | null;
  precision: number | null;
  recall: number | null;
  owner: string;
  action: string;
  policy: string;
  share_of_money?: number | null;
  suggested_action?: string | null;
  names?: { en: string; zh: string };
}

export interface VersionRow {
  version: number;
  promoted: boolean;
  kind: "fit" | "refit" | "update";
  created_at: string;
  as_of: string;
  method: string;
  seed: number;
  k: number;
  sizes: Record<string, number>;
}

export interface Mark {
  id: string;
  at: string;
  segment: number;
  version: number;
  what: "name" | "reason" | "segment" | "customer";
  note: string;
  by: string;
  entity: string | null;
  name_en: string | null;
  name_zh: string | null;
}

export interface Fate {
  id: number;
  kind: string;
  others: number[];
  today: boolean;
  jaccard: number;
}

export interface Segmentation {
  segmentation: string;
  version: number;
  promoted: boolean;
  kind: string;
  method: string;
  as_of: string;
  k: number;
  sizes: Record<string, number>;
  segments: SegmentRow[];
  versions: VersionRow[];
  marks: Mark[];
  tags: string[];
  identity?: { from_version: number; comparable: boolean; segments?: Fate[] } | null;
}

/** All but those in no segment. */
export const real = (segmentation: Segmentation): SegmentRow[] => segmentation.segments.filter((row) => row.segment !== 0);

export const nameOf = (segmentation: Segmentation, id: number): string => segmentation.segments.find((row) => row.segment === id)?.name ?? String(id);
