"""The views that compiled rules name, at one as-of and data version: `universe`, `family:F`, `dataset:D`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from coterie.catalog.schemas import DatasetKind
from coterie.engines.duckdb import Engine, scan
from coterie.engines.sql import quote_name, quote_value
from coterie.tags.context import TagContext
from coterie.tags.numbered import events_sql
from coterie.tags.published import default_as_of, default_data_version, ensure
from coterie.tags.records import Builds
from coterie.tags.sources import universe_sql, visible


class View:
    """The world at one as-of and data version.

    Its views are temporary ones of one connection: another connection may hold those of another moment.
    """

    def __init__(self, context: TagContext, engine: Engine, kind: str, as_of: datetime, data_version: int) -> None:
        self.context, self.engine, self.kind = context, engine, kind
        self.as_of, self.data_version = as_of.astimezone(UTC), data_version

    @classmethod
    def at(
        cls,
        context: TagContext,
        kind: str,
        as_of: datetime | None = None,
        data_version: int | None = None,
        *,
        engine: Engine | None = None,
    ) -> View:
        """The view of a question; what it does not say is that of the published build.

        engine : the connection that gets the views; the workspace's own by default.
        """
        moment = default_as_of(context, kind) if as_of is None else as_of
        version = default_data_version(context, kind) if data_version is None else data_version
        return cls(context, engine or context.engine, kind, moment, version)

    def use(self, *, families: Iterable[str] = (), datasets: Iterable[str] = ()) -> None:
        """Make the views `universe`, `family:F`, `dataset:D` and `events:D`, building families that are not there.

        universe : row, entity; family:F : row and a column a tag; dataset:D : the columns of the lake; events:D : for
        events and records, the same with `_row`, the row of the entity.
        """
        built = ensure(self.context, families, self.as_of, self.data_version, entity_kind=self.kind)
        self._view("universe", self.universe_sql())
        for family, files in built.items():
            self._view(f"family:{family}", f"SELECT * FROM {scan(files)}")
        for name in dict.fromkeys(datasets):
            self._view(f"dataset:{name}", f"SELECT * FROM {self.dataset_sql(name)}")
            dataset = self.context.catalog.dataset(name)
            if dataset.kind in (DatasetKind.EVENTS, DatasetKind.RECORDS) and dataset.entity_kind == self.kind:
                files = self.context.lake.files(dataset.table, self.data_version)
                self._view(f"events:{name}", events_sql(dataset, files, self.as_of))

    def universe_sql(self) -> str:
        """The entities of the kind that were first seen by the as-of: from a build's numbering, else from all
        batches."""
        seen = f"first_seen IS NULL OR first_seen <= {quote_value(self.as_of)}"
        return f"SELECT row, entity FROM ({self.numbering_sql()}) WHERE {seen}"

    def dataset_sql(self, name: str) -> str:
        """The rows of a dataset known and valid then."""
        dataset = self.context.catalog.dataset(name)
        return visible(dataset, self.context.lake.files(dataset.table, self.data_version), self.as_of)

    def numbering_sql(self) -> str:
        """Row, entity and first_seen of everyone known at the data version, first seen by the as-of or later."""
        published = Builds(self.context.store, self.kind).published()
        if published is not None and published.universe is not None and published.data_version == self.data_version:
            files = published.universe.files(self.context.lake)
            if files is not None:
                return f"SELECT * FROM {scan(files)}"
        entities = self.context.lake.files("entities", self.data_version)
        if not entities.columns:
            return "SELECT NULL::BIGINT AS row, NULL::VARCHAR AS entity, NULL::TIMESTAMPTZ AS first_seen WHERE false"
        rows = f"SELECT row, key AS entity, first_seen FROM {scan(entities)} WHERE kind = {quote_value(self.kind)}"
        return universe_sql(rows)

    def _view(self, name: str, sql: str) -> None:
        self.engine.execute(f"CREATE OR REPLACE TEMP VIEW {quote_name(name)} AS {sql}")
