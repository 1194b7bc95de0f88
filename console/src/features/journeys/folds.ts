/** Which steps of a journey show their fields while it is written: one at a time, or as many as were unfolded together. */

export interface Folds {
  /** The names of the open steps. */
  open: ReadonlySet<string>;
  /** Whether opening one leaves the others open. */
  together: boolean;
}

/** The folds with one step open, and the others as they were where several may be. */
export function opened(folds: Folds, step: string): Folds {
  return { ...folds, open: new Set(folds.together ? [...folds.open, step] : [step]) };
}

/** The folds after a press on a step's head. */
export function pressed(folds: Folds, step: string): Folds {
  if (!folds.open.has(step)) return opened(folds, step);
  return { ...folds, open: new Set([...folds.open].filter((one) => one !== step)) };
}

/** All steps open, or all folded if they were open all. */
export function turned(folds: Folds, steps: string[]): Folds {
  return allOpen(folds, steps) ? { open: new Set(), together: false } : { open: new Set(steps), together: true };
}

export function allOpen(folds: Folds, steps: string[]): boolean {
  return folds.together && steps.every((step) => folds.open.has(step));
}

/** The folds when a step is called something else. */
export function called(folds: Folds, before: string, after: string): Folds {
  return { ...folds, open: new Set([...folds.open].map((one) => (one === before ? after : one))) };
}
