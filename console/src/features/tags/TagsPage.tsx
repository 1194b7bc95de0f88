/** All tags: the tree of categories beside the table, and a drawer that tells all of one. */
import { DownloadOutlined, PlusOutlined, ThunderboltOutlined } from "@ant-design/icons";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { App, Button, Modal, Radio, type TableProps } from "antd";
import { useState } from "react";
import { addressOf, api } from "../../api/client";
import type { TagRow } from "../../api/shapes";
import { useApp, useFormat, useWords } from "../../app/context";
import { go, useQueryValue } from "../../app/router";
import { Share } from "../../ui/Figure";
import { Page } from "../../ui/Page";
import { QueryTable, SearchBox, useAsking } from "../../ui/ServerTable";
import { Empty, ProblemText } from "../../ui/States";
import { common, types } from "../../words/common";
import { TagDrawer } from "./TagDrawer";
import { TagForm } from "./TagForm";
import { tags } from "./words";

interface Listed {
  tags: TagRow[];
  total: number;
  categories: { path: string[]; count: number }[];
}

const SIZE = 25;

export default function TagsPage() {
  const w = useWords(tags);
  const c = useWords(common);
  const { language } = useApp();
  const asking = useAsking("tag", "asc", SIZE);
  const [category, setCategory] = useQueryValue("category");
  const [shown, setShown] = useQueryValue("tag");
  const [making, setMaking] = useState(false);
  const [building, setBuilding] = useState(false);
  const query = { ...asking.query, language, category: category || undefined };
  const list = useQuery({
    queryKey: ["tags", query],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => api.get<Listed>("/api/v1/tags", { query, signal }),
  });
  const bring = (
    <Button type="primary" onClick={() => go("/data/import")}>
      {c.importData}
    </Button>
  );
  return (
    <Page
      wide
      title={c.tags}
      lead={w.lead}
      actions={<Actions build={() => setBuilding(true)} make={() => setMaking(true)} />}
    >
      <div className="with-side">
        <Categories rows={list.data?.categories ?? []} chosen={category} choose={setCategory} />
        <div>
          <div className="toolbar">
            <SearchBox label={w.find} />
          </div>
          <QueryTable<Listed, TagRow>
            label={c.tags}
            list={list}
            rows={(answer) => answer.tags}
            rowKey="tag"
            asking={asking}
            size={SIZE}
            columns={useColumns(setShown)}
            empty={<Empty title={w.emptyTitle} hint={w.emptyHint} action={bring} />}
          />
        </div>
      </div>
      {shown !== "" && <TagDrawer name={shown} close={() => setShown("")} />}
      {making && <TagForm close={() => setMaking(false)} />}
      {building && <BuildDialog close={() => setBuilding(false)} />}
    </Page>
  );
}

function Actions({ build, make }: { build: () => void; make: () => void }) {
  const w = useWords(tags);
  const { language, allowed } = useApp();
  const may = allowed === null || allowed.has("define");
  return (
    <>
      <Button icon={<DownloadOutlined aria-hidden="true" />} href={addressOf("/api/v1/dictionary", {}, { format: "csv", language })} download>
        {w.dictionary}
      </Button>
      {may && (
        <>
          <Button icon={<ThunderboltOutlined aria-hidden="true" />} onClick={build}>
            {w.build}
          </Button>
          <Button type="primary" icon={<PlusOutlined aria-hidden="true" />} onClick={make}>
            {w.make}
          </Button>
        </>
      )}
    </>
  );
}

interface CategoriesProps {
  rows: Listed["categories"];
  chosen: string;
  choose: (path: string) => void;
}

function Categories({ rows, chosen, choose }: CategoriesProps) {
  const w = useWords(tags);
  return (
    <nav className="panel side-list" aria-label={w.categories}>
      <ul>
        <li>
          <button type="button" aria-current={chosen === "" ? "true" : undefined} onClick={() => choose("")}>
            {w.allTags}
          </button>
        </li>
        {rows.map((row) => {
          const path = row.path.join("/");
          return (
            <li key={path} style={{ paddingLeft: 14 * (row.path.length - 1) }}>
              <button type="button" aria-current={chosen === path ? "true" : undefined} onClick={() => choose(path)}>
                <span>{row.path.at(-1)}</span>
                <span className="quiet">{row.count}</span>
              </button>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

function useColumns(show: (tag: string) => void): TableProps<TagRow>["columns"] {
  const w = useWords(tags);
  const c = useWords(common);
  const t = useWords(types);
  const f = useFormat();
  return [
    {
      key: "tag",
      title: w.tag,
      sorter: true,
      render: (_, row) => (
        <div className="named">
          <button type="button" className="link" onClick={() => show(row.tag)}>
            {row.label}
          </button>
          {row.label === row.tag ? <p className="quiet clamp narrow-only">{row.how}</p> : <p className="quiet clamp">{row.tag}</p>}
        </div>
      ),
    },
    { key: "type", title: c.type, sorter: true, render: (_, row) => <span className="nowrap">{t[row.type]}</span> },
    { key: "how", title: w.how, responsive: ["lg"], width: 340, render: (_, row) => <span className="quiet clamp2">{row.description || row.how}</span> },
    { key: "coverage", title: c.coverage, sorter: true, responsive: ["sm"], render: (_, row) => (row.coverage === null ? <span className="quiet">–</span> : <Share share={row.coverage} />) },
    { key: "fresh_at", title: w.freshness, responsive: ["xl"], render: (_, row) => <span className="quiet nowrap">{row.fresh_at ? f.day(row.fresh_at) : "–"}</span> },
  ];
}

function BuildDialog({ close }: { close: () => void }) {
  const w = useWords(tags);
  const f = useFormat();
  const { message } = App.useApp();
  const [chosen, setChosen] = useState("now");
  const plan = useQuery({
    queryKey: ["tags", "plan"],
    queryFn: ({ signal }) => api.get<{ offered_as_of: string | null }>("/api/v1/tag-plan", { signal }),
  });
  const offered = plan.data?.offered_as_of ?? null;
  const start = async () => {
    try {
      await api.post("/api/v1/tags/build", { body: { as_of: chosen === "now" ? null : offered } });
      void message.success(w.buildStarted);
      close();
      go("/jobs");
    } catch (error) {
      void message.error(<ProblemText error={error} />);
    }
  };
  return (
    <Modal open title={w.buildTitle} onCancel={close} okText={w.build} onOk={() => void start()}>
      <p className="quiet">{w.buildText}</p>
      {offered !== null && (
        <Radio.Group
          className="stacked"
          aria-label={w.buildAsOf}
          value={chosen}
          onChange={(event) => setChosen(String(event.target.value))}
          options={[
            { value: "now", label: w.buildNow },
            { value: "offered", label: w.buildOffered(f.moment(offered)) },
          ]}
        />
      )}
    </Modal>
  );
}
