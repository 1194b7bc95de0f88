/** The audience builder: what there is to choose from, the rule, and what it gives. */
import { AppstoreAddOutlined, CodeOutlined, RedoOutlined, UndoOutlined } from "@ant-design/icons";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Drawer, Input, Modal } from "antd";
import { useCallback, useMemo, useRef, useState } from "react";
import { api } from "../../api/client";
import type { AudienceDetail } from "../../api/shapes";
import { useApp, useFormat, useWords } from "../../app/context";
import { address, go, usePlace } from "../../app/router";
import { Page } from "../../ui/Page";
import { ErrorState, Loading, ProblemText } from "../../ui/States";
import { useLeavingGuard } from "../../ui/useLeavingGuard";
import { common } from "../../words/common";
import { RuleBuilder } from "./RuleBuilder";
import { type Group, isGroup, type JsonObject, newGroup, newLeaf, readRule, writeRule } from "./rule";
import { SaveDialog } from "./SaveDialog";
import { SizePanel } from "./SizePanel";
import { TreePanel } from "./TreePanel";
import { useCount } from "./useCount";
import { BuildingContext, useVocabulary, type Vocabulary } from "./vocabulary";
import { builder } from "./words";

export default function BuilderPage({ name }: { name?: string }) {
  const { language } = useApp();
  const { query } = usePlace();
  const known = useQuery({
    queryKey: ["audience", name, language, "edit"],
    enabled: name !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    queryFn: ({ signal }) => api.get<AudienceDetail>("/api/v1/audiences/{name}", { path: { name: name ?? "" }, query: { language }, signal }),
  });
  const entityKind = known.data?.entity_kind ?? query.get("entity") ?? "customer";
  const vocabulary = useVocabulary(entityKind);
  if (known.isError) return <ErrorState error={known.error} retry={() => void known.refetch()} />;
  if (vocabulary.isError) return <ErrorState error={vocabulary.error} retry={() => void vocabulary.refetch()} />;
  if (vocabulary.data === undefined || (name !== undefined && known.data === undefined)) return <Loading rows={10} />;
  return <Builder key={name ?? "new"} vocabulary={vocabulary.data} known={known.data ?? null} start={startOf(query.get("rule"))} />;
}

/** A rule handed over in the address: by a segment, a chart, or a link that somebody sent. */
function startOf(text: string | null): JsonObject | null {
  if (text === null) return null;
  try {
    const rule = JSON.parse(text) as JsonObject;
    readRule(rule);
    return rule;
  } catch {
    return null;
  }
}

const MOST_STEPS = 100;

/** The tree with its past and future. */
function useHistory(first: () => Group) {
  const [past, setPast] = useState<{ roots: Group[]; at: number }>(() => ({ roots: [first()], at: 0 }));
  const set = useCallback((root: Group) => {
    setPast(({ roots, at }) => {
      const kept = [...roots.slice(Math.max(0, at + 1 - MOST_STEPS), at + 1), root];
      return { roots: kept, at: kept.length - 1 };
    });
  }, []);
  const step = useCallback((by: number) => setPast((p) => ({ ...p, at: Math.min(p.roots.length - 1, Math.max(0, p.at + by)) })), []);
  return { root: past.roots[past.at] as Group, set, undo: () => step(-1), redo: () => step(1), canUndo: past.at > 0, canRedo: past.at < past.roots.length - 1 };
}

interface BuilderProps {
  vocabulary: Vocabulary;
  known: AudienceDetail | null;
  start: JsonObject | null;
}

function Builder({ vocabulary, known, start }: BuilderProps) {
  const w = useWords(builder);
  const c = useWords(common);
  const cache = useQueryClient();
  const [base, setBase] = useState(known);
  const history = useHistory(() => {
    const rule = known?.rule ?? start;
    return rule === null || rule === undefined ? newGroup() : readRule(rule);
  });
  const { root, set } = history;
  const [active, activate] = useState<string | null>(null);
  const [saving, setSaving] = useState(false);
  const [choosing, setChoosing] = useState(false);
  const [block, setBlock] = useState<Group | null>(null);
  const written = useMemo(() => writeRule(root, vocabulary.entityKind), [root, vocabulary.entityKind]);
  const counted = useCount(written, vocabulary.entityKind);
  const text = JSON.stringify(written.rule);
  const clean = useRef(text);
  useLeavingGuard(text !== clean.current, w.leave);

  const add = (leaf: JsonObject) => {
    setChoosing(false);
    set(withLeaf(root, active, leaf));
  };
  const saved = (name: string) => {
    for (const changed of ["audience", "audiences", "vocabulary"]) void cache.invalidateQueries({ queryKey: [changed] });
    go(address("audiences", name), { saved: true });
  };
  const take = (theirs: JsonObject, version: number) => {
    setSaving(false);
    set(readRule(theirs));
    if (base !== null) setBase({ ...base, version, rule: theirs });
  };
  const title = known === null ? w.title : w.editTitle(known.audience);
  const ready = written.unfinished.size === 0 && counted.error === null;
  const actions = <Actions history={history} rule={written.rule} ready={ready} label={known === null ? w.save : w.saveChanges} save={() => setSaving(true)} />;
  const { steps, stale } = counted;
  const universe = counted.count?.universe ?? 0;
  const building = { vocabulary, steps, unfinished: written.unfinished, universe, stale, active, activate, saveBlock: setBlock };
  return (
    <Page wide title={title} heading={known === null ? w.whoQuestion : known.audience} above={{ href: "/audiences", label: c.audiences }} actions={actions}>
      <BuildingContext.Provider value={building}>
        <div className="builder">
          <aside className="builder-tree panel" aria-label={w.tagsTab}>
            <TreePanel vocabulary={vocabulary} add={add} />
          </aside>
          <Middle root={root} set={set} error={counted.error} choose={() => setChoosing(true)} />
          <SizePanel counted={counted} rule={written.rule} entityKind={vocabulary.entityKind} />
        </div>
      </BuildingContext.Provider>
      <TreeDrawer open={choosing} close={() => setChoosing(false)} vocabulary={vocabulary} add={add} />
      {saving && <SaveDialog open close={() => setSaving(false)} rule={written.rule} entityKind={vocabulary.entityKind} known={base} saved={saved} take={take} />}
      {block !== null && <BlockDialog group={block} entityKind={vocabulary.entityKind} close={() => setBlock(null)} />}
      <SizeBar counted={counted} />
    </Page>
  );
}

function Middle({ root, set, error, choose }: { root: Group; set: (root: Group) => void; error: unknown; choose: () => void }) {
  const w = useWords(builder);
  return (
    <div className="builder-rule">
      <Button className="builder-choose" icon={<AppstoreAddOutlined aria-hidden="true" />} onClick={choose}>
        {w.findAny}
      </Button>
      {error !== null && (
        <p className="rule-problem" role="alert">
          <ProblemText error={error} />
        </p>
      )}
      <RuleBuilder root={root} onChange={set} />
      {root.rules.length === 0 && (
        <div className="builder-start">
          <p className="state-title">{w.startTitle}</p>
          <p className="state-hint">{w.startHint}</p>
        </div>
      )}
    </div>
  );
}

function TreeDrawer({ open, close, vocabulary, add }: { open: boolean; close: () => void; vocabulary: Vocabulary; add: (leaf: JsonObject) => void }) {
  const w = useWords(builder);
  return (
    <Drawer open={open} onClose={close} placement="left" size={320} title={w.tagsTab}>
      <TreePanel vocabulary={vocabulary} add={add} />
    </Drawer>
  );
}

interface ActionProps {
  history: ReturnType<typeof useHistory>;
  rule: JsonObject;
  ready: boolean;
  label: string;
  save: () => void;
}

function Actions({ history, rule, ready, label, save }: ActionProps) {
  const w = useWords(builder);
  const [showJson, setShowJson] = useState(false);
  return (
    <>
      <Button icon={<UndoOutlined aria-hidden="true" />} aria-label={w.undo} title={w.undo} disabled={!history.canUndo} onClick={history.undo} />
      <Button icon={<RedoOutlined aria-hidden="true" />} aria-label={w.redo} title={w.redo} disabled={!history.canRedo} onClick={history.redo} />
      <Button icon={<CodeOutlined aria-hidden="true" />} aria-label={w.json} title={w.json} onClick={() => setShowJson(true)} />
      <Button type="primary" disabled={!ready} onClick={save}>
        {label}
      </Button>
      <Modal open={showJson} title={w.json} onCancel={() => setShowJson(false)} footer={null} width={680}>
        <p className="quiet">{w.jsonHint}</p>
        <pre className="code-box" tabIndex={0} translate="no">
          {JSON.stringify(rule, null, 2)}
        </pre>
      </Modal>
    </>
  );
}

/** The size at the lower edge of a narrow page. */
function SizeBar({ counted }: { counted: ReturnType<typeof useCount> }) {
  const w = useWords(builder);
  const f = useFormat();
  return (
    <div className="size-bar" aria-hidden="true">
      <span>{w.size}</span>
      <b className={counted.stale ? "stale" : ""}>{counted.count === undefined ? "–" : f.number(counted.count.count)}</b>
    </div>
  );
}

/** The tree with one more condition at the end of the active group, or of the whole. */
function withLeaf(root: Group, active: string | null, leaf: JsonObject): Group {
  let done = false;
  const into = (group: Group): Group => {
    const rules = group.rules.map((child) => (isGroup(child) ? into(child) : child));
    if (group.id !== active) return { ...group, rules };
    done = true;
    return { ...group, rules: [...rules, newLeaf(leaf)] };
  };
  const next = into(root);
  return done ? next : { ...root, rules: [...root.rules, newLeaf(leaf)] };
}

function BlockDialog({ group, entityKind, close }: { group: Group; entityKind: string; close: () => void }) {
  const w = useWords(builder);
  const cache = useQueryClient();
  const { message } = App.useApp();
  const { language } = useApp();
  const [name, setName] = useState(group.name ?? "");
  const [error, setError] = useState<unknown>(null);
  const save = async () => {
    try {
      const body = { rule: writeRule(group, entityKind).rule, entity_kind: entityKind, language };
      await api.put("/api/v1/blocks/{name}", { path: { name: name.trim() }, body });
      await cache.invalidateQueries({ queryKey: ["vocabulary"] });
      void message.success(w.blockSaved(name.trim()));
      close();
    } catch (problem) {
      setError(problem);
    }
  };
  return (
    <Modal open title={w.saveBlock} onCancel={close} onOk={() => void save()} okText={w.saveBlock} okButtonProps={{ disabled: name.trim() === "" }}>
      <Input aria-label={w.nameLabel} placeholder={w.nameLabel} value={name} maxLength={200} onChange={(event) => setName(event.target.value)} onPressEnter={() => void save()} />
      {error !== null && (
        <p className="leaf-note" role="alert">
          <ProblemText error={error} />
        </p>
      )}
    </Modal>
  );
}
