/** What a campaign says: channel and options, texts with tags for each language, and beside them what a customer gets. */
import { PlusOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Button, Input, InputNumber, Select, Switch } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import { useWords } from "../../app/context";
import { Field } from "../../ui/Field";
import { LanguageTag, Languages } from "../../ui/Languages";
import { Panel } from "../../ui/Page";
import { usePartWords } from "../../ui/partWords";
import { ErrorState, Loading } from "../../ui/States";
import { TemplateField } from "../../ui/TemplateField";
import { type ChannelRow, useChannels } from "../../ui/useChannels";
import { defaultsOf, mentioned, partsOf, variantsOf, withPart } from "./draft";
import { PreviewPanel } from "./PreviewPanel";
import { armsOf, channelOf } from "./shapes";
import type { StepProps } from "./WizardPage";
import { campaigns, wizard } from "./words";

export function ContentStep(props: StepProps) {
  const { definition, change } = props;
  const w = useWords(wizard);
  const a = useWords(campaigns);
  const channels = useChannels();
  const channel = channelOf(definition);
  const row = channels.data?.find((one) => one.channel === channel.name);
  if (channels.isError) return <ErrorState error={channels.error} retry={() => void channels.refetch()} />;
  if (channels.data === undefined) return <Loading rows={6} />;
  return (
    <div className="editor">
      <div className="stack">
        <Panel title={w.channelHint}>
          <Field label={a.channel} place={["channel.name", "channel"]}>
            {(control) => <Select {...control} value={channel.name || undefined} options={(channels.data ?? []).map((one) => ({ value: one.channel, label: one.label }))} onChange={(name: string) => change({ channel: name })} />}
          </Field>
          {row !== undefined && <Options row={row} {...props} />}
        </Panel>
        {row !== undefined && <Texts row={row} {...props} />}
      </div>
      <div className="editor-side">
        <PreviewPanel definition={definition} saved={props.saved} arms={armsOf(definition).map((arm) => arm.name)} />
      </div>
    </div>
  );
}

const HIDDEN = new Set(["address", "consent", "resend_uncertain", "connections", "batch", "retry_wait", "rate_per_second", "track", "to"]);

function Options({ row, definition, change }: StepProps & { row: ChannelRow }) {
  const w = useWords(wizard);
  const channel = channelOf(definition);
  const set = (name: string, value: unknown) => change({ channel: { name: channel.name, ...channel.options, [name]: value } });
  const names = row.options.map((option) => (typeof option === "string" ? { name: option, label: undefined } : option));
  const has = (name: string) => names.some((option) => option.name === name);
  const told: Record<string, string> = { seed: w.seed, effect: w.effect, earlier: w.earlier };
  const number = (name: string, label: string) => (
    <Field key={name} label={label} place={`channel.${name}`}>
      {(control) => <InputNumber {...control} value={typeof channel.options[name] === "number" ? (channel.options[name] as number) : null} onChange={(next) => set(name, next)} />}
    </Field>
  );
  return (
    <div className="fields">
      {has("to") && <Destination value={channel.options.to} set={(to) => set("to", to)} />}
      {names.filter((option) => !HIDDEN.has(option.name)).map((option) => number(option.name, told[option.name] ?? option.label ?? w.optionOf(option.name)))}
      {number("rate_per_second", w.rate)}
      {has("track") && row.tracked && (
        <Field label={w.track} place="channel.track" hint={w.trackHint}>
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

function Destination({ value, set }: { value: unknown; set: (to: string) => void }) {
  const w = useWords(wizard);
  const known = useQuery({
    queryKey: ["destinations", "names"],
    queryFn: async ({ signal }) => (await api.get<{ destinations: { destination?: string; name?: string }[] }>("/api/v1/destinations", { signal })).destinations,
  });
  const names = (known.data ?? []).map((one) => one.destination ?? one.name ?? "");
  return (
    <Field label={w.destination} place={["channel.to", "channel"]}>
      {(control) => <Select {...control} value={typeof value === "string" ? value : undefined} options={names.map((name) => ({ value: name, label: name }))} onChange={set} />}
    </Field>
  );
}

/** The texts of everybody, or of one language. */
function Texts({ row, definition, change }: StepProps & { row: ChannelRow }) {
  const named = usePartWords();
  const w = useWords(wizard);
  const [language, setLanguage] = useState("");
  const content = definition.content ?? {};
  const shown = language === "" ? content : (variantsOf(content)[language] ?? {});
  const put = (made: Record<string, unknown>) => change({ content: made });
  const place = language === "" ? "content" : `content.variants.${language}`;
  const set = (name: string, value: unknown) => put(withPart(content, language, name, value));
  return (
    <Panel title={w.parts} extra={<span className="page-actions"><Languages given={content} language={language} choose={setLanguage} put={put} /></span>}>
      {language === "" && <LibraryTemplate channel={row.channel} content={content} put={put} />}
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
      {language !== "" && <LanguageTag place="content.language" given={content} put={put} />}
      <Defaults content={content} put={put} />
    </Panel>
  );
}

/** A template of the content library, whose parts are taken where nothing is written here. */
function LibraryTemplate({ channel, content, put }: ContentProps & { channel: string }) {
  const w = useWords(wizard);
  const known = useQuery({
    queryKey: ["content", "templates", channel],
    queryFn: async ({ signal }) => (await api.get<{ content: { name: string }[] }>("/api/v1/content", { query: { kind: "template", state: "published", limit: 1000 }, signal })).content,
  });
  const names = [...new Set([...(known.data ?? []).map((row) => row.name), ...(typeof content.template === "string" && content.template !== "" ? [content.template] : [])])];
  if (names.length === 0) return null;
  return (
    <Field label={w.template} place="content.template" hint={w.templateHint}>
      {(control) => <Select {...control} allowClear showSearch={{ optionFilterProp: "label" }} value={text(content.template) || undefined} options={names.map((value) => ({ value, label: value }))} onChange={(template: string | undefined) => put({ ...content, template: template ?? "" })} />}
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
  const w = useWords(wizard);
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
  content: Record<string, unknown>;
  put: (content: Record<string, unknown>) => void;
}

/** What stands in the text where a customer has no value. */
function Defaults({ content, put }: ContentProps) {
  const w = useWords(wizard);
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
          <Field key={name} label={name} place={`content.defaults.${name}`}>
            {(control) => <Input {...control} value={text(defaults[name])} onChange={(event) => put({ ...content, defaults: { ...defaults, [name]: event.target.value } })} />}
          </Field>
        ))}
      </div>
    </fieldset>
  );
}
