/** Nested groups of conditions, moved by mouse, touch or keyboard; each row carries its numbers. */
import {
  ArrowDownOutlined,
  ArrowUpOutlined,
  CopyOutlined,
  DeleteOutlined,
  DownOutlined,
  EllipsisOutlined,
  HolderOutlined,
  PlusOutlined,
  RightOutlined,
} from "@ant-design/icons";
import * as DndKit from "@dnd-kit/core";
import { QueryBuilderDnD } from "@react-querybuilder/dnd";
import { createDndKitAdapter } from "@react-querybuilder/dnd/dnd-kit";
import { Button, Dropdown, Input, type MenuProps, Segmented, Switch, Tooltip } from "antd";
import { type DragEvent, type KeyboardEvent, type ReactNode, useState } from "react";
import {
  type Path,
  QueryBuilder,
  RuleGroupBodyComponents,
  type RuleGroupProps,
  type RuleGroupTypeAny,
  type RuleProps,
  useRuleGroup,
} from "react-querybuilder";
import { useFormat, useWords } from "../../app/context";
import { AddCondition } from "./AddCondition";
import { LeafForm } from "./LeafForm";
import { cloned, type Combinator, COMBINATORS, countLeaves, type Group, KINDS, type Leaf, newGroup, newId, newLeaf, type JsonObject } from "./rule";
import { DRAGGED } from "./TreePanel";
import { useBuilding } from "./vocabulary";
import { builder } from "./words";

const adapter = createDndKitAdapter(DndKit);
const CONTROLS = { rule: LeafRow, ruleGroup: GroupBox, combinatorSelector: Between };
const FIELDS = KINDS.map((name) => ({ name, value: name, label: name }));
const JOINS = COMBINATORS.map((name) => ({ name, value: name, label: name }));
const NO_OPERATORS = [{ name: "", value: "", label: "" }];

interface Props {
  root: Group;
  onChange: (root: Group) => void;
}

export function RuleBuilder({ root, onChange }: Props) {
  return (
    <QueryBuilderDnD dnd={adapter} controlElements={CONTROLS as never}>
      <QueryBuilder
        query={root as RuleGroupTypeAny as never}
        onQueryChange={(next: unknown) => onChange(next as Group)}
        fields={FIELDS}
        combinators={JOINS}
        getOperators={() => NO_OPERATORS}
        idGenerator={newId}
        enableMountQueryChange={false}
        showNotToggle
        showShiftActions
        showCombinatorsBetweenRules
      />
    </QueryBuilderDnD>
  );
}

/** The word between two conditions. */
function Between({ value }: { value?: string }) {
  const w = useWords(builder);
  const key = COMBINATORS.find((combinator) => combinator === value) ?? "all";
  return <span className="between">{w[`${key}Word`]}</span>;
}

type Prop = Parameters<RuleProps["actions"]["onPropChange"]>[0];

/** Moving keeps the focus on the button that moved, wherever its row is now. */
function useMove(actions: RuleProps["actions"], path: Path, id: string) {
  return (direction: "up" | "down") => {
    actions.moveRule(path, direction);
    requestAnimationFrame(() => document.querySelector<HTMLElement>(`[data-shift="${id}-${direction}"]`)?.focus());
  };
}

function LeafRow(props: RuleProps) {
  const { actions, path, isDragging, isOver, dndRef, dragRef, dragHandleAttributes, schema } = props;
  const w = useWords(builder);
  const leaf = props.rule as Leaf;
  const { unfinished } = useBuilding();
  const [touched, setTouched] = useState(false);
  const move = useMove(actions, path, leaf.id);
  const parent = path.slice(0, -1);
  const index = path.at(-1) ?? 0;
  const put = (value: JsonObject) => actions.onPropChange("value", value, path);
  const duplicate = () => actions.moveRule(path, [...parent, index + 1], true);
  const wrap = () => {
    actions.onRuleRemove(path);
    actions.onGroupAdd(newGroup("any", [leaf]) as never, parent);
  };
  const incomplete = unfinished.has(leaf.id);
  const keys = (event: KeyboardEvent) => {
    if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
    event.preventDefault();
    move(event.key === "ArrowUp" ? "up" : "down");
  };
  return (
    <div
      ref={dndRef}
      className={`leaf ${isDragging ? "dragging" : ""} ${isOver ? "over" : ""} ${incomplete && touched ? "unfinished" : ""}`}
      data-leaf={leaf.field}
      data-path={JSON.stringify(path)}
      data-level={schema.qbId === "" ? 0 : path.length}
      role="group"
      aria-label={leafName(leaf.value, w.conditions(1))}
      onBlur={() => setTouched(true)}
      onKeyDown={keys}
    >
      <Grip dragRef={dragRef} attributes={dragHandleAttributes} />
      <div className="leaf-body">
        <div className="leaf-form">
          <LeafForm leaf={leaf.value} onChange={put} />
        </div>
        {incomplete && <p className="leaf-note">{w.unfinished}</p>}
      </div>
      <span className="row-side">
        <Numbers id={leaf.id} />
        <RowActions
          id={leaf.id}
          move={move}
          upDisabled={props.shiftUpDisabled}
          downDisabled={props.shiftDownDisabled}
          remove={() => actions.onRuleRemove(path)}
          removeLabel={w.removeCondition}
          items={[
            { key: "copy", icon: <CopyOutlined aria-hidden="true" />, label: w.duplicate, onClick: duplicate },
            { key: "wrap", icon: <PlusOutlined aria-hidden="true" />, label: w.addGroup, onClick: wrap },
          ]}
        />
      </span>
    </div>
  );
}

/** What a condition is about, for those who cannot see its inputs. */
function leafName(leaf: JsonObject, otherwise: string): string {
  const said = leaf.tag ?? leaf.events ?? leaf.audience ?? leaf.block ?? leaf.list;
  return typeof said === "string" && said !== "" ? said : otherwise;
}

function Grip({ dragRef, attributes }: { dragRef: RuleProps["dragRef"]; attributes: RuleProps["dragHandleAttributes"] }) {
  const w = useWords(builder);
  return (
    <span ref={dragRef} className="grip" title={w.drag} {...attributes} role="img" tabIndex={-1} aria-label={w.drag}>
      <HolderOutlined aria-hidden="true" />
    </span>
  );
}

interface ActionProps {
  id: string;
  move: (direction: "up" | "down") => void;
  upDisabled?: boolean;
  downDisabled?: boolean;
  remove: () => void;
  removeLabel: string;
  items: MenuProps["items"];
}

function RowActions({ id, move, upDisabled, downDisabled, remove, removeLabel, items }: ActionProps) {
  const w = useWords(builder);
  return (
    <span className="row-actions">
      <Button type="text" size="small" data-shift={`${id}-up`} aria-label={w.moveUp} title={w.moveUp} icon={<ArrowUpOutlined aria-hidden="true" />} disabled={upDisabled} onClick={() => move("up")} />
      <Button type="text" size="small" data-shift={`${id}-down`} aria-label={w.moveDown} title={w.moveDown} icon={<ArrowDownOutlined aria-hidden="true" />} disabled={downDisabled} onClick={() => move("down")} />
      <Button type="text" size="small" aria-label={removeLabel} title={removeLabel} icon={<DeleteOutlined aria-hidden="true" />} onClick={remove} />
      <Dropdown menu={{ items }} trigger={["click"]}>
        <Button type="text" size="small" aria-label={w.moreActions} icon={<EllipsisOutlined aria-hidden="true" />} />
      </Dropdown>
    </span>
  );
}

/** How many the node leaves and removes, as a bar and in figures. */
function Numbers({ id }: { id: string }) {
  const w = useWords(builder);
  const f = useFormat();
  const { steps, universe, stale } = useBuilding();
  const step = steps.get(id);
  if (step === undefined) return <span className="numbers" />;
  const share = (n: number) => `${universe === 0 ? 0 : (100 * n) / universe}%`;
  const said = w.stepSaid(f.number(step.remaining), f.number(step.removed));
  return (
    <Tooltip title={w.aloneHint(f.number(step.alone))}>
      <span className={stale ? "numbers stale" : "numbers"}>
        <span className="sr-only">{said}</span>
        <span className="numbers-figures" aria-hidden="true">
          <b>{f.number(step.remaining)}</b>
          <span className="quiet">{step.removed === 0 ? "±0" : `−${f.number(step.removed)}`}</span>
        </span>
        <span className="numbers-bar" aria-hidden="true">
          <span className="numbers-left" style={{ width: share(step.remaining) }} />
          <span className="numbers-removed" style={{ width: share(step.removed) }} />
        </span>
      </span>
    </Tooltip>
  );
}

function GroupBox(props: RuleGroupProps) {
  const rg = useRuleGroup(props);
  const { actions, path, isDragging, isOver, previewRef, dropRef, dragRef } = rg;
  const w = useWords(builder);
  const group = props.ruleGroup as unknown as Group;
  const { active, activate } = useBuilding();
  const [hovered, setHovered] = useState(false);
  const root = path.length === 0;
  const set = (prop: string, value: unknown) => actions.onPropChange(prop as Prop, value, path);
  const drop = (event: DragEvent) => {
    const dragged = event.dataTransfer.getData(DRAGGED);
    if (dragged === "") return;
    event.preventDefault();
    event.stopPropagation();
    setHovered(false);
    actions.onRuleAdd(newLeaf(JSON.parse(dragged) as JsonObject), path);
  };
  const over = (event: DragEvent) => {
    if (!event.dataTransfer.types.includes(DRAGGED)) return;
    event.preventDefault();
    event.stopPropagation();
    setHovered(true);
  };
  const name = group.name ?? (root ? w.wholeRule : w.group);
  return (
    <div
      ref={previewRef}
      className={`group ${root ? "group-root" : ""} ${isDragging ? "dragging" : ""} ${hovered ? "hovered" : ""} ${active === group.id ? "active" : ""} ${group.not ? "negated" : ""}`}
      role="group"
      aria-label={w.groupOf(name)}
      data-path={JSON.stringify(path)}
      onDragOver={over}
      onDragLeave={() => setHovered(false)}
      onDrop={drop}
      onFocusCapture={(event) => nearest(event.target) === event.currentTarget && activate(group.id)}
      onMouseDownCapture={(event) => nearest(event.target) === event.currentTarget && activate(group.id)}
    >
      <div ref={dropRef} className={isOver ? "group-head over" : "group-head"}>
        <GroupHead group={group} root={root} set={set} grip={root ? null : <Grip dragRef={dragRef} attributes={props.dragHandleAttributes} />} groupProps={props} />
      </div>
      {!group.collapsed && (
        <div className="group-body" data-word={w[`${group.combinator}Word`]}>
          {group.rules.length === 0 && !root && <p className="group-empty">{w.emptyGroup}</p>}
          <RuleGroupBodyComponents {...rg} />
        </div>
      )}
      {group.collapsed && <p className="group-empty">{w.conditions(countLeaves(group))}</p>}
      {!group.collapsed && <GroupFoot path={path} actions={actions} />}
    </div>
  );
}

/** The group in which an element stands. */
function nearest(target: EventTarget): Element | null {
  return target instanceof Element ? target.closest(".group") : null;
}

interface HeadProps {
  group: Group;
  root: boolean;
  set: (prop: string, value: unknown) => void;
  grip: ReactNode;
  groupProps: RuleGroupProps;
}

function GroupHead({ group, root, set, grip, groupProps }: HeadProps) {
  const w = useWords(builder);
  const shown: Combinator[] = group.combinator === "xor" || group.combinator === "except" ? ["all", "any", group.combinator] : ["all", "any"];
  return (
    <>
      {grip}
      {!root && (
        <Button
          type="text"
          size="small"
          aria-label={group.collapsed ? w.expand : w.collapse}
          aria-expanded={!group.collapsed}
          icon={group.collapsed ? <RightOutlined aria-hidden="true" /> : <DownOutlined aria-hidden="true" />}
          onClick={() => set("collapsed", !group.collapsed)}
        />
      )}
      <Segmented
        size="small"
        aria-label={w.combinator}
        value={group.combinator}
        options={shown.map((key) => ({ value: key, label: w[key] }))}
        onChange={(next) => set("combinator", next)}
      />
      <Tooltip title={w.notHint}>
        <label className="not-switch">
          <Switch size="small" checked={group.not === true} onChange={(on) => set("not", on)} aria-label={w.not} />
          <span>{w.not}</span>
        </label>
      </Tooltip>
      <GroupName group={group} set={set} />
      <span className="spacer" />
      <span className="row-side">
        {!root && <Numbers id={group.id} />}
        <GroupActions group={group} root={root} set={set} groupProps={groupProps} />
      </span>
    </>
  );
}

function GroupName({ group, set }: { group: Group; set: (prop: string, value: unknown) => void }) {
  const w = useWords(builder);
  return (
    <Input
      className="group-name"
      variant="borderless"
      aria-label={w.groupName}
      placeholder={w.nameGroup}
      maxLength={200}
      value={group.name ?? ""}
      onChange={(event) => set("name", event.target.value === "" ? undefined : event.target.value)}
    />
  );
}

function GroupActions({ group, root, set, groupProps }: Omit<HeadProps, "grip">) {
  const w = useWords(builder);
  const { saveBlock } = useBuilding();
  const { actions, path } = groupProps;
  const move = useMove(actions, path, group.id);
  const combine: MenuProps["items"] = (["xor", "except"] as const).map((key) => ({ key, label: w[key], onClick: () => set("combinator", key) }));
  const block = { key: "block", label: w.saveBlock, disabled: group.rules.length === 0, onClick: () => saveBlock(group) };
  const more: MenuProps["items"] = root
    ? [...combine, { type: "divider" }, block]
    : [
        ...combine,
        { type: "divider" },
        { key: "copy", icon: <CopyOutlined aria-hidden="true" />, label: w.duplicate, onClick: () => actions.onGroupAdd(cloned(group) as never, path.slice(0, -1)) },
        { key: "dissolve", label: w.dissolve, onClick: () => actions.ungroupRuleGroup(path) },
        block,
      ];
  if (root) {
    return (
      <Dropdown menu={{ items: more }} trigger={["click"]}>
        <Button type="text" size="small" aria-label={w.moreActions} icon={<EllipsisOutlined aria-hidden="true" />} />
      </Dropdown>
    );
  }
  return (
    <RowActions
      id={group.id}
      move={move}
      upDisabled={groupProps.shiftUpDisabled}
      downDisabled={groupProps.shiftDownDisabled}
      remove={() => actions.onGroupRemove(path)}
      removeLabel={w.removeGroup}
      items={more}
    />
  );
}

function GroupFoot({ path, actions }: { path: Path; actions: RuleGroupProps["actions"] }) {
  const w = useWords(builder);
  const { vocabulary } = useBuilding();
  const add = (leaf: JsonObject) => actions.onRuleAdd(newLeaf(leaf), path);
  return (
    <div className="group-foot">
      <AddCondition add={add} vocabulary={vocabulary} />
      <Button size="small" type="text" icon={<PlusOutlined aria-hidden="true" />} onClick={() => actions.onGroupAdd(newGroup("any") as never, path)}>
        {w.addGroup}
      </Button>
    </div>
  );
}
