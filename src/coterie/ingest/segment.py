"""Messages of the Segment specification in JSON lines: `identify`, `track` and `group`, told by their `type`.

| message | becomes |
|---|---|
| track | a row of the events dataset NAME: field `event`, the properties as fields |
| identify | a row of the profiles dataset NAME_profiles: the traits as fields; a trait not given keeps its value |
| group | a row of NAME_accounts (profiles of kind `account`, key `groupId`), and of NAME_members (the customer's `account`) |

The entity is `userId`, else `anonymousId`; `messageId` finds duplicates; the time is `timestamp`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from coterie.catalog.schemas import DatasetKind
from coterie.engines.duckdb import Engine, parquet
from coterie.engines.sql import quote_value
from coterie.errors import Refused
from coterie.ingest.batch import Batch, Part
from coterie.ingest.mapping import ImportSpec
from coterie.ingest.readers.source import Source, SourceColumn, TextFacts
from coterie.ingest.readings import missing_sql
from coterie.ingest.table import import_table

MESSAGES = ("identify", "track", "group", "page", "screen", "alias")
_TIMES = ("timestamp", "originalTimestamp", "sentAt", "receivedAt")
_OWN = {"type", "userId", "anonymousId", "messageId", "groupId", "event", "channel", "version", *_TIMES}


def is_segment(source: Source, engine: Engine) -> bool:
    """Whether a source of JSON lines holds messages: every `type` is one of the specification's, and there is an id."""
    kind = source.column("type")
    ids = [source.column(name) for name in ("userId", "anonymousId")]
    if source.extras.get("form") != "json" or kind is None or not any(ids):
        return False
    named = ", ".join(map(quote_value, MESSAGES))
    known = f"count(*) FILTER ({kind.sql} IN ({named}))"
    return bool(engine.value(f"SELECT count(*) > 0 AND {known} = count(*) FROM {source.relation}"))


class _Set(NamedTuple):
    """The messages that become one dataset."""

    suffix: str
    kind: DatasetKind
    condition: str
    prefix: str
    entity: SourceColumn
    extra: tuple[SourceColumn, ...] = ()
    entity_kind: str = "customer"
    counted: bool = True


def import_messages(batch: Batch, source: Source) -> list[Part]:
    """Stage the messages as rows of up to four datasets; the one of the kind that was asked for stands first.

    Raises Refused: the source holds no such messages.
    """
    if source.column("type") is None:
        fix = "Every line needs `type`, and `userId` or `anonymousId`."
        raise Refused("unknown_format", "These are no Segment messages.", place=source.label, fix=fix)
    broken = _broken(batch, source)
    parts: list[Part] = []
    for number, one in enumerate(_sets(source, batch.spec)):
        rows = batch.engine.value(f"SELECT count(*) FROM {source.relation} WHERE {one.condition}")
        if rows:
            part = import_table(batch, _derived(source, one), _spec(batch.spec, source, one, number == 0))
            parts.append(
                replace(
                    part, dataset=replace(part.dataset, partial=one.kind is DatasetKind.PROFILES), counted=one.counted
                )
            )
    if not parts:
        fix = "Only identify, track and group messages are read."
        raise Refused("nothing_accepted", "No message can be used.", place=source.label, fix=fix)
    path, rejected = broken
    first = parts[0]
    if rejected:
        parts.insert(
            1, replace(first, staged=replace(first.staged, rows=0), read=rejected, rejected=rejected, rejects=path)
        )
    return parts


def _column(source: Source, name: str) -> str:
    found = source.column(name)
    return found.sql if found is not None else "NULL::VARCHAR"


def _sets(source: Source, spec: ImportSpec) -> Iterator[_Set]:
    kind, user = _column(source, "type"), _entity(source)
    group, event = _column(source, "groupId"), _column(source, "event")
    named = f"NOT {missing_sql(group)}"
    track = _Set(
        "",
        DatasetKind.EVENTS,
        f"{kind} = 'track' AND NOT {missing_sql(event)}",
        "properties.",
        user,
        (SourceColumn("event", event, hint="text"),),
    )
    identify = _Set("_profiles", DatasetKind.PROFILES, f"{kind} = 'identify'", "traits.", user)
    groups = f"{kind} = 'group' AND {named}"
    account = SourceColumn("groupId", group)
    accounts = _Set("_accounts", DatasetKind.PROFILES, groups, "traits.", account, entity_kind="account")
    joined = f"{groups} AND NOT {missing_sql(user.sql)}"
    members = _Set(
        "_members",
        DatasetKind.PROFILES,
        joined,
        "\0",
        user,
        (SourceColumn("account", group, hint="text"),),
        counted=False,
    )
    if spec.kind is DatasetKind.PROFILES:
        first = accounts if spec.entity_kind == "account" else identify
        rest = [s for s in (identify, accounts) if s is not first]
        yield from (first._replace(suffix=""), track._replace(suffix="_events"), *rest, members)
    else:
        yield from (track, identify, accounts, members)


def _entity(source: Source) -> SourceColumn:
    user, anonymous = _column(source, "userId"), _column(source, "anonymousId")
    return SourceColumn("userId", f"CASE WHEN {missing_sql(user)} THEN {anonymous} ELSE {user} END")


def _spec(spec: ImportSpec, source: Source, one: _Set, first: bool) -> ImportSpec:
    time = next((t for t in _TIMES if source.column(t) is not None), None)
    names = {c.name for c in _columns(source, one)}
    return replace(
        spec,
        kind=one.kind,
        name=spec.name + one.suffix,
        entity=one.entity.name,
        entity_kind=one.entity_kind,
        time=time,
        key="messageId" if source.column("messageId") is not None else None,
        types={c: t for c, t in spec.types.items() if c in names},
        skip=tuple(c for c in spec.skip if c in names),
        missing={c: w for c, w in spec.missing.items() if c == "*" or c in names},
        clean={c: r for c, r in spec.clean.items() if c in names} if first else {},
    )


def _columns(source: Source, one: _Set) -> list[SourceColumn]:
    """Entity, time and key, then what the message says, under its bare name."""
    columns = [one.entity, *one.extra]
    columns += [c for c in source.columns if c.name in ("messageId", *_TIMES)]
    taken = {c.name for c in columns} | _OWN
    for c in source.columns:
        if c.name.startswith(one.prefix):
            bare = c.name.removeprefix(one.prefix)
            columns.append(c._replace(name=c.name if bare in taken else bare))
        elif c.name.startswith("context."):
            columns.append(c)
    times = [c.name for c in columns if c.name in _TIMES]
    return [c for c in columns if c.name not in times[1:]]  # one time is enough


def _derived(source: Source, one: _Set) -> Source:
    facts = source.facts

    def uncounted() -> TextFacts:
        return facts()._replace(records=None)

    return replace(
        source,
        columns=tuple(_columns(source, one)),
        relation=f"(SELECT * FROM {source.relation} WHERE {one.condition})",
        numbered=f"(SELECT * FROM {source.numbered} WHERE {one.condition})",
        facts=uncounted,
        rejects=None,
        rejected=0,
        notes=(),
    )


def _broken(batch: Batch, source: Source) -> tuple[Path, int]:
    """Messages of other types, without their event or group, and lines that are no JSON object."""
    path = batch.folder("broken") / "broken.parquet"
    kind, event, group = (_column(source, name) for name in ("type", "event", "groupId"))
    reason = (
        f"CASE WHEN {kind} = 'track' AND {missing_sql(event)} THEN 'missing_event' "
        f"WHEN {kind} = 'group' AND {missing_sql(group)} THEN 'missing_group' "
        f"WHEN {kind} IS NULL OR {kind} NOT IN ('track', 'identify', 'group') THEN 'unsupported_message' END"
    )
    cells = ", ".join(f"{quote_value(c.name)}: {c.sql}" for c in source.columns)
    select = (
        f"SELECT {source.line} AS line, 'type' AS \"column\", {kind} AS value, {reason} AS reason, "
        f"to_json({{{cells}}})::VARCHAR AS raw FROM {source.numbered} WHERE {reason} IS NOT NULL"
    )
    if source.rejects is not None and source.rejected:
        select += f' UNION ALL SELECT line, "column", value, reason, raw FROM {parquet(source.rejects)}'
    return path, batch.engine.copy_parquet(select, path)
