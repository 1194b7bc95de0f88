"""Headings and explanations of the segment report in English and Chinese."""

from __future__ import annotations

from coterie.learn.segments.words import Language, Text
from coterie.report.study_words import STUDY_WORDS

_WORDS: dict[str, Text] = {
    "kind": Text("Segment report", "客户分群报告"),
    "foot": Text(
        "Made by Coterie. Everything on this page is inside this file.",
        "由 Coterie 生成。本页所有内容都在这一个文件中。",
    ),
    "customers": Text("Customers", "客户数"),
    "segments": Text("Segments", "分群数"),
    "method": Text("Method", "方法"),
    "seed": Text("Seed", "随机种子"),
    "of_all": Text("{share} of all", "占全部 {share}"),
    "of_money": Text("{share} of {label}", "占{label}的 {share}"),
    "all": Text("all {value}", "全体 {value}"),
    "rule_fit": Text(
        "finds {recall} of the segment; {precision} of those found belong to it",
        "可找出该群的 {recall}；找出的人中 {precision} 属于该群",
    ),
    "light": Text("{word} ({value}):", "{word}（{value}）："),
    "advice_high": Text("safe to plan with", "可放心用于规划"),
    "advice_valid": Text("fine to act on", "可以据此行动"),
    "advice_doubtful": Text("its core is real, its members are not sure", "核心存在，但成员不确定"),
    "advice_unstable": Text("do not build plans on it", "不要据此制定计划"),
    "why_k": Text("Why {k} segments: {why}.", "为什么分为 {k} 群：{why}。"),
    "runner_up": Text("Runner-up: {why}.", "次选：{why}。"),
    "input_lead": Text(
        "{n} customers with {used} tags. Each tag was prepared as follows; the same steps are applied to new "
        "customers.",
        "共 {n} 个客户、{used} 个标签。每个标签的处理方式如下；新客户也按同样的步骤处理。",
    ),
    "column": Text("Tag", "标签"),
    "done": Text("Preparation", "处理"),
    "missing": Text("Missing", "缺失"),
    "filled": Text("Filled with", "填补值"),
    "limited": Text("Limited", "截尾"),
    "not_used": Text("Not used", "未使用"),
    "reason": Text("Reason", "原因"),
    "as_is": Text("as it is", "保持原值"),
    "log1p": Text("logarithm, scaled", "取对数并标准化"),
    "yeo_johnson": Text("power {power:.2f} against skew, scaled", "幂变换（{power:.2f}）去偏并标准化"),
    "identity": Text("scaled", "标准化"),
    "flag": Text("yes or no, half weight", "是否型，权重减半"),
    "category": Text("{levels} levels, half weight in all", "{levels} 种取值，合计权重减半"),
    "merged": Text("{count} rare levels together", "{count} 种罕见取值合并"),
    "indicator": Text("being missing counts as a sign", "缺失本身作为特征"),
    "within": Text("{low} to {high}", "{low} 至 {high}"),
    "up_to": Text("up to {high}", "不高于 {high}"),
    "from": Text("from {low}", "不低于 {low}"),
    "rows_of": Text("{count} ({share})", "{count}（{share}）"),
    "structure_note": Text(
        "Each dot is an imitation of these data with the same columns and correlations but without groups; "
        "the line is the real data. The farther right, the emptier the space between groups.",
        "每个点是一份仿制数据：列的形状和相关性与真实数据相同，但没有成群的现象；竖线是真实数据。越靠右，群与群之间"
        "越空。",
    ),
    "structure_axis": Text("depth of the deepest valley", "最深的空隙有多深"),
    "real_data": Text("these data", "真实数据"),
    "imitations": Text("imitations without groups", "无成群现象的仿制数据"),
    "choice_note": Text(
        "One panel per criterion, one dot per number of segments; the filled dot is the recommended number, "
        "crosses are vetoed. "
        "{rows} customers were compared.",
        "每个小图是一项判据，每个点是一种群数；实心点为推荐的群数，叉号为被否决的群数。共比较了 {rows} 个客户。",
    ),
    "separation": Text("Empty space between segments", "分群之间的空隙"),
    "separation_note": Text("above the line any two segments stand apart", "高于虚线表示任意两群之间有空隙"),
    "weakest": Text("Weakest segment's stability", "最弱分群的稳定性"),
    "weakest_note": Text("mean overlap in resamples; .75 is enough", "重新抽样的平均重合度；0.75 即合格"),
    "ari": Text("Agreement of resamples", "重新抽样之间的一致性"),
    "ari_note": Text("adjusted Rand index with quartiles", "调整兰德指数及四分位区间"),
    "silhouette": Text("Silhouette", "轮廓系数"),
    "silhouette_note": Text("higher is better, with 95% interval", "越高越好，带 95% 区间"),
    "gap": Text("Gap statistic", "间隙统计量"),
    "bic": Text("BIC", "贝叶斯信息准则"),
    "gap_note": Text("against data without groups, one error up and down", "与无成群数据相比，上下各一个标准误"),
    "calinski_harabasz": Text("Calinski–Harabasz", "方差比指数"),
    "calinski_harabasz_note": Text("higher is better", "越高越好"),
    "davies_bouldin": Text("Davies–Bouldin", "重叠指数"),
    "davies_bouldin_note": Text("lower is better", "越低越好"),
    "smallest": Text("Smallest segment", "最小分群"),
    "smallest_note": Text("share of customers; line: {least} customers", "占客户的比例；虚线为 {least} 个客户"),
    "favours": Text("Each criterion alone would pick: {picks}.", "单看各项判据，会选择：{picks}。"),
    "stability": Text("agreement", "一致性"),
    "vetoed": Text("Vetoed", "被否决的方案"),
    "nothing_vetoed": Text("No number was vetoed.", "没有方案被否决。"),
    "sizes": Text("How large they are", "规模"),
    "share_customers": Text("share of customers", "客户占比"),
    "share_money": Text("share of {label}", "{label}占比"),
    "profile": Text("What sets them apart", "各群的特点"),
    "profile_note": Text(
        "Difference from all customers in standard deviations, with 95% intervals; tags that tell the segments "
        "apart best come first. "
        "Grey dots differ by less than {margin}.",
        "与全体客户的差异（以标准差计），带 95% 区间；最能区分各群的标签排在最前。灰点表示差异小于 {margin}。",
    ),
    "heat": Text("In natural units", "原始单位下的数值"),
    "heat_note": Text(
        "Medians of numbers, shares of the rest; the colour is the difference from all customers in standard "
        "deviations.",
        "数值型为中位数，其余为占比；颜色表示与全体客户的差异（以标准差计）。",
    ),
    "everybody": Text("All", "全体"),
    "effect": Text("Explained", "解释度"),
    "rules_note": Text(
        "Short rules on the tags that come close to the segments; each can be saved as an audience. "
        "Precision is the share of those found who belong to the segment, recall the share of the segment that is "
        "found, {basis}. "
        "One decision tree of depth {depth} puts {fidelity} of customers into the right segment.",
        "用标签写成的简短规则，与分群相近，可直接存为人群包。精确率是找出的人中属于该群的比例，召回率是该群中被找出"
        "的比例，{basis}。"
        "一棵深度为 {depth} 的决策树能把 {fidelity} 的客户归入正确的群。",
    ),
    "held_out": Text("on {rows} customers that the rules were not made from", "按未参与制定规则的 {rows} 个客户计算"),
    "in_sample": Text(
        "on the {rows} customers they were made from, since none could be spared",
        "按制定规则所用的 {rows} 个客户计算（客户太少，无法留出）",
    ),
    "segment": Text("Segment", "分群"),
    "precision": Text("Precision", "精确率"),
    "recall": Text("Recall", "召回率"),
    "map": Text("Map", "分布图"),
    "map_note": Text(
        "The two directions in which customers differ most. They show {both} of the differences ({x} and {y}); "
        "segments that overlap here may be apart in the rest.",
        "客户差异最大的两个方向，共显示了差异的 {both}（分别为 {x} 和 {y}）；在图上重叠的分群可能在其他方向上是分开"
        "的。",
    ),
    "axis_x": Text("first direction", "第一方向"),
    "axis_y": Text("second direction", "第二方向"),
    "axis_first": Text("first", "第一方向"),
    "axis_second": Text("second", "第二方向"),
    "axes_mean": Text("What the directions are made of", "两个方向由哪些标签构成"),
    "stable": Text("Will they come back?", "分群是否稳定？"),
    "stable_note": Text(
        "{draws} times other customers were drawn and segmented anew; the bar is the mean overlap (Jaccard) of "
        "each segment with the "
        "most similar new one. Above .85 highly stable, .75 stable, .60 doubtful.",
        "重新抽样并重新分群 {draws} 次；横条为每个分群与最相似的新分群的平均重合度（杰卡德系数）。0.85 以上非常稳定"
        "，0.75 以上稳定，0.60 以上存疑。",
    ),
    "overlap": Text("Overlap", "重合度"),
    "dissolved": Text("Fell apart", "瓦解比例"),
    "ambiguous": Text("Near a border", "靠近边界"),
    "ambiguous_note": Text(
        "Near a border: customers whose second nearest segment is less than a tenth farther than their own; {share}"
        " in all.",
        "靠近边界：到次近分群的距离只比到本群远不到一成的客户，共占 {share}。",
    ),
    "own_silhouette": Text("How well members fit", "成员的归属程度"),
    "own_silhouette_note": Text(
        "Silhouettes of members, best first; below the line a customer is nearer to another segment.",
        "成员的轮廓系数，从高到低；低于零线表示离另一群更近。",
    ),
    "appendix": Text("Appendix: every figure", "附录：全部数字"),
    "panel_table": Text("Choice of the number of segments", "群数的选择"),
    "profile_table": Text("Profile", "画像"),
    "mean": Text("mean", "均值"),
    "median": Text("median", "中位数"),
    "quartiles": Text("quartiles", "四分位数"),
    "difference": Text("difference", "差异"),
    "model_table": Text("How to get the same again", "如何重现"),
    "version": Text("Version", "版本"),
    "customers_compared": Text("customers compared", "比较的客户数"),
    "rule_json": Text("Rules for audiences", "人群包规则"),
    "apart_p": Text("p (single peak)", "p（单峰）"),
    "stand_apart": Text("stand apart", "有空隙的群"),
    "inertia": Text("sum of squares", "组内平方和"),
    "k": Text("k", "k"),
    "veto": Text("Veto", "否决原因"),
    "yes": Text("yes", "是"),
    "structure_row": Text(
        "Structure: {found}, p {p}, {draws} imitations", "成群现象：{found}，p {p}，仿制数据 {draws} 份"
    ),
    "found": Text("found", "有"),
    "not_found": Text("not found", "无"),
}


def say(key: str, language: Language, **fields: object) -> str:
    """The words of a key, with figures put in.

    >>> say("of_all", "zh", share="25%")
    '占全部 25%'
    """
    return (_WORDS.get(key) or STUDY_WORDS[key]).say(language, **fields)
