import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, App, Button, Checkbox, Form, Input, InputNumber, Modal, Tag, Typography } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import { useFormat, useWords } from "../../app/context";
import { Panel } from "../../ui/Page";
import { Empty, ErrorState, Loading, ProblemText } from "../../ui/States";
import { settings } from "./words";

interface TokenRow {
  id?: string;
  token?: string;
  name: string;
  scopes: string[];
  created_at: string;
  expires_at: string | null;
  used_at?: string | null;
  seen_at?: string | null;
}

interface Listed {
  tokens: TokenRow[];
  scopes: string[];
}

export function Tokens() {
  const w = useWords(settings);
  const f = useFormat();
  const cache = useQueryClient();
  const { modal, message } = App.useApp();
  const words: Record<string, unknown> = w;
  const [making, setMaking] = useState(false);
  const found = useQuery({ queryKey: ["tokens"], queryFn: ({ signal }) => api.get<Listed>("/api/v1/me/tokens", { signal }) });
  if (found.isError) return <ErrorState error={found.error} />;
  if (found.data === undefined) return <Loading rows={3} />;
  const revoke = (row: TokenRow) =>
    modal.confirm({
      title: w.revokeAsk(row.name),
      okText: w.revoke,
      okButtonProps: { danger: true },
      onOk: async () => {
        try {
          await api.delete("/api/v1/me/tokens/{token}", { path: { token: row.id ?? row.token ?? "" } });
          await cache.invalidateQueries({ queryKey: ["tokens"] });
        } catch (error) {
          void message.error(<ProblemText error={error} />);
        }
      },
    });
  const make = <Button onClick={() => setMaking(true)}>{w.makeToken}</Button>;
  return (
    <Panel title={w.tokens} extra={found.data.tokens.length > 0 && make}>
      {found.data.tokens.length === 0 ? (
        <Empty small title={w.noTokens} action={make} />
      ) : (
        <ul className="lines">
          {found.data.tokens.map((row) => (
            <li key={row.id ?? row.token ?? row.name}>
              <div>
                <b>{row.name}</b>
                <p className="quiet small">
                  {w.expires}: {row.expires_at === null ? w.never : f.day(row.expires_at)}
                </p>
                <p>
                  {row.scopes.map((scope) => (
                    <Tag key={scope}>{String(words[scope] ?? scope)}</Tag>
                  ))}
                </p>
              </div>
              <span className="spacer" />
              <Button size="small" danger onClick={() => revoke(row)}>
                {w.revoke}
              </Button>
            </li>
          ))}
        </ul>
      )}
      {making && <MakeToken scopes={found.data.scopes} close={() => setMaking(false)} />}
    </Panel>
  );
}

function MakeToken({ scopes, close }: { scopes: string[]; close: () => void }) {
  const w = useWords(settings);
  const words: Record<string, unknown> = w;
  const cache = useQueryClient();
  const [form] = Form.useForm<{ name: string; scopes: string[]; days: number | null }>();
  const [made, setMade] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const make = async () => {
    const values = await form.validateFields();
    setError(null);
    try {
      setMade((await api.post<{ token: string }>("/api/v1/me/tokens", { body: values })).token);
      await cache.invalidateQueries({ queryKey: ["tokens"] });
    } catch (problem) {
      setError(problem);
    }
  };
  return (
    <Modal
      open
      title={w.makeToken}
      onCancel={close}
      okText={w.makeToken}
      onOk={() => (made === null ? void make().catch(() => undefined) : close())}
      footer={made === null ? undefined : null}
    >
      {error !== null && <Alert className="form-alert" type="error" title={<ProblemText error={error} />} role="alert" />}
      {made === null ? (
        <Form form={form} layout="vertical" requiredMark={false} initialValues={{ scopes: scopes.includes("read") ? ["read"] : [], days: 90 }}>
          <Form.Item name="name" label={w.tokenName} rules={[{ required: true, whitespace: true, message: w.needed }]}>
            <Input maxLength={100} autoComplete="off" />
          </Form.Item>
          <Form.Item name="scopes" label={w.scopes}>
            <Checkbox.Group className="stacked" options={scopes.map((value) => ({ value, label: String(words[value] ?? value) }))} />
          </Form.Item>
          <Form.Item name="days" label={w.days}>
            <InputNumber min={1} max={3650} precision={0} placeholder={w.never} />
          </Form.Item>
        </Form>
      ) : (
        <>
          <p>{w.tokenShown}</p>
          <Typography.Text code copyable className="secret">
            {made}
          </Typography.Text>
        </>
      )}
    </Modal>
  );
}
