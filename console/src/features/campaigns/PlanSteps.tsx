/** The last steps of the wizard: look at the plan, approve its numbers, send. */
import { Button } from "antd";
import { useWords } from "../../app/context";
import { Panel } from "../../ui/Page";
import { Empty, ErrorState, Loading } from "../../ui/States";
import { useCampaign } from "./CampaignPage";
import { PlanView, Repeated, Sending, useFresh, usePlanning } from "./PlanTab";
import { campaigns } from "./words";

export function PlanStep({ name }: { name: string }) {
  const w = useWords(campaigns);
  const found = useCampaign(name);
  const { busy, make } = usePlanning(name);
  if (found.isError) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading rows={6} />;
  const last = found.data.occurrence;
  const planning = (
    <Button type={last === null ? "primary" : "default"} loading={busy} onClick={make}>
      {last === null ? w.planNow : w.planAgain}
    </Button>
  );
  if (last === null) return <Empty title={w.planEmpty} hint={w.planHint} action={planning} />;
  return <PlanView occurrence={last} plan={last.plan} extra={planning} />;
}

export function ApproveStep({ name }: { name: string }) {
  const w = useWords(campaigns);
  const found = useCampaign(name);
  const fresh = useFresh(name);
  if (found.isError) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading rows={6} />;
  const last = found.data.occurrence;
  if (last === null) return <Empty title={w.planEmpty} hint={w.planHint} />;
  return (
    <Panel title={w.approveTitle(last.run)}>
      <p>{w.approveText}</p>
      <Repeated plan={last.plan} />
      <Sending campaign={found.data} occurrence={last} fresh={fresh} />
    </Panel>
  );
}
