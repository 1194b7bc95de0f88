/** Texts that differ by language: which one is edited, and the tag that tells a customer's. */
import { CloseOutlined, PlusOutlined } from "@ant-design/icons";
import { Button, Input, Segmented } from "antd";
import { ClearableSelect } from "./ClearableSelect";
import { useState } from "react";
import { useWords } from "../app/context";
import { pairs } from "../words/pairs";
import { Field } from "./Field";
import { useVariables } from "./TemplateField";

const words = pairs({
  which: ["Language of the text", "内容语言"],
  everybody: ["Everybody else", "默认"],
  add: ["Add a language", "添加语言"],
  code: ["Language code, such as zh or en-GB", "语言代码"],
  remove: [(code: string) => `Remove ${code}`, (code: string) => `移除 ${code}`],
  tag: ["Tag that tells the language", "语言标签"],
});

type Parts = Record<string, unknown>;

interface Props {
  /** What has the variants. */
  given: Parts;
  language: string;
  choose: (language: string) => void;
  put: (given: Parts) => void;
}

const CODE = /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/;

export function Languages({ given, language, choose, put }: Props) {
  const w = useWords(words);
  const [code, setCode] = useState("");
  const variants = (given.variants ?? {}) as Record<string, Parts>;
  const add = () => {
    const made = code.trim();
    if (!CODE.test(made)) return;
    put({ ...given, variants: { ...variants, [made]: variants[made] ?? {} } });
    setCode("");
    choose(made);
  };
  const remove = () => {
    choose("");
    put({ ...given, variants: Object.fromEntries(Object.entries(variants).filter(([name]) => name !== language)) });
  };
  const options = [{ value: "", label: w.everybody }, ...Object.keys(variants).map((value) => ({ value, label: value }))];
  return (
    <>
      {options.length > 1 && <Segmented size="small" aria-label={w.which} value={language} options={options} onChange={choose} />}
      {language !== "" && <Button size="small" type="text" aria-label={w.remove(language)} title={w.remove(language)} icon={<CloseOutlined aria-hidden="true" />} onClick={remove} />}
      <Input size="small" style={{ width: 74 }} aria-label={w.code} placeholder="zh" value={code} onChange={(event) => setCode(event.target.value)} onPressEnter={add} />
      <Button size="small" icon={<PlusOutlined aria-hidden="true" />} disabled={code.trim() === ""} onClick={add}>
        {w.add}
      </Button>
    </>
  );
}

/** The tag whose value chooses among the languages. */
export function LanguageTag({ place, given, put }: { place: string; given: Parts; put: (given: Parts) => void }) {
  const w = useWords(words);
  const known = useVariables();
  const chosen = typeof given.language === "string" && given.language !== "" ? given.language : undefined;
  const options = (known.data ?? []).filter((tag) => tag.label !== "").map((tag) => ({ value: tag.name, label: tag.label === tag.name ? tag.name : `${tag.name} ${tag.label}` }));
  return (
    <Field label={w.tag} place={place}>
      {(control) => <ClearableSelect {...control} showSearch={{ optionFilterProp: "label" }} value={chosen} options={options} onChange={(tag: string | undefined) => put({ ...given, language: tag ?? "" })} />}
    </Field>
  );
}
