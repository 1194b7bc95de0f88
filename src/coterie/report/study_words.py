"""Words of the parts of the segment report that a study adds, in English and Chinese."""

from __future__ import annotations

from coterie.learn.segments.words import Text

STUDY_WORDS: dict[str, Text] = {
    "contents": Text("Contents", "目录"),
    "part_overview": Text("At a glance", "一页概览"),
    "part_input": Text("What went in", "数据与处理"),
    "part_structure": Text("Is there structure at all?", "数据中有没有成群的现象？"),
    "part_choice": Text("How many segments?", "分成几群？"),
    "part_algorithms": Text("What other methods find", "其他方法的结果"),
    "part_stability": Text("Will they come back?", "分群是否稳定？"),
    "part_profile": Text("Who they are", "各群画像"),
    "part_explanation": Text("Why a customer is where they are", "客户为什么属于这一群"),
    "part_outcome": Text("Does it matter?", "分群有没有预测力？"),
    "part_map": Text("Map", "分布图"),
    "part_economics": Text("What they are worth", "经济价值"),
    "part_stress": Text("Stress tests", "压力测试"),
    "part_care": Text("Fairness and law", "公平与合规"),
    "part_upkeep": Text("Keeping them true", "后续维护"),
    "part_appendix": Text("Appendix: every figure", "附录：全部数字"),
    "absent": Text("Not applicable: {reason}.", "不适用：{reason}。"),
    # 1
    "action": Text("What to do", "建议行动"),
    "owner": Text("Owner: {name}", "负责人：{name}"),
    "policy": Text("Policy: {text}", "销售政策：{text}"),
    "growth": Text("{change} since {when}", "较 {when} {change}"),
    "unassigned": Text("{count} customers ({share}) are in no segment.", "有 {count} 个客户（{share}）不属于任何群。"),
    "same_size": Text("as many as on {when}", "与 {when} 持平"),
    "is_new": Text("new since {when}", "{when} 之后新出现"),
    "acting": Text(
        "Contacting all of them once brings {value} ({low} to {high})",
        "全部触达一次的预期收益 {value}（{low} 至 {high}）",
    ),
    "acting_note": Text(
        "Value of contacting a segment: share that responded after the cut-off, times the profit of a response, less the "
        "cost of contact, with a 95% interval. It also counts who would have bought anyway; only a test with a control "
        "group tells them apart.",
        "触达收益：截止日之后的响应率乘以每次响应的利润，再减去触达成本，带 95% 区间。其中也包括本来就会购买的人；要区分"
        "二者，需要设置对照组的实验。",
    ),
    "marked_name": Text("name questioned", "名称有异议"),
    "marked_reason": Text("reason questioned", "理由有异议"),
    "marked_segment": Text("segment questioned", "分群有异议"),
    "marked_customer": Text("a member questioned", "成员有异议"),
    "mark": Text("{what}: {note}", "{what}：{note}"),
    # 2
    "as_of": Text("As of", "统计时点"),
    "data_version": Text("Data version", "数据版本"),
    "population": Text("Customers", "客户"),
    "everyone": Text("everyone known then", "当时已知的全部客户"),
    "members_of": Text("members of {audience}", "人群包 {audience} 的成员"),
    "left_out": Text("Left out before", "事先排除"),
    "nobody": Text("nobody", "无"),
    "nothing_known": Text("Nothing known", "没有任何信息"),
    "data_print": Text("Fingerprint of the data", "数据指纹"),
    "model_print": Text("Fingerprint of the model", "模型指纹"),
    "dimensions": Text(
        "The {used} tags amount to {found} independent ones. Most alike: {pairs}.",
        "这 {used} 个标签相当于 {found} 个相互独立的标签。最相似的：{pairs}。",
    ),
    "dimensions_alone": Text("There is a single tag.", "只有一个标签。"),
    "pair": Text("{a} and {b} ({value})", "{a}与{b}（{value}）"),
    # 4
    "criterion": Text("Criterion", "判据"),
    "value": Text("Value", "数值"),
    "lineage": Text("How segments split and merge over their number", "随群数增加，各群如何拆分与合并"),
    "lineage_note": Text(
        "Each column is one number of segments, bands are customers; colours are those of the {k} that were chosen.",
        "每一列是一种群数，色带是客户；颜色对应最终选择的 {k} 群。",
    ),
    # 5
    "method_kmeans": Text("k-means", "均值聚类"),
    "method_kmedians": Text("k-medians", "中位数聚类"),
    "method_kmedoids": Text("k-medoids", "中心点聚类"),
    "method_kmodes": Text("k-modes", "众数聚类"),
    "method_kprototypes": Text("k-prototypes", "混合原型聚类"),
    "method_gmm": Text("Gaussian mixture", "高斯混合模型"),
    "method_ward": Text("Ward", "离差平方和层次聚类"),
    "method_hdbscan": Text("HDBSCAN", "密度层次聚类"),
    "method_rfm": Text("RFM cells", "消费分层"),
    "method_abc": Text("ABC tiers", "金额分级"),
    "method_breaks": Text("Natural breaks", "自然断点"),
    "method_quantiles": Text("Equal parts of one tag", "单一标签等分"),
    "this_report": Text("{method} (this report)", "{method}（本报告）"),
    "algorithms_note": Text(
        "The same {rows} customers, the same preparation, {k} groups where the number can be given. Agreement is the "
        "adjusted Rand index: 1 the same groups, 0 what chance gives.",
        "同样的 {rows} 个客户、同样的处理；可指定群数的方法均为 {k} 群。一致性为调整兰德指数：1 表示完全相同，0 表示与随机"
        "相当。",
    ),
    "groups": Text("Groups", "群数"),
    "group_sizes": Text("Sizes", "规模"),
    "in_none": Text("In no segment", "不属于任何群"),
    "agreement_with": Text("Agreement of any two", "两两一致性"),
    "skipped": Text("Cannot take these tags: {names}.", "无法处理这些标签的方法：{names}。"),
    "people": Text("What people said", "人工标签"),
    "people_note": Text(
        "{matched} customers have a label that somebody gave. Agreement with the segments: adjusted Rand index {ari}, "
        "kappa {kappa} after the best pairing.",
        "{matched} 个客户有人工标签。与分群的一致性：调整兰德指数 {ari}，最佳配对后的卡帕系数 {kappa}。",
    ),
    "label": Text("Label", "标签"),
    "overlooked": Text(
        "Overlooked: {count} customers of segment {segment} are not called {label}.",
        "被忽视：第 {segment} 群中有 {count} 个客户未被标为“{label}”。",
    ),
    # 6
    "fewer": Text("With one fewer", "减少一群时"),
    "more": Text("With one more", "增加一群时"),
    "across_note": Text(
        "With one fewer, with one more: overlap (Jaccard) with the nearest segment when there is one segment fewer or "
        "more.",
        "减少或增加一群时：与最相近的群的重合度（杰卡德系数）。",
    ),
    "over_time": Text("Over time", "随时间的变化"),
    "over_time_note": Text(
        "Customers of version {version} ({when}) on the left, today on the right. Of {common} known at both moments "
        "{kept} kept their segment; {customers} moved by what they did, {model} by the new model.",
        "左侧为版本 {version}（{when}），右侧为今天。两个时点都已知的 {common} 个客户中，{kept} 个留在原群；{customers} 个因自身"
        "行为而移动，{model} 个因模型更新而移动。",
    ),
    "then": Text("then", "当时"),
    "today": Text("today", "今天"),
    # 7
    "index": Text("index {value}", "指数 {value}"),
    "index_note": Text(
        "Index: share in the segment over everybody's, times 100.", "指数：该群占比除以全体占比，再乘以 100。"
    ),
    "descriptors": Text("Tags that had no say in the segments", "未参与分群的标签"),
    # 8
    "tree_note": Text(
        "Explained by that tree, the distances within the groups are {ratio} times those within the segments.",
        "用这棵树来解释时，组内距离是分群内距离的 {ratio} 倍。",
    ),
    "purity": Text("Purity in the tree", "树中的纯度"),
    "typical": Text("Typical customers", "典型客户"),
    "borders": Text("Customers nearest to a border", "最靠近边界的客户"),
    "customer": Text("Customer", "客户"),
    "second": Text("Second", "次近的群"),
    "margin": Text("Margin", "间距"),
    # 9
    "revenue": Text("Revenue per customer", "每个客户的收入"),
    "returned": Text("Came back", "回购比例"),
    "response": Text("Responded", "响应比例"),
    "outcome_note": Text(
        "{customers} customers segmented anew by what was known on {cutoff}; the figures are of the {days} days after. "
        "Means with 95% intervals.",
        "按 {cutoff} 时已知的信息对 {customers} 个客户重新分群；数字来自其后 {days} 天。均值带 95% 区间。",
    ),
    "unmatched": Text("not a segment of today", "今天已不存在"),
    "explained_by": Text("Share of the differences foretold, on customers held out", "可预测的差异比例（留出客户）"),
    "by_segments": Text("Segments", "分群"),
    "by_baseline": Text("Deciles of {columns}", "{columns}的十分位"),
    "by_both": Text("Both", "两者"),
    "added": Text("Added by the segments", "分群的增量"),
    "outcome": Text("Outcome", "结果"),
    "baseline": Text("Deciles", "十分位"),
    "news": Text(
        "{outcome}: the segments tell something that the deciles do not.", "{outcome}：分群提供了十分位之外的信息。"
    ),
    "nothing_new": Text(
        "{outcome}: as far as these customers can show, the segments predict nothing new beyond the deciles.",
        "{outcome}：就这些客户而言，与十分位相比，分群没有提供新的预测信息。",
    ),
    # 10
    # 11
    "economics_note": Text("From the numbers given: {given}.", "依据给定的数字：{given}。"),
    "given_margin": Text("margin {value} of revenue", "利润率为收入的 {value}"),
    "given_order": Text("{value} per order", "每单成本 {value}"),
    "given_customer": Text("{value} per customer", "每个客户的成本 {value}"),
    "given_contact": Text("{value} per contact", "每次触达成本 {value}"),
    "given_response": Text("profit of a response {value}", "每次响应的利润 {value}"),
    "profit_customer": Text("Profit per customer", "每个客户的利润"),
    "cost_to_serve": Text("Cost to serve", "服务成本"),
    "profit": Text("Profit", "利润"),
    "profit_share": Text("Share of profit", "利润占比"),
    # 12
    "stress_note": Text(
        "Agreement (adjusted Rand index) with the segments as they are, on the same customers, when one thing is "
        "changed. The weakest: {weakest}.",
        "只改变一个条件时，同一批客户的结果与现有分群的一致性（调整兰德指数）。最弱的：{weakest}。",
    ),
    "trial_without": Text("without {detail}", "去掉{detail}"),
    "trial_seed": Text("seed {detail}", "随机种子 {detail}"),
    "trial_prepare": Text("preparation: {detail}", "处理方式：{detail}"),
    "trial_window": Text("as of {detail}", "统计时点 {detail}"),
    "prepare_standard": Text("only scaled", "仅标准化"),
    "prepare_auto": Text("skew removed, scaled", "去偏并标准化"),
    "not_possible": Text("Could not be made: {details}.", "无法进行：{details}。"),
    # 13
    "care_note": Text(
        "Association is Cramér's V: below .1 none to speak of, from .3 on strong.",
        "关联度为克莱姆系数：低于 0.1 可忽略，0.3 以上为强。",
    ),
    "guessed": Text("Attributes were recognised by their names.", "受保护属性按列名识别。"),
    "no_protected": Text(
        "No protected attribute is among the columns given, so that nothing can be said of fairness; hand them in as "
        "columns beside those segmented by.",
        "给定的列中没有受保护属性，因此无法评估公平性；请把它们作为分群之外的列提供。",
    ),
    "attribute": Text("Protected attribute", "受保护属性"),
    "association": Text("Association", "关联度"),
    "used_for": Text("Used for the segments", "是否用于分群"),
    "no": Text("no", "否"),
    "proxies": Text("Tags that stand in for a protected attribute", "可能替代受保护属性的标签"),
    "no_proxies": Text(
        "None of the {count} other tags tells a protected attribute.", "其余 {count} 个标签都不能反映受保护属性。"
    ),
    "stands_for": Text("Stands for", "反映"),
    "smallest_segment": Text("The smallest segment has {count} customers.", "最小的分群有 {count} 个客户。"),
    "smallest_group": Text(
        "The fewest of one segment who share all protected attributes: {count}.",
        "同一分群中受保护属性完全相同的客户最少有 {count} 个。",
    ),
    "contact": Text("May be contacted", "可触达比例"),
    "channel": Text("Channel", "渠道"),
    "no_channels": Text("No consent was given with the data (columns reach.CHANNEL).", "数据中没有各渠道的触达授权。"),
    # 14
    "triggers": Text("What would call for a refit", "何时需要重新拟合"),
    "trigger": Text("Sign", "信号"),
    "today_value": Text("Today", "今天"),
    "limit": Text("Limit", "界限"),
    "trigger_near_border": Text("share near a border above", "靠近边界的比例高于"),
    "trigger_size": Text("share of segment {segment} off by more than", "第 {segment} 群的占比变动超过"),
    "trigger_psi": Text("stability index of a tag above", "某个标签的稳定性指数高于"),
    "verdict_now": Text("Refit now: {reasons}.", "请立即重新拟合：{reasons}。"),
    "verdict_soon": Text("Refit soon: {reasons}.", "请尽快重新拟合：{reasons}。"),
    "verdict_no": Text("No need to refit.", "无需重新拟合。"),
    "next_refit": Text("Next refit: {date}.", "下次重新拟合：{date}。"),
    "drift": Text("What has moved since", "此后的变化"),
    "stability_index": Text("Stability index", "稳定性指数"),
    "distance": Text("Distance moved", "移动距离"),
    "moved": Text("Moved", "变化"),
    "band_none": Text("no", "无"),
    "band_some": Text("some", "有些"),
    "band_much": Text("much", "很大"),
    "drift_note": Text(
        "Stability index (PSI): .1 some, .25 much. Distance in standard deviations of then; only what chance does not "
        "explain counts.",
        "稳定性指数：0.1 为有些变化，0.25 为变化很大。距离以当时的标准差计；只计入不能用偶然解释的变化。",
    ),
    # 15
    "rejected": Text("Rejected solutions", "未采用的方案"),
    "rerun": Text("To run it again", "重新运行"),
    "bic_note": Text("lower is better", "越低越好"),
}
