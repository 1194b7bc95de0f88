"""One glossary of the marketer's words in English and Chinese, shared by sentences, command line, console and reports."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Term(NamedTuple):
    """A word in both languages, and what it means here."""

    en: str
    zh: str
    meaning: str

    def in_(self, language: str) -> str:
        """The word in that language (`en` or `zh`)."""
        return self.zh if language == "zh" else self.en


GLOSSARY: Mapping[str, Term] = MappingProxyType(
    {
        "customer": Term("customer", "客户", "the subject of tags, audiences and campaigns"),
        "account": Term("account", "企业账户", "a company as a subject, for business customers"),
        "tag": Term("tag", "标签", "a named, typed value per entity"),
        "tag_family": Term("tag family", "标签族", "tags made together"),
        "tag_group": Term("group of conditions", "标签组", "conditions joined by and, or, not"),
        "rule": Term("rule", "规则", "a tree of conditions"),
        "condition": Term("condition", "条件", "one leaf of a rule"),
        "audience": Term("audience", "人群包", "a saved rule with owner, purpose and refresh"),
        "define": Term("define an audience", "圈定", "choose people by a rule"),
        "and": Term("and", "且", "every condition holds"),
        "or": Term("or", "或", "at least one condition holds"),
        "not": Term("not", "非", "the condition does not hold: everyone else in the universe"),
        "size": Term("size", "预估人数", "how many people a rule reaches; always an exact count here"),
        "universe": Term("universe", "全量人群", "everyone known at the as-of"),
        "alone": Term("alone", "单独命中", "how many pass this condition by itself"),
        "remaining": Term("remaining", "剩余人数", "how many are left after this condition and all before it"),
        "removed": Term("removed", "过滤人数", "how many this condition takes away"),
        "reachable": Term("reachable", "可触达人数", "how many may be contacted by a channel"),
        "as_of": Term("as-of", "统计时点", "the moment a question is asked about"),
        "data_version": Term("data version", "数据版本", "what was known"),
        "refresh": Term("refresh", "更新", "compute an audience again"),
        "refresh_mode": Term("refresh mode", "更新频率", "once, daily, or on new data"),
        "once": Term("once", "单次更新", "computed once"),
        "daily": Term("daily", "每日更新", "computed every day"),
        "trigger": Term("on new data", "触发更新", "computed when a batch arrives"),
        "snapshot": Term("snapshot", "快照", "the members of an audience at one moment, never changed"),
        "entered": Term("entered", "新增", "members who were not there before"),
        "left": Term("left", "流出", "members who are no longer there"),
        "member": Term("member", "成员", "someone in an audience"),
        "list": Term("list", "名单", "keys uploaded from a file"),
        "segment": Term("segment", "分群", "one group of a segmentation model"),
        "score": Term("score", "评分", "a model's number per entity"),
        "coverage": Term("coverage", "覆盖率", "share of the universe that has a value"),
        "missing": Term("missing", "缺失", "no value; fails every condition but `is missing`"),
        "event": Term("event", "行为", "something that happened at a moment"),
        "record": Term("record", "记录", "a thing with an id that changes"),
        "channel": Term("channel", "渠道", "a way to reach people"),
        "campaign": Term("campaign", "营销活动", "audience, channel, content, schedule and experiment"),
        "insight": Term("insight", "人群洞察", "how an audience differs from the rest"),
        "index": Term("index", "TGI", "share in the audience divided by share in everyone, times 100"),
        "lookalike": Term("look-alike", "相似人群", "people who resemble a seed audience"),
        "overlap": Term("overlap", "人群重合", "people who are in two audiences"),
        "explain": Term("why", "命中原因", "why someone is or is not in an audience"),
        "flip": Term("smallest change", "最小改变", "the fewest facts that would have to be different"),
        "export": Term("export", "导出", "write members to a file"),
        "recency": Term("recency", "最近一次消费", "days since the last purchase"),
        "frequency": Term("frequency", "消费频次", "number of purchases"),
        "monetary": Term("monetary value", "消费金额", "sum of purchases"),
        "lifecycle": Term("lifecycle stage", "生命周期", "new, active, sleeping, lost"),
    }
)


def word(key: str, language: str = "en") -> str:
    """A word of the glossary.

    >>> word("audience", "zh"), word("define", "zh"), word("size", "zh")
    ('人群包', '圈定', '预估人数')
    """
    return GLOSSARY[key].in_(language)
