/** Campaigns side by side, their last runs on the same terms. */
import { useQuery } from "@tanstack/react-query";
import { Modal, Select } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { PlainTable } from "../../ui/PlainTable";
import { ErrorState, Loading } from "../../ui/States";
import { common } from "../../words/common";
import type { CampaignRow } from "./shapes";
import { campaigns } from "./words";

interface Compared {
  rows: ({ campaign: string; run: string; planned: number; sent: number; delivered: number; opened: number; clicked: number; goals: Record<string, number> | number; lift?: number | null; ci?: [number, number] | null } & Record<string, unknown>)[];
  words?: string | string[] | null;
}

export function CompareDialog({ close }: { close: () => void }) {
  const w = useWords(campaigns);
  const c = useWords(common);
  const { language } = useApp();
  const [chosen, setChosen] = useState<string[]>([]);
  const known = useQuery({
    queryKey: ["campaigns", "names"],
    queryFn: async ({ signal }) => (await api.get<{ campaigns: CampaignRow[] }>("/api/v1/campaigns", { query: { limit: 500 }, signal })).campaigns.map((row) => row.campaign),
  });
  const names = chosen.join(",");
  const found = useQuery({
    queryKey: ["campaigns", "compare", names, language],
    enabled: chosen.length > 1,
    queryFn: ({ signal }) => api.get<Compared>("/api/v1/campaigns/compare", { query: { names, language }, signal }),
  });
  return (
    <Modal open title={w.compareTitle} onCancel={close} footer={null} width={900} closable={{ "aria-label": c.close }}>
      <Select mode="multiple" className="wide-select" aria-label={w.compareWith} placeholder={w.compareHint} value={chosen} onChange={setChosen} options={(known.data ?? []).map((value) => ({ value, label: value }))} />
      {chosen.length > 1 && found.isPending && <Loading rows={3} />}
      {found.isError && <ErrorState error={found.error} small />}
      {found.data !== undefined && <Side found={found.data} />}
    </Modal>
  );
}

function Side({ found }: { found: Compared }) {
  const w = useWords(campaigns);
  const f = useFormat();
  const total = (goals: Record<string, number> | number) => (typeof goals === "number" ? goals : Object.values(goals).reduce((sum, n) => sum + n, 0));
  const share = (n: number, of: number) => (of > 0 ? `${f.number(n)} · ${f.percent(n / of)}` : f.number(n));
  const said = Array.isArray(found.words) ? found.words.join(" ") : found.words;
  return (
    <>
      {said && <p className="finding">{said}</p>}
      <PlainTable label={w.compareTitle} wide heads={[w.title, ...[w.allPlanned, w.sent, w.delivered, w.opened, w.clicked, w.goals].map((number) => ({ number }))]}>
        {found.rows.map((row) => (
          <tr key={row.run}>
            <th scope="row">{row.run}</th>
            <td className="num">{f.number(row.planned)}</td>
            <td className="num">{share(row.sent, row.planned)}</td>
            <td className="num">{share(row.delivered, row.sent)}</td>
            <td className="num">{share(row.opened, row.sent)}</td>
            <td className="num">{share(row.clicked, row.sent)}</td>
            <td className="num">{share(total(row.goals), row.sent)}</td>
          </tr>
        ))}
      </PlainTable>
    </>
  );
}
