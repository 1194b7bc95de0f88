"""The dictionary: what each tag means, how it is computed and from what, whom it covers, and how fresh it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_never

from coterie.catalog.schemas import (
    Aggregate,
    Band,
    Cell,
    Condition,
    FieldOf,
    Formula,
    ListMember,
    Published,
    Score,
    TagDefinition,
)
from coterie.kit.disk import disk_errors
from coterie.kit.moments import show_moment
from coterie.rules.expressions import parse_expression
from coterie.rules.sentences import Speaker
from coterie.rules.spans import read_span
from coterie.rules.where import read_where, where_clause
from coterie.tags.context import TagContext
from coterie.tags.families import needs
from coterie.tags.measures import MEASURES
from coterie.tags.recipes import ABOUT_ZH
from coterie.tags.records import BuildRecord, Builds
from coterie.tags.vocabulary import CatalogVocabulary

Entry = dict[str, Any]
_COLUMNS = (
    "tag", "label", "type", "entity_kind", "unit", "category", "family", "meaning", "how", "sources", "coverage",
    "present", "entities", "min", "max", "distribution", "as_of", "data_version", "owner", "recipe",
)  # fmt: skip


def entries(context: TagContext, language: str = "en", *, entity_kind: str | None = None) -> list[Entry]:
    """One entry a tag, by entity kind and name.

    coverage : share of entities with a value, None before the tag was built; `distribution` is told of a sample.
    """
    found = []
    kinds = sorted({t.entity_kind for t in context.catalog.tags(entity_kind).values()})
    for kind in kinds:
        vocabulary = CatalogVocabulary(context.catalog, context.zone, kind)
        record = Builds(context.store, kind).published()
        teller = _Teller(context, vocabulary, language, record)
        found += [teller.entry(tag) for _, tag in sorted(vocabulary.definitions.items())]
    return found


def write_dictionary(context: TagContext, to: Path, language: str = "en") -> int:
    """Write the dictionary: a Markdown page a tag and an index into a folder, or one .csv or .json file.

    Returns the number of tags.
    """
    found = entries(context, language)
    with disk_errors():
        match to.suffix.lower():
            case ".json":
                to.write_text(json.dumps({"tags": found}, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
            case ".csv":
                _write_csv(found, to)
            case _:
                _write_pages(found, to, language)
    return len(found)


def _write_csv(found: list[Entry], to: Path) -> None:
    import csv

    with to.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(_COLUMNS)
        for entry in found:
            writer.writerow([_cell(entry[column]) for column in _COLUMNS])


def _cell(value: Any) -> Any:
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, ensure_ascii=False)
    return value


def _write_pages(found: list[Entry], folder: Path, language: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    title = "标签字典" if language == "zh" else "Tag dictionary"
    lines = [f"# {title}", ""]
    for entry in found:
        name = page_name(entry)
        (folder / name).write_text(page(entry, language), encoding="utf-8")
        lines.append(f"- [{entry['tag']}]({name.replace(' ', '%20')}): {entry['label']}. {entry['how']}")
    (folder / "index.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def page_name(entry: Entry) -> str:
    """The file name of a tag's page."""
    return f"{entry['entity_kind']}.{entry['tag']}.md"


_WORDS: Mapping[str, tuple[str, str]] = {
    "meaning": ("Meaning", "含义"),
    "how": ("How it is computed", "计算方式"),
    "sources": ("Made of", "来源"),
    "type": ("Type", "类型"),
    "unit": ("Unit", "单位"),
    "category": ("Category", "类目"),
    "family": ("Family", "标签组"),
    "entity_kind": ("About", "对象"),
    "owner": ("Owner", "负责人"),
    "recipe": ("Recipe", "配方"),
    "covered": ("Coverage", "覆盖率"),
    "range": ("Least and greatest", "最小与最大"),
    "distribution": ("Distribution (of a sample)", "分布（抽样）"),
    "fresh": ("As of", "截至"),
}


def page(entry: Entry, language: str = "en") -> str:
    """A tag's page as Markdown."""
    which = 1 if language == "zh" else 0
    shown = dict(entry)
    if entry["coverage"] is not None:
        shown["covered"] = f"{entry['coverage']:.1%} ({entry['present']:,} / {entry['entities']:,})"
        shown["fresh"] = f"{entry['as_of']}, data version {entry['data_version']}"
    if entry["min"] is not None:
        shown["range"] = f"{entry['min']} – {entry['max']}"
    lines = [f"# {entry['tag']}", "", f"**{entry['label']}**", ""]
    for key, words in _WORDS.items():
        value = shown.get(key)
        if value in (None, "", [], {}):
            continue
        if isinstance(value, list):
            value = ", ".join(f"{v[0]} ({v[1]:,})" if isinstance(v, list) else str(v) for v in value)
        lines.append(f"- {words[which]}: {value}")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class _Teller:
    """Tells of tags in one language."""

    context: TagContext
    vocabulary: CatalogVocabulary
    language: str
    record: BuildRecord | None

    def pick(self, english: str, chinese: str) -> str:
        return chinese if self.language == "zh" else english

    def entry(self, tag: TagDefinition) -> Entry:
        """One tag: its words, how it is made and of what, and how many have it."""
        built = None if self.record is None else self.record.families.get(tag.family)
        summary = {} if built is None else dict(built.summary.get(tag.name, {}))
        entities = 0 if self.record is None else self.record.entities
        present = summary.get("present")
        return {
            "tag": tag.name,
            "label": tag.label.get(self.language) or tag.label.get("en") or tag.name,
            "type": tag.type.value,
            "entity_kind": tag.entity_kind,
            "unit": tag.unit,
            "category": list(tag.category),
            "family": tag.family,
            "meaning": tag.description.get(self.language) or self.meaning(tag.description.get("en")),
            "how": self.how(tag),
            "sources": self.sources(tag),
            "coverage": None if present is None or not entities else present / entities,
            "present": present,
            "entities": None if present is None else entities,
            "min": summary.get("min"),
            "max": summary.get("max"),
            "distribution": summary.get("deciles") or summary.get("top"),
            "as_of": None if self.record is None or present is None else self.moment(self.record),
            "data_version": None if self.record is None or present is None else self.record.data_version,
            "owner": tag.owner,
            "recipe": tag.recipe,
        }

    def moment(self, record: BuildRecord) -> str:
        return show_moment(record.as_of, self.context.zone)

    def sources(self, tag: TagDefinition) -> list[str]:
        """The datasets and tags it is made of."""
        match tag.spec:
            case FieldOf(dataset=dataset, field=name) | Published(dataset=dataset, column=name):
                return [f"{dataset}.{name}"]
            case Aggregate(dataset=dataset, of=of):
                names = parse_expression(of).names if of is not None else ()
                return [dataset, *(f"{dataset}.{name}" for name in names)]
            case ListMember(list=name):
                return [f"list {name}"]
            case _:
                return list(needs(tag))

    def meaning(self, english: str | None) -> str | None:
        """A description that has no Chinese of its own: that of a recipe is known in it."""
        return ABOUT_ZH.get(english, english) if english is not None and self.language == "zh" else english

    def how(self, tag: TagDefinition) -> str:
        """How it is computed, in words."""
        spec = tag.spec
        match spec:
            case FieldOf(dataset, name):
                return self.pick(
                    f"The field {name} of {dataset}, valid at the as-of.",
                    f"{dataset} 的字段 {name}，截至当时有效的值。",
                )
            case Aggregate():
                return self.aggregate(spec)
            case Formula(text):
                return self.pick(f"The formula {text}.", f"公式：{text}。")
            case Band(name, edges, labels):
                bands = ", ".join(f"{label} ≥ {edge}" for edge, label in zip(edges, labels[1:], strict=True))
                first = f"{labels[0]} < {edges[0]}"
                return self.pick(f"The band of {name}: {first}, {bands}.", f"{name} 的分段：{first}，{bands}。")
            case Score(name, parts, better, missing):
                return self.score(name, parts, better, missing)
            case Cell(names):
                joined = ", ".join(names)
                return self.pick(f"The values of {joined}, one after the other.", f"依次连写 {joined} 的值。")
            case Published(dataset, column):
                return self.pick(f"Published as {dataset}, column {column}.", f"由 {dataset} 发布，列 {column}。")
            case ListMember(name):
                return self.pick(f"Whether the key is on the uploaded list {name}.", f"是否在上传的名单 {name} 中。")
            case _:
                assert_never(spec)

    def score(self, name: str, parts: int, better: str, missing: int | None) -> str:
        worse = self.pick("less" if better == "high" else "more", "更小" if better == "high" else "更大")
        english = f"1 + floor({parts} × the share of entities whose {name} is {worse})"
        chinese = f"1 + ⌊{parts} × {name} {worse}者的占比⌋"
        if missing is not None:
            english, chinese = f"{english}; {missing} where it is missing", f"{chinese}；缺失时为 {missing}"
        return self.pick(f"{english}.", f"{chinese}。")

    def aggregate(self, spec: Aggregate) -> str:
        """How a tag is computed over rows of a dataset, as a sentence."""
        rule = MEASURES[spec.measure]
        said = self.pick(rule.en, rule.zh).format(of=spec.of or "")
        said = self.pick(said[0].upper() + said[1:], said)
        parts = [self.pick(f"{said} of {spec.dataset}", f"{spec.dataset}：{said}")]
        if spec.half_life is not None:
            parts.append(
                self.pick(f"with a half-life of {self.span(spec.half_life)}", f"半衰期 {self.span(spec.half_life)}")
            )
        for word, condition in ((("where", "条件"), spec.where), (("among rows where", "范围"), spec.among)):
            if condition is not None:
                parts.append(f"{self.pick(*word)} {self.condition(spec.dataset, condition)}")
        if spec.within is not None:
            parts.append(
                self.pick(f"within {self.span(spec.within)} before the as-of", f"截至前 {self.span(spec.within)}内")
            )
        if spec.between is not None:
            start, end = (self.span(s) for s in spec.between)
            parts.append(self.pick(f"between {start} and {end} before the as-of", f"截至前 {start}至 {end}之间"))
        if spec.end != "entity":
            ends = {"target": ("by the other end", "按另一端"), "both": ("by both ends", "按两端")}
            parts.append(self.pick(*ends[spec.end]))
        return self.pick(", ".join(parts) + ".", "，".join(parts) + "。")

    def span(self, text: str) -> str:
        return read_span(text, "span").words(self.language)

    def condition(self, dataset: str, condition: Condition) -> str:
        if isinstance(condition, str):
            return condition
        speaker = Speaker(self.language, self.vocabulary)
        return where_clause(read_where(condition), speaker, self.vocabulary.datasets.get(dataset))
