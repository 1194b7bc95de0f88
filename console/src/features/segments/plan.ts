/** What a fit is asked for, as the wizard gathers it. */
export interface Plan {
  name: string;
  tags: string[] | null;
  audience: string;
  prepare: "auto" | "standard" | "none";
  weights: Record<string, number>;
  pca: number | null;
  method: string;
  k: "auto" | number;
  maxK: number;
  minSize: number | null;
  seed: number;
  starts: number | null;
  promote: boolean;
}

export const FIRST_PLAN: Plan = {
  name: "",
  tags: null,
  audience: "",
  prepare: "auto",
  weights: {},
  pca: null,
  method: "kmeans",
  k: "auto",
  maxK: 10,
  minSize: null,
  seed: 0,
  starts: null,
  promote: true,
};

/** Tags that are chosen to begin with, where they are there: how recently, how often, how much. */
export const USUAL = ["rfm.recency_days", "rfm.frequency", "rfm.monetary"];

/** What the server is sent; `plain` methods take the tags as they are, and neither weights nor components. */
export function bodyOf(plan: Plan, plain: boolean) {
  const weights = Object.fromEntries(Object.entries(plan.weights).filter(([tag, weight]) => weight !== 1 && (plan.tags ?? []).includes(tag)));
  return {
    name: plan.name.trim(),
    tags: plan.tags ?? [],
    audience: plan.audience || null,
    method: plan.method,
    prepare: plan.prepare,
    weights: plain || Object.keys(weights).length === 0 ? null : weights,
    pca: plain ? null : plan.pca,
    k: plan.k,
    max_k: plan.maxK,
    min_size: plan.minSize,
    seed: plan.seed,
    starts: plan.starts,
    promote: plan.promote,
  };
}
