"""The shell of every report: one HTML file that needs nothing else, readable on a phone, a screen and on paper."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from coterie.learn.segments.words import Language

_FONTS = {
    "en": '"Inter", "Segoe UI", system-ui, -apple-system, "Helvetica Neue", Arial, sans-serif',
    "zh": '"PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", system-ui, sans-serif',
}

_STYLE = """
:root { --ink:#1d2733; --muted:#66717d; --line:#e3e7ec; --soft:#f5f7f9; --accent:#2f6db5; --good:#2b8a5f; --fair:#c98a12; --poor:#c4453c; }
* { box-sizing:border-box; }
html { -webkit-text-size-adjust:100%; }
body { margin:0; background:#eef1f4; color:var(--ink); font-size:15px; line-height:1.55; -webkit-print-color-adjust:exact;
  print-color-adjust:exact; }
main { max-width:1120px; margin:0 auto; padding:0 20px 56px; }
header.top { background:#16283d; color:#fff; }
header.top > div { max-width:1120px; margin:0 auto; padding:34px 20px 30px; }
header.top .kind { margin:0 0 6px; color:#9fc2ea; font-size:13px; letter-spacing:.04em; }
header.top h1 { margin:0; font-size:30px; line-height:1.25; font-weight:680; overflow-wrap:anywhere; }
header.top ul { display:flex; flex-wrap:wrap; gap:6px 26px; margin:16px 0 0; padding:0; list-style:none; color:#c6d3e1; font-size:13.5px; }
header.top li b { color:#fff; font-weight:600; }
section { background:#fff; border:1px solid var(--line); border-radius:12px; margin-top:22px; padding:26px 28px 28px; }
h2 { margin:0 0 4px; font-size:20px; line-height:1.3; font-weight:660; }
h3 { margin:22px 0 8px; font-size:15px; font-weight:650; }
p { margin:6px 0; max-width:100ch; }
p.lead { font-size:16.5px; }
.muted, .note { color:var(--muted); }
.note { font-size:13px; }
svg { display:block; width:100%; height:auto; font-family:inherit; }
.grid { display:grid; gap:18px 22px; grid-template-columns:repeat(auto-fill, minmax(292px, 1fr)); margin-top:16px; }
.grid { align-items:end; } .grid > * { min-width:0; }
figure { margin:0; break-inside:avoid; }
figcaption { font-size:13px; color:var(--muted); margin-bottom:4px; }
figcaption b { color:var(--ink); font-size:14px; font-weight:640; display:block; }
.cards { display:grid; gap:16px; grid-template-columns:repeat(auto-fill, minmax(300px, 1fr)); margin-top:18px; }
@media (min-width:721px) { .cards.pairs { grid-template-columns:repeat(2, minmax(0, 1fr)); } }
.small { max-width:430px; }
.card { border:1px solid var(--line); border-top:4px solid var(--tone); border-radius:10px; padding:16px 18px 16px; break-inside:avoid;
  min-width:0; display:flex; flex-direction:column; }
.card .who { display:flex; gap:10px; align-items:flex-start; }
.chip { flex:none; width:26px; height:26px; border-radius:50%; background:var(--tone); color:#fff; font-weight:700; font-size:13px;
  display:inline-flex; align-items:center; justify-content:center; }
.card h3 { margin:1px 0 0; font-size:16px; line-height:1.35; overflow-wrap:anywhere; }
.card .size { margin:10px 0 0; display:flex; flex-wrap:wrap; align-items:baseline; gap:2px 10px; }
.card .size strong { font-size:25px; font-weight:680; line-height:1.1; font-variant-numeric:tabular-nums; }
.card .size span { color:var(--muted); font-size:13px; }
.meter { height:6px; background:var(--line); border-radius:3px; overflow:hidden; margin:8px 0 2px; }
.meter i { display:block; height:100%; background:var(--tone); border-radius:3px; }
.traits { width:100%; border-collapse:collapse; margin:12px 0 4px; font-size:13.5px; }
.traits td { padding:3px 0; vertical-align:top; border:0; }
.traits td:first-child { padding-right:8px; overflow-wrap:anywhere; }
.traits td:last-child { text-align:right; white-space:nowrap; font-variant-numeric:tabular-nums; }
.traits .up { color:#b35710; } .traits .down { color:#2d5ea5; }
.rule { background:var(--soft); border-radius:8px; padding:9px 12px; margin:10px 0 0; font-size:13.5px; overflow-wrap:anywhere; }
.rule small { display:block; color:var(--muted); font-size:12.5px; margin-top:3px; }
.light { display:flex; align-items:center; gap:8px; font-size:13px; margin-top:auto; padding-top:12px; color:var(--muted); }
.light i { flex:none; width:11px; height:11px; border-radius:50%; background:var(--lamp); }
.light b { color:var(--ink); font-weight:600; }
.high, .valid { --lamp:var(--good); } .doubtful { --lamp:var(--fair); } .unstable { --lamp:var(--poor); }
.verdict { border-left:4px solid var(--accent); padding:2px 0 2px 14px; margin:14px 0 0; }
.caveat { background:#fdf6e7; border:1px solid #f0deb4; border-radius:8px; padding:9px 13px; margin-top:12px; font-size:14px; max-width:none; }
.scroll { overflow-x:auto; margin-top:12px; }
table.data { border-collapse:collapse; font-size:13px; font-variant-numeric:tabular-nums; min-width:100%; }
table.data th { text-align:right; font-weight:620; color:var(--muted); border-bottom:1.5px solid #c9d1d9; padding:6px 10px; vertical-align:bottom;
  max-width:9em; }
table.data td { text-align:right; border-bottom:1px solid var(--line); padding:5px 10px; white-space:nowrap; }
table.data th.words, table.data td.words { text-align:left; white-space:normal; min-width:9em; max-width:none; }
table.data.roomy td.words { min-width:22em; }
table.data th:first-child, table.data td:first-child { text-align:left; padding-left:2px; }
table.data tr.picked td { background:#eaf2fb; font-weight:620; }
table.data td.veto { color:#a5352d; }
table.heat td { border:2px solid #fff; text-align:center; min-width:84px; padding:6px 8px; line-height:1.25; }
table.heat td:first-child { background:none; white-space:normal; min-width:8.5em; }
table.heat th { text-align:center; white-space:normal; }
table.heat small { display:block; font-size:11.5px; opacity:.85; }
.bars { margin-top:14px; display:grid; grid-template-columns:minmax(0, 15em) 1fr; gap:8px 16px; align-items:center; font-size:13.5px; }
.bars .name { display:flex; gap:8px; align-items:center; min-width:0; overflow-wrap:anywhere; }
.bars .chip { width:20px; height:20px; font-size:11px; }
.bars .lane { display:grid; gap:3px; }
.bar { display:flex; align-items:center; gap:8px; font-variant-numeric:tabular-nums; font-size:12.5px; color:var(--muted); }
.bar i { height:13px; background:var(--tone); border-radius:2px; min-width:2px; flex:none; }
.bar i.pale { opacity:.42; }
.legend { display:flex; flex-wrap:wrap; gap:4px 18px; font-size:13px; color:var(--muted); margin-top:10px; }
.legend i { display:inline-block; width:11px; height:11px; border-radius:3px; background:var(--tone, #66717d); margin-right:6px; vertical-align:-1px; }
.legend i.pale { opacity:.42; }
.wide { max-width:580px; margin:14px auto 0; }
.half { display:grid; grid-template-columns:minmax(0, 1fr) minmax(0, 1fr); gap:28px; align-items:start; margin-top:12px; }
.told { margin-top:10px; }
.why { display:grid; grid-template-columns:minmax(0, 4fr) minmax(0, 6fr) 7.5em 7.5em; gap:6px 22px; align-items:center; padding:11px 0;
  border-top:1px solid var(--line); font-size:14px; break-inside:avoid; overflow-wrap:anywhere; }
.why .who { display:flex; gap:10px; align-items:center; } .why .chip { width:22px; height:22px; font-size:12px; }
.fit span { font-size:12.5px; color:var(--muted); display:flex; justify-content:space-between; } .fit b { color:var(--ink); } .fit .meter { margin:3px 0 0; }
pre { background:var(--soft); border-radius:8px; padding:10px 12px; font-size:12px; line-height:1.45; white-space:pre-wrap; overflow-wrap:anywhere;
  font-family:ui-monospace, "SF Mono", Menlo, Consolas, "Noto Sans Mono CJK SC", monospace; margin:8px 0 0; }
footer { color:var(--muted); font-size:12.5px; text-align:center; padding:26px 20px 0; }
@media (max-width:720px) {
  main { padding:0 10px 32px; } section { padding:20px 16px 22px; border-radius:10px; margin-top:14px; }
  header.top > div { padding:24px 16px 22px; } header.top h1 { font-size:23px; } .half { grid-template-columns:minmax(0, 1fr); }
  .why { grid-template-columns:minmax(0, 1fr) minmax(0, 1fr); } .why > :nth-child(-n+2) { grid-column:1 / -1; }
  .bars { grid-template-columns:minmax(0, 1fr); gap:4px; } .bars .lane { margin-bottom:8px; } h2 { font-size:18px; }
}
@media print {
  @page { size:A4; margin:13mm; }
  body { background:#fff; font-size:12.5px; } main { max-width:none; padding:0; } header.top > div { padding:18px 16px; }
  section { border:0; padding:6px 0 10px; margin-top:14px; border-radius:0; } h2 { break-after:avoid; } .scroll { overflow:visible; }
  .cards { grid-template-columns:repeat(3, 1fr); gap:10px; } .card { padding:11px 12px; } .grid { grid-template-columns:repeat(3, 1fr); }
  .card .size strong { font-size:20px; } table.data { font-size:10.5px; } table.data th, table.data td { padding:3px 5px; }
  section.appendix { break-before:page; }
}
"""


def page(title: str, language: Language, kind: str, facts: Iterable[tuple[str, str]], sections: Sequence[str], foot: str) -> str:
    """A whole HTML page: `facts` are shown under the title as name and value, `sections` are HTML already."""
    listed = "".join(f"<li>{escape(name)} <b>{escape(value)}</b></li>" for name, value in facts)
    code = "zh-CN" if language == "zh" else "en"
    return (
        f'<!doctype html>\n<html lang="{code}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>body {{ font-family:{_FONTS[language]}; }}{_STYLE}</style>\n</head>\n<body>\n"
        f'<header class="top"><div><p class="kind">{escape(kind)}</p><h1>{escape(title)}</h1><ul>{listed}</ul></div></header>\n'
        f"<main>\n{''.join(sections)}\n<footer>{escape(foot)}</footer>\n</main>\n</body>\n</html>\n"
    )


def section(heading: str, *parts: str, name: str = "") -> str:
    """One block of the page, with its heading; parts are HTML already."""
    kind = f' class="{name}"' if name else ""
    return f"<section{kind}><h2>{escape(heading)}</h2>{''.join(parts)}</section>\n"


def figure(title: str, note: str, drawing: str) -> str:
    """A plot with its title and a line on how to read it."""
    return f"<figure><figcaption><b>{escape(title)}</b>{escape(note)}</figcaption>{drawing}</figure>"


def table(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    words: Sequence[int] = (),
    picked: int | None = None,
    roomy: bool = False,
) -> str:
    """A table of text cells; columns in `words` are prose and may wrap (`roomy`: less so), row `picked` stands out."""
    wordy = set(words)
    mark = [' class="words"' if i in wordy else "" for i in range(len(heads))]
    head = "".join(f"<th{mark[i]}>{escape(text)}</th>" for i, text in enumerate(heads))
    lines = []
    for number, row in enumerate(rows):
        cells = "".join(f"<td{mark[i]}>{escape(text)}</td>" for i, text in enumerate(row))
        lines.append(f"<tr{' class=picked' if number == picked else ''}>{cells}</tr>")
    body = "".join(lines)
    kind = "data roomy" if roomy else "data"
    return f'<div class="scroll"><table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def paragraph(words: str, name: str = "") -> str:
    """A paragraph of plain text."""
    return f"<p{f' class={name!r}' if name else ''}>{escape(words)}</p>"
