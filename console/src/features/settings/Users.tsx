import { UserAddOutlined } from "@ant-design/icons";
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, App, Button, Form, Input, Modal, Select, type TableProps, Tag } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import type { User } from "../../app/context";
import { useApp, useFormat, useWords } from "../../app/context";
import { Panel } from "../../ui/Page";
import { SearchBox, ServerTable, useAsking } from "../../ui/ServerTable";
import { Empty, ProblemText } from "../../ui/States";
import { settings } from "./words";

interface UserRow {
  user: string;
  role: User["role"];
  email: string | null;
  disabled: boolean;
  created_at: string;
}

const ROLES: User["role"][] = ["admin", "marketer", "analyst", "viewer"];

export function Users() {
  const w = useWords(settings);
  const cache = useQueryClient();
  const { message } = App.useApp();
  const asking = useAsking("user");
  const [adding, setAdding] = useState(false);
  const list = useQuery({
    queryKey: ["users", asking.query],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => api.get<{ users: UserRow[]; total: number }>("/api/v1/users", { query: asking.query, signal }),
  });
  const change = async (name: string, body: { role?: string; disabled?: boolean }) => {
    try {
      await api.put("/api/v1/users/{user}", { path: { user: name }, body });
      void message.success(w.saved);
    } catch (error) {
      void message.error(<ProblemText error={error} />);
    }
    await cache.invalidateQueries({ queryKey: ["users"] });
  };
  return (
    <>
      <div className="toolbar">
        <SearchBox label={w.findUser} />
        <span className="spacer" />
        <Button type="primary" icon={<UserAddOutlined aria-hidden="true" />} onClick={() => setAdding(true)}>
          {w.addUser}
        </Button>
      </div>
      <Panel flush>
        <ServerTable<UserRow>
          label={w.users}
          rows={list.data?.users}
          total={list.data?.total}
          error={list.error}
          busy={list.isPlaceholderData}
          retry={() => void list.refetch()}
          rowKey="user"
          asking={asking}
          columns={useColumns((name, body) => void change(name, body))}
          empty={<Empty title={w.users} />}
        />
      </Panel>
      {adding && <AddUser close={() => setAdding(false)} />}
    </>
  );
}

function useColumns(change: (name: string, body: { role?: string; disabled?: boolean }) => void): TableProps<UserRow>["columns"] {
  const w = useWords(settings);
  const f = useFormat();
  const { user } = useApp();
  return [
    {
      key: "user",
      title: w.userName,
      sorter: true,
      render: (_, row) => (
        <>
          <b>{row.user}</b> {row.disabled && <Tag className="tone tone-warn">{w.disabled}</Tag>}
          <p className="quiet small">{row.email}</p>
        </>
      ),
    },
    {
      key: "role",
      title: w.role,
      sorter: true,
      render: (_, row) => (
        <Select
          aria-label={`${w.role}: ${row.user}`}
          value={row.role}
          disabled={row.user === user?.name}
          popupMatchSelectWidth={false}
          options={ROLES.map((value) => ({ value, label: w[value] }))}
          onChange={(role) => change(row.user, { role })}
        />
      ),
    },
    { key: "created_at", title: w.when, responsive: ["md"], render: (_, row) => <span className="quiet nowrap">{f.day(row.created_at)}</span> },
    {
      key: "act",
      title: <span className="sr-only">{w.disable}</span>,
      align: "right",
      render: (_, row) =>
        row.user !== user?.name && (
          <Button size="small" onClick={() => change(row.user, { disabled: !row.disabled })}>
            {row.disabled ? w.enable : w.disable}
          </Button>
        ),
    },
  ];
}

function AddUser({ close }: { close: () => void }) {
  const w = useWords(settings);
  const cache = useQueryClient();
  const { message } = App.useApp();
  const [form] = Form.useForm<{ name: string; role: string; email?: string; password: string }>();
  const [error, setError] = useState<unknown>(null);
  const add = async () => {
    const values = await form.validateFields();
    setError(null);
    try {
      await api.post("/api/v1/users", { body: { ...values, email: values.email || null } });
      void message.success(w.added(values.name));
      await cache.invalidateQueries({ queryKey: ["users"] });
      close();
    } catch (problem) {
      setError(problem);
    }
  };
  return (
    <Modal open title={w.addUser} onCancel={close} okText={w.addUser} onOk={() => void add().catch(() => undefined)}>
      <Form form={form} layout="vertical" requiredMark={false} initialValues={{ role: "marketer" }}>
        {error !== null && <Alert className="form-alert" type="error" title={<ProblemText error={error} />} role="alert" />}
        <Form.Item name="name" label={w.userName} rules={[{ required: true, whitespace: true, message: w.needed }]}>
          <Input autoComplete="off" maxLength={100} />
        </Form.Item>
        <Form.Item name="role" label={w.role}>
          <Select options={ROLES.map((value) => ({ value, label: w[value] }))} />
        </Form.Item>
        <Form.Item name="email" label={w.email}>
          <Input autoComplete="off" maxLength={320} />
        </Form.Item>
        <Form.Item name="password" label={w.initialPassword} rules={[{ required: true, min: 10, message: w.passwordShort }]}>
          <Input.Password autoComplete="new-password" />
        </Form.Item>
      </Form>
    </Modal>
  );
}
