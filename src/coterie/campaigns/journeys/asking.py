"""What a tick asks of the data, for everybody at once: rules, events since a moment, keys, zones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from coterie.audiences.life import About
from coterie.audiences.service import Question, entities_sql, read_as
from coterie.campaigns.journeys.definition import Happening
from coterie.campaigns.journeys.moves import KIND
from coterie.campaigns.journeys.reading import journey_errors, wrong
from coterie.campaigns.quiet import known_zone
from coterie.catalog.schemas import DatasetKind
from coterie.engines.sql import quote_name, quote_value
from coterie.errors import Refused
from coterie.rules.where import where_sql
from coterie.tags.views import View
from coterie.tags.vocabulary import CatalogVocabulary

if TYPE_CHECKING:
    from pyroaring import BitMap

    from coterie.audiences.service import Audiences
    from coterie.engines.duckdb import Engine
    from coterie.index.service import Index
    from coterie.tags.context import TagContext


class Asking:
    """The data as they are at one moment.

    A rule that reads events alone is asked as of `at`, with the newest data. One that reads tags is asked as of the
    published build, since tags are known as of builds: a rule has one as-of and one data version.
    """

    def __init__(self, context: TagContext, index: Index, audiences: Audiences, at: datetime) -> None:
        self.context, self.at, self.data_version = context, at.astimezone(UTC), context.lake.data_version
        self._index, self._audiences = index, audiences

    def members(self, rule: Mapping[str, Any]) -> BitMap:
        """The rows that a rule reaches."""
        return self.asked(rule).members()

    def refuse_expired(self, audience: str) -> None:
        """Refuse an audience whose period of validity is over."""
        if About.of(self._audiences.get(audience).body).validity() == "expired":
            fix = "Save the audience with a later `valid_until`, or choose another."
            raise Refused("audience_expired", f'"{audience}" is not valid any more.', place="entry.audience", fix=fix)

    def asked(self, rule: Mapping[str, Any]) -> Question:
        """A rule bound to its moment. Raises Refused: a mistake in it."""
        parsed = read_as(rule, KIND)
        snapshots = self._audiences.snapshots
        asked = Question(self._index, snapshots, parsed, self.at, self.data_version, straight=True)
        if asked.compiled.families or asked.sets.families or any(asked.sets.read_by_sql()):
            asked = Question(self._index, snapshots, parsed, None, None, straight=True)
        return asked

    def happened(
        self, happening: Happening, people: Sequence[tuple[int, float, float]], place: str
    ) -> dict[int, float]:
        """When the event first came of each of the people, by row; those are missing of whom it did not.

        people : row, and the span (since, until] in seconds; what lies after `at` is not seen.
        """
        import pyarrow as pa

        if not people:
            return {}
        with self.context.engine.cursor() as engine:
            kinds = (pa.int64(), pa.float64(), pa.float64())
            columns = [pa.array([p[i] for p in people], kind) for i, kind in enumerate(kinds)]
            engine.register("watched", pa.table(columns, names=["row", "since", "until"]))
            condition = self._seen(engine, happening, place)
            span = "epoch(e._at) > w.since AND epoch(e._at) <= w.until"
            rows = engine.rows(
                f"SELECT w.row, min(epoch(e._at)) FROM watched w JOIN {_view(happening)} e ON e._row = w.row"
                f" WHERE {span} AND {condition} GROUP BY w.row"
            )
        return {int(row): float(moment) for row, moment in rows}

    def newcomers(self, happening: Happening, since: datetime, looked: datetime, seen: int) -> list[int]:
        """Rows of whom an event came that was not there at the last look.

        since : older events do not count, however late they are learnt of. looked, seen : moment and data version of the
        last look.
        """
        with self.context.engine.cursor() as engine:
            condition = self._seen(engine, happening, "entry.event")
            fresh = f"(e._at > {quote_value(looked)} OR e._batch > {seen})"
            rows = engine.rows(
                f"SELECT DISTINCT e._row FROM {_view(happening)} e WHERE e._row IS NOT NULL"
                f" AND e._at > {quote_value(since)} AND {fresh} AND {condition} ORDER BY 1"
            )
        return [int(row) for (row,) in rows]

    def _seen(self, engine: Engine, happening: Happening, place: str) -> str:
        """SQL of the condition on events; makes their view."""
        View(self.context, engine, KIND, self.at, self.data_version).use(datasets=[happening.events])
        return condition_sql(self.context, happening, place, self.at)

    def keys(self, rows: Iterable[int]) -> dict[int, str]:
        """The keys of rows; erased people have none."""
        with self.context.engine.cursor() as engine:
            engine.register("asked_rows", _rows_table(rows))
            found = engine.rows(
                f"SELECT row, entity FROM asked_rows JOIN {entities_sql(self.context, KIND)} USING (row)"
            )
        return {int(row): str(key) for row, key in found}

    def zones(self, rows: Iterable[int], tag: str) -> dict[int, ZoneInfo]:
        """The zones of rows by a tag; those without one, or with one that is none, are missing."""
        vocabulary = CatalogVocabulary(self.context.catalog, self.context.zone, KIND)
        family = vocabulary.tag(tag).family
        with self.context.engine.cursor() as engine:
            View.at(self.context, KIND, engine=engine).use(families=[family])
            engine.register("asked_rows", _rows_table(rows))
            view, column = quote_name(f"family:{family}"), quote_name(tag)
            found = engine.rows(f"SELECT row, {column}::VARCHAR FROM asked_rows JOIN {view} USING (row)")
        known = {name: known_zone(name) for _, name in found if name}
        return {int(row): tz for row, name in found if (tz := known.get(name)) is not None}


def check_happening(context: TagContext, happening: Happening, place: str) -> None:
    """Refuse an event that is none, and conditions on fields that are not there."""
    dataset = context.catalog.dataset(happening.events)
    if dataset.kind is not DatasetKind.EVENTS or dataset.entity_kind != KIND:
        said = f'"{happening.events}" holds {dataset.kind} of {dataset.entity_kind}.'
        raise wrong(f"{place}.events", said, "Name a dataset of events of customers.")
    condition_sql(context, happening, place)


def condition_sql(context: TagContext, happening: Happening, place: str, at: datetime | None = None) -> str:
    """SQL of a happening's condition over `e`. Raises Refused: a mistake in it, with its place."""
    if happening.where is None:
        return "true"
    vocabulary = CatalogVocabulary(context.catalog, context.zone, KIND)
    dataset = vocabulary.dataset(happening.events)
    with journey_errors():
        sql, lookups = where_sql(happening.where, dataset, vocabulary, alias="e", place=f"{place}.where", as_of=at)
    if lookups:
        raise wrong(
            f"{place}.where", "Events are looked at without lookups here.", "Name fields of the dataset itself."
        )
    return sql


def _view(happening: Happening) -> str:
    return quote_name(f"events:{happening.events}")


def _rows_table(rows: Iterable[int]) -> Any:
    import pyarrow as pa

    return pa.table({"row": pa.array(list(rows), pa.int64())})
