/** Messages that failed are sent once more, after a question. */
import { App, Button } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { JobProgress } from "../../ui/JobProgress";
import { ProblemText } from "../../ui/States";
import { ended, useJob } from "../../ui/useJob";
import { common } from "../../words/common";
import { useFresh, useOccurrences } from "./PlanTab";
import { campaigns } from "./words";

/** Of the newest run alone: those of earlier ones are over. */
export function Retry({ name, failed, run }: { name: string; failed: number; run: string }) {
  const w = useWords(campaigns);
  const c = useWords(common);
  const f = useFormat();
  const { allowed } = useApp();
  const { modal, message } = App.useApp();
  const fresh = useFresh(name);
  const newest = useOccurrences(name).data?.[0];
  const [job, setJob] = useState<string | null>(null);
  const watched = useJob(job, () => void fresh());
  const state = watched.data?.state;
  if (newest?.run !== run || (allowed !== null && !allowed.has("send"))) return null;
  const again = async () => {
    const path = { name };
    try {
      await api.post("/api/v1/campaigns/{name}/retry", { path, body: { event: "failed" } });
      setJob((await api.post<{ job: string }>("/api/v1/campaigns/{name}/run", { path, body: {} })).job);
    } catch (error) {
      void message.error(<ProblemText error={error} />);
    }
    await fresh();
  };
  const ask = () => modal.confirm({ title: w.retryTitle(f.number(failed)), content: w.retryText, okText: w.retryFailed(f.number(failed)), cancelText: c.back, onOk: again });
  return (
    <div className="stacked">
      <span>
        <Button disabled={job !== null && !ended(state)} onClick={ask}>
          {w.retryFailed(f.number(failed))}
        </Button>
      </span>
      {job !== null && <JobProgress job={watched.data} label={w.runGoing} />}
    </div>
  );
}
