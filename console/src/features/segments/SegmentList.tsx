/** Fitted segmentations, and the way to a new one. */
import { ClusterOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Button } from "antd";
import { api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { address, go, Link, useQueryValue } from "../../app/router";
import { Page, Panel } from "../../ui/Page";
import { SearchBox } from "../../ui/ServerTable";
import { Empty, ErrorState, Loading } from "../../ui/States";
import { common } from "../../words/common";
import { SizeBar } from "./SizeBar";
import { segments } from "./words";
import "./segments.css";

export interface SegmentationRow {
  segmentation: string;
  version: number;
  k: number;
  sizes: Record<string, number>;
  structure: "types" | "partly" | "cuts";
  as_of: string;
}

const SEARCH_FROM = 7;

export default function SegmentList() {
  const w = useWords(segments);
  const c = useWords(common);
  const f = useFormat();
  const { allowed } = useApp();
  const [search] = useQueryValue("search");
  const found = useQuery({
    queryKey: ["segments", search],
    queryFn: ({ signal }) => api.get<{ segmentations: SegmentationRow[]; total: number }>("/api/v1/segments", { query: { search }, signal }),
  });
  const fit = allowed === null || allowed.has("define") ? (
    <Button type="primary" icon={<ClusterOutlined aria-hidden="true" />} onClick={() => go("/segments/new")}>
      {w.fit}
    </Button>
  ) : undefined;
  const rows = found.data?.segmentations;
  return (
    <Page title={c.segments} lead={w.lead} actions={fit}>
      {((rows?.length ?? 0) >= SEARCH_FROM || search !== "") && (
        <div className="toolbar">
          <SearchBox label={c.search} />
        </div>
      )}
      {found.isError && <ErrorState error={found.error} retry={() => void found.refetch()} />}
      {found.isPending && <Loading />}
      {rows?.length === 0 && (
        <Panel>{search === "" ? <Empty title={w.emptyTitle} hint={w.emptyHint} action={fit} /> : <Empty title={c.nothingFound} hint={c.nothingFoundHint} />}</Panel>
      )}
      <div className="cards">
        {rows?.map((row) => (
          <Panel
            key={row.segmentation}
            title={
              <Link href={address("segments", row.segmentation)} translate="no">
                {row.segmentation}
              </Link>
            }
            extra={<span className="quiet small">{w.version(row.version)}</span>}
          >
            <SizeBar sizes={row.sizes} />
            <dl className="facts">
              <div>
                <dt>{w.k}</dt>
                <dd>{f.number(row.k)}</dd>
              </div>
              <div>
                <dt>{w.structure}</dt>
                <dd>{w[row.structure]}</dd>
              </div>
              <div>
                <dt>{w.asOf}</dt>
                <dd>{f.day(row.as_of)}</dd>
              </div>
            </dl>
          </Panel>
        ))}
      </div>
    </Page>
  );
}
