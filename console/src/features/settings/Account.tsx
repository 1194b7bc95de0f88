import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, App, Button, Form, Input, Tag } from "antd";
import { useState } from "react";
import { api, keepCsrf } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { Panel } from "../../ui/Page";
import { ErrorState, Loading, ProblemText } from "../../ui/States";
import { settings } from "./words";

interface SessionRow {
  session: string;
  created_at: string;
  seen_at: string;
  address: string;
  agent: string;
  current: boolean;
}

export function Account() {
  const w = useWords(settings);
  const { user } = useApp();
  return (
    <div className="grid">
      <div className="span-5 stack">
        <Panel title={user?.name}>
          <p>
            {w.role}: <Tag>{user === null ? "" : w[user.role]}</Tag>
          </p>
        </Panel>
        <Panel title={w.password}>
          <PasswordForm />
        </Panel>
      </div>
      <div className="span-7">
        <Panel title={w.sessions}>
          <Sessions />
        </Panel>
      </div>
    </div>
  );
}

function PasswordForm() {
  const w = useWords(settings);
  const cache = useQueryClient();
  const { message } = App.useApp();
  const [form] = Form.useForm<{ old: string; new: string }>();
  const [error, setError] = useState<unknown>(null);
  const change = async (values: { old: string; new: string }) => {
    setError(null);
    try {
      const told = await api.post<{ csrf?: string }>("/api/v1/me/password", { body: values });
      if (told.csrf) keepCsrf(told.csrf);
      form.resetFields();
      void message.success(w.passwordChanged);
      await cache.invalidateQueries({ queryKey: ["sessions"] });
    } catch (problem) {
      setError(problem);
    }
  };
  return (
    <Form form={form} layout="vertical" requiredMark={false} onFinish={(values) => void change(values)}>
      {error !== null && <Alert className="form-alert" type="error" title={<ProblemText error={error} />} role="alert" />}
      <Form.Item name="old" label={w.oldPassword} rules={[{ required: true, message: w.needed }]}>
        <Input.Password autoComplete="current-password" />
      </Form.Item>
      <Form.Item name="new" label={w.newPassword} rules={[{ required: true, min: 10, message: w.passwordShort }]}>
        <Input.Password autoComplete="new-password" />
      </Form.Item>
      <Button htmlType="submit">{w.change}</Button>
    </Form>
  );
}

function Sessions() {
  const w = useWords(settings);
  const f = useFormat();
  const cache = useQueryClient();
  const { message } = App.useApp();
  const found = useQuery({ queryKey: ["sessions"], queryFn: ({ signal }) => api.get<{ sessions: SessionRow[] }>("/api/v1/me/sessions", { signal }) });
  if (found.isError) return <ErrorState small error={found.error} />;
  if (found.data === undefined) return <Loading rows={2} />;
  const end = async (session: string) => {
    try {
      await api.delete("/api/v1/me/sessions/{session}", { path: { session } });
      await cache.invalidateQueries({ queryKey: ["sessions"] });
    } catch (error) {
      void message.error(<ProblemText error={error} />);
    }
  };
  return (
    <ul className="lines">
      {found.data.sessions.map((row) => (
        <li key={row.session}>
          <div>
            <b translate="no">{browserOf(row.agent)}</b> {row.current && <Tag>{w.thisOne}</Tag>}
            <p className="quiet small">
              {row.address} · {w.seen} {f.ago(row.seen_at)}
            </p>
          </div>
          <span className="spacer" />
          {!row.current && (
            <Button size="small" onClick={() => void end(row.session)}>
              {w.end}
            </Button>
          )}
        </li>
      ))}
    </ul>
  );
}

/** The browser's name out of what it says of itself. */
function browserOf(agent: string): string {
  const found = /(Firefox|Edg|Chrome|Safari)\/(\d+)/.exec(agent.replace("HeadlessChrome", "Chrome"));
  return found === null ? agent.slice(0, 40) : `${found[1] === "Edg" ? "Edge" : found[1]} ${found[2]}`;
}
