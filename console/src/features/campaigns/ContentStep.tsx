/** What a campaign says: channel and options, texts with tags for each language, and beside them what a customer gets. */
import { useWords } from "../../app/context";
import type { Message } from "../../ui/message";
import { ChannelFields, MessageTexts } from "../../ui/MessageFields";
import { Panel } from "../../ui/Page";
import { ErrorState, Loading } from "../../ui/States";
import { useChannels } from "../../ui/useChannels";
import { PreviewPanel } from "./PreviewPanel";
import { armsOf } from "./shapes";
import type { StepProps } from "./WizardPage";
import { wizard } from "./words";

export function ContentStep({ definition, change, saved }: StepProps) {
  const w = useWords(wizard);
  const channels = useChannels();
  const put = (part: Message) => change({ ...part });
  if (channels.isError) return <ErrorState error={channels.error} retry={() => void channels.refetch()} />;
  if (channels.data === undefined) return <Loading rows={6} />;
  return (
    <div className="editor">
      <div className="stack">
        <Panel title={w.channelHint}>
          <ChannelFields message={definition} change={put} />
        </Panel>
        <MessageTexts message={definition} change={put} />
      </div>
      <div className="editor-side">
        <PreviewPanel definition={definition} saved={saved} arms={armsOf(definition).map((arm) => arm.name)} />
      </div>
    </div>
  );
}
