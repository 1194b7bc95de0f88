/** The account of who is signed in, and for administrators: settings, users, tokens, and who changed what. */
import { Tabs } from "antd";
import type { ReactNode } from "react";
import { ApiError } from "../../api/client";
import { useApp, useWords } from "../../app/context";
import { go } from "../../app/router";
import { Page } from "../../ui/Page";
import { ErrorState } from "../../ui/States";
import { common } from "../../words/common";
import { Account } from "./Account";
import { Audit } from "./Audit";
import { Messaging } from "./Messaging";
import { Tokens } from "./Tokens";
import { Users } from "./Users";
import { WorkspaceSettings } from "./WorkspaceSettings";
import { settings } from "./words";

export default function SettingsPage({ part = "account" }: { part?: string }) {
  const w = useWords(settings);
  const c = useWords(common);
  const { allowed } = useApp();
  const admin = allowed?.has("administer") ?? false;
  const parts: { key: string; label: string; children: ReactNode }[] = [
    { key: "account", label: w.mine, children: <Account /> },
    { key: "tokens", label: w.tokens, children: <Tokens /> },
    { key: "messaging", label: w.messaging, children: <Messaging /> },
    ...(admin
      ? [
          { key: "users", label: w.users, children: <Users /> },
          { key: "workspace", label: w.workspace, children: <WorkspaceSettings /> },
          { key: "audit", label: w.audit, children: <Audit /> },
        ]
      : []),
  ];
  if (!parts.some((row) => row.key === part)) return <ErrorState error={new ApiError(admin ? 404 : 403, {})} />;
  return (
    <Page title={c.settings} lead={w.lead}>
      <Tabs activeKey={part} onChange={(key) => go(`/settings/${key}`)} items={parts} destroyOnHidden />
    </Page>
  );
}
