/** What a tag is made of and what is made of it, drawn from left to right. */
import { useWords } from "../../app/context";
import { address, Link } from "../../app/router";
import { tags } from "./words";

export interface LineageFacts {
  datasets: string[];
  tags: string[];
  recipe: string | null;
  used_by: { kind: string; name: string }[];
}

interface Node {
  key: string;
  label: string;
  kind: "dataset" | "tag" | "audience" | "block" | "other" | "self";
  href: string | null;
}

const [WIDTH, BOX_W, BOX_H, GAP] = [512, 148, 26, 34];
const MOST = 8;

const tagHref = (name: string) => `/tags?tag=${encodeURIComponent(name)}`;

function sourcesOf(lineage: LineageFacts): Node[] {
  const datasets = lineage.datasets.map((name): Node => ({ key: `d:${name}`, label: name, kind: "dataset", href: name.includes(".") ? null : address("data", name) }));
  return [...datasets, ...lineage.tags.map((name): Node => ({ key: `t:${name}`, label: name, kind: "tag", href: tagHref(name) }))];
}

function usersOf(lineage: LineageFacts): Node[] {
  return lineage.used_by.map(({ kind, name }): Node => {
    const key = `${kind}:${name}`;
    if (kind === "tag") return { key, label: name, kind: "tag", href: tagHref(name) };
    if (kind === "audience") return { key, label: name, kind: "audience", href: address("audiences", name) };
    return { key, label: name, kind: kind === "block" ? "block" : "other", href: null };
  });
}

export function Lineage({ name, lineage }: { name: string; lineage: LineageFacts }) {
  const w = useWords(tags);
  const [before, after] = [sourcesOf(lineage), usersOf(lineage)];
  const rows = Math.max(1, Math.min(MOST, before.length), Math.min(MOST, after.length));
  const height = rows * GAP + 26;
  const middle = height / 2 + 9;
  const y = (i: number, of: number) => middle + (i - (Math.min(of, MOST) - 1) / 2) * GAP;
  const [left, centre, right] = [0, (WIDTH - BOX_W) / 2, WIDTH - BOX_W];
  const said = w.lineageSaid(name, before.map((node) => node.label).join(", ") || "–", after.map((node) => node.label).join(", ") || "–");
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label={w.lineage}>
      <svg className="lineage" viewBox={`0 0 ${WIDTH} ${height}`} width={WIDTH} height={height} role="group" aria-label={said}>
        <text x={left} y={12} className="lineage-head">{`${w.lineageFrom}${lineage.recipe === null ? "" : ` (${lineage.recipe})`}`}</text>
        <text x={right} y={12} className="lineage-head">
          {w.usedBy}
        </text>
        {before.slice(0, MOST).map((node, i) => (
          <path key={`line ${node.key}`} className="lineage-line" d={curve(left + BOX_W, y(i, before.length), centre, middle)} />
        ))}
        {after.slice(0, MOST).map((node, i) => (
          <path key={`line ${node.key}`} className="lineage-line" d={curve(centre + BOX_W, middle, right, y(i, after.length))} />
        ))}
        {before.slice(0, MOST).map((node, i) => (
          <Box key={node.key} node={node} x={left} y={y(i, before.length)} more={i === MOST - 1 ? before.length - MOST : 0} />
        ))}
        <Box node={{ key: "self", label: name, kind: "self", href: null }} x={centre} y={middle} more={0} />
        {after.slice(0, MOST).map((node, i) => (
          <Box key={node.key} node={node} x={right} y={y(i, after.length)} more={i === MOST - 1 ? after.length - MOST : 0} />
        ))}
      </svg>
      {after.length === 0 && <p className="quiet small">{w.unused}</p>}
    </div>
  );
}

function curve(x1: number, y1: number, x2: number, y2: number): string {
  const half = (x1 + x2) / 2;
  return `M${x1},${y1} C${half},${y1} ${half},${y2} ${x2},${y2}`;
}

const MOST_LETTERS = 20;
const DATA = { translate: "no" }; // a name, not a word to be translated

function Box({ node, x, y, more }: { node: Node; x: number; y: number; more: number }) {
  const text = more > 0 ? `+${more + 1}` : node.label.length > MOST_LETTERS ? `${node.label.slice(0, MOST_LETTERS - 1)}…` : node.label;
  const box = (
    <>
      <title>{node.label}</title>
      <rect className={`lineage-box lineage-${node.kind}`} x={x} y={y - BOX_H / 2} width={BOX_W} height={BOX_H} rx={6} />
      <text x={x + BOX_W / 2} y={y + 4} textAnchor="middle" {...DATA}>
        {text}
      </text>
    </>
  );
  return node.href === null ? <g>{box}</g> : <Link href={node.href}>{box}</Link>;
}
