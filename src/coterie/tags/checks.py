"""Reading definitions that people wrote: types are found, names are looked up, and what cannot be computed is
refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from coterie.catalog.definitions import InferType, spec_key, tag_from_dict, tag_to_dict
from coterie.catalog.schemas import (
    NUMERIC,
    Aggregate,
    Band,
    Cell,
    Dataset,
    DatasetKind,
    Field,
    FieldOf,
    Formula,
    ListMember,
    Published,
    Score,
    TagDefinition,
    TagSpec,
    ValueType,
)
from coterie.errors import NotFound, Refused, did_you_mean, unknown_name
from coterie.rules.expressions import Resolved, parse_expression
from coterie.tags.aggregates import aggregate_type, read_window
from coterie.tags.measures import Clock
from coterie.tags.order import family_order, with_needed
from coterie.tags.vocabulary import CatalogVocabulary

RESERVED = frozenset({"entity", "row"})  # columns of the tables that tags stand in
_AGGREGATED = frozenset({DatasetKind.EVENTS, DatasetKind.RECORDS, DatasetKind.EDGES})
_ORDERED = NUMERIC | {ValueType.DATE, ValueType.MOMENT}
_MAX_PARTS = 100


def read_definitions(given: Iterable[Any], vocabulary: CatalogVocabulary, clock: Clock) -> list[TagDefinition]:
    """Tags as people wrote them, documents or `TagDefinition`s, checked against what is there.

    A tag may be made of tags that stand after it. The type may be left out; where it stands there, it must be right.
    Raises Refused: place and fix of the first mistake.
    """
    documents = [tag_to_dict(g) if isinstance(g, TagDefinition) else g for g in given]
    reader = _Reader(vocabulary, clock, documents)
    tags = [reader.tag(number) for number in range(len(documents))]
    check_together(tags, vocabulary)
    return tags


def check_together(tags: Sequence[TagDefinition], vocabulary: CatalogVocabulary) -> None:
    """Refuse names that stand twice, circles, and families whose columns would have one name."""
    names = [t.name for t in tags]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise Refused("bad_definition", f'"{twice}" is defined twice.', place=twice, fix="Rename one of them.")
    for kind in dict.fromkeys(t.entity_kind for t in tags):
        known = vocabulary.of_kind(kind).definitions
        everything = known | {t.name: t for t in tags if t.entity_kind == kind}
        family_order(with_needed(list(everything), everything))
        _refuse_same_columns(everything.values())


def _refuse_same_columns(tags: Iterable[TagDefinition]) -> None:
    """Names of columns do not tell capitals from small letters."""
    seen: dict[tuple[str, str], str] = {}
    for tag in tags:
        other = seen.setdefault((tag.family, tag.name.lower()), tag.name)
        if other != tag.name:
            said = f'"{tag.name}" and "{other}" differ in capitals alone.'
            raise Refused("bad_definition", said, place=tag.name, fix="Rename one of them.")


@dataclasses.dataclass
class _Reader:
    """Reads the documents of one set of tags, which may be made of each other."""

    vocabulary: CatalogVocabulary
    clock: Clock
    documents: Sequence[Any]
    _types: dict[str, ValueType] = dataclasses.field(default_factory=dict)
    _open: list[str] = dataclasses.field(default_factory=list)

    def tag(self, number: int) -> TagDefinition:
        body, place = self.documents[number], f"tags[{number}]"
        tag = tag_from_dict(self._with_kind(body), infer=self._infer(), place=place)
        if tag.name.lower() in RESERVED:
            raise Refused(
                "bad_definition", f'"{tag.name}" is the name of a column.', place=place, fix="Choose another."
            )
        found = self._infer()(tag.spec, tag.entity_kind, place)
        if found is not tag.type:
            raise Refused(
                "bad_definition",
                f'"{tag.name}" is {found}, not {tag.type}.',
                place=f"{place}.type",
                fix="Leave it out.",
            )
        return tag

    def _with_kind(self, body: Any) -> Any:
        """A tag of a dataset is of the dataset's entity kind."""
        if not isinstance(body, Mapping) or "entity_kind" in body:
            return body
        for key in ("aggregate", "field", "published"):
            named = body.get(key)
            dataset = (
                self.vocabulary.datasets.get(named["dataset"])
                if isinstance(named, Mapping) and "dataset" in named
                else None
            )
            if dataset is not None:
                return {**body, "entity_kind": dataset.entity_kind}
        return body

    def _infer(self) -> InferType:
        return lambda spec, kind, place: self.type_of(spec, kind, f"{place}.{spec_key(spec)}")

    def type_of(self, spec: TagSpec, kind: str, place: str) -> ValueType:
        """The type of what a spec makes, having checked that it can be made."""
        match spec:
            case FieldOf(dataset, name):
                return self._field(self._dataset(dataset, kind, (DatasetKind.PROFILES,), place), name, place).type
            case Published(dataset, column):
                return self._field(self._dataset(dataset, kind, (DatasetKind.SCORES,), place), column, place).type
            case Aggregate():
                self._dataset(spec.dataset, kind, tuple(_AGGREGATED), place)
                read_window(spec, place)
                return aggregate_type(spec, self.vocabulary, self.clock, place=place)
            case Formula(text):
                return self._formula(text, kind, place)
            case Band():
                return self._band(spec, kind, place)
            case Score():
                return self._score(spec, kind, place)
            case Cell(names):
                for name in names:
                    self.tag_type(name, kind, place)
                return ValueType.TEXT
            case ListMember():
                return ValueType.BOOLEAN

    def tag_type(self, name: str, kind: str, place: str) -> ValueType:
        """The type of a tag that is defined here or was before."""
        if name in self._types:
            return self._types[name]
        for number, body in enumerate(self.documents):
            if isinstance(body, Mapping) and body.get("name") == name:
                if name in self._open:
                    circle = " -> ".join([*self._open[self._open.index(name) :], name])
                    said = f"These tags are made of each other: {circle}."
                    raise Refused("tag_cycle", said, place=place, fix="Let one of them be made of something else.")
                self._open.append(name)
                self._types[name] = tag_from_dict(
                    self._with_kind(body), infer=self._infer(), place=f"tags[{number}]"
                ).type
                self._open.pop()
                return self._types[name]
        known = self.vocabulary.of_kind(kind).definitions
        if name not in known:
            here = [b["name"] for b in self.documents if isinstance(b, Mapping) and isinstance(b.get("name"), str)]
            raise unknown_name("tag", name, [*known, *here], place=place)
        return known[name].type

    def _dataset(self, name: str, kind: str, kinds: Sequence[DatasetKind], place: str) -> Dataset:
        try:
            dataset = self.vocabulary.dataset(name)
        except NotFound as error:
            raise NotFound(error.code, error.message, place=f"{place}.dataset", fix=error.fix) from None
        if dataset.kind not in kinds:
            takes = " or ".join(sorted(kinds))
            said = f'"{name}" holds {dataset.kind}, and this takes {takes}.'
            raise Refused("bad_definition", said, place=f"{place}.dataset", fix="Name another dataset.")
        if dataset.entity_kind != kind:
            said = f'"{name}" is about the entity kind {dataset.entity_kind}, the tag about {kind}.'
            raise Refused(
                "bad_definition", said, place=place, fix=f"Give the tag `entity_kind: {dataset.entity_kind}`."
            )
        return dataset

    def _field(self, dataset: Dataset, name: str, place: str) -> Field:
        found = dataset.field(name)
        if found is None:
            known = [f.name for f in dataset.fields]
            fix = did_you_mean(name, known) or f"There is: {', '.join(known[:8])}."
            raise Refused("unknown_field", f'"{name}" is not a field of "{dataset.name}".', place=place, fix=fix)
        return found

    def _formula(self, text: str, kind: str, place: str) -> ValueType:
        def resolve(name: str) -> Resolved:
            return name, self.tag_type(name, kind, place)

        expression = parse_expression(text, place=place)
        if not expression.names:
            fix = "Name at least one, such as rfm.monetary / rfm.frequency."
            raise Refused("bad_definition", "The formula names no tag.", place=place, fix=fix)
        return expression.sql(resolve, zone=self.clock.zone.key)[1]

    def _band(self, spec: Band, kind: str, place: str) -> ValueType:
        of = self.tag_type(spec.tag, kind, place)
        if of not in NUMERIC:
            raise Refused(
                "bad_definition", f'"{spec.tag}" holds no numbers.', place=f"{place}.tag", fix="Name a tag of numbers."
            )
        if not spec.edges or any(a >= b for a, b in pairwise(spec.edges)):
            raise Refused(
                "bad_definition", "Edges rise.", place=f"{place}.edges", fix="Write the least first, each once."
            )
        if len(spec.labels) != len(spec.edges) + 1:
            said = f"{len(spec.edges)} edges make {len(spec.edges) + 1} bands, and there are {len(spec.labels)} labels."
            raise Refused("bad_definition", said, place=f"{place}.labels", fix="Give one label a band.")
        return ValueType.TEXT

    def _score(self, spec: Score, kind: str, place: str) -> ValueType:
        of = self.tag_type(spec.tag, kind, place)
        if of not in _ORDERED:
            said = f'"{spec.tag}" holds values of type {of}, which are not better or worse.'
            raise Refused("bad_definition", said, place=f"{place}.tag", fix="Name a tag of numbers or dates.")
        if not 2 <= spec.parts <= _MAX_PARTS:
            raise Refused("bad_definition", f"{spec.parts} parts.", place=f"{place}.parts", fix=f"2 to {_MAX_PARTS}.")
        if spec.missing is not None and not 1 <= spec.missing <= spec.parts:
            raise Refused(
                "bad_definition", f"{spec.missing} is no score.", place=f"{place}.missing", fix=f"1 to {spec.parts}."
            )
        return ValueType.INTEGER
