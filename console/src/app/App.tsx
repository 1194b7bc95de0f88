/** The application: who is here, in which language and colours, and which screen the address names. */
import { type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import { App as AntApp, ConfigProvider } from "antd";
import enGB from "antd/locale/en_GB";
import zhCN from "antd/locale/zh_CN";
import dayjs from "dayjs";
import "dayjs/locale/en-gb";
import "dayjs/locale/zh-cn";
import { type ComponentType, lazy, type ReactNode, Suspense, useCallback, useEffect, useMemo, useState } from "react";
import { ApiError, api, keepCsrf, onSignedOut } from "../api/client";
import { LoginPage, SetupPage } from "../features/session/SessionPages";
import { Boundary } from "../ui/Boundary";
import { RulePartsContext } from "../ui/RuleFields";
import { ErrorState, Loading } from "../ui/States";
import type { Language } from "../words/pairs";
import { AppContext, type AppState, type Status, type User } from "./context";
import { matchPath, usePlace } from "./router";
import { Shell } from "./Shell";
import { type Mode, showTones, themeOf } from "./theme";

interface Me {
  user: User;
  csrf: string;
  allowed?: string[];
}

type Screen = ComponentType<Record<string, string>>;
type Load = () => Promise<{ default: ComponentType<never> }>;
const LOADS = new Map<Screen, Load>();

function screen(load: Load): Screen {
  const found = lazy(load as () => Promise<{ default: Screen }>);
  LOADS.set(found, load);
  return found;
}

/** Every screen by its address; each is loaded when it is first wanted. */
const SCREENS: [string, Screen][] = [
  ["/", screen(() => import("../features/home/HomePage"))],
  ["/audiences", screen(() => import("../features/audiences/AudienceList"))],
  ["/audiences/new", screen(() => import("../features/builder/BuilderPage"))],
  ["/audiences/:name", screen(() => import("../features/audiences/AudiencePage"))],
  ["/audiences/:name/edit", screen(() => import("../features/builder/BuilderPage"))],
  ["/segments", screen(() => import("../features/segments/SegmentList"))],
  ["/segments/new", screen(() => import("../features/segments/SegmentWizard"))],
  ["/segments/:name", screen(() => import("../features/segments/SegmentPage"))],
  ["/campaigns", screen(() => import("../features/campaigns/CampaignList"))],
  ["/campaigns/new", screen(() => import("../features/campaigns/WizardPage"))],
  ["/campaigns/:name", screen(() => import("../features/campaigns/CampaignPage"))],
  ["/campaigns/:name/edit", screen(() => import("../features/campaigns/WizardPage"))],
  ["/exclusions", screen(() => import("../features/campaigns/ExclusionsPage"))],
  ["/journeys", screen(() => import("../features/journeys/JourneyList"))],
  ["/journeys/new", screen(() => import("../features/journeys/EditorPage"))],
  ["/journeys/:name", screen(() => import("../features/journeys/JourneyPage"))],
  ["/journeys/:name/edit", screen(() => import("../features/journeys/EditorPage"))],
  ["/content", screen(() => import("../features/content/ContentList"))],
  ["/content/new", screen(() => import("../features/content/ContentPage"))],
  ["/content/:name", screen(() => import("../features/content/ContentPage"))],
  ["/experiments", screen(() => import("../features/experiments/ExperimentList"))],
  ["/experiments/power", screen(() => import("../features/experiments/PowerPage"))],
  ["/experiments/analyse", screen(() => import("../features/experiments/AnalysePage"))],
  ["/experiments/:name", screen(() => import("../features/experiments/ExperimentPage"))],
  ["/customers", screen(() => import("../features/customers/CustomerList"))],
  ["/customers/:entity", screen(() => import("../features/customers/CustomerPage"))],
  ["/tags", screen(() => import("../features/tags/TagsPage"))],
  ["/data", screen(() => import("../features/data/DataPage"))],
  ["/data/import", screen(() => import("../features/data/ImportPage"))],
  ["/data/:name", screen(() => import("../features/data/DatasetPage"))],
  ["/jobs", screen(() => import("../features/jobs/JobsPage"))],
  ["/settings", screen(() => import("../features/settings/SettingsPage"))],
  ["/settings/:part", screen(() => import("../features/settings/SettingsPage"))],
];

/** The builder's parts for conditions in other screens; each is fetched when the first is wanted. */
const RULE_PARTS = {
  Where: lazy(async () => ({ default: (await import("../features/builder/Apart")).WhereApart })),
  Rule: lazy(async () => ({ default: (await import("../features/builder/Apart")).RuleApart })),
};

/** Begin to load the screen that the address names, while it is still asked who is here. */
export function beginScreen(path: string): void {
  for (const [pattern, Found] of SCREENS) {
    if (matchPath(pattern, path) === null) continue;
    void LOADS.get(Found)?.().catch(() => undefined); // told where the screen is shown
    return;
  }
}

function remembered<T extends string>(key: string, among: readonly T[], otherwise: () => T): T {
  const kept = window.localStorage.getItem(key) as T | null;
  return kept !== null && among.includes(kept) ? kept : otherwise();
}

function useRemembered<T extends string>(key: string, among: readonly T[], otherwise: () => T): [T, (value: T) => void, (value: T) => void] {
  const [value, setValue] = useState(() => remembered(key, among, otherwise));
  const set = useCallback(
    (next: T) => {
      window.localStorage.setItem(key, next);
      setValue(next);
    },
    [key],
  );
  return [value, set, setValue];
}

/** The colours that were chosen; until then those of the system, as they change. */
function useMode(): [Mode, (mode: Mode) => void] {
  const [mode, setMode, show] = useRemembered("coterie.mode", MODES, firstMode);
  useEffect(() => {
    const system = window.matchMedia("(prefers-color-scheme: dark)");
    const follow = () => show(remembered("coterie.mode", MODES, firstMode));
    system.addEventListener("change", follow);
    return () => system.removeEventListener("change", follow);
  }, [show]);
  return [mode, setMode];
}

const LANGUAGES: readonly Language[] = ["en", "zh"];
const MODES: readonly Mode[] = ["light", "dark"];
const firstLanguage = (): Language => (navigator.language.startsWith("zh") ? "zh" : "en");
const firstMode = (): Mode => (window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
const nonce = document.querySelector<HTMLMetaElement>("meta[property=csp-nonce]")?.nonce ?? "";
const UNKNOWN: Status = { version: "", workspace: "", users: true, setup: false, signed_in: false, zone: "UTC", currency: "EUR", oidc: false };

export function App() {
  const [language, setLanguage] = useRemembered("coterie.language", LANGUAGES, firstLanguage);
  const [mode, setMode] = useMode();
  const cache = useQueryClient();
  const status = useQuery({
    queryKey: ["status"],
    queryFn: ({ signal }) => howItStands(cache, signal),
  });
  const me = useQuery({ queryKey: ["me"], queryFn: whoAmI, enabled: status.data?.signed_in === true, retry: false });
  useEffect(() => onSignedOut(() => cache.setQueryData(["me"], null)), [cache]);
  useEffect(() => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    dayjs.locale(language === "zh" ? "zh-cn" : "en-gb");
  }, [language]);
  useEffect(() => showTones(mode), [mode]);
  const signOut = useCallback(async () => {
    await api.post("/api/v1/logout", { body: {} });
    cache.clear();
    cache.setQueryData(["me"], null);
    await cache.invalidateQueries({ queryKey: ["status"] });
  }, [cache]);
  const entered = useCallback(async () => {
    await cache.invalidateQueries({ queryKey: ["status"] });
    await cache.invalidateQueries({ queryKey: ["me"] });
  }, [cache]);
  const user = me.data?.user ?? null;
  const state = useMemo<AppState>(
    () => ({
      status: status.data ?? UNKNOWN,
      user,
      allowed: me.data?.allowed === undefined ? null : new Set(me.data.allowed),
      language,
      setLanguage: (next) => {
        document.documentElement.lang = next === "zh" ? "zh-CN" : "en";
        setLanguage(next);
        void cache.invalidateQueries(); // answers carry words, too
      },
      mode,
      setMode,
      signOut: () => void signOut(),
    }),
    [status.data, user, me.data, language, setLanguage, mode, setMode, signOut, cache],
  );
  let shown: ReactNode;
  if (status.isPending || (status.data?.signed_in && me.isPending)) shown = <Splash />;
  else if (status.isError) shown = <ErrorState error={status.error} retry={() => void status.refetch()} />;
  else if (!status.data.users) shown = <SetupPage done={entered} />;
  else if (me.isError) shown = <ErrorState error={me.error} retry={() => void me.refetch()} />;
  else if (user === null) shown = <LoginPage done={entered} />;
  else shown = <Screens />;
  return (
    <ConfigProvider locale={language === "zh" ? zhCN : enGB} theme={themeOf(mode)} csp={{ nonce }} button={{ autoInsertSpace: false }}>
      <AntApp className="app">
        <AppContext.Provider value={state}>
          <RulePartsContext.Provider value={RULE_PARTS}>
            <Boundary part="app">{shown}</Boundary>
          </RulePartsContext.Provider>
        </AppContext.Provider>
      </AntApp>
    </ConfigProvider>
  );
}

/** How it stands, and who is here: one answer tells both. */
async function howItStands(cache: QueryClient, signal: AbortSignal): Promise<Status> {
  const { me, ...status } = await api.get<Status & { me: Me | null }>("/api/v1/status", { signal });
  if (me !== null) {
    keepCsrf(me.csrf);
    cache.setQueryData(["me"], me);
  }
  return status;
}

async function whoAmI({ signal }: { signal: AbortSignal }): Promise<Me | null> {
  try {
    const me = await api.get<Me>("/api/v1/me", { signal });
    keepCsrf(me.csrf);
    return me;
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  }
}

function Splash() {
  return (
    <div className="splash">
      <img src="/icon.svg" alt="" width="48" height="48" />
    </div>
  );
}

function Screens() {
  const { path } = usePlace();
  return (
    <Shell>
      <Boundary part={path}>
        <Suspense fallback={<Arriving />}>
          <ScreenAt path={path} />
        </Suspense>
      </Boundary>
    </Shell>
  );
}

/** While a screen's script is on the way. */
function Arriving() {
  return (
    <div className="arriving">
      <Loading rows={8} />
    </div>
  );
}

function ScreenAt({ path }: { path: string }) {
  for (const [pattern, Found] of SCREENS) {
    const parts = matchPath(pattern, path);
    if (parts !== null) return <Found key={pattern} {...parts} />;
  }
  return <ErrorState error={new ApiError(404, {})} />;
}
