/** Parts of the rule builder for other screens: the conditions on the rows of a dataset, and a rule in a dialog. */
import { type ReactNode, useState } from "react";
import type { RuleProps, WhereProps } from "../../ui/RuleFields";
import { ErrorState, Loading } from "../../ui/States";
import InnerRule from "./InnerRule";
import { type Building, BuildingContext, useVocabulary } from "./vocabulary";
import { WhereEditor } from "./WhereEditor";

const KIND = "customer"; // of whom campaigns and journeys are

/** What conditions ask of a builder, without numbers beside them. */
function Alone({ children }: { children: ReactNode }) {
  const [active, activate] = useState<string | null>(null);
  const found = useVocabulary(KIND);
  if (found.isError) return <ErrorState small error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading rows={1} />;
  const building: Building = { vocabulary: found.data, steps: new Map(), unfinished: new Set(), universe: 0, stale: false, active, activate, saveBlock: () => undefined };
  return <BuildingContext.Provider value={building}>{children}</BuildingContext.Provider>;
}

export function WhereApart(props: WhereProps) {
  return (
    <Alone>
      <WhereEditor {...props} />
    </Alone>
  );
}

export function RuleApart(props: RuleProps) {
  return (
    <Alone>
      <InnerRule {...props} />
    </Alone>
  );
}
