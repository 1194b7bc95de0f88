/** All of one tag: what it means, how it is made, from what, who uses it, and how its values are spread. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Drawer, Tag } from "antd";
import { api } from "../../api/client";
import type { TagRow } from "../../api/shapes";
import { useApp, useFormat, useWords } from "../../app/context";
import { go } from "../../app/router";
import { Share } from "../../ui/Figure";
import { ErrorState, Loading, ProblemText } from "../../ui/States";
import { common, types } from "../../words/common";
import { Distribution, type Spread } from "./Distribution";
import { Lineage, type LineageFacts } from "./Lineage";
import { tags } from "./words";

interface Detail extends TagRow {
  declared: boolean;
  lineage: LineageFacts;
  distribution: Spread | null;
}

export function TagDrawer({ name, close }: { name: string; close: () => void }) {
  const { language } = useApp();
  const found = useQuery({
    queryKey: ["tag", name, language],
    queryFn: ({ signal }) => api.get<Detail>("/api/v1/tags/{tag}", { path: { tag: name }, query: { language }, signal }),
  });
  return (
    <Drawer open onClose={close} size={560} title={found.data?.label ?? name}>
      {found.isError && <ErrorState error={found.error} retry={() => void found.refetch()} />}
      {found.isPending && <Loading />}
      {found.data !== undefined && <Shown tag={found.data} close={close} />}
    </Drawer>
  );
}

function Shown({ tag, close }: { tag: Detail; close: () => void }) {
  const w = useWords(tags);
  const c = useWords(common);
  const t = useWords(types);
  const f = useFormat();
  const { allowed } = useApp();
  return (
    <div className="stack">
      {tag.description && <p>{tag.description}</p>}
      <dl className="facts">
        <Fact term={c.name}>
          <span className="code">{tag.tag}</span>
        </Fact>
        <Fact term={c.type}>
          {t[tag.type]} {tag.unit && <Tag>{tag.unit}</Tag>}
        </Fact>
        <Fact term={w.how}>{tag.how}</Fact>
        {(tag.category ?? []).length > 0 && <Fact term={c.category}>{tag.category?.join(" › ")}</Fact>}
        <Fact term={c.coverage}>{tag.coverage === null ? "–" : <Share share={tag.coverage} />}</Fact>
        <Fact term={w.freshness}>{tag.fresh_at ? f.moment(tag.fresh_at) : "–"}</Fact>
        {tag.owner && <Fact term={c.owner}>{tag.owner}</Fact>}
      </dl>
      <h2 className="sub">{w.distribution}</h2>
      {tag.distribution === null ? <p className="quiet">{w.notBuilt}</p> : <Distribution spread={tag.distribution} title={tag.label} />}
      <h2 className="sub">{w.lineage}</h2>
      <Lineage name={tag.tag} lineage={tag.lineage} />
      {(allowed === null || allowed.has("define")) && (
        <div className="page-actions">
          <Button type="primary" onClick={() => go(`/audiences/new?rule=${encodeURIComponent(JSON.stringify({ all: [{ tag: tag.tag, op: "exists" }] }))}`)}>
            {w.useInAudience}
          </Button>
          {tag.declared && <RemoveButton tag={tag.tag} close={close} />}
        </div>
      )}
    </div>
  );
}

function Fact({ term, children }: { term: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{term}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function RemoveButton({ tag, close }: { tag: string; close: () => void }) {
  const w = useWords(tags);
  const c = useWords(common);
  const cache = useQueryClient();
  const { modal, message } = App.useApp();
  const remove = async () => {
    try {
      await api.delete("/api/v1/tags/{tag}", { path: { tag } });
      close();
      await cache.invalidateQueries({ queryKey: ["tags"] });
    } catch (error) {
      void message.error(<ProblemText error={error} />);
    }
  };
  const ask = () => modal.confirm({ title: w.remove, content: w.removeText, okText: c.delete, okButtonProps: { danger: true }, onOk: remove });
  return (
    <Button danger onClick={ask}>
      {w.remove}
    </Button>
  );
}
