/** A message as its recipient would see it: on a phone, in a mailbox, or part by part. */
import { useMemo } from "react";
import { useApp, useWords } from "../app/context";
import { pairs } from "../words/pairs";
import { usePartWords } from "./partWords";
import { safePage } from "./safePage";
import "./marketing.css";

const words = pairs({
  phone: ["Preview on a phone", "手机预览"],
  mail: ["Preview of the mail", "邮件预览"],
  parts: ["Preview", "预览"],
  now: ["now", "刚刚"],
  opens: [(link: string) => `Opens ${link}`, (link: string) => `点击打开 ${link}`],
  noSubject: ["(no subject)", "（无主题）"],
  images: ["Images from elsewhere are not loaded here.", "此处不加载外部图片。"],
});

const PHONE = new Set(["push", "sms", "wechat"]);

export function MessagePreview({ channel, parts }: { channel: string; parts: Record<string, unknown> }) {
  if (PHONE.has(channel)) return <Phone channel={channel} parts={parts} />;
  if (channel === "email") return <Mail parts={parts} />;
  return <PartList parts={parts} />;
}

const text = (value: unknown) => (value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value, null, 2));

function Phone({ channel, parts }: { channel: string; parts: Record<string, unknown> }) {
  const w = useWords(words);
  const { status } = useApp();
  const link = text(parts.deep_link ?? parts.url);
  const fields = Object.entries((parts.data ?? {}) as Record<string, unknown>);
  return (
    <div className="phone" translate="no" role="group" aria-label={w.phone}>
      {channel === "sms" ? (
        <div className="phone-bubble">
          {text(parts.signature) !== "" && `【${text(parts.signature)}】`}
          {text(parts.text)}
        </div>
      ) : (
        <div className="phone-note">
          <p className="phone-app">
            <span>{status.workspace}</span>
            <span>{w.now}</span>
          </p>
          <b>{text(parts.title ?? parts.template_id)}</b>
          <span>{text(parts.body)}</span>
          {channel === "wechat" && fields.map(([name, value]) => <p key={name}>{`${name}: ${text(value)}`}</p>)}
          {link !== "" && <span className="phone-link">{w.opens(link)}</span>}
        </div>
      )}
    </div>
  );
}

function Mail({ parts }: { parts: Record<string, unknown> }) {
  const w = useWords(words);
  const html = text(parts.html);
  return (
    <div className="mail" translate="no" role="group" aria-label={w.mail}>
      <div className="mail-head">
        <b>{text(parts.subject) || w.noSubject}</b>
        {text(parts.from_name) !== "" && <p>{text(parts.from_name)}</p>}
      </div>
      {html !== "" ? (
        <HtmlFrame html={html} title={w.mail} />
      ) : (
        <pre className="mail-text" tabIndex={0}>
          {text(parts.text)}
        </pre>
      )}
    </div>
  );
}

/** HTML in a frame of its own that runs no script, sends no form and fetches nothing. */
export function HtmlFrame({ html, title }: { html: string; title: string }) {
  const w = useWords(words);
  const nonce = document.querySelector<HTMLMetaElement>("meta[property=csp-nonce]")?.nonce ?? "";
  const page = useMemo(() => safePage(html, nonce), [html, nonce]);
  return (
    <>
      <iframe className="mail-body" sandbox="" srcDoc={page.html} title={title} />
      {page.left > 0 && (
        <p className="mail-head">
          <small>{w.images}</small>
        </p>
      )}
    </>
  );
}

function PartList({ parts }: { parts: Record<string, unknown> }) {
  const named = usePartWords();
  const w = useWords(words);
  return (
    <dl className="part-list" aria-label={w.parts}>
      {Object.entries(parts).map(([name, value]) => (
        <div key={name}>
          <dt>{named(name)}</dt>
          <dd translate="no">{text(value)}</dd>
        </div>
      ))}
    </dl>
  );
}
