/** The editor of a template, of dynamic copy, or of a landing page. */
import { DeleteOutlined, PlusOutlined } from "@ant-design/icons";
import { Button, Input, Select } from "antd";
import { useState } from "react";
import { useWords } from "../../app/context";
import { Field } from "../../ui/Field";
import { LanguageTag, Languages } from "../../ui/Languages";
import { Panel } from "../../ui/Page";
import { usePartWords } from "../../ui/partWords";
import { ErrorState, Loading } from "../../ui/States";
import { TemplateField } from "../../ui/TemplateField";
import { type ChannelRow, useChannels } from "../../ui/useChannels";
import { Condition } from "./Condition";
import { ChoosePanel, Recommended } from "./ChoosePanel";
import type { Body, Choose, Kind, Way } from "./shapes";
import { content } from "./words";

interface Props {
  body: Body;
  change: (body: Body) => void;
}

export function BodyEditor({ kind, ...props }: Props & { kind: Kind }) {
  if (kind === "dynamic") return <Dynamic {...props} />;
  if (kind === "page") return <LandingPage {...props} />;
  return <Template {...props} />;
}

const text = (value: unknown) => (value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value, null, 2));
const inside = (value: unknown) => (value ?? {}) as Record<string, Body>;

function Template({ body, change }: Props) {
  const w = useWords(content);
  const known = useChannels();
  const channels = inside(body.channels);
  if (known.isError) return <ErrorState error={known.error} retry={() => void known.refetch()} />;
  if (known.data === undefined) return <Loading rows={5} />;
  const free = known.data.filter((row) => !(row.channel in channels));
  const put = (name: string, parts: Body | null) => change({ ...body, channels: Object.fromEntries([...Object.entries(channels).filter(([other]) => other !== name), ...(parts === null ? [] : [[name, parts]])]) });
  return (
    <>
      {Object.entries(channels).map(([name, parts]) => {
        const row = known.data.find((one) => one.channel === name);
        return <ChannelParts key={name} row={row ?? { channel: name, label: name, parts: [], options: [], tracked: false }} parts={parts} body={body} change={change} put={(made) => put(name, made)} />;
      })}
      <Panel>
        {Object.keys(channels).length === 0 && <p className="finding">{w.noChannel}</p>}
        <Field label={w.addChannel} place="body.channels">
          {(control) => <Select {...control} value={null} placeholder={w.addChannel} options={free.map((row) => ({ value: row.channel, label: row.label }))} onChange={(name: string) => put(name, {})} />}
        </Field>
      </Panel>
    </>
  );
}

interface ChannelProps extends Props {
  row: ChannelRow;
  parts: Body;
  put: (parts: Body | null) => void;
}

function ChannelParts({ row, parts, body, change, put }: ChannelProps) {
  const w = useWords(content);
  const named = usePartWords();
  const [language, setLanguage] = useState("");
  const fields = row.parts.length > 0 ? row.parts : [{ name: "text", kind: "text", max: null, required: false }];
  const place = `body.channels.${row.channel}${language === "" ? "" : `.variants.${language}`}`;
  const shown = language === "" ? parts : (inside(parts.variants)[language] ?? {});
  const set = (name: string, value: unknown) => put(language === "" ? { ...parts, [name]: value } : { ...parts, variants: { ...inside(parts.variants), [language]: { ...shown, [name]: value } } });
  const extra = (
    <span className="page-actions">
      <Languages given={parts} language={language} choose={setLanguage} put={put} />
      <Button size="small" type="text" aria-label={w.removeChannel(row.label)} title={w.removeChannel(row.label)} icon={<DeleteOutlined aria-hidden="true" />} onClick={() => put(null)} />
    </span>
  );
  return (
    <Panel title={row.label} extra={extra}>
      {fields.map((part) => (
        <TemplateField
          key={`${language}-${part.name}`}
          label={named(part.name)}
          place={`${place}.${part.name}`}
          value={text(shown[part.name])}
          most={part.max}
          required={part.required && language === ""}
          code={part.kind === "html" || part.kind === "any"}
          lines={part.kind === "html" ? 10 : part.name === "text" || part.name === "body" ? 4 : 1}
          onChange={(value) => set(part.name, part.kind === "any" ? jsonOf(value) : value)}
        />
      ))}
      {language !== "" && <LanguageTag place="body.language" given={body} put={change} />}
    </Panel>
  );
}

/** JSON where it is one; what is not yet one stays text, and the server says so. */
function jsonOf(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function LandingPage({ body, change }: Props) {
  const w = useWords(content);
  const named = usePartWords();
  const [language, setLanguage] = useState("");
  const shown = language === "" ? body : (inside(body.variants)[language] ?? {});
  const set = (name: string, value: string) => change(language === "" ? { ...body, [name]: value } : { ...body, variants: { ...inside(body.variants), [language]: { ...shown, [name]: value } } });
  const place = language === "" ? "body" : `body.variants.${language}`;
  return (
    <Panel title={w.page} extra={<span className="page-actions"><Languages given={body} language={language} choose={setLanguage} put={change} /></span>}>
      <TemplateField label={named("title")} place={`${place}.title`} value={text(shown.title)} required={language === ""} onChange={(value) => set("title", value)} />
      <TemplateField label={named("html")} place={`${place}.html`} value={text(shown.html)} required={language === ""} code lines={14} onChange={(value) => set("html", value)} />
      <TemplateField label={named("thanks")} place={`${place}.thanks`} value={text(shown.thanks)} code lines={3} onChange={(value) => set("thanks", value)} />
      {language === "" ? (
        <Field label={named("then")} place="body.then" hint={w.thenHint}>
          {(control) => <Input {...control} value={text(body.then)} onChange={(event) => change({ ...body, then: event.target.value })} />}
        </Field>
      ) : (
        <LanguageTag place="body.language" given={body} put={change} />
      )}
    </Panel>
  );
}

function Dynamic({ body, change }: Props) {
  const w = useWords(content);
  const named = usePartWords();
  const way: Way = (body.choose as Choose | undefined)?.by ?? "rule";
  const variants = (body.variants ?? []) as Body[];
  const otherwise = (body.default ?? {}) as Body;
  const put = (made: Body[]) => change({ ...body, variants: made });
  const set = (i: number, part: Body) => put(variants.map((variant, j) => (i === j ? { ...variant, ...part } : variant)));
  return (
    <>
      <ChoosePanel body={body} change={change} />
      <Panel title={w.variants}>
        <p className="finding">{{ rule: w.variantsHint, score: w.scoreHint, list: w.listHint }[way]}</p>
        {variants.map((variant, i) => (
          <section key={i.toString()} className="repeat" aria-label={w.variantNumber(i + 1)}>
            <div className="repeat-head">
              <b>{w.variantNumber(i + 1)}</b>
              <Button type="text" size="small" aria-label={w.removeVariant(i + 1)} title={w.removeVariant(i + 1)} icon={<DeleteOutlined aria-hidden="true" />} onClick={() => put(variants.filter((_, j) => i !== j))} />
            </div>
            {way === "rule" ? (
              <Condition place={`body.variants[${i}].when`} rule={(variant.when ?? {}) as Body} change={(when) => set(i, { when })} />
            ) : (
              <Recommended way={way} place={`body.variants[${i}]`} variant={variant} change={(part) => set(i, part)} />
            )}
            <TemplateField label={named("text")} place={`body.variants[${i}].text`} value={text(variant.text)} lines={2} onChange={(value) => set(i, { text: value })} />
            <TemplateField label={named("html")} place={`body.variants[${i}].html`} value={text(variant.html)} lines={2} code onChange={(value) => set(i, { html: value })} />
          </section>
        ))}
        <Button icon={<PlusOutlined aria-hidden="true" />} onClick={() => put([...variants, way === "rule" ? { when: {}, text: "" } : { text: "" }])}>
          {w.addVariant}
        </Button>
      </Panel>
      <Panel title={w.otherwise}>
        <TemplateField label={named("text")} place="body.default.text" value={text(otherwise.text)} lines={2} onChange={(value) => change({ ...body, default: { ...otherwise, text: value } })} />
        <TemplateField label={named("html")} place="body.default.html" value={text(otherwise.html)} lines={2} code onChange={(value) => change({ ...body, default: { ...otherwise, html: value } })} />
      </Panel>
    </>
  );
}
