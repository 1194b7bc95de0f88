/** What can be done to a campaign from its list and its page; what hurts asks first. */
import { useQueryClient } from "@tanstack/react-query";
import { App, type MenuProps } from "antd";
import { createElement } from "react";
import { api } from "../../api/client";
import { useApp, useWords } from "../../app/context";
import { address, go } from "../../app/router";
import { ProblemText } from "../../ui/States";
import { common } from "../../words/common";
import type { RunState } from "./shapes";
import { campaigns } from "./words";

interface Subject {
  campaign: string;
  state: RunState;
  enabled: boolean;
  occurrences?: number;
}

export type Act = NonNullable<NonNullable<MenuProps["items"]>[number]>;

const STOPPABLE: RunState[] = ["waiting", "running", "paused", "failed"];

/** The acts that make sense in its state, for who may send. */
export function useActs(): (row: Subject) => Act[] {
  const w = useWords(campaigns);
  const c = useWords(common);
  const { allowed } = useApp();
  const { message, modal } = App.useApp();
  const cache = useQueryClient();
  const fresh = () => cache.invalidateQueries({ predicate: (q) => String(q.queryKey[0]).startsWith("campaign") });
  const attempt = async (work: () => Promise<unknown>) => {
    try {
      await work();
    } catch (error) {
      void message.error(createElement(ProblemText, { error }));
    }
    await fresh();
  };
  const confirm = (title: string, content: string, okText: string, work: () => Promise<unknown>) =>
    modal.confirm({ title, content, okText, cancelText: c.back, okButtonProps: { danger: true }, onOk: () => attempt(work) });
  return (row) => {
    if (allowed !== null && !allowed.has("send")) return [];
    const path = { name: row.campaign };
    const found: Act[] = [];
    if (["waiting", "running"].includes(row.state)) {
      found.push({ key: "pause", label: w.pause, onClick: () => void attempt(() => api.post("/api/v1/campaigns/{name}/pause", { path })) });
    }
    if (row.state === "paused") found.push({ key: "resume", label: w.resume, onClick: () => void attempt(() => api.post("/api/v1/campaigns/{name}/resume", { path })) });
    found.push(
      row.enabled
        ? { key: "disable", label: w.disable, onClick: () => void attempt(() => api.post("/api/v1/campaigns/{name}/disable", { path })) }
        : { key: "enable", label: w.enable, onClick: () => void attempt(() => api.post("/api/v1/campaigns/{name}/enable", { path })) },
    );
    const copy = async () => {
      const made = await api.post<{ campaign: string }>("/api/v1/campaigns/{name}/copy", { path, body: {} });
      void message.success(w.copied(made.campaign));
      go(address("campaigns", made.campaign));
    };
    found.push({ key: "copy", label: w.copyIt, onClick: () => void attempt(copy) });
    const cancel = () => api.post("/api/v1/campaigns/{name}/cancel", { path });
    if (STOPPABLE.includes(row.state)) {
      found.push({ key: "cancel", label: w.cancelRun, danger: true, onClick: () => confirm(w.cancelTitle(row.campaign), w.cancelText, w.cancelRun, cancel) });
    }
    const remove = async () => {
      await api.delete("/api/v1/campaigns/{name}", { path });
      void message.success(w.deleted(row.campaign));
      go("/campaigns");
    };
    if (row.state === "draft" && (row.occurrences ?? 0) === 0) {
      found.push({ key: "delete", label: c.delete, danger: true, onClick: () => confirm(w.deleteTitle(row.campaign), w.deleteText, c.delete, remove) });
    }
    return found;
  };
}
