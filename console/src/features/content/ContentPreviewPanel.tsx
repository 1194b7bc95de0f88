/** What a chosen customer would see of content as it stands now. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Input, Select } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import { useApp, useWords } from "../../app/context";
import { Field } from "../../ui/Field";
import { HtmlFrame, MessagePreview } from "../../ui/MessagePreview";
import { Panel } from "../../ui/Page";
import { ProblemText } from "../../ui/States";
import { useChannels } from "../../ui/useChannels";
import { useRested } from "../../ui/useRested";
import { type Body, type ContentPreview, type Kind, sent } from "./shapes";
import { content } from "./words";

/** The first customer there is, to begin with. */
function useSomebody() {
  return useQuery({
    queryKey: ["customers", "somebody"],
    retry: false,
    queryFn: async ({ signal }) => (await api.get<{ customers: { entity: string }[] }>("/api/v1/customers", { query: { limit: 1 }, signal })).customers[0]?.entity ?? "",
  });
}

export function ContentPreviewPanel({ kind, body }: { kind: Kind; body: Body }) {
  const w = useWords(content);
  const { language } = useApp();
  const first = useSomebody();
  const known = useChannels();
  const [typed, setTyped] = useState<string | null>(null);
  const channels = Object.keys((body.channels ?? {}) as Body);
  const [chosen, setChosen] = useState("");
  const channel = channels.includes(chosen) ? chosen : (channels[0] ?? "");
  const entity = useRested((typed ?? first.data ?? "").trim());
  const text = useRested(JSON.stringify(sent(kind, body)));
  const ready = entity !== "" && (kind !== "template" || channel !== "") && (kind !== "page" || (body.html ?? "") !== "");
  const found = useQuery({
    queryKey: ["content-preview", kind, entity, channel, text, language],
    enabled: ready,
    retry: false,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => api.post<ContentPreview>("/api/v1/content/preview", { query: { language }, body: { kind, body: JSON.parse(text) as Body, entity, channel: kind === "template" ? channel : undefined }, signal }),
  });
  return (
    <Panel title={w.preview}>
      <Field label={w.customer}>{(control) => <Input {...control} value={typed ?? first.data ?? ""} onChange={(event) => setTyped(event.target.value)} />}</Field>
      {channels.length > 1 && <Field label={w.channel}>{(control) => <Select {...control} value={channel} options={channels.map((value) => ({ value, label: known.data?.find((row) => row.channel === value)?.label ?? value }))} onChange={setChosen} />}</Field>}
      <div aria-live="polite">
        {found.isError && (
          <p className="field-error" role="alert">
            <ProblemText error={found.error} />
          </p>
        )}
        {found.data === undefined && !found.isError && <p className="quiet">{w.previewNone}</p>}
        {found.data !== undefined && !found.isError && <Shown kind={kind} channel={channel} found={found.data} />}
      </div>
    </Panel>
  );
}

function Shown({ kind, channel, found }: { kind: Kind; channel: string; found: ContentPreview }) {
  const w = useWords(content);
  return (
    <>
      {kind === "page" ? (
        <div className="mail" translate="no">
          <div className="mail-head">
            <b>{String(found.parts?.title ?? "")}</b>
          </div>
          <HtmlFrame html={found.html ?? ""} title={w.pageFrame} />
        </div>
      ) : (
        <MessagePreview channel={channel} parts={found.parts ?? {}} />
      )}
      {(found.chosen ?? []).map((one) => (
        <p key={one.block} className="finding" data-chosen={one.variant}>
          <b>{one.block === "" ? w.why : w.whyOf(one.block)}</b> {one.words}
        </p>
      ))}
      {found.missing.length > 0 && <p className="warn">{w.missing(found.missing.join(", "))}</p>}
      {(found.notes ?? []).map((note) => (
        <p key={note} className="warn">
          {note}
        </p>
      ))}
    </>
  );
}
