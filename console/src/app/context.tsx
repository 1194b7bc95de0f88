/** What every screen may ask: who is signed in, the language, the colours, and the words and formats that follow. */
import { createContext, useContext, useMemo } from "react";
import { type Format, formatOf } from "../words/format";
import type { Language } from "../words/pairs";
import type { Mode } from "./theme";

export interface User {
  name: string;
  role: "admin" | "marketer" | "analyst" | "viewer";
}

export interface Status {
  version: string;
  workspace: string;
  users: boolean;
  setup: boolean;
  signed_in: boolean;
  zone: string;
  currency: string;
  oidc: boolean;
}

export interface AppState {
  status: Status;
  user: User | null;
  allowed: ReadonlySet<string> | null;
  language: Language;
  setLanguage: (language: Language) => void;
  mode: Mode;
  setMode: (mode: Mode) => void;
  signOut: () => void;
}

export const AppContext = createContext<AppState | null>(null);

export function useApp(): AppState {
  const state = useContext(AppContext);
  if (state === null) throw new Error("useApp stands outside of the application");
  return state;
}

export function useWords<T>(catalogue: Record<Language, T>): T {
  return catalogue[useApp().language];
}

export function useFormat(): Format {
  const { language, status } = useApp();
  return useMemo(() => formatOf(language, status.zone), [language, status.zone]);
}
