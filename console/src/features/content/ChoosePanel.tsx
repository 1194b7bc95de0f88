/** How dynamic copy chooses its variant: by conditions, by scores, or by a list of recommendations. */
import { Input, InputNumber, Radio, Select } from "antd";
import { useWords } from "../../app/context";
import { Field } from "../../ui/Field";
import { Panel } from "../../ui/Page";
import { NUMBERS, useTerms } from "./Condition";
import { type Body, type Choose, chosenBy, type Way } from "./shapes";
import { content } from "./words";

interface Props {
  body: Body;
  change: (body: Body) => void;
}

export function ChoosePanel({ body, change }: Props) {
  const w = useWords(content);
  const choose = body.choose as Choose | undefined;
  const put = (part: Partial<Choose>) => change({ ...body, choose: { ...choose, ...part } });
  return (
    <Panel title={w.way}>
      <Radio.Group
        className="choices"
        aria-label={w.way}
        value={choose?.by ?? "rule"}
        options={[
          { value: "rule", label: w.byRule },
          { value: "score", label: w.byScore },
          { value: "list", label: w.byList },
        ]}
        onChange={(event) => change(chosenBy(body, event.target.value as Way))}
      />
      {choose !== undefined && (
        <div className="fields">
          {choose.by === "list" && <TagField label={w.listTag} hint={w.listTagHint} place="body.choose.tag" types={["texts"]} value={choose.tag} change={(tag) => put({ tag })} />}
          {choose.by === "score" && (
            <Field label={w.floor} place="body.choose.floor" hint={w.floorHint}>
              {(control) => <InputNumber {...control} value={choose.floor ?? null} onChange={(floor) => put({ floor: floor ?? undefined })} />}
            </Field>
          )}
          <Field label={w.explore} place="body.choose.explore" hint={w.exploreHint}>
            {(control) => <InputNumber {...control} min={0} max={99} suffix="%" value={choose.explore === undefined ? null : Number((choose.explore * 100).toFixed(4))} onChange={(percent) => put({ explore: percent === null || percent === 0 ? undefined : percent / 100 })} />}
          </Field>
        </div>
      )}
    </Panel>
  );
}

interface RecommendedProps {
  way: "score" | "list";
  place: string;
  variant: Body;
  change: (part: Body) => void;
}

/** Whom a variant is for: its score, or its item of the list; and its name. */
export function Recommended({ way, place, variant, change }: RecommendedProps) {
  const w = useWords(content);
  return (
    <div className="fields">
      <Field label={w.variantName} place={`${place}.name`} hint={w.variantNameHint}>
        {(control) => <Input {...control} value={(variant.name as string) ?? ""} onChange={(event) => change({ name: event.target.value })} />}
      </Field>
      {way === "score" ? (
        <TagField label={w.scoreTag} hint={w.scoreTagHint} place={`${place}.score`} types={NUMBERS} value={variant.score as string | undefined} change={(score) => change({ score })} />
      ) : (
        <Field label={w.item} place={`${place}.item`} hint={w.itemHint}>
          {(control) => <Input {...control} value={(variant.item as string) ?? ""} onChange={(event) => change({ item: event.target.value })} />}
        </Field>
      )}
    </div>
  );
}

interface TagProps {
  label: string;
  hint: string;
  place: string;
  types: string[];
  value: string | undefined;
  change: (tag: string) => void;
}

/** A tag of certain types. */
function TagField({ label, hint, place, types, value, change }: TagProps) {
  const terms = useTerms();
  const options = (terms.data?.tags ?? []).filter((one) => types.includes(one.type)).map((one) => ({ value: one.tag, label: one.label === one.tag ? one.tag : `${one.label} ${one.tag}` }));
  return (
    <Field label={label} place={place} hint={hint}>
      {(control) => <Select {...control} showSearch={{ optionFilterProp: "label" }} value={value || undefined} options={options} onChange={change} />}
    </Field>
  );
}
