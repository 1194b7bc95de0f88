"""Every error and every setting is told in Chinese, and without English words."""

from __future__ import annotations

import re

import pytest

from coterie.errors import CODES, NotFound, Refused, unknown_name
from coterie.kit.chinese import ERRORS, NOUNS, SENTENCES, SETTINGS_HELP, in_chinese, said_in, told_in
from coterie.settings import SETTINGS

_CODE = re.compile(r"`[^`]*`|“[^”]*”|\{\d\}")
_NAMES = {"MB", "SQL"}


def words(text: str) -> list[str]:
    """Latin words of a text, but for code in backticks, moments in quotes and holes."""
    return [word for word in re.findall(r"[A-Za-z]+", _CODE.sub("", text)) if word not in _NAMES]


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_is_told_in_chinese(code: str) -> None:
    title, way_out = ERRORS[code]
    assert title.endswith("。") and way_out.endswith("。")
    assert words(title + way_out) == []
    told = in_chinese({"code": code, "message": "Something that nobody wrote a shape for.", "place": "x", "fix": "Do."})
    assert told == {"code": code, "message": title, "place": "x", "fix": way_out}


def test_nothing_is_told_that_is_no_code() -> None:
    assert set(ERRORS) == set(CODES)
    assert set(SETTINGS_HELP) == {setting.name for setting in SETTINGS}


def test_shapes_and_nouns_hold_no_english() -> None:
    assert [chinese for _, chinese in SENTENCES if words(chinese)] == []
    assert [chinese for chinese in [*NOUNS.values(), *SETTINGS_HELP.values()] if words(chinese)] == []
    for english, chinese in SENTENCES:
        holes = len(re.findall(r"\{=?\}", english))
        assert {int(n) for n in re.findall(r"\{(\d)\}", chinese)} <= set(range(holes)), english


def test_what_a_message_quotes_is_kept() -> None:
    assert told_in(unknown_name("audience", "loyl", ["loyal"]), "zh") == {
        "code": "unknown_name",
        "message": "没有名为“loyl”的人群包。",
        "place": None,
        "fix": '您要找的是不是 "loyal"？',
    }
    odd = Refused("bad_rule", 'Only "a" and `b` stand here, twice.', place="all[1]", fix="Take one out.")
    told = told_in(odd, "zh")
    assert told is not None and told["message"] == "规则的结构不正确（“a”、“b”）。" and told["place"] == "all[1]"
    assert told["fix"] == "请检查该条件的写法。"
    assert told_in(NotFound("unknown_name", "There is no such upload."), "en") == {
        "code": "unknown_name",
        "message": "There is no such upload.",
        "place": None,
        "fix": None,
    }


def test_notes_that_are_not_known_are_not_told_in_english() -> None:
    assert said_in('A thing with "x".', "zh", "请留意。") == "请留意（“x”）。"
    assert said_in("Column 3 has no name; it is called column_3.", "zh") == "第 3 列没有列名，命名为“column_3”。"
