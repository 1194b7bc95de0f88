"""Headings and explanations of the experiment report in English and Chinese."""

from __future__ import annotations

from coterie.learn.segments.words import Language, Text

_WORDS: dict[str, Text] = {
    "kind": Text("Experiment report", "实验报告"),
    "foot": Text(
        "Made by Coterie. Everything on this page is inside this file.",
        "由 Coterie 生成。本页所有内容都在这一个文件中。",
    ),
    "units": Text("Units", "样本数"),
    "arms": Text("Arms", "组数"),
    "control": Text("Control", "对照组"),
    "source": Text("Data", "数据"),
    # 1 answer
    "answer": Text("Did it work?", "有效果吗？"),
    "stopped": Text(
        "Do not read the effects. The arms are not as large as they were meant to be, so that somebody was lost or counted "
        "twice in one of them. Figures are kept at the end of this page for finding the cause.",
        "请不要解读效果。各组人数与设计不符，说明某一组有人丢失或被重复计数。所有数字保留在页末，供查找原因。",
    ),
    "found": Text(
        "{found} of {all} comparisons show a difference after correction for their number.",
        "共 {all} 项比较，校正后有 {found} 项显示差异。",
    ),
    "none_found": Text(
        "No comparison shows a difference after correction for their number ({all}). That is not proof that there is none: "
        "the intervals say how large it may be.",
        "校正后没有一项比较显示差异（共 {all} 项）。这并不证明没有差异：区间说明差异可能有多大。",
    ),
    "from_to": Text("{control} in {name}, {value} here", "{name}为 {control}，本组为 {value}"),
    "interval": Text("95% interval {low} to {high}", "95% 区间 {low} 至 {high}"),
    "no_relative": Text("relative change: {reason}", "相对变化：{reason}"),
    # 2 sizes
    "sizes": Text("Are the arms as large as meant?", "各组人数是否符合设计？"),
    "sizes_ok": Text(
        "Yes, as far as chance goes: p = {p}. Below .001 nothing else on this page would be read.",
        "在随机波动范围内符合：p = {p}。若低于 0.001，本页其余内容都不应解读。",
    ),
    "sizes_bad": Text("No: p = {p}, below .001.", "不符合：p = {p}，低于 0.001。"),
    "arm": Text("Arm", "组"),
    "observed": Text("Units", "实际人数"),
    "expected": Text("Expected", "应有人数"),
    # 3 effects
    "effects": Text("Change against the control", "相对对照组的变化"),
    "effects_note": Text(
        "Relative change with its 95% interval. An interval across the grey line holds no change.",
        "相对变化及其 95% 区间。区间跨过灰线表示可能没有变化。",
    ),
    "sequential_note": Text(
        "The wide, pale bars hold however often the data are looked at (tuned to {n} units in all); they decide here.",
        "较宽的浅色条无论查看多少次数据都成立（按总计 {n} 个样本调定），此处以它为准。",
    ),
    "fixed_note": Text(
        "These intervals hold for one look at the end. Whoever looks daily and stops at the first difference should ask "
        "for always-valid intervals.",
        "这些区间只对实验结束时的一次查看成立。若每天查看、一见差异就停止，应使用始终有效的区间。",
    ),
    "plain": Text("plain", "未校正"),
    "adjusted": Text("adjusted", "协变量校正"),
    "decides": Text("{reading} (decides)", "{reading}（以此为准）"),
    "always": Text("always valid", "始终有效"),
    "cannot": Text("cannot tell", "无法判断"),
    # 4 figures
    "figures": Text("All figures", "全部数字"),
    "figures_note": Text(
        "p corrected: Holm, over all metrics and arms; BH: Benjamini and Hochberg. Adjusted rows take out what was known "
        "before; plain ones stand beside them, since a result that needs the adjustment is a weaker one.",
        "校正 p：Holm 法，覆盖所有指标和组；BH：Benjamini-Hochberg 法。“协变量校正”的行扣除了实验前已知的信息；未校正的结果"
        "并列给出，因为只有校正后才成立的结论较弱。",
    ),
    "metric": Text("Metric", "指标"),
    "reading": Text("Reading", "方式"),
    "in_control": Text("Control", "对照组"),
    "in_arm": Text("Arm's value", "本组"),
    "effect": Text("Change", "变化"),
    "low": Text("from", "下限"),
    "high": Text("to", "上限"),
    "relative": Text("Relative", "相对变化"),
    "p": Text("p", "p"),
    "holm": Text("p corrected", "校正 p"),
    "bh": Text("BH", "BH"),
    "variance_left": Text("Variance left", "剩余方差"),
    # 5 belief
    "belief": Text("As a chance", "以概率表示"),
    "belief_note": Text(
        "Beforehand a relative change was believed to be around 0, two times in three within {sd}. Loss: what is given up "
        "on average, as a fraction of the control, by taking the arm or by leaving it.",
        "事先认为相对变化在 0 附近，三分之二的情况在 ±{sd} 以内。损失：采用或不采用该组平均放弃的部分，以对照组的比例表示。",
    ),
    "beats": Text("Chance to beat", "胜出概率"),
    "loss_taken": Text("Loss if taken", "采用的损失"),
    "loss_left": Text("Loss if left", "不采用的损失"),
    "belief_at": Text("Believed change", "估计的变化"),
    # 6 guardrails, segments, money
    "guardrails": Text("Guardrails", "护栏指标"),
    "verdict": Text("Verdict", "结论"),
    "segments": Text("By {name}", "按 {name}"),
    "segments_note": Text(
        "p values are corrected over all {count} comparisons by segment. A difference between levels counts only where the "
        "test of variety says so.",
        "p 值对全部 {count} 项分组比较作了校正。只有差异性检验显示差异时，才能说各层效果不同。",
    ),
    "varies": Text(
        "{metric}, {arm}: the effect differs between levels (p corrected {p}).",
        "{metric}，{arm}：各层的效果不同（校正 p = {p}）。",
    ),
    "varies_not": Text(
        "No sign that the effect differs between levels: {names} (smallest corrected p {p}).",
        "没有迹象表明各层的效果不同：{names}（最小校正 p = {p}）。",
    ),
    "level": Text("Level", "层"),
    "none": Text("(none)", "（无）"),
    "money": Text("Cost and profit", "成本与利润"),
    "money_note": Text(
        "Profit beyond the control, with 95% intervals, after {cost} more cost per unit.",
        "比对照组多得的利润及 95% 区间，已扣除每个样本多出的成本 {cost}。",
    ),
    "per_unit": Text("Per unit", "每个样本"),
    "total": Text("In all", "合计"),
    "appendix": Text("Everything as data", "全部数据"),
}


def say(key: str, language: Language, **fields: object) -> str:
    """A heading or sentence with its figures."""
    return _WORDS[key].say(language, **fields)
