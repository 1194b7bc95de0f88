/** What is to be done with each segment: who looks after it, what they do, how they sell. */
import { Alert, App, Button, Form, Input } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import { useApp, useWords } from "../../app/context";
import { Panel } from "../../ui/Page";
import { ProblemText } from "../../ui/States";
import { common } from "../../words/common";
import { useReadAgain } from "./Dialogs";
import { real, type Segmentation, type SegmentRow } from "./shapes";
import { segments } from "./words";

interface Plan {
  owner: string;
  action: string;
  policy: string;
}

export function StrategyTab({ segmentation }: { segmentation: Segmentation }) {
  const w = useWords(segments);
  return (
    <div className="stack">
      <p className="finding">{w.strategyHelp}</p>
      {real(segmentation).map((row) => (
        <StrategyForm key={row.segment} name={segmentation.segmentation} row={row} />
      ))}
    </div>
  );
}

function StrategyForm({ name, row }: { name: string; row: SegmentRow }) {
  const w = useWords(segments);
  const shared = useWords(common);
  const { allowed } = useApp();
  const { message } = App.useApp();
  const again = useReadAgain(name);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const may = allowed === null || allowed.has("define");
  const save = async (plan: Plan) => {
    setBusy(true);
    setError(null);
    try {
      await api.put("/api/v1/segments/{name}/strategy", { path: { name }, body: { segment: row.segment, ...plan } });
      await again();
      void message.success(w.saved);
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  const id = (part: string) => `strategy-${row.segment}-${part}`;
  return (
    <Panel title={<span translate="no">{row.name}</span>}>
      <Form<Plan> name={`strategy-${row.segment}`} layout="vertical" disabled={!may} initialValues={{ owner: row.owner, action: row.action, policy: row.policy }} onFinish={(plan) => void save(plan)}>
        {error !== null && <Alert className="form-alert" type="error" role="alert" title={<ProblemText error={error} />} />}
        <div className="strategy-row">
          <Form.Item name="owner" label={w.owner} htmlFor={id("owner")}>
            <Input id={id("owner")} maxLength={200} autoComplete="off" />
          </Form.Item>
          <Form.Item name="action" label={w.action} htmlFor={id("action")}>
            <Input.TextArea id={id("action")} autoSize={{ minRows: 1, maxRows: 6 }} maxLength={4000} placeholder={row.suggested_action ?? undefined} />
          </Form.Item>
        </div>
        <Form.Item name="policy" label={w.policy} htmlFor={id("policy")}>
          <Input.TextArea id={id("policy")} autoSize={{ minRows: 2, maxRows: 12 }} maxLength={4000} />
        </Form.Item>
        {may && (
          <Button htmlType="submit" loading={busy} aria-label={w.saveStrategy(row.name)}>
            {shared.save}
          </Button>
        )}
      </Form>
    </Panel>
  );
}
