/** One experiment: sizes, effects on one axis, how it moved, by segment. */
import { useQuery } from "@tanstack/react-query";
import { Select } from "antd";
import { api } from "../../api/client";
import { useApp, useWords } from "../../app/context";
import { address, Link, useQueryValue } from "../../app/router";
import { type ExperimentAnswer, ExperimentView } from "../../ui/ExperimentView";
import { Page } from "../../ui/Page";
import { Empty, ErrorState, Loading } from "../../ui/States";
import { useVariables } from "../../ui/TemplateField";
import { experiments } from "./words";

interface Shown extends ExperimentAnswer {
  name: string;
  kind: "campaign" | "file";
  run?: string;
  reason: string | null;
}

export default function ExperimentPage({ name }: { name: string }) {
  const w = useWords(experiments);
  const { language } = useApp();
  const [segments, setSegments] = useQueryValue("segments");
  const found = useQuery({
    queryKey: ["experiment", name, segments, language],
    queryFn: ({ signal }) => api.get<Shown>("/api/v1/experiments/{name}", { path: { name }, query: { language, segments: segments || undefined }, signal }),
  });
  if (found.isError) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading rows={8} />;
  const shown = found.data;
  const campaign = shown.kind === "campaign";
  return (
    <Page
      wide
      title={name}
      lead={campaign ? <Link href={`${address("campaigns", name)}?tab=funnel`}>{w.toCampaign}</Link> : w.file}
      above={{ href: "/experiments", label: w.title }}
      actions={campaign && shown.reason === null ? <SegmentChoice chosen={segments} choose={setSegments} /> : undefined}
    >
      {shown.reason !== null ? <Empty title={w.nothing} hint={shown.reason} /> : <ExperimentView found={shown} />}
    </Page>
  );
}

/** The tags by whose values effects are shown apart. */
function SegmentChoice({ chosen, choose }: { chosen: string; choose: (segments: string) => void }) {
  const w = useWords(experiments);
  const known = useVariables();
  const options = (known.data ?? []).filter((tag) => tag.label !== "").map((tag) => ({ value: tag.name, label: tag.name }));
  return <Select mode="multiple" className="wide-select" aria-label={w.segments} placeholder={w.segments} value={chosen === "" ? [] : chosen.split(",")} options={options} onChange={(tags) => choose(tags.join(","))} />;
}
