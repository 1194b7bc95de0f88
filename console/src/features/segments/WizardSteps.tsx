/** The four steps in which one says what is to be segmented and how; what is not said is as we recommend. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Alert, Button, Collapse, Form, Input, InputNumber, Radio, Select, Switch, Tag } from "antd";
import { type ReactNode, useState } from "react";
import { api } from "../../api/client";
import type { AudienceRow } from "../../api/shapes";
import { useApp, useFormat, useWords } from "../../app/context";
import { go } from "../../app/router";
import { Panel } from "../../ui/Page";
import { ErrorState, Loading, ProblemText } from "../../ui/States";
import { common } from "../../words/common";
import { type Prepared, PreparationTable } from "./PreparationTable";
import { bodyOf, type Plan, USUAL } from "./plan";
import type { SegmentationRow } from "./SegmentList";
import { useTagList } from "../../ui/useTags";
import { methodWords, segments } from "./words";

interface StepProps {
  plan: Plan;
  change: (part: Partial<Plan>) => void;
  back: () => void;
  next: () => void;
}

interface MethodRow {
  method: string;
  number: "asked" | "default" | "found";
  plain: boolean;
}

const USELESS = ["vector", "moment", "date", "texts", "path"];
const NAME = /^[\p{L}\p{N}_-]+$/u;
const MANY_TAGS = 20;
const FEW_PEOPLE = 100;

function useMethods(): { methods: MethodRow[]; rows: SegmentationRow[] } {
  const found = useQuery({
    queryKey: ["segments", ""],
    queryFn: ({ signal }) => api.get<{ segmentations: SegmentationRow[]; methods: MethodRow[] }>("/api/v1/segments", { query: { limit: 1000 }, signal }),
  });
  return { methods: found.data?.methods ?? [], rows: found.data?.segmentations ?? [] };
}

function Foot({ back, children }: { back?: () => void; children: ReactNode }) {
  const c = useWords(common);
  return (
    <div className="wizard-foot">
      {back !== undefined && <Button onClick={back}>{c.back}</Button>}
      {children}
    </div>
  );
}

function Warning({ text }: { text: string }) {
  return <Alert className="form-alert" type="warning" showIcon title={text} />;
}

export function DataStep({ plan, change, next }: StepProps) {
  const w = useWords(segments);
  const c = useWords(common);
  const f = useFormat();
  const { language } = useApp();
  const known = useTagList();
  const { rows } = useMethods();
  const [tried, setTried] = useState(false);
  const audiences = useQuery({
    queryKey: ["audiences", "names", language],
    queryFn: ({ signal }) => api.get<{ audiences: AudienceRow[] }>("/api/v1/audiences", { query: { language, limit: 1000 }, signal }),
  });
  if (known.isError) return <ErrorState error={known.error} retry={() => void known.refetch()} />;
  if (known.data === undefined) return <Loading />;
  const usable = known.data.tags.filter((tag) => !USELESS.includes(tag.type) && !tag.tag.startsWith("segment."));
  const usual = USUAL.filter((tag) => usable.some((one) => one.tag === tag));
  const chosen = plan.tags ?? usual;
  const thin = usable.filter((tag) => chosen.includes(tag.tag) && tag.coverage !== null && tag.coverage < 0.5).map((tag) => tag.label);
  const named = NAME.test(plan.name.trim());
  const go_on = () => {
    setTried(true);
    if (!named || chosen.length === 0) return;
    change({ tags: chosen });
    next();
  };
  return (
    <>
      <Panel className="wizard-panel">
        <Form layout="vertical">
          <Form.Item label={w.name} htmlFor="segment-name" extra={w.nameHint} validateStatus={tried && !named ? "error" : undefined} help={tried && !named ? w.nameNeeded : undefined}>
            <Input id="segment-name" maxLength={100} autoComplete="off" value={plan.name} onChange={(event) => change({ name: event.target.value })} />
          </Form.Item>
          {rows.some((row) => row.segmentation === plan.name.trim()) && <Warning text={w.taken} />}
          <Form.Item label={w.byTags} htmlFor="segment-tags" extra={w.byTagsHint} validateStatus={tried && chosen.length === 0 ? "error" : undefined} help={tried && chosen.length === 0 ? w.tagsNeeded : undefined}>
            <Select
              id="segment-tags"
              mode="multiple"
              showSearch={{ optionFilterProp: "label" }}
              value={chosen}
              onChange={(values) => change({ tags: values })}
              options={usable.map((tag) => ({ value: tag.tag, label: tag.label, share: tag.coverage }))}
              optionRender={(option) => (
                <span className="tag-option">
                  {option.label} {typeof option.data.share === "number" && <span className="quiet small">{f.percent(option.data.share, 0)}</span>}
                </span>
              )}
            />
          </Form.Item>
          {chosen.length === 1 && <Warning text={w.fewTags} />}
          {chosen.length > MANY_TAGS && <Warning text={w.manyTags} />}
          {thin.length > 0 && <Warning text={w.lowCoverage(f.list(thin))} />}
          <Form.Item label={w.among} htmlFor="segment-audience">
            <Select
              id="segment-audience"
              value={plan.audience}
              onChange={(audience) => change({ audience })}
              options={[{ value: "", label: w.everyone }, ...(audiences.data?.audiences ?? []).map((row) => ({ value: row.audience, label: row.audience }))]}
            />
          </Form.Item>
        </Form>
      </Panel>
      <div className="wizard-foot">
        <Button onClick={() => go("/segments")}>{c.cancel}</Button>
        <Button type="primary" onClick={go_on}>
          {c.next}
        </Button>
      </div>
    </>
  );
}

interface Checked extends Prepared {
  entities: number;
}

export function PrepareStep({ plan, change, back, next }: StepProps) {
  const w = useWords(segments);
  const c = useWords(common);
  const { language } = useApp();
  const asked = bodyOf({ ...plan, method: "kmeans" }, false);
  const checked = useQuery({
    queryKey: ["segment-check", asked, language],
    placeholderData: keepPreviousData,
    retry: false,
    queryFn: ({ signal }) => api.post<Checked>("/api/v1/segments/check", { query: { language }, body: asked, signal }),
  });
  const weight = (tag: string) => (
    <InputNumber
      className="weight"
      size="small"
      min={0.1}
      max={10}
      step={0.5}
      aria-label={`${w.weight} ${tag}`}
      value={plan.weights[tag] ?? 1}
      onChange={(value) => change({ weights: { ...plan.weights, [tag]: value ?? 1 } })}
    />
  );
  return (
    <>
      <Panel title={w.prepareMode}>
        <Radio.Group className="radio-lines" aria-label={w.prepareMode} value={plan.prepare} onChange={(event) => change({ prepare: event.target.value as Plan["prepare"] })}>
          <Radio value="auto">
            {w.prepareAuto} <Tag className="tone tone-good">{w.recommended}</Tag>
          </Radio>
          <Radio value="standard">{w.prepareStandard}</Radio>
          <Radio value="none">{w.prepareNone}</Radio>
        </Radio.Group>
      </Panel>
      {checked.isError && <Alert className="form-alert" type="error" role="alert" title={<ProblemText error={checked.error} />} />}
      {checked.isPending && <Loading rows={4} />}
      {checked.data !== undefined && (
        <Panel className="wizard-table" title={w.preparation} extra={<span className="quiet">{w.entities(checked.data.entities)}</span>} flush>
          {checked.data.entities < FEW_PEOPLE && <Warning text={w.fewPeople} />}
          <PreparationTable prepared={checked.data} weight={weight} />
        </Panel>
      )}
      <Foot back={back}>
        <Button type="primary" disabled={checked.data === undefined || checked.isError} onClick={next}>
          {c.next}
        </Button>
      </Foot>
    </>
  );
}

export function MethodStep({ plan, change, back, next }: StepProps) {
  const w = useWords(segments);
  const c = useWords(common);
  const m: Record<string, string> = useWords(methodWords);
  const { methods } = useMethods();
  return (
    <>
      <Panel title={w.method}>
        <Radio.Group className="method-list" aria-label={w.method} value={plan.method} onChange={(event) => change({ method: String(event.target.value) })}>
          {methods.map((row) => (
            <Radio key={row.method} value={row.method}>
              <span className="method-words">
                <b>
                  {m[row.method] ?? row.method} {row.method === "kmeans" && <Tag className="tone tone-good">{w.recommended}</Tag>}
                </b>
                <span className="quiet">{m[`${row.method}Hint`]}</span>
                {row.number === "found" && <span className="quiet">{w.methodFound}</span>}
              </span>
            </Radio>
          ))}
        </Radio.Group>
      </Panel>
      <Foot back={back}>
        <Button type="primary" onClick={next}>
          {c.next}
        </Button>
      </Foot>
    </>
  );
}

export function NumberStep({ plan, change, back, begun }: StepProps & { begun: (job: string) => void }) {
  const w = useWords(segments);
  const { methods } = useMethods();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const row = methods.find((one) => one.method === plan.method);
  const found = row?.number === "found";
  const start = async () => {
    setBusy(true);
    setError(null);
    try {
      const body = bodyOf(found ? { ...plan, k: "auto" } : plan, row?.plain === true);
      begun((await api.post<{ job: string }>("/api/v1/segments", { body })).job);
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  return (
    <>
      {error !== null && <Alert className="form-alert" type="error" role="alert" title={<ProblemText error={error} />} />}
      <Panel title={w.howMany} className="wizard-panel">
        {found ? (
          <p>{w.numberFound}</p>
        ) : (
          <Radio.Group className="radio-lines" aria-label={w.howMany} value={plan.k === "auto" ? "auto" : "fixed"} onChange={(event) => change({ k: event.target.value === "auto" ? "auto" : 4 })}>
            <Radio value="auto">
              {w.numberAuto} <Tag className="tone tone-good">{w.recommended}</Tag>
            </Radio>
            <Radio value="fixed">{w.numberFixed}</Radio>
          </Radio.Group>
        )}
        {plan.k !== "auto" && !found && <InputNumber aria-label={w.numberFixed} min={2} max={50} value={plan.k} onChange={(value) => change({ k: value ?? 4 })} />}
        <Collapse ghost items={[{ key: "further", label: w.further, children: <Further plan={plan} change={change} plain={row?.plain === true} /> }]} />
      </Panel>
      <Foot back={back}>
        <Button type="primary" loading={busy} onClick={() => void start()}>
          {w.start}
        </Button>
      </Foot>
    </>
  );
}

function Further({ plan, change, plain }: { plan: Plan; change: StepProps["change"]; plain: boolean }) {
  const w = useWords(segments);
  return (
    <Form layout="vertical">
      <div className="form-row">
        <Form.Item label={w.maxK} htmlFor="segment-max">
          <InputNumber id="segment-max" min={2} max={50} value={plan.maxK} onChange={(value) => change({ maxK: value ?? 10 })} />
        </Form.Item>
        <Form.Item label={w.minSize} htmlFor="segment-min">
          <InputNumber id="segment-min" min={1} placeholder={w.minSizeAuto} value={plan.minSize} onChange={(value) => change({ minSize: value })} />
        </Form.Item>
        <Form.Item label={w.seed} htmlFor="segment-seed">
          <InputNumber id="segment-seed" min={0} max={2 ** 31 - 1} precision={0} value={plan.seed} onChange={(value) => change({ seed: value ?? 0 })} />
        </Form.Item>
        <Form.Item label={w.starts} htmlFor="segment-starts">
          <InputNumber id="segment-starts" min={1} max={1000} precision={0} placeholder={w.startsAuto} value={plan.starts} onChange={(value) => change({ starts: value })} />
        </Form.Item>
        <Form.Item label={w.pca} htmlFor="segment-pca">
          <InputNumber id="segment-pca" min={0.1} max={200} disabled={plain} placeholder={w.pcaAuto} value={plan.pca} onChange={(value) => change({ pca: value })} />
        </Form.Item>
      </div>
      <label className="switch-line">
        <Switch checked={plan.promote} onChange={(promote) => change({ promote })} aria-label={w.promoteNow} /> {w.promoteNow}
      </label>
    </Form>
  );
}
