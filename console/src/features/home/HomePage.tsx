/** What a marketer looks at first: how many customers, who moved, what needs a look, how fresh it all is. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Tag } from "antd";
import { api } from "../../api/client";
import type { JobRow } from "../../api/shapes";
import { useApp, useFormat, useWords } from "../../app/context";
import { address, go, Link } from "../../app/router";
import { Figure, Sparkline } from "../../ui/Figure";
import { JobState, useJobNames } from "../../ui/JobState";
import { Page, Panel } from "../../ui/Page";
import { Empty, ErrorState, Loading, ProblemText } from "../../ui/States";
import { common } from "../../words/common";
import type { Language } from "../../words/pairs";
import { home } from "./words";

interface Figures {
  customers: number | null;
  new_30d: number | null;
  active_30d: number | null;
  at_risk: number | null;
  revenue_30d: { amount: number; currency: string } | null;
}

interface Alert {
  id: string;
  audience: string;
  raised_at: string;
  sentence: Record<Language, string>;
}

interface CampaignRow {
  campaign: string;
  state: "running" | "preparing" | "waiting" | "paused";
  audience: string | null;
  channel: string | null;
  next_run: string | null;
  planned?: number | null;
  sent?: number | null;
  goals?: number | null;
}

interface HomeAnswer extends Figures {
  as_of: string;
  previous: Figures;
  audiences: { audience: string; count: number; entered: number; left: number; growth: number[]; as_of: string }[];
  campaigns: CampaignRow[];
  alerts: Alert[];
  jobs: JobRow[];
  freshness: { dataset: string; last_import: string | null; last_event: string | null; rows: number }[];
}

export default function HomePage() {
  const c = useWords(common);
  const { language } = useApp();
  const found = useQuery({
    queryKey: ["home", language],
    queryFn: ({ signal }) => api.get<HomeAnswer>("/api/v1/home", { query: { language }, signal }),
  });
  if (found.isError) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading rows={10} />;
  if (found.data.freshness.length === 0) return <FirstSteps />;
  return (
    <Greeting asOf={found.data.as_of}>
      <Numbers now={found.data} before={found.data.previous} />
      <div className="grid">
        <Audiences rows={found.data.audiences} />
        <Alerts alerts={found.data.alerts} />
        <Campaigns rows={found.data.campaigns} />
        <Jobs jobs={found.data.jobs} />
        <Freshness rows={found.data.freshness} />
      </div>
      <span className="sr-only">{c.home}</span>
    </Greeting>
  );
}

function Greeting({ asOf, children }: { asOf: string; children: React.ReactNode }) {
  const w = useWords(home);
  const c = useWords(common);
  const f = useFormat();
  const { user } = useApp();
  const hour = new Date().getHours();
  const greet = hour < 12 ? w.morning : hour < 18 ? w.afternoon : w.evening;
  const create = (
    <Button type="primary" onClick={() => go("/audiences/new")}>
      {c.newAudience}
    </Button>
  );
  return (
    <Page title={c.home} heading={greet(user?.name ?? "")} lead={w.asOf(f.moment(asOf))} actions={create}>
      {children}
    </Page>
  );
}

function Numbers({ now, before }: { now: Figures; before: Figures }) {
  const w = useWords(home);
  const f = useFormat();
  const shown = (n: number | null) => (n === null ? <CannotTell /> : f.number(n));
  const revenue = now.revenue_30d;
  const change = (a: number | null | undefined, b: number | null | undefined) => (a == null || b == null || b === 0 ? null : { share: a / b - 1, against: w.against });
  return (
    <div className="figures">
      <Figure label={w.customers} value={shown(now.customers)} change={change(now.customers, before.customers)} />
      <Figure label={w.active} value={shown(now.active_30d)} change={change(now.active_30d, before.active_30d)} />
      <Figure label={w.fresh} value={shown(now.new_30d)} change={change(now.new_30d, before.new_30d)} />
      <Figure label={w.atRisk} value={shown(now.at_risk)} hint={w.atRiskHint} />
      <Figure
        label={w.revenue}
        value={revenue === null ? <CannotTell /> : f.money(revenue.amount, revenue.currency)}
        change={change(revenue?.amount, before.revenue_30d?.amount)}
        hint={revenue === null ? w.revenueHint : undefined}
      />
    </div>
  );
}

/** In the place of a figure that the data do not tell. */
function CannotTell() {
  const c = useWords(common);
  return <span className="quiet cannot-tell">{c.cannotTell}</span>;
}

const TONES: Record<CampaignRow["state"], string> = { running: "busy", preparing: "busy", waiting: "quiet", paused: "warn" };

function Campaigns({ rows }: { rows: CampaignRow[] }) {
  const w = useWords(home);
  const c = useWords(common);
  const f = useFormat();
  return (
    <Panel className="span-12" title={w.campaigns} extra={<Link href="/campaigns">{c.seeAll}</Link>}>
      {rows.length === 0 ? (
        <p className="quiet">{w.campaignsNone}</p>
      ) : (
        <ul className="lines">
          {rows.map((row) => (
            <li key={row.campaign}>
              <div>
                <Link href={address("campaigns", row.campaign)}>{row.campaign}</Link>
                <p className="quiet small">{[row.audience, row.channel].filter(Boolean).join(" · ")}</p>
              </div>
              <span className="spacer" />
              {row.sent != null && (
                <span className="line-number">
                  <b>{f.number(row.sent)}</b>
                  <span className="quiet small">{row.planned == null ? w.sent : w.sentOf(f.number(row.planned))}</span>
                </span>
              )}
              {row.next_run !== null && <span className="quiet small">{w.nextRun(f.moment(row.next_run))}</span>}
              <Tag className={`tone tone-${TONES[row.state]}`}>{w[row.state]}</Tag>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Audiences({ rows }: { rows: HomeAnswer["audiences"] }) {
  const w = useWords(home);
  const c = useWords(common);
  const f = useFormat();
  return (
    <Panel className="span-7" title={w.audiences} extra={<Link href="/audiences">{c.seeAll}</Link>}>
      {rows.length === 0 ? (
        <p className="quiet">{w.audiencesEmpty}</p>
      ) : (
        <ul className="lines">
          {rows.map((row) => (
            <li key={row.audience}>
              <Link href={address("audiences", row.audience)}>{row.audience}</Link>
              <span className="spacer" />
              <Sparkline values={row.growth} label={row.growth.map((n) => f.number(n)).join(", ")} />
              <span className="line-number">
                <b>{f.number(row.count)}</b>
                <span className="quiet small">
                  +{f.number(row.entered)} −{f.number(row.left)}
                </span>
              </span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Alerts({ alerts }: { alerts: Alert[] }) {
  const w = useWords(home);
  const f = useFormat();
  const { language } = useApp();
  const cache = useQueryClient();
  const { message } = App.useApp();
  const seen = async (id: string) => {
    try {
      await api.post("/api/v1/alerts/events/{event}/seen", { path: { event: id } });
      await cache.invalidateQueries({ queryKey: ["home"] });
    } catch (error) {
      void message.error(<ProblemText error={error} />);
    }
  };
  return (
    <Panel className="span-5" title={w.alerts}>
      {alerts.length === 0 ? (
        <p className="quiet">{w.alertsNone}</p>
      ) : (
        <ul className="lines">
          {alerts.map((alert) => (
            <li key={alert.id}>
              <div>
                <Link href={address("audiences", alert.audience)}>{alert.sentence[language]}</Link>
                <p className="quiet small">{f.ago(alert.raised_at)}</p>
              </div>
              <span className="spacer" />
              <Button size="small" type="text" onClick={() => void seen(alert.id)}>
                {w.seen}
              </Button>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Jobs({ jobs }: { jobs: JobRow[] }) {
  const w = useWords(home);
  const c = useWords(common);
  const f = useFormat();
  return (
    <Panel className="span-6" title={w.jobs} extra={<Link href="/jobs">{c.seeAll}</Link>}>
      {jobs.length === 0 ? (
        <p className="quiet">{w.jobsNone}</p>
      ) : (
        <ul className="lines">
          {jobs.map((job) => (
            <li key={job.id}>
              <JobName job={job.job} />
              <span className="spacer" />
              <span className="quiet small">{f.ago(job.created_at)}</span>
              <JobState state={job.state} />
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function JobName({ job }: { job: string }) {
  return <span>{useJobNames()(job)}</span>;
}

function Freshness({ rows }: { rows: HomeAnswer["freshness"] }) {
  const w = useWords(home);
  const f = useFormat();
  return (
    <Panel className="span-6" title={w.freshness}>
      <ul className="lines">
        {rows
          .filter((row) => row.last_import !== null)
          .slice(0, 8)
          .map((row) => (
            <li key={row.dataset}>
              <Link href={address("data", row.dataset)}>{row.dataset}</Link>
              <span className="spacer" />
              <span className="quiet small">
                {row.last_event !== null ? `${w.lastEvent} ${f.day(row.last_event)}` : `${w.lastImport} ${row.last_import === null ? "–" : f.ago(row.last_import)}`}
              </span>
            </li>
          ))}
      </ul>
    </Panel>
  );
}

function FirstSteps() {
  const w = useWords(home);
  const c = useWords(common);
  const steps = [
    { title: w.step1, hint: w.step1Hint, href: "/data/import" },
    { title: w.step2, hint: w.step2Hint, href: "/tags" },
    { title: w.step3, hint: w.step3Hint, href: "/audiences/new" },
  ];
  return (
    <Page title={c.home} heading={w.emptyTitle} lead={w.emptyHint}>
      <ol className="first-steps">
        {steps.map((step, i) => (
          <li key={step.href}>
            <Link href={step.href}>
              <span className="first-number">{i + 1}</span>
              <b>{step.title}</b>
              <span className="quiet">{step.hint}</span>
            </Link>
          </li>
        ))}
      </ol>
      <Empty
        small
        title=""
        action={
          <Button type="primary" size="large" onClick={() => go("/data/import")}>
            {c.importData}
          </Button>
        }
      />
    </Page>
  );
}
