/** The frame around every screen: the menu, who is signed in, the language and the colours. */
import {
  ClusterOutlined,
  DatabaseOutlined,
  ExperimentOutlined,
  FileTextOutlined,
  HomeOutlined,
  LogoutOutlined,
  MenuOutlined,
  NodeIndexOutlined,
  SendOutlined,
  SettingOutlined,
  TagsOutlined,
  TeamOutlined,
  ThunderboltOutlined,
  UserOutlined,
} from "@ant-design/icons";
import { Avatar, Button, Drawer, Dropdown } from "antd";
import { type ReactNode, useEffect, useState } from "react";
import { common } from "../words/common";
import { useApp, useWords } from "./context";
import { Link, usePlace } from "./router";
import { LanguageButton, ModeButton } from "./Switches";

type Word = "home" | "audiences" | "tags" | "data" | "segments" | "customers" | "campaigns" | "journeys" | "content" | "experiments" | "jobs" | "settings";

/** `also`: the address of another screen that belongs to it. */
const ITEMS: { path: string; also?: string; word: Word; icon: ReactNode }[] = [
  { path: "/", word: "home", icon: <HomeOutlined aria-hidden="true" /> },
  { path: "/audiences", word: "audiences", icon: <TeamOutlined aria-hidden="true" /> },
  { path: "/segments", word: "segments", icon: <ClusterOutlined aria-hidden="true" /> },
  { path: "/campaigns", also: "/exclusions", word: "campaigns", icon: <SendOutlined aria-hidden="true" /> },
  { path: "/journeys", word: "journeys", icon: <NodeIndexOutlined aria-hidden="true" /> },
  { path: "/content", word: "content", icon: <FileTextOutlined aria-hidden="true" /> },
  { path: "/experiments", word: "experiments", icon: <ExperimentOutlined aria-hidden="true" /> },
  { path: "/customers", word: "customers", icon: <UserOutlined aria-hidden="true" /> },
  { path: "/tags", word: "tags", icon: <TagsOutlined aria-hidden="true" /> },
  { path: "/data", word: "data", icon: <DatabaseOutlined aria-hidden="true" /> },
  { path: "/jobs", word: "jobs", icon: <ThunderboltOutlined aria-hidden="true" /> },
  { path: "/settings", word: "settings", icon: <SettingOutlined aria-hidden="true" /> },
];

export function Shell({ children }: { children: ReactNode }) {
  const w = useWords(common);
  const { path } = usePlace();
  const [open, setOpen] = useState(false);
  useEffect(() => setOpen(false), [path]);
  return (
    <div className="shell">
      <a className="skip" href="#content">
        {w.skip}
      </a>
      <header className="topbar">
        <Button type="text" icon={<MenuOutlined aria-hidden="true" />} aria-label={w.menu} aria-expanded={open} onClick={() => setOpen(true)} />
        <Brand />
        <UserMenu />
      </header>
      <aside className="sidebar">
        <Brand />
        <Navigation path={path} />
        <div className="sidebar-foot">
          <UserMenu named />
          <div className="sidebar-switches">
            <LanguageButton />
            <ModeButton />
          </div>
        </div>
      </aside>
      <Drawer open={open} onClose={() => setOpen(false)} placement="left" size={280} title={<Brand />} closable={false}>
        <Navigation path={path} />
        <div className="sidebar-switches">
          <LanguageButton />
          <ModeButton />
        </div>
      </Drawer>
      <main id="content" className="content" tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

function Brand() {
  const { status } = useApp();
  return (
    <Link className="brand" href="/">
      <img src="/icon.svg" alt="" width="28" height="28" />
      <span>
        <b>Coterie</b>
        <small>{status.workspace}</small>
      </span>
    </Link>
  );
}

function Navigation({ path }: { path: string }) {
  const w = useWords(common);
  const here = ITEMS.findLast((item) => path === item.path || path === item.also || (item.path !== "/" && path.startsWith(`${item.path}/`)));
  return (
    <nav aria-label={w.navigation}>
      <ul className="nav">
        {ITEMS.map((item) => (
          <li key={item.path}>
            <Link href={item.path} aria-current={item === here ? "page" : undefined}>
              {item.icon}
              {w[item.word]}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function UserMenu({ named }: { named?: boolean }) {
  const { user, signOut } = useApp();
  const w = useWords(common);
  const items = [{ key: "out", icon: <LogoutOutlined aria-hidden="true" />, label: w.signOut, onClick: signOut }];
  return (
    <Dropdown menu={{ items }} trigger={["click"]} placement={named ? "topLeft" : "bottomRight"}>
      <button type="button" className="user">
        <Avatar size={30} className="avatar" aria-hidden="true">
          {(user?.name ?? "?").slice(0, 1).toUpperCase()}
        </Avatar>
        <span className="sr-only">{w.account}</span>
        <span className={named ? "" : "sr-only"}>{user?.name}</span>
      </button>
    </Dropdown>
  );
}
