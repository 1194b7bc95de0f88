"""The page of an audience as a workbook: what is said of it, its sizes, who came and went, how it differs, what it shares."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from coterie.api.door import Door
from coterie.audiences.insight import value_text
from coterie.audiences.life import PURPOSES, About
from coterie.errors import CoterieError
from coterie.kit.chinese import told_in
from coterie.rules.operators import Words
from coterie.rules.sentences import sentence
from coterie.rules.tree import parse_rule

_CELL = 32_000  # characters that a cell of a sheet holds
_PARTS = {
    "about": Words("About", "基本信息"),
    "sizes": Words("Sizes", "人数变化"),
    "movement": Words("Came and went", "新增与流出"),
    "insight": Words("Insight", "人群洞察"),
    "overlap": Words("Overlap", "人群重合"),
}
_ABOUT = {
    "audience": Words("Audience", "人群包"),
    "sentence": Words("Rule", "规则"),
    "description": Words("Description", "说明"),
    "owner": Words("Owner", "负责人"),
    "purpose": Words("Purpose", "使用目的"),
    "refresh": Words("Refresh", "更新频率"),
    "valid_until": Words("Valid until", "有效期至"),
    "version": Words("Version", "版本"),
}
_SIZES = {
    "snapshot": Words("Snapshot", "快照"),
    "as_of": Words("As of", "统计时点"),
    "count": Words("Members", "成员"),
    "entered": Words("Entered", "新增"),
    "left": Words("Left", "流出"),
    "version": Words("Version", "版本"),
    "data_version": Words("Data version", "数据版本"),
}
_INSIGHT = (
    Words("Tag", "标签"), Words("Finding", "发现"), Words("Value", "取值"), Words("Members", "成员"),
    Words("Share here", "人群内占比"), Words("Share elsewhere", "其余占比"), Words("Index", "TGI"),
)  # fmt: skip
_MOVED = (Words("Change", "变化"), Words("By the rule", "因规则变化"), Words("By the data", "因数据变化"))
_CANNOT = Words("Cannot tell", "无法判断")


class Sheet(NamedTuple):
    """One sheet: its name, its headings, its rows."""

    name: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Any]]


def audience_sheets(door: Door, name: str, language: str, *, against: str | None, others: Sequence[str]) -> list[Sheet]:
    """The sheets of an audience's page.

    against : the audience that insight compares with; None: everyone else. others : audiences to lay over it.
    """
    history = door.ws.audiences.history(name)
    sheets = [
        _about(door, name, language),
        _sizes(history, language),
        _movement(door, name, history, language),
        _insight(door, name, against, language),
    ]
    return [*sheets, *([_overlap(door, [name, *others], language)] if others else [])]


def write_workbook(sheets: Sequence[Sheet], to: Path) -> int:
    """Write the sheets as .xlsx; no cell runs as a formula or is a link. Returns the number of rows."""
    import xlsxwriter

    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(str(to), options) as book:
        bold = book.add_format({"bold": True})
        for sheet in sheets:
            page = book.add_worksheet(sheet.name)
            page.write_row(0, 0, sheet.headings, bold)
            page.freeze_panes(1, 0)
            page.set_column(0, max(0, len(sheet.headings) - 1), 22)
            for number, row in enumerate(sheet.rows, 1):
                page.write_row(number, 0, [_cell(value) for value in row])
    return sum(len(sheet.rows) for sheet in sheets)


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return value if isinstance(value, bool | int | float) else str(value)[:_CELL]


def _about(door: Door, name: str, language: str) -> Sheet:
    found = door.ws.audiences.get(name)
    words = door.ws.index.standings.of(found.body["entity_kind"]).vocabulary
    about = About.of(found.body)
    told = {
        "audience": name,
        "sentence": sentence(parse_rule(found.body["rule"]), language, words),
        "purpose": PURPOSES[about.purpose].label.in_(language),
        "version": found.version,
        **{key: getattr(about, key) for key in ("description", "owner", "refresh", "valid_until")},
    }
    rows = [(label.in_(language), told[key]) for key, label in _ABOUT.items()]
    return Sheet(_PARTS["about"].in_(language), ("", ""), rows)


def _sizes(history: Sequence[dict[str, Any]], language: str) -> Sheet:
    headings = [label.in_(language) for label in _SIZES.values()]
    return Sheet(_PARTS["sizes"].in_(language), headings, [[row[key] for key in _SIZES] for row in history])


def _movement(door: Door, name: str, history: Sequence[dict[str, Any]], language: str) -> Sheet:
    """Between the two newest snapshots; where there are none, or their members are gone, that it cannot be told."""
    headings, part = [label.in_(language) for label in _MOVED], _PARTS["movement"].in_(language)
    if len(history) < 2:
        return Sheet(part, headings, [(_CANNOT.in_(language),)])
    try:
        found = door.ws.audiences.diff(name, history[-2]["snapshot"], history[-1]["snapshot"], language=language)
    except CoterieError as error:
        return Sheet(part, headings, [(_CANNOT.in_(language), _said(error, language))])
    sides = (("entered", found.entered), ("left", found.left))
    return Sheet(part, headings, [(_SIZES[way].in_(language), causes.rule, causes.data) for way, causes in sides])


def _insight(door: Door, name: str, against: str | None, language: str) -> Sheet:
    headings, part = [label.in_(language) for label in _INSIGHT], _PARTS["insight"].in_(language)
    try:
        found = door.ws.audiences.insight(name, against, language=language)
    except CoterieError as error:
        return Sheet(part, headings, [(_CANNOT.in_(language), _said(error, language))])
    shown = [tag for tag in found.tags if not door.mask.hides(tag.tag)]
    rows = [
        (tag.label, tag.finding, value_text(v.value), v.count, v.share, v.share_rest, v.index)
        for tag in shown
        for v in tag.values
        if not v.others
    ]
    return Sheet(part, headings, rows)


def _overlap(door: Door, names: Sequence[str], language: str) -> Sheet:
    """Everyone who is in exactly which of the audiences."""
    found = door.ws.audiences.overlap(list(names), limit=1000)
    counted = _SIZES["count"].in_(language)
    rows = [[*("✓" if name in part.audiences else "" for name in names), part.count] for part in found.intersections]
    return Sheet(_PARTS["overlap"].in_(language), [*names, counted], rows)


def _said(error: CoterieError, language: str) -> str:
    told = told_in(error, language) or {}
    return str(told.get("message"))
