/** A rule inside of a condition, such as "among whom": the same builder, in a dialog. */
import { Modal } from "antd";
import { useMemo, useState } from "react";
import { useFormat, useWords } from "../../app/context";
import { ProblemText } from "../../ui/States";
import { common } from "../../words/common";
import { RuleBuilder } from "./RuleBuilder";
import { type Group, type JsonObject, newGroup, readRule, writeRule } from "./rule";
import { useCount } from "./useCount";
import { BuildingContext, useBuilding } from "./vocabulary";
import { builder } from "./words";

interface Props {
  rule: JsonObject | undefined;
  close: () => void;
  onChange: (rule: JsonObject) => void;
}

export default function InnerRule({ rule, close, onChange }: Props) {
  const w = useWords(builder);
  const c = useWords(common);
  const f = useFormat();
  const outer = useBuilding();
  const [root, setRoot] = useState<Group>(() => (rule === undefined ? newGroup() : readRule(rule)));
  const [active, activate] = useState<string | null>(null);
  const written = useMemo(() => writeRule(root, outer.vocabulary.entityKind), [root, outer.vocabulary.entityKind]);
  const counted = useCount(written, outer.vocabulary.entityKind);
  const building = { ...outer, steps: counted.steps, unfinished: written.unfinished, stale: counted.stale, universe: counted.count?.universe ?? outer.universe, active, activate };
  const { version: _v, entity: _e, ...body } = written.rule;
  const empty = written.places.size === 0;
  const done = () => {
    onChange(plainest(body));
    close();
  };
  return (
    <Modal open title={w.innerTitle} width={920} onCancel={close} onOk={done} okText={c.apply} okButtonProps={{ disabled: empty }}>
      <p className="quiet">
        {w.size}: <b>{counted.count === undefined ? "–" : f.number(counted.count.count)}</b>{" "}
        {counted.error !== null && <ProblemText error={counted.error} />}
      </p>
      <BuildingContext.Provider value={building}>
        <RuleBuilder root={root} onChange={setRoot} />
      </BuildingContext.Provider>
    </Modal>
  );
}

/** A group of one condition is that condition. */
function plainest(body: JsonObject): JsonObject {
  const only = Array.isArray(body.all) && body.all.length === 1 && body.name === undefined ? (body.all[0] as JsonObject) : null;
  return only ?? body;
}
