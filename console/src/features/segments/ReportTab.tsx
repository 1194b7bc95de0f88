/** The report in a frame in which no script runs; what a customer costs and brings can be told, and it is drawn anew. */
import { ExportOutlined } from "@ant-design/icons";
import { Button, Collapse, Form, InputNumber } from "antd";
import { useState } from "react";
import { addressOf } from "../../api/client";
import { useApp, useWords } from "../../app/context";
import { Panel } from "../../ui/Page";
import type { Segmentation } from "./shapes";
import { useRun } from "./useRun";
import { segments } from "./words";

interface Options {
  days: number;
  margin?: number | null;
  contact_cost?: number | null;
  cost_per_order?: number | null;
  cost_per_customer?: number | null;
}

export function ReportTab({ segmentation }: { segmentation: Segmentation }) {
  const w = useWords(segments);
  const { language, allowed } = useApp();
  const [asked, setAsked] = useState<Options>({ days: 90 });
  const [loaded, setLoaded] = useState("");
  const [drawing, setDrawing] = useState<Options>(asked);
  const { segmentation: name, version } = segmentation;
  const run = useRun(name, () => setAsked(drawing));
  const draw = (options: Options) => {
    setDrawing(options);
    void run.start("/api/v1/segments/{name}/report", { version, ...given(options) });
  };
  const address = addressOf("/api/v1/segments/{name}/report", { name }, { version, language, ...given(asked) });
  return (
    <Panel flush className="report-panel">
      <div className="panel-head">
        <h2>{w.report}</h2>
        <Button size="small" icon={<ExportOutlined aria-hidden="true" />} href={address} target="_blank" rel="noreferrer">
          {w.openReport}
        </Button>
      </div>
      {(allowed === null || allowed.has("define")) && (
        <Collapse ghost className="report-options" items={[{ key: "options", label: w.reportOptions, children: <OptionsForm busy={run.busy} draw={draw} /> }]} />
      )}
      <div className="panel-inner">{run.note}</div>
      {loaded !== address && (
        <p className="quiet panel-inner" role="status">
          {w.drawing}
        </p>
      )}
      <iframe key={address} className={loaded === address ? "report" : "report report-waiting"} title={w.reportTitle(name)} src={address} sandbox="" onLoad={() => setLoaded(address)} />
    </Panel>
  );
}

function given(options: Options): Record<string, number> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== null && value !== undefined)) as Record<string, number>;
}

function OptionsForm({ busy, draw }: { busy: boolean; draw: (options: Options) => void }) {
  const w = useWords(segments);
  const fields: [keyof Options, string, number, number][] = [
    ["margin", w.margin100, 1, 0.05],
    ["contact_cost", w.contactCost, 1e9, 0.1],
    ["cost_per_order", w.orderCost, 1e9, 1],
    ["cost_per_customer", w.customerCost, 1e9, 1],
    ["days", w.days, 3650, 30],
  ];
  return (
    <Form<Options> layout="vertical" requiredMark={false} initialValues={{ days: 90 }} onFinish={draw}>
      <div className="form-row">
        {fields.map(([name, label, max, step]) => (
          <Form.Item key={name} name={name} label={label} rules={name === "days" ? [{ required: true, message: label }] : []}>
            <InputNumber min={0} max={max} step={step} />
          </Form.Item>
        ))}
      </div>
      <Button htmlType="submit" loading={busy}>
        {w.draw}
      </Button>
    </Form>
  );
}
