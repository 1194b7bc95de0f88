/** What a campaign is, in words: a read-only view of its definition, with its versions and its file. */
import { Button, Modal, Select } from "antd";
import { useState } from "react";
import { useApp, useFormat, useWords } from "../../app/context";
import { address, Link, useQueryValue } from "../../app/router";
import { Panel } from "../../ui/Page";
import { usePartWords } from "../../ui/partWords";
import { armsOf, audienceOf, type CampaignDetail, type Definition } from "./shapes";
import { useChannels } from "../../ui/useChannels";
import { common } from "../../words/common";
import { channelOf } from "../../ui/message";
import { exclusionOf } from "./useExclusions";
import { campaigns, exclusions, wizard } from "./words";

export function Overview({ campaign }: { campaign: CampaignDetail }) {
  const w = useWords(campaigns);
  return (
    <div className="grid">
      <Panel className="span-7" title={w.definition} extra={<Versions campaign={campaign} />}>
        <Facts definition={campaign.definition} />
      </Panel>
      <div className="span-5 stack">
        <Panel title={w.stepApprove}>
          <Approval campaign={campaign} />
        </Panel>
        <Panel title={w.content}>
          <ContentParts definition={campaign.definition} />
        </Panel>
      </div>
    </div>
  );
}

function Approval({ campaign }: { campaign: CampaignDetail }) {
  const w = useWords(campaigns);
  const f = useFormat();
  const given = campaign.approval;
  if (given === null) return <p className="quiet">{w.notApproved}</p>;
  return (
    <p>
      {w.approvedBy(given.by || w.somebody, f.moment(given.at))} <span className="quiet">({w.approvedMost(f.number(given.most))})</span>
    </p>
  );
}

function Versions({ campaign }: { campaign: CampaignDetail }) {
  const w = useWords(campaigns);
  const f = useFormat();
  const [, setVersion] = useQueryValue("version");
  const [shown, setShown] = useState(false);
  const newest = Math.max(campaign.version, ...campaign.versions.map((v) => v.version));
  const options = campaign.versions.map((v) => ({ value: v.version, label: `${w.version(v.version)} · ${f.moment(v.saved_at)}${v.by ? ` · ${v.by}` : ""}` }));
  return (
    <span className="page-actions">
      {options.length > 1 ? (
        <Select
          size="small"
          aria-label={w.versions}
          value={campaign.version}
          options={options}
          popupMatchSelectWidth={false}
          onChange={(value) => setVersion(value === newest ? "" : String(value))}
        />
      ) : (
        <span className="quiet small">{w.version(campaign.version)}</span>
      )}
      <Button size="small" onClick={() => setShown(true)}>
        {w.asFile}
      </Button>
      <Modal open={shown} title={w.asFile} onCancel={() => setShown(false)} footer={null} width={680}>
        <pre className="code-box" tabIndex={0} translate="no">
          {JSON.stringify(campaign.definition, null, 2)}
        </pre>
      </Modal>
    </span>
  );
}

/** The schedule of a definition, in words. */
export function useScheduleWords(): (schedule: Definition["schedule"]) => string {
  const w = useWords(campaigns);
  const x = useWords(wizard);
  const f = useFormat();
  const { status } = useApp();
  return (schedule) => {
    if (schedule === undefined || schedule === "now") return w.scheduleNow;
    const zone = typeof schedule.zone === "string" && schedule.zone !== status.zone ? ` (${schedule.zone})` : "";
    if (typeof schedule.at === "string") return w.scheduleAt(/[zZ]|[+-]\d\d:\d\d$/.test(schedule.at) ? f.moment(schedule.at) : `${schedule.at.replace("T", " ")}${zone}`);
    if (typeof schedule.time !== "string") return JSON.stringify(schedule);
    const weekdays = ((schedule.weekdays ?? []) as (keyof typeof x)[]).map((day) => x[day] as string);
    const days = ((schedule.days ?? []) as number[]).map(String);
    return w.scheduleEvery(schedule.time, [...weekdays, ...days].length > 0 ? f.list([...weekdays, ...days]) : w.everyDay) + zone;
  };
}

export function Facts({ definition }: { definition: Definition }) {
  const w = useWords(campaigns);
  const c = useWords(common);
  const f = useFormat();
  const channels = useChannels();
  const said = useScheduleWords();
  const audience = audienceOf(definition);
  const channel = channelOf(definition);
  const refresh = typeof definition.audience === "object" && definition.audience.use === "refresh";
  const label = channels.data?.find((one) => one.channel === channel.name)?.label ?? channel.name;
  const validity = definition.validity;
  const when = (moment: string) => (Number.isNaN(Date.parse(moment)) ? moment : f.moment(moment));
  return (
    <dl className="facts">
      <Fact name={w.audience}>
        {audience !== "" && <Link href={address("audiences", audience)}>{audience}</Link>}
        <p className="quiet small">{refresh ? w.refreshFirst : w.newestSnapshot}</p>
      </Fact>
      <Fact name={w.channel}>
        {label}
        {Object.entries(channel.options).map(([name, value]) => (
          <span key={name} className="chip" translate="no">{`${name}: ${typeof value === "object" ? JSON.stringify(value) : String(value)}`}</span>
        ))}
      </Fact>
      <Fact name={w.experiment}>
        <Shares definition={definition} />
      </Fact>
      <Fact name={w.goals}>
        {(definition.goals ?? []).length === 0 ? <span className="quiet">{w.none}</span> : (definition.goals ?? []).map((goal, i) => <p key={`${goal.name ?? goal.events}-${i}`} translate="no">{`${goal.name ?? goal.events} · ${goal.events} · ${goal.within ?? "7d"}`}</p>)}
      </Fact>
      <Fact name={w.schedule}>{said(definition.schedule)}</Fact>
      <Fact name={w.validity}>{validity === undefined ? w.forEver : [validity.from !== undefined && `${w.from} ${when(validity.from)}`, validity.until !== undefined && `${w.until} ${when(validity.until)}`].filter(Boolean).join(" ")}</Fact>
      {definition.quiet != null && <Fact name={w.quiet}>{w.quietSaid(definition.quiet.from, definition.quiet.until)}</Fact>}
      {(["brand", "type", "category", "owner", "group"] as const).map((key) => {
        const value = definition[key];
        return value ? (
          <Fact key={key} name={key === "type" ? w.kind : key === "brand" ? w.brand : key === "category" ? w.category : key === "group" ? w.group : c.owner}>
            {value}
          </Fact>
        ) : null;
      })}
      <ExclusionFact definition={definition} />
      {definition.priority !== undefined && definition.priority !== 0 && <Fact name={w.priority}>{definition.priority}</Fact>}
    </dl>
  );
}

/** The group that keeps it apart from others, with the way to it. */
function ExclusionFact({ definition }: { definition: Definition }) {
  const w = useWords(exclusions);
  const f = useFormat();
  const named = exclusionOf(definition);
  if (named === null) return null;
  return (
    <Fact name={w.group}>
      <Link href={`/exclusions?group=${encodeURIComponent(named.group)}`}>{w.shareOf(named.group, named.share === null ? w.whatIsLeft : f.percent(named.share))}</Link>
    </Fact>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Shares({ definition }: { definition: Definition }) {
  const w = useWords(campaigns);
  const f = useFormat();
  const arms = armsOf(definition);
  const total = arms.reduce((sum, arm) => sum + arm.weight, 0);
  const held = definition.experiment?.holdout ?? 0;
  const parts = [...arms.map((arm) => w.weights(arm.name, f.percent(((1 - held) * arm.weight) / total))), ...(held > 0 ? [w.heldShare(f.percent(held))] : [])];
  return <>{parts.length === 0 ? <span className="quiet">{w.none}</span> : f.list(parts)}</>;
}

const APART = ["variants", "language", "defaults", "version"];

function ContentParts({ definition }: { definition: Definition }) {
  const named = usePartWords();
  const w = useWords(campaigns);
  const parts = Object.entries(definition.content ?? {}).filter(([name]) => !APART.includes(name));
  const variants = Object.keys((definition.content?.variants ?? {}) as Record<string, unknown>);
  return (
    <>
      <dl className="part-list">
        {parts.map(([name, value]) => (
          <div key={name}>
            <dt>{named(name)}</dt>
            <dd translate="no">{typeof value === "string" ? value.slice(0, 600) : JSON.stringify(value, null, 2)}</dd>
          </div>
        ))}
      </dl>
      {variants.length > 0 && (
        <p className="quiet small">
          {w.language}: {variants.join(", ")}
        </p>
      )}
    </>
  );
}
