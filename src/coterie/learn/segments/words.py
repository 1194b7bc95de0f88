"""The sentences of this room in English and Chinese, by code; figures come in as named fields.

Results hold codes and figures, never sentences, so that every door and report can say them in the reader's language.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from coterie.learn.segments.choose import Choice, Panel, Veto
    from coterie.learn.segments.model import Caveat, Note
    from coterie.learn.segments.pipeline import Dropped

Language = Literal["en", "zh"]


class Text(NamedTuple):
    """One sentence in both languages, as `str.format` templates of the same fields."""

    en: str
    zh: str

    def say(self, language: Language, **fields: object) -> str:
        """The sentence with its figures."""
        return (self.en if language == "en" else self.zh).format(**fields)


DROPPED: dict[str, Text] = {
    "empty": Text("has no value at all", "没有任何取值"),
    "moment": Text(
        "holds moments; use a tag in days, such as days since", "是时间点；请改用以天计的标签，例如距今天数"
    ),
    "list": Text("holds several values per entity", "每个对象有多个取值"),
    "almost_empty": Text("has only {detail} values", "仅有 {detail} 个取值"),
    "constant": Text("is {detail} for everyone", "所有对象的取值都是 {detail}"),
    "id": Text("is different for everyone, like a key", "每个对象各不相同，像是编号"),
    "many_levels": Text("has {detail} levels, none of them common", "有 {detail} 种取值，没有一种常见"),
    "copy": Text("says the same as {detail}", "与 {detail} 的信息相同"),
}

VETOES: dict[str, Text] = {
    "giant": Text(
        "one giant segment of {a:.1%} and outliers (the smallest has {b:.1%})",
        "一个占 {a:.1%} 的巨型分群加离群点（最小的占 {b:.1%}）",
    ),
    "too_small": Text(
        "the smallest segment has {a:.0f}, fewer than {b:.0f}", "最小的分群只有 {a:.0f} 个，少于 {b:.0f} 个"
    ),
    "unstable": Text(
        "a segment falls apart when other customers are drawn (mean Jaccard {a:.2f})",
        "换一批客户重新抽样时有分群瓦解（平均杰卡德系数 {a:.2f}）",
    ),
}

CHOICES: dict[str, Text] = {
    "apart": Text(
        "with {k} segments any two stand apart, with few customers half-way between them (single peak: p {p}); "
        "no larger number does so",
        "分为 {k} 群时，任意两群之间都有明显的空隙，处于中间的客户很少（单峰检验 p {p}）；更多的群数做不到这一点",
    ),
    "apart_fewer": Text(
        "with {k} segments, too, any two stand apart (single peak: p {p})",
        "分为 {k} 群时，任意两群之间也有明显的空隙（单峰检验 p {p}）",
    ),
    "stable": Text(
        "{k} is the largest number whose segments all come back when other customers are drawn "
        "(weakest mean Jaccard {weakest:.2f}, silhouette {silhouette:.2f})",
        "在换一批客户重新抽样后每个分群都能重现的方案中，{k} 群是最多的（最弱的平均杰卡德系数 {weakest:.2f}，轮廓系"
        "数 {silhouette:.2f}）",
    ),
    "stable_fewer": Text(
        "with {k} segments all come back when other customers are drawn (weakest mean Jaccard {weakest:.2f})",
        "分为 {k} 群时，换一批客户重新抽样后每个分群也都能重现（最弱的平均杰卡德系数 {weakest:.2f}）",
    ),
    "least_unstable": Text(
        "with no number do all segments surely come back when other customers are drawn; "
        "{k} comes nearest (weakest mean Jaccard {weakest:.2f})",
        "没有一种群数能保证每个分群在重新抽样后都重现；{k} 群最接近（最弱的平均杰卡德系数 {weakest:.2f}）",
    ),
    "least_unstable_fewer": Text(
        "with {k} segments not all come back when other customers are drawn (weakest mean Jaccard {weakest:.2f})",
        "分为 {k} 群时，换一批客户重新抽样后并非每个分群都能重现（最弱的平均杰卡德系数 {weakest:.2f}）",
    ),
    "all_vetoed_fewer": Text("{k} segments, though vetoed", "{k} 群，但已被否决"),
    "all_vetoed": Text(
        "every number tried has a flaw; {k} has the least unstable segments",
        "试过的每种群数都有缺陷；{k} 群的稳定性最好",
    ),
    "given": Text("{k} was asked for", "按要求分为 {k} 群"),
    "usual": Text("{k} segments are usual with this method", "该方法通常分为 {k} 群"),
    "found": Text("the method itself finds {k} segments", "该方法自行得出 {k} 群"),
}

NATURE: dict[str, Text] = {
    "types": Text(
        "There are kinds of customers: empty space lies between groups (p {p}).",
        "存在自然的客户类型：群与群之间有空隙（p {p}）。",
    ),
    "partly": Text(
        "There are groups in these data (p {p}), but these segments do not all stand apart: some borders run "
        "through a crowd. "
        "Take them as useful cuts.",
        "这些数据中存在成群的现象（p {p}），但并非所有分群之间都有空隙：有些边界穿过人群。请把它们当作有用的划分。",
    ),
    "cuts": Text(
        "No natural clusters: customers form one continuous crowd (p {p}). These segments are useful cuts, not "
        "discovered types.",
        "没有自然的分群：客户连成一片（p {p}）。这些分群是有用的划分，而不是被发现的类型。",
    ),
}

NOTES: dict[str, Text] = {
    "filled": Text(
        "{column} is missing in {rows} rows; {detail}, the median, was used",
        "{column} 在 {rows} 行缺失，已用中位数 {detail} 代替",
    ),
    "taken_as": Text(
        "{column} is missing in {rows} rows, which count as {detail}", "{column} 在 {rows} 行缺失，按 {detail} 计算"
    ),
    "unknown_level": Text(
        '{column} has values in {rows} rows that the model never saw, such as "{detail}"; they count as other',
        "{column} 有 {rows} 行的取值是模型没有见过的，例如“{detail}”，已归入其他",
    ),
    "nothing_known": Text(
        "of {rows} rows nothing is known; they got the segment of the medians", "{rows} 行没有任何信息，已按中位数归群"
    ),
}

CAVEATS: dict[str, Text] = {
    "few_rows": Text(
        "With {a:.0f} customers only large differences can be told: a segment must differ from the others by about "
        "{b:.1f} standard "
        "deviations in a column to show it. The number of segments and their borders are rough; the order of "
        "magnitude holds.",
        "只有 {a:.0f} 个客户，只能看出大的差别：一个分群在某一列上要与其他客户相差约 {b:.1f} 个标准差才能显现。群数"
        "和边界只是粗略的，量级可信。",
    ),
    "much_missing": Text(
        "Tags with so many missing values that being missing counts as a sign of its own: {a:.0f}.",
        "有 {a:.0f} 个标签缺失值较多，“缺失”本身已作为一个特征使用。",
    ),
}

BAND_WORDS: dict[str, Text] = {
    "high": Text("highly stable", "非常稳定"),
    "valid": Text("stable", "稳定"),
    "doubtful": Text("doubtful", "存疑"),
    "unstable": Text("unstable", "不稳定"),
}


def note_text(note: Note, language: Language) -> str:
    """What had to be assumed about rows that were assigned."""
    return NOTES[note.code].say(language, column=note.column, rows=note.rows, detail=note.detail)


def caveat_text(caveat: Caveat, language: Language) -> str:
    """What a reader must keep in mind."""
    return CAVEATS[caveat.code].say(language, **dict(zip("ab", caveat.figures, strict=False)))


def dropped_text(dropped: Dropped, language: Language) -> str:
    """Why a column was not used.

    >>> from coterie.learn.segments.pipeline import Dropped
    >>> dropped_text(Dropped("country", "constant", "France"), "en")
    'is France for everyone'
    """
    return DROPPED[dropped.reason].say(language, detail=dropped.detail)


def veto_text(veto: Veto, language: Language) -> str:
    """Why a solution is out.

    >>> from coterie.learn.segments.choose import Veto
    >>> veto_text(Veto(2, "kmeans", "giant", (0.984, 0.016)), "en")
    'one giant segment of 98.4% and outliers (the smallest has 1.6%)'
    """
    return VETOES[veto.reason].say(language, **dict(zip("ab", veto.figures, strict=False)))


def choice_text(choice: Choice, panel: Panel, language: Language) -> str:
    """Why this k, in one sentence with its figures."""
    figures = panel.of(choice.k)
    first = choice == panel.recommended
    code = choice.reason if first else f"{choice.reason}_fewer"
    return CHOICES[code].say(
        language, k=choice.k, p=p_text(figures.apart_p), weakest=figures.weakest, silhouette=figures.silhouette
    )


def p_text(p_value: float, *, sign: bool = True) -> str:
    """A p-value as people read it.

    >>> p_text(0.0312), p_text(1e-9), p_text(0.0312, sign=False)
    ('= .031', '< .001', '.031')
    """
    if p_value < 0.001:
        return "< .001"
    return ("= " if sign else "") + f"{p_value:.3f}".lstrip("0")
