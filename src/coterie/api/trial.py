"""A tag on trial: computed as it would be, shown on some people, and nothing of it is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from coterie.api.counted import spread
from coterie.api.door import Door
from coterie.catalog.schemas import TagDefinition
from coterie.catalog.service import Catalog
from coterie.engines.duckdb import Engine
from coterie.engines.sql import quote_name, quote_value
from coterie.kit.plain import plain
from coterie.kit.progress import Progress
from coterie.tags.checks import read_definitions
from coterie.tags.measures import Clock
from coterie.tags.published import default_as_of
from coterie.tags.records import BuildRecord, Builds, BuiltTable
from coterie.tags.run import Run
from coterie.tags.vocabulary import CatalogVocabulary

_FAMILY = "on trial"


class _Shown(Exception):
    """The tag was computed; `told` says what came."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__("shown")
        self.told = told


class _Overlay(Catalog):
    """A catalog with one definition that is not kept."""

    def __init__(self, catalog: Catalog, store: Any, tag: TagDefinition) -> None:
        super().__init__(store)
        self._under, self._tag = catalog, tag

    def tags(self, entity_kind: str | None = None) -> dict[str, TagDefinition]:
        """All tags and the one on trial."""
        return self._under.tags(entity_kind) | {self._tag.name: self._tag}


class _NothingKept(Builds):
    """Reads builds, and keeps none."""

    def keep_unfinished(self, record: BuildRecord) -> None:
        """Nothing."""


class _Trial(Run):
    """A run that ends when the tag on trial is computed."""

    tag: TagDefinition
    size: int

    def _write(
        self, engine: Engine, name: str, sql: str, identity: str, tags: Sequence[TagDefinition] = ()
    ) -> BuiltTable:
        if name != _FAMILY:
            return super()._write(engine, name, sql, identity, tags)
        engine.execute(f"CREATE OR REPLACE TEMP TABLE on_trial AS {sql}")
        people = int(engine.value("SELECT count(*) FROM universe"))
        told = spread(engine, "on_trial", self.tag.name, self.tag.type, people=people)
        column = quote_name(self.tag.name)
        order = f"ORDER BY t.{column} IS NULL, md5(u.entity || {quote_value('/trial')}) LIMIT {self.size}"
        rows = engine.arrow(
            f"SELECT u.entity AS entity, t.{column} AS value FROM universe u LEFT JOIN on_trial t ON t.row = u.row {order}"
        ).to_pylist()
        coverage = told["present"] / people if people else None
        raise _Shown({"rows": plain(rows), "coverage": coverage, "distribution": told, "type": self.tag.type.value})


def preview(door: Door, definition: Any, size: int) -> dict[str, Any]:
    """What a definition would give: type, coverage, distribution and some people's values.

    Raises Refused: a mistake in the definition, with its place.
    """
    context = door.ws.tag_context
    vocabulary = CatalogVocabulary(context.catalog, context.zone)
    tag = next(iter(_read(definition, vocabulary, Clock(default_as_of(context), context.zone))))
    tag = replace(tag, family=_FAMILY)
    catalog = _Overlay(context.catalog, context.store, tag)
    published = Builds(context.store, tag.entity_kind).published()
    as_of = default_as_of(context, tag.entity_kind)
    version = None if published is None else published.data_version
    run = _Trial(replace(context, catalog=catalog), tag.entity_kind, as_of, version, [tag.name], past=True)
    run.builds, run.tag, run.size = _NothingKept(context.store, tag.entity_kind), tag, size
    try:
        run.make(Progress())
    except _Shown as shown:
        mask = door.mask
        hidden = mask.hides(tag.name)
        rows = [{"entity": mask.key(r["entity"]), "value": None if hidden else r["value"]} for r in shown.told["rows"]]
        return {
            **shown.told,
            "tag": tag.name,
            "rows": rows,
            "distribution": None if hidden else shown.told["distribution"],
        }
    raise AssertionError("a trial ends when its tag is computed")


def _read(definition: Any, vocabulary: CatalogVocabulary, clock: Clock) -> Iterable[TagDefinition]:
    return read_definitions([definition], vocabulary, clock)
