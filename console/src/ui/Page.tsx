/** The frame of a screen: its title in the document and on the page, what one can do there, and what it shows. */
import { type ReactNode, useEffect } from "react";
import { Link } from "../app/router";

interface Props {
  title: string;
  /** The words of the title on the page, where they are more than text. */
  heading?: ReactNode;
  lead?: ReactNode;
  above?: { href: string; label: string };
  actions?: ReactNode;
  wide?: boolean;
  children: ReactNode;
}

export function Page({ title, heading, lead, above, actions, wide, children }: Props) {
  useEffect(() => {
    document.title = `${title} · Coterie`;
  }, [title]);
  return (
    <div className={wide ? "page page-wide" : "page"}>
      <header className="page-head">
        <div className="page-titles">
          {above !== undefined && (
            <Link className="page-above" href={above.href}>
              ‹ {above.label}
            </Link>
          )}
          <h1>{heading ?? title}</h1>
          {lead !== undefined && <p className="page-lead">{lead}</p>}
        </div>
        {actions !== undefined && <div className="page-actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

export function Panel(props: { title?: ReactNode; extra?: ReactNode; children: ReactNode; flush?: boolean; className?: string }) {
  return (
    <section className={`panel ${props.flush ? "panel-flush" : ""} ${props.className ?? ""}`}>
      {props.title !== undefined && (
        <div className="panel-head">
          <h2>{props.title}</h2>
          {props.extra}
        </div>
      )}
      {props.children}
    </section>
  );
}
