/** Who is in several audiences: the sizes of every exact combination, largest first, and the shares of each pair. */
import { useQuery } from "@tanstack/react-query";
import { Select } from "antd";
import { api } from "../../api/client";
import { useFormat, useWords } from "../../app/context";
import { useQueryValue } from "../../app/router";
import { Panel } from "../../ui/Page";
import { Empty, ErrorState, Loading } from "../../ui/States";
import { useAudienceNames } from "./Insight";
import { audiences } from "./words";

interface OverlapResult {
  audiences: string[];
  sizes: number[];
  both: number[][];
  share: (number | null)[][];
  intersections: { audiences: string[]; count: number }[];
  others: number | null;
}

export function Overlap({ name }: { name: string }) {
  const w = useWords(audiences);
  const [chosen, setChosen] = useQueryValue("with");
  const names = useAudienceNames(name);
  const others = chosen === "" ? [] : (JSON.parse(chosen) as string[]);
  const asked = [name, ...others];
  const overlap = useQuery({
    queryKey: ["audience", name, "overlap", asked],
    enabled: others.length > 0,
    queryFn: ({ signal }) => api.post<OverlapResult>("/api/v1/audiences/overlap", { body: { audiences: asked, limit: 20 }, signal }),
  });
  return (
    <>
      <div className="toolbar">
        <Select
          mode="multiple"
          aria-label={w.overlapWith}
          placeholder={w.overlapWith}
          className="wide-select"
          value={others}
          maxCount={7}
          options={names.map((value) => ({ value, label: value }))}
          onChange={(next) => setChosen(next.length === 0 ? "" : JSON.stringify(next))}
        />
      </div>
      {others.length === 0 && <Empty title={w.overlapWith} hint={w.overlapHint} />}
      {overlap.isError && <ErrorState error={overlap.error} />}
      {overlap.isLoading && <Loading />}
      {overlap.data !== undefined && others.length > 0 && (
        <>
          <UpSet overlap={overlap.data} />
          <Pairs overlap={overlap.data} />
        </>
      )}
    </>
  );
}

/** After Lex et al. (2014): a column a combination, its size above, the audiences that it takes part in below. */
function UpSet({ overlap }: { overlap: OverlapResult }) {
  const w = useWords(audiences);
  const f = useFormat();
  const most = Math.max(1, ...overlap.intersections.map((row) => row.count));
  return (
    <Panel title={w.exactly}>
      <div className="upset" tabIndex={0} role="region" aria-label={w.exactly}>
        <table>
          <thead>
            <tr>
              <td />
              {overlap.intersections.map((row) => (
                <th key={row.audiences.join("\n")} scope="col" aria-label={`${f.list(row.audiences)}: ${f.number(row.count)}`}>
                  <span className="upset-bar" style={{ height: `${4 + (116 * row.count) / most}px` }} />
                  <span className="upset-count">{f.short(row.count)}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {overlap.audiences.map((audience, i) => (
              <tr key={audience}>
                <th scope="row">
                  {audience} <span className="quiet">{f.number(overlap.sizes[i] ?? 0)}</span>
                </th>
                {overlap.intersections.map((row) => (
                  <td key={row.audiences.join("\n")} className={row.audiences.includes(audience) ? "on" : ""}>
                    <i aria-hidden="true" />
                    <span className="sr-only">{row.audiences.includes(audience) ? "✓" : ""}</span>
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {overlap.others !== null && overlap.others > 0 && (
        <p className="quiet">
          {w.others}: {f.number(overlap.others)}
        </p>
      )}
    </Panel>
  );
}

function Pairs({ overlap }: { overlap: OverlapResult }) {
  const w = useWords(audiences);
  const f = useFormat();
  return (
    <Panel title={w.pairShare}>
      <div className="upset" tabIndex={0} role="region" aria-label={w.pairShare}>
        <table className="matrix">
          <thead>
            <tr>
              <td />
              {overlap.audiences.map((audience) => (
                <th key={audience} scope="col">
                  {audience}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {overlap.audiences.map((audience, i) => (
              <tr key={audience}>
                <th scope="row">{audience}</th>
                {overlap.audiences.map((other, j) => {
                  const share = overlap.share[i]?.[j] ?? null;
                  return (
                    <td key={other} style={{ background: i === j || share === null ? undefined : `color-mix(in srgb, var(--accent) ${Math.round(share * 45)}%, transparent)` }}>
                      {i === j ? "" : share === null ? "–" : f.percent(share)}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}
