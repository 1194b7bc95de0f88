/** One segmentation: a card for each segment, the report in a frame in which no script runs, and its versions. */
import { ExportOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Button, Tabs, Tag } from "antd";
import { addressOf, api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { go, useQueryValue } from "../../app/router";
import { Share } from "../../ui/Figure";
import { Page, Panel } from "../../ui/Page";
import { ErrorState, Loading } from "../../ui/States";
import { common } from "../../words/common";
import { SizeBar } from "./SizeBar";
import { segments } from "./words";

interface SegmentRow {
  segment: number;
  name: string;
  size: number;
  share: number;
  stability: number | null;
  band: string | null;
  rule: string | null;
  owner?: string | null;
  action?: string | null;
}

interface VersionRow {
  version: number;
  promoted: boolean;
  created_at: string;
  as_of: string;
  method: string;
  k: number;
}

interface Segmentation {
  segmentation: string;
  version: number;
  as_of: string;
  sizes: Record<string, number>;
  segments: SegmentRow[];
  versions: VersionRow[];
  tags?: string[];
}

export default function SegmentPage({ name }: { name: string }) {
  const w = useWords(segments);
  const c = useWords(common);
  const f = useFormat();
  const { language } = useApp();
  const [tab, setTab] = useQueryValue("tab", "cards");
  const found = useQuery({
    queryKey: ["segment", name, language],
    queryFn: ({ signal }) => api.get<Segmentation>("/api/v1/segments/{name}", { path: { name }, query: { language }, signal }),
  });
  if (found.isError) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading rows={10} />;
  const shown = found.data;
  const tabs = [
    { key: "cards", label: w.cards, children: <Cards segmentation={shown} /> },
    { key: "report", label: w.report, children: <Report name={name} /> },
    { key: "versions", label: w.versions, children: <Versions rows={shown.versions} /> },
  ];
  return (
    <Page title={name} lead={`${w.version(shown.version)} · ${w.asOf} ${f.day(shown.as_of)}`} above={{ href: "/segments", label: c.segments }}>
      <Tabs activeKey={tab} onChange={setTab} items={tabs} destroyOnHidden />
    </Page>
  );
}

function light(stability: number): "good" | "warn" | "bad" {
  return stability >= 0.85 ? "good" : stability >= 0.6 ? "warn" : "bad";
}

function Cards({ segmentation }: { segmentation: Segmentation }) {
  const w = useWords(segments);
  const f = useFormat();
  const said = { good: w.stable, warn: w.fair, bad: w.weak };
  const toAudience = (row: SegmentRow) =>
    go(`/audiences/new?rule=${encodeURIComponent(JSON.stringify({ all: [{ tag: `segment.${segmentation.segmentation}`, op: "eq", value: row.segment }] }))}`);
  return (
    <>
      <Panel>
        <SizeBar sizes={segmentation.sizes} />
      </Panel>
      <div className="cards">
        {segmentation.segments.map((row) => (
          <Panel
            key={row.segment}
            title={row.name}
            extra={row.stability !== null && <Tag className={`tone tone-${light(row.stability)}`}>{`${said[light(row.stability)]} ${f.number(row.stability, 2)}`}</Tag>}
          >
            <p className="figure-value">{f.number(row.size)}</p>
            <Share share={row.share} />
            {row.rule !== null && (
              <>
                <h3 className="sub">{w.rule}</h3>
                <p>{row.rule}</p>
              </>
            )}
            {row.action && (
              <>
                <h3 className="sub">{w.action}</h3>
                <p>{row.action}</p>
              </>
            )}
            <Button className="card-foot" size="small" onClick={() => toAudience(row)}>
              {w.toAudience}
            </Button>
          </Panel>
        ))}
      </div>
    </>
  );
}

function Report({ name }: { name: string }) {
  const w = useWords(segments);
  const { language } = useApp();
  const address = addressOf("/api/v1/segments/{name}/report", { name }, { language });
  return (
    <Panel flush className="report-panel">
      <div className="panel-head">
        <h2>{w.report}</h2>
        <Button size="small" icon={<ExportOutlined aria-hidden="true" />} href={address} target="_blank" rel="noreferrer">
          {w.openReport}
        </Button>
      </div>
      <iframe className="report" title={w.reportTitle(name)} src={address} sandbox="" />
    </Panel>
  );
}

function Versions({ rows }: { rows: VersionRow[] }) {
  const w = useWords(segments);
  const f = useFormat();
  return (
    <Panel flush>
      <div className="table-scroll" tabIndex={0} role="region" aria-label={w.versions}>
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">{w.versions}</th>
              <th scope="col">{w.made}</th>
              <th scope="col">{w.method}</th>
              <th scope="col">{w.k}</th>
            </tr>
          </thead>
          <tbody>
            {[...rows].reverse().map((row) => (
              <tr key={row.version}>
                <th scope="row">
                  {f.number(row.version)} {row.promoted && <Tag className="tone tone-good">{w.promoted}</Tag>}
                </th>
                <td>{f.moment(row.created_at)}</td>
                <td>{row.method}</td>
                <td>{f.number(row.k)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}
