/** A template with the tags that it may name: chosen from a list, they are put in where the cursor stands. */
import { PlusOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Button, Input, Popover } from "antd";
import type { TextAreaRef } from "antd/es/input/TextArea";
import { useRef, useState } from "react";
import { api } from "../api/client";
import type { TagRow } from "../api/shapes";
import { useApp, useFormat, useWords } from "../app/context";
import { pairs } from "../words/pairs";
import { Field } from "./Field";

const words = pairs({
  variable: ["Insert a tag", "插入标签"],
  variableFor: [(label: string) => `Insert a tag into ${label}`, (label: string) => `在“${label}”中插入标签`],
  find: ["Find a tag", "搜索标签"],
  none: ["No tag of that name", "没有找到标签"],
  used: [(n: string, most: string) => `${n} of ${most}`, (n: string, most: string) => `${n} / ${most}`],
});

const OWN = ["entity", "campaign", "arm", "unsubscribe_url"];

/** The tags of customers, and what every message has beside them. */
export function useVariables() {
  const { language } = useApp();
  return useQuery({
    queryKey: ["variables", language],
    staleTime: 60_000,
    queryFn: async ({ signal }) => {
      const found = await api.get<{ tags: TagRow[] }>("/api/v1/tags", { query: { language, entity_kind: "customer" }, signal });
      const tags = found.tags.filter((tag) => tag.entity_kind === "customer" && tag.type !== "vector").map((tag) => ({ name: tag.tag, label: tag.label }));
      return [...tags, ...OWN.map((name) => ({ name, label: "" }))];
    },
  });
}

/** How a template names a tag. */
export function mention(name: string): string {
  return /^[A-Za-z_][\w]*(\.[A-Za-z_]\w*)*$/.test(name) ? `{{ ${name} }}` : `{{ tag("${name.replaceAll('"', '\\"')}") }}`;
}

interface Props {
  label: string;
  place: string | string[];
  value: string;
  onChange: (value: string) => void;
  /** How many characters the part takes. */
  most?: number | null;
  lines?: number;
  code?: boolean;
  hint?: string;
  required?: boolean;
}

export function TemplateField({ label, place, value, onChange, most, lines = 1, code, hint, required }: Props) {
  const w = useWords(words);
  const f = useFormat();
  const area = useRef<TextAreaRef>(null);
  const insert = (name: string) => {
    const box = area.current?.resizableTextArea?.textArea;
    const [from, to] = [box?.selectionStart ?? value.length, box?.selectionEnd ?? value.length];
    onChange(value.slice(0, from) + mention(name) + value.slice(to));
    box?.focus();
  };
  const over = most != null && value.length > most;
  return (
    <Field label={label} place={place} hint={hint} extra={required ? <span className="quiet">*</span> : undefined}>
      {(control) => (
        <>
          <Input.TextArea
            ref={area}
            {...control}
            className={code ? "code" : undefined}
            value={value}
            aria-required={required}
            autoSize={{ minRows: lines, maxRows: 22 }}
            onChange={(event) => onChange(event.target.value)}
          />
          <div className="part-head">
            <VariablePicker label={w.variableFor(label)} choose={insert} />
            <span className="spacer" />
            {most != null && <span className={over ? "count-used over" : "count-used"}>{w.used(f.number(value.length), f.number(most))}</span>}
          </div>
        </>
      )}
    </Field>
  );
}

function VariablePicker({ label, choose }: { label: string; choose: (name: string) => void }) {
  const w = useWords(words);
  const [open, setOpen] = useState(false);
  return (
    <Popover
      open={open}
      onOpenChange={setOpen}
      trigger="click"
      placement="bottomLeft"
      content={
        <VariableList
          choose={(name) => {
            setOpen(false);
            choose(name);
          }}
        />
      }
    >
      <Button size="small" type="text" aria-label={label} icon={<PlusOutlined aria-hidden="true" />}>
        {w.variable}
      </Button>
    </Popover>
  );
}

function VariableList({ choose }: { choose: (name: string) => void }) {
  const w = useWords(words);
  const known = useVariables();
  const [search, setSearch] = useState("");
  const wanted = search.trim().toLowerCase();
  const found = (known.data ?? []).filter((tag) => `${tag.name} ${tag.label}`.toLowerCase().includes(wanted)).slice(0, 60);
  return (
    <div className="var-popover">
      <Input autoFocus aria-label={w.find} placeholder={w.find} value={search} onChange={(event) => setSearch(event.target.value)} />
      <div className="var-list">
        {found.map((tag) => (
          <button key={tag.name} type="button" onClick={() => choose(tag.name)}>
            <span translate="no">{tag.name}</span>
            <span className="quiet small">{tag.label === tag.name ? "" : tag.label}</span>
          </button>
        ))}
        {known.data !== undefined && found.length === 0 && <p className="quiet">{w.none}</p>}
      </div>
    </div>
  );
}
