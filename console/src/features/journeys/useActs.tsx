/** What can be done to a journey from its list and its page; what hurts asks first. */
import { useQueryClient } from "@tanstack/react-query";
import { App, type MenuProps } from "antd";
import { type ReactNode, useState } from "react";
import { api } from "../../api/client";
import { useApp, useWords } from "../../app/context";
import { address, go } from "../../app/router";
import { NameDialog } from "../../ui/NameDialog";
import { ProblemText } from "../../ui/States";
import { common } from "../../words/common";
import type { JourneyDetail, JourneyRow } from "./shapes";
import { StartDialog } from "./StartDialog";
import { journeys } from "./words";

type Act = NonNullable<NonNullable<MenuProps["items"]>[number]>;

export interface Acts {
  /** What makes sense in its state. */
  of: (row: JourneyRow) => { key: string; label: string; danger?: boolean; onClick: () => void }[];
  /** The dialog that is open. */
  dialog: ReactNode;
}

/** As items of a menu. */
export const itemsOf = (acts: ReturnType<Acts["of"]>): Act[] => acts;

/** Everything about journeys is asked anew. */
export function useFresh() {
  const cache = useQueryClient();
  return () => cache.invalidateQueries({ predicate: (q) => String(q.queryKey[0]).startsWith("journey") });
}

export function useActs(): Acts {
  const w = useWords(journeys);
  const c = useWords(common);
  const { allowed } = useApp();
  const { message, modal } = App.useApp();
  const fresh = useFresh();
  const [starting, setStarting] = useState<JourneyRow | null>(null);
  const [copying, setCopying] = useState<string | null>(null);
  const attempt = async (work: () => Promise<unknown>) => {
    try {
      await work();
    } catch (error) {
      void message.error(<ProblemText error={error} />);
    }
    await fresh();
  };
  const confirm = (title: string, content: string, okText: string, work: () => Promise<unknown>) =>
    modal.confirm({ title, content, okText, cancelText: c.back, okButtonProps: { danger: true }, onOk: () => attempt(work) });
  const of: Acts["of"] = (row) => {
    if (allowed !== null && !allowed.has("send")) return [];
    const path = { name: row.journey };
    const found: ReturnType<Acts["of"]> = [];
    const add = (key: string, label: string, onClick: () => void, danger = false) => found.push({ key, label, onClick, danger });
    if (row.state === "draft" || row.state === "stopped") add("start", w.start, () => setStarting(row));
    if (row.state === "running" && row.version !== row.running_version) add("start", w.startNew, () => setStarting(row));
    if (row.state === "running") add("pause", w.pause, () => void attempt(() => api.post("/api/v1/journeys/{name}/pause", { path })));
    if (row.state === "paused") add("resume", w.resume, () => void attempt(() => api.post("/api/v1/journeys/{name}/resume", { path })));
    add("copy", w.copyIt, () => setCopying(row.journey));
    const stop = () => api.post("/api/v1/journeys/{name}/stop", { path });
    if (row.state === "running" || row.state === "paused") add("stop", w.stop, () => confirm(w.stopTitle(row.journey), w.stopText(row.inside), w.stop, stop), true);
    const remove = async () => {
      await api.delete("/api/v1/journeys/{name}", { path });
      void message.success(w.deleted(row.journey));
      go("/journeys");
    };
    if (row.started_at === null) add("delete", c.delete, () => confirm(w.deleteTitle(row.journey), w.deleteText, c.delete, remove), true);
    return found;
  };
  const dialog = (
    <>
      {starting !== null && <StartDialog row={starting} close={() => setStarting(null)} />}
      {copying !== null && <CopyDialog name={copying} close={() => setCopying(null)} />}
    </>
  );
  return { of, dialog };
}

/** A copy is a draft: the definition under another name, which nobody may have. */
function CopyDialog({ name, close }: { name: string; close: () => void }) {
  const w = useWords(journeys);
  const c = useWords(common);
  const { message } = App.useApp();
  const fresh = useFresh();
  const copy = async (to: string) => {
    const { definition } = await api.get<JourneyDetail>("/api/v1/journeys/{name}", { path: { name } });
    await api.put("/api/v1/journeys/{name}", { path: { name: to }, body: { definition: { ...definition, name: to }, base_version: 0 } });
    void message.success(w.copied(to));
    close();
    await fresh();
    go(address("journeys", to));
  };
  return <NameDialog title={w.copyTitle(name)} label={c.name} start={w.copyOf(name)} ok={c.copy} close={close} act={copy} />;
}
