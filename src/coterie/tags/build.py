"""Building tags: of the published build, and of other moments on demand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from coterie.catalog.schemas import DatasetKind
from coterie.engines.duckdb import scan
from coterie.kit.moments import now
from coterie.kit.progress import Progress
from coterie.tags.context import TagContext
from coterie.tags.records import Builds
from coterie.tags.run import Run, Stage


@dataclass(frozen=True)
class BuildReport:
    """What a build did.

    tags : number of tags; entities : of the universe at the as-of.
    rows_scanned : rows of imported datasets and of the numbering that were read from the lake, a row counted as often
        as it is read and a row group as a whole where one row of it is needed, and entries of ledgers that were looked
        up. What is carried over from the build before, a row an entity, is not imported data and not in it.
    """

    as_of: datetime
    tags: int
    entities: int
    rows_scanned: int
    data_version: int
    seconds: float


def build(
    context: TagContext,
    *,
    entity_kind: str = "customer",
    as_of: datetime | None = None,
    data_version: int | None = None,
    progress: Progress | None = None,
) -> BuildReport:
    """Compute all tags of an entity kind and publish them.

    as_of : default now; data_version : default the newest.
    Raises Refused: a definition cannot be computed any more, such as a field that is gone.
    """
    run = Run(context, entity_kind, as_of or now(), data_version, list(context.catalog.tags(entity_kind)))
    record = run.make(progress or Progress())
    builds = Builds(context.store, entity_kind)
    builds.publish(record)
    builds.finish()
    run.sweep(record)
    return BuildReport(
        record.as_of, record.tags, record.entities, record.rows_scanned, record.data_version, record.seconds
    )


def plan(
    context: TagContext,
    *,
    entity_kind: str = "customer",
    as_of: datetime | None = None,
    data_version: int | None = None,
) -> list[Stage]:
    """The stages that `build` would run; the run may find less to do, never more."""
    return Run(context, entity_kind, as_of or now(), data_version, list(context.catalog.tags(entity_kind))).stages()


def offered_as_of(context: TagContext) -> datetime | None:
    """For old data: the end of the last day with an event, in the workspace's zone; None where there are no events, or
    the newest is of the last 24 hours."""
    last: datetime | None = None
    for dataset in context.catalog.datasets().values():
        files = context.lake.files(dataset.table)
        if dataset.kind is DatasetKind.EVENTS and files.paths:
            newest = context.engine.value(f"SELECT max(_at) FROM {scan(files)}")
            last = max((m for m in (last, newest) if m is not None), default=None)
    if last is None or now() - last < timedelta(days=1):
        return None
    day = last.astimezone(context.zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    return (day + timedelta(days=1)).replace(tzinfo=context.zone).astimezone(UTC)
