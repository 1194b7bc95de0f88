/** Conditions in screens other than the builder's: what they are given, and where the application puts the builder's parts. */
import { type ComponentType, createContext, Suspense, useContext } from "react";
import type { JsonObject } from "../api/shapes";
import { Loading } from "./States";

export interface WhereProps {
  dataset: string;
  where: JsonObject | undefined;
  onChange: (where: JsonObject | undefined) => void;
}

export interface RuleProps {
  rule: JsonObject | undefined;
  close: () => void;
  onChange: (rule: JsonObject) => void;
}

interface Parts {
  Where: ComponentType<WhereProps>;
  Rule: ComponentType<RuleProps>;
}

/** The builder's parts: given by the application, since what is shared knows no screens. */
export const RulePartsContext = createContext<Parts | null>(null);

function useParts(): Parts {
  const parts = useContext(RulePartsContext);
  if (parts === null) throw new Error("conditions stand outside of the application");
  return parts;
}

/** Which rows of a dataset count. */
export function WhereField(props: WhereProps) {
  const { Where } = useParts();
  return (
    <Suspense fallback={<Loading rows={1} />}>
      <Where {...props} />
    </Suspense>
  );
}

/** A whole rule, in a dialog. */
export function RuleDialog(props: RuleProps) {
  const { Rule } = useParts();
  return (
    <Suspense fallback={<Loading rows={1} />}>
      <Rule {...props} />
    </Suspense>
  );
}
