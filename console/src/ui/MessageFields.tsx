/** A message: its channel and options, and texts with tags for each language. */
import { PlusOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Button, Input, InputNumber, Select, Switch } from "antd";
import { ClearableSelect } from "./ClearableSelect";
import { useState } from "react";
import { api } from "../api/client";
import { useWords } from "../app/context";
import { pairs } from "../words/pairs";
import { Field } from "./Field";
import { LanguageTag, Languages } from "./Languages";
import { channelOf, defaultsOf, type Message, mentioned, partsOf, variantsOf, withPart } from "./message";
import { Panel } from "./Page";
import { usePartWords } from "./partWords";
import { TemplateField } from "./TemplateField";
import { type ChannelRow, useChannels } from "./useChannels";

const words = pairs({
  channel: ["Channel", "渠道"],
  optionOf: [(name: string) => `Option ${name}`, (name: string) => `选项 ${name}`],
  seed: ["Seed of the simulation", "模拟随机种子"],
  effect: ["Strength of the effect", "效果强度"],
  earlier: ["Carry-over of an earlier message", "先前触达的延续影响"],
  rate: ["At most per second", "每秒最多"],
  track: ["Follow links and opens", "跟踪链接与打开"],
  trackHint: ["By signed addresses that name nobody.", "使用签名链接，不暴露客户标识。"],
  destination: ["Destination", "发送目标"],
  parts: ["What it says", "内容"],
  template: ["Template of the library", "内容库模板"],
  templateHint: ["Its published version; what is written below goes before it.", "使用已发布版本；下方填写的内容优先。"],
  partName: ["Name of the part", "字段名称"],
  addPart: ["Add a part", "添加字段"],
  defaults: ["Where a value is missing", "缺失值的默认内容"],
  defaultsHint: ["What stands in the text for who has no value.", "当客户没有该标签时显示的内容。"],
});

export interface MessageProps {
  message: Message;
  change: (part: Message) => void;
  /** What stands before the places of errors: `steps[2].send.`, or nothing. */
  before?: string;
}

/** The channel of a message, with its options. */
export function ChannelFields(props: MessageProps) {
  const { message, change, before = "" } = props;
  const w = useWords(words);
  const channels = useChannels();
  const channel = channelOf(message);
  const row = channels.data?.find((one) => one.channel === channel.name);
  return (
    <>
      <Field label={w.channel} place={[`${before}channel.name`, `${before}channel`]}>
        {(control) => <Select {...control} value={channel.name || undefined} options={(channels.data ?? []).map((one) => ({ value: one.channel, label: one.label }))} onChange={(name: string) => change({ channel: name })} />}
      </Field>
      {row !== undefined && <Options row={row} {...props} />}
    </>
  );
}

/** The texts of a message, once its channel is chosen. */
export function MessageTexts(props: MessageProps) {
  const channels = useChannels();
  const row = channels.data?.find((one) => one.channel === channelOf(props.message).name);
  return row === undefined ? null : <Texts row={row} {...props} />;
}

const HIDDEN = new Set(["address", "consent", "resend_uncertain", "connections", "batch", "retry_wait", "rate_per_second", "track", "to", "effects"]);

function Options({ row, message, change, before = "" }: MessageProps & { row: ChannelRow }) {
  const w = useWords(words);
  const channel = channelOf(message);
  const set = (name: string, value: unknown) => change({ channel: { name: channel.name, ...channel.options, [name]: value } });
  const names = row.options.map((option) => (typeof option === "string" ? { name: option, label: undefined } : option));
  const has = (name: string) => names.some((option) => option.name === name);
  const told: Record<string, string> = { seed: w.seed, effect: w.effect, earlier: w.earlier };
  const number = (name: string, label: string) => (
    <Field key={name} label={label} place={`${before}channel.${name}`}>
      {(control) => <InputNumber {...control} value={typeof channel.options[name] === "number" ? (channel.options[name] as number) : null} onChange={(next) => set(name, next)} />}
    </Field>
  );
  return (
    <div className="fields">
      {has("to") && <Destination before={before} value={channel.options.to} set={(to) => set("to", to)} />}
      {names.filter((option) => !HIDDEN.has(option.name)).map((option) => number(option.name, told[option.name] ?? option.label ?? w.optionOf(option.name)))}
      {number("rate_per_second", w.rate)}
      {has("track") && row.tracked && (
        <Field label={w.track} place={`${before}channel.track`} hint={w.trackHint}>
          {(control) => (
            <span>
              <Switch id={control.id} checked={channel.options.track !== false} onChange={(on) => set("track", on ? undefined : false)} />
            </span>
          )}
        </Field>
      )}
    </div>
  );
}

function Destination({ before, value, set }: { before: string; value: unknown; set: (to: string) => void }) {
  const w = useWords(words);
  const known = useQuery({
    queryKey: ["destination-names"],
    queryFn: async ({ signal }) => (await api.get<{ destinations: { destination?: string; name?: string }[] }>("/api/v1/destinations", { signal })).destinations,
  });
  const names = (known.data ?? []).map((one) => one.destination ?? one.name ?? "");
  return (
    <Field label={w.destination} place={`${before}channel.to`}>
      {(control) => <Select {...control} value={typeof value === "string" ? value : undefined} options={names.map((name) => ({ value: name, label: name }))} onChange={set} />}
    </Field>
  );
}

/** The texts of everybody, or of one language. */
function Texts({ row, message, change, before = "" }: MessageProps & { row: ChannelRow }) {
  const named = usePartWords();
  const w = useWords(words);
  const [language, setLanguage] = useState("");
  const content = message.content ?? {};
  const shown = language === "" ? content : (variantsOf(content)[language] ?? {});
  const put = (made: Record<string, unknown>) => change({ content: made });
  const place = `${before}content${language === "" ? "" : `.variants.${language}`}`;
  const set = (name: string, value: unknown) => put(withPart(content, language, name, value));
  return (
    <Panel title={w.parts} extra={<span className="page-actions"><Languages given={content} language={language} choose={setLanguage} put={put} /></span>}>
      {language === "" && <LibraryTemplate before={before} channel={row.channel} content={content} put={put} />}
      {row.parts.map((part) => (
        <TemplateField
          key={`${language}-${part.name}`}
          label={named(part.name)}
          place={`${place}.${part.name}`}
          value={text(shown[part.name])}
          most={part.max}
          required={part.required && language === "" && !content.template}
          code={part.kind === "html" || part.kind === "any"}
          lines={part.kind === "html" || part.kind === "any" ? 8 : part.name === "text" || part.name === "body" ? 4 : 1}
          onChange={(value) => set(part.name, part.kind === "any" ? jsonOf(value) : value)}
        />
      ))}
      {row.parts.length === 0 && <FreeParts shown={shown} place={place} set={set} />}
      {language !== "" && <LanguageTag place={`${before}content.language`} given={content} put={put} />}
      <Defaults before={before} content={content} put={put} />
    </Panel>
  );
}

/** A template of the content library, whose parts are taken where nothing is written here. */
function LibraryTemplate({ before, channel, content, put }: ContentProps & { channel: string }) {
  const w = useWords(words);
  const known = useQuery({
    queryKey: ["content", "templates", channel],
    queryFn: async ({ signal }) => (await api.get<{ content: { name: string }[] }>("/api/v1/content", { query: { kind: "template", state: "published", limit: 1000 }, signal })).content,
  });
  const names = [...new Set([...(known.data ?? []).map((row) => row.name), ...(typeof content.template === "string" && content.template !== "" ? [content.template] : [])])];
  if (names.length === 0) return null;
  return (
    <Field label={w.template} place={`${before}content.template`} hint={w.templateHint}>
      {(control) => <ClearableSelect {...control} showSearch={{ optionFilterProp: "label" }} value={text(content.template) || undefined} options={names.map((value) => ({ value, label: value }))} onChange={(template: string | undefined) => put({ ...content, template: template ?? "" })} />}
    </Field>
  );
}

const text = (value: unknown) => (value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value, null, 2));

/** JSON where it is one; what is not yet one stays text, and the server says so. */
function jsonOf(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** Parts of a channel whose messages may have any. */
function FreeParts({ shown, place, set }: { shown: Record<string, unknown>; place: string; set: (name: string, value: unknown) => void }) {
  const named = usePartWords();
  const w = useWords(words);
  const [name, setName] = useState("");
  const names = [...new Set(["text", ...partsOf(shown).map(([part]) => part)])];
  return (
    <>
      {names.map((part) => (
        <TemplateField key={part} label={named(part)} place={`${place}.${part}`} value={text(shown[part])} lines={3} onChange={(value) => set(part, value)} />
      ))}
      <div className="toolbar">
        <Input aria-label={w.partName} placeholder={w.partName} value={name} onChange={(event) => setName(event.target.value)} />
        <Button
          icon={<PlusOutlined aria-hidden="true" />}
          disabled={name.trim() === ""}
          onClick={() => {
            set(name.trim(), " ");
            setName("");
          }}
        >
          {w.addPart}
        </Button>
      </div>
    </>
  );
}

interface ContentProps {
  before: string;
  content: Record<string, unknown>;
  put: (content: Record<string, unknown>) => void;
}

/** What stands in the text where a customer has no value. */
function Defaults({ before, content, put }: ContentProps) {
  const w = useWords(words);
  const all = [content, ...Object.values(variantsOf(content))].flatMap((parts) => partsOf(parts).map(([, value]) => text(value)));
  const named = mentioned(all.join("\n"));
  const defaults = defaultsOf(content);
  if (named.length === 0) return null;
  return (
    <fieldset className="repeat">
      <legend className="field-label">{w.defaults}</legend>
      <p className="field-hint">{w.defaultsHint}</p>
      <div className="fields">
        {named.map((name) => (
          <Field key={name} label={name} place={`${before}content.defaults.${name}`}>
            {(control) => <Input {...control} value={text(defaults[name])} onChange={(event) => put({ ...content, defaults: { ...defaults, [name]: event.target.value } })} />}
          </Field>
        ))}
      </div>
    </fieldset>
  );
}
