/** Conditions in screens other than the builder's; its parts are fetched when the first is wanted. */
import { lazy, Suspense } from "react";
export type { JsonObject } from "../features/builder/rule";
import type { RuleProps, WhereProps } from "../features/builder/Apart";
import { Loading } from "./States";

const Where = lazy(async () => ({ default: (await import("../features/builder/Apart")).WhereApart }));
const Rule = lazy(async () => ({ default: (await import("../features/builder/Apart")).RuleApart }));

/** Which rows of a dataset count. */
export function WhereField(props: WhereProps) {
  return (
    <Suspense fallback={<Loading rows={1} />}>
      <Where {...props} />
    </Suspense>
  );
}

/** A whole rule, in a dialog. */
export function RuleDialog(props: RuleProps) {
  return (
    <Suspense fallback={<Loading rows={1} />}>
      <Rule {...props} />
    </Suspense>
  );
}
