/** One audience: its sizes over time, who came and went, how it differs, what it shares with others, its members. */
import { CopyOutlined, DeleteOutlined, DownloadOutlined, EditOutlined, EllipsisOutlined, FileExcelOutlined, PictureOutlined, ReloadOutlined } from "@ant-design/icons";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Checkbox, Dropdown, Form, Input, Modal, Select, Tabs } from "antd";
import { useState } from "react";
import { addressOf, api } from "../../api/client";
import type { AudienceDetail, TagRow } from "../../api/shapes";
import { useApp, useFormat, useWords } from "../../app/context";
import { address, go, useQueryValue } from "../../app/router";
import { download } from "../../ui/download";
import { Page } from "../../ui/Page";
import { pictureOf } from "../../ui/picture";
import { ErrorState, Loading, ProblemText } from "../../ui/States";
import { common } from "../../words/common";
import { Insight } from "./Insight";
import { Members } from "./Members";
import { Overlap } from "./Overlap";
import { Overview } from "./Overview";
import { StateTag } from "./StateTag";
import { audiences } from "./words";

export default function AudiencePage({ name }: { name: string }) {
  const { language } = useApp();
  const found = useQuery({
    queryKey: ["audience", name, language],
    queryFn: ({ signal }) => api.get<AudienceDetail>("/api/v1/audiences/{name}", { path: { name }, query: { language }, signal }),
  });
  if (found.isError) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading rows={10} />;
  return <Shown key={name} audience={found.data} />;
}

function Shown({ audience }: { audience: AudienceDetail }) {
  const w = useWords(audiences);
  const c = useWords(common);
  const [tab, setTab] = useQueryValue("tab", "overview");
  const name = audience.audience;
  const tabs = [
    { key: "overview", label: w.overviewTab, children: <Overview audience={audience} /> },
    { key: "insight", label: w.insightTab, children: <Insight name={name} /> },
    { key: "overlap", label: w.overlapTab, children: <Overlap name={name} /> },
    { key: "members", label: w.membersTab, children: <Members name={name} /> },
  ];
  return (
    <Page
      title={name}
      heading={
        <>
          {name} <StateTag state={audience.state} validity={audience.validity} />
        </>
      }
      lead={audience.sentence}
      above={{ href: "/audiences", label: c.audiences }}
      actions={<Actions audience={audience} />}
    >
      {audience.error !== null && (
        <p className="rule-problem" role="alert">
          {audience.error.message} {audience.error.fix}
        </p>
      )}
      <Tabs activeKey={tab} onChange={setTab} items={tabs} destroyOnHidden />
    </Page>
  );
}

function Actions({ audience }: { audience: AudienceDetail }) {
  const w = useWords(audiences);
  const c = useWords(common);
  const f = useFormat();
  const { message } = App.useApp();
  const { allowed, language } = useApp();
  const cache = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [dialog, setDialog] = useState<"copy" | "export" | null>(null);
  const name = audience.audience;
  const may = (right: string) => allowed === null || allowed.has(right);
  const fresh = () => cache.invalidateQueries({ predicate: (q) => String(q.queryKey[0]).startsWith("audience") });
  const refresh = async () => {
    setBusy(true);
    try {
      const made = await api.post<{ count: number }>("/api/v1/audiences/{name}/refresh", { path: { name } });
      void message.success(w.refreshed(f.number(made.count)));
    } catch (error) {
      void message.error(<ProblemText error={error} />);
    } finally {
      setBusy(false);
      await fresh();
    }
  };
  const remove = useRemoval(name, fresh);
  const picture = async () => {
    const page = document.querySelector<HTMLElement>(".page");
    if (page !== null) download(`${name}.png`, await pictureOf(page));
  };
  const changing = [
    { key: "copy", icon: <CopyOutlined aria-hidden="true" />, label: w.copyTo, onClick: () => setDialog("copy") },
    { key: "delete", icon: <DeleteOutlined aria-hidden="true" />, danger: true, label: c.delete, onClick: remove },
  ];
  const more = [
    { key: "picture", icon: <PictureOutlined aria-hidden="true" />, label: w.pagePicture, onClick: () => void picture() },
    { key: "workbook", icon: <FileExcelOutlined aria-hidden="true" />, label: w.pageWorkbook, onClick: () => download(`${name}.xlsx`, workbookOf(name, language)) },
    ...(may("define") ? changing : []),
  ];
  return (
    <>
      {may("export") && (
        <Button icon={<DownloadOutlined aria-hidden="true" />} onClick={() => setDialog("export")}>
          {c.export}
        </Button>
      )}
      {may("define") && (
        <>
          <Button icon={<EditOutlined aria-hidden="true" />} onClick={() => go(`${address("audiences", name)}/edit`)}>
            {w.edit}
          </Button>
          <Button type="primary" icon={<ReloadOutlined aria-hidden="true" />} loading={busy} onClick={() => void refresh()}>
            {w.refreshNow}
          </Button>
        </>
      )}
      <Dropdown menu={{ items: more }} trigger={["click"]}>
        <Button icon={<EllipsisOutlined aria-hidden="true" />} aria-label={c.more} />
      </Dropdown>
      {dialog === "copy" && <CopyDialog name={name} close={() => setDialog(null)} />}
      {dialog === "export" && <ExportDialog audience={audience} close={() => setDialog(null)} />}
    </>
  );
}

/** The page as Excel, compared and laid over as the address says. */
function workbookOf(name: string, language: string): string {
  const query = new URLSearchParams(window.location.search);
  const others = query.get("with");
  const chosen = others === null ? [] : (JSON.parse(others) as string[]);
  const address = addressOf("/api/v1/audiences/{name}/page.xlsx", { name }, { language, against: query.get("against") });
  return address + chosen.map((other) => `&others=${encodeURIComponent(other)}`).join("");
}

/** What asks whether to delete an audience, and does it. */
function useRemoval(name: string, fresh: () => Promise<void>) {
  const w = useWords(audiences);
  const c = useWords(common);
  const { message, modal } = App.useApp();
  return () =>
    modal.confirm({
      title: w.deleteTitle(name),
      content: w.deleteText,
      okText: c.delete,
      okButtonProps: { danger: true },
      onOk: async () => {
        try {
          await api.delete("/api/v1/audiences/{name}", { path: { name } });
          void message.success(w.deleted(name));
          go("/audiences");
          await fresh();
        } catch (error) {
          void message.error(<ProblemText error={error} />);
        }
      },
    });
}

function CopyDialog({ name, close }: { name: string; close: () => void }) {
  const w = useWords(audiences);
  const c = useWords(common);
  const cache = useQueryClient();
  const [to, setTo] = useState(`${name} 2`);
  const [error, setError] = useState<unknown>(null);
  const copy = async () => {
    try {
      await api.post("/api/v1/audiences/{name}/copy", { path: { name }, body: { to: to.trim() } });
      await cache.invalidateQueries({ queryKey: ["audiences"] });
      go(address("audiences", to.trim()));
    } catch (problem) {
      setError(problem);
    }
  };
  return (
    <Modal open title={w.copyTitle} onCancel={close} okText={c.copy} onOk={() => void copy()} okButtonProps={{ disabled: to.trim() === "" }}>
      <Input aria-label={c.name} value={to} onChange={(event) => setTo(event.target.value)} onPressEnter={() => void copy()} />
      {error !== null && (
        <p className="leaf-note" role="alert">
          <ProblemText error={error} />
        </p>
      )}
    </Modal>
  );
}

function ExportDialog({ audience, close }: { audience: AudienceDetail; close: () => void }) {
  const w = useWords(audiences);
  const { language } = useApp();
  const [format, setFormat] = useState("csv");
  const [tags, setTags] = useState<string[]>([]);
  const [hash, setHash] = useState(false);
  const offered = useQuery({
    queryKey: ["tags", "export", audience.entity_kind, language],
    queryFn: ({ signal }) => api.get<{ tags: TagRow[] }>("/api/v1/tags", { query: { language, entity_kind: audience.entity_kind }, signal }),
  });
  const href = addressOf("/api/v1/audiences/{name}/export", { name: audience.audience }, { format, tags: tags.join(","), hash_ids: hash });
  return (
    <Modal open title={w.exportTitle} onCancel={close} footer={<Button type="primary" href={href} download onClick={close}>{w.exportRun}</Button>}>
      <Form layout="vertical">
        <Form.Item label={w.exportFormat} htmlFor="export-format">
          <Select
            id="export-format"
            value={format}
            onChange={setFormat}
            options={[
              { value: "csv", label: "CSV" },
              { value: "xlsx", label: "Excel (.xlsx)" },
              { value: "parquet", label: "Parquet" },
            ]}
          />
        </Form.Item>
        <Form.Item label={w.exportTags} htmlFor="export-tags">
          <Select
            id="export-tags"
            mode="multiple"
            value={tags}
            onChange={setTags}
            showSearch={{ optionFilterProp: "label" }}
            options={(offered.data?.tags ?? []).map((tag) => ({ value: tag.tag, label: tag.label }))}
          />
        </Form.Item>
        <Checkbox checked={hash} onChange={(event) => setHash(event.target.checked)}>
          {w.exportHash}
        </Checkbox>
      </Form>
    </Modal>
  );
}
