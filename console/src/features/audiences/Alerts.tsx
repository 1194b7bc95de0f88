/** What is watched of an audience, and a form to watch more. */
import { DeleteOutlined, PlusOutlined } from "@ant-design/icons";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, App, Button, Form, Input, InputNumber, Modal, Select } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { Panel } from "../../ui/Page";
import { ErrorState, Loading, ProblemText } from "../../ui/States";
import { common } from "../../words/common";
import { audiences } from "./words";

interface Watch {
  alert: string;
  audience: string;
  when: string;
  to: string | null;
}

type Kind = "jump" | "above" | "below" | "stale" | "failed" | "ending";

interface Watched {
  alerts: Watch[];
  kinds: { kind: Kind; label: string; default: string | null }[];
}

interface Values {
  kind: Kind;
  limit: number;
  channel: "console" | "email" | "destination";
  email?: string;
  destination?: string;
}

const START: Record<Kind, number> = { jump: 20, above: 1000, below: 100, stale: 36, failed: 0, ending: 0 };

/** A condition as the server reads it: `jump 20%`, `stale 36h`. */
function conditionOf({ kind, limit }: Values): string {
  if (kind === "failed" || kind === "ending") return kind;
  return `${kind} ${limit}${kind === "jump" ? "%" : kind === "stale" ? "h" : ""}`;
}

export function Alerts({ name }: { name: string }) {
  const w = useWords(audiences);
  const c = useWords(common);
  const { allowed, language } = useApp();
  const [open, setOpen] = useState(false);
  const may = allowed === null || allowed.has("define");
  const found = useQuery({
    queryKey: ["audience", name, "alerts", language],
    queryFn: ({ signal }) => api.get<Watched>("/api/v1/alerts", { query: { audience: name, language }, signal }),
  });
  const add = (
    <Button size="small" icon={<PlusOutlined aria-hidden="true" />} onClick={() => setOpen(true)}>
      {w.alertAdd}
    </Button>
  );
  return (
    <Panel title={w.alerts} className="span-4" extra={may ? add : undefined}>
      {found.isError && <ErrorState small error={found.error} />}
      {found.isPending && <Loading rows={2} />}
      <p className="quiet small">{w.alertsAlways}</p>
      {found.data !== undefined && (
        <ul className="lines">
          {found.data.alerts.map((watch) => (
            <WatchLine key={watch.alert} watch={watch} may={may} kinds={found.data.kinds} removeLabel={c.remove} />
          ))}
        </ul>
      )}
      {open && found.data !== undefined && <AlertDialog name={name} known={found.data} close={() => setOpen(false)} />}
    </Panel>
  );
}

function WatchLine({ watch, may, kinds, removeLabel }: { watch: Watch; may: boolean; kinds: Watched["kinds"]; removeLabel: string }) {
  const w = useWords(audiences);
  const cache = useQueryClient();
  const { message, modal } = App.useApp();
  const [kind = "", limit = ""] = watch.when.split(" ");
  const label = kinds.find((row) => row.kind === kind)?.label ?? kind;
  const to = watch.to === null ? w.alertConsole : (watch.to.split(":")[1] ?? watch.to);
  const remove = () =>
    modal.confirm({
      title: w.alertRemove,
      okText: removeLabel,
      okButtonProps: { danger: true },
      onOk: async () => {
        try {
          await api.delete("/api/v1/alerts/{name}", { path: { name: watch.alert } });
          await cache.invalidateQueries({ queryKey: ["audience", watch.audience, "alerts"] });
        } catch (error) {
          void message.error(<ProblemText error={error} />);
        }
      },
    });
  return (
    <li>
      <div>
        <b>{label}</b> <Limit kind={kind as Kind} limit={limit} />
        <p className="quiet small">
          {w.alertTo} <span translate="no">{to}</span>
        </p>
      </div>
      <span className="spacer" />
      {may && <Button size="small" type="text" aria-label={removeLabel} icon={<DeleteOutlined aria-hidden="true" />} onClick={remove} />}
    </li>
  );
}

function Limit({ kind, limit }: { kind: Kind; limit: string }) {
  const w = useWords(audiences);
  const f = useFormat();
  const number = Number.parseFloat(limit);
  if (Number.isNaN(number)) return null;
  if (kind === "jump") return <>{f.percent(number / 100)}</>;
  if (kind === "stale") return <>{limit.endsWith("h") ? w.hours(f.number(number)) : limit}</>;
  return <>{f.number(number)}</>;
}

function AlertDialog({ name, known, close }: { name: string; known: Watched; close: () => void }) {
  const w = useWords(audiences);
  const c = useWords(common);
  const cache = useQueryClient();
  const { language } = useApp();
  const [form] = Form.useForm<Values>();
  const [error, setError] = useState<unknown>(null);
  const kind = Form.useWatch("kind", form) ?? "jump";
  const save = async () => {
    const values = await form.validateFields();
    const to = values.channel === "email" ? `email:${values.email?.trim()}` : values.channel === "destination" ? `destination:${values.destination}` : null;
    const used = new Set(known.alerts.map((watch) => watch.alert));
    let alert = `${name} ${values.kind}`;
    for (let n = 2; used.has(alert); n++) alert = `${name} ${values.kind} ${n}`;
    try {
      await api.put("/api/v1/alerts/{name}", { path: { name: alert }, body: { audience: name, when: conditionOf(values), to, language } });
      await cache.invalidateQueries({ queryKey: ["audience", name, "alerts"] });
      close();
    } catch (problem) {
      setError(problem);
    }
  };
  return (
    <Modal open title={w.alertAdd} onCancel={close} okText={c.save} onOk={() => void save().catch(() => undefined)}>
      <Form<Values> form={form} layout="vertical" requiredMark={false} initialValues={{ kind: "jump", limit: START.jump, channel: "console" }} onValuesChange={(changed) => changed.kind !== undefined && form.setFieldValue("limit", START[changed.kind as Kind])}>
        {error !== null && <Alert className="form-alert" type="error" title={<ProblemText error={error} />} role="alert" />}
        <div className="form-row">
          <Form.Item name="kind" label={w.alertWhen}>
            <Select options={known.kinds.map((row) => ({ value: row.kind, label: row.label }))} />
          </Form.Item>
          {kind !== "failed" && kind !== "ending" && (
            <Form.Item name="limit" label={kind === "jump" ? w.alertPercent : kind === "stale" ? w.alertHours : w.alertNumber} rules={[{ required: true, message: w.needed }]}>
              <InputNumber min={1} precision={0} />
            </Form.Item>
          )}
        </div>
        <ChannelItems />
      </Form>
    </Modal>
  );
}

function ChannelItems() {
  const w = useWords(audiences);
  const channel = Form.useWatch<Values["channel"]>("channel");
  const receivers = useQuery({
    queryKey: ["destinations"],
    enabled: channel === "destination",
    queryFn: ({ signal }) => api.get<{ destinations: { destination: string }[] }>("/api/v1/destinations", { signal }),
  });
  return (
    <div className="form-row">
      <Form.Item name="channel" label={w.alertTo}>
        <Select
          options={[
            { value: "console", label: w.alertConsole },
            { value: "email", label: w.alertEmail },
            { value: "destination", label: w.alertDestination },
          ]}
        />
      </Form.Item>
      {channel === "email" && (
        <Form.Item name="email" label={w.alertEmail} rules={[{ required: true, type: "email", message: w.alertEmailNeeded }]}>
          <Input type="email" autoComplete="off" />
        </Form.Item>
      )}
      {channel === "destination" && (
        <Form.Item name="destination" label={w.alertDestination} rules={[{ required: true, message: w.needed }]}>
          <Select loading={receivers.isPending} options={(receivers.data?.destinations ?? []).map((row) => ({ value: row.destination, label: row.destination }))} />
        </Form.Item>
      )}
    </div>
  );
}
