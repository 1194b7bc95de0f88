"""Verdicts, reasons and notes of experiments as sentences in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

from coterie.experiments.results import Note, Row
from coterie.learn.segments.words import Language, Text
from coterie.stats.moments import CannotTell

REASONS: dict[str, Text] = {
    "too_few_units": Text("too few units have a value", "有取值的样本太少"),
    "zero_variance": Text("every unit has the same value", "所有样本的取值都相同"),
    "control_zero": Text("the control is 0, so nothing can be related to it", "对照组为 0，无法计算相对变化"),
    "no_denominator": Text("the denominator is 0 in an arm", "某一组的分母为 0"),
    "tied_quantile": Text(
        "too many units share the value at the quantile, so its error cannot be seen",
        "分位点处取值相同的样本过多，无法估计误差",
    ),
    "no_covariate": Text("the covariate is the same for everyone", "协变量对所有样本都相同"),
    "few_known": Text(
        "in {arm} only {count:,} of {n:,} differ from the rest in {column}, and it takes {least}",
        "{arm} 的 {n:,} 个样本中只有 {count:,} 个的“{column}”与其余样本不同，至少需要 {least} 个",
    ),
    "one_arm": Text("only one of the arms has anybody here", "此处只有一个组有样本"),
}

VERDICTS: dict[str, Text] = {
    "better": Text("better than the control", "优于对照组"),
    "worse": Text("worse than the control", "差于对照组"),
    "not_seen": Text("no difference seen after correction for the number of comparisons", "校正比较次数后未见差异"),
    "cannot_tell": Text("cannot tell: {reason}", "无法判断：{reason}"),
    "stopped": Text("not read: the arms have the wrong sizes", "不予解读：各组人数与设计不符"),
}

GUARDRAILS: dict[str, Text] = {
    "kept": Text("kept: surely harmed by less than {harm:.1%}", "守住：损害肯定小于 {harm:.1%}"),
    "broken": Text("broken: surely harmed by more than {harm:.1%}", "突破：损害肯定大于 {harm:.1%}"),
    "open": Text("cannot tell yet whether it is harmed by more than {harm:.1%}", "尚无法判断损害是否超过 {harm:.1%}"),
}

ARMS: dict[str, Text] = {
    "held_out": Text("held_out", "留出组"),
    "held_out_everywhere": Text("held_out_everywhere", "全局留出组"),
    "elsewhere": Text("elsewhere", "其他实验"),
}
"""Arms that `assignment` names; people's own keep their names."""

NOTES: dict[str, Text] = {
    "sample_ratio": Text(
        "The arms are not as large as they were meant to be (p = {p:.2g}). Units were lost or counted twice in some arm, so "
        "no figure below should be read until the cause is found.",
        "各组人数与设计不符（p = {p:.2g}）：某一组有样本丢失或被重复计数。找到原因之前，以下数字都不应解读。",
    ),
    "in_two_arms": Text(
        "{count:,} units are in more than one arm and were left out.", "{count:,} 个样本同时出现在多个组中，已剔除。"
    ),
    "without_unit": Text("{count:,} rows have no unit and were left out.", "{count:,} 行没有样本标识，已剔除。"),
    "without_arm": Text("{count:,} rows have no arm and were left out.", "{count:,} 行没有分组，已剔除。"),
    "repeated": Text(
        "{count:,} rows are further rows of a unit; a unit's rows were added up (of a share: any yes counts).",
        "有 {count:,} 行是同一样本的后续行，已按样本合并（求和；比例指标有一次为“是”即计为“是”）。",
    ),
    "missing": Text(
        "{column} is missing for {count:,} units, which were left out of metrics that need it.",
        "{count:,} 个样本缺少 {column}，未计入需要它的指标。",
    ),
    "missing_differs": Text(
        "{column} is missing for {count:,} units, and more often in some arms than chance explains: what is left may not "
        "be comparable.",
        "{count:,} 个样本缺少 {column}，且各组缺失比例的差异超出偶然范围：剩余样本可能不可比。",
    ),
    "filled": Text(
        "{column} is missing for {count:,} units, which were given the mean of all.",
        "{count:,} 个样本缺少 {column}，以全体均值填补。",
    ),
    "capped": Text("Values of {metric} above {cap:,.6g} count as that.", "{metric} 高于 {cap:,.6g} 的取值按该值计。"),
    "few": Text(
        "In {arm} only {count} units decide {metric}; the interval is rough.",
        "{arm} 组中仅有 {count} 个样本决定 {metric}，区间较粗略。",
    ),
    "one_unit": Text(
        "In {arm} one unit with {metric} = {value:,.6g} makes up {share:.0%} of the variance. Compare with capped values "
        "({metric}:mean:p99.9) or a quantile.",
        "{arm} 组中有一个样本的 {metric} 为 {value:,.6g}，占方差的 {share:.0%}。请对比截尾后的结果（{metric}:mean:p99.9）或分位数。",
    ),
    "differs_before": Text(
        "{column} differs between {arm} and the control (p = {p:.2g}) although it should be from before: the arms were not "
        "drawn by chance, or the experiment changed it. Do not adjust by it.",
        "{column} 本应是实验前的数据，但 {arm} 与对照组不同（p = {p:.2g}）：分组不是随机的，或它受到了实验影响，不应用它来校正。",
    ),
}


def arm_text(arm: str, language: Language = "en", names: Mapping[str, str] | None = None) -> str:
    """What an arm is called. names : of arms and columns that go by another name."""
    if names is not None and arm in names:
        return names[arm]
    return ARMS[arm].say(language) if arm in ARMS else arm


def note_text(note: Note, language: Language = "en", names: Mapping[str, str] | None = None) -> str:
    """A note as a sentence. names : what arms and columns are called that go by another name in it."""
    return NOTES[note.code].say(language, **_called(note.figures, language, names))


def _called(figures: Mapping[str, object], language: Language, names: Mapping[str, str] | None) -> dict[str, object]:
    """The figures of a sentence, arms and columns by what they are called."""
    told = dict(figures)
    if "arm" in told:
        told["arm"] = arm_text(str(told["arm"]), language, names)
    if "column" in told:
        told["column"] = (names or {}).get(str(told["column"]), told["column"])
    return told


def reason_text(found: CannotTell, language: Language = "en", names: Mapping[str, str] | None = None) -> str:
    """Why there is no figure. names : what arms and columns are called that go by another name in it."""
    return REASONS[found.reason].say(language, **_called(found.figures, language, names))


def verdict_text(row: Row, language: Language = "en") -> str:
    """The verdict on a row."""
    reason = reason_text(row.chosen, language) if isinstance(row.chosen, CannotTell) else ""
    return VERDICTS[row.verdict].say(language, reason=reason)


def guardrail_text(row: Row, language: Language = "en") -> str:
    """Whether the guardrail holds; empty where there is none."""
    if row.guardrail is None:
        return ""
    return GUARDRAILS[row.guardrail.state].say(language, harm=row.guardrail.max_harm)
