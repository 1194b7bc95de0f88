/** The one way to the server: typed by the OpenAPI document, with the session's CSRF token and one shape of error. */
import createClient, { type Middleware } from "openapi-fetch";
import type { paths } from "./schema";

export interface Problem {
  code: string;
  message: string;
  place: string | null;
  fix: string | null;
}

/** What the server refused or could not do, in words for people. */
export class ApiError extends Error implements Problem {
  readonly code: string;
  readonly place: string | null;
  readonly fix: string | null;
  readonly status: number;
  readonly body: Record<string, unknown>;

  constructor(status: number, body: unknown) {
    const given = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
    super(typeof given.message === "string" ? given.message : `HTTP ${status}`);
    this.code = typeof given.code === "string" ? given.code : "unreachable";
    this.place = typeof given.place === "string" ? given.place : null;
    this.fix = typeof given.fix === "string" ? given.fix : null;
    this.status = status;
    this.body = given;
  }
}

let csrf: string | null = null;
let signedOut: () => void = () => undefined;

export function keepCsrf(token: string | null): void {
  csrf = token;
}

/** What to do when the server says that the session has ended. */
export function onSignedOut(listener: () => void): void {
  signedOut = listener;
}

/** The language of the page, in which the server's errors are to be. */
function spoken(): string {
  return document.documentElement.lang || navigator.language;
}

const session: Middleware = {
  onRequest({ request }) {
    if (csrf !== null && request.method !== "GET") request.headers.set("X-CSRF-Token", csrf);
    request.headers.set("Accept-Language", spoken());
    return request;
  },
};

const client = createClient<paths>({ baseUrl: "", credentials: "same-origin" });
client.use(session);

type Method = "get" | "put" | "post" | "delete";
type Declared<P, M extends Method> = P extends Record<M, infer O> ? (O extends undefined ? false : true) : false;
/** The paths of the server that know a method; a path that is not there does not compile. */
export type PathOf<M extends Method> = {
  [P in keyof paths]: Declared<Required<paths[P]>, M> extends true ? P : never;
}[keyof paths];

type Scalar = string | number | boolean | null | undefined;
export interface Asked {
  path?: Record<string, string | number>;
  query?: Record<string, Scalar | string[]>;
  body?: unknown;
  signal?: AbortSignal;
}

/** Answers that the page itself asked for while the scripts were on their way, by address; see index.html. */
declare global {
  interface Window {
    coterieEarly?: Record<string, Promise<Response>>;
  }
}

/** Take such an answer: the first who asks gets it, if it is a good one. */
async function begunEarly<T>(url: string, query: object): Promise<T | undefined> {
  const text = new URLSearchParams(query as Record<string, string>).toString();
  const address = url + (text ? `?${text}` : "");
  const found = window.coterieEarly?.[address];
  if (found === undefined) return undefined;
  delete window.coterieEarly?.[address];
  const response = await found.catch(() => null);
  return response?.ok ? ((await response.json()) as T) : undefined;
}

type Loose = (url: string, options: object) => Promise<{ data?: unknown; error?: unknown; response: Response }>;

async function ask<T>(method: Uppercase<Method>, url: string, asked: Asked): Promise<T> {
  const query = Object.fromEntries(
    Object.entries(asked.query ?? {}).filter(([, value]) => value !== undefined && value !== null && value !== ""),
  );
  const begun = method === "GET" ? await begunEarly<T>(url, query) : undefined;
  if (begun !== undefined) return begun;
  const call = client[method] as unknown as Loose;
  const multipart = asked.body instanceof FormData;
  let answer: { data?: unknown; error?: unknown; response: Response };
  try {
    answer = await call(url, {
      params: { path: asked.path, query },
      body: asked.body,
      ...(multipart ? { bodySerializer: (body: unknown) => body } : {}),
      signal: asked.signal,
    });
  } catch (error) {
    if (asked.signal?.aborted) throw error;
    throw new ApiError(0, {});
  }
  if (answer.response.ok) return answer.data as T;
  if (answer.response.status === 401 && !url.endsWith("/login")) signedOut();
  throw new ApiError(answer.response.status, answer.error);
}

export const api = {
  get: <T>(url: PathOf<"get">, asked: Asked = {}) => ask<T>("GET", url, asked),
  put: <T>(url: PathOf<"put">, asked: Asked = {}) => ask<T>("PUT", url, asked),
  post: <T>(url: PathOf<"post">, asked: Asked = {}) => ask<T>("POST", url, asked),
  delete: <T>(url: PathOf<"delete">, asked: Asked = {}) => ask<T>("DELETE", url, asked),
};

/** The address of a download. */
export function addressOf(url: PathOf<"get">, path: Record<string, string>, query: Record<string, Scalar> = {}): string {
  const filled = url.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path[name] ?? ""));
  const given = Object.entries(query).filter(([, v]) => v !== undefined && v !== null && v !== "");
  const text = new URLSearchParams(given.map(([k, v]) => [k, String(v)])).toString();
  return filled + (text ? `?${text}` : "");
}

/** Send a file and say how much has gone: fetch cannot tell the progress of what it sends. */
export function sendFile<T>(url: PathOf<"post">, file: File, onProgress: (share: number) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    if (csrf !== null) request.setRequestHeader("X-CSRF-Token", csrf);
    request.setRequestHeader("Accept-Language", spoken());
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onerror = () => reject(new ApiError(0, {}));
    request.onload = () => {
      let body: unknown = {};
      try {
        body = JSON.parse(request.responseText);
      } catch {
        body = {};
      }
      if (request.status >= 200 && request.status < 300) resolve(body as T);
      else reject(new ApiError(request.status, body));
    };
    const form = new FormData();
    form.append("file", file);
    request.send(form);
  });
}
