"""Building tags: of the published build, and of other moments on demand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from coterie.catalog.schemas import DatasetKind
from coterie.engines.duckdb import scan
from coterie.errors import unknown_name
from coterie.kit.moments import now
from coterie.kit.progress import Progress
from coterie.lake.tables import TableFiles
from coterie.tags.context import TagContext
from coterie.tags.records import BuildRecord, Builds
from coterie.tags.run import Run, Stage, definitions_digest


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


def ensure(
    context: TagContext, families: Iterable[str], as_of: datetime, data_version: int, *, entity_kind: str = "customer"
) -> dict[str, TableFiles]:
    """The files of these families at one as-of and data version, built where they are not there.

    The published build answers for its own moment; it is carried on where definitions changed since. Other moments are
    built on demand, and kept beside it.
    """
    wanted = list(dict.fromkeys(families))
    if not wanted:
        return {}
    tags = context.catalog.tags(entity_kind)
    if unknown := [f for f in wanted if all(t.family != f for t in tags.values())]:
        raise unknown_name("family", unknown[0], {t.family for t in tags.values()})
    builds = Builds(context.store, entity_kind)
    published = builds.published()
    own = published is None or (as_of, data_version) == (published.as_of, published.data_version)
    known = published if own else builds.past(as_of, data_version)
    if known is not None and known.definitions == definitions_digest(context, entity_kind):
        found = _files(context, known, wanted)
        if len(found) == len(wanted):
            return found
    names = [t.name for t in tags.values() if own or t.family in wanted]
    record = Run(context, entity_kind, as_of, data_version, names, past=not own).make(Progress())
    if own:
        builds.publish(record)
    else:
        builds.keep_past(record)
    builds.finish()
    return _files(context, record, wanted)


def _files(context: TagContext, record: BuildRecord, families: Iterable[str]) -> dict[str, TableFiles]:
    """The files of those families that the record has and that are still there."""
    found = {f: record.families[f].files(context.lake) for f in families if f in record.families}
    return {f: files for f, files in found.items() if files is not None}


def default_as_of(context: TagContext, entity_kind: str = "customer") -> datetime:
    """The as-of of a question that names none: that of the published build, else now."""
    published = Builds(context.store, entity_kind).published()
    return now() if published is None else published.as_of


def default_data_version(context: TagContext, entity_kind: str = "customer") -> int:
    """The data version of a question that names none: that of the published build, unless datasets or tags were defined
    since, or there is no build; then the newest."""
    published = Builds(context.store, entity_kind).published()
    if published is None or published.definitions != definitions_digest(context, entity_kind):
        return context.lake.data_version
    return published.data_version


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
