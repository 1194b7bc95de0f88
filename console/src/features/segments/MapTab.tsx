/** The map of all customers: pan, zoom, show and hide segments, draw an outline and make an audience of whom it holds. */
import { BorderOuterOutlined, DownloadOutlined, DragOutlined, ExpandOutlined, GatewayOutlined, TableOutlined, ZoomInOutlined, ZoomOutOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Alert, Button, Input, Segmented } from "antd";
import { useEffect, useMemo, useState } from "react";
import { ApiError, addressOf, api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { address, Link } from "../../app/router";
import { TONES } from "../../app/theme";
import { Panel } from "../../ui/Page";
import { PlainTable } from "../../ui/PlainTable";
import { ErrorState, Loading, ProblemText } from "../../ui/States";
import { common } from "../../words/common";
import { seriesColours } from "../../ui/colours";
import { MapCanvas } from "./MapCanvas";
import { type Cloud, type Look, placeAt, readCloud } from "./points";
import { segments } from "./words";

export interface MapFacts {
  map: string;
  version: number;
  as_of: string;
  points: number;
  of: number;
  bounds: [number, number, number, number];
  ids: number[];
  names: Record<string, string>;
  sizes: Record<string, number>;
  middles: Record<string, [number, number]>;
  axes: { share: number; parts: { label: string; weight: number }[] }[];
}

export type Corners = [number, number][];
export type Tool = "move" | "outline";

async function fetchCloud(name: string, map: string, signal: AbortSignal): Promise<Cloud> {
  const answer = await fetch(addressOf("/api/v1/segments/{name}/map/points", { name }, { map }), { signal, credentials: "same-origin" });
  if (!answer.ok) throw new ApiError(answer.status, await answer.json().catch(() => ({})));
  return readCloud(await answer.arrayBuffer());
}

export function MapTab({ name, version }: { name: string; version: number }) {
  const { language } = useApp();
  const facts = useQuery({
    queryKey: ["segment", name, "map", version, language],
    queryFn: ({ signal }) => api.get<MapFacts>("/api/v1/segments/{name}/map", { path: { name }, query: { version, language }, signal }),
  });
  const key = facts.data?.map;
  const cloud = useQuery({
    queryKey: ["segment-points", name, key],
    enabled: key !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
    queryFn: ({ signal }) => fetchCloud(name, key ?? "", signal),
  });
  if (facts.isError) return <ErrorState error={facts.error} retry={() => void facts.refetch()} />;
  if (cloud.isError) return <ErrorState error={cloud.error} retry={() => void facts.refetch()} />;
  if (facts.data === undefined || cloud.data === undefined) return <Loading rows={10} />;
  return <MapView name={name} facts={facts.data} cloud={cloud.data} reload={() => void facts.refetch()} />;
}

function MapView({ name, facts, cloud, reload }: { name: string; facts: MapFacts; cloud: Cloud; reload: () => void }) {
  const w = useWords(segments);
  const c = useWords(common);
  const f = useFormat();
  const { mode } = useApp();
  const [tool, setTool] = useState<Tool>("move");
  const [hidden, setHidden] = useState<ReadonlySet<number>>(new Set());
  const [asTable, setAsTable] = useState(false);
  const [corners, setCorners] = useState<Corners | null>(null);
  const [wanted, setWanted] = useState<{ factor: number } | "whole" | "view" | "picture" | null>(null);
  const order = useMemo(() => [...(facts.sizes["0"] === undefined ? [] : [0]), ...facts.ids], [facts]);
  const colours = useMemo(() => [TONES[mode].quiet, ...seriesColours(mode, facts.ids.length)], [mode, facts.ids.length]);
  const shown = order.filter((id) => !hidden.has(id));
  const label = (id: number) => (id === 0 ? w.noSegment : (facts.names[String(id)] ?? String(id)));
  const said = facts.ids.map((id) => `${label(id)}: ${f.number(facts.sizes[String(id)] ?? 0)}`).join("; ");
  const toggle = (id: number) => setHidden((before) => new Set(before.has(id) ? [...before].filter((one) => one !== id) : [...before, id]));
  const chooseView = (look: Look, width: number, height: number) => {
    const [left, high] = placeAt(look, width, height, 0, 0);
    const [right, low] = placeAt(look, width, height, width, height);
    setCorners([
      [left, low],
      [right, low],
      [right, high],
      [left, high],
    ]);
  };
  return (
    <div className="map-tab">
      <Panel className="map-panel">
        <div className="map-tools" role="toolbar" aria-label={w.map}>
          <Segmented<Tool>
            aria-label={w.map}
            value={tool}
            onChange={setTool}
            options={[
              { value: "move", icon: <DragOutlined aria-hidden="true" />, label: w.move },
              { value: "outline", icon: <GatewayOutlined aria-hidden="true" />, label: w.outline },
            ]}
          />
          <Button icon={<BorderOuterOutlined aria-hidden="true" />} onClick={() => setWanted("view")}>
            {w.inView}
          </Button>
          <span className="spacer" />
          <Button type="text" aria-label={w.zoomIn} title={w.zoomIn} icon={<ZoomInOutlined aria-hidden="true" />} onClick={() => setWanted({ factor: 1.5 })} />
          <Button type="text" aria-label={w.zoomOut} title={w.zoomOut} icon={<ZoomOutOutlined aria-hidden="true" />} onClick={() => setWanted({ factor: 1 / 1.5 })} />
          <Button type="text" aria-label={w.wholeMap} title={w.wholeMap} icon={<ExpandOutlined aria-hidden="true" />} onClick={() => setWanted("whole")} />
          <Button type="text" aria-label={asTable ? c.chart : c.table} title={asTable ? c.chart : c.table} icon={<TableOutlined aria-hidden="true" />} onClick={() => setAsTable(!asTable)} />
          <Button type="text" aria-label={w.savePicture} title={w.savePicture} icon={<DownloadOutlined aria-hidden="true" />} onClick={() => setWanted("picture")} />
        </div>
        {asTable ? (
          <MapTable facts={facts} label={label} order={order} />
        ) : (
          <MapCanvas
            cloud={cloud}
            facts={facts}
            colours={colours}
            hidden={hidden}
            tool={tool}
            corners={corners}
            description={`${w.mapDescription(name, f.number(facts.of), said)} ${w.mapKeys}`}
            fallback={<MapTable facts={facts} label={label} order={order} notice={w.noWebgl} />}
            onOutline={setCorners}
            wanted={wanted}
            done={() => setWanted(null)}
            onView={chooseView}
            pictureName={`${name}.png`}
          />
        )}
        <p className="quiet small map-note">
          {w.mapHelp} {w.mapOf(f.number(facts.points), f.number(facts.of))}
        </p>
      </Panel>
      <div className="stack">
        <Panel title={w.cards}>
          <ul className="legend">
            {order.map((id) => (
              <li key={id}>
                <button type="button" aria-pressed={!hidden.has(id)} onClick={() => toggle(id)}>
                  <span className="legend-dot" style={{ background: colours[id === 0 ? 0 : facts.ids.indexOf(id) + 1] }} aria-hidden="true">
                    {id === 0 ? "–" : id}
                  </span>
                  <span className="legend-name" translate="no">
                    {label(id)}
                  </span>
                  <span className="quiet small">{f.short(facts.sizes[String(id)] ?? 0)}</span>
                </button>
              </li>
            ))}
          </ul>
        </Panel>
        <Panel title={w.selected}>
          {corners === null ? (
            <p className="quiet">{w.selectHint}</p>
          ) : (
            <Selection key={JSON.stringify(corners.slice(0, 3)) + shown.join()} name={name} map={facts.map} corners={corners} shown={hidden.size === 0 ? null : shown} label={label} clear={() => setCorners(null)} reload={reload} />
          )}
        </Panel>
        <Panel title={w.axes}>
          {facts.axes.map((axis, i) => (
            <div key={i === 0 ? "x" : "y"} className="axis">
              <h3 className="sub">{i === 0 ? w.across(f.percent(axis.share, 0)) : w.up(f.percent(axis.share, 0))}</h3>
              <p>
                {axis.parts.map((part) => (
                  <span key={part.label} className="chip" translate="no">
                    {part.label} {part.weight > 0 ? "↑" : "↓"}
                    <span className="sr-only">{part.weight > 0 ? w.more : w.less}</span>
                  </span>
                ))}
              </p>
            </div>
          ))}
        </Panel>
      </div>
    </div>
  );
}

interface Chosen {
  count: number;
  sizes: Record<string, number>;
  entities: string[];
}

interface SelectionProps {
  name: string;
  map: string;
  corners: Corners;
  /** The segments that are shown; null: all. */
  shown: number[] | null;
  label: (id: number) => string;
  clear: () => void;
  reload: () => void;
}

function Selection({ name, map, corners, shown, label, clear, reload }: SelectionProps) {
  const w = useWords(segments);
  const f = useFormat();
  const { language, allowed } = useApp();
  const [called, setCalled] = useState("");
  const [saved, setSaved] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const body = { map, corners, segments: shown };
  const found = useQuery({
    queryKey: ["segment-selection", name, map, corners, shown],
    retry: false,
    queryFn: ({ signal }) => api.post<Chosen>("/api/v1/segments/{name}/map/selection", { path: { name }, body, signal }),
  });
  useEffect(() => setError(null), []);
  const save = async () => {
    setBusy(true);
    setError(null);
    try {
      await api.post("/api/v1/segments/{name}/map/audience", { path: { name }, query: { language }, body: { ...body, name: called.trim() } });
      setSaved(called.trim());
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  if (found.isError)
    return (
      <>
        <Alert type="error" role="alert" title={<ProblemText error={found.error} />} />
        <Button className="card-foot" onClick={reload}>
          {w.loadAgain}
        </Button>
      </>
    );
  if (found.data === undefined) return <p className="quiet">{w.counting}</p>;
  return (
    <div role="status">
      <p className="figure-value" data-selected={found.data.count}>
        {f.number(found.data.count)}
      </p>
      <dl className="facts">
        {Object.entries(found.data.sizes)
          .filter(([, n]) => n > 0)
          .map(([id, n]) => (
            <div key={id}>
              <dt translate="no">{label(Number(id))}</dt>
              <dd>{f.number(n)}</dd>
            </div>
          ))}
      </dl>
      {found.data.entities.length > 0 && (
        <p className="small">
          <span className="quiet">{w.someOfThem}: </span>
          <span translate="no">{found.data.entities.slice(0, 5).join(", ")}</span>
        </p>
      )}
      {saved !== null && (
        <p>
          {w.audienceSaved(saved)} <Link href={address("audiences", saved)}>{w.open}</Link>
        </p>
      )}
      {error !== null && <Alert className="form-alert" type="error" role="alert" title={<ProblemText error={error} />} />}
      {saved === null && found.data.count > 0 && (allowed === null || allowed.has("define")) && (
        <div className="stacked">
          <Input aria-label={w.audienceName} placeholder={w.audienceName} value={called} maxLength={100} onChange={(event) => setCalled(event.target.value)} />
          <Button type="primary" disabled={called.trim() === ""} loading={busy} onClick={() => void save()}>
            {w.saveThem}
          </Button>
        </div>
      )}
      <Button className="card-foot" type="text" onClick={clear}>
        {w.clear}
      </Button>
    </div>
  );
}

function MapTable({ facts, label, order, notice }: { facts: MapFacts; label: (id: number) => string; order: number[]; notice?: string }) {
  const w = useWords(segments);
  const f = useFormat();
  return (
    <PlainTable label={w.map} notice={notice !== undefined && <p className="quiet">{notice}</p>} heads={[w.segment, { number: w.customers }, { number: w.share }, { number: w.meanPlace }]}>
      {order.map((id) => (
        <tr key={id}>
          <th scope="row" translate="no">
            {label(id)}
          </th>
          <td className="num">{f.number(facts.sizes[String(id)] ?? 0)}</td>
          <td className="num">{f.percent((facts.sizes[String(id)] ?? 0) / Math.max(1, facts.of))}</td>
          <td className="num">{(facts.middles[String(id)] ?? []).map((v) => f.number(v, 2)).join(", ") || "–"}</td>
        </tr>
      ))}
    </PlainTable>
  );
}
