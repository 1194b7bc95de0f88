/** What conditions are made of: tags by category, behaviour, other audiences. A click adds one, a drag puts it into a group. */
import { CaretRightOutlined, HolderOutlined } from "@ant-design/icons";
import { Input, Tooltip } from "antd";
import { type DragEvent, useMemo, useState } from "react";
import type { TagRow } from "../../api/shapes";
import { useFormat, useWords } from "../../app/context";
import { types } from "../../words/common";
import type { JsonObject } from "./rule";
import { categoryOf, eventsCondition, SPECIAL, specialCondition, tagCondition } from "./templates";
import type { Vocabulary } from "./vocabulary";
import { builder } from "./words";

export const DRAGGED = "application/x-coterie-condition";

interface Item {
  key: string;
  label: string;
  spelled?: string;
  hint?: string;
  side?: string;
  make: () => JsonObject;
}

interface Section {
  key: string;
  label: string;
  items: Item[];
}

export function TreePanel({ vocabulary, add }: { vocabulary: Vocabulary; add: (leaf: JsonObject) => void }) {
  const w = useWords(builder);
  const [search, setSearch] = useState("");
  const sections = useSections(vocabulary);
  const word = search.trim().toLowerCase();
  const shown = sections
    .map((s) => ({ ...s, items: word === "" ? s.items : s.items.filter((i) => `${i.label} ${i.key} ${i.spelled ?? ""}`.toLowerCase().includes(word)) }))
    .filter((s) => s.items.length > 0);
  return (
    <div className="tree">
      <Input.Search
        allowClear
        aria-label={w.findAny}
        placeholder={w.findTag}
        value={search}
        onChange={(event) => setSearch(event.target.value)}
      />
      <div className="tree-list">
        {shown.map((section, i) => (
          <TreeSection key={section.key} section={section} open={word !== "" || i < 3} add={add} />
        ))}
      </div>
    </div>
  );
}

function useSections(vocabulary: Vocabulary): Section[] {
  const w = useWords(builder);
  const t = useWords(types);
  const f = useFormat();
  return useMemo(() => {
    const tags = new Map<string, Item[]>();
    for (const tag of vocabulary.tags) {
      const category = categoryOf(tag).join(" › ");
      const items = tags.get(category) ?? [];
      items.push(tagItem(tag, t[tag.type], (share) => f.percent(share, 0)));
      tags.set(category, items);
    }
    const events = vocabulary.datasets.filter((row) => row.kind === "events" || row.kind === "records");
    const named = (kind: "audience" | "block" | "list", names: string[]): Item[] =>
      names.map((name) => ({ key: `${kind}:${name}`, label: name, make: () => ({ [kind]: name }) }));
    const words = {
      sequence: w.sequence,
      regular: w.regular,
      stopped: w.stopped,
      restarted: w.restarted,
      top: w.top,
      quantile: w.quantile,
      sample: w.sampleLeaf,
      split: w.split,
      neighbours: w.neighbours,
      geo: w.geo,
      sql: w.sql,
    };
    const offered = SPECIAL.filter((kind) => kind !== "neighbours" || vocabulary.datasets.some((row) => row.kind === "edges"));
    const all: Section[] = [
      {
        key: "events",
        label: w.eventsTab,
        items: events.map((row) => ({ key: `events:${row.dataset}`, label: row.dataset, side: f.short(row.rows), make: () => eventsCondition(row.dataset) })),
      },
      ...[...tags.entries()].sort(([a], [b]) => (a === "" ? 1 : b === "" ? -1 : f.compare(a, b))).map(([category, items]) => ({
        key: `tags:${category}`,
        label: category === "" ? w.other : category,
        items: items.sort((a, b) => f.compare(a.label, b.label)),
      })),
      { key: "audiences", label: w.audiencesHere, items: named("audience", vocabulary.audiences) },
      { key: "blocks", label: w.blocksHere, items: named("block", vocabulary.blocks) },
      { key: "lists", label: w.listsHere, items: named("list", vocabulary.lists.map((row) => row.list)) },
      { key: "special", label: w.special, items: offered.map((kind) => ({ key: `special:${kind}`, label: words[kind], make: () => specialCondition(kind, vocabulary.datasets) })) },
    ];
    return all.filter((section) => section.items.length > 0);
  }, [vocabulary, w, t, f]);
}

function tagItem(tag: TagRow, type: string, percent: (share: number) => string): Item {
  const hint = [tag.description || tag.how, type].filter(Boolean).join(" · ");
  return {
    key: tag.tag,
    label: tag.label,
    spelled: tag.spelled,
    hint,
    side: tag.coverage === null || tag.coverage === undefined ? undefined : percent(tag.coverage),
    make: () => tagCondition(tag),
  };
}

function TreeSection({ section, open, add }: { section: Section; open: boolean; add: (leaf: JsonObject) => void }) {
  const [shown, setShown] = useState<boolean | null>(null);
  const isOpen = shown ?? open;
  return (
    <section className="tree-section">
      <button type="button" className="tree-head" aria-expanded={isOpen} onClick={() => setShown(!isOpen)}>
        <CaretRightOutlined aria-hidden="true" rotate={isOpen ? 90 : 0} />
        <span>{section.label}</span>
        <span className="quiet">{section.items.length}</span>
      </button>
      {isOpen && (
        <ul>
          {section.items.map((item) => (
            <li key={item.key}>
              <TreeItem item={item} add={add} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function TreeItem({ item, add }: { item: Item; add: (leaf: JsonObject) => void }) {
  const drag = (event: DragEvent) => {
    event.dataTransfer.setData(DRAGGED, JSON.stringify(item.make()));
    event.dataTransfer.effectAllowed = "copy";
  };
  const button = (
    <button type="button" className="tree-item" draggable onDragStart={drag} onClick={() => add(item.make())}>
      <HolderOutlined aria-hidden="true" className="tree-grip" />
      <span className="tree-label">{item.label}</span>
      {item.side !== undefined && <span className="quiet tree-side">{item.side}</span>}
    </button>
  );
  return item.hint === undefined ? button : <Tooltip title={item.hint} placement="right" mouseEnterDelay={0.6}>{button}</Tooltip>;
}
