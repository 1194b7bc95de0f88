"""What the builder of rules offers: the language's own lists of conditions, operators and measures."""

from __future__ import annotations

from typing import Any, NamedTuple

from fastapi import FastAPI

from coterie.api.answers import answer
from coterie.api.door import In, Language
from coterie.rules.measures import MEASURES, Takes
from coterie.rules.operators import OPERATORS, Words, operator_table
from coterie.rules.schema import rule_json_schema
from coterie.rules.tree import LEAF_KINDS


class _Leaf(NamedTuple):
    """How the builder offers a kind of condition."""

    group: str
    label: Words
    help: Words


# A kind of condition that is not here does not start: see `_offered`.
_LEAVES = {
    "tag": _Leaf("tags", Words("Tag", "标签"), Words("A tag compared with a value", "标签与某个值比较")),
    "geo": _Leaf("tags", Words("Distance", "距离"), Words("How far from a place", "与某地的距离")),
    "top": _Leaf("tags", Words("Highest or lowest", "排名前列"), Words("The first by a tag", "按标签取前若干")),
    "quantile": _Leaf("tags", Words("Part by rank", "分位"), Words("A tenth, a quarter by a tag", "按标签分成若干等份")),
    "events": _Leaf("events", Words("Did something", "做过"), Words("Events counted or summed", "事件的次数或汇总")),
    "regular": _Leaf("events", Words("Comes regularly", "规律出现"), Words("In many of the last periods", "最近若干周期内出现")),
    "stopped": _Leaf("events", Words("Stopped", "停止"), Words("Was active, and is silent since", "曾经活跃，此后沉默")),
    "restarted": _Leaf("events", Words("Came back", "回归"), Words("Was away, and is back", "离开之后又回来")),
    "sequence": _Leaf("events", Words("In this order", "先后顺序"), Words("One event after the other", "事件依次发生")),
    "audience": _Leaf("sets", Words("Audience", "人群包"), Words("Members of an audience", "某人群包的成员")),
    "block": _Leaf("sets", Words("Block", "条件块"), Words("Conditions saved before", "已保存的条件组")),
    "list": _Leaf("sets", Words("List", "名单"), Words("People on an uploaded list", "上传名单中的人")),
    "neighbours": _Leaf("sets", Words("Linked to", "关联"), Words("Linked to members of a rule", "与某些人有关联")),
    "sample": _Leaf("sample", Words("Random sample", "随机抽样"), Words("The same people each time", "每次抽到同样的人")),
    "split": _Leaf("sample", Words("Part of a split", "随机分组"), Words("Parts that share nobody", "互不重叠的分组")),
    "sql": _Leaf("sets", Words("SQL", "SQL"), Words("The keys that a SELECT returns", "一条 SELECT 返回的客户")),
}  # fmt: skip
_GROUPS = (
    ("all", Words("all of", "且")),
    ("any", Words("any of", "或")),
    ("not", Words("not", "非")),
    ("xor", Words("exactly one of", "恰有其一")),
    ("except", Words("the first, but none of the others", "前者排除其余")),
)
_UNITS = (
    ("h", Words("hours", "小时")),
    ("d", Words("days", "天")),
    ("w", Words("weeks", "周")),
    ("m", Words("months", "个月")),
    ("y", Words("years", "年")),
)


def add_to(app: FastAPI) -> None:
    """Add these routes."""

    @app.get("/api/v1/schema/rule")
    def rule_schema(door: In) -> Any:
        """The JSON Schema of rules."""
        return answer(rule_json_schema())

    @app.get("/api/v1/schema/leaves")
    def leaves(door: In, language: Language = "en") -> Any:
        """Kinds of condition, operators, measures, groups and units of time, with their words."""
        return answer(_offered(language))


def _offered(language: str) -> dict[str, Any]:
    comparing = [o.key for o in OPERATORS.values() if o.measures]
    timed = [o.key for o in OPERATORS.values() if o.times]
    return {
        "leaves": [_leaf(key, language) for key in LEAF_KINDS],
        "operators": [
            {**row, "label": row["label"][language], "operand": OPERATORS[row["key"]].operand.name.lower()}
            for row in operator_table()
        ],
        "measures": [
            {
                "key": m.key,
                "label": m.label.in_(language),
                "takes": m.takes.name.lower(),
                "needs_of": m.takes is Takes.FIELD,
                "types": sorted(kind.value for kind in m.types),
                "operators": timed + ["lt", "gt", "lte", "gte"] if m.takes is Takes.TIME else comparing,
            }
            for m in MEASURES.values()
        ],
        "groups": [{"key": key, "label": words.in_(language)} for key, words in _GROUPS],
        "units": [{"key": key, "label": words.in_(language)} for key, words in _UNITS],
    }


def _leaf(key: str, language: str) -> dict[str, Any]:
    words, kind = _LEAVES[key], LEAF_KINDS[key]
    told = {"key": key, "label": words.label.in_(language), "help": words.help.in_(language), "group": words.group}
    return {**told, "schema": kind.schema()}
