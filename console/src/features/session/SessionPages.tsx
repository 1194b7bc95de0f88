/** The screens before the console: making the first administrator, and signing in. */
import { Alert, Button, Form, Input } from "antd";
import { type ReactNode, useEffect, useState } from "react";
import { ApiError, api } from "../../api/client";
import { useApp, useWords } from "../../app/context";
import { LanguageButton, ModeButton } from "../../app/Switches";
import { ProblemText } from "../../ui/States";
import { session } from "./words";

interface Entered {
  user: { name: string };
}

export function SetupPage({ done }: { done: () => void }) {
  const w = useWords(session);
  const start = async (values: Record<string, string>) => {
    await api.post<Entered>("/api/v1/setup", { body: values });
    done();
  };
  return (
    <Door title={w.welcome} lead={w.setupLead}>
      <Entry submit={start} label={w.create}>
        <Form.Item name="token" label={w.token} extra={w.tokenHelp} rules={[{ required: true, message: w.tokenNeeded }]}>
          <Input autoComplete="one-time-code" spellCheck={false} />
        </Form.Item>
        <Form.Item name="name" label={w.yourName} rules={[{ required: true, whitespace: true, message: w.nameNeeded }]}>
          <Input autoComplete="username" spellCheck={false} />
        </Form.Item>
        <Form.Item
          name="password"
          label={w.password}
          extra={w.passwordHelp}
          rules={[{ required: true, min: 10, message: w.passwordShort }]}
        >
          <Input.Password autoComplete="new-password" />
        </Form.Item>
      </Entry>
    </Door>
  );
}

export function LoginPage({ done }: { done: () => void }) {
  const w = useWords(session);
  const { status } = useApp();
  const enter = async (values: Record<string, string>) => {
    await api.post<Entered>("/api/v1/login", { body: values });
    done();
  };
  return (
    <Door title={w.signIn} lead={w.signInLead(status.workspace)}>
      <Entry submit={enter} label={w.signIn}>
        <Form.Item name="name" label={w.yourName} rules={[{ required: true, message: w.nameNeeded }]}>
          <Input autoComplete="username" spellCheck={false} />
        </Form.Item>
        <Form.Item name="password" label={w.password} rules={[{ required: true, message: w.passwordNeeded }]}>
          <Input.Password autoComplete="current-password" />
        </Form.Item>
      </Entry>
      {status.oidc && (
        <Button block size="large" href="/api/v1/oidc/start">
          {w.withOidc}
        </Button>
      )}
      <p className="quiet door-note">{w.noAccount}</p>
    </Door>
  );
}

function Door({ title, lead, children }: { title: string; lead: string; children: ReactNode }) {
  const w = useWords(session);
  useEffect(() => {
    document.title = `${title} · Coterie`;
  }, [title]);
  return (
    <div className="door">
      <aside className="door-side">
        <img src="/icon.svg" alt="" width="44" height="44" />
        <p>
          {w.pitch1}
          <br />
          {w.pitch2}
          <br />
          {w.pitch3}
        </p>
      </aside>
      <main className="door-main" id="content">
        <div className="door-switches">
          <LanguageButton />
          <ModeButton />
        </div>
        <div className="door-form">
          <h1>{title}</h1>
          <p className="page-lead">{lead}</p>
          {children}
        </div>
      </main>
    </div>
  );
}

interface EntryProps {
  submit: (values: Record<string, string>) => Promise<void>;
  label: string;
  children: ReactNode;
}

function Entry({ submit, label, children }: EntryProps) {
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const run = async (values: Record<string, string>) => {
    setBusy(true);
    setError(null);
    try {
      await submit(values);
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Form layout="vertical" requiredMark={false} size="large" onFinish={run} validateTrigger="onSubmit">
      {error !== null && <Alert className="door-alert" type="error" title={<ProblemText error={error} />} role="alert" />}
      {children}
      <Button type="primary" htmlType="submit" block loading={busy}>
        {label}
      </Button>
    </Form>
  );
}
