/** Starting a journey: who would come in now, which messages are approved by it, and then it runs. */
import { useQuery } from "@tanstack/react-query";
import { App, Modal } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import { useWords } from "../../app/context";
import { ErrorState, Loading, ProblemText } from "../../ui/States";
import { common } from "../../words/common";
import { kindOf } from "./draft";
import type { DryRun, JourneyDetail, JourneyRow } from "./shapes";
import { useTelling } from "./tell";
import { useFresh } from "./useActs";
import { journeys } from "./words";

export function StartDialog({ row, close }: { row: JourneyRow; close: () => void }) {
  const w = useWords(journeys);
  const c = useWords(common);
  const told = useTelling();
  const { message } = App.useApp();
  const fresh = useFresh();
  const [error, setError] = useState<unknown>(null);
  const name = row.journey;
  const found = useQuery({
    queryKey: ["journey-start", name, row.version],
    retry: false,
    queryFn: async ({ signal }) => {
      const newest = await api.get<JourneyDetail>("/api/v1/journeys/{name}", { path: { name }, signal });
      const dry = await api.post<DryRun>("/api/v1/journeys/{name}/dry-run", { path: { name }, body: { days: 1 }, signal });
      return { steps: newest.definition.steps ?? [], entrants: dry.entrants };
    },
  });
  const start = async () => {
    try {
      await api.post("/api/v1/journeys/{name}/start", { path: { name } });
      void message.success(w.started(name));
      close();
    } catch (problem) {
      setError(problem);
    }
    await fresh();
  };
  return (
    <Modal open title={w.startTitle(name)} okText={row.state === "running" ? w.startNew : w.start} cancelText={c.back} closable={{ "aria-label": c.close }} onCancel={close} onOk={() => start()} okButtonProps={{ disabled: !found.isSuccess }}>
      <p>{w.startText}</p>
      {row.state === "running" && <p>{w.startAnew}</p>}
      {found.isPending && <Loading rows={2} />}
      {found.isError && <ErrorState small error={found.error} />}
      {found.data !== undefined && (
        <>
          <p>
            <b data-entrants={found.data.entrants}>{w.startNow(found.data.entrants)}</b>
          </p>
          <ul className="bullets">
            {found.data.steps.filter((step) => kindOf(step) === "send").map((step) => (
              <li key={step.id}>
                <b translate="no">{step.id}</b> {told(step)}
              </li>
            ))}
          </ul>
        </>
      )}
      {error !== null && (
        <p className="field-error" role="alert">
          <ProblemText error={error} />
        </p>
      )}
    </Modal>
  );
}
