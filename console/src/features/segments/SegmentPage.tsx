/** One segmentation: its segments, who they are, where they lie, why so many, how they changed, and what is to be done. */
import { DownOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { App, Button, Dropdown, Tabs } from "antd";
import { lazy, Suspense, useState } from "react";
import { api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { useQueryValue } from "../../app/router";
import { Page } from "../../ui/Page";
import { ErrorState, Loading } from "../../ui/States";
import { common } from "../../words/common";
import { Cards } from "./Cards";
import { WrongDialog } from "./Dialogs";
import type { Segmentation } from "./shapes";
import { useRun } from "./useRun";
import { segments } from "./words";
import "./segments.css";

const ProfileTab = lazy(() => import("./ProfileTab").then((part) => ({ default: part.ProfileTab })));
const MapTab = lazy(() => import("./MapTab").then((part) => ({ default: part.MapTab })));
const HowManyTab = lazy(() => import("./HowManyTab").then((part) => ({ default: part.HowManyTab })));
const VersionsTab = lazy(() => import("./VersionsTab").then((part) => ({ default: part.VersionsTab })));
const LabelsTab = lazy(() => import("./LabelsTab").then((part) => ({ default: part.LabelsTab })));
const StrategyTab = lazy(() => import("./StrategyTab").then((part) => ({ default: part.StrategyTab })));
const PredictTab = lazy(() => import("./PredictTab").then((part) => ({ default: part.PredictTab })));
const ReportTab = lazy(() => import("./ReportTab").then((part) => ({ default: part.ReportTab })));

export default function SegmentPage({ name }: { name: string }) {
  const w = useWords(segments);
  const c = useWords(common);
  const f = useFormat();
  const { language, allowed } = useApp();
  const [tab, setTab] = useQueryValue("tab", "cards");
  const [asked, setAsked] = useQueryValue("version");
  const [wrong, setWrong] = useState(false);
  const version = Number.parseInt(asked, 10) || undefined;
  const { message } = App.useApp();
  const run = useRun(name, () => {
    setAsked("");
    void message.success(w.done);
  });
  const found = useQuery({
    queryKey: ["segment", name, "page", version, language],
    queryFn: ({ signal }) => api.get<Segmentation>("/api/v1/segments/{name}", { path: { name }, query: { version, language }, signal }),
  });
  if (found.isError) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading rows={10} />;
  const shown = found.data;
  const may = allowed === null || allowed.has("define");
  const tabs = [
    { key: "cards", label: w.cards, children: <Cards segmentation={shown} /> },
    { key: "profile", label: w.profile, children: <ProfileTab segmentation={shown} /> },
    { key: "map", label: w.map, children: <MapTab name={name} version={shown.version} /> },
    { key: "number", label: w.howMany, children: <HowManyTab segmentation={shown} /> },
    { key: "versions", label: w.versions, children: <VersionsTab segmentation={shown} /> },
    { key: "labels", label: w.labels, children: <LabelsTab segmentation={shown} /> },
    { key: "strategy", label: w.strategy, children: <StrategyTab segmentation={shown} /> },
    ...(allowed === null || allowed.has("import") ? [{ key: "predict", label: w.predict, children: <PredictTab segmentation={shown} /> }] : []),
    { key: "report", label: w.report, children: <ReportTab segmentation={shown} /> },
  ];
  const later = {
    items: [
      { key: "update", label: w.update, title: w.updateHint, disabled: run.busy, onClick: () => void run.start("/api/v1/segments/{name}/update", {}) },
      { key: "wrong", label: w.wrong, onClick: () => setWrong(true) },
    ],
  };
  const actions = may ? (
    <>
      <Button type="primary" title={w.refitHint} disabled={run.busy} onClick={() => void run.start("/api/v1/segments/{name}/refit", {})}>
        {w.refit}
      </Button>
      <Dropdown menu={later} trigger={["click"]}>
        <Button icon={<DownOutlined aria-hidden="true" />} aria-label={c.more} />
      </Dropdown>
    </>
  ) : undefined;
  return (
    <Page title={name} lead={`${w.version(shown.version)}${shown.promoted ? ` · ${w.promoted}` : ""} · ${w.asOf} ${f.day(shown.as_of)}`} above={{ href: "/segments", label: c.segments }} actions={actions} wide={tab === "map"}>
      {run.note}
      {wrong && <WrongDialog segmentation={shown} about={tab === "cards" ? "segment" : "reason"} close={() => setWrong(false)} />}
      <Tabs className="segment-tabs" activeKey={tab} onChange={setTab} items={tabs.map((one) => ({ ...one, children: <Suspense fallback={<Loading rows={8} />}>{one.children}</Suspense> }))} destroyOnHidden />
    </Page>
  );
}
