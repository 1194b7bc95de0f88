/** Addresses of screens: the path and the query string are the state, so that every screen has a deep link. */
import { type AnchorHTMLAttributes, type MouseEvent, useMemo, useSyncExternalStore } from "react";

export interface Place {
  path: string;
  query: URLSearchParams;
}

const listeners = new Set<() => void>();
let guard: (() => boolean) | null = null;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("popstate", listener);
  };
}

/** Ask before leaving the screen; `leave` says whether to go. Gives back what takes the question away. */
export function guardLeaving(leave: () => boolean): () => void {
  guard = leave;
  return () => {
    if (guard === leave) guard = null;
  };
}

/** Go to an address of the console. `replace` keeps no way back to the present one; `saved` asks nobody whether to leave. */
export function go(to: string, options: { replace?: boolean; saved?: boolean } = {}): void {
  const samePath = new URL(to, window.location.href).pathname === window.location.pathname;
  if (!samePath && !options.saved && guard !== null && !guard()) return;
  if (!samePath) guard = null;
  if (options.replace) window.history.replaceState(null, "", to);
  else window.history.pushState(null, "", to);
  if (!samePath) window.scrollTo(0, 0);
  for (const listener of [...listeners]) listener();
}

export function usePlace(): Place {
  const href = useSyncExternalStore(subscribe, () => window.location.pathname + window.location.search);
  return useMemo(() => {
    const url = new URL(href, window.location.origin);
    return { path: url.pathname, query: url.searchParams };
  }, [href]);
}

/** One value of the query string, and what sets it; an empty text takes it out. */
export function useQueryValue(name: string, otherwise = ""): [string, (value: string) => void] {
  const { query } = usePlace();
  const set = (value: string) => {
    const next = new URLSearchParams(window.location.search);
    if (value === "" || value === otherwise) next.delete(name);
    else next.set(name, value);
    if (name !== "page") next.delete("page");
    const text = next.toString();
    go(window.location.pathname + (text ? `?${text}` : ""), { replace: true });
  };
  return [query.get(name) ?? otherwise, set];
}

/** The parts of a path that a pattern such as `/audiences/:name` names, or null. */
export function matchPath(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split("/");
  const given = path.replace(/\/+$/, "").split("/");
  if (path === "/" && pattern === "/") return {};
  if (wanted.length !== given.length) return null;
  const found: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    const value = given[i] ?? "";
    if (part.startsWith(":")) found[part.slice(1)] = decodeURIComponent(value);
    else if (part !== value) return null;
  }
  return found;
}

/** The address of a pattern with its parts filled in. */
export function address(...parts: string[]): string {
  return `/${parts.map(encodeURIComponent).join("/")}`;
}

export function Link({ href, onClick, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement> & { href: string }) {
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    go(href);
  };
  return <a href={href} onClick={follow} {...rest} />;
}
