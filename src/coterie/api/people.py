"""Single customers: found by key, sampled from a rule, their tags and their events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from coterie.api.door import Door
from coterie.audiences.service import Question, read_as
from coterie.catalog.schemas import DatasetKind
from coterie.engines.duckdb import Engine, scan
from coterie.engines.sql import quote_name, quote_value
from coterie.errors import NotFound
from coterie.kit.moments import show_moment
from coterie.kit.plain import plain
from coterie.tags.dictionary import entries
from coterie.tags.records import BuildRecord, Builds
from coterie.tags.views import View

_SHOWN = 6  # tags beside a sampled customer, unless they are named


def sample(
    door: Door, rule: Any, *, size: int, seed: int, tags: Sequence[str], kind: str, as_of: Any, language: str
) -> dict[str, Any]:
    """Some people of a rule, chosen by a hash of key and seed, with some of their tags: columns, members, count."""
    ws = door.ws
    asked = Question(ws.index, ws.audiences.snapshots, read_as(rule, kind), as_of, None)
    order = f"ORDER BY md5(entity || {quote_value(f'/{seed}')}), entity LIMIT {size}"
    members = asked.members_sql()
    found = asked.engine.rows(f"SELECT row, entity FROM ({members}) {order}")
    count = asked.engine.value(f"SELECT count(*) FROM ({members})")
    names = list(tags) or _wanted(Builds(ws.store, asked.kind).published(), door)
    held = _held(asked, [row for row, _ in found], names)
    mask = door.mask
    shown = [(mask.key(key), mask.row({n: held[row].get(n) for n in names})) for row, key in found]
    labels = {name: asked.vocabulary.tag(name).label for name in names}
    columns = [{"tag": n, "label": labels[n].get(language) or labels[n].get("en") or n} for n in names]
    told = [{"entity": key, "values": [values[n] for n in names]} for key, values in shown]
    return {"columns": columns, "members": told, "count": count}


def _held(asked: Question, rows: Sequence[int], names: Sequence[str]) -> dict[int, dict[str, Any]]:
    """Values of tags at the question's moment, by row; families that are not there are built, as for a count."""
    families: dict[str, list[str]] = {}
    for name in names:
        families.setdefault(asked.vocabulary.tag(name).family, []).append(name)
    found: dict[int, dict[str, Any]] = {row: {} for row in rows}
    asked.use(families)
    listed = ", ".join(str(int(row)) for row in rows)
    for family, columns in families.items() if rows else ():
        wanted = ", ".join(map(quote_name, columns))
        sql = f"SELECT row, {wanted} FROM {quote_name(f'family:{family}')} WHERE row IN ({listed})"
        for values in asked.engine.arrow(sql).to_pylist():
            found[values.pop("row")].update(plain(values))
    return found


def with_tags(door: Door, kind: str, people: Sequence[tuple[Any, ...]], tags: Sequence[str]) -> list[dict[str, Any]]:
    """People, given as row number and key, with tags of the published build (some, if none is named); hidden ones
    masked."""
    record = Builds(door.ws.store, kind).published()
    mask = door.mask
    known = _values(door, record, [row for row, _ in people], list(tags) or _wanted(record, door))
    return [{"entity": mask.key(key), "tags": mask.row(known.get(row, {}))} for row, key in people]


def _wanted(record: BuildRecord | None, door: Door) -> list[str]:
    """A few tags that tell of people: those of the families in the order they were built."""
    if record is None:
        return []
    names = [name for table in record.families.values() for name, _ in table.columns if name != "row"]
    return [n for n in names if not door.mask.hides(n)][:_SHOWN]


def _values(door: Door, record: BuildRecord | None, rows: Sequence[int], tags: Sequence[str]) -> dict[int, Any]:
    found: dict[int, dict[str, Any]] = {row: {} for row in rows}
    if record is None or not rows:
        return found
    wanted = set(tags)
    with door.ws.engine.cursor() as engine:
        for table in record.families.values():
            files = table.files(door.ws.lake)
            columns = [name for name, _ in table.columns if name in wanted]
            if files is None or not columns:
                continue
            listed = ", ".join(str(int(row)) for row in rows)
            sql = f"SELECT row, {', '.join(map(quote_name, columns))} FROM {scan(files)} WHERE row IN ({listed})"
            for values in engine.arrow(sql).to_pylist():
                found[values.pop("row")].update(plain(values))
    return {row: {t: held[t] for t in tags if t in held} for row, held in found.items()}


def search(door: Door, text: str, kind: str, limit: int) -> list[dict[str, Any]]:
    """People whose key begins so, that of exactly this key first."""
    if text:
        door.mask.refuse_keys()
    with door.ws.engine.cursor() as engine:
        view = View.at(door.ws.tag_context, kind, engine=engine)
        where = f"WHERE starts_with(entity, {quote_value(text)})" if text else ""
        order = f"ORDER BY entity <> {quote_value(text)}, entity LIMIT {limit}"
        found = engine.rows(f"SELECT row, entity FROM ({view.universe_sql()}) {where} {order}")
    return with_tags(door, kind, found, [])


def row_of(door: Door, engine: Engine, entity: str, kind: str) -> tuple[View, int]:
    """The row number of a customer. Raises NotFound."""
    door.mask.refuse_keys()
    view = View.at(door.ws.tag_context, kind, engine=engine)
    found = engine.rows(f"SELECT row FROM ({view.universe_sql()}) WHERE entity = {quote_value(entity)}")
    if not found:
        fix = "Give a key as it was imported; people first seen after the as-of are not there yet."
        raise NotFound("unknown_name", f'There is no {kind} "{entity}".', place="entity", fix=fix)
    return view, int(found[0][0])


def tags_of(door: Door, entity: str, kind: str, language: str) -> dict[str, Any]:
    """A customer's tags, by category, with what they are called."""
    with door.ws.engine.cursor() as engine:
        view, row = row_of(door, engine, entity, kind)
    record = Builds(door.ws.store, kind).published()
    told = entries(door.ws.tag_context, language, entity_kind=kind)
    names = [entry["tag"] for entry in told]
    held = door.mask.row(_values(door, record, [row], names)[row])
    kept = ("tag", "label", "type", "unit", "category", "family")
    tags = [{**{k: e[k] for k in kept}, "value": held[e["tag"]]} for e in told if held.get(e["tag"]) is not None]
    missing = [e["tag"] for e in told if held.get(e["tag"]) is None]
    built = None if record is None else show_moment(record.as_of, door.ws.zone)
    as_of = show_moment(view.as_of, door.ws.zone)
    return {"entity": entity, "as_of": as_of, "built_as_of": built, "tags": tags, "missing": missing}


def events_of(
    door: Door, entity: str, kind: str, *, datasets: Sequence[str], limit: int, offset: int
) -> tuple[list[dict[str, Any]], int]:
    """A customer's events of all datasets, newest first, and how many there are."""
    ws = door.ws
    wanted = [
        d
        for d in ws.catalog.datasets().values()
        if d.kind in (DatasetKind.EVENTS, DatasetKind.RECORDS) and d.entity_kind == kind
    ]
    wanted = [d for d in wanted if not datasets or d.name in datasets]
    with ws.engine.cursor() as engine:
        view, _ = row_of(door, engine, entity, kind)
        parts = []
        for dataset in wanted:
            told = [f for f in dataset.fields if f.column not in ("_entity", "_at")]
            fields = ", ".join(f"{quote_name(f.name)} := {quote_name(f.column)}" for f in told)
            body = f"CAST(to_json(struct_pack({fields})) AS VARCHAR)" if fields else "'{}'"
            head = f"SELECT {quote_value(dataset.name)} AS dataset, _at AS moment, {body} AS fields"
            parts.append(f"{head} FROM {view.dataset_sql(dataset.name)} WHERE _entity = {quote_value(entity)}")
        if not parts:
            return [], 0
        union = " UNION ALL ".join(parts)
        total = int(engine.value(f"SELECT count(*) FROM ({union})"))
        order = f"ORDER BY moment DESC NULLS LAST, dataset, fields LIMIT {limit} OFFSET {offset}"
        rows = engine.rows(f"SELECT dataset, epoch_us(moment), fields FROM ({union}) {order}")
    return [_event(door, *row) for row in rows], total


def _event(door: Door, dataset: str, at_us: int | None, fields: str) -> dict[str, Any]:
    from datetime import UTC, datetime, timedelta

    moment = None if at_us is None else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)
    shown = None if moment is None else show_moment(moment, door.ws.zone)
    return {"dataset": dataset, "at": shown, "fields": door.mask.row(json.loads(fields))}


def audiences_of(door: Door, entity: str, kind: str) -> list[dict[str, Any]]:
    """The audiences whose newest snapshot has the customer, and since when."""
    from coterie.api import cards

    with door.ws.engine.cursor() as engine:
        _, row = row_of(door, engine, entity, kind)
    snapshots = door.ws.audiences.snapshots
    seen, _total = cards.listed(
        door, "en", scope="all", folder=None, state=None, limit=10_000, sort="audience", search=""
    )
    names = {r["audience"] for r in seen}
    found = []
    for name, made in sorted(snapshots.by_audience().items()):
        kept = [s for s in made if s.expired_at is None]
        if name not in names or not kept or kept[-1].entity_kind != kind:
            continue
        if row in snapshots.members(kept[-1]):
            newest = kept[-1]
            found.append({"audience": name, "snapshot": newest.id, "as_of": newest.as_of, "count": newest.count})
    return found
