"""The shell of every report: one HTML file that needs nothing else, readable on a phone, a screen and on paper."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from importlib.resources import files

from coterie.learn.segments.words import Language

_FONTS = {
    "en": '"Inter", "Segoe UI", system-ui, -apple-system, "Helvetica Neue", Arial, sans-serif',
    "zh": '"PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", system-ui, sans-serif',
}


@cache
def _style() -> str:
    return files("coterie.report").joinpath("report.css").read_text(encoding="utf-8")


def page(
    title: str, language: Language, kind: str, facts: Iterable[tuple[str, str]], sections: Sequence[str], foot: str
) -> str:
    """A whole HTML page: `facts` are shown under the title as name and value, `sections` are HTML already."""
    listed = "".join(f"<li>{escape(name)} <b>{escape(value)}</b></li>" for name, value in facts)
    code = "zh-CN" if language == "zh" else "en"
    return (
        f'<!doctype html>\n<html lang="{code}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n"
        f"<style>body {{ font-family:{_FONTS[language]}; }}\n{_style()}</style>\n</head>\n<body>\n"
        f'<header class="top"><div><p class="kind">{escape(kind)}</p><h1>{escape(title)}</h1>'
        f"<ul>{listed}</ul></div></header>\n"
        f"<main>\n{''.join(sections)}\n<footer>{escape(foot)}</footer>\n</main>\n</body>\n</html>\n"
    )


def section(heading: str, *parts: str, name: str = "", anchor: str = "", number: int | None = None) -> str:
    """One block of the page, with its heading; parts are HTML already. `anchor` is where `contents` leads to."""
    kind = f' class="{name}"' if name else ""
    place = f' id="{anchor}"' if anchor else ""
    count = f'<span class="number">{number}</span>' if number is not None else ""
    return f"<section{kind}{place}><h2>{count}{escape(heading)}</h2>{''.join(parts)}</section>\n"


def contents(title: str, parts: Iterable[tuple[str, str]]) -> str:
    """Links to the blocks of the page, by anchor and heading, numbered from 1."""
    links = "".join(f'<li><a href="#{anchor}">{escape(heading)}</a></li>' for anchor, heading in parts)
    return f'<nav aria-label="{escape(title, quote=True)}"><ol>{links}</ol></nav>\n'


def figure(title: str, note: str, drawing: str) -> str:
    """A plot with its title and a line on how to read it."""
    return f"<figure><figcaption><b>{escape(title)}</b>{escape(note)}</figcaption>{drawing}</figure>"


def table(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    words: Sequence[int] = (),
    codes: Sequence[int] = (),
    picked: int | None = None,
    roomy: bool = False,
) -> str:
    """A table of text cells; columns in `words` are prose and may wrap (`roomy`: less so), those in `codes` are keys,
    row `picked` stands out."""
    wordy = set(words)
    mark = [' class="words"' if i in wordy else "" for i in range(len(heads))]
    head = "".join(f"<th{mark[i]}>{escape(text)}</th>" for i, text in enumerate(heads))
    lines = []
    for number, row in enumerate(rows):
        shown = [f"<code>{escape(text)}</code>" if i in codes else escape(text) for i, text in enumerate(row)]
        cells = "".join(f"<td{mark[i]}>{text}</td>" for i, text in enumerate(shown))
        lines.append(f"<tr{' class=picked' if number == picked else ''}>{cells}</tr>")
    body = "".join(lines)
    kind = "data roomy" if roomy else "data"
    return (
        f'<div class="scroll"><table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def paragraph(words: str, name: str = "") -> str:
    """A paragraph of plain text."""
    return f"<p{f' class={name!r}' if name else ''}>{escape(words)}</p>"
